"""Planning by shooting: imagine many futures, score them, begin the best one, plan again.

symbol     meaning                                                   shape            in Co-Reyes et al. (2018), code
B          tasks that are run side by side
N          candidates, the futures imagined for each task                             mpc_explore
goals      waypoints to reach, in this order                         (B, G, 2)        goals
reached    how many of them have been reached                        (B,) or (B, N)   rstate
paths      imagined states                                           (B, N, T, 5)     combo_traj
plans      what each path came from: latents or blocks of actions    (B, N, L, ...)   latents
rho        correlation of neighbouring steps of a random sequence    ()
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tutorial_lib.swimmer import place

Imagine = Callable[[Tensor], tuple[Tensor, Tensor]]  # state (B, 5) -> paths (B, N, T, 5), plans (B, N, L, ...)
Execute = Callable[[Tensor, Tensor], Tensor]  # state (B, 5), one part of a plan (B, ...) -> states (B, n, 5)
Judge = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # paths, reached (B,) -> value, reached, both (B, N)


def correlated(noise: Tensor, rho: float) -> Tensor:
    """An Ornstein-Uhlenbeck process in steps: variance 1 at each step, correlation rho^n at n steps' distance.

    noise: (..., T, D) independent, of variance 1 -> (..., T, D).  Raises ValueError unless -1 < rho < 1.
    Taught in 22.
    """
    if not -1 < rho < 1:
        raise ValueError(f"a correlation lies between -1 and 1; got rho = {rho}")
    steps = list(noise.unbind(-2))
    for t in range(1, len(steps)):
        steps[t] = rho * steps[t - 1] + math.sqrt(1 - rho**2) * steps[t]
    return torch.stack(steps, -2)


def waypoints(B: int, G: int, distance: float, spread: float, rng: torch.Generator) -> Tensor:
    """Goals in a chain, each `distance` from the one before, in a direction that differs by `spread` at most.

    The first lies in any direction from the origin; spread in radians.  -> (B, G, 2)  Taught in 22.
    """
    turns = (2 * torch.rand(B, G, generator=rng) - 1) * torch.tensor([math.pi] + [spread] * (G - 1))
    angle = turns.cumsum(1)
    return distance * torch.stack((angle.cos(), angle.sin()), -1).cumsum(1)


def score(paths: Tensor, goals: Tensor, reached: Tensor, radius: float,
          discount: float = 0.99) -> tuple[Tensor, Tensor]:
    """The discounted reward of each path, 1 for each waypoint in turn, 0 otherwise; and how many are reached after it.

    paths: (B, N, T, >= 2), goals: (B, G, 2), reached: (B,) -> (B, N), (B, N).  A waypoint counts when a step ends
    within `radius` of it, and only after those before it; a step reaches one at most.  Taught in 22.
    """
    B, N = paths.shape[:2]
    never = torch.cat((goals, goals.new_full((B, 1, 2), torch.inf)), 1)  # one more that cannot be reached
    count, value = reached[:, None].expand(B, N), paths.new_zeros(B, N)
    for t, at in enumerate(paths[..., :2].unbind(2)):  # at: (B, N, 2)
        goal = never.gather(1, count[..., None].expand(B, N, 2))
        hit = (at - goal).square().sum(-1) < radius**2
        value = value + discount**t * hit
        count = count + hit.long()
    return value, count


def replan(state: Tensor, imagine: Imagine, execute: Execute, judge: Judge, rounds: int) -> tuple[Tensor, Tensor]:
    """Model predictive control: imagine, judge, execute the first part of the best plan, and again from where that led.

    state: (B, 5) -> how many goals were reached (B,), the path that was really walked (B, 1 + rounds * n, 5).
    Co-Reyes et al. (2018), official code, `train_explorer` and `mpc`.  Taught in 22.
    """
    rows = torch.arange(len(state))
    reached, walked = torch.zeros(len(state), dtype=torch.long), [state[:, None]]
    for _ in range(rounds):
        paths, plans = imagine(state)
        value, _ = judge(paths, reached)
        best = value.argmax(1)  # (B,)
        real = execute(state, plans[rows, best, 0])  # (B, n, 5)
        reached = judge(real[:, None], reached)[1][:, 0]
        state = real[:, -1]
        walked.append(real)
    return reached, torch.cat(walked, 1)


def imagine_actions(propose: Callable[[int], Tensor], dynamics: Callable[[Tensor, Tensor], Tensor], N: int,
                    block: int) -> Imagine:
    """Flat planning: N random sequences of actions, run through a model one step at a time.

    propose(count) -> (count, T, 2); dynamics(state, action) -> next state; a plan's parts are `block` steps long.
    Taught in 22.
    """

    def imagine(state: Tensor) -> tuple[Tensor, Tensor]:
        actions = propose(len(state) * N)  # (B * N, T, 2)
        now, path = state.repeat_interleave(N, 0), []
        for action in actions.unbind(1):
            now = dynamics(now, action)
            path.append(now)
        shape = (len(state), N)
        return torch.stack(path, 1).unflatten(0, shape), actions.unflatten(1, (-1, block)).unflatten(0, shape)

    return imagine


def imagine_latents(segment: Callable[[Tensor, Tensor], Tensor], Z: int, N: int, L: int,
                    rng: torch.Generator) -> Imagine:
    """Planning in latent space: N sequences of L latents from N(0, I), each decoded to a whole segment.

    segment(z (M, Z), joints (M, 2)) -> (M, H + 1, 5), a path as seen from its start; segments are joined end to start.
    Taught in 22.
    """

    def imagine(state: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.randn(len(state) * N, L, Z, generator=rng)
        now, path = state.repeat_interleave(N, 0), []
        for part in z.unbind(1):
            path.append(place(now, segment(part, now[:, 3:]))[:, 1:])
            now = path[-1][:, -1]
        shape = (len(state), N)
        return torch.cat(path, 1).unflatten(0, shape), z.unflatten(0, shape)

    return imagine
