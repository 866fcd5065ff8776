"""Lyapunov exponents of recurrent networks: at which rate two states that lie close together part, or meet.

symbol     meaning                                                     shape
x          state                                                       (..., n)
v          a small change of it, as a direction: the tangent           (..., n)
J          how the next state changes with the state                   (..., n, n), never written down
u          inputs, one a step                                          (T, ...)
lam        exponent: a small change grows like exp(lam t)              (...), per step
dt, A      steps and rates of a selective state space                  (..., T, D), (D, N)
W          weights of a tanh network, g / sqrt n times N(0, 1)          (..., n, n)

    lam = lim 1/T log |J_T ... J_2 J_1 v|         for a selective state space J_t = diag exp(dt_t A), so lam = mean dt A

A **step with tangent** is a function (x, v, u) -> (x', v') with v' = J v.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Step = Callable[[Tensor, Tensor], Tensor]  # x, u -> x'
Tangent = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]  # x, v, u -> x', v'


def with_tangent(step: Step) -> Tangent:
    """The step with tangent of any differentiable step x, u -> x'.  Taught in 44."""
    def both(x: Tensor, v: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        return torch.func.jvp(lambda s: step(s, u), (x,), (v,))

    return both


def largest_exponent(step: Tangent, x: Tensor, v: Tensor, inputs: Sequence[Tensor] | Tensor, warm: int = 0) -> Tensor:
    """The largest Lyapunov exponent, per step, of all states side by side.

    x, v: (..., n), inputs: T of them; growth is averaged over the steps after the first `warm`, in which the tangent
    turns into the direction that grows most -> (...).  The tangent is scaled to length 1 after each step, or it would
    leave the range of floating point otherwise.  Raises ValueError when no step is left.  Taught in 44.
    """
    if not 0 <= warm < len(inputs):
        raise ValueError(f"of {len(inputs)} steps none is left after {warm} to warm up")
    total = x.new_zeros(x.shape[:-1])
    for t, u in enumerate(inputs):
        x, v = step(x, v, u)
        size = v.norm(dim=-1)  # (...)
        v = v / size.clamp(min=torch.finfo(v.dtype).tiny)[..., None]  # a tangent that is gone stays gone: lam = -inf
        if t >= warm:
            total = total + size.log()
    return total / (len(inputs) - warm)


def selective_exponents(dt: Tensor, A: Tensor) -> Tensor:
    """All exponents of a selective state space, exactly: each mode's decays, multiplied, have the log sum of dt A.

    dt: (..., T, D), A: (D, N) -> (..., D, N).  Below 0 wherever dt > 0 and A < 0; the largest is the network's.
    Raises ValueError for shapes that do not fit.  Halloran, Gulati & Roysdon (2025), theorem 1.  Taught in 44.
    """
    if dt.dim() < 2 or A.dim() != 2 or dt.shape[-1] != len(A):
        raise ValueError(f"dt (..., T, D) and A (D, N) are expected; got {tuple(dt.shape)} and {tuple(A.shape)}")
    return dt.mean(-2)[..., None] * A


def tanh_step(W: Tensor) -> Tangent:
    """The step with tangent of x' = tanh(W x + u).  W: (..., n, n)  Taught in 44."""
    def both(x: Tensor, v: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        x = ((W @ x[..., None])[..., 0] + u).tanh()
        return x, (1 - x.square()) * (W @ v[..., None])[..., 0]

    return both


def random_tanh(gains: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Weights of tanh networks whose entries have the spread g / sqrt n.  gains: (G,) -> (G, n, n), double.

    The same numbers serve every gain.  Taught in 44.
    """
    return gains.double()[:, None, None] / n**0.5 * torch.randn(n, n, generator=rng, dtype=torch.float64)


def parting(step: Step, x: Tensor, gap: float, inputs: Sequence[Tensor] | Tensor, rng: torch.Generator) -> Tensor:
    """How far apart two states are, that begin `gap` apart and read the same inputs.  x: (..., n) -> (T + 1, ...)

    Taught in 44.
    """
    v = torch.randn(x.shape, generator=rng, dtype=x.dtype)
    other = x + gap * v / v.norm(dim=-1, keepdim=True)
    apart = [(other - x).norm(dim=-1)]
    for u in inputs:
        x, other = step(x, u), step(other, u)
        apart.append((other - x).norm(dim=-1))
    return torch.stack(apart)


class Selective:
    """A selective state space with free weights, as a map of its state: dt, B and C are computed from the input.

    Its numbers: u (..., D) is read, h (..., D N) is the state; step_weights (D, D), step_bias (D,), log_rate (D, N),
    enter (N, D), read (N, D).  Any numbers are allowed.  Gu & Dao (2023), algorithm 2.  Taught in 44.
    """

    def __init__(self, D: int, N: int, gain: float, rng: torch.Generator) -> None:
        """Random weights, in double, `gain` times the usual spread 1 / sqrt D; rates around 1 at any gain."""
        def normal(*shape: int) -> Tensor:
            return gain * torch.randn(*shape, generator=rng, dtype=torch.float64)

        self.D, self.N = D, N
        self.step_weights, self.step_bias = normal(D, D) / D**0.5, normal(D)
        self.log_rate, self.enter, self.read = normal(D, N) / gain, normal(N, D) / D**0.5, normal(N, D) / D**0.5

    def parameters(self) -> list[Tensor]:
        """All its numbers."""
        return [self.step_weights, self.step_bias, self.log_rate, self.enter, self.read]

    def dt(self, u: Tensor) -> Tensor:
        """The steps it takes.  u: (..., D) -> (..., D)"""
        return F.softplus(u @ self.step_weights.T + self.step_bias)

    @property
    def A(self) -> Tensor:
        """Rates, (D, N)."""
        return -self.log_rate.exp()

    def step(self, h: Tensor, u: Tensor) -> Tensor:
        """The next state.  h: (..., D N), u: (..., D)"""
        dt = self.dt(u)[..., None]  # (..., D, 1)
        write = dt * u[..., None] * (u @ self.enter.T)[..., None, :]  # (..., D, N)
        return (dt * self.A).exp().flatten(-2) * h + write.flatten(-2)

    def output(self, h: Tensor, u: Tensor) -> Tensor:
        """What is read.  h: (..., D N), u: (..., D) -> (..., D)"""
        return (h.unflatten(-1, (self.D, self.N)) * (u @ self.read.T)[..., None, :]).sum(-1)

    def exponent(self, u: Tensor) -> Tensor:
        """The largest exponent for inputs u: (..., T, D), exactly -> (...)"""
        return selective_exponents(self.dt(u), self.A).flatten(-2).amax(-1)


def seek_growth(system: Selective, u: Tensor, steps: int, lr: float = 0.1) -> Tensor:
    """Change all weights so that the largest exponent rises, and return it before, and after each step: (steps + 1,).

    u: (T, D).  The weights of `system` are changed.  Taught in 44.
    """
    free = [p.requires_grad_() for p in system.parameters()]
    climber, found = torch.optim.Adam(free, lr=lr), []
    for _ in range(steps):
        value = system.exponent(u)
        found.append(value.item())
        climber.zero_grad()
        (-value).backward()
        climber.step()
    for p in free:
        p.requires_grad_(False)
    return torch.tensor([*found, system.exponent(u).item()], dtype=torch.float64)


def exponents_from_weights(z: Tensor, log_rate: Tensor) -> Tensor:
    """The exponents from what a Mamba block computes and keeps: dt = softplus(z), A = -exp(log_rate).

    z: (T, D), log_rate: (D, N) -> (D, N).  Raises ValueError as `selective_exponents` does.  Taught in 44.
    """
    return selective_exponents(F.softplus(z), -log_rate.exp())
