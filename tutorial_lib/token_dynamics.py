"""Token dynamics: tokens that pass through infinitely many thin selective layers, with the depth as time.

symbol    meaning                                                    shape          in Vo et al. (2025), 2410.03292
x         tokens, one number each (or D numbers)                     (..., L)       x_l(t)
t, tau    depth of the network, taken as time; ln(1 + t)             (...)          t
S         what a token's step is made from                           (...)          S_Delta (a matrix where D > 1)
dt        step of a token, softplus(S x), above 0                    (..., L)       Delta
a         rate of decay of the state, 0 or more; A = -a              (...)          a
S_B, S_C  input and output of the state are S_B x and S_C x          (N, D)         S_B, S_C
mu        their product, the sign that decides; M where D > 1        (...), (D, D)  mu = S_C^T S_B
r         growth of a token, x' / x                                  (..., L)       -
c         where tokens shrink: x_l is about c_l / sqrt t             (..., L)       -
kind      0 converge, 1 diverge slowly, 2 diverge fast (`KINDS`)     (...) int64    three scenarios
K, s      readout of the importance; importance of a token           (D,), (..., L) their code

    x_l' = mu x_l  sum over j <= l of  x_j^2 dt_j exp(-a (dt_{j+1} + ... + dt_l))

is the output of a selective state space (44) that reads the tokens, one for each depth.  mu < 0: all go to 0.  mu > 0:
all grow, slowly where every S x_l < 0, and one to infinity in finite time where some S x_l > 0.  Signs never change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

KINDS = ("converge", "diverge slowly", "diverge fast")
CAP = 1e12  # a token of this size counts as gone to infinity: no time is left; slow ones come to 1e9 where L = 8
SIGNS = ("positive", "mixed", "negative")


@dataclass
class Systems:
    """Systems side by side: a row each."""

    x: Tensor  # tokens at t = 0, (B, L)
    mu: Tensor  # (B,)
    S: Tensor  # (B,)
    a: Tensor  # (B,)

    def slope(self, x: Tensor) -> Tensor:
        """x' of each token.  x: (B, L) -> (B, L)"""
        return slope(x, self.mu, self.S, self.a)

    def kind(self) -> Tensor:
        """What the criterion says.  -> (B,) int64"""
        return kind(self.x, self.mu, self.S)


def growth(x: Tensor, mu: Tensor, S: Tensor, a: Tensor) -> Tensor:
    """Growth r = x' / x of each token.  x: (..., L), mu, S, a: (...) -> (..., L)

    The sum over j <= l obeys G_l = exp(-a dt_l) G_{l-1} + x_l^2 dt_l, and r = mu G: L steps in place of L^2 terms.
    Vo et al. (2025), the case of one number a token.  Taught in 47.
    """
    dt = F.softplus(S[..., None] * x)  # (..., L)
    sums, left, own = [], (-a[..., None] * dt).exp(), x.square() * dt
    for left_l, own_l in zip(left.unbind(-1), own.unbind(-1), strict=True):
        sums.append(left_l * sums[-1] + own_l if sums else own_l)
    return mu[..., None] * torch.stack(sums, -1)


def slope(x: Tensor, mu: Tensor, S: Tensor, a: Tensor) -> Tensor:
    """x' of each token: x times `growth`.  x: (..., L), mu, S, a: (...) -> (..., L)  Taught in 47."""
    return x * growth(x, mu, S, a)


def slope_of_vectors(x: Tensor, M: Tensor, S: Tensor, a: float) -> Tensor:
    """x' where a token is D numbers.  x: (..., L, D), M = S_C^T S_B: (D, D), S: (D, D), a: 0 or more -> (..., L, D)

    Channel d of token l gets, from each j <= l, (x_l M x_j) dt_jd exp(-a (dt_{j+1,d} + ... + dt_ld)) x_jd.
    Raises ValueError for shapes that do not fit.  After Vo et al. (2025), with one a for all channels.  Taught in 47.
    """
    D = x.shape[-1]
    if M.shape != (D, D) or S.shape != (D, D):
        raise ValueError(f"M and S should be ({D}, {D}), as the tokens have {D} numbers; "
                         f"got {tuple(M.shape)} and {tuple(S.shape)}")
    dt = F.softplus(x @ S.T)  # (..., L, D)
    left, score = (-a * dt).exp(), x @ M @ x.mT  # (..., L, D), (..., L, L): score [l, j] = x_l M x_j
    heard, out = torch.zeros_like(x[..., :0, :]), []  # (..., j, D): what is left of token j
    for i in range(x.shape[-2]):
        heard = torch.cat((heard * left[..., i, None, :], (dt * x)[..., i, None, :]), -2)  # (..., i + 1, D)
        out.append((score[..., i, : i + 1, None] * heard).sum(-2))
    return torch.stack(out, -2)


def kind(x: Tensor, mu: Tensor, S: Tensor) -> Tensor:
    """The criterion: 0 converge, 1 diverge slowly, 2 diverge fast.  x: (..., L), mu, S: (...) -> (...) int64

    Only signs count, and neither a nor the sizes.  Raises ValueError where a token or mu is 0: that token, or all,
    then stay where they are.  Vo et al. (2025), theorems on one number a token.  Taught in 47.
    """
    if (x == 0).any() or (mu == 0).any():
        raise ValueError("the criterion needs tokens and mu other than 0: at 0 nothing moves")
    fast = (S[..., None] * x >= 0).any(-1)  # with S = 0 every step is ln 2, which is enough
    return torch.where(mu < 0, 0, torch.where(fast, 2, 1))


def sample_systems(n: int, L: int, rng: torch.Generator) -> Systems:
    """`n` systems of each kind, in the order of `KINDS`, with L tokens: B = 3 n, in double precision.

    Sizes are log-uniform in 0.3 .. 2; S has either sign.  Tokens have signs at random where they converge, all against
    S where they diverge slowly, and at random but for one of them, any, that goes with S where they diverge fast.
    Raises ValueError for n or L below 1.  Taught in 47.
    """
    if n < 1 or L < 1:
        raise ValueError(f"n and L must be 1 or more; got n = {n}, L = {L}")

    def size(*shape: int) -> Tensor:
        return 0.3 * (2 / 0.3) ** torch.rand(*shape, generator=rng, dtype=torch.float64)

    def sign(*shape: int) -> Tensor:
        return torch.randint(2, shape, generator=rng) * 2.0 - 1

    sides = sign(3 * n, L)  # sign of S x
    sides[n : 2 * n] = -1
    sides[2 * n :].scatter_(1, torch.randint(L, (n, 1), generator=rng), 1.0)
    S, mu = size(3 * n) * sign(3 * n), size(3 * n)
    mu[:n] *= -1
    return Systems(size(3 * n, L) * sides * S.sign()[:, None], mu, S, size(3 * n))


def simulate(slope: Callable[[Tensor], Tensor], x: Tensor, until: float = 30.0, h: float = 0.05,
             steps: int = 100_000) -> tuple[Tensor, Tensor]:
    """Follow many systems at once, each by a clock of its own, to tau = ln(1 + t) = `until` or to a token of size CAP.

    slope: x -> x', x: (B, L) or (B, L, D) -> tau (T, B), x (T, B, L or L, D), T as many as the slowest system needs.
    In a unit of the clock neither ln(1 + t) nor, in sum, the logarithms of the tokens' sizes change by more than 1, so
    steps shrink before a token blows up and grow without end where tokens hardly move.  Runge and Kutta's rule of
    fourth order, step `h`; who has arrived stands still.  Stops after `steps` at the latest.  Taught in 47.
    """
    def size(v: Tensor) -> Tensor:
        return v.abs() if v.dim() == 2 else v.norm(dim=-1)  # (B, L)

    def speed(x: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
        v, slowly = slope(x), (-tau).exp()  # dtau/dt = exp(-tau)
        dt = going / (slowly + (size(v) / size(x).clamp(min=1e-300)).sum(-1))  # (B,) time to a unit of the clock
        return v * dt.reshape(-1, *[1] * (x.dim() - 1)), slowly * dt

    tau = x.new_zeros(len(x))
    path = [(tau, x)]
    for _ in range(steps):
        going = ((tau < until) & (size(x).amax(-1) < CAP)).to(x)
        if not going.any():
            break
        k1, s1 = speed(x, tau)
        k2, s2 = speed(x + h / 2 * k1, tau + h / 2 * s1)
        k3, s3 = speed(x + h / 2 * k2, tau + h / 2 * s2)
        k4, s4 = speed(x + h * k3, tau + h * s3)
        x, tau = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), tau + h / 6 * (s1 + 2 * s2 + 2 * s3 + s4)
        path.append((tau, x))
    taus, xs = zip(*path, strict=True)
    return torch.stack(taus), torch.stack(xs)


def observed(xs: Tensor) -> Tensor:
    """The kind that a simulated path shows, whatever the criterion says; -1 for none.  xs: (T, B, L) -> (B,) int64

    Fast: a token reached CAP.  Slow: none did, and all are larger than at first.  Converge: all are smaller.
    Taught in 47.
    """
    first, last = xs[0].abs(), xs[-1].abs()
    shown = torch.full(last.shape[:1], -1)
    shown[(last < first).all(-1)] = 0
    shown[(last > first).all(-1)] = 1
    shown[(last >= CAP).any(-1)] = 2
    return shown


def blow_up_time(x: Tensor, mu: Tensor, S: Tensor, nodes: int = 200) -> Tensor:
    """Time in which a token that hears only itself reaches infinity, or inf.  x, mu, S: (...), broadcast -> (...)

    T = integral from |x| to infinity of dx / (mu x^3 softplus(S x)); with x / u for x, the integral from 0 to 1 of
    u / (mu x^2 softplus(S x / u)).  The first token's time exactly; for any other an upper bound, as what it hears of
    earlier tokens only adds.  Taught in 47.
    """
    u, weights = (torch.from_numpy(v).to(x) for v in np.polynomial.legendre.leggauss(nodes))
    u, weights = (u + 1) / 2, weights / 2  # from 0 to 1
    x, mu, S = torch.broadcast_tensors(x, mu, S)
    ends = (mu > 0) & (S * x >= 0) & (x != 0)
    dt = F.softplus(torch.where(ends, S * x, 1.0)[..., None] / u)  # (..., nodes)
    T = (weights * u / dt).sum(-1) / (mu * x.square())
    return torch.where(ends, T, torch.inf)


def log_time(x: float, end: float, mu: float, S: float, panels: int = 400) -> float:
    """ln t at which the first token, from `x`, reaches `end`: its exact solution, turned round.

    t = integral from x to end of dx / (mu x^3 softplus(S x)), by Gauss's rule on each of `panels` pieces; in
    logarithms, so that t may be as large as exp(1000).  Raises ValueError where the token does not go there.
    Taught in 47.
    """
    if x * end <= 0 or (abs(end) - abs(x)) * mu <= 0:
        raise ValueError(f"from {x} a token with mu = {mu} does not reach {end}")
    u, weights = np.polynomial.legendre.leggauss(10)
    slow, (low, high) = S * x < 0 < mu, sorted((abs(x), abs(end)))
    edges = np.linspace(low, high, panels + 1) if slow else np.geomspace(low, high, panels + 1)
    half = np.diff(edges)[:, None] / 2
    y = edges[:-1, None] + half * (1 + u)  # (panels, 10)
    z = S * y * math.copysign(1.0, x)
    log_dt = np.where(z < -30, z, np.log(np.logaddexp(0, np.maximum(z, -30))))  # ln softplus, which is z far below 0
    return float(np.logaddexp.reduce((np.log(half * weights) - math.log(abs(mu)) - 3 * np.log(y) - log_dt).ravel()))


def shrinking(mu: Tensor, a: Tensor, L: int) -> Tensor:
    """c of each token where all converge: sqrt(t) |x_l| goes to c_l.  mu, a: (...) -> (..., L)

    Near 0 each step is ln 2, and x_l = c_l / sqrt t needs sum over j <= l of c_j^2 2^(-a (l - j)) = 1 / (2 |mu| ln 2)
    for every l: the first token takes it all, each other the share 1 - 2^-a.  Taught in 47.
    """
    whole = 1 / (2 * mu.abs() * math.log(2))  # (...)
    share = torch.cat((torch.ones_like(whole)[..., None], (1 - 2**-a)[..., None].expand(*a.shape, L - 1)), -1)
    return (whole[..., None] * share).sqrt()


def tied_projections(P: Tensor, d: Tensor, signs: str = "positive") -> tuple[Tensor, Tensor]:
    """S_B and S_C with S_C^T S_B = P^T diag(e) P, whose eigenvalues have the signs of e.  P: (N, D), d: (N,) -> (N, D)

    "positive" is meant to keep the tokens from converging, whatever P and d are learned, and "negative" makes them;
    for one number a token both are theorems.  "mixed" has e > 0 for the first half of the modes.
    |e| = softplus(d), to which their code adds 0.7 where all are above 0; P gets ones on its diagonal and zeros below.
    Raises ValueError for other signs or shapes.  First refinement of Vo et al. (2025), as in their code.  Taught in 47.
    """
    if signs not in SIGNS or P.shape[0] != len(d):
        raise ValueError(f"signs is one of {', '.join(SIGNS)} and d has a number for each of the {len(P)} rows of P; "
                         f"got {signs!r} and {tuple(d.shape)}")
    positive = {"positive": len(d), "mixed": len(d) // 2, "negative": 0}[signs]
    e = F.softplus(d) * torch.where(torch.arange(len(d)) < positive, 1.0, -1.0)
    S_C = torch.triu(P, 1) + torch.eye(*P.shape, dtype=P.dtype)
    return e[:, None] * S_C, S_C


def importance(x: Tensor, S: Tensor, K: Tensor) -> Tensor:
    """Importance of each token: a learned readout K of what its step is made from.  x: (..., L, D) -> s (..., L)

    s = K (S x), S: (R, D), K: (R,).  The second refinement of Vo et al. (2025), as in their code.  Taught in 47.
    """
    return x @ S.T @ K


def soft_sort(s: Tensor, warmth: float = 1.0) -> Tensor:
    """Rows that pick the least important token first, the most important last.  s: (..., L) -> P (..., L, L)

    P [k, l] = softmax over l of -|s_l - (k-th smallest s)| / warmth: P x reorders softly, and with a gradient for s.
    warmth -> 0 is sorting, warmth -> infinity the mean of all tokens in every row.  Raises ValueError for a warmth
    that is not above 0.  Prillo & Eisenschlos (2020), SoftSort, in Vo et al.'s order.  Taught in 47.
    """
    if warmth <= 0:
        raise ValueError(f"warmth must be above 0; got {warmth}")
    return (-(s.sort(-1).values[..., None] - s[..., None, :]).abs() / warmth).softmax(-1)
