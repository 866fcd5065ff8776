"""Part 3, representation geometry: the exercises of chapter 34."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import geometry, shallow
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---------------------------------------------------------------- four corners


def _corners(third: Callable[..., Tensor], label: Callable[..., Tensor]) -> Callable[[float], tuple[Tensor, Tensor]]:
    """A square whose third coordinate and label are `third` and `label` of (delta, s1, s2)."""
    def square(delta: float) -> tuple[Tensor, Tensor]:
        s1, s2 = torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1]], dtype=torch.float64)
        return torch.stack((s1, s2, third(delta, s1, s2)), 1), label(delta, s1, s2)

    return square


def _lift(delta: float, s1: Tensor, s2: Tensor) -> Tensor:
    return delta * s1 * s2


def _xor(delta: float, s1: Tensor, s2: Tensor) -> Tensor:
    return (s1 * s2)[:, None]


SQUARE = Exercise(
    name="geometry.square", chapter="34", title="Four corners, lifted", reference=geometry.square, minutes=4,
    cases=lambda: [Case((0.3,), "delta = 0.3"), Case((1.2,), "delta = 1.2")],
    mistakes={
        "the third coordinate lacks delta: all of your squares are lifted by 1.":
            _corners(lambda d, s, t: s * t, _xor),
        "delta is added where it should multiply: that shifts all corners alike and lifts none.":
            _corners(lambda d, s, t: s * t + d, _xor),
        "every corner is lifted by the same delta; two have to go up and two down, by the sign of the label.":
            _corners(lambda d, s, t: d * torch.ones_like(s), _xor),
        "the third coordinate follows one of the first two. It is to follow the label, their product.":
            _corners(lambda d, s, t: d * s, _xor),
        "the third coordinate follows the second one. It is to follow the label, the product of the first two.":
            _corners(lambda d, s, t: d * t, _xor),
        "s1 + s2 is not the exclusive or: it is 2, 0, 0, -2. The product has the right signs.":
            _corners(lambda d, s, t: d * (s + t), _xor),
        "the label of this task is the product of both signs; yours is the first sign, which a line can tell.":
            _corners(_lift, lambda d, s, t: s[:, None]),
        "labels are 1 and -1 here; yours are 1 and 0, which is not balanced about 0.":
            _corners(_lift, lambda d, s, t: (s * t > 0).double()[:, None]),
        "the sign is turned over: the label is 1 where the two signs agree.":
            _corners(_lift, lambda d, s, t: -(s * t)[:, None]),
        "your label is right, but the lift has the wrong sign: corners of label 1 go up.":
            _corners(lambda d, s, t: -d * s * t, _xor),
        "corners of label 1 are lifted and the others left where they are; those go down by delta.":
            _corners(lambda d, s, t: d * (s == t), _xor),
        "the lift is 1 where the signs differ; it is delta times the label, and the label is 1 where they agree.":
            _corners(lambda d, s, t: d * (s != t), _xor),
        "delta is squared: the third coordinate itself is delta times the label.":
            _corners(lambda d, s, t: d**2 * s * t, _xor),
        "your labels are 1 where the signs differ and 0 where they agree; here they are -1 and 1.":
            _corners(_lift, lambda d, s, t: (s != t).double()[:, None]),
        "the sign of s1 + s2 is 1, 0, 0, -1. The product of the signs is what tells agreement from disagreement.":
            _corners(_lift, lambda d, s, t: torch.sign(s + t)[:, None]),
        "True and False are no numbers to learn from: the labels are 1 and -1, `s1 * s2`.":
            _corners(_lift, lambda d, s, t: (s == t)[:, None]),
        "both are turned over: the label is 1, and the corner goes up, where the two signs agree.":
            _corners(lambda d, s, t: -d * s * t, lambda d, s, t: -(s * t)[:, None]),
        "the label is scaled by delta, too. Labels are 1 and -1 for every delta.":
            _corners(_lift, lambda d, s, t: d * (s * t)[:, None]),
        "the label wants an axis of its own, a column (4, 1): index with `[:, None]`.":
            _corners(_lift, lambda d, s, t: s * t),
    },
    alternatives=(_corners(lambda d, s, t: torch.where(s == t, d, -d).double(), _xor),
                  _corners(lambda d, s, t: torch.tensor([d, -d, -d, d], dtype=torch.float64),
                           lambda d, s, t: torch.tensor([[1.0], [-1], [-1], [1]], dtype=torch.float64))),
    hints=("Where both signs agree their product is 1, else -1.",
           "The third coordinate is delta times the label, and the label is `s1 * s2`, as a column."),
    solution='''
def square(delta):
    s1, s2 = torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1]], dtype=torch.float64)
    return torch.stack((s1, s2, delta * s1 * s2), 1), (s1 * s2)[:, None]
''',
)


# ---------------------------------------------------------------- what pulls a neuron


def _pull_with(weight: Callable[[Tensor, Tensor, Any], Tensor]) -> Callable[..., Tensor]:
    """sum of weight(z, y, phi) x / 2N over the points."""
    def pull(W: Tensor, X: Tensor, y: Tensor, phi: Any) -> Tensor:
        return weight(W @ X.T, y, phi) @ X / (2 * len(y))

    return pull


def _pull_cases() -> list[Case]:
    W, X, y = _randn(5, 3), _randn(4, 3, seed=1), torch.tensor([1.0, -1, 1, -1], dtype=torch.float64)
    return [Case((W, X, y, shallow.PHI[name]), f"phi = {name}, 5 neurons, 4 points")
            for name in ("tanh", "relu", "elu")]


def _pull_by_autograd(W: Tensor, X: Tensor, y: Tensor, phi: Any) -> Tensor:
    W = W.detach().requires_grad_()
    (slope,) = torch.autograd.grad((y * phi[0](W @ X.T)).sum() / (2 * len(y)), W)
    return slope


def _pull_by_loop(W: Tensor, X: Tensor, y: Tensor, phi: Any) -> Tensor:
    out = torch.zeros_like(W)
    for j in range(len(W)):
        for x, label in zip(X, y, strict=True):
            z = W[j] @ x
            out[j] += label * phi[1](z, phi[0](z)) * x / 2
    return out / len(y)


PULL = Exercise(
    name="shallow.pull", chapter="34", title="Where a neuron is pulled", reference=shallow.pull, minutes=10,
    cases=_pull_cases,
    mistakes={
        "the slope of phi is missing: you pull every neuron as if it were linear, also by points for which it is flat.":
            _pull_with(lambda z, y, phi: y.expand_as(z)),
        "you weighted the points by the activity phi(z). By the chain rule it is the slope that counts: what a small "
        "change of z does.": _pull_with(lambda z, y, phi: y * phi[0](z)),
        "you weighted the points by z itself. By the chain rule it is the slope of phi at z that counts.":
            _pull_with(lambda z, y, phi: y * z),
        "the labels are missing: a point with label -1 pushes where one with label 1 pulls.":
            _pull_with(lambda z, y, phi: phi[1](z, phi[0](z))),
        "the sign is turned over. A point with label 1 pulls the neuron towards itself (its outer weight is 1).":
            _pull_with(lambda z, y, phi: -y * phi[1](z, phi[0](z))),
        "the 1/2 is missing: at f = 0 the error is y times sigmoid(0).":
            _pull_with(lambda z, y, phi: 2 * y * phi[1](z, phi[0](z))),
        "this is the sum over the points; the loss is their mean, so divide by N.":
            _pull_with(lambda z, y, phi: len(y) * y * phi[1](z, phi[0](z))),
        "the sum over the points, with an error of y: two factors are missing, 1/2 and 1/N.":
            _pull_with(lambda z, y, phi: 2 * len(y) * y * phi[1](z, phi[0](z))),
        "the second argument of phi[1] is phi(z), the first z; yours was z in the second place.":
            _pull_with(lambda z, y, phi: y * phi[1](z, z)),
        "the points themselves are missing: each pulls along x, which gives one number for each coordinate.":
            lambda W, X, y, phi: (y * phi[1](W @ X.T, phi[0](W @ X.T))).mean(1) / 2,
        "you averaged over the neurons' coordinates: `.mean()` runs over everything. Only the points are averaged.":
            lambda W, X, y, phi: (y * phi[1](W @ X.T, phi[0](W @ X.T))).mean(-1, keepdim=True) * X.mean(0) / 2,
        "this pulls the pre-activations, one number for each point (the pull times X^T). Asked for is the pull on the "
        "weights, one for each coordinate.":
            lambda W, X, y, phi: shallow.pull(W, X, y, phi) @ X.T,
        "you took a relu's slope for every phi. Whatever phi is, its slope is phi[1](Z, phi[0](Z)).":
            _pull_with(lambda z, y, phi: y * (z > 0)),
        "the error is that of the output, and at the beginning f is 0, so it is y / 2. You put this one neuron's "
        "activity in the place of f.":
            _pull_with(lambda z, y, phi: 2 * y * torch.sigmoid(-y * phi[0](z)) * phi[1](z, phi[0](z))),
        "y - f is the error of a squared loss, and at the beginning f is 0, not this neuron's activity. Here it is "
        "y / 2.":
            _pull_with(lambda z, y, phi: (y - phi[0](z)) * phi[1](z, phi[0](z))),
        "you divided by the number of coordinates, X.shape[1]; the loss is the mean over the points, len(X).":
            lambda W, X, y, phi: shallow.pull(W, X, y, phi) * len(y) / X.shape[1],
        "you divided by the number of neurons; the loss is the mean over the points.":
            lambda W, X, y, phi: shallow.pull(W, X, y, phi) * len(y) / len(W),
        "the activity has come in beside the slope. The chain rule has the slope alone: the activity belongs to the "
        "outer weight's gradient.": _pull_with(lambda z, y, phi: y * phi[0](z) * phi[1](z, phi[0](z))),
        "one pull for all neurons, their mean. Each neuron has a pull of its own.":
            lambda W, X, y, phi: shallow.pull(W, X, y, phi).mean(0),
        "your result has neurons and coordinates exchanged: (p, m) in place of (m, p).":
            lambda W, X, y, phi: shallow.pull(W, X, y, phi).T,
    },
    alternatives=(_pull_by_autograd, _pull_by_loop,
                  lambda W, X, y, phi: torch.einsum("n,mn,np->mp", y, phi[1](W @ X.T, phi[0](W @ X.T)), X)
                  / (2 * len(y))),
    hints=("Z = W @ X.T holds what every neuron gets from every point, (m, N). Its slope is phi[1](Z, phi[0](Z)).",
           "Each point pulls by its label, times the neuron's slope there, times itself. `(...) @ X` adds the "
           "points up.",
           "(y * slope) @ X / (2 * len(y))"),
    solution='''
def pull(W, X, y, phi):
    Z = W @ X.T
    slope = phi[1](Z, phi[0](Z))
    return (y * slope) @ X / (2 * len(y))
''',
)


# ---------------------------------------------------------------- transfer: a tie


def _observe_tie(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """How strongly a pair of corners pulls at the delta that was chosen, in units of the pull of one corner."""
    delta = candidate(*case.args)
    if delta is None:
        return {"the ratio of the two pulls": None}
    if isinstance(delta, complex) or not isinstance(delta, (int, float, Tensor)):
        raise Fault("error", f"a real number is expected, delta; got {type(delta).__name__}.")
    d = torch.as_tensor(delta).double()
    (leak,), ones = case.args, torch.ones_like(d)
    x = [torch.stack((a * ones, b * ones, a * b * d), -1) for a in (1, -1) for b in (1, -1)]
    x1, x2, x3, x4 = x
    single, pair = x1 + leak * (x4 - x2 - x3), x1 + x4 - leak * (x2 + x3)
    return {"the ratio of the two pulls (pair over single)": torch.sign(d) * pair.norm(dim=-1) / single.norm(dim=-1)}


SWITCH_POINT = Exercise(
    name="shallow.switch_point", chapter="34", title="Transfer: a tie", reference=shallow.switch_point, minutes=12,
    core=False, observe=_observe_tie, rtol=2e-3,
    cases=lambda: [Case((0.1,), "leak 0.1"), Case((0.15,), "leak 0.15"), Case((0.05,), "leak 0.05")],
    mistakes={
        "this is the answer for a relu; here the corners on the flat side pull, too, by the leak.":
            lambda leak: (2 / 3) ** 0.5,
        "the root is missing: you have delta squared.": lambda leak: 2 * (1 - leak) / (3 + 5 * leak),
        "for the pair you left the leak out: the two corners of the other label still pull, by leak, against theirs.":
            lambda leak: (2 * (1 - leak) ** 2 / (4 - (1 + 3 * leak) ** 2)) ** 0.5,
        "for the single corner you left the leak out: the three others still pull, by leak.":
            lambda leak: (2 / (4 * (1 + leak) ** 2 - 1)) ** 0.5,
        "the labels of the single corner's three others are missing: x4 pulls towards itself, x2 and x3 away.":
            lambda leak: (2 * (1 - leak) ** 2 / (4 * (1 + leak) ** 2 - (1 - leak) ** 2)) ** 0.5,
        "the sign of the pair's leak is wrong: x2 + x3 points down, and its label is -1, so it pulls upwards as well.":
            lambda leak: (2 * (1 - leak) ** 2 / (4 * (1 - leak) ** 2 - (1 + 3 * leak) ** 2)) ** 0.5,
        "this is delta squared, and for a relu: take the root, and let the corners on the flat side pull by the leak.":
            lambda leak: 2 / 3,
        "the third coordinate of the single pull is off: x4 - x2 - x3 has 3 delta there, with a plus.":
            lambda leak: (2 * (1 - leak) ** 2 / (4 * (1 + leak) ** 2 - (1 - 3 * leak) ** 2)) ** 0.5,
        "x4 - x2 - x3 has 3 delta in the third coordinate: all three terms add there. You have 1 in place of 3.":
            lambda leak: (2 * (1 - leak) ** 2 / (3 * (1 + leak) ** 2)) ** 0.5,
        "you set the pulls equal coordinate by coordinate, or left out the squares: the lengths are to be equal, "
        "sums of squares.": lambda leak: (2 * (1 - leak) / (4 * (1 + leak) - (1 + 3 * leak))) ** 0.5,
        "a straight line between the relu's answer and 0 is a fair guess; the two lengths tell exactly.":
            lambda leak: (2 / 3) ** 0.5 * (1 - leak),
    },
    alternatives=(lambda leak: torch.tensor((2 - 2 * leak) / (3 + 5 * leak)).sqrt(),
                  lambda leak: min((abs(2 * d * (1 + leak)
                                        - (2 * (1 - leak) ** 2 + d**2 * (1 + 3 * leak) ** 2) ** 0.5), d)
                                   for d in torch.linspace(0.01, 1, 9901).tolist())[1]),
    hints=("All four corners add up to nothing in the first two coordinates: x4 - x2 - x3 = (-1, -1, 3 delta).",
           "Single: (1 - leak, 1 - leak, delta (1 + 3 leak)). Pair: (0, 0, 2 delta (1 + leak)). Set the lengths equal.",
           "4 d (1 + l)^2 = 2 (1 - l)^2 + d (1 + 3 l)^2 with d = delta^2, and the bracket factors: (1 - l)(3 + 5 l)."),
    solution='''
def switch_point(leak):
    # 4 d (1 + l)^2 - d (1 + 3 l)^2 = d (1 - l) (3 + 5 l) = 2 (1 - l)^2, with d = delta^2
    return (2 * (1 - leak) / (3 + 5 * leak)) ** 0.5
''',
)


# ---------------------------------------------------------------- a stated alignment


def _scaled(a: float, b: float, k: int, rest: int, size: float) -> tuple[float, float]:
    return a * size / (a * k + b * rest), b * size / (a * k + b * rest)


def _variances_by_ratio(k: int, rest: int, c: float, size: float) -> tuple[float, float]:
    ratio = (c**2 * rest / (k * (1 - c**2))) ** 0.5
    b = size / (ratio * k + rest)
    return ratio * b, b


VARIANCES = Exercise(
    name="geometry.variances", chapter="34", title="Inputs made to measure", reference=geometry.variances, minutes=9,
    cases=lambda: [Case((1, 14, 0.2, 3.0), "k = 1, rest = 14, c = 0.2, size = 3"),
                   Case((4, 11, 0.45, 5.0), "k = 4, rest = 11, c = 0.45, size = 5"),
                   Case((2, 5, 0.7, 1.0), "k = 2, rest = 5, c = 0.7, size = 1")],
    mistakes={
        "the labels' share of the *variance* is c here. CKA is a cosine between kernels, so squares of a and b count.":
            lambda k, rest, c, size: _scaled(c / k, (1 - c) / rest, k, rest, size),
        "a is c and b the rest: that forgets how many directions there are of either kind.":
            lambda k, rest, c, size: _scaled(c, 1 - c, k, rest, size),
        "the labels' share of the variance is c squared here. In CKA the squares of a and b count.":
            lambda k, rest, c, size: _scaled(c**2 / k, (1 - c**2) / rest, k, rest, size),
        "c and 1 - c are not variances yet: CKA is a cosine of kernels with k eigenvalues a and `rest` eigenvalues b.":
            lambda k, rest, c, size: (c * size, (1 - c) * size),
        "k and rest are exchanged in the ratio: (a / b)^2 = c^2 rest / (k (1 - c^2)).":
            lambda k, rest, c, size: _scaled(c * k**0.5, (rest * (1 - c**2)) ** 0.5, k, rest, size),
        "the ratio of a and b is right; the size is not: b is size / (k a/b + rest), since there are k directions "
        "of variance a.": lambda k, rest, c, size: (c * (rest / (k * (1 - c**2))) ** 0.5 * size / (k + rest),
                                                    size / (k + rest)),
        "these are standard deviations, the roots of the variances.":
            lambda k, rest, c, size: tuple(v**0.5 for v in geometry.variances(k, rest, c, size)),
        "c should be squared: with labels' kernel 1 (k times), the cosine is a k / sqrt(k (a^2 k + b^2 rest)).":
            lambda k, rest, c, size: _scaled((c / k) ** 0.5, ((1 - c) / rest) ** 0.5, k, rest, size),
        "the ratio of a and b is right; bring them to size: a k + b rest = size.":
            lambda k, rest, c, size: (c / k**0.5, ((1 - c**2) / rest) ** 0.5),
        "a and b add up to size, but there are k directions of variance a and `rest` of variance b.":
            lambda k, rest, c, size: tuple(size * v / sum(geometry.variances(k, rest, c, 1.0))
                                           for v in geometry.variances(k, rest, c, 1.0)),
        "the two are exchanged: a belongs to the labels, b to the others.":
            lambda k, rest, c, size: geometry.variances(k, rest, c, size)[::-1],
        "b is not under a root: b = sqrt((1 - c^2) / rest), up to the common factor.":
            lambda k, rest, c, size: _scaled(c / k**0.5, (1 - c**2) / rest, k, rest, size),
        "the numbers of directions are not under the root: a = c / sqrt(k), b = sqrt(1 - c^2) / sqrt(rest), up to a "
        "factor.": lambda k, rest, c, size: _scaled(c / k, (1 - c**2) ** 0.5 / rest, k, rest, size),
        "the numbers of directions are left out: a = c / sqrt(k), b = sqrt((1 - c^2) / rest), up to a factor.":
            lambda k, rest, c, size: _scaled(c, (1 - c**2) ** 0.5, k, rest, size),
    },
    alternatives=(_variances_by_ratio,
                  lambda k, rest, c, size: _scaled(c * rest**0.5, ((1 - c**2) * k) ** 0.5, k, rest, size)),
    hints=("The cosine of two diagonal matrices: sum of products over the root of the sums of squares. Here a k over "
           "sqrt(k) sqrt(a^2 k + b^2 rest). Square it.",
           "Up to a common factor a = c / sqrt(k) and b = sqrt((1 - c^2) / rest). Try: then a^2 k + b^2 rest = 1.",
           "Then divide both by a k + b rest, and multiply by size."),
    solution='''
def variances(k, rest, c, size):
    a, b = c / k**0.5, ((1 - c**2) / rest) ** 0.5
    factor = size / (a * k + b * rest)
    return a * factor, b * factor
''',
)


# ---------------------------------------------------------------- parallel steps


def _cos(u: Tensor, v: Tensor) -> Tensor:
    return (u * v).sum() / (u.norm() * v.norm())


def _both(H: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The cosine for either pairing of two points of label 1 with two of label -1."""
    (a, b), (c, d) = H[y > 0], H[y < 0]
    return _cos(a - c, b - d), _cos(a - d, b - c)


def _parallel_cases() -> list[Case]:
    y1, y2 = torch.tensor([1.0, -1, -1, 1]), torch.tensor([1.0, 1, -1, -1])
    return [Case((_randn(4, 6, seed=3) + 1, y1), "6 neurons, labels 1, -1, -1, 1"),
            Case((_randn(4, 9, seed=4), y1), "9 neurons, labels 1, -1, -1, 1"),
            Case((_randn(4, 5, seed=6) + 2, y2), "5 neurons, labels 1, 1, -1, -1"),
            Case((_randn(4, 7, seed=9), y2), "7 neurons, labels 1, 1, -1, -1")]


PARALLELISM = Exercise(
    name="geometry.parallelism", chapter="34", title="Are the steps parallel?", minutes=9,
    reference=geometry.parallelism,
    cases=_parallel_cases,
    mistakes={
        "only one of the two pairings is tried: the first with the first, the second with the second. Try the crossed "
        "one as well and take the larger.": lambda H, y: _both(H, y)[0],
        "only the crossed pairing is tried. Try the straight one as well and take the larger.":
            lambda H, y: _both(H, y)[1],
        "the smaller of the two is taken; the pairing is to be chosen that makes the steps most parallel.":
            lambda H, y: torch.minimum(*_both(H, y)),
        "the mean over the two pairings is taken; it is to be the larger.":
            lambda H, y: (_both(H, y)[0] + _both(H, y)[1]) / 2,
        "steps that point against each other are not parallel in the sense meant here: no absolute value.":
            lambda H, y: torch.stack([c.abs() for c in _both(H, y)]).max(),
        "the lengths are missing: a cosine is the inner product of the two steps over both of their lengths.":
            lambda H, y: max(((H[y > 0][0] - H[y < 0][i]) * (H[y > 0][1] - H[y < 0][1 - i])).sum() for i in (0, 1)),
        "these steps lead from one point to another of the same label. Wanted are steps from label -1 to label 1.":
            lambda H, y: _cos(H[y > 0][0] - H[y > 0][1], H[y < 0][0] - H[y < 0][1]),
        "you compared the points, not the steps between them; that would depend on where the origin is.":
            lambda H, y: torch.maximum(_cos(H[y > 0][0], H[y < 0][0]), _cos(H[y > 0][0], H[y < 0][1])),
        "you took points 1 and 4 for label 1, as in the square. Which points have which label is told by y.":
            lambda H, y: torch.maximum(_cos(H[0] - H[1], H[3] - H[2]), _cos(H[0] - H[2], H[3] - H[1])),
        "these are the cosines of steps that share a point. The two steps of a pairing share none.":
            lambda H, y: torch.maximum(_cos(H[y > 0][0] - H[y < 0][0], H[y > 0][0] - H[y < 0][1]),
                                       _cos(H[y > 0][1] - H[y < 0][0], H[y > 0][1] - H[y < 0][1])),
        "this is the cosine of the two labels' centres. Parallelism is about the steps between single points.":
            lambda H, y: _cos(H[y > 0].mean(0), H[y < 0].mean(0)),
        "the two pairings are added up; take the larger.": lambda H, y: sum(_both(H, y)),
        "in one of your two steps the sign is turned over: both go from label -1 to label 1.":
            lambda H, y: torch.maximum(*[-c for c in _both(H, y)]),
    },
    alternatives=(lambda H, y: torch.maximum(*_both(H, y)),
                  lambda H, y: max(torch.nn.functional.cosine_similarity(H[y > 0][0] - H[y < 0][i],
                                                                         H[y > 0][1] - H[y < 0][1 - i], dim=0)
                                   for i in (0, 1))),
    hints=("`up, down = H[y > 0], H[y < 0]` are (2, m) each. A pairing gives two steps, up[0] - down[i] and up[1] - "
           "down[1 - i].",
           "The cosine of the two steps for i = 0 and for i = 1; return the larger."),
    solution='''
def parallelism(H, y):
    up, down = H[y > 0], H[y < 0]
    cosines = []
    for i in (0, 1):
        first, second = up[0] - down[i], up[1] - down[1 - i]
        cosines.append(first @ second / (first.norm() * second.norm()))
    return max(cosines)
''',
)

EXERCISES = (SQUARE, PULL, SWITCH_POINT, VARIANCES, PARALLELISM)
