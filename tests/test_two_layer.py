"""two_layer: outputs and gradients by autograd, training against torch's own SGD, norms, the flattest form."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.stability import curvatures
from tutorial_lib.two_layer import (
    diagonal_gradients,
    diagonal_output,
    diagonal_step,
    flattest,
    kick,
    path_norm,
    relu_gradients,
    relu_output,
    relu_start,
    train_diagonal,
    train_relu,
    unit_curvatures,
)

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


KINDS = {
    "diagonal": (diagonal_output, diagonal_gradients, train_diagonal,
                 lambda R: (randn(R, 3, seed=1), randn(R, 3, seed=2))),
    "relu": (relu_output, relu_gradients, train_relu, lambda R: (randn(R, 4, 3, seed=1), randn(R, 4, seed=2))),
}
each = pytest.mark.parametrize("kind", KINDS)


@each
def test_gradients_are_those_of_the_output(kind):
    output, gradients, _, weights = KINDS[kind]
    X, (p, q) = randn(2, 5, 3), weights(2)
    A = gradients(X, p, q)
    for r in range(2):
        one = slice(r, r + 1)
        both = torch.autograd.functional.jacobian(lambda p, q, one=one: output(X[one], p, q)[0], (p[one], q[one]))
        close(A[r], torch.cat([j.flatten(1) for j in both], 1))


def by_torch(kind, X, y, weights, lr, steps, ramp):
    """Gradient descent on the mean loss, by autograd."""
    p, q = (w.clone().requires_grad_() for w in weights)
    for t in range(steps):
        loss = ((KINDS[kind][0](X, p, q) - y).square().mean(1) / 2).sum()
        now = lr * min(1, (t + 1) / ramp) if ramp else lr
        grads = torch.autograd.grad(loss, (p, q))
        with torch.no_grad():
            for w, g in zip((p, q), grads, strict=True):
                w -= now * g
    return p.detach(), q.detach()


@each
@pytest.mark.parametrize("ramp", [0, 3, 40])
def test_gradient_descent_is_autograds(kind, ramp):
    X, y, weights = randn(2, 5, 3), randn(2, 5, seed=3), KINDS[kind][3](2)
    before = [w.clone() for w in weights]
    ours = KINDS[kind][2](X, y, weights, torch.full((2,), 0.02, dtype=torch.float64), 6, ramp=ramp)
    for a, b in zip(ours, by_torch(kind, X, y, weights, 0.02, 6, ramp), strict=True):
        close(a, b)
    assert all(torch.equal(a, b) for a, b in zip(before, weights, strict=True)), "the beginning is left as it was"


@each
def test_with_one_sample_sgd_is_gradient_descent_and_runs_do_not_touch(kind):
    X, y, weights = randn(3, 1, 3), randn(3, 1, seed=3), KINDS[kind][3](3)
    lr = torch.tensor([0.01, 0.02, 0.03], dtype=torch.float64)
    train = KINDS[kind][2]
    a, b = train(X, y, weights, lr, 7, rng(), ramp=4), train(X, y, weights, lr, 7, ramp=4)
    for p, q in zip(a, b, strict=True):
        close(p, q)
    alone = train(X[1:2], y[1:2], tuple(w[1:2] for w in weights), lr[1:2], 7, ramp=4)
    close(alone[0], b[0][1:2])


@each
def test_small_steps_of_sgd_go_where_gradient_descent_goes_and_large_ones_diverge(kind):
    X, y, weights = randn(2, 5, 3), randn(2, 5, seed=3), KINDS[kind][3](2)
    train = KINDS[kind][2]
    lr = torch.full((2,), 1e-5, dtype=torch.float64)
    a, b = train(X, y, weights, lr, 3000, rng()), train(X, y, weights, lr, 3000)
    assert max((p - q).abs().max() for p, q in zip(a, b, strict=True)) < 0.01
    assert max((p - q).abs().max() for p, q in zip(b, weights, strict=True)) > 0.02
    assert not train(X, y, weights, 1e6 * lr, 300, rng())[0].isfinite().all()


def test_a_step_by_autograd():
    x, y, u, v = randn(4), randn(1, seed=1), randn(4, seed=2), randn(4, seed=3)
    one = by_torch("diagonal", x.view(1, 1, -1), y.view(1, 1), (u[None], v[None]), 0.1, 1, 0)
    for a, b in zip(diagonal_step(x, y, u, v, 0.1), one, strict=True):
        close(a, b[0])


def test_kicks_have_their_size():
    u, v = kick((torch.zeros(200, 50, dtype=torch.float64), torch.ones(200, 50, dtype=torch.float64)), 0.1, rng())
    assert u.std().item() == pytest.approx(0.1, rel=0.05) and v.mean().item() == pytest.approx(1, abs=0.01)
    assert (u * (v - 1)).mean().abs() < 1e-3


def test_twins_compute_nothing():
    W, a = relu_start(3, 6, 4, rng())
    assert W.shape == (3, 6, 4) and a.shape == (3, 6)
    close(relu_output(randn(3, 9, 4), W, a), torch.zeros(3, 9, dtype=torch.float64))
    with pytest.raises(ValueError, match="even"):
        relu_start(1, 5, 4, rng())


@given(seed=st.integers(0, 99))
def test_the_diagonal_trace_bounds_the_sum_of_sizes(seed):
    X, (u, v) = randn(2, 6, 3, seed=seed), (randn(2, 3, seed=seed + 1), randn(2, 3, seed=seed + 2))
    trace, squares = curvatures(diagonal_gradients(X, u, v))[0], X.square().mean(1)
    close(trace, 4 * (squares * (u**2 + v**2)).sum(1))
    assert (trace >= 4 * (squares * (u**2 - v**2).abs()).sum(1) - 1e-9).all()


@settings(deadline=None)
@given(seed=st.integers(0, 99), factor=st.floats(0.2, 5))
def test_the_flattest_form(seed, factor):
    """The same function; no other rescaling has a smaller trace, and the form one begins with does not matter."""
    X, W, a = randn(8, 3, seed=seed), randn(5, 3, seed=seed + 1), randn(5, seed=seed + 2)

    def trace(W, a):
        return curvatures(relu_gradients(X, W, a))[0]

    outer, inner = unit_curvatures(X, W, a)
    close((outer + inner).sum(), trace(W, a))
    flat = flattest(X, W, a)
    close(relu_output(X, *flat), relu_output(X, W, a))
    close(trace(*flat), 2 * (outer * inner).sqrt().sum())
    c = torch.ones(5, dtype=torch.float64)
    c[seed % 5] = factor
    close(trace(*flattest(X, W * c[:, None], a / c)), trace(*flat))
    assert trace(flat[0] * c[:, None], flat[1] / c) >= trace(*flat) - 1e-9
    close(path_norm(W * c[:, None], a / c), path_norm(W, a))


def test_units_that_are_off_are_left_alone_and_path_norms_by_hand():
    X, W, a = torch.ones(2, 2), torch.tensor([[-1.0, -1], [3, 4]]), torch.tensor([5.0, -2])
    flat = flattest(X, W, a)
    assert torch.equal(flat[0][0], W[0]) and flat[1][0] == a[0]
    assert path_norm(W, a).item() == pytest.approx(5 * 2**0.5 + 10)


def test_runs_that_do_not_fit_are_refused():
    X, lr = randn(2, 5, 3), torch.ones(2, dtype=torch.float64)
    with pytest.raises(ValueError, match="R in front"):
        train_diagonal(X, randn(2, 4), (randn(2, 3), randn(2, 3)), lr, 1)
    with pytest.raises(ValueError, match="R in front"):
        train_relu(X, randn(2, 5), (randn(1, 4, 3), randn(1, 4)), lr, 1)
