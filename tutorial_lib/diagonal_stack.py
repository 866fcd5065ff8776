"""A stack of diagonal state spaces that reads a sequence of numbers and names its class.

symbol    meaning                                          shape        in Gu, Gupta, Goel & Re (2022), "S4D"
u         input, one number a step                         (B, L)       u
D, M      channels; modes of a channel, one of each pair                H, N / 2
modes     what the state does by itself, real part < 0     (D, M)       A
B, C      how the input enters, how the output is read     (D, M)       B, C
dt        step of a channel in timescales                  (D,)         Delta

A layer runs one system a channel (`ssm.diag_lti` as a convolution), bends, and mixes the channels; its input is added
to what comes out.  The mean over the steps is classified.  C is trained, modes and dt too, but slowly; B stays.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tutorial_lib import hippo, ssm
from tutorial_lib.diagonalize import halves, perturb_then_diagonalize, s4d

SLOW = 1 / 30  # share of the learning rate at which modes and steps are trained


def legs_start(readouts: Tensor, E: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Modes, B and C that stand in for LegS read by `readouts`: S4D-LegS, or A + E diagonalised.

    readouts: (D, N), in the coordinates of LegS, E: (N, N) or None for S4D-LegS -> (M,), (M,), (D, M), complex128.
    Each mode is scaled so that its B is as large as its C on average, which changes no output.
    Gu, Gupta, Goel & Re (2022), section 4; Yu et al. (2023), section 4.  Taught in 42.
    """
    N = readouts.shape[1]
    A, B = s4d(N) if E is None else hippo.legs(N)
    modes, B, V = perturb_then_diagonalize(A, B, torch.zeros_like(A) if E is None else E)
    modes, B, C = halves(modes, B, readouts.to(V) @ V)
    scale = (C.abs().square().mean(0).sqrt() / B.abs()).sqrt()  # (M,)
    return modes, B * scale, C / scale


class DiagonalLayer(nn.Module):
    """D diagonal systems and a direct path.  (B, L, D) -> (B, L, D).

    Modes and steps are kept as where they began and how far they went, in units of SLOW, so that an optimiser which
    moves the readouts by lr moves these by SLOW * lr.  S4 trains them at 0.001 and the rest faster.  Taught in 42.
    """

    def __init__(self, modes: Tensor, B: Tensor, C: Tensor, dt: Tensor) -> None:
        super().__init__()
        every = modes.expand(len(C), -1)  # (D, M)
        begun = torch.stack(((-every.real).log(), every.imag)).float()
        self.register_buffer("begun", begun)  # (2, D, M): log of the decay, and the frequency
        self.register_buffer("log_dt", dt.log().float())
        self.register_buffer("B", B.expand(len(C), -1).to(torch.complex64))
        self.moved = nn.Parameter(torch.zeros_like(begun))
        self.paced = nn.Parameter(torch.zeros(len(C)))
        self.C = nn.Parameter(torch.view_as_real(C).float())
        self.direct = nn.Parameter(torch.ones(len(C)))

    def forward(self, u: Tensor) -> Tensor:
        """The output at every step.  u: (B, L, D)"""
        log_decay, turn = self.begun + SLOW * self.moved
        dt = (self.log_dt + SLOW * self.paced).exp()
        modes = torch.complex(-log_decay.exp(), turn)
        y, _ = ssm.diag_lti(u, modes, self.B, torch.view_as_complex(self.C), dt, mode="fft")
        return y + self.direct * u


class Stack(nn.Module):
    """Layers of diagonal systems, then the mean over the steps.  u: (B, L) -> logits (B, classes).  Taught in 42."""

    def __init__(self, systems: list[tuple[Tensor, Tensor, Tensor]], dt: Tensor, classes: int = 10) -> None:
        super().__init__()
        D = len(dt)
        self.enter = nn.Linear(1, D)
        self.systems = nn.ModuleList(DiagonalLayer(*s, dt) for s in systems)
        self.mixes = nn.ModuleList(nn.Linear(D, D) for _ in systems)
        self.norms = nn.ModuleList(nn.LayerNorm(D) for _ in systems)
        self.leave = nn.Linear(D, classes)

    def forward(self, u: Tensor) -> Tensor:
        """Logits of the classes.  u: (B, L)"""
        x = self.enter(u[..., None])  # (B, L, D)
        for system, mix, norm in zip(self.systems, self.mixes, self.norms, strict=True):
            x = norm(x + mix(nn.functional.gelu(system(x))))
        return self.leave(x.mean(1))
