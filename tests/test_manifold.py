"""manifold: neighbours against scikit-learn, coverage and distances in their limits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from tutorial_lib.manifold import (
    class_perplexity,
    frechet_distance,
    gaussian_like,
    nearest_distance,
    neighbour_accuracy,
    share_beyond,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(st.integers(1, 9), st.integers(1, 12), st.integers(1, 5), st.integers(1, 10), st.integers(0, 10**6))
def test_the_nearest_distance_is_that_of_scikit_learn(n, m, d, batch, seed):
    x, data = draw(n, d, seed=seed), draw(m, d, seed=seed + 1)
    wanted = NearestNeighbors(n_neighbors=1).fit(data.numpy()).kneighbors(x.numpy())[0][:, 0]
    np.testing.assert_allclose(nearest_distance(x, data, batch).numpy(), wanted, atol=1e-4)


def test_a_row_of_the_data_has_distance_zero_however_long_it_is():
    """Limiting case: the squares of 784 pixels cancel, and must cancel exactly."""
    data = 1 + torch.rand(50, 784, generator=torch.Generator().manual_seed(0))
    assert nearest_distance(data[:20], data, 7).max() == 0


def test_a_translation_moves_nothing_away():
    x, data = draw(6, 3), draw(9, 3, seed=1)
    torch.testing.assert_close(nearest_distance(x + 5, data + 5), nearest_distance(x, data), atol=1e-3, rtol=1e-3)


def test_other_widths_are_refused_with_both_shapes():
    for compare in (nearest_distance, frechet_distance):
        with pytest.raises(ValueError, match=r"\(4, 2\) and \(4, 3\)"):
            compare(draw(4, 2), draw(4, 3))


def test_the_share_beyond_is_one_minus_the_quantile_for_like_and_like():
    x = torch.arange(1000.0)
    assert share_beyond(x, x) == pytest.approx(0.05)
    assert share_beyond(x, x, 0.5) == pytest.approx(0.5)
    assert share_beyond(x + 2000, x) == 1 and share_beyond(x - 2000, x) == 0
    for quantile in (0.0, 1.0, 1.5):
        with pytest.raises(ValueError, match="between 0 and 1"):
            share_beyond(x, x, quantile)


@given(st.integers(1, 12), st.integers(1, 12))
def test_perplexity_counts_classes_that_are_covered_evenly(C, k):
    """Limits: 1 for one class, k for k classes in equal shares, C at most."""
    k = min(k, C)
    p = torch.eye(C)[:k].repeat(3, 1)
    assert class_perplexity(p) == pytest.approx(k)
    assert 1 <= class_perplexity(draw(5, C, seed=k).softmax(-1)) <= C + 1e-9
    assert class_perplexity(torch.full((4, C), 1 / C)) == pytest.approx(C, rel=1e-5)


@given(st.sampled_from([1, 3, 5, 7]), st.integers(0, 10**6))
def test_neighbour_accuracy_is_that_of_scikit_learn(k, seed):
    """Two classes and odd k: no ties."""
    z, z_test = draw(30, 2, seed=seed), draw(17, 2, seed=seed + 1)
    y, y_test = (z[:, 0] + 0.5 * draw(30, seed=seed + 2) > 0).long(), (z_test[:, 0] > 0).long()
    wanted = KNeighborsClassifier(k).fit(z.numpy(), y.numpy()).score(z_test.numpy(), y_test.numpy())
    assert neighbour_accuracy(z, y, z_test, y_test, k) == pytest.approx(wanted)


def test_neighbour_accuracy_in_its_limits():
    z, y = draw(20, 3), torch.arange(20) % 4
    assert neighbour_accuracy(z, y, z, y, k=1) == 1  # each is its own neighbour
    assert neighbour_accuracy(z, 0 * y, z, 0 * y + 1) == 0
    for k in (0, 21):
        with pytest.raises(ValueError, match="between 1 and the number of codes 20"):
            neighbour_accuracy(z, y, z, y, k)


@given(st.integers(1, 4), st.integers(0, 10**6))
def test_gaussian_like_has_mean_and_covariance_of_its_model(K, seed):
    z = draw(200, K, seed=seed) @ draw(K, K, seed=seed + 1) + 3
    new = gaussian_like(z, 40_000, torch.Generator().manual_seed(seed))
    scale = z.std(0).max().item()
    torch.testing.assert_close(new.mean(0), z.mean(0), atol=0.03 * scale, rtol=0)
    torch.testing.assert_close(torch.cov(new.T), torch.cov(z.T), atol=0.06 * scale**2, rtol=0)
    assert torch.equal(new, gaussian_like(z, 40_000, torch.Generator().manual_seed(seed)))


@given(st.integers(1, 4), st.integers(0, 10**6))
def test_the_frechet_distance_agrees_with_scipys_matrix_root(F, seed):
    a, b = draw(30, F, seed=seed).double(), (draw(40, F, seed=seed + 1) @ draw(F, F, seed=seed + 2)).double()
    A, B = (np.atleast_2d(np.cov(t.numpy().T)) for t in (a, b))
    wanted = (a.mean(0) - b.mean(0)).square().sum().item() + np.trace(A + B - 2 * sqrtm(A @ B).real)
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6, abs=1e-9)


def test_the_frechet_distance_in_closed_form():
    """0 for like and like; |shift|^2 for a shift; (c - 1)^2 trace A for a scale; flat features are allowed."""
    a = draw(50, 3)
    a = a - a.mean(0)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(a, a + torch.tensor([3.0, 4.0, 0.0])) == pytest.approx(25, rel=1e-4)
    assert frechet_distance(a, 3 * a) == pytest.approx(4 * torch.cov(a.T).trace().item(), rel=1e-4)
    flat = a * torch.tensor([1.0, 0.0, 0.0])
    assert frechet_distance(flat, 2 * flat) == pytest.approx(flat.var(0).sum().item(), rel=1e-4)
