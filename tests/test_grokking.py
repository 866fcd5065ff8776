"""grokking: forms against samples, kernels against autograd, moments against units, regression against features."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.alignment import moved
from tutorial_lib.grokking import (
    crossing,
    draw_task,
    features,
    follow,
    form,
    in_kernel,
    kernel,
    lazy,
    loss_parts,
    mean_loss,
    moments,
    network,
    output,
    pace,
    stages,
    step,
    target,
    twin,
    wide,
)
from tutorial_lib.ntk import linear_training
from tutorial_lib.tangents import kernel_regression

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


def test_a_task_is_half_a_square_of_a_standard_gaussian():
    x, y, b = draw_task(30, 20_000, rng())
    close(b.norm().item(), 30**0.5)
    close(y, (x @ b).square() / 2)
    close(target(x, b), y)
    assert abs(y.mean().item() - 0.5) < 0.02 and abs(y.square().mean().item() - 0.75) < 0.06
    with pytest.raises(ValueError, match="D = 0"):
        draw_task(0, 3, rng())


@given(D=st.integers(1, 5), seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_the_loss_in_parts_is_the_moments_of_a_gaussian(D, seed):
    """E (a.x + x^T B x)^2 for x of covariance 1/D, by Isserlis' theorem, entry by entry."""
    a, Q, b = randn(D, seed=seed), randn(D, D, seed=seed + 1), randn(D, seed=seed + 2)
    Q = Q + Q.T
    B, one = Q - torch.outer(b, b) / 2, torch.eye(D, dtype=torch.float64)
    fourth = sum(torch.einsum(f"{p},{q}->ijkl", one, one) for p, q in (("ij", "kl"), ("ik", "jl"), ("il", "jk"))) / D**2
    close(mean_loss(a, Q, b), a @ a / D + torch.einsum("ij,kl,ijkl->", B, B, fourth))
    close(loss_parts(a, Q, b).sum(), mean_loss(a, Q, b))
    close(loss_parts(torch.stack((a, 2 * a)), torch.stack((Q, Q)), b)[0], loss_parts(a, Q, b))


def test_before_training_the_loss_is_three_quarters_and_at_the_truth_it_is_nothing():
    _, _, b = draw_task(12, 1, rng())
    zero = torch.zeros(12, dtype=torch.float64)
    close(loss_parts(zero, torch.zeros(12, 12).double(), b), torch.tensor([0, 0.25, 0.5]).double())
    close(mean_loss(zero, torch.outer(b, b) / 2, b), torch.tensor(0.0).double())
    with pytest.raises(ValueError, match="Q is"):
        loss_parts(zero, torch.zeros(3, 3).double(), b)


@given(N=st.integers(1, 6), D=st.integers(1, 4), P=st.integers(1, 5), eps=st.floats(0, 2), seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_moments_say_what_the_network_says_and_so_does_the_kernel(N, D, P, eps, seed):
    W, x, z = randn(N, D, seed=seed), randn(P, D, seed=seed + 1), randn(3, D, seed=seed + 2)
    u, M = moments(W)
    close(output(u, M, x, eps), network(W, x, eps))
    rows = torch.func.jacrev(lambda W, x: network(W, x, eps))
    J, L = rows(W, x).flatten(1), rows(W, z).flatten(1)
    close(kernel(u, M, x, z, eps), N * J @ L.T)


def test_a_step_is_a_gradient_step():
    W, x, y, alpha, eps, lr = randn(5, 3), randn(4, 3, seed=1), randn(4, seed=2), 1.7, 0.3, 0.2
    g0 = network(W, x, eps)
    W1 = W + 0.1 * randn(5, 3, seed=3)

    def loss(V):
        return (alpha * (network(V, x, eps) - g0) - y).square().mean() / 2

    by_hand = W1 - lr * 5 / alpha**2 * torch.func.grad(loss)(W1)
    close(step(W1, x, alpha * (network(W1, x, eps) - g0) - y, alpha, eps, lr), by_hand)


@given(N=st.integers(1, 8), D=st.integers(1, 5), P=st.integers(2, 9), seed=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_following_moments_is_following_every_unit(N, D, P, seed):
    W, x, y = randn(N, D, seed=seed), randn(P, D, seed=seed + 1) / D**0.5, randn(P, seed=seed + 2)
    alpha, eps, lr = 1.5, 0.4, 0.05
    (u, M), losses = follow(moments(W), x, y, alpha, eps, lr, [0, 7])
    g0, V = network(W, x, eps), W
    for _ in range(7):
        V = step(V, x, alpha * (network(V, x, eps) - g0) - y, alpha, eps, lr)
    close(u[1], moments(V)[0])
    close(M[1], moments(V)[1])
    close(losses[0], y.square().mean())
    close(losses[1], (alpha * (network(V, x, eps) - g0) - y).square().mean())
    a, Q = form((u[1], M[1]), moments(W), alpha, eps)
    close(x @ a + (x @ Q * x).sum(1), alpha * (network(V, x, eps) - g0))


def test_several_networks_at_once_are_each_alone():
    x, y, _ = draw_task(4, 9, rng())
    alphas, bends = torch.tensor([0.5, 2.0]).double(), torch.tensor([0.3, 0.1]).double()
    lr = pace(x, alphas, bends)
    (u, M), losses = follow(wide(4), x.expand(2, -1, -1), y.expand(2, -1), alphas, bends, lr, [3, 20])
    for k in range(2):
        (v, L), own = follow(wide(4), x, y, alphas[k], bends[k], lr[k], [3, 20])
        close(u[:, k], v)
        close(M[:, k], L)
        close(losses[:, k], own)
    a, Q = form((u, M), wide(4), alphas, bends)
    close(a[:, 1], 2.0 * u[:, 1])
    close(Q[:, 1], 0.1 * (M[:, 1] - wide(4)[1]))


def test_many_units_are_wide():
    u, M = moments(randn(200_000, 3))
    close(u, wide(3)[0], atol=0.01, rtol=0)
    close(M, wide(3)[1], atol=0.02, rtol=0)


def test_bad_training_is_refused():
    x, y, _ = draw_task(3, 5, rng())
    with pytest.raises(ValueError, match="ascend"):
        follow(wide(3), x, y, 1.0, 0.1, 0.1, [5, 2])
    with pytest.raises(FloatingPointError, match="exploded"):
        follow(wide(3), x, y, 1.0, 1.0, 1e3, [200])
    with pytest.raises(ValueError, match="positive"):
        pace(x, -1.0, 0.1)


def test_the_pace_is_the_largest_eigenvalue():
    x = torch.eye(4).double() * 2  # x^T x / P = 1
    close(pace(x, 3.0, 1.0, share=0.5), torch.tensor(0.25).double())


@given(D=st.integers(2, 5), P=st.integers(2, 6), seed=st.integers(0, 30))
@settings(max_examples=20, deadline=None)
def test_a_function_in_the_kernel_is_a_form_and_lazy_is_kernel_regression(D, P, seed):
    x, z, c = randn(P, D, seed=seed) / D**0.5, randn(4, D, seed=seed + 1), randn(P, seed=seed + 2)
    u, M = moments(randn(7, D, seed=seed + 3))
    a, Q = in_kernel(c, u, M, x, 0.7)
    close(z @ a + (z @ Q * z).sum(1), kernel(u, M, z, x, 0.7) @ c)
    if features(D) > 2 * P:
        y = randn(P, seed=seed + 4)
        a, Q = lazy(u, M, x, y, 0.7)
        close(z @ a + (z @ Q * z).sum(1), kernel_regression(kernel(u, M, z, x, 0.7), kernel(u, M, x, x, 0.7), y),
              rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("D", [1, 2, 3, 6])
def test_the_kernel_has_as_many_features_as_counted_and_with_them_it_knows_the_target(D):
    x, y, b = draw_task(D, features(D) + 4, rng())
    K = kernel(*wide(D), x, x, 0.5)
    assert torch.linalg.matrix_rank(K, hermitian=True, rtol=1e-10) == features(D)
    assert mean_loss(*lazy(*wide(D), x, y, 0.5), b) < 1e-12
    if D > 2:
        few = slice(0, features(D) - 3)
        assert mean_loss(*lazy(*wide(D), x[few], y[few], 0.5), b) > 1e-4


def test_a_large_scale_follows_the_tangent_and_its_kernel_stands_still():
    x, y, _ = draw_task(5, 12, rng())
    alpha, eps, steps = 1e5, 0.5, [1, 10, 200]
    lr = pace(x, alpha, eps)
    (u, M), _ = follow(wide(5), x, y, alpha, eps, lr, steps)
    K = kernel(*wide(5), x, x, eps)
    zero = torch.zeros(12, dtype=torch.float64)
    c = linear_training(torch.eye(12).double(), K, zero, zero, y, lr.item(), steps)
    for got, want in zip(form((u, M), wide(5), alpha, eps), in_kernel(c, *wide(5), x, eps), strict=True):
        close(got, want, rtol=1e-3, atol=1e-4)
    assert moved(K, kernel(u[-1], M[-1], x, x, eps)) < 1e-4


def test_on_mirrored_points_the_product_is_the_shape_and_the_curvature_the_clock():
    x, y, _ = draw_task(5, 12, rng())
    x, y = torch.cat((x, -x)), torch.cat((y, y))
    lr = pace(x, 1.0, 0.2) / 10
    one = follow(wide(5), x, y, 1.0, 0.2, lr, [5, 300])[0]
    assert twin(1.0, 0.2, 2.0, 0.5) == pytest.approx((0.4, 0.32))
    two = follow(wide(5), x, y, 0.4, 0.5, twin(1.0, 0.2, lr, 0.5)[1], [5, 300])[0]
    close(one[1], two[1])
    close(one[0], torch.zeros_like(one[0]), atol=1e-12, rtol=0)
    with pytest.raises(ValueError, match="positive"):
        twin(1.0, 0.2, 2.0, 0.0)


def test_crossings():
    t, losses = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([[1.0, 0.1, 1.0], [0.2, 0.5, 1.0], [0.6, 0.0, 1.0]])
    close(crossing(t, losses, 0.3), torch.tensor([2.0, 1.0, math.inf]))
    close(crossing(t, losses[:, 2], 1.5), torch.tensor(1.0))
    with pytest.raises(ValueError, match="a loss for each time"):
        crossing(t, losses[:2], 0.3)


def test_stages():
    assert stages(100, 2) == [0, 1, 3, 10, 32, 100] and stages(1) == [0, 1] and stages(70)[-1] == 70
    with pytest.raises(ValueError, match="last step"):
        stages(0)
