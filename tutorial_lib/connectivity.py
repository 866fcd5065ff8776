"""Connectivity before learning: its effective rank, and how far a linear network's kernel moves because of it.

symbol        meaning                                                    shape            in Liu et al. (2024)
d, m          inputs; hidden units                                       ints             d, m
W, w          weights into the hidden units, and out: f(x) = w . (W x)   (..., m, d), (..., m)   W_1, W_2
b             the task: targets are y = b . x                            (..., d)         beta
s             singular values of W                                       (...)
r             rank; here r singular values are equal, the others 0       an int
size          |W|, the root of the sum of squares of its entries         a number
p             alignment: the cosine of the angle between b and the row   a number in [0, 1]
              space of W
A             task kernel: the tangent kernel is K(x, x') = x . A x'     (..., d, d)
q             |w|^2 when the task has been learned                       (...)

The inputs are white: (1/N) sum of x x' is the identity, so that alignments of K on the points are alignments of A, and
gradient flow on the mean of (f - y)^2 / 2 is gradient flow on |b - W'w|^2 / 2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# ---------------------------------------------------------------- rank


def participation(W: Tensor) -> Tensor:
    """Effective rank (sum of s^2)^2 / (sum of s^4): r for r equal singular values.  (..., m, d) -> (...)

    Raises ValueError for a matrix of zeros, which has no directions.  Taught in 33.
    """
    squares = torch.linalg.svdvals(W).square()
    if (squares.sum(-1) == 0).any():
        raise ValueError("a matrix of zeros has no effective rank")
    return squares.sum(-1).square() / squares.square().sum(-1)


def entropy_rank(W: Tensor) -> Tensor:
    """Effective rank exp(entropy of s^2 / sum of s^2): also r for r equal singular values.  (..., m, d) -> (...)

    Less moved by the largest singular value than `participation`, and never smaller.  Raises ValueError for a matrix
    of zeros.  After Roy & Vetterli (2007), who take s itself.  Taught in 33.
    """
    squares = torch.linalg.svdvals(W).square()
    if (squares.sum(-1) == 0).any():
        raise ValueError("a matrix of zeros has no effective rank")
    share = squares / squares.sum(-1, keepdim=True)
    return torch.special.entr(share).sum(-1).exp()


def low_rank(W: Tensor, r: int) -> Tensor:
    """The r largest singular values of W with their directions, brought back to W's size.  (..., m, d) -> the same

    Raises ValueError unless 1 <= r <= min(m, d).  As in the code of Liu et al. (2024).  Taught in 33.
    """
    if not 1 <= r <= min(W.shape[-2:]):
        raise ValueError(f"a {tuple(W.shape[-2:])} matrix has ranks from 1 to {min(W.shape[-2:])}; got r = {r}")
    U, s, V = torch.linalg.svd(W, full_matrices=False)
    kept = (U[..., :r] * s[..., None, :r]) @ V[..., :r, :]
    return kept * (torch.linalg.matrix_norm(W) / torch.linalg.matrix_norm(kept))[..., None, None]


# ---------------------------------------------------------------- a linear network with two layers


def task_kernel(W: Tensor, w: Tensor) -> Tensor:
    """A = W'W + |w|^2: what the output weights add, and what the input weights add.

    (..., m, d), (..., m) -> (..., d, d).  Raises ValueError for layers that do not fit.  Taught in 33.
    """
    if W.shape[-2] != w.shape[-1]:
        raise ValueError(f"W has {W.shape[-2]} hidden units and w has {w.shape[-1]}")
    return W.mT @ W + w.square().sum(-1)[..., None, None] * torch.eye(W.shape[-1], dtype=W.dtype)


def oriented(b: Tensor, m: int, r: int, p: float, size: float, rng: torch.Generator) -> Tensor:
    """W of r equal singular values whose row space makes an angle of cosine p with b.  b: (d,) -> (m, d)

    Raises ValueError unless 1 <= r <= min(m, d) and 0 <= p <= 1, and for p < 1 at r = d, where all directions are in
    the row space.  Taught in 33.
    """
    d = len(b)
    if not (1 <= r <= min(m, d) and 0 <= p <= 1) or (r == d and p < 1):
        raise ValueError(f"rank r from 1 to {min(m, d)} and alignment p from 0 to 1 (1 where r = d = {d}); "
                         f"got r = {r}, p = {p}")
    frame = torch.randn(d, d + 1, generator=rng, dtype=b.dtype)
    frame[:, 0] = b
    frame = torch.linalg.qr(frame[:, :d]).Q  # (d, d), first column along b
    V = frame[:, :r].clone()  # (d, r)
    if r < d:
        V[:, 0] = p * frame[:, 0] + math.sqrt(1 - p**2) * frame[:, r]
    U = torch.linalg.qr(torch.randn(m, r, generator=rng, dtype=b.dtype)).Q  # (m, r)
    return size / math.sqrt(r) * U @ V.mT


def descend(W: Tensor, w: Tensor, b: Tensor, lr: float = 0.05, most: int = 20_000,
            goal: float = 1e-6) -> tuple[Tensor, Tensor]:
    """Gradient descent on |b - W'w|^2 / 2 until the error is below `goal` |b|.  (..., m, d), (..., m), (..., d)

    lr is in units of what the curvature allows; small values follow gradient flow.  Raises RuntimeError when `most`
    steps are not enough, as for a start from which nothing can be learned (W b = 0 and w = 0).  Taught in 33.
    """
    length = torch.linalg.vector_norm(b, dim=-1)
    step = lr / (torch.linalg.matrix_norm(W, 2).square() + w.square().sum(-1) + 2 * length)[..., None]  # (..., 1)
    for _ in range(most):
        error = b - (W.mT @ w[..., None])[..., 0]  # (..., d)
        if (torch.linalg.vector_norm(error, dim=-1) <= goal * length).all():
            return W, w
        W, w = (W + step[..., None] * w[..., :, None] * error[..., None, :],
                w + step * (W @ error[..., None])[..., 0])
    raise RuntimeError(f"the task was not learned in {most} steps: does the start let it be (W b = 0 with w = 0 does "
                       "not)?")


# ---------------------------------------------------------------- what will have happened, without training


def output_size(s2: Tensor | float, length: Tensor | float) -> Tensor:
    """q = |w|^2 when the task is learned: the positive root of q^2 + s2 q = length^2.

    s2: the square of W's singular values at the start (w = 0 there), length: |b|; numbers or tensors -> a tensor.
    Raises ValueError for negative s2 or a length that is not positive.  Derived in chapter 33.  Taught in 33.
    """
    s2, length = (torch.as_tensor(t, dtype=torch.float64) for t in (s2, length))
    if (s2 < 0).any() or (length <= 0).any():
        raise ValueError(f"s2 is a square and length positive; got {s2} and {length}")
    return 2 * length**2 / (s2 + (s2**2 + 4 * length**2).sqrt())  # written so that nothing cancels for large s2


def lazy_start(b: Tensor, w: Tensor) -> Tensor:
    """W of rank one and of the size of w that leaves the kernel alone: every hidden unit looks along the task.

    b: (d,), w: (m,) -> (m, d).  A is then proportional to bb' + |b|^2 before, after and all the way.  Raises ValueError
    for a task of zeros.  After proposition 1 of Liu et al. (2024), with both layers.  Taught in 33.
    """
    length = torch.linalg.vector_norm(b)
    if length == 0:
        raise ValueError("a task of zeros has no direction")
    return torch.outer(w, b / length)


def end(r: int, d: int, p: Tensor | float, size: Tensor | float, length: Tensor | float) -> tuple[Tensor, Tensor]:
    """Alignment of the kernel before and after learning, and |W change| / |W|: exact, for r equal singular values.

    For gradient flow from w = 0, with p > 0 the alignment of W with the task and `length` = |b|.  p, size, length:
    numbers or tensors -> two tensors.  Raises ValueError unless 1 <= r <= d, 0 < p <= 1 and sizes are positive.
    Derived in chapter 33 from what the flow conserves.  Taught in 33.
    """
    p, size, length = (torch.as_tensor(t, dtype=torch.float64) for t in (p, size, length))
    if not 1 <= r <= d or (p <= 0).any() or (p > 1 + 1e-12).any() or (size <= 0).any() or (length <= 0).any():
        raise ValueError(f"needed: 1 <= r <= d, 0 < p <= 1, positive size and length; got r = {r}, d = {d}")
    s2 = size**2 / r
    q = output_size(s2, length)
    both = s2**2 * (r - 1) + s2 * p**2 * length**2 / q + q * s2 * r  # <A0, A>
    after = (r - 1) * (s2 + q) ** 2 + (length**2 / q + q) ** 2 + (d - r) * q**2  # |A|^2
    moved = (s2 + length**2 / q - 2 * (s2 / q).sqrt() * p * length).clamp(min=0)
    return both / (s2 * math.sqrt(r) * after.sqrt()), moved.sqrt() / size


def expected_alignment(A: Tensor) -> Tensor:
    """Mean over all directions of the task of the kernel's alignment before and after, for a small start.  (..., d, d)

    A network that starts small ends with a kernel proportional to bb' + |b|^2, whatever it started from.  The mean is
    (1 + 1/d) sqrt(P / (d + 3)) with P = (trace A)^2 / |A|^2, the participation of the kernel's eigenvalues.
    Liu et al. (2024), theorem 1 is of this kind (average over tasks, small start).  Taught in 33.
    """
    d = A.shape[-1]
    P = A.diagonal(dim1=-2, dim2=-1).sum(-1).square() / A.square().sum((-2, -1))
    return (1 + 1 / d) * (P / (d + 3)).sqrt()
