"""What a learner has done so far, drawn as a small table."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutorial_lib.kit import page, store

COURSE = "latents-to-dynamics"


@dataclass(frozen=True)
class Work:
    """A chapter's exercises and questions, by name."""

    chapter: str
    title: str
    exercises: tuple[str, ...]
    questions: tuple[str, ...]


def counts(work: Work, record: store.Record) -> tuple[int, int, int]:
    """(passed, tried but open, answered) of one chapter."""
    entries = [record["exercises"].get(name) for name in work.exercises]
    passed = sum(bool(e and e.get("passed")) for e in entries)
    return passed, sum(bool(e) for e in entries) - passed, sum(q in record["answers"] for q in work.questions)


def row(work: Work, record: store.Record) -> tuple[str, str]:
    """One chapter in text and HTML."""
    passed, open_, answered = counts(work, record)
    n, q = len(work.exercises), len(work.questions)
    tried = f", {open_} tried and open" if open_ else ""
    text = f"{work.chapter} {work.title}: {passed} of {n} exercises passed{tried}; {answered} of {q} questions answered"
    bar = f'<progress value="{passed}" max="{max(n, 1)}" aria-label="{passed} of {n} exercises passed"></progress>'
    left = 'style="text-align:left;padding:.15em 1em .15em 0"'
    html = (f'<tr><th scope="row" {left}>{work.chapter} {page.escape(work.title)}</th>'
            f"<td {left}>{bar} {passed} of {n} exercises{tried}</td><td {left}>{answered} of {q} questions</td></tr>")
    return text, html


def show_progress(table: Sequence[Work]) -> None:
    """Display the table for all chapters that have something to do."""
    record = store.read()
    rows = [row(work, record) for work in table if work.exercises or work.questions]
    body = "\n".join(html for _, html in rows)
    page.put("\n".join(text for text, _ in rows),
             page.card("note", "Your progress", f'<table style="color:inherit">{body}</table>'))


# ---------------------------------------------------------------- a copy for the class


def exported(record: store.Record, learner: str, name: str) -> dict[str, Any]:
    """What leaves the machine: the record, a random id, a name only if one was given."""
    kept = {k: record.get(k, []) for k in ("exercises", "answers", "moments")}
    return {"course": COURSE, "version": 1, "learner": learner, **({"name": name} if name else {}), **kept}


def is_export(found: object) -> bool:
    """True for what `exported` writes, whatever else a folder holds."""
    return (isinstance(found, dict) and found.get("course") == COURSE and found.get("version") == 1
            and isinstance(found.get("learner"), str) and store.usable(found))


def export(target: str | Path, name: str = "") -> Path:
    """Write a copy of the record for a class view; into a folder as progress-ID.json.  Returns the file.

    Raises FileExistsError when the file is there and is no export, FileNotFoundError for a folder that is not there.
    """
    learner = store.learner_id()
    file = Path(target)
    if file.is_dir() or str(target).endswith(("/", os.sep)):
        file = file / f"progress-{learner}.json"
    if not file.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {file.parent}; make it, or name one that is there")
    if file.exists():
        try:
            ours = is_export(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            ours = False
        if not ours:
            raise FileExistsError(f"{file.name} is there and is no exported progress; it was left as it is. "
                                  "Name another file, or a folder")
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(json.dumps(exported(store.read(), learner, name), ensure_ascii=False), encoding="utf-8")
    os.replace(fresh, file)
    with_name = f" with the name {name}" if name else ", without a name"
    page.put(f"Your progress is in {file}{with_name}: attempts, known mistakes, answers and times, nothing else.")
    return file
