"""fast_slow: the cell against its definition, joins against each other and by hand, memories against closed forms."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tutorial_lib import fast_slow
from tutorial_lib.fast_slow import (
    KINDS,
    Joined,
    NormLSTM,
    fast_slow_step,
    input_sizes,
    kept,
    memories,
    memory_change,
    memory_reach,
    norm_lstm_step,
    normalise,
    parameters,
    run_states,
    sequential_step,
    stacked_step,
    width_for,
    zoneout,
)
from tutorial_lib.recurrent import lstm_step, scan

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(2, 6))  # B, D, H


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cells(*sizes, H=4):
    """LSTM cells with weights of their own; size 0 for a cell that is given no input."""
    def one(D, seed):
        weights = {"Wx": noise(4 * H, max(D, 1), seed=seed), "Wh": noise(4 * H, H, seed=seed + 50),
                   "b": noise(4 * H, seed=seed + 99)}
        return lambda x, s: lstm_step(noise(s[0].shape[0], 1) * 0 if x is None else x, s, **weights)
    return [one(D, i) for i, D in enumerate(sizes)]


def start(B, H=4, seed=7):
    return noise(B, H, seed=seed), noise(B, H, seed=seed + 1)


# ---------------------------------------------------------------- the cell


@settings(max_examples=20, deadline=None)
@given(SIZES)
def test_the_normalised_step_is_an_lstm_step_on_normalised_gates(sizes):
    """Independent route: gate by gate, with means and variances written out."""
    B, D, H = sizes
    x, h, c = noise(B, D), noise(B, H, seed=1), noise(B, H, seed=2)
    Wx, Wh = noise(4 * H, D, seed=3), noise(4 * H, H, seed=4)
    gain, b, gain_c, b_c = noise(4 * H, seed=5), noise(4 * H, seed=6), noise(H, seed=7), noise(H, seed=8)

    def norm(v):
        return (v - v.mean(-1, keepdim=True)) / (v.var(-1, unbiased=False, keepdim=True) + fast_slow.EPS).sqrt()

    for given_x in (x, None):
        z = h @ Wh.T + (0 if given_x is None else x @ Wx.T)
        i, f, g, o = (norm(part) * s + t for part, s, t in zip(z.chunk(4, -1), gain.chunk(4), b.chunk(4), strict=True))
        c_new = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h_new = o.sigmoid() * (norm(c_new) * gain_c + b_c).tanh()
        shown, (h_after, c_after) = norm_lstm_step(given_x, (h, c), Wx, Wh, gain, b, gain_c, b_c)
        torch.testing.assert_close((shown, c_after), (h_new, c_new))
        assert h_after is shown


@given(st.integers(1, 4), st.integers(2, 9))
def test_normalise_brings_each_group_to_mean_0_and_variance_1(groups, H):
    z = 5 * noise(3, groups * H) + 2
    parts = normalise(z, groups).unflatten(-1, (groups, H))
    torch.testing.assert_close(parts.mean(-1), torch.zeros(3, groups).double(), atol=1e-9, rtol=0)
    variance = z.unflatten(-1, (groups, H)).var(-1, unbiased=False)
    torch.testing.assert_close(parts.var(-1, unbiased=False), variance / (variance + fast_slow.EPS))
    torch.testing.assert_close(normalise(z, 1), F.layer_norm(z, z.shape[-1:], eps=fast_slow.EPS))


def test_normalised_gates_do_not_feel_the_scale_of_the_weights():
    """Limiting case: with large weights EPS does not matter, and ten times as large ones change nothing."""
    args = noise(2, 3), start(2), 1e3 * noise(16, 3, seed=1), 1e3 * noise(16, 4, seed=2)
    rest = torch.ones(16).double(), torch.zeros(16).double(), torch.ones(4).double(), torch.zeros(4).double()
    torch.testing.assert_close(norm_lstm_step(*args, *rest)[0],
                               norm_lstm_step(*args[:2], 10 * args[2], 10 * args[3], *rest)[0], rtol=1e-5, atol=1e-6)


def test_the_cell_starts_orthogonal_with_open_forget_gates():
    cell = NormLSTM(3, 5)
    for W in (cell.Wx, cell.Wh):
        torch.testing.assert_close(W.T @ W, torch.eye(W.shape[1]), atol=1e-5, rtol=0)
    assert cell.b[5:10].tolist() == [1.0] * 5 and cell.b.sum() == 5 and NormLSTM(0, 5).Wx is None


def test_zoneout_takes_or_leaves_and_averages_to_its_expectation():
    new, old = noise(5), noise(5, seed=1)
    assert torch.equal(zoneout(new, old, 0.3, torch.ones(5)), new)
    assert torch.equal(zoneout(new, old, 0.3, torch.zeros(5)), old)
    masks = (torch.rand(20_000, 5, generator=torch.Generator().manual_seed(0)) < 0.3).double()
    torch.testing.assert_close(zoneout(new, old, 0.3, masks).mean(0), zoneout(new, old, 0.3), atol=0.03, rtol=0)
    torch.testing.assert_close(zoneout(new, old, 1.0), new)


# ---------------------------------------------------------------- joins


def test_steps_written_out_by_hand():
    x, s, t = noise(2, 3), start(2), start(2, seed=20)
    a, b, c, d = cells(3, 4, 4, 0)
    below, one = a(x, s)
    above, two = b(below, t)
    got, states = stacked_step(x, [s, t], [a, b])
    assert torch.equal(got, above) and torch.equal(states[0][1], one[1]) and torch.equal(states[1][1], two[1])

    _, s1 = a(x, s)
    h, s2 = d(None, s1)
    assert torch.equal(sequential_step(x, s, [a, d])[0], h)

    f1, S1 = a(x, s)
    slow, slow_after = b(f1, t)
    f2, S2 = c(slow, S1)
    f3, S3 = d(None, S2)
    got, (fast_after, slow_got) = fast_slow_step(x, (s, t), [a, c, d], b)
    assert torch.equal(got, f3) and torch.equal(fast_after[1], S3[1]) and torch.equal(slow_got[1], slow_after[1])


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 4), st.integers(1, 5), st.integers(0, 50))
def test_fast_and_slow_with_a_mute_slow_cell_is_sequential(k, T, seed):
    """Limiting case: a slow cell that shows zeros leaves the fast cells one after the other."""
    xs, s = noise(2, T, 3, seed=seed), start(2)
    fast = cells(3, *[0] * (k - 1))
    mute = lambda x, state: (None, state)  # noqa: E731
    ys, _ = scan(partial(fast_slow_step, fast=fast, slow=mute), xs, (s, s))
    torch.testing.assert_close(ys, scan(partial(sequential_step, cells=fast), xs, s)[0])


def test_a_stack_of_one_is_a_sequence_of_one():
    a = cells(3)
    xs, s = noise(2, 4, 3), start(2)
    stacked, sequential = partial(stacked_step, cells=a), partial(sequential_step, cells=a)
    assert torch.equal(scan(stacked, xs, [s])[0], scan(sequential, xs, s)[0])


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(KINDS), st.integers(3, 5), st.integers(1, 6), st.integers(200, 9000))
def test_networks_hold_as_many_numbers_as_counted_and_fit_the_budget(kind, number, D, budget):
    if parameters(kind, number, D, 1) > budget:
        return
    H = width_for(kind, number, D, budget)
    net = Joined(kind, number, D, H)
    assert sum(p.numel() for p in net.parameters()) == parameters(kind, number, D, H) <= budget
    assert parameters(kind, number, D, H + 1) > budget and len(input_sizes(kind, number, D, H)) == number
    ys, _ = scan(net, torch.zeros(2, 3, D), net.start(2))
    assert ys.shape == (2, 3, H)


# ---------------------------------------------------------------- what is felt


def test_memory_reach_of_a_kept_memory_is_a_power():
    """h = c, c' = f c: |d L_T / d c_{T-n}| is f^n |d L / d c|, for the slow and k times as fast for the fast cells."""
    f, k, T, B, H = 0.8, 3, 6, 2, 4

    def holding(reads):  # c' = f c, plus what is read; it shows c'
        def cell(x, s):
            c = f * s[1] + (x if reads and x is not None else 0)
            return c, (c, c)
        return cell

    def passing(x, s):  # keeps nothing, shows what it is given
        return x * 1, (x * 1, x * 1)

    zero = torch.ones(B, H, dtype=torch.float64, requires_grad=True)
    total = lambda y: y.sum(-1)  # noqa: E731
    felt = memory_reach(partial(sequential_step, cells=[holding(False)] * k), noise(B, T, 1), (zero, zero), total)
    torch.testing.assert_close(felt, torch.tensor([[2 * kept(f, k * n) for n in range(T)]]).double())
    step = partial(fast_slow_step, fast=[passing] * 2, slow=holding(True))
    both = memory_reach(step, noise(B, T, H), ((zero, zero),) * 2, total)
    torch.testing.assert_close(both[1], torch.tensor([2 * kept(f, n) for n in range(T)]).double())
    assert both[0, 1:].eq(0).all()


def test_memory_change_is_the_mean_squared_difference():
    c = noise(5, 2, 3)  # T, B, H
    states = [((row, row), (row, 2 * row)) for row in c]
    wanted = (c[1:] - c[:-1]).square().mean()
    torch.testing.assert_close(memory_change(states), torch.stack([wanted, 4 * wanted]))
    first, second = memories(states[0])
    assert first is states[0][0][1] and second is states[0][1][1]
    h, m = c[0], c[1]
    assert memories([(h, m)])[0] is m and memories((h, m))[0] is m


def test_run_states_is_scan_with_every_state():
    net = Joined("fast-slow", 3, 2, 4)
    xs = noise(2, 5, 2).float()
    ys, states = run_states(net, xs, net.start(2))
    theirs, last = scan(net, xs, net.start(2))
    torch.testing.assert_close((ys, states[-1][0][1]), (theirs, last[0][1]))
    assert len(states) == 5


def test_what_does_not_fit_is_said():
    for wrong, words in ((lambda: stacked_step(noise(1, 3), [], cells(3)), "a state for each"),
                         (lambda: fast_slow_step(noise(1, 3), (start(1),) * 2, cells(3), cells(4)[0]), "1 fast"),
                         (lambda: input_sizes("round", 3, 1, 1), "kind must be"),
                         (lambda: input_sizes("fast-slow", 2, 1, 1), "at least 3"),
                         (lambda: zoneout(noise(1), noise(1), 0.0), "keep"), (lambda: kept(1.1, 2), "between 0 and 1"),
                         (lambda: width_for("stacked", 3, 5, 10), "budget is 10"),
                         (lambda: memory_change([start(1)]), "two time steps"),
                         (lambda: normalise(noise(2, 5), 2), "groups")):
        with pytest.raises(ValueError, match=words):
            wrong()
