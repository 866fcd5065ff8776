"""flat: networks of one long vector against torch.nn, sizes in closed form, the tangent against its definition."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tutorial_lib.flat import Network, lenet, linearised, mlp

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed))


@settings(deadline=None, max_examples=25)
@given(sizes=st.lists(st.integers(1, 7), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_an_mlp_is_torchs_mlp(sizes, seed):
    net, x = mlp(sizes), randn(5, sizes[0], seed=seed)
    theta = net.fresh(rng(seed)) + 0.1  # biases too
    assert net.size == sum(a * b + b for a, b in zip(sizes[:-1], sizes[1:], strict=True)) == len(theta)
    layers = []
    for W, b in zip(net.cut(theta)[::2], net.cut(theta)[1::2], strict=True):
        layer = nn.Linear(*W.shape)
        layer.weight.data, layer.bias.data = W.T.clone(), b.clone()
        layers += [layer, nn.ReLU()]
    close(net(theta, x), nn.Sequential(*layers[:-1])(x))


def test_lenet_is_torchs_and_has_the_papers_size():
    net, x = lenet(), randn(3, 784)
    assert net.size == 44_426 and mlp((784, 200, 200, 10)).size == 199_210
    theta = net.fresh(rng(1)) + 0.01
    model = nn.Sequential(nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 120), nn.ReLU(),
                          nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
    for p, part in zip(model.parameters(), net.cut(theta), strict=True):
        p.data = (part.T if part.ndim == 2 else part).clone()
    close(net(theta, x), model(x), atol=1e-5, rtol=1e-4)


def test_beginnings_have_the_variance_of_he_and_keep_the_size_of_answers():
    net = mlp((784, 400, 400, 10))
    theta = net.fresh(rng())
    assert theta.norm().item() == pytest.approx(math.sqrt(2 * (400 + 400 + 10)), rel=0.02)
    assert all((b == 0).all() for b in net.cut(theta)[1::2])
    filters = lenet().cut(lenet().fresh(rng(2)))[2]
    assert filters.std().item() == pytest.approx(math.sqrt(2 / (6 * 25)), rel=0.05)
    assert 0.8 < net(theta, randn(500, 784)).square().mean().sqrt().item() / math.sqrt(2) < 1.2
    assert torch.equal(net.fresh(rng(3)), net.fresh(rng(3)))


def test_gradients_flow_to_theta_and_cuts_are_views():
    net = mlp((3, 2, 2))
    theta = net.fresh(rng()).requires_grad_()
    (grad,) = torch.autograd.grad(net(theta, randn(4, 3)).square().sum(), theta)
    assert grad.shape == theta.shape and grad.abs().min() >= 0 and grad.abs().sum() > 0
    net.cut(theta.detach())[1].fill_(7.0)
    assert (theta[6:8] == 7).all()


def test_a_tangent_is_linear_exact_for_linear_models_and_close_nearby():
    net, x = mlp((4, 6, 3)), randn(5, 4)
    theta0, way = net.fresh(rng()), randn(net.size, seed=1)
    tangent = linearised(net, theta0)
    close(tangent(theta0, x), net(theta0, x))
    once, twice = (tangent(theta0 + k * way, x) - net(theta0, x) for k in (1, 2))
    close(twice, 2 * once, atol=1e-4, rtol=1e-4)
    jacobian = torch.func.jacrev(lambda t: net(t, x))(theta0)  # (5, 3, D)
    close(tangent(theta0 + way, x), net(theta0, x) + jacobian @ way, atol=1e-4, rtol=1e-4)
    errors = [(tangent(theta0 + e * way, x) - net(theta0 + e * way, x)).norm().item() for e in (0.1, 0.01)]
    assert errors[1] < errors[0] / 30  # second order
    linear = mlp((4, 3))
    start = linear.fresh(rng(2))
    go = start + randn(linear.size, seed=3)
    close(linearised(linear, start)(go, x), linear(go, x))
    z = torch.zeros(net.size, requires_grad=True)  # and it can be trained
    (grad,) = torch.autograd.grad(tangent(theta0 + z, x)[0, 1], z)
    close(grad, jacobian[0, 1])


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="199,210 weights"):
        mlp((784, 200, 200, 10)).cut(torch.zeros(5))
    with pytest.raises(ValueError, match="input and an output"):
        mlp((3,))
    assert Network(((2, 2),), lambda parts, x: x @ parts[0]).size == 4
