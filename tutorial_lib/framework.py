"""One recurrence for attention, state spaces and gated networks: each is a way to fill in Lambda, B and C.

symbol      meaning                                              shape          in Sieber et al. (2024), section 3
L, d        steps; channels of the input and of the output       ints           L, d
n, N        numbers a channel; numbers of the state, N = n d     ints           n (state expansion), N
u, y        inputs (in attention: the values v), outputs         (L, d)         u_i, y_i
h           state, before the first step 0                       (N,)           h_i
decay       what is kept of each number of the state             (L, N)         Lambda_i, diagonal
write       how the input enters                                 (L, N, d)      B_i
read        how the output is taken                              (L, d, N)      C_i
Phi         implied attention: y_i = sum over j of Phi[i, j] u_j (L, L, d, d)   Phi
q, k        queries and keys, after a feature map                (L, n)         phi(q_i), psi(k_j)
eta         what a row of attention is divided by                (L,)           eta_i

    h_i = Lambda_i h_{i-1} + B_i u_i          y_i = C_i h_i          (D_i u_i is left to a skip connection)

Number c n + m of the state is number m of channel c.  Everything may depend on the input, but never on the state.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor
from torch.nn import functional as F

System = tuple[Tensor, Tensor, Tensor]  # decay, write, read

def run(system: System, u: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The one recurrence: outputs, and the last state, from which a next call goes on.

    u: (L, d), h: (N,) or None for 0 -> y (L, d), h (N,).  Raises ValueError when u does not fit the system.
    Sieber et al. (2024), section 3.  Taught in 43.
    """
    L, N, d = system[1].shape
    if u.shape != (L, d):
        raise ValueError(f"this system reads {L} steps of {d} channels, (L, d); got {tuple(u.shape)}")
    h = u.new_zeros(N) if h is None else h
    ys = []
    for decay, write, read, u_i in zip(*system, u, strict=True):
        h = decay * h + write @ u_i  # (N,)
        ys.append(read @ h)
    return torch.stack(ys), h


def implied(system: System) -> Tensor:
    """Phi[i, j] = C_i Lambda_i ... Lambda_{j+1} B_j, what output i takes from input j.  -> (L, L, d, d)

    The recurrence of `run` for L inputs side by side, the j-th of which is silent but for step j; zero for j > i.
    Sieber et al. (2024), section 3 (the convolutional form).  Taught in 43.
    """
    L, N, d = system[1].shape
    left = system[1].new_zeros(L, N, d)  # what is left of each input
    rows = []
    for i, (decay, write, read) in enumerate(zip(*system, strict=True)):
        left = decay[:, None] * left
        left[i] = write
        rows.append(read @ left)  # (L, d, d)
    return torch.stack(rows)


def expand(decay: Tensor, k: Tensor, q: Tensor, d: int) -> System:
    """n numbers for each of d channels, all channels alike: B_i = I kron k_i, C_i = I kron q_i'.

    decay: (L, n), k, q: (L, n) -> a System of N = n d.  Sieber et al. (2024), section 3.  Taught in 43.
    """
    eye = torch.eye(d, dtype=k.dtype)
    write = (eye[:, None] * k[:, None, :, None]).flatten(1, 2)  # (L, d, n, d) -> (L, N, d)
    return decay.repeat(1, d), write, (eye[:, :, None] * q[:, None, None]).flatten(2)


def linear_attention(q: Tensor, k: Tensor, d: int) -> System:
    """Attention without softmax and without normalisation, y_i = sum over j <= i of (q_i . k_j) u_j.

    q, k: (L, n), after the feature map, -> a System with Lambda = 1.  Raises ValueError when their shapes differ.
    Katharopoulos et al. (2020), section 3.3.  Taught in 43.
    """
    if q.shape != k.shape:
        raise ValueError(f"queries and keys need the same steps and features; got {tuple(q.shape)}, {tuple(k.shape)}")
    return expand(torch.ones_like(k), k, q, d)


def normalised_attention(q: Tensor, k: Tensor, eta: Tensor, d: int) -> System:
    """Attention with rows divided by eta, inside the recurrence: Lambda_i = eta_{i-1} / eta_i, B_i = k_i / eta_i.

    q, k: (L, n), eta: (L,), not 0.  With eta = `row_sums(q, k)` the weights of a row sum to 1; a learned
    eta = exp(w . u_i) is what the paper calls normalised attention.  Raises ValueError for an eta of another length.
    Sieber et al. (2024), section 3 and their code.  Taught in 43.
    """
    if eta.shape != k.shape[:1]:
        raise ValueError(f"eta has one number a step, ({len(k)},); got {tuple(eta.shape)}")
    decay, write, read = linear_attention(q, k, d)
    before = torch.cat((eta[:1], eta[:-1]))  # the first decay meets a state of 0
    return (before / eta)[:, None] * decay, write / eta[:, None, None], read


def row_sums(q: Tensor, k: Tensor) -> Tensor:
    """eta_i = q_i . (k_1 + ... + k_i), which makes the weights of each row sum to 1.  q, k: (L, n) -> (L,)

    Katharopoulos et al. (2020), equation 10.  Taught in 43.
    """
    return (q * k.cumsum(0)).sum(-1)


def positive(x: Tensor) -> Tensor:
    """elu(x) + 1, above 0: the usual features of linear attention, which keep row sums off zero.  Any shape.

    Katharopoulos et al. (2020), equation 7.  Taught in 43.
    """
    return F.elu(x) + 1


def taylor_features(x: Tensor, order: int) -> Tensor:
    """Features whose products are the series of e^(q . k / sqrt D), cut after `order`.  x: (..., D) -> (..., n)

    phi_a(x) = product over the D entries of z^a / sqrt(a!) with z = x / D^(1/4), for all exponents a that sum to
    `order` or less: n = binomial(D + order, order).  For an even order every product is above 0.
    Raises ValueError for an order below 0.  Taught in 43.
    """
    if order < 0:
        raise ValueError(f"order counts the powers that are kept, 0 or more; got {order}")
    D = x.shape[-1]
    z = x / D**0.25
    rows = []
    for p in range(order + 1):
        for chosen in itertools.combinations_with_replacement(range(D), p):
            size = math.prod(math.factorial(chosen.count(c)) for c in set(chosen)) ** -0.5
            rows.append(z[..., list(chosen)].prod(-1) * size)  # of no entries: 1
    return torch.stack(rows, -1)


def random_features(x: Tensor, W: Tensor) -> Tensor:
    """Positive features whose products are e^(q . k / sqrt D) on average over W's rows from N(0, I).

    x: (..., D), W: (n, D) -> (..., n), phi(x) = e^(W z - |z|^2 / 2) / sqrt n with z = x / D^(1/4).
    Choromanski et al. (2021), "Performers", lemma 1.  Taught in 43.
    """
    z = x / x.shape[-1] ** 0.25
    return (z @ W.T - z.square().sum(-1, keepdim=True) / 2).exp() / len(W) ** 0.5


def as_selective(q: Tensor, k: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """dt, A, B, C of the selective state space that is linear attention: no decay, keys write, queries read.

    q, k: (L, n) -> (L, d), (d, n), (L, n), (L, n).  Sieber et al. (2024), section 4.  Taught in 43.
    """
    return torch.ones(len(k), d, dtype=k.dtype), torch.zeros(d, k.shape[-1], dtype=k.dtype), k, q


def selective_ssm(dt: Tensor, A: Tensor, B: Tensor, C: Tensor) -> System:
    """The selective state space S6: Lambda_i = exp(dt_i A), and dt_i B_i writes.  dt: (L, d), A: (d, n), B, C: (L, n)

    With dt and A the same in all channels it is SSD (Mamba-2).  Gu & Dao (2023), algorithm 2.  Taught in 43.
    """
    decay = (dt[..., None] * A).exp().flatten(1)  # (L, d n)
    _, write, read = expand(torch.ones_like(B), B, C, dt.shape[-1])
    return decay, write * dt[:, None], read


def gated_rnn(forget: Tensor, enter: Tensor, leave: Tensor) -> System:
    """A gated network without its tanh (quasi-LSTM): Lambda_i = forget, B_i = enter, C_i = leave, all diagonal.

    Gates in (0, 1), (L, d) each, computed from the input and not from the state; n = 1, a number a channel.
    Sieber et al. (2024), section 3 (qLSTM).  Taught in 43.
    """
    return forget, torch.diag_embed(enter), torch.diag_embed(leave)


def rg_lru(recur: Tensor, enter: Tensor, rate: Tensor, c: float = 8.0) -> System:
    """The real-gated linear recurrent unit: Lambda_i = a = exp(-c rate recur), B_i = sqrt(1 - a^2) enter, C_i = 1.

    recur, enter: gates in (0, 1), (L, d), rate: (d,), above 0.  De et al. (2024), "Griffin", section 2.4.
    Taught in 43.
    """
    a = (-c * rate * recur).exp()
    return gated_rnn(a, (1 - a.square()).sqrt() * enter, torch.ones_like(a))


def reversed_sigmoid(x: Tensor, a: float | Tensor = 1.0) -> Tensor:
    """sigmoid(-x)^a, which is exp(-a softplus(x)): the decay of a selective state space, seen as a gate.

    Sieber et al. (2024), section 4, and their code.  Taught in 43.
    """
    return (-a * F.softplus(x)).exp()


def in_other_units(system: System, scale: Tensor) -> System:
    """The same map from inputs to outputs, its state measured in units that change: h_i becomes scale_i h_i.

    scale: (L, N), not 0 -> Lambda_i scale_i / scale_{i-1}, scale_i B_i, C_i / scale_i.
    Raises ValueError for a scale of another shape.  Taught in 43.
    """
    decay, write, read = system
    if scale.shape != decay.shape:
        raise ValueError(f"scale has one number for each of the state, {tuple(decay.shape)}; got {tuple(scale.shape)}")
    before = torch.cat((scale[:1], scale[:-1]))
    return decay * scale / before, scale[..., None] * write, read / scale[:, None]


def states_needed(weights: Tensor, tolerance: float = 1e-10) -> int:
    """The least n with which a recurrence of this kind can have the implied attention `weights` of a channel.

    weights: (L, L) -> the largest rank of a block weights[m:, :m] (singular values below tolerance times the block's
    largest count as 0): what steps m, m+1, ... know of the inputs before m has passed through n numbers.
    Raises ValueError when weights is not square.  Taught in 43.
    """
    if weights.dim() != 2 or len(weights) != weights.shape[1]:
        raise ValueError(f"weights should be square, (L, L); got {tuple(weights.shape)}")
    ranks = [torch.linalg.matrix_rank(weights[m:, :m], rtol=tolerance).item() for m in range(1, len(weights))]
    return max(ranks, default=0)
