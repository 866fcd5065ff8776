"""coding_rate: closed forms of orthogonal blocks, bounds over memberships, scaling against plain Sinkhorn."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.coding_rate import (
    best_membership,
    coding_rate,
    compression,
    doubly_stochastic,
    numerical_rank,
    one_hot,
    orthogonal_reduction,
    rate_reduction,
    total_coding_rate,
)

close = torch.testing.assert_close
shapes = given(N=st.integers(2, 12), D=st.integers(1, 6), eps=st.floats(0.1, 2), seed=st.integers(0, 99))


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unit(*shape, seed=0):
    return torch.nn.functional.normalize(randn(*shape, seed=seed), dim=-1)


def blocks(D, K, each):
    """K classes, each `each` copies of D / K axes: features and labels."""
    labels = torch.arange(K).repeat_interleave(each * D // K)
    return torch.eye(D, dtype=torch.float64).repeat_interleave(each, 0), labels


@shapes
def test_rate_by_features_is_rate_by_points(N, D, eps, seed):
    """log det(I + Z^T Z) = log det(I + Z Z^T), by numpy; a turn of the features changes nothing."""
    Z = randn(2, N, D, seed=seed)
    gram = np.eye(N) + D / (N * eps**2) * (Z @ Z.mT).numpy()
    close(coding_rate(Z, eps), torch.from_numpy(np.linalg.slogdet(gram)[1] / 2))
    turn = torch.linalg.qr(randn(D, D, seed=seed + 1))[0]
    close(coding_rate(Z @ turn, eps), coding_rate(Z, eps))


@given(K=st.integers(1, 4), r=st.integers(1, 3), each=st.integers(1, 4), eps=st.floats(0.1, 2))
def test_closed_form_of_orthogonal_blocks(K, r, each, eps):
    Z, y = blocks(K * r, K, each)
    D = K * r
    assert coding_rate(Z, eps).item() == pytest.approx(D / 2 * math.log(1 + 1 / eps**2))
    assert compression(Z, one_hot(y), eps).item() == pytest.approx(r / 2 * math.log(1 + K / eps**2))
    assert rate_reduction(Z, one_hot(y), eps).item() == pytest.approx(orthogonal_reduction(D, K, eps))


@shapes
def test_compression_is_a_weighted_mean_of_the_classes_rates(N, D, eps, seed):
    Z = randn(N, D, seed=seed)
    y = torch.arange(N) % 3
    y = torch.unique(y, return_inverse=True)[1]
    parts = sum((y == k).sum() / N * coding_rate(Z[y == k], eps) for k in range(int(y.max()) + 1))
    close(compression(Z, one_hot(y), eps), parts)
    close(compression(Z, torch.ones(N, 1, dtype=torch.float64), eps), coding_rate(Z, eps))


@shapes
def test_membership_of_points_in_points_lies_between_all_and_alone(N, D, eps, seed):
    """0 <= R - R_c <= R - 1/2 log(1 + D / eps^2) for unit features; uniform and permutation are the ends."""
    Z = unit(N, D, seed=seed)
    G = doubly_stochastic((A := randn(N, N, seed=seed + 1)) + A.T, 0.5, 500)
    alone = 0.5 * math.log(1 + D / eps**2)
    assert alone - 1e-6 <= compression(Z, G, eps).item() <= coding_rate(Z, eps).item() + 1e-6
    shuffled = torch.eye(N, dtype=torch.float64)[torch.randperm(N)]
    assert compression(Z, shuffled, eps).item() == pytest.approx(alone)
    assert rate_reduction(Z, torch.full((N, N), 1 / N, dtype=torch.float64), eps).item() == pytest.approx(0, abs=1e-9)


@shapes
def test_orthogonal_classes_reach_what_two_classes_can(N, D, eps, seed):
    """With the same spectra, classes in orthogonal subspaces have the larger rate, and equal R_c."""
    A, B = randn(N, D, seed=seed), randn(N, D, seed=seed + 1)
    zero, y = torch.zeros(N, D, dtype=torch.float64), torch.arange(2).repeat_interleave(N)
    apart = torch.cat((torch.cat((A, zero), 1), torch.cat((zero, B), 1)))
    together = torch.cat((torch.cat((A, zero), 1), torch.cat((B, zero), 1)))
    close(compression(apart, one_hot(y), eps), compression(together, one_hot(y), eps))
    assert rate_reduction(apart, one_hot(y), eps) >= rate_reduction(together, one_hot(y), eps) - 1e-9


def test_everyone_alone_beats_the_truth():
    Z, y = blocks(6, 3, 4)
    assert rate_reduction(Z, best_membership(Z), 0.5) > rate_reduction(Z, one_hot(y), 0.5)
    assert compression(Z, best_membership(Z), 0.5).item() == pytest.approx(0.5 * math.log(25))


def test_more_subspaces_save_more_and_both_limits():
    saved = [orthogonal_reduction(12, K, 0.5) for K in (1, 2, 3, 4, 6, 12)]
    assert saved[0] == 0 and all(a < b for a, b in zip(saved[:-1], saved[1:], strict=True))
    assert saved[-1] == pytest.approx(6 * math.log(5) - 0.5 * math.log(49))
    assert coding_rate(unit(5, 3), 1e6).item() == pytest.approx(0, abs=1e-9)


# ---------------------------------------------------------------- the membership


@settings(deadline=None)
@given(N=st.integers(2, 15), eta=st.floats(0.1, 5), seed=st.integers(0, 99))
def test_rows_and_columns_sum_to_one_and_scaling_is_sinkhorns(N, eta, seed):
    Z = unit(N, 3, seed=seed)
    G = doubly_stochastic(Z @ Z.T, eta, 200)
    one = torch.ones(N, dtype=torch.float64)
    close(G.sum(0), one, atol=1e-6, rtol=0), close(G, G.T)
    plain = (Z @ Z.T / eta).exp()
    for _ in range(2000):
        plain = plain / plain.sum(1, keepdim=True)
        plain = plain / plain.sum(0)
    close(G, plain, atol=1e-5, rtol=0)


def test_fixed_points_limits_and_shifts():
    eye, N = torch.eye(6, dtype=torch.float64), 6
    close(doubly_stochastic(eye, 0.02), eye)                                     # cold: everyone alone
    close(doubly_stochastic(eye, 1e6), torch.full((N, N), 1 / N, dtype=torch.float64), atol=1e-6, rtol=0)
    G = doubly_stochastic(unit(N, 3) @ unit(N, 3).T, 0.3)
    close(doubly_stochastic(0.3 * G.log(), 0.3), G)                              # a fixed point
    shift = randn(N)
    close(doubly_stochastic(0.3 * G.log() + shift[:, None] + shift, 0.3, 200), G)  # row and column shifts scale away
    cold = doubly_stochastic(100 * unit(N, 3) @ unit(N, 3).T, 0.01)
    assert torch.isfinite(cold).all()


def test_it_maximises_similarity_plus_entropy():
    S, eta = unit(8, 3) @ unit(8, 3).T, 0.4
    G = doubly_stochastic(S, eta, 300)

    def worth(M):
        return (M * S).sum() - eta * (M * M.log()).sum()

    for seed in range(5):
        other = doubly_stochastic((A := randn(8, 8, seed=seed)) + A.T, 1.0, 300)
        for step in (0.01, 0.3):
            assert worth(G) > worth(G + step * (other - G))


def test_gradients_pass_through():
    S = (unit(5, 3) @ unit(5, 3).T).requires_grad_()
    assert torch.autograd.gradcheck(lambda S: doubly_stochastic((S + S.T) / 2, 0.5, 20), (S,))
    Z = unit(5, 3).requires_grad_()
    G = doubly_stochastic(unit(5, 2) @ unit(5, 2).T, 0.5)
    assert torch.autograd.gradcheck(lambda Z: rate_reduction(Z, G, 0.5), (Z,))


# ---------------------------------------------------------------- two views, ranks, errors


def test_two_views():
    Z = unit(7, 4)
    close(total_coding_rate(Z, Z, 0.5, 2.0), coding_rate(Z, 0.5) + 2)
    close(total_coding_rate(Z, -Z, 0.5, 2.0), torch.tensor(2.0, dtype=torch.float64))


def test_numerical_rank_counts_directions():
    assert numerical_rank(torch.eye(10)) == 10
    assert numerical_rank(torch.eye(20)) == 20 and numerical_rank(torch.eye(20), 0.5) == 11
    assert numerical_rank(torch.diag(torch.tensor([3.0, 3.0, 0.1]))) == 2


def test_errors_say_what_is_wrong():
    with pytest.raises(ValueError, match="precision"):
        coding_rate(unit(3, 2), 0)
    with pytest.raises(ValueError, match="one row a point"):
        coding_rate(torch.ones(3), 1)
    with pytest.raises(ValueError, match="each of the 3 points"):
        compression(unit(3, 2), one_hot(torch.arange(4)), 1)
    with pytest.raises(ValueError, match="square"):
        doubly_stochastic(torch.ones(3, 2), 1)
    with pytest.raises(ValueError, match="do not fill"):
        orthogonal_reduction(12, 5, 1)
