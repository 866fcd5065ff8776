"""Gradients carried forward: against autograd, finite differences and a slow twin; what the other rules leave out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib import copying, online


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


def network(layers=1, inputs=3, modes=4, width=5, outputs=2, seed=0):
    return online.Network(inputs, modes, width, outputs, layers, rng(seed)).double()


def whole(net, x, w, rule):
    """The gradient by autograd over the whole sequence at once."""
    net.zero_grad()
    (net(x, rule) * w).sin().sum().backward()
    return online.flat_gradient(net)


# ---------------------------------------------------------------- the recurrence


@given(st.integers(1, 3), st.integers(1, 12), st.integers(1, 4), st.booleans(), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_scan_is_the_loop_and_its_gradient_is_right(batch, L, N, real, seed):
    a = 0.9 * torch.polar(torch.ones(N, dtype=torch.float64), randn(N, seed=seed))
    b = torch.complex(randn(batch, L, N, seed=seed), randn(batch, L, N, seed=seed + 1))
    if real:
        a, b = a.real.contiguous(), b.real.contiguous()
    h, slow = torch.zeros_like(b[:, 0]), []
    for t in range(L):
        h = a * h + b[:, t]
        slow.append(h)
    assert torch.allclose(online.scan(a, b), torch.stack(slow, 1))
    assert torch.autograd.gradcheck(online.scan, (a.requires_grad_(), b.requires_grad_()))


def test_scan_explains_bad_input():
    for b in (torch.ones(2, 5, 4), torch.ones(5, 3), torch.ones(2, 0, 3), torch.ones(2, 5, 3) + 0j):
        with pytest.raises(ValueError, match="one dtype"):
            online.scan(torch.ones(3), b)


def test_a_layer_begins_in_its_ring_with_states_of_one_size():
    layer = online.LRU(1, 400, 2, rng(), r_min=0.5, r_max=0.9)
    size = layer.decay().abs()
    assert size.min() >= 0.499 and size.max() <= 0.901
    assert torch.allclose(layer.log_gain.exp(), (1 - size.square()).sqrt(), atol=1e-5)
    x = torch.randn(300, 60, 1, generator=rng(1))
    spread = layer.states(x)[:, -1].abs().square().mean(0) / torch.view_as_complex(layer.B)[:, 0].abs().square()
    assert 0.9 < spread.mean() < 1.1


# ---------------------------------------------------------------- the rules


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("rule", ["online", "truncated", "spatial"])
def test_step_by_step_and_at_once_give_one_gradient(layers, rule):
    net, x, w = network(layers), randn(2, 7, 3), randn(2, 7, 2, seed=1)
    at_once = whole(net, x, w, rule)
    net.zero_grad()
    total = online.read_through(net, x, lambda y, t: (y * w[:, t]).sin().sum(), rule=rule)
    assert torch.allclose(online.flat_gradient(net), at_once, rtol=1e-9, atol=1e-11)
    assert torch.allclose(total, (net(x) * w).sin().sum())


@given(st.integers(1, 3), st.integers(1, 15), st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_one_layer_is_exact(batch, L, inputs, modes, seed):
    net = network(1, inputs, modes, seed=seed)
    x, w = randn(batch, L, inputs, seed=seed), randn(batch, L, 2, seed=seed + 1)
    exact = whole(net, x, w, "bptt")
    assert (whole(net, x, w, "online") - exact).norm() <= 1e-12 * exact.norm().clamp(min=1)


def test_bptt_is_right_by_finite_differences():
    net, x, w = network(2), randn(1, 6, 3), randn(1, 6, 2, seed=1)
    names = [name for name, _ in net.named_parameters()]

    def value(*parameters):
        return (torch.func.functional_call(net, dict(zip(names, parameters, strict=True)), x) * w).sum()

    assert torch.autograd.gradcheck(value, tuple(p.detach().clone().requires_grad_() for p in net.parameters()))


def test_depth_makes_online_approximate_only_below_the_top():
    net, x, w = network(3), randn(2, 9, 3), randn(2, 9, 2, seed=1)
    grads = {}
    for rule in ("bptt", "online"):
        whole(net, x, w, rule)
        grads[rule] = [online.flat_gradient(block.lru, recurrent=True) for block in net.blocks]
    *below, top = [(a - b).norm() / a.norm() for a, b in zip(grads["bptt"], grads["online"], strict=True)]
    assert top < 1e-12 and min(below) > 1e-3


def test_what_the_other_rules_leave_out():
    net, x, w = network(1), randn(2, 9, 3), randn(2, 9, 2, seed=1)
    exact = whole(net, x, w, "bptt")
    for rule in ("truncated", "spatial"):
        assert torch.cosine_similarity(whole(net, x, w, rule), exact, dim=0) < 0.999
    whole(net, x, w, "spatial")
    assert net.blocks[0].lru.nu.grad is None  # nothing is known of lam
    one = randn(2, 1, 3), randn(2, 1, 2, seed=1)
    whole(net, *one, "bptt")
    write = net.blocks[0].lru.B.grad.clone()
    for rule in online.RULES:  # with a single step there is no past to leave out
        whole(net, *one, rule)
        assert torch.allclose(net.blocks[0].lru.B.grad, write)


def test_a_sequence_may_be_read_in_two_sittings():
    net, x = network(2), randn(2, 8, 3)
    net.zero_grad()
    online.read_through(net, x, lambda y, t: y.square().sum(), first=5)
    wanted = online.flat_gradient(net)
    net.zero_grad()
    traces = net.begin(2)
    for t in range(8):
        loss, traces = online.learn(net, x[:, t], traces, (lambda y: y.square().sum()) if t >= 5 else None)
        assert (loss is None) == (t < 5)
    assert torch.allclose(online.flat_gradient(net), wanted)


@pytest.mark.parametrize("rule", online.RULES)
def test_the_last_steps_are_the_last_of_all(rule):
    net, x = network(2), randn(2, 8, 3)
    assert torch.allclose(net(x, rule, last=3), net(x, rule)[:, -3:])


def test_bad_rules_are_explained():
    layer = online.LRU(1, 2, 1, rng())
    with pytest.raises(ValueError, match="rule is one of"):
        layer(torch.ones(1, 3, 1), "snap")
    with pytest.raises(ValueError, match="whole sequence"):
        online.advance(layer, torch.ones(1, 1), online.begin(layer, 1), "bptt")


def test_traces_from_anywhere_move_by_their_rules():
    layer, x = online.LRU(2, 3, 1, rng()).double(), randn(1, 2)
    h, e_lam, e_gain = (torch.complex(randn(1, 3, seed=i), randn(1, 3, seed=i + 9)) for i in (1, 2, 3))
    before = online.Traces(h, e_lam, e_gain, torch.complex(randn(1, 3, 2, seed=4), randn(1, 3, 2, seed=5)))
    assert before.numbers() == 2 * (3 + 3 + 6) and before.nbytes() == 8 * before.numbers()
    lam, gain, B = layer.decay(), layer.log_gain.exp(), torch.view_as_complex(layer.B)
    after = {rule: online.advance(layer, x, before, rule) for rule in ("online", "truncated", "spatial")}
    for e in after.values():
        assert torch.allclose(e.h, lam * h + gain * (x.to(B.dtype) @ B.T))  # every rule reads alike
    assert torch.allclose(after["online"].lam, lam * e_lam + h) and torch.equal(after["truncated"].lam, h)
    assert not after["spatial"].lam.any()
    assert torch.allclose(after["online"].B - after["truncated"].B, lam[:, None] * before.B)
    assert torch.allclose(after["online"].gain - after["spatial"].gain, lam * e_gain)
    assert torch.allclose(after["spatial"].B, (gain[:, None] * x[:, None]).to(B.dtype))


def test_a_block_finishes_each_step_by_itself():
    block, y = online.Block(3, 4, 6, rng()).double(), randn(2, 5, 6)
    done = block.finish(y)
    assert torch.allclose(done[:, 3], block.finish(y[:, 3])) and torch.allclose(done.flip(1), block.finish(y.flip(1)))
    value, gate = (torch.nn.functional.gelu(y) @ block.mix.weight.T).chunk(2, -1)  # its bias begins at 0
    wanted = y + value * gate.sigmoid()
    wanted = (wanted - wanted.mean(-1, keepdim=True)) / (wanted.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
    assert torch.allclose(done, wanted)
    net, x = network(), randn(2, 7, 3)
    only, = net.blocks
    assert torch.allclose(net(x), net.leave(only.finish(only.lru(x))))


@pytest.mark.parametrize("rule", ["truncated", "spatial"])
def test_on_the_copy_task_nothing_is_written_without_traces(rule):
    net, batch = online.Network(3, 5, 4, 2, 1, rng()), copying.sequences(4, 3, 2, 6, rng(1))
    copying.copy_loss(net, *batch, rule).backward()
    lru = net.blocks[0].lru
    assert not lru.B.grad.any() and not lru.log_gain.grad.any()
    assert rule == "truncated" or lru.nu.grad is None
    assert lru.C.grad.abs().max() > 0


# ---------------------------------------------------------------- counts


def test_traces_are_as_many_as_parameters_and_stay_so():
    layer = online.LRU(6, 8, 5, rng())
    e = online.begin(layer, 3)
    assert e.numbers() == layer.nu.numel() + layer.theta.numel() + 2 * layer.log_gain.numel() + layer.B.numel()
    before = e.nbytes()
    assert before == 3 * 4 * e.numbers()
    for _ in range(5):
        e = online.advance(layer, torch.ones(3, 6), e)
    assert e.nbytes() == before


def test_trace_numbers_are_what_a_jacobian_has():
    n, inputs = 4, 3
    x, h = randn(inputs), randn(n, seed=1)
    W, b, V = randn(n, n, seed=2), randn(n, seed=3), randn(n, inputs, seed=4)

    def twice(step):
        return step(step(h))

    dense = torch.autograd.functional.jacobian(lambda W, V: twice(lambda h: W @ h + V @ x), (W, V))
    single = torch.autograd.functional.jacobian(lambda b, V: twice(lambda h: b * h + V @ x), (b, V))
    assert sum((j != 0).sum().item() for j in dense) == online.trace_numbers(n, inputs, dense=True)
    assert sum((j != 0).sum().item() for j in single) == online.trace_numbers(n, inputs, dense=False)


# ---------------------------------------------------------------- the copy task


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 6), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_copy_sequences(P, bits, wait, seed):
    x, wanted = copying.sequences(3, P, bits, wait, rng(seed))
    assert x.shape == (3, 2 * P + wait + 1, bits + 1) and torch.equal(x[:, :P, :-1], wanted)
    assert torch.equal(x[:, :, -1].nonzero()[:, 1], torch.full((3,), P + wait))
    assert not x[:, P:, :-1].any()


def test_copy_loss_and_wrong_bits_at_their_limits():
    x, wanted = copying.sequences(200, 3, 2, 4, rng())
    chance = lambda x, rule="bptt", last=None: torch.zeros(len(x), last, 2)  # noqa: E731
    assert copying.copy_loss(chance, x, wanted).item() == pytest.approx(0.6931, abs=1e-3)
    assert 0.4 < copying.wrong_bits(chance, x, wanted) < 0.6
    knows = lambda x, rule="bptt", last=None: 99 * (2 * wanted - 1)  # noqa: E731
    assert copying.wrong_bits(knows, x, wanted) == 0 and copying.copy_loss(knows, x, wanted) < 1e-6
    with pytest.raises(ValueError, match="1 or more"):
        copying.sequences(2, 0, 1, 3, rng())


# ---------------------------------------------------------------- the plain twins


def test_the_plain_step_is_the_layers_step_without_a_gain():
    layer = online.LRU(3, 4, 2, rng()).double()
    with torch.no_grad():
        layer.log_gain.zero_()
    e, plain = online.begin(layer, 1), None
    lam, B = layer.decay().detach(), torch.view_as_complex(layer.B.detach())
    h, e_lam, e_B = torch.zeros_like(lam), torch.zeros_like(lam), torch.zeros_like(B)
    for x in randn(6, 3):
        e = online.advance(layer, x[None], e)
        h, e_lam, e_B = plain = online.carry(x, h, e_lam, e_B, lam, B)
    assert all(torch.allclose(a, b[0]) for a, b in zip(plain, (e.h, e.lam, e.B), strict=True))


@given(st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_to_nu_theta_is_the_chain_rule(seed):
    g = torch.complex(randn(3, seed=seed), randn(3, seed=seed + 1))
    nu, theta = randn(3, seed=seed + 2), randn(3, seed=seed + 3)
    nu.requires_grad_(), theta.requires_grad_()
    (g * torch.complex(-nu.exp(), theta.exp()).exp()).real.sum().backward()
    ours = online.to_nu_theta(g, nu.detach(), theta.detach())
    assert torch.allclose(ours[0], nu.grad) and torch.allclose(ours[1], theta.grad)


def test_online_states_credit_the_present_for_x_and_the_past_for_the_rest():
    lam, B = 0.9 * torch.polar(torch.ones(2).double(), randn(2)), torch.complex(randn(2, 3), randn(2, 3, seed=1))
    x = randn(1, 5, 3, seed=2).requires_grad_()
    last = online.online_states(x, lam, B)[0, -1]
    assert torch.allclose(last, online.scan(lam, x.to(B.dtype) @ B.T)[0, -1])
    grad, = torch.autograd.grad(last.real.sum(), x)
    assert not grad[0, :-1].any() and torch.allclose(grad[0, -1], B.real.sum(0))
    assert not online.present(x, B).any()


@given(st.integers(1, 50), st.integers(1, 50))
def test_break_even_is_where_the_counts_cross(N, D):
    L, traces = online.break_even(N, D), 2 * (2 * N + N * D)
    assert L * (2 * N + D) > traces >= (L - 1) * (2 * N + D)


def test_held_is_the_jacobian_of_the_state_before_the_mark():
    P, bits, wait = 3, 2, 4
    layer = online.LRU(bits + 1, 5, 2, rng()).double()

    def before_the_mark(pattern):
        x = torch.zeros(1, 2 * P + wait + 1, bits + 1).double()
        x[0, :P, :-1] = pattern
        return torch.view_as_real(layer.states(x)[0, P + wait - 1])

    J = torch.autograd.functional.jacobian(before_the_mark, randn(P, bits)).reshape(10, P * bits)
    wanted = torch.linalg.svdvals(J)
    assert torch.allclose(copying.held(layer.decay(), layer.write(), P, bits, wait), wanted)
