"""Learning while reading: linear recurrent units whose gradients are carried forward, and the rules that carry less.

symbol      meaning                                            shape        in Zucchet et al. (2023), and their code
x           input                                              (B, L, D)    x
h           state, complex                                     (B, L, N)    h
lam         decay and turn of each number of the state         (N,)         lambda
nu, theta   lam = exp(-exp(nu) + i exp(theta))                 (N,)         nu, theta
gain        how strongly the input enters, exp(log_gain)       (N,)         gamma
B, C, D     write, read, past the state                        (N, D) ...   B, C, D (theirs is diagonal)
delta       what a change of h now does to the loss now        (B, N)       delta
e           trace: what a change of a parameter long ago       as the       e, sensitivities
            has done to h by now                               parameter
rule        "bptt", "online", "truncated" or "spatial"

    h_t = lam h_{t-1} + gain B x_t,     y_t = Re C h_t + D x_t,     dloss = Re sum of delta e dparameter

Complex matrices are kept as pairs of real numbers, (..., 2).  The rules differ in what of the past they give credit to:
all of it ("bptt", backward through time); all of it within a layer, the present between layers ("online"); the state
one step ago ("truncated"); the present alone ("spatial").
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Rule = Literal["bptt", "online", "truncated", "spatial"]
RULES: tuple[Rule, ...] = get_args(Rule)


class _Scan(torch.autograd.Function):
    """h_t = a h_{t-1} + b_t.  For the way back it keeps the states and nothing else."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        h, steps = torch.zeros_like(b[:, 0]), []
        for b_t in b.unbind(1):
            h = torch.addcmul(b_t, a, h)
            steps.append(h)
        states = torch.stack(steps, 1)  # (B, L, N)
        ctx.save_for_backward(a, states)
        return states

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        a, states = ctx.saved_tensors
        g, steps, back = torch.zeros_like(states[:, 0]), [], a.conj()
        for g_t in reversed(grads[0].unbind(1)):
            g = torch.addcmul(g_t, back, g)
            steps.append(g)
        into_b = torch.stack(steps[::-1], 1)  # (B, L, N)
        return (states[:, :-1].conj() * into_b[:, 1:]).sum((0, 1)), into_b


def scan(a: Tensor, b: Tensor) -> Tensor:
    """h_t = a h_{t-1} + b_t from h = 0, differentiable, with no more kept than the states.  a: (N,), b: (B, L, N)

    Both complex or both real -> (B, L, N).  Raises ValueError for shapes that do not fit.  Taught in 45.
    """
    if b.dim() != 3 or not b.shape[1] or a.shape != b.shape[2:] or a.dtype != b.dtype:
        raise ValueError(f"a (N,) and b (B, L, N) of one dtype, L of 1 or more, are expected; got {tuple(a.shape)} "
                         f"{a.dtype} and {tuple(b.shape)} {b.dtype}")
    return _Scan.apply(a, b)


def carry(x: Tensor, h: Tensor, e_lam: Tensor, e_B: Tensor, lam: Tensor, B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One step of one sequence without a gain: the new state and the traces of lam and B.  The plain twin of `advance`.

    x: (D,), h, e_lam: (N,), e_B: (N, D), lam: (N,), B: (N, D) -> h, e_lam, e_B, shaped as they came.
    Zucchet et al. (2023), as in their code.  Taught in 45.
    """
    return lam * h + B @ x.to(B.dtype), lam * e_lam + h, lam[:, None] * e_B + x


def to_nu_theta(g: Tensor, nu: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of nu and theta where dloss = Re(g dlam), lam = exp(-exp(nu) + i exp(theta)).  All (N,), g complex

    Orvieto et al. (2023) for the parameters.  Taught in 45.
    """
    along = g * torch.complex(-nu.exp(), theta.exp()).exp()  # dloss = Re(along dlog lam)
    return -nu.exp() * along.real, -theta.exp() * along.imag


def present(x: Tensor, write: Tensor) -> Tensor:
    """Zero, through which x alone gets the gradient of write x.  x: (..., D), write: (N, D) -> (..., N)

    Taught in 45.
    """
    change = (x - x.detach()).to(write.dtype)
    return change @ write.detach().T


def online_states(x: Tensor, lam: Tensor, write: Tensor) -> Tensor:
    """All states, such that autograd finds the online rule: all of the past for lam and write, the present for x.

    x: (B, L, D), lam: (N,), write: (N, D) -> (B, L, N).  Taught in 45.
    """
    return scan(lam, x.detach().to(write.dtype) @ write.T) + present(x, write)


def break_even(N: int, D: int) -> int:
    """The shortest sequence for which states and inputs of all steps are more numbers than the traces.

    A step: N complex and D real numbers; the traces: 2 N + N D complex numbers.  Taught in 45.
    """
    return 2 * N * (2 + D) // (2 * N + D) + 1


def _known(rule: str) -> None:
    if rule not in RULES:
        raise ValueError(f"rule is one of {', '.join(RULES)}; got {rule!r}")


class LRU(nn.Module):
    """A linear recurrent unit.  (B, L, inputs) -> (B, L, outputs); float32 until `.double()`.

    The lam begin uniformly in the ring from r_min to r_max, the gain such that white noise gives every h the same size.
    Orvieto et al. (2023), as in Zucchet et al. (2023).  Taught in 45.
    """

    def __init__(self, inputs: int, modes: int, outputs: int, rng: torch.Generator, r_min: float = 0.0,
                 r_max: float = 1.0) -> None:
        super().__init__()
        u, turn = torch.rand(2, modes, generator=rng).clamp(1e-4, 1 - 1e-4)
        nu = -0.5 * (u * (r_max**2 - r_min**2) + r_min**2).log()  # (N,)
        self.nu, self.theta = nn.Parameter(nu.log()), nn.Parameter((2 * math.pi * turn).log())
        self.log_gain = nn.Parameter(0.5 * (-torch.expm1(-2 * nu)).log())
        self.B = nn.Parameter(torch.randn(modes, inputs, 2, generator=rng) / math.sqrt(2 * inputs))
        self.C = nn.Parameter(torch.randn(outputs, modes, 2, generator=rng) / math.sqrt(modes))
        self.D = nn.Parameter(torch.randn(outputs, inputs, generator=rng) / math.sqrt(inputs))

    def decay(self) -> Tensor:
        """lam, complex, inside the unit circle whatever nu and theta are.  -> (N,)"""
        return torch.complex(-self.nu.exp(), self.theta.exp()).exp()

    def write(self) -> Tensor:
        """gain B, complex.  -> (N, inputs)"""
        return self.log_gain.exp()[:, None] * torch.view_as_complex(self.B)

    def output(self, h: Tensor, x: Tensor) -> Tensor:
        """Re C h + D x.  h: (..., N), x: (..., inputs) -> (..., outputs)"""
        return h.real @ self.C[..., 0].T - h.imag @ self.C[..., 1].T + x @ self.D.T

    def states(self, x: Tensor, rule: Rule = "bptt") -> Tensor:
        """All states; the rule changes no value, only which gradients autograd finds.  x: (B, L, inputs) -> (B, L, N)

        Raises ValueError for another rule.  Zucchet et al. (2023), as in their code.
        """
        _known(rule)
        lam, write = self.decay(), self.write()
        if rule == "online":
            return online_states(x, lam, write)
        entering = x.to(write.dtype) @ write.T  # (B, L, N)
        if rule == "bptt":
            return scan(lam, entering)
        with torch.no_grad():
            before = F.pad(scan(lam, entering), (0, 0, 1, 0))[:, :-1]  # (B, L, N) h_{t-1}
        kept = lam * before if rule == "truncated" else (lam * before).detach()
        return kept + entering

    def forward(self, x: Tensor, rule: Rule = "bptt") -> Tensor:
        """Outputs at all steps.  x: (B, L, inputs) -> (B, L, outputs)"""
        return self.output(self.states(x, rule), x)


@dataclass
class Traces:
    """What a layer carries from step to step: its state, and how each parameter has moved it.  Taught in 45."""

    h: Tensor  # (B, N)
    lam: Tensor  # (B, N)
    gain: Tensor  # (B, N)
    B: Tensor  # (B, N, inputs)

    def numbers(self) -> int:
        """Real numbers in the traces of one sequence, the state not counted."""
        return 2 * (self.lam[0].numel() + self.gain[0].numel() + self.B[0].numel())

    def nbytes(self) -> int:
        """Bytes of the traces, the state not counted."""
        return sum(e.nbytes for e in astuple(self)[1:])


def begin(layer: LRU, batch: int) -> Traces:
    """The traces before the first step: nothing has been read.  Taught in 45."""
    N, D = layer.B.shape[:2]
    like = torch.view_as_complex(layer.B.detach())
    return Traces(*(like.new_zeros(batch, N) for _ in range(3)), like.new_zeros(batch, N, D))


@torch.no_grad()
def advance(layer: LRU, x: Tensor, before: Traces, rule: Rule = "online") -> Traces:
    """One step: the new state and traces.  x: (B, inputs)

    e_lam = lam e_lam + h_{t-1}, e_gain = lam e_gain + B x, e_B = lam e_B + gain x for "online"; "truncated" forgets the
    old trace, "spatial" also what lam did to the last state.  Raises ValueError for "bptt", which carries no traces.
    Zucchet et al. (2023), as in their code.  Taught in 45.
    """
    _known(rule)
    if rule == "bptt":
        raise ValueError("backpropagation through time carries no traces: it needs the whole sequence")
    lam, gain = layer.decay(), layer.log_gain.exp()  # (N,), (N,)
    entering = x.to(lam.dtype) @ torch.view_as_complex(layer.B).T  # (B, N)
    keep = lam if rule == "online" else torch.zeros_like(lam)
    e_lam = torch.zeros_like(before.h) if rule == "spatial" else keep * before.lam + before.h
    e_gain = keep * before.gain + entering
    e_B = keep[:, None] * before.B + gain[:, None] * x[:, None]  # (B, N, inputs)
    return Traces(lam * before.h + gain * entering, e_lam, e_gain, e_B)


@torch.no_grad()
def gradients(layer: LRU, delta: Tensor, e: Traces) -> dict[str, Tensor]:
    """What one step adds to the gradients of nu, theta, log_gain and B, shaped as they are.  delta: (B, N)

    dloss = Re(delta dh).  The pair of B's gradient is (Re, -Im) of sum delta e.  Taught in 45.
    """
    nu, theta = to_nu_theta((delta * e.lam).sum(0), layer.nu, layer.theta)  # (N,), (N,)
    into_B = (delta[..., None] * e.B).sum(0).conj()  # (N, inputs)
    return {"nu": nu, "theta": theta, "log_gain": layer.log_gain.exp() * (delta * e.gain).sum(0).real,
            "B": torch.view_as_real(into_B.resolve_conj())}


class Block(nn.Module):
    """A recurrent unit, then step by step a gated layer beside it and a norm.  Taught in 45."""

    def __init__(self, inputs: int, modes: int, width: int, rng: torch.Generator, **ring: float) -> None:
        super().__init__()
        self.lru = LRU(inputs, modes, width, rng, **ring)
        self.mix, self.norm = nn.Linear(width, 2 * width), nn.LayerNorm(width)
        with torch.no_grad():
            self.mix.weight.copy_(torch.randn(2 * width, width, generator=rng) / math.sqrt(width))
            self.mix.bias.zero_()

    def finish(self, y: Tensor) -> Tensor:
        """What follows the recurrence, within a step.  (..., width) -> (..., width)"""
        return self.norm(y + F.glu(self.mix(F.gelu(y)), -1))


class Network(nn.Module):
    """Blocks, the first of which reads the input, and a linear readout.  (B, L, inputs) -> (B, L, outputs)

    Taught in 45.
    """

    def __init__(self, inputs: int, modes: int, width: int, outputs: int, layers: int, rng: torch.Generator,
                 **ring: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width if i else inputs, modes, width, rng, **ring) for i in range(layers))
        self.leave = nn.Linear(width, outputs)
        with torch.no_grad():
            self.leave.weight.copy_(torch.randn(outputs, width, generator=rng) / math.sqrt(width))
            self.leave.bias.zero_()

    def forward(self, x: Tensor, rule: Rule = "bptt", last: int | None = None) -> Tensor:
        """Outputs at all steps, or at the `last` few, which saves the work above the top recurrence at the others.

        x: (B, L, inputs) -> (B, L or last, outputs)
        """
        *below, top = self.blocks
        for block in below:
            x = block.finish(block.lru(x, rule))
        h, first = top.lru.states(x, rule), 0 if last is None else x.shape[1] - last
        return self.leave(top.finish(top.lru.output(h[:, first:], x[:, first:])))

    def begin(self, batch: int) -> list[Traces]:
        """Traces of all layers before the first step."""
        return [begin(block.lru, batch) for block in self.blocks]


def learn(network: Network, x: Tensor, traces: list[Traces], loss: Callable[[Tensor], Tensor] | None = None,
          rule: Rule = "online") -> tuple[Tensor | None, list[Traces]]:
    """One step of reading: the loss now and the new traces; its gradient is added to every parameter's `.grad`.

    x: (B, inputs); `loss` takes the outputs (B, outputs), None when this step has nothing to learn from.  Nothing of
    earlier steps is needed but the traces, and the backward pass goes up and down the layers of this step alone.
    Zucchet et al. (2023), as in their code.  Taught in 45.
    """
    new, states = [], []
    for block, before in zip(network.blocks, traces, strict=True):
        e = advance(block.lru, x.detach(), before, rule)
        h = e.h + present(x, block.lru.write())
        h = h if h.requires_grad else h.requires_grad_()
        h.retain_grad()
        new.append(e)
        states.append(h)
        if loss is None and block is network.blocks[-1]:
            return None, new
        x = block.finish(block.lru.output(h, x))
    value = loss(network.leave(x))  # type: ignore[misc]
    value.backward()
    for block, h, e in zip(network.blocks, states, new, strict=True):
        for name, g in gradients(block.lru, h.grad.conj(), e).items():
            p = block.lru.get_parameter(name)
            p.grad = g if p.grad is None else p.grad + g
    return value.detach(), new


def read_through(network: Network, xs: Tensor, loss: Callable[[Tensor, int], Tensor], first: int = 0,
                 rule: Rule = "online") -> Tensor:
    """The gradients of a whole sequence by `learn`, weights standing still: the sum of all losses.  xs: (B, L, inputs)

    `loss(outputs, t)` is asked at each step from `first` on -> ().  Taught in 45.
    """
    traces, total = network.begin(len(xs)), xs.new_zeros(())
    for t, x in enumerate(xs.unbind(1)):
        here = None if t < first else (lambda y, t=t: loss(y, t))
        value, traces = learn(network, x, traces, here, rule)
        total = total if value is None else total + value
    return total


def flat_gradient(module: nn.Module, recurrent: bool = False) -> Tensor:
    """All gradients in one row, zeros where there is none; `recurrent`: of nu, theta, log_gain and B alone.

    Taught in 45.
    """
    wanted = ("nu", "theta", "log_gain", "B")
    rows = [torch.zeros_like(p) if p.grad is None else p.grad for name, p in module.named_parameters()
            if not recurrent or name.split(".")[-1] in wanted]
    return torch.cat([g.flatten() for g in rows])


def trace_numbers(n: int, inputs: int, dense: bool) -> int:
    """Numbers in the traces of n real units: every unit's dependence on every parameter, zeros left out.

    dense: n^2 + n inputs parameters, each of which moves all n units; otherwise n + n inputs parameters, each of which
    moves one.  Williams & Zipser (1989); Zucchet et al. (2023).  Taught in 45.
    """
    return n * (n * n + n * inputs) if dense else n + n * inputs
