"""steering: two parts make the output, the theorem against every prompt tried, searches against trying them all."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib import lexicon
from tutorial_lib.attention import causal_attention
from tutorial_lib.steering import (
    along_and_aside,
    back_generated,
    coordinate_steps,
    every_prompt,
    gamma,
    head_outputs,
    magic_word,
    margins,
    no_prompt,
    share_unreached,
    shortest_allowed,
    steered,
    strongest_token,
    swapped,
    unreachable,
)

close = torch.testing.assert_close
few = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 999)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def head(m=3, d=4, dk=3, dv=3, seed=0):
    g = rng(seed)
    X0, *W = (torch.randn(*s, generator=g, dtype=torch.double) for s in ((m, d), (d, dk), (d, dk), (d, dv)))
    return X0, tuple(0.5 * w for w in W)


def controls(k, d, M_u, many, seed=0):
    """Prompts of tokens of norm M_u at most, half of them at M_u."""
    U = torch.randn(many, k, d, generator=rng(seed), dtype=torch.double)
    U = M_u * U / U.norm(dim=-1, keepdim=True)
    return U * torch.rand(many, k, 1, generator=rng(seed), dtype=torch.double).mul(2).clamp(max=1)


# ---------------------------------------------------------------- one head of attention


@few
@given(st.integers(0, 4), seeds)
def test_the_parts_add_up_to_attention(k, seed):
    X0, W = head(seed=seed)
    U = controls(k, 4, 2.0, 5, seed)
    Y_u, Y_x = head_outputs(U, X0, W)
    X = torch.cat((U, X0.expand(5, -1, -1)), 1)
    close((Y_u + Y_x)[:, -1], causal_attention(X @ W[0], X @ W[1], X @ W[2])[:, -1])  # the last token sees all
    share = (Y_x * no_prompt(X0, W)).sum(-1) / no_prompt(X0, W).square().sum(-1)
    close(Y_x, share[..., None] * no_prompt(X0, W))  # a prompt only shrinks what was there
    assert ((share > 0) & (share <= 1 + 1e-9)).all() and (k > 0 or (Y_u == 0).all())


def test_tokens_of_other_sizes_are_refused():
    X0, W = head()
    with pytest.raises(ValueError, match="same size"):
        head_outputs(torch.zeros(1, 5, dtype=torch.double), X0, W)


@few
@given(seeds)
def test_along_and_aside_are_orthogonal_and_add_up(seed):
    Y, Y_star = torch.randn(2, 3, 5, generator=rng(seed), dtype=torch.double)
    along, aside = along_and_aside(Y, Y_star)
    close(along + aside, Y)
    close((aside * Y_star).sum(-1), torch.zeros(3, dtype=torch.double))
    close(along_and_aside(2 * Y_star, Y_star)[1], torch.zeros_like(Y))
    close(along_and_aside(Y, 0 * Y)[1], Y)


def test_gamma_by_hand():
    X0 = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    W = (torch.diag(torch.tensor([1.0, 0.5])), torch.eye(2), torch.diag(torch.tensor([3.0, 1.0])))
    alpha = 1 * 1 * 1.5 * 2 / math.sqrt(2)
    g = torch.tensor([math.exp(1 / math.sqrt(2)) + 1, 1 + math.exp(2 / math.sqrt(2))])
    close(gamma(X0, W, 1.5), math.exp(alpha) * 3 * 1.5 / g)


@few
@given(st.integers(1, 5), st.floats(0.1, 3), seeds)
def test_nothing_that_a_prompt_gives_is_called_unreachable(k, M_u, seed):
    X0, W = head(seed=seed)
    for U in controls(k, 4, M_u, 20, seed):
        Y = sum(head_outputs(U, X0, W))
        assert not unreachable(Y, X0, W, M_u, k).any()
        assert shortest_allowed(Y, X0, W, M_u) <= k


def test_what_stands_aside_by_more_than_k_gamma_is_unreachable():
    X0, W = head()
    Y_max, bound = no_prompt(X0, W), gamma(X0, W, 0.5)
    turn = torch.randn(3, 3, generator=rng(1), dtype=torch.double)
    Y_star = along_and_aside(turn, Y_max)[1]  # a right angle: all of Y_max stands aside
    k = (Y_max.norm(dim=-1) / bound).ceil().long()
    assert shortest_allowed(Y_star, X0, W, 0.5) == k.max()
    for row in range(3):
        assert unreachable(Y_star, X0, W, 0.5, k[row] - 1)[row] and not unreachable(Y_star, X0, W, 0.5, k[row])[row]
    assert not unreachable(7 * Y_max, X0, W, 0.5, 3).any() and unreachable(Y_star, X0, W, 0.5, 0).all()
    with pytest.raises(ValueError, match="0 tokens or more"):
        unreachable(Y_star, X0, W, 0.5, -1)


@few
@given(st.floats(0.2, 4), seeds)
def test_the_strongest_token_pushes_as_told_and_none_pushes_more(M_u, seed):
    X0, W = head(seed=seed)
    e = torch.randn(3, 3, generator=rng(seed + 1), dtype=torch.double)
    e = e / e.norm(dim=-1, keepdim=True)
    most, token = strongest_token(X0, W, M_u, e)
    close(token.norm(dim=-1), torch.full((3,), M_u, dtype=torch.double))

    def push(U, row):
        Y_u, Y_x = head_outputs(U, X0, W)
        kept = Y_x[..., row, :].norm(dim=-1) / no_prompt(X0, W)[row].norm()
        return Y_u[..., row, :] @ e[row] / kept

    for row in range(3):
        close(push(token[row].expand(1, 1, 4), row)[0], most[row])
        close(push(token[row].expand(1, 3, 4), row)[0], 3 * most[row])  # k tokens push k times as far
        assert push(controls(2, 4, M_u, 200, seed), row).max() <= 2 * most[row] + 1e-9
    assert (most <= gamma(X0, W, M_u) + 1e-9).all()


def test_the_bound_is_met_when_every_inequality_is():
    X0 = torch.tensor([[0.0, 2.0]], dtype=torch.double)  # the key's and the value's best direction are one
    W = (torch.eye(2, dtype=torch.double),) * 3
    most, token = strongest_token(X0, W, 1.5, torch.tensor([[0.0, 1.0]], dtype=torch.double))
    close(most, gamma(X0, W, 1.5))
    close(token, torch.tensor([[0.0, 1.5]], dtype=torch.double))
    with pytest.raises(ValueError, match="d = 2"):
        strongest_token(X0[:, :1], tuple(w[:1, :1] for w in W), 1.0, torch.ones(1, 1, dtype=torch.double))


# ---------------------------------------------------------------- any model of next tokens


def counts(x):
    """A model without places: token 0 is said at first, token t once t stands often enough in the line."""
    n = torch.nn.functional.one_hot(x, 4).sum(1).double()
    return n - torch.tensor([0.0, 0.5, 1.5, 9.5], dtype=torch.double)


def tables(V=4, T=4, seed=0):
    """A model that looks up random scores for every line of T tokens or fewer."""
    scores = torch.randn(V**T, V, generator=rng(seed))
    return lambda x: scores[(x * V ** torch.arange(x.shape[1])).sum(1)]


X = torch.tensor([0, 1])


def test_margins_tell_which_token_is_said():
    close(margins(torch.tensor([[3.0, 1.0, 2.5], [1, 1, 0]])), torch.tensor([[0.5, -2, -0.5], [0, 0, -1]]))


def test_prompts_stand_in_front():
    assert steered(lambda x: x, torch.tensor([[3, 2], [1, 1]]), X).tolist() == [[3, 2, 0, 1], [1, 1, 0, 1]]
    with pytest.raises(ValueError, match="token to follow"):
        steered(counts, torch.zeros(1, 2, dtype=torch.int64), X[:0])


def test_every_prompt_is_tried():
    model = tables()
    best, u = every_prompt(model, X[:1], 4, 3)
    for y in range(4):
        close(margins(steered(model, u[y : y + 1], X[:1]))[0, y], best[y])
    all_of_them = torch.cartesian_prod(*[torch.arange(4)] * 3)
    close(best, margins(steered(model, all_of_them, X[:1])).max(0).values)
    close(every_prompt(counts, X, 4, 0)[0], margins(counts(X[None]))[0])
    with pytest.raises(ValueError, match="too many"):
        every_prompt(counts, X, 100, 4)


@few
@given(seeds, st.integers(0, 3))
def test_searches_end_where_no_swap_helps_and_below_the_best(seed, y):
    model, x0 = tables(seed=seed), X[:1]
    best = every_prompt(model, x0, 4, 3)[0][y]
    for start in (back_generated(model, x0, y, 4, 3), torch.randint(4, (3,), generator=rng(seed))):
        path = list(coordinate_steps(model, x0, y, 4, start))
        climbed = [margins(steered(model, u[None], x0))[0, y] for u in path]
        assert all(a < b for a, b in zip(climbed, climbed[1:], strict=False)) and climbed[-1] <= best
        assert all((a != b).sum() == 1 for a, b in zip(path, path[1:], strict=False))
        assert margins(steered(model, swapped(path[-1], 4), x0))[:, y].max() == climbed[-1]


def test_swaps_are_all_neighbours():
    found = swapped(torch.tensor([2, 0]), 3).tolist()
    assert len(found) == 6 and {tuple(u) for u in found} == {(0, 0), (1, 0), (2, 0), (2, 1), (2, 2)}


@pytest.mark.parametrize(("y", "k"), [(0, 0), (1, 1), (2, 3), (3, -1)])
def test_magic_words_of_a_model_that_counts_are_the_shortest(y, k):
    u = magic_word(counts, X, y, 4, 5)
    assert (u is None) if k < 0 else (len(u) == k and (u == y).all())
    lengths = [i for i in range(5) if every_prompt(counts, X, 4, i)[0][y] > 0]
    assert lengths[:1] == ([k] if k >= 0 else [])


def test_the_reader_of_a_lexicon_takes_as_many_tokens_as_bayes_rule_says():
    K, p, eps = 2, lexicon.rare_and_common(3).double(), 0.2
    x0 = torch.tensor([0, 2, 1, 3, 1])  # key 1 was said to mean value 1
    n = lexicon.said_before(x0, K, 3)

    def read(x):
        return lexicon.reader(x, K, p, eps)

    for y in range(3):
        need = lexicon.pairs_needed(n, y, p, eps)
        word = magic_word(read, x0, K + y, 5, 4, starts=30, rng=rng(1))
        assert len(word) == 2 * need
        assert all(every_prompt(read, x0, 5, k)[0][K + y] <= 0 for k in range(2 * need))
    assert magic_word(read, x0, 1, 5, 2, starts=30, rng=rng(2)) is None  # no key ever follows a key
    assert magic_word(read, x0, K, 5, 2) is None  # and from one start, swaps see no first step


def test_share_unreached_falls_with_k():
    close(share_unreached(torch.tensor([0, 2, -1, 2]), 3), torch.tensor([0.75, 0.75, 0.25, 0.25], dtype=torch.double))
