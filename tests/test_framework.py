"""framework: each member against its own usual way, the implied matrix, units, what softmax would need."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.attention import attention_weights
from tutorial_lib.framework import (
    as_selective,
    expand,
    gated_rnn,
    implied,
    in_other_units,
    linear_attention,
    normalised_attention,
    positive,
    random_features,
    reversed_sigmoid,
    rg_lru,
    row_sums,
    run,
    selective_ssm,
    states_needed,
    taylor_features,
)
from tutorial_lib.selective import selective_scan, ssd
from tutorial_lib.ssm import states

close = torch.testing.assert_close
small = st.integers(1, 5)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def any_system(L, N, d, seed=0):
    return normal(L, N, seed=seed).sigmoid(), normal(L, N, d, seed=seed + 1), normal(L, d, N, seed=seed + 2)


@given(st.integers(1, 8), small, small, st.integers(0, 99))
def test_outputs_are_the_implied_matrix_times_inputs(L, N, d, seed):
    system, u = any_system(L, N, d, seed), normal(L, d, seed=seed + 3)
    y, h = run(system, u)
    Phi = implied(system)
    assert y.shape == (L, d) and h.shape == (N,) and Phi.shape == (L, L, d, d)
    close(y, torch.einsum("ijde,je->id", Phi, u))
    assert (Phi[torch.ones(L, L).triu(1).bool()] == 0).all()


@given(st.integers(2, 8), small, st.integers(0, 99))
def test_a_state_handed_on_goes_on(L, N, seed):
    system, u = any_system(L, N, 2, seed), normal(L, 2, seed=seed)
    cut = L // 2
    first, h = run(tuple(v[:cut] for v in system), u[:cut])
    second, _ = run(tuple(v[cut:] for v in system), u[cut:], h)
    close(torch.cat((first, second)), run(system, u)[0])


def test_a_system_that_does_not_change_is_the_one_of_chapter_40():
    a, B, C, u = torch.tensor([0.9, 0.5]).double(), normal(2, seed=1), normal(2, seed=2), normal(12, 1, seed=3)
    system = a.expand(12, 2), B[:, None].expand(12, 2, 1), C[None].expand(12, 1, 2)
    close(run(system, u)[0][:, 0], states(u[:, 0], torch.diag(a), B) @ C)


@given(st.integers(1, 9), small, small, st.integers(0, 99))
def test_attention_all_at_once_and_in_steps(L, n, d, seed):
    q, k, u = normal(L, n, seed=seed), normal(L, n, seed=seed + 1), normal(L, d, seed=seed + 2)
    scores = (q @ k.T).tril()
    close(run(linear_attention(q, k, d), u)[0], scores @ u)
    eta = normal(L, seed=seed + 3).exp()
    close(run(normalised_attention(q, k, eta, d), u)[0], scores / eta[:, None] @ u)
    p, r = positive(q), positive(k)
    weights = (p @ r.T).tril()
    Phi = implied(normalised_attention(p, r, row_sums(p, r), d))
    close(Phi[..., 0, 0], weights / weights.sum(-1, keepdim=True))
    close(Phi[..., 0, 0].sum(-1), torch.ones(L, dtype=torch.float64))
    assert (p > 0).all()


@given(st.integers(1, 9), small, small, st.integers(0, 99))
def test_selective_spaces_equal_the_scan_and_the_matrix_products(L, n, d, seed):
    u, dt = normal(L, d, seed=seed), normal(L, d, seed=seed + 1).abs()
    A, B, C = -normal(d, n, seed=seed + 2).abs(), normal(L, n, seed=seed + 3), normal(L, n, seed=seed + 4)
    scanned, h = selective_scan(u[None], dt[None], A, B[None], C[None])
    y, state = run(selective_ssm(dt, A, B, C), u)
    close(y, scanned[0])
    close(state.view(d, n), h[0])
    by_head, _ = ssd(u[None], dt[None, :, :1], A[0, :1], B[None], C[None])
    close(run(selective_ssm(dt[:, :1].expand(-1, d), A[:1, :1].expand(d, n), B, C), u)[0], by_head[0])
    close(implied(selective_ssm(*as_selective(C, B, d))), implied(linear_attention(C, B, d)))


def test_gates_number_by_number_and_as_a_selective_space():
    f, e, o = (normal(9, 3, seed=s).sigmoid() for s in range(3))
    u, h = normal(9, 3, seed=3), torch.zeros(3).double()
    y, _ = run(gated_rnn(f, e, o), u)
    for i in range(9):
        h = f[i] * h + e[i] * u[i]
        close(y[i], o[i] * h)
    z = normal(9, 3, seed=4)
    ones, A = torch.ones(9, 1).double(), -torch.ones(3, 1).double()
    close(implied(selective_ssm(torch.nn.functional.softplus(z), A, ones, ones)),
          implied(gated_rnn(reversed_sigmoid(z), -reversed_sigmoid(z).log(), torch.ones_like(z))))
    close(reversed_sigmoid(z, 2.5), (-z).sigmoid() ** 2.5)


def test_the_rg_lru_keeps_the_spread_of_a_white_input():
    """With a gate that stands still, a^2 + (1 - a^2) = 1: the state's variance stays that of the input."""
    ones = torch.ones(1, 1).double()
    decay, write, read = rg_lru(ones, ones, torch.tensor([0.02]).double())
    close(decay.square() + write[..., 0].square(), ones)
    assert decay.item() == pytest.approx(math.exp(-0.16)) and read.item() == 1


@given(st.integers(1, 4), st.integers(0, 6))
def test_taylor_features_multiply_to_the_cut_series(D, order):
    q, k = normal(5, D, seed=1), normal(6, D, seed=2)
    phi = taylor_features(q, order)
    s = q @ k.T / D**0.5
    close(phi @ taylor_features(k, order).T, sum(s**p / math.factorial(p) for p in range(order + 1)) + 0 * s)
    assert phi.shape == (5, math.comb(D + order, order))


def test_even_orders_stay_above_zero_and_approach_softmax():
    q, k = normal(20, 3, seed=3), normal(20, 3, seed=4)
    far = 3 * q, -3 * q  # strongly negative scores
    assert (taylor_features(far[0], 4) @ taylor_features(far[1], 4).T).min() > 0
    assert (taylor_features(far[0], 3) @ taylor_features(far[1], 3).T).min() < 0
    p, r = taylor_features(q, 16), taylor_features(k, 16)
    close(implied(normalised_attention(p, r, row_sums(p, r), 1))[..., 0, 0], attention_weights(q, k), atol=1e-6, rtol=0)


def test_random_features_are_right_on_average():
    q, k = 0.5 * normal(4, 3, seed=5), 0.5 * normal(4, 3, seed=6)
    W = normal(200_000, 3, seed=7)
    close(random_features(q, W) @ random_features(k, W).T, (q @ k.T / 3**0.5).exp(), atol=0.02, rtol=0)


@given(st.integers(1, 8), small, small, st.integers(0, 99))
def test_other_units_leave_the_map_alone(L, N, d, seed):
    system = any_system(L, N, d, seed)
    scale = normal(L, N, seed=seed + 5).exp()
    other = in_other_units(system, scale)
    close(implied(other), implied(system))
    for back, was in zip(in_other_units(other, 1 / scale), system, strict=True):
        close(back, was)


@given(st.integers(4, 12), st.integers(1, 3), st.integers(0, 99))
def test_a_loop_needs_no_more_than_it_has_and_softmax_half_the_steps(L, n, seed):
    q, k = normal(L, n, seed=seed), normal(L, n, seed=seed + 1)
    decay = normal(L, n, seed=seed + 2).sigmoid()
    assert states_needed(implied(expand(decay, k, q, 1))[..., 0, 0], 1e-9) <= n
    assert states_needed(implied(linear_attention(q, k, 1))[..., 0, 0]) == min(n, L // 2)
    assert states_needed(attention_weights(normal(8, 3, seed=seed), normal(8, 3, seed=seed + 1))) == 4
    assert states_needed(torch.eye(L).double()) == 0


def test_bad_input_is_told():
    q = normal(4, 2)
    with pytest.raises(ValueError, match="4 steps of 3 channels"):
        run(linear_attention(q, q, 3), normal(4, 2))
    with pytest.raises(ValueError, match="same steps"):
        linear_attention(q, normal(4, 3), 1)
    with pytest.raises(ValueError, match="one number a step"):
        normalised_attention(q, q, torch.ones(3), 1)
    with pytest.raises(ValueError, match="0 or more"):
        taylor_features(q, -1)
    with pytest.raises(ValueError, match="each of the state"):
        in_other_units(linear_attention(q, q, 1), torch.ones(4, 3))
    with pytest.raises(ValueError, match="square"):
        states_needed(q)
