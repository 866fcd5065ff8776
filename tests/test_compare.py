"""compare: when two tensors count as the same, and the sentence that says how they differ."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.kit.compare import close, difference, exact, family, first_difference, numbers, pattern
from tutorial_lib.kit.observe import Case, Outcome

CASE = Case((), "x = 1")
WANTED = torch.tensor([[1.0, -2.0, 3.5], [0.5, 4.0, -1.5]])
SHAPES = st.lists(st.integers(1, 4), min_size=0, max_size=3)


def say(mine, wanted=WANTED):
    return difference("the value", mine, wanted, CASE, 1e-4, 1e-5)


@given(SHAPES, st.integers(0, 10**6))
def test_a_tensor_is_close_to_itself_and_not_to_a_changed_one(shape, seed):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    assert close(x, x.clone(), 1e-4, 1e-5) and say(x.clone(), x) is None
    assert not close(x + 1, x, 1e-4, 1e-5)
    status, sentence = say(x + 1, x)
    assert status == "wrong value" and "for x = 1" in sentence


def test_close_agrees_with_allclose_at_the_edge_of_tolerance():
    one = torch.ones(3)
    assert close(one * 1.00005, one, 1e-4, 0.0) and not close(one * 1.0005, one, 1e-4, 0.0)


def test_close_wants_one_shape_and_one_family_of_numbers_and_nan_equals_nan():
    nan = torch.tensor([torch.nan, 1.0])
    assert close(nan, nan.clone(), 1e-4, 1e-5)
    assert not close(torch.ones(2, 1), torch.ones(2), 1e-4, 1e-5)
    assert not close(torch.ones(2, dtype=torch.long), torch.ones(2), 1e-4, 1e-5)
    assert close(torch.ones(2).double(), torch.ones(2), 1e-4, 1e-5)


def test_complex_numbers_are_compared_with_their_imaginary_part():
    wanted = torch.tensor([1 + 2j, 3 - 1j])
    assert close(wanted.clone(), wanted, 1e-4, 1e-5) and not close(wanted.conj().resolve_conj(), wanted, 1e-4, 1e-5)
    assert say(wanted.conj(), wanted)[0] == "wrong value" and "1-2j" in say(wanted.conj(), wanted)[1]
    assert "dtype" in say(wanted.real, wanted)[1] and "dtype" in say(wanted, wanted.real)[1]


@pytest.mark.parametrize("mine, part", [
    (torch.zeros_like(WANTED), "0 everywhere"),
    (-WANTED, "opposite sign everywhere"),
    (WANTED + 0.25, "larger by 0.25 everywhere"),
    (WANTED - 0.25, "smaller by 0.25 everywhere"),
    (WANTED.flip(1), "right numbers in another order"),
    (WANTED.reshape(3, 2).T.contiguous(), "right numbers in another order"),
])
def test_a_regularity_is_named(mine, part):
    assert part in say(mine)[1]


@given(st.floats(0.05, 20).filter(lambda f: abs(f - 1) > 0.01), st.integers(0, 10**6))
def test_a_factor_is_named_and_is_right(factor, seed):
    wanted = torch.randn(7, generator=torch.Generator().manual_seed(seed))
    sentence = pattern(wanted * factor, wanted)
    assert float(sentence.split("Yours is ")[1].split(" times")[0]) == pytest.approx(factor, rel=1e-3)


def test_no_regularity_is_invented():
    assert pattern(WANTED + torch.tensor([[0.1, 0.0, 0.0], [0.0, 0.0, 0.0]]), WANTED) == ""
    assert pattern(torch.tensor(2.0), torch.tensor(3.0)) == ""  # one number has no pattern
    assert pattern(torch.ones(3), torch.zeros(3)) == ""


def test_the_worst_entry_is_pointed_at():
    mine = WANTED.clone()
    mine[1, 2] += 1
    mine[0, 0] += 0.1
    assert "at index (1, 2) is -0.5 where -1.5 is expected" in say(mine)[1]


def test_both_shapes_are_said():
    status, sentence = say(WANTED.T)
    assert status == "wrong shape" and "(3, 2)" in sentence and "(2, 3)" in sentence


def test_dtype_nan_and_infinity_have_their_sentences():
    assert "torch.int64" in say(WANTED.long())[1] and "torch.float32" in say(WANTED.long())[1]
    assert "torch.float64" in say(WANTED.double())[1]
    assert "NaN" in say(WANTED / torch.zeros(()) * 0)[1]
    assert "inf" in say(torch.full_like(WANTED, torch.inf))[1]


def test_the_first_difference_is_the_fault_then_the_parts_then_the_values():
    wanted = Outcome({"result 1 of 2": WANTED, "result 2 of 2": WANTED})
    fault = ("error", "it stops.")
    assert first_difference(Outcome(fault=fault), wanted, CASE, 1e-4, 1e-5) == fault
    assert "the value where result 1 of 2, result 2 of 2" in first_difference(
        Outcome({"the value": WANTED}), wanted, CASE, 1e-4, 1e-5)[1]
    assert "returns nothing" in first_difference(Outcome({}), wanted, CASE, 1e-4, 1e-5)[1]
    half = Outcome({"result 1 of 2": WANTED, "result 2 of 2": -WANTED})
    assert "result 2 of 2" in first_difference(half, wanted, CASE, 1e-4, 1e-5)[1]
    assert first_difference(wanted, wanted, CASE, 1e-4, 1e-5) is None


def test_numbers_are_short_and_families_are_three():
    assert numbers(torch.tensor(1.23456)) == "1.235" and numbers(torch.tensor(3)) == "3"
    kinds = [family(torch.ones(1, dtype=d)) for d in (torch.int64, torch.float16, torch.float64, torch.complex64)]
    assert kinds[0] != kinds[1] == kinds[2] != kinds[3] != kinds[0]
    assert exact(torch.tensor([1 + 2j])).tolist() == [[1.0, 2.0]] and exact(torch.ones(2)).dtype == torch.float64
