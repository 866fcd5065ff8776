"""tangents: gradients against autograd, the flow against small steps, its tangent against matrix exponentials."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import jacrev

from tutorial_lib import tangents
from tutorial_lib.tangents import (
    flow,
    fresh,
    jacobian,
    kernel_regression,
    kinks,
    network,
    scale_for,
    scaled_step,
    tangent_flow,
    tangent_kernel,
)

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


@given(m=st.integers(1, 12), n=st.integers(1, 9), seed=st.integers(0, 99))
def test_the_jacobian_is_what_autograd_finds_and_kinks_are_where_neurons_are_zero(m, n, seed):
    w, x = fresh(m, rng(seed)), 2 * randn(n, seed=seed)
    blocks = jacrev(network)(w, x)
    close(jacobian(w, x), torch.cat(blocks, 1))
    at = kinks(w)
    assert at.shape == (m,) and (at.abs() <= 1).all() and {*w[0].tolist(), *w[1].tolist()} <= {1.0, -1.0}
    close(at * w[1] + w[2], torch.zeros(m, dtype=torch.float64))
    close(tangent_kernel(blocks, blocks), jacobian(w, x) @ jacobian(w, x).mT)
    several = tuple(torch.stack((p, 2 * p)) for p in w)  # (2, m) each
    close(network(several, x)[0], network(w, x))
    close(jacobian(several, x)[1], jacobian(tuple(2 * p for p in w), x))


def test_a_network_of_one_neuron():
    w = tuple(torch.tensor([v], dtype=torch.float64) for v in (3.0, 2.0, -1.0))
    close(network(w, torch.tensor([0.0, 0.5, 1.0]).double()), torch.tensor([0, 0, 3.0]).double())
    assert kinks(w).item() == 0.5


@settings(max_examples=20, deadline=None)
@given(shape=st.lists(st.integers(1, 4), min_size=0, max_size=2), n=st.integers(1, 5), m=st.integers(1, 5))
def test_a_kernel_is_the_same_however_weights_are_cut_into_blocks(shape, n, m):
    left, right = [randn(n, 6), randn(n, 2, *shape, seed=1)], [randn(m, 6, seed=2), randn(m, 2, *shape, seed=3)]
    flat = [torch.cat([b.flatten(1) for b in side], 1) for side in (left, right)]
    close(tangent_kernel(left, right), flat[0] @ flat[1].mT)
    close(tangent_kernel(left, right), tangent_kernel([flat[0]], [flat[1]]))


def test_a_step_at_scale_one_is_gradient_descent_and_at_every_scale_moves_f_alike():
    A, w, y = randn(4, 6), randn(6, seed=1), randn(4, seed=2)
    g0 = A @ w

    def linear(w):
        return A @ w

    moves = {alpha: alpha * A @ (scaled_step(linear, w, g0, y, alpha, 0.1) - w) for alpha in (0.2, 1.0, 50.0)}
    close(moves[0.2], moves[1.0])
    close(moves[50.0], moves[1.0])
    close(moves[1.0], 0.1 / 4 * A @ A.T @ y)


def test_the_tangent_flow_against_a_matrix_exponential_and_its_end():
    K, K_test, y = jk(5, 9), randn(3, 5, seed=4), randn(5, seed=5)
    for t in (0.0, 0.3, 7.0):
        shrunk = torch.eye(5, dtype=torch.float64) - torch.matrix_exp(-K * t / 5)
        close(tangent_flow(K_test, K, y, [t])[0], K_test @ torch.linalg.solve(K, shrunk @ y))
    close(tangent_flow(K_test, K, y, [1e9])[0], kernel_regression(K_test, K, y))
    close(kernel_regression(K, K, y), y)
    singular = torch.ones(2, 2, dtype=torch.float64)  # two points that are the same to the kernel end at their mean
    close(tangent_flow(singular, singular, torch.tensor([1.0, 3.0], dtype=torch.float64), [1e6])[0],
          torch.tensor([2.0, 2.0], dtype=torch.float64))


def jk(n, p, seed=0):
    J = randn(n, p, seed=seed)
    return J @ J.mT


def test_the_flow_is_gradient_descent_in_many_small_steps():
    """At two scales, against scaled_step on one long vector."""
    w, x = fresh(8, rng(3)), torch.linspace(-1, 1, 6, dtype=torch.float64)
    y, start = (3 * x).sin(), torch.cat(w)
    paths = flow(w, x, y, [0.5, 5.0], [0.0, 1.0, 2.0], reach=0.05)
    close(torch.cat([p[0] for p in paths], -1), start.expand(2, -1))
    for i, alpha in enumerate((0.5, 5.0)):
        v = start
        for _ in range(500):
            v = scaled_step(lambda v: network(v.view(3, -1), x), v, network(w, x), y, alpha, 0.004)
        end = torch.cat([p[2, i] for p in paths])
        assert (end - v).norm() < 0.02 * (v - start).norm()


def test_at_a_large_scale_the_network_is_its_tangent_model_and_weights_move_as_predicted():
    w, x = fresh(60, rng(5)), torch.linspace(-1, 1, 4, dtype=torch.float64)
    y, J = torch.tensor([1.0, -1, 0.5, 2], dtype=torch.float64), jacobian(w, x)
    end = tuple(p[:, 0] for p in flow(w, x, y, [1e4], [1.0, 400.0], reach=0.1))  # (2, m)
    f = 1e4 * (network(end, x) - network(w, x))
    close(f, tangent_flow(J @ J.mT, J @ J.mT, y, [1.0, 400.0]), atol=0.02, rtol=0)
    distance = (torch.cat([p[1] for p in end]) - torch.cat(w)).norm()
    assert scale_for(J, y, distance.item()).item() == pytest.approx(1e4, rel=0.01)


@given(st.floats(0.01, 100), st.integers(1, 5))
def test_the_scale_for_a_distance_is_the_length_of_the_shortest_way(distance, n):
    J, y = randn(n, n + 3), randn(n, seed=1)
    close(scale_for(J, y, distance) * distance, (torch.linalg.pinv(J) @ y).norm())


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match="m = 0"):
        fresh(0, rng())
    with pytest.raises(ValueError, match="same blocks"):
        tangent_kernel([randn(2, 3)], [randn(2, 4)])
    with pytest.raises(ValueError, match="K_train is"):
        kernel_regression(randn(2, 3), randn(2, 2), randn(3))
    with pytest.raises(ValueError, match="fit nothing"):
        scale_for(randn(2, 3), randn(2), 0.0)
    w, x = fresh(3, rng()), randn(2)
    for scales, times in (([0.0], [1.0]), ([1.0], [2.0, 1.0]), ([1.0], [-1.0])):
        with pytest.raises(ValueError, match="alphas must be positive"):
            flow(w, x, x, scales, times)
    assert tangents.Weights
