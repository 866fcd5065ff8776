"""A network small enough that its test loss, its kernel and its training are known exactly, and which groks.

symbol      meaning                                                     shape        in Kumar and others (2024)
D, P, N     inputs, training points, hidden units                       ints         D, P, N
x           inputs, each from N(0, 1/D)                                 (P, D)       x
b           direction of the target y(x) = (b.x)^2 / 2                  (D,)         beta*
eps         curvature of the nonlinearity phi(z) = z + eps z^2 / 2      a number     epsilon
alpha       scale of the output: f = alpha (g - g0)                     a number     alpha
W           hidden weights; all output weights are 1                    (N, D)       w_i
u           mean of the rows of W                                       (D,)         w-bar
M           W^T W / N, their second moment                              (D, D)       M
g, g0       mean over units of phi(w_i.x); the same before training     (P,)
a, Q        f as a function: f(x) = a.x + x^T Q x                       (D,), (D, D)
K           tangent kernel of f, times N / alpha^2                      (P, P)       K
lr, t       length of a step, in units of N / alpha^2; time, lr times steps

g(x) = u.x + eps x^T M x / 2, so u and M say everything about f; and a gradient step moves all units by the same
affine map, so they say everything about training, too.  The loss is the mean over points of (f - y)^2 / 2; losses
that are reported are mean squares, (f - y)^2.  Leading dimensions run over several networks at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Moments = tuple[Tensor, Tensor]
Form = tuple[Tensor, Tensor]


# ---------------------------------------------------------------- the task


def target(x: Tensor, b: Tensor) -> Tensor:
    """y(x) = (b.x)^2 / 2.  (..., P, D), (..., D) -> (..., P)  Kumar et al. (2024), section 5.  Taught in 32."""
    return (x @ b[..., None])[..., 0].square() / 2


def draw_task(D: int, P: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """P points of N(0, 1/D), their targets, and a direction b of length sqrt(D).  -> (P, D), (P,), (D,) float64

    b.x is then a standard Gaussian, so the mean of y^2 is 3/4.  Raises ValueError unless D, P > 0.  Taught in 32.
    """
    if D < 1 or P < 1:
        raise ValueError(f"a task needs inputs and points; got D = {D}, P = {P}")
    x = torch.randn(P, D, generator=rng, dtype=torch.float64) / math.sqrt(D)
    b = torch.randn(D, generator=rng, dtype=torch.float64)
    b = b * (math.sqrt(D) / b.norm())
    return x, target(x, b), b


# ---------------------------------------------------------------- the network, unit by unit


def network(W: Tensor, x: Tensor, eps: float) -> Tensor:
    """g(x), the mean over units of z + eps z^2 / 2, z = w.x.  (..., N, D), (..., P, D) -> (..., P)  Taught in 32."""
    z = x @ W.mT  # (..., P, N)
    return (z + eps / 2 * z.square()).mean(-1)


def step(W: Tensor, x: Tensor, error: Tensor, alpha: float, eps: float, lr: float) -> Tensor:
    """W after a gradient step of size lr N / alpha^2 on the mean of error^2 / 2, error = f - y.  error: (P,) -> (N, D)

    By unit: w - lr / alpha * the mean over points of error (1 + eps w.x) x.  Kumar et al. (2024), section 5, where
    the learning rate is N / alpha^2.  Taught in 32.
    """
    slopes = 1 + eps * x @ W.mT  # (P, N)
    return W - lr / alpha / len(x) * (error[:, None] * slopes).mT @ x


# ---------------------------------------------------------------- two moments in place of all units


def moments(W: Tensor) -> Moments:
    """u, the mean of the rows of W, and M = W^T W / N.  (..., N, D) -> (..., D), (..., D, D)  Taught in 32."""
    return W.mean(-2), W.mT @ W / W.shape[-2]


def wide(D: int) -> Moments:
    """The moments of infinitely many units drawn from N(0, 1): u = 0, M = 1.  -> (D,), (D, D)  Taught in 32."""
    return torch.zeros(D, dtype=torch.float64), torch.eye(D, dtype=torch.float64)


def output(u: Tensor, M: Tensor, x: Tensor, eps: float | Tensor) -> Tensor:
    """g(x) = u.x + eps x^T M x / 2.  (..., D), (..., D, D), (..., P, D) -> (..., P)  Taught in 32."""
    return ((u[..., None, :] + eps / 2 * x @ M) * x).sum(-1)


def form(now: Moments, start: Moments, alpha: float | Tensor, eps: float | Tensor) -> Form:
    """f as a linear and a quadratic form: a = alpha (u - u0), Q = alpha eps (M - M0) / 2.  -> (..., D), (..., D, D)

    alpha, eps: numbers or (...), one for each network.  Taught in 32.
    """
    alpha, eps = (torch.as_tensor(v, dtype=now[0].dtype)[..., None] for v in (alpha, eps))
    return alpha * (now[0] - start[0]), (alpha * eps / 2)[..., None] * (now[1] - start[1])


def loss_parts(a: Tensor, Q: Tensor, b: Tensor) -> Tensor:
    """The test loss, exactly, in three parts: linear |a|^2 / D, mean (tr B / D)^2, shape 2 |B|^2 / D^2.  -> (..., 3)

    With B = Q - b b^T / 2.  The mean of (a.x + x^T B x)^2 over x from N(0, 1/D) is their sum.  Raises ValueError for
    shapes that do not fit.  Kumar et al. (2024) split it in three as well.  Taught in 32.
    """
    D = a.shape[-1]
    if Q.shape[-2:] != (D, D) or b.shape[-1] != D:
        raise ValueError(f"for {D} inputs Q is ({D}, {D}) and b ({D},); got {tuple(Q.shape)} and {tuple(b.shape)}")
    B = Q - b[..., :, None] * b[..., None, :] / 2
    trace = B.diagonal(dim1=-2, dim2=-1).sum(-1)
    return torch.stack((a.square().sum(-1) / D, (trace / D).square(), 2 * B.square().sum((-2, -1)) / D**2), -1)


def mean_loss(a: Tensor, Q: Tensor, b: Tensor) -> Tensor:
    """The mean of (f(x) - y(x))^2 over all inputs: the sum of `loss_parts`.  -> (...)  Taught in 32."""
    return loss_parts(a, Q, b).sum(-1)


# ---------------------------------------------------------------- kernels


def kernel(u: Tensor, M: Tensor, x: Tensor, z: Tensor, eps: float) -> Tensor:
    """x.z (1 + eps (u.x + u.z) + eps^2 x^T M z), the tangent kernel times N / alpha^2.  (P, D), (R, D) -> (P, R)

    Kumar et al. (2024), section 5.  Taught in 32.
    """
    left, right = x @ u[..., None], z @ u[..., None]  # (..., P, 1), (..., R, 1)
    return x @ z.mT * (1 + eps * (left + right.mT) + eps**2 * x @ M @ z.mT)


def in_kernel(c: Tensor, u: Tensor, M: Tensor, x: Tensor, eps: float) -> Form:
    """The function sum_i c_i K(., x_i) as a linear and a quadratic form.  c: (..., P) -> (..., D), (..., D, D)

    Taught in 32.
    """
    a = (c * (1 + eps * x @ u)) @ x  # (..., D)
    half = (c[..., None] * x).mT @ (eps * u + eps**2 * x @ M)  # (..., D, D)
    return a, (half + half.mT) / 2


def lazy(u: Tensor, M: Tensor, x: Tensor, y: Tensor, eps: float) -> Form:
    """Where training would end if the kernel stood still: regression with it.  (P, D), (P,) -> (D,), (D, D)

    Where there are more points than features, least squares.  Taught in 32.
    """
    K = kernel(u, M, x, x, eps)
    return in_kernel(torch.linalg.pinv(K, hermitian=True, rtol=1e-11) @ y, u, M, x, eps)


def features(D: int) -> int:
    """How many independent functions the kernel spans: D linear and D (D + 1) / 2 quadratic ones.  Taught in 32."""
    return D * (D + 3) // 2


# ---------------------------------------------------------------- training


def pace(x: Tensor, alpha: float | Tensor, eps: float | Tensor, share: float = 0.7) -> Tensor:
    """A step that does not explode: share / (lambda (1 + 3 eps / alpha)), lambda the largest of x^T x / P.  -> (...)

    2 / lambda is where linear features explode; the trained kernel adds at most about 3 eps / alpha times as much.
    Raises ValueError unless alpha > 0.  Taught in 32.
    """
    alpha, eps = torch.as_tensor(alpha, dtype=x.dtype), torch.as_tensor(eps, dtype=x.dtype)
    if not (alpha > 0).all():
        raise ValueError(f"output scales are positive; got {alpha.tolist()}")
    return share / torch.linalg.eigvalsh(x.mT @ x / x.shape[-2])[..., -1] / (1 + 3 * eps / alpha)


def twin(alpha: float, eps: float, lr: float, new_eps: float) -> tuple[float, float]:
    """Scale and step of a network of curvature new_eps that computes the same, step by step, on mirrored points.

    alpha eps stays, and lr eps^2.  Raises ValueError unless both curvatures are positive.  Taught in 32.
    """
    if eps <= 0 or new_eps <= 0:
        raise ValueError(f"curvatures are positive; got {eps} and {new_eps}")
    return alpha * eps / new_eps, lr * (eps / new_eps) ** 2


def stages(last: int, per_decade: int = 40) -> list[int]:
    """0, then numbers of steps that grow by a factor, up to `last`.  Taught in 32."""
    if last < 1 or per_decade < 1:
        raise ValueError(f"stages need a last step and some in each decade; got {last} and {per_decade}")
    many = math.floor(per_decade * math.log10(last))
    return sorted({0, last, *(round(10 ** (k / per_decade)) for k in range(many + 1))})


def follow(start: Moments, x: Tensor, y: Tensor, alpha: float | Tensor, eps: float | Tensor, lr: float | Tensor,
           steps: Sequence[int]) -> tuple[Moments, Tensor]:
    """Gradient descent, in moments: exactly what `step` does to W.  -> (T, ..., D), (T, ..., D, D) and losses (T, ...)

    x: (..., P, D), y: (..., P); alpha, eps, lr: numbers or (...).  steps ascend from 0 or later.  Raises ValueError
    for steps that do not ascend, FloatingPointError when training explodes.  Taught in 32.
    """
    if list(steps) != sorted(set(steps)) or steps[0] < 0:
        raise ValueError(f"steps must ascend from 0 or later; got {list(steps)}")
    shape = y.shape[:-1]
    alpha, eps, lr = (torch.as_tensor(v, dtype=y.dtype).expand(shape)[..., None] for v in (alpha, eps, lr))
    u, M = start[0].expand(*shape, -1), start[1].expand(*shape, -1, -1)
    P, xT, visited, seen = x.shape[-2], x.mT, [], set(steps)
    g0, reach, bent = output(u, M, x, eps[..., None]), lr / alpha / P, eps[..., None]
    for t in range(steps[-1] + 1):
        error = alpha * (output(u, M, x, bent) - g0) - y  # (..., P)
        if t in seen:
            visited.append((u, M, error.square().mean(-1)))
        push = reach * error
        v = (xT @ push[..., None])[..., 0]  # (..., D)
        A = torch.eye(x.shape[-1], dtype=y.dtype) - bent * (xT @ (push[..., None] * x))  # w -> A w - v, for every unit
        Au = (A @ u[..., None])[..., 0]
        cross = Au[..., :, None] * v[..., None, :]
        M = A @ M @ A - cross - cross.mT + v[..., :, None] * v[..., None, :]
        u = Au - v
    if not torch.isfinite(M).all():
        raise FloatingPointError(f"training exploded: steps of {lr.flatten().tolist()} are too long")
    return (torch.stack([s[0] for s in visited]), torch.stack([s[1] for s in visited])), torch.stack(
        [s[2] for s in visited])


def crossing(times: Tensor, losses: Tensor, level: float) -> Tensor:
    """The first of the times at which a loss is below level; infinity where it never is.  (T,), (T, ...) -> (...)

    Raises ValueError for shapes that do not fit.  Taught in 32.
    """
    if len(times) != len(losses):
        raise ValueError(f"a loss for each time, please: {len(times)} times and {len(losses)} losses")
    below = losses < level  # (T, ...)
    first = times[below.int().argmax(0)]
    return torch.where(below.any(0), first.to(losses.dtype), torch.inf)
