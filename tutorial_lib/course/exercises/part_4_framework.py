"""Part 4, one framework: the exercises of chapter 43."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import framework
from tutorial_lib.framework import System
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _system(L: int, N: int, d: int, seed: int) -> System:
    """Any system, with decays between 0 and 1 and matrices that are full."""
    return _randn(L, N, seed=seed).sigmoid(), _randn(L, N, d, seed=seed + 1), _randn(L, d, N, seed=seed + 2)


# ---------------------------------------------------------------- the loop


def _loop(update: Callable[..., Tensor], output: Callable[..., Tensor] = lambda h, before, read: read @ h,
          ) -> Callable[..., tuple[Tensor, Tensor]]:
    """The loop with another update of the state or another output."""
    def run(system: System, u: Tensor) -> tuple[Tensor, Tensor]:
        h, ys = torch.zeros(system[1].shape[1], dtype=u.dtype), []
        for decay, write, read, u_i in zip(*system, u, strict=True):
            before, h = h, update(h, decay, write, u_i)
            ys.append(output(h, before, read))
        return torch.stack(ys), h

    return run


def _right(h: Tensor, decay: Tensor, write: Tensor, u_i: Tensor) -> Tensor:
    return decay * h + write @ u_i


def _twice(system: System, u: Tensor) -> tuple[Tensor, Tensor]:
    h, ys = torch.zeros(system[1].shape[1], dtype=u.dtype), []
    for decay, write, read, u_i in zip(*system, u, strict=True):
        h = _right(h, decay, write, u_i)
        ys.append(read @ _right(h, decay, write, u_i))
    return torch.stack(ys), h


def _with_matrices(system: System, u: Tensor) -> tuple[Tensor, Tensor]:
    h, ys = torch.zeros(system[1].shape[1], dtype=u.dtype), []
    for i in range(len(u)):
        h = torch.diag(system[0][i]) @ h + system[1][i] @ u[i]
        ys.append(system[2][i] @ h)
    return torch.stack(ys), h


def _by_sums(system: System, u: Tensor) -> tuple[Tensor, Tensor]:
    states = []
    for i in range(len(u)):
        states.append(sum((system[0][j + 1 : i + 1].prod(0) * (system[1][j] @ u[j]) for j in range(i + 1)),
                          torch.zeros_like(system[0][0])))
    return torch.stack([read @ h for read, h in zip(system[2], states, strict=True)]), states[-1]


RUN = Exercise(
    name="framework.run", chapter="43", title="The loop of the whole family", reference=framework.run, minutes=5,
    cases=lambda: [Case((_system(5, 4, 2, 1), _randn(5, 2, seed=4)), "5 steps, 4 numbers of state, 2 channels"),
                   Case((_system(3, 2, 3, 5), _randn(3, 3, seed=8)), "3 steps, 2 numbers of state, 3 channels")],
    mistakes={
        "the output was taken before the update: y_i reads h_{i-1}, so that a step does not see its own input. Read "
        "the new state.":
            _loop(_right, lambda h, before, read: read @ before),
        "the decay is missing: this state keeps everything, which is linear attention and no other member.":
            _loop(lambda h, decay, write, u_i: h + write @ u_i),
        "the decay multiplies the new input as well; it acts on the old state alone.":
            _loop(lambda h, decay, write, u_i: decay * (h + write @ u_i)),
        "the old state is not carried on: h is what this step writes, and nothing is remembered.":
            _loop(lambda h, decay, write, u_i: write @ u_i),
        "you mixed old and new as decay h + (1 - decay) B u. Some gated networks tie the two so; here B says all about "
        "how the input enters.":
            _loop(lambda h, decay, write, u_i: decay * h + (1 - decay) * (write @ u_i)),
        "`decay @ h` is a sum over all numbers, the same for each of them. The matrix is diagonal and `decay` its "
        "diagonal: `decay * h` lets every number keep a share of its own.":
            _loop(lambda h, decay, write, u_i: decay @ h + write @ u_i),
        "each number keeps 1 - decay of itself; `decay` is the share that is kept, not the share that is lost.":
            _loop(lambda h, decay, write, u_i: (1 - decay) * h + write @ u_i),
        "the state is right, but the output updates it once more before it reads: `read @ h`, with the h just made.":
            _twice,
        "the input is subtracted.":
            _loop(lambda h, decay, write, u_i: decay * h - write @ u_i),
        "the new state is right, but the output is the state itself in part: C_i, `read`, has to multiply it.":
            _loop(_right, lambda h, before, read: h[: len(read)] if len(h) >= len(read) else torch.cat((h, h))[:3]),
    },
    alternatives=(_with_matrices, _by_sums),
    hints=("First equation: what is kept of the old state, plus what is written.",
           "`decay * h` multiplies entry by entry; `write @ u_i` is a matrix times a vector.",
           "Second equation: `read @ h`, with the h that you have just made."),
    solution='''
def run(system, u):
    h, ys = torch.zeros(system[1].shape[1], dtype=u.dtype), []
    for decay, write, read, u_i in zip(*system, u):
        h = decay * h + write @ u_i
        ys.append(read @ h)
    return torch.stack(ys), h
''',
)

# ---------------------------------------------------------------- the implied attention


def _through(system: System, first: int, last: int, causal: bool = True, read_at: int = 0) -> Tensor:
    """Phi with the decays of steps j + first ... i + last between write and read."""
    decay, write, read = system
    L, d = len(decay), write.shape[-1]
    rows = torch.zeros(L, L, d, d, dtype=decay.dtype)
    for i in range(L):
        for j in range(L):
            if j <= i or not causal:
                between = decay[max(j + first, 0) : max(i + last + 1, 0)].prod(0)
                rows[i, j] = read[i] @ (between[:, None] * write[j])
    return rows


def _wild(system: System) -> Tensor:
    decay, write, read = system
    through = decay.cumprod(0)
    return torch.einsum("idn,ijn,jne->ijde", read, through[:, None] / through[None] * decay[None], write)


def _wild_lower(system: System) -> Tensor:
    Phi, L = _wild(system), len(system[0])
    return Phi * torch.ones(L, L, dtype=Phi.dtype).tril()[..., None, None]


def _strictly_before(system: System) -> Tensor:
    L = len(system[0])
    return framework.implied(system) * torch.ones(L, L, dtype=torch.float64).tril(-1)[..., None, None]


def _exchanged(system: System) -> Tensor:
    decay, write, read = system
    return framework.implied((decay, read.mT, write.mT)).mT


def _ratios(system: System, causal: bool) -> Tensor:
    decay, write, read = system
    through = decay.cumprod(0)
    Phi = torch.einsum("idn,ijn,jne->ijde", read, through[:, None] / through[None], write)
    return Phi * torch.ones(len(decay), len(decay), dtype=decay.dtype).tril()[..., None, None] if causal else Phi


def _each(between: Callable[[Tensor, int, int], Tensor]) -> Callable[[System], Tensor]:
    """Phi with something else between write and read, computed from all decays, i and j."""
    def build(system: System) -> Tensor:
        decay, write, read = system
        L, d = len(decay), write.shape[-1]
        Phi = torch.zeros(L, L, d, d, dtype=decay.dtype)
        for i in range(L):
            for j in range(i + 1):
                Phi[i, j] = read[i] @ (between(decay, i, j)[..., None] * write[j])
        return Phi

    return build


_prod_of_all = _each(lambda decay, i, j: decay[j + 1 : i + 1].prod())
_power = _each(lambda decay, i, j: decay[i] ** (i - j))
_ratios_or_zero = _each(lambda decay, i, j: torch.where(decay.cumprod(0)[j] == 0, 0.0,
                                                        decay.cumprod(0)[i] / decay.cumprod(0)[j]))


def _by_probing(system: System) -> Tensor:
    L, d = len(system[0]), system[1].shape[-1]
    columns = []
    for j in range(L):
        for c in range(d):
            u = torch.zeros(L, d, dtype=system[1].dtype)
            u[j, c] = 1
            columns.append(framework.run(system, u)[0])  # (L, d)
    return torch.stack(columns).unflatten(0, (L, d)).permute(2, 0, 3, 1)


def _with_a_zero() -> System:
    decay, write, read = _system(5, 3, 2, 20)
    decay[2, 1] = 0.0
    return decay, write, read


IMPLIED = Exercise(
    name="framework.implied", chapter="43", title="Find the bugs: the matrix that nobody computed",
    reference=framework.implied, minutes=12,
    cases=lambda: [Case((_system(4, 3, 2, 10),), "4 steps, 3 numbers of state, 2 channels"),
                   Case((_with_a_zero(),), "5 steps, with a decay of 0 in the middle")],
    mistakes={
        "this is the function from the wild itself. It looks into the future (nothing makes it 0 for j > i), it lets "
        "step j's own decay act on what step j writes, and it divides by decays that may be 0.": _wild,
        "right where every decay is above 0; a decay of 0 makes it 0 / 0. Multiply the decays between j and i, or run "
        "the loop; dividing is not needed.": lambda system: _ratios(system, causal=True),
        "`tril` looks at the last two axes, which are channels here, and cuts each d x d block. Steps are the first "
        "two: multiply by a lower triangle of ones with two axes added behind, [:, :, None, None].":
            lambda system: _ratios(system, causal=False).tril(),
        "`tril` looks at the last two axes, which are channels here, and step j's own decay still acts on what step j "
        "writes.": lambda system: _wild(system).tril(),
        "`prod()` without an axis multiplies over the numbers of the state as well; each has a decay of its own, "
        "`prod(0)`.": _prod_of_all,
        "the last decay to the power i - j: the decays change from step to step, so multiply those that were met.":
            _power,
        "right where every decay is above 0. A ratio of 0 / 0 set to 0 empties the diagonal and more; multiply the "
        "decays from j + 1 to i instead.": _ratios_or_zero,
        "the future is visible: Phi is not 0 for j > i (and where a decay is 0 you divide by it).":
            lambda system: _ratios(system, causal=False),
        "off by one: step j's own decay acts on what step j writes. The product begins at j + 1; on the diagonal it "
        "is empty.": lambda system: _through(system, 0, 0),
        "the future is gone, one of three bugs. Two are left: step j's own decay acts on what step j writes, and you "
        "divide by decays that may be 0.": _wild_lower,
        "off by one at both ends: `decay[j:i]` has step j's decay in it and leaves that of step i out; it should be "
        "`decay[j + 1 : i + 1]`.": lambda system: _through(system, 0, -1),
        "all decays from the first step on are in the product; a write at step j meets only those after j.":
            lambda system: _through(system, -(10**6), 0),
        "the diagonal is empty: output i takes from input i as well, with no decay between, C_i B_i.":
            _strictly_before,
        "i and j are exchanged in what is read and written: C belongs to the output's step i, B to the input's step "
        "j.": _exchanged,
        "off by one: the last decay, that of step i, is missing; it acts before the output is read.":
            lambda system: _through(system, 1, -1),
        "no decay at all: this is right for linear attention alone.": lambda system: _through(system, 10**6, 0),
        "rows and columns are exchanged: the first index is the output, the second the input.":
            lambda system: framework.implied(system).transpose(0, 1),
        "each d x d block is transposed: its first index is the channel that comes out, its second the one that went "
        "in.": lambda system: framework.implied(system).mT,
    },
    alternatives=(_by_probing, lambda system: _through(system, 1, 0)),
    hints=("Three things: what stands above the diagonal, which decay is one too many, and what is divided by.",
           "Phi[i, j] = read[i] @ diag(decay[j+1] * ... * decay[i]) @ write[j]; an empty product is 1 "
           "(`decay[j + 1 : i + 1].prod(0)` does that).",
           "Two loops, over i and over j <= i, are fine. Or: the outputs of `run` for an input with a single 1 are a "
           "column."),
    solution='''
def implied(system):
    decay, write, read = system
    L, d = len(decay), write.shape[-1]
    Phi = torch.zeros(L, L, d, d, dtype=write.dtype)
    for i in range(L):
        for j in range(i + 1):
            kept = decay[j + 1 : i + 1].prod(0)                  # (N,), 1 for j = i
            Phi[i, j] = read[i] @ (kept[:, None] * write[j])
    return Phi
''',
)

# ---------------------------------------------------------------- normalisation, moved inside


def _normalised(decay: Callable[[Tensor], Tensor], written: Callable[[Tensor], Tensor] = lambda eta: 1 / eta,
                first: float | None = 1.0) -> Callable[..., System]:
    """Another decay (L,), another factor of what is written (L,)."""
    def build(q: Tensor, k: Tensor, eta: Tensor, d: int) -> System:
        keep, write, read = framework.linear_attention(q, k, d)
        factor = decay(eta)
        if first is not None:
            factor = torch.cat((torch.full_like(factor[:1], first), factor[1:]))
        return factor[:, None] * keep, written(eta)[:, None, None] * write, read

    return build


def _shift(eta: Tensor, by: int) -> Tensor:
    return eta.roll(by)


def _in_read(q: Tensor, k: Tensor, eta: Tensor, d: int) -> System:
    keep, write, read = framework.linear_attention(q, k, d)
    return keep, write, read / eta[:, None, None]


def _twice_divided(q: Tensor, k: Tensor, eta: Tensor, d: int) -> System:
    keep, write, read = framework.normalised_attention(q, k, eta, d)
    return keep, write, read / eta[:, None, None]


def _by_loop(q: Tensor, k: Tensor, eta: Tensor, d: int) -> System:
    keep, write, read = (v.clone() for v in framework.linear_attention(q, k, d))
    for i in range(len(eta)):
        if i:
            keep[i] = eta[i - 1] / eta[i]
        write[i] = write[i] / eta[i]
    return keep, write, read


def _norm_cases() -> list[Case]:
    return [Case((_randn(5, 2, seed=31), _randn(5, 2, seed=32), torch.tensor([0.5, 1.5, 4.0, 3.0, 7.0]).double(), 3),
                 "5 steps, keys of 2 numbers, 3 channels, eta = 0.5, 1.5, 4, 3, 7"),
            Case((_randn(3, 4, seed=33), _randn(3, 4, seed=34), torch.tensor([2.0, 0.7, 1.3]).double(), 1),
                 "3 steps, keys of 4 numbers, 1 channel, eta = 2, 0.7, 1.3")]


NORMALISED = Exercise(
    name="framework.normalised_attention", chapter="43", title="Division, inside the loop",
    reference=framework.normalised_attention, minutes=8, cases=_norm_cases,
    mistakes={
        "the ratio is upside down: what the state holds was divided by eta_{i-1} and should be divided by eta_i, so it "
        "is multiplied by eta_{i-1} and divided by eta_i.":
            _normalised(lambda eta: eta / _shift(eta, 1)),
        "your decay is 1 / eta_i: this divides the whole state once more at each step. It is divided by eta_{i-1} "
        "already, which has to be taken back.":
            _normalised(lambda eta: 1 / eta, first=None),
        "your decay is 1 / eta_i from the second step on: it divides the whole state once more at each step. It is "
        "divided by eta_{i-1} already, which has to be taken back.":
            _normalised(lambda eta: 1 / eta),
        "the decays are right, but what is written is not divided by eta_i.":
            _normalised(lambda eta: _shift(eta, 1) / eta, torch.ones_like),
        "what is written is divided by eta_{i-1}; it enters at step i, and is divided by eta_i.":
            _normalised(lambda eta: _shift(eta, 1) / eta, lambda eta: 1 / torch.cat((eta[:1], eta[:-1]))),
        "one step late: the decay of step i is eta_i / eta_{i+1}. It should be eta_{i-1} / eta_i.":
            _normalised(lambda eta: eta / _shift(eta, -1)),
        "what is written is divided, but the state that is there already is not brought from eta_{i-1} to eta_i: the "
        "decay is 1.":
            _normalised(torch.ones_like),
        "right in what comes out, but the division stands in `read`, where the decay stays 1. That is the same map in "
        "other units; wanted here is the one with the division in what is written.": _in_read,
        "what is written is divided, and `read` as well: that is a division by eta_i twice. `read` stays.":
            _twice_divided,
        "the decays are right, but the division stands in `read`, where it acts on a state that was brought to eta_i "
        "already. Divide what is written.":
            lambda q, k, eta, d: (framework.normalised_attention(q, k, eta, d)[0],
                                  framework.linear_attention(q, k, d)[1], _in_read(q, k, eta, d)[2]),
        "both are upside down: a state divided by eta_i is wanted, and this one is multiplied by it.":
            _normalised(lambda eta: eta / _shift(eta, 1), lambda eta: eta),
        "what is written is multiplied by eta_i; it should be divided.":
            _normalised(lambda eta: _shift(eta, 1) / eta, lambda eta: eta),
        "all is right but the first decay: yours is 0, which does no harm, since it meets a state of 0. Let it be 1.":
            _normalised(lambda eta: _shift(eta, 1) / eta, first=0.0),
        "all is right but the first decay, which came from the last eta (`roll` goes round): let it be 1.":
            _normalised(lambda eta: _shift(eta, 1) / eta, first=None),
        "all is right but the first decay: 1 / eta_1 belongs to what is written. It meets a state of 0 and does no "
        "harm, yet let it be 1.":
            lambda q, k, eta, d: _normalised(
                lambda e: torch.cat((torch.ones_like(e[:1]), e[:-1])) / e, first=None)(q, k, eta, d),
    },
    alternatives=(_by_loop,
                  lambda q, k, eta, d: framework.in_other_units(_in_read(q, k, eta, d),
                                                                (1 / eta)[:, None].expand(-1, k.shape[1] * d))),
    hints=("Let the new state be the old kind of state divided by eta_i: g_i = h_i / eta_i, with "
           "h_i = h_{i-1} + B_i u_i.",
           "g_i = (eta_{i-1} / eta_i) g_{i-1} + (B_i / eta_i) u_i.",
           "`before = torch.cat((eta[:1], eta[:-1]))`, then `(before / eta)[:, None]` for the decay and "
           "`eta[:, None, None]` under what is written."),
    solution='''
def normalised_attention(q, k, eta, d):
    decay, write, read = framework.linear_attention(q, k, d)
    before = torch.cat((eta[:1], eta[:-1]))                      # the first ratio is 1
    return (before / eta)[:, None] * decay, write / eta[:, None, None], read
''',
)

# ---------------------------------------------------------------- a transfer: S6 that is linear attention


def _as_selective_observed(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    q, k, d = case.args
    out = candidate(q, k, d)
    if not isinstance(out, (tuple, list)) or len(out) != 4:
        raise Fault("wrong value", "four things are wanted, in this order: dt, A, B, C.")
    wanted = {"dt": (len(k), d), "A": (d, k.shape[1]), "B": tuple(k.shape), "C": tuple(q.shape)}
    dt, A, B, C = (torch.as_tensor(v) for v in out)
    for (name, shape), v in zip(wanted.items(), (dt, A, B, C), strict=True):
        if tuple(v.shape) != shape:
            raise Fault("wrong shape", f"{name} should have the shape {shape}; yours has {tuple(v.shape)}.")
    if (dt < 0).any():
        raise Fault("wrong value", "a step dt is never below 0: in S6 it is a softplus.")
    return {"the implied attention": framework.implied(framework.selective_ssm(*(v.to(k) for v in (dt, A, B, C))))}


def _selective(dt: float = 1.0, A: float = 0.0, B: float = 1.0) -> Callable[..., tuple[Tensor, ...]]:
    """Constants for the step and the rates, and a factor of what is written."""
    return lambda q, k, d: (torch.full((len(k), d), dt).to(k), torch.full((d, k.shape[1]), A).to(k), B * k, q)


AS_SELECTIVE = Exercise(
    name="framework.as_selective", chapter="43", title="S6, asked to be attention", reference=framework.as_selective,
    minutes=8, observe=_as_selective_observed,
    cases=lambda: [Case((_randn(5, 3, seed=41), _randn(5, 3, seed=42), 2), "5 steps, keys of 3 numbers, 2 channels"),
                   Case((_randn(4, 2, seed=43), _randn(4, 2, seed=44), 1), "4 steps, keys of 2 numbers, 1 channel")],
    mistakes={
        "A = -1 makes the state decay, by e^-1 a step; linear attention forgets nothing. Look for the A that "
        "gives Lambda = 1 whatever the step.": _selective(A=-1.0),
        "A = 1 makes the state grow, by e a step. Lambda is e^(dt A), not A: look for the A that makes it 1.":
            _selective(A=1.0),
        "dt multiplies what is written: with dt = 2 divide B (or C) by 2, or take dt = 1.": _selective(dt=2.0),
        "dt = 0 gives Lambda = 1, and nothing is written: dt multiplies what enters, too.": _selective(dt=0.0),
        "keys and queries are exchanged: B writes, so it is the key; C reads, so it is the query.":
            lambda q, k, d: _selective()(k, q, d),
        "what reads is the key as well: C is the query.": lambda q, k, d: _selective()(k, k, d),
        "dt multiplies what is written, and yours is softplus(0) = 0.69: divide B by it, or take dt = 1.":
            _selective(dt=0.6931471805599453),
        "dt multiplies what is written, and yours is softplus(1) = 1.31: divide B by it, or take dt = 1.":
            _selective(dt=1.3132616875182228),
        "a very small dt does make Lambda nearly 1, and it makes what is written as small. Set A instead, then dt can "
        "be 1.": _selective(dt=1e-3, A=-1.0),
        "close, but exactly is wanted: with a small dt and B divided by it, the state still decays a little. With A = "
        "0 it does not.": _selective(dt=1e-2, A=-1.0, B=100.0),
    },
    alternatives=(_selective(dt=0.5, B=2.0),
                  lambda q, k, d: (torch.full((len(k), d), 2.0).to(k), 0 * k[:1].expand(d, -1), k, q / 2)),
    hints=("Go through Lambda, B and C one by one: which value has each in linear attention?",
           "Lambda = e^(dt A) = 1 for every dt if A = 0.",
           "What is written is dt B u. With dt = 1, B is the key."),
)

# ---------------------------------------------------------------- a transfer: features of a cut series


def three_terms(x: Tensor) -> Tensor:
    """The features of order 2.  x: (L, D) -> (L, n)"""
    return framework.taylor_features(x, 2)


def _products(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    q, k = (candidate(x) for x in case.args)
    if not isinstance(q, Tensor):
        raise Fault("error", f"a tensor of features (L, n) is wanted; this returns {type(q).__name__}.")
    for f, x in ((q, case.args[0]), (k, case.args[1])):
        if f.dim() != 2 or len(f) != len(x):
            raise Fault("wrong shape", f"one row of features for each row of x is wanted, ({len(x)}, n); yours has the "
                                       f"shape {tuple(f.shape)}.")
    constant = (q - 1).abs().amax(0).min()  # a sign or a turn of all features would leave the products as they are
    return {"the products phi(q) . phi(k)": q @ k.T, "the distance of one feature from 1": constant}


def _features(square: float = 0.5**0.5, one: float = 1.0, scale: float = 0.25,
              cross: bool = True) -> Callable[[Tensor], Tensor]:
    """1, z and the products of two entries of z, with other factors."""
    def phi(x: Tensor) -> Tensor:
        z = x / x.shape[-1] ** scale
        squares = (z[:, :, None] * z[:, None]).flatten(1) if cross else z**2
        return torch.cat((one * torch.ones_like(z[:, :1]), z, square * squares), 1)

    return phi


THREE_TERMS = Exercise(
    name="framework.three_terms", chapter="43", title="Features of the first three terms", reference=three_terms,
    core=False, minutes=10, observe=_products,
    cases=lambda: [Case((_randn(4, 3, seed=51), _randn(5, 3, seed=52)), "4 queries and 5 keys of 3 numbers"),
                   Case((2 * _randn(3, 2, seed=53), _randn(3, 2, seed=54)), "3 queries and 3 keys of 2 numbers")],
    mistakes={
        "the factor 1/2 of the square came in twice: it belongs to the product of two features, so each gets its "
        "square root.": _features(square=0.5),
        "the factor 1/2 of the square is missing: sqrt(1/2) on each side.": _features(square=1.0),
        "the square of a sum has cross terms: s^2 is the sum over all pairs (a, b), not only a = b.":
            _features(cross=False),
        "the square of a sum has cross terms (and the factor 1/2 is missing).": _features(square=1.0, cross=False),
        "the square of a sum has cross terms, and the factor 1/2 came in twice: sqrt(1/2) on each side.":
            _features(square=0.5, cross=False),
        "you summed over the entries of z first: the product of two such sums is not q . k. Each entry is a feature of "
        "its own.": lambda x: (lambda s: torch.stack((torch.ones_like(s), s, s**2 / 2**0.5), 1))(
            x.sum(1) / x.shape[-1] ** 0.25),
        "this is the series of x itself, entry by entry. Wanted are features whose *products* are the series of s: put "
        "the three groups side by side, `torch.cat`.":
            lambda x: (lambda z: 1 + z + z**2 / 2)(x / x.shape[-1] ** 0.25),
        "the products of two entries are of x and not of z: divide by sqrt D there.":
            lambda x: torch.cat((torch.ones_like(x[:, :1]), x / x.shape[-1] ** 0.25,
                                 torch.einsum("la,lb->lab", x, x).flatten(1) / 2**0.5), 1),
        "divide by D^(1/4) on each side: then the product of the two is divided by sqrt D, once. You divided by sqrt D "
        "on each side.": _features(scale=0.5),
        "sqrt D is missing: s = q . k / sqrt D, so each side is divided by D^(1/4).": _features(scale=0.0),
        "the term 1 is missing: a feature that is 1 for every x.": lambda x: _features()(x)[:, 1:],
        "the square is missing: these products are 1 + s.": lambda x: _features()(x)[:, : 1 + x.shape[-1]],
        "each product of two different entries is there once and must count twice: sqrt 2 on each side for a < b.":
            lambda x: torch.cat((torch.ones_like(x[:, :1]), x / x.shape[-1] ** 0.25, 0.5**0.5 * torch.stack(
                [x[:, a] * x[:, b] / x.shape[-1] ** 0.5 for a in range(x.shape[-1]) for b in range(a, x.shape[-1])],
                1)), 1),
    },
    alternatives=(_features(),
                  lambda x: torch.cat((torch.ones_like(x[:, :1]), x / x.shape[-1] ** 0.25,
                                       torch.einsum("la,lb->lab", x, x).flatten(1) / (2 * x.shape[-1]) ** 0.5), 1)),
    hints=("Three groups, side by side: one for each term. The products of groups add up.",
           "A feature of 1; then z = x / D^(1/4), whose products sum to s; then something whose products sum to "
           "s^2 / 2.",
           "s^2 is the sum over a and b of (z_a z_b)(w_a w_b): all D^2 products of two entries, times sqrt(1/2)."),
    solution='''
def three_terms(x):
    z = x / x.shape[-1] ** 0.25
    squares = (z[:, :, None] * z[:, None, :]).flatten(1)         # (L, D^2)
    return torch.cat((torch.ones_like(z[:, :1]), z, squares / 2**0.5), 1)
''',
)

EXERCISES = (RUN, IMPLIED, NORMALISED, AS_SELECTIVE, THREE_TERMS)
