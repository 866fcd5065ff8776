"""What autograd keeps: bytes saved for the backward pass, and how to keep fewer of them at a time.

symbol     meaning                                                       shape
saved      a tensor that the forward pass leaves for the backward pass   any
peak       most bytes of saved tensors alive at one moment               an int, bytes
h, c       inputs of a loss that is a mean over rows                     (N, ...), (N, ...)
n          pieces into which the rows are cut                            an int

Counted are different pieces of memory, each once however many tensors look into it.  Weights are not counted: they are
there anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class _Meter:
    """Bytes of the saved tensors that are alive, and the most there were."""

    def __init__(self) -> None:
        self.users: dict[int, int] = {}
        self.now = self.peak = 0

    def hold(self, t: Tensor) -> Tensor | _Held:
        owner = t._base if t._base is not None else t
        if owner.is_leaf and owner.requires_grad:  # a weight, or a view of one
            return t
        place, size = t.untyped_storage().data_ptr(), t.untyped_storage().nbytes()
        self.users[place] = self.users.get(place, 0) + 1
        if self.users[place] == 1:
            self.now += size
            self.peak = max(self.peak, self.now)
        return _Held(t, self, place, size)

    def free(self, place: int, size: int) -> None:
        self.users[place] -= 1
        if self.users[place] == 0:
            self.now -= size


class _Held:
    """A saved tensor that tells its meter when autograd lets go of it."""

    def __init__(self, t: Tensor, meter: _Meter, place: int, size: int) -> None:
        self.t, self.meter, self.place, self.size = t, meter, place, size

    def __del__(self) -> None:
        self.meter.free(self.place, self.size)


def peak_bytes(run: Callable[[], Any]) -> int:
    """The most bytes that autograd held for backward passes at one moment of `run()`, weights left out.

    What `run` returns is kept until the end.  Gradients themselves and buffers inside of operations are not
    counted.  Taught in 24.
    """
    meter = _Meter()
    with torch.autograd.graph.saved_tensors_hooks(meter.hold, lambda x: x.t if isinstance(x, _Held) else x):
        result = run()
    del result
    return meter.peak


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
