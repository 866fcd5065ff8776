"""readers: prices against text.bits_per_character, a curve that is judged when it says, places by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.fast_slow import KINDS, parameters
from tutorial_lib.readers import WARM, Reader, learning_curve, letter_places, prices
from tutorial_lib.text import bits_per_character


def reader(kind="fast-slow", V=5, budget=900):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Reader(kind, 3, V, 4, budget)


@pytest.mark.parametrize("kind", KINDS)
def test_prices_average_to_bits_per_character_and_the_budget_is_kept(kind):
    x = torch.randint(5, (3, 12), generator=torch.Generator().manual_seed(0))
    net = reader(kind)
    assert parameters(kind, 3, 4, net.net.H) <= 900
    torch.testing.assert_close(prices(net, x).mean(), bits_per_character(net(x[:, :-1]), x[:, 1:]))
    assert torch.equal(prices(net, x, 4), prices(net, x)[:, 4:])


def test_a_curve_of_a_text_that_repeats_falls_to_nothing():
    """Limiting case: after abcabc... the next one is certain; untrained it costs about log2 of the alphabet."""
    codes = torch.arange(3000) % 3
    net = reader(V=3)
    first = prices(net, codes[:120].view(2, 60)).mean()
    test = codes[: 4 * (WARM + 10)].view(4, -1)
    curve = learning_curve(net, codes, test, 60, 20, 3e-2, torch.Generator().manual_seed(0), T=12, size=8)
    assert curve[:, 0].tolist() == [20, 40, 60] and (curve[:, 2].diff() > 0).all()
    assert first > 1.2 and curve[-1, 1] < 0.4


@given(st.text(alphabet="ab -", min_size=1, max_size=20))
def test_places_are_those_counted_by_hand(text):
    symbols = "ab -"
    x = torch.tensor([[symbols.index(c) for c in text]])
    wanted, place = [], 0
    for c in text:
        place = place + 1 if c in "ab" else 0
        wanted.append(place)
    assert letter_places(x, torch.tensor([True, True, False, False])).tolist() == [wanted]


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="none to judge"):
        prices(reader(), torch.zeros(1, 5, dtype=torch.int64), 4)
    with pytest.raises(ValueError, match="does not divide"):
        learning_curve(reader(), torch.zeros(99, dtype=torch.int64), torch.zeros(1, 60, dtype=torch.int64), 10, 3, 1e-3,
                       torch.Generator())
