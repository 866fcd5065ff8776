"""What a class did, from the copies that learners exported: mistakes, predictions, minutes.

Damaged and foreign files are named and skipped; of several copies by one learner the fullest counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tutorial_lib import course
from tutorial_lib.course import chapters, sections
from tutorial_lib.kit import page, progress
from tutorial_lib.kit.judge import Exercise

PAUSE = 30 * 60  # seconds: a longer gap between two moments was a break, not work
COMMONEST = 3
LARGEST = 5_000_000  # bytes; an export is a hundred thousand at most

Learner = dict[str, Any]


def read_class(folder: str | Path) -> tuple[list[Learner], list[tuple[str, str]]]:
    """The learners of a folder, subfolders included, and the files that were skipped with the reason.

    Raises FileNotFoundError when there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; give the one into which learners wrote "
                                "progress(export=...)")
    learners: dict[str, Learner] = {}
    skipped = []
    for file in sorted(f for f in folder.rglob("*") if f.is_file() and not f.name.startswith(".")):
        found, reason = read_file(file)
        if found is None:
            skipped.append((file.relative_to(folder).as_posix(), reason))
        elif (other := learners.get(found["learner"])) is None or fullness(found) >= fullness(other):
            learners[found["learner"]] = found
    return list(learners.values()), skipped


def read_file(file: Path) -> tuple[Learner | None, str]:
    """An export, or None and why the file is none."""
    if file.suffix != ".json":
        return None, "no .json file"
    try:
        if file.stat().st_size > LARGEST:
            return None, "too large for an export"
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None, "cannot be read"
    except (json.JSONDecodeError, RecursionError):
        return None, "damaged: no whole JSON"
    if not isinstance(found, dict) or found.get("course") != progress.COURSE:
        return None, "not an export of this course"
    if not progress.is_export(found) or not whole(found):
        return None, "damaged, or of an edition that this one cannot read"
    return found, ""


def whole(found: Learner) -> bool:
    """True when every entry has the types that are counted below."""
    moments = found.get("moments")
    return (isinstance(moments, list)
            and all(isinstance(m, list) and len(m) == 3 and isinstance(m[0], (int, float)) for m in moments)
            and all(isinstance(e["attempts"], int) and isinstance(e["mistakes"], dict)
                    and all(isinstance(n, int) for n in e["mistakes"].values()) for e in found["exercises"].values())
            and all({"first_right", "latest_right"} <= a.keys() for a in found["answers"].values()))


def fullness(learner: Learner) -> tuple[int, int]:
    """How much a copy holds: the later one of two holds more."""
    return len(learner["moments"]), len(learner["exercises"]) + len(learner["answers"])


# ---------------------------------------------------------------- exercises, predictions, minutes


@dataclass(frozen=True)
class Tally:
    """One exercise in a class: who tried, who passed, attempts until then, the commonest mistakes by learners."""

    exercise: Exercise
    tried: int
    passed: int
    attempts: float
    mistakes: tuple[tuple[str, int], ...]


def tally(exercise: Exercise, learners: Sequence[Learner]) -> Tally:
    """Count one exercise; a mistake counts once for each learner who made it."""
    entries = [entry for one in learners if (entry := one["exercises"].get(exercise.name))]
    made = Counter(sentence for entry in entries for sentence in entry["mistakes"])
    passed = [entry["attempts"] for entry in entries if entry["passed"]]
    listed = list(exercise.mistakes)  # equally common ones in the exercise's own order, whoever comes first
    ranked = sorted(made.items(), key=lambda m: (-m[1], listed.index(m[0]) if m[0] in listed else len(listed), m[0]))
    return Tally(exercise, len(entries), len(passed), median(passed) if passed else 0.0, tuple(ranked[:COMMONEST]))


def predictions(question: str, learners: Sequence[Learner]) -> tuple[int, int, int]:
    """(who answered, right at first, right at the latest answer)."""
    answers = [a for one in learners if (a := one["answers"].get(question))]
    return len(answers), sum(bool(a["first_right"]) for a in answers), sum(bool(a["latest_right"]) for a in answers)


def minutes(learner: Learner, chapter: str) -> dict[int, float]:
    """Minutes that a learner spent by section of a chapter.

    The time between two moments belongs to the section of the later one; a gap of over half an hour was a break.
    """
    at = sections.places(chapter)
    spent: dict[int, float] = {}
    before = None
    for when, kind, name in sorted(learner["moments"], key=lambda m: m[0]):
        here = at.get(name) if kind != "start" else None
        if before is not None and here is not None and 0 <= when - before <= PAUSE:
            spent[here] = spent.get(here, 0.0) + (when - before) / 60
        ours = here is not None or (kind == "start" and name == chapter)
        before = when if ours else None  # work at another chapter lies between
    return spent


def section_minutes(chapter: str, learners: Iterable[Learner]) -> list[tuple[str, float, int]]:
    """(section, median minutes, learners) of the sections in which anybody worked."""
    spent = [minutes(one, chapter) for one in learners]
    found = []
    for i, section in enumerate(sections.of(chapter)):
        if took := [s[i] for s in spent if i in s]:
            found.append((section.title, median(took), len(took)))
    return found


# ---------------------------------------------------------------- the report


def chapters_touched(learners: Sequence[Learner]) -> list[str]:
    """The chapters at which anybody did anything, in order."""
    names = {n for one in learners for n in (*one["exercises"], *one["answers"])}
    return [w.chapter for w in course.table_of_work() if names & {*w.exercises, *w.questions}]


def short(text: str, limit: int = 110) -> str:
    """The beginning of a sentence, cut at a word."""
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " …"


def chapter_lines(chapter: str, learners: Sequence[Learner]) -> dict[str, list[tuple[str, str]]]:
    """What is said of one chapter, as tables by heading: (left, right) in plain text."""
    work = next(w for w in course.table_of_work() if w.chapter == chapter)
    exercises = []
    for name in work.exercises:
        t = tally(course.exercise(name), learners)
        attempts = f", {t.attempts:g} attempts in the median" if t.passed else ""
        exercises.append((t.exercise.function_name, f"{t.passed} of {t.tried} who tried it passed{attempts}"))
        exercises += [("", f"{n} × {sentence}") for sentence, n in t.mistakes]
    asked = []
    for name in work.questions:
        n, first, latest = predictions(name, learners)
        if n:
            asked.append((short(course.question(name).text), f"{first} of {n} right at first, {latest} at last"))
    took = [(title, f"{m:.0f} minutes in the median of {n}") for title, m, n in section_minutes(chapter, learners)]
    return {"Exercises and their commonest mistakes": exercises, "Predictions, before and after": asked,
            "Time by section": took}


def show_report(folder: str | Path, chapter: str = "") -> None:
    """Display the report of a class, of one chapter or of all that were touched.

    Raises FileNotFoundError for a folder that is not there, KeyError for a chapter that is not.
    """
    learners, skipped = read_class(folder)
    if chapter:
        chapters.chapter(chapter)
    touched = [chapter] if chapter else chapters_touched(learners)
    left = f"{len(skipped)} file{'s' if len(skipped) > 1 else ''} skipped"
    head = f"{len(learners)} learner{'' if len(learners) == 1 else 's'}" + (f", {left}" if skipped else "")
    text, html = [head], []
    for one in touched:
        title = f"{one} {chapters.chapter(one).title}"
        text.append(f"\n{title}")
        body = []
        for heading, rows in chapter_lines(one, learners).items():
            if rows:
                text += [f"  {heading}", *(f"    {a:<34} {b}" if a else f"      {b}" for a, b in rows)]
                body += [f'<p style="margin:.6em 0 .2em"><b>{page.escape(heading)}</b></p>', page.table(rows)]
        html.append(page.card("note", title, *body))
    if not learners:
        text.append("No export of this course is in that folder: learners write one with progress(export=folder).")
    text += [f"skipped {file}: {reason}" for file, reason in skipped]
    rows = page.table([(file, reason) for file, reason in skipped]) if skipped else ""
    html.append(page.card("note", head, *([page.fold(left, rows)] if skipped else []),
                          *([page.paragraph(text[1])] if not learners else [])))
    page.put("\n".join(text), "\n".join([html[-1], *html[:-1]]))
