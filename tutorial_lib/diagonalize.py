"""Diagonal stand-ins for HiPPO-LegS: what dropping a part of it does to the frequencies, and perturb-then-diagonalise.

symbol    meaning                                              shape         in Yu et al. (2023), "Robustifying SSMs"
N         size of the state                                                  n
A, B      LegS: dx/dt = A x + B u                              (N, N), (N,)  A_H, B
C         a readout of the state, y = C x                      (N,)          C
omega     frequency in radians per timescale                   (...)         s, on the imaginary axis
x(omega)  state over input at a frequency, (i omega - A)^-1 B  (..., N)      G(i s) = C x(s)
S         normal part of LegS, A + B B^T / 2                   (N, N)        A_H without its low-rank term
Pi        product of (s - k) / (s + k + 1), k < N, s = i omega (...)
E, eps    a perturbation and its 2-norm                        (N, N), ()    E, the norm of E
V, modes  A + E = V diag(modes) V^-1, columns of length 1      (N, N), (N,)  V_H, Lambda
kappa     condition of V, its norm times that of V^-1          ()            kappa(V_H)

All numbers are float64 or complex128.  `hippo` holds A, B and S; S4D reads them in the coordinates in which S is
diagonal, which changes no output.  For LegS, Re x* A x <= -|x|^2 / 2 at every x, and that is what the bound rests on.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from tutorial_lib import hippo

Rule = Literal["zoh", "bilinear"]


def response(A: Tensor, B: Tensor, omega: Tensor) -> Tensor:
    """The state that a wave e^{i omega t} of size 1 drives, (i omega - A)^-1 B.  omega: (...) -> (..., N), complex

    A: (N, N) with a solve at each frequency, or (N,), the modes of a diagonal system.  Yu et al. (2023), section 2.
    Taught in 42.
    """
    s, A = 1j * omega.double()[..., None], A.to(torch.complex128)
    if A.dim() == 1:
        return B / (s - A)
    shifted = s[..., None] * torch.eye(len(B)) - A  # (..., N, N)
    return torch.linalg.solve(shifted, B.to(A).expand(*omega.shape, -1)[..., None])[..., 0]


def product(N: int, omega: Tensor) -> Tensor:
    """Pi(i omega) = product over k < N of (s - k) / (s + k + 1): what separates S4D from LegS.  (...) -> (...), complex

    |Pi| = omega / sqrt(omega^2 + N^2).  With x of LegS, B^T x = 1 - Pi and |x|^2 = 1 - |Pi|^2; the state of S4D is
    x / (1 + Pi).  Raises ValueError for N < 1.  Our closed form; Yu et al. (2023), lemma 1, has one for the difference.
    Taught in 42.
    """
    if N < 1:
        raise ValueError(f"a state has 1 number or more; got N = {N}")
    s, k = 1j * omega.double()[..., None], torch.arange(N)
    return ((s - k) / (s + k + 1)).prod(-1)


def amplification(N: int, omega: Tensor) -> Tensor:
    """How many times larger a wave comes out of S4D than out of LegS, 1 / |1 + Pi|, for every readout.  (...) -> (...)

    Raises ValueError for N < 1.  Taught in 42.
    """
    return 1 / (1 + product(N, omega)).abs()


def spike(N: int) -> float:
    """The frequency of S4D's highest spike: the largest imaginary part of its modes, near N^2 / pi.

    Raises ValueError for odd N.  Yu et al. (2023), section 3.  Taught in 42.
    """
    return hippo.s4d_legs(N)[0].imag.max().item()


def highest(N: int) -> float:
    """The largest `amplification` at any frequency, searched around the highest spike; near 2 (N / pi)^2.

    Raises ValueError for odd N.  Taught in 42.
    """
    around = torch.linspace(0.99, 1.01, 2001, dtype=torch.float64)
    return amplification(N, spike(N) * around).max().item()


def s4d(N: int) -> tuple[Tensor, Tensor]:
    """S4D-LegS in the coordinates of LegS: the normal part S, and half of B.  -> (N, N), (N,)

    Raises ValueError for N < 1.  Gu, Gupta, Goel & Re (2022), section 4.  Taught in 42.
    """
    return hippo.normal_part(N), hippo.legs(N)[1] / 2


def angle(omega: float, dt: float, rule: Rule = "zoh") -> float:
    """The wave of steps, in radians a step, at which a system in steps of dt answers as the equation does at omega.

    "zoh": omega dt, folded into 0 to pi as samples fold it; "bilinear": 2 atan(omega dt / 2), never folded.
    Raises ValueError for another rule, or dt <= 0.  Taught in 42.
    """
    if dt <= 0:
        raise ValueError(f"a step takes time: dt should be above 0; got {dt}")
    if rule == "bilinear":
        return 2 * math.atan(omega * dt / 2)
    if rule != "zoh":
        raise ValueError(f'rule is "zoh" or "bilinear"; got {rule!r}')
    turn = math.fmod(abs(omega) * dt, 2 * math.pi)
    return min(turn, 2 * math.pi - turn)


# ---------------------------------------------------------------- eigenvectors


def legs_eigenvectors(N: int) -> tuple[Tensor, Tensor]:
    """The eigenvectors of LegS, exactly, as columns of length 1 with the modes -1, ..., -N; and their inverse.

    Column k: the coefficients of z^k in L_n(z), z = e^-s; the inverse: powers of z in Legendre polynomials.
    Each entry is right to rounding, which no solver in double precision achieves beyond N of 12.
    Raises ValueError for N < 1.  Gu, Goel & Re (2022), lemma 3.2, up to scaling.  Taught in 42.
    """
    if N < 1:
        raise ValueError(f"a state has 1 number or more; got N = {N}")
    V, inverse = torch.zeros(N, N, dtype=torch.float64), torch.zeros(N, N, dtype=torch.float64)
    for n in range(N):
        for k in range(n + 1):
            V[n, k] = (-1) ** (n - k) * math.comb(n, k) * math.comb(n + k, k) * math.sqrt(2 * n + 1)
            # n is the power here, k the polynomial
            inverse[n, k] = math.sqrt(2 * k + 1) * math.comb(n, k) / ((n + k + 1) * math.comb(n + k, k))
    length = torch.linalg.vector_norm(V, dim=0)
    return V / length, inverse * length[:, None]


def condition(V: Tensor, inverse: Tensor | None = None) -> float:
    """kappa(V) = |V| |V^-1| in the 2-norm, of columns brought to length 1.  V: (N, N), its inverse where it is known

    Taught in 42.
    """
    length = torch.linalg.vector_norm(V, dim=0)
    if inverse is None:
        return torch.linalg.cond(V / length).item()
    return (torch.linalg.matrix_norm(V / length, 2) * torch.linalg.matrix_norm(inverse * length[:, None], 2)).item()


def perturbation(N: int, size: float, rng: torch.Generator) -> Tensor:
    """A random real matrix whose 2-norm is `size`: normal entries, scaled.  -> (N, N)

    Raises ValueError for N < 1.  Yu et al. (2023) optimise theirs and discuss a random one.  Taught in 42.
    """
    if N < 1:
        raise ValueError(f"a state has 1 number or more; got N = {N}")
    E = torch.randn(N, N, generator=rng, dtype=torch.float64)
    return size * E / torch.linalg.matrix_norm(E, 2)


def perturb_then_diagonalize(A: Tensor, B: Tensor, E: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A + E in the coordinates in which it is diagonal: modes, V^-1 B, and V, for readouts: C becomes C V.

    A, E: (N, N), B: (N,) -> (N,), (N,), (N, N), complex.  Raises ValueError for shapes that do not fit.
    Yu et al. (2023), section 4.  Taught in 42.
    """
    if A.shape != E.shape or B.shape != A.shape[:1]:
        shapes = ", ".join(str(tuple(v.shape)) for v in (A, E, B))
        raise ValueError(f"A and E should be (N, N) and B (N,); got {shapes}")
    modes, V = torch.linalg.eig(A + E)
    return modes, torch.linalg.solve(V, B.to(V)), V


def through_modes(modes: Tensor, B: Tensor, V: Tensor, omega: Tensor, dtype: torch.dtype = torch.complex128) -> Tensor:
    """The response of a diagonalised system in the old coordinates, V (i omega - modes)^-1 V^-1 B.  (...) -> (..., N)

    `dtype` is the precision in which the diagonal system lives; complex64 shows what a model in single precision loses.
    Taught in 42.
    """
    inside = B.to(dtype) / ((1j * omega.double()[..., None]).to(dtype) - modes.to(dtype))
    return (inside @ V.to(dtype).T).to(torch.complex128)


def bound(size: float) -> float:
    """What a perturbation of LegS by `size` < 1/2 can change a wave by, at most: 4 eps / (1 - 2 eps), unit B and C.

    Whatever N and omega: both resolvents are at most 2 and 2 / (1 - 2 eps).  Raises ValueError for other sizes.
    Our short version of Yu et al. (2023), theorem 3, which has (2 ln N + 4) eps to first order.  Taught in 42.
    """
    if not 0 <= size < 0.5:
        raise ValueError(f"the argument needs 0 <= size < 1/2, below which LegS stays stable; got {size}")
    return 4 * size / (1 - 2 * size)


def size_for(error: float) -> float:
    """The largest perturbation that `bound` allows when no wave may change by more than `error`: error / (4 + 2 error).

    Raises ValueError for error < 0.  Taught in 42.
    """
    if error < 0:
        raise ValueError(f"an error is 0 or more; got {error}")
    return error / (4 + 2 * error)


def resolvent(A: Tensor, z: Tensor) -> Tensor:
    """|(z - A)^-1| in the 2-norm: above 1 / eps, z is an eigenvalue of A + E for some E of norm eps.  z: (...) -> (...)

    Trefethen & Embree (2005), the pseudospectrum.  Taught in 42.
    """
    shifted = z.to(torch.complex128)[..., None, None] * torch.eye(len(A)) - A.to(torch.complex128)
    return 1 / torch.linalg.svdvals(shifted)[..., -1]


def halves(modes: Tensor, B: Tensor, C: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One of each conjugate pair of modes, its C doubled; real modes as they are.

    modes, B: (N,), C: (..., N) -> the same with M in place of N, N / 2 <= M <= N.

    With the real part read, the smaller system answers as the larger one did.  Taught in 42.
    """
    real = modes.imag.abs() <= 1e-12 * modes.abs().clamp(min=1)
    keep = real | (modes.imag > 0)
    return modes[keep], B[keep], (C * torch.where(real, 1, 2))[..., keep]
