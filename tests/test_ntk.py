"""ntk: the recursion against integrals and draws, kernels by two routes, training by autograd and in closed form."""

import math
import runpy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib import ntk
from tutorial_lib.kit import settings as config
from tutorial_lib.ntk import (
    analytic,
    arc_cosine,
    fresh,
    half_life,
    jacobian_kernel,
    layered_kernel,
    linear_training,
    linearised,
    network,
    train,
)

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


def sphere(n, d, seed=0):
    X = randn(n, d, seed=seed)
    return X / X.norm(dim=1, keepdim=True) * d**0.5


# ---------------------------------------------------------------- the recursion


@given(p=st.floats(0.1, 5), q=st.floats(0.1, 5), c=st.floats(-0.99, 0.99))
def test_one_layer_is_an_integral_over_a_gaussian_pair(p, q, c):
    """Radius and angle: E r^2 = 2, the angle on a grid."""
    angle = torch.arange(20_000, dtype=torch.float64) * 2 * math.pi / 20_000
    z, z2 = p**0.5 * angle.cos(), q**0.5 * (angle - math.acos(c)).cos()
    S = torch.tensor([[c * (p * q) ** 0.5]], dtype=torch.float64)
    after, slopes = arc_cosine(S, torch.tensor([p], dtype=torch.float64), torch.tensor([q], dtype=torch.float64))
    assert after.item() == pytest.approx((4 * (z.relu() * z2.relu()).mean()).item(), abs=1e-6)
    assert slopes.item() == pytest.approx((2 * ((z > 0) & (z2 > 0)).double().mean()).item(), abs=3e-4)


def test_closed_forms_at_equal_opposite_and_right_angles():
    c = torch.tensor([[1.0, -1.0, 0.0, 1 + 1e-15]], dtype=torch.float64)
    one, four = torch.ones(1, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
    after, slopes = arc_cosine(c, one, four)
    close(after, torch.tensor([[1, 0, 1 / math.pi, 1]], dtype=torch.float64), atol=1e-12, rtol=0)
    close(slopes, torch.tensor([[1, 0, 0.5, 1]], dtype=torch.float64), atol=1e-12, rtol=0)


@given(h=st.integers(0, 5), d=st.integers(1, 6))
def test_on_the_sphere_the_diagonal_counts_layers(h, d):
    """Without biases a point's variance stays 1 and its kernel is the number of layers, h + 1."""
    X = sphere(4, d, seed=h)
    S, T = analytic(X, X, h)
    close(S.diagonal(), torch.ones(4, dtype=torch.float64))
    close(T.diagonal(), torch.full((4,), h + 1.0, dtype=torch.float64))
    close(T, T.T)
    S, T = analytic(X, X[:2], h, 0.3)
    close(T, analytic(X, X, h, 0.3)[1][:, :2])
    if h == 0:
        close(T, X @ X[:2].T / d + 0.09)


def test_without_biases_the_kernel_of_one_hidden_layer_is_blind_to_odd_functions():
    half = sphere(20, 4)
    both = torch.cat((half, -half))
    values = torch.linalg.eigvalsh(analytic(both, both, 1)[1])
    assert (values > 1e-5).sum() == 20 + 4
    assert torch.linalg.eigvalsh(analytic(both, both, 1, 0.1)[1])[0] > 1e-3
    assert torch.linalg.eigvalsh(analytic(both, both, 2)[1])[0] > 1e-2


@pytest.mark.parametrize("hidden", [1, 2])
def test_a_wide_network_has_the_limiting_kernel(hidden):
    X = randn(6, 3)
    layers = fresh([3, *[3000] * hidden, 1], rng(1), torch.float64)
    S, T = analytic(X, X, hidden, 0.5)
    close(layered_kernel(layers, X, beta=0.5)[..., 0, 0], T, atol=0.15 * hidden, rtol=0.1)
    outputs = torch.cat([network(fresh([3, *[200] * hidden, 1], rng(s), torch.float64), X, 0.5) for s in range(400)], 1)
    close(outputs @ outputs.T / 400, S, atol=0.35, rtol=0.3)


# ---------------------------------------------------------------- networks as they are


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4), beta=st.sampled_from([0.0, 0.4]),
       seed=st.integers(0, 99))
def test_layer_by_layer_is_the_contraction_of_jacobians(sizes, beta, seed):
    layers = fresh(sizes, rng(seed), torch.float64)
    x, y = randn(3, sizes[0], seed=seed), randn(4, sizes[0], seed=seed + 1)
    K = layered_kernel(layers, x, y, beta)
    assert K.shape == (3, 4, sizes[-1], sizes[-1]) and network(layers, x, beta).shape == (3, sizes[-1])
    close(K, jacobian_kernel(layers, x, y, beta))
    own = layered_kernel(layers, x, beta=beta)
    close(own, jacobian_kernel(layers, x, beta=beta))
    flat = own.permute(0, 2, 1, 3).reshape(3 * sizes[-1], -1)
    close(flat, flat.T)
    assert torch.linalg.eigvalsh(flat)[0] > -1e-8 * flat.trace()


@pytest.mark.parametrize("size", ["one", "ten"])
def test_both_kernels_are_those_of_neural_tangents(size):
    """Recorded with its release 0.6.5 (float32) by tests/reference/neural_tangents_kernels.py, with its own limit."""
    folder = config.ROOT / "tests" / "reference"
    draw = runpy.run_path(str(folder / "neural_tangents_kernels.py"))
    points, outputs = draw["SIZES"][size]
    weights, x = draw["weights"](outputs, points)
    with np.load(folder / "neural_tangents.npz", allow_pickle=False) as recorded:
        theirs, limit = torch.from_numpy(recorded[f"kernel_{size}"]), torch.from_numpy(recorded[f"limit_{size}"])
    layers, X = [(torch.from_numpy(W), torch.from_numpy(b)) for W, b in weights], torch.from_numpy(x)
    assert (layered_kernel(layers, X, beta=draw["BETA"]) - theirs).abs().max() < 1e-5 * theirs.abs().max()
    gap = (analytic(X.double(), X.double(), 2, draw["BETA"])[1] - limit).abs() / limit.abs().max()
    assert gap.mean() < 1e-6 and gap.max() < 5e-4, "their arccos is float32: 1e-4 where a correlation rounds to 1"


def test_a_linear_network_has_the_kernel_of_its_inputs():
    layers, x = fresh([3, 1], rng(), torch.float64), randn(4, 3)
    close(layered_kernel(layers, x, beta=0.5)[..., 0, 0], x @ x.T / 3 + 0.25)


def test_training_is_gradient_descent_as_autograd_does_it():
    layers, x, y = fresh([3, 6, 5, 2], rng(2), torch.float64), randn(4, 3), randn(4, 2, seed=1)
    weights = [(W.clone().requires_grad_(), b.clone().requires_grad_()) for W, b in layers]
    flat = [p for pair in weights for p in pair]
    for _ in range(5):
        slopes = torch.autograd.grad((network(weights, x, 0.3) - y).square().sum(1).mean() / 2, flat)
        with torch.no_grad():
            for p, slope in zip(flat, slopes, strict=True):
                p -= 0.1 * slope
    kept = [W.clone() for W, _ in layers]
    trained = train(layers, x, y, 0.1, 5, 0.3)
    for (W, b), (V, c) in zip(trained, weights, strict=True):
        close(W, V.detach())
        close(b, c.detach())
    assert all(torch.equal(W, k) for (W, _), k in zip(layers, kept, strict=True)), "the weights given are left alone"


# ---------------------------------------------------------------- the linearised network


@given(n=st.integers(1, 5), t=st.integers(0, 30), seed=st.integers(0, 50))
def test_the_closed_form_is_explicit_steps(n, t, seed):
    a, b = randn(n, n + 1, seed=seed), randn(3, n + 1, seed=seed + 1)
    K, K_test, f, y = a @ a.T, b @ a.T, randn(n, seed=seed + 2), randn(n, seed=seed + 4)
    at_test = randn(3, seed=seed + 3)
    lr = (n / torch.linalg.eigvalsh(K)[-1]).item()
    found = linear_training(K_test, K, at_test, f, y, lr, [0, t])
    close(found[0], at_test)
    close(found[1], linearised(K_test, K, at_test, f, y, lr, t))
    for _ in range(t):
        f, at_test = f - lr / n * K @ (f - y), at_test - lr / n * K_test @ (f - y)
    close(found[1], at_test, atol=1e-7, rtol=1e-6)


def test_in_the_end_it_is_kernel_regression_and_singular_kernels_do_no_harm():
    a = randn(4, 6)
    K, y, nothing = a @ a.T, randn(4, seed=1), torch.zeros(4, dtype=torch.float64)
    close(linear_training(K, K, nothing, nothing, y, 0.3, [100_000])[0], y, atol=1e-6, rtol=0)
    two = torch.ones(2, 2, dtype=torch.float64)
    close(linearised(two, two, nothing[:2], nothing[:2], torch.tensor([1.0, 3.0], dtype=torch.float64), 0.5, 200),
          torch.tensor([2.0, 2.0], dtype=torch.float64))


def test_a_very_wide_network_follows_its_linearisation():
    X, y = sphere(8, 4), randn(8, seed=1)
    layers = fresh([4, 8000, 1], rng(3), torch.float64)
    K, f0 = layered_kernel(layers, X)[..., 0, 0], network(layers, X)[:, 0]
    lr = (5 / torch.linalg.eigvalsh(K[:5, :5])[-1]).item()
    f = network(train(layers, X[:5], y[:5, None], lr, 40), X)[:, 0]
    close(f, linearised(K[:, :5], K[:5, :5], f0, f0[:5], y[:5], lr, 40), atol=0.03, rtol=0)


@given(k=st.integers(1, 4))
def test_half_of_a_modes_error_is_left_after_its_half_life(k):
    K, lr = torch.diag(torch.tensor([0.5, 2.0, 1.0, 4.0], dtype=torch.float64)), 0.2
    rate = lr * [4.0, 2.0, 1.0, 0.5][k - 1] / 4
    assert (1 - rate) ** half_life(K, lr, k).item() == pytest.approx(0.5)


def test_bad_input_is_answered():
    one = torch.ones(1)
    with pytest.raises(ValueError, match=r"S is \(M, N\)"):
        arc_cosine(torch.ones(2, 1), one, one)
    with pytest.raises(ValueError, match="got -1"):
        analytic(randn(2, 3), randn(2, 3), -1)
    with pytest.raises(ValueError, match="sizes="):
        fresh([3], rng())
    with pytest.raises(ValueError, match="explode"):
        linearised(torch.eye(2), torch.eye(2), torch.zeros(2), torch.zeros(2), torch.ones(2), 5.0, 3)
    with pytest.raises(ValueError, match="modes 1 to 2"):
        half_life(torch.eye(2), 0.1, 3)
    with pytest.raises(FloatingPointError, match="too large"):
        train(fresh([2, 1], rng()), torch.ones(3, 2), torch.ones(3, 1), 1e3, 200)
    assert ntk.Layers
