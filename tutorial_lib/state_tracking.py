"""What one step can do to a state: swaps under which a ball is followed, and folds that count pieces.

symbol        meaning                                            shape
n, m          cups on the table; swaps in one time step          ints
B, T          games; time steps                                  ints
first         the cup under which the ball is put                (B,) int64 in 0 .. n - 1
swaps         the two cups that change places                    (B, T, m, 2) int64
ball          the cup under which the ball is, after each step   (B, T) int64
s             a state between 0 and 1                            (...)
tent(s)       2 s below one half, 2 - 2 s above                  (...)    Telgarsky (2016), the mirror map

Following swaps is composing permutations: the group is that of all orders of n things, S_n.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def pairs(n: int) -> Tensor:
    """All pairs of n cups, the smaller first: (n (n - 1) / 2, 2) int64.  Raises ValueError for n < 2.  Taught in 23."""
    if n < 2:
        raise ValueError(f"a swap needs two cups; got n={n}")
    return torch.combinations(torch.arange(n), 2)


def shell_game(B: int, T: int, m: int, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """B games: where the ball starts, and which pair is swapped, drawn evenly.

    -> first (B,), numbers of pairs (B, T, m), both int64; `pairs(n)[numbers]` are the swaps.
    Raises ValueError for n < 2.  Taught in 23.
    """
    first = torch.randint(n, (B,), generator=rng)
    return first, torch.randint(len(pairs(n)), (B, T, m), generator=rng)


def follow(first: Tensor, swaps: Tensor) -> Tensor:
    """The ball's cup after each time step, the swaps of a step being done one after the other.

    first: (B,), swaps: (B, T, m, 2) -> (B, T).  Taught in 23.
    """
    ball, seen = first, []
    for step in swaps.unbind(1):  # (B, m, 2)
        for a, b in (pair.unbind(-1) for pair in step.unbind(1)):
            ball = torch.where(ball == a, b, torch.where(ball == b, a, ball))
        seen.append(ball)
    return torch.stack(seen, 1)


def shown(numbers: Tensor, n: int) -> Tensor:
    """What a network sees of the swaps: each pair's number as a one-hot row, the m of a step side by side.

    numbers: (B, T, m) -> (B, T, m n (n - 1) / 2) float32.  Taught in 23.
    """
    return F.one_hot(numbers, len(pairs(n))).flatten(-2).float()


# ---------------------------------------------------------------- folds


def tent(s: Tensor) -> Tensor:
    """2 s up to one half, 2 - 2 s after it, as two ReLU units for s in [0, 1]: 2 relu(s) - 4 relu(s - 1/2).

    (...) -> (...).  Telgarsky (2016), arXiv:1602.04485.  Taught in 23.
    """
    return 2 * s.relu() - 4 * (s - 0.5).relu()


def pieces(f: Callable[[Tensor], Tensor], points: int = 4097) -> int:
    """Straight pieces of a piecewise linear function on [0, 1]: one more than the places where its slope changes.

    The bends must lie on the grid of `points` values (dyadic ones do, for points = 2^p + 1), or at least two grid
    steps apart; a bend between grid points, which changes two neighbouring differences, counts once.
    Raises ValueError for fewer than three points.  Taught in 23.
    """
    if points < 3:
        raise ValueError(f"a change of slope needs three points at least; got {points}")
    y = f(torch.linspace(0, 1, points, dtype=torch.float64))
    slopes = y.diff() * (points - 1)
    bent = slopes.diff().abs() > 1e-6 * slopes.abs().max().clamp(min=1e-12)
    starts = bent & ~torch.cat([bent.new_zeros(1), bent[:-1]])  # two in a row are one bend between grid points
    return 1 + int(starts.sum())
