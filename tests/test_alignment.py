"""alignment: closed forms, invariances, CKA against features that were centred, distance."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.alignment import alignment, centred, cka, gram, moved

close = torch.testing.assert_close


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(n=st.integers(2, 9), d=st.integers(1, 5), seed=st.integers(0, 99), factor=st.floats(0.01, 100))
def test_invariances(n, d, seed, factor):
    """A factor, a rotation of the features and, for CKA, a constant added to them change nothing."""
    X, Y = randn(n, d, seed=seed), randn(n, 2, seed=seed + 1)
    Q = torch.linalg.qr(randn(d, d, seed=seed + 2)).Q
    for measure in (alignment, cka):
        value = measure(gram(X), gram(Y))
        assert -1e-9 <= value <= 1 + 1e-9  # both kernels have no negative eigenvalues
        close(measure(factor * gram(X @ Q), gram(Y)), value)
        close(measure(gram(Y), gram(X)), value)
        close(measure(gram(X), factor * gram(X)), torch.tensor(1.0, dtype=torch.float64))
    close(cka(gram(X + randn(d, seed=seed + 3)), gram(Y)), cka(gram(X), gram(Y)), atol=1e-7, rtol=1e-5)


def test_centring_is_taking_the_mean_off_the_features():
    X, Y = randn(6, 3) + 2, randn(6, 4, seed=1) - 1
    close(centred(gram(X)), gram(X - X.mean(0)))
    H = torch.eye(6, dtype=torch.float64) - 1 / 6
    close(centred(gram(X)), H @ gram(X) @ H)
    # two routes: |Y^T X|^2 / (|X^T X| |Y^T Y|) of centred features
    X, Y = X - X.mean(0), Y - Y.mean(0)
    close(cka(gram(X), gram(Y)), (Y.T @ X).norm() ** 2 / ((X.T @ X).norm() * (Y.T @ Y).norm()))


def test_closed_forms():
    """The identity against y y^T; features at right angles; a column of targets is a one-column feature."""
    y = torch.tensor([1.0, -1, 1, -1], dtype=torch.float64)
    eye = torch.eye(4, dtype=torch.float64)
    assert alignment(eye, gram(y)).item() == pytest.approx(1 / 2)
    assert cka(eye, gram(y)).item() == pytest.approx(1 / math.sqrt(3))
    assert alignment(gram(eye[:2].T), gram(eye[2:].T)).item() == 0
    close(gram(y), gram(y[:, None]))


def test_distance_counts_growth_and_alignment_does_not():
    K = gram(randn(5, 3))
    assert moved(K, K).item() == 0 and moved(K, 3 * K).item() == pytest.approx(2)
    assert alignment(K, 3 * K).item() == pytest.approx(1)
    assert moved(K, torch.zeros_like(K)).item() == pytest.approx(1)


def test_many_kernels_at_once():
    K, L = gram(randn(2, 3, 5, 4)), gram(randn(2, 3, 5, 4, seed=1))
    for measure in (alignment, cka, moved):
        assert measure(K, L).shape == (2, 3)
        close(measure(K, L)[1, 2], measure(K[1, 2], L[1, 2]))
    # kernels of independent features in high dimension hardly agree once centred
    assert cka(gram(randn(400, 3)), gram(randn(400, 3, seed=1))) < 0.1


def test_kernels_on_different_points_are_refused():
    for measure in (alignment, cka, moved):
        with pytest.raises(ValueError, match="same points"):
            measure(torch.eye(3), torch.eye(4))
        with pytest.raises(ValueError, match="same points"):
            measure(torch.ones(3, 2), torch.ones(3, 2))
