"""Every exercise: its stub is open, right answers pass, known mistakes are named, spoiled answers are rejected."""

import pytest
import torch

from tutorial_lib import course
from tutorial_lib.course import chapters
from tutorial_lib.kit.judge import STATUSES

EXERCISES = course.all_exercises()
each = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


@each
def test_stub_stands_in_the_notebook_and_is_not_started(exercise):
    assert exercise.stub is not None, "no definition before its check cell"
    assert exercise.judge(exercise.stub).status == "not started"
    assert exercise.stub.__doc__, "a stub says what is wanted, with shapes"


@each
def test_reference_handed_back_is_recognised_and_wrapped_it_passes(exercise):
    verdict = exercise.judge(exercise.reference)
    assert verdict.status == "not started" and not verdict.passed
    assert exercise.judge(lambda *args: exercise.reference(*args)).passed


@each
def test_alternatives_pass(exercise):
    assert len(exercise.alternatives) >= 2
    for alternative in exercise.alternatives:
        verdict = exercise.judge(alternative)
        assert verdict.passed, verdict.message


@each
def test_each_mistake_is_rejected_with_its_own_sentence(exercise):
    assert len(exercise.mistakes) >= 2
    for sentence, mistake in exercise.mistakes.items():
        verdict = exercise.judge(mistake)
        assert verdict.status in STATUSES[1:4]
        assert verdict.mistake == sentence and verdict.message == sentence


def spoiled(exercise, spoil):
    """The reference with its result spoiled; a result of several parts is spoiled in each."""
    def answer(*args):
        out = exercise.reference(*args)
        return type(out)(spoil(o) for o in out) if isinstance(out, (tuple, list)) else spoil(out)

    return answer


SPOILS = {
    "zero": lambda t: t * 0,
    "NaN": lambda t: t * torch.nan,
    "shifted": lambda t: t + 1,
    "scaled": lambda t: t * 2,
    "negative": lambda t: -t,
    "permuted": lambda t: torch.as_tensor(t).reshape(-1).flip(0).reshape(torch.as_tensor(t).shape),
    "one more axis": lambda t: torch.as_tensor(t)[..., None],
}


def has_order(exercise):
    """Whether reversing the result changes it (not for one number or a symmetric one, not for equal draws)."""
    if exercise.observe is not None:
        return False
    outs = [exercise.reference(*case.args) for case in exercise.cases()]
    return any(torch.is_tensor(o) and o.numel() > 1 and not torch.allclose(o.reshape(-1), o.reshape(-1).flip(0))
               for o in outs)


@each
@pytest.mark.parametrize("name", SPOILS)
def test_spoiled_answers_are_rejected(exercise, name):
    if name == "permuted" and not has_order(exercise):
        pytest.skip("the order of its results is free, or there is one number")
    verdict = exercise.judge(spoiled(exercise, SPOILS[name]))
    assert verdict.status in STATUSES[1:4], f"a {name} answer was judged {verdict.status}"
    assert len(verdict.message) > 20


@each
def test_it_is_described_for_a_learner(exercise):
    assert exercise.chapter in chapters.all_chapters()
    assert 1 <= exercise.minutes <= 30 and len(exercise.hints) >= 2 and exercise.title
    assert "def " in exercise.solution_source or "class " in exercise.solution_source
    for sentence in exercise.mistakes:
        assert sentence.rstrip()[-1] in ".)", "a sentence ends like one"


def test_unknown_and_renamed_names(monkeypatch, capsys):
    """An unknown name names likely ones; an old name answers with the new one's."""
    with pytest.raises(KeyError, match="vae.kl_standard_normal"):
        course.exercise("vae.kl")
    monkeypatch.setitem(course.RENAMED, "vae.old_name", "vae.kl_standard_normal")
    assert course.exercise("vae.old_name").name == "vae.kl_standard_normal"
    assert "is now called vae.kl_standard_normal" in capsys.readouterr().out
