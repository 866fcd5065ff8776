"""Part 2, local losses: the exercises of chapter 25."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib import local_losses
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- where to cut (two blanks)


def _two_levels() -> list[Case]:
    def case(B: int, T: int, D: int, H1: int, H2: int, k: int, seed: int) -> Case:
        return Case((_randn(B, T, D, seed=seed), 0.7 * _randn(H1, D + H2 + H1, seed=seed + 1),
                     0.7 * _randn(H2, H1 + H2, seed=seed + 2), k), f"{B} sequences of {T} steps, k = {k}")
    return [case(3, 8, 2, 4, 3, 2, 10), case(2, 13, 3, 3, 5, 4, 20)]


def _levels(up: Callable[[Tensor], Tensor] = Tensor.detach, along: Callable[[Tensor], Tensor] = Tensor.detach,
            down: Callable[[Tensor], Tensor] = lambda h: h, top: Callable[[Tensor], Tensor] = lambda h: h,
            shown: Callable[[Tensor], Tensor] = lambda h: h, always: bool = False) -> Callable[..., Tensor]:
    """The two levels with something else on a link."""
    def run(x: Tensor, W1: Tensor, W2: Tensor, k: int) -> Tensor:
        h1, h2 = x.new_zeros(len(x), len(W1)), x.new_zeros(len(x), len(W2))
        states = []
        for t, x_t in enumerate(x.unbind(1), 1):
            h1 = torch.tanh(torch.cat([x_t, down(h2), h1], -1) @ W1.T)
            states.append(shown(h1))
            if always:
                h1 = h1.detach()
            if t % k == 0:
                h2 = torch.tanh(torch.cat([up(h1), top(h2)], -1) @ W2.T)
                h1 = along(h1)
        return torch.stack(states, 1)
    return run


def _same(h: Tensor) -> Tensor:
    return h


def _no_grad_copy(h: Tensor) -> Tensor:
    with torch.no_grad():
        return h.clone()


DECOUPLED = Exercise(
    name="local_losses.decoupled", chapter="25", title="Two blanks: where to cut", reference=local_losses.decoupled,
    cases=_two_levels, gradient=("x", "W1", "W2"), minutes=6,
    mistakes={
        "nothing is cut: the values are right, and the gradient still runs through every step of both levels. A value "
        "that passes without a way back is `h.detach()`.": _levels(_same, _same),
        "the way up is cut, but the lower level still begins its next block with a past, so its chain is as long as "
        "the sequence: detach h1 there as well.": _levels(along=_same),
        "the lower level's own chain is cut, but the way up is still open: level 2 can tell level 1 through its input "
        "what it wants. Detach h1 in the first blank as well.": _levels(up=_same),
        "you also cut the way down (h2 as an input of level 1, or h2 computed without gradient). Then no loss of the "
        "lower level reaches W2, and level 2 learns nothing: it is taught through what it hands "
        "down.": _levels(down=Tensor.detach),
        "you cut the upper level's own chain (h2 as an input of level 2). It is the only path along which anything "
        "long can be learned, and it is short: leave it open.": _levels(top=Tensor.detach),
        "you cut at every step of the lower level; inside a block the gradient is to pass. Only where a block ends, "
        "h1 is handed on without its past.": _levels(always=True),
        "the next block begins from zeros: that changes the values, and level 1 forgets. The same values are wanted, "
        "`h1.detach()`.": _levels(along=torch.zeros_like),
        "`detach_()` with the underscore cuts the state itself, the one in `states` too: what the block's end is asked "
        "no longer reaches anything. `h1.detach()` makes a new tensor.": _levels(along=Tensor.detach_),
        "the states are collected without their gradient, so no loss reaches anything: keep h1 itself in `states`.":
            _levels(shown=Tensor.detach),
        "what goes up is h1 in the first blank (without gradient); zeros tell level 2 nothing.":
            _levels(up=lambda h: torch.zeros_like(h)),
    },
    alternatives=(_levels(lambda h: h.data, lambda h: h.data), _levels(_no_grad_copy, _no_grad_copy),
                  _levels(lambda h: h.clone().detach())),
    hints=("Both blanks want the value of h1. What else must they do with it?",
           "`h.detach()` has the same numbers and no memory of how they were made.",
           "`torch.cat([h1.detach(), h2], -1)`, and `h1 = h1.detach()`."),
)

# ---------------------------------------------------------------- the local loss (find the bug)


def _tellings() -> list[Case]:
    def case(B: int, N: int, k: int, V: int, seed: int) -> Case:
        x = torch.randint(V, (B, N * k), generator=torch.Generator().manual_seed(seed))
        return Case((2 * _randn(B, N, k * V, seed=seed + 1), x, k), f"{B} sequences of {N} blocks of {k}, {V} symbols")
    return [case(2, 4, 3, 5, 0), case(3, 5, 2, 4, 5)]


def _rows(told: Tensor, k: int) -> Tensor:
    return told.unflatten(-1, (k, -1))  # (B, N, k, V)


def _price(logits: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    return F.cross_entropy(logits.flatten(0, 2), targets.reshape(-1), reduction=reduction)


def _blocks(x: Tensor, k: int) -> Tensor:
    return x.unflatten(1, (-1, k))  # (B, N, k)


def _swapped(told: Tensor, x: Tensor, k: int) -> Tensor:
    return _price(told.unflatten(-1, (-1, k)).mT, x)


RETELL = Exercise(
    name="local_losses.retell", chapter="25", title="Find the bug: which block is told",
    reference=local_losses.retell, cases=_tellings, gradient=("told",), minutes=6,
    workload=lambda: Case((_randn(32, 9, 18), torch.zeros(32, 27, dtype=torch.int64), 3), "a batch of the chapter"),
    mistakes={
        "this is the loss with the bug: each end is asked for the block that comes next. That is prediction; here the "
        "last state is to tell the block it has just read.":
            lambda told, x, k: _price(_rows(told, k)[:, :-1], _blocks(x, k)[:, 1:]),
        "each end is asked for the next block, and the last one for the first. It is to tell its own block: no "
        "`roll`.": lambda told, x, k: _price(_rows(told, k), _blocks(x, k).roll(-1, 1)),
        "each end is asked for the block before its own.":
            lambda told, x, k: _price(_rows(told, k)[:, 1:], _blocks(x, k)[:, :-1]),
        "the targets are shifted by one step: the last of them lies in the next block, which the state has not read.":
            lambda told, x, k: _price(_rows(told, k), x.roll(-1, 1)),
        "the targets are shifted by one step: the first of them lies in the block before.":
            lambda told, x, k: _price(_rows(told, k), x.roll(1, 1)),
        "the targets are in reversed order within the block; row 1 of the logits tells the first symbol.":
            lambda told, x, k: _price(_rows(told, k), _blocks(x, k).flip(-1)),
        "the k V numbers are k rows of V logits, one row after the other: `unflatten(-1, (k, -1))`. Yours takes them "
        "column by column.": _swapped,
        "this is the price of a whole block; per symbol it is a k-th of that. (A level with long blocks would shout "
        "louder than the task.)": lambda told, x, k: k * _price(_rows(told, k), x),
        "this is the sum over all symbols of the batch; take their mean, or the local loss drowns the task's.":
            lambda told, x, k: _price(_rows(told, k), x, "sum"),
        "this is the price of a whole sequence; take the mean over all symbols.":
            lambda told, x, k: _price(_rows(told, k), x, "sum") / len(x),
        "the last block is left out: it is told by its own end, like all others. Nothing has to be shifted or cut "
        "off.": lambda told, x, k: _price(_rows(told, k)[:, :-1], _blocks(x, k)[:, :-1]),
        "the first block is left out: it is told by its own end, like all others. Nothing has to be shifted or cut "
        "off.": lambda told, x, k: _price(_rows(told, k)[:, 1:], _blocks(x, k)[:, 1:]),
        "`cross_entropy` takes logits and does the softmax itself; you gave it "
        "probabilities.": lambda told, x, k: _price(_rows(told, k).softmax(-1), x),
        "only the last symbol of each block is asked for; that one is easy. All k are wanted.":
            lambda told, x, k: _price(_rows(told, k)[:, :, -1:], _blocks(x, k)[:, :, -1:]),
        "this is in bits; nats are wanted, as `cross_entropy` gives them.":
            lambda told, x, k: _price(_rows(told, k), x) / math.log(2),
        "one price for each symbol came out; take their mean.":
            lambda told, x, k: _price(_rows(told, k), x, "none"),
    },
    alternatives=(
        lambda told, x, k: F.cross_entropy(told.reshape(x.numel(), -1), x.reshape(-1)),
        lambda told, x, k: -_rows(told, k).log_softmax(-1).gather(-1, _blocks(x, k)[..., None]).mean(),
        lambda told, x, k: sum(_price(_rows(told, k)[:, n : n + 1], _blocks(x, k)[:, n])
                               for n in range(told.shape[1])) / told.shape[1],
    ),
    hints=("Write down for T = 6 and k = 3 which symbols block 1 has read when it ends.",
           "`told.unflatten(-1, (k, -1))` has the axes (B, N, k, V), in the order in which x has its symbols.",
           "`F.cross_entropy(logits.flatten(0, 2), x.flatten())`."),
)

# ---------------------------------------------------------------- a block on its own


def _working_blocks() -> list[Case]:
    def case(B: int, H: int, k: int, seed: int) -> Case:
        W = (0.6 * _randn(H, 2 * H, seed=seed)).requires_grad_()
        v, u = (_randn(B, H, seed=seed + i).requires_grad_() for i in (1, 2))

        def block(h: Tensor, message: Tensor) -> tuple[Tensor, Tensor]:
            for _ in range(k):
                h = torch.tanh(torch.cat([h, message], -1) @ W.T)
            return h, (h - 1).square().mean()

        block.leaves = (W, v, u)  # type: ignore[attr-defined]
        return Case((block, v.tanh(), u.tanh()), f"{B} sequences, {H} units, a block of {k} ticks")
    return [case(3, 4, 3, 0), case(2, 5, 2, 7)]


def _size(grad: Tensor | None) -> Tensor:
    return torch.zeros(()) if grad is None else grad.norm()


def _observe_block(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """What is handed on, what the weights were taught, and what should not have happened."""
    W, v, u = case.args[0].leaves
    result = candidate(*case.args)
    if result is None:
        return {"the result": None}
    if not (isinstance(result, tuple) and len(result) == 2):
        raise Fault("wrong shape", "two tensors are expected: the last state, and the gradient for the message.")
    h, owed = result
    if owed is None and W.grad is None:
        raise Fault("error", "the gradient for the message is None, and the block's weights got none either: the loss "
                    "has to run `backward()` inside.")
    if owed is None:
        raise Fault("error", "the gradient for the message is None: torch leaves it in `.grad` of a leaf that asks for "
                    "one, so the message has to be made one first, `message.detach().requires_grad_()`.")
    if not (isinstance(h, Tensor) and isinstance(owed, Tensor)):
        raise Fault("error", "both results must be tensors.")
    return {"the last state": h.detach(), "the gradient for the message": owed.detach(),
            "the gradient of the block's weights": torch.zeros_like(W) if W.grad is None else W.grad,
            "what of the block still hangs on the results (1: its graph)": float(h.requires_grad or owed.requires_grad),
            "the gradient that ran on into the block before": _size(v.grad),
            "the gradient that ran on into the level above": _size(u.grad)}


def _run(state_in: Callable[[Tensor], Tensor] = Tensor.detach, out: Callable[..., Any] | None = None,
         teach: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None) -> Callable[..., Any]:
    """The block on its own with a part replaced."""
    def run(block: Callable[..., Any], h: Tensor, message: Tensor) -> Any:
        message = message.detach().requires_grad_()
        start = state_in(h)
        h, loss = block(start, message)
        if teach is not None:
            owed = teach(loss, message, start)
        else:
            loss.backward()
            owed = message.grad
        return (h.detach(), owed) if out is None else out(h, owed, message, loss)
    return run


def _leaf(h: Tensor) -> Tensor:
    return h.detach().requires_grad_()


def _state_gradient(loss: Tensor, message: Tensor, start: Tensor) -> Tensor:
    loss.backward()
    return start.grad


def _message_with_its_past(block: Callable[..., Any], h: Tensor, message: Tensor) -> Any:
    message.retain_grad()
    h, loss = block(h.detach(), message)
    loss.backward()
    return h.detach(), message.grad


def _both_at_once(block: Callable[..., Any], h: Tensor, message: Tensor) -> Any:
    message = message.clone().detach().requires_grad_(True)
    h, loss = block(h.data, message)
    torch.autograd.backward([loss])
    return h.data, message.grad.clone()


RUN_BLOCK = Exercise(
    name="local_losses.run_block", chapter="25", title="A block on its own", reference=local_losses.run_block,
    cases=_working_blocks, observe=_observe_block, minutes=10,
    mistakes={
        "the state that you hand on still holds the block's whole graph: nothing of it is freed, and the saving is "
        "gone. Return `h.detach()`.": _run(out=lambda h, owed, message, loss: (h, owed)),
        "the block began with a state that has a past, so its backward pass ran on into the block before (and the next "
        "one would ask for a graph that is gone). Begin with `h.detach()`.": _run(_same),
        "the message still has its past (`retain_grad` keeps a gradient at it and lets it run on), so the backward "
        "pass went up into the level above, which would then run backward once for each block. Cut it first: "
        "`message.detach().requires_grad_()`.": _message_with_its_past,
        "the second result is the gradient with respect to the state at the block's beginning. That one is dropped; "
        "the level above is owed the gradient of its message.": _run(_leaf, teach=_state_gradient),
        "the block's own weights were taught nothing: `autograd.grad` with respect to the message alone leaves them "
        "out. `loss.backward()` reaches both.":
            _run(teach=lambda loss, message, start: torch.autograd.grad(loss, message)[0]),
        "the second result is the message itself; the level above is owed `message.grad`.":
            _run(out=lambda h, owed, message, loss: (h.detach(), message.detach())),
        "the second result is the message that you made a leaf; the level above is owed what lies in its `.grad`.":
            _run(out=lambda h, owed, message, loss: (h.detach(), message)),
        "the two results are exchanged: the last state comes first.":
            _run(out=lambda h, owed, message, loss: (owed, h.detach())),
        "the second result is the loss; the level above is owed the gradient with respect to its message.":
            _run(out=lambda h, owed, message, loss: (h.detach(), loss.detach())),
        "the first result is the state at the block's beginning; the next block begins where this one ended.":
            lambda block, h, message: (h.detach(), local_losses.run_block(block, h, message)[1]),
    },
    alternatives=(
        _both_at_once,
        _run(_leaf),
        lambda block, h, message: tuple(t.clone() for t in local_losses.run_block(block, h, message)),
    ),
    hints=("Three things must not survive the block: the past of h, the past of the message, and the graph on the "
           "state that you return.",
           "Make the message a leaf: `message = message.detach().requires_grad_()`. After `loss.backward()` its "
           "gradient is in `message.grad`.",
           "Four lines: leaf, block, backward, return."),
)

# ---------------------------------------------------------------- how much is kept


def _sizes() -> list[Case]:
    return [Case(sizes, "T = {}, k = {}, depth = {}".format(*sizes))
            for sizes in ((81, 3, 4), (81, 3, 2), (64, 4, 3), (1000, 10, 3), (40, 5, 1), (54, 3, 3))]


KEPT = Exercise(
    name="local_losses.kept", chapter="25", title="How much is kept", reference=local_losses.kept, cases=_sizes,
    minutes=5,
    mistakes={
        "a block on every level, the top included: but the top level is never cut. It keeps its whole chain, "
        "T / k^(depth-1) ticks.": lambda T, k, depth: k * depth if depth > 1 else T,
        "a block of k on every level, even for a single one; the top level (which may be the only one) keeps its "
        "chain.": lambda T, k, depth: k * depth,
        "this is what is kept without any cut, T + T/k + T/k^2 and so on. Below the top a block of k is freed before "
        "the next begins.": lambda T, k, depth: sum(T // k**level for level in range(depth)),
        "this is the top level alone; the levels below it keep a block each, k ticks.":
            lambda T, k, depth: T // k ** (depth - 1),
        "these are the blocks below the top alone; the top level keeps its chain besides.":
            lambda T, k, depth: k * (depth - 1),
        "your top level ticks too rarely: the lowest level is level 0 and ticks T times, so level `depth - 1` ticks "
        "T / k^(depth-1) times.": lambda T, k, depth: k * (depth - 1) + T // k**depth,
        "you counted one block too many: there are depth - 1 levels below the top.":
            lambda T, k, depth: k * depth + T // k ** (depth - 1),
        "you numbered the levels from 1: with level 0 the lowest, depth - 1 levels lie below the top, and the top "
        "ticks T / k^(depth-1) times.": lambda T, k, depth: k * depth + T // k**depth,
        "one block in all: each of the depth - 1 levels below the top keeps a block of its own.":
            lambda T, k, depth: (k if depth > 1 else 0) + T // k ** (depth - 1),
        "one block in all, even where there is no level below the top: each of the depth - 1 levels there keeps one of "
        "its own.": lambda T, k, depth: k + T // k ** (depth - 1),
        "one tick for each level below the top; each of them keeps a whole block, k ticks.":
            lambda T, k, depth: depth - 1 + T // k ** (depth - 1),
        "a level above ticks k times less often than the one below, so the top ticks T / k^(depth-1) times; you "
        "divided by k (depth - 1).": lambda T, k, depth: k * (depth - 1) + T // max(1, k * (depth - 1)),
        "you multiplied the blocks: levels keep theirs side by side, so they add.":
            lambda T, k, depth: k ** (depth - 1) + T // k ** (depth - 1),
    },
    alternatives=(
        lambda T, k, depth: k * (depth - 1) + T // k ** (depth - 1),
        lambda T, k, depth: (depth - 1) * k + T / k ** (depth - 1) // 1,
        lambda T, k, depth: sum(k if level < depth - 1 else T // k**level for level in range(depth)),
    ),
    hints=("One level: all T. Two levels: a block of k, and a chain of T / k above it. Three?",
           "k (depth - 1) + T / k^(depth - 1). T is a multiple of k^(depth - 1) here; use `//` to stay whole."),
    solution='''
def kept(T, k, depth):
    return k * (depth - 1) + T // k ** (depth - 1)
''',
)

# ---------------------------------------------------------------- a plan (transfer, judged by its properties)


def _budgets() -> list[Case]:
    return [Case((T, budget), f"T = {T:,} and room for {budget} ticks")
            for T, budget in ((600, 50), (1000, 40), (64, 64), (4096, 45), (10_000, 70))]


def _observe_plan(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """Does the plan fit, does every level tick, and would fewer levels have done?"""
    T, budget = case.args
    result = candidate(*case.args)
    if result is None:
        return {"the result": None}
    if not (isinstance(result, tuple) and len(result) == 2 and all(type(v) is int for v in result)):
        raise Fault("error", "two whole numbers are expected: `return k, depth`.")
    k, depth = result
    if k < 2 or depth < 1:
        raise Fault("wrong value", f"k must be 2 or more and the depth 1 or more; for {case.says} yours are {k} and "
                    f"{depth}.")
    idle = max(0, depth - 1 - int(math.log(T, k) + 1e-9))
    over = 0 if idle else max(0, local_losses.kept(T, k, depth) - budget)
    fewest = local_losses.plan(T, budget)[1]
    return {"the number of levels that never tick (0 is wanted)": float(idle),
            "the number of ticks over the budget (0 is wanted)": float(over),
            "the number of levels more than are needed (0 is wanted)": float(0 if over or idle else depth - fewest)}


def _search(fits: Callable[[int, int, int, int], bool], ks: Callable[[int], Any] = lambda T: range(2, T + 1),
            depths: Callable[[int], Any] = lambda T: range(1, T.bit_length() + 1)) -> Callable[..., tuple[int, int]]:
    """The first plan that fits by some reckoning, over depths first."""
    def search(T: int, budget: int) -> tuple[int, int]:
        found = ((k, depth) for depth in depths(T) for k in ks(T)
                 if k ** (depth - 1) <= T and fits(T, k, depth, budget))
        return next(found, (2, 1))
    return search


def _fits(T: int, k: int, depth: int, budget: int) -> bool:
    return local_losses.kept(T, k, depth) <= budget


PLAN = Exercise(
    name="local_losses.plan", chapter="25", title="Transfer: a hierarchy for a memory", reference=local_losses.plan,
    cases=_budgets, observe=_observe_plan, minutes=12, core=False,
    mistakes={
        "you counted the top level's chain alone; the levels below keep a block of k each, and a large k is dear "
        "there.":
            _search(lambda T, k, depth, budget: T // k ** (depth - 1) <= budget),
        "all your plans have k = 2 (did you go over k in the outer loop?). A larger k needs fewer levels: for each "
        "number of levels try all k, and only then add a level.":
            _search(_fits, ks=lambda T: range(2, 3)),
        "you looked for the fewest ticks; wanted are the fewest levels whose ticks fit. Stop at the first number of "
        "levels that does.":
            lambda T, budget: min((local_losses.kept(T, k, d), d, k) for k in range(2, T + 1)
                                  for d in range(1, T.bit_length() + 1) if k ** (d - 1) <= T)[:0:-1],
        "the two results are exchanged: k comes first, then the depth.":
            lambda T, budget: _search(_fits)(T, budget)[::-1],
        "where all T ticks fit, a single level does: begin with depth 1, and let 64 ticks fit into room for 64 (`<=`, "
        "not `<`).": _search(lambda T, k, depth, budget: local_losses.kept(T, k, depth) < budget),
        "you stopped at a small k (16, say); with few levels the k that fits may be larger. Try them up to T.":
            _search(_fits, ks=lambda T: range(2, 17)),
        "you took as many levels as there can be. It fits where anything does, with more levels than are needed: begin "
        "with one level and stop at the first number that fits.":
            _search(_fits, depths=lambda T: range(T.bit_length(), 0, -1)),
        "two levels with k near the root of T are the best that two levels can do, 2 root T ticks; some of these "
        "memories are smaller, and for one of them a single level would do.":
            lambda T, budget: (round(T**0.5), 2),
        "a single level keeps all T ticks. (Did you reckon with k ticks on every level, k times depth? The top level "
        "keeps its chain, T / k^(depth-1).)":
            _search(lambda T, k, depth, budget: k * depth <= budget),
    },
    alternatives=(
        _search(_fits), _search(_fits, ks=lambda T: range(T, 1, -1)),
        lambda T, budget: min((local_losses.kept(T, k, d) > budget, d, k) for k in range(2, T + 1)
                              for d in range(1, T.bit_length() + 1) if k ** (d - 1) <= T)[:0:-1],
    ),
    hints=("Two loops: over the number of levels, from 1, and over k, from 2 to T. Return the first pair that fits.",
           "`kept(T, k, depth) <= budget` is the test; skip pairs with k^(depth-1) > T, whose top level never ticks."),
    solution='''
def plan(T, budget):
    for depth in range(1, 20):
        for k in range(2, T + 1):
            if k ** (depth - 1) <= T and kept(T, k, depth) <= budget:
                return k, depth
''',
)

EXERCISES = (DECOUPLED, RETELL, RUN_BLOCK, KEPT, PLAN)
