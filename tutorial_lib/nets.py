"""Small networks that the chapters share.

symbol   meaning                          shape
D        inputs                           an int
H        hidden units of a layer          an int
K        outputs                          an int
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def mlp(sizes: Sequence[int], activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of the given sizes with `activation` between them, none after the last.

    (..., sizes[0]) -> (..., sizes[-1]).  Raises ValueError for fewer than two sizes.  Taught in 11.
    """
    if len(sizes) < 2:
        raise ValueError(f"a network needs an input and an output size; got sizes={list(sizes)}")
    layers: list[nn.Module] = []
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(a, b), activation()]
    return nn.Sequential(*layers[:-1])


def accuracy(logits: Tensor, y: Tensor) -> float:
    """The share of rows whose largest logit is the label's.  logits: (N, C), y: (N,) -> [0, 1].  Taught in 11."""
    return (logits.argmax(-1) == y).double().mean().item()


def predict(module: nn.Module, x: Tensor, batch: int = 2000) -> Tensor:
    """The module's outputs in batches and without gradients.  x: (N, ...) -> (N, ...)  Taught in 11."""
    with torch.no_grad():
        return torch.cat([module(part) for part in x.split(batch)])
