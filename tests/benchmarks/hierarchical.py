"""A training step of both decoders of chapter 21, against the same decoders whose LSTMs are loops over cells.

Everybody takes the same weights, the same 16 tunes of 128 steps and the same draws, and computes loss and gradients.
The loop calls `recurrent.lstm_step` once a step, in the writer and, in the hierarchical decoder, in the conductor.
The floor is the matrix products of the writer's recurrence, forwards and twice backwards.  About half a CPU minute.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from tutorial_lib import hierarchical, music
from tutorial_lib.cli.bench import Benchmark, Clock
from tutorial_lib.kit.data import melodies
from tutorial_lib.recurrent import lstm_step, scan

STEPS, BATCH = 10, 16
WRITER = {"flat": (128, BATCH, 160), "hierarchical": (8, 16 * BATCH, 112)}  # steps, rows, units


class Looped(nn.Module):
    """An LSTM with the weights of another, as a Python loop over its cell."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.lstm = lstm

    def forward(self, xs: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As nn.LSTM with batch_first."""
        w = self.lstm
        step = partial(lstm_step, Wx=w.weight_ih_l0, Wh=w.weight_hh_l0, b=w.bias_ih_l0 + w.bias_hh_l0)
        return scan(step, xs, (state[0][0], state[1][0]))


def model(kind: str, looped: bool) -> tuple[hierarchical.TuneVAE, Tensor]:
    """A model from a seed and its batch."""
    tunes = music.practice(melodies())
    torch.manual_seed(0)
    vae = hierarchical.tune_vae(kind, len(tunes.symbols), tunes.x)
    if looped:
        vae.decoder.writer.lstm = Looped(vae.decoder.writer.lstm)
        if kind == "hierarchical":
            vae.decoder.conductor.lstm = Looped(vae.decoder.conductor.lstm)
    return vae, tunes.x[:BATCH]


def contestant(kind: str, looped: bool = False):
    """STEPS losses with their gradients, after one to warm up."""
    def make(repeat: int):
        vae, x = model(kind, looped)

        def steps(n: int) -> None:
            rng = torch.Generator().manual_seed(repeat)
            for _ in range(n):
                vae.zero_grad()
                hierarchical.objective(*vae.parts(x, rng), 0.2, 88.7).backward()

        steps(1)
        return lambda clock: steps(STEPS)

    return make


def products(kind: str):
    """h Wh' of every step, forwards, and the two products of its gradient."""
    S, rows, H = WRITER[kind]

    def make(repeat: int):
        h, w, g = torch.randn(rows, H), torch.randn(4 * H, H), torch.randn(rows, 4 * H)

        def run(clock: Clock) -> None:
            for _ in range(STEPS * S):
                h @ w.T
                g @ w
                g.T @ h

        return run

    return make


BENCHMARKS = (
    *(Benchmark(f"{STEPS} training steps of the {kind} decoder, {BATCH} tunes of 128 steps", contestant(kind),
                {"loop over cells": contestant(kind, looped=True)}, floor=products(kind), repeats=3)
      for kind in hierarchical.KINDS),
    Benchmark("the hierarchical decoder beside the flat one, as large", contestant("hierarchical"),
              {"flat": contestant("flat")}, repeats=3),
)
