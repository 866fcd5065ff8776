"""shallow: nonlinearities and their slopes, training against autograd, the pull, the tie."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib import shallow as s
from tutorial_lib.geometry import square, walsh_labels

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


@pytest.mark.parametrize("name", [*s.PHI, "leaky"])
def test_slopes_are_those_of_autograd(name):
    phi = s.leaky(0.3) if name == "leaky" else s.PHI[name]
    z = randn(200).requires_grad_()
    (slope,) = torch.autograd.grad(phi[0](z).sum(), z)
    close(phi[1](z, phi[0](z)).detach(), slope)


def test_leaks():
    z = randn(50)
    close(s.leaky(0.0)[0](z), z.relu())
    close(s.leaky(1.0)[0](z), z)
    close(s.leaky(0.2)[0](z), torch.nn.functional.leaky_relu(z, 0.2))
    for leak in (-0.1, 1.1):
        for make in (s.leaky, s.switch_point):
            with pytest.raises(ValueError, match="between 0 and 1"):
                make(leak)


def test_fresh_weights():
    W, A = s.fresh(40, 5, 60, 2, 0.3, rng())
    assert W.shape == (40, 60, 5) and A.shape == (40, 2, 60)
    assert W.std().item() == pytest.approx(0.3, rel=0.05) and A.std().item() == pytest.approx(0.3, rel=0.05)
    with pytest.raises(ValueError, match="positive"):
        s.fresh(1, 2, 3, 1, 0.0, rng())


@pytest.mark.parametrize("name", s.PHI)
def test_training_is_gradient_descent(name):
    """Two networks at once, each on inputs of its own, beside autograd on the written loss."""
    phi, Y, X = s.PHI[name], walsh_labels(4, 2), randn(2, 4, 3)
    w = s.fresh(2, 3, 7, 2, 0.5, rng())
    trained, loss, steps = s.train(w, X, Y, phi, until=0.0, steps=5, longest=0.3, reach=1e9)
    for i in range(2):
        W, A = w[0][i], w[1][i]
        for _ in range(5):
            W, A = W.detach().requires_grad_(), A.detach().requires_grad_()
            f = phi[0](X[i] @ W.T) @ A.T / 7
            each = torch.log1p(torch.exp(-Y * f)).sum(1).mean()
            dW, dA = torch.autograd.grad(each, (W, A))
            W, A = W - 0.3 * 7 * dW, A - 0.3 * 7 * dA
        close(trained[0][i], W.detach())
        close(trained[1][i], A.detach())
        last = (s.output((trained[0][i : i + 1], trained[1][i : i + 1]), X[i], phi) * -Y).exp().log1p().mean()
        close(loss[i], last)
    assert steps.tolist() == [5, 5]
    close(s.output(trained, X, phi), s.hidden(trained, X, phi) @ trained[1].mT / 7)


def test_networks_stop_one_by_one_and_the_loss_falls():
    X, Y = square(0.5)
    w = s.fresh(6, 3, 30, 1, 0.3, rng(1))
    (W, A), loss, steps = s.train(w, X, Y, s.PHI["relu"])
    assert loss.max() <= 0.01 and len(set(steps.tolist())) > 1
    again, same, none = s.train((W, A), X, Y, s.PHI["relu"])
    assert torch.equal(again[0], W) and torch.equal(same, loss) and none.max() == 0
    # going on from half-way is the same as going through
    half = s.train(w, X, Y, s.PHI["relu"], steps=40)[0]
    close(s.train(half, X, Y, s.PHI["relu"])[0][0], W)
    before = [s.train(w, X, Y, s.PHI["relu"], steps=k)[1].mean() for k in (0, 20, 40, 80)]
    assert before == sorted(before, reverse=True)


def test_a_tanh_network_without_biases_cannot_learn_the_plain_square():
    X, Y = square(0.0)
    _, loss, _ = s.train(s.fresh(3, 3, 30, 1, 0.5, rng()), X, Y, s.PHI["tanh"], steps=300)
    assert loss.min() > 0.69  # log 2 is 0.6931: an odd function against an even label


def test_shapes_that_do_not_fit():
    X, Y = square(0.5)
    with pytest.raises(ValueError, match="do not fit"):
        s.train(s.fresh(1, 4, 5, 1, 1.0, rng()), X, Y, s.PHI["relu"])
    with pytest.raises(ValueError, match="do not fit"):
        s.train(s.fresh(1, 3, 5, 2, 1.0, rng()), X, Y, s.PHI["relu"])
    with pytest.raises(ValueError, match="do not fit"):
        s.pull(randn(5, 3), X, Y, s.PHI["relu"])


@settings(max_examples=25)
@given(N=st.integers(1, 5), p=st.integers(1, 4), seed=st.integers(0, 99), name=st.sampled_from([*s.PHI]))
def test_the_pull_is_the_first_step(N, p, seed, name):
    """Of a neuron with outer weight 1 in a network whose output is 0."""
    phi, X, y = s.PHI[name], randn(N, p, seed=seed), randn(N, seed=seed + 1).sign()
    W = randn(6, p, seed=seed + 2).requires_grad_()
    (by_autograd,) = torch.autograd.grad((y * phi[0](W @ X.T)).sum() / (2 * N), W)
    close(s.pull(W.detach(), X, y, phi), by_autograd)
    twins = torch.cat((W.detach(), W.detach()))[None]  # equal neurons with opposite signs: the output is 0
    A = torch.cat((torch.ones(6), -torch.ones(6))).double()[None, None]
    (moved, _), _, _ = s.train((twins, A), X, y[:, None], phi, steps=1, longest=1e-3, reach=1e9)
    close((moved - twins)[0, :6] / 1e-3, by_autograd, atol=1e-9, rtol=1e-6)


def test_pulls_of_the_square():
    X, Y = square(0.5)
    close(s.pull(torch.zeros(3, dtype=torch.float64), X, Y[:, 0], s.PHI["tanh"]), torch.tensor([0, 0, 0.25]).double())
    close(s.pull(X[0], X, Y[:, 0], s.PHI["relu"]), X[0] / 8)  # on for one corner, pulled along it
    up = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    close(s.pull(up, X, Y[:, 0], s.PHI["relu"]), (X[0] + X[3]) / 8)


@given(leak=st.floats(0, 0.99))
def test_at_the_tie_both_pulls_are_equally_long(leak):
    X, Y = square(s.switch_point(leak))
    up = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    lengths = [s.pull(w, X, Y[:, 0], s.leaky(leak)).norm() for w in (X[0], up)]
    close(lengths[0], lengths[1])
    assert s.switch_point(0) == pytest.approx((2 / 3) ** 0.5) and s.switch_point(1) == 0


def test_label_share():
    Y = square(0)[1]
    H = torch.cat((torch.eye(4, dtype=torch.float64), Y, 1 + 2 * Y, Y.relu(), torch.ones_like(Y)), 1)
    close(s.label_share(H, Y), torch.tensor([1 / 3] * 4 + [1, 1, 1, 0]).double())
    full = torch.linalg.qr(torch.cat((torch.ones(4, 1).double(), randn(4, 3)), 1)).Q[:, 1:] * 2
    close(s.label_share(randn(4, 9), full), torch.ones(9).double())  # three labels span everything
    assert s.label_share(randn(3, 2, 4, 5), Y).shape == (3, 2, 5)
