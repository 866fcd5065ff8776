"""Networks as functions of one long vector of weights: theta in, answers out.

symbol   meaning                                                      shape       in Li, Farkhoor, Liu & Yosinski (2018)
theta    all weights and biases, layer after layer                    (D,)        theta^(D)
D        how many there are                                           an int      D
x        images, 784 pixels each                                      (N, 784)
shapes   the tensors that theta is cut into                           a tuple
theta0   theta at the beginning                                       (D,)        theta_0^(D)
f        answers, one number for each class                           (N, C)

Weights begin as in He et al. (2015): Gaussian with variance 2 over the number of inputs, biases at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import jvp

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """A network whose weights stand outside of it: `net(theta, x)`.

    Weight matrices are (inputs, outputs), filters (outputs, inputs, height, width), biases vectors.
    """

    shapes: tuple[Shape, ...]
    forward: Callable[[list[Tensor], Tensor], Tensor]  # tensors of these shapes, x -> f

    @property
    def size(self) -> int:
        """D, the number of weights and biases."""
        return sum(map(math.prod, self.shapes))

    def cut(self, theta: Tensor) -> list[Tensor]:
        """theta cut into tensors of the right shapes, as views.  (D,) -> list.  Raises ValueError for another length.

        Taught in 36.
        """
        if theta.shape != (self.size,):
            raise ValueError(f"this network has {self.size:,} weights, one vector of them; got {tuple(theta.shape)}")
        parts = theta.split([math.prod(s) for s in self.shapes])
        return [part.view(s) for part, s in zip(parts, self.shapes, strict=True)]

    def fresh(self, rng: torch.Generator) -> Tensor:
        """theta0, weights drawn as in He et al. (2015), biases 0.  -> (D,)  Taught in 36."""
        drawn = []
        for s in self.shapes:
            inputs = math.prod(s[1:]) if len(s) == 4 else s[0]
            drawn.append(torch.randn(s, generator=rng).mul((2 / inputs) ** 0.5) if len(s) > 1 else torch.zeros(s))
        return torch.cat([w.flatten() for w in drawn])

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        return self.forward(self.cut(theta), x)


def _layers(parts: Sequence[Tensor], x: Tensor) -> Tensor:
    for W, b in zip(parts[:-2:2], parts[1:-2:2], strict=True):
        x = torch.addmm(b, x, W).relu()
    return torch.addmm(parts[-1], x, parts[-2])


def mlp(sizes: Sequence[int]) -> Network:
    """Linear layers of the given sizes with relu between them.  (N, sizes[0]) -> (N, sizes[-1])

    Raises ValueError for fewer than two sizes.  (784, 200, 200, 10) has D = 199,210, the paper's first network.
    Taught in 36.
    """
    if len(sizes) < 2:
        raise ValueError(f"a network needs an input and an output size; got sizes={list(sizes)}")
    return Network(tuple(s for a, b in zip(sizes[:-1], sizes[1:], strict=True) for s in ((a, b), (b,))), _layers)


def _lenet(parts: list[Tensor], x: Tensor) -> Tensor:
    h = x.view(-1, 1, 28, 28)
    for W, b in (parts[:2], parts[2:4]):
        h = F.max_pool2d(F.conv2d(h, W, b), 2).relu()  # (N, 6, 12, 12), then (N, 16, 4, 4)
    return _layers(parts[4:], h.flatten(1))


def lenet() -> Network:
    """Two layers of 5 x 5 filters, 6 and 16, each followed by pooling, then 120, 84 and 10 units.  (N, 784) -> (N, 10)

    D = 44,426, the paper's convolutional network (after LeCun et al., 1998).  Taught in 36.
    """
    filters = ((6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,))
    return Network(filters + mlp((256, 120, 84, 10)).shapes, _lenet)


def linearised(net: Callable[[Tensor, Tensor], Tensor], theta0: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """The tangent model: f(theta, x) = net(theta0, x) + J(x) (theta - theta0), linear in theta.

    J(x): the derivatives of net at theta0, never written down (a directional derivative is enough).  Taught in 36.
    """
    def tangent(theta: Tensor, x: Tensor) -> Tensor:
        f0, along = jvp(lambda t: net(t, x), (theta0,), (theta - theta0,))
        return f0.detach() + along

    return tangent
