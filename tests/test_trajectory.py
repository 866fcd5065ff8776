"""trajectory: whom consistency moves, rollouts against the body, the loss against densities, a linear limit."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib import swimmer, trajectory
from tutorial_lib.trajectory import OneStep, TrajectoryVAE, consistency, follow, mismatch, run_feedback, segment_parts

close = torch.testing.assert_close


def generator(seed=0):
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TrajectoryVAE(H=5, Z=3, width=16)


def segments(B=4, H=5, seed=0):
    """Paths of random actions, and the actions."""
    actions = torch.randn(B, H, 2, generator=generator(seed)).clamp(-1, 1)
    joints = torch.rand(B, 2, generator=generator(seed + 1)) - 0.5
    return swimmer.rollout(swimmer.at_origin(joints), actions), actions


def test_shapes_and_what_the_decoder_keeps(model):
    path, _ = segments()
    mu, logvar = model.encode(path)
    assert mu.shape == logvar.shape == (4, 3)
    imagined = model.imagine(mu, path[:, 0, 3:])
    assert imagined.shape == (4, 6, 5)
    close(imagined[:, 0], path[:, 0])  # the start is given, not guessed
    assert imagined[..., 3:].abs().max() <= swimmer.LIMIT
    assert model.act(path[:, 2], mu).abs().max() < 1


@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 1000))
def test_following_is_a_rollout_of_the_actions_that_the_policy_chose(B, H, seed):
    W = torch.randn(7, 2, generator=generator(seed))
    chosen = []

    def policy(state, z):
        chosen.append(torch.tanh(torch.cat((state, z), -1) @ W))
        return chosen[-1]

    z = torch.randn(B, 2, generator=generator(seed + 1))
    imagined = torch.randn(B, H + 1, 5, generator=generator(seed + 2))
    imagined[..., 3:].clamp_(-1, 1)
    real = follow(policy, z, imagined)
    close(real, swimmer.rollout(imagined[:, 0], torch.stack(chosen, 1)))
    imagined[:, 1:] = 99.0  # nothing but the start is looked at
    close(follow(policy, z, imagined), real)


def test_the_gradient_of_consistency_reaches_the_policy_and_nothing_else(model):
    path, _ = segments()
    z = torch.randn(4, 3, generator=generator(5)).requires_grad_()
    consistency(model.act, z, model.imagine(z, path[:, 0, 3:])).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.policy.parameters())
    assert all(p.grad is None for net in (model.encoder, model.decoder) for p in net.parameters())


def test_consistency_is_the_decoders_log_density_of_the_real_path(model):
    path, _ = segments()
    z = torch.randn(4, 3, generator=generator(6))
    imagined = model.imagine(z, path[:, 0, 3:]).detach()
    real = follow(model.act, z, imagined)
    p = torch.distributions.Normal(imagined, trajectory.SIGMA)
    close(consistency(model.act, z, imagined), (p.log_prob(imagined) - p.log_prob(real)).sum((1, 2)).mean())
    assert consistency(model.act, z, real) == 0  # a path that the policy itself walks
    close(mismatch(real, imagined), (real - imagined)[:, 1:, :2].square().sum(-1).sqrt().mean(1))


def test_the_terms_of_the_loss(model):
    path, actions = segments()
    parts = segment_parts(model, path, actions, generator(7), times=3000)
    mu, logvar = model.encode(path)
    q = torch.distributions.Normal(mu, (0.5 * logvar).exp())
    close(parts.kl, torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1))
    z = mu + (0.5 * logvar).exp() * torch.randn(mu.shape, generator=generator(7))
    p = torch.distributions.Normal(model.imagine(z, path[:, 0, 3:]), trajectory.SIGMA)
    gap = (p.log_prob(p.mean) - p.log_prob(path)).sum(1)  # (B, 5)
    close(parts.pose, gap[:, :3].sum(1))
    close(parts.joints, gap[:, 3:].sum(1))
    close(parts.surprise, parts.pose + parts.kl)
    every = sum((model.act(path[:, t], z) - actions[:, t]).square().sum(1) for t in range(5))
    close(parts.cloning, every, rtol=0.1, atol=0.05)  # an estimate from 3000 random steps
    close(parts.loss, (parts.pose + parts.joints + parts.kl + parts.cloning).mean())


def test_in_a_linear_world_a_cloned_policy_walks_what_the_decoder_imagines():
    """Least squares of a on (s, z), then alone, is least squares of s on z, for any z: exact on finite data."""
    A = torch.randn(3, 3, generator=generator(8)).double() * 0.5
    B = torch.randn(3, 2, generator=generator(9)).double()
    s, a = [torch.zeros(60, 3).double()], []
    for t in range(6):
        a.append(torch.randn(60, 2, generator=generator(20 + t)).double())
        s.append(s[-1] @ A.T + a[-1] @ B.T)
    z = torch.tanh(torch.cat(s[2:5], 1))[:, :4]  # any code will do
    walked = s[0]
    for t in range(6):
        policy = torch.linalg.pinv(torch.cat((s[t], z), 1)) @ a[t]
        walked = walked @ A.T + (torch.cat((walked, z), 1) @ policy) @ B.T
        close(walked, z @ (torch.linalg.pinv(z) @ s[t + 1]), atol=1e-8, rtol=1e-8)


def test_a_model_of_single_steps_moves_along_its_own_heading():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = OneStep(8)
    state = torch.tensor([[1.0, 2.0, torch.pi / 2, 0.1, -0.2]])
    action = torch.tensor([[0.5, 3.0]])
    ahead, aside, turn, a, b = model.change(state[:, 3:], action)[0]
    close(model(state, action)[0], torch.stack((1.0 - aside, 2.0 + ahead, torch.pi / 2 + turn, 0.1 + a, -0.2 + b)))
    close(model(state, action), model(state, action.clamp(-1, 1)))


def test_explorers_do_what_their_matrix_says():
    W = torch.randn(3, 2, 3, generator=generator(10))
    joints = torch.rand(3, 2, generator=generator(11)) - 0.5
    paths, actions = run_feedback(W, joints, 4, 2, 0.0, generator(12))
    assert paths.shape == (3, 2, 5, 5) and actions.shape == (3, 2, 4, 2)
    close(paths, swimmer.rollout(paths[:, :, 0], actions))
    close(paths[:, 1, 0], swimmer.at_origin(paths[:, 0, -1, 3:]))  # the second segment begins where the first ended
    seen = torch.cat((paths[:, :, :-1, 3:], torch.ones(3, 2, 4, 1)), -1)
    close(actions, torch.einsum("pij,pstj->psti", W, seen).clamp(-1, 1))
    noisy, _ = run_feedback(0 * W, joints, 4, 2, 0.3, generator(12))
    assert (noisy - paths).abs().max() > 0
