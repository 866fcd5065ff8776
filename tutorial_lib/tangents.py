"""A network, its tangent, and the scale of its output: on a line, where every neuron is a kink that one can see.

symbol      meaning                                          shape          in Chizat, Oyallon & Bach (2019)
w           weights, here (a, v, b): g(x) = sum of a_j relu(v_j x + b_j) over j, / sqrt(m)      w
m           neurons                                          an int         m
N, M        training points, other points                    ints
g           what the network computes                        (..., N)       h
g0          what it computed at the beginning                (..., N)       h(w_0)
alpha       scale of the output: f = alpha (g - g0)          a number       alpha
y           targets                                          (N,)           y*
J           gradients of g by the weights, a row for a point (..., N, P)    Dh
K           tangent kernel, inner products of rows of J      (..., N, N)    Sigma(w)
t           time of gradient flow; a step of size lr at scale alpha lasts lr, since it is divided by alpha^2

The loss is the mean of (f - y)^2 / 2 over the training points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Weights = tuple[Tensor, Tensor, Tensor]


# ---------------------------------------------------------------- a network on a line


def fresh(m: int, rng: torch.Generator) -> Weights:
    """Weights with kinks drawn evenly from [-1, 1] and slopes and outputs of 1 or -1.  -> (a, v, b), each (m,) float64

    Raises ValueError for m < 1.  Taught in 30.
    """
    if m < 1:
        raise ValueError(f"a network has 1 neuron or more; got m = {m}")
    at = 2 * torch.rand(m, generator=rng, dtype=torch.float64) - 1
    a, v = (2 * torch.randint(2, (2, m), generator=rng) - 1).double()
    return a, v, -v * at


def network(w: Weights, x: Tensor) -> Tensor:
    """g(x) = sum over j of a_j relu(v_j x + b_j), / sqrt(m).  w: (..., m) each, x: (N,) -> (..., N)  Taught in 30."""
    a, v, b = w
    h = (x[:, None] * v[..., None, :] + b[..., None, :]).relu()  # (..., N, m)
    return (h @ a[..., None])[..., 0] / a.shape[-1] ** 0.5


def kinks(w: Weights) -> Tensor:
    """Where each neuron switches on or off: x = -b / v.  -> (..., m)  Taught in 30."""
    return -w[2] / w[1]


def jacobian(w: Weights, x: Tensor) -> Tensor:
    """The gradient of g(x) by a, v and b, in that order.  w: (..., m) each, x: (N,) -> (..., N, 3m)

    At a kink the slope is taken to be 0, as PyTorch does.  Taught in 30.
    """
    a, v, b = (p[..., None, :] for p in w)
    z = x[:, None] * v + b  # (..., N, m)
    behind = a * (z > 0)
    return torch.cat((z.relu(), behind * x[:, None], behind), -1) / a.shape[-1] ** 0.5


# ---------------------------------------------------------------- any network


def tangent_kernel(left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    """Inner products of gradients, given a block for each weight tensor.  blocks: (N, ...), (M, ...) -> (N, M)

    K(x, x') = sum over all weights of dg(x)/dw dg(x')/dw.  Raises ValueError unless both have the same blocks.
    Jacot, Gabriel & Hongler (2018), section 4.  Taught in 30.
    """
    if [p.shape[1:] for p in left] != [q.shape[1:] for q in right]:
        raise ValueError("left and right need the same blocks, one for each weight tensor; their shapes are "
                         f"{[tuple(p.shape) for p in left]} and {[tuple(q.shape) for q in right]}")
    return sum(p.flatten(1) @ q.flatten(1).mT for p, q in zip(left, right, strict=True))  # type: ignore[return-value]


def scaled_step(g: Callable[[Tensor], Tensor], w: Tensor, g0: Tensor, y: Tensor, alpha: float, lr: float) -> Tensor:
    """One step down the mean of (f - y)^2 / 2 with f = alpha (g(w) - g0), of size lr / alpha^2.  w: (P,) -> (P,)

    g: (P,) -> (N,).  Chizat, Oyallon & Bach (2019), section 1 (loss divided by alpha^2).  Taught in 30.
    """
    w = w.detach().requires_grad_()
    f = alpha * (g(w) - g0)  # (N,)
    (slope,) = torch.autograd.grad((f - y).square().mean() / 2, w)
    return w.detach() - lr / alpha**2 * slope


def kernel_regression(K_test: Tensor, K_train: Tensor, y: Tensor) -> Tensor:
    """Where the tangent model ends: K_test K_train^-1 y.  (M, N), (N, N), (N, ...) -> (M, ...)

    Started from f = 0.  Raises ValueError for shapes that do not fit.  Taught in 30.
    """
    if K_train.shape != (len(y), len(y)) or K_test.shape[-1] != len(y):
        raise ValueError(f"K_train is (N, N) and K_test (M, N) for N targets; got {tuple(K_train.shape)} and "
                         f"{tuple(K_test.shape)} for {len(y)}")
    return K_test @ torch.linalg.solve(K_train, y)


def tangent_flow(K_test: Tensor, K_train: Tensor, y: Tensor, times: Sequence[float]) -> Tensor:
    """The tangent model after each time: K_test K^-1 (1 - exp(-K t / N)) y.  (M, N), (N, N), (N,) -> (T, M)

    Gradient flow from f = 0 on the mean of (f - y)^2 / 2, mode by mode; K may be singular.  Taught in 30.
    """
    values, modes = torch.linalg.eigh(K_train)
    rate = values.clamp(min=1e-300) / len(y)  # (N,)
    t = torch.as_tensor(times, dtype=y.dtype)[:, None]  # (T, 1)
    weight = -torch.expm1(-rate * t) / (rate * len(y))  # (T, N): (1 - exp(-lambda t / N)) / lambda
    return (weight * (y @ modes)) @ modes.mT @ K_test.mT


def scale_for(J: Tensor, y: Tensor, distance: float) -> Tensor:
    """The output scale at which the tangent model's weights move by `distance` until it fits.  J: (N, P) -> ()

    The shortest way is J^T K^-1 y / alpha, of length sqrt(y K^-1 y) / alpha.  Raises ValueError unless distance > 0.
    Taught in 30.
    """
    if not distance > 0:
        raise ValueError(f"weights that must not move fit nothing: distance is {distance}")
    return (y @ torch.linalg.solve(J @ J.mT, y)).sqrt() / distance


# ---------------------------------------------------------------- training at many scales at once


def flow(w: Weights, x: Tensor, y: Tensor, alphas: Sequence[float], times: Sequence[float],
         reach: float = 1.0) -> Weights:
    """Gradient flow of the network on a line at several scales.  w: (m,) each -> (T, A, m) each, at the given times

    Euler's steps, each as long as `reach` times N / trace K allows (2 is where the fastest mode may explode), so that
    large kernels get short steps.  Raises ValueError unless times ascend from 0 or later and alphas are positive.
    Taught in 30.
    """
    if min(alphas) <= 0 or list(times) != sorted(times) or times[0] < 0:
        raise ValueError(f"alphas must be positive and times ascending from 0 or later; got {alphas} and {times}")
    scale = torch.as_tensor(alphas, dtype=x.dtype)[:, None]  # (A, 1)
    a, v, b = (p.expand(len(alphas), -1).clone() for p in w)  # (A, m) each
    g0, m, N = network(w, x), len(w[0]), len(x)
    clock = torch.zeros_like(scale)
    visited = []
    for until in times:
        while (left := until - clock).max() > 1e-9 * max(until, 1.0):
            z = x[:, None] * v[:, None] + b[:, None]  # (A, N, m)
            h, behind = z.relu(), a[:, None] * (z > 0)
            error = scale * ((h @ a[..., None])[..., 0] / m**0.5 - g0) - y  # (A, N)
            trace = (h.square().sum((1, 2)) + (behind.square() * (1 + x.square())[:, None]).sum((1, 2))) / m  # (A,)
            lr = torch.minimum(reach * N / trace[:, None], left)
            push = (lr / (scale * N * m**0.5) * error)[:, None]  # (A, 1, N), divided by alpha^2 and times alpha
            through = push.mT * behind  # (A, N, m)
            a, v, b = a - (push @ h)[:, 0], v - x @ through, b - through.sum(1)
            clock = clock + lr
        visited.append((a, v, b))
    return tuple(torch.stack(p) for p in zip(*visited, strict=True))  # type: ignore[return-value]
