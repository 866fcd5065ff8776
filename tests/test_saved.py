"""saved: bytes known in closed form, each storage once, freed when graphs are, and the gradients untouched."""

import gc

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.checkpoint import checkpoint

from tutorial_lib.saved import Ledger, counting, saved_bytes


def leaf(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


@given(st.integers(1, 9), st.integers(1, 40), st.sampled_from([torch.float32, torch.float64]))
def test_a_chain_of_tanh_keeps_one_output_a_step(steps, size, dtype):
    x = leaf(size).to(dtype)

    def chain():
        y = x
        for _ in range(steps):
            y = y.tanh()  # saves its output
        return y

    assert saved_bytes(chain) == steps * size * dtype.itemsize


def test_it_climbs_through_the_forward_pass_and_falls_through_the_backward_pass():
    x = leaf(10)
    with counting() as kept:
        y = x.tanh().tanh().tanh().sum()
        assert kept.now == kept.peak == 120
        y.backward()
        assert kept.now == 0 and kept.peak == 120
    assert kept.trace == [0, 40, 80, 120, 80, 40, 0]


def test_a_storage_counts_once_and_in_full():
    x = leaf(4, 6)
    with counting() as kept:
        y = x.exp()  # saved: its output, 96 bytes
        z = y.sin() * 2 + y.cos()  # both save y again
        part = y[:1].square()  # a slice keeps all of it
    assert kept.now == kept.peak == 96
    del y, z
    assert kept.now == 96
    del part
    assert kept.now == 0


def test_graphs_that_are_dropped_let_go_without_a_backward_pass():
    with counting() as kept:
        y = leaf(100).exp()
        assert kept.now == 400
        del y
        gc.collect()
        assert kept.now == 0 and kept.peak == 400


def test_a_graph_that_is_retained_is_kept():
    x = leaf(5)
    with counting() as kept:
        y = x.exp().sum()
        y.backward(retain_graph=True)
        assert kept.now == 20
        y.backward()
        assert kept.now == 0


def test_what_is_named_besides_is_not_counted():
    net, x = nn.Linear(7, 3), torch.randn(2, 7)
    run = lambda: net(x).tanh().sum()  # noqa: E731
    everything = saved_bytes(run)
    assert everything - saved_bytes(run, net.parameters()) in (0, 7 * 3 * 4)  # the weight, where it is saved
    assert saved_bytes(run, [*net.parameters(), x]) == 2 * 3 * 4  # tanh's output alone
    assert saved_bytes(lambda: leaf(3).sum()) == 0  # nothing has to be kept for a sum
    with torch.no_grad():
        assert saved_bytes(run) == 0


def test_work_in_pieces_needs_one_piece_at_a_time():
    xs = [leaf(50, seed=s) for s in range(8)]

    def together():
        sum(x.exp().sum() for x in xs).backward()

    def piece_by_piece():
        for x in xs:
            x.exp().sum().backward()

    assert saved_bytes(together) == 8 * 200 and saved_bytes(piece_by_piece) == 200


@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 7))
def test_gradients_are_what_they_are_without_it(B, T, H):
    torch.manual_seed(0)
    net, x = nn.GRU(3, H, batch_first=True), torch.randn(B, T, 3)
    net(x)[0].square().sum().backward()
    wanted = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    with counting(net.parameters()) as kept:
        net(x)[0].square().sum().backward()
    assert kept.now == 0 < kept.peak
    assert all(torch.equal(p.grad, w) for p, w in zip(net.parameters(), wanted, strict=True))


def test_checkpointing_as_an_independent_witness():
    """torch's own way to keep less: of a stretch only its input, and one stretch at a time afterwards."""
    x = leaf(64)
    stretch = lambda y: y.sin().sin().sin().sin()  # noqa: E731

    def run(call):
        y = x.exp()
        for _ in range(4):
            y = call(y)
        y.sum().backward()

    plain = saved_bytes(lambda: run(stretch))
    assert plain == 16 * 256  # exp's output and the inputs of sin, from the second on
    assert saved_bytes(lambda: run(lambda y: checkpoint(stretch, y, use_reentrant=False))) < plain


def test_an_empty_tensor_weighs_nothing():
    ledger = Ledger()
    held = ledger.take(torch.zeros(0, 3))
    assert ledger.now == 0 and held.tensor.shape == (0, 3)
