"""ask: a reply for every answer, widgets that commit, and a page that reads without a kernel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.kit import store
from tutorial_lib.kit.ask import Choice, Question, as_html, as_text, form, pose, typed_number

CHOICE = Question("q.sand", "11", "Is `x < 1` so?", (
    Choice("It sinks", "No, it floats."), Choice("It floats", "Yes, it is lighter.", right=True)))
NUMBER = Question("q.nats", "11", "How many nats?", number=200.0, within=2.0, unit="nats", why="Count the pixels.")
BARE = Question("q.bare", "11", "How many?", number=-3.0, why="Three below.")


def test_each_choice_has_its_own_reply():
    assert CHOICE.reply("It sinks") == (False, "No, it floats.")
    assert CHOICE.reply("It floats") == (True, "Yes, it is lighter.")
    with pytest.raises(ValueError, match="no choice 'It flies'"):
        CHOICE.reply("It flies")


@given(st.floats(1e-3, 1e6))
def test_a_number_is_right_within_a_factor(given_number):
    right, sentence = NUMBER.reply(given_number)
    assert right == (100 <= given_number <= 400)
    assert sentence == f"{'Right' if right else 'Not quite'}: it is 200 nats. Count the pixels."


def test_numbers_below_zero_keep_their_sign_and_nan_is_wrong():
    assert BARE.reply(-4)[0] and BARE.reply("-2")[0] and not BARE.reply(3)[0] and not BARE.reply(-5)[0]
    assert not BARE.reply(float("nan"))[0]
    assert BARE.reply(-3)[1] == "Right: it is -3. Three below."


@pytest.mark.parametrize("wrong", [
    {}, {"number": 1.0, "choices": (Choice("a", "b", True),)}, {"choices": (Choice("a", "b"), Choice("c", "d"))},
    {"choices": (Choice("a", "b", True), Choice("c", "d", True))}])
def test_a_question_needs_one_number_or_one_right_choice(wrong):
    with pytest.raises(ValueError, match="question q"):
        Question("q", "11", "?", **wrong)


def test_text_holds_the_options_and_no_answer():
    assert as_text(CHOICE) == "? Is `x < 1` so?\n  (a) It sinks\n  (b) It floats"
    assert as_text(NUMBER) == "? How many nats?"


def test_a_page_without_a_kernel_holds_question_options_and_the_folded_answer():
    page = as_html(CHOICE)
    before, folded = page.split("<details>")
    assert "<code>x &lt; 1</code>" in before and before.count("<li>") == 2 and "lighter" not in before
    assert "(b) Yes, it is lighter." in folded and "(a) No" in folded and "<script" not in page
    assert CHOICE.folded_replies() in folded, "the right answer first, then what the others are told"
    assert "200 nats. Count the pixels." in as_html(NUMBER).split("<details>")[1]
    assert "<p style=\"margin:.3em 0\">-3. Three below." in as_html(BARE) and "<ol" not in as_html(BARE)


def test_committing_stores_the_choice_and_answers(learner):
    _, field, button, reply = form(CHOICE).children
    assert field.value is None  # nothing is chosen for the learner
    button.click()
    assert "Choose first" in reply.value and store.read()["answers"] == {}
    field.value = "It sinks"
    assert "floats" not in reply.value  # choosing is not committing
    button.click()
    assert "You said: It sinks" in reply.value and "No, it floats." in reply.value and "✗" in reply.value
    field.value = "It floats"
    button.click()
    assert "✓" in reply.value
    assert store.read()["answers"]["q.sand"] == {"first": "It sinks", "first_right": False, "latest": "It floats",
                                                 "latest_right": True}


def test_a_number_is_typed_and_an_empty_field_is_no_answer(learner):
    _, field, button, reply = form(NUMBER).children
    for typed in (field.value, "", "about two", "nan"):
        field.value = typed
        button.click()
        assert "number" in reply.value and store.read()["answers"] == {}
    field.value = " 150 "
    button.click()
    assert "You said: 150" in reply.value and "Right: it is 200 nats." in reply.value
    assert store.read()["answers"]["q.nats"]["latest"] == 150.0


@pytest.mark.parametrize("text, value", [
    ("3", 3.0), (" -2.5e1 ", -25.0), ("", None), ("0,5", None), ("inf", None), ("nan", None), ("ten", None)])
def test_what_is_typed_is_a_finite_number_or_none(text, value):
    assert typed_number(text) == value


def test_an_earlier_answer_is_recalled(learner):
    store.note_answer("q.sand", "It sinks", False)
    assert "Your first answer was: It sinks" in form(CHOICE).children[3].value


def test_posing_shows_text_page_and_widgets_but_no_widgets_where_chapters_are_executed(learner, shown, monkeypatch):
    pose(CHOICE)
    monkeypatch.setenv("TUTORIAL_MODE", "notebooks")
    pose(CHOICE)
    assert [bool(s.extra) for s in shown] == [True, False] and shown[0].html == shown[1].html == as_html(CHOICE)
    assert set(shown[0].extra) == {"application/vnd.jupyter.widget-view+json"}
