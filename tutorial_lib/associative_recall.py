"""Associative recall: pairs of a key and a value go by, then keys come again and their values are asked for.

symbol      meaning                                              shape          in Arora et al. (2023), "Zoology"
B, P, V     sequences; pairs in each; keys (and values)          ints           -, D (pairs), vocabulary / 2
tokens      key, value, key, value, ..., then P keys once more   (B, 3P) int64  x, definition 3.1; values are V, V+1 ...
answers     the values that belong to the keys asked for         (B, P) int64   in 0 .. V - 1
L           steps, 3 P                                           int            N
n, d        numbers a channel; channels: the state has N = n d   ints           Sieber et al. (2024): n, d
q, k, v     what is asked, what is written under, what is kept   (..., n), (..., n), (..., d)
Phi         implied attention, averaged over channels            (L, L)         Sieber et al. (2024), section 3

Every member of the family gets the same frame: each step sees its own token and the one before it (a convolution of
width 2), one layer of the recurrence follows, and a linear map to the V values.  Only the recurrence differs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib import framework
from tutorial_lib.selective import selective_scan, ssd

MEMBERS = ("softmax", "linear", "plain", "normalised", "S6", "SSD", "qLSTM")


def recall_task(B: int, P: int, V: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Tokens (B, 3P) and answers (B, P): P pairs with different keys and any values, then all keys in another order.

    Raises ValueError when there are fewer keys than pairs.  After Arora et al. (2023), with queries back to back.
    Taught in 43.
    """
    if not 1 <= P <= V:
        raise ValueError(f"P pairs need as many different keys; got P = {P} pairs, V = {V} keys")
    keys = torch.rand(B, V, generator=rng).argsort(1)[:, :P]
    values = torch.randint(V, (B, P), generator=rng)
    order = torch.rand(B, P, generator=rng).argsort(1)
    told = torch.stack((keys, V + values), 2).flatten(1)  # (B, 2P)
    return torch.cat((told, keys.gather(1, order)), 1), values.gather(1, order)


def rounds(B: int, P: int, V: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless fresh batches of `recall_task`.  Taught in 43."""
    while True:
        yield recall_task(B, P, V, rng)


def place_of_answer(tokens: Tensor) -> Tensor:
    """The step at which the value stands that each of the last third of the steps asks for.  (3P,) -> (P,)

    Taught in 43.
    """
    P = len(tokens) // 3
    return 2 * (tokens[2 * P :, None] == tokens[: 2 * P : 2]).int().argmax(1) + 1


def with_last(x: Tensor) -> Tensor:
    """Each step beside the one before it (the first beside zeros).  (..., L, E) -> (..., L, 2E)  Taught in 43."""
    return torch.cat((x, F.pad(x, (0, 0, 1, 0))[..., :-1, :]), -1)


class Recaller(nn.Module):
    """One layer of a member of the family, between an embedding of the tokens and a readout of the values."""

    def __init__(self, member: str, n: int, d: int = 8, V: int = 32, E: int = 32) -> None:
        """The state has n d numbers (softmax: keys of n, values of d, for all steps).  Raises ValueError for another
        member than MEMBERS.  S6 and SSD begin as in Mamba; the gated network begins by keeping, its forget gate near 1.
        """
        super().__init__()
        if member not in MEMBERS:
            raise ValueError(f"member is one of {', '.join(MEMBERS)}; got {member!r}")
        self.member, self.n, self.d, self.V = member, n, d, V
        steps = {"S6": d, "SSD": 1, "normalised": 1}.get(member, 0)  # numbers beside q, k, v
        self.parts = [n * d] * 4 if member == "qLSTM" else [n, n, d, steps]
        self.embed = nn.Embedding(2 * V, E)
        self.project = nn.Linear(2 * E, sum(self.parts))
        self.readout = nn.Linear(n * d if member == "qLSTM" else d, V)
        if member in ("S6", "SSD"):
            rates = torch.arange(1.0, n + 1).repeat(d, 1) if member == "S6" else torch.ones(1)
            self.log_rate = nn.Parameter(rates.log())  # A = -exp(log_rate)
            first = (torch.rand(steps) * math.log(100) + math.log(1e-3)).exp()  # dt between 0.001 and 0.1
            self.project.bias.data[-steps:] = first.expm1().log()
        if member == "qLSTM":
            self.project.bias.data[: n * d] += 3

    def parameters_count(self) -> int:
        """How many weights there are."""
        return sum(p.numel() for p in self.parameters())

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores of the values at the queries, the last third of the steps.  tokens: (B, 3P) -> (B, P, V)"""
        parts = self.project(with_last(self.embed(tokens))).split(self.parts, -1)
        mix = self._gates if self.member == "qLSTM" else self._states if self.member[0] == "S" else self._weights
        return self.readout(mix(*parts)[:, tokens.shape[1] * 2 // 3 :])

    def _weights(self, q: Tensor, k: Tensor, v: Tensor, more: Tensor) -> Tensor:
        """The four kinds of attention, from their (L, L) weights."""
        if self.member == "softmax":
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        if self.member == "linear":
            q, k = framework.positive(q), framework.positive(k)
        weights = (q @ k.mT).tril()
        if self.member == "linear":
            weights = weights / weights.sum(-1, keepdim=True)
        if self.member == "normalised":
            weights = weights / more.exp()
        return weights @ v

    def _states(self, q: Tensor, k: Tensor, v: Tensor, more: Tensor) -> Tensor:
        """The two selective state spaces."""
        A, dt = -self.log_rate.exp(), F.softplus(more)
        return (selective_scan if self.member == "S6" else ssd)(v, dt, A, k, q)[0]

    def _gates(self, forget: Tensor, enter: Tensor, leave: Tensor, x: Tensor) -> Tensor:
        """The gated network, number by number."""
        h, states = torch.zeros_like(x[:, 0]), []
        for keep, new in zip(forget.sigmoid().unbind(1), (enter.sigmoid() * x).unbind(1), strict=True):
            h = torch.addcmul(new, keep, h)
            states.append(h)
        return leave.sigmoid() * torch.stack(states, 1)

    def system(self, tokens: Tensor) -> tuple[Tensor, framework.System]:
        """Inputs u (L, d) and the system (decay, write, read) that this model is, for one sequence.  tokens: (L,)

        Raises ValueError for softmax, which is no such system with a state of any fixed size.  Sieber et al. (2024).
        """
        q, k, v, more = self.project(with_last(self.embed(tokens))).split(self.parts, -1)
        if self.member == "softmax":
            raise ValueError("softmax attention needs a state that grows with the sequence; see `taylor_features`")
        if self.member == "qLSTM":
            return more, framework.gated_rnn(q.sigmoid(), k.sigmoid(), v.sigmoid())
        if self.member == "S6":
            return v, framework.selective_ssm(F.softplus(more), -self.log_rate.exp(), k, q)
        if self.member == "SSD":
            rate = -self.log_rate.exp().expand(self.d, self.n)
            return v, framework.selective_ssm(F.softplus(more).expand(-1, self.d), rate, k, q)
        if self.member == "linear":
            q, k = framework.positive(q), framework.positive(k)
            return v, framework.normalised_attention(q, k, framework.row_sums(q, k), self.d)
        eta = more[:, 0].exp() if self.member == "normalised" else torch.ones(len(q))
        return v, framework.normalised_attention(q, k, eta, self.d)


def recall_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Mean cross-entropy of the answers, in nats; log V for guessing.  Taught in 43."""
    tokens, answers = batch
    return F.cross_entropy(model(tokens).flatten(0, 1), answers.flatten())


@torch.no_grad()
def recalled(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The share of the keys whose value is named, by query: (P,), each in 0 .. 1.  Taught in 43."""
    tokens, answers = batch
    return (model(tokens).argmax(-1) == answers).float().mean(0)


def code_memory(tokens: Tensor, codes: Tensor, gate: bool) -> tuple[Tensor, Tensor]:
    """Queries and keys of a memory made by hand: each step asks with its token's code and writes under the last one's.

    tokens: (..., L), codes: (tokens, n) -> q, k (..., L, n).  With `gate`, only steps that hold a value write: the
    tokens of the upper half.  Nothing is trained.  Taught in 43.
    """
    q = codes[tokens]
    k = with_last(q)[..., codes.shape[1] :]
    return q, k * (tokens >= len(codes) // 2)[..., None] if gate else k
