"""precision: rounding against the format's spacing, products against real half precision, gradients rounded as well."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.precision import (
    Linear,
    both_ways,
    convolve,
    divergence,
    fine_tuned,
    linear,
    matmul,
    products_in,
    rounded,
    rounded_linear,
    update_difference,
)

close = torch.testing.assert_close


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("format, bits", [("bf16", 8), ("fp16", 11)])
def test_rounding_is_to_the_nearest_of_the_format(format, bits):
    """Closed form: between 1 and 2 the numbers are 2^(1-bits) apart; ties go to the even one."""
    gap = 2.0 ** (1 - bits)
    x = 1 + gap * torch.tensor([0.0, 0.3, 0.5, 0.7, 1.5])
    close(rounded(x, format), 1 + gap * torch.tensor([0.0, 0, 0, 1, 2]))
    x = some(1000)
    assert ((rounded(x, format) - x).abs() <= x.abs() * 2.0**-bits).all() and rounded(x, format).dtype == x.dtype
    assert torch.equal(rounded(rounded(x, format), format), rounded(x, format))


def test_formats_differ_in_range_and_fp32_changes_nothing():
    assert rounded(torch.tensor(1e6), "fp16").isinf() and rounded(torch.tensor(1e6), "bf16").isfinite()
    assert torch.equal(rounded(some(5), "fp32"), some(5))
    with pytest.raises(ValueError, match="bf16"):
        rounded(some(5), "fp8")
    with pytest.raises(ValueError, match="format"), products_in("half"):
        pass


@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 4))
def test_a_product_is_the_one_of_real_half_precision(B, n, m):
    """Independent oracle: torch's bf16 product, with sums in fp32; one unit of the last place apart at most."""
    x, W, b = some(B, n), some(m, n, seed=1), some(m, seed=2)
    real = torch.nn.functional.linear(x.bfloat16(), W.bfloat16(), b.bfloat16()).float()
    close(rounded_linear(x, W, b, "bf16"), real, rtol=2**-7, atol=0.02)
    close(rounded_linear(x, W, b, "fp32"), x @ W.T + b)


def test_every_product_follows_the_context_and_leaves_it():
    x, W = some(3, 4), some(2, 4, seed=1)
    layer = Linear(4, 2)
    with products_in("bf16"):
        for y in (linear(x, W), matmul(x, W.T), layer(x), convolve(some(1, 2, 5), some(2, 1, 3), some(2))):
            assert torch.equal(y, rounded(y, "bf16"))
        close(matmul(x, W.T), linear(x, W))
        with products_in("fp32"):
            close(linear(x, W), x @ W.T)
    close(matmul(x, W.T), x @ W.T)
    close(layer(x), torch.nn.functional.linear(x, layer.weight, layer.bias))
    close(convolve(some(1, 2, 5), some(2, 1, 3), some(2)),
          torch.nn.functional.conv1d(some(1, 2, 5), some(2, 1, 3), some(2), groups=2))


def test_gradients_are_rounded_and_pass_through_the_rounding():
    x, W = some(3, 4).requires_grad_(), some(2, 4, seed=1).requires_grad_()
    g = some(3, 2, seed=3)
    with products_in("bf16"):
        gx, gW = torch.autograd.grad(linear(x, W), (x, W), g)
    close(gx, rounded(rounded(g, "bf16") @ rounded(W, "bf16"), "bf16").detach())
    close(gW, rounded(rounded(g, "bf16").T @ rounded(x, "bf16"), "bf16").detach())
    (gx,) = torch.autograd.grad(both_ways(x), x, torch.ones_like(x))
    close(gx, torch.ones_like(x))


def test_fine_tuning_moves_a_copy_and_in_fp32_it_is_plain_adam():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = torch.nn.Sequential(Linear(3, 4), torch.nn.Tanh(), Linear(4, 1))
    before = [p.clone() for p in model.parameters()]
    batches = [some(6, 3, seed=s) for s in range(5)]

    def loss(net, x):
        return (net(x)[:, 0] - x.sum(1)).square().mean()

    full, half = (fine_tuned(model, loss, batches, 1e-2, f) for f in ("fp32", "bf16"))
    again = fine_tuned(model, loss, batches, 1e-2, "fp32")
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    assert update_difference(model, full, again) == 0 < update_difference(model, full, half) < 0.5
    assert update_difference(model, full, model) == pytest.approx(1)
    assert loss(full, batches[0]) < loss(model, batches[0])
    with pytest.raises(ValueError, match="moved"):
        update_difference(model, model, full)


def test_divergence_is_that_of_torch():
    """Independent oracle; and 0 for logits that differ by a constant."""
    a, b = some(4, 5, 7), some(4, 5, 7, seed=1)
    p, q = (torch.distributions.Categorical(logits=v) for v in (a, b))
    close(divergence(a, b), torch.distributions.kl_divergence(p, q) / torch.log(torch.tensor(2.0)))
    close(divergence(a, a + 3), torch.zeros(4, 5), atol=1e-6, rtol=0)
