"""Groups without labels: by means, by a graph, by who can be written with whom; and how right they are.

symbol      meaning                                                        shape
X           points, one row each                                           (N, D)
W           affinities of points, symmetric, not negative                  (N, N)
A           augmented copies of each point                                 an int
y           labels, integers from 0                                        (N,)
C           self-expression: X is rewritten as C X                         (N, N)
N, D, K     points, features, groups                                       ints
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def _begin(X: Tensor, K: int, draw: torch.Generator) -> Tensor:
    """First centres: each next one is a point drawn in proportion to its squared distance.  -> (K, D)"""
    centres = X[torch.randint(len(X), (1,), generator=draw)]
    for _ in range(K - 1):
        far = torch.cdist(X, centres).amin(1).square() + 1e-12
        centres = torch.cat((centres, X[torch.multinomial(far, 1, generator=draw)]))
    return centres


def kmeans(X: Tensor, K: int, draw: torch.Generator, restarts: int = 20, steps: int = 50) -> Tensor:
    """The best of `restarts` runs of k-means, each from k-means++ centres.  (N, D) -> (N,)

    Raises ValueError for fewer points than groups.  Lloyd (1957); Arthur & Vassilvitskii (2007).  Taught in 37.
    """
    if not 1 <= K <= len(X):
        raise ValueError(f"{len(X)} points cannot make {K} groups")
    best, labels = float("inf"), torch.zeros(len(X), dtype=torch.long)
    for _ in range(restarts):
        centres = _begin(X, K, draw)
        for _ in range(steps):
            y = torch.cdist(X, centres).argmin(1)                                # (N,)
            member = torch.nn.functional.one_hot(y, K).to(X.dtype)
            sizes = member.sum(0)
            new = torch.where(sizes[:, None] > 0, member.T @ X / sizes.clamp_min(1)[:, None], centres)
            if torch.equal(new, centres):
                break
            centres = new
        cost = torch.cdist(X, centres).amin(1).square().sum().item()
        if cost < best:
            best, labels = cost, torch.cdist(X, centres).argmin(1)
    return labels


def spectral(W: Tensor, K: int, draw: torch.Generator) -> Tensor:
    """Spectral clustering: k-means on the first K eigenvectors of the normalised affinities.  (N, N) -> (N,)

    Rows of the eigenvectors are brought to length 1.  Raises ValueError when W is not square or has negative
    entries.  Ng, Jordan & Weiss (2001).  Taught in 37.
    """
    if W.ndim != 2 or W.shape[0] != W.shape[1] or bool((W < 0).any()):
        raise ValueError(f"needs a square matrix without negative entries; got shape {tuple(W.shape)}")
    W = ((W + W.T) / 2).double()
    scale = W.sum(1).clamp_min(1e-12).rsqrt()
    vectors = torch.linalg.eigh(scale[:, None] * W * scale)[1][:, -K:]           # (N, K)
    return kmeans(vectors / vectors.norm(dim=1, keepdim=True).clamp_min(1e-12), K, draw)


def neighbours(X: Tensor, k: int) -> Tensor:
    """1 where one of two points is among the k nearest of the other.  (N, D) -> (N, N)

    Raises ValueError unless 1 <= k < N.  Taught in 37.
    """
    if not 1 <= k < len(X):
        raise ValueError(f"of {len(X)} points each has between 1 and {len(X) - 1} others; got k = {k}")
    near = torch.cdist(X, X).fill_diagonal_(float("inf")).topk(k, largest=False).indices
    W = torch.zeros(len(X), len(X), dtype=X.dtype).scatter_(1, near, 1.0)
    return torch.maximum(W, W.T)


def votes(X: Tensor, copies: Tensor) -> Tensor:
    """How often an augmented copy of i has j as its nearest other point, or the other way round.  -> (N, N)

    X: (N, D), copies: (A, N, D), copy a of every point.  A graph from augmentations, without any training.  Raises
    ValueError when the copies are not of these points.  Taught in 37.
    """
    if copies.ndim != 3 or copies.shape[1:] != X.shape:
        raise ValueError(f"copies of points {tuple(X.shape)} have shape (A, N, D); got {tuple(copies.shape)}")
    W = torch.zeros(len(X), len(X), dtype=X.dtype)
    for copy in copies:
        far = torch.cdist(copy, X).fill_diagonal_(float("inf"))                  # (N, N), not to itself
        W[torch.arange(len(X)), far.argmin(1)] += 1
    return W + W.T


def self_expression(X: Tensor, penalty: float) -> Tensor:
    """|C|, where C X is the best rewriting of X with `penalty` on |C|^2: large within a subspace.  (N, D) -> (N, N)

    Raises ValueError for a penalty <= 0.  Lu and others (2012), least squares regression.  Taught in 37.
    """
    if not penalty > 0:
        raise ValueError(f"the penalty must be positive; got {penalty}")
    gram = X @ X.T
    return torch.linalg.solve(gram + penalty * torch.eye(len(X), dtype=X.dtype), gram).abs()


def accuracy(found: Tensor, y: Tensor) -> float:
    """The share of points that are right under the best matching of found groups to labels.  (N,) twice -> [0, 1]

    Raises ValueError for different lengths.  Kuhn (1955), by scipy.  Taught in 37.
    """
    if found.shape != y.shape:
        raise ValueError(f"one found group for each label; got {tuple(found.shape)} and {tuple(y.shape)}")
    size = int(max(found.max(), y.max())) + 1
    table = torch.bincount(found * size + y, minlength=size * size).view(size, size)     # (groups, labels)
    rows, columns = linear_sum_assignment(table.numpy(), maximize=True)
    return table[rows, columns].sum().item() / len(y)
