"""How alike two kernels are, and how far one has moved.

symbol      meaning                                                        shape
K, L        kernels on the same N points, symmetric                        (..., N, N)
<K, L>      sum of the products of their entries                           (...)
H           centring: takes the mean over the points off, 1 - 1/N          (N, N)
N, D        points, features                                               ints

Alignment is the cosine of the angle between two kernels (Cristianini, Shawe-Taylor, Elisseeff & Kandola, 2001); after
centring it is CKA (Cortes, Mohri & Rostamizadeh, 2012; Kornblith and others, 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor


def _same_points(K: Tensor, L: Tensor) -> None:
    if K.shape[-2:] != L.shape[-2:] or K.shape[-1] != K.shape[-2]:
        raise ValueError("two kernels are compared on the same points, (N, N) each; got "
                         f"{tuple(K.shape)} and {tuple(L.shape)}")


def gram(features: Tensor) -> Tensor:
    """The kernel of features, their inner products.  (..., N, D) -> (..., N, N); of targets (N,) as (N, 1) too.

    Taught in 30.
    """
    columns = features[:, None] if features.ndim == 1 else features
    return columns @ columns.mT


def alignment(K: Tensor, L: Tensor) -> Tensor:
    """<K, L> / (|K| |L|): 1 for kernels that differ by a factor alone.  (..., N, N) twice -> (...)

    Raises ValueError for kernels on different points.  Cristianini et al. (2001).  Taught in 30.
    """
    _same_points(K, L)
    return (K * L).sum((-2, -1)) / (K.square().sum((-2, -1)) * L.square().sum((-2, -1))).sqrt()


def centred(K: Tensor) -> Tensor:
    """H K H: the kernel of features whose mean over the points was taken off.  (..., N, N) -> (..., N, N)

    Taught in 30.
    """
    return K - K.mean(-1, keepdim=True) - K.mean(-2, keepdim=True) + K.mean((-2, -1), keepdim=True)


def cka(K: Tensor, L: Tensor) -> Tensor:
    """Alignment of centred kernels.  (..., N, N) twice -> (...)

    Raises ValueError for kernels on different points.  Kornblith et al. (2019), section 3.  Taught in 30.
    """
    _same_points(K, L)
    return alignment(centred(K), centred(L))


def moved(K: Tensor, L: Tensor) -> Tensor:
    """How far a kernel has moved from K to L, in units of K's size: |L - K| / |K|.  (..., N, N) twice -> (...)

    Counts growth as movement, which `alignment` does not.  Raises ValueError for different points.  Taught in 30.
    """
    _same_points(K, L)
    return torch.linalg.matrix_norm(L - K) / torch.linalg.matrix_norm(K)
