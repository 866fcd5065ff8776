"""Sampled softmax: which of very many classes is it, learned from a few candidates at a time.

symbol     meaning                                                        shape
N          classes; here chunks of text                                   an int
s          score of a class, meant to become log p + a constant           (..., N)
Z          the partition function, sum over all classes of exp s          (...)
Q, log_q   chance that a class is drawn, or is among the candidates       (N,)
m          candidates that are drawn                                      an int
q, e       what is looked for, and what a class offers: s = q . e         (B, E), (B, E)
ids        the number of each row's class; equal numbers, equal classes   (B,)

The correction of a score is s - log_q.  Bengio and Senecal (2008) for the estimate of Z, Jean et al. (2015) for its use
in translation; that the corrected choice among candidates has its least loss at the true probabilities is Bayes' rule.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def log_partition(s: Tensor, log_q: Tensor) -> Tensor:
    """The logarithm of an estimate of Z: the mean of exp(s) / Q over m classes drawn from Q.

    s, log_q: (..., m) of the drawn classes -> (...).  The estimate of Z is right on average, its logarithm is too low.
    Raises ValueError when there is no draw or the shapes do not fit.  Bengio and Senecal (2008).  Taught in 24.
    """
    if s.shape != log_q.shape or s.shape[-1] == 0:
        raise ValueError(f"scores and log_q of the same draws are needed; got {tuple(s.shape)}, {tuple(log_q.shape)}")
    return (s - log_q).logsumexp(-1) - math.log(s.shape[-1])


def candidate_loss(s: Tensor, log_q: Tensor) -> Tensor:
    """-log of the probability that the first candidate is the right one and the others were drawn from Q.

    s, log_q: (..., 1 + m), the right class first, the m draws as they came (hits and duplicates included) -> (...).
    Both are corrected, the right class too.  Raises ValueError when the shapes do not fit.  Taught in 24.
    """
    if s.shape[-1] != log_q.shape[-1]:
        raise ValueError(f"a log_q for each candidate is needed; got {tuple(s.shape)} and {tuple(log_q.shape)}")
    return (s - log_q).logsumexp(-1) - (s - log_q)[..., 0]


def chance_among(log_q: Tensor, m: int) -> Tensor:
    """The log of the chance to be drawn at least once in m draws, log(1 - (1 - Q)^m), in nats.  (...) -> (...)

    Raises ValueError for m < 1.  Taught in 24.
    """
    if m < 1:
        raise ValueError(f"at least one draw is needed; got m = {m}")
    return (-torch.expm1(m * torch.log1p(-log_q.exp()))).log()


def merge(ids: Tensor) -> tuple[Tensor, Tensor]:
    """Equal classes made one.  ids: (B,) -> first (U,), a row for each different class; which (B,), in 0 .. U - 1

    `ids[first][which]` is `ids` again.  Raises ValueError unless ids has one axis.  Taught in 24.
    """
    if ids.dim() != 1:
        raise ValueError(f"ids must be (B,); got {tuple(ids.shape)}")
    different, which = ids.unique(return_inverse=True)
    rows = torch.arange(len(ids), device=ids.device)
    first = torch.full_like(different, len(ids)).scatter_reduce(0, which, rows, "amin")
    return first, which


def in_batch_loss(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    """Each row looks for its own class among the different classes of the batch: mean -log p, in nats.

    q: (B, E), e: (B, E) of the right classes, ids: (B,), log_q: (B,) log of the chance that the class is among the
    candidates -> ().  A class that occurs twice is one candidate, so nobody's right class is also a wrong one.
    Raises ValueError when the shapes do not fit.  Taught in 24.
    """
    if q.shape != e.shape or ids.shape != q.shape[:1] or log_q.shape != ids.shape:
        raise ValueError(f"(B, E), (B, E), (B,), (B,) are needed; got {tuple(q.shape)}, {tuple(e.shape)}, "
                         f"{tuple(ids.shape)}, {tuple(log_q.shape)}")
    first, which = merge(ids)
    s = q @ e[first].mT - log_q[first]  # (B, U)
    return F.cross_entropy(s, which)
