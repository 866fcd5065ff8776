"""A body that swims by moving two joints, and stands still when they only go to and fro.

symbol    meaning                                                       shape
state     x, y (body lengths), heading (radians), joints a, b (radians) (..., 5)
action    speeds of the two joints, -1 to 1, in units of STEP a step    (..., 2)
path      states over time, the start first                             (..., T + 1, 5)
area      signed area between the joints' path and the origin           (...)

Between two steps the joints move along a straight line from (a, b) to (a', b').  The body then moves forward by
TRAVEL (a b' - b a') / 2, which is TRAVEL times the area swept around the origin, and turns by TURN (m^2 db - n^2 da)
with m, n the middles of the two joints and da, db their changes.  Both change sign when a movement is undone, so a
stroke that goes back the way it came moves the body by nothing: Purcell, "Life at low Reynolds number" (1977).  That
travel is an area in the space of shapes is due to Shapere and Wilczek (1989); this body is the lowest order of such a
law, and ours.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

STEP = 0.35  # radians that a joint moves in a step at full speed
LIMIT = 1.0  # radians that a joint can bend to either side
TRAVEL = 0.4  # body lengths forward for each unit of area (square radians)
TURN = 0.4  # radians of turning for each cubic radian


def move(state: Tensor, action: Tensor) -> Tensor:
    """The state one step later.  state: (..., 5), action: (..., 2) -> (..., 5)

    Actions beyond -1 and 1 count as -1 and 1; joints stop at LIMIT.  Differentiable.  Taught in 22.
    """
    x, y, heading, a, b = state.unbind(-1)
    joints = (state[..., 3:] + STEP * action.clamp(-1, 1)).clamp(-LIMIT, LIMIT)  # (..., 2)
    a2, b2 = joints.unbind(-1)
    forward = TRAVEL * 0.5 * (a * b2 - b * a2)
    turn = TURN * 0.25 * ((a + a2).square() * (b2 - b) - (b + b2).square() * (a2 - a))
    middle = heading + 0.5 * turn
    pose = torch.stack((x + forward * middle.cos(), y + forward * middle.sin(), heading + turn), -1)
    return torch.cat((pose, joints), -1)


def rollout(state: Tensor, actions: Tensor) -> Tensor:
    """The path that actions lead along.  state: (..., 5), actions: (..., T, 2) -> (..., T + 1, 5), the start first

    Taught in 22.
    """
    path = [state]
    for action in actions.unbind(-2):
        path.append(move(path[-1], action))
    return torch.stack(path, -2)


def at_origin(joints: Tensor) -> Tensor:
    """A body at the origin, heading along x, with these joints.  (..., 2) -> (..., 5)  Taught in 22."""
    return torch.cat((joints.new_zeros(*joints.shape[:-1], 3), joints), -1)


def place(pose: Tensor, path: Tensor) -> Tensor:
    """A path as seen from its start, put where the start is.  pose: (..., >= 3), path: (..., T, 5) -> (..., T, 5)

    The inverse of looking from the start: turns by the start's heading, shifts by its position.  Taught in 22.
    """
    x0, y0, heading = (pose[..., i, None] for i in range(3))  # (..., 1)
    x, y, h, a, b = path.unbind(-1)  # (..., T)
    c, s = heading.cos(), heading.sin()
    return torch.stack((x0 + c * x - s * y, y0 + s * x + c * y, heading + h, a, b), -1)


def enclosed_area(joints: Tensor) -> Tensor:
    """The signed area that a closed path of the joints encloses, left-handed loops negative.  (..., T, 2) -> (...)

    The path is closed with a straight line from its end to its start.  Taught in 22.
    """
    a, b = joints.unbind(-1)
    return 0.5 * (a * b.roll(-1, -1) - b * a.roll(-1, -1)).sum(-1)


def loop(centre: tuple[float, float], radius: float, lag: float, period: int, steps: int) -> Tensor:
    """Joint angles of a regular stroke: both swing around `centre`, the second `lag` radians of phase later.

    -> (steps + 1, 2).  A lag of pi/2 is a circle run counter-clockwise, a lag of 0 a to and fro.  Taught in 22.
    """
    phase = 2 * math.pi * torch.arange(steps + 1) / period
    return torch.stack((centre[0] + radius * phase.cos(), centre[1] + radius * (phase - lag).cos()), -1)


def actions_for(joints: Tensor) -> Tensor:
    """The actions that lead along a path of joint angles.  (..., T + 1, 2) -> (..., T, 2)

    They exceed -1 or 1 where the path is faster than the joints are.  Taught in 22.
    """
    return joints.diff(dim=-2) / STEP


def turn_left(steps: int) -> Tensor:
    """Actions that take a body with straight joints round to the left: circles away from the centre.  -> (steps, 2)

    Taught in 22.
    """
    circle = loop((0.5, 0.5), 0.5, math.pi / 2, 12, steps)
    begin = torch.stack([circle[0] * k / 3 for k in range(3)])  # straight joints to the circle in three steps
    return actions_for(torch.cat((begin, circle))[: steps + 1]).clamp(-1, 1)


def outline(state: Tensor, size: float = 0.5) -> Tensor:
    """Four points to draw the body by: a rod and an arm at each end, bent by the joints.  (..., 5) -> (..., 4, 2)

    `size` is the length of the rod in body lengths.  Taught in 22.
    """
    heading, a, b = state[..., 2], state[..., 3], state[..., 4]

    def towards(angle: Tensor) -> Tensor:
        return 0.5 * size * torch.stack((angle.cos(), angle.sin()), -1)

    rear, front = state[..., :2] - towards(heading), state[..., :2] + towards(heading)
    return torch.stack((rear - 2 * towards(heading + a), rear, front, front + 2 * towards(heading + b)), -2)
