"""Hand in an exercise: judge it, show the verdict with hints and solution, return a function that works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tutorial_lib.kit import page, settings, store
from tutorial_lib.kit.judge import Exercise, Verdict

_LOOK = {"passed": "passed", "not started": "open"}
_handed_back: dict[str, Verdict] = {}  # the latest verdict, for a check cell that is run again


def hand_in(exercise: Exercise, attempt: object, reveal: bool = False) -> Callable[..., Any]:
    """Judge `attempt`, display the verdict, count it, and return what the chapter should go on with:

    the attempt when it is right and fast enough, otherwise the reference.  Never raises for the attempt.
    """
    earlier = _handed_back.get(exercise.name) if attempt is exercise.reference else None
    verdict = exercise.judge(attempt)
    if earlier is not None and earlier.ratio is not None:
        verdict = Verdict("passed", earlier.message, ratio=earlier.ratio)  # right but slow, and checked again
    tried = store.note_attempt(exercise.name, verdict.status, verdict.mistake)["attempts"] > 0
    own = verdict.passed and verdict.ratio is None
    _handed_back[exercise.name] = verdict
    page.put(as_text(exercise, verdict), as_html(exercise, verdict, reveal or tried, reveal))
    return attempt if own else exercise.reference  # type: ignore[return-value]


def headline(exercise: Exercise, verdict: Verdict) -> str:
    """The verdict's first line."""
    weight = "core" if exercise.core else "stretch"
    return f"{exercise.function_name}: {verdict.status}  ({weight}, {exercise.minutes} minutes)"


def going_on(exercise: Exercise, verdict: Verdict) -> str:
    """What the chapter goes on with, said whenever it is not simply the learner's own function."""
    if verdict.passed and verdict.ratio is None:
        return "From here on the chapter runs on your code."
    if verdict.passed:
        return (f"It takes {verdict.ratio:.0f} times as long as the library's version on an input of this chapter's "
                "size, so the chapter goes on with the library's; your answer stands.")
    return f"Until it passes, the chapter goes on with the library's `{exercise.function_name}`."


def as_text(exercise: Exercise, verdict: Verdict) -> str:
    """The verdict in plain text."""
    sign = page.LOOKS[_LOOK.get(verdict.status, "wrong")][0]
    return f"{sign} {headline(exercise, verdict)}\n{capital(verdict.message)}\n{going_on(exercise, verdict)}"


def as_html(exercise: Exercise, verdict: Verdict, may_see: bool, asked: bool) -> str:
    """The verdict as a card: message, hints one by one, and the solution once there was a real attempt."""
    parts = [page.paragraph(capital(verdict.message)), page.paragraph(going_on(exercise, verdict))]
    if not verdict.passed:
        parts += [page.fold(f"Hint {i} of {len(exercise.hints)}", page.paragraph(hint))
                  for i, hint in enumerate(exercise.hints, 1)]
    parts.append(solution(exercise, may_see or verdict.passed, asked))
    return page.card(_LOOK.get(verdict.status, "wrong"), headline(exercise, verdict), *parts, live=True)


def solution(exercise: Exercise, may_see: bool, asked: bool) -> str:
    """The solution, folded; or when it will be there."""
    if settings.solutions_withheld(exercise.chapter):
        return page.paragraph("In this class the solution is shown later: run this cell again when your teacher has "
                              "released it.") if may_see else ""
    if may_see or asked:
        return page.fold("One solution", page.code_block(exercise.solution_source))
    return page.paragraph(f"A solution appears after your first attempt, or with "
                          f'`check("{exercise.name}", {exercise.function_name}, reveal=True)`.')


def capital(sentence: str) -> str:
    """The sentence with a capital letter, unless it begins with code or a symbol."""
    return sentence[:1].upper() + sentence[1:] if sentence[:2].isalpha() or sentence[1:2] == " " else sentence
