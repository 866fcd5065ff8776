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


def _short_memory(noise: Tensor, rho: float) -> Tensor:
    return torch.cat((noise[..., :1, :], rho * noise[..., :-1, :] + math.sqrt(1 - rho**2) * noise[..., 1:, :]), -2)


def _cold_start(noise: Tensor, rho: float) -> Tensor:
    scaled = torch.cat((math.sqrt(1 - rho**2) * noise[..., :1, :], noise[..., 1:, :]), -2)
    return shooting.correlated(scaled, rho)


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
        "what is kept has to come from the step before as it became, `steps[t - 1]`; you took the raw noise of that "
        "step, and the memory ends after one step.": _short_memory,
        "the first step is weighed down as well; it has variance 1 already, and nothing comes before it.": _cold_start,
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
    return [Case((_randn(8, 2, seed=5), z, imagined), "four segments of five steps"),
            Case((2 * _randn(8, 2, seed=6), z2, imagined2), "one segment of three steps")]


def _observe_follow(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """The path, and what a loss on it sends back to the policy's weights."""
    W, z, imagined = case.args
    W = W.clone().requires_grad_()
    path = candidate(_linear_policy(W), z, imagined)
    if isinstance(path, (list, tuple)) and all(isinstance(state, Tensor) for state in path):
        raise Fault("wrong shape", f"a {type(path).__name__} of {len(path)} tensors came back; "
                                   "`torch.stack(path, 1)` makes one tensor of them, with time second.")
    if not isinstance(path, Tensor):
        return {"the value": path}
    grad = torch.zeros_like(W)
    if path.requires_grad:
        try:
            (grad,) = torch.autograd.grad((path.flatten() * torch.linspace(0.5, 1.5, path.numel())).sum(), W)
        except RuntimeError as error:
            if "inplace" not in str(error):
                raise
            raise Fault("wrong value", "no gradient can go back through it, because states are written into one tensor "
                                       "in place: keep them in a list and stack it at the end.") from None
    return {"the value": path, "the gradient of the policy's weights": grad}


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


def _deaf(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> Tensor:
    path = [imagined[:, 0]]
    for _ in range(imagined.shape[1] - 1):
        path.append(swimmer.move(path[-1].detach(), policy(path[-1].detach(), z)))
    return torch.stack(path, 1)


def _added(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> Tensor:
    path = [imagined[:, 0]]
    for _ in range(imagined.shape[1] - 1):
        path.append(path[-1] + swimmer.move(path[-1], policy(path[-1], z)))
    return torch.stack(path, 1)


def _by_index(policy: trajectory.Policy, z: Tensor, imagined: Tensor) -> Tensor:
    real = torch.zeros_like(imagined)
    real[:, 0] = imagined[:, 0]
    for t in range(1, imagined.shape[1]):
        real[:, t] = swimmer.move(real[:, t - 1].clone(), policy(real[:, t - 1].clone(), z))
    return real


FOLLOW = Exercise(
    name="trajectory.follow", chapter="22", title="What the body really does", reference=trajectory.follow,
    cases=_follow_cases, observe=_observe_follow, minutes=6,
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
        "the body starts from zeros; it starts where the imagined path starts, joints included: `imagined[:, 0]`.":
            lambda policy, z, imagined: trajectory.follow(policy, z, torch.zeros_like(imagined)),
        "the policy is called with its arguments exchanged: the state comes first, then z.":
            lambda policy, z, imagined: trajectory.follow(lambda state, z: policy(z, state), z, imagined),
        "`move` gives the next state itself, not the way to it: there is nothing to be added.": _added,
        "the path is right, but no gradient goes back through it (`no_grad` or `detach`), and section 5 trains the "
        "policy through all steps.":
            lambda policy, z, imagined: trajectory.follow(policy, z, imagined).detach(),
        "the path is right, but the gradient ends after one step: a state is detached before the next one is made "
        "of it.": _deaf,
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
    if isinstance(value, (int, float)):
        raise Fault("wrong value", "a Python number came back, and no gradient goes through one: return the tensor, "
                                   "without `.item()`.")
    if not imagined.requires_grad:
        raise Fault("wrong value", "`detach_`, with the underscore, changes the imagined path for everybody who holds "
                                   "it; `detach()` hands out a second one and leaves the first as it is.")
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
        "the square is divided by SIGMA, and should be by its square: divide first, then square.":
            lambda policy, z, imagined: 0.5 * ((trajectory.follow(policy, z, imagined) - imagined.detach()).square()
                                               / trajectory.SIGMA).sum((-1, -2)).mean(),
        "only position and heading are compared; the joints belong to the state, too.":
            lambda policy, z, imagined: 0.5 * ((trajectory.follow(policy, z, imagined) - imagined.detach())
                                               / trajectory.SIGMA)[..., :3].square().sum((-1, -2)).mean(),
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


def _blanks(best: Callable[..., Any] | None = None, part: Callable[..., Any] | None = None,
            count: Callable[..., Any] | None = None, after: Callable[..., Any] | None = None
            ) -> Callable[..., tuple[Tensor, Tensor]]:
    """`replan` with the four blanks filled in as given, the others rightly."""
    best = best or (lambda value, after: value.argmax(1))
    part = part or (lambda plans, rows, chosen: plans[rows, chosen, 0])
    count = count or (lambda judge, real, reached: judge(real[:, None], reached)[1][:, 0])
    after = after or (lambda real, path: real[:, -1])

    def filled(state: Tensor, imagine: Any, execute: Any, judge: Any, rounds: int) -> tuple[Tensor, Tensor]:
        rows = torch.arange(len(state))
        reached, walked = torch.zeros(len(state), dtype=torch.long), [state[:, None]]
        for _ in range(rounds):
            paths, plans = imagine(state)
            chosen = best(*judge(paths, reached))
            real = execute(state, part(plans, rows, chosen))
            reached = count(judge, real, reached)
            state = after(real, paths[rows, chosen])
            walked.append(real)
        return reached, torch.cat(walked, 1)

    return filled


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
        "the plan was chosen by how many goals it reaches, the second of the two things that `judge` gives; many plans "
        "are equal in that. The reward is the first.": _blanks(best=lambda value, after: after.argmax(1)),
        "`argmax()` without an axis looks for one best plan among all tasks; each task has its own: `argmax(1)`.":
            _blanks(best=lambda value, after: value.argmax()),
        "`argmax(0)` compares tasks; plans lie along axis 1, and each task has its own best.":
            _blanks(best=lambda value, after: value.argmax(0)),
        "`max(1)` gives the values and where they are; only the second is wanted: `argmax(1)`.":
            _blanks(best=lambda value, after: value.max(1)),
        "`plans[:, best]` takes the best plans of all tasks for every task; with `rows` in the first place each task "
        "gets its own: `plans[rows, best, 0]`.": _blanks(part=lambda plans, rows, chosen: plans[:, chosen, 0]),
        "the whole plan is handed to `execute`, which wants one part of it: `plans[rows, best, 0]`.":
            _blanks(part=lambda plans, rows, chosen: plans[rows, chosen]),
        "you go on from where the plan imagined it would end; the body is where `execute` led, `real[:, -1]`.":
            _blanks(after=lambda real, path: path[:, -1]),
        "you go on from where the plan imagined the body after its first part; it is where `execute` led, "
        "`real[:, -1]`.": _blanks(after=lambda real, path: path[:, real.shape[1] - 1]),
        "what had been reached in earlier rounds is forgotten: hand `reached` to `judge`, which counts on from it.":
            _blanks(count=lambda judge, real, reached: judge(real[:, None], torch.zeros_like(reached))[1][:, 0]),
        "the first goal is counted anew in every round: hand `reached` to `judge`, which knows then which is next, "
        "and counts on from it.":
            _blanks(count=lambda judge, real, reached: reached + judge(real[:, None],
                                                                       torch.zeros_like(reached))[1][:, 0]),
        "the first thing that `judge` gives is the reward; the count is the second.":
            _blanks(count=lambda judge, real, reached: judge(real[:, None], reached)[0][:, 0]),
        "`judge` gives (B, N), here with one candidate for each task, and `reached` is (B,): take `[:, 0]` of it.":
            _blanks(count=lambda judge, real, reached: judge(real[:, None], reached)[1]),
        "`judge` wants paths (B, N, T, 5), and `real` is (B, T, 5): `real[:, None]` is one candidate for each task.":
            _blanks(count=lambda judge, real, reached: judge(real, reached)[1]),
    },
    alternatives=(_variant(), _gathered, _blanks()),
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
    if 0.3 < path[-1, 2] < 1.5 and (actions.abs() <= 1 + 1e-6).all():
        raise Fault("wrong value", f"it turns left, by {path[-1, 2]:.2f} in {steps} steps, and 1.5 are wanted: the "
                                   "loop is too small, too close to straight joints, too slow to be closed several "
                                   "times, or so fast that the joints cannot keep up.")
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
        "it turns right: run the loop the other way round, or move its centre to the other side. If both are as you "
        "want them, look at its beginning: actions are differences, and from straight joints they lead round a loop "
        "that begins at (0, 0). Move the joints to where your loop begins first.":
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
