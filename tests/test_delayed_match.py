"""The task with memory, networks side by side, and the kernel of their wiring."""

import pytest
import torch
from torch.nn import functional as F

from tutorial_lib import alignment, connectivity, delayed_match, recurrent


def rng(seed=0):
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def some(G=3, N=12, seed=0):
    """A few networks with random wirings."""
    return delayed_match.fresh(torch.randn(G, N, N, generator=rng(seed)) / N**0.5, rng(seed + 1))


@pytest.mark.parametrize("delay", [0, 5])
def test_trials_show_two_cues_and_ask_whether_they_are_the_same(delay):
    x, y = delayed_match.trials(200, rng(), delay, noise=0.0)
    assert x.shape == (200, delay + 3, 3) and set(y.tolist()) == {1.0, -1.0}
    assert torch.equal(x[..., :2].sum((1, 2)), torch.full((200,), 2.0))
    assert x[0, :, 2].tolist() == [1.0] * (delay + 2) + [0.0]
    assert torch.equal(y > 0, (x[:, 0, :2] == x[:, delay + 1, :2]).all(1))
    assert delayed_match.trials(5, rng(), noise=0.3)[0].std() > 0.3


def test_networks_side_by_side_are_the_networks_one_by_one():
    """Against a scan over single steps, and torch's own recurrent layer."""
    weights, (x, _) = some(), delayed_match.trials(7, rng(2))
    f, hs = delayed_match.run(weights, x)
    for g in range(3):
        V, W, o = (p[g] for p in weights)

        def step(u, h, V=V, W=W):
            h = (u @ V.T + h @ W.T).relu()
            return h, h

        ys = recurrent.scan(step, x, torch.zeros(7, 12))[0]
        assert torch.allclose(hs[:, g].movedim(0, 1), ys, atol=1e-5) and torch.allclose(f[g], ys[:, -1] @ o, atol=1e-5)
        layer = torch.nn.RNN(3, 12, nonlinearity="relu", bias=False, batch_first=True)
        layer.load_state_dict({"weight_ih_l0": V, "weight_hh_l0": W})
        assert torch.allclose(layer(x)[0], ys, atol=1e-5)


def test_wiring_kernel_is_that_of_all_gradients():
    (V, W, o), (x, _) = some(2), delayed_match.trials(6, rng(3))
    K = delayed_match.wiring_kernel((V, W, o), x)
    for g in range(2):
        own = W[g : g + 1].clone().requires_grad_()
        f = delayed_match.run((V[g : g + 1], own, o[g : g + 1]), x)[0][0]
        rows = torch.stack([torch.autograd.grad(v, own, retain_graph=True)[0].flatten() for v in f])
        assert torch.allclose(K[g], rows @ rows.T, rtol=1e-4, atol=1e-6)


def test_loss_is_that_of_a_logistic_regression():
    weights, (x, y) = some(), delayed_match.trials(9, rng(4))
    f = delayed_match.run(weights, x)[0]
    oracle = F.binary_cross_entropy_with_logits(f, (y > 0).float().expand(3, -1), reduction="none").mean(1)
    assert torch.allclose(delayed_match.loss(weights, x, y), oracle)


def test_learning_reaches_the_goal_and_does_not_touch_the_start():
    W = torch.randn(40, 40, generator=rng()) * 1.25 / 40**0.5
    weights = delayed_match.fresh(torch.stack((W, connectivity.low_rank(W, 5))), rng(1))
    before = [p.clone() for p in weights]
    after, steps = delayed_match.learn(weights, rng(2), lr=0.01, goal=0.1, most=600)
    assert all(torch.equal(p, q) for p, q in zip(before, weights, strict=True))
    assert (steps <= 600).all() and (delayed_match.loss(after, *delayed_match.trials(500, rng(5))) < 0.2).all()
    again, same = delayed_match.learn(weights, rng(2), lr=0.01, goal=0.1, most=600)
    assert torch.equal(steps, same) and torch.equal(again[1], after[1])
    alone, _ = delayed_match.learn(tuple(p[:1] for p in weights), rng(2), lr=0.01, goal=0.1, most=600)
    assert torch.allclose(alone[1][0], after[1][0], atol=1e-4), "its neighbour does not matter"
    assert (delayed_match.learn(weights, rng(2), goal=1e-9, most=2)[1] == 3).all()
    assert (delayed_match.learn(weights, rng(2), lr=1e6, most=20)[1] == 21).all(), "what has blown up has not learned"


def test_changes_are_zero_where_nothing_moved_and_blind_to_what_they_should_not_see():
    (V, W, o), (x, _) = some(), delayed_match.trials(8, rng(6))
    same = delayed_match.changes((V, W, o), (V, W, o), x)
    assert all(v.abs().max() < 1e-6 for v in same.values())
    louder = delayed_match.changes((V, W, o), (V, W, 3 * o), x)  # a louder answer scales the kernel, and no more
    assert louder["kernel"].abs().max() < 1e-5 and louder["activity"].abs().max() < 1e-6
    other = delayed_match.changes((V, W, o), (V, 1.5 * W, o), x)
    assert torch.allclose(other["weights"], torch.full((3,), 0.5)) and (other["kernel"] > 1e-4).all()
    grams = [alignment.gram(delayed_match.run(w, x)[1][-1]) for w in ((V, W, o), (V, 1.5 * W, o))]
    assert torch.allclose(other["activity"], 1 - alignment.alignment(*grams))


def test_wrong_input_is_answered():
    with pytest.raises(ValueError, match="0 steps or more"):
        delayed_match.trials(3, rng(), -1)
    with pytest.raises(ValueError, match="wirings are"):
        delayed_match.fresh(torch.zeros(3, 3), rng())
    with pytest.raises(ValueError, match="never reached"):
        delayed_match.learn(some(), rng(), goal=0.0)
