"""What autograd keeps: bytes saved for the backward pass, and how to keep fewer of them at a time.

symbol     meaning                                                       shape
saved      a tensor that the forward pass leaves for the backward pass   any
peak       most bytes of saved tensors alive at one moment               an int, bytes
h, c       inputs of a loss that is a mean over rows                     (N, ...), (N, ...)
n          pieces into which the rows are cut                            an int

Counted is what `saved` counts: pieces of memory, each once however many tensors look into it.  Weights are left out
without being named: they are there anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib.saved import Ledger


def peak_bytes(run: Callable[[], Any]) -> int:
    """The most bytes that autograd held for backward passes at one moment of `run()`, weights left out.

    What `run` returns is kept until the end.  Gradients themselves and buffers inside of operations are not
    counted.  Taught in 24.
    """
    ledger = Ledger()

    def hold(t: Tensor) -> Any:
        owner = t._base if t._base is not None else t
        weight = owner.is_leaf and owner.requires_grad  # or a view of one
        return t if weight else ledger.take(t)

    with torch.autograd.graph.saved_tensors_hooks(hold, lambda held: held if torch.is_tensor(held) else held.tensor):
        _ = run()
    return ledger.peak


def backward_in_pieces(loss: Callable[[Tensor, Tensor], Tensor], h: Tensor, c: Tensor, n: int) -> Tensor:
    """The backward pass of `loss(h, c)`, a mean over rows, piece by piece: same gradients, less held at a time.

    h: (N, ...), c: (N, ...) -> the loss, without graph.  Gradients are added to `.grad` of the weights, and of h where
    it asks for them.  Raises ValueError unless 1 <= n <= N.  Taught in 24.
    """
    if not 1 <= n <= len(h):
        raise ValueError(f"{len(h)} rows cannot be cut into n = {n} pieces")
    total = torch.zeros(())
    for h_i, c_i in zip(h.tensor_split(n), c.tensor_split(n), strict=True):
        part = loss(h_i, c_i) * (len(h_i) / len(h))
        part.backward()
        total = total + part.detach()
    return total
