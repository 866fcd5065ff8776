"""distributions: against torch.distributions, Monte Carlo and closed forms."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from tutorial_lib.distributions import (
    bernoulli_log_likelihood,
    gaussian_log_density,
    kl_gaussians,
    monte_carlo,
    reparameterise,
    steadier_gradient,
)

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=3)
SEEDS = st.integers(0, 10**6)


def draws(count, shape, seed):
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=rng, dtype=torch.float64) for _ in range(count)]


def normal(mu, logvar):
    return Independent(Normal(mu, (0.5 * logvar).exp()), 1)


@given(SHAPES, SEEDS)
def test_the_log_density_is_that_of_torch(shape, seed):
    x, mu, logvar = draws(3, shape, seed)
    torch.testing.assert_close(gaussian_log_density(x, mu, logvar), normal(mu, logvar).log_prob(x))


def test_the_log_density_at_the_mean_in_closed_form():
    """log N(mu; mu, I) = -K/2 log 2 pi."""
    mu = torch.ones(2, 6)
    wanted = torch.full((2,), -3 * math.log(2 * math.pi))
    torch.testing.assert_close(gaussian_log_density(mu, mu, torch.zeros(6)), wanted)


def test_a_density_integrates_to_one():
    x = torch.linspace(-12, 12, 4001, dtype=torch.float64)[:, None]
    mu, logvar = torch.tensor([0.7], dtype=torch.float64), torch.tensor([1.1], dtype=torch.float64)
    assert torch.trapezoid(gaussian_log_density(x, mu, logvar).exp(), x[:, 0]).item() == pytest.approx(1, abs=1e-6)


@given(SHAPES, SEEDS)
def test_the_kl_is_that_of_torch_never_negative_and_zero_for_equals(shape, seed):
    mu_q, logvar_q, mu_p, logvar_p = draws(4, shape, seed)
    kl = kl_gaussians(mu_q, logvar_q, mu_p, logvar_p)
    torch.testing.assert_close(kl, kl_divergence(normal(mu_q, logvar_q), normal(mu_p, logvar_p)))
    assert (kl >= 0).all() and kl_gaussians(mu_q, logvar_q, mu_q, logvar_q).abs().max() < 1e-12


def test_the_kl_is_the_mean_log_ratio_of_samples():
    """Two routes: closed form, and Monte Carlo within four standard errors."""
    mu_q, logvar_q, mu_p, logvar_p = draws(4, (3,), 1)
    z = reparameterise(mu_q.expand(50_000, 3), logvar_q, torch.Generator().manual_seed(2))
    mean, error = monte_carlo(
        lambda z: gaussian_log_density(z, mu_q, logvar_q) - gaussian_log_density(z, mu_p, logvar_p), z)
    assert abs(mean - kl_gaussians(mu_q, logvar_q, mu_p, logvar_p)) < 4 * error


@given(SEEDS)
def test_the_gradient_of_the_kl_is_right(seed):
    """d KL / d mu_q = (mu_q - mu_p) / var_p, d KL / d logvar_q = (var_q / var_p - 1) / 2."""
    mu_q, logvar_q, mu_p, logvar_p = draws(4, (2, 3), seed)
    mu, logvar = mu_q.requires_grad_(), logvar_q.requires_grad_()
    kl_gaussians(mu, logvar, mu_p, logvar_p).sum().backward()
    torch.testing.assert_close(mu.grad, ((mu - mu_p) / logvar_p.exp()).detach())
    torch.testing.assert_close(logvar.grad, (0.5 * ((logvar - logvar_p).exp() - 1)).detach())


def test_samples_have_their_moments_and_come_from_the_generator_alone():
    mu, logvar = torch.tensor([1.5, -2.0]), torch.tensor([-1.0, 0.6])
    z = reparameterise(mu.expand(40_000, 2), logvar.expand(40_000, 2), torch.Generator().manual_seed(0))
    again = reparameterise(mu.expand(40_000, 2), logvar.expand(40_000, 2), torch.Generator().manual_seed(0))
    torch.testing.assert_close(z.mean(0), mu, atol=0.03, rtol=0)
    torch.testing.assert_close(z.var(0).log(), logvar, atol=0.03, rtol=0)
    assert torch.equal(z, again) and torch.corrcoef(z.T)[0, 1].abs() < 0.02


@given(SHAPES, SEEDS)
def test_a_sample_is_differentiable_and_agrees_with_the_noise_written_out(shape, seed):
    mu, logvar = (t.requires_grad_() for t in draws(2, shape, seed))
    z = reparameterise(mu, logvar, torch.Generator().manual_seed(seed))
    eps = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch.testing.assert_close(z, mu + (logvar / 2).exp() * eps)
    z.sum().backward()
    torch.testing.assert_close(mu.grad, torch.ones(shape, dtype=torch.float64))
    torch.testing.assert_close(logvar.grad, (eps * (logvar / 2).exp() / 2).detach())


def test_without_variance_a_sample_is_its_mean():
    mu = torch.ones(3, 2)
    torch.testing.assert_close(reparameterise(mu, torch.full((3, 2), -60.0), torch.Generator().manual_seed(0)), mu)


def test_monte_carlo_is_mean_and_standard_error():
    x = torch.tensor([1.0, 2.0, 3.0, 6.0])
    mean, error = monte_carlo(lambda v: 2 * v, x)
    assert mean == 6 and error.item() == pytest.approx((56 / 3) ** 0.5 / 2) and mean.shape == error.shape == ()
    with pytest.raises(ValueError, match="two samples or more; got 1"):
        monte_carlo(lambda v: v, x[:1])


def test_the_standard_error_covers_the_truth_about_as_often_as_it_should():
    """Of 400 estimates of E z^2 = 1, 68 % lie within one standard error."""
    z = torch.randn(400, 500, generator=torch.Generator().manual_seed(0))
    pairs = [monte_carlo(torch.square, row) for row in z]
    assert 0.61 < sum(abs(m - 1) < e for m, e in pairs) / 400 < 0.75


@given(SHAPES, SEEDS)
def test_the_bernoulli_likelihood_is_that_of_torch(shape, seed):
    noise, logits = draws(2, shape, seed)
    x = (noise > 0).double()
    wanted = Bernoulli(logits=logits).log_prob(x).sum(-1)
    torch.testing.assert_close(bernoulli_log_likelihood(x, logits), wanted)


def test_bernoulli_probabilities_of_all_images_add_up_to_one():
    x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4)
    for logits in (torch.tensor([0.3, -1.0, 2.0, 0.0]), torch.tensor([0.3, -1.0, 2.0, 0.0]).expand(16, 4)):
        assert bernoulli_log_likelihood(x, logits).exp().sum().item() == pytest.approx(1, abs=1e-6)
    assert bernoulli_log_likelihood(x[3], torch.zeros(5, 4)).shape == (5,)  # one image, five codes


def test_large_logits_stay_finite_and_half_costs_log_two():
    sure = torch.tensor([1000.0, -1000.0])
    assert bernoulli_log_likelihood(torch.tensor([1.0, 0.0]), sure) == 0
    assert bernoulli_log_likelihood(torch.tensor([0.0, 1.0]), sure) == -2000
    x = torch.rand(5, generator=torch.Generator().manual_seed(0))
    assert bernoulli_log_likelihood(x, torch.zeros(5)).item() == pytest.approx(-5 * math.log(2))


def test_different_numbers_of_dimensions_are_refused_with_both_shapes():
    a, b = torch.zeros(2, 3), torch.zeros(2, 4)
    for call in (lambda: gaussian_log_density(a, b, b), lambda: kl_gaussians(a, a, b, b),
                 lambda: bernoulli_log_likelihood(a, b)):
        with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 4\)"):
            call()


def test_the_steadier_gradient_is_unbiased_and_steadier():
    """Closed form: for f(x) = x^2 + 10 the gradient of E f with respect to mu is 2 mu, whatever the 10."""
    mu, sigma = 0.7, 1.3
    eps = torch.randn(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def f(x):
        return x.square() + 10

    steadier, plain = steadier_gradient(f, mu, sigma, eps), f(mu + sigma * eps) * eps / sigma
    mean, error = monte_carlo(lambda g: g, steadier)
    assert abs(mean - 2 * mu) < 4 * error and steadier.var() < plain.var() / 3


def test_the_steadier_gradient_of_two_draws_written_out_and_of_a_constant():
    eps = torch.tensor([1.0, -0.5])
    a, b = (3 + 2 * eps).square().tolist()
    torch.testing.assert_close(steadier_gradient(torch.square, 3.0, 2.0, eps),
                               torch.tensor([(a - b) * 1.0 / 2, (b - a) * -0.5 / 2]))
    assert steadier_gradient(lambda x: 0 * x + 7, 0.0, 1.0, torch.linspace(-1, 1, 9)).abs().max() < 1e-5
    with pytest.raises(ValueError, match="two draws or more; got 1"):
        steadier_gradient(torch.square, 0.0, 1.0, eps[:1])
