"""judge: right answers written any way pass; wrong ones get the most useful sentence; nothing ever raises."""

import functools
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tutorial_lib.kit import judge as judging
from tutorial_lib.kit.judge import (
    STATUSES,
    Exercise,
    Verdict,
    matched_mistake,
    observe_all,
    open_blanks,
    parsed,
    returns_something,
    slowness,
    wrong_signature,
)
from tutorial_lib.kit.observe import Case, observe_module


def lengths(x):
    """The Euclidean length of each row.  x: (N, K) -> (N,)"""
    return x.square().sum(-1).sqrt()


def product(a, b):
    """The matrix product.  a: (N, M), b: (M, K) -> (N, K)"""
    return a @ b


def noisy(mu, rng):
    """mu plus standard normal noise."""
    return mu + torch.randn(mu.shape, generator=rng)


def both(x):
    """Mean and spread."""
    return x.mean(), x.std()


class Affine(nn.Module):
    """A linear layer."""

    def __init__(self, inputs):
        super().__init__()
        self.layer = nn.Linear(inputs, 2)

    def forward(self, x):
        return self.layer(x)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make(reference, cases, mistakes=None, **more):
    return Exercise(f"toy.{reference.__name__}", "00", "A toy", reference, cases, mistakes or {}, **more)


NO_ROOT, MEAN, COLUMNS = "the root is missing.", "you averaged where you should add.", "you summed down the columns."
LENGTHS = make(lengths, lambda: [Case((draw(3, 4),), "three rows"), Case((draw(2, 3, seed=1),), "two rows")], {
    NO_ROOT: lambda x: x.square().sum(-1),
    MEAN: lambda x: x.square().mean(-1).sqrt(),
    COLUMNS: lambda x: x.square().sum(0).sqrt(),
}, gradient=("x",))
PRODUCT = make(product, lambda: [Case((draw(3, 3), draw(3, 3, seed=1)), "two squares")])
NOISY = make(noisy, lambda: [Case((draw(3), torch.Generator().manual_seed(5)), "three means")])
BOTH = make(both, lambda: [Case((draw(9),), "nine numbers")])
AFFINE = make(Affine, lambda: [Case((3, draw(4, 3)), "four rows of three")], observe=observe_module(build=1))


# ---------------------------------------------------------------- right answers


@pytest.mark.parametrize("answer", [
    lambda x: torch.einsum("nk,nk->n", x, x) ** 0.5,
    lambda x: torch.stack([sum(v * v for v in row).sqrt() for row in x]),
    lambda x: torch.linalg.norm(x, dim=1),
    lambda x: x.norm(dim=-1),
    lambda x: torch.stack([lengths(row[None])[0] for row in x.flip(0)]).flip(0),
    lambda *args: lengths(*args),
    functools.partial(torch.linalg.vector_norm, dim=-1),
])
def test_a_right_answer_written_another_way_passes(answer):
    verdict = LENGTHS.judge(answer)
    assert verdict.passed and verdict.status == "passed" and verdict.ratio is None, verdict


def test_functions_of_generators_pass_and_global_draws_do_not():
    assert NOISY.judge(lambda mu, rng: torch.empty(3).normal_(generator=rng) + mu).passed
    assert NOISY.judge(lambda mu, rng: mu + torch.randn(3)).status == "wrong value"


def test_small_modules_can_be_judged():
    class Mine(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.a, self.b = nn.Parameter(torch.ones(2, n)), nn.Parameter(torch.zeros(2))

        def forward(self, x):
            return x @ self.a.T + self.b

    class NoBias(Mine):
        def __init__(self, n):
            super().__init__(n)
            del self.b
            self.b = 0

    assert AFFINE.judge(Mine).passed
    assert "number of parameter tensors" in AFFINE.judge(NoBias).message
    assert "expected a torch.nn.Module" in AFFINE.judge(lambda inputs: torch.ones(2)).message


def test_several_results_may_come_as_tuple_or_list_of_tensors_or_numbers():
    assert BOTH.judge(lambda x: [x.mean(), x.var().sqrt()]).passed
    numbers = BOTH.judge(lambda x: (x.mean().item(), x.std().item()))
    assert numbers.status == "error" and "return a tensor" in numbers.message, "the chapter goes on computing with it"
    assert not BOTH.judge(lambda x: (x.mean().item() + 1, x.std().item())).message.startswith("the number is right")
    assert "result 2 of 2" in BOTH.judge(lambda x: (x.mean(), x.var())).message
    assert BOTH.judge(lambda x: x.mean()).status == "wrong shape"


# ---------------------------------------------------------------- not started


def test_the_reference_handed_back_is_recognised_and_never_passes():
    verdict = LENGTHS.judge(lengths)
    assert verdict.status == "not started" and not verdict.passed and "library's own function" in verdict.message


def test_blanks_are_found_and_indices_are_not():
    def stub(x):
        """The docstring stays."""
        ...  # your code here

    def blank_in_the_middle(x):
        y = ...  # the squares
        return y.sqrt()

    def blank_returned(x):
        return ...

    def index(x: tuple[int, ...]):
        y = x[..., 0] + x[0, ..., :1].sum()
        return y

    def left_beside(x):
        ...
        return x.square().sum(-1).sqrt()

    assert open_blanks(stub) == ["..."] and open_blanks(blank_in_the_middle) == ["y = ..."]
    assert open_blanks(blank_returned) == ["return ..."]
    assert open_blanks(index) == [] and open_blanks(left_beside) == [] and open_blanks(print) == []
    for blank in (stub, blank_in_the_middle, blank_returned):
        assert LENGTHS.judge(blank).status == "not started"
    assert "`y = ...`" in LENGTHS.judge(blank_in_the_middle).message
    assert LENGTHS.judge(left_beside).passed


def test_sources_are_read_where_they_can_be_had():
    tree, lines = parsed(lengths)
    assert tree.body[0].name == "lengths" and lines[0] == "def lengths(x):"
    assert parsed(print) is None and parsed(functools.partial(lengths)) is None
    assert returns_something(lengths) and not returns_something(print)


def test_two_blanks_are_counted():
    def two(x):
        y = ...
        return y ** ...

    assert "2 blanks are still open" in LENGTHS.judge(two).message


def test_a_stub_of_a_class_is_not_started():
    class Stub(nn.Module):
        def __init__(self, inputs):
            super().__init__()

        def forward(self, x):
            ...  # your code here

    assert AFFINE.judge(Stub).status == "not started"


def test_a_function_without_return_is_not_started_and_one_that_returns_none_is_an_error():
    def silent(x):
        x.square()

    def sometimes(x):
        if len(x) > 100:
            return x

    assert LENGTHS.judge(silent).status == "not started" and "return" in LENGTHS.judge(silent).message
    assert LENGTHS.judge(sometimes).status == "error" and "returns None" in LENGTHS.judge(sometimes).message


# ---------------------------------------------------------------- errors


def test_a_wrong_signature_is_said_before_anything_runs():
    verdict = PRODUCT.judge(lambda a: a)
    assert verdict.status == "error" and "called with (a, b), but yours takes (a)" in verdict.message
    assert PRODUCT.judge(lambda a, b, c: a).status == "error"
    assert wrong_signature(PRODUCT, torch.add) is None  # a builtin without a signature: calling it tells
    assert PRODUCT.judge(lambda a, b, c=1: a @ b).passed


def test_an_error_says_its_text_and_the_learners_own_line():
    def attempt(x):
        y = x @ x
        return y

    verdict = LENGTHS.judge(attempt)
    assert verdict.status == "error" and "RuntimeError" in verdict.message and "`y = x @ x`" in verdict.message


@pytest.mark.parametrize("answer, status, part", [
    (lambda x: np.linalg.norm(x.detach().numpy(), axis=1), "error", "numpy.ndarray; return a torch.Tensor"),
    (lambda x: lengths(x) * torch.nan, "wrong value", "NaN"),
    (lambda x: lengths(x).long() + 0 * x.sum().long(), "wrong value", "gradient"),
    (lambda x: lengths(x).double(), "wrong value", "torch.float64 where torch.float32"),
    (lambda x: lengths(x).detach(), "wrong value", "no gradient flows back to x"),
    (lambda x: lengths(x).tolist(), "error", "list; return a torch.Tensor"),
])
def test_faults_of_the_result_have_their_sentences(answer, status, part):
    verdict = LENGTHS.judge(answer)
    assert verdict.status == status and part in verdict.message, verdict


def test_whole_numbers_are_told_apart_from_floats():
    assert "torch.int64 where torch.float32" in PRODUCT.judge(lambda a, b: (a @ b).long()).message


def test_a_changed_input_is_an_error():
    verdict = PRODUCT.judge(lambda a, b: a.mul_(2) @ b / 2)
    assert verdict.status == "error" and "changes its input (argument 1)" in verdict.message


def test_a_learners_print_is_no_answer_and_global_state_survives(capsys):
    def chatty(x):
        print("shape:", tuple(x.shape))
        torch.manual_seed(99)
        torch.randn(5)
        return lengths(x)

    torch.manual_seed(1)
    state = torch.get_rng_state()
    workload = make(lengths, LENGTHS.cases, workload=lambda: Case((torch.randn(5, 5),), "many"))
    assert LENGTHS.judge(chatty).passed and workload.judge(chatty).passed
    assert torch.equal(state, torch.get_rng_state())
    assert set(capsys.readouterr().out.splitlines()) <= {"shape: (3, 4)", "shape: (2, 3)", "shape: (5, 5)"}


# ---------------------------------------------------------------- wrong values


@pytest.mark.parametrize("answer, status, part", [
    (lambda a, b: 0 * (a @ b), "wrong value", "0 everywhere"),
    (lambda a, b: a @ b + 0.5, "wrong value", "larger by 0.5 everywhere"),
    (lambda a, b: a @ b - 0.5, "wrong value", "smaller by 0.5 everywhere"),
    (lambda a, b: 3 * (a @ b), "wrong value", "3 times the right one everywhere"),
    (lambda a, b: -(a @ b), "wrong value", "opposite sign everywhere"),
    (lambda a, b: (a @ b)[torch.tensor([2, 0, 1])], "wrong value", "another order"),
    (lambda a, b: (a @ b).T, "wrong value", "another order"),
    (lambda a, b: (a @ b)[:2].T, "wrong shape", "(3, 2) where (3, 3)"),
    (lambda a, b: b @ a, "wrong value", "is expected"),
])
def test_typical_slips_are_rejected_with_a_fitting_sentence(answer, status, part):
    verdict = PRODUCT.judge(answer)
    assert verdict.status == status and part in verdict.message, verdict


def test_being_right_on_some_inputs_is_said():
    verdict = LENGTHS.judge(lambda x: lengths(x) + (len(x) == 2))
    assert verdict.status == "wrong value" and "1 of 2 inputs are right" in verdict.message


@pytest.mark.parametrize("answer, sentence, status", [
    (lambda x: (x ** 2).sum(1), NO_ROOT, "wrong value"),
    (lambda x: lengths(x) / x.shape[1] ** 0.5, MEAN, "wrong value"),
    (lambda x: torch.linalg.norm(x, dim=0), COLUMNS, "wrong shape"),
])
def test_a_known_mistake_in_other_words_is_matched_even_when_the_shape_is_wrong(answer, sentence, status):
    verdict = LENGTHS.judge(answer)
    assert (verdict.status, verdict.message, verdict.mistake) == (status, sentence, sentence)


def test_a_mistake_is_matched_only_when_it_does_the_same_on_every_input():
    verdict = LENGTHS.judge(lambda x: lengths(x) ** 2 if len(x) == 3 else lengths(x) + 1)
    assert verdict.mistake is None and "is expected" in verdict.message
    assert matched_mistake(LENGTHS, observe_all(LENGTHS, lambda x: x.square().sum(1))) == NO_ROOT


def test_a_mistake_that_faults_is_matched_by_its_fault():
    in_place = make(product, PRODUCT.cases, {"do not write into a.": lambda a, b: a.mul_(1.5) @ b})
    assert in_place.judge(lambda a, b: a.add_(1) @ b).mistake == "do not write into a."


def test_a_wrong_gradient_with_right_values_is_found():
    verdict = LENGTHS.judge(lambda x: lengths(x) + (x - x.detach()).sum(-1))
    assert verdict.status == "wrong value" and "the gradient with respect to x" in verdict.message


@given(st.integers(0, 3), st.floats(0.01, 5), st.booleans())
def test_no_disturbed_answer_passes(row, by, flip):
    """Property: a change of one entry by more than the tolerance is found, on whichever row it is."""
    def attempt(a, b):
        out = a @ b
        bump = torch.zeros_like(out)
        bump[row % 3] = -by if flip else by
        return out + bump

    assert PRODUCT.judge(attempt).status == "wrong value"


# ---------------------------------------------------------------- never raises


class Awkward:
    """Raises wherever it is touched."""

    def __call__(self, x):
        raise OSError("no")

    def __getattr__(self, name):
        raise AttributeError(name)


JUNK = [None, 10**400, "text", [], {}, (), [1, 2], object(), torch.empty(0), torch.tensor(1j), True, float("inf"),
        torch.ones(3).to_sparse(), np.ones(3), (i for i in ()), int, [[torch.ones(1)]], torch.tensor(True),
        torch.ones(3, device="meta"), torch.full((3,), torch.inf), {"a": None}, torch.ones(3, dtype=torch.bfloat16)]


@pytest.mark.parametrize("junk", JUNK, ids=lambda j: type(j).__name__)
def test_no_result_makes_the_judge_raise(junk):
    for exercise in (LENGTHS, BOTH, make(lengths, LENGTHS.cases)):
        verdict = exercise.judge(lambda x: junk)
        assert verdict.status in STATUSES and not verdict.passed and verdict.message


@pytest.mark.parametrize("attempt", [None, 3, "code", print, int, nn.Linear, Awkward(), Awkward, nn.Module, sys.exit,
                                     functools.partial(print, end=""), torch.add, lambda: 0, lambda x: x.explode(),
                                     lambda x: sys.exit(1), lambda x: 1 / 0, lambda x: next(iter(()))],
                         ids=lambda a: getattr(a, "__name__", type(a).__name__))
def test_no_attempt_makes_the_judge_raise(attempt, capsys):
    for exercise in (LENGTHS, NOISY, AFFINE):
        verdict = exercise.judge(attempt)
        assert verdict.status in STATUSES and not verdict.passed and verdict.message


def test_endless_recursion_is_an_error():
    def deeper(x):
        return deeper(x)

    assert "RecursionError" in LENGTHS.judge(deeper).message


# ---------------------------------------------------------------- speed, on a clock of its own


@pytest.mark.parametrize("unit, cost, ratio", [
    (0.01, 4.0, 400),
    (0.01, 0.1, None),     # ten times slower is no matter
    (0.0001, 0.01, None),  # nor is a hundred times slower, where it is a hundredth of a second
])
def test_a_right_answer_far_slower_than_the_reference_passes_and_its_ratio_is_known(unit, cost, ratio, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(judging, "time", SimpleNamespace(process_time=lambda: clock.now))

    def timed(x):
        clock.now += unit
        return x * 2

    def attempt(x):
        clock.now += cost
        return x + x

    exercise = make(timed, lambda: [Case((torch.ones(2),))], workload=lambda: Case((torch.ones(50),)))
    verdict = exercise.judge(attempt)
    assert verdict.passed and verdict.ratio == (None if ratio is None else pytest.approx(ratio))
    assert slowness(exercise, attempt) == verdict.ratio and slowness(LENGTHS, attempt) is None  # without a workload


def test_a_pass_is_a_pass_slow_or_not():
    assert Verdict("passed", "right.", ratio=30.0).passed and not Verdict("wrong value", "no.").passed


def test_the_solution_is_the_references_source_unless_a_plainer_one_is_given():
    assert LENGTHS.solution_source.startswith("def lengths(x):") and LENGTHS.function_name == "lengths"
    assert make(lengths, LENGTHS.cases, solution="\n  plain\n").solution_source == "plain"


def test_reference_and_mistakes_are_observed_once():
    """A second wrong answer is compared with what is known from the first; mistakes after the match never ran."""
    ran = []

    def counted(name, f):
        def function(x):
            ran.append(name)
            return f(x)
        return function

    exercise = Exercise("t.lengths", "11", "Lengths", counted("reference", lengths),
                        lambda: [Case((torch.eye(2) * 3,))],
                        {"Squared.": counted("squared", lambda x: x.square().sum(-1)),
                         "Summed.": counted("summed", lambda x: 2 * x.sum(-1))})
    for _ in range(3):
        assert exercise.judge(lambda x: x.square().sum(-1)).mistake == "Squared."
    assert ran == ["reference", "squared"]
    assert exercise.judge(lambda x: 2 * x.sum(-1)).mistake == "Summed." and exercise.judge(lengths).passed
    assert ran == ["reference", "squared", "summed"]
    assert exercise.mistaken("Summed.")[0].values["the value"].tolist() == [6.0, 6.0]
