"""A variational autoencoder of whole segments of movement, with two decoders that should tell the same story.

symbol     meaning                                                shape            in Co-Reyes et al. (2018)
H          steps in a segment                                                      T
path       states of a segment, seen from its start               (B, H + 1, 5)    tau, "ego" in the official code
actions    what moved the body along it                           (B, H, 2)        a_t
z          latent: one point for a whole segment                  (B, Z)           z
imagined   what the state decoder makes of z, start included      (B, H + 1, 5)    state decoder
policy     action from the present state and z                    (B, 2)           policy decoder, pi(a | s, z)
SIGMA      scale of an error: lengths, radians of heading, joints (5,)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tutorial_lib.distributions import reparameterise
from tutorial_lib.nets import mlp
from tutorial_lib.swimmer import LIMIT, at_origin, move
from tutorial_lib.vae import kl_standard_normal

SIGMA = torch.tensor([0.15, 0.15, 0.25, 1.0, 1.0])
Policy = Callable[[Tensor, Tensor], Tensor]  # state (B, 5), z (B, Z) -> action (B, 2)


class TrajectoryVAE(nn.Module):
    """Encoder of a segment, state decoder, and a policy that is told z.  Taught in 22."""

    def __init__(self, H: int, Z: int = 6, width: int = 128) -> None:
        super().__init__()
        self.H, self.Z = H, Z
        self.encoder = mlp((5 * (H + 1), width, width, 2 * Z), nn.ELU)
        self.decoder = mlp((Z + 2, width, width, 5 * H), nn.ELU)
        self.policy = mlp((5 + Z, width, width, 2), nn.ELU)

    def encode(self, path: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | path).  (B, H + 1, 5) -> (B, Z), (B, Z)"""
        mu, logvar = self.encoder(path.flatten(1)).chunk(2, -1)
        return mu, logvar

    def imagine(self, z: Tensor, joints: Tensor) -> Tensor:
        """The state decoder: a path from the origin with these joints.  (B, Z), (B, 2) -> (B, H + 1, 5)"""
        start = at_origin(joints)[..., None, :]
        moved = self.decoder(torch.cat((z, joints), -1)).unflatten(-1, (self.H, 5))  # (B, H, 5), from the start
        states = start + moved * moved.new_tensor([0.5, 0.5, 0.5, 1.0, 1.0])
        return torch.cat((start, torch.cat((states[..., :3], states[..., 3:].clamp(-LIMIT, LIMIT)), -1)), -2)

    def act(self, state: Tensor, z: Tensor) -> Tensor:
        """The policy decoder: an action in (-1, 1), from the state as seen from the segment's start."""
        return self.policy(torch.cat((state, z), -1)).tanh()


def follow(policy: Policy, z: Tensor, imagined: Tensor) -> Tensor:
    """The path the body really takes when the policy is given z: from the imagined start, on its own states.

    z: (B, Z), imagined: (B, H + 1, 5) -> (B, H + 1, 5), the start first.  Taught in 22.
    """
    path = [imagined[..., 0, :]]
    for _ in range(imagined.shape[-2] - 1):
        path.append(move(path[-1], policy(path[-1], z)))
    return torch.stack(path, -2)


def consistency(policy: Policy, z: Tensor, imagined: Tensor) -> Tensor:
    """How far the real path is from the imagined one: half the squared error in units of SIGMA, summed over a segment.

    Averaged over the batch; the gradient reaches the policy alone.  It is -log p(real path | z) under the state
    decoder, up to a constant, which is what the official code rewards the policy for.
    z: (B, Z), imagined: (B, H + 1, 5) -> ()  Taught in 22.
    """
    imagined = imagined.detach()
    error = (follow(policy, z, imagined) - imagined) / SIGMA
    return 0.5 * error.square().sum((-1, -2)).mean()


def mismatch(real: Tensor, imagined: Tensor) -> Tensor:
    """The distance of two paths, in body lengths, averaged over their steps.  (..., H + 1, 5) twice -> (...)

    The common start is left out.  Taught in 22.
    """
    return (real - imagined)[..., 1:, :2].norm(dim=-1).mean(-1)


class Parts(NamedTuple):
    """The terms of the loss of each segment, in nats, (B,) each; `cloning` is the policy's squared error."""

    pose: Tensor
    joints: Tensor
    kl: Tensor
    cloning: Tensor

    @property
    def surprise(self) -> Tensor:
        """The negative ELBO of where the body gets to, an upper bound on -log p of it up to a constant."""
        return self.pose + self.kl

    @property
    def loss(self) -> Tensor:
        """Everything that is trained, averaged over the batch."""
        return sum(self).mean()


def segment_parts(model: TrajectoryVAE, path: Tensor, actions: Tensor, rng: torch.Generator, times: int = 6) -> Parts:
    """The terms for a batch of segments; cloning is estimated from `times` random steps of the segment.

    path: (B, H + 1, 5), actions: (B, H, 2).  Taught in 22.
    """
    mu, logvar = model.encode(path)
    z = reparameterise(mu, logvar, rng)
    error = ((model.imagine(z, path[:, 0, 3:]) - path) / SIGMA).square().sum(1) / 2  # (B, 5)
    t = torch.randint(model.H, (times,), generator=rng)
    chosen = model.act(path[:, t], z[:, None].expand(-1, times, -1))  # (B, times, 2)
    cloning = (chosen - actions[:, t]).square().sum((-1, -2)) * (model.H / times)
    return Parts(error[:, :3].sum(-1), error[:, 3:].sum(-1), kl_standard_normal(mu, logvar), cloning)


class OneStep(nn.Module):
    """A learned model of single steps: the change of the state from joints and action.  Taught in 22."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.net = mlp((4, width, width, 5), nn.ELU)

    def change(self, joints: Tensor, action: Tensor) -> Tensor:
        """How the state changes in a step, seen from before it.  (..., 2), (..., 2) -> (..., 5)"""
        return 0.1 * self.net(torch.cat((joints, action.clamp(-1, 1)), -1))

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        """The next state.  (..., 5), (..., 2) -> (..., 5)"""
        forward, aside, turn, a, b = self.change(state[..., 3:], action).unbind(-1)
        x, y, heading, *joints = state.unbind(-1)
        c, s = heading.cos(), heading.sin()
        a, b = ((j + change).clamp(-LIMIT, LIMIT) for j, change in zip(joints, (a, b), strict=True))
        return torch.stack((x + c * forward - s * aside, y + s * forward + c * aside, heading + turn, a, b), -1)


def run_feedback(W: Tensor, joints: Tensor, H: int, segments: int, noise: float,
                 rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """What explorers do whose action is W (a, b, 1) plus noise: paths of `segments` segments, one after the other.

    W: (P, 2, 3), joints at the start: (P, 2) -> paths (P, segments, H + 1, 5), each seen from its own start, and
    actions (P, segments, H, 2), clamped to -1 and 1.  Taught in 22.
    """
    paths, taken = [], []
    for _ in range(segments):
        path, actions = [at_origin(joints)], []
        for _ in range(H):
            seen = torch.cat((path[-1][:, 3:], torch.ones(len(W), 1)), -1)  # (P, 3)
            wanted = (W @ seen[..., None])[..., 0] + noise * torch.randn(len(W), 2, generator=rng)
            actions.append(wanted.clamp(-1, 1))
            path.append(move(path[-1], actions[-1]))
        paths.append(torch.stack(path, 1))
        taken.append(torch.stack(actions, 1))
        joints = path[-1][:, 3:]
    return torch.stack(paths, 1), torch.stack(taken, 1)
