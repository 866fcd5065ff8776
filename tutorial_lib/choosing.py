"""Holding what was marked: a task that a state space which chooses does exactly, and one that cannot choose never will.

symbol     meaning                                                        shape
v          numbers from N(0, 1), one a step                               (T,)
m          marks, 1 with probability p, else 0                            (T,)
y          wanted: the number at the last mark so far, 0 before the first (T,)
dt, B      step and input of a selective state space, A = -1, C = 1       (T,)
lags       how many steps back a filter looks                             an int

The task is selective copying (Gu & Dao 2023, section 3.1) with numbers and room for one.  What a linear time-invariant
system of any size leaves unexplained at best is known: a share 2 (1 - p) / (2 - p) of the variance when it reads v, and
(1 - p) / (2 - p) when somebody has multiplied v by m for it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tutorial_lib.selective import selective_scan

LONG = 50.0  # a step after which e^-50 of the state is left: nothing, in floating point


def marked_stream(T: int, p: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Numbers v and marks m, (T,) each, in double.  Raises ValueError unless 0 < p <= 1.  Taught in 44."""
    if not 0 < p <= 1:
        raise ValueError(f"p is the chance of a mark, above 0 and at most 1; got {p}")
    v = torch.randn(T, generator=rng, dtype=torch.float64)
    return v, (torch.rand(T, generator=rng) < p).double()


def last_marked(v: Tensor, m: Tensor) -> Tensor:
    """The number at the last mark up to each step, 0 before the first.  v, m: (T,) -> (T,)  Taught in 44."""
    at = torch.where(m > 0, torch.arange(len(m)), -1).cummax(0).values  # (T,) where the last mark stands
    return torch.where(at >= 0, v[at], 0.0)


def hold(m: Tensor) -> tuple[Tensor, Tensor]:
    """dt and B with which a selective state space holds the number at the last mark.  m: (T,) -> (T,), (T,)

    A long step at a mark empties the state, and dt B = 1 writes the number once; a step of 0 leaves all as it is.
    Taught in 44.
    """
    return LONG * m, m / LONG


def read_state(v: Tensor, dt: Tensor, B: Tensor) -> Tensor:
    """What a selective state space of one number holds at each step: h_t = exp(-dt_t) h_{t-1} + dt_t B_t v_t.

    v, dt, B: (T,) -> (T,).  Taught in 44.
    """
    one = torch.ones_like(v)[None, :, None]
    y, _ = selective_scan(v[None, :, None], dt[None, :, None], -one[0, :1], B[None, :, None], one)
    return y[0, :, 0]


def filter_floor(p: float, gated: bool = False) -> float:
    """The share of the variance that the best linear time-invariant filter leaves unexplained, of any length.

    gated: it reads m v in place of v.  y's covariance with the number k steps back is p (1 - p)^k; the best weights are
    these over the variance of what is read, and a geometric series is left.  Taught in 44.
    """
    return (1 - p) / (2 - p) if gated else 2 * (1 - p) / (2 - p)


def filter_error(x: Tensor, y: Tensor, lags: int) -> float:
    """The same, measured: least squares on the last `lags` inputs.  x, y: (T,) -> a share of y's variance

    Raises ValueError when there are too few steps.  Taught in 44.
    """
    if len(x) < 4 * lags:
        raise ValueError(f"{len(x)} steps are too few for {lags} lags; four times as many are needed")
    past, wanted = x.unfold(0, lags, 1), y[lags - 1 :]  # (T - lags + 1, lags)
    weights = torch.linalg.lstsq(past, wanted[:, None]).solution[:, 0]
    return ((past @ weights - wanted).square().mean() / wanted.square().mean()).item()
