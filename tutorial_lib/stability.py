"""Can an optimiser stay at a minimum?  Gradient descent and SGD linearised where every error is zero.

symbol      meaning                                                                    shape
A           gradients of the n outputs by the P weights, one row a_i per sample        (n, P)
H           Hessian at an interpolating minimum, mean of a_i a_i^T = A^T A / n         (P, P)
lr          learning rate (the paper's eta)                                            float
C           second moment of the distance from the minimum, mean of delta delta^T      (P, P)
B           batch size, drawn with replacement; 1/B is the weight of one sample        int
trace       mean of |a_i|^2                                                            float
largest     largest eigenvalue of H, at most 2/lr where gradient descent is stable     float
sharpness   what must be at most 2/lr for SGD to be stable in the mean square, exactly float

The loss is 1/2n sum of squared errors.  Near the minimum a step on sample i takes delta to (1 - lr a_i a_i^T) delta.
The bounds: L. Wu & W. J. Su (2023); the exact threshold: R. Mulayoff & T. Michaeli (2023), C. Ma & L. Ying (2021).
"""

from __future__ import annotations

import torch
from torch import Tensor


def _one(A: Tensor) -> Tensor:
    if A.ndim != 2 or min(A.shape) < 1:
        raise ValueError(f"gradients are (n, P), one row per sample; got {tuple(A.shape)}")
    return A


def _positive(lr: float, batch: int) -> None:
    if not lr > 0 or batch < 1:
        raise ValueError(f"a learning rate above 0 and a batch of at least 1 are expected; got {lr} and {batch}")


def curvatures(A: Tensor) -> tuple[Tensor, Tensor]:
    """Trace and largest eigenvalue of H, from the rows of A.  (..., n, P) -> (...), (...)

    The n x n matrix A A^T / n has the same eigenvalues as H, apart from zeros.  A run that has diverged (entries that
    are not finite) gets NaN.  Raises ValueError for fewer than two dimensions.  Taught in 35.
    """
    if A.ndim < 2:
        raise ValueError(f"gradients are (..., n, P); got {tuple(A.shape)}")
    fine = A.isfinite().all(-1).all(-1)
    A = torch.where(fine[..., None, None], A, torch.zeros_like(A))
    K = A @ A.mT / A.shape[-2]                                                    # (..., n, n)
    values = K.diagonal(dim1=-2, dim2=-1).sum(-1), torch.linalg.eigvalsh(K)[..., -1]
    return tuple(v.masked_fill(~fine, float("nan")) for v in values)


def second_moment(A: Tensor, C: Tensor, lr: float, batch: int = 1) -> Tensor:
    """C after one step of linearised SGD, exactly.  A: (n, P), C: (P, P) -> (P, P)

    C - lr (HC + CH) + lr^2 [(1 - 1/B) HCH + (1/B) mean of a_i (a_i^T C a_i) a_i^T], batches drawn with replacement.
    Raises ValueError for shapes that do not fit.  Taught in 35.
    """
    _positive(lr, batch)
    if C.shape != (_one(A).shape[1],) * 2:
        raise ValueError(f"the second moment is ({A.shape[1]}, {A.shape[1]}), as wide as A; got {tuple(C.shape)}")
    n = len(A)
    HC = A.T @ (A @ C) / n                                                        # (P, P)
    alone = A.T @ (((A @ C) * A).sum(1, keepdim=True) * A) / n                    # (P, P)
    together = HC @ (A.T @ A) / n
    return C - lr * (HC + HC.T) + lr**2 * ((1 - 1 / batch) * together + alone / batch)


def moment_ratio(A: Tensor) -> Tensor:
    """Sum of |a_i|^4 over the sum of |a_i|^2: at least the trace, and at most the sharpness.  (n, P) -> ()

    Taught in 35.
    """
    squares = _one(A).square().sum(1)
    return squares.square().sum() / squares.sum()


def _in_the_span(A: Tensor) -> tuple[Tensor, Tensor]:
    """The rows in coordinates along H's eigenvectors, and its eigenvalues that are not 0.  -> (n, r), (r,)"""
    U, S, _ = torch.linalg.svd(_one(A), full_matrices=False)
    kept = S / S[0].clamp_min(1e-300) > 1e-10
    return (U * S)[:, kept], S[kept].square() / len(A)


def sharpness(A: Tensor, batch: int = 1) -> Tensor:
    """The exact curvature of SGD: stable in the mean square for every lr below 2 / sharpness.  (n, P) -> ()

    It is the largest value, over symmetric matrices M, of
        [(1 - 1/B) tr(HMHM) + (1/B) mean of (a_i^T M a_i)^2] / tr(H M^2).
    For B = 1 that is the largest eigenvalue of an n x n matrix; for larger batches one of size r (r + 1) / 2, with r
    the rank of A, which may be 40 at most (ValueError).  Large batches bring it down to the largest eigenvalue of H.
    After Mulayoff & Michaeli (2023).  Taught in 35.
    """
    _positive(1.0, batch)
    rows, h = _in_the_span(A)                                                     # (n, r), (r,)
    if not h.numel():
        return A.new_zeros(())
    if batch == 1:
        pairs = rows[:, None] * rows                                              # (n, n, r)
        G = ((pairs @ (2 / (h[:, None] + h))) * pairs).sum(-1) / len(A)           # (n, n)
        return torch.linalg.eigvalsh(G)[-1]
    if len(h) > 40:
        raise ValueError(f"for batches above 1 the rank may be 40 at most; got {len(h)}")
    j, k = torch.triu_indices(len(h), len(h))
    weight = ((h[j] + h[k]) / 2).sqrt()                                           # (r (r + 1) / 2,)
    features = rows[:, j] * rows[:, k] * torch.where(j == k, 1.0, 2**0.5).to(A.dtype) / weight
    G = features.T @ features / (len(A) * batch)
    return torch.linalg.eigvalsh(G + (1 - 1 / batch) * torch.diag(h[j] * h[k] / weight.square()))[-1]


def ladder(A: Tensor) -> Tensor:
    """Four curvatures in ascending order: trace, moment ratio, sharpness, largest |a_i|^2.  (n, P) -> (4,)

    Below 2/lr, the last is enough for SGD (batch 1) to be stable, the third decides, the first two are necessary.
    Taught in 35.
    """
    return torch.stack((curvatures(_one(A))[0], moment_ratio(A), sharpness(A), A.square().sum(1).max()))


def cloud(A: Tensor, start: Tensor, lr: float, steps: int, draw: torch.Generator | None = None) -> Tensor:
    """Linearised SGD (batch 1) from many starts; without `draw`, gradient descent.  start: (R, P) -> (steps + 1, R, P)

    Each copy draws its own samples.  Raises ValueError for widths that differ.  Taught in 35.
    """
    _positive(lr, 1)
    if start.ndim != 2 or start.shape[1] != _one(A).shape[1]:
        raise ValueError(f"starts are (R, {A.shape[1]}), as wide as A; got {tuple(start.shape)}")
    seen = [start]
    for _ in range(steps):
        delta = seen[-1]
        if draw is None:
            push = delta @ A.T @ A / len(A)                                       # (R, P)
        else:
            a = A[torch.randint(len(A), (len(start),), generator=draw)]           # (R, P)
            push = (delta * a).sum(1, keepdim=True) * a
        seen.append(delta - lr * push)
    return torch.stack(seen)
