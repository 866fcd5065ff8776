"""Half precision without half-precision hardware: products whose factors and results are rounded, as autocast does.

symbol     meaning                                                       shape
format     "fp32", "bf16" or "fp16"                                      a str
x, W, b    input, weights and offset of a linear layer                   (..., I), (O, I), (O,)
u          relative size of a rounding error, at most                    2^-9 for bf16, 2^-12 for fp16

A number has a sign, an exponent and a fraction.  fp32 keeps 23 bits of the fraction, fp16 10, bf16 7 and all of
fp32's exponents.  Mixed-precision training keeps weights, sums, norms and softmax in fp32, and does large products
in half precision.  Here each factor and each result of such a product is rounded to the format and kept in fp32, which
gives the same numbers up to the order of sums; so are the gradients that flow back through it.  (A CPU without
instructions for bf16 needs about 15 times as long for a product in bf16 as for one in fp32.)
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_now: ContextVar[str] = ContextVar("format of products", default="fp32")


def rounded(x: Tensor, format: str) -> Tensor:
    """x rounded to the nearest number of the format, kept in x's own dtype.  Any shape.

    Raises ValueError for another format than FORMATS.  Taught in 44.
    """
    if format not in FORMATS:
        raise ValueError(f"format is one of {', '.join(FORMATS)}; got {format!r}")
    return x.to(FORMATS[format]).to(x.dtype)


class _Rounded(torch.autograd.Function):
    """Rounds what goes forward and the gradient that comes back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, format: str) -> Tensor:
        ctx.format = format
        return rounded(x, format)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        return rounded(g, ctx.format), None


@contextmanager
def products_in(format: str) -> Iterator[None]:
    """Inside this context `linear`, `matmul`, `convolve` and `Linear` multiply in the format.

    Raises ValueError for another format than FORMATS.  Taught in 44.
    """
    rounded(torch.zeros(()), format)  # says no to an unknown one
    token = _now.set(format)
    try:
        yield
    finally:
        _now.reset(token)


def both_ways(x: Tensor) -> Tensor:
    """x rounded to the format of the context, and its gradient as well; x itself in fp32.  Taught in 44."""
    return x if _now.get() == "fp32" else _Rounded.apply(x, _now.get())


def rounded_linear(x: Tensor, W: Tensor, b: Tensor, format: str) -> Tensor:
    """x W' + b with x, W, b and the result rounded; sums are kept in fp32.  (..., I), (O, I), (O,) -> (..., O)

    Raises ValueError for another format than FORMATS.  Taught in 44.
    """
    with products_in(format):
        return linear(x, W, b)


def linear(x: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
    """x W' + b in the format of the context.  x: (..., I), W: (O, I), b: (O,) or None -> (..., O)  Taught in 44."""
    return both_ways(F.linear(both_ways(x), both_ways(W), None if b is None else both_ways(b)))


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """a b in the format of the context.  (..., m, k), (..., k, n) -> (..., m, n)  Taught in 44."""
    return both_ways(both_ways(a) @ both_ways(b))


def convolve(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """A convolution of each channel by itself, in the format of the context.  x: (B, D, L), W: (D, 1, K), b: (D,)

    -> (B, D, L - K + 1).  Taught in 44.
    """
    return both_ways(F.conv1d(both_ways(x), both_ways(W), both_ways(b), groups=len(W)))


class Linear(nn.Linear):
    """nn.Linear whose product follows `products_in`.  Taught in 44."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., I) -> (..., O)"""
        return linear(x, self.weight, self.bias)


def fine_tuned(model: nn.Module, loss: Callable[[nn.Module, Tensor], Tensor], batches: Iterable[Tensor], lr: float,
               format: str) -> nn.Module:
    """A copy of the model after a step of Adam on each batch, its products in the format, its weights kept in fp32.

    loss: (model, batch) -> ().  Raises ValueError for another format than FORMATS.  Taught in 44.
    """
    tuned = copy.deepcopy(model)
    optimiser = torch.optim.Adam(tuned.parameters(), lr=lr)
    with products_in(format):
        for batch in batches:
            optimiser.zero_grad()
            loss(tuned, batch).backward()
            optimiser.step()
    return tuned


@torch.no_grad()
def update_difference(start: nn.Module, full: nn.Module, half: nn.Module) -> float:
    """How far apart two ways of fine-tuning leave the weights, as a share of how far the first one moved them.

    |half - full| / |full - start|, over all weights.  Raises ValueError when `full` has not moved.  Taught in 44.
    """
    first, moved, other = (nn.utils.parameters_to_vector(m.parameters()) for m in (start, full, half))
    if torch.equal(first, moved):
        raise ValueError("the first model has not moved, so there is nothing to compare with")
    return ((other - moved).norm() / (moved - first).norm()).item()


def divergence(logits: Tensor, other: Tensor) -> Tensor:
    """KL of predictions, in bits: what a code for `other` costs on top where `logits` is the truth.

    (..., V) twice -> (...).  Taught in 44.
    """
    a, b = logits.log_softmax(-1), other.log_softmax(-1)
    return (a.exp() * (a - b)).sum(-1) / math.log(2)
