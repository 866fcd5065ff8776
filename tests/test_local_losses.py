"""local_losses: exact gradients by two routes, gradients that are exactly zero, ticks really kept, small versions."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F

from tutorial_lib.clockwork import DECOUPLED, IGNORED, LINKS, Hierarchy, copying
from tutorial_lib.local_losses import (
    backward_blockwise,
    backward_truncated,
    backward_whole,
    decoupled,
    gradient_flow,
    kept,
    plan,
    reached,
    retell,
    run_block,
    saving,
    ticks_kept,
)
from tutorial_lib.saved import Ledger, saved_bytes

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


# ---------------------------------------------------------------- gradients


@given(shapes, st.floats(0.1, 2))
@few
def test_block_by_block_gives_the_gradients_of_the_cut_network(shape, weight):
    depth, k, T = shape
    model, (x, targets) = hierarchy(depth, k), batch(T)
    loss, wanted = gradients(model, lambda m: backward_whole(m, x, targets, DECOUPLED, weight))
    other, found = gradients(model, lambda m: backward_blockwise(m, x, targets, weight))
    assert loss == pytest.approx(other)
    for a, b in zip(found, wanted, strict=True):
        close(a, b, atol=1e-13, rtol=1e-9)


def test_block_by_block_without_local_losses_and_with_values_for_symbols():
    x, targets = batch(31)
    for model in (hierarchy(), hierarchy(symbols=False), hierarchy(depth=4, k=2)):
        for weight in (0.0, 1.0):
            _, wanted = gradients(model, lambda m, w=weight: backward_whole(m, x, targets, DECOUPLED, w))
            _, found = gradients(model, lambda m, w=weight: backward_blockwise(m, x, targets, w))
            for a, b in zip(found, wanted, strict=True):
                close(a, b, atol=1e-13, rtol=1e-9)


def test_pieces_as_long_as_the_sequence_cut_nothing():
    model, (x, targets) = hierarchy(), batch()
    loss, wanted = gradients(model, lambda m: backward_whole(m, x, targets, (), 0))
    other, found = gradients(model, lambda m: backward_truncated(m, x, targets, 27))
    assert loss == pytest.approx(other)
    for a, b in zip(found, wanted, strict=True):
        close(a, b)
    assert backward_truncated(model, x, targets, 4) == pytest.approx(loss)  # the value does not change
    with pytest.raises(ValueError, match="length=0"):
        backward_truncated(model, x, targets, 0)


def test_pieces_by_differentiating_each_alone():
    """An oracle: the gradient of piece 3 of 3 alone, from states that are constants."""
    model, (x, targets) = hierarchy(), batch()
    _, found = gradients(model, lambda m: backward_truncated(m, x, targets, 9))
    with torch.no_grad():
        _, _, h = model(x[:, :18])
    model.zero_grad()
    hs, _, _ = model(x[:, 18:], h=h, first=18)
    F.cross_entropy(model.readout(torch.stack(hs[-3:], 1)).flatten(0, 1), targets[:, -3:].flatten()).backward()
    for a, p in zip(found, model.parameters(), strict=True):
        close(a, torch.zeros_like(p) if p.grad is None else p.grad)


def test_who_is_taught_by_whom():
    model, (x, targets) = hierarchy(), batch()
    whole = gradient_flow(model, x, targets)
    assert list(whole) == ["task", "local 0", "local 1"] and all(v > 0 for row in whole.values() for v in row)
    flow = gradient_flow(model, x, targets, DECOUPLED)
    assert all(v > 0 for v in flow["task"]) and all(v > 0 for v in flow["local 0"])  # downwards stays open
    assert flow["local 1"][0] == 0 and min(flow["local 1"][1:]) > 0
    alone = gradient_flow(model, x, targets, LINKS)
    assert [[v > 0 for v in row] for row in alone.values()] == [
        [True, False, False], [True, False, False], [False, True, False]]


def test_the_gradient_to_an_input_stays_in_its_block():
    """Decoupled, the last answer sees inputs of its own block alone; whole, it sees them all."""
    model, (x, targets) = hierarchy(), batch()
    for cut, seen in (((), 27), (DECOUPLED, 3)):
        x = x.detach().requires_grad_()
        (grad,) = torch.autograd.grad(model.asked(model(x, cut)[0][-1], targets[:, -1]), x)
        assert int((grad.abs().sum((0, 2)) > 0).sum()) == seen


def test_which_states_a_loss_reaches():
    model, (x, targets) = hierarchy(), batch()
    targets[:, :-1] = IGNORED  # the last answer alone
    lit = [[bool(v) for v in sizes > 0] for sizes in reached(model, x, targets)]
    assert lit[0] == [True] * 27 and lit[1] == [True] * 8 + [False] and lit[2] == [True] * 2 + [False]
    lit = [[bool(v) for v in sizes > 0] for sizes in reached(model, x, targets, DECOUPLED)]
    assert lit[0] == [False] * 24 + [True] * 3
    assert lit[1] == [False] * 6 + [True] * 2 + [False] and lit[2] == [True] * 2 + [False]
    lit = [[bool(v) for v in sizes > 0] for sizes in reached(model, x, targets, LINKS, local=1)]
    assert not any(lit[0]) and not any(lit[2]) and lit[1] == [False] * 6 + [True] * 3
    with pytest.raises(ValueError, match="level 2"):
        reached(model, x, targets, local=2)


# ---------------------------------------------------------------- what is kept


def ticks_measured(model, run):
    """The most ticks that each level holds: a ledger for each cell, over the bytes of one tick alone."""
    ledgers = [Ledger(model.parameters()) for _ in model.cells]
    forwards = [cell.forward for cell in model.cells]
    bytes_of_one = []
    for cell, ledger, forward in zip(model.cells, ledgers, forwards, strict=True):
        inside = saved_bytes(lambda c=cell: c(torch.randn(5, c.input_size, dtype=torch.float64),
                                              torch.randn(5, 7, dtype=torch.float64).requires_grad_()),
                             model.parameters())
        bytes_of_one.append(inside)

        def counted(x, h, forward=forward, ledger=ledger):
            with saved_tensors_hooks(ledger.take, lambda held: held.tensor):
                return forward(x, h)

        cell.forward = counted
    run()
    for cell in model.cells:
        del cell.forward
    return [round(ledger.peak / one) for ledger, one in zip(ledgers, bytes_of_one, strict=True)]


@pytest.mark.parametrize("depth, k, T", [(1, 3, 20), (2, 3, 27), (3, 3, 54), (3, 2, 16), (4, 2, 48), (4, 3, 81)])
def test_the_ticks_that_are_kept_are_those_counted(depth, k, T):
    model, (x, targets) = hierarchy(depth, k), batch(T)
    whole = ticks_measured(model, lambda: backward_whole(model, x, targets, (), 0))
    local = ticks_measured(model, lambda: backward_blockwise(model, x, targets))
    assert whole == ticks_kept(T, k, depth, local=False)
    assert local == ticks_kept(T, k, depth, local=True)


def test_everything_is_let_go_in_the_end():
    from tutorial_lib.saved import counting

    model, (x, targets) = hierarchy(), batch(40)
    with counting(model.parameters()) as kept:
        backward_blockwise(model, x, targets)
    assert kept.now == 0 < kept.peak
    assert kept.peak < saved_bytes(lambda: backward_truncated(model, x, targets, 20), model.parameters())


@given(st.integers(2, 6), st.integers(1, 6))
def test_the_saving_at_k_to_the_depth(k, depth):
    assert saving(k**depth, k, depth) == pytest.approx((k**depth - 1) / ((k - 1) * depth))
    assert kept(k**depth, k, depth) == k * depth


@given(st.integers(1, 400), st.integers(2, 5), st.integers(1, 6))
def test_local_losses_never_keep_more(T, k, depth):
    whole, local = (ticks_kept(T, k, depth, local=flag) for flag in (False, True))
    assert len(whole) == len(local) == depth and all(a >= b for a, b in zip(whole, local, strict=True))
    assert whole[-1] == local[-1]  # the top keeps its chain


@given(st.integers(8, 2000), st.integers(6, 60))
def test_a_plan_fits_and_one_level_fewer_does_not(T, budget):
    try:
        k, depth = plan(T, budget)
    except ValueError:
        assert all(sum(ticks_kept(T, k, depth, local=True)) > budget
                   for k in range(2, T + 1) for depth in range(1, 12) if k ** (depth - 1) <= T)
        return
    assert sum(ticks_kept(T, k, depth, local=True)) <= budget and k ** (depth - 1) <= T
    assert all(sum(ticks_kept(T, j, depth - 1, local=True)) > budget for j in range(2, T + 1)
               if depth > 1 and j ** max(0, depth - 2) <= T)


# ---------------------------------------------------------------- the small versions


def test_two_levels_by_hand():
    W1, W2 = (torch.randn(4, n, generator=rng(i), dtype=torch.float64).requires_grad_() for i, n in ((1, 10), (2, 8)))
    x = torch.randn(3, 8, 2, generator=rng(), dtype=torch.float64).requires_grad_()
    states = decoupled(x, W1, W2, 4)
    assert states.shape == (3, 8, 4)
    grads = torch.autograd.grad(states[:, -1].sum(), (x, W1, W2))
    assert (grads[0][:, :4] == 0).all() and (grads[0][:, 4:] != 0).all()  # its own block alone
    assert grads[2].abs().max() > 0  # downwards is open
    (flat,) = torch.autograd.grad(decoupled(x, W1, W2, 100)[:, -1].sum(), x)
    assert (flat != 0).all()


def test_retelling():
    x = torch.randint(5, (2, 6), generator=rng())
    right = 50.0 * F.one_hot(x, 5).double().reshape(2, 2, 15)
    assert retell(right, x, 3) < 1e-8 and retell(right.flip(1), x, 3) > 1
    close(retell(torch.zeros(2, 2, 15), x, 3), torch.tensor(5.0).log())


def test_a_block_on_its_own():
    model, (x, _) = hierarchy(depth=2), batch()
    h, above = torch.randn(2, 5, 7, generator=rng(), dtype=torch.float64).requires_grad_().unbind()

    def block(h, message):
        for below in x[:, :3].unbind(1):
            h = model.cells[0](torch.cat([below, message], -1), h)
        return h, h.square().sum()

    state, owed = run_block(block, h, above)
    assert not state.requires_grad and owed.shape == above.shape
    (wanted,) = torch.autograd.grad(block(h, above)[1], above)
    close(owed, wanted)
    assert model.cells[0].weight_hh.grad.abs().max() > 0


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="depth of 1"):
        ticks_kept(3, 2, 0, local=True)
    with pytest.raises(ValueError, match="6 ticks"):
        plan(100_000, 6)
