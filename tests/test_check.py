"""check.hand_in: what is shown, what is returned, what is remembered."""

import json
from types import SimpleNamespace

import pytest
import torch

from tutorial_lib.kit import check, store
from tutorial_lib.kit import judge as judging
from tutorial_lib.kit.check import capital, going_on, hand_in
from tutorial_lib.kit.judge import Exercise, Verdict
from tutorial_lib.kit.observe import Case

CLOCK = SimpleNamespace(now=0.0)


def double(x):
    """Twice x."""
    CLOCK.now += 0.01
    return x * 2  # the line to hide


SQUARED = "you squared <it>."
TOY = Exercise("toy.double", "00", "Doubling", double, lambda: [Case((torch.tensor([1.0, -3.0]),), "x = (1, -3)")],
               {SQUARED: lambda x: x * x}, hints=("Think of `x + x`.", "Or 2 < 3."), minutes=2,
               workload=lambda: Case((torch.ones(9),)))


def right(x):
    return x + x


def wrong(x):
    return x + 1


def slow(x):
    CLOCK.now += 5
    return x + x


def stub(x):
    ...  # your code here


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(judging, "time", SimpleNamespace(process_time=lambda: CLOCK.now))


def test_a_right_answer_comes_back_and_the_chapter_runs_on_it(shown):
    assert hand_in(TOY, right) is right
    assert shown[0].text.startswith("✓ double: passed") and "your code" in shown[0].text


@pytest.mark.parametrize("attempt, start", [
    (wrong, "✗ double: wrong value"), (stub, "○ double: not started"), (None, "✗ double: error"),
    (lambda x: x[:1], "✗ double: wrong shape"), (double, "○ double: not started")])
def test_whatever_is_wrong_a_function_that_works_comes_back_and_that_is_said(attempt, start, shown):
    assert hand_in(TOY, attempt) is double
    assert shown[0].text.startswith(start) and "goes on with the library's `double`" in shown[0].text
    assert "(core, 2 minutes)" in shown[0].text


def test_a_slow_right_answer_passes_and_stays_passed_when_the_cell_runs_again(learner, shown):
    assert hand_in(TOY, slow) is double
    assert "passed" in shown[0].text and "500 times as long" in shown[0].text
    assert hand_in(TOY, double) is double and shown[1].text == shown[0].text
    assert store.read()["exercises"]["toy.double"] == {"attempts": 1, "passed": True, "mistakes": {}}
    assert hand_in(TOY, wrong) is double and hand_in(TOY, double) is double  # now it is the wrong one that counts
    assert "library's own function" in shown[3].text


def test_the_reference_never_passes_after_an_ordinary_pass(shown):
    hand_in(TOY, right)
    hand_in(TOY, double)
    assert "not started" in shown[1].text


def test_the_solution_waits_for_an_attempt(learner, shown):
    hand_in(TOY, stub)
    assert "line to hide" not in shown[0].html and "after your first attempt" in shown[0].html
    hand_in(TOY, wrong)
    assert "line to hide" in shown[1].html
    hand_in(TOY, stub)  # and stays, once there was one
    assert "line to hide" in shown[2].html
    assert not any("line to hide" in s.text for s in shown)


def test_the_solution_comes_on_request_and_after_a_pass(learner, shown):
    hand_in(TOY, stub, reveal=True)
    assert "line to hide" in shown[0].html and store.read()["exercises"] == {}
    hand_in(TOY, right)
    assert "line to hide" in shown[1].html


def test_a_class_may_withhold_solutions(learner, shown):
    (learner / "NO_SOLUTIONS").touch()
    hand_in(TOY, wrong)
    hand_in(TOY, stub, reveal=True)
    assert not any("line to hide" in s.html for s in shown) and "shown later" in shown[0].html


def test_the_card_is_safe_html_with_folded_parts(shown):
    hand_in(TOY, lambda x: x ** 2)
    card = shown[0].html
    assert "<script" not in card and "you squared" not in card and "You squared &lt;it&gt;." in card
    assert card.count("<details>") == card.count("</details>") == 3  # two hints, one solution
    assert "<code>x + x</code>" in card and "2 &lt; 3" in card and 'role="status"' in card


def test_hints_go_away_with_a_pass(shown):
    hand_in(TOY, right)
    assert "Hint" not in shown[0].html


def test_attempts_passes_and_mistakes_are_counted_in_the_learners_file(learner, shown):
    for attempt in (stub, wrong, lambda x: x * x, double, right, wrong):
        hand_in(TOY, attempt)
    entry = json.loads((learner / "progress.json").read_text())["exercises"]["toy.double"]
    assert entry == {"attempts": 3, "passed": True, "mistakes": {SQUARED: 1}}


@pytest.mark.parametrize("mode", ["test", "notebooks"])
def test_nothing_is_written_in_other_modes(mode, learner, shown, monkeypatch):
    monkeypatch.setenv("TUTORIAL_MODE", mode)
    hand_in(TOY, wrong)
    assert list(learner.iterdir()) == [] and store.read()["exercises"]["toy.double"]["attempts"] == 1


def test_plain_python_prints_the_text(capsys):
    hand_in(TOY, right)
    assert capsys.readouterr().out.startswith("✓ double: passed")


def test_a_damaged_record_does_not_stop_a_check(learner, shown):
    (learner / "progress.json").write_text('{"exercises": {"toy.double": 3}, "answers": {}}')
    assert hand_in(TOY, right) is right
    assert json.loads((learner / "progress.json").read_text())["exercises"]["toy.double"]["passed"]


def test_sentences_begin_with_a_capital_unless_they_begin_with_code():
    assert [capital(s) for s in ("it is", "a b", "`x` is", "", "x_1 is")] == ["It is", "A b", "`x` is", "", "x_1 is"]
    assert check.headline(TOY, TOY.judge(right)) == "double: passed  (core, 2 minutes)"


@pytest.mark.parametrize("verdict, part", [
    (Verdict("passed", ""), "runs on your code"), (Verdict("passed", "", ratio=30.4), "30 times as long"),
    (Verdict("error", ""), "Until it passes, the chapter goes on with the library's `double`.")])
def test_what_the_chapter_goes_on_with_is_always_said(verdict, part):
    assert part in going_on(TOY, verdict)
