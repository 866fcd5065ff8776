"""Part 3, manifold clustering: the exercises of chapter 37."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import clustering, coding_rate
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _unit(*shape: int, seed: int = 0) -> Tensor:
    return torch.nn.functional.normalize(_randn(*shape, seed=seed), dim=-1)


# ---------------------------------------------------------------- the coding rate


def _features() -> list[Case]:
    return [Case((_unit(7, 3), 0.5), "seven points in three dimensions"),
            Case((_unit(3, 5, seed=1), 0.3), "three points in five dimensions"),
            Case((torch.eye(120, dtype=torch.float64), 0.01), "120 axes, to a precision of 0.01")]


def _rate(factor: Callable[[int, int, float], float], half: float = 0.5, centre: bool = False) -> Callable[..., Tensor]:
    def rate(Z: Tensor, eps: float) -> Tensor:
        Z = Z - Z.mean(0) if centre else Z
        N, D = Z.shape
        return half * torch.logdet(torch.eye(D, dtype=Z.dtype) + factor(N, D, eps) * Z.T @ Z)

    return rate


def _right(N: int, D: int, eps: float) -> float:
    return D / (N * eps**2)


def _by_points(Z: Tensor, eps: float) -> Tensor:
    N, D = Z.shape
    return torch.linalg.slogdet(torch.eye(N, dtype=Z.dtype) + D / (N * eps**2) * Z @ Z.T)[1] / 2


def _by_singular_values(Z: Tensor, eps: float) -> Tensor:
    N, D = Z.shape
    return torch.log1p(D / (N * eps**2) * torch.linalg.svdvals(Z) ** 2).sum() / 2


def _without_identity(Z: Tensor, eps: float) -> Tensor:
    N, D = Z.shape
    return torch.logdet(D / (N * eps**2) * Z.T @ Z) / 2


def _log_of_det(Z: Tensor, eps: float) -> Tensor:
    N, D = Z.shape
    return torch.log(torch.det(torch.eye(D, dtype=Z.dtype) + D / (N * eps**2) * Z.T @ Z)) / 2


def _ones_everywhere(Z: Tensor, eps: float) -> Tensor:
    N, D = Z.shape
    return torch.logdet(1 + D / (N * eps**2) * Z.T @ Z) / 2


def _not_squared(Z: Tensor, eps: float) -> Tensor:
    N, D = Z.shape
    return torch.log1p(D / (N * eps**2) * torch.linalg.svdvals(Z)).sum() / 2


def _without_one(Z: Tensor, eps: float) -> Tensor:
    N, D = Z.shape
    return torch.linalg.eigvalsh(D / (N * eps**2) * Z.T @ Z).clamp_min(1e-12).log().sum() / 2


def _diagonal_alone(Z: Tensor, eps: float) -> Tensor:
    N, D = Z.shape
    return torch.log1p(D / (N * eps**2) * Z.square().sum(0)).sum() / 2


def _by_cov(Z: Tensor, eps: float) -> Tensor:
    N, D = Z.shape
    Z = Z - Z.mean(0)
    return torch.logdet(torch.eye(D, dtype=Z.dtype) + D / eps**2 * Z.T @ Z / (N - 1)) / 2


CODING_RATE = Exercise(
    name="clustering.coding_rate", chapter="37", title="How many nats", reference=coding_rate.coding_rate, minutes=6,
    cases=_features, gradient=("Z",),
    mistakes={
        "twice too much: the factor 1/2 is missing. (Ding et al. leave it out, too; we keep it, so that the rate is "
        "in nats.)": _rate(_right, 1.0),
        "N and D are exchanged in the factor: it is D / (N eps^2).": _rate(lambda N, D, eps: N / (D * eps**2)),
        "eps has to be squared: it is a length, and Z^T Z is made of squares.":
            _rate(lambda N, D, eps: D / (N * eps)),
        "the number of points is missing in the factor. Without it, writing every point down twice would raise the "
        "rate of a point.": _rate(lambda N, D, eps: D / eps**2),
        "the factor D is missing: the precision eps is for the whole vector, so each of D coordinates gets a D-th of "
        "eps^2.": _rate(lambda N, D, eps: 1 / (N * eps**2)),
        "both the half and the factor D are missing.": _rate(lambda N, D, eps: 1 / (N * eps**2), 1.0),
        "the identity is missing: a direction that no feature uses then costs minus infinity, and should cost nothing.":
            _without_identity,
        "a logarithm of a determinant that has overflowed: det is a product of 120 numbers of size 10,000. "
        "`torch.logdet` sums logarithms instead.": _log_of_det,
        "the 1 in log(1 + ...) is missing: with it, directions below the precision cost nothing instead of less than "
        "nothing.": _without_one,
        "`1 + A` adds 1 to every entry; the identity, `torch.eye(D)`, adds it to the diagonal.": _ones_everywhere,
        "singular values come in squared: they are roots of the eigenvalues of Z^T Z.": _not_squared,
        "in bits: the natural logarithm gives nats, as it stands in the formula.":
            _rate(_right, 0.5 / math.log(2)),
        "N - 1 in place of N: this is no estimate of a covariance, but a code for the N features that are there.":
            _rate(lambda N, D, eps: D / ((N - 1) * eps**2)),
        "the mean was taken off first. A subspace goes through the origin, and so does its code.":
            _rate(_right, centre=True),
        "a covariance: it takes the mean off and divides by N - 1. Here no mean is taken off, and N features are N: "
        "Z^T Z / N.": _by_cov,
        "eps^2 came out on top: `D / N * eps**2` multiplies by it. Write `D / (N * eps**2)`.":
            _rate(lambda N, D, eps: D / N * eps**2),
        "divided by N twice: Z^T Z is a sum over points, and one N turns it into a mean.":
            _rate(lambda N, D, eps: D / (N**2 * eps**2)),
        "that is what all N features take together; R is for each feature.":
            lambda Z, eps: len(Z) * _rate(_right)(Z, eps),
        "only the diagonal of Z^T Z came in, which is right where the coordinates are uncorrelated. The determinant "
        "needs the whole matrix.": _diagonal_alone,
    },
    alternatives=(_rate(_right), _by_points, _by_singular_values),
    hints=("`N, D = Z.shape`, and `Z.T @ Z` is (D, D).",
           "`torch.logdet` takes the logarithm of the determinant without ever forming the determinant.",
           "torch.logdet(torch.eye(D, dtype=Z.dtype) + D / (N * eps**2) * Z.T @ Z) / 2"),
    solution='''
def coding_rate(Z, eps):
    N, D = Z.shape
    return torch.logdet(torch.eye(D, dtype=Z.dtype) + D / (N * eps**2) * Z.T @ Z) / 2
''',
)


# ---------------------------------------------------------------- class by class


def _memberships() -> list[Case]:
    soft = torch.softmax(_randn(7, 3, seed=3), 1)
    hard = coding_rate.one_hot(torch.tensor([0, 0, 1, 1, 1, 2]))
    return [Case((_unit(7, 4), soft, 0.5), "seven points, softly in three classes"),
            Case((_unit(6, 3, seed=1), hard, 0.3), "six points in classes of two, three and one"),
            Case((_unit(5, 3, seed=2), torch.softmax(_randn(5, 5, seed=4), 0), 0.5), "five points in five classes")]


def _classes(size: Callable[[Tensor], Any], spread: Callable[[Tensor, Tensor, Any], Tensor]) -> Callable[..., Tensor]:
    """The stub with its two blanks filled: the size from p, the spread from (Z, p, size)."""
    def compression(Z: Tensor, P: Tensor, eps: float) -> Tensor:
        N, D = Z.shape
        total = torch.zeros((), dtype=Z.dtype)
        for p in P.T:
            n = size(p)
            A = torch.eye(D, dtype=Z.dtype) + D / eps**2 * spread(Z, p, n)
            total = total + n / N * torch.logdet(A) / 2
        return total

    return compression


def _weighted(Z: Tensor, p: Tensor, n: Any) -> Tensor:
    return Z.T @ (p[:, None] * Z) / n


def _picked(least: float, soft_size: bool) -> Callable[..., Tensor]:
    """Points with a weight above `least` are in the class, wholly; the others are not."""
    return _classes(lambda p: p.sum() if soft_size else (p > least).sum(),
                    lambda Z, p, n: Z[p > least].T @ Z[p > least] / n)


def _less_its_mean(Z: Tensor, p: Tensor, n: Any) -> Tensor:
    centred = Z - p @ Z / n
    return centred.T @ (p[:, None] * centred) / n


COMPRESSION = Exercise(
    name="clustering.compression", chapter="37", title="Class by class, two blanks",
    reference=coding_rate.compression, minutes=6, cases=_memberships, gradient=("Z", "P"),
    mistakes={
        "the weights are missing in the spread: every class then holds all points.":
            _classes(lambda p: p.sum(), lambda Z, p, n: Z.T @ Z / n),
        "the weights came in twice, squared: put them on one side of the product only, Z^T (p * Z).":
            _classes(lambda p: p.sum(), lambda Z, p, n: (p[:, None] * Z).T @ (p[:, None] * Z) / n),
        "the weights came in twice, and the size, too: one factor with weights, one without, and the size once.":
            _classes(lambda p: p.sum(), lambda Z, p, n: (p[:, None] * Z).T @ (p[:, None] * Z) / n**2),
        "the spread is a sum over the points of a class; divide it by the class's size.":
            _classes(lambda p: p.sum(), lambda Z, p, n: Z.T @ (p[:, None] * Z)),
        "the spread is divided by all N points, but the mean goes over the class: divide by its size.":
            _classes(lambda p: p.sum(), lambda Z, p, n: Z.T @ (p[:, None] * Z) / len(Z)),
        "the size of a class is the sum of its weights. You counted points with any weight in it at all.":
            _classes(lambda p: (p > 0).sum(), _weighted),
        "the size of a class is the sum of its weights; N is the size of everything.":
            _classes(lambda p: torch.tensor(len(p)), _weighted),
        "the size is the *sum* of the weights; you took their mean.": _classes(lambda p: p.mean(), _weighted),
        "the size is the sum of the weights themselves, not of their squares.":
            _classes(lambda p: p.square().sum(), _weighted),
        "points were picked for each class, in or out, by a threshold or the largest weight. Memberships are soft: "
        "every point counts in every class, with its weight p. (Picking also keeps gradients from reaching P.)":
            _picked(0.5, False),
        "the size is soft, and the spread is hard: it has the points above a threshold, wholly. Every point counts, "
        "with its weight p.": _picked(0.5, True),
        "the spread has every point with any weight in it at all, wholly. Each counts with its weight p.":
            _picked(0.0, True),
        "the weights came in twice, and the size not at all: one factor with weights, one without, and then a mean.":
            _classes(lambda p: p.sum(), lambda Z, p, n: (p[:, None] * Z).T @ (p[:, None] * Z)),
        "the mean of each class was taken off. A class's subspace goes through the origin, and so does its code.":
            _classes(lambda p: p.sum(), _less_its_mean),
    },
    alternatives=(_classes(lambda p: p.sum(), _weighted),
                  _classes(lambda p: p.sum(), lambda Z, p, n: torch.einsum("i,ia,ib->ab", p / n, Z, Z))),
    hints=("With hard classes, `size` is how many points are in the class. What is that for weights between 0 and 1?",
           "`spread` is Z^T Z / size with the points of this class only: weigh one of the two factors by p.",
           "size = p.sum(); spread = Z.T @ (p[:, None] * Z) / size"),
    solution='''
def compression(Z, P, eps):
    N, D = Z.shape
    total = 0
    for p in P.T:
        size = p.sum()
        spread = Z.T @ (p[:, None] * Z) / size
        total = total + size / N * torch.logdet(torch.eye(D, dtype=Z.dtype) + D / eps**2 * spread) / 2
    return total
''',
)


# ---------------------------------------------------------------- everyone in everyone


def _similar() -> list[Case]:
    Z, Y = _unit(6, 3), _unit(5, 2, seed=1)
    return [Case((Z @ Z.T, 0.3), "six points, temperature 0.3"),
            Case((Y @ Y.T, 1.5), "five points, temperature 1.5"),
            Case((Z @ Z.T, 0.001), "six points, temperature 0.001")]


def _from_logs(scale: Callable[[Tensor], Tensor], temper: Callable[[Tensor, float], Tensor] | None = None
               ) -> Callable[..., Tensor]:
    def doubly_stochastic(S: Tensor, eta: float) -> Tensor:
        return scale(temper(S, eta) if temper else S / eta)

    return doubly_stochastic


def _symmetric_logs(logs: Tensor) -> Tensor:
    f = -logs.logsumexp(1) / 2
    for _ in range(100):
        f = (f - (logs + f).logsumexp(1)) / 2
    return f[:, None] + logs + f


def _symmetric(logs: Tensor) -> Tensor:
    return _symmetric_logs(logs).exp()


def _in_turns(logs: Tensor) -> Tensor:
    for _ in range(300):
        logs = logs - logs.logsumexp(1, keepdim=True)
        logs = logs - logs.logsumexp(0, keepdim=True)
    return logs.exp()


def _three_rounds(logs: Tensor) -> Tensor:
    for _ in range(3):
        logs = logs - logs.logsumexp(1, keepdim=True)
        logs = logs - logs.logsumexp(0, keepdim=True)
    return logs.exp()


def _five_halves(logs: Tensor) -> Tensor:
    f = torch.zeros(len(logs), dtype=logs.dtype)
    for _ in range(5):
        f = (f - (logs + f).logsumexp(1)) / 2
    return (f[:, None] + logs + f).exp()


def _half_of_the_sum(logs: Tensor) -> Tensor:
    f = torch.zeros(len(logs), dtype=logs.dtype)
    for _ in range(50):
        f = f - logs.logsumexp(1) / 2
    return (f[:, None] + logs + f).exp()


def _wrong_axis(logs: Tensor) -> Tensor:
    f = torch.zeros(len(logs), dtype=logs.dtype)
    for _ in range(50):
        f = (f - (logs + f[:, None]).logsumexp(1)) / 2
    return (f[:, None] + logs + f).exp()


def _lost_axis(logs: Tensor) -> Tensor:
    for _ in range(50):
        logs = logs - logs.logsumexp(0)
        logs = logs - logs.logsumexp(1)
    return logs.exp()


def _half_of_one(logs: Tensor) -> Tensor:
    f = torch.zeros(len(logs), dtype=logs.dtype)
    for _ in range(50):
        f = f - (logs + f).logsumexp(1) / 2
    return (f[:, None] + logs + f).exp()


def _half_of_the_other(logs: Tensor) -> Tensor:
    f = torch.zeros(len(logs), dtype=logs.dtype)
    for _ in range(50):
        f = -(logs + f).logsumexp(1) / 2
    return (f[:, None] + logs + f).exp()


def _averaged(logs: Tensor) -> Tensor:
    G = torch.softmax(logs, 1)
    for _ in range(50):
        G = (G + G.T) / 2
        G = G / G.sum(1, keepdim=True)
    return G


def _not_in_logs(logs: Tensor) -> Tensor:
    G = logs.exp()
    for _ in range(300):
        G = G / G.sum(1, keepdim=True)
        G = G / G.sum(0, keepdim=True)
    return G


def _full_steps(logs: Tensor) -> Tensor:
    f = torch.zeros(len(logs), dtype=logs.dtype)
    for _ in range(50):
        f = -(logs + f).logsumexp(1)
    return (f[:, None] + logs + f).exp()


def _forgot_column(logs: Tensor) -> Tensor:
    f = -logs.logsumexp(1) / 2
    for _ in range(100):
        f = (f - (logs + f).logsumexp(1)) / 2
    return (f[:, None] + logs).exp()


DOUBLY_STOCHASTIC = Exercise(
    name="clustering.doubly_stochastic", chapter="37", title="Rows and columns", minutes=10,
    reference=coding_rate.doubly_stochastic, cases=_similar,
    mistakes={
        "rows sum to 1, columns do not: this is the softmax of attention. Rows and columns have to be scaled.":
            _from_logs(lambda logs: torch.softmax(logs, 1)),
        "columns sum to 1, rows do not. Rows and columns have to be scaled.":
            _from_logs(lambda logs: torch.softmax(logs, 0)),
        "once for rows and once for columns is not enough: scaling the columns spoils the rows again. Repeat.":
            _from_logs(lambda logs: torch.softmax(torch.log_softmax(logs, 1), 0)),
        "the mean of the softmax over rows and over columns is symmetric, but neither its rows nor its columns sum "
        "to 1.": _from_logs(lambda logs: (torch.softmax(logs, 1) + torch.softmax(logs, 0)) / 2),
        "the whole matrix sums to 1; every row and every column has to.":
            _from_logs(lambda logs: torch.softmax(logs.flatten(), 0).view_as(logs)),
        "on the way, but not there: three rounds leave columns or rows off. Repeat some 50 times.":
            _from_logs(_three_rounds),
        "on the way, but not there: five half steps leave the sums off by a few hundredths. Repeat some 50 times.":
            _from_logs(_five_halves),
        "the f inside the logsumexp stands for the other points, f_j: it is added along columns, `logs + f`, not "
        "`logs + f[:, None]`.": _from_logs(_wrong_axis),
        "a sum over a row is taken off the row: without `keepdim=True` (or `[:, None]`) it is taken off the columns.":
            _from_logs(_lost_axis),
        "half of the way means half of both: (f - logsumexp) / 2. You kept all of f.": _from_logs(_half_of_one),
        "half of the way means half of both: (f - logsumexp) / 2. The old f is missing.":
            _from_logs(_half_of_the_other),
        "adding the transpose makes it symmetric, but changes entries by sums instead of factors: this ends doubly "
        "stochastic, and is not exp(f_i + S_ij / eta + f_j).": _from_logs(_averaged),
        "the logsumexp lacks f_j, so that every step is the same and f runs away: it is the logsumexp of logs + f.":
            _from_logs(_half_of_the_sum),
        "right when warm, NaN when cold: exp(1 / 0.001) is more than a number can hold. Stay in the logarithm, with "
        "`logsumexp`, and take exp at the end.": _from_logs(_not_in_logs),
        "full steps swing back and forth: f becomes too large, then too small. Move half of the way, to the mean of "
        "f and -logsumexp.": _from_logs(_full_steps),
        "the last line lacks the columns' f: every entry is exp(f_i + S_ij / eta + f_j).": _from_logs(_forgot_column),
        "similarities are divided by the temperature, not multiplied.":
            _from_logs(_symmetric, lambda S, eta: S * eta),
        "the temperature is missing: S / eta.": _from_logs(_symmetric, lambda S, eta: S),
        "that is the logarithm of the membership: take exp at the end.": _from_logs(_symmetric_logs),
        "everyone alone: rows and columns sum to 1, but nothing of the similarities is in it.":
            lambda S, eta: torch.eye(len(S), dtype=S.dtype),
        "the sign is turned: likeness has to make an entry large.": _from_logs(_symmetric, lambda S, eta: -S / eta),
    },
    alternatives=(_from_logs(_symmetric), _from_logs(_in_turns)),
    hints=("Start with `logs = S / eta` and `f = torch.zeros(len(S))`, of logs' dtype.",
           "The logarithm of row i's sum is f_i + logsumexp over j of (logs_ij + f_j); it should be 0.",
           "Repeat `f = (f - (logs + f).logsumexp(1)) / 2`, some 50 times."),
    solution='''
def doubly_stochastic(S, eta):
    logs = S / eta
    f = torch.zeros(len(S), dtype=S.dtype)
    for _ in range(50):
        f = (f - (logs + f).logsumexp(1)) / 2
    return (f[:, None] + logs + f).exp()
''',
)


# ---------------------------------------------------------------- beat the truth

_EPS = 0.5


def _three_planes() -> list[Case]:
    turn = torch.linalg.qr(_randn(6, 6, seed=9))[0]
    angles = torch.arange(4, dtype=torch.float64)
    Z = torch.zeros(12, 6, dtype=torch.float64)
    for k in range(3):
        Z[4 * k : 4 * k + 4, 2 * k : 2 * k + 2] = torch.stack((angles.cos(), angles.sin()), 1)
    return [Case((Z @ turn,), "three orthogonal planes, four points each"), Case((_unit(7, 3),), "seven points")]


def _judge_membership(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    (Z,) = case.args
    G = candidate(Z)
    if not isinstance(G, Tensor):
        raise Fault("error", f"return a tensor, the membership; got {type(G).__name__}.")
    if G.shape != (len(Z), len(Z)):
        raise Fault("wrong shape", f"the membership of {len(Z)} points in {len(Z)} classes has shape "
                    f"({len(Z)}, {len(Z)}); yours has {tuple(G.shape)}.")
    G = G.to(Z.dtype)
    return {"the sum of each row": G.sum(1), "the sum of each column": G.sum(0),
            "the smallest entry, where one is negative": G.amin().clamp(max=0.0),
            "R_c, which has to be as small as it can be,": coding_rate.compression(Z, G.clamp_min(0.0), _EPS)}


def _nearest(Z: Tensor) -> Tensor:
    near = (Z @ Z.T).fill_diagonal_(-9.0).argmax(1)
    return torch.nn.functional.one_hot(near, len(Z)).double()


def _first_class(Z: Tensor) -> Tensor:
    G = torch.zeros(len(Z), len(Z), dtype=Z.dtype)
    G[:, 0] = 1
    return G


def _planes(Z: Tensor) -> Tensor:
    same = ((Z @ Z.T).abs() > 1e-6).to(Z.dtype)
    return coding_rate.doubly_stochastic(same.clamp_min(1e-30).log(), 1.0, 200)


BEST_MEMBERSHIP = Exercise(
    name="clustering.best_membership", chapter="37", title="Beat the truth", minutes=8, core=False,
    reference=coding_rate.best_membership, cases=_three_planes, observe=_judge_membership,
    mistakes={
        "everyone in every class alike: then each class costs as much as everything, R_c = R, and nothing is saved. "
        "This is the worst membership of all.":
            lambda Z: torch.full((len(Z), len(Z)), 1 / len(Z), dtype=Z.dtype),
        "a valid answer, and a good one: points that are not at right angles share classes. But it can be beaten, "
        "even where it is the truth. Ask what a class with a single point costs.": _planes,
        "every point is in its nearest neighbour's class: rows sum to 1, but a point that is nearest to nobody has "
        "an empty column.": _nearest,
        "all points in the first class: rows sum to 1, columns do not.": _first_class,
        "cold, but not cold enough: points still share classes with others, which costs. Think of the limit of ever "
        "lower temperatures.": lambda Z: coding_rate.doubly_stochastic(Z @ Z.T, 0.3, 100),
        "cold, but softmax: rows sum to 1, columns do not.": lambda Z: torch.softmax(Z @ Z.T / 0.3, 1),
    },
    alternatives=(lambda Z: torch.eye(len(Z), dtype=Z.dtype), lambda Z: torch.eye(len(Z)).flip(0),
                  lambda Z: torch.eye(len(Z)).roll(1, 0)),
    hints=("You need not look at Z at all.",
           "R_c is the mean cost of a class. A class with one point of length 1 costs 1/2 log(1 + D / eps^2). Can any "
           "cost less?",
           "A permutation: every row and every column has a single 1."),
    solution='''
def best_membership(Z):
    return torch.eye(len(Z), dtype=Z.dtype)
''',
)


# ---------------------------------------------------------------- votes of copies


def _copied() -> list[Case]:
    X = _randn(6, 2)
    return [Case((X, X + 0.8 * _randn(4, 6, 2, seed=5)), "six points, four copies each"),
            Case((X[:3], X[:3] + _randn(2, 3, 2, seed=6)), "three points, two copies each")]


def _count(itself: bool = False, both: str = "sum", binary: bool = False, turned: bool = False
           ) -> Callable[..., Tensor]:
    def votes(X: Tensor, copies: Tensor) -> Tensor:
        W = torch.zeros(len(X), len(X), dtype=X.dtype)
        for copy in copies:
            far = torch.cdist(X, copy) if turned else torch.cdist(copy, X)
            if not itself:
                far = far.fill_diagonal_(float("inf"))
            W[torch.arange(len(X)), far.argmin(1)] += 1
        W = (W > 0).to(X.dtype) if binary else W
        return {"sum": W + W.T, "mean": (W + W.T) / 2, "none": W, "max": torch.maximum(W, W.T)}[both]

    return votes


def _all_at_once(X: Tensor, copies: Tensor) -> Tensor:
    far = torch.cdist(copies, X.expand(len(copies), -1, -1)) + torch.diag(torch.full((len(X),), 1e9, dtype=X.dtype))
    W = torch.nn.functional.one_hot(far.argmin(-1), len(X)).sum(0).to(X.dtype)
    return W + W.T


def _counted(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """What the candidate returns; votes counted in whole numbers are as good."""
    W = candidate(*case.args)
    return {"the graph": W.to(case.args[0].dtype) if isinstance(W, Tensor) else W}


def _by_the_mean_copy(X: Tensor, copies: Tensor) -> Tensor:
    return _count()(X, copies.mean(0, keepdim=True))


def _second_nearest(X: Tensor, copies: Tensor) -> Tensor:
    W = torch.zeros(len(X), len(X), dtype=X.dtype)
    for copy in copies:
        W[torch.arange(len(X)), torch.cdist(copy, X).topk(2, largest=False).indices[:, 1]] += 1
    return W + W.T


def _nearest_by_zero(X: Tensor, copies: Tensor) -> Tensor:
    W = torch.zeros(len(X), len(X), dtype=X.dtype)
    for copy in copies:
        W[torch.arange(len(X)), torch.cdist(copy, X).fill_diagonal_(0.0).argmin(1)] += 1
    return W + W.T


VOTES = Exercise(
    name="clustering.votes", chapter="37", title="Copies vote", reference=clustering.votes, minutes=8, core=False,
    cases=_copied, observe=_counted,
    mistakes={
        "a copy may vote for the point it was made of, and that says nothing: leave the diagonal out before you look "
        "for the nearest.": _count(itself=True),
        "the diagonal is left out after the fact: a copy whose nearest point is its own original then has no vote. "
        "It should name its nearest *other* point.":
            lambda X, copies: (W := _count(itself=True)(X, copies)) - torch.diag(W.diagonal()),
        "votes go one way: i's copies name j. The graph has no direction, so add the transpose.": _count(both="none"),
        "votes of both directions are added, not averaged.": _count(both="mean"),
        "votes of both directions are added; you took the larger.": _count(both="max"),
        "copies were compared with copies; each copy should look among the points, X.":
            lambda X, copies: sum(_count()(c, c[None]) for c in copies),
        "you marked who was named at all; count how often.": _count(binary=True),
        "you marked who was named at all, in either direction; count how often.":
            lambda X, copies: (_count()(X, copies) > 0).to(X.dtype),
        "turned around: you asked which copy is nearest to a point. Each *copy* names its nearest point.":
            _count(turned=True),
        "votes are counted, not averaged over the copies.":
            lambda X, copies: _count()(X, copies) / len(copies),
        "the copies were averaged before the vote, which takes their moves away: each copy votes by itself.":
            _by_the_mean_copy,
        "second in rank is not the nearest *other* point: where a copy is nearer to a stranger than to its own "
        "original, the stranger is first. Leave the original out, then take the nearest.": _second_nearest,
        "a diagonal of 0 makes every copy vote for its own original. Infinity keeps it from that.": _nearest_by_zero,
    },
    alternatives=(_count(), _all_at_once, lambda X, copies: _all_at_once(X, copies).long()),
    hints=("`torch.cdist(copy, X)` has the distances of all copies (rows) to all points (columns).",
           "`.fill_diagonal_(float('inf'))` keeps a copy from voting for its own original.",
           "`W[torch.arange(len(X)), far.argmin(1)] += 1` counts one vote a row; at the end W + W.T."),
    solution='''
def votes(X, copies):
    W = torch.zeros(len(X), len(X), dtype=X.dtype)
    for copy in copies:
        far = torch.cdist(copy, X).fill_diagonal_(float("inf"))
        W[torch.arange(len(X)), far.argmin(1)] += 1
    return W + W.T
''',
)

EXERCISES = (CODING_RATE, COMPRESSION, DOUBLY_STOCHASTIC, BEST_MEMBERSHIP, VOTES)
