"""activations: bytes counted by hand, peaks that fall when a graph is let go, gradients of pieces against the whole."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from tutorial_lib.activations import backward_in_pieces, peak_bytes

close = torch.testing.assert_close


def test_a_product_keeps_both_factors_once():
    a, b = (torch.randn(100, requires_grad=True) * 1 for _ in range(2))  # no leaves, 400 bytes each
    assert peak_bytes(lambda: a * b) == 800
    assert peak_bytes(lambda: a * a) == 400  # one piece of memory, saved twice
    assert peak_bytes(lambda: a[:50] * a[50:]) == 400  # two views of one


def test_weights_are_left_out_and_so_is_what_needs_no_gradient():
    layer, x = nn.Linear(10, 20), torch.randn(5, 10)
    assert peak_bytes(lambda: layer(x)) == x.nbytes  # the input, for the weight's gradient
    with torch.no_grad():
        assert peak_bytes(lambda: layer(x)) == 0


def test_the_peak_counts_what_is_alive_at_one_time():
    x = torch.randn(1000, requires_grad=True)  # a leaf is not counted

    def two(keep):
        kept = []
        for _ in range(2):
            y = x.exp().sum()  # exp keeps its own result, 4000 bytes
            if keep:
                kept.append(y)
            else:
                y.backward()
        return kept

    assert peak_bytes(lambda: two(True)) == 8000 and peak_bytes(lambda: two(False)) == 4000


def test_values_and_gradients_are_untouched_by_counting():
    net, x = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), torch.randn(6, 3)
    net(x).sum().backward()
    plain = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    peak_bytes(lambda: net(x).sum().backward())
    close([p.grad for p in net.parameters()], plain)


@given(st.integers(1, 20), st.data())
def test_pieces_have_the_gradients_of_the_whole(rows, data):
    n = data.draw(st.integers(1, rows))
    rng = torch.Generator().manual_seed(rows)
    W = torch.randn(4, 3, generator=rng, dtype=torch.float64).requires_grad_()
    h = torch.randn(rows, 4, generator=rng, dtype=torch.float64).requires_grad_()
    c = torch.randint(3, (rows,), generator=rng)

    def loss(h, c):
        return F.cross_entropy(h @ W, c)

    whole = torch.autograd.grad(loss(h, c), (W, h))
    value = backward_in_pieces(loss, h, c, n)
    close((W.grad, h.grad), whole)
    close(value.double(), loss(h, c).detach())
    assert not value.requires_grad


def test_pieces_hold_less():
    net = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 5))
    h, c = torch.randn(80, 8), torch.arange(80) % 5

    def loss(h, c):
        return F.cross_entropy(net(h), c)

    for n in (1, 4, 16):  # rows and labels are there anyway; of tanh and log-softmax a piece's share, and one number
        held = peak_bytes(lambda n=n: backward_in_pieces(loss, h, c, n))
        assert held == h.nbytes + c.nbytes + (80 * 64 + 80 * 5) * 4 // n + 4


@pytest.mark.parametrize("n", [0, 6])
def test_pieces_that_make_no_sense(n):
    with pytest.raises(ValueError, match="5 rows cannot be cut"):
        backward_in_pieces(lambda h, c: h.sum(), torch.zeros(5, 1), torch.zeros(5), n)
