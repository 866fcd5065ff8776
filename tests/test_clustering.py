"""clustering: against scikit-learn and scipy, on groups that cannot be missed, under renaming."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.metrics import adjusted_rand_score

from tutorial_lib.clustering import accuracy, kmeans, neighbours, self_expression, spectral, votes

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def clouds(seed=0, each=12, spread=0.3):
    centres = torch.tensor([[0.0, 0], [3, 0], [0, 3]])
    y = torch.arange(3).repeat_interleave(each)
    return centres[y] + spread * torch.randn(len(y), 2, generator=rng(seed)), y


def lines(seed=0):
    """Two planes of four dimensions that meet in the origin alone."""
    X = torch.zeros(40, 4, dtype=torch.float64)
    X[:20, :2] = torch.randn(20, 2, generator=rng(seed), dtype=torch.float64)
    X[20:, 2:] = torch.randn(20, 2, generator=rng(seed + 1), dtype=torch.float64)
    return X, torch.arange(2).repeat_interleave(20)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 99), K=st.integers(1, 5))
def test_kmeans_is_as_good_as_scikit_learns(seed, K):
    X = torch.randn(30, 2, generator=rng(seed))
    y = kmeans(X, K, rng(seed))
    cost = sum(((X[y == k] - X[y == k].mean(0)) ** 2).sum().item() for k in y.unique())
    peer = KMeans(K, n_init=20, random_state=0).fit(X.numpy()).inertia_
    assert cost <= 1.02 * peer + 1e-6 and y.max() < K


def test_clear_groups_are_found_by_all():
    X, y = clouds()
    assert accuracy(kmeans(X, 3, rng()), y) == 1
    W = neighbours(X, 5) + 1e-3                                                  # all in one piece, for the peer
    assert accuracy(spectral(W, 3, rng()), y) == 1
    peer = SpectralClustering(3, affinity="precomputed", random_state=0).fit_predict(W.numpy())
    assert adjusted_rand_score(peer, spectral(W, 3, rng()).numpy()) == 1


def test_a_graph_in_pieces_is_taken_apart():
    W = torch.block_diag(torch.ones(3, 3), torch.ones(5, 5), torch.ones(2, 2))
    assert accuracy(spectral(W, 3, rng()), torch.tensor([0] * 3 + [1] * 5 + [2] * 2)) == 1


def test_self_expression_joins_points_of_one_subspace_alone():
    X, y = lines()
    C = self_expression(X, 0.1)
    assert C[:20, 20:].abs().max() < 1e-12
    assert accuracy(spectral(C + C.T, 2, rng()), y) == 1
    assert accuracy(kmeans(X, 2, rng()), y) < 0.9                                # means of planes say nothing
    raw = torch.linalg.solve(X @ X.T + 0.1 * torch.eye(40, dtype=torch.float64), X @ X.T)
    best = (X - raw @ X).square().sum() + 0.1 * raw.square().sum()
    other = raw + 0.01 * torch.randn(40, 40, generator=rng(), dtype=torch.float64)
    assert (X - other @ X).square().sum() + 0.1 * other.square().sum() > best


def test_neighbours_by_hand():
    X = torch.tensor([[0.0], [1.0], [3.0]])
    close(neighbours(X, 1), torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]))


def test_votes_by_hand_and_by_counting():
    X = torch.tensor([[0.0], [1.0], [5.0]])
    copies = torch.tensor([[[0.1], [4.0], [4.0]], [[0.9], [0.2], [3.5]]])
    close(votes(X, copies), torch.tensor([[0.0, 3, 0], [3, 0, 3], [0, 3, 0]]))
    with pytest.raises(ValueError, match="shape"):
        votes(X, copies[0])


@settings(deadline=None)
@given(N=st.integers(1, 12), K=st.integers(1, 4), seed=st.integers(0, 99))
def test_accuracy_is_the_best_over_all_renamings(N, K, seed):
    y, found = torch.randint(K, (2, N), generator=rng(seed))
    best = max((torch.tensor(p)[found] == y).double().mean().item() for p in itertools.permutations(range(K)))
    assert accuracy(found, y) == pytest.approx(best)
    assert accuracy((y + 1) % K, y) == 1


def test_errors_say_what_is_wrong():
    with pytest.raises(ValueError, match="cannot make"):
        kmeans(torch.ones(2, 2), 3, rng())
    with pytest.raises(ValueError, match="negative"):
        spectral(-torch.ones(2, 2), 1, rng())
    with pytest.raises(ValueError, match="others"):
        neighbours(torch.ones(3, 1), 3)
    with pytest.raises(ValueError, match="penalty"):
        self_expression(torch.ones(3, 1), 0)
    with pytest.raises(ValueError, match="each label"):
        accuracy(torch.ones(3).long(), torch.ones(2).long())
