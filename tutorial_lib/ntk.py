"""The neural tangent kernel: of wide networks by a recursion, of given ones by their gradients, and what it predicts.

symbol      meaning                                              shape              in Jacot, Gabriel & Hongler (2018)
h           hidden layers                                        an int             L - 1
n           inputs, then units of each hidden layer              ints               n_0, n_1, ...
W, b        weights, all drawn from N(0, 1)                      (out, in), (out,)  W, b
beta        how much biases count                                a number           beta
s(z)        nonlinearity, sqrt(2) relu(z)                                           sigma
z, a        before and after it: z = W a / sqrt(n) + beta b      (N, n)             alpha-tilde, alpha
N, M, O     points, other points, outputs                        ints               N, -, n_L
S           covariance of z over draws of the weights            (M, N)             Sigma
T           the limiting tangent kernel                          (M, N)             Theta_infinity
K           the kernel of a network as it is                     (M, N, O, O)       Theta
f0, y       outputs at the beginning, targets                    (N,)               y_0, y*
t           time: steps of gradient descent times their size lr

s is scaled so that E s(z)^2 = E z^2 for Gaussian z.  The loss is the mean over points of |f - y|^2 / 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Layers = list[tuple[Tensor, Tensor]]


# ---------------------------------------------------------------- infinitely wide


def arc_cosine(S: Tensor, p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """E s(z) s(z') and E s'(z) s'(z') for Gaussian (z, z') of variances p, q and covariance S.  (M, N), (M,), (N,)

    -> (M, N), (M, N): sqrt(p q) k1(c) and k0(c) at the correlation c, with k0 = (pi - arccos c) / pi and
    k1 = (sqrt(1 - c^2) + (pi - arccos c) c) / pi.  Raises ValueError for shapes that do not fit.
    Cho & Saul (2009), section 2; Jacot et al. (2018), theorem 1.  Taught in 31.
    """
    if S.shape != (len(p), len(q)):
        raise ValueError(f"S is (M, N) for M variances p and N variances q; got {tuple(S.shape)}, {len(p)}, {len(q)}")
    size = torch.outer(p, q).sqrt()
    c = (S / size).clamp(-1, 1)  # rounding leaves 1 + 1e-16 on a diagonal, which arccos turns into NaN
    angle = math.pi - torch.arccos(c)
    return size * ((1 - c.square()).sqrt() + angle * c) / math.pi, angle / math.pi


def analytic(X: Tensor, Y: Tensor, hidden: int = 1, beta: float = 0.0) -> tuple[Tensor, Tensor]:
    """Covariance S of the output and tangent kernel T of infinitely wide networks.  (M, n), (N, n) -> (M, N), (M, N)

    S = X Y^T / n + beta^2 and T = S, then, for each hidden layer, (S, S') = arc_cosine(S), S = S + beta^2,
    T = T S' + S.  Raises ValueError for hidden < 0.  Jacot et al. (2018), proposition 1 and theorem 1.  Taught in 31.
    """
    if hidden < 0:
        raise ValueError(f"a network has 0 hidden layers or more; got {hidden}")
    n = X.shape[1]
    S, p, q = X @ Y.mT / n + beta**2, X.square().sum(1) / n + beta**2, Y.square().sum(1) / n + beta**2
    T = S
    for _ in range(hidden):
        S, slopes = arc_cosine(S, p, q)
        S, p, q = S + beta**2, p + beta**2, q + beta**2  # E s(z)^2 is the variance itself
        T = T * slopes + S
    return S, T


# ---------------------------------------------------------------- a network as it is


def fresh(sizes: Sequence[int], rng: torch.Generator, dtype: torch.dtype = torch.float32) -> Layers:
    """Weights and biases from N(0, 1) for layers of these sizes.  -> [(W, b), ...]

    Raises ValueError for fewer than two sizes.  Jacot et al. (2018), section 2.  Taught in 31.
    """
    if len(sizes) < 2:
        raise ValueError(f"a network needs an input and an output size; got sizes={list(sizes)}")
    return [(torch.randn(o, i, generator=rng, dtype=dtype), torch.randn(o, generator=rng, dtype=dtype))
            for i, o in zip(sizes[:-1], sizes[1:], strict=True)]


def network(layers: Layers, x: Tensor, beta: float = 0.0) -> Tensor:
    """Outputs of the network.  x: (N, n) -> (N, O).  Jacot et al. (2018), section 2.  Taught in 31."""
    return _forward(layers, x, beta)[1]


def _forward(layers: Layers, x: Tensor, beta: float) -> tuple[list[Tensor], Tensor]:
    """What enters each layer, and the output."""
    inputs, z = [x], x
    for i, (W, b) in enumerate(layers):
        if i:
            inputs.append(math.sqrt(2) * z.relu())
        z = inputs[i] @ W.mT / math.sqrt(W.shape[1]) + beta * b
    return inputs, z


def _backward(layers: Layers, inputs: list[Tensor], outputs: int) -> list[Tensor]:
    """Gradients of every output by each layer's z.  -> [(N, O, n), ...]"""
    N = len(inputs[0])
    delta = torch.eye(outputs, dtype=inputs[0].dtype).expand(N, -1, -1)  # (N, O, O): by the output itself
    deltas = [delta]
    for (W, _), a in zip(layers[:0:-1], inputs[:0:-1], strict=True):
        delta = (delta @ W) * (math.sqrt(2 / W.shape[1]) * (a > 0))[:, None]  # (N, O, n)
        deltas.append(delta)
    return deltas[::-1]


def layered_kernel(layers: Layers, x: Tensor, y: Tensor | None = None, beta: float = 0.0) -> Tensor:
    """The tangent kernel of a network, layer by layer and without its Jacobian.  x: (M, n), y: (N, n) -> (M, N, O, O)

    A weight's gradient is delta times what enters, so a layer gives (delta delta'^T) (a a'^T / n + beta^2); memory is
    that of the outputs' gradients, not of M O gradients by every weight.  y: None is x.  Taught in 31.
    """
    sides = []
    for points in (x,) if y is None else (x, y):
        inputs, out = _forward(layers, points, beta)
        sides.append((inputs, _backward(layers, inputs, out.shape[1])))
    (a, d), (a_y, d_y) = sides[0], sides[-1]
    M, O = d[0].shape[:2]
    K = 0
    for (W, _), one, other, left, right in zip(layers, a, a_y, d, d_y, strict=True):
        pairs = left.flatten(0, 1) @ right.flatten(0, 1).mT  # (M O, N O)
        K = K + pairs.view(M, O, -1, O) * (one @ other.mT / W.shape[1] + beta**2)[:, None, :, None]
    return K.transpose(1, 2)  # type: ignore[union-attr]


def jacobian_kernel(layers: Layers, x: Tensor, y: Tensor | None = None, beta: float = 0.0) -> Tensor:
    """The same the obvious way: all gradients by all weights, then their inner products.  -> (M, N, O, O)

    Holds M O times as many numbers as there are weights; works for any function that torch.func differentiates.
    Taught in 31.
    """
    def gradients(points: Tensor) -> list[Tensor]:
        one = torch.func.jacrev(lambda w, p: network(w, p[None], beta)[0])
        tree = torch.func.vmap(one, (None, 0))(layers, points)
        return [g.flatten(2) for pair in tree for g in pair]  # (M, O, P) each

    left = gradients(x)
    right = left if y is None else gradients(y)
    return sum(torch.einsum("iap,jbp->ijab", p, q) for p, q in zip(left, right, strict=True))  # type: ignore[return-value]


# ---------------------------------------------------------------- training


def train(layers: Layers, x: Tensor, y: Tensor, lr: float, steps: int, beta: float = 0.0) -> Layers:
    """Weights after gradient descent on all points at once, mean of |f - y|^2 / 2.  x: (N, n), y: (N, O)

    Raises FloatingPointError when the loss is no number any more.  Taught in 31.
    """
    N, layers = len(x), [(W.clone(), b.clone()) for W, b in layers]
    for _ in range(steps):
        inputs, f = _forward(layers, x, beta)
        delta = (f - y) / N  # (N, O)
        for i in reversed(range(len(layers))):
            (W, b), a = layers[i], inputs[i]
            behind = delta @ W * math.sqrt(2 / W.shape[1]) * (a > 0) if i else delta
            W -= lr / math.sqrt(W.shape[1]) * delta.mT @ a
            b -= lr * beta * delta.sum(0)
            delta = behind
    if not torch.isfinite(_forward(layers, x, beta)[1]).all():
        raise FloatingPointError(f"training exploded: lr = {lr:g} is too large for this kernel (2 N / its largest "
                                 "eigenvalue is the limit)")
    return layers


def linear_training(K_test: Tensor, K_train: Tensor, f0_test: Tensor, f0: Tensor, y: Tensor, lr: float,
                    steps: Sequence[int]) -> Tensor:
    """The linearised network after each number of steps.  (M, N), (N, N), (M,), (N,), (N,) -> (T, M)

    f(t) = f0_test - K_test K^-1 (1 - (1 - lr K / N)^t) (f0 - y), mode by mode, so that K may be singular.
    Jacot et al. (2018), section 5, in steps instead of time.  Raises ValueError when lr would explode.  Taught in 31.
    """
    values, modes = torch.linalg.eigh(K_train)
    rate = lr * values / len(y)  # (N,)
    if rate.max() > 2:
        raise ValueError(f"steps of {lr:g} explode: at most 2 N / lambda = {2 * len(y) / values.max():.3g}")
    tiny = rate.abs() < 1e-12
    t = torch.as_tensor(steps, dtype=y.dtype)[:, None]
    weight = torch.where(tiny, t, (1 - (1 - rate) ** t) / torch.where(tiny, torch.ones_like(rate), rate))  # (T, N)
    return f0_test + (weight * ((y - f0) @ modes)) @ modes.mT @ K_test.mT * (lr / len(y))


def linearised(K_test: Tensor, K_train: Tensor, f0_test: Tensor, f0: Tensor, y: Tensor, lr: float, t: int) -> Tensor:
    """The linearised network after t steps of gradient descent: `linear_training` for one number of steps.  -> (M,)

    Raises ValueError when lr would explode.  Jacot et al. (2018), section 5.  Taught in 31.
    """
    return linear_training(K_test, K_train, f0_test, f0, y, lr, [t])[0]


def half_life(K: Tensor, lr: float, k: int) -> Tensor:
    """Steps of gradient descent after which the error along the k-th largest mode of K has halved (k = 1: the first).

    (N, N) -> (): log 2 / -log(1 - lr lambda_k / N).  Raises ValueError for a k that is not there.  Taught in 31.
    """
    if not 1 <= k <= len(K):
        raise ValueError(f"a kernel on {len(K)} points has modes 1 to {len(K)}; asked for {k}")
    return math.log(2) / -torch.log1p(-lr * torch.linalg.eigvalsh(K)[-k] / len(K))
