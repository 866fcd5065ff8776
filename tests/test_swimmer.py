"""swimmer: the area law against a quadrature of its own, strokes that cancel, limits that hold for any actions."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib import swimmer
from tutorial_lib.swimmer import actions_for, at_origin, enclosed_area, loop, move, outline, place, rollout, turn_left

close = torch.testing.assert_close
seeds = st.integers(0, 10_000)


def draws(seed, *shape):
    """Random numbers of a seed, in double precision."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def forward_and_turn(path):
    """Forward moves added up, from the path alone: displacement along the heading halfway.  And the turning."""
    step, middle = path[1:, :2] - path[:-1, :2], (path[1:, 2] + path[:-1, 2]) / 2
    return (step * torch.stack((middle.cos(), middle.sin()), 1)).sum(), path[-1, 2] - path[0, 2]


def test_a_circle_travels_its_area_and_turns_by_the_integral_of_a_plus_b():
    """Against the closed forms: pi r^2 and 2 (a0 + b0) pi r^2, in the limit of small steps."""
    centre, r, n = (0.3, -0.1), 0.5, 2000
    joints = loop(centre, r, math.pi / 2, n, n).double()
    path = rollout(at_origin(joints[0]), actions_for(joints))
    forward, turned = forward_and_turn(path)
    close(enclosed_area(joints[:-1]), torch.tensor(math.pi * r**2).double(), atol=1e-4, rtol=0)
    close(forward, torch.tensor(swimmer.TRAVEL * math.pi * r**2).double(), atol=1e-4, rtol=0)
    close(turned, torch.tensor(swimmer.TURN * 2 * sum(centre) * math.pi * r**2).double(), atol=1e-4, rtol=0)


@given(seeds, st.integers(2, 12))
def test_what_goes_back_the_way_it_came_moves_nothing(seed, T):
    there = 0.3 * draws(seed, T, 2)
    start = torch.cat((draws(seed + 1, 3), torch.zeros(2).double()))
    path = rollout(start, torch.cat((there.clamp(-1, 1), -there.clamp(-1, 1).flip(0))))
    inside = path[:, 3:].abs().max() < swimmer.LIMIT  # at its limit a joint stops, and the way back is another
    if inside:
        close(path[-1], start, atol=1e-12, rtol=0)


@given(seeds, st.integers(1, 30), st.integers(1, 4))
def test_joints_never_pass_their_limit_and_never_move_faster_than_a_step(seed, T, B):
    path = rollout(at_origin(draws(seed, B, 2).clamp(-1, 1)), 3 * draws(seed + 1, B, T, 2))
    assert path.shape == (B, T + 1, 5)
    assert path[..., 3:].abs().max() <= swimmer.LIMIT
    assert path[..., 3:].diff(dim=1).abs().max() <= swimmer.STEP + 1e-12
    close(path[:, 1], move(path[:, 0], (path[:, 1, 3:] - path[:, 0, 3:]) / swimmer.STEP))  # two routes to one step


@given(seeds)
def test_the_law_is_the_same_everywhere(seed):
    """A path from anywhere is the path from the origin, put there; distances inside it stay."""
    start, actions = draws(seed, 5).clamp(-1, 1), draws(seed + 1, 7, 2)
    home = rollout(at_origin(start[3:]), actions)
    close(place(start, home), rollout(start, actions))
    close(torch.cdist(place(start, home)[:, :2], place(start, home)[:, :2]), torch.cdist(home[:, :2], home[:, :2]))


def test_turn_left_turns_left_within_the_limits_of_speed():
    actions = turn_left(48)
    assert actions.shape == (48, 2) and actions.abs().max() <= 1
    assert rollout(torch.zeros(5), actions)[-1, 2] > 1.5
    assert rollout(torch.zeros(5), -actions)[-1, 2] < -1.5


def test_the_outline_is_a_rod_with_two_arms_of_its_length():
    points = outline(torch.tensor([[1.0, 2.0, math.pi / 2, 0.0, math.pi / 2]]))
    close(points[0], torch.tensor([[1.0, 1.25], [1.0, 1.75], [1.0, 2.25], [0.5, 2.25]]), atol=1e-6, rtol=0)


def test_gradients_flow_through_moves():
    actions = (0.3 * draws(0, 6, 2)).requires_grad_()
    rollout(torch.full((5,), 0.1).double(), actions)[-1, :3].sum().backward()
    assert actions.grad.abs().min() > 0


@pytest.mark.parametrize("lag, sign", [(math.pi / 2, 1), (-math.pi / 2, -1)])
def test_the_sense_of_a_loop_is_the_sense_of_travel(lag, sign):
    joints = loop((0.0, 0.0), 0.8, lag, 24, 24)
    assert sign * enclosed_area(joints[:-1]) > 1.9
    assert sign * rollout(at_origin(joints[0]), actions_for(joints))[-1, :2].norm() * sign > 0.5
