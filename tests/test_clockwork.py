"""clockwork: a slow twin, cuts that change no value, blocks and their losses by definition, the copy task."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tutorial_lib.clockwork import IGNORED, LINKS, Hierarchy, copying, number_asked
from tutorial_lib.local_losses import retell

close = torch.testing.assert_close
shapes = st.tuples(st.integers(1, 4), st.integers(2, 4), st.integers(7, 40))  # depth, k, T
few = settings(max_examples=25, deadline=None)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def hierarchy(depth=3, k=3, width=7, seed=0, symbols=True):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Hierarchy(6, 4, width, k, depth, symbols).double()


def batch(T=27, size=5):
    x, targets = next(copying(4, 3, T - 6, size, rng()))
    return x.double(), targets


def gradients(model, run):
    model.zero_grad()
    loss = run(model)
    return loss, [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]


def by_the_book(model, x):
    """Level by level instead of step by step cannot be done, but block by block it can: recursion over time."""
    h = model.start(len(x))
    shown = []

    def tick(level, below):
        above = h[level + 1 :][:1]
        h[level] = model.cells[level](torch.cat([below, *above], -1), h[level])

    for t in range(1, x.shape[1] + 1):
        tick(0, x[:, t - 1])
        shown.append(h[0])
        for level in range(1, model.depth):
            if t % model.k**level == 0:
                tick(level, h[level - 1])
    return shown, h


@given(shapes)
@few
def test_forward_against_a_twin(shape):
    depth, k, T = shape
    model, (x, _) = hierarchy(depth, k), batch(T)
    shown, states = by_the_book(model, x)
    hs, blocks, h = model(x)
    close(torch.stack(hs), torch.stack(shown))
    close(torch.stack(h), torch.stack(states))
    assert [sum(b[0] == level for b in blocks) for level in range(depth)] == [
        T // k ** (level + 1) if level < depth - 1 else 0 for level in range(depth)]
    assert all(inputs.shape[:2] == (5, k) and state.shape == (5, 7) for _, state, inputs in blocks)


@given(shapes, st.sets(st.sampled_from(LINKS)))
@few
def test_a_cut_changes_no_value(shape, cut):
    depth, k, T = shape
    model, (x, _) = hierarchy(depth, k), batch(T)
    uncut, links = model(x), model(x, cut)
    assert all(torch.equal(a, b) for a, b in zip(uncut[0], links[0], strict=True))  # bit for bit


def test_a_block_is_told_its_own_inputs():
    model, (x, _) = hierarchy(), batch()
    _, blocks, _ = model(x)
    lowest = [inputs for level, _, inputs in blocks if level == 0]
    close(torch.cat(lowest, 1), x)
    ends = torch.stack([state for level, state, _ in blocks if level == 0], 1)
    close(torch.cat([inputs for level, _, inputs in blocks if level == 1], 1), ends)


def test_going_on_from_a_state():
    model, (x, _) = hierarchy(), batch()
    whole, _, end = model(x)
    first, _, h = model(x[:, :10])
    second, _, again = model(x[:, 10:], h=h, first=10)
    close(torch.stack(first + second), torch.stack(whole))
    close(torch.stack(again), torch.stack(end))


def test_a_deep_hierarchy_with_no_second_tick_is_a_flat_one():
    deep, flat = hierarchy(depth=2, k=50), hierarchy(depth=1)
    with torch.no_grad():
        flat.cells[0].weight_ih.copy_(deep.cells[0].weight_ih[:, :6])
        for name in ("weight_hh", "bias_ih", "bias_hh"):
            getattr(flat.cells[0], name).copy_(getattr(deep.cells[0], name))
    x, _ = batch(20)
    close(torch.stack(deep(x)[0]), torch.stack(flat(x)[0]))


def test_which_levels_tick():
    model = hierarchy(depth=3, k=3)
    assert [model.ticking(t) for t in (1, 2, 3, 6, 9, 18, 27)] == [1, 1, 2, 2, 3, 3, 3]


def test_local_losses_against_their_definition():
    model, (x, targets) = hierarchy(), batch()
    hs, blocks, _ = model(x)
    task, local = model.losses(hs, blocks, targets)
    ends = torch.stack([state for level, state, _ in blocks if level == 0], 1)
    told = model.decoders[0](ends)  # (B, 9, 3 * 6)
    close(local[0], retell(told, x.argmax(-1), 3))
    close(local[0], F.cross_entropy(told.reshape(-1, 6), x.argmax(-1).flatten()))
    answers = model.readout(torch.stack(hs, 1)).flatten(0, 1)
    close(task, F.cross_entropy(answers, targets.flatten(), ignore_index=IGNORED))
    level, state, inputs = blocks[-1]
    assert level == 1
    close(model.local_loss(level, state, inputs), (model.decoders[1](state).view(5, 3, 7) - inputs).square().mean())
    assert model.asked(hs[0], targets[:, 0]) is None


def test_copying():
    x, targets = next(copying(4, 3, 5, 7, rng()))
    assert x.shape == (7, 11, 6) and targets.shape == (7, 11) and (x.sum(-1) == 1).all()
    assert torch.equal(x[:, :3].argmax(-1), targets[:, -3:]) and (targets[:, :-3] == IGNORED).all()
    assert (x.argmax(-1)[:, 3:7] == 4).all() and (x.argmax(-1)[:, 7] == 5).all()
    with pytest.raises(ValueError, match="two symbols"):
        next(copying(1, 3, 5, 7, rng()))
    assert number_asked(targets) == 21 and number_asked(targets[:, :5]) == 1


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="k=1"):
        Hierarchy(2, 2, k=1)
    with pytest.raises(ValueError, match="up, along, down"):
        hierarchy()(batch()[0], cut=("sideways",))
