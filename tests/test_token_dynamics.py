"""token_dynamics: the flow is a selective state space, signs decide, exact times, exact sizes, refinements."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from torch.nn import functional as F

from tutorial_lib.selective import selective_scan
from tutorial_lib.token_dynamics import (
    CAP,
    KINDS,
    SIGNS,
    Systems,
    blow_up_time,
    growth,
    importance,
    kind,
    log_time,
    observed,
    sample_systems,
    shrinking,
    simulate,
    slope,
    slope_of_vectors,
    soft_sort,
    tied_projections,
)

close = torch.testing.assert_close
few = settings(max_examples=20, deadline=None)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def some(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


def number(*values):
    return torch.tensor(values, dtype=torch.float64)


# ---------------------------------------------------------------- the flow


@few
@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 4))
def test_the_slope_is_the_double_sum_and_the_output_of_a_selective_layer(B, L, N):
    x, S_B, S_C, S = some(B, L, seed=L), some(N, seed=1), some(N, seed=2), some(B, seed=3)
    a = some(1, seed=4).abs()
    dt, mu = F.softplus(S[:, None] * x), (S_B @ S_C).expand(B)
    found = slope(x, mu, S, a.expand(B))
    for i in range(L):
        heard = sum(x[:, j] ** 2 * dt[:, j] * (-a * dt[:, j + 1 : i + 1].sum(1)).exp() for j in range(i + 1))
        close(found[:, i], mu * x[:, i] * heard)
    y, _ = selective_scan(x[..., None], dt[..., None], -a.expand(1, N), x[..., None] * S_B, x[..., None] * S_C)
    close(found, y[..., 0])
    close(found, x * growth(x, mu, S, a.expand(B)))
    close(found[:1], slope_of_vectors(x[:1, :, None], mu[:1, None], S[:1, None], a)[..., 0])


@few
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4))
def test_vectors_too_are_the_output_of_a_selective_layer(B, L, D):
    x, S_B, S_C, S = some(B, L, D), some(3, D, seed=1), some(3, D, seed=2), some(D, D, seed=3)
    A = torch.full((D, 3), -0.7, dtype=torch.float64)
    y, _ = selective_scan(x, F.softplus(x @ S.T), A, x @ S_B.T, x @ S_C.T)
    close(slope_of_vectors(x, S_C.T @ S_B, S, 0.7), y)


def test_a_token_hears_none_that_comes_after_it():
    x, one = some(5), number(1.0)[0]
    changed = torch.cat((x[:3], 9 * x[3:]))
    close(slope(x, one, one, one)[:3], slope(changed, one, one, one)[:3])


# ---------------------------------------------------------------- the dichotomy


def test_the_kinds_come_evenly_and_the_simulation_shows_each():
    y = sample_systems(12, 4, rng())
    assert y.kind().tolist() == [0] * 12 + [1] * 12 + [2] * 12 and len(KINDS) == 3
    tau, xs = simulate(y.slope, y.x, h=0.1)
    assert tau.shape == xs.shape[:2] and (tau.diff(dim=0) >= 0).all()
    assert observed(xs).tolist() == y.kind().tolist()
    assert (xs.sign() == y.x.sign()).all()  # no token ever crosses 0


@few
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 99))
def test_the_criterion_knows_signs_alone(n, L, seed):
    y = sample_systems(n, L, rng(seed))
    close(y.kind(), torch.arange(3).repeat_interleave(n))
    close(kind(-y.x, 7 * y.mu, -0.1 * y.S), y.kind())
    for v in (y.x, y.mu, y.S, y.a):
        assert v.abs().min() >= 0.3 and v.abs().max() <= 2


def test_one_token_that_goes_with_S_is_enough_and_so_is_S_of_0():
    x = number(-1, -1, 0.01, -1)
    assert kind(x, number(1)[0], number(1)[0]) == 2 and kind(-x.abs(), number(1)[0], number(1)[0]) == 1
    assert kind(-x.abs(), number(1)[0], number(0)[0]) == 2


def test_the_path_is_that_of_an_independent_solver():
    y = Systems(number(-0.5, 1.5, -1.0)[None], number(0.8), number(0.7), number(0.4))
    tau, xs = simulate(y.slope, y.x, until=0.1, h=0.02)
    t = tau[-1].expm1().item()
    same = solve_ivp(lambda _, v: y.slope(torch.from_numpy(v)[None])[0].numpy(), (0, t), y.x[0].numpy(), rtol=1e-10,
                     atol=1e-12)
    close(xs[-1, 0], torch.from_numpy(same.y[:, -1]), rtol=1e-6, atol=0)


def test_observed_answers_none_for_what_is_neither():
    xs = number(1, 1, 1, 1, 0.5, 2).reshape(2, 1, 3)[..., :2]
    assert observed(torch.stack((xs[0], number(0.5, 2)[None]))).tolist() == [-1]


def test_vectors_shrink_where_M_is_negative_definite():
    P = some(2, 2)
    M, S = -P.T @ P - 0.3 * torch.eye(2, dtype=torch.float64), 0.5 * some(2, 2, seed=1)
    tau, xs = simulate(lambda x: slope_of_vectors(x, M, S, 1.0), some(3, 3, 2, seed=2), until=8, h=0.1)
    assert (xs[-1].norm(dim=-1) < 0.3 * xs[0].norm(dim=-1)).all() and (tau[-1] >= 8).all()


# ---------------------------------------------------------------- exact times and sizes


@pytest.mark.parametrize("x, mu, S", [(0.5, 1.3, 0.8), (-2.0, 0.4, -1.5), (0.3, 2.0, 0.0), (1.0, 1.0, 1e-3)])
def test_blow_up_time_by_two_integrals_and_by_simulation(x, mu, S):
    T = blow_up_time(*number(x, mu, S))
    if abs(S) > 0.1:  # out there softplus(S x) is S x, and the rest has a closed form
        wanted, _ = quad(lambda v: 1 / (mu * v**3 * math.log1p(math.exp(abs(S) * v))), abs(x), 300, epsabs=0, limit=500)
        close(T.item(), wanted + 1 / (3 * mu * abs(S) * 300.0**3), rtol=1e-7, atol=0)
    tau, _ = simulate(Systems(number(x)[None], *number(mu, S, 1)[:, None]).slope, number(x)[None])
    close(tau[-1].expm1(), T[None], rtol=2e-6, atol=0)
    if S == 0:
        close(T.item(), 1 / (2 * mu * x**2 * math.log(2)))


def test_tokens_against_S_never_blow_up_and_others_only_hasten_it():
    assert blow_up_time(*number(1, 1, -1)).isinf() and blow_up_time(*number(1, -1, 1)).isinf()
    y = sample_systems(12, 3, rng(1))
    tau, xs = simulate(y.slope, y.x, h=0.1)
    own = blow_up_time(y.x, y.mu[:, None], y.S[:, None]).amin(1)
    assert ((xs[-1].abs() >= CAP).any(-1) == own.isfinite()).all()
    assert (tau[-1].expm1() <= own * (1 + 1e-5)).all()


@pytest.mark.parametrize("x, end, mu, S", [(1.0, 1e-3, -0.7, 1.1), (1.0, 30.0, 0.7, 1.1), (-1.0, -30.0, 0.7, 0.9)])
def test_the_first_token_keeps_exact_time(x, end, mu, S):
    y = Systems(number(x)[None], *number(mu, S, 1)[:, None])
    tau, xs = simulate(y.slope, y.x, until=25)
    i = (xs[:, 0, 0].abs() > abs(end)).int().argmax() if mu > 0 else (xs[:, 0, 0].abs() < abs(end)).int().argmax()
    close(log_time(x, xs[i, 0, 0].item(), mu, S), tau[i, 0].expm1().log().item(), rtol=1e-6, atol=1e-6)


def test_the_clock_reaches_times_beyond_any_number():
    """Slow: |S x| = ln t + 3 ln(ln t) and a constant, so the ratio comes to 1, at ln t = 5000 within a percent."""
    late = log_time(-1.0, -5000.0, 1.0, 1.0)
    close(late, 5000 - 3 * math.log(5000), rtol=0, atol=1e-2)
    limit = blow_up_time(*number(0.5, 1.3, 0.8)).log().item()
    close(log_time(0.5, 1e5, 1.3, 0.8), limit, rtol=0, atol=1e-9)


def test_tokens_that_converge_have_the_sizes_foretold():
    y = Systems(number(1, -0.5, 2)[None].expand(2, 3), number(-1, -0.4), number(0.8, -0.5), number(1.5, 1.0))
    tau, xs = simulate(y.slope, y.x, until=25, h=0.1)
    c = shrinking(y.mu, y.a, 3)
    close(xs[-1].abs() * (tau[-1, :, None] / 2).exp(), c, rtol=1e-3, atol=0)
    close(c[0, 0].item(), 1 / math.sqrt(2 * math.log(2)))
    close(shrinking(number(-1)[0], number(60)[0], 3), c[0, :1].expand(3))  # deaf to the others, all are first tokens


# ---------------------------------------------------------------- the two refinements


@pytest.mark.parametrize("signs", SIGNS)
def test_the_signs_asked_for_are_those_of_the_eigenvalues(signs):
    S_B, S_C = tied_projections(some(4, 4), some(4, seed=1), signs)
    M = S_C.T @ S_B
    close(M, M.T)
    positive = (torch.linalg.eigvalsh(M) > 0).sum()
    assert positive == {"positive": 4, "mixed": 2, "negative": 0}[signs]  # Sylvester's law of inertia
    wide = [v.T @ w for w, v in [tied_projections(some(2, 5), some(2, seed=1), signs)]][0]
    assert torch.linalg.matrix_rank(wide) == 2  # at most N eigenvalues differ from 0


@few
@given(st.integers(1, 3), st.integers(1, 6), st.integers(0, 99))
def test_soft_sort_sorts_softly(B, L, seed):
    s = some(B, L, seed=seed)
    P = soft_sort(s)
    close(P.sum(-1), torch.ones(B, L, dtype=torch.float64))
    close(P.argmax(-1), s.argsort(-1))  # the least important first
    close((soft_sort(s, 1e-6) @ s[..., None])[..., 0], s.sort(-1).values)
    close(soft_sort(s, 1e9), torch.full((B, L, L), 1 / L, dtype=torch.float64))
    order = torch.randperm(L, generator=rng(seed))
    close(soft_sort(s[:, order]) @ s[:, order, None], P @ s[..., None])  # what comes out forgets the old order


def test_importance_is_read_from_the_steps_and_learns():
    x, S, K = some(2, 5, 3), some(2, 3, seed=1), some(2, seed=2).requires_grad_()
    s = importance(x, S, K)
    close(s[1, 4], sum(K[r] * S[r, d] * x[1, 4, d] for r in range(2) for d in range(3)))
    (soft_sort(s) @ x)[:, -1].sum().backward()
    assert K.grad.abs().min() > 0


def test_mistakes_are_answered():
    one = number(1)[0]
    with pytest.raises(ValueError, match="at 0 nothing moves"):
        kind(number(1, 0), one, one)
    with pytest.raises(ValueError, match="at 0 nothing moves"):
        kind(number(1, 1), 0 * one, one)
    with pytest.raises(ValueError, match=r"should be \(2, 2\)"):
        slope_of_vectors(some(3, 2), some(3, 3), some(2, 2), 1.0)
    with pytest.raises(ValueError, match="n = 0"):
        sample_systems(0, 2, rng())
    with pytest.raises(ValueError, match="does not reach"):
        log_time(1.0, 2.0, -1.0, 1.0)
    with pytest.raises(ValueError, match="positive, mixed, negative"):
        tied_projections(some(2, 2), some(2), "any")
    with pytest.raises(ValueError, match="above 0"):
        soft_sort(some(3), 0.0)


def test_slow_tokens_end_in_fixed_proportion_each_about_ln_t():
    """The growth of all is then that of the first: d ln x_l = d ln x_1, and x_1 is ln t / |S| and lower terms."""
    y = Systems(number(-1, -0.5, -2)[None], number(0.9), number(0.8), number(0.6))
    tau, xs = simulate(y.slope, y.x, until=120, h=0.1)
    early, late = xs[(tau[:, 0] < 30).sum()][0], xs[-1][0]
    close(late / late[0], early / early[0], rtol=1e-4, atol=0)
    assert 1 < 0.8 * late[0].abs() / tau[-1] < 1.2
