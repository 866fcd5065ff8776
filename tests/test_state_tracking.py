"""state_tracking: swaps against permutation matrices, folds against closed forms."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.state_tracking import follow, pairs, pieces, shell_game, shown, tent


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 6), st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_following_the_ball_is_a_product_of_permutation_matrices(n, m, T, seed):
    first, numbers = shell_game(3, T, m, n, torch.Generator().manual_seed(seed))
    swaps = pairs(n)[numbers]
    ball = follow(first, swaps)
    assert ball.shape == (3, T) and shown(numbers, n).shape == (3, T, m * len(pairs(n)))
    assert (shown(numbers, n).sum(-1) == m).all()
    for game in range(3):
        where = torch.eye(n)[first[game]]
        for t in range(T):
            for a, b in swaps[game, t].tolist():
                order = list(range(n))
                order[a], order[b] = order[b], order[a]
                where = torch.eye(n)[order] @ where
            assert where.argmax() == ball[game, t]


def test_a_swap_done_twice_is_none_and_every_pair_is_drawn():
    swaps = torch.tensor([[[[0, 2], [0, 2]], [[1, 2], [0, 1]]]])
    assert follow(torch.tensor([2]), swaps).tolist() == [[2, 0]]
    numbers = shell_game(200, 5, 2, 4, torch.Generator().manual_seed(0))[1]
    assert set(numbers.unique().tolist()) == set(range(6))


@given(st.integers(0, 8))
def test_k_folds_have_two_to_the_k_pieces_and_tell_odd_from_even(k):
    def folded(s):
        for _ in range(k):
            s = tent(s)
        return s

    assert pieces(folded) == 2**k
    assert torch.equal(folded(torch.arange(2**k + 1) / 2**k), torch.arange(2**k + 1) % 2.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.integers(0, 999))
def test_one_layer_of_relu_has_at_most_one_piece_more_than_units(H, seed):
    w, b, v = torch.randn(3, H, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert pieces(lambda s: (s[:, None] * w + b).relu() @ v, points=20_001) <= H + 1


def test_a_line_is_one_piece_wherever_it_bends_it_counts_once():
    assert pieces(lambda s: 3 * s - 1) == 1
    for bend in (0.25, 0.3, 1 / 3):
        assert pieces(lambda s, bend=bend: (s - bend).relu()) == 2


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="two cups"):
        pairs(1)
    with pytest.raises(ValueError, match="three points"):
        pieces(tent, points=2)
