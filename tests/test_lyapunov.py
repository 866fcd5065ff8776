"""lyapunov: exponents that are known, two routes to those of a selective state space, and no weights above zero."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.lyapunov import (
    Selective,
    exponents_from_weights,
    largest_exponent,
    parting,
    random_tanh,
    seek_growth,
    selective_exponents,
    tanh_step,
    with_tangent,
)

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def some(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


def test_known_exponents():
    """Closed form: of a matrix, the log of its largest eigenvalue; of the logistic map at 4, log 2."""
    M = torch.diag(torch.tensor([0.5, 2.0, 1.0]).double()) + torch.triu(some(3, 3), 1)
    found = largest_exponent(with_tangent(lambda x, u: x @ M.T), some(3), some(3), [None] * 200, warm=100)
    close(found, torch.tensor(math.log(2)).double())
    logistic = with_tangent(lambda x, u: 4 * x * (1 - x))
    start = torch.rand(200, 1, generator=rng(), dtype=torch.float64)
    found = largest_exponent(logistic, start, torch.ones_like(start), [None] * 600, warm=10)
    close(found.mean(), torch.tensor(math.log(2)).double(), atol=0.01, rtol=0)
    assert largest_exponent(with_tangent(lambda x, u: 0 * x), some(3), some(3), [None] * 3) == -math.inf
    with pytest.raises(ValueError, match="warm"):
        largest_exponent(logistic, start, start, [None] * 3, warm=3)


@settings(max_examples=12)
@given(st.integers(1, 4), st.integers(1, 3), st.floats(0.1, 1.5))
def test_tangent_and_formula_agree_for_every_mode(D, N, gain):
    """Two routes: unit tangents stay in their mode, one for each of D N modes."""
    system, u = Selective(D, N, gain, rng(D)), some(12, D, seed=N)
    v = torch.eye(D * N).double()
    found = largest_exponent(with_tangent(system.step), some(D * N).expand(D * N, -1).clone(), v, u)
    exact = selective_exponents(system.dt(u), system.A)
    close(found, exact.flatten(), atol=1e-10, rtol=1e-8)
    close(system.exponent(u), exact.max())
    close(exponents_from_weights(u @ system.step_weights.T + system.step_bias, system.log_rate), exact)


@settings(max_examples=30)
@given(st.integers(1, 6), st.floats(0.01, 3.0), st.integers(0, 99))
def test_no_weights_and_no_inputs_give_growth(D, gain, seed):
    system, u = Selective(D, 3, gain, rng(seed)), some(30, D, seed=seed)
    assert system.exponent(u) <= 0 and (system.dt(u) > 0).all()
    gaps = parting(system.step, some(3 * D), 1e-3, u, rng(seed))
    assert (gaps.diff() <= 1e-9).all()


def test_climbing_comes_close_to_zero_and_no_further():
    system, u = Selective(4, 2, 1.0, rng()), some(50, 4)
    climb = seek_growth(system, u, 60)
    assert len(climb) == 61 and climb[-1] > climb[0] / 5 and (climb <= 0).all()
    assert not any(p.requires_grad for p in system.parameters())


def test_tanh_step_is_its_own_derivative_and_parts_when_weights_are_large():
    """Two routes for the tangent; limiting cases in the gain (Sompolinsky et al.: chaos above 1 without input)."""
    W = random_tanh(torch.tensor([0.5, 3.0]), 60, rng())
    assert torch.allclose(W[1], 6 * W[0]) and abs(W[0].std() * 60**0.5 - 0.5) < 0.05
    x, v, u = some(2, 60), some(2, 60, seed=1), some(60, seed=2)
    by_hand = tanh_step(W)(x, v, u)
    close(by_hand, with_tangent(lambda x, u: ((W @ x[..., None])[..., 0] + u).tanh())(x, v, u))
    still = [torch.zeros(60).double()] * 600
    low, high = largest_exponent(tanh_step(W), x, v, still, warm=200)
    assert low < -0.3 and high > 0.1
    gaps = parting(lambda x, u: tanh_step(W)(x, x, u)[0], x, 1e-6, still, rng())
    close(gaps[0], torch.full((2,), 1e-6).double())
    assert gaps.shape == (601, 2) and gaps[-1, 0] < 1e-12 and gaps[-100:, 1].mean() > 0.1


def test_a_selective_system_is_the_library_s_scan():
    from tutorial_lib.selective import selective_scan

    system, u = Selective(3, 2, 1.0, rng()), some(9, 3)
    h, ys = torch.zeros(6).double(), []
    for u_t in u:
        h = system.step(h, u_t)
        ys.append(system.output(h, u_t))
    B, C = (u @ system.enter.T)[None], (u @ system.read.T)[None]
    y, last = selective_scan(u[None], system.dt(u)[None], system.A, B, C)
    close(torch.stack(ys), y[0])
    close(h, last[0].flatten())
    assert len(system.parameters()) == 5


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"\(\.\.\., T, D\)"):
        selective_exponents(torch.ones(5, 3), torch.ones(2, 4))
