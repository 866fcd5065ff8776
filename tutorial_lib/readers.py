"""Networks that read characters through joined cells, and what they pay while they learn.

symbol      meaning                                             shape
V, D, H     symbols; numbers that stand for one; units a cell   ints
x           characters as numbers                               (B, T) int64
bits        the price of the next character                     bits per character
place       which letter of its word a character is             (B, T) int64: 1 for the first, 0 for no letter
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.fast_slow import Joined, width_for
from tutorial_lib.kit.train import train
from tutorial_lib.recurrent import scan
from tutorial_lib.text import windows

WARM = 50  # characters read before a guess is judged


class Reader(nn.Module):
    """Characters in, logits of each next one out, by `cells` cells joined as `kind` says.

    V: symbols, D: numbers for each, budget: the most that the cells may learn (embedding and output come on top).
    Raises ValueError as `fast_slow.width_for` does.
    """

    def __init__(self, kind: str, cells: int, V: int, D: int, budget: int) -> None:
        super().__init__()
        H = width_for(kind, cells, D, budget)
        self.embed, self.net, self.out = nn.Embedding(V, D), Joined(kind, cells, D, H), nn.Linear(H, V)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T) -> (B, T, V)"""
        return self.out(scan(self.net, self.embed(x), self.net.start(len(x)))[0])


def prices(reader: nn.Module, x: Tensor, warm: int = 0) -> Tensor:
    """What each character but the first 1 + warm costs, in bits.  x: (B, T) -> (B, T - 1 - warm)

    Raises ValueError when nothing is left to judge.  Taught in 23.
    """
    if x.shape[1] < warm + 2:
        raise ValueError(f"{x.shape[1]} characters leave none to judge after {warm} to warm up")
    logits = reader(x[:, :-1])[:, warm:]  # (B, T - 1 - warm, V)
    return F.cross_entropy(logits.movedim(-1, 1), x[:, 1 + warm :], reduction="none") / math.log(2)


def learning_curve(reader: nn.Module, codes: Tensor, test: Tensor, steps: int, every: int, lr: float,
                   rng: torch.Generator, T: int = 50, size: int = 32, label: str = "reading") -> Tensor:
    """Train on windows of T characters, with Adam and a rate that falls along half a cosine, and judge every so often.

    codes: (N,); test: (B, L) rows, judged after WARM characters; a batch has `size` windows.
    Returns (points, 3): steps done, bits per character on `test`, CPU seconds of training alone.
    Raises ValueError unless `every` divides `steps`.  Taught in 23.
    """
    if steps % every:
        raise ValueError(f"the last of {steps} steps would not be judged: {every} does not divide it")
    points: list[tuple[float, float, float]] = []
    begun = time.process_time()
    judging = 0.0

    def judge(step: int) -> None:
        nonlocal judging
        at = time.process_time()
        with torch.no_grad():
            points.append((step, prices(reader, test, WARM).mean().item(), at - begun - judging))
        judging += time.process_time() - at

    def batches() -> Iterator[Tensor]:
        for step, batch in zip(itertools.count(), windows(codes, T + 1, size, rng), strict=False):
            if step and step % every == 0:
                judge(step)
            yield batch

    train(lambda x: prices(reader, x).mean(), reader.parameters(), batches(), steps, lr=lr, decay=True, label=label)
    judge(steps)
    return torch.tensor(points)


def letter_places(x: Tensor, letters: Tensor) -> Tensor:
    """Which letter of its word each character is: 1 for the first, 2 for the next, 0 for what is no letter.

    x: (B, T), letters: (V,) true for symbols that are letters; a word cut off by the left edge counts from the edge.
    -> (B, T) int64.  Taught in 23.
    """
    is_letter, place, found = letters[x], torch.zeros(len(x), dtype=torch.int64), []
    for column in is_letter.unbind(1):  # (B,)
        place = torch.where(column, place + 1, 0)
        found.append(place)
    return torch.stack(found, 1)
