"""Part 3, connectivity and rank: the exercises of chapter 33."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import connectivity
from tutorial_lib.alignment import alignment
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---------------------------------------------------------------- effective rank


def _from_values(rank: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """An answer from the singular values."""
    return lambda W: rank(torch.linalg.svdvals(W))


def _entropy(share: Tensor) -> Tensor:
    return torch.special.entr(share).sum().exp()


PARTICIPATION = Exercise(
    name="connectivity.participation", chapter="33", title="How many directions count?",
    reference=connectivity.participation, minutes=5,
    cases=lambda: [Case((2.5 * _randn(4, 4),), "a random 4 x 4 matrix"),
                   Case((torch.tensor([[0.0, 3.0, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]], dtype=torch.float64),),
                        "a matrix that passes things round, with singular values 3, 3 and 1"),
                   Case((0.1 * torch.outer(_randn(5, seed=1), _randn(5, seed=2)),), "a matrix of rank 1")],
    mistakes={
        "these are eigenvalues. A wiring that passes things on need not have large ones: the matrix that shifts by one "
        "place has none but 0. Take singular values, `torch.linalg.svdvals`.":
            lambda W: torch.linalg.eigvals(W).abs().square().sum().square()
            / torch.linalg.eigvals(W).abs().pow(4).sum(),
        "these are eigenvalues. Their size is not what W stretches by, unless W is symmetric: take singular values, "
        "`torch.linalg.svdvals`, and square them.":
            lambda W: torch.linalg.eigvals(W).abs().sum().square() / torch.linalg.eigvals(W).abs().square().sum(),
        "`eigvalsh` reads one half of a matrix and takes the other half to be its mirror image. W is not symmetric: "
        "take singular values, `torch.linalg.svdvals`.":
            lambda W: torch.linalg.eigvalsh(W).square().sum().square() / torch.linalg.eigvalsh(W).pow(4).sum(),
        "this counts large *entries*. A matrix of ones has many, and one direction: take singular values.":
            lambda W: W.square().sum().square() / W.pow(4).sum(),
        "the singular values were added before squaring; square each, then add, then square the sum.":
            _from_values(lambda s: s.sum().square() / s.pow(4).sum()),
        "the numerator is (sum of s)^4; it should be (sum of s^2)^2: square each s before adding.":
            _from_values(lambda s: s.sum().pow(4) / s.pow(4).sum()),
        "the singular values themselves were taken where their squares belong: (sum of s^2)^2 / (sum of s^4).":
            _from_values(lambda s: s.sum().square() / s.square().sum()),
        "the numerator is not squared, so twice the matrix gets a quarter of the rank. Check: r equal singular values "
        "must give r.": _from_values(lambda s: s.square().sum() / s.pow(4).sum()),
        "you squared each s^2 before adding, in the numerator too, and the ratio is 1: first the sum, then its square.":
            _from_values(lambda s: s.square().square().sum() / s.pow(4).sum()),
        "this is the number of singular values above 0, and noise makes all of them count. The effective rank asks how "
        "many carry the size.": lambda W: torch.linalg.matrix_rank(W).double(),
        "this is the sum over the largest: another effective rank, in use too, but not the one that will come out of "
        "the theory. Here (sum of s^2)^2 / (sum of s^4).": _from_values(lambda s: s.sum() / s.max()),
        "this is the stable rank, the sum of squares over the largest square. Here (sum of s^2)^2 / (sum of s^4).":
            _from_values(lambda s: s.square().sum() / s.max().square()),
        "this is the exponential of an entropy: another effective rank, in use too. Here (sum of s^2)^2 / (sum of "
        "s^4).": _from_values(lambda s: _entropy(s.square() / s.square().sum())),
        "the fraction is upside down: one direction must give 1, and many more than 1.":
            _from_values(lambda s: s.pow(4).sum() / s.square().sum().square()),
    },
    alternatives=(_from_values(lambda s: 1 / (s.square() / s.square().sum()).square().sum()),
                  lambda W: W.square().sum().square() / (W.T @ W).square().sum()),
    hints=("`torch.linalg.svdvals(W)` has the singular values.",
           "Square them; then the square of the sum, over the sum of the squares."),
    solution='''
def participation(W):
    squares = torch.linalg.svdvals(W) ** 2
    return squares.sum() ** 2 / (squares**2).sum()
''',
)


# ---------------------------------------------------------------- the same size


def _cut(choose: Callable[[Tensor, Tensor, Tensor, int], Tensor],
         scale: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, int], Tensor]:
    """An answer that keeps what `choose` says of U, s, V' and multiplies by what `scale` says of W and the rest."""
    def low_rank(W: Tensor, r: int) -> Tensor:
        U, s, Vh = torch.linalg.svd(W, full_matrices=False)
        kept = choose(U, s, Vh, r)
        return kept * scale(W, kept)

    return low_rank


def _largest(U: Tensor, s: Tensor, Vh: Tensor, r: int) -> Tensor:
    return (U[:, :r] * s[:r]) @ Vh[:r]


def _same_size(W: Tensor, kept: Tensor) -> Tensor:
    return torch.linalg.matrix_norm(W) / torch.linalg.matrix_norm(kept)


def _columns(W: Tensor, r: int) -> Tensor:
    kept = torch.cat((W[:, :r], 0 * W[:, r:]), 1)
    return kept * _same_size(W, kept)


LOW_RANK = Exercise(
    name="connectivity.low_rank", chapter="33", title="Lower the rank, keep the size",
    reference=connectivity.low_rank, minutes=6,
    cases=lambda: [Case((_randn(5, 5), 2), "a random 5 x 5 matrix, rank 2"),
                   Case((3 * _randn(5, 5, seed=1), 1), "a larger one, rank 1"),
                   Case((_randn(6, 6, seed=2), 4), "a 6 x 6 matrix, rank 4")],
    mistakes={
        "the rank is right and the size is not: your matrix has lost the size of what was cut. You would be testing "
        "small weights against large ones. Multiply by |W| / |what was kept|, both the root of the sum of all squares "
        "(`matrix_norm(..., 2)` is the largest singular value, and that is not cut).":
            _cut(_largest, lambda W, kept: torch.ones((), dtype=W.dtype)),
        "you kept the smallest singular values: `svd` puts the largest first.":
            _cut(lambda U, s, Vh, r: (U[:, -r:] * s[-r:]) @ Vh[-r:], _same_size),
        "the third result of `torch.linalg.svd` is V transposed already: its rows are the directions.":
            _cut(lambda U, s, Vh, r: (U[:, :r] * s[:r]) @ Vh.T[:r], _same_size),
        "the singular values are missing: all kept directions are equally strong.":
            _cut(lambda U, s, Vh, r: U[:, :r] @ Vh[:r], _same_size),
        "you brought it to size 1; it is W's size that it should have.":
            _cut(_largest, lambda W, kept: 1 / torch.linalg.matrix_norm(kept)),
        "the sums of singular values are equal now; the size is the root of the sum of their squares.":
            _cut(_largest, lambda W, kept: torch.linalg.svdvals(W).sum() / torch.linalg.svdvals(kept).sum()),
        "you compared standard deviations, and these take the mean off. The size is the root of the sum of all "
        "squares.":
            _cut(_largest, lambda W, kept: W.std() / kept.std()),
        "the ratio of sizes is squared: |W| / |kept|, without squares, since the size is a root.":
            _cut(_largest, lambda W, kept: _same_size(W, kept) ** 2),
        "the ratio of sizes is upside down: what was kept is smaller than W and has to grow, by |W| / |kept|.":
            _cut(_largest, lambda W, kept: 1 / _same_size(W, kept)),
        "the sums of absolute entries are equal now; the size is the root of the sum of all squares.":
            _cut(_largest, lambda W, kept: W.abs().sum() / kept.abs().sum()),
        "you scaled by how many directions were cut, as if all were equally strong. Measure instead: |W| / |kept|.":
            _cut(_largest, lambda W, kept: torch.tensor(len(W) / int(torch.linalg.matrix_rank(kept))).to(W)),
        "you scaled by the root of how many directions were cut, as if all were equally strong. Measure instead: |W| / "
        "|kept|.":
            _cut(_largest, lambda W, kept: torch.tensor(len(W) / int(torch.linalg.matrix_rank(kept))).to(W).sqrt()),
        "the directions on the left are the *columns* of U: `U[:, :r]`.":
            _cut(lambda U, s, Vh, r: (U[:r].T * s[:r]) @ Vh[:r], _same_size),
        "you silenced rows. That has the rank, but it is another matrix: some neurons hear nothing at all. Keep the "
        "largest singular values.": lambda W, r: _columns(W.T, r).T,
        "you silenced columns. That has the rank, but it is another matrix: some inputs are not heard at all. Keep the "
        "largest singular values.": _columns,
    },
    alternatives=(_cut(_largest, _same_size),
                  _cut(lambda U, s, Vh, r: U @ torch.diag(torch.where(torch.arange(len(s)) < r, s, 0 * s)) @ Vh,
                       lambda W, kept: (W.square().sum() / kept.square().sum()).sqrt())),
    hints=("`U, s, Vh = torch.linalg.svd(W)`: columns of U and rows of Vh belong to the singular values, largest "
           "first.",
           "`U[:, :r] * s[:r] @ Vh[:r]` is the cut matrix. Its size is `torch.linalg.matrix_norm`."),
    solution='''
def low_rank(W, r):
    U, s, Vh = torch.linalg.svd(W)
    kept = U[:, :r] * s[:r] @ Vh[:r]
    return kept * torch.linalg.matrix_norm(W) / torch.linalg.matrix_norm(kept)
''',
)


# ---------------------------------------------------------------- the kernel of two layers


def _added(first: Callable[[Tensor], Tensor], second: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The stub with its two blanks filled: first(W), second(w, identity)."""
    return lambda W, w: first(W) + second(w, torch.eye(W.shape[1], dtype=W.dtype))


def _first(W: Tensor) -> Tensor:
    return W.T @ W


TASK_KERNEL = Exercise(
    name="connectivity.task_kernel", chapter="33", title="Two blanks in a kernel", reference=connectivity.task_kernel,
    minutes=5,
    cases=lambda: [Case((_randn(4, 3), _randn(4, seed=1)), "three inputs, four hidden units"),
                   Case((_randn(2, 3, seed=2), torch.zeros(2, dtype=torch.float64)), "output weights of zero"),
                   Case((torch.zeros(4, 3, dtype=torch.float64), 2 * _randn(4, seed=3)), "input weights of zero")],
    mistakes={
        "|w|^2 is added to every entry; what the input weights add is |w|^2 x . x', so |w|^2 times the identity.":
            _added(_first, lambda w, one: (w @ w) * torch.ones_like(one)),
        "|w| stands where |w|^2 belongs: the gradient by W is w x', and its inner product with itself has w twice.":
            _added(_first, lambda w, one: w.norm() * one),
        "the sum of w was squared; |w|^2 is the sum of the squares.":
            _added(_first, lambda w, one: w.sum() ** 2 * one),
        "the average of w^2 was taken; |w|^2 is the sum.": _added(_first, lambda w, one: (w @ w) / len(w) * one),
        "the part of the input weights is missing: the gradient of w . Wx by W is w x'.":
            _added(_first, lambda w, one: 0 * one),
        "the part of the output weights is missing: the gradient of w . Wx by w is Wx.":
            _added(lambda W: 0 * W.T @ W, lambda w, one: (w @ w) * one),
        "the identity stands alone: how strongly it counts is |w|^2.": _added(_first, lambda w, one: one),
        "shapes do not fit: W W', w w' and w itself belong to the m hidden units. The kernel pairs inputs: W'W, of "
        "shape (d, d), and a *number* times the identity.":
            lambda W, w: W @ W.T + (w @ w) * torch.eye(W.shape[1], dtype=W.dtype),
        "this is (m, m), products of hidden units with each other. K(x, x') = x . A x', so A is (d, d): W'W, and an "
        "identity with as many rows as there are "
        "inputs.":
            lambda W, w: W @ W.T + (w @ w) * torch.eye(len(w), dtype=W.dtype),
        "w w' is (m, m), a product of hidden units. The inner product of the matrices w x' and w x'' is the *number* "
        "w . w times x' . x''.": lambda W, w: W.T @ W + torch.outer(w, w),
        "|W|^2 stands where |w|^2 belongs: the gradient by W is w x', and has nothing of W in it.":
            lambda W, w: W.T @ W + W.square().sum() * torch.eye(W.shape[1], dtype=W.dtype),
        "the first part became a product of W'w with itself: that is the network's own weight vector. The gradient of "
        "f by w is Wx, a vector of m entries, and two of them have the inner product x . W'W x'.":
            lambda W, w: torch.outer(W.T @ w, W.T @ w) + (w @ w) * torch.eye(W.shape[1], dtype=W.dtype),
        "the two parts were multiplied. The gradients by w and by W stand side by side, so their inner products add.":
            lambda W, w: W.T @ W * (w @ w),
        "2 W'W + ...: each pair of points has the product (Wx) . (Wx') once.":
            _added(lambda W: 2 * W.T @ W, lambda w, one: (w @ w) * one),
    },
    alternatives=(_added(_first, lambda w, one: (w @ w) * one),
                  _added(lambda W: torch.einsum("ki,kj->ij", W, W), lambda w, one: one * w.square().sum())),
    hints=("The gradient of w . (W x) by w is W x. The inner product of two of these is x . (?) x'.",
           "The gradient by W is the matrix w x'. The inner product of two such matrices is (w . w)(x . x')."),
    solution='''
def task_kernel(W, w):
    from_output = W.T @ W
    from_input = w @ w * torch.eye(W.shape[1], dtype=W.dtype)
    return from_output + from_input
''',
)


# ---------------------------------------------------------------- how large the output weights become


def _pair(root: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda s2, length: root(torch.as_tensor(s2, dtype=torch.float64), torch.as_tensor(length,
                                                                                            dtype=torch.float64))


def _newton(s2: Tensor, length: Tensor) -> Tensor:
    q = length.clone()
    for _ in range(60):
        q = q - (q**2 + s2 * q - length**2) / (2 * q + s2)
    return q


def _tensors(*values: float) -> tuple[Tensor, ...]:
    return tuple(torch.tensor(v, dtype=torch.float64) for v in values)


OUTPUT_SIZE = Exercise(
    name="connectivity.output_size", chapter="33", title="From two equations", reference=connectivity.output_size,
    minutes=6,
    cases=lambda: [Case(_tensors(1.0, 1.0), "s^2 = 1 and |b| = 1"), Case(_tensors(4.0, 0.5), "s^2 = 4 and |b| = 0.5"),
                   Case(_tensors(0.09, 3.0), "s^2 = 0.09 and |b| = 3")],
    mistakes={
        "this is the other root of the quadratic, and it is negative; |w|^2 is not.":
            _pair(lambda s2, b: (-s2 - (s2**2 + 4 * b**2).sqrt()) / 2),
        "the sign of s^2 is turned: |W's row|^2 - q = s^2, so |b|^2 / q - q = s^2.":
            _pair(lambda s2, b: (s2 + (s2**2 + 4 * b**2).sqrt()) / 2),
        "the 4 of the quadratic formula is missing.": _pair(lambda s2, b: (-s2 + (s2**2 + b**2).sqrt()) / 2),
        "the formula's division by 2 is missing.": _pair(lambda s2, b: -s2 + (s2**2 + 4 * b**2).sqrt()),
        "only s^2 was halved: the 2 divides the root as well.":
            _pair(lambda s2, b: (s2**2 + 4 * b**2).sqrt() - s2 / 2),
        "under the root, half of s^2 stands squared: (s^2 / 2)^2 + |b|^2.":
            _pair(lambda s2, b: -s2 / 2 + (s2**2 + b**2).sqrt()),
        "under the root, s^2 / 2 has to be squared: s^2 is the coefficient of q here.":
            _pair(lambda s2, b: -s2 / 2 + (s2 / 2 + b**2).sqrt()),
        "under the root, s^2 has to be squared: in q^2 + s^2 q - |b|^2 = 0 it is the coefficient of q.":
            _pair(lambda s2, b: (-s2 + (s2 + 4 * b**2).sqrt()) / 2),
        "|b| must come in squared: from q = |w|^2 and row = b / w follows |row|^2 = |b|^2 / q.":
            _pair(lambda s2, b: (-s2 + (s2**2 + 4 * b).sqrt()) / 2),
        "s2 is s^2 already; it must not be squared once more than the formula does.":
            _pair(lambda s2, b: (-(s2**2) + (s2**4 + 4 * b**2).sqrt()) / 2),
        "this is |w|; wanted is q = |w|^2.":
            _pair(lambda s2, b: ((-s2 + (s2**2 + 4 * b**2).sqrt()) / 2).sqrt()),
        "this is what comes out when the start is small (s = 0). Keep the term with s^2.":
            _pair(lambda s2, b: b + 0 * s2),
        "this is what comes out when the start is large: q^2 was left out. Keep it.": _pair(lambda s2, b: b**2 / s2),
    },
    alternatives=(_pair(lambda s2, b: (-s2 + (s2**2 + 4 * b**2).sqrt()) / 2),
                  _pair(lambda s2, b: 2 * b**2 / (s2 + (s2**2 + 4 * b**2).sqrt())), _pair(_newton)),
    hints=("At the end w times the row is b, so the row's square is |b|^2 / q. It is also s^2 + q.",
           "|b|^2 / q = s^2 + q is a quadratic equation in q: q^2 + s^2 q - |b|^2 = 0. Take its positive root."),
    solution='''
def output_size(s2, length):
    return (-s2 + (s2**2 + 4 * length**2) ** 0.5) / 2
''',
)


# ---------------------------------------------------------------- transfer: a lazy start of rank one


def _observe_start(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """What becomes of the kernel and of the weights when the network learns from the start that was answered.

    The tasks have |b| > |w|^2. Below, a W with W'w = b would solve the task at once and not move, though its kernel
    keeps its shape: rows as strong as w's entries move least only where the network has to grow.
    """
    b, w = case.args
    W = candidate(b, w)
    if W is None:
        return {"W": None}
    if not isinstance(W, Tensor) or W.shape != (len(w), len(b)):
        got = tuple(W.shape) if isinstance(W, Tensor) else type(W).__name__
        raise Fault("wrong shape", f"W has a row for each of the {len(w)} hidden units and a column for each of the "
                    f"{len(b)} inputs: ({len(w)}, {len(b)}). Yours: {got}.")
    if not torch.isfinite(W).all():
        raise Fault("wrong value", "there is a NaN or an infinity in W.")
    try:
        W1, w1 = connectivity.descend(W, w, b, lr=0.1, most=3000)
    except RuntimeError:
        raise Fault("wrong value", "from this start the task is not learned in 3000 steps.") from None
    before, after = connectivity.task_kernel(W, w), connectivity.task_kernel(W1, w1)
    return {"the size of W": torch.linalg.matrix_norm(W), "the rank of W": torch.linalg.matrix_rank(W).double(),
            "1 - alignment of the kernels before and after": 1 - alignment(before, after),
            "how far W moved": torch.linalg.matrix_norm(W1 - W)}


def _tasks() -> list[Case]:
    return [Case((2 * _randn(6, seed=s), 0.5 * _randn(5, seed=s + 10)), f"six inputs, five hidden units, task {s}")
            for s in (1, 2)]


def _axis(b: Tensor) -> Tensor:
    return torch.eye(len(b), dtype=b.dtype)[0]


LAZY_START = Exercise(
    name="connectivity.lazy_start", chapter="33", title="Transfer: rank one, and lazy",
    reference=connectivity.lazy_start, minutes=8, core=False, observe=_observe_start, rtol=1e-3, atol=1e-3,
    cases=_tasks,
    mistakes={
        "the size is |w| |b|: divide by |b|, so that W is as large as w. Otherwise the two parts of the kernel do not "
        "stand in the proportion in which they end.": lambda b, w: torch.outer(w, b),
        "W has size 1. It must be as large as w: then both parts of the kernel grow together.":
            lambda b, w: torch.outer(w / w.norm(), b / b.norm()),
        "W has the size of the task, |b|; it must have that of w, or the two parts of the kernel do not stand in the "
        "proportion in which they end.": lambda b, w: torch.outer(w / w.norm(), b),
        "the size is |w| / |b|: you divided by |b|^2. Divide by |b|, so that W is as large as w.":
            lambda b, w: torch.outer(w, b) / (b @ b),
        "with this W the task is solved at once, and nothing moves; but it is larger than w. W must have w's size.":
            lambda b, w: torch.outer(w, b) / (w @ w),
        "the kernel keeps its shape, but W moves farther than it must: one hidden unit looks along b, and the others, "
        "which are listened to as well, have to learn it. Let each look along b, by its entry of w.":
            lambda b, w: torch.outer(torch.eye(len(w), dtype=w.dtype)[0] * w.norm(), b / b.norm()),
        "the kernel keeps its shape, but W moves farther than it must: hidden units with a negative entry of w should "
        "look along -b. Leave w its signs.": lambda b, w: torch.outer(w.abs(), b / b.norm()),
        "each row has length 1. Together they must have the size of w, and each counts by its entry of w.":
            lambda b, w: torch.outer(torch.ones_like(w), b / b.norm()),
        "the rows look along the first input, and the task does not. They will have to turn: let them look along b.":
            lambda b, w: torch.outer(w, _axis(b)),
        "the kernel keeps its shape, but W moves farther than it must: each hidden unit should look along b as "
        "strongly "
        "as it is listened to, by its entry of w.":
            lambda b, w: torch.outer(torch.ones_like(w) * w.norm() / len(w) ** 0.5, b / b.norm()),
        "the sign is turned: the network starts out with the opposite answer, and has to unlearn it first.":
            lambda b, w: -torch.outer(w, b / b.norm()),
        "this has full rank: all singular values are equal. It is lazy on average over tasks; here rank one was asked "
        "for.": lambda b, w: w.norm() * torch.eye(len(w), len(b), dtype=b.dtype) / len(w) ** 0.5,
        "with W = 0 the kernel is |w|^2 times the identity, and W has to grow the whole row along b.":
            lambda b, w: 0 * torch.outer(w, b),
    },
    alternatives=(lambda b, w: torch.outer(w, b) / b.norm(), lambda b, w: w[:, None] * (b / b.square().sum().sqrt())),
    hints=("If the kernel at the end is proportional to bb' + |b|^2 (times the identity), which W makes W'W + |w|^2 "
           "proportional to it now?",
           "W'W = |w|^2 bb' / |b|^2: rows along b. The flow moves W along w b', so the least has to move if W lies "
           "along w b' already: each row as strong as its entry of w."),
    solution='''
def lazy_start(b, w):
    return torch.outer(w, b / b.norm())
''',
)

EXERCISES = (PARTICIPATION, LOW_RANK, TASK_KERNEL, OUTPUT_SIZE, LAZY_START)
