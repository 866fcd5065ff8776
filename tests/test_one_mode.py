"""One mode that recalls: closed forms against sums, autograd, simulation and search."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib import one_mode, online

INSIDE = st.tuples(st.floats(0.05, 0.98), st.floats(0.05, math.pi - 0.05))


def at(radius, angle):
    return torch.polar(torch.tensor(radius).double(), torch.tensor(angle).double())


@given(INSIDE, st.integers(0, 25))
@settings(max_examples=30, deadline=None)
def test_best_readout_is_best_and_the_short_form_is_the_sum(place, d):
    lam = at(*place)
    c = one_mode.best_readout(lam, d)
    least = one_mode.loss(lam, c, d)
    assert torch.allclose(one_mode.least_loss(lam, d), least, atol=1e-9)
    for step in (0.01, -0.01, 0.01j, -0.01j):
        assert one_mode.loss(lam, c + step, d) > least


@given(INSIDE, st.integers(0, 25), st.floats(-2, 2), st.floats(-2, 2))
@settings(max_examples=30, deadline=None)
def test_online_is_the_gradient_and_truncated_sees_the_present_alone(place, d, re, im):
    lam, c = at(*place).requires_grad_(), torch.complex(torch.tensor(re).double(), torch.tensor(im).double())
    by_autograd, = torch.autograd.grad(one_mode.loss(lam, c, d), lam)
    lam = lam.detach()
    assert torch.allclose(one_mode.blame(lam, c, d)["online"], by_autograd, atol=1e-6, rtol=1e-6)
    best = one_mode.best_readout(lam, d)
    miss_now = best.real - float(d == 0)
    assert torch.allclose(one_mode.blame(lam, best, d)["truncated"], (-miss_now * best / lam).conj(), atol=1e-6)
    assert one_mode.blame(lam, best, d)["spatial"] == 0


def test_limits_real_modes_and_many_at_once():
    assert torch.allclose(one_mode.best_readout(at(0.5, 0.0), 0), torch.tensor(0.75 + 0j).to(torch.complex128))
    assert torch.allclose(one_mode.least_loss(at(0.3, 1.0), 40), torch.tensor(0.5).double())
    grid = torch.stack([at(0.9, 1.0), at(0.5, 2.0)])
    each = torch.stack([one_mode.least_loss(lam, 3) for lam in grid])
    assert torch.allclose(one_mode.least_loss(grid, 3), each)
    for lam, d in ((at(1.0, 1.0), 3), (at(0.5, 1.0), -1)):
        with pytest.raises(ValueError, match="unit circle"):
            one_mode.best_readout(lam, d)


@pytest.mark.parametrize("rule", ["online", "truncated", "spatial"])
def test_the_expectation_is_what_long_noise_gives(rule):
    """Another route: the layer of `online`, by ordinary gradients, on 200 sequences of noise."""
    d, lam = 4, at(0.8, 0.7)
    c = one_mode.best_readout(lam, d) + 0.3 - 0.2j
    layer = online.LRU(1, 1, 1, torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        layer.nu.fill_(math.log(-math.log(0.8)))
        layer.theta.fill_(math.log(0.7))
        layer.log_gain.zero_()
        layer.D.zero_()
        layer.B.copy_(torch.tensor([[[1.0, 0.0]]]))
        layer.C.copy_(torch.view_as_real(c)[None, None])
    x = torch.randn(200, 400, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = layer(x, rule)
    (0.5 * (y[:, 50:] - x[:, 50 - d : -d]).square().mean()).backward()
    g = one_mode.blame(lam, c, d)[rule].conj() * lam  # dloss = Re(g dlog lam), log lam = -exp(nu) + i exp(theta)
    seen = [0.0 if p.grad is None else p.grad.item() for p in (layer.nu, layer.theta)]
    assert seen == pytest.approx([-math.log(1 / 0.8) * g.real.item(), -0.7 * g.imag.item()], abs=0.01)


def test_trace_is_the_derivative_of_the_state():
    lam = at(0.9, 0.5)
    h, e = one_mode.trace(lam, 30)
    step = 1e-6
    assert torch.allclose((one_mode.trace(lam + step, 30)[0] - h) / step, e, atol=1e-4)
    assert abs(e).argmax().item() in (9, 10)  # -1 / log 0.9 = 9.5
