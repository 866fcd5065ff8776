"""vae: the ELBO against numerical integration, its parts against torch, the grids against their definition."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from torch.distributions import Normal, kl_divergence

from tutorial_lib import distributions, vae
from tutorial_lib.distributions import bernoulli_log_likelihood, gaussian_log_density
from tutorial_lib.vae import (
    VAE,
    Autoencoder,
    ElboParts,
    elbo_parts,
    interpolate,
    kl_standard_normal,
    latent_grid,
    negative_elbo,
    traverse,
)

Z = torch.linspace(-12, 12, 6001, dtype=torch.float64)  # the grid of one-dimensional codes


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def model(D=4, hidden=(5,), K=1, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = VAE(D, hidden, K).double()
    with torch.no_grad():
        for p in net.decoder.parameters():
            p.mul_(3)  # far from the limit in which no pixel depends on the code
    return net


def images(n=3, D=4, seed=1):
    return (torch.rand(n, D, generator=rng(seed)) > 0.5).double()


def exact(net, x):
    """log p(x), ELBO and KL(q || p(z|x)) of each image with K = 1, by the trapezoidal rule."""
    prior = gaussian_log_density(Z[:, None], torch.zeros(1), torch.zeros(1))  # (Z,)
    likelihood = bernoulli_log_likelihood(x[:, None], net.decoder(Z[:, None]).expand(len(x), -1, -1))  # (N, Z)
    evidence = torch.trapezoid((likelihood + prior).exp(), Z).log()  # (N,)
    mu, logvar = net.encode(x)
    q = gaussian_log_density(Z[:, None], mu[:, None], logvar[:, None])  # (N, Z)
    elbo = torch.trapezoid(q.exp() * (likelihood + prior - q), Z)
    gap = torch.trapezoid(q.exp() * (q - (likelihood + prior - evidence[:, None])), Z)
    return evidence, elbo, gap


@pytest.mark.parametrize("seed", range(3))
def test_the_elbo_lies_below_the_evidence_by_the_kl_to_the_posterior(seed):
    """Numerical integration over one-dimensional codes; elbo_parts is that integral by Monte Carlo."""
    net, x = model(seed=seed), images(seed=seed)
    with torch.no_grad():
        evidence, elbo, gap = exact(net, x)
        assert (elbo <= evidence).all() and (evidence - elbo > 1e-3).any()
        torch.testing.assert_close(evidence - elbo, gap, atol=1e-6, rtol=1e-6)
        for row, wanted in zip(x, elbo, strict=True):
            parts = elbo_parts(net, row.expand(20_000, -1), rng(seed))
            assert abs(parts.elbo.mean() - wanted) < 4 * parts.elbo.std() / 20_000**0.5
            assert parts.kl.std() < 1e-9  # exact, not sampled


def test_the_evidence_of_all_images_adds_up_to_one():
    with torch.no_grad():
        x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 4)
        assert exact(model(), x)[0].exp().sum().item() == pytest.approx(1, abs=1e-6)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 10**6))
def test_the_kl_agrees_with_torch_and_with_the_general_one(shape, seed):
    mu, logvar = (torch.randn(*shape, generator=rng(seed + i), dtype=torch.float64) for i in range(2))
    kl = kl_standard_normal(mu, logvar)
    torch.testing.assert_close(kl, kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(-1))
    torch.testing.assert_close(kl, distributions.kl_gaussians(mu, logvar, 0 * mu, 0 * mu))


def test_the_kl_in_closed_form():
    """0 for the prior itself; |mu|^2 / 2 for a shift."""
    assert kl_standard_normal(torch.zeros(3), torch.zeros(3)) == 0
    assert kl_standard_normal(torch.tensor([3.0, 4.0]), torch.zeros(2)) == 12.5


@given(st.integers(1, 5), st.floats(0, 4), st.integers(0, 10**6))
def test_the_loss_is_minus_the_mean_elbo_at_beta_one_and_linear_in_beta(B, beta, seed):
    net, x = model(K=2, seed=seed), images(B, seed=seed)
    with torch.no_grad():
        mu, logvar = net.encode(x)
        z = vae.reparameterise(mu, logvar, rng(seed))
        parts = elbo_parts(net, x, rng(seed))
        loss = negative_elbo(x, net.decoder(z), mu, logvar, beta)
        assert isinstance(parts, ElboParts) and loss.shape == ()
        assert parts.kl.shape == parts.reconstruction.shape == (B,)
        torch.testing.assert_close(loss, (beta * parts.kl - parts.reconstruction).mean())
        torch.testing.assert_close(negative_elbo(x, net.decoder(z), mu, logvar), -parts.elbo.mean())


def test_the_sampled_gradient_of_the_elbo_is_unbiased():
    """Its mean over samples agrees with the gradient of the integral, for the encoder and the decoder."""
    net, x = model(), images(1)
    parameters = [net.encoder[-1].bias, net.decoder[-1].bias]
    wanted = torch.autograd.grad(exact(net, x)[1].sum(), parameters)
    found = torch.autograd.grad(elbo_parts(net, x.expand(200_000, -1), rng()).elbo.mean(), parameters)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, atol=0.02, rtol=0.02)


def test_sizes_of_encoder_decoder_and_samples():
    plain, net = Autoencoder(6, [5, 4], 2), VAE(6, [5, 4], 2)
    assert [l.out_features for l in plain.encoder[::2]] == [5, 4, 2]
    assert [l.out_features for l in net.encoder[::2]] == [5, 4, 4]
    assert [l.out_features for l in plain.decoder[::2]] == [4, 5, 6]
    x = torch.rand(3, 2, 6, generator=rng())
    assert plain.code(x).shape == net.code(x).shape == (3, 2, 2) and torch.equal(net.code(x), net.encode(x)[0])
    drawn = net.sample(7, rng())
    assert drawn.shape == (7, 6) and drawn.min() > 0 and drawn.max() < 1 and torch.equal(drawn, net.sample(7, rng()))
    torch.testing.assert_close(drawn, net.decode(torch.randn(7, 2, generator=rng())))


@pytest.mark.parametrize("sizes", [(0, [3], 1), (4, [0], 1), (4, [3], 0), (4, [3, -1], 1)])
def test_sizes_must_be_positive(sizes):
    with pytest.raises(ValueError, match="positive"):
        VAE(*sizes)
    assert VAE(4, [], 1).encode(torch.zeros(2, 4))[0].shape == (2, 1)  # no hidden layer is allowed


def test_images_of_another_width_are_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"4 numbers in a row.*\(2, 2, 2\)"):
        elbo_parts(VAE(4, [3], 1), torch.zeros(2, 2, 2), rng())


@given(st.integers(2, 9), st.floats(0.01, 0.49))
def test_the_grid_holds_equal_steps_of_probability(n, low):
    grid = latent_grid(n, low)
    p = norm.cdf(grid.double().numpy())
    wanted = torch.linspace(low, 1 - low, n).tolist()
    assert grid.shape == (n, n, 2)
    for i in range(n):
        assert p[i, :, 0] == pytest.approx(wanted, abs=1e-5)  # z_1 to the right
        assert p[:, i, 1] == pytest.approx(wanted[::-1], abs=1e-5)  # z_2 from the top, high, to the bottom


def test_the_grid_of_two_has_the_quantiles_at_its_corners():
    q = norm.ppf(0.05)
    torch.testing.assert_close(latent_grid(2), torch.tensor([[[q, -q], [-q, -q]], [[q, q], [-q, q]]]).float())


@pytest.mark.parametrize("n, low", [(1, 0.05), (3, 0.0), (3, 0.5), (3, -0.1)])
def test_the_grid_refuses_other_numbers(n, low):
    with pytest.raises(ValueError, match="n >= 2 and 0 < low < 0.5"):
        latent_grid(n, low)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(2, 7), st.integers(0, 10**6))
def test_a_line_runs_from_a_to_b_in_equal_steps(shape, steps, seed):
    a, b = (torch.randn(*shape, generator=rng(seed + i)) for i in range(2))
    line = interpolate(a, b, steps)
    assert line.shape == (steps, *shape)
    torch.testing.assert_close(line[0], a)
    torch.testing.assert_close(line[-1], b)
    step = ((b - a) / (steps - 1)).expand(steps - 1, *shape)
    torch.testing.assert_close(line.diff(dim=0), step, atol=1e-5, rtol=1e-4)


def test_a_line_needs_two_points():
    with pytest.raises(ValueError, match="two steps or more; got 1"):
        interpolate(torch.zeros(2), torch.ones(2), 1)


@given(st.integers(1, 5), st.data())
def test_a_traversal_changes_one_coordinate_of_copies(K, data):
    k = data.draw(st.integers(-K, K - 1))
    z, values = torch.randn(K, generator=rng(K)), torch.linspace(-2, 2, 4)
    before = z.clone()
    codes = traverse(z, k, values)
    wanted = torch.stack([torch.tensor([v if i == k % K else z[i] for i in range(K)]) for v in values])
    assert torch.equal(codes, wanted) and torch.equal(z, before)


@pytest.mark.parametrize("k", [3, -4])
def test_a_coordinate_that_is_not_there_is_refused(k):
    with pytest.raises(IndexError, match="coordinates 0 to 2"):
        traverse(torch.zeros(3), k, torch.ones(2))
