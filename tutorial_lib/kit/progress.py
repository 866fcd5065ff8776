"""What a learner has done so far, drawn as a small table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tutorial_lib.kit import page, store


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
