"""Read a pattern, wait, write it down: the copy task, and a network trained on it by a rule.

symbol     meaning                                                      shape
P          steps of the pattern                                         an int
bits       bits of a step                                               an int
wait       steps between the pattern and the mark that asks for it      an int
x          the pattern, then silence; the last channel is the mark      (B, L, bits + 1)
wanted     the pattern, as it should be written after the mark          (B, P, bits)
held       how strongly the pattern stands in a state when the mark     (up to P bits,)
           comes: singular values of the map from pattern to state

A sequence has L = 2 P + wait + 1 steps; only the last P are scored.  Chance is half of the bits.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.online import Network, Rule


def sequences(batch: int, P: int, bits: int, wait: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences of the copy task and what should be written.  -> (batch, 2 P + wait + 1, bits + 1), (batch, P, bits)

    Raises ValueError unless P and bits are 1 or more and wait 0 or more.  Zucchet et al. (2023), as in their code
    (P = 20, 7 bits, wait 7 by default).  Taught in 45.
    """
    if P < 1 or bits < 1 or wait < 0:
        raise ValueError(f"P and bits must be 1 or more and wait 0 or more; got {P}, {bits}, {wait}")
    wanted = torch.randint(2, (batch, P, bits), generator=rng).float()
    x = torch.zeros(batch, 2 * P + wait + 1, bits + 1)
    x[:, :P, :-1] = wanted
    x[:, P + wait, -1] = 1
    return x, wanted


def copy_loss(network: Network, x: Tensor, wanted: Tensor, rule: Rule = "bptt") -> Tensor:
    """Cross-entropy per bit, in nats, over the last P steps.  -> ()  Taught in 45."""
    return F.binary_cross_entropy_with_logits(network(x, rule, wanted.shape[1]), wanted)


@torch.no_grad()
def wrong_bits(network: Network, x: Tensor, wanted: Tensor) -> float:
    """The share of bits written wrongly: 0.5 is chance.  Taught in 45."""
    return ((network(x, last=wanted.shape[1]) > 0) != (wanted > 0.5)).float().mean().item()


def held(lam: Tensor, write: Tensor, P: int, bits: int, wait: int) -> Tensor:
    """Singular values of the map from the pattern to the state just before the mark, the largest first.

    A bit of step s arrives as lam^(P + wait - 1 - s) write.  lam: (N,), write: (N, bits + 1) complex
    -> (min(P bits, 2 N),).  Taught in 45.
    """
    ages = torch.arange(P + wait - 1, wait - 1, -1)[:, None]  # (P, 1)
    arrives = (lam**ages)[:, None] * write[:, :bits].T  # (P, bits, N)
    arrives = arrives.flatten(0, 1)
    return torch.linalg.svdvals(torch.cat((arrives.real, arrives.imag), 1))
