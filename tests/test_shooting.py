"""shooting: noise against its closed form, scores against a loop, the planner against one that is written out."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from tutorial_lib import swimmer
from tutorial_lib.shooting import correlated, imagine_actions, imagine_latents, replan, score, waypoints

close = torch.testing.assert_close
seeds = st.integers(0, 10_000)


def generator(seed=0):
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


@given(st.floats(-0.95, 0.95), st.integers(1, 12), seeds)
def test_correlated_noise_has_the_covariance_rho_to_the_lag(rho, T, seed):
    """Exactly: the map from independent noise is linear, so its matrix times its transpose is the covariance."""
    M = correlated(torch.eye(T, dtype=torch.float64)[..., None], rho)[..., 0].T  # column t answers noise at t
    close(M @ M.T, torch.from_numpy(toeplitz(float(rho) ** np.arange(T))), atol=1e-12, rtol=0)
    e = torch.randn(T, 3, generator=generator(seed), dtype=torch.float64)
    scaled = e.numpy() * np.r_[1, np.full(T - 1, math.sqrt(1 - rho**2))][:, None]
    close(correlated(e, rho), torch.from_numpy(lfilter([1], [1, -rho], scaled, axis=0)))


def test_correlations_that_make_no_sense():
    with pytest.raises(ValueError, match="between -1 and 1"):
        correlated(torch.zeros(3, 2), 1.0)


@given(st.integers(1, 6), st.integers(1, 5), st.floats(0.5, 5), seeds)
def test_waypoints_are_a_chain_of_equal_steps(B, G, distance, seed):
    goals = waypoints(B, G, distance, 0.7, generator(seed))
    chain = torch.cat((torch.zeros(B, 1, 2), goals), 1).diff(dim=1)  # (B, G, 2)
    close(chain.norm(dim=-1), torch.full((B, G), distance))
    cosines = (chain[:, 1:] * chain[:, :-1]).sum(-1) / distance**2
    assert (cosines >= math.cos(0.7) - 1e-4).all()


def score_by_hand(path, goals, reached, radius, discount):
    """One path, one step after the other."""
    value = 0.0
    for t, at in enumerate(path):
        if reached < len(goals) and (at[:2] - goals[reached]).norm() < radius:
            value, reached = value + discount**t, reached + 1
    return value, reached


@given(seeds, st.integers(0, 3))
def test_scores_are_those_of_a_loop(seed, already):
    rng = generator(seed)
    paths, goals = torch.randn(2, 5, 9, 5, generator=rng), 0.7 * torch.randn(2, 3, 2, generator=rng)
    value, count = score(paths, goals, torch.full((2,), already), 0.6, 0.9)
    for b in range(2):
        for n in range(5):
            v, c = score_by_hand(paths[b, n], goals[b], already, 0.6, 0.9)
            assert value[b, n].item() == pytest.approx(v, abs=1e-5) and count[b, n] == c


def test_waypoints_count_in_their_order_only():
    goals = torch.tensor([[[1.0, 0.0], [2.0, 0.0]]])
    there = torch.tensor([[[[2.0, 0.0], [1.0, 0.0], [2.0, 0.0]], [[2.0, 0.0], [2.0, 0.0], [1.0, 0.0]]]])
    value, count = score(there, goals, torch.tensor([0]), 0.1, 0.5)
    assert count.tolist() == [[2, 1]] and value.tolist() == [[0.75, 0.25]]


def test_the_planner_executes_the_first_part_alone_and_plans_from_where_it_led():
    """Parts of a plan are steps on a line; what is executed goes half as far as was imagined."""
    asked, executed = [], []

    def imagine(state):
        asked.append(state.clone())
        plans = torch.tensor([[[-1.0], [9.0]], [[2.0], [-9.0]]]).expand(len(state), -1, -1, -1)  # (B, 2, 2, 1)
        return state[:, None, None] + plans.cumsum(2), plans

    def execute(state, part):
        executed.append(part.clone())
        return (state + 0.5 * part)[:, None]

    def judge(paths, reached):
        return paths[:, :, 0, 0], reached[:, None] + 1 + 0 * paths[:, :, 0, 0].long()

    reached, walked = replan(torch.zeros(3, 1), imagine, execute, judge, 4)
    assert all((part == 2).all() for part in executed)  # the better first part, never the second
    close(torch.stack(asked)[:, 0, 0], torch.arange(4.0))  # planned from where execution led
    close(walked[:, :, 0], torch.arange(5.0).expand(3, -1))
    assert reached.tolist() == [4, 4, 4]  # what was reached is carried from round to round


def test_flat_imagination_is_a_rollout():
    def propose(n):
        return torch.randn(n, 8, 2, generator=generator(1))

    state = torch.randn(3, 5, generator=generator(2)).clamp(-1, 1)
    paths, plans = imagine_actions(propose, swimmer.move, 4, 2)(state)
    assert paths.shape == (3, 4, 8, 5) and plans.shape == (3, 4, 4, 2, 2)
    close(paths, swimmer.rollout(state[:, None].expand(3, 4, 5), plans.flatten(2, 3))[:, :, 1:])


def test_imagined_segments_are_joined_end_to_start():
    """With a decoder that is the true body under actions read off z, latents are a rollout, too."""
    def segment(z, joints):
        return swimmer.rollout(swimmer.at_origin(joints), z.unflatten(-1, (3, 2)))

    state = torch.randn(2, 5, generator=generator(3)).clamp(-1, 1)
    paths, z = imagine_latents(segment, 6, 5, 4, generator(4))(state)
    assert paths.shape == (2, 5, 12, 5) and z.shape == (2, 5, 4, 6)
    actions = z.unflatten(-1, (3, 2)).flatten(2, 3)
    close(paths, swimmer.rollout(state[:, None].expand(2, 5, 5), actions)[:, :, 1:], atol=1e-5, rtol=1e-4)
