"""A clock with several hands: recurrent cells on levels, each ticking once in k ticks of the level below.

symbol        meaning                                              shape         in Mujika et al. (2019)
k             ticks of one level to one tick of the next           an int        the higher level ticks every k steps
depth, l      number of levels; a level, 0 is the lowest           ints          levels of the hierarchy
T             steps of the sequence; level l ticks T / k^l times   an int        T
x             the inputs                                           (B, T, D)     x_t
h, h[l]       state of a level                                     (B, H)        h
block         k ticks of a level, after which the next one ticks
up            link: a block's last state is the next level's input
down          link: a level's state is an input of all ticks of the next block of the level below
along         link: a block's last state is where the next block of the same level starts (not at the top)
cut           links that pass values and no gradient               names         "up" and "along": decoupled
local loss    can a block's last state tell the block's k inputs?  ()            auxiliary loss
targets       what the lowest level's state is asked at each step  (B, T)        -100: nothing is asked

The top level's own chain is never cut.  A cut changes no value that is passed forward, only what flows back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LINKS = ("up", "along", "down")
DECOUPLED = ("up", "along")
IGNORED = -100  # torch's own mark for targets that do not count


class Hierarchy(nn.Module):
    """GRU cells on `depth` levels, a decoder for each level below the top, and a readout of the lowest level.

    `symbols` says that x is one-hot, so that the lowest local loss is a cross-entropy; else it is a squared error, as
    on all higher levels.  Raises ValueError unless k >= 2 and depth >= 1.  After Mujika et al. (2019).  Taught in 25.
    """

    def __init__(self, inputs: int, outputs: int, width: int = 48, k: int = 3, depth: int = 3,
                 symbols: bool = True) -> None:
        super().__init__()
        if k < 2 or depth < 1:
            raise ValueError(f"a hierarchy needs k of 2 or more and a level at least; got k={k}, depth={depth}")
        self.k, self.depth, self.width, self.symbols = k, depth, width, symbols
        below = [inputs] + [width] * (depth - 1)
        above = [width] * (depth - 1) + [0]
        self.cells = nn.ModuleList(nn.GRUCell(b + a, width) for b, a in zip(below, above, strict=True))
        self.decoders = nn.ModuleList(nn.Linear(width, k * b) for b in below[:-1])
        self.readout = nn.Linear(width, outputs)

    def start(self, batch: int) -> list[Tensor]:
        """The states before the first step: zeros.  -> depth times (B, H)"""
        return [self.readout.weight.new_zeros(batch, self.width) for _ in range(self.depth)]

    def forward(self, x: Tensor, cut: Collection[str] = (), h: list[Tensor] | None = None,
                first: int = 0) -> tuple[list[Tensor], list[tuple[int, Tensor, Tensor]], list[Tensor]]:
        """All states of the lowest level; the finished blocks as (level, last state, inputs); the states at the end.

        x: (B, T, D) -> T times (B, H); blocks with (B, H) and (B, k, inputs); depth times (B, H).
        `cut`: links without gradient.  `h`, `first`: go on from these states, `first` steps into a sequence
        (a multiple of k^(depth - 1) where the local losses are wanted).  Raises ValueError for an unknown link.
        """
        if unknown := set(cut) - set(LINKS):
            raise ValueError(f"the links are {', '.join(LINKS)}; got {', '.join(sorted(unknown))}")
        h, shown, blocks = list(h or self.start(len(x))), [], []
        gathered: list[list[Tensor]] = [[] for _ in h]
        for t, below in enumerate(x.unbind(1), first + 1):
            for level in range(self.ticking(t)):
                if level:  # the block below is done
                    blocks.append((level - 1, h[level - 1], torch.stack(gathered[level - 1], 1)))
                    gathered[level - 1].clear()
                    below = _link(h[level - 1], "up" in cut)
                gathered[level].append(below.detach())
                starts = level < self.depth - 1 and (t // self.k**level - 1) % self.k == 0
                above = [_link(a, "down" in cut) for a in h[level + 1 : level + 2]]
                h[level] = self.cells[level](torch.cat([below, *above], -1), _link(h[level], starts and "along" in cut))
            shown.append(h[0])
        return shown, blocks, h

    def ticking(self, t: int) -> int:
        """How many levels tick at step t = 1, 2, ...: the lowest always, level l at multiples of k^l."""
        return next((l for l in range(1, self.depth) if t % self.k**l), self.depth)

    def local_loss(self, level: int, state: Tensor, inputs: Tensor) -> Tensor:
        """How badly a block's last state tells the k inputs of the block.  (B, H), (B, k, D) -> ()

        Cross-entropy in nats per symbol on the lowest level of symbols, else the mean squared error.
        """
        told = self.decoders[level](state).unflatten(-1, inputs.shape[1:])  # (B, k, D)
        if self.symbols and level == 0:
            return F.cross_entropy(told.flatten(0, 1), inputs.flatten(0, 1))
        return F.mse_loss(told, inputs)

    def asked(self, h: Tensor, wanted: Tensor) -> Tensor | None:
        """Cross-entropy of one step's answers, summed over the batch; None where nothing is asked.  (B, H), (B,)"""
        if (wanted == IGNORED).all():
            return None
        return F.cross_entropy(self.readout(h), wanted, ignore_index=IGNORED, reduction="sum")

    def losses(self, hs: list[Tensor], blocks: list[tuple[int, Tensor, Tensor]],
               targets: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The task's loss per target, and each level's local loss per block.  hs: T times (B, H), targets: (B, T)"""
        asked = [self.asked(h, wanted) for h, wanted in zip(hs, targets.unbind(1), strict=True)]
        task = sum((loss for loss in asked if loss is not None), hs[0].new_zeros(())) / number_asked(targets)
        local = [[self.local_loss(*block) for block in blocks if block[0] == level]
                 for level in range(len(self.decoders))]
        return task, [torch.stack(losses).mean() for losses in local if losses]


def number_asked(targets: Tensor) -> int:
    """How many targets are asked, 1 at least.  Taught in 25."""
    return max(1, int((targets != IGNORED).sum()))


def _link(h: Tensor, cut: bool) -> Tensor:
    """What passes a link: the value, and the way back unless it is cut."""
    return h.detach() if cut else h


# ---------------------------------------------------------------- a task with a gap


def copying(symbols: int, length: int, gap: int, size: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of the copy task: `length` symbols, a gap of blanks, then the symbols are to be said again.

    x: (size, 2 length + gap, symbols + 2), one-hot; the last two are the blank and the mark that ends the gap.
    targets: (size, 2 length + gap), -100 until the last `length` steps.
    Raises ValueError unless there is a symbol to copy and a step for the mark.
    Hochreiter & Schmidhuber (1997).  Taught in 25.
    """
    if symbols < 2 or length < 1 or gap < 1:
        raise ValueError(f"two symbols, a length of 1 and a gap of 1 are the least; got {symbols}, {length}, {gap}")
    while True:
        said = torch.randint(symbols, (size, length), generator=rng)
        x = torch.full((size, 2 * length + gap), symbols)
        x[:, :length] = said
        x[:, length + gap - 1] = symbols + 1
        targets = torch.full_like(x, IGNORED)
        targets[:, -length:] = said
        yield F.one_hot(x, symbols + 2).float(), targets
