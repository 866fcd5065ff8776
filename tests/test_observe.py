"""observe: candidates run on a case, and whatever happens becomes named tensors or a fault."""

import inspect

import pytest
import torch
from torch import nn

from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import (
    Case,
    Fault,
    Outcome,
    describe_error,
    first_type_fault,
    named_tensors,
    observe_call,
    observe_module,
    run,
)


def weigh(x, w):
    """The weighted sum.  x: (N, K), w: (K,) -> (N,)"""
    return x @ w


def make(reference=weigh, **more):
    def cases():
        return [Case((torch.arange(6.0).reshape(3, 2) - 1, torch.tensor([2.0, -1.0])))]

    return Exercise("toy.weigh", "00", "", reference, cases, {}, **more)


def observed(candidate, **more):
    exercise = make(**more)
    return run(exercise, candidate, exercise.cases()[0])


def test_results_get_names():
    x = torch.ones(2)
    assert list(named_tensors(x)) == ["the value"]
    assert list(named_tensors((x, x))) == ["result 1 of 2", "result 2 of 2"]
    assert list(named_tensors({"kl": x})) == ["entry 'kl'"]
    assert list(named_tensors([1.0, 2.0])) == ["the value"]  # a list of numbers is one value that should be a tensor


def test_the_gradient_is_that_of_the_weighted_sum():
    """Closed form: d/dw of sum_n c_n x_n·w is sum_n c_n x_n, with c from 0.5 to 1.5."""
    out = observed(weigh, gradient=("w",)).values
    x = torch.arange(6.0).reshape(3, 2) - 1
    torch.testing.assert_close(out["the gradient with respect to w"], torch.tensor([0.5, 1.0, 1.5]) @ x)
    assert not any(v.requires_grad for v in out.values())


@pytest.mark.parametrize("cut", [
    lambda x, w: (x @ w).detach(),
    lambda x, w: x @ w.detach(),
    lambda x, w: torch.tensor((x @ w).tolist()),
    torch.no_grad()(weigh),
    lambda x, w: (x @ w).sum().item(),
])
def test_a_cut_gradient_is_a_wrong_value_with_its_sentence(cut):
    status, sentence = observed(cut, gradient=("w",)).fault
    assert status == "wrong value" and "no gradient flows back to w" in sentence


def test_an_argument_that_is_left_out_gets_its_sentence():
    fault = observed(lambda x, w: 2 * w[0] * x.detach()[:, 0], gradient=("x", "w")).fault
    assert "no gradient flows back to x: the result must depend on it" in fault[1]


def test_a_changed_input_is_a_fault_and_names_the_argument():
    status, sentence = observed(lambda x, w: (x @ w.mul_(2)) / 2).fault
    assert status == "error" and "argument 2" in sentence and "in place" in sentence
    assert "argument 1" in observed(lambda x, w: x.t_().T @ w).fault[1]  # a changed shape counts as well


@pytest.mark.parametrize("result, part", [
    (None, "returns None"), ("text", "builtins.str"), (torch.ones(2).numpy(), "numpy.ndarray"), ([1.0, 2.0], "list"),
    (True, "bool"), ((torch.ones(2), None), "returns None"), (10**400, "OverflowError"), (weigh, "function"),
])
def test_what_is_no_tensor_is_a_fault(result, part):
    status, sentence = observed(lambda x, w: result).fault
    assert status == "error" and part in sentence


def test_a_plain_number_counts_as_a_tensor_without_axes():
    assert observed(lambda x, w: 2).values["the value"].shape == ()


def test_an_error_names_the_learners_own_line_even_in_a_helper_or_under_a_decorator():
    def helper(x):
        return x @ x  # (3, 2) does not fit

    def attempt(x, w):
        return helper(x)

    for candidate in (attempt, torch.no_grad()(attempt)):
        sentence = observed(candidate).fault[1]
        assert "RuntimeError" in sentence and "(in the line `return x @ x" in sentence


def test_an_error_in_a_module_names_the_line_of_its_forward():
    class Broken(nn.Module):
        def forward(self, x):
            return self.missing(x)

    assert "`return self.missing(x)`" in observed(Broken, observe=observe_module()).fault[1]


def test_the_same_error_on_another_line_is_the_same_error():
    a = Outcome(fault=("error", "it stops with ValueError: no (in the line `a = 1`)."))
    b = Outcome(fault=("error", "it stops with ValueError: no (in the line `b = 2`)."))
    assert a.agrees(b, 1e-4, 1e-5)
    assert not a.agrees(Outcome({"the value": torch.ones(1)}), 1e-4, 1e-5)


def test_draws_from_the_global_generator_are_the_same_each_time_and_stay_inside():
    first = observed(lambda x, w: torch.randn(4))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        before = torch.get_rng_state()
        second = observed(lambda x, w: torch.randn(4))
        assert torch.equal(before, torch.get_rng_state())
    assert first.agrees(second, 0, 0)


def test_modules_are_compared_with_the_same_parameters():
    """Two linear layers, initialised differently, and one written by hand do the same."""
    class Mine(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(outputs, inputs))
            self.bias = nn.Parameter(torch.ones(outputs))

        def forward(self, x):
            return torch.einsum("ni,oi->no", x, self.weight) + self.bias

    observe, case = observe_module(build=2), Case((3, 2, torch.ones(4, 3)))
    theirs, mine = observe(nn.Linear, case), observe(Mine, case)
    torch.testing.assert_close(theirs["the value"], mine["the value"])
    assert mine["the number of parameter tensors"] == 2 and theirs["the value"].abs().max() > 0


def test_observe_call_without_gradient_hands_the_arguments_on():
    x = torch.ones(2, 2)
    assert observe_call((), inspect.signature(weigh))(lambda a, b: a, Case((x, None)))["the value"] is x


def test_an_observer_may_raise_a_fault_of_its_own():
    def picky(candidate, case):
        raise Fault("wrong shape", "a square is wanted.")

    assert observed(weigh, observe=picky).fault == ("wrong shape", "a square is wanted.")


def test_an_error_without_text_and_a_fault_in_one_part_are_said():
    assert describe_error(ValueError(), print) == "it stops with ValueError: no message."
    assert first_type_fault({"a": 1.0, "b": "text"})[1].startswith("b is a builtins.str")
    assert first_type_fault({"a": torch.ones(1), "b": 2}) is None
