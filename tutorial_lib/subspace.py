"""Training in a random subspace: a few random directions through the space of all weights, and how many are enough.

symbol   meaning                                                    shape       in Li, Farkhoor, Liu & Yosinski (2018)
theta    all weights                                                (D,)        theta^(D)
theta0   where they begin                                           (D,)        theta_0^(D)
D, d     dimensions of the space, of the subspace                   ints        D, d
z        coordinates in the subspace: theta = theta0 + P z          (d,)        theta^(d)
P        columns of length 1, drawn once, then frozen               (D, d)      P
A, b     a task of k conditions, A theta = b                        (k, D), (k,)
d_90     the d at which 90 % of direct training's accuracy is met   a number    d_int90

A projection is drawn by `dense`, `sparse`, `fastfood` or `hashed`; `projection(z)` is P z.  P itself is never written
down except by `dense`: a network of 200,000 weights and 1,000 directions would need 800 MB for it.

           stored      operations for P z     P^T P
dense      D d         2 D d                  nearly 1
sparse     d sqrt D    2 d sqrt D             nearly 1            (Li, Hastie & Church, 2006)
fastfood   3 D         about D log d          nearly 1            (Le, Sarlos & Smola, 2013)
hashed     D           D                      1, exactly          (weight tying with signs; Chen et al., 2015)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from tutorial_lib.kit.train import minibatches
from tutorial_lib.kit.train import train as descend

Projection = Callable[[Tensor], Tensor]


def _sizes(D: int, d: int) -> None:
    if not 1 <= d <= D:
        raise ValueError(f"a subspace has 1 to D dimensions; got d = {d:,} in a space of D = {D:,}")


def _coordinates(z: Tensor, d: int) -> None:
    if z.shape != (d,):
        raise ValueError(f"a point of this subspace has {d:,} coordinates, one vector; got {tuple(z.shape)}")


# ---------------------------------------------------------------- four ways to draw P


@dataclass(frozen=True)
class Dense:
    """P in full."""

    P: Tensor  # (D, d)

    def __call__(self, z: Tensor) -> Tensor:
        _coordinates(z, self.P.shape[1])
        return self.P.to(z.dtype) @ z


@dataclass(frozen=True)
class Sparse:
    """The entries of P that are not 0, with their places."""

    rows: Tensor  # (n,)
    columns: Tensor  # (n,)
    values: Tensor  # (n,)
    D: int
    d: int

    def __call__(self, z: Tensor) -> Tensor:
        _coordinates(z, self.d)
        return z.new_zeros(self.D).index_add(0, self.rows, self.values.to(z.dtype) * z.index_select(0, self.columns))


@dataclass(frozen=True)
class Fastfood:
    """Blocks of H G T H B: signs, Hadamard, a permutation, Gaussians, Hadamard; each block n x n, stacked to D rows."""

    B: Tensor  # (blocks, n), signs
    order: Tensor  # (blocks, n), the permutation T
    G: Tensor  # (blocks, n)
    scale: Tensor  # (d,), so that columns have length 1
    D: int

    def __call__(self, z: Tensor) -> Tensor:
        d, n = len(self.scale), self.B.shape[1]
        _coordinates(z, d)
        padded = F.pad(z * self.scale.to(z.dtype), (0, n - d))  # (n,)
        mixed = hadamard_transform(self.B.to(z.dtype) * padded).gather(1, self.order)  # (blocks, n)
        return hadamard_transform(self.G.to(z.dtype) * mixed).flatten()[: self.D]


@dataclass(frozen=True)
class Hashed:
    """One entry of P in each row: weight i moves with coordinate where_i, forwards or backwards."""

    where: Tensor  # (D,), 0 to d - 1: forwards, d to 2 d - 1: backwards
    scale: Tensor  # (d,), one over the root of how many weights share a coordinate

    def __call__(self, z: Tensor) -> Tensor:
        _coordinates(z, len(self.scale))
        scaled = z * self.scale.to(z.dtype)
        return torch.cat((scaled, -scaled)).index_select(0, self.where)  # (D,)


def dense(D: int, d: int, rng: torch.Generator) -> Dense:
    """P of Gaussians, each column brought to length 1.  Raises ValueError unless 1 <= d <= D.

    The paper's section 2: columns are not made orthogonal, in many dimensions they nearly are.  Taught in 36.
    """
    _sizes(D, d)
    P = torch.randn(D, d, generator=rng)
    return Dense(P / P.norm(dim=0))


def sparse(D: int, d: int, rng: torch.Generator) -> Sparse:
    """P with about sqrt(D) entries in each column, all 1 or -1 before columns are brought to length 1.

    Raises ValueError unless 1 <= d <= D.  Li, Hastie & Church (2006), as the paper uses it.  Taught in 36.
    """
    _sizes(D, d)
    many = round(math.sqrt(D))
    places = torch.randint(D, (d, many), generator=rng) + D * torch.arange(d)[:, None]
    places = places.unique()  # a place drawn twice counts once
    columns, rows = places // D, places % D
    signs = 2 * torch.randint(2, places.shape, generator=rng) - 1
    return Sparse(rows, columns, signs / torch.bincount(columns, minlength=d)[columns].sqrt(), D, d)


def hashed(D: int, d: int, rng: torch.Generator) -> Hashed:
    """P with one entry in each row, its column and its sign drawn at random; columns of length 1, at right angles.

    Every coordinate is given to at least one weight.  Raises ValueError unless 1 <= d <= D.  Taught in 36.
    """
    _sizes(D, d)
    where = torch.randint(2 * d, (D,), generator=rng)
    where[torch.randperm(D, generator=rng)[:d]] = torch.arange(d)  # none is left without a weight
    return Hashed(where, torch.bincount(where % d, minlength=d).float().rsqrt())


def fastfood(D: int, d: int, rng: torch.Generator) -> Fastfood:
    """P from random signs, permutations and Gaussians between Hadamard matrices; columns brought to length 1.

    Raises ValueError unless 1 <= d <= D.  Le, Sarlos & Smola (2013).  Taught in 36.
    """
    _sizes(D, d)
    n = 1 << (d - 1).bit_length()  # the power of 2 that is large enough
    blocks = -(-D // n)
    B = 2.0 * torch.randint(2, (blocks, n), generator=rng) - 1
    order = torch.rand(blocks, n, generator=rng).argsort(1)
    G = torch.randn(blocks, n, generator=rng)
    raw = Fastfood(B[-1:], order[-1:], G[-1:], torch.ones(d), D - n * (blocks - 1))
    squares = columns(raw, d).square().sum(0) + n * G[:-1].square().sum()  # the last block may be cut short
    return Fastfood(B, order, G, squares.rsqrt(), D)


def spread(z: Tensor, where: Tensor, sign: Tensor) -> Tensor:
    """P z of `hashed` in the open: z_where / sqrt(how many share it), times sign.  (d,), (D,), (D,) -> (D,)

    where: 0 to d - 1 for each weight, sign: 1 or -1.  Raises ValueError when a coordinate moves no weight.
    Taught in 36.
    """
    count = torch.bincount(where, minlength=len(z))  # (d,)
    if len(count) > len(z) or not count.all():
        raise ValueError(f"{len(z)} coordinates need weights of their own: where must hold all of 0 to {len(z) - 1}")
    return (z / count.sqrt()).index_select(0, where) * sign


def whole(z: Tensor) -> Tensor:
    """The projection with d = D and P = 1: training in it is direct training.  (D,) -> (D,)  Taught in 36."""
    return z


def columns(projection: Projection, d: int) -> Tensor:
    """P written down, column by column, in double precision for the tests and the toy task.  -> (D, d)

    Taught in 36.
    """
    return torch.stack([projection(e) for e in torch.eye(d, dtype=torch.float64)], 1)


def hadamard(n: int) -> Tensor:
    """The matrix of signs whose rows are at right angles, by doubling: H -> (H H; H -H).  -> (n, n)

    Raises ValueError unless n is a power of 2.  Taught in 36.
    """
    if n < 1 or n & (n - 1):
        raise ValueError(f"Sylvester's Hadamard matrices have a power of 2 rows; got {n}")
    H = torch.ones(1, 1)
    while len(H) < n:
        H = torch.cat((torch.cat((H, H), 1), torch.cat((H, -H), 1)))
    return H


_kept = cache(hadamard)


def hadamard_transform(x: Tensor) -> Tensor:
    """H applied to each row, as two small matrix products: H_n is a Kronecker product.  (B, n) -> (B, n)

    Raises ValueError unless n is a power of 2.  Taught in 36.
    """
    n = x.shape[-1]
    a = 1 << (max(n, 1).bit_length() // 2)  # n = a * (n / a), both powers of 2
    left, right = _kept(a).to(x.dtype), _kept(n // a).to(x.dtype)
    return (left @ x.reshape(-1, a, n // a) @ right).reshape(x.shape)


# ---------------------------------------------------------------- a task with a known answer


def group_sums(D: int, k: int) -> tuple[Tensor, Tensor]:
    """The paper's toy: D numbers in k groups, the j-th group is to sum to j.  -> A (k, D), b (k,), float64

    Raises ValueError unless k divides D.  Section 2, with D = 1000 and k = 10.  Taught in 36.
    """
    if k < 1 or D % k:
        raise ValueError(f"{D} numbers do not fall into {k} equal groups")
    A = torch.eye(k, dtype=torch.float64).repeat_interleave(D // k, 1)
    return A, torch.arange(1, k + 1, dtype=torch.float64)


def lowest(A: Tensor, b: Tensor, theta0: Tensor, P: Tensor) -> Tensor:
    """The smallest |A (theta0 + P z) - b|^2 over all z.  (k, D), (k,), (D,), (D, d) -> ()

    P may have no columns.  Taught in 36.
    """
    short, reach = b - A @ theta0, A @ P  # (k,), (k, d)
    z = torch.linalg.lstsq(reach, short[:, None], driver="gelsd").solution if reach.shape[1] else reach.new_zeros(0, 1)
    return (reach @ z - short[:, None]).square().sum()


# ---------------------------------------------------------------- training and measuring


def train(net: Callable[[Tensor, Tensor], Tensor], theta0: Tensor, projection: Projection, d: int, x: Tensor,
          y: Tensor, rng: torch.Generator, steps: int, lr: float, batch: int = 64, label: str = "training") -> Tensor:
    """z after Adam has lowered the cross-entropy at theta0 + P z, beginning at z = 0.  x: (N, ...), y: (N,) -> (d,)

    Only z is trained.  lr falls to 0 along half a cosine.  `whole` and d = D give direct training.  Taught in 36.
    """
    z = torch.zeros(d, requires_grad=True)

    def loss(rows: Tensor) -> Tensor:
        return F.cross_entropy(net(theta0 + projection(z), x[rows]), y[rows])

    descend(loss, [z], minibatches(torch.arange(len(x)), batch, rng), steps, lr, decay=True, label=label)
    return z.detach()


def rate(theta0: Tensor, d: int, share: float = 0.2) -> float:
    """Adam's learning rate for z, by which a first step moves the weights by `share` of their length at the beginning.

    A first step of Adam changes each coordinate by lr, so the weights by lr sqrt(d).  Taught in 36.
    """
    return share * theta0.norm().item() / math.sqrt(d)


def monotone(accuracy: Sequence[float] | Tensor) -> Tensor:
    """A noisy curve made rising: midway between the best so far and the worst still to come.  (n,) -> (n,) float64

    A rising curve stays as it is.  Taught in 36.
    """
    a = torch.as_tensor(accuracy, dtype=torch.float64)
    return (a.cummax(0).values + a.flip(0).cummin(0).values.flip(0)) / 2


def needed(dims: Sequence[float] | Tensor, accuracy: Sequence[float] | Tensor, baseline: float,
           share: float = 0.9) -> float:
    """The d at which a curve, made rising, meets `share` of the baseline: the paper's d_int90, read between the points.

    Straight lines over log d.  inf where the curve stays below, dims[0] where it begins above.  Raises ValueError
    unless dims ascend and both have the same length.  Taught in 36.
    """
    x, a = torch.as_tensor(dims, dtype=torch.float64).log(), monotone(accuracy)
    if x.shape != a.shape or not (x.diff() > 0).all():
        raise ValueError(f"one accuracy for each of the ascending dims; got {len(x)} dims and {len(a)} accuracies")
    bar = share * baseline
    if a[-1] < bar:
        return math.inf
    i = int((a >= bar).nonzero()[0])  # the first point that meets the bar
    if i == 0:
        return float(x[0].exp())
    return float(x[i - 1].lerp(x[i], (bar - a[i - 1]) / (a[i] - a[i - 1])).exp())
