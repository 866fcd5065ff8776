"""The same or another?  Recurrent networks that must remember, trained side by side from different wirings.

symbol        meaning                                                       shape
G, B, T, N    networks, trials, time steps, neurons                         ints
x             what is shown: two cues, and a light that is on until the     (B, T, 3)
              answer is due
y             1 if the second cue is the first one again, else -1           (B,)
V, W, o       weights in, between neurons (the wiring), and out             (G, N, 3), (G, N, N), (G, N)
h_t           activity, relu(V x_t + W h_{t-1}), from h = 0                 (T, G, B, N)
f             the answer, o . h at the last step; its sign counts           (G, B)
delta_t       gradient of f by what enters relu at step t                   (G, B, N)

Row i of W holds what neuron i receives.  The loss is the mean of log(1 + exp(-y f)).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib import alignment

Weights = tuple[Tensor, Tensor, Tensor]


def trials(B: int, rng: torch.Generator, delay: int = 5, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    """B trials: a cue, `delay` steps of nothing, a cue again, the answer.  -> x (B, delay + 3, 3), y (B,) of 1 and -1

    Every number has Gaussian noise on it.  Raises ValueError for a negative delay.  Taught in 33.
    """
    if delay < 0:
        raise ValueError(f"a delay lasts 0 steps or more; got {delay}")
    cues = torch.randint(2, (B, 2), generator=rng)
    x, trial = torch.zeros(B, delay + 3, 3), torch.arange(B)
    x[:, :-1, 2] = 1
    x[trial, 0, cues[:, 0]] = 1
    x[trial, delay + 1, cues[:, 1]] = 1
    return x + noise * torch.randn(x.shape, generator=rng), 2.0 * (cues[:, 0] == cues[:, 1]) - 1


def fresh(W: Tensor, rng: torch.Generator) -> Weights:
    """One set of weights in and out, drawn evenly from +-1/sqrt(3) and +-1/sqrt(N), for all wirings W.

    (G, N, N) -> V, W, o.  Raises ValueError unless the wirings are square.  Taught in 33.
    """
    if W.dim() != 3 or W.shape[1] != W.shape[2]:
        raise ValueError(f"wirings are (G, N, N); got {tuple(W.shape)}")
    G, N = W.shape[:2]
    V = (2 * torch.rand(N, 3, generator=rng) - 1) / 3**0.5
    o = (2 * torch.rand(N, generator=rng) - 1) / N**0.5
    return V.expand(G, -1, -1).clone(), W.clone(), o.expand(G, -1).clone()


def run(weights: Weights, x: Tensor) -> tuple[Tensor, Tensor]:
    """All networks on the same trials: answers (G, B) and activities (T, G, B, N).  x: (B, T, 3)  Taught in 33."""
    V, W, o = weights
    first, *later = torch.einsum("btd,gnd->tgbn", x, V).unbind(0)
    hs = [first.relu()]
    for u in later:  # (G, B, N)
        hs.append(torch.baddbmm(u, hs[-1], W.mT).relu())
    return (hs[-1] @ o[..., None])[..., 0], torch.stack(hs)


def loss(weights: Weights, x: Tensor, y: Tensor) -> Tensor:
    """Mean of log(1 + exp(-y f)) of each network.  -> (G,)  Taught in 33."""
    return F.softplus(-y * run(weights, x)[0]).mean(-1)


def wiring_kernel(weights: Weights, x: Tensor) -> Tensor:
    """The tangent kernel of the wiring, inner products of the gradients of f by W.  x: (B, T, 3) -> (G, B, B)

    The gradient is the sum over t of delta_t h_{t-1}'; so K is the sum over pairs of steps of (delta . delta)(h . h).
    Taught in 33.
    """
    _, W, o = weights
    hs = run(weights, x)[1]
    delta = o[:, None] * (hs[-1] > 0)  # (G, B, N), at the last step
    deltas = [delta]
    for h in hs[1:-1].flip(0).unbind(0):
        delta = (delta @ W) * (h > 0)
        deltas.append(delta)
    back = torch.stack(deltas[::-1]).movedim(0, 2).flatten(1, 2)  # (G, B (T - 1), N)
    forth = hs[:-1].movedim(0, 2).flatten(1, 2)
    pairs = (back @ back.mT) * (forth @ forth.mT)
    B, steps = len(x), len(hs) - 1
    return pairs.unflatten(2, (B, steps)).unflatten(1, (B, steps)).sum((2, 4))


def learn(weights: Weights, rng: torch.Generator, lr: float = 0.003, goal: float = 0.05, most: int = 1000,
          batch: int = 32, noise: float = 0.1) -> tuple[Weights, Tensor]:
    """Train all weights of all networks on the same trials, each until its loss on 128 other trials is below `goal`.

    Gradient descent with momentum 0.9, fresh trials at each step, the loss looked at every 10 steps.  -> weights,
    steps (G,), `most` + 1 where the goal was not reached or a network blew up.  Raises ValueError for a goal that is
    not positive.  Taught in 33.
    """
    if not goal > 0:
        raise ValueError(f"a loss below {goal} is never reached")
    held = trials(128, rng, noise=noise)
    final = [p.clone() for p in weights]
    now, speed = [p.clone() for p in weights], [torch.zeros_like(p) for p in weights]
    steps, left = torch.full((len(final[0]),), most + 1), torch.arange(len(final[0]))
    for step in range(most + 1):
        if step % 10 == 0:
            found = loss(tuple(now), *held)  # type: ignore[arg-type]
            going = (found >= goal) & found.isfinite()  # one that has blown up is left alone
            steps[left[found < goal]] = step
            for p, q in zip(final, now, strict=True):
                p[left] = q
            left, now, speed = left[going], [p[going] for p in now], [v[going] for v in speed]
            if len(left) == 0:
                break
        watched = [p.requires_grad_() for p in now]
        shown = trials(batch, rng, noise=noise)
        slopes = torch.autograd.grad(loss(tuple(watched), *shown).sum(), watched)  # type: ignore[arg-type]
        speed = [0.9 * v + slope for v, slope in zip(speed, slopes, strict=True)]
        now = [p.detach() - lr * v for p, v in zip(now, speed, strict=True)]
    return tuple(final), steps  # type: ignore[return-value]


def changes(before: Weights, after: Weights, x: Tensor) -> dict[str, Tensor]:
    """Three measures of how far learning went, each (G,): 0 where nothing moved.

    kernel: 1 - alignment of the wiring's tangent kernels; activity: 1 - alignment of the inner products of activities
    at the last step; weights: |W change| / |W|.  Liu et al. (2024), whose code has the first two as alignments.
    Taught in 33.
    """
    grams = [alignment.gram(run(w, x)[1][-1]) for w in (before, after)]
    change = torch.linalg.matrix_norm(after[1] - before[1]) / torch.linalg.matrix_norm(before[1])
    return {"kernel": 1 - alignment.alignment(wiring_kernel(before, x), wiring_kernel(after, x)),
            "activity": 1 - alignment.alignment(*grams), "weights": change}
