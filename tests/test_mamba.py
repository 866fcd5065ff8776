"""mamba: scan, single steps and pieces agree; the block beside a plain version of it; causal; memory that closes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tutorial_lib.mamba import Mamba, MambaBlock, write_on

close = torch.testing.assert_close


def seeded(make, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def plain(block, x):
    """The block of one sequence, written as one reads it.  x: (L, d)"""
    D, K = block.skip.numel(), block.conv.weight.shape[-1]
    u, z = block.enter(block.norm(x)).split(D, -1)
    u = F.pad(u, (0, 0, K - 1, 0))
    u = F.silu(sum(u[k : k + len(x)] * block.conv.weight[:, 0, k] for k in range(K)) + block.conv.bias)
    r, B, C = block.select(u).split([block.R, block.N, block.N], -1)
    dt = F.softplus(block.steps(r) + block.step_bias)
    h, ys = torch.zeros(D, block.N), []
    for t in range(len(x)):
        h = torch.exp(-dt[t, :, None] * block.log_rate.exp()) * h + (dt[t] * u[t])[:, None] * B[t]
        ys.append(h @ C[t] + block.skip * u[t])
    return x + block.leave(torch.stack(ys) * F.silu(z))


@torch.no_grad()
@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 6), st.integers(1, 5))
def test_scan_steps_and_pieces_are_one_block(B, L, N, K):
    block = seeded(lambda: MambaBlock(16, N, 2, K))
    x = some(B, L, 16, seed=L)
    y, (recent, h) = block(x)
    close(y[0], plain(block, x[0]), atol=1e-5, rtol=1e-4)
    state, ys = block.start(B), []
    for x_t in x.unbind(1):
        out, state = block.step(x_t, state)
        ys.append(out)
    close(torch.stack(ys, 1), y, atol=1e-5, rtol=1e-4)
    close(state, (recent, h), atol=1e-5, rtol=1e-4)
    a, state = block(x[:, : L // 2 + 1])
    if L > L // 2 + 1:
        b, state = block(x[:, L // 2 + 1 :], state)
        a = torch.cat((a, b), 1)
    close((a, state), (y, (recent, h)), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_model_reads_in_one_go_or_symbol_by_symbol_and_is_causal():
    model, x = seeded(lambda: Mamba(11, 16)), torch.arange(60).view(2, 30) % 11
    whole, states = model.run(x)
    assert torch.equal(model(x), whole) and whole.shape == (2, 30, 11)
    carried, ys = model.start(2), []
    for x_t in x.unbind(1):
        y, carried = model.step(x_t, carried)
        ys.append(y)
    close(torch.stack(ys, 1), whole, atol=1e-5, rtol=1e-4)
    close(carried, states, atol=1e-5, rtol=1e-4)
    changed = x.clone()
    changed[:, 20] += 1
    differs = (model(changed) - whole).abs().amax((0, 2)) > 0
    assert not differs[:20].any() and differs[20]


@torch.no_grad()
def test_steps_begin_between_a_thousandth_and_a_tenth_and_rates_are_below_zero_for_any_weights():
    model = seeded(lambda: Mamba(7, 32))
    for p in model.blocks[0].parameters():
        p.mul_(3)
    model.blocks[1].steps.weight.zero_()
    first, second = model.steps_taken(torch.arange(21).view(1, 21) % 7)
    assert (first > 0).all() and (model.blocks[0].log_rate.exp() > 0).all()
    assert second.min() >= 1e-3 and second.max() <= 0.1001  # the bias alone decides
    y = model.embed(torch.arange(21).view(1, 21) % 7)
    u, z, _ = model.blocks[0].begin(y, model.blocks[0].start(1)[0])
    dt, A, B, C = model.blocks[0].gates(u)
    close(dt, first)
    assert B.shape == C.shape == (1, 21, 8) and A.shape == (64, 8) and z.shape == u.shape


def test_gradients_reach_every_weight():
    model = seeded(lambda: Mamba(7, 16))
    model(torch.arange(14).view(2, 7) % 7).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_writing_on_is_reproducible_and_cold_writing_is_the_likeliest():
    model, prompt = seeded(lambda: Mamba(5, 16)), torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        model.out.weight.mul_(20)
    texts = [write_on(model, prompt, 9, 1.0, torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*texts) and texts[0].shape == (1, 12) and torch.equal(texts[0][:, :3], prompt)
    cold = write_on(model, prompt, 9, 1e-4, torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert torch.equal(model(cold)[:, 2:-1].argmax(-1), cold[:, 3:])
    with pytest.raises(ValueError, match="prompt"):
        write_on(model, prompt[:, :0], 3, 1.0, torch.Generator())
