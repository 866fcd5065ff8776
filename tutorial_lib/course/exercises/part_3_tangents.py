"""Part 3, tangents and scale: the exercises of the opener, chapter 30."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import alignment, tangents
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault

Blocks = Sequence[Tensor]


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---------------------------------------------------------------- the kernel of a tangent


def _blocks(n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients by a matrix (2, 4), a vector (4,) and a single number."""
    return _randn(n, 2, 4, seed=seed), _randn(n, 4, seed=seed + 1), _randn(n, 1, seed=seed + 2)


def _flat(blocks: Blocks) -> Tensor:
    return torch.cat([b.flatten(1) for b in blocks], 1)  # (N, P)


def _kernel(left: Blocks, right: Blocks) -> Tensor:
    return _flat(left) @ _flat(right).T


def _kernel_by_loop(left: Blocks, right: Blocks) -> Tensor:
    K = torch.zeros(len(left[0]), len(right[0]), dtype=left[0].dtype)
    for i in range(len(left[0])):
        for j in range(len(right[0])):
            for p, q in zip(left, right, strict=True):
                K[i, j] += (p[i] * q[j]).sum()
    return K


def _cosines(left: Blocks, right: Blocks) -> Tensor:
    a, b = _flat(left), _flat(right)
    return (a / a.norm(dim=1, keepdim=True)) @ (b / b.norm(dim=1, keepdim=True)).T


TANGENT_KERNEL = Exercise(
    name="tangents.tangent_kernel", chapter="30", title="Who moves with whom", reference=tangents.tangent_kernel,
    minutes=7,
    cases=lambda: [Case((_blocks(3, 0), _blocks(5, 10)), "three weight tensors, N = 3 and M = 5 points"),
                   Case((_blocks(4, 20), _blocks(4, 30)), "three weight tensors, N = M = 4 different points"),
                   Case(((_randn(2, 6, seed=40),), (_randn(3, 6, seed=41),)), "one weight tensor")],
    mistakes={
        "the last weight tensor is left out. Every weight that training may move belongs into the sum.":
            lambda left, right: _kernel(left[:-1], right[:-1]) if len(left) > 1 else _kernel(left, right),
        "only the first weight tensor is in your sum. Every weight that training may move belongs into it.":
            lambda left, right: _kernel(left[:1], right[:1]),
        "your rows and columns are exchanged: K[i, j] belongs to point i of `left` and point j of `right`.":
            lambda left, right: _kernel(left, right).T,
        "you summed over the points and kept the weights, (P, P) in place of (N, M): that is J^T J. The kernel is "
        "J J^T.":
            lambda left, right: _flat(left).T @ _flat(right),
        "each gradient was added up before the product. The product comes first, weight by weight; then the sum.":
            lambda left, right: torch.outer(_flat(left).sum(1), _flat(right).sum(1)),
        "you divided by the lengths of the gradients: that is the cosine between them. How far an answer moves "
        "depends on the lengths too.": _cosines,
        "this is a mean over the weights; the kernel is their sum, since each weight moves the answer by its own "
        "part.":
            lambda left, right: _kernel(left, right) / _flat(left).shape[1],
        "a product `p @ q.mT` of blocks as they are pairs the wrong axes: a weight matrix gives (N, 2, 4). Make each "
        "block (N, everything) first: `p.flatten(1)`.":
            lambda left, right: sum(p @ q.mT for p, q in zip(left, right, strict=True)),
        "blocks have different numbers of axes and cannot be joined as they are. Make each (N, everything) first: "
        "`p.flatten(1)`.":
            lambda left, right: torch.cat(left, 1) @ torch.cat(right, 1).T,
        "`left` and `right` are lists of blocks, one for each weight tensor: go through them in pairs, with `zip`.":
            lambda left, right: left @ right.T,
        "every block met every other; a weight tensor's gradients belong only to its own: go through them in pairs, "
        "with `zip`.":
            lambda left, right: sum(p.flatten(1) @ q.flatten(1).T for p in left for q in right),
        "these are the kernels of the single blocks, one below the other. Add them up.":
            lambda left, right: torch.stack([p.flatten(1) @ q.flatten(1).T for p, q in zip(left, right, strict=True)]),
        "point i of `left` was paired with point i of `right` alone; the kernel has an entry for every pair.":
            lambda left, right: sum((p * q).flatten(1).sum(1) for p, q in zip(left, right, strict=True)),
    },
    alternatives=(_kernel, _kernel_by_loop,
                  lambda left, right: torch.stack([torch.tensordot(p, q, (list(range(1, p.ndim)),) * 2)
                                                   for p, q in zip(left, right, strict=True)]).sum(0)),
    hints=("For one block of shape (N, P) and one of shape (M, P), all inner products at once are `p @ q.mT`.",
           "`flatten(1)` turns any block into (N, P); then add the products of all blocks."),
    solution='''
def tangent_kernel(left, right):
    return sum(p.flatten(1) @ q.flatten(1).mT for p, q in zip(left, right))
''',
)


# ---------------------------------------------------------------- where the tangent ends


def _spd(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Features of n training and 3 further points, as kernels (3, n) and (n, n)."""
    a, b = _randn(n, n + 2, seed=seed), _randn(3, n + 2, seed=seed + 1)
    return b @ a.T, a @ a.T


KERNEL_REGRESSION = Exercise(
    name="tangents.kernel_regression", chapter="30", title="Straight to the end", reference=tangents.kernel_regression,
    minutes=5,
    cases=lambda: [Case((*_spd(4, 0), _randn(4, seed=2)), "four training points and three others"),
                   Case((*_spd(3, 5), torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)), "y = 1, 2, 3"),
                   Case((*(2 * [torch.diag(torch.tensor([1.0, 4.0], dtype=torch.float64))]),
                         torch.tensor([1.0, 8.0], dtype=torch.float64)), "K_test = K_train, so that the answer is y")],
    mistakes={
        "the inverse is missing: K_test y is the first push, before any residual has shrunk. At the end the training "
        "points must be fitted.":
            lambda K_test, K_train, y: K_test @ y,
        "you multiplied by K_train where it has to be undone.":
            lambda K_test, K_train, y: K_test @ K_train @ y,
        "you took one over each entry; the inverse of a matrix is `torch.linalg.inv`, or better, `solve`.":
            lambda K_test, K_train, y: K_test @ (1 / K_train) @ y,
        "this is an average of the targets with weights K: it smooths, and does not pass through the training points.":
            lambda K_test, K_train, y: (K_test / K_test.sum(1, keepdim=True)) @ y,
        "this is the fit at the training points, which is y itself. The rows for the other points are in K_test.":
            lambda K_test, K_train, y: K_train @ torch.linalg.solve(K_train, y),
        "these are the coefficients K_train^-1 y, one for each training point; the answers are K_test times them.":
            lambda K_test, K_train, y: torch.linalg.solve(K_train, y),
        "the order: K_test is (M, N) and comes first, so that K_train^-1 y, one number for each training point, "
        "meets its "
        "rows.":
            lambda K_test, K_train, y: torch.linalg.inv(K_train) @ K_test @ y,
        "there is a ridge in it: K + 1 on the diagonal is what one adds for noisy targets. Gradient flow without end "
        "fits them exactly.":
            lambda K_test, K_train, y: K_test @ torch.linalg.solve(K_train + torch.eye(len(y), dtype=y.dtype), y),
        "a factor N too much: the 1/N of the loss sets the pace, and where the flow ends does not depend on the pace.":
            lambda K_test, K_train, y: len(y) * tangents.kernel_regression(K_test, K_train, y),
        "you divided by N: the 1/N of the loss sets the pace, and where the flow ends does not depend on the pace.":
            lambda K_test, K_train, y: tangents.kernel_regression(K_test, K_train, y) / len(y),
    },
    alternatives=(lambda K_test, K_train, y: K_test @ torch.linalg.inv(K_train) @ y,
                  lambda K_test, K_train, y: torch.linalg.solve(K_train, K_test.T).T @ y,
                  lambda K_test, K_train, y: K_test @ torch.cholesky_solve(
                      y[:, None], torch.linalg.cholesky(K_train))[:, 0]),
    hints=("Nothing moves any more when the training points are fitted. f is a sum of rows of the kernel: "
           "f(x) = K(x, X) c. Which c fits?",
           "c solves K_train c = y: `torch.linalg.solve(K_train, y)`."),
    solution='''
def kernel_regression(K_test, K_train, y):
    return K_test @ torch.linalg.solve(K_train, y)
''',
)


# ---------------------------------------------------------------- the dial


def _wave(n: int, p: int, seed: int) -> Callable[[Tensor], Tensor]:
    A = _randn(n, p, seed=seed)
    return lambda w: torch.sin(A @ w)


def _stepped() -> list[Case]:
    cases = []
    for n, p, alpha, lr, seed in ((3, 4, 3.0, 0.5, 0), (5, 2, 0.5, 0.1, 10)):
        g, w = _wave(n, p, seed), _randn(p, seed=seed + 1)
        g0 = g(_randn(p, seed=seed + 2))
        cases.append(Case((g, w, g0, _randn(n, seed=seed + 3), alpha, lr), f"a g with {p} weights, alpha = {alpha:g}, "
                                                                           f"lr = {lr:g}"))
    return cases


def _step(f: Callable[..., Tensor], size: Callable[[float, float], float]) -> Callable[..., Tensor]:
    """The stub with its two blanks filled: f of (g, g0, alpha), the size of (lr, alpha)."""
    def step(g: Callable[[Tensor], Tensor], w: Tensor, g0: Tensor, y: Tensor, alpha: float, lr: float) -> Tensor:
        w = w.detach().requires_grad_()
        (slope,) = torch.autograd.grad((f(g(w), g0, alpha) - y).square().mean() / 2, w)
        return w.detach() - size(lr, alpha) * slope

    return step


def _right(g: Tensor, g0: Tensor, alpha: float) -> Tensor:
    return alpha * (g - g0)


def _square(lr: float, alpha: float) -> float:
    return lr / alpha**2


def _by_hand(g: Callable[[Tensor], Tensor], w: Tensor, g0: Tensor, y: Tensor, alpha: float, lr: float) -> Tensor:
    J = torch.func.jacrev(g)(w)
    return w - lr / alpha * (J.T @ (alpha * (g(w) - g0) - y)) / len(y)


SCALED_STEP = Exercise(
    name="tangents.scaled_step", chapter="30", title="Two blanks and a dial", reference=tangents.scaled_step,
    minutes=5, cases=_stepped,
    mistakes={
        "the step is not divided: the gradient holds one alpha and the output another, so at alpha = 100 this is "
        "10,000 times the pace. Divide lr by alpha^2.": _step(_right, lambda lr, alpha: lr),
        "you divided by alpha once. One alpha comes from the gradient of f, another multiplies what the weights have "
        "moved; both go: lr / alpha^2.": _step(_right, lambda lr, alpha: lr / alpha),
        "you multiplied by alpha^2; it is to be divided out.": _step(_right, lambda lr, alpha: lr * alpha**2),
        "you multiplied by alpha; divide by its square.": _step(_right, lambda lr, alpha: lr * alpha),
        "f does not begin at 0: subtract g0. Else a large alpha also blows up what the network says before training.":
            _step(lambda g, g0, alpha: alpha * g, _square),
        "alpha multiplies g alone; it has to multiply the difference, alpha * (g(w) - g0), so that f begins at 0.":
            _step(lambda g, g0, alpha: alpha * g - g0, _square),
        "alpha is missing in f: `alpha * (g(w) - g0)`.": _step(lambda g, g0, alpha: g - g0, _square),
        "this is g as it is, without scale and without its beginning taken off: f = alpha * (g(w) - g0).":
            _step(lambda g, g0, alpha: g, _square),
        "f has the wrong sign: what was gained since the beginning is g(w) - g0.":
            _step(lambda g, g0, alpha: alpha * (g0 - g), _square),
        "you divided f by alpha; the dial multiplies.": _step(lambda g, g0, alpha: (g - g0) / alpha, _square),
        "two things: alpha has to multiply the difference, alpha * (g(w) - g0), and the step is to be divided by "
        "alpha^2.":
            _step(lambda g, g0, alpha: alpha * g - g0, lambda lr, alpha: lr),
        "alpha is missing in both blanks: f = alpha * (g(w) - g0), and the step is divided by alpha^2.":
            _step(lambda g, g0, alpha: g - g0, lambda lr, alpha: lr),
        "two things: f does not begin at 0 (subtract g0), and the step is not divided by alpha^2.":
            _step(lambda g, g0, alpha: alpha * g, lambda lr, alpha: lr),
    },
    alternatives=(_by_hand, _step(lambda g, g0, alpha: alpha * g - alpha * g0, lambda lr, alpha: lr * alpha**-2)),
    hints=("f is what is compared with y: the change of g since the beginning, times alpha.",
           "The gradient of the loss by w holds a factor alpha; the weights' movement is then multiplied by alpha "
           "again in f. The pace of f should not depend on alpha."),
    solution='''
def scaled_step(g, w, g0, y, alpha, lr):
    w = w.detach().requires_grad_()
    f = alpha * (g(w) - g0)
    (slope,) = torch.autograd.grad((f - y).square().mean() / 2, w)
    return w.detach() - lr / alpha**2 * slope
''',
)


# ---------------------------------------------------------------- transfer: a dial for a stated distance


def _observe_distance(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """How far the tangent model's weights move at the scale that was chosen."""
    J, y, _ = case.args
    alpha = candidate(*case.args)
    if alpha is None:
        return {"the scale": None}
    if not isinstance(alpha, (int, float, Tensor)):
        raise Fault("error", f"a number is expected, the scale; got {type(alpha).__name__}.")
    shortest = J.T @ torch.linalg.solve(J @ J.T, y)  # (P,)
    return {"the distance that the tangent model's weights move": shortest.norm() / torch.as_tensor(alpha)}


def _length(J: Tensor, y: Tensor) -> Tensor:
    return (y @ torch.linalg.solve(J @ J.T, y)).sqrt()


SCALE_FOR = Exercise(
    name="tangents.scale_for", chapter="30", title="Transfer: as lazy as you like", reference=tangents.scale_for,
    minutes=10, core=False, observe=_observe_distance, rtol=1e-2,
    cases=lambda: [Case((_randn(3, 8), _randn(3, seed=1), 0.1), "3 points, 8 weights, a distance of 0.1"),
                   Case((_randn(5, 20, seed=2), _randn(5, seed=3) * 3, 2.0), "5 points, 20 weights, a distance of 2")],
    mistakes={
        "the root is missing: y K^-1 y is the square of the length.":
            lambda J, y, distance: _length(J, y)**2 / distance,
        "the distance is upside down: a shorter way needs a larger alpha.":
            lambda J, y, distance: distance / _length(J, y),
        "you multiplied by the distance; weights that may move twice as far need half the alpha.":
            lambda J, y, distance: _length(J, y) * distance,
        "J^T y is the direction of the first push, not the way that fits: what fits is J^T K^-1 y.":
            lambda J, y, distance: (J.T @ y).norm() / distance,
        "this is the length of the targets. How far the weights must go for them is told by the kernel: they are in "
        "other units.": lambda J, y, distance: y.norm() / distance,
        "K^-1 y are the coefficients, one for each point; the weights move by J^T times them.":
            lambda J, y, distance: torch.linalg.solve(J @ J.T, y).norm() / distance,
        "this is the way itself, a number for each weight. Asked for is the scale: the way's length, `norm()`, over "
        "the distance.":
            lambda J, y, distance: J.T @ torch.linalg.solve(J @ J.T, y) / distance,
        "you multiplied by the kernel where it has to be undone: c solves J J^T c = y.":
            lambda J, y, distance: (J @ J.T @ y).norm() / distance,
        "this holds the distance of a single weight, on average. Asked for is the length of the whole change, over all "
        "weights.":
            lambda J, y, distance: _length(J, y) / (distance * J.shape[1] ** 0.5),
        "alpha is the ratio of two lengths: you divided by the square of the distance.":
            lambda J, y, distance: _length(J, y) / distance**2,
    },
    alternatives=(lambda J, y, distance: (torch.linalg.pinv(J) @ y).norm() / distance,
                  lambda J, y, distance: torch.linalg.lstsq(J, y[:, None], driver="gelsd").solution.norm() / distance),
    hints=("The tangent model ends at alpha J (w - w0) = y, and gradient descent only ever moves along rows of J.",
           "So w - w0 = J^T c / alpha with J J^T c = y. How long is that?"),
    solution='''
def scale_for(J, y, distance):
    way = J.T @ torch.linalg.solve(J @ J.T, y)      # what fits at alpha = 1
    return way.norm() / distance
''',
)


# ---------------------------------------------------------------- the gauge


def _kernels(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Kernels of features whose mean is not 0."""
    a = _randn(n, 3, seed=seed) + torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    return a @ a.T, alignment.gram(_randn(n, seed=seed + 1) + 1)


def _with(centre: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda K, L: alignment.alignment(centre(K), centre(L))


CKA = Exercise(
    name="alignment.cka", chapter="30", title="The gauge, centred", reference=alignment.cka, minutes=7,
    cases=lambda: [Case(_kernels(6, 0), "a kernel of three features on six points, and one of targets"),
                   Case(_kernels(4, 5), "the same with four points")],
    mistakes={
        "the centring is missing: a constant added to all features would change the result.": alignment.alignment,
        "row means and column means are not both taken off. Either one number was (the mean of all entries), or the "
        "same "
        "means twice: `K.mean(0)` and `K.mean(1)` are both laid along the last axis, unless one says "
        "`keepdim=True`. (The "
        "two slips give the same number.)": _with(lambda K: K - K.mean()),
        "in H = 1 - (ones) / N the ones are to be divided by N.":
            _with(lambda K: (torch.eye(len(K), dtype=K.dtype) - 1) @ K @ (torch.eye(len(K), dtype=K.dtype) - 1)),
        "only one side is centred, rows or columns: features whose mean is taken off change both sides of the inner "
        "product, so both are needed.": _with(lambda K: K - K.mean(-1, keepdim=True)),
        "row and column means were both taken off, and with them the mean of all entries twice: add it once.":
            _with(lambda K: K - K.mean(-1, keepdim=True) - K.mean(-2, keepdim=True)),
        "the mean of all entries was taken off a third time; it is to be added, since row and column means each took "
        "it off.": _with(lambda K: K - K.mean(-1, keepdim=True) - K.mean(-2, keepdim=True) - K.mean()),
        "only the first kernel is centred. The product does not notice, but the length of the second does.":
            lambda K, L: alignment.alignment(alignment.centred(K), L),
        "only the second kernel is centred. The product does not notice, but the length of the first does.":
            lambda K, L: alignment.alignment(K, alignment.centred(L)),
        "you divided by traces; the length of a matrix is the root of the sum of its squared entries.":
            lambda K, L: (alignment.centred(K) * alignment.centred(L)).sum()
            / (alignment.centred(K).trace() * alignment.centred(L).trace()),
        "the roots are missing: you divided by squared lengths, so the result depends on the size of the kernels.":
            lambda K, L: alignment.cka(K, L) / (alignment.centred(K).norm() * alignment.centred(L).norm()),
        "nothing was divided: without the lengths the result grows with the kernels.":
            lambda K, L: (alignment.centred(K) * alignment.centred(L)).sum(),
        "this is the square: the cosine itself is asked for.": lambda K, L: alignment.cka(K, L) ** 2,
        "the product is right, but the lengths are those of the kernels before centring.":
            lambda K, L: (alignment.centred(K) * alignment.centred(L)).sum() / (K.norm() * L.norm()),
    },
    alternatives=(_with(lambda K: (torch.eye(len(K), dtype=K.dtype) - 1 / len(K)) @ K
                        @ (torch.eye(len(K), dtype=K.dtype) - 1 / len(K))),
                  lambda K, L: torch.nn.functional.cosine_similarity(
                      alignment.centred(K).flatten(), alignment.centred(L).flatten(), dim=0)),
    hints=("Of a kernel phi phi^T with phi's mean taken off, each row and each column adds up to 0. Check yours.",
           "K - (mean of each row) - (mean of each column) + (mean of all). `keepdim=True` keeps the axes apart.",
           "Then `alignment` as above."),
    solution='''
def cka(K, L):
    def centred(K):
        return K - K.mean(0) - K.mean(1, keepdim=True) + K.mean()
    K, L = centred(K), centred(L)
    return (K * L).sum() / (K.norm() * L.norm())
''',
)

EXERCISES = (TANGENT_KERNEL, KERNEL_REGRESSION, SCALED_STEP, SCALE_FOR, CKA)
