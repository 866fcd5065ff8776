"""Two networks with two layers whose minima can be compared: a diagonal linear one and a ReLU one.

symbol      meaning                                                                    shape
X, y        inputs and targets, one set for each of R runs side by side                (R, n, d), (R, n)
u, v        weights of the diagonal network f = sum of (u^2 - v^2) x                   (R, d)
beta        the linear function it computes, u^2 - v^2                                 (R, d)
W, a        inner and outer weights of f = sum over units of a_j relu(w_j . x)         (R, m, d), (R, m)
lr          learning rate of each run                                                  (R,)
A           gradients of the outputs by all weights, a row per sample                  (R, n, P)

Loss 1/2n sum of squared errors.  A step of SGD sees one sample, drawn anew each time.  Runs do not touch one another;
one that diverges ends in NaN.  Both networks: L. Wu & W. J. Su (2023).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 500  # so many steps' samples are drawn and gathered at once


def _runs(X: Tensor, y: Tensor, lr: Tensor, *weights: Tensor) -> None:
    if X.ndim != 3 or y.shape != X.shape[:2] or lr.shape != X.shape[:1] or any(len(w) != len(X) for w in weights):
        raise ValueError("R runs need X (R, n, d), y (R, n), lr (R,) and weights with R in front; got "
                         f"{[tuple(t.shape) for t in (X, y, lr, *weights)]}")


def _samples(X: Tensor, y: Tensor, steps: int, draw: torch.Generator):
    """One sample of each run's own, `steps` times.  -> (R, d), (R, 1)"""
    R, n, d = X.shape
    for begin in range(0, steps, BLOCK):
        k = min(BLOCK, steps - begin)
        which = torch.randint(n, (k, R), generator=draw) + n * torch.arange(R)    # (k, R)
        yield from zip(X.reshape(-1, d)[which], y.reshape(-1)[which].unsqueeze(-1), strict=True)


def _warm(lr: Tensor, ramp: int) -> Callable[[int], Tensor]:
    """The learning rate at step t: up in a straight line over `ramp` steps, then constant.  -> (R, 1)"""
    lr = lr[:, None]
    return lambda t: lr if t >= ramp else lr * ((t + 1) / ramp)


def kick(weights: tuple[Tensor, ...], size: float, draw: torch.Generator) -> tuple[Tensor, ...]:
    """Every weight moved by a Gaussian of standard deviation `size`.  Taught in 35."""
    return tuple(w + size * torch.randn(w.shape, generator=draw, dtype=w.dtype) for w in weights)


# ---------------------------------------------------------------- diagonal


def diagonal_output(X: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """sum of (u^2 - v^2) x.  (R, n, d), (R, d) twice -> (R, n).  Taught in 35."""
    return (X @ (u.square() - v.square()).unsqueeze(-1)).squeeze(-1)


def diagonal_gradients(X: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Gradients of the outputs, (2 u x, -2 v x).  (R, n, d), (R, d) twice -> (R, n, 2 d).  Taught in 35."""
    return torch.cat((2 * X * u.unsqueeze(-2), -2 * X * v.unsqueeze(-2)), -1)


def diagonal_step(x: Tensor, y: Tensor, u: Tensor, v: Tensor, lr: float | Tensor) -> tuple[Tensor, Tensor]:
    """A step of SGD on one sample.  x, u, v: (..., d), y: (..., 1), lr: a number or (..., 1) -> (..., d) twice

    Both weights move by the gradient at the old ones: u (1 - 2 lr e x), v (1 + 2 lr e x), with e the error.
    Taught in 35.
    """
    push = 2 * lr * ((x * (u * u - v * v)).sum(-1, keepdim=True) - y) * x         # (..., d)
    return u - u * push, v + v * push


def train_diagonal(X: Tensor, y: Tensor, weights: tuple[Tensor, Tensor], lr: Tensor, steps: int,
                   draw: torch.Generator | None = None, ramp: int = 0) -> tuple[Tensor, Tensor]:
    """SGD on one sample a step; without `draw`, gradient descent.  -> u, v after `steps` steps, (R, d) each

    lr rises to its value over the first `ramp` steps.  Raises ValueError for shapes that do not fit.  Taught in 35.
    """
    _runs(X, y, lr, *weights)
    (u, v), rate = weights, _warm(lr, ramp)
    if draw is not None:
        for t, (x, target) in enumerate(_samples(X, y, steps, draw)):
            u, v = diagonal_step(x, target, u, v, rate(t))
        return u, v
    for t in range(steps):
        error = diagonal_output(X, u, v) - y                                      # (R, n)
        push = 2 / X.shape[1] * rate(t) * (X.mT @ error.unsqueeze(-1)).squeeze(-1)
        u, v = u - u * push, v + v * push
    return u, v


# ---------------------------------------------------------------- relu


def relu_start(runs: int, units: int, d: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """W, a that compute 0: standard Gaussian units, each with a twin of opposite outer weight.  -> (R, m, d), (R, m)

    Raises ValueError for an odd number of units.  Taught in 35.
    """
    if units % 2:
        raise ValueError(f"units come in twins, so their number is even; got {units}")
    W = torch.randn(runs, units // 2, d, generator=draw, dtype=torch.float64)
    a = torch.randn(runs, units // 2, generator=draw, dtype=torch.float64)
    return torch.cat((W, W), 1), torch.cat((a, -a), 1)


def relu_output(X: Tensor, W: Tensor, a: Tensor) -> Tensor:
    """sum over units of a relu(w . x).  (R, n, d), (R, m, d), (R, m) -> (R, n).  Taught in 35."""
    return ((X @ W.mT).relu() @ a.unsqueeze(-1)).squeeze(-1)


def relu_gradients(X: Tensor, W: Tensor, a: Tensor) -> Tensor:
    """Gradients of the outputs, by W then by a.  -> (R, n, m d + m).  Taught in 35."""
    z = X @ W.mT                                                                  # (R, n, m)
    slopes = (z > 0) * a.unsqueeze(-2)
    return torch.cat(((slopes.unsqueeze(-1) * X.unsqueeze(-2)).flatten(-2), z.relu()), -1)


def train_relu(X: Tensor, y: Tensor, weights: tuple[Tensor, Tensor], lr: Tensor, steps: int,
               draw: torch.Generator | None = None, ramp: int = 0) -> tuple[Tensor, Tensor]:
    """SGD on one sample a step; without `draw`, gradient descent.  -> W, a after `steps` steps

    lr rises to its value over the first `ramp` steps.  Raises ValueError for shapes that do not fit.  Taught in 35.
    """
    _runs(X, y, lr, *weights)
    (W, a), rate = (w.clone() for w in weights), _warm(lr, ramp)
    if draw is not None:
        for t, (x, target) in enumerate(_samples(X, y, steps, draw)):
            z = torch.bmm(W, x.unsqueeze(-1)).squeeze(-1)                         # (R, m)
            h = z.relu()
            push = rate(t) * ((a * h).sum(1, keepdim=True) - target)              # (R, 1)
            W.baddbmm_((-push * a * (z > 0)).unsqueeze(-1), x.unsqueeze(1))
            a = a - push * h
        return W, a
    for t in range(steps):
        z = torch.bmm(X, W.mT)                                                    # (R, n, m)
        h = z.relu()
        push = rate(t) / X.shape[1] * ((h @ a.unsqueeze(-1)).squeeze(-1) - y)     # (R, n)
        W.baddbmm_(((z > 0) * push.unsqueeze(-1) * -a.unsqueeze(1)).mT, X)
        a = a - torch.bmm(push.unsqueeze(1), h).squeeze(1)
    return W, a


def path_norm(W: Tensor, a: Tensor) -> Tensor:
    """sum over units of |a_j| |w_j|.  (..., m, d), (..., m) -> (...).  Wu & Su (2023).  Taught in 35."""
    return (a.abs() * W.norm(dim=-1)).sum(-1)


def unit_curvatures(X: Tensor, W: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """What each unit adds to the trace, by its outer and by its inner weights.  -> (..., m) twice

    The means over the samples of relu(w . x)^2, and of a^2 |x|^2 where the unit is on.  Taught in 35.
    """
    z = X @ W.mT                                                                  # (..., n, m)
    inner = ((z > 0) * X.square().sum(-1, keepdim=True)).mean(-2) * a.square()
    return z.relu().square().mean(-2), inner


def flattest(X: Tensor, W: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """The same function with the least trace that rescaling units can reach: w_j c_j and a_j / c_j.  -> W, a

    c^2 makes a unit's two parts equal, and the trace becomes the sum of 2 sqrt(outer * inner).  Units that are never
    on, or whose outer weight is 0, are left alone.  Taught in 35.
    """
    outer, inner = unit_curvatures(X, W, a)
    c = torch.where((outer > 0) & (inner > 0), inner / outer, torch.ones_like(outer)) ** 0.25
    return W * c.unsqueeze(-1), a / c
