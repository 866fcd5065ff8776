"""subspace: lengths and angles of four projections, the toy in closed form, projected gradients, d_90 from curves."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from scipy.optimize import isotonic_regression

from tutorial_lib import subspace
from tutorial_lib.flat import mlp
from tutorial_lib.subspace import (
    Dense,
    Fastfood,
    Hashed,
    Sparse,
    columns,
    dense,
    fastfood,
    group_sums,
    hadamard,
    hadamard_transform,
    hashed,
    lowest,
    monotone,
    needed,
    rate,
    sparse,
    spread,
    train,
    whole,
)

close = torch.testing.assert_close
KINDS = {"dense": (dense, Dense), "sparse": (sparse, Sparse), "fastfood": (fastfood, Fastfood),
         "hashed": (hashed, Hashed)}
each = pytest.mark.parametrize("kind", KINDS)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


# ---------------------------------------------------------------- projections


@each
@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_columns_have_length_one_and_the_map_is_linear(kind, data):
    D = data.draw(st.integers(1, 90))
    d, seed = data.draw(st.integers(1, D)), data.draw(st.integers(0, 99))
    make, holds = KINDS[kind]
    projection = make(D, d, rng(seed))
    assert isinstance(projection, holds)
    P = columns(projection, d)
    assert P.shape == (D, d)
    close(P.norm(dim=0), torch.ones(d, dtype=torch.float64), atol=1e-5, rtol=0)
    z = randn(d, seed=seed)
    close(projection(z), P @ z)
    (grad,) = torch.autograd.grad(projection(z.requires_grad_()) @ randn(D, seed=seed + 1), z)
    close(grad, P.T @ randn(D, seed=seed + 1))  # the gradient by z is P^T times that by theta
    assert projection(z.detach().float()).dtype == torch.float32


@each
def test_columns_are_nearly_at_right_angles_and_a_seed_draws_the_same(kind):
    make, D, d = KINDS[kind][0], 4000, 60
    P = columns(make(D, d, rng(1)), d)
    close(P, columns(make(D, d, rng(1)), d))
    off = P.T @ P - torch.eye(d, dtype=torch.float64)
    assert off.abs().max() < 6 / math.sqrt(D)
    if kind == "hashed":
        assert off.abs().max() < 1e-6 and (P != 0).sum() == D and ((P != 0).sum(1) == 1).all()
    if kind == "sparse":
        assert (P != 0).sum() == pytest.approx(d * math.sqrt(D), rel=0.05)
    # a random direction keeps d / D of its squared length
    kept = torch.stack([(P.T @ v).square().sum() / v.square().sum() for v in randn(200, D, seed=2)]).mean()
    assert kept.item() == pytest.approx(d / D, rel=0.1)


def test_hashed_gives_every_coordinate_a_weight_even_where_d_is_D():
    for seed in range(5):
        P = columns(hashed(12, 12, rng(seed)), 12)
        close(P.abs().sum(0), torch.ones(12, dtype=torch.float64))  # a permutation
    assert torch.equal(whole(randn(3)), randn(3))


def test_spread_is_hashed_in_the_open():
    D, d = 50, 8
    projection, z = hashed(D, d, rng(3)), randn(d)
    sign = torch.where(projection.where < d, 1.0, -1.0).double()
    close(spread(z, projection.where % d, sign), projection(z), atol=1e-6, rtol=1e-6)
    one = spread(z[:1], torch.zeros(4, dtype=torch.long), torch.ones(4))
    assert one.tolist() == pytest.approx([z[0].item() / 2] * 4)
    for where in ([0, 0, 1], [0, 1, 3]):
        with pytest.raises(ValueError, match="all of 0 to 2"):
            spread(z[:3], torch.tensor(where), torch.ones(3))


def test_hadamard_against_scipy_and_itself():
    for n in (1, 2, 4, 8, 64, 128):
        H = torch.from_numpy(linalg.hadamard(n)).float()
        assert torch.equal(hadamard(n), H)
        x = torch.randn(3, n, generator=rng(n))
        close(hadamard_transform(x), x @ H, atol=1e-4, rtol=1e-4)
        close(hadamard_transform(hadamard_transform(x)) / n, x, atol=1e-4, rtol=1e-4)


def test_projections_refuse_what_does_not_fit():
    for make, _ in KINDS.values():
        with pytest.raises(ValueError, match="1 to D dimensions"):
            make(5, 6, rng())
        with pytest.raises(ValueError, match="3 coordinates"):
            make(5, 3, rng())(torch.zeros(4))
    with pytest.raises(ValueError, match="power of 2"):
        hadamard(6)


# ---------------------------------------------------------------- the toy


@each
def test_the_toy_is_solved_exactly_from_ten_dimensions_on(kind):
    A, b = group_sums(1000, 10)
    assert A.shape == (10, 1000) and b.sum() == 55 and (A @ torch.ones(1000).double() == 100).all()
    for d, solved in ((9, False), (10, True), (30, True)):
        left = lowest(A, b, randn(1000) / 30, columns(KINDS[kind][0](1000, d, rng(d)), d))
        assert (left < 1e-12) == solved


def test_what_is_left_of_the_toy_falls_along_a_straight_line():
    A, b = group_sums(200, 10)
    short = (A @ randn(200) - b).square().sum()
    for d in (0, 3, 7):
        left = torch.stack([lowest(A, b, randn(200), randn(200, d, seed=s)) for s in range(1, 301)]) / short
        assert left.mean().item() == pytest.approx(1 - d / 10, abs=0.03)


def test_lowest_against_normal_equations_and_a_toy_that_cannot_be_cut():
    A, b, theta0, P = randn(6, 15), randn(6, seed=1), randn(15, seed=2), randn(15, 4, seed=3)
    z = torch.linalg.solve((A @ P).T @ A @ P, (A @ P).T @ (b - A @ theta0))
    close(lowest(A, b, theta0, P), (A @ (theta0 + P @ z) - b).square().sum())
    with pytest.raises(ValueError, match="equal groups"):
        group_sums(10, 3)


# ---------------------------------------------------------------- training


def test_training_lowers_the_loss_along_z_alone():
    g = rng(5)
    x = torch.randn(300, 6, generator=g)
    y = (x[:, 0] > 0).long()
    net = mlp((6, 16, 2))
    theta0 = net.fresh(g)
    before = theta0.clone()
    right = {}
    for d, projection in ((0, None), (4, hashed(net.size, 4, g)), (60, hashed(net.size, 60, g)), (net.size, whole)):
        z = train(net, theta0, projection, d, x, y, rng(1), 150, rate(theta0, d), 32) if d else torch.zeros(1)
        theta = theta0 + projection(z) if d else theta0
        right[d] = (net(theta, x).argmax(1) == y).double().mean().item()
        assert not z.requires_grad
    assert torch.equal(theta0, before)
    assert right[60] > 0.9 and right[net.size] > 0.95 and right[60] > right[0]
    assert rate(theta0, 16, 0.5) == pytest.approx(0.5 * theta0.norm().item() / 4)


def test_descent_in_z_is_descent_in_theta_with_a_projected_gradient():
    P = columns(hashed(40, 7, rng(1)), 7)
    theta0, target = randn(40, seed=2), randn(40, seed=3)
    z = -0.1 * P.T @ (theta0 - target)  # one step down |theta - target|^2 / 2 from z = 0
    close(P @ z, -0.1 * (P @ P.T) @ (theta0 - target))
    close(P @ P.T @ P @ P.T, P @ P.T)  # P P^T is a projection in the strict sense


# ---------------------------------------------------------------- d_90


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_monotone_rises_keeps_what_rises_and_stays_between(accuracy):
    out = monotone(accuracy)
    assert (out.diff() >= -1e-12).all() and out.min() >= min(accuracy) - 1e-12 and out.max() <= max(accuracy) + 1e-12
    close(monotone(sorted(accuracy)), torch.tensor(sorted(accuracy), dtype=torch.float64))
    close(1 - monotone([1 - a for a in reversed(accuracy)]).flip(0), out)  # no preference for either end
    # not far from the best rising curve: within the largest fall
    best = torch.from_numpy(isotonic_regression(accuracy).x.copy())
    fall = max([accuracy[i] - a for j, a in enumerate(accuracy) for i in range(j)] + [0.0])
    assert (out - best).abs().max() <= fall + 1e-9


def test_d_90_between_at_and_beyond_the_points():
    assert needed([100, 400], [0.5, 1.0], 1.0, 0.75) == pytest.approx(200)  # halfway in log d
    assert needed([100, 200, 400], [0.5, 0.9, 0.95], 1.0) == pytest.approx(200)
    assert needed([10, 20], [0.95, 0.97], 1.0) == pytest.approx(10) and needed([10, 20], [0.2, 0.8], 1.0) == math.inf
    assert needed([10, 20, 40, 80], [0.2, 0.92, 0.86, 0.98], 1.0) > 20  # one lucky point does not decide
    with pytest.raises(ValueError, match="ascending"):
        needed([10, 10], [0.2, 0.8], 1.0)
    with pytest.raises(ValueError, match="one accuracy for each"):
        needed([10, 20], [0.2], 1.0)


def test_the_module_says_what_each_projection_stores():
    for kind in KINDS:
        assert kind in subspace.__doc__
