"""What chapter 10 adds: a gradient from values alone, unbiased and steadier; and the numbers that it states."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib import distributions
from tutorial_lib.course.exercises import part_1_gaussians as exercises


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("mu, sigma", [(1.0, 0.5), (-0.7, 1.5)])
def test_steadier_gradient_agrees_with_closed_forms(mu, sigma):
    eps = noise(400_000)
    for f, exact in ((lambda x: x**2 + 100, 2 * mu), (lambda x: x**3 - 40, 3 * (mu**2 + sigma**2)),
                     (torch.sin, math.cos(mu) * math.exp(-(sigma**2) / 2))):
        g = distributions.steadier_gradient(f, mu, sigma, eps)
        mean, error = distributions.monte_carlo(lambda v: v, g)
        assert g.shape == eps.shape and abs(mean - exact) < 5 * error


def test_steadier_gradient_works_where_the_path_has_none():
    g = distributions.steadier_gradient(lambda x: (x > 1).double(), 1.0, 1.0, noise(200_000))
    assert g.mean().item() == pytest.approx(1 / math.sqrt(2 * math.pi), abs=0.01)


@settings(max_examples=30, deadline=None)
@given(S=st.integers(2, 9), shift=st.floats(-1e3, 1e3), seed=st.integers(0, 99))
def test_a_constant_added_to_f_changes_nothing(S, shift, seed):
    eps = noise(S, seed=seed)
    plain = distributions.steadier_gradient(torch.square, 0.3, 0.8, eps)
    assert torch.allclose(plain, distributions.steadier_gradient(lambda x: x**2 + shift, 0.3, 0.8, eps), atol=1e-8)


def test_two_draws_are_half_their_difference_each():
    eps = torch.tensor([0.5, -1.0])
    a, b = (2 + 3 * eps).square()
    assert torch.allclose(distributions.steadier_gradient(torch.square, 2.0, 3.0, eps),
                          torch.stack([(a - b) * 0.5 / 3, (a - b) / 3]))


@pytest.mark.parametrize("S", [0, 1])
def test_too_few_draws_are_refused(S):
    with pytest.raises(ValueError, match="two draws or more"):
        distributions.steadier_gradient(torch.square, 0.0, 1.0, torch.zeros(S))


def test_the_exact_moments_behind_the_exercise():
    """E x^2 eps / sigma = 2 mu and, with f = x^2, mu = sigma = 1, the variance 30 of one estimate."""
    mean, spread = exercises._moments(lambda eps: exercises._plain(torch.square, 1.0, 1.0, eps))
    assert torch.allclose(mean, torch.full((3,), 2.0, dtype=torch.float64), atol=1e-5)
    assert spread == pytest.approx(math.sqrt(30 / 3), rel=1e-4)


def test_numbers_stated_in_the_questions():
    """Width twice or half, a tenth left out, one standard deviation of the price to the standard normal."""
    def price(s_q, s_p):
        return distributions.kl_gaussians(torch.zeros(1), 2 * torch.tensor([s_q]).log(), torch.zeros(1),
                                          2 * torch.tensor([s_p]).log()).item()

    assert price(1.0, 2.0) == pytest.approx(math.log(2) - 3 / 8, abs=1e-6)
    assert price(1.0, 0.5) == pytest.approx(3 / 2 - math.log(2), abs=1e-6)
    assert -math.log(0.9) == pytest.approx(0.11, abs=0.01) and math.exp(-2) == pytest.approx(0.135, abs=0.001)
    assert price(0.01, 1.0) - price(0.02, 1.0) == pytest.approx(math.log(2), abs=1e-3)  # one more bit
