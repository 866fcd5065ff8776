"""Networks with one hidden layer, many trained at once; and what pulls a single neuron where.

symbol      meaning                                                          shape           Alleman et al. (2024)
S, m        networks, neurons in each                                        ints
X, Y        inputs and labels 1 or -1                                        (N, p), (N, k)  x, y
W           inner weights, a row for a neuron                                (S, m, p)       W
A           outer weights                                                    (S, k, m)       readout weights
w           both                                                             (W, A)
phi         a nonlinearity: its value, and its slope from z and the value    a pair          f, f'
H           hidden activities phi(X W^T)                                     (S, N, m)       z
f           outputs A H / m, that is (1/m) sum of A_j phi(W_j x)             (S, N, k)
scale       standard deviation of W and A at the beginning                   a number

The loss is log(1 + exp(-y f)), averaged over points, summed over labels.  Outputs are means over neurons and learning
rates are multiplied by m, so that a neuron feels the same at any width (mean-field scaling); then a small `scale` is
rich and a large one lazy (see `tangents`).  There are no biases; a column of a constant in X makes them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Phi = tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]
Weights = tuple[Tensor, Tensor]


def leaky(leak: float) -> Phi:
    """z for z > 0 and leak z below: 0 is a relu, 1 is linear.  Raises ValueError outside.  Taught in 34."""
    if not 0 <= leak <= 1:
        raise ValueError(f"a leak lies between 0 and 1; got {leak}")

    def slope(z: Tensor, _: Tensor) -> Tensor:
        return leak + (1 - leak) * (z > 0).to(z.dtype)

    return lambda z: z.clamp(min=0) + leak * z.clamp(max=0), slope


# smooth at 0 or with a kink there; flat on both sides, or on one
PHI: dict[str, Phi] = {
    "tanh": (torch.tanh, lambda z, h: 1 - h * h),
    "relu": leaky(0.0),
    "elu": (torch.nn.functional.elu, lambda z, h: torch.where(z > 0, 1.0, h + 1)),
    "clipped relu": (lambda z: z.clamp(0, 1), lambda z, h: ((z > 0) & (z < 1)).to(z.dtype)),
}


def fresh(S: int, p: int, m: int, k: int, scale: float, rng: torch.Generator) -> Weights:
    """Gaussian weights of standard deviation `scale`.  -> W (S, m, p), A (S, k, m), float64

    Raises ValueError for a scale that is not positive.  Taught in 34.
    """
    if not scale > 0:
        raise ValueError(f"at scale {scale} no neuron differs from another: it must be positive")
    return tuple(scale * torch.randn(*shape, generator=rng, dtype=torch.float64)  # type: ignore[return-value]
                 for shape in ((S, m, p), (S, k, m)))


def hidden(w: Weights, X: Tensor, phi: Phi) -> Tensor:
    """H = phi(X W^T).  X: (N, p) or (S, N, p) -> (S, N, m)  Taught in 34."""
    return phi[0](X @ w[0].mT)


def output(w: Weights, X: Tensor, phi: Phi) -> Tensor:
    """f = H A^T / m.  -> (S, N, k)  Taught in 34."""
    return hidden(w, X, phi) @ w[1].mT / w[0].shape[-2]


def train(w: Weights, X: Tensor, Y: Tensor, phi: Phi, until: float = 0.01, steps: int = 4000,
          reach: float = 1.0, longest: float = 1.0) -> tuple[Weights, Tensor, Tensor]:
    """Gradient descent on all networks at once, each until its loss per label is `until`.  -> weights, loss, steps

    X: (N, p) or (S, N, p), Y: (N, k) or (S, N, k); loss and steps: (S,).  A network's step is `reach` / (trace of its
    tangent kernel, averaged over points and divided by 4), which bounds the loss's largest curvature, and at most
    `longest`.  A network that has
    arrived stands still.  Raises ValueError for shapes that do not fit.  Taught in 34.
    """
    W, A = w
    if X.shape[-1] != W.shape[-1] or Y.shape[-1] != A.shape[-2] or X.shape[-2] != Y.shape[-2]:
        raise ValueError(f"X (N, p), Y (N, k), W (S, m, p) and A (S, k, m) do not fit: {tuple(X.shape)}, "
                         f"{tuple(Y.shape)}, {tuple(W.shape)}, {tuple(A.shape)}")
    m, N, squared = W.shape[-2], X.shape[-2], X.square().sum(-1)  # (N,) or (S, N)
    taken, loss = torch.zeros(len(W), dtype=torch.long), torch.empty(len(W))
    for step in range(steps + 1):
        Z = X @ W.mT  # (S, N, m)
        H = phi[0](Z)
        margin = Y * (H @ A.mT / m)  # (S, N, k)
        loss = torch.nn.functional.softplus(-margin).mean((1, 2))
        live = loss > until
        if step == steps or not live.any():
            break
        slope, error = phi[1](Z, H), Y * torch.sigmoid(-margin)
        trace = (H.square().mean(-1) + (A.square().sum(1, keepdim=True) * slope.square()).mean(-1) * squared).mean(-1)
        lr = ((4 * reach / trace.clamp(min=1e-30)).clamp(max=longest) * live / N)[:, None, None]
        W, A = W + lr * ((error @ A) * slope).mT @ X, A + lr * error.mT @ H
        taken += live
    return (W, A), loss, taken


# ---------------------------------------------------------------- one neuron


def pull(W: Tensor, X: Tensor, y: Tensor, phi: Phi) -> Tensor:
    """Where the first step sends a neuron's inner weights, if its outer weight is 1.  W: (..., p) -> (..., p)

    At the beginning f is near 0 and every point's error is y / 2, so the pull is the mean of y phi'(w x) x / 2 over the
    points.  X: (N, p), y: (N,).  Raises ValueError for shapes that do not fit.  Paper: figure 1 C and D.  Taught in 34.
    """
    if W.shape[-1] != X.shape[-1] or y.shape != X.shape[:1]:
        raise ValueError(f"W (..., p), X (N, p) and y (N,) do not fit: {tuple(W.shape)}, {tuple(X.shape)}, "
                         f"{tuple(y.shape)}")
    Z = W @ X.mT  # (..., N)
    return (y * phi[1](Z, phi[0](Z))) @ X / (2 * len(y))


def switch_point(leak: float) -> float:
    """The delta at which a pair of corners pulls a leaky neuron as hard as a single corner does.

    Single: the length of x1 + leak (x4 - x2 - x3); pair: of x1 + x4 - leak (x2 + x3).  Equal at delta^2 =
    2 (1 - leak) / (3 + 5 leak).  Raises ValueError unless 0 <= leak <= 1.  Taught in 34.
    """
    if not 0 <= leak <= 1:
        raise ValueError(f"a leak lies between 0 and 1; got {leak}")
    return (2 * (1 - leak) / (3 + 5 * leak)) ** 0.5


def label_share(H: Tensor, Y: Tensor) -> Tensor:
    """For each neuron, the share of its variance over the points that lies along the labels.  -> (..., m)

    H: (..., N, m), Y: (N, k).  1 for a neuron that tells labels and nothing else; for one that is on for a
    single point of four, 1/3.  Labels have to be balanced and at right angles.  Taught in 34.
    """
    C = H - H.mean(-2, keepdim=True)
    along = (Y.mT @ C).square().sum(-2) / Y.shape[-2]  # (..., m)
    return along / C.square().sum(-2).clamp(min=1e-30)
