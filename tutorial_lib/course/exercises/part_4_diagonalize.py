"""Part 4, approximate diagonalisation: the exercises of chapter 42."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import diagonalize, hippo
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case

# ---------------------------------------------------------------- a wave in, a state out

WAVES = torch.tensor([0.3, 2.0, 7.0], dtype=torch.float64)


def _solved(A: Tensor, B: Tensor, s: Tensor) -> Tensor:
    """(s - A)^-1 B for complex s.  (W,) -> (W, N)"""
    A = A.to(torch.complex128)
    return torch.linalg.solve(s[:, None, None] * torch.eye(len(B)) - A, B.to(A)[:, None])[..., 0]


RESPONSE = Exercise(
    name="diagonalize.response", chapter="42", title="A wave in, a state out",
    reference=diagonalize.response, minutes=6,
    cases=lambda: [Case((*hippo.legs(4), WAVES), "LegS with N = 4 at the frequencies 0.3, 2 and 7"),
                   Case((*hippo.legt(3), WAVES[:2]), "LegT with N = 3 at the frequencies 0.3 and 2")],
    mistakes={
        "you put omega where i omega belongs: that asks what a growing input e^{omega t} does. A wave is e^{i omega "
        "t}.":
            lambda A, B, omega: _solved(A, B, omega.to(torch.complex128)),
        "the sign of i omega is turned: this is the answer to e^{-i omega t}, the complex conjugate.":
            lambda A, B, omega: _solved(A, B, -1j * omega),
        "the result has the wrong sign: i omega x = A x + B gives (i omega - A) x = B, and not (A - i omega) x = B.":
            lambda A, B, omega: -_solved(A, B, 1j * omega),
        "A came in with its sign turned: i omega x = A x + B gives (i omega - A) x = B.":
            lambda A, B, omega: _solved(-A, B, 1j * omega),
        "A is transposed; the system reads dx/dt = A x + B u with A as it stands.":
            lambda A, B, omega: _solved(A.T, B, 1j * omega),
        "you multiplied with i omega - A instead of solving with it.":
            lambda A, B, omega: (1j * omega[:, None, None] * torch.eye(len(B)) - A.to(torch.complex128)) @ B.to(
                torch.complex128),
        "frequencies here are in radians per timescale already; 2 pi came in once too often.":
            lambda A, B, omega: _solved(A, B, 2j * math.pi * omega),
        "without the identity, i omega was added to every entry of the matrix: only its diagonal gets it.":
            lambda A, B, omega: torch.linalg.solve(1j * omega[:, None, None] - A.to(torch.complex128),
                                                   B.to(torch.complex128)[:, None])[..., 0],
    },
    alternatives=(
        lambda A, B, omega: torch.stack([torch.linalg.inv(1j * w * torch.eye(len(B)) - A) @ B.to(torch.complex128)
                                         for w in omega]),
        lambda A, B, omega: _solved(A, B, 1j * omega),
    ),
    hints=("Put x(t) = x e^{i omega t} and u(t) = e^{i omega t} into dx/dt = A x + B u, and divide by the wave.",
           "The first blank is the imaginary unit, in Python `1j`.",
           "The second is the right-hand side, B as a complex column: `B.to(A)[:, None]`."),
    solution='''
def response(A, B, omega):
    A = A.to(torch.complex128)
    shifted = 1j * omega[:, None, None] * torch.eye(len(B)) - A
    return torch.linalg.solve(shifted, B.to(A)[:, None])[..., 0]
''',
)

# ---------------------------------------------------------------- find the bug: a grid that misses


def _observe_number(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """One number; a tensor without axes will do."""
    value = candidate(*case.args)
    return {"the value": float(value) if isinstance(value, Tensor) and value.dim() == 0 else value}


def _largest(N: int, omega: Tensor) -> float:
    return diagonalize.amplification(N, omega).max().item()


def _wild(N: int) -> float:
    return _largest(N, torch.logspace(-2, 2, 400, dtype=torch.float64))


def _at_every_mode(N: int) -> float:
    return _largest(N, hippo.s4d_legs(N)[0].imag)


def _two_searches(N: int) -> float:
    rough = torch.linspace(1, N * N, 20001, dtype=torch.float64)
    top = rough[diagonalize.amplification(N, rough).argmax()]
    return _largest(N, top + torch.linspace(-1, 1, 4001, dtype=torch.float64) * (rough[1] - rough[0]))


HIGHEST = Exercise(
    name="diagonalize.highest", chapter="42", title="Find the bug: a search that misses the spike",
    reference=diagonalize.highest, minutes=8, rtol=0.01, atol=0.0, observe=_observe_number,
    cases=lambda: [Case((32,), "N = 32"), Case((64,), "N = 64"), Case((16,), "N = 16")],
    mistakes={
        "this is the bug itself: the grid ends at 100, and the highest spike of N = 64 stands at 1303. It grows like "
        "N^2 / pi, so a grid with a fixed end is left behind.": _wild,
        "the grid reaches far enough now, but its points lie further apart than a spike is wide (about 1): it falls "
        "between them. Ask `hippo.s4d_legs(N)[0].imag` where the spikes are.":
            lambda N: _largest(N, torch.logspace(-2, 4, 400, dtype=torch.float64)),
        "this is the spike's place; asked for is its height, the amplification there.": diagonalize.spike,
        "N^2 / pi is near the spike, and a spike is about 1 wide: near is not enough. Its place is the largest "
        "imaginary "
        "part of S4D's modes, `hippo.s4d_legs(N)[0].imag`.":
            lambda N: _largest(N, torch.tensor(N * N / math.pi, dtype=torch.float64)),
        "you looked at the lowest of the spikes; the highest stands at the largest imaginary part.":
            lambda N: _largest(N, hippo.s4d_legs(N)[0].imag[:1]),
        "that is |1 + Pi|, how much LegS leaves of what S4D lets through; the amplification is one over it.":
            lambda N: 1 / diagonalize.highest(N),
        "2 (N / pi)^2 is what the height tends to; at N = 16 that is 1.6 % off, and 1 % is asked for.":
            lambda N: 2 * (N / math.pi) ** 2,
        "the answer of N = 64 came back, whatever N was.":
            lambda N: diagonalize.highest(64),
        "whole frequencies lie 1 apart and a spike is about 1 wide, so that its top falls between two of them: take "
        "finer steps, or its place, `hippo.s4d_legs(N)[0].imag`.":
            lambda N: _largest(N, torch.arange(1, N * N, dtype=torch.float64)),
        "the range grows with N now, but 400 points on it lie further apart than a spike is wide (about 1): it falls "
        "between them.":
            lambda N: _largest(N, torch.logspace(-2, math.log10(N * N), 400, dtype=torch.float64)),
        "you handed over the modes themselves, and their real part, -1/2, was taken for the frequency; take `.imag`.":
            lambda N: _largest(N, hippo.s4d_legs(N)[0].real),
        "you looked at omega = N, where spikes begin; the highest is the last, near N^2 / pi.":
            lambda N: _largest(N, torch.tensor(float(N), dtype=torch.float64)),
        "this is the length of S4D's state; asked for is how many times larger it is than that of LegS.":
            lambda N: _solved(*diagonalize.s4d(N), 1j * hippo.s4d_legs(N)[0].imag).norm(dim=1).max().item(),
    },
    alternatives=(_at_every_mode, _two_searches),
    hints=("Print the frequency at which your search found its largest value. Is it the last of the grid?",
           "Poles of S4D are the eigenvalues of S, -1/2 + i omega_j: a spike stands at each omega_j, about 1 wide.",
           "Evaluate `amplification(N, ...)` at `hippo.s4d_legs(N)[0].imag` and take the largest."),
    solution='''
def highest(N):
    spikes = hippo.s4d_legs(N)[0].imag               # a spike stands at each of these
    return amplification(N, spikes).max().item()
''',
)

# ---------------------------------------------------------------- perturb, then diagonalise

Parts = tuple[Tensor, Tensor, Tensor]


def _observe_parts(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """What does not depend on the order and the length of eigenvectors: A + E rebuilt, and answers to waves."""
    A, B, E = case.args
    modes, b, V = candidate(A, B, E)
    modes, b, V = (v.to(torch.complex128) for v in (modes, b, V))
    return {"V diag(modes) V^-1": V @ torch.diag(modes) @ torch.linalg.inv(V),
            "V times your second result": V @ b,
            "the answer to a wave, V (i omega - modes)^-1 V^-1 B": (V * (b / (2j - modes))).sum(-1)}


def _parts(matrix: Callable[[Tensor, Tensor], Tensor], inside: Callable[[Tensor, Tensor], Tensor],
           ) -> Callable[[Tensor, Tensor, Tensor], Parts]:
    """Diagonalise another matrix, or bring B into the new coordinates in another way."""
    def build(A: Tensor, B: Tensor, E: Tensor) -> Parts:
        modes, V = torch.linalg.eig(matrix(A, E))
        return modes, inside(V, B.to(V)), V

    return build


def _hermitian(A: Tensor, B: Tensor, E: Tensor) -> Parts:
    modes, V = torch.linalg.eigh(A + E)
    return modes, torch.linalg.solve(V, B), V


def _draw(N: int) -> Tensor:
    return diagonalize.perturbation(N, 0.3, torch.Generator().manual_seed(N))




PERTURB = Exercise(
    name="diagonalize.perturb_then_diagonalize", chapter="42", title="Perturb, then diagonalise",
    reference=diagonalize.perturb_then_diagonalize, minutes=10, observe=_observe_parts,
    cases=lambda: [Case((*hippo.legs(5), _draw(5)), "LegS with N = 5 and an E of norm 0.3"),
                   Case((*hippo.legs(8), _draw(8)), "LegS with N = 8 and an E of norm 0.3")],
    mistakes={
        "`eigh` is for symmetric and Hermitian matrices, and reads only one triangle of yours. A + E is neither: "
        "`eig`.":
            _hermitian,
        "V^H stands where V^-1 belongs. The two agree for a normal matrix (that is how S4D does it); A + E is not "
        "normal, so solve with V.":
            _parts(lambda A, E: A + E, lambda V, b: V.mH @ b),
        "V^T stands where V^-1 belongs; solve with V.":
            _parts(lambda A, E: A + E, lambda V, b: V.mT @ b),
        "you multiplied B with V; the new coordinates of a vector are V^-1 B, since x = V times them.":
            _parts(lambda A, E: A + E, lambda V, b: V @ b),
        "B came back as it was; in the new coordinates it is V^-1 B.":
            _parts(lambda A, E: A + E, lambda V, b: b),
        "E is not in it: you diagonalised A itself, which works at N = 5 and is lost beyond N = 16.":
            _parts(lambda A, E: A, lambda V, b: torch.linalg.solve(V, b)),
        "E was taken away instead of added.":
            _parts(lambda A, E: A - E, lambda V, b: torch.linalg.solve(V, b)),
        "you diagonalised the transpose of A + E.":
            _parts(lambda A, E: (A + E).T, lambda V, b: torch.linalg.solve(V, b)),
        "your third result is V^-1; asked for is V itself, whose columns are the eigenvectors, since a readout "
        "becomes C V.":
            lambda A, B, E: (lambda modes, b, V: (modes, b, torch.linalg.inv(V)))(
                *diagonalize.perturb_then_diagonalize(A, B, E)),
        "the modes came as a matrix with them on its diagonal; asked for are the N numbers, which is all a step needs.":
            lambda A, B, E: (lambda modes, b, V: (torch.diag(modes), b, V))(
                *diagonalize.perturb_then_diagonalize(A, B, E)),
        "E was added to B as well, or instead: only the matrix is perturbed.":
            lambda A, B, E: diagonalize.perturb_then_diagonalize(A, B + E.sum(1), E),
        "only the real part of V^-1 B came back: the imaginary part is as much of it, since modes come in conjugate "
        "pairs.":
            _parts(lambda A, E: A + E, lambda V, b: torch.linalg.solve(V, b).real),
        "only the real parts of the modes came back: without the imaginary parts no mode turns.":
            lambda A, B, E: (lambda modes, b, V: (modes.real, b, V))(*diagonalize.perturb_then_diagonalize(A, B, E)),
    },
    alternatives=(
        _parts(lambda A, E: A + E, lambda V, b: torch.linalg.inv(V) @ b),
        lambda A, B, E: _longer(*diagonalize.perturb_then_diagonalize(A, B, E)),
    ),
    hints=("`torch.linalg.eig` returns the modes and a matrix whose columns are the eigenvectors, both complex.",
           "x = V h: put that into dx/dt = (A + E) x + B u and multiply with V^-1 from the left.",
           "B must be complex as well: `torch.linalg.solve(V, B.to(V))`."),
)


def _longer(modes: Tensor, b: Tensor, V: Tensor) -> Parts:
    """Eigenvectors twice as long and in another order: as right as the others."""
    return modes.flip(0), b.flip(0) / 2, 2 * V.flip(1)


# ---------------------------------------------------------------- a wave of steps

ANGLE = Exercise(
    name="diagonalize.angle", chapter="42", title="Does the frequency exist in steps?", reference=diagonalize.angle,
    minutes=8, observe=_observe_number,
    cases=lambda: [Case((80.97, 1 / 32, "zoh"), "omega = 80.97, dt = 1/32, zero-order hold"),
                   Case((80.97, 1 / 32, "bilinear"), "omega = 80.97, dt = 1/32, bilinear"),
                   Case((1303.3, 0.01, "zoh"), "omega = 1303.3, dt = 0.01, zero-order hold"),
                   Case((100.0, 0.04, "zoh"), "omega = 100, dt = 0.04, zero-order hold"),
                   Case((1303.3, 0.01, "bilinear"), "omega = 1303.3, dt = 0.01, bilinear")],
    mistakes={
        "omega dt is right until it passes pi. Beyond, samples cannot tell the wave from a slower one: fold it back "
        "into "
        "0 to pi.":
            lambda omega, dt, rule: 2 * math.atan(omega * dt / 2) if rule == "bilinear" else omega * dt,
        "you took whole turns off, which leaves 0 to 2 pi; a wave of 2 pi - theta a step is one of theta read "
        "backwards: "
        "fold once more.":
            lambda omega, dt, rule: 2 * math.atan(omega * dt / 2) if rule == "bilinear" else omega * dt % (2 * math.pi),
        "beyond pi you cut the angle off; samples fold it, and 2 pi - theta comes back down.":
            lambda omega, dt, rule: 2 * math.atan(omega * dt / 2) if rule == "bilinear" else min(omega * dt, math.pi),
        "whole turns of pi were taken off; the samples of a wave repeat after 2 pi, and beyond pi the angle comes back "
        "down.":
            lambda omega, dt, rule: 2 * math.atan(omega * dt / 2) if rule == "bilinear" else omega * dt % math.pi,
        "the bilinear rule lacks its 2 in front: theta = 2 atan(omega dt / 2), which runs up to pi.":
            lambda omega, dt, rule: math.atan(omega * dt / 2) if rule == "bilinear" else diagonalize.angle(omega, dt),
        "the bilinear rule lacks its half inside: theta = 2 atan(omega dt / 2).":
            lambda omega, dt, rule: 2 * math.atan(omega * dt) if rule == "bilinear" else diagonalize.angle(omega, dt),
        "the rule makes a difference: both were treated as a zero-order hold.":
            lambda omega, dt, rule: diagonalize.angle(omega, dt, "zoh"),
        "the rule makes a difference: both were treated as bilinear.":
            lambda omega, dt, rule: diagonalize.angle(omega, dt, "bilinear"),
        "radians, not cycles: 2 pi was divided away.":
            lambda omega, dt, rule: diagonalize.angle(omega, dt, rule) / (2 * math.pi),
        "the sign came along: a wave that turns by -theta a step has the same samples as one by theta, so take the "
        "size.":
            lambda omega, dt, rule: (2 * math.atan(omega * dt / 2) if rule == "bilinear"
                                     else math.remainder(omega * dt, 2 * math.pi)),
        "the tangent went the wrong way: omega dt / 2 = tan(theta / 2), so theta = 2 atan(omega dt / 2).":
            lambda omega, dt, rule: (2 * math.tan(omega * dt / 2) if rule == "bilinear"
                                     else diagonalize.angle(omega, dt)),
        "2 pi - theta folds once, but 13.03 radians are two turns and a rest: take whole turns off first.":
            lambda omega, dt, rule: (2 * math.atan(omega * dt / 2) if rule == "bilinear"
                                     else omega * dt if omega * dt <= math.pi else 2 * math.pi - omega * dt),
        "asin gives angles up to pi / 2 only, and the fold is at pi: acos(cos(theta)).":
            lambda omega, dt, rule: (2 * math.atan(omega * dt / 2) if rule == "bilinear"
                                     else abs(math.asin(math.sin(omega * dt)))),
        "the two rules are exchanged: the zero-order hold folds, the bilinear rule has the arctangent.":
            lambda omega, dt, rule: diagonalize.angle(omega, dt, "zoh" if rule == "bilinear" else "bilinear"),
        "divided by dt it is a frequency again; asked for are radians a step.":
            lambda omega, dt, rule: diagonalize.angle(omega, dt, rule) / dt,
        "these are degrees; asked for are radians.":
            lambda omega, dt, rule: math.degrees(diagonalize.angle(omega, dt, rule)),
        "omega is divided by dt; a step lasts dt, and in it the wave turns by omega dt.":
            lambda omega, dt, rule: 2 * math.atan(omega / dt / 2) if rule == "bilinear" else diagonalize.angle(
                omega / dt, 1.0),
    },
    alternatives=(
        lambda omega, dt, rule: (2 * math.atan2(omega * dt, 2) if rule == "bilinear"
                                 else math.acos(math.cos(omega * dt))),
        lambda omega, dt, rule: (2 * math.atan(omega * dt / 2) if rule == "bilinear"
                                 else abs((omega * dt + math.pi) % (2 * math.pi) - math.pi)),
    ),
    hints=("In a step a wave turns by omega dt radians. What do samples of a wave that turns by 3/2 pi a step look "
           "like?",
           "`math.acos(math.cos(theta))` folds any angle into 0 to pi.",
           "The bilinear rule puts s = (2 / dt) (z - 1) / (z + 1). With z = e^{i theta}, s = i (2 / dt) tan(theta / "
           "2)."),
    solution='''
def angle(omega, dt, rule):
    if rule == "bilinear":
        return 2 * math.atan(omega * dt / 2)
    return math.acos(math.cos(omega * dt))           # folded into 0 to pi
''',
)

# ---------------------------------------------------------------- transfer


def _bisected(error: float) -> float:
    """The largest size whose bound stays below, by halving an interval."""
    low, high = 0.0, 0.5 - 1e-12
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if diagonalize.bound(middle) <= error else (low, middle)
    return low


def _searched(error: float) -> float:
    tried = torch.linspace(0, 0.4999, 500_000, dtype=torch.float64)
    return tried[4 * tried / (1 - 2 * tried) <= error].max().item()


SIZE_FOR = Exercise(
    name="diagonalize.size_for", chapter="42", title="Transfer: how large may E be?",
    reference=diagonalize.size_for, minutes=10, core=False, observe=_observe_number, rtol=0.01, atol=0.0,
    cases=lambda: [Case((0.1,), "an error of 0.1"), Case((1.0,), "an error of 1"), Case((8.0,), "an error of 8")],
    mistakes={
        "error / 4 is right while it is small; at an error of 1 the bound is 2 there. Solve 4 eps / (1 - 2 eps) = "
        "error.":
            lambda error: error / 4,
        "this is the bound, the error that a perturbation may cause; asked for is the way back.":
            lambda error: 4 * error / (1 - 2 * error),
        "a sign is turned: from error (1 - 2 eps) = 4 eps follows eps = error / (4 + 2 error).":
            lambda error: error / (4 - 2 * error) if error != 2 else math.inf,
        "the factor 4 became 2: both resolvents bring a 2 of their own.":
            lambda error: error / (2 + 2 * error),
        "1/2 is where the argument ends, not what any error allows.": lambda error: 0.5,
        "that is the paper's bound, (2 ln N + 4) eps, at N = 64, to first order; ours does not know N.":
            lambda error: error / (2 * math.log(64) + 4),
        "capped at 1/2 it is still error / 4: the 1 - 2 eps below the line counts before eps reaches 1/2.":
            lambda error: min(error / 4, 0.5),
        "a 4 went astray: error (1 - 2 eps) = 4 eps gives error = (4 + 2 error) eps, and not (4 + 8 error) eps.":
            lambda error: error / (4 + 8 * error),
        "the 2 before eps is lost: error = 4 eps + 2 error eps.": lambda error: error / (4 + error),
        "error stands where eps belongs: the 1 - 2 eps has the size asked for in it, so solve for it.":
            lambda error: error * (1 - 2 * error) / 4,
    },
    alternatives=(_bisected, _searched),
    hints=("`bound(eps)` grows with eps. The largest eps with bound(eps) <= error is where the two are equal.",
           "Multiply 4 eps / (1 - 2 eps) = error by 1 - 2 eps, and collect what has eps.",
           "A search over eps from 0 to 1/2 is a fine answer, too."),
    solution='''
def size_for(error):
    return error / (4 + 2 * error)
''',
)

EXERCISES = (RESPONSE, HIGHEST, PERTURB, ANGLE, SIZE_FOR)
