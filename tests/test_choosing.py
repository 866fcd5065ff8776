"""choosing: a selective state holds exactly, and no filter beats its floor."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.choosing import (
    LONG,
    filter_error,
    filter_floor,
    hold,
    last_marked,
    marked_stream,
    read_state,
)

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@given(st.integers(1, 60), st.floats(0.05, 1.0), st.integers(0, 99))
def test_a_selective_state_holds_what_a_loop_holds(T, p, seed):
    v, m = marked_stream(T, p, rng(seed))
    held, wanted = torch.tensor(0.0).double(), []
    for v_t, m_t in zip(v, m, strict=True):
        held = v_t if m_t else held
        wanted.append(held)
    close(last_marked(v, m), torch.stack(wanted))
    close(read_state(v, *hold(m)), last_marked(v, m), atol=1e-12, rtol=0)


def test_reading_is_the_recurrence():
    v, dt, B = (torch.rand(20, generator=rng(s), dtype=torch.float64) for s in range(3))
    h, hs = torch.tensor(0.0).double(), []
    for t in range(20):
        h = torch.exp(-dt[t]) * h + dt[t] * B[t] * v[t]
        hs.append(h)
    close(read_state(v, dt, B), torch.stack(hs))
    assert hold(torch.ones(1))[0] == LONG


@pytest.mark.parametrize("p", [0.1, 0.3])
def test_the_best_filter_reaches_the_floor_and_no_less(p):
    """Closed form against least squares on a long stream; limiting cases."""
    v, m = marked_stream(60_000, p, rng())
    y = last_marked(v, m)
    for x, gated in ((v, False), (m * v, True)):
        assert filter_error(x, y, 60) == pytest.approx(filter_floor(p, gated), abs=0.03)
    assert filter_floor(1.0) == filter_floor(1.0, True) == 0 and filter_floor(1e-9) == pytest.approx(1)
    with pytest.raises(ValueError, match="too few"):
        filter_error(v[:50], y[:50], 60)
    with pytest.raises(ValueError, match="chance"):
        marked_stream(3, 0.0, rng())
