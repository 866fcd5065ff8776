"""Training a hierarchy with losses of its own on each level: three ways to a gradient, what each keeps, who is taught.

symbol     meaning                                                shape       in Mujika et al. (2019)
k, T       ticks to a block; steps of the sequence                ints        k, T
depth, L   number of levels; level 0 ticks at every step          an int
cut        links that pass values and no gradient, see clockwork  names
message    a level's state as an input of the level below         (B, H)      what is fed down
owed       the gradient that a lower block leaves at its message  (B, H)
weight     of the local losses beside the task's                  a float     weight of the auxiliary loss
kept       ticks whose values wait for their backward pass        ints        memory

Whole: backward once, at the end.  Truncated: after pieces of the sequence, across all levels.  Block by block: each
level's block as soon as its gradient can be computed, which is exact for the hierarchy with "up" and "along" cut.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.clockwork import Hierarchy, number_asked

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
        loss = model.losses(hs, [], piece)[0] * (number_asked(piece) / number_asked(targets))
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
    work, total, count = _Schedule(model, x.shape[1], len(x), weight), 0.0, number_asked(targets)
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
