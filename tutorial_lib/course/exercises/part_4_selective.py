"""Part 4, selective state spaces: the exercises of chapter 44."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib import choosing, lyapunov, precision
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault
from tutorial_lib.precision import rounded


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---------------------------------------------------------------- hold what was marked


def _held(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """What a state space with these steps and inputs holds; any dt and B will do that hold the right numbers."""
    m, v = case.args
    found = candidate(m)
    if not isinstance(found, tuple) or len(found) != 2:
        raise Fault("wrong shape", "two tensors are wanted, dt and B: `return dt, B`.")
    dt, B = (torch.as_tensor(part) for part in found)
    for name, part in (("dt", dt), ("B", B)):
        if part.shape != m.shape:
            one = " One number for all steps: `torch.full_like(m, number)`." if part.dim() == 0 else ""
            raise Fault("wrong shape", f"{name} has one number a step, {tuple(m.shape)}; yours has the shape "
                        f"{tuple(part.shape)}.{one}")
    if not (dt.isfinite().all() and B.isfinite().all()):
        raise Fault("wrong value", "dt or B is not finite at some step (a division by a mark of 0, or an infinite "
                    "step). A step of 50 is long enough, and where dt = 0 any finite B will do.")
    if (dt < 0).any():
        raise Fault("wrong value", "a step dt is never below 0: in Mamba it comes out of a softplus.")
    between = dt[m == 0]
    if between.min() >= 2e-3 and between.max() < 0.5:
        raise Fault("wrong value", f"between the marks dt is {between.max():.2g}, and each such step keeps e^-dt of "
                    "what is held: it leaks. There dt has to be 0.")
    return {"what is held": choosing.read_state(v, dt.double(), B.double())}


def _hold_cases() -> list[Case]:
    m = torch.tensor([0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0]).double()
    return [Case((m, _randn(11, seed=1)), "11 steps with four marks"),
            Case((torch.tensor([1, 0, 0, 0, 0, 0]).double(), _randn(6, seed=2)), "one mark, at the first step")]


HOLD = Exercise(
    name="choosing.hold", chapter="44", title="Transfer: hold what was marked", reference=choosing.hold, minutes=8,
    cases=_hold_cases, observe=_held, rtol=1e-3, atol=1e-3,
    mistakes={
        "the state is emptied at a mark, but what is written is dt B v, and with B = 1 that is dt times too large. B "
        "has to take the step back: dt B = 1.":
            lambda m: (50 * m, torch.ones_like(m)),
        "the state is emptied at a mark, but what is written is dt B v, and with B = m that is dt times too large. B "
        "has to take the step back: dt B = 1.":
            lambda m: (30 * m, m),
        "a step of 1 keeps a share e^-1 = 0.37 of the old number under the new one. At a mark the old one has to go: a "
        "step of 30 or more.":
            lambda m: (m, torch.ones_like(m)),
        "nearly: a step of 5 leaves e^-5, 0.7 percent, of the old number under the new one. Take 30 or more.":
            lambda m: (5 * m, m / 5),
        "the marks are taken the wrong way round: you hold what is not marked, and skip what is.":
            lambda m: (50 * (1 - m), (1 - m) / 50),
        "nothing is ever written: what enters is dt B v, and at the marks yours has dt = 0 or B = 0. Both have to be "
        "above 0 there, with dt B = 1 (and dt is the long one, since a long step forgets).":
            lambda m: (50 * (1 - m), m / 50),
        "the step is long everywhere: unmarked numbers are not written, but they empty the state. At them the step has "
        "to be 0.":
            lambda m: (50 * torch.ones_like(m), m / 50),
        "the same long step and B everywhere: the state follows the last number, marked or not.":
            lambda m: (50 * torch.ones_like(m), torch.ones_like(m) / 50),
        "dt and B are the wrong way round: dt B = 1, but a step as short as 1/50 forgets next to nothing of the old "
        "number.":
            lambda m: (m / 50, 50 * m),
        "at a mark B multiplies by the step once more; it has to take it back: dt B = 1, so B = 1 / dt.":
            lambda m: (50 * m, 50 * m),
        "nothing is ever forgotten: with dt near 0 and B large at a mark, marked numbers pile up into a sum.":
            lambda m: (1e-6 * m, 1e6 * m),
        "dt is 1 and B the mark, whatever the mark: the state decays by e^-1 at each step, as in a system that cannot "
        "choose.":
            lambda m: (torch.ones_like(m), m),
    },
    alternatives=(lambda m: (torch.where(m > 0, 40.0, 0.0).double(), torch.full_like(m, 1 / 40)),
                  lambda m: (F.softplus(200 * m - 100), torch.where(m > 0, 0.01, 0.0).double())),
    hints=("h = exp(-dt) h + dt B v. At a number without a mark nothing may change: which dt does that?",
           "At a mark nothing of the old number may be left: exp(-dt) = 0, to the digits that matter.",
           "And dt B v should be v."),
    solution='''
def hold(m):
    dt = 50 * m                 # e^-50 of the old number is left at a mark, all of it elsewhere
    return dt, m / 50           # dt B = 1 at a mark
''',
)

# ---------------------------------------------------------------- the largest exponent


def _growth(scale: Callable[[Tensor, Tensor, Tensor], Tensor], count: Callable[[Tensor, Tensor], Tensor],
            ) -> Callable[..., Tensor]:
    """The loop with another tangent carried on, v = scale(v, size, x), and another thing counted, count(size, v)."""
    def largest_exponent(step: Any, x: Tensor, v: Tensor, inputs: Any, warm: int = 0) -> Tensor:
        total: Any = 0
        for t, u in enumerate(inputs):
            x, v = step(x, v, u)
            size = v.norm(dim=-1)
            v = scale(v, size, x)
            if t >= warm:
                total = total + count(size, v)
        return total / (len(inputs) - warm)

    return largest_exponent


def _unit(v: Tensor, size: Tensor, x: Tensor) -> Tensor:
    return v / size[..., None]


def _log(size: Tensor, v: Tensor) -> Tensor:
    return size.log()


def _by_normalize(step: Any, x: Tensor, v: Tensor, inputs: Any, warm: int = 0) -> Tensor:
    sizes = []
    for u in inputs:
        x, v = step(x, v, u)
        sizes.append(torch.linalg.vector_norm(v, dim=-1))
        v = F.normalize(v, dim=-1)
    return torch.stack(sizes)[warm:].log().mean(0)


def _linear_maps() -> tuple[Any, Tensor, Tensor, list[Tensor], int]:
    matrices = [0.9 * _randn(3, 3, seed=i) for i in range(12)]
    return (lambda x, v, u: (x @ u.T, v @ u.T)), _randn(3, seed=50), _randn(3, seed=51), matrices, 4


def _tanh_maps() -> tuple[Any, Tensor, Tensor, Tensor, int]:
    step = lyapunov.tanh_step(lyapunov.random_tanh(torch.tensor([0.5, 2.0]), 5, torch.Generator().manual_seed(3)))
    return step, _randn(2, 5, seed=52), _randn(2, 5, seed=53), 0.3 * _randn(10, 5, seed=54), 2


LARGEST = Exercise(
    name="lyapunov.largest_exponent", chapter="44", title="The rate at which two states part",
    reference=lyapunov.largest_exponent, minutes=6,
    cases=lambda: [Case(_linear_maps(), "12 random matrices, 4 steps to warm up"),
                   Case(_tanh_maps(), "two tanh networks side by side, 2 steps to warm up")],
    mistakes={
        "the tangent is never scaled back, so the sizes are those since the beginning, and their logs count every "
        "early step again and again.": _growth(lambda v, size, x: v, _log),
        "the size itself is added up, not its log: rates multiply, and the log of a product is the sum of logs.":
            _growth(_unit, lambda size, v: size),
        "the log is taken of the tangent after it was scaled: that is log 1 = 0 at each step.":
            _growth(_unit, lambda size, v: v.norm(dim=-1).log()),
        "`v / v.norm()` scales all networks by one number, the length of everything together. Each has a length of its "
        "own: `size[..., None]`.": _growth(lambda v, size, x: v / v.norm(), _log),
        "`v / size` sets lengths (...) beside tangents (..., n): with several networks the shapes do not fit, or fit "
        "by accident. `size[..., None]`.": _growth(lambda v, size, x: v / size, _log),
        "log10 in place of the natural logarithm: your rate is 2.3 times too small.":
            _growth(_unit, lambda size, v: size.log10()),
        "log2 in place of the natural logarithm: yours are bits a step. Wanted are units of e.":
            _growth(_unit, lambda size, v: size.log2()),
        "the tangent is scaled by its largest entry, and the log taken of its length: the two must be the same "
        "measure.": _growth(lambda v, size, x: v / v.abs().amax(-1, keepdim=True), _log),
        "the sign: a tangent that grows has a positive exponent.": _growth(_unit, lambda size, v: -size.log()),
        "log(1 + size) in place of log(size): a step that shrinks would count as growth.":
            _growth(_unit, lambda size, v: size.log1p()),
        "size - 1 is near log(size) only for sizes near 1; what adds up exactly is the log.":
            _growth(_unit, lambda size, v: size - 1),
        "the log of the squared length is twice the rate.": _growth(_unit, lambda size, v: size.square().log()),
        "the sum of the entries is no length: it may be near 0, or negative. `size` is the length.":
            _growth(lambda v, size, x: v / v.sum(-1, keepdim=True), _log),
        "`F.normalize` works along axis 1 unless told otherwise; a tangent's numbers are on the last: `dim=-1`.":
            _growth(lambda v, size, x: F.normalize(v), _log),
        "the logs are averaged over the networks as well; each has a rate of its own.":
            _growth(_unit, lambda size, v: size.log().mean()),
        "the tangent is multiplied by its size where it should be divided by it.":
            _growth(lambda v, size, x: v * size[..., None], _log),
        "v was divided by the length of the state x; its own length is what has to be 1.":
            _growth(lambda v, size, x: v / x.norm(dim=-1, keepdim=True), _log),
    },
    alternatives=(_by_normalize, _growth(lambda v, size, x: F.normalize(v, dim=-1), _log)),
    hints=("After each step the tangent should have the length 1 again, in its new direction.",
           "Lengths are (...) and tangents (..., n): `size[..., None]` stands beside v.",
           "What is added up is the log of the factor by which this step stretched the tangent."),
    solution='''
def largest_exponent(step, x, v, inputs, warm=0):
    total = 0
    for t, u in enumerate(inputs):
        x, v = step(x, v, u)
        size = v.norm(dim=-1)
        v = v / size[..., None]
        if t >= warm:
            total = total + size.log()
    return total / (len(inputs) - warm)
''',
)

# ---------------------------------------------------------------- exactly, from the weights


def _from(dt: Callable[[Tensor], Tensor], A: Callable[[Tensor], Tensor],
          mean: Callable[[Tensor], Tensor] = lambda dt: dt.mean(0)) -> Callable[..., Tensor]:
    return lambda z, log_rate: mean(dt(z))[:, None] * A(log_rate)


def _minus_exp(log_rate: Tensor) -> Tensor:
    return -log_rate.exp()


def _by_products(z: Tensor, log_rate: Tensor) -> Tensor:
    decays = torch.exp(-F.softplus(z)[:, :, None] * log_rate.exp())  # (T, D, N)
    return decays.log().mean(0)


FROM_WEIGHTS = Exercise(
    name="lyapunov.exponents_from_weights", chapter="44", title="All exponents, exactly",
    reference=lyapunov.exponents_from_weights, minutes=8,
    cases=lambda: [Case((_randn(7, 3, seed=60), _randn(3, 2, seed=61)), "7 steps, 3 channels, 2 modes"),
                   Case((2 * _randn(4, 4, seed=62), _randn(4, 4, seed=63)), "4 steps, 4 channels, 4 modes")],
    mistakes={
        "`log_rate` was taken for A itself, which is then above 0 in places and would let a state grow. A = "
        "-exp(log_rate).": _from(F.softplus, lambda a: a),
        "the minus is missing: A = -exp(log_rate) is below 0, that is the point of it.":
            _from(F.softplus, lambda a: a.exp()),
        "A = -log_rate may be above 0. The exponential makes the rate positive whatever the weights are, the minus "
        "makes A negative.": _from(F.softplus, lambda a: -a),
        "softplus is missing: z may be below 0, and a negative step with a negative rate is growth.":
            _from(lambda z: z, _minus_exp),
        "exp(z) in place of softplus(z) = log(1 + exp(z)).": _from(torch.exp, _minus_exp),
        "relu in place of softplus: right for large z, and exactly 0 where softplus is only small.":
            _from(F.relu, _minus_exp),
        "the sum over time is the log of the whole decay. The exponent is that per step: the mean.":
            _from(F.softplus, _minus_exp, lambda dt: dt.sum(0)),
        "that is the decay a step, exp of the exponent; wanted is its logarithm.":
            lambda z, a: _from(F.softplus, _minus_exp)(z, a).exp(),
        "softplus of the mean in place of the mean of softplus: the steps are averaged, not what they come from.":
            lambda z, a: F.softplus(z.mean(0))[:, None] * _minus_exp(a),
        "`dt.mean(0) * A` sets (D,) beside (D, N), and each mode gets the step of another channel where it runs at "
        "all: `dt.mean(0)[:, None]`.": lambda z, a: F.softplus(z).mean(0) * _minus_exp(a),
        "the mean is taken over the channels; time is the first axis: `dt.mean(0)`.":
            lambda z, a: F.softplus(z).mean(1)[:, None] * _minus_exp(a),
        "A = -exp(log_rate): the minus stands before the exponential, not in it.":
            _from(F.softplus, lambda a: (-a).exp()),
        "exp(-log_rate) is one over the rate. A = -exp(log_rate).": _from(F.softplus, lambda a: -(-a).exp()),
        "softplus makes the steps; the rates come out of an exponential: A = -exp(log_rate).":
            _from(F.softplus, lambda a: -F.softplus(a)),
        "the sigmoid in place of softplus(z) = log(1 + exp(z)); it is its slope.": _from(torch.sigmoid, _minus_exp),
        "only the last step is counted; the exponent is the mean over all of them.":
            _from(F.softplus, _minus_exp, lambda dt: dt[-1]),
        "these are the logs of each step's decay, (T, D, N); what is left to do is the mean over time.":
            lambda z, a: F.softplus(z)[:, :, None] * _minus_exp(a),
        "only the largest is returned; wanted are all, (D, N).":
            lambda z, a: _from(F.softplus, _minus_exp)(z, a).max(),
        "the log of the mean decay in place of the mean of the log. Decays multiply along time, so their logs are "
        "averaged; your value is larger (Jensen).":
            lambda z, a: torch.exp(F.softplus(z)[:, :, None] * _minus_exp(a)).mean(0).log(),
    },
    alternatives=(_by_products, lambda z, a: torch.einsum("td,dn->dn", F.softplus(z), -a.exp()) / len(z)),
    hints=("One step multiplies mode (d, n) by exp(dt_d A_dn). What is the log of the product over all steps?",
           "dt = softplus(z) and A = -exp(log_rate).",
           "The mean of dt over time is (D,); `[:, None]` sets it beside A, (D, N)."),
    solution='''
def exponents_from_weights(z, log_rate):
    dt = F.softplus(z)                                 # (T, D), above 0
    A = -log_rate.exp()                                # (D, N), below 0
    return dt.mean(0)[:, None] * A
''',
)

# ---------------------------------------------------------------- a product in half precision


def _product(fx: Any, fW: Any, fb: Any, fy: Any) -> Callable[..., Tensor]:
    """A product in which x, W, b and the result are treated by four functions of a tensor and the format."""
    return lambda x, W, b, format: fy(fx(x, format) @ fW(W, format).T + fb(b, format), format)


def _same(x: Tensor, format: str) -> Tensor:
    return x


def _as_fp16(x: Tensor, format: str) -> Tensor:
    return x.half().to(x.dtype)


def _as_bf16(x: Tensor, format: str) -> Tensor:
    return x.bfloat16().to(x.dtype)


def _every_sum(x: Tensor, W: Tensor, b: Tensor, format: str) -> Tensor:
    x, W = rounded(x, format), rounded(W, format)
    total = rounded(b, format).expand(*x.shape[:-1], len(b))
    for i in range(x.shape[-1]):
        total = rounded(total + x[..., i : i + 1] * W[:, i], format)
    return total


def _product_cases() -> list[Case]:
    x, W, b = _randn(3, 40, seed=70).float(), _randn(2, 40, seed=71).float(), 3 * _randn(2, seed=72).float()
    return [Case((x, W, b, "bf16"), "3 rows of 40 numbers, bf16"), Case((x, W, b, "fp16"), "the same in fp16")]


ROUNDED = Exercise(
    name="precision.rounded_linear", chapter="44", title="A layer in half precision", core=False,
    reference=precision.rounded_linear, minutes=8, cases=_product_cases, rtol=1e-5, atol=1e-6,
    mistakes={
        "nothing is rounded: this is the product in fp32.": _product(_same, _same, _same, _same),
        "only the weights are rounded; so are the inputs, the offset and the result.":
            _product(_same, rounded, _same, _same),
        "the weights and the inputs are rounded, the result is not: what leaves the layer is in half precision, too.":
            _product(rounded, rounded, rounded, _same),
        "the result is rounded, and the factors are not: they enter in half precision.":
            _product(_same, _same, _same, rounded),
        "the offset b is left in fp32; it is an input of the product as well.":
            _product(rounded, rounded, _same, rounded),
        "it rounds to fp16 whatever the format says.": _product(*[_as_fp16] * 4),
        "it rounds to bf16 whatever the format says.": _product(*[_as_bf16] * 4),
        "every partial sum is rounded. Hardware keeps the sums of such a product in fp32 and rounds once, at the end; "
        "with 40 terms yours loses several times as much.": _every_sum,
        "the product is rounded, and b is added after it, in fp32: the result that leaves the layer has to be rounded, "
        "b included.":
            lambda x, W, b, format: rounded(rounded(x, format) @ rounded(W, format).T, format) + b,
        "the product is rounded before b is added, and once more after: two errors in place of one. Hardware adds b to "
        "the sum in fp32.":
            lambda x, W, b, format: rounded(rounded(rounded(x, format) @ rounded(W, format).T, format)
                                            + rounded(b, format), format),
        "W is (O, I) and x (..., I): the product is x W', so `W.T` (or `F.linear`).":
            lambda x, W, b, format: rounded(rounded(x, format) @ rounded(W, format) + rounded(b, format), format),
        "the product and b are rounded each for itself, and their sum is not: what leaves the layer has to be rounded "
        "last.":
            lambda x, W, b, format: rounded(rounded(x, format) @ rounded(W, format).T, format) + rounded(b, format),
        "the inputs and the weights are rounded; so are the offset b and, last, the result.":
            _product(rounded, rounded, _same, _same),
        "only the inputs are rounded; so are the weights, the offset and the result.":
            _product(rounded, _same, _same, _same),
        "the offset b is missing.": lambda x, W, b, format: rounded(rounded(x, format) @ rounded(W, format).T, format),
        "each product of two numbers is rounded before they are summed. Hardware keeps products and sums in fp32 and "
        "rounds once, at the end.":
            lambda x, W, b, format: rounded(rounded(rounded(x, format)[..., None, :] * rounded(W, format), format)
                                            .sum(-1) + rounded(b, format), format),
        "the inputs are left as they are; they enter in half precision as well.":
            _product(_same, rounded, rounded, rounded),
        "the weights are left in fp32: mixed precision keeps them so, but the product gets a rounded copy.":
            _product(rounded, _same, rounded, rounded),
    },
    alternatives=(lambda x, W, b, format: rounded(F.linear(*(rounded(t, format) for t in (x, W, b))), format),
                  _product(rounded, rounded, rounded, rounded)),
    hints=("Three things go in and one comes out; each passes `rounded(..., format)`.",
           "The product itself is an ordinary one, in fp32: `x @ W.T + b` of the rounded three."),
    solution='''
def rounded_linear(x, W, b, format):
    x, W, b = (rounded(t, format) for t in (x, W, b))
    return rounded(x @ W.T + b, format)
''',
)

EXERCISES = (HOLD, LARGEST, FROM_WEIGHTS, ROUNDED)
