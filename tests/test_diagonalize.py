"""diagonalize: closed forms against solves, eigenvectors exactly, a bound over random matrices."""

import cmath
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib import diagonalize as dg
from tutorial_lib import hippo, memory, ssm

close = torch.testing.assert_close
WAVES = torch.cat((torch.zeros(1, dtype=torch.float64), torch.logspace(-2, 4, 40, dtype=torch.float64)))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("N", [1, 2, 9, 32])
def test_the_closed_forms_are_what_solves_give(N):
    A, B = hippo.legs(N)
    x, Pi = dg.response(A, B, WAVES), dg.product(N, WAVES)
    close(x @ B.to(x), 1 - Pi, atol=1e-9, rtol=0)
    close(x.abs().square().sum(-1), 1 - Pi.abs().square(), atol=1e-9, rtol=0)
    close(Pi.abs(), WAVES / (WAVES.square() + N * N).sqrt())
    close(dg.response(*dg.s4d(N), WAVES) * (1 + Pi)[:, None], x, atol=1e-9, rtol=1e-9)
    close(dg.amplification(N, WAVES), 1 / (1 + Pi).abs())


def test_the_first_number_is_a_running_mean_in_legs_and_not_in_s4d():
    close(dg.response(*hippo.legs(7), WAVES)[:, 0], 1 / (1 + 1j * WAVES))
    for N in (16, 64):
        w = torch.tensor([dg.spike(N)])
        assert abs(dg.response(*dg.s4d(N), w)[0, 0].abs() - 2 / math.pi) < 0.02


@given(st.integers(1, 24), st.floats(0, 1e4))
@settings(deadline=None, max_examples=30)
def test_two_routes_to_a_response(N, omega):
    """A solve and the definition; a diagonal system and the same as a full matrix; any shape of frequencies."""
    A, B = hippo.legs(N)
    w = torch.full((2, 3), omega, dtype=torch.float64)
    x = dg.response(A, B, w)
    assert x.shape == (2, 3, N)
    close(1j * omega * x[0, 0], A.to(x) @ x[0, 0] + B, atol=1e-7, rtol=1e-7)
    modes = A.diag()
    close(dg.response(modes, B, w), dg.response(torch.diag(modes), B, w))


def test_the_highest_spike():
    for N in (8, 32, 64):
        w = torch.linspace(0.5, 2, 200_001, dtype=torch.float64) * dg.spike(N)
        assert dg.highest(N) == pytest.approx(dg.amplification(N, w).max().item(), rel=1e-3)
        assert dg.highest(N) == pytest.approx(2 * (N / math.pi) ** 2, rel=0.1)
    with pytest.raises(ValueError, match="even N"):
        dg.highest(5)


def test_the_wave_of_steps_at_which_a_system_in_steps_answers_as_the_equation():
    A, B = dg.s4d(8)
    w, dt = dg.spike(8), 0.05
    x = dg.response(A, B, torch.tensor([w], dtype=torch.float64))[0]
    for rule, discrete in (("zoh", ssm.zero_order_hold), ("bilinear", ssm.bilinear)):
        Abar, Bbar = (v.to(torch.complex128) for v in discrete(A, B, dt))
        turn = torch.linspace(0, math.pi, 8001, dtype=torch.float64)
        z = torch.polar(torch.ones_like(turn), turn)
        y = torch.linalg.solve(z[:, None, None] * torch.eye(8) - Abar, Bbar[:, None])[..., 0].norm(dim=-1)
        top = (turn - dg.angle(w, dt, rule)).abs() < 0.15
        assert (turn[top][y[top].argmax()] - dg.angle(w, dt, rule)).abs() < 0.01  # the spike sits there
        if rule == "bilinear":  # which moves frequencies, and adds the two ends of a step
            z = torch.tensor(cmath.exp(1j * dg.angle(w, dt, rule)), dtype=torch.complex128)
            close(torch.linalg.solve(z * torch.eye(8).double() - Abar, Bbar) * (1 + z) / 2, x, atol=1e-9, rtol=1e-9)
    assert dg.angle(1.5 * math.pi, 1.0) == pytest.approx(0.5 * math.pi)  # folded
    with pytest.raises(ValueError, match="above 0"):
        dg.angle(1.0, 0.0)
    with pytest.raises(ValueError, match="rule"):
        dg.angle(1.0, 0.1, "euler")


def test_the_eigenvectors_of_legs_are_exact():
    for N in (1, 4, 8):
        V, inverse = dg.legs_eigenvectors(N)
        close(V @ inverse, torch.eye(N, dtype=torch.float64), atol=1e-10, rtol=0)
        close(torch.linalg.vector_norm(V, dim=0), torch.ones(N, dtype=torch.float64))
        assert dg.condition(V, inverse) == pytest.approx(dg.condition(V), rel=1e-6)
    V, _ = dg.legs_eigenvectors(48)  # where no solver gets there
    close(hippo.legs(48)[0] @ V, -V * torch.arange(1, 49), atol=1e-10, rtol=0)
    grown = dg.condition(*dg.legs_eigenvectors(48)) / dg.condition(*dg.legs_eigenvectors(40))
    assert grown ** (1 / 8) == pytest.approx(3 + 8**0.5, rel=0.03)
    # columns are the coefficients of powers of z in Legendre's polynomials
    z = torch.linspace(0, 1, 5, dtype=torch.float64)
    V, _ = dg.legs_eigenvectors(4)
    ratio = torch.linalg.lstsq((z ** torch.arange(4)[:, None]).T, memory.legendre(4, z).T).solution.T
    close(ratio / torch.linalg.vector_norm(ratio, dim=0), V, atol=1e-9, rtol=0)


@given(st.integers(2, 24), st.floats(1e-4, 0.45), st.integers(0, 9))
@settings(deadline=None, max_examples=30)
def test_no_wave_changes_by_more_than_the_bound(N, size, seed):
    A, B = hippo.legs(N)
    E = dg.perturbation(N, size, generator(seed))
    assert torch.linalg.matrix_norm(E, 2).item() == pytest.approx(size)
    change = dg.response(A + E, B / B.norm(), WAVES) - dg.response(A, B / B.norm(), WAVES)
    assert change.norm(dim=-1).max() <= dg.bound(size)
    assert torch.linalg.eigvals(A + E).real.max() < 0
    assert dg.resolvent(A, 1j * WAVES[:5]).max() <= 2


def test_perturb_then_diagonalize_answers_as_the_perturbed_system():
    A, B = hippo.legs(16)
    E = dg.perturbation(16, 0.1, generator())
    modes, Bt, V = dg.perturb_then_diagonalize(A, B, E)
    close(V @ torch.diag(modes), (A + E).to(V) @ V, atol=1e-10, rtol=0)
    through = dg.through_modes(modes, Bt, V, WAVES)
    close(through, dg.response(A + E, B, WAVES), atol=1e-9, rtol=0)
    single = (dg.through_modes(modes, Bt, V, WAVES, torch.complex64) - through).abs().max()
    assert 1e-8 < single < 1e-2
    assert dg.condition(V) < 1e-4 * dg.condition(*dg.legs_eigenvectors(16))
    # half the modes, read by their real part, answer a real input as all of them do
    C = torch.randn(3, 16, generator=generator(1), dtype=torch.float64).to(V) @ V
    few, Bf, Cf = dg.halves(modes, Bt, C)
    assert len(few) < 16 and (few.imag >= 0).all()
    u = torch.randn(1, 30, 3, generator=generator(2), dtype=torch.float64)
    y, _ = ssm.diag_lti(u, few.expand(3, -1), Bf.expand(3, -1), Cf, 0.02)
    whole, _ = ssm.diag_lti(u, modes.expand(3, -1), Bt.expand(3, -1), C, 0.02)
    close(y, whole, atol=1e-8, rtol=1e-8)


def test_sizes_and_shapes_that_make_no_sense():
    A, B = hippo.legs(4)
    for call in (lambda: dg.product(0, WAVES), lambda: dg.legs_eigenvectors(0),
                 lambda: dg.perturbation(0, 1.0, generator())):
        with pytest.raises(ValueError, match="1 number or more"):
            call()
    with pytest.raises(ValueError, match="should be"):
        dg.perturb_then_diagonalize(A, B, torch.zeros(3, 3))
    with pytest.raises(ValueError, match="stays stable"):
        dg.bound(0.5)
    with pytest.raises(ValueError, match="0 or more"):
        dg.size_for(-1.0)
    assert dg.bound(dg.size_for(0.3)) == pytest.approx(0.3) and dg.bound(0) == dg.size_for(0) == 0


def test_the_pseudospectrum_reaches_far_and_its_definition_holds():
    """Some E of norm 1 / |resolvent| puts an eigenvalue at z: the one made of the singular vectors there."""
    A, _ = hippo.legs(12)
    z = torch.tensor(-6 + 8j, dtype=torch.complex128)
    U, S, Vh = torch.linalg.svd(z * torch.eye(12) - A)
    E = S[-1] * torch.outer(U[:, -1], Vh[-1])
    assert 1 / S[-1] == pytest.approx(dg.resolvent(A, z).item())
    assert (torch.linalg.eigvals(A + E) - z).abs().min() < 1e-6
    assert dg.resolvent(A, z) > 100 / (z - A.diag()).abs().min()  # a normal matrix would have 1 over the distance
