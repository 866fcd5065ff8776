"""The Mamba block, readable: a whole sequence by a scan, or one step at a time from a state that is carried.

symbol     meaning                                                  shape          in Gu & Dao (2023), "Mamba"
x          what the block reads and adds to                         (B, L, d)      figure 3
u, z       after the convolution; the gate beside it                (B, L, D)      x and the right branch, figure 3
D          channels of the state, `expand` times d                  an int         E D
N, R       modes of a channel; numbers that the steps come from     ints           N, R (dt_rank)
dt, B, C   step, input and output of the state, from u              see selective  Delta, B, C, algorithm 2
A          rates, -exp(log_rate), below 0 for any weights           (D, N)         A
h          state of the selective state space                       (B, D, N)      h
recent     the last K - 1 inputs of the convolution                 (B, D, K - 1)
V, T       symbols of a text; characters read                       ints

    u, z = in(norm(x))      u = silu(conv(u))      y = S6(u; dt(u), A, B(u), C(u)) + skip u      x + out(y silu(z))

Differences to the reference code: no fused kernels, no bias-free options, an output layer of its own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib import ssm
from tutorial_lib.precision import Linear, convolve
from tutorial_lib.selective import discretise_selective, selective_scan
from tutorial_lib.text import draw_symbol

State = tuple[Tensor, Tensor]  # recent, h


class MambaBlock(nn.Module):
    """Norm, in-projection, causal convolution, SiLU, selective state space, gate, out-projection; adds to its input.

    Begins as in the reference code: rates 1 .. N, steps between 0.001 and 0.1, skip 1.  Taught in 44.
    """

    def __init__(self, d: int, N: int = 8, expand: int = 2, K: int = 4) -> None:
        super().__init__()
        D, self.N, self.R = expand * d, N, math.ceil(d / 16)
        self.norm = nn.RMSNorm(d, eps=1e-5)
        self.enter = Linear(d, 2 * D, bias=False)
        self.conv = nn.Conv1d(D, D, K, groups=D)  # its numbers are used by `convolve`
        self.select = Linear(D, self.R + 2 * N, bias=False)
        self.steps = Linear(self.R, D, bias=False)
        self.log_rate = nn.Parameter(torch.arange(1.0, N + 1).repeat(D, 1).log())
        self.skip = nn.Parameter(torch.ones(D))
        self.leave = Linear(D, d, bias=False)
        nn.init.uniform_(self.steps.weight, -(self.R**-0.5), self.R**-0.5)
        first = (torch.rand(D) * math.log(100) + math.log(1e-3)).exp()
        self.step_bias = nn.Parameter(first.expm1().log())  # softplus makes `first` of it; stays in fp32

    def start(self, B: int) -> State:
        """An empty state for B sequences: nothing read, h = 0."""
        D, _, K = self.conv.weight.shape
        return self.skip.new_zeros(B, D, K - 1), self.skip.new_zeros(B, D, self.N)

    def gates(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """dt, A, B, C: the selective state space that u asks for.  u: (..., D)"""
        r, B, C = self.select(u).split([self.R, self.N, self.N], -1)
        return F.softplus(self.steps(r) + self.step_bias), -self.log_rate.exp(), B, C

    def begin(self, x: Tensor, recent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """u and z of the new steps, and the inputs to remember.  x: (B, L, d), recent: (B, D, K - 1)"""
        u, z = self.enter(self.norm(x)).chunk(2, -1)  # (B, L, D)
        seen = torch.cat((recent, u.mT), -1)  # (B, D, K - 1 + L)
        u = F.silu(convolve(seen, self.conv.weight, self.conv.bias)).mT  # (B, L, D)
        return u, z, seen[..., seen.shape[-1] - recent.shape[-1]:]

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Many steps by a scan.  x: (B, L, d) -> (B, L, d), and the state from which a next call goes on."""
        recent, h = self.start(len(x)) if state is None else state
        u, z, recent = self.begin(x, recent)
        y, h = selective_scan(u, *self.gates(u), h)
        return x + self.leave((y + self.skip * u) * F.silu(z)), (recent, h)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step, of the same cost however much was read.  x: (B, d) -> (B, d), state"""
        recent, h = state
        u, z, recent = (v for v in self.begin(x[:, None], recent))
        u, z = u[:, 0], z[:, 0]  # (B, D)
        dt, A, B, C = self.gates(u)
        y, h = ssm.step(h, u, *discretise_selective(dt, A, B), C[:, None])
        return x + self.leave((y + self.skip * u) * F.silu(z)), (recent, h)


class Mamba(nn.Module):
    """A reader of text: embedding, Mamba blocks, norm, logits of each next symbol.  Taught in 44."""

    def __init__(self, V: int, d: int = 64, layers: int = 2, N: int = 8) -> None:
        super().__init__()
        self.embed = nn.Embedding(V, d)
        self.blocks = nn.ModuleList(MambaBlock(d, N) for _ in range(layers))
        self.norm, self.out = nn.RMSNorm(d, eps=1e-5), Linear(d, V)
        nn.init.normal_(self.embed.weight, std=0.02)

    def start(self, B: int) -> list[State]:
        """An empty state for each block."""
        return [block.start(B) for block in self.blocks]

    def run(self, x: Tensor, states: list[State] | None = None) -> tuple[Tensor, list[State]]:
        """Logits of many steps, and the states.  x: (B, T) int64 -> (B, T, V)"""
        y, states, left = self.embed(x), states or self.start(len(x)), []
        for block, state in zip(self.blocks, states, strict=True):
            y, state = block(y, state)
            left.append(state)
        return self.out(self.norm(y)), left

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T) int64 -> (B, T, V)"""
        return self.run(x)[0]

    def step(self, x: Tensor, states: list[State]) -> tuple[Tensor, list[State]]:
        """Logits after one more symbol.  x: (B,) int64 -> (B, V), states"""
        y, left = self.embed(x), []
        for block, state in zip(self.blocks, states, strict=True):
            y, state = block.step(y, state)
            left.append(state)
        return self.out(self.norm(y)), left

    def steps_taken(self, x: Tensor) -> list[Tensor]:
        """dt of every block at every symbol.  x: (B, T) int64 -> a (B, T, D) for each block"""
        y, found = self.embed(x), []
        for block in self.blocks:
            u, _, _ = block.begin(y, block.start(len(x))[0])
            found.append(block.gates(u)[0])
            y, _ = block(y)
        return found


@torch.no_grad()
def write_on(model: Mamba, prompt: Tensor, length: int, temperature: float, rng: torch.Generator) -> Tensor:
    """The prompt and `length` more symbols, each drawn from the model's prediction, one step at a time.

    prompt: (B, T) int64, T >= 1 -> (B, T + length).  Raises ValueError for an empty prompt.  Taught in 44.
    """
    if prompt.dim() != 2 or not prompt.shape[1]:
        raise ValueError(f"a prompt of one symbol or more is needed, (B, T); got {tuple(prompt.shape)}")
    logits, states = model.run(prompt)
    drawn, now = [prompt], logits[:, -1]
    for _ in range(length):
        symbol = draw_symbol(now, temperature, rng)
        drawn.append(symbol[:, None])
        now, states = model.step(symbol, states)
    return torch.cat(drawn, 1)
