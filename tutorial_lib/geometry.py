"""Geometry of a few points: tasks with a stated alignment of inputs and labels, and what a representation is good for.

symbol      meaning                                                        shape         Alleman, Lindsey & Fusi (2024)
N, k        points (conditions), labels                                      ints           number of clusters, targets
X           inputs, a row for a point                                        (N, p)         x
Y           labels 1 or -1, balanced, at right angles to each other          (N, k)         y
y           a single label                                                   (N,)           y
H           hidden activities, a row for a point                             (..., N, m)    z
K           a kernel on the points (see `alignment`)                         (..., N, N)    kernel
delta       third coordinate of the square's corners: s1, s2, delta s1 s2    a number       separability (epsilon)
c           CKA of inputs and labels                                         a number       input-target alignment

The authors' code (github.com/Kelarion/repler, src/experiments.py: EpsilonSeparableXOR, RandomOrthogonal,
RandomKernelClassification) draws such tasks; parallelism and cross-condition generalisation are measures of Bernardi
and others (2020).
"""

from __future__ import annotations

from itertools import permutations, product

import torch
from torch import Tensor

from tutorial_lib.alignment import centred, gram

# ---------------------------------------------------------------- tasks


def square(delta: float) -> tuple[Tensor, Tensor]:
    """Four corners (s1, s2, delta s1 s2) and their label s1 s2, the exclusive or.  -> X (4, 3), Y (4, 1)

    The corners come in the order (1, 1), (1, -1), (-1, 1), (-1, -1).  Raises ValueError for delta < 0.  Taught in 34.
    """
    if delta < 0:
        raise ValueError(f"delta is a length, 0 or more; got {delta}")
    s1, s2 = torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1]], dtype=torch.float64)
    return torch.stack((s1, s2, delta * s1 * s2), 1), (s1 * s2)[:, None]


def walsh_labels(N: int, k: int) -> Tensor:
    """k balanced labels of N points, at right angles: first the bits of a point's number, then products.  -> (N, k)

    Raises ValueError unless N is a power of 2 and 1 <= k < N.  Taught in 34.
    """
    bits = max(N.bit_length() - 1, 0)
    if 1 << bits != N or not 1 <= k < N:
        raise ValueError(f"N must be a power of 2 and k between 1 and N - 1; got N = {N} and k = {k}")
    number = torch.arange(N)
    sets = sorted(range(1, N), key=lambda s: (s.bit_count(), s))[:k]  # which bits are multiplied
    odd = [sum((number >> b) & 1 for b in range(bits) if s >> b & 1) % 2 for s in sets]
    return 1 - 2.0 * torch.stack(odd, 1).double()


def variances(k: int, rest: int, c: float, size: float) -> tuple[float, float]:
    """Variances a along each of k labels and b along each of `rest` other directions, for inputs of CKA c.  -> a, b

    The centred kernel has the eigenvalues a (k times) and b (`rest` times), up to a factor N, and the labels' kernel 1
    (k times) and 0: c^2 = a^2 k / (a^2 k + b^2 rest). All of it adds up to `size`, a k + b rest.  Raises ValueError
    unless 0 <= c <= 1 and both numbers are 1 or more.  Taught in 34.
    """
    if not 0 <= c <= 1 or k < 1 or rest < 1:
        raise ValueError(f"c lies between 0 and 1, and there is a label and another direction; got {c}, {k} and {rest}")
    a, b = c / k**0.5, ((1 - c**2) / rest) ** 0.5  # up to a common factor
    factor = size / (a * k + b * rest)
    return a * factor, b * factor


def aligned_inputs(Y: Tensor, c: float, size: float = 3.0) -> Tensor:
    """Inputs whose CKA with the labels is c, alike in all directions otherwise.  Y: (N, k) -> (N, N - 1)

    Their mean squared length is `size`.  Raises ValueError unless 0 <= c <= 1 and Y is balanced, at right angles, and
    leaves directions over.  Taught in 34.
    """
    N, k = Y.shape
    off = torch.cat((torch.ones_like(Y[:, :1]), Y), 1)
    if k > N - 2 or not torch.allclose(off.T @ off, N * torch.eye(k + 1, dtype=Y.dtype), atol=1e-4):
        raise ValueError("labels of 1 or -1 are balanced, at right angles to each other, and fewer than N - 1; "
                         f"got labels of shape {tuple(Y.shape)}")
    a, b = variances(k, N - 1 - k, c, size)
    others = torch.linalg.qr(off, mode="complete").Q[:, k + 1:] * N**0.5  # (N, N - 1 - k)
    return torch.cat((Y * a**0.5, others * b**0.5), 1)


def square_cka(delta: float) -> tuple[float, float, float]:
    """CKA of the square's inputs with the labels, of one-corner neurons with the labels, and with the inputs.

    One-corner neurons, each on for one input, make the kernel a multiple of the identity.  The kernels' centred
    eigenvalues along (s1, s2, s1 s2) are (1, 1, delta^2), (0, 0, 1) and (1, 1, 1).  Taught in 34.
    """
    length = (2 + delta**4) ** 0.5
    return delta**2 / length, 3**-0.5, (2 + delta**2) / (3**0.5 * length)


# ---------------------------------------------------------------- measures


def participation(K: Tensor) -> Tensor:
    """Effective dimension of a representation: (sum of l)^2 / sum of l^2, l the centred kernel's eigenvalues.  -> (...)

    K: (..., N, N).  Taught in 34.
    """
    C = centred(K)
    return C.diagonal(dim1=-2, dim2=-1).sum(-1) ** 2 / C.square().sum((-2, -1))


def parallelism(H: Tensor, y: Tensor) -> Tensor:
    """Are the steps from one label to the other parallel?  Mean cosine between them, best pairing.  -> (...)

    H: (..., N, m), y: (N,) of 1 and -1.  Every point of one label is paired with one of the other; the cosine is
    averaged over pairs of steps, and the pairing is chosen for which that is largest.  Raises ValueError unless there
    are as many points of either label, 2 to 5 of them.  Bernardi et al. (2020).  Taught in 34.
    """
    up, down = H[..., y > 0, :], H[..., y < 0, :]
    n = up.shape[-2]
    if n != down.shape[-2] or not 2 <= n <= 5:
        raise ValueError(f"2 to 5 points of either label are needed, equally many; got {n} and {down.shape[-2]}")
    scores = []
    for order in permutations(range(n)):
        steps = up - down[..., list(order), :]  # (..., n, m)
        steps = steps / steps.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        scores.append((steps.sum(-2).square().sum(-1) - n) / (n * (n - 1)))  # all pairs, without the n with themselves
    return torch.stack(scores).amax(0)


def cross_condition(H: Tensor, y: Tensor, noise: float = 0.3) -> Tensor:
    """Cross-condition generalisation: a line is fitted without one point of either label and tested on those.  -> (...)

    H: (..., N, m), y: (N,).  Around each point activities are scattered by Gaussian noise, `noise` times the points'
    root mean squared distance from their centre.  The line is the linear discriminant of the points kept (fitted to
    infinitely many draws), its share of right answers on the two others is exact, and the mean over all choices of the
    two is returned: 0.5 is chance.  Raises ValueError for a class of a single point.  Bernardi et al. (2020), there
    with a support vector machine.  Taught in 34.
    """
    up, down = (y > 0).nonzero()[:, 0].tolist(), (y < 0).nonzero()[:, 0].tolist()
    if min(len(up), len(down)) < 2:
        raise ValueError(f"2 points of either label are needed; got {len(up)} and {len(down)}")
    C = H - H.mean(-2, keepdim=True)
    sigma = noise * C.square().sum((-2, -1)).div(len(y)).sqrt()[..., None]  # (..., 1)
    rights = []
    for out in product(up, down):
        kept = [C[..., [i for i in side if i not in out], :] for side in (up, down)]
        centre = [p.mean(-2) for p in kept]  # (..., m) each
        spread = torch.cat([p - q[..., None, :] for p, q in zip(kept, centre, strict=True)], -2)  # (..., n, m)
        gap, n = centre[0] - centre[1], spread.shape[-2]
        # (S^T S / n + sigma^2)^-1 gap sigma^2, by the small matrix
        inner = gram(spread) / n + sigma[..., None] ** 2 * torch.eye(n, dtype=H.dtype)
        w = gap - (spread.mT @ torch.linalg.solve(inner, spread @ gap[..., None] / n))[..., 0]  # (..., m)
        margin = ((C[..., list(out), :] - (centre[0] + centre[1])[..., None, :] / 2) @ w[..., None])[..., 0]  # (..., 2)
        scatter = (sigma * w.norm(dim=-1, keepdim=True)).clamp(min=1e-12)
        margin = margin * torch.tensor([1.0, -1.0], dtype=H.dtype) / scatter
        rights.append(torch.special.ndtr(margin).mean(-1))
    return torch.stack(rights).mean(0)


def embed(K: Tensor, like: Tensor) -> Tensor:
    """Coordinates whose inner products are the centred kernel's, turned to resemble `like`.  -> (..., N, d)

    K: (..., N, N), like: (N, d).  Classical multidimensional scaling to d dimensions, then the rotation or reflection
    that brings it closest.  Taught in 34.
    """
    d = like.shape[-1]
    values, modes = torch.linalg.eigh(centred(K))
    points = modes[..., -d:] * values[..., -d:].clamp(min=0).sqrt()[..., None, :]  # (..., N, d)
    U, _, V = torch.linalg.svd(points.mT @ (like - like.mean(0)))
    return points @ U @ V
