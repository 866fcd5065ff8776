"""Part 3, the neural tangent kernel: the exercises of chapter 31."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import ntk
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault

Pair = tuple[Tensor, Tensor]


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---------------------------------------------------------------- one layer


def _covariances() -> list[Case]:
    X, Y = _randn(4, 3), _randn(3, 3, seed=1)
    rounded = torch.tensor([[2 * (1 + 4e-16), 1.0], [1.0, 2 * (1 + 4e-16)]], dtype=torch.float64)
    two = torch.tensor([2.0, 2.0], dtype=torch.float64)
    return [Case((X @ Y.T, X.square().sum(1), Y.square().sum(1)), "four points and three others"),
            Case((rounded, two, two), "two points and themselves, a correlation of 1 up to rounding")]


def _arc(k1: Callable[[Tensor, Tensor, Tensor], Tensor], k0: Callable[[Tensor, Tensor, Tensor], Tensor]
         ) -> Callable[..., Pair]:
    """An answer from functions of (size, c, angle), where angle = arccos c."""
    def arc_cosine(S: Tensor, p: Tensor, q: Tensor) -> Pair:
        size = torch.outer(p, q).sqrt()
        c = (S / size).clamp(-1, 1)
        return k1(size, c, torch.arccos(c)), k0(size, c, torch.arccos(c))

    return arc_cosine


def _k1(size: Tensor, c: Tensor, angle: Tensor) -> Tensor:
    return size * (angle.sin() + (math.pi - angle) * c) / math.pi


def _k0(size: Tensor, c: Tensor, angle: Tensor) -> Tensor:
    return (math.pi - angle) / math.pi


def _from_c(c: Tensor, size: Tensor) -> Pair:
    return _k1(size, c, torch.arccos(c)), _k0(size, c, torch.arccos(c))


def _with_margin(S: Tensor, p: Tensor, q: Tensor) -> Pair:
    size = torch.outer(p, q).sqrt()
    return _from_c((S / size).clamp(-1 + 1e-6, 1 - 1e-6), size)


def _unclamped(S: Tensor, p: Tensor, q: Tensor) -> Pair:
    size = torch.outer(p, q).sqrt()
    c = S / size
    angle = torch.arccos(c)
    return size * ((1 - c**2).sqrt() + (math.pi - angle) * c) / math.pi, (math.pi - angle) / math.pi


ARC_COSINE = Exercise(
    name="ntk.arc_cosine", chapter="31", title="Through one layer", reference=ntk.arc_cosine, minutes=10,
    cases=_covariances,
    mistakes={
        "NaN where a point meets itself: rounding makes the correlation 1.0000000000000002, which has no arccos. "
        "`c.clamp(-1, 1)` keeps it in.": _unclamped,
        "k0 is not divided by pi: at c = 1 both neurons are always on together, and E s'(z)^2 = 2 * 1/2 = 1.":
            _arc(_k1, lambda size, c, angle: math.pi - angle),
        "k1 is not divided by pi: at c = 1 it must be 1.":
            _arc(lambda *a: math.pi * _k1(*a), _k0),
        "neither k0 nor k1 is divided by pi: at c = 1 both must be 1.":
            _arc(lambda *a: math.pi * _k1(*a), lambda size, c, angle: math.pi - angle),
        "both results are half of what they should be: that is relu. s(z) is sqrt(2) relu(z), and its square is 2.":
            _arc(lambda *a: _k1(*a) / 2, lambda *a: _k0(*a) / 2),
        "you took the angle where pi minus the angle belongs: for equal inputs (angle 0) everything has to be largest.":
            _arc(lambda size, c, angle: size * (angle.sin() + angle * c) / math.pi,
                 lambda size, c, angle: angle / math.pi),
        "the second result is the probability that a unit is on for both points. Each slope is then sqrt(2), so their "
        "product is 2: twice that.":
            _arc(_k1, lambda size, c, angle: _k0(size, c, angle) / 2),
        "the second term of k1 has S in place of the correlation c, and then the size comes in twice.":
            _arc(lambda size, c, angle: size * (angle.sin() + (math.pi - angle) * size * c) / math.pi, _k0),
        "the clamp leaves a margin below 1, and the angle of 1 - e is as large as sqrt(2 e). Clamp to -1 and 1 "
        "themselves: arccos is finite there.": _with_margin,
        "the size is missing in the first result: k1(c) is for variances 1; multiply by sqrt(p q).":
            _arc(lambda size, c, angle: _k1(size, c, angle) / size, _k0),
        "the second result has the size in it: slopes do not grow with z, so k0(c) stands alone.":
            _arc(_k1, lambda size, c, angle: size * _k0(size, c, angle)),
        "the root is missing in the size: it is sqrt(p q), a product of standard deviations.":
            lambda S, p, q: _arc(lambda size, c, angle: size * _k1(size, c, angle), _k0)(S, p, q),
        "the root is missing in the correlation: c = S / sqrt(p q).":
            lambda S, p, q: _from_c((S / torch.outer(p, q)).clamp(-1, 1), torch.outer(p, q).sqrt()),
        "p and q belong to different points: every pair has its own product, `torch.outer(p, q)`, of shape (M, N).":
            lambda S, p, q: _from_c(S / (p * q).sqrt(), (p * q).sqrt()),
        "the two results are exchanged: first the covariance after the layer, then the slopes.":
            lambda S, p, q: ntk.arc_cosine(S, p, q)[::-1],
        "the term sqrt(1 - c^2) is missing in k1.":
            _arc(lambda size, c, angle: size * (math.pi - angle) * c / math.pi, _k0),
        "the second term of k1 lacks its factor c.":
            _arc(lambda size, c, angle: size * (angle.sin() + math.pi - angle) / math.pi, _k0),
    },
    alternatives=(_arc(_k1, _k0),
                  lambda S, p, q: (_arc(_k1, lambda size, c, angle: 1 - angle / math.pi)(S, p, q))),
    hints=("First the correlation: c = S / sqrt(p q), for every pair. `torch.outer(p, q)` has all the products.",
           "torch.arccos is NaN above 1, and rounding gets there: `clamp(-1, 1)`.",
           "Then k0 = (pi - arccos c) / pi, and k1 = (sqrt(1 - c^2) + (pi - arccos c) c) / pi times sqrt(p q)."),
    solution='''
def arc_cosine(S, p, q):
    size = torch.outer(p, q).sqrt()
    c = (S / size).clamp(-1, 1)
    angle = math.pi - torch.arccos(c)
    return size * ((1 - c**2).sqrt() + angle * c) / math.pi, angle / math.pi
''',
)


# ---------------------------------------------------------------- all layers


def _points() -> list[Case]:
    X, Y = _randn(4, 3), _randn(2, 3, seed=1)
    return [Case((X, Y, h, beta), f"four points and two others, {h} hidden, beta = {beta:g}")
            for h, beta in ((1, 0.0), (1, 0.5), (3, 0.3))]


def _recursion(begin: Callable[[Tensor], Tensor], go_on: Callable[[Tensor, Tensor, Tensor], Tensor],
               first: float = 0, extra: float = 0) -> Callable[..., Pair]:
    """The stub with its two blanks filled: T from S at the beginning, T from (T, S, slopes) at each layer.

    first, extra: so many times beta^2 too much in the one and in the other.
    """
    def analytic(X: Tensor, Y: Tensor, hidden: int, beta: float) -> Pair:
        n = X.shape[1]
        S, p, q = X @ Y.T / n + beta**2, X.square().sum(1) / n + beta**2, Y.square().sum(1) / n + beta**2
        T = begin(S) + first * beta**2
        for _ in range(hidden):
            S, slopes = ntk.arc_cosine(S, p, q)
            S, p, q = S + beta**2, p + beta**2, q + beta**2
            T = go_on(T, S, slopes) + extra * beta**2
        return S, T

    return analytic


def _same(S: Tensor) -> Tensor:
    return S


ANALYTIC = Exercise(
    name="ntk.analytic", chapter="31", title="Two blanks in a recursion", reference=ntk.analytic, minutes=6,
    cases=_points,
    mistakes={
        "you returned S itself: that is the covariance of the untrained outputs (the kernel of training the last layer "
        "alone). What earlier weights do comes in through T times the slopes.":
            _recursion(_same, lambda T, S, slopes: S),
        "the new layer's own weights are missing: they add S, the products of what enters it.":
            _recursion(_same, lambda T, S, slopes: T * slopes),
        "earlier weights act through the new layer, so their part T is multiplied by the slopes before S is added.":
            _recursion(_same, lambda T, S, slopes: T + S),
        "the slopes belong to T, the part of the earlier weights; the new layer's own weights add S as it is.":
            _recursion(_same, lambda T, S, slopes: T + S * slopes),
        "the slopes multiply both parts; they belong to T alone.":
            _recursion(_same, lambda T, S, slopes: (T + S) * slopes),
        "this is a matrix product; every pair of points has its own slope, so the product is entry by entry.":
            _recursion(_same, lambda T, S, slopes: T @ slopes.mT @ slopes + S),
        "T begins at 0, but a network without hidden layers has weights, too: its kernel is S.":
            _recursion(torch.zeros_like, lambda T, S, slopes: T * slopes + S),
        "beta^2 was added once more: S has the new layer's biases in it already, from the line above.":
            _recursion(_same, lambda T, S, slopes: T * slopes + S, extra=1),
        "T begins without the biases. They are weights, too: the first layer's add beta^2, and S has it in it.":
            _recursion(_same, lambda T, S, slopes: T * slopes + S, first=-1),
        "T begins at 1; the kernel of a network without hidden layers is S.":
            _recursion(torch.ones_like, lambda T, S, slopes: T * slopes + S),
    },
    alternatives=(_recursion(_same, lambda T, S, slopes: T * slopes + S),
                  _recursion(torch.clone, lambda T, S, slopes: torch.addcmul(S, T, slopes))),
    hints=("Without hidden layers the network is W x / sqrt(n) + beta b. What are the inner products of its gradients?",
           "A new layer on top: its own weights see what enters (inner products S). All earlier weights act through "
           "it, "
           "so their kernel is multiplied by the slopes."),
    solution='''
def analytic(X, Y, hidden, beta):
    n = X.shape[1]
    S, p, q = X @ Y.T / n + beta**2, (X**2).sum(1) / n + beta**2, (Y**2).sum(1) / n + beta**2
    T = S
    for _ in range(hidden):
        S, slopes = arc_cosine(S, p, q)
        S, p, q = S + beta**2, p + beta**2, q + beta**2
        T = T * slopes + S
    return S, T
''',
)


# ---------------------------------------------------------------- the linearised network


def _training() -> list[Case]:
    cases = []
    for n, t, lr, seed in ((4, 3, 0.3, 0), (3, 0, 0.3, 10), (5, 40, 0.2, 20)):
        a, b = _randn(n, n + 2, seed=seed), _randn(2, n + 2, seed=seed + 1)
        cases.append(Case((b @ a.T, a @ a.T, _randn(2, seed=seed + 2), _randn(n, seed=seed + 3),
                           _randn(n, seed=seed + 4), lr, t), f"{n} training points, {t} steps"))
    return cases


def _line(what: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An answer from K_test K^-1 times what(decay, f0, y, I), added to f0_test."""
    def linearised(K_test: Tensor, K_train: Tensor, f0_test: Tensor, f0: Tensor, y: Tensor, lr: float,
                   t: int) -> Tensor:
        eye = torch.eye(len(y), dtype=y.dtype)
        decay = torch.linalg.matrix_power(eye - lr * K_train / len(y), t)
        return f0_test + K_test @ torch.linalg.solve(K_train, what(decay, f0, y, eye))

    return linearised


def _decayed(power: Callable[[Tensor, float, int], Tensor]) -> Callable[..., Tensor]:
    """The right formula with another decay, from (K_train, lr, t)."""
    def linearised(K_test: Tensor, K_train: Tensor, f0_test: Tensor, f0: Tensor, y: Tensor, lr: float,
                   t: int) -> Tensor:
        eye = torch.eye(len(y), dtype=y.dtype)
        return f0_test + K_test @ torch.linalg.solve(K_train, (eye - power(K_train, lr, t)) @ (y - f0))

    return linearised


def _eye(K: Tensor) -> Tensor:
    return torch.eye(len(K), dtype=K.dtype)


def _by_steps(K_test: Tensor, K_train: Tensor, f0_test: Tensor, f0: Tensor, y: Tensor, lr: float, t: int) -> Tensor:
    f, at_test = f0, f0_test
    for _ in range(t):
        f, at_test = f - lr / len(y) * K_train @ (f - y), at_test - lr / len(y) * K_test @ (f - y)
    return at_test


LINEARISED = Exercise(
    name="ntk.linearised", chapter="31", title="Training without a network", reference=ntk.linearised, minutes=10,
    cases=_training,
    mistakes={
        "f0_test is dropped: after 0 steps the network says what it said at the beginning.":
            lambda K_test, K_train, f0_test, f0, y, lr, t: _line(lambda d, f0, y, eye: (eye - d) @ (y - f0))(
                K_test, K_train, 0 * f0_test, f0, y, lr, t),
        "the targets are y, but what has to be learned is y - f0: the network begins at f0.":
            _line(lambda d, f0, y, eye: (eye - d) @ y),
        "this is where training ends. After t steps only the share 1 - (1 - lr lambda / N)^t of each mode is learned.":
            _line(lambda d, f0, y, eye: y - f0),
        "you used what is *left* of the error, (1 - lr K / N)^t, where what was learned belongs: one minus that.":
            _line(lambda d, f0, y, eye: d @ (y - f0)),
        "the sign is turned: f moves from f0 towards y, by y - f0.":
            _line(lambda d, f0, y, eye: (eye - d) @ (f0 - y)),
        "1/N is missing: the loss is a mean over the points, so a step is lr K / N.":
            _decayed(lambda K, lr, t: torch.linalg.matrix_power(_eye(K) - lr * K, t)),
        "you divided by N twice. One step moves f by lr K (y - f) / N.":
            _decayed(lambda K, lr, t: torch.linalg.matrix_power(_eye(K) - lr * K / len(K) ** 2, t)),
        "the power was taken entry by entry (`**`); `torch.linalg.matrix_power` is the power of a matrix.":
            _decayed(lambda K, lr, t: (_eye(K) - lr * K / len(K)) ** t),
        "each 1 in the formula is the identity matrix (`torch.eye`), and the power is a matrix's "
        "(`torch.linalg.matrix_power`). A plain 1 stands in every entry, and `**` goes entry by entry.":
            lambda K_test, K_train, f0_test, f0, y, lr, t: f0_test + K_test @ torch.linalg.solve(
                K_train, (1 - (1 - lr * K_train / len(y)) ** t) @ (y - f0)),
        "both 1's are identity matrices (`torch.eye`); a plain 1 is subtracted from, or added to, every entry.":
            lambda K_test, K_train, f0_test, f0, y, lr, t: f0_test + K_test @ torch.linalg.solve(
                K_train, (1 - torch.linalg.matrix_power(1 - lr * K_train / len(y), t)) @ (y - f0)),
        "the 1 in front of the power is the identity matrix, too; a plain 1 stands in every entry.":
            _decayed(lambda K, lr, t: _eye(K) - 1 + torch.linalg.matrix_power(_eye(K) - lr * K / len(K), t)),
        "the 1 inside the power is the identity matrix; a plain 1 stands in every entry.":
            _decayed(lambda K, lr, t: torch.linalg.matrix_power(1 - lr * K / len(K), t)),
        "this takes t times the first step. Later steps are shorter, since the error has shrunk: the power "
        "(1 - lr K / N)^t.":
            _decayed(lambda K, lr, t: _eye(K) - lr * t * K / len(K)),
        "f0 is in it twice. y - (1 - lr K / N)^t (y - f0) is where the training points *are* after t steps; what is "
        "carried over to other points, and added to f0_test, is how far they have *moved*.":
            _line(lambda d, f0, y, eye: y - d @ (y - f0)),
        "exp(-lr t K / N) is gradient flow, the limit of ever smaller steps. These steps are finite: (1 - lr K / N)^t.":
            _decayed(lambda K, lr, t: torch.matrix_exp(-lr * t * K / len(K))),
        "the inverse of K_train is missing: a sum of t pushes is K_test times (1 + d + d^2 + ...), which is "
        "K^-1 (1 - d^t) up to lr / N.":
            lambda K_test, K_train, f0_test, f0, y, lr, t: f0_test + K_test @ (
                _eye(K_train) - torch.linalg.matrix_power(_eye(K_train) - lr * K_train / len(y), t)) @ (y - f0),
    },
    alternatives=(_by_steps, _decayed(lambda K, lr, t: torch.linalg.matrix_power(_eye(K) - lr * K / len(K), t)),
                  lambda K_test, K_train, f0_test, f0, y, lr, t: ntk.linear_training(
                      K_test, K_train, f0_test, f0, y, lr, [t])[0]),
    hints=("At the training points the error f - y is multiplied by (1 - lr K / N) at each step. After t steps?",
           "`torch.linalg.matrix_power(A, t)`. What was learned at the training points is (1 - that) (y - f0).",
           "From the training points to any others as in chapter 30: K_test K_train^-1 times it. Do not forget "
           "f0_test."),
    solution='''
def linearised(K_test, K_train, f0_test, f0, y, lr, t):
    one = torch.eye(len(y), dtype=y.dtype)
    left = torch.linalg.matrix_power(one - lr * K_train / len(y), t)      # of the error, after t steps
    return f0_test + K_test @ torch.linalg.solve(K_train, (one - left) @ (y - f0))
''',
)


# ---------------------------------------------------------------- transfer: how long for a mode


def _observe_half(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """What is left of the error along the mode after the steps that were answered."""
    K, lr, k = case.args
    steps = candidate(*case.args)
    if steps is None:
        return {"the number of steps": None}
    if not isinstance(steps, (int, float, Tensor)):
        raise Fault("error", f"a number of steps is expected; got {type(steps).__name__}.")
    rate = lr * torch.linalg.eigvalsh(K)[-k] / len(K)
    return {"what is left of the error along that mode": (1 - rate) ** torch.as_tensor(steps, dtype=K.dtype)}


def _spectrum(values: list[float], seed: int) -> Tensor:
    Q = torch.linalg.qr(_randn(len(values), len(values), seed=seed)).Q
    return Q @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ Q.T


def _rate(K: Tensor, lr: float, k: int) -> Tensor:
    return lr * torch.linalg.eigvalsh(K)[-k] / len(K)


def _half(rate: Tensor) -> Tensor:
    return -math.log(2) / torch.log1p(-rate)


HALF_LIFE = Exercise(
    name="ntk.half_life", chapter="31", title="Transfer: how long for the third mode?", reference=ntk.half_life,
    minutes=8, core=False, observe=_observe_half, rtol=0.02,
    cases=lambda: [Case((_spectrum([4.0, 1.0, 0.25, 0.1], 0), 0.4, 3), "four points, the third mode"),
                   Case((_spectrum([9.0, 2.0, 0.8], 1), 0.04, 2), "three points, the second mode"),
                   Case((_spectrum([6.0, 3.0, 2.0, 1.0, 0.5], 2), 0.02, 1), "five points, the first mode"),
                   Case((_spectrum([5.0, 1.0, 0.2], 3), 0.1245, 1), "three points and large steps, the first mode")],
    mistakes={
        "1/N is missing: the loss is a mean over the points, so an error shrinks by 1 - lr lambda / N at each step.":
            lambda K, lr, k: _half(len(K) * _rate(K, lr, k)),
        "you counted modes from the smallest: `eigvalsh` ascends, so the k-th largest is at place -k.":
            lambda K, lr, k: _half(lr * torch.linalg.eigvalsh(K)[k - 1] / len(K)),
        "off by one mode: the first is the largest, at place -1.":
            lambda K, lr, k: _half(lr * torch.linalg.eigvalsh(K).flip(0)[min(k, len(K) - 1)] / len(K)),
        "you took the largest mode, whatever k is.": lambda K, lr, k: _half(_rate(K, lr, 1)),
        "log 2 / rate is the half-life of gradient flow, the limit of small steps. These are finite: solve "
        "(1 - rate)^t = 1/2.": lambda K, lr, k: math.log(2) / _rate(K, lr, k),
        "steps shrink with the error: the first takes the share `rate` of it, later ones less. Solve "
        "(1 - rate)^t = 1/2.": lambda K, lr, k: 0.5 / _rate(K, lr, k),
        "after that many steps the error has fallen to 1/e = 0.37; to halve it takes log 2 = 0.69 times as long.":
            lambda K, lr, k: -1 / torch.log1p(-_rate(K, lr, k)),
        "that halves the *squared* error; the error itself takes twice as long.":
            lambda K, lr, k: _half(_rate(K, lr, k)) / 2,
        "the learning rate is missing: you computed the time, and a step lasts lr.":
            lambda K, lr, k: math.log(2) / (_rate(K, lr, k) / lr),
    },
    alternatives=(lambda K, lr, k: math.log(0.5) / torch.log(1 - _rate(K, lr, k)),
                  lambda K, lr, k: math.ceil(_half(_rate(K, lr, k))),
                  lambda K, lr, k: next(t / 10 for t in range(100_000) if (1 - _rate(K, lr, k)) ** (t / 10) < 0.5)),
    hints=("Along a mode with eigenvalue lambda, each step multiplies the error by 1 - lr lambda / N.",
           "Solve (1 - lr lambda / N)^t = 1/2 for t. `torch.linalg.eigvalsh(K)` has the eigenvalues in ascending "
           "order."),
    solution='''
def half_life(K, lr, k):
    rate = lr * torch.linalg.eigvalsh(K)[-k] / len(K)
    return -math.log(2) / torch.log(1 - rate)
''',
)

EXERCISES = (ARC_COSINE, ANALYTIC, LINEARISED, HALF_LIFE)
