"""Hierarchies of recurrent cells: which gradients pass from level to level, what must be kept, losses of their own.

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
Counted in ticks: a state has to be kept until the gradient that passes through it has been computed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

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
        task = sum((loss for loss in asked if loss is not None), hs[0].new_zeros(())) / _count(targets)
        local = [[self.local_loss(*block) for block in blocks if block[0] == level]
                 for level in range(len(self.decoders))]
        return task, [torch.stack(losses).mean() for losses in local if losses]


def _count(targets: Tensor) -> int:
    """How many targets are asked, 1 at least."""
    return max(1, int((targets != IGNORED).sum()))


def _link(h: Tensor, cut: bool) -> Tensor:
    """What passes a link: the value, and the way back unless it is cut."""
    return h.detach() if cut else h


# ---------------------------------------------------------------- three ways to compute gradients


def backward_whole(model: Hierarchy, x: Tensor, targets: Tensor, cut: Collection[str] = (),
                   weight: float = 1.0) -> float:
    """Run the whole sequence, then backward once: everything is kept until then.  -> the task's loss

    Gradients are added to the parameters.  `weight` of the local losses, 0 for none.  Taught in 25.
    """
    hs, blocks, _ = model(x, cut)
    task, local = model.losses(hs, blocks if weight else [], targets)
    (task + weight * sum(local)).backward()
    return task.item()


def backward_truncated(model: Hierarchy, x: Tensor, targets: Tensor, length: int) -> float:
    """Truncated backpropagation: backward after every `length` steps, states handed on without a way back.

    -> the task's loss.  Gradients are added to the parameters.  Raises ValueError for length < 1.
    Williams & Peng (1990).  Taught in 25.
    """
    if length < 1:
        raise ValueError(f"a piece has a step at least; got length={length}")
    total, h = 0.0, model.start(len(x))
    for first in range(0, x.shape[1], length):
        piece = targets[:, first : first + length]
        hs, _, h = model(x[:, first : first + length], h=[state.detach() for state in h], first=first)
        loss = model.losses(hs, [], piece)[0] * (_count(piece) / _count(targets))
        if loss.requires_grad:
            loss.backward()
        total += loss.item()
    return total


class _Block:
    """A block at work: its message from above as a leaf, what it was told, and the gradients that came back to it."""

    def __init__(self, level: int, above: _Block | None, state_above: Tensor | None) -> None:
        self.level, self.above, self.state_above = level, above, state_above
        self.message = None if state_above is None else state_above.detach().requires_grad_()
        self.inputs: list[Tensor] = []
        self.losses: list[Tensor] = []
        self.owed: list[tuple[Tensor, Tensor | None]] = []  # states that were handed down, with their gradients

    def backward(self) -> None:
        """Run backward and let the graph go; the message's gradient is then owed to the block above."""
        roots = [(loss, torch.ones_like(loss)) for loss in self.losses]
        if roots := roots + [(state, grad) for state, grad in self.owed if grad is not None]:
            torch.autograd.backward(*zip(*roots, strict=True))
        if self.above is not None:
            self.above.owed.append((self.state_above, self.message.grad))


class _Schedule:
    """A hierarchy at work block by block: a level ticks when the level below asks for its next message."""

    def __init__(self, model: Hierarchy, T: int, batch: int, weight: float) -> None:
        self.model, self.top, self.h = model, model.depth - 1, model.start(batch)
        self.share = [weight / max(1, T // model.k ** (level + 1)) for level in range(self.top)]
        self.blocks: list[_Block | None] = [None] * model.depth
        self.waiting: list[list[_Block]] = [[] for _ in self.h]

    def full(self, level: int) -> bool:
        """Whether a level below the top has done the k ticks of its block."""
        block = self.blocks[level]
        return level < self.top and block is not None and len(block.inputs) == self.model.k

    def tick(self, level: int, below: Tensor) -> _Block:
        """One tick of a level, in a new block where the last one is full.  below: (B, inputs)"""
        block, weighs = self.blocks[level], self.share[level] if level < self.top else 0.0
        if block is None or self.full(level):
            if block is not None:
                self.tick(level + 1, self.h[level].detach())
            block = self.begin(level)
        message = [] if block.message is None else [block.message]
        self.h[level] = self.model.cells[level](torch.cat([below, *message], -1), self.h[level])
        block.inputs.append(below)
        if weighs and self.full(level):
            loss = self.model.local_loss(level, self.h[level], torch.stack(block.inputs, 1))
            block.losses.append(weighs * loss)
        return block

    def begin(self, level: int) -> _Block:
        """A new block: it begins where the last one ended, without a way back."""
        self.h[level] = self.h[level].detach()
        above = (self.blocks[level + 1], self.h[level + 1]) if level < self.top else (None, None)
        self.blocks[level] = block = _Block(level, *above)
        self.waiting[level].append(block)
        return block

    def settle(self, block: _Block) -> None:
        """Run a block backward; and the block above, where that was the last gradient it waited for."""
        self.waiting[block.level].remove(block)
        block.backward()
        if block.above is not None and block.level + 1 < self.top and len(block.above.owed) == self.model.k:
            self.settle(block.above)

    def finish(self) -> None:
        """The last ticks of the higher levels, and every block that still waits, from the lowest level up."""
        for level, queue in enumerate(self.waiting):
            while queue:
                self.settle(queue[0])
            if self.full(level):
                self.tick(level + 1, self.h[level].detach())


def backward_blockwise(model: Hierarchy, x: Tensor, targets: Tensor, weight: float = 1.0) -> float:
    """The decoupled gradients, a block at a time: each block runs backward and is freed as early as can be.

    The same as `backward_whole(..., cut=DECOUPLED)`.  A level hands its state down as a leaf; the gradient that the
    lower block leaves there is kept (one state's size) until the block that made the state runs backward: when all
    its k states have theirs.  The top level's chain waits for the end.
    -> the task's loss.  Gradients are added to the parameters.  Taught in 25.
    """
    work, total, count = _Schedule(model, x.shape[1], len(x), weight), 0.0, _count(targets)
    for below, wanted in zip(x.unbind(1), targets.unbind(1), strict=True):
        block = work.tick(0, below)
        if (loss := model.asked(work.h[0], wanted)) is not None:
            block.losses.append(loss / count)
            total += block.losses[-1].item()
        if work.full(0):
            work.settle(block)
    work.finish()
    return total


# ---------------------------------------------------------------- the same, small


def decoupled(x: Tensor, W1: Tensor, W2: Tensor, k: int) -> Tensor:
    """States of the lower of two tanh levels, without gradient from the upper level's input to the lower level.

    h1 = tanh(W1 [x, h2, h1]) at each step, h2 = tanh(W2 [h1, h2]) after every k.
    x: (B, T, D), W1: (H1, D + H2 + H1), W2: (H2, H1 + H2) -> (B, T, H1).  Taught in 25.
    """
    h1, h2 = x.new_zeros(len(x), len(W1)), x.new_zeros(len(x), len(W2))
    states = []
    for t, x_t in enumerate(x.unbind(1), 1):
        h1 = torch.tanh(torch.cat([x_t, h2, h1], -1) @ W1.T)  # (B, H1)
        states.append(h1)
        if t % k == 0:
            h2 = torch.tanh(torch.cat([h1.detach(), h2], -1) @ W2.T)  # (B, H2)
            h1 = h1.detach()
    return torch.stack(states, 1)


def retell(told: Tensor, x: Tensor, k: int) -> Tensor:
    """Nats per symbol that the ends of blocks pay for telling the k symbols of their own block.

    told: (B, N, k V), k rows of logits for each block; x: (B, N k) int64 -> ().  Mujika et al. (2019).  Taught in 25.
    """
    logits = told.unflatten(-1, (k, -1))  # (B, N, k, V)
    return F.cross_entropy(logits.flatten(0, 2), x.flatten())


def run_block(block: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], h: Tensor,
              message: Tensor) -> tuple[Tensor, Tensor]:
    """Run a block, its loss backward at once, and hand on two tensors that hold none of it.

    block: (h, message) -> last state, loss.  -> the last state, and the loss's gradient with respect to the message,
    both without a graph.  The block's weights have the loss's gradient added.  Taught in 25.
    """
    message = message.detach().requires_grad_()
    h, loss = block(h.detach(), message)
    loss.backward()
    return h.detach(), message.grad


# ---------------------------------------------------------------- counts


def ticks_kept(T: int, k: int, depth: int, local: bool) -> list[int]:
    """How many ticks each level keeps at most before a gradient is computed, from the lowest level up.

    Whole: all T / k^l of them.  With local losses: a block of k, and at the top all of its chain, T / k^(depth-1).
    Raises ValueError unless T >= 1, k >= 2, depth >= 1.  Mujika et al. (2019).  Taught in 25.
    """
    if T < 1 or k < 2 or depth < 1:
        raise ValueError(f"T of 1, k of 2 and depth of 1 at least are needed; got {T}, {k}, {depth}")
    ticks = [T // k**level for level in range(depth)]
    if not local:
        return ticks
    return [min(k, n) for n in ticks[:-1]] + ticks[-1:]


def kept(T: int, k: int, depth: int) -> int:
    """How many ticks all levels keep together with local losses.  Taught in 25."""
    return sum(ticks_kept(T, k, depth, local=True))


def saving(T: int, k: int, depth: int) -> float:
    """By what factor local losses lower the number of ticks that are kept.

    At T = k^depth it is (k^depth - 1) / ((k - 1) depth): exponential in the depth.  Taught in 25.
    """
    return sum(ticks_kept(T, k, depth, local=False)) / kept(T, k, depth)


def plan(T: int, budget: int) -> tuple[int, int]:
    """k and depth with which local losses keep no more than `budget` ticks of T steps: the fewest levels, then fewest
    ticks.  -> k, depth

    No level is left without a tick: k^(depth-1) <= T.  Raises ValueError when nothing fits.  Taught in 25.
    """
    for depth in range(1, T.bit_length() + 1):
        totals = {k: kept(T, k, depth) for k in range(2, T + 1) if k ** (depth - 1) <= T}
        if totals and min(totals.values()) <= budget:
            return min(totals, key=totals.__getitem__), depth
    raise ValueError(f"no hierarchy keeps {budget} ticks or fewer of {T} steps")


# ---------------------------------------------------------------- who is taught by whom


def gradient_flow(model: Hierarchy, x: Tensor, targets: Tensor, cut: Collection[str] = ()) -> Mapping[str, list[float]]:
    """For each loss, the size of its gradient with respect to the weights of every level's cell.

    -> {"task": [level 0, level 1, ...], "local 0": [...], ...}; exactly 0.0 where no gradient arrives.  Taught in 25.
    """
    hs, blocks, _ = model(x, cut)
    task, local = model.losses(hs, blocks, targets)
    named = {"task": task} | {f"local {level}": loss for level, loss in enumerate(local)}
    weights = [cell.weight_hh for cell in model.cells]
    flow = {}
    for name, loss in named.items():
        grads = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
        flow[name] = [0.0 if grad is None else grad.norm().item() for grad in grads]
    return flow


def reached(model: Hierarchy, x: Tensor, targets: Tensor, cut: Collection[str] = (),
            local: int | None = None) -> list[Tensor]:
    """The size of a loss's gradient at the state after each tick, level by level; exactly 0 where none arrives.

    The task's loss; or, with `local`, the local loss of the last finished block of that level.
    -> depth times (ticks,).  Raises ValueError where that level finishes no block.  Taught in 25.
    """
    seen: list[list[Tensor]] = [[] for _ in model.cells]
    hooks = [cell.register_forward_hook(lambda _, __, out, states=states: states.append(out))
             for cell, states in zip(model.cells, seen, strict=True)]
    hs, blocks, _ = model(x, cut)
    for hook in hooks:
        hook.remove()
    own = [block for block in blocks if block[0] == local]
    if local is not None and not own:
        raise ValueError(f"level {local} finishes no block in {x.shape[1]} steps that a level above would hear of")
    loss = model.losses(hs, [], targets)[0] if local is None else model.local_loss(*own[-1])
    grads = torch.autograd.grad(loss, [state for states in seen for state in states], allow_unused=True)
    sizes = torch.stack([hs[0].new_zeros(()) if grad is None else grad.norm() for grad in grads])
    return list(sizes.split([len(states) for states in seen]))


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
