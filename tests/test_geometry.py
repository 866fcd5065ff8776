"""geometry: closed forms of four points, tasks made to measure, measures against slow twins and draws."""

import math
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib import geometry as g
from tutorial_lib.alignment import centred, cka, gram

close = torch.testing.assert_close
XOR = torch.tensor([1.0, -1, -1, 1], dtype=torch.float64)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(delta=st.floats(0, 3))
def test_square_and_its_closed_forms(delta):
    X, Y = g.square(delta)
    close(X[:, 0] * X[:, 1], Y[:, 0])
    close(X[:, 2], delta * Y[:, 0])
    inputs, corner, both = g.square_cka(delta)
    eye = torch.eye(4, dtype=torch.float64)
    for measured, formula in ((cka(gram(X), gram(Y)), inputs), (cka(eye, gram(Y)), corner), (cka(eye, gram(X)), both)):
        assert measured.item() == pytest.approx(formula, abs=1e-12)
    assert g.parallelism(X, Y[:, 0]).item() == pytest.approx((delta**2 - 1) / (delta**2 + 1), abs=1e-9)
    assert g.participation(gram(X)).item() == pytest.approx((2 + delta**2) ** 2 / (2 + delta**4))


def test_a_square_is_not_lowered():
    with pytest.raises(ValueError, match="0 or more"):
        g.square(-0.1)


@given(bits=st.integers(1, 5), data=st.data())
def test_labels_are_balanced_and_at_right_angles(bits, data):
    N = 2**bits
    k = data.draw(st.integers(1, N - 1))
    Y = g.walsh_labels(N, k)
    close(Y.T @ Y, N * torch.eye(k, dtype=torch.float64))
    close(Y.sum(0), torch.zeros(k, dtype=torch.float64))
    close(Y[:, 0], 1 - 2 * (torch.arange(N) % 2).double())


def test_labels_that_do_not_exist():
    for N, k in ((6, 1), (8, 0), (8, 8), (0, 1)):
        with pytest.raises(ValueError, match="power of 2"):
            g.walsh_labels(N, k)


@given(bits=st.integers(2, 4), c=st.floats(0, 1), size=st.floats(0.1, 10), data=st.data())
def test_inputs_have_the_alignment_and_size_that_were_asked_for(bits, c, size, data):
    N = 2**bits
    k = data.draw(st.integers(1, N - 2))
    Y = g.walsh_labels(N, k)
    X = g.aligned_inputs(Y, c, size)
    assert X.shape == (N, N - 1)
    assert cka(gram(X), gram(Y)).item() == pytest.approx(c, abs=1e-7)
    assert X.square().sum(1).mean().item() == pytest.approx(size)
    values = torch.linalg.eigvalsh(gram(X) / N)  # 0, a k times, b otherwise
    close(values.sort().values, torch.tensor([0.0, *sorted([g.variances(k, N - 1 - k, c, size)[0]] * k
                                                          + [g.variances(k, N - 1 - k, c, size)[1]] * (N - 1 - k))],
                                             dtype=torch.float64), atol=1e-8, rtol=1e-6)


def test_the_square_belongs_to_the_family():
    """CKA of the square determines the same kernel, up to a factor."""
    X, Y = g.square(0.6)
    close(gram(g.aligned_inputs(Y, g.square_cka(0.6)[0], 2 + 0.36)), gram(X))
    # equal variances where inputs are unstructured
    assert g.variances(2, 5, math.sqrt(2 / 7), 7.0) == pytest.approx((1.0, 1.0))


def test_inputs_that_cannot_be():
    for bad in ((1, 2, 1.1, 1.0), (0, 2, 0.5, 1.0), (1, 0, 0.5, 1.0)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            g.variances(*bad)
    Y = g.walsh_labels(4, 3)
    for labels in (Y, torch.ones_like(Y[:, :1]), Y[:, [0, 0]]):
        with pytest.raises(ValueError, match="right angles"):
            g.aligned_inputs(labels, 0.5)


@given(n=st.integers(2, 7), d=st.integers(1, 6), seed=st.integers(0, 99))
def test_participation_counts_dimensions(n, d, seed):
    X = randn(n, d, seed=seed)
    values = torch.linalg.eigvalsh(centred(gram(X)))
    close(g.participation(gram(X)), values.sum() ** 2 / values.square().sum())
    assert 1 - 1e-9 <= g.participation(gram(X)) <= min(n - 1, d) + 1e-9
    close(g.participation(7 * gram(X + 3)), g.participation(gram(X)))


def slow_parallelism(H, y):
    """All pairings, all pairs of steps, one cosine at a time."""
    up, down, best = H[y > 0], H[y < 0], -2.0
    for order in permutations(range(len(up))):
        steps = [up[i] - down[j] for i, j in enumerate(order)]
        cosines = [torch.cosine_similarity(steps[i], steps[j], dim=0) for i in range(len(steps)) for j in range(i)]
        best = max(best, (sum(cosines) / len(cosines)).item())
    return best


@given(n=st.integers(2, 4), m=st.integers(2, 6), seed=st.integers(0, 99))
def test_parallelism_against_loops(n, m, seed):
    H, y = randn(2 * n, m, seed=seed), torch.tensor([1.0, -1] * n)
    assert g.parallelism(H, y).item() == pytest.approx(slow_parallelism(H, y), abs=1e-9)
    close(g.parallelism(3 * H + 5, y), g.parallelism(H, y))
    close(g.parallelism(torch.stack((H, H + 1)), y), g.parallelism(H, y).expand(2))


def test_parallel_and_at_right_angles():
    shared = XOR[:, None] * torch.ones(3)
    assert g.parallelism(shared, XOR).item() == pytest.approx(1)
    assert g.parallelism(torch.eye(4, dtype=torch.float64), XOR).item() == pytest.approx(0, abs=1e-12)
    for y in (torch.tensor([1.0, 1, 1, -1]), torch.tensor([1.0, -1])):
        with pytest.raises(ValueError, match="2 to 5 points"):
            g.parallelism(randn(len(y), 3), y)


def test_generalisation_at_its_limits():
    """Piles of a label carry over; the identity says nothing about points left out; the bent square misleads."""
    assert g.cross_condition(XOR[:, None] * torch.ones(5, dtype=torch.float64), XOR).item() > 0.99
    assert g.cross_condition(torch.eye(4, dtype=torch.float64), XOR).item() == pytest.approx(0.5)
    assert g.cross_condition(g.square(0.2)[0], XOR).item() < 0.1
    H = randn(2, 6, 5)
    y = torch.tensor([1.0, 1, 1, -1, -1, -1], dtype=torch.float64)
    close(g.cross_condition(4 * H + 1, y), g.cross_condition(H, y))
    close(g.cross_condition(H, y)[1], g.cross_condition(H[1], y))
    with pytest.raises(ValueError, match="2 points of either label"):
        g.cross_condition(randn(4, 3), torch.tensor([1.0, -1, -1, -1]))


def test_generalisation_against_draws():
    """Fit the discriminant to draws, count right answers on draws around the points left out."""
    H, y = randn(6, 4, seed=3), torch.tensor([1.0, 1, 1, -1, -1, -1], dtype=torch.float64)
    rng = torch.Generator().manual_seed(1)
    sigma = 0.3 * (H - H.mean(0)).square().sum(1).mean().sqrt()
    rights = []
    for i in range(3):
        for j in range(3, 6):
            kept = [p for p in range(6) if p not in (i, j)]
            draws = H[kept] + sigma * torch.randn(20000, 4, 4, generator=rng, dtype=torch.float64)
            sides = [draws[:, y[kept] > 0].reshape(-1, 4), draws[:, y[kept] < 0].reshape(-1, 4)]
            middle = [s.mean(0) for s in sides]
            C = sum(torch.cov(s.T) for s in sides) / 2
            w = torch.linalg.solve(C, middle[0] - middle[1])
            test = H[[i, j]] + sigma * torch.randn(20000, 2, 4, generator=rng, dtype=torch.float64)
            answer = (test - (middle[0] + middle[1]) / 2) @ w
            rights.append(((answer[:, 0] > 0).double().mean() + (answer[:, 1] < 0).double().mean()) / 2)
    assert g.cross_condition(H, y).item() == pytest.approx(torch.stack(rights).mean().item(), abs=0.01)


@settings(max_examples=20)
@given(n=st.integers(4, 6), seed=st.integers(0, 99))
def test_embedding_keeps_distances_and_resembles(n, seed):
    X = randn(n, 3, seed=seed)
    Q = torch.linalg.qr(randn(3, 3, seed=seed + 1)).Q
    P = g.embed(gram(X @ Q + 2), X)
    close(torch.cdist(P, P), torch.cdist(X, X), atol=1e-6, rtol=1e-6)
    close(P, X - X.mean(0), atol=1e-6, rtol=1e-6)
    assert g.embed(gram(randn(5, 2, n, 7)), X).shape == (5, 2, n, 3)
