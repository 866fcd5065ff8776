"""How many nats it takes to write features down, all at once or class by class; soft memberships of points in classes.

symbol      meaning                                                                    shape
Z           features, one row a point, of length 1 where nothing else is said          (..., N, D); the papers' Z is Z^T
eps         precision: what is smaller than it need not be written down                a number; the papers' epsilon
P           membership: how much of point i is in class j, rows sum to 1               (..., N, K); Pi
G           membership of points in points' classes, rows and columns sum to 1         (..., N, N); Gamma
S           similarities of points, symmetric, and their temperature eta               (..., N, N)
R           coding rate, 1/2 log det(I + D / (N eps^2) Z^T Z)                          (...)
R_c         the same class by class, with the membership as weights                    (...)
N, D, K     points, features, classes                                                  ints

Coding rates: Ma, Derksen, Hong & Wright (2007).  Their reduction as an objective: Yu, Chan, You, Song & Ma (2020).
Doubly stochastic membership: Ding, Tong, Chan, Dai, Ma & Haeffele (2023), who leave the factor 1/2 out.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def _check(Z: Tensor, eps: float) -> None:
    if Z.ndim < 2:
        raise ValueError(f"features have one row a point, (N, D); got shape {tuple(Z.shape)}")
    if not eps > 0:
        raise ValueError(f"the precision eps must be positive; got {eps}")


def _half_log_det(A: Tensor) -> Tensor:
    """1/2 log det(I + A) for positive semidefinite A: the sum of logarithms on a Cholesky factor's diagonal."""
    eye = torch.eye(A.shape[-1], dtype=A.dtype)
    return torch.linalg.cholesky(A + eye).diagonal(dim1=-2, dim2=-1).log().sum(-1)


def coding_rate(Z: Tensor, eps: float) -> Tensor:
    """R: nats a point that are needed to write all features down to precision eps.  (..., N, D) -> (...)

    Raises ValueError for eps <= 0 or a single axis.  Yu et al. (2020), section 2.1; Ding et al. (2023), section 2.1,
    without the 1/2.  Taught in 37.
    """
    _check(Z, eps)
    N, D = Z.shape[-2:]
    return _half_log_det(D / (N * eps**2) * Z.mT @ Z)


def compression(Z: Tensor, P: Tensor, eps: float) -> Tensor:
    """R_c: nats a point when every class is written down by itself.  (..., N, D), (..., N, K) -> (...)

    For a doubly stochastic membership K = N and every class has size 1.  Raises ValueError when P has other points
    than Z.  Ding et al. (2023), section 2.1 and equation (4).  Taught in 37.
    """
    _check(Z, eps)
    N, D = Z.shape[-2:]
    if P.shape[-2] != N:
        raise ValueError(f"membership has a row for each of the {N} points; got shape {tuple(P.shape)}")
    sizes = P.sum(-2).clamp_min(1e-12)                                           # (..., K)
    pairs = (Z[..., :, None] * Z[..., None, :]).flatten(-2)                      # (..., N, D * D)
    spread = (P.mT @ pairs).unflatten(-1, (D, D)) / sizes[..., None, None]       # (..., K, D, D)
    return (sizes / N * _half_log_det(D / eps**2 * spread)).sum(-1)


def rate_reduction(Z: Tensor, P: Tensor, eps: float) -> Tensor:
    """R - R_c: the nats a point that knowing the classes saves.  (..., N, D), (..., N, K) -> (...)

    Raises ValueError as its parts do.  Ding et al. (2023), equations (1) and (4).  Taught in 37.
    """
    return coding_rate(Z, eps) - compression(Z, P, eps)


def orthogonal_reduction(D: int, K: int, eps: float) -> float:
    """R - R_c for K classes of equal size that fill orthogonal subspaces of D / K dimensions evenly, in nats.

    It grows with K.  Raises ValueError when D is no multiple of K.  Taught in 37.
    """
    if K < 1 or D % K:
        raise ValueError(f"{K} subspaces of equal size do not fill {D} dimensions")
    return D / 2 * (math.log1p(1 / eps**2) - math.log1p(K / eps**2) / K)


def one_hot(labels: Tensor) -> Tensor:
    """The hard membership of labels.  (N,), integers from 0 -> (N, K), double precision.  Taught in 37."""
    return torch.nn.functional.one_hot(labels).double()


def doubly_stochastic(S: Tensor, eta: float, steps: int = 50) -> Tensor:
    """G_ij = exp(f_i + S_ij / eta + f_j), with f such that all rows and columns sum to 1.  (..., N, N) -> (..., N, N)

    Of all doubly stochastic matrices the one with the largest <G, S> + eta * entropy.  Symmetric scaling in the
    logarithm, `steps` times (rows are off by a factor of about 2^-steps at the end, where eta is not small).  Raises
    ValueError for eta <= 0 or a matrix that is not square.  Sinkhorn (1964); Knight, Ruiz & Ucar (2014); Ding et al.
    (2023), section 3.1.  Taught in 37.
    """
    if not eta > 0 or S.shape[-1] != S.shape[-2]:
        raise ValueError(f"needs a square matrix and a temperature above 0; got {tuple(S.shape)} and {eta}")
    logs = S / eta
    f = -logs.logsumexp(-1) / 2                                                  # (..., N)
    for _ in range(steps):
        f = (f - (logs + f[..., None, :]).logsumexp(-1)) / 2
    return (f[..., :, None] + logs + f[..., None, :]).exp()


def best_membership(Z: Tensor) -> Tensor:
    """The doubly stochastic membership that reduces the rate of unit features most: everyone alone.  (N, D) -> (N, N)

    Any permutation does as well.  R_c is concave in the membership, so that its minimum is at an extreme point.
    Ding et al. (2023), section 2.2.  Taught in 37.
    """
    return torch.eye(len(Z), dtype=Z.dtype)


def total_coding_rate(Z: Tensor, Z2: Tensor, eps: float, weight: float) -> Tensor:
    """What features of two views of the same points are first trained for: spread, and agreement.  (N, D) twice -> ()

    The coding rate of the mean of both plus `weight` times the mean |cosine| of a point's two views.  Raises
    ValueError as `coding_rate`.  Li, Chen, LeCun & Sommer (2022); Ding et al. (2023), equation (5).  Taught in 37.
    """
    return coding_rate((Z + Z2) / 2, eps) + weight * (Z * Z2).sum(-1).abs().mean(-1)


def numerical_rank(Z: Tensor, share: float = 0.95) -> int:
    """How many directions hold `share` of the features' squared length.  (N, D) -> an int

    Ding et al. (2023), section 4.  Taught in 37.
    """
    energy = torch.linalg.svdvals(Z).square()
    return int((energy.cumsum(0) / energy.sum() <= share).sum()) + 1
