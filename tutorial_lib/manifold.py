"""Are generated images like the data?  Neighbours, a classifier's view, how many classes are covered.

symbol    meaning                                          shape
x         images to be judged, as vectors                  (N, D)
data      images that are known to be real                 (M, D)
p         a classifier's class probabilities               (N, C)
a, b      features of two sets of images                   (N, F), (M, F)
"""

from __future__ import annotations

import torch
from torch import Tensor


def nearest_distance(x: Tensor, data: Tensor, batch: int = 500) -> Tensor:
    """Euclidean distance of each row to its nearest row of `data`.  x: (N, D), data: (M, D) -> (N,)

    Raises ValueError when the widths differ.  Taught in 11.
    """
    if x.shape[-1] != data.shape[-1]:
        raise ValueError(f"x and data must have the same width; got {tuple(x.shape)} and {tuple(data.shape)}")
    # ||a - b||^2 = ||a||^2 - 2ab + ||b||^2: one matrix product per batch instead of M differences
    squares = data.square().sum(-1)  # (M,)
    near = torch.cat([(squares - 2 * part @ data.T).argmin(-1) for part in x.split(batch)])  # (N,)
    return (x - data[near]).norm(dim=-1)  # of the nearest alone, since squares of long rows cancel inexactly


def share_beyond(distances: Tensor, reference: Tensor, quantile: float = 0.95) -> float:
    """The share of distances beyond a quantile of reference distances; 1 - quantile for like and like.

    distances: (N,), reference: (M,) -> [0, 1].  Raises ValueError unless 0 < quantile < 1.  Taught in 11.
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must lie between 0 and 1; got {quantile}")
    return (distances > reference.quantile(quantile)).double().mean().item()


def class_perplexity(p: Tensor) -> float:
    """How many classes the images cover evenly: exp of the entropy of their mean class probabilities.

    p: (N, C) -> 1 (all of one class) to C (all equally often).  Taught in 11.
    """
    share = p.double().mean(0)  # (C,)
    return torch.special.entr(share).sum().exp().item()


def neighbour_accuracy(z: Tensor, y: Tensor, z_test: Tensor, y_test: Tensor, k: int = 5) -> float:
    """How often the majority of the k nearest codes has the right label.

    z: (M, K), y: (M,), z_test: (N, K), y_test: (N,) -> [0, 1].  Raises ValueError unless 1 <= k <= M.  Taught in 11.
    """
    if not 1 <= k <= len(z):
        raise ValueError(f"k must lie between 1 and the number of codes {len(z)}; got {k}")
    near = torch.cdist(z_test, z).topk(k, largest=False).indices  # (N, k)
    return (y[near].mode(-1).values == y_test).double().mean().item()


def gaussian_like(z: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """n samples of the Gaussian with the mean and covariance of z.  z: (M, K) -> (n, K)  Taught in 11."""
    spread = torch.linalg.cholesky(torch.cov(z.T).reshape(z.shape[1], -1))  # (K, K)
    return z.mean(0) + torch.randn(n, z.shape[1], generator=rng) @ spread.T


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared Frechet distance between the Gaussians fitted to two sets of features: 0 for like and like.

    a: (N, F), b: (M, F) -> ||mean_a - mean_b||^2 + trace(A + B - 2 sqrt(A B)), A and B the covariances.
    Dowson and Landau (1982); used on classifier features by Heusel et al. (2017).
    Raises ValueError when the widths differ.  Taught in 11.
    """
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"both sets need the same number of features; got {tuple(a.shape)} and {tuple(b.shape)}")
    a, b = a.double(), b.double()
    A, B = (torch.cov(t.T).reshape(t.shape[1], -1) for t in (a, b))  # (F, F)
    values, vectors = torch.linalg.eigh(A)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T  # the symmetric square root of A
    cross = torch.linalg.eigvalsh(root @ B @ root).clamp_min(0).sqrt().sum()  # trace of sqrt(A B)
    return ((a.mean(0) - b.mean(0)).square().sum() + A.trace() + B.trace() - 2 * cross).item()
