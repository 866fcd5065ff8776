"""Part 4, learning online: the exercises of chapter 45."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import online
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault

Three = tuple[Tensor, Tensor, Tensor]


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _complex(*shape: int, seed: int = 0) -> Tensor:
    return torch.complex(_randn(*shape, seed=seed), _randn(*shape, seed=seed + 100))


def _lam(N: int, seed: int) -> Tensor:
    return torch.polar(0.5 + 0.4 * _randn(N, seed=seed).sigmoid(), _randn(N, seed=seed + 1))


# ---------------------------------------------------------------- one step of the traces


def _step(e_lam: Callable[..., Tensor], e_B: Callable[..., Tensor]) -> Callable[..., Three]:
    """The step with other traces.  Each is called with (new h, old h, old trace, lam, x, B)."""
    def carry(x: Tensor, h: Tensor, old_lam: Tensor, old_B: Tensor, lam: Tensor, B: Tensor) -> Three:
        new = lam * h + B @ x.to(B.dtype)
        return new, e_lam(new, h, old_lam, lam, x, B), e_B(new, h, old_B, lam, x, B)

    return carry


def _lam_right(new: Tensor, h: Tensor, e: Tensor, lam: Tensor, x: Tensor, B: Tensor) -> Tensor:
    return lam * e + h


def _B_right(new: Tensor, h: Tensor, e: Tensor, lam: Tensor, x: Tensor, B: Tensor) -> Tensor:
    return lam[:, None] * e + x


def _by_outer(x: Tensor, h: Tensor, e_lam: Tensor, e_B: Tensor, lam: Tensor, B: Tensor) -> Three:
    ones = torch.ones_like(lam)
    return lam * h + B @ x.to(B), h + e_lam * lam, torch.diag(lam) @ e_B + torch.outer(ones, x.to(B))


def _by_entries(x: Tensor, h: Tensor, e_lam: Tensor, e_B: Tensor, lam: Tensor, B: Tensor) -> Three:
    rows = [lam[n] * e_B[n] + x for n in range(len(lam))]
    return lam * h + (B * x).sum(-1), torch.stack([lam[n] * e_lam[n] + h[n] for n in range(len(h))]), torch.stack(rows)


def _step_case(N: int, D: int, seed: int) -> Case:
    return Case((_randn(D, seed=seed), _complex(N, seed=seed + 1), _complex(N, seed=seed + 2),
                 _complex(N, D, seed=seed + 3), _lam(N, seed + 4), _complex(N, D, seed=seed + 5)),
                f"{N} modes and {D} inputs, in the middle of a sequence")


CARRY = Exercise(
    name="online.carry", chapter="45", title="One step of the traces", reference=online.carry, minutes=8,
    cases=lambda: [_step_case(4, 3, 1), _step_case(2, 5, 20), _step_case(3, 3, 40)],
    mistakes={
        "the trace of lam took in the new state: h_t = lam h_{t-1} + ..., so what multiplies lam is the state before "
        "the step.":
            _step(lambda new, h, e, lam, x, B: lam * e + new, _B_right),
        "the trace of lam does not decay: what lam did earlier has itself been multiplied by lam since.":
            _step(lambda new, h, e, lam, x, B: e + h, _B_right),
        "the trace of lam forgets what it was: this is the truncated rule, which knows the last state and nothing "
        "before. Keep lam times the old trace.":
            _step(lambda new, h, e, lam, x, B: h, _B_right),
        "lam is multiplied with the state once more: d(lam h)/dlam = h for the part where lam stands, and lam times "
        "the old trace for the part inside h.":
            _step(lambda new, h, e, lam, x, B: lam * e + lam * h, _B_right),
        "all is multiplied by lam, the last state as well; it belongs outside the bracket.":
            _step(lambda new, h, e, lam, x, B: lam * (e + h), lambda new, h, e, lam, x, B: lam[:, None] * (e + x)),
        "lam was conjugated in its own trace. No conjugate is needed on the way forward: all is a plain product.":
            _step(lambda new, h, e, lam, x, B: lam.conj() * e + h, _B_right),
        "lam was conjugated in both traces. No conjugate is needed on the way forward: all is a plain product.":
            _step(lambda new, h, e, lam, x, B: lam.conj() * e + h,
                  lambda new, h, e, lam, x, B: lam.conj()[:, None] * e + x),
        "the trace of B does not decay: what was written n steps ago has been multiplied by lam n times since.":
            _step(_lam_right, lambda new, h, e, lam, x, B: e + x),
        "neither trace decays: what a parameter did earlier has been multiplied by lam since.":
            _step(lambda new, h, e, lam, x, B: e + h, lambda new, h, e, lam, x, B: e + x),
        "the trace of B holds the present input alone: that is the truncated rule. Keep lam times the old trace.":
            _step(_lam_right, lambda new, h, e, lam, x, B: x.to(B).expand_as(B)),
        "both traces hold the present alone: that is the truncated rule. Keep lam times the old ones.":
            _step(lambda new, h, e, lam, x, B: h, lambda new, h, e, lam, x, B: x.to(B).expand_as(B)),
        "what enters the trace of B is B x. B stands linearly in B x, and its derivative is x.":
            _step(_lam_right, lambda new, h, e, lam, x, B: lam[:, None] * e + B * x),
        "what enters the trace of B is what the mode takes in, B x, in every column. The derivative of B x with "
        "respect to entry (n, d) is x_d.":
            _step(_lam_right, lambda new, h, e, lam, x, B: lam[:, None] * e + (B @ x.to(B))[:, None]),
        "the trace of B took in the product of state and input; h_{t-1} does not multiply B. Only x does.":
            _step(_lam_right, lambda new, h, e, lam, x, B: lam[:, None] * e + torch.outer(h, x.to(B))),
        "lam went along the wrong axis of the trace of B: row n belongs to mode n, so it is lam[:, None].":
            _step(_lam_right, lambda new, h, e, lam, x, B: lam * e + x),
        "the trace of B took in the state; B is multiplied by the input x.":
            _step(_lam_right, lambda new, h, e, lam, x, B: lam[:, None] * e + h[:, None]),
        "lam is multiplied with the state in place of the old trace: h_{t-1} enters as it is, and lam brings e_lam, "
        "not h, one step further.":
            _step(lambda new, h, e, lam, x, B: h + lam * h, _B_right),
        "h_{t-1} is multiplied by lam as in the state itself, and the old trace is missing. The derivative of lam h "
        "is h where lam stands, plus lam times the old trace.":
            _step(lambda new, h, e, lam, x, B: lam * h, _B_right),
        "B x entered the trace of lam; lam does not stand in it, so its derivative is 0.":
            _step(lambda new, h, e, lam, x, B: lam * e + h + B @ x.to(B.dtype), _B_right),
        "the old trace of B was multiplied by B. What brings it one step further is what brings h there: lam.":
            _step(_lam_right, lambda new, h, e, lam, x, B: B * e + x),
        "both traces decay with the size of lam alone. They turn by its angle, too: multiply by lam itself.":
            _step(lambda new, h, e, lam, x, B: lam.abs() * e + h,
                  lambda new, h, e, lam, x, B: lam.abs()[:, None] * e + x),
        "x is multiplied by lam before it enters; it comes in after the decay, as it does into h.":
            _step(_lam_right, lambda new, h, e, lam, x, B: lam[:, None] * (e + x)),
    },
    alternatives=(_by_outer, _by_entries),
    hints=("Differentiate h_t = lam h_{t-1} + B x_t, once with respect to lam and once to an entry of B. Mind that "
           "h_{t-1} depends on both.",
           "With respect to lam it is a product: (where lam stands) h_{t-1}, plus lam times the old derivative.",
           "e_B has a row for each mode: `lam[:, None] * e_B` lets each row decay with its own lam."),
    solution='''
def carry(x, h, e_lam, e_B, lam, B):
    new_h = lam * h + B @ x.to(B)
    new_e_lam = lam * e_lam + h
    new_e_B = lam[:, None] * e_B + x
    return new_h, new_e_lam, new_e_B
''',
)

# ---------------------------------------------------------------- from lam to its parameters


def _chain(nu_part: Callable[..., Tensor], theta_part: Callable[..., Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    """Other chain rules; each part is called with (g, lam, exp nu, exp theta)."""
    def to_nu_theta(g: Tensor, nu: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        lam = torch.complex(-nu.exp(), theta.exp()).exp()
        return nu_part(g, lam, nu.exp(), theta.exp()), theta_part(g, lam, nu.exp(), theta.exp())

    return to_nu_theta


def _nu(g: Tensor, lam: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return -a * (g * lam).real


def _theta(g: Tensor, lam: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return -b * (g * lam).imag


def _by_autograd(g: Tensor, nu: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    nu, theta = nu.detach().requires_grad_(), theta.detach().requires_grad_()
    with torch.enable_grad():
        lam = torch.complex(-nu.exp(), theta.exp()).exp()
        return torch.autograd.grad((g * lam).real.sum(), (nu, theta))


TO_NU_THETA = Exercise(
    name="online.to_nu_theta", chapter="45", title="From the plane to decay and turn", reference=online.to_nu_theta,
    minutes=8,
    cases=lambda: [Case((_complex(3, seed=1), _randn(3, seed=2) - 1, _randn(3, seed=3)), "three modes"),
                   Case((_complex(5, seed=4), _randn(5, seed=5) - 2, _randn(5, seed=6)), "five slower modes")],
    mistakes={
        "the gradient of nu has the wrong sign: a larger nu makes lam smaller, dlam/dnu = -exp(nu) lam.":
            _chain(lambda g, lam, a, b: a * (g * lam).real, _theta),
        "the gradient of theta has the wrong sign: Re(i z) = -Im z.":
            _chain(_nu, lambda g, lam, a, b: b * (g * lam).imag),
        "both signs are turned.":
            _chain(lambda g, lam, a, b: a * (g * lam).real, lambda g, lam, a, b: b * (g * lam).imag),
        "lam is right, but its inner derivatives exp(nu) and exp(theta) are missing.":
            _chain(lambda g, lam, a, b: -(g * lam).real, lambda g, lam, a, b: -(g * lam).imag),
        "nu and theta stand in an exponential themselves: the derivative of exp(nu) is exp(nu), not nu.":
            lambda g, nu, theta: (lambda lam: ((g * lam).real * -nu, -(g * lam).imag * theta))(
                torch.complex(-nu.exp(), theta.exp()).exp()),
        "lam itself is missing: the derivative of exp(z) is exp(z) dz.":
            _chain(lambda g, lam, a, b: -a * g.real, lambda g, lam, a, b: -b * g.imag),
        "g was conjugated. Here dloss = Re(g dlam), without a conjugate.":
            _chain(lambda g, lam, a, b: -a * (g.conj() * lam).real, lambda g, lam, a, b: -b * (g.conj() * lam).imag),
        "lam was conjugated; the chain rule multiplies by dlam/dnu as it is.":
            _chain(lambda g, lam, a, b: -a * (g * lam.conj()).real, lambda g, lam, a, b: -b * (g * lam.conj()).imag),
        "for theta you took the real part without the i: dlam/dtheta = i exp(theta) lam, and Re(i z) = -Im z.":
            _chain(_nu, lambda g, lam, a, b: b * (g * lam).real),
        "the gradient of nu lacks its inner derivative: nu stands in exp(nu), so a factor exp(nu) belongs to it.":
            _chain(lambda g, lam, a, b: -(g * lam).real, _theta),
        "the gradient of theta lacks its inner derivative: theta stands in exp(theta), so a factor exp(theta) belongs "
        "to it.":
            _chain(_nu, lambda g, lam, a, b: -(g * lam).imag),
        "lam is missing in the gradient of theta: dlam/dtheta = i exp(theta) lam.":
            _chain(_nu, lambda g, lam, a, b: -b * g.imag),
        "lam is missing in the gradient of nu: dlam/dnu = -exp(nu) lam.":
            _chain(lambda g, lam, a, b: -a * g.real, _theta),
        "the real part of a product is not the product of the real parts: multiply g and lam first, then take it.":
            _chain(lambda g, lam, a, b: -a * g.real * lam.real, lambda g, lam, a, b: -b * g.imag * lam.imag),
        "g was conjugated for theta. Here dloss = Re(g dlam), without a conjugate.":
            _chain(_nu, lambda g, lam, a, b: -b * (g.conj() * lam).imag),
        "these are complex, and nu and theta are real: the gradient is the real part of g dlam/dnu, and of g "
        "dlam/dtheta.":
            _chain(lambda g, lam, a, b: -a * g * lam, lambda g, lam, a, b: 1j * b * g * lam),
        "the two are exchanged: nu is the decay, theta the turn.":
            _chain(_theta, _nu),
        "these are sizes: the real part of g dlam is asked for, not its absolute value.":
            _chain(lambda g, lam, a, b: -a * (g * lam).abs(), lambda g, lam, a, b: -b * (g * lam).abs()),
        "only one of the signs in exp(-exp(nu) + i exp(theta)) is there: nu's exponential is subtracted.":
            lambda g, nu, theta: (lambda lam: (nu.exp() * (g * lam).real, -theta.exp() * (g * lam).imag))(
                torch.complex(nu.exp(), theta.exp()).exp()),
    },
    alternatives=(_by_autograd,
                  lambda g, nu, theta: (lambda lam: ((g * -nu.exp() * lam).real, (g * 1j * theta.exp() * lam).real))(
                      torch.polar((-nu.exp()).exp(), theta.exp()))),
    hints=("dloss = Re(g dlam): find dlam/dnu and dlam/dtheta and put them there.",
           "lam = exp(z) with z = -exp(nu) + i exp(theta), so dlam/dnu = -exp(nu) lam and dlam/dtheta = i exp(theta) "
           "lam.",
           "`(g * lam).real` and `(g * lam).imag` are all that is needed, times one factor each."),
    solution='''
def to_nu_theta(g, nu, theta):
    lam = torch.exp(torch.complex(-nu.exp(), theta.exp()))
    return (g * -nu.exp() * lam).real, (g * 1j * theta.exp() * lam).real
''',
)

# ---------------------------------------------------------------- depth, by letting go


def _observe_states(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """The states, and where the gradient of a fixed loss goes."""
    x, lam, B = (v.clone().requires_grad_() for v in case.args)
    h = candidate(x, lam, B)
    if not isinstance(h, Tensor):
        return {"the value": h}
    if not h.requires_grad:
        raise Fault("wrong value", "no gradient flows back at all: something detaches the whole result.")
    weights = _complex(*h.shape, seed=9) if h.shape[-1:] == lam.shape else torch.ones_like(h)
    grads = torch.autograd.grad((weights * h).real.sum(), (x, lam, B), allow_unused=True)
    names = ("the gradient with respect to x", "the gradient with respect to lam", "the gradient with respect to B")
    return {"the states": h.detach()} | {n: torch.zeros_like(v) if g is None else g
                                         for n, g, v in zip(names, grads, (x, lam, B), strict=True)}


def _up(x: Tensor, B: Tensor) -> Tensor:
    return x.to(B.dtype)


def _double_B(x: Tensor, lam: Tensor, B: Tensor) -> Tensor:
    z = _up(x, B)
    return online.scan(lam, z.detach() @ B.T) + (z - z.detach()) @ B.T


def _no_x(x: Tensor, lam: Tensor, B: Tensor) -> Tensor:
    return online.scan(lam, _up(x, B).detach() @ B.T)


def _present_only(x: Tensor, lam: Tensor, B: Tensor) -> Tensor:
    """The spatial rule."""
    z = _up(x, B) @ B.T
    return (online.scan(lam, z) - z).detach() + z


def _truncated(x: Tensor, lam: Tensor, B: Tensor) -> Tensor:
    z = _up(x, B) @ B.T
    before = online.scan(lam, z).detach()
    return lam * torch.cat((torch.zeros_like(before[:, :1]), before[:, :-1]), 1) + z


def _frozen(x: Tensor, lam: Tensor, B: Tensor) -> Tensor:
    z = _up(x, B)
    return online.scan(lam.detach(), z.detach() @ B.detach().T) + (z - z.detach()) @ B.detach().T


def _twice_x(x: Tensor, lam: Tensor, B: Tensor) -> Tensor:
    z = _up(x, B)
    return online.scan(lam, z @ B.T) + (z - z.detach()) @ B.detach().T


def _value_doubled(x: Tensor, lam: Tensor, B: Tensor) -> Tensor:
    z = _up(x, B)
    return online.scan(lam, z.detach() @ B.T) + z @ B.detach().T


def _through_loop(x: Tensor, lam: Tensor, B: Tensor) -> Tensor:
    h, steps = torch.zeros(len(x), len(lam), dtype=B.dtype), []
    for x_t in x.unbind(1):
        h = lam * h + x_t.detach().to(B.dtype) @ B.T
        steps.append(h + (x_t - x_t.detach()).to(B.dtype) @ B.detach().T)
    return torch.stack(steps, 1)


def _by_swap(x: Tensor, lam: Tensor, B: Tensor) -> Tensor:
    z = _up(x, B)
    own = z @ B.detach().T
    return online.scan(lam, z.detach() @ B.T) + own - own.detach()


ONLINE_STATES = Exercise(
    name="online.online_states", chapter="45", title="The rule for depth, by letting go", minutes=12,
    reference=online.online_states, observe=_observe_states,
    cases=lambda: [Case((_randn(2, 5, 3, seed=1), _lam(4, 2), _complex(4, 3, seed=3)), "5 steps, 3 inputs, 4 modes"),
                   Case((_randn(1, 1, 2, seed=4), _lam(2, 5), _complex(2, 2, seed=6)), "a single step")],
    mistakes={
        "nothing was let go: this is backpropagation through time, cosine 1 at every depth, and it has to keep the "
        "sequence. x should get credit for its own step only: what has its gradient must stand outside the scan.":
            lambda x, lam, B: online.scan(lam, _up(x, B) @ B.T),
        "too much was let go: everything but the present. This is the spatial rule, under which lam gets no gradient "
        "and B that of the present. Detach x inside the scan, and nothing else there.": _present_only,
        "only the last state was kept for lam: this is the truncated rule. Let the gradient of lam and B run through "
        "the whole scan; only x is detached in it.": _truncated,
        "x gets no gradient at all: the layers below would learn nothing. Add a term that is 0 and through which x has "
        "the gradient of B x, for its own step.": _no_x,
        "lam and B are detached in the scan, so that they get no gradient: in there it is x that should be detached.":
            _frozen,
        "it is the other way round: B is detached and x is let through the whole past. Detach x in the scan, and "
        "leave B.":
            lambda x, lam, B: online.scan(lam, _up(x, B) @ B.detach().T),
        "lam gets no gradient: it is x that should be detached in the scan, and nothing else there.":
            lambda x, lam, B: online.scan(lam.detach(), _up(x, B).detach() @ B.T) + online.present(x, B),
        "B gets no gradient: it is x that should be detached in the scan. B is detached in the term for x alone.":
            lambda x, lam, B: online.scan(lam, _up(x, B).detach() @ B.detach().T) + online.present(x, B),
        "B gets its present step twice: once in the scan, once in the term for x. Detach B in that term, or let x - "
        "x.detach() stand alone there.":
            lambda x, lam, B: online.scan(lam, _up(x, B).detach() @ B.T) + _up(x, B) @ B.T - (_up(x, B) @ B.T).detach(),
        "x has its gradient with the wrong sign: add x - x.detach(), do not subtract it.":
            lambda x, lam, B: online.scan(lam, _up(x, B).detach() @ B.T) - online.present(x, B),
        "x gets credit at the last step only. Each step has an output of its own, and x is blamed there for what it "
        "does at that step: take x - x.detach() for all steps.":
            lambda x, lam, B: online.scan(lam, torch.cat((_up(x, B)[:, :-1].detach(), _up(x, B)[:, -1:]), 1) @ B.T),
        "x gets its own step twice: the scan still lets it through. Detach x in there.": _twice_x,
        "the value has changed: what you add for x must be 0 itself. Subtract the same, detached.": _value_doubled,
        "x lost the matrix on its way: the present input enters h through B, so its gradient is that of B x.":
            lambda x, lam, B: online.scan(lam, _up(x, B).detach() @ B.T)
            + (_up(x, B) - _up(x, B).detach()).sum(-1, keepdim=True),
    },
    alternatives=(_through_loop, _by_swap, _double_B),
    hints=("Two parts with different gradients: one for lam and B (the whole past), one for x (the present step).",
           "First part: `scan` of an input in which x is detached and B is not.",
           "`x - x.detach()` is 0 and has the gradient of x. Multiply it with B, detached, and add it."),
    solution='''
def online_states(x, lam, B):
    z = x.to(B.dtype)
    whole = scan(lam, z.detach() @ B.T)                  # lam and B: all of the past
    now = (z - z.detach()) @ B.detach().T                # zero, with x's gradient of this step
    return whole + now
''',
)

# ---------------------------------------------------------------- transfer: who keeps less


def _observe_count(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    value = candidate(*case.args)
    return {"the value": float(value) if isinstance(value, (int, float)) or (
        isinstance(value, Tensor) and value.dim() == 0) else value}


def _first(traces: Callable[[int, int], int], step: Callable[[int, int], int]) -> Callable[[int, int], int]:
    """The first length at which steps exceed traces, by other counts."""
    return lambda N, D: traces(N, D) // step(N, D) + 1


def _searched(N: int, D: int) -> int:
    L = 1
    while L * (2 * N + D) <= 4 * N + 2 * N * D:
        L += 1
    return L


BREAK_EVEN = Exercise(
    name="online.break_even", chapter="45", title="Transfer: from which length on?", reference=online.break_even,
    minutes=8, core=False, observe=_observe_count, rtol=0.0, atol=0.25,
    cases=lambda: [Case((64, 64), "N = D = 64"), Case((32, 3), "N = 32, D = 3"), Case((4, 100), "N = 4, D = 100"),
                   Case((1, 1), "N = D = 1"),
                   Case((20, 5), "N = 20, D = 5"), Case((5, 100), "N = 5, D = 100")],
    mistakes={
        "real and complex numbers were counted alike: a complex one (states, traces) is two real ones, an input is one "
        "real one.":
            _first(lambda N, D: 2 * N + N * D, lambda N, D: N + D),
        "the trace of B is missing, and it is by far the largest: N D complex numbers.":
            _first(lambda N, D: 4 * N, lambda N, D: 2 * N + D),
        "the traces of lam and the gain are missing; there are N complex numbers in each.":
            _first(lambda N, D: 2 * N * D, lambda N, D: 2 * N + D),
        "one of the two small traces is missing: lam and the gain have N complex numbers each.":
            _first(lambda N, D: 2 * N + 2 * N * D, lambda N, D: 2 * N + D),
        "the gain is real, yet its trace is not: it says how a complex state depends on it, two real numbers a mode.":
            _first(lambda N, D: 3 * N + 2 * N * D, lambda N, D: 2 * N + D),
        "the inputs are missing: B's gradient needs the D inputs of every step as well as the states.":
            _first(lambda N, D: 4 * N + 2 * N * D, lambda N, D: 2 * N),
        "the states of the trajectory are complex, two real numbers each.":
            _first(lambda N, D: 4 * N + 2 * N * D, lambda N, D: N + D),
        "the traces are complex, two real numbers each.":
            _first(lambda N, D: 2 * N + N * D, lambda N, D: 2 * N + D),
        "rounded to the nearest whole number, which is too short where the rest is small: asked for is the first "
        "length that takes more.":
            lambda N, D: round((4 * N + 2 * N * D) / (2 * N + D)),
        "the state is carried by reading alone, too; asked for are the traces: of lam, of the gain, of B.":
            _first(lambda N, D: 6 * N + 2 * N * D, lambda N, D: 2 * N + D),
        "the states are missing: a step that is kept has N complex numbers beside its D inputs.":
            _first(lambda N, D: 4 * N + 2 * N * D, lambda N, D: D),
        "one too short: asked for is the first length at which keeping the steps takes more.":
            lambda N, D: (4 * N + 2 * N * D) // (2 * N + D),
        "where the two are equal it is not yet more: when the division leaves no rest, the answer is one step further.":
            lambda N, D: -(-(4 * N + 2 * N * D) // (2 * N + D)),
        "the answer is a whole number of steps: round up to the first length that takes more.":
            lambda N, D: (4 * N + 2 * N * D) / (2 * N + D),
    },
    alternatives=(_searched, lambda N, D: int((4 * N + 2 * N * D) / (2 * N + D)) + 1),
    hints=("A step that is kept: N complex numbers and D real ones, so 2 N + D real numbers.",
           "Traces: N for lam, N for the gain, N D for B, all complex.",
           "The smallest whole L with L (2 N + D) > 2 (2 N + N D)."),
    solution='''
def break_even(N, D):
    a_step = 2 * N + D                                   # real numbers: a complex state, a real input
    traces = 2 * (N + N + N * D)                         # lam, gain, B
    return traces // a_step + 1                          # the first length that takes more
''',
)

EXERCISES = (CARRY, TO_NU_THETA, ONLINE_STATES, BREAK_EVEN)
