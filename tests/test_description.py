"""description: files there and back, levels as fine as their bits, the bound against exact binomial tails."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tutorial_lib.description import HEAD, divergence, occam, pack, unpack


def z_of(d, seed=0):
    return torch.randn(d, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=40)
@given(d=st.integers(1, 70), bits=st.sampled_from([1, 2, 3, 5, 8, 12, 16, 32]), seed=st.integers(0, 2**63))
def test_there_and_back(d, bits, seed):
    z = z_of(d, seed % 1000)
    file = pack(z, seed, bits)
    assert len(file) == HEAD.size + math.ceil(d * bits / 8)
    back, again = unpack(file)
    assert again == seed and back.shape == (d,) and back.dtype == torch.float32
    step = 2 * z.abs().max().item() / (2**bits - 1)
    assert (back - z).abs().max() <= (0 if bits == 32 else step / 2 * 1.001 + 1e-7)
    assert pack(back, seed, bits) == file or bits < 32  # what was kept is kept again


def test_levels_are_symmetric_and_zero_is_kept_as_nearly_zero():
    back, _ = unpack(pack(torch.tensor([-1.0, 1.0, 0.4]), 0, 1))
    assert back.tolist() == [-1.0, 1.0, 1.0]
    assert unpack(pack(torch.zeros(3), 5, 8))[0].abs().max() <= 0.5
    x = z_of(200)
    errors = [(unpack(pack(x, 0, b))[0] - x).square().mean().item() for b in (4, 5, 6, 7)]
    # a bit more, a quarter of the squared error
    assert all(3 < a / b < 5.5 for a, b in zip(errors[:-1], errors[1:], strict=True))


def test_bad_files_and_bits_are_refused():
    for bits in (0, 17, 64):
        with pytest.raises(ValueError, match="32 bits or with 1 to 16"):
            pack(z_of(3), 0, bits)
    with pytest.raises(ValueError, match="begins with"):
        unpack(b"short")
    with pytest.raises(ValueError, match="take 12 bytes"):
        unpack(pack(z_of(3), 0)[:-1])


@settings(deadline=None)
@given(q=st.floats(0, 0.95), B=st.integers(0, 20_000), N=st.integers(10, 50_000), delta=st.floats(1e-6, 0.5))
def test_the_bound_is_where_the_divergence_is_used_up(q, B, N, delta):
    p = occam(q, B, N, delta)
    assert q <= p <= 1
    if p < 1 - 1e-9:
        assert divergence(q, p) == pytest.approx((B * math.log(2) - math.log(delta)) / N, rel=1e-3, abs=1e-9)
    assert occam(q, B + 50, N, delta) >= p - 1e-12 and occam(q, B, 2 * N, delta) <= p + 1e-12


def test_the_bound_in_closed_form_without_errors_and_against_binomial_tails():
    assert occam(0.0, 100, 1000, 0.01) == pytest.approx(1 - math.exp(-(100 * math.log(2) + math.log(100)) / 1000))
    # one network alone (B = 0): N examples show q N errors or fewer with probability at most delta where p is the truth
    for q, N in ((0.1, 200), (0.3, 50), (0.02, 500)):
        p = occam(q, 0, N, 0.05)
        assert stats.binom.cdf(round(q * N), N, p) <= 0.05
        assert stats.binom.cdf(round(q * N), N, q + (p - q) / 3) > 0.05  # and is not absurdly loose


def test_divergence_against_scipy_and_its_ends():
    assert divergence(0.3, 0.3) == 0 and divergence(0.0, 0.5) == pytest.approx(math.log(2))
    assert divergence(0.2, 0.6) == pytest.approx(stats.entropy([0.2, 0.8], [0.6, 0.4]))
    for q, p in ((0.5, 0.0), (0.5, 1.0), (-0.1, 0.5)):
        with pytest.raises(ValueError, match="shares"):
            divergence(q, p)
    with pytest.raises(ValueError, match="the bound needs"):
        occam(0.1, 10, 0)
