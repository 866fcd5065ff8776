"""Part 3, grokking: the exercises of chapter 32."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import grokking
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---------------------------------------------------------------- the test loss


def _forms() -> list[Case]:
    cases = []
    for D, seed in ((3, 0), (5, 10)):
        Q = _randn(D, D, seed=seed + 1)
        cases.append(Case((_randn(D, seed=seed), Q + Q.T, _randn(D, seed=seed + 2)), f"{D} inputs"))
    return cases


def _parts(linear: Callable[..., Tensor] | None = None, mean: Callable[..., Tensor] | None = None,
           shape: Callable[..., Tensor] | None = None, B: Callable[..., Tensor] | None = None,
           pack: Callable[..., Tensor] = torch.stack) -> Callable[..., Tensor]:
    """An answer with one ingredient exchanged."""
    def loss_parts(a: Tensor, Q: Tensor, b: Tensor) -> Tensor:
        D = len(a)
        rest = B(Q, b) if B else Q - torch.outer(b, b) / 2
        return pack((linear(a, D) if linear else a @ a / D,
                     mean(rest, D) if mean else (rest.trace() / D) ** 2,
                     shape(rest, D) if shape else 2 * rest.square().sum() / D**2))

    return loss_parts


LOSS_PARTS = Exercise(
    name="grok.loss_parts", chapter="32", title="A test loss without test points", reference=grokking.loss_parts,
    minutes=8, cases=_forms,
    mistakes={
        "the target is missing: B is what is left of the quadratic part, Q - b b^T / 2.": _parts(B=lambda Q, b: Q),
        "the half is missing: y = (b.x)^2 / 2, so its quadratic form is b b^T / 2.":
            _parts(B=lambda Q, b: Q - torch.outer(b, b)),
        "b @ b is a number; the quadratic form of (b.x)^2 is the table of all products, `torch.outer(b, b)`.":
            _parts(B=lambda Q, b: Q - b @ b / 2),
        "the signs of Q and of the target are the same: the error is the difference, Q - b b^T / 2.":
            _parts(B=lambda Q, b: Q + torch.outer(b, b) / 2),
        "1/D is missing in the linear part: x has the variance 1/D.": _parts(linear=lambda a, D: a @ a),
        "the linear part is the *square* of the length of a, over D.": _parts(linear=lambda a, D: a.norm() / D),
        "the linear part has D squared below it; a appears squared, x once squared, and that is one 1/D.":
            _parts(linear=lambda a, D: a @ a / D**2),
        "the part of the mean is not squared.": _parts(mean=lambda B, D: B.trace() / D),
        "the part of the mean is (tr B / D)^2: D is squared, too.": _parts(mean=lambda B, D: B.trace() ** 2 / D),
        "the sum of all entries is not the trace: the trace is the sum along the diagonal.":
            _parts(mean=lambda B, D: (B.sum() / D) ** 2),
        "the factor 2 is missing in the last part: each pair i, j of a symmetric form meets itself in two ways.":
            _parts(shape=lambda B, D: B.square().sum() / D**2),
        "the last part has 1/D^2: two inputs, each with variance 1/D.":
            _parts(shape=lambda B, D: 2 * B.square().sum() / D),
        "tr(B)^2 is not the sum of squares: |B|^2 adds the squares of all entries.":
            _parts(shape=lambda B, D: 2 * B.trace() ** 2 / D**2),
        "`B @ B` is a product of matrices and its sum is something else; |B|^2 is `B.square().sum()`.":
            _parts(shape=lambda B, D: 2 * (B @ B).sum() / D**2),
        "the last part has |B|, the root of the sum of squares; |B|^2 is the sum itself.":
            _parts(shape=lambda B, D: 2 * B.norm() / D**2),
        "that is the largest singular value; |B|^2 adds the squares of all entries.":
            _parts(shape=lambda B, D: 2 * torch.linalg.matrix_norm(B, 2) ** 2 / D**2),
        "you returned the sum. Return the three parts, linear, mean and shape: `torch.stack`.":
            _parts(pack=lambda parts: torch.stack(parts).sum()),
        "mean and shape are exchanged: linear first, then the mean (the trace), then the shape.":
            _parts(pack=lambda p: torch.stack((p[0], p[2], p[1]))),
    },
    alternatives=(_parts(), _parts(shape=lambda B, D: 2 * (B @ B).trace() / D**2),
                  _parts(mean=lambda B, D: (B.diagonal().sum() / D) ** 2)),
    hints=("B = Q - b b^T / 2, with `torch.outer(b, b)`. D is len(a).",
           "Three numbers: |a|^2 / D, (tr B / D)^2 and 2 |B|^2 / D^2, where |B|^2 adds the squares of all entries.",
           "`torch.stack` makes one tensor of three; `B.trace()` and `B.square().sum()` are ready."),
    solution='''
def loss_parts(a, Q, b):
    D = len(a)
    B = Q - torch.outer(b, b) / 2
    return torch.stack((a @ a / D, (B.trace() / D) ** 2, 2 * B.square().sum() / D**2))
''',
)


# ---------------------------------------------------------------- the kernel


def _kernels() -> list[Case]:
    cases = []
    for D, eps, seed in ((3, 0.5, 0), (4, 1.3, 10)):
        W = _randn(6, D, seed=seed) + 0.5
        u, M = grokking.moments(W)
        cases.append(Case((u, M, _randn(4, D, seed=seed + 1), _randn(2, D, seed=seed + 2), eps),
                          f"four points and two others, eps = {eps:g}"))
    return cases


def _kernel(first: Callable[..., Any] | None = None, second: Callable[..., Any] | None = None) -> Callable[..., Tensor]:
    """The stub with its two blanks filled, from (u, M, x, z, eps)."""
    def kernel(u: Tensor, M: Tensor, x: Tensor, z: Tensor, eps: float) -> Tensor:
        one = first(u, M, x, z, eps) if first else eps * ((x @ u)[:, None] + z @ u)
        two = second(u, M, x, z, eps) if second else eps**2 * x @ M @ z.T
        return x @ z.T * (1 + one + two)

    return kernel


KERNEL = Exercise(
    name="grok.kernel", chapter="32", title="Two blanks in a kernel", reference=grokking.kernel, minutes=7,
    cases=_kernels,
    mistakes={
        "the second blank has eps once; two slopes are multiplied, so it is eps squared.":
            _kernel(second=lambda u, M, x, z, eps: eps * x @ M @ z.T),
        "the first blank has eps squared; only one slope's second term is in it, so eps once.":
            _kernel(first=lambda u, M, x, z, eps: eps**2 * ((x @ u)[:, None] + z @ u)),
        "the first blank lacks z: both points have a slope, eps (u.x + u.z).":
            _kernel(first=lambda u, M, x, z, eps: eps * (x @ u)[:, None]),
        "the first blank lacks x: both points have a slope, eps (u.x + u.z).":
            _kernel(first=lambda u, M, x, z, eps: eps * z @ u),
        "the first blank is a product; the mean of eps (w.x) + eps (w.z) is a sum.":
            _kernel(first=lambda u, M, x, z, eps: eps * (x @ u)[:, None] * (z @ u)),
        "the mean of a product is not the product of means: the second blank needs M, the mean of w w^T, not u u^T.":
            _kernel(second=lambda u, M, x, z, eps: eps**2 * (x @ u)[:, None] * (z @ u)),
        "M is missing in the second blank: it is eps^2 x^T M z.":
            _kernel(second=lambda u, M, x, z, eps: eps**2 * x @ z.T),
        "the second blank is (x.z)^2, which would do for M = 1; other weights have another M: eps^2 x^T M z.":
            _kernel(second=lambda u, M, x, z, eps: eps**2 * (x @ z.T) ** 2),
        "there is a half too much: it is in phi, and its derivative is 1 + eps z.":
            _kernel(first=lambda u, M, x, z, eps: eps / 2 * ((x @ u)[:, None] + z @ u),
                    second=lambda u, M, x, z, eps: eps**2 / 4 * x @ M @ z.T),
        "the second blank has a half too much: the half is in phi, and its derivative is 1 + eps z.":
            _kernel(second=lambda u, M, x, z, eps: eps**2 / 2 * x @ M @ z.T),
        "eps is missing in both blanks: a slope is 1 + eps w.x, so eps once in the first and twice in the second.":
            _kernel(first=lambda u, M, x, z, eps: (x @ u)[:, None] + z @ u,
                    second=lambda u, M, x, z, eps: x @ M @ z.T),
        "in the first blank eps stands before one of the two terms only; it belongs to both, eps (u.x + u.z).":
            _kernel(first=lambda u, M, x, z, eps: eps * (x @ u)[:, None] + z @ u),
        "the first blank was left at 0.": _kernel(first=lambda u, M, x, z, eps: 0.0),
        "the second blank was left at 0.": _kernel(second=lambda u, M, x, z, eps: 0.0),
        "the first blank has a factor 2: x and z each come in once.":
            _kernel(first=lambda u, M, x, z, eps: 2 * eps * ((x @ u)[:, None] + z @ u)),
        "x.z stands in front of the bracket already; in the second blank it is once too much.":
            _kernel(second=lambda u, M, x, z, eps: eps**2 * (x @ M @ z.T) * (x @ z.T)),
    },
    alternatives=(_kernel(),
                  _kernel(first=lambda u, M, x, z, eps: eps * (x @ u).unsqueeze(1) + eps * (z @ u).unsqueeze(0),
                          second=lambda u, M, x, z, eps: (eps * x) @ M @ (eps * z).T)),
    hints=("The gradient of a unit is (1 + eps w.x) x. Multiply those of x and z, and take the mean over units.",
           "(1 + eps w.x)(1 + eps w.z) = 1 + eps (w.x + w.z) + eps^2 (w.x)(w.z). The mean of w is u, of w w^T it is M.",
           "A column of x @ u and a row of z @ u: `(x @ u)[:, None] + z @ u` has the shape (P, R)."),
    solution='''
def kernel(u, M, x, z, eps):
    first = eps * ((x @ u)[:, None] + z @ u)
    second = eps**2 * x @ M @ z.T
    return x @ z.T * (1 + first + second)
''',
)


# ---------------------------------------------------------------- when a loss is low


def _curves() -> list[Case]:
    t, long = torch.tensor([1.0, 2.0, 5.0, 10.0], dtype=torch.float64), torch.arange(1.0, 7.0, dtype=torch.float64) ** 2
    return [Case((long, torch.tensor([0.7, 0.4, 0.08, 0.03, 0.06, 0.2], dtype=torch.float64), 0.1),
                 "a loss that dips and rises"),
            Case((t, torch.tensor([0.7, 0.75, 0.6, 0.55], dtype=torch.float64), 0.1), "a loss that never gets there"),
            Case((t, torch.tensor([0.7, 0.9, 0.3, 0.05], dtype=torch.float64), 0.1), "a loss that gets there at last"),
            Case((t, torch.tensor([0.3, 0.2, 0.1, 0.02], dtype=torch.float64), 0.5), "a loss low from the start")]


def _first(t: Tensor, losses: Tensor, level: float) -> Any:
    for time, loss in zip(t, losses, strict=True):
        if loss < level:
            return time
    return torch.tensor(math.inf)


CROSSING = Exercise(
    name="grok.crossing", chapter="32", title="When is a loss low?", reference=grokking.crossing, minutes=5,
    cases=_curves,
    mistakes={
        "where a loss is never below the level, argmax of nothing but zeros is 0, and you say that it happened at the "
        "beginning. It never happened: infinity.":
            lambda t, losses, level: t[(losses < level).int().argmax()],
        "where a loss is never below the level, you say the last time. It never happened: infinity.":
            lambda t, losses, level: t[(losses < level).int().argmax()] if (losses < level).any() else t[-1],
        "where it never happens you say 0, which reads as 'at once'. Infinity is the honest number.":
            lambda t, losses, level: t[(losses < level).int().argmax()] if (losses < level).any() else 0 * t[0],
        "where it never happens you say -1, and a ratio of times would be negative. Infinity is the honest number.":
            lambda t, losses, level: t[(losses < level).int().argmax()] if (losses < level).any() else 0 * t[0] - 1,
        "you return the place in the list; the time that stands there is asked for.":
            lambda t, losses, level: (losses < level).int().argmax().double() if (losses < level).any() else math.inf,
        "that is when the loss is smallest; the first time below the level may be long before.":
            lambda t, losses, level: t[losses.argmin()] if (losses < level).any() else math.inf,
        "that is when it is below the level for the last time; the first is asked for.":
            lambda t, losses, level: t[losses < level][-1] if (losses < level).any() else math.inf,
        "this counts the looks before it instead of saying the time.":
            lambda t, losses, level: (losses >= level).double().sum() if (losses < level).any() else math.inf,
        "the comparison is turned around: below the level.":
            lambda t, losses, level: t[(losses > level).int().argmax()] if (losses > level).any() else math.inf,
    },
    alternatives=(_first, lambda t, losses, level: torch.where(losses < level, t, math.inf).min()),
    hints=("`losses < level` says at which looks the loss is low.",
           "`t[losses < level]` are the times at which it is; the first of them is asked for. What if there are none?",
           "`(losses < level).any()` says whether there are any; return `torch.tensor(math.inf)` otherwise."),
    solution='''
def crossing(t, losses, level):
    below = t[losses < level]
    return below[0] if len(below) else torch.tensor(math.inf)
''',
)


# ---------------------------------------------------------------- transfer: a twin


def _observe_twin(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """Where the twin's function stands after some steps."""
    alpha, eps, lr, new_eps = case.args
    answer = candidate(*case.args)
    if answer is None:
        return {"the twin's function after 40 steps": None}
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Fault("error", "two numbers are expected: the twin's alpha and its step.")
    if any(isinstance(v, Tensor) and v.ndim for v in answer):
        raise Fault("wrong shape", "two plain numbers are expected: the twin's alpha and its step.")
    new_alpha, new_lr = (float(v) for v in answer)
    if not (0 < new_alpha < 1e6 and 0 < new_lr < 1e6):
        raise Fault("error", f"alpha and step are positive numbers; got {new_alpha:g} and {new_lr:g}.")
    x, y, _ = grokking.draw_task(4, 10, torch.Generator().manual_seed(0))
    x, y = torch.cat((x, -x)), torch.cat((y, y))
    try:
        now, _ = grokking.follow(grokking.wide(4), x, y, new_alpha, new_eps, new_lr, [40])
    except FloatingPointError as error:
        raise Fault("wrong value", "the twin's training explodes: its step is too long.") from error
    return {"the twin's function after 40 steps": grokking.form(now, grokking.wide(4), new_alpha, new_eps)[1][0]}


TWIN = Exercise(
    name="grok.twin", chapter="32", title="Transfer: a twin with another curvature", reference=grokking.twin, minutes=8,
    core=False, observe=_observe_twin, rtol=1e-6,
    cases=lambda: [Case((1.0, 0.25, 1.0, 0.5), "curvature doubled"),
                   Case((2.0, 0.3, 0.4, 0.1), "curvature a third")],
    mistakes={
        "the product is not kept: when eps grows, alpha shrinks by the same factor.":
            lambda alpha, eps, lr, new_eps: (alpha * new_eps / eps, lr * (eps / new_eps) ** 2),
        "alpha was left as it was; the product alpha eps is what has to stay.":
            lambda alpha, eps, lr, new_eps: (alpha, lr * (eps / new_eps) ** 2),
        "the step was left as it was; the quadratic part of the kernel has eps squared, so the clock runs faster by "
        "the square.": lambda alpha, eps, lr, new_eps: (alpha * eps / new_eps, lr),
        "the step was changed by the factor itself; the quadratic part of the kernel has eps *squared*.":
            lambda alpha, eps, lr, new_eps: (alpha * eps / new_eps, lr * eps / new_eps),
        "the step goes the other way: a larger eps learns faster, so its step has to be shorter.":
            lambda alpha, eps, lr, new_eps: (alpha * eps / new_eps, lr * (new_eps / eps) ** 2),
        "the step goes the other way, and by the factor itself: a larger eps learns faster, by the *square*.":
            lambda alpha, eps, lr, new_eps: (alpha * eps / new_eps, lr * new_eps / eps),
        "step and alpha are exchanged: alpha first.":
            lambda alpha, eps, lr, new_eps: grokking.twin(alpha, eps, lr, new_eps)[::-1],
    },
    alternatives=(lambda alpha, eps, lr, new_eps: (alpha * eps / new_eps, lr * (eps / new_eps) ** 2),
                  lambda alpha, eps, lr, new_eps: [alpha / (new_eps / eps), lr * eps * eps / new_eps / new_eps]),
    hints=("f is alpha eps / 2 x^T (M - M0) x here. What has to stay, so that equal M mean equal f?",
           "A step multiplies w by 1 - lr (eps / alpha) times something that depends on f alone. Keep lr eps / alpha, "
           "too.",
           "alpha' = alpha eps / eps'. Then lr' eps' / alpha' = lr eps / alpha gives lr' = lr (eps / eps')^2."),
    solution='''
def twin(alpha, eps, lr, new_eps):
    return alpha * eps / new_eps, lr * (eps / new_eps) ** 2
''',
)

EXERCISES = (LOSS_PARTS, KERNEL, CROSSING, TWIN)
