"""primitives: each instruction by hand, programs against regression, arithmetic from GELU and from a norm."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.in_context import predictions, ridge, sgd
from tutorial_lib.primitives import (
    combine,
    divide,
    execute,
    gelu_product,
    in_columns,
    move,
    multiply,
    norm_quotient,
    places,
    ridge_program,
    step_program,
)

close = torch.testing.assert_close
few = st.integers(1, 4)


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_move_changes_one_run_of_one_column():
    h = some(5, 4)
    out = move(h, 1, 3, (0, 2), (3, 5))
    close(out[3:, 3], h[:2, 1])
    changed = out != h
    assert changed.sum() == 2 and changed[3:, 3].all()


@given(few, few, few, few, st.integers(0, 9))
def test_a_product_is_the_matrix_product_of_every_column(a, b, c, T, seed):
    at = places(i=a * b, j=b * c, k=a * c)
    h = some(2, at["k"][1], T, seed=seed)
    out = multiply(h, (a, b, c), at["i"], at["j"], at["k"])
    for t in range(T):
        left, right = h[1, : a * b, t].reshape(a, b), h[1, a * b : at["k"][0], t].reshape(b, c)
        close(out[1, at["k"][0] :, t], (left @ right).flatten())
    close(out[:, : at["k"][0]], h[:, : at["k"][0]])


def test_a_quotient_loses_the_sign_and_an_affine_map_adds_two_terms():
    h = some(6, 3)
    h[2] = torch.tensor([2.0, -4.0, 1.0])
    close(divide(h, (0, 2), 2, (4, 6))[4:], h[:2] / torch.tensor([2.0, 4.0, 1.0]).double())
    W, b = some(2, 3, seed=1), some(2, seed=2)
    close(combine(h, (4, 6), [((0, 3), W), ((2, 4), -2.0)], b)[4:], W @ h[:3] - 2 * h[2:4] + b[:, None])
    close(combine(h, (4, 6), b=1.0)[4:], torch.ones(2, 3).double())


def test_what_does_not_fit_is_refused():
    h = some(6, 3)
    for call, words in [
        (lambda: move(h, 2, 1, (0, 1), (1, 2)), "earlier"),
        (lambda: move(h, 0, 1, (0, 2), (1, 2)), "hold"),
        (lambda: multiply(h, (1, 2, 1), (0, 2), (2, 3), (5, 6)), "needs"),
        (lambda: combine(h, (0, 1), [((0, 1), 1.0)] * 3), "two"),
        (lambda: in_columns(some(2, 3), some(2), some(3), 3), "4 rows"),
        (lambda: step_program(some(2), 0, 0.1), "one at least"),
        (lambda: ridge_program(2, 1, 0.0), "I / lam"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()


def test_columns_are_laid_out_as_in_the_paper():
    x, y, query = some(2, 3), some(2, seed=1), some(3, seed=2)
    h = in_columns(x, y, query, 6)
    want = torch.zeros(6, 5).double()
    want[1:4, 0], want[0, 1], want[1:4, 2], want[0, 3], want[1:4, 4] = x[0], y[0], x[1], y[1], query
    close(h, want)


@given(few, few, st.sampled_from([0.0, 0.3]), st.integers(0, 9))
def test_steps_as_layers_are_a_pass_of_gradient_descent(d, n, lam, seed):
    x, y = some(3, n + 1, d, seed=seed), some(3, n + 1, seed=seed + 1)
    program = step_program(torch.zeros(d).double(), n, 0.05, lam)
    close(execute(program, x[:, :n], y[:, :n], x[:, n]), predictions(sgd(x, y, 0.05, lam), x)[:, n])
    assert len(program[0]) == 7 * n + 2 and max(end for _, end in program[1].values()) == 3 * d + 4


def test_one_step_from_any_weights():
    """Closed form: equation 11 for one example."""
    w, x, y, query = some(3), some(1, 3, seed=1), some(1, seed=2), some(3, seed=3)
    new = w - 2 * 0.1 * (x[0] * (w @ x[0] - y[0]) + 0.4 * w)
    close(execute(step_program(w, 1, 0.1, 0.4), x, y, query), new @ query)


@given(few, few, st.integers(0, 9))
def test_updates_as_layers_are_ridge_regression(d, n, seed):
    x, y = some(2, n + 1, d, seed=seed), some(2, n + 1, seed=seed + 1)
    program = ridge_program(d, n, 0.3)
    close(execute(program, x[:, :n], y[:, :n], x[:, n]), predictions(ridge(x, y, 0.3), x)[:, n])
    assert len(program[0]) == 11 * n + 3 and max(end for _, end in program[1].values()) == 2 * d**2 + 5 * d + 3


@pytest.mark.parametrize("size", [1e-2, 1e-3])
def test_a_product_from_three_gelus_errs_by_its_next_term(size):
    x, y = some(200), some(200, seed=1)
    term = -(size**2) * (2 * x**3 * y + 3 * x**2 * y**2 + 2 * x * y**3) / 6
    close(gelu_product(x, y, size) - x * y, term, rtol=1e-2, atol=20 * size**4 + 1e-9)


def test_single_precision_has_a_best_size():
    """Limit: too large, and the next term shows; too small, and rounding does."""
    x, y = some(500).float(), some(500, seed=1).float()
    gap = [(gelu_product(x, y, s) - x * y).abs().mean() for s in (0.3, 0.005, 0.00001)]
    assert gap[1] < gap[0] / 10 and gap[1] < gap[2] / 10


@given(st.integers(1, 5), st.integers(0, 9))
def test_a_quotient_from_a_norm(m, seed):
    y, c = some(4, m, seed=seed), some(4, 1, seed=seed + 1)
    c = c + c.sign()
    out = norm_quotient(y, c, 1e-3)
    close(out, y / c.abs(), rtol=1e-4, atol=0)
    share = 1 - out * c.abs() / y
    close(share, (1e-6 * y.square().sum(-1, keepdim=True) / (2 * c.square())).expand(4, m), rtol=1e-3, atol=1e-11)


def test_ridge_regression_with_the_arithmetic_of_a_network():
    """Two routes: the error falls with the square of the size."""
    x, y = some(20, 4, 2), some(20, 4, seed=1)
    want = predictions(ridge(x, y, 0.5), x)[:, 3]
    gap = [(execute(ridge_program(2, 3, 0.5, partial(gelu_product, size=s), partial(norm_quotient, size=s)),
                    x[:, :3], y[:, :3], x[:, 3]) - want).abs().max() for s in (1e-2, 1e-3)]
    assert 50 < gap[0] / gap[1] < 200
