"""Part 2, hierarchical sequences: the exercises of chapter 22."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import shooting, swimmer, trajectory
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- noise with a memory (two blanks)


def _recursion(keep: Callable[[float], float], add: Callable[[float], float]) -> Callable[[Tensor, float], Tensor]:
    def process(noise: Tensor, rho: float) -> Tensor:
        steps = list(noise.unbind(-2))
        for t in range(1, len(steps)):
            steps[t] = keep(rho) * steps[t - 1] + add(rho) * steps[t]
        return torch.stack(steps, -2)

    return process


def _noises() -> list[Case]:
    return [Case((_randn(3, 6, 2, seed=1), 0.8), "three sequences of six steps, rho = 0.8"),
            Case((_randn(5, 1, seed=2), 0.5), "one sequence of five steps, rho = 0.5"),
            Case((_randn(2, 4, 2, seed=3), 0.0), "rho = 0, which leaves the noise as it is"),
            Case((_randn(2, 4, 2, seed=4), -0.6), "rho = -0.6")]


def _matrix(noise: Tensor, rho: float) -> Tensor:
    T = noise.shape[-2]
    lag = torch.arange(T)[:, None] - torch.arange(T)
    weights = torch.where(lag >= 0, torch.tensor(float(rho)) ** lag.clamp(min=0), torch.tensor(0.0))
    weights[:, 1:] *= math.sqrt(1 - rho**2)
    return weights @ noise


CORRELATED = Exercise(
    name="shooting.correlated", chapter="22", title="Noise with a memory", reference=shooting.correlated, cases=_noises,
    minutes=5, gradient=("noise",),
    mistakes={
        "the weights add up to 1, which keeps an average; a variance is kept when their squares add up to 1: "
        "sqrt(1 - rho^2).":
            _recursion(lambda r: r, lambda r: 1 - r),
        "1 - rho^2 is the variance that is missing; noise of variance 1 is multiplied by its root.":
            _recursion(lambda r: r, lambda r: 1 - r**2),
        "the new noise is added in full, so the variance grows to 1 / (1 - rho^2): weigh it by sqrt(1 - rho^2).":
            _recursion(lambda r: r, lambda r: 1.0),
        "what is kept has variance rho^2, so 1 - rho^2 is missing: with sqrt(1 - rho) the variance is not 1.":
            _recursion(lambda r: r, lambda r: math.sqrt(1 - r)),
        "the two weights are exchanged: rho belongs to the step before, the root to the new noise.":
            _recursion(lambda r: math.sqrt(1 - r**2), lambda r: r),
        "you kept sqrt(rho) of the step before; neighbours are then correlated by sqrt(rho), and it should be rho.":
            _recursion(lambda r: math.sqrt(abs(r)), lambda r: math.sqrt(1 - abs(r))),
        "you kept rho^2 of the step before: neighbours are then correlated by rho^2, and it should be rho.":
            _recursion(lambda r: r**2, lambda r: math.sqrt(1 - r**2)),
        "this mixes old and new by 1 - rho and rho, a running mean whose variance shrinks: rho belongs to the step "
        "before, and "
        "the squares of the two weights must add up to 1.":
            _recursion(lambda r: 1 - r, lambda r: r),
    },
    alternatives=(_matrix, _recursion(lambda r: r, lambda r: ((1 - r) * (1 + r)) ** 0.5)),
    hints=("The correlation of neighbours is the weight of the step before.",
           "Both terms are independent: the variances add, rho^2 + w^2 = 1."),
    solution='''
def correlated(noise, rho):
    steps = list(noise.unbind(-2))
    for t in range(1, len(steps)):
        steps[t] = rho * steps[t - 1] + math.sqrt(1 - rho**2) * steps[t]
    return torch.stack(steps, -2)
''',
)

# ---------------------------------------------------------------- following one's own states


def _linear_policy(W: Tensor) -> trajectory.Policy:
    return lambda state, z: torch.tanh(torch.cat((state, z), -1) @ W)


def _plans(seed: int, B: int, H: int) -> tuple[Tensor, Tensor]:
    """Latents, and imagined paths that no policy of ours follows exactly."""
    start = swimmer.at_origin(0.5 * _randn(B, 2, seed=seed))
    wild = swimmer.rollout(start, _randn(B, H, 2, seed=seed + 1))
    return _randn(B, 3, seed=seed + 2), torch.cat((wild[:, :1], wild[:, 1:] + 0.1 * _randn(B, H, 5, seed=seed + 3)), 1)


def _follow_cases() -> list[Case]:
    z, imagined = _plans(10, 4, 5)
    z2, imagined2 = _plans(20, 1, 3)
    return [Case((_linear_policy(_randn(8, 2, seed=5)), z, imagined), "four segments of five steps"),
            Case((_linear_policy(2 * _randn(8, 2, seed=6)), z2, imagined2), "one segment of three steps")]


def _teacher(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> Tensor:
    path = [imagined[:, 0]]
    for t in range(imagined.shape[1] - 1):
        path.append(swimmer.move(imagined[:, t], policy(imagined[:, t], z)))
    return torch.stack(path, 1)


def _teacher_for_actions(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> Tensor:
    path = [imagined[:, 0]]
    for t in range(imagined.shape[1] - 1):
        path.append(swimmer.move(path[-1], policy(imagined[:, t], z)))
    return torch.stack(path, 1)


def _one_action(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> Tensor:
    path = [imagined[:, 0]]
    for _ in range(imagined.shape[1] - 1):
        path.append(swimmer.move(path[-1], policy(imagined[:, 0], z)))
    return torch.stack(path, 1)


def _one_more(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> Tensor:
    return trajectory.follow(policy, z, torch.cat((imagined, imagined[:, -1:]), 1))


def _by_index(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> Tensor:
    real = torch.zeros_like(imagined)
    real[:, 0] = imagined[:, 0]
    for t in range(1, imagined.shape[1]):
        real[:, t] = swimmer.move(real[:, t - 1].clone(), policy(real[:, t - 1].clone(), z))
    return real


FOLLOW = Exercise(
    name="trajectory.follow", chapter="22", title="What the body really does", reference=trajectory.follow,
    cases=_follow_cases, minutes=6,
    mistakes={
        "the policy is shown the imagined states at every step, and so is the body: a teacher at its side. "
        "Alone, both go on from the state that the last action really led to, `path[-1]`.": _teacher,
        "the body goes on from where it is, but the policy is shown the imagined states: it acts as if all were going "
        "to plan. Give it `path[-1]`.": _teacher_for_actions,
        "the action of the first state is repeated; the policy looks again at every step.": _one_action,
        "every step begins at the start again: `move` has to act on the latest state.":
            lambda policy, z, imagined: torch.stack([imagined[:, 0]] + [swimmer.move(imagined[:, 0], policy(
                imagined[:, 0], z))] * (imagined.shape[1] - 1), 1),
        "there is one step too many: `imagined` has H + 1 states, so there are H actions.": _one_more,
        "you take 24 steps, as in this chapter's segments; how many there are is told by `imagined.shape[1] - 1`.":
            lambda policy, z, imagined: trajectory.follow(policy, z, imagined[:, :1].expand(-1, 25, -1)),
        "the start is missing: it comes first, as in `imagined`.":
            lambda policy, z, imagined: trajectory.follow(policy, z, imagined)[:, 1:],
        "this is the imagined path itself, handed back.": lambda policy, z, imagined: imagined,
        "only the last state came out; all are wanted, stacked along axis 1.":
            lambda policy, z, imagined: trajectory.follow(policy, z, imagined)[:, -1],
        "time is the first axis of your result; it belongs second: `torch.stack(path, 1)`.":
            lambda policy, z, imagined: trajectory.follow(policy, z, imagined).movedim(1, 0),
    },
    alternatives=(_by_index, lambda policy, z, imagined: torch.stack(_walk(policy, z, imagined), dim=-2)),
    hints=("Keep a list that begins with `imagined[:, 0]`. Nothing else of `imagined` is needed but its length.",
           "`path.append(move(path[-1], policy(path[-1], z)))`, once for each of the H steps.",
           "`torch.stack(path, 1)` puts time second."),
)


def _walk(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> list[Tensor]:
    path = [imagined[..., 0, :]]
    while len(path) < imagined.shape[-2]:
        path.append(swimmer.move(path[-1], policy(path[-1], z)))
    return path


# ---------------------------------------------------------------- consistency (find the bug)


def _consistency_cases() -> list[Case]:
    return [Case((_randn(8, 2, seed=7), *_plans(30, 4, 5)), "four segments of five steps"),
            Case((_randn(8, 2, seed=8), *_plans(40, 3, 2)), "three segments of two steps")]


def _observe_consistency(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """The value, and what arrives at the policy's weights and at the imagined path."""
    W, z, imagined = case.args
    W, imagined = W.clone().requires_grad_(), imagined.clone().requires_grad_()
    value = candidate(_linear_policy(W), z, imagined)
    seen = {"the value": value}
    if not isinstance(value, Tensor):
        return seen
    grads = (torch.autograd.grad(value.sum(), [W, imagined], allow_unused=True) if value.requires_grad
             else (None, None))
    for name, x, grad in zip(("the gradient of the policy's weights", "the gradient of the imagined path"),
                             (W, imagined), grads, strict=True):
        grad = torch.zeros_like(x) if grad is None else grad.clone()
        if x is imagined:
            grad[:, 0] = 0  # the start is given: what arrives there decides nothing
        seen[name] = grad
    return seen


def _half_squares(real: Tensor, imagined: Tensor) -> Tensor:
    return 0.5 * ((real - imagined) / trajectory.SIGMA).square().sum((-1, -2))


def _wild(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> Tensor:
    return _half_squares(trajectory.follow(policy, z, imagined), imagined).mean()


def _consistent(policy: trajectory.Policy, z: Tensor, imagined: Tensor, **kwargs: Any) -> Tensor:
    real, target = trajectory.follow(policy, z, imagined), imagined.detach()
    gap = torch.distributions.Normal(target, trajectory.SIGMA).log_prob(target)
    return (gap - torch.distributions.Normal(target, trajectory.SIGMA).log_prob(real)).sum((-1, -2)).mean()


def _loop_mean(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> Tensor:
    fixed = imagined.detach()
    real = trajectory.follow(policy, z, fixed)
    return sum(_half_squares(r, i) for r, i in zip(real, fixed, strict=True)) / len(real)


CONSISTENCY = Exercise(
    name="trajectory.consistency", chapter="22", title="Find the bug: who has to give way?",
    reference=trajectory.consistency, cases=_consistency_cases, observe=_observe_consistency, minutes=8, rtol=1e-3,
    mistakes={
        "this is the loss with the bug: its gradient also reaches the imagined path, so the decoder learns to imagine "
        "what the policy does anyway, and the easiest story to agree on is to stand still. `imagined.detach()` "
        "makes the "
        "policy come to the decoder.": _wild,
        "you detached the real path, so that the decoder moves and the policy stays as it is: detach the imagined one.":
            lambda policy, z, imagined: _half_squares(trajectory.follow(policy, z, imagined).detach(), imagined).mean(),
        "both sides are detached: nobody learns from this.":
            lambda policy, z, imagined: _half_squares(trajectory.follow(policy, z, imagined).detach(),
                                                      imagined.detach()).mean(),
        "only the last step is compared. Two paths can end in one place and not be the same: sum over all steps.":
            lambda policy, z, imagined: _half_squares(trajectory.follow(policy, z, imagined)[:, -1:],
                                                      imagined[:, -1:].detach()).mean(),
        "the errors are averaged over steps and states; nats are summed over a segment, and averaged over the batch.":
            lambda policy, z, imagined: 0.5 * ((trajectory.follow(policy, z, imagined) - imagined.detach())
                                               / trajectory.SIGMA).square().mean(),
        "the batch is summed; average over it, so that the size of a batch changes nothing.":
            lambda policy, z, imagined: _half_squares(trajectory.follow(policy, z, imagined), imagined.detach()).sum(),
        "there is one number for each segment; average them.":
            lambda policy, z, imagined: _half_squares(trajectory.follow(policy, z, imagined), imagined.detach()),
        "the half is missing: -log of a Gaussian is half the square.":
            lambda policy, z, imagined: 2 * trajectory.consistency(policy, z, imagined),
        "the error is not divided by SIGMA: a radian of a joint then counts as much as a body length of position.":
            lambda policy, z, imagined: 0.5 * (trajectory.follow(policy, z, imagined) - imagined.detach())
            .square().sum((-1, -2)).mean(),
    },
    alternatives=(_consistent, _loop_mean),
    hints=("Run backward through the loss in your head: which networks does the gradient meet on either side of the "
           "minus?",
           "One of the two paths has to be a target, nothing more: `.detach()`."),
    solution='''
def consistency(policy, z, imagined):
    error = (follow(policy, z, imagined) - imagined.detach()) / SIGMA
    return 0.5 * error.square().sum((-1, -2)).mean()
''',
)

# ---------------------------------------------------------------- model predictive control


def _toy(seed: int) -> tuple[Any, ...]:
    """Four tasks in the plane, six plans of three parts; what is executed falls short of what was imagined."""
    goals = shooting.waypoints(4, 3, 1.0, 0.8, torch.Generator().manual_seed(seed))
    parts = _randn(6, 3, 2, seed=seed + 1)

    def imagine(state: Tensor) -> tuple[Tensor, Tensor]:
        plans = parts.expand(len(state), -1, -1, -1) + 0.3 * state[:, None, None].sin()  # (B, N, L, 2)
        return state[:, None, None] + plans.cumsum(2), plans

    def execute(state: Tensor, part: Tensor) -> Tensor:
        return state[:, None] + torch.tensor([0.4, 0.8])[:, None] * part[:, None]  # (B, 2, 2)

    def judge(paths: Tensor, reached: Tensor) -> tuple[Tensor, Tensor]:
        goal = goals.gather(1, reached.clamp(max=2)[:, None, None].expand(-1, 1, 2))[:, None]  # (B, 1, 1, 2)
        gaps = (paths - goal).norm(dim=-1).amin(-1)  # (B, N)
        return -gaps, reached[:, None] + (gaps < 0.7).long()

    return torch.zeros(4, 2), imagine, execute, judge, 5


def _replan_cases() -> list[Case]:
    return [Case(_toy(50), "a toy of four tasks, five rounds"), Case(_toy(61)[:4] + (2,), "another toy, two rounds")]


def _variant(choose: str = "max", carry: bool = True, part: int = 0, trust: bool = False, stay: bool = False,
             count_imagined: bool = False, latest: int = -1, twice: bool = False
             ) -> Callable[..., tuple[Tensor, Tensor]]:
    """`replan` with one thing wrong."""
    def wrong(state: Tensor, imagine: Any, execute: Any, judge: Any, rounds: int) -> tuple[Tensor, Tensor]:
        rows, none = torch.arange(len(state)), torch.zeros(len(state), dtype=torch.long)
        reached, walked = none, [state[:, None]]
        for _ in range(rounds):
            paths, plans = imagine(state)
            value, after = judge(paths, reached if carry else none)
            best = value.argmax(1) if choose == "max" else value.argmin(1) if choose == "min" else none
            real = paths[rows, best] if trust else execute(state, plans[rows, best, part])
            before = reached if twice else none
            reached = before + (after[rows, best] if count_imagined else judge(real[:, None], reached)[1][:, 0])
            state = state if stay else real[:, latest]
            walked.append(real)
        return reached, torch.cat(walked, 1)

    return wrong


def _open_loop(state: Tensor, imagine: Any, execute: Any, judge: Any, rounds: int) -> tuple[Tensor, Tensor]:
    rows = torch.arange(len(state))
    reached, walked = torch.zeros(len(state), dtype=torch.long), [state[:, None]]
    for _ in range(rounds):
        paths, plans = imagine(state)
        best = judge(paths, reached)[0].argmax(1)
        for part in plans[rows, best].unbind(1):
            real = execute(state, part)
            reached = judge(real[:, None], reached)[1][:, 0]
            state = real[:, -1]
            walked.append(real)
    return reached, torch.cat(walked, 1)


def _gathered(state: Tensor, imagine: Any, execute: Any, judge: Any, rounds: int) -> tuple[Tensor, Tensor]:
    reached, walked = torch.zeros(len(state), dtype=torch.long), [state[:, None]]
    while rounds:
        paths, plans = imagine(state)
        best = judge(paths, reached)[0].max(1).indices
        part = torch.stack([plan[i, 0] for plan, i in zip(plans, best, strict=True)])
        walked.append(execute(state, part))
        reached, state, rounds = judge(walked[-1].unsqueeze(1), reached)[1].squeeze(1), walked[-1][:, -1], rounds - 1
    return reached, torch.cat(walked, dim=1)


REPLAN = Exercise(
    name="shooting.replan", chapter="22", title="Plan far, act a little, plan again", reference=shooting.replan,
    cases=_replan_cases, minutes=12,
    mistakes={
        "you took the worst plan: `judge` returns a reward, so `argmax`.": _variant(choose="min"),
        "you took the first plan, whatever it is worth: `value.argmax(1)` says which is best for each task.":
            _variant(choose="first"),
        "all parts of the plan are executed before looking again; only the first, `plans[rows, best, 0]`, was "
        "planned from "
        "where the body really is.": _open_loop,
        "the last part of the plan is executed; the first one starts where the body is.": _variant(part=-1),
        "the number of goals reached is not given to `judge` when plans are judged: it is always 0, so the planner "
        "goes on wanting the first goal after it was reached.": _variant(carry=False),
        "you went where the plan imagined it would end; what counts is where `execute` really led.":
            _variant(trust=True),
        "goals are counted as the plan imagined them; count what was really reached: `judge(real[:, None], reached)`.":
            _variant(count_imagined=True),
        "`judge` already counts what was reached before; you added it once more.": _variant(twice=True),
        "you go on from the first state of what was walked; the body is at the last, `real[:, -1]`.":
            _variant(latest=0),
        "the state is never updated, so that every round plans from the start again.": _variant(stay=True),
    },
    alternatives=(_variant(), _gathered),
    hints=("`judge` gives two things; the first is the reward, (B, N), and `argmax(1)` says which is best for each "
           "task.",
           "`judge` wants paths (B, N, T, 5); a real path is one candidate: `real[:, None]`, and its count is `[:, "
           "0]`.",
           "The first part of each task's best plan is `plans[rows, best, 0]`; the next round plans from `real[:, "
           "-1]`."),
    solution='''
def replan(state, imagine, execute, judge, rounds):
    rows = torch.arange(len(state))
    reached, walked = torch.zeros(len(state), dtype=torch.long), [state[:, None]]
    for _ in range(rounds):
        paths, plans = imagine(state)
        best = judge(paths, reached)[0].argmax(1)
        real = execute(state, plans[rows, best, 0])
        reached = judge(real[:, None], reached)[1][:, 0]
        state = real[:, -1]
        walked.append(real)
    return reached, torch.cat(walked, 1)
''',
)

# ---------------------------------------------------------------- transfer: a turn by hand


def _observe_turn(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """Whether the actions are allowed, and whether the body ends up turned to the left by 1.5 radians or more."""
    (steps,) = case.args
    actions = candidate(steps)
    if not isinstance(actions, Tensor):
        return {"the actions": actions}
    if actions.shape != (steps, 2):
        raise Fault("wrong shape", f"the actions have shape {tuple(actions.shape)}; two speeds for each step are "
                                   f"wanted, "
                    f"({steps}, 2).")
    path = swimmer.rollout(torch.zeros(5), actions.detach().float())
    return {"the actions": torch.zeros(steps, 2),  # any will do
            "1 where speeds are between -1 and 1": torch.tensor(float((actions.abs() <= 1 + 1e-6).all())),
            "1 where the body has turned left by 1.5": torch.tensor(float(path[-1, 2] >= 1.5)),
            "1 where it has not turned right": torch.tensor(float(path[-1, 2] > -0.5))}


def _other_corner(steps: int) -> Tensor:
    circle = swimmer.loop((-0.5, -0.5), 0.5, -math.pi / 2, 12, steps)
    begin = torch.stack([circle[0] * k / 3 for k in range(3)])
    return swimmer.actions_for(torch.cat((begin, circle))[: steps + 1]).clamp(-1, 1)


def _square(steps: int) -> Tensor:
    corners = [(1, 0)] * 3 + [(0, 1)] * 3 + [(-1, 0)] * 3 + [(0, -1)] * 3
    return torch.tensor([corners[t % 12] for t in range(steps)]).float() * 0.95


def _to_and_fro(steps: int) -> Tensor:
    return torch.tensor([[0.9, 0.9] if t % 4 < 2 else [-0.9, -0.9] for t in range(steps)])


TURN_LEFT = Exercise(
    name="swimmer.turn_left", chapter="22", title="Turn left, by hand", reference=swimmer.turn_left,
    cases=lambda: [Case((48,), "48 steps"), Case((60,), "60 steps")], observe=_observe_turn, minutes=12, core=False,
    mistakes={
        "it turns right: run the loop the other way round, or move its centre to the other side.":
            lambda steps: -swimmer.turn_left(steps),
        "it does not turn by 1.5. What goes back the way it came cancels altogether; in a loop around straight "
        "joints the two "
        "halves cancel. Put the centre of the loop at (0.5, 0.5).": _to_and_fro,
        "some speeds exceed 1: the joints cannot move that fast.":
            lambda steps: 2 * swimmer.turn_left(steps),
    },
    alternatives=(_other_corner, _square),
    hints=("Turning is the sum of (a + b) over the area of the loop: where in the square of joint angles is a + b "
           "large?",
           "A counter-clockwise circle around (0.5, 0.5) with radius 0.5 and a period of 12 steps is slow enough.",
           "`swimmer.loop` gives such joint angles and `swimmer.actions_for` the actions; begin from straight joints."),
)

EXERCISES = (CORRELATED, FOLLOW, CONSISTENCY, REPLAN, TURN_LEFT)
