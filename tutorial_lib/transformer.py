"""A small Transformer that reads text: causal self-attention and a network for each step, layer by layer.

symbol     meaning                                                   shape          in Vaswani et al. (2017)
x          symbols                                                   (B, T) int64
V, d       symbols there are; numbers for each step                  ints           d_model
H          heads, each with d / H numbers                            an int         h
q, k, v    queries, keys, values of a head                           (B, H, T, d/H) Q, K, V, section 3.2.2
places     angles by which queries and keys are turned               (T, d/H/2)


Norms stand before each part (RMS), places are told by turning pairs of numbers (rotary embedding, Su et al. 2021):
a score depends on how far apart two steps are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.precision import Linear, matmul


def turned(x: Tensor, base: float = 10_000.0) -> Tensor:
    """Each step's pairs of numbers turned by step times a frequency of the pair.  x: (..., T, E), E even -> the same

    q . k of turned queries and keys depends on the steps' difference alone.  Raises ValueError for an odd E.
    Su et al. (2021), "RoFormer", equation 34.  Taught in 44.
    """
    T, E = x.shape[-2:]
    if E % 2:
        raise ValueError(f"pairs are turned, so an even number is needed; got {E}")
    speed = base ** (-torch.arange(0, E, 2, dtype=x.dtype) / E)  # (E / 2,)
    angle = torch.arange(T, dtype=x.dtype)[:, None] * speed  # (T, E / 2)
    a, b = x.chunk(2, -1)
    return torch.cat((a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()), -1)


class TransformerBlock(nn.Module):
    """Attention, then a network for each step; each adds to its input.  (B, T, d) -> (B, T, d).  Taught in 44."""

    def __init__(self, d: int, H: int, wide: int = 4) -> None:
        """Raises ValueError when the heads do not share d evenly."""
        super().__init__()
        if d % (2 * H):
            raise ValueError(f"each of {H} heads needs an even share of d = {d}")
        self.H = H
        self.norms = nn.ModuleList(nn.RMSNorm(d, eps=1e-5) for _ in range(2))
        self.qkv, self.mix = Linear(d, 3 * d, bias=False), Linear(d, d, bias=False)
        self.widen, self.narrow = Linear(d, wide * d), Linear(wide * d, d)

    def attend(self, x: Tensor) -> Tensor:
        """Every head's weighted average of the steps so far.  (B, T, d) -> (B, T, d)"""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.H, -1)).permute(2, 0, 3, 1, 4)  # (B, H, T, d / H)
        scores = matmul(turned(q), turned(k).mT) / q.shape[-1] ** 0.5  # (B, H, T, T)
        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, -torch.inf).softmax(-1)
        return matmul(weights, v).transpose(1, 2).flatten(2)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, d)"""
        x = x + self.mix(self.attend(self.norms[0](x)))
        return x + self.narrow(F.gelu(self.widen(self.norms[1](x))))


class Transformer(nn.Module):
    """Embedding, blocks, norm, logits of each next symbol.  x: (B, T) int64 -> (B, T, V).  Taught in 44."""

    def __init__(self, V: int, d: int = 64, layers: int = 2, H: int = 4) -> None:
        super().__init__()
        self.embed = nn.Embedding(V, d)
        self.blocks = nn.ModuleList(TransformerBlock(d, H) for _ in range(layers))
        self.norm, self.out = nn.RMSNorm(d, eps=1e-5), Linear(d, V)
        nn.init.normal_(self.embed.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T) int64 -> (B, T, V)"""
        y = self.embed(x)
        for block in self.blocks:
            y = block(y)
        return self.out(self.norm(y))
