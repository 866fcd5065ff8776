"""Part 3, intrinsic dimension: the exercises of chapter 36."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import description, subspace
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---------------------------------------------------------------- the toy


def _tasks() -> list[Case]:
    return [Case((_randn(k, D, seed=k), _randn(k, seed=k + 1), _randn(D, seed=k + 2), _randn(D, d, seed=k + 3)),
                 f"{D} numbers, {k} conditions, {d} directions") for k, D, d in ((5, 12, 2), (4, 9, 4), (3, 8, 6))]


def _left(short: Callable[..., Tensor], reach: Callable[..., Tensor],
          end: Callable[[Tensor], Tensor] = lambda r: r.square().sum()) -> Callable[..., Tensor]:
    """An answer from what is short, what can be reached, and what is made of the remainder."""
    def lowest(A: Tensor, b: Tensor, theta0: Tensor, P: Tensor) -> Tensor:
        s, R = short(A, b, theta0), reach(A, P)
        return end(R @ torch.linalg.pinv(R) @ s - s)

    return lowest


def _short(A: Tensor, b: Tensor, theta0: Tensor) -> Tensor:
    return b - A @ theta0


def _reach(A: Tensor, P: Tensor) -> Tensor:
    return A @ P


def _by_modes(A: Tensor, b: Tensor, theta0: Tensor, P: Tensor) -> Tensor:
    U, s, _ = torch.linalg.svd(A @ P, full_matrices=False)
    U, short = U[:, s > 1e-12 * s[0]], b - A @ theta0
    return short.square().sum() - (U.T @ short).square().sum()


LOWEST = Exercise(
    name="subspace.lowest", chapter="36", title="What the best point of a subspace leaves", reference=subspace.lowest,
    minutes=8, cases=_tasks,
    mistakes={
        "theta0 is missing: a subspace begins at theta0, so what has to be made up is b - A theta0.":
            _left(lambda A, b, theta0: b, _reach),
        "A theta0 has the wrong sign: the conditions want A theta0 + A P z = b, so b - A theta0 has to be made up.":
            _left(lambda A, b, theta0: b + A @ theta0, _reach),
        "that is the distance; the loss is its square.": _left(_short, _reach, lambda r: r.norm()),
        "that is a mean over the conditions; the loss is the sum.":
            _left(_short, _reach, lambda r: r.square().mean()),
        "that is the remainder for each condition; the loss is the sum of their squares.":
            _left(_short, _reach, lambda r: r),
        "that is half of the loss.": _left(_short, _reach, lambda r: r.square().sum() / 2),
        "that is the loss at the beginning, z = 0: find the best z first.":
            lambda A, b, theta0, P: (b - A @ theta0).square().sum(),
        "you solved for all D numbers. Only z is free: what can be reached is A P z.":
            _left(_short, lambda A, P: A),
        "1 - d / k is what is left on *average* over random subspaces; this one is given, and leaves what it leaves.":
            lambda A, b, theta0, P: (b - A @ theta0).square().sum() * max(0.0, 1 - P.shape[1] / len(b)),
        "that is z itself; wanted is the loss that it leaves.":
            lambda A, b, theta0, P: torch.linalg.pinv(A @ P) @ (b - A @ theta0),
        "`lstsq(...).residuals` is empty wherever there are as many directions as conditions or more. Compute the "
        "remainder from `.solution`.":
            lambda A, b, theta0, P: torch.linalg.lstsq(A @ P, (b - A @ theta0)[:, None]).residuals,
        "the best z for P alone is not the best for the task: the conditions see A P.":
            lambda A, b, theta0, P: (
                A @ (theta0 + P @ (torch.linalg.pinv(P) @ torch.linalg.pinv(A) @ (b - A @ theta0))) - b).square().sum(),
    },
    alternatives=(_left(_short, _reach), _by_modes),
    hints=("A (theta0 + P z) - b = (A P) z - (b - A theta0): a least squares problem for z with the matrix A P.",
           "`torch.linalg.lstsq(M, v[:, None]).solution` is the best z, as a column; `torch.linalg.pinv(M) @ v` works, "
           "too. (M^T M has no inverse when there are more directions than conditions.)"),
    solution='''
def lowest(A, b, theta0, P):
    short = b - A @ theta0
    z = torch.linalg.pinv(A @ P) @ short
    return (A @ P @ z - short).square().sum()
''',
)


# ---------------------------------------------------------------- one entry a row


def _draws() -> list[Case]:
    cases = []
    for D, d, seed in ((9, 3, 0), (14, 5, 1)):
        rng = torch.Generator().manual_seed(seed)
        where = torch.randint(d, (D,), generator=rng)
        where[: D // 3] = 0  # unequal shares tell a root from a mean
        where[-d:] = torch.arange(d)
        sign = 2.0 * torch.randint(2, (D,), generator=rng, dtype=torch.float64) - 1
        cases.append(Case((_randn(d, seed=seed + 7), where, sign), f"{D} weights, {d} coordinates"))
    return cases


def _filled(scale: Callable[[Tensor], Tensor], out: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The stub with its two blanks filled, from the counts and from (z, scale, where, sign)."""
    def spread(z: Tensor, where: Tensor, sign: Tensor) -> Tensor:
        count = torch.bincount(where, minlength=len(z))
        return out(z, scale(count), where, sign)

    return spread


def _root(count: Tensor) -> Tensor:
    return 1 / count.sqrt()


def _out(z: Tensor, scale: Tensor, where: Tensor, sign: Tensor) -> Tensor:
    return (z * scale)[where] * sign


SPREAD = Exercise(
    name="subspace.spread", chapter="36", title="Two blanks in a projection", reference=subspace.spread, minutes=6,
    cases=_draws, gradient=("z",),
    mistakes={
        "columns are not of length 1 (is the scale in what you return?): a column with n entries of 1 or -1 has the "
        "length sqrt(n). A step of 1 in z would "
        "move the weights by more than 1.": _filled(lambda c: torch.ones_like(c), _out),
        "divided by how many there are: a column with n entries of 1/n has the length 1/sqrt(n). Divide by the root.":
            _filled(lambda c: 1 / c, _out),
        "multiplied by the root where it should be divided: columns become longer, not 1.":
            _filled(lambda c: c.sqrt(), _out),
        "the signs are missing: all weights of a coordinate would move the same way, and P z would be as one-sided as "
        "weights that are tied.": _filled(_root, lambda z, s, where, sign: (z * s)[where]),
        "one scale for all columns, as if each moved D / d weights: each has its own count.":
            _filled(lambda c: c.double().mean().rsqrt() * torch.ones_like(c), _out),
        "z is missing: you returned the entries of P; the result is P z.":
            _filled(_root, lambda z, s, where, sign: s[where] * sign + 0 * z.sum()),
    },
    alternatives=(_filled(_root, _out),
                  _filled(lambda c: c.double().rsqrt(), lambda z, s, where, sign: z[where] * s[where] * sign)),
    hints=("Coordinate j moves `count[j]` weights, each by 1 or -1 times the scale. What scale gives that column of P "
           "the "
           "length 1?", "`z[where]` picks each weight's coordinate: (D,). Multiply by the scale and the sign."),
    solution='''
def spread(z, where, sign):
    count = torch.bincount(where, minlength=len(z))
    scale = 1 / count.sqrt()
    return (z * scale)[where] * sign
''',
)


# ---------------------------------------------------------------- reading d_90 from a curve


def _curves() -> list[Case]:
    make = torch.tensor
    return [
        Case(([100, 200, 400, 800], make([0.5, 0.7, 0.8, 0.9], dtype=torch.float64), 0.95), "a curve that rises"),
        Case(([50, 100, 200, 400, 800], make([0.4, 0.79, 0.73, 0.82, 0.86], dtype=torch.float64), 0.84),
             "a curve with a lucky point"),
        Case(([50, 100, 200, 400, 800], make([0.4, 0.7, 0.6, 0.8, 0.86], dtype=torch.float64), 0.84),
             "a curve with an unlucky point"),
        Case(([100, 300, 900], make([0.2, 0.4, 0.6], dtype=torch.float64), 0.98), "a curve that stays below"),
        Case(([100, 300, 900], make([0.7, 0.8, 0.9], dtype=torch.float64), 0.75), "a curve that begins above"),
    ]


def _rising(accuracy: Tensor) -> Tensor:
    return (accuracy.cummax(0).values + accuracy.flip(0).cummin(0).values.flip(0)) / 2


def _reading(bar: Callable[[float], float] = lambda b: 0.9 * b, curve: Callable[[Tensor], Tensor] = _rising,
             warp: Callable[[float], float] = math.log, back: Callable[[float], float] = math.exp,
             between: Callable[[float, float, float], float] = lambda u, v, s: u + s * (v - u),
             never: float | None = math.inf) -> Callable[..., Any]:
    """needed, with one of its parts replaced."""
    def needed(dims: Any, accuracy: Tensor, baseline: float) -> float:
        a, goal = curve(torch.as_tensor(accuracy, dtype=torch.float64)), bar(baseline)
        above = [i for i in range(len(a)) if a[i] >= goal]
        if not above:
            return float(dims[-1]) if never is None else never
        i = above[0]
        if i == 0:
            return float(dims[0])
        share = float((goal - a[i - 1]) / (a[i] - a[i - 1]))
        return back(between(warp(float(dims[i - 1])), warp(float(dims[i])), share))

    return needed


def _by_interp(dims: Any, accuracy: Tensor, baseline: float) -> float:
    import numpy as np

    a = _rising(torch.as_tensor(accuracy)).numpy()
    return math.inf if a[-1] < 0.9 * baseline else float(np.exp(np.interp(0.9 * baseline, a, np.log(dims))))


def _wrapped(dims: Any, accuracy: Tensor, baseline: float) -> float:
    a, goal = _rising(accuracy), 0.9 * baseline
    for i in range(len(a)):
        if a[i] >= goal:
            share = float((goal - a[i - 1]) / (a[i] - a[i - 1]))
            return math.exp(math.log(dims[i - 1]) + share * (math.log(dims[i]) - math.log(dims[i - 1])))
    return math.inf


NEEDED = Exercise(
    name="subspace.needed", chapter="36", title="d_90 from a curve", reference=subspace.needed, minutes=12,
    cases=_curves,
    mistakes={
        "the bar is 0.9 of the baseline, not 0.9: what counts is what direct training reaches.":
            _reading(bar=lambda b: 0.9),
        "the bar is the whole baseline; d_90 asks for 90 % of it.": _reading(bar=lambda b: b),
        "the bar is ten points below the baseline; d_90 asks for 90 % of it, 0.9 * baseline.":
            _reading(bar=lambda b: b - 0.1),
        "you read the curve as measured, and one lucky point decided. Make it rise first.":
            _reading(curve=lambda a: a),
        "the best so far is a rising curve, but a lucky point lifts all that follow. Take the middle, as `rising` "
        "does.":
            _reading(curve=lambda a: a.cummax(0).values),
        "you interpolated in d; the points are spread evenly in log d, and so is the line.":
            _reading(warp=lambda x: x, back=lambda x: x),
        "that is the first point of the grid that meets the bar. Read between it and the one before.":
            _reading(between=lambda u, v, s: v),
        "that is the last point of the grid below the bar. Read between it and the next.":
            _reading(between=lambda u, v, s: u),
        "the weights of the two neighbours are exchanged: close below the bar, the crossing is close to the lower d.":
            _reading(between=lambda u, v, s: v + s * (u - v)),
        "that is log d; take the exponential at the end.": _reading(back=lambda x: x),
        "a curve that never meets the bar has no d_90 within the grid: return math.inf, not the last d.":
            _reading(never=None),
        "two things: you interpolated in d where the points are even in log d, and a curve that never meets the bar "
        "has "
        "no d_90 within the grid (math.inf).":
            _reading(warp=lambda x: x, back=lambda x: x, never=None),
        "a curve that begins above the bar has no point before its first, and a[i - 1] is then the *last* point: "
        "return "
        "the first d.": _wrapped,
    },
    alternatives=(_reading(), _by_interp),
    hints=("`a = rising(accuracy)`, `bar = 0.9 * baseline`. If `a[-1] < bar`: math.inf. If `a[0] >= bar`: dims[0].",
           "The first i with a[i] >= bar, and the share of the way from a[i-1] to a[i] at which the bar lies.",
           "d = dims[i-1] * (dims[i] / dims[i-1]) ** share is a straight line over log d."),
    solution='''
def needed(dims, accuracy, baseline):
    a, bar = rising(accuracy), 0.9 * baseline
    if a[-1] < bar:
        return math.inf
    i = int((a >= bar).nonzero()[0])
    if i == 0:
        return float(dims[0])
    share = float((bar - a[i - 1]) / (a[i] - a[i - 1]))
    return dims[i - 1] * (dims[i] / dims[i - 1]) ** share
''',
)


# ---------------------------------------------------------------- transfer: what a short file proves


def _observe_bound(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    q, B, N, delta = case.args
    answer = candidate(*case.args)
    if torch.is_tensor(answer) and answer.ndim:
        raise Fault("wrong shape", f"a single number is wanted; got a tensor of shape {tuple(answer.shape)}.")
    p = float(answer)
    if not q <= p < 1:
        raise Fault("wrong value", f"with q = {q:g} the bound must lie between q and 1; got {p:.4g}.")
    return {"N KL(q, p), which must equal B log 2 + log 1/delta": torch.tensor(N * description.divergence(q, p))}


def _solved(budget: Callable[[float, int, float], float],
            distance: Callable[[float, float], float] = description.divergence,
            upwards: bool = True) -> Callable[..., float]:
    """The p on one side of q at which a distance uses a budget up, by halving."""
    def occam(q: float, B: float, N: int, delta: float) -> float:
        inside, outside = q, (1 - 1e-12 if upwards else 1e-12)
        for _ in range(80):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if distance(q, middle) < budget(B, N, delta) else (inside, middle)
        return outside

    return occam


def _budget(B: float, N: int, delta: float) -> float:
    return (B * math.log(2) + math.log(1 / delta)) / N


def _by_root(q: float, B: float, N: int, delta: float) -> float:
    from scipy.optimize import brentq

    return brentq(lambda p: description.divergence(q, p) - _budget(B, N, delta), q + 1e-12, 1 - 1e-12)


def _by_grid(q: float, B: float, N: int, delta: float) -> float:
    grid = [q + (1 - q) * i / 50_000 for i in range(1, 50_000)]
    return next(p for p in grid if description.divergence(q, p) >= _budget(B, N, delta))


OCCAM = Exercise(
    name="description.occam", chapter="36", title="Transfer: what a short file proves", reference=description.occam,
    minutes=12, core=False, observe=_observe_bound, rtol=0.01,
    cases=lambda: [Case((0.1, 2000.0, 20_000, 0.01), "a tenth wrong, 2000 bits, 20,000 examples"),
                   Case((0.25, 100.0, 500, 0.05), "a quarter wrong, 100 bits, 500 examples"),
                   Case((0.02, 30.0, 3000, 0.001), "2 % wrong, 30 bits, 3000 examples")],
    mistakes={
        "log 2 is missing: B bits make 2^B files, and their logarithm is B log 2.":
            _solved(lambda B, N, delta: (B + math.log(1 / delta)) / N),
        "log 1/delta has the wrong sign: a bound that may fail less often must be weaker.":
            _solved(lambda B, N, delta: (B * math.log(2) + math.log(delta)) / N),
        "1/N is missing, or N was used twice: N KL(q, p) = B log 2 + log 1/delta.":
            _solved(lambda B, N, delta: (B * math.log(2) + math.log(1 / delta)) / N**2),
        "the files are missing: B log 2 belongs to the budget, since the network was chosen among 2^B.":
            _solved(lambda B, N, delta: math.log(1 / delta) / N),
        "log 1/delta is missing: without it the bound may always fail.":
            _solved(lambda B, N, delta: B * math.log(2) / N),
        "the two coins are exchanged: KL(q, p) has what was seen, q, in front.":
            _solved(_budget, lambda q, p: description.divergence(p, q)),
        "bytes are not bits: B counts bits already.":
            _solved(lambda B, N, delta: (8 * B * math.log(2) + math.log(1 / delta)) / N),
        "that is Hoeffding's bound, q + sqrt(budget / 2): true as well, but weaker. The p is wanted at which KL(q, p) "
        "has "
        "used the budget up.":
            lambda q, B, N, delta: min(q + math.sqrt(_budget(B, N, delta) / 2), 1 - 1e-9),
        "you added the budget to q; it is KL(q, p) that must equal it.":
            lambda q, B, N, delta: q + _budget(B, N, delta),
    },
    alternatives=(_solved(_budget), _by_root, _by_grid),
    hints=("KL(q, p) is 0 at p = q and grows without end towards p = 1: exactly one p above q uses the budget up.",
           "Halve: begin with low = q and high = 1. If divergence(q, middle) is below the budget, low = middle, else "
           "high = middle. Fifty halvings are plenty.",
           "`scipy.optimize.brentq` finds a root between two points of different sign, too."),
    solution='''
def occam(q, B, N, delta):
    budget = (B * math.log(2) + math.log(1 / delta)) / N
    low, high = q, 1 - 1e-12
    for _ in range(50):
        middle = (low + high) / 2
        if divergence(q, middle) < budget:
            low = middle
        else:
            high = middle
    return high
''',
)

EXERCISES = (LOWEST, SPREAD, NEEDED, OCCAM)
