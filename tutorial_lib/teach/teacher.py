"""The teacher's page of a chapter and the plan of a part: HTML to read and to print, made from the chapter itself."""

from __future__ import annotations

from html import escape as plain

import nbformat

from tutorial_lib import course
from tutorial_lib.course import chapters
from tutorial_lib.kit import page
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.teach import pages, plan

WORDS = {"do": "do", "show": "show (you fill it in)", "home": "for home"}


def clock(minutes: float) -> str:
    """Minutes as h:mm."""
    whole = round(minutes)
    return f"{whole // 60}:{whole % 60:02}"


def rows(headings: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    """A table with a heading row; cells may hold HTML.  A first column of times is kept narrow."""
    head = "".join(f'<th scope="col">{plain(h)}</th>' for h in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines)
    narrow = ' class="times"' if headings[0] == "from" else ""
    return f"<table{narrow}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def what_happens(slot: plan.Slot) -> str:
    """What a class does in a section, in a few words."""
    s = slot.section
    if slot.skipped:
        return "skipped" + (f"; for home: {', '.join(map(title_of, slot.exercises))}" if slot.exercises else "")
    parts = [f"{WORDS[mode]}: {title_of(name)}" for name, mode in slot.exercises.items()]
    parts += [f"{len(names)} {word}{'s' if len(names) > 1 else ''}" for names, word in
              ((s.ask, "prediction"), (s.claim, "claim")) if names]
    if s.explorers:
        parts.append("explorer" if s.explorers == 1 else f"{s.explorers} explorers")
    return "; ".join(parts) or "read and run"


def title_of(name: str) -> str:
    """An exercise's function and title, as HTML."""
    e = course.exercise(name)
    return f"<code>{plain(e.function_name)}</code> ({e.minutes} min{'' if e.core else ', stretch'})"


def timetable(chapter: str, total: int) -> str:
    """One timetable as HTML."""
    table = plan.timetable(chapter, total)
    lines = []
    for slot in table.slots:
        s = slot.section
        runs = f"In [{s.runs + 1}] to [{s.runs + s.code}]" if s.code > 1 else f"In [{s.runs + 1}]" if s.code else "text"
        lines.append(("–" if slot.skipped else clock(slot.begins), plain(s.title), runs, what_happens(slot)))
    end = table.slots[-1].begins + table.slots[-1].minutes
    lines.append((clock(end + table.spare), "Discussion", "", f"{plan.DISCUSSION[total]} minutes"))
    said = [f"Telling goes at {table.pace:.0%} of the usual pace."] if table.pace < 0.95 else []
    if table.spare >= 5:
        said.append(f"{table.spare:.0f} minutes are left for explorers, stretch exercises and questions.")
    if plan.BREAK[total]:
        said.append(f"A break of {plan.BREAK[total]} minutes is not in the marks: take it where the class is tired.")
    note = "".join(page.paragraph(sentence) for sentence in said)
    return f"<h3>In {total} minutes</h3>{rows(('from', 'section', 'cells', 'the class'), lines)}{note}"


def mistakes(exercise: Exercise) -> str:
    """The wrong answers to expect, with the sentence that a learner reads."""
    listed = "".join(f"<li>{page.escape(sentence)}</li>" for sentence in exercise.mistakes)
    return f"<h3>{title_of(exercise.name)}: {page.escape(exercise.title)}</h3><ul>{listed}</ul>"


def question(name: str) -> str:
    """A question with its answer, and what is said to each choice."""
    q = course.question(name)
    return f"<h3>{page.escape(q.text)}</h3>{q.folded_replies()}"


def claims(chapter: str) -> str:
    """What the class will measure: the statement, its kind, how often it held."""
    recorded = chapters.evidence(chapter).get("claims", {})
    lines = []
    for c in course.all_claims().values():
        if c.chapter == chapter:
            held = recorded.get(c.id, {}).get("holds", [])
            lines.append((page.escape(c.statement), plain(c.kind), f"{sum(held)} of {len(held)} runs" if held else ""))
    return f"<h2>Claims</h2>{rows(('the paper says', 'kind', 'held in'), lines)}" if lines else ""


def board_picture(chapter: str) -> str:
    """The picture for the board: the chapter's first explorer, or its first figure; empty where there is none."""
    c = chapters.chapter(chapter)
    found = ""
    for cell in nbformat.read(chapters.NOTEBOOKS / c.notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                image = pages.picture(output).data["text/html"]
                if "explore(" in cell.source:
                    return image
                found = found or image
    return found


def document(title: str, body: str) -> str:
    """A whole page in the style of the printed chapters."""
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1.0"><title>{plain(title)}</title>'
            f"<style>{pages.style('print', 'teacher')}</style></head><body><main>\n{body}\n</main></body></html>\n")


def teacher_page(chapter: str) -> str:
    """The teacher's page of a chapter.  Raises KeyError for a chapter that does not exist."""
    c = chapters.chapter(chapter)
    needs = ", ".join(c.needs) or "nothing"
    exercises = [e for e in course.all_exercises().values() if e.chapter == chapter]
    goals = "".join(f"<li>{page.escape(g)}</li>" for g in c.goals)
    parts = [
        f"<h1>{c.id} · {plain(c.title)}</h1><p><em>{page.escape(c.belief)}</em></p>",
        page.paragraph(f"Leans on {needs}. {c.read} minutes to read, {c.do} to do. By the end a learner can:"),
        f"<ul>{goals}</ul>",
        f"<h2>Time</h2>{''.join(timetable(chapter, total) for total in plan.TOTALS)}",
        f"<h2>When late</h2>{page.paragraph(c.when_late)}",
        f"<h2>To discuss</h2>{page.paragraph(c.discuss)}",
        f"<h2>For the board</h2>{board_picture(chapter)}",
        f"<h2>Wrong answers to expect</h2>{''.join(map(mistakes, exercises))}",
        f"<h2>Predictions, and what is said to each</h2>"
        f"{''.join(question(q.name) for q in course.all_questions().values() if q.chapter == chapter)}",
        claims(chapter),
    ]
    return document(f"{c.id} {c.title}: for the teacher", "\n".join(parts))


def workshop_page(part: str) -> str:
    """The plan of a part's spine for a half day and a day.  Raises KeyError for a part that does not exist."""
    parts = []
    for length in plan.LENGTHS:
        items, left = plan.workshop(part, length)
        lines = []
        for item in items:
            c = chapters.all_chapters().get(item.chapter)
            to = f'<a href="{c.path.stem}_teacher.html">{plain(item.what)}</a>' if c and c.path else plain(item.what)
            lines.append((clock(item.begins), to, f"{item.minutes} min", page.escape(c.belief) if c else ""))
        note = page.paragraph(f"There is no time for {', '.join(left)}.") if left else ""
        end = clock(items[-1].begins + items[-1].minutes) if items else "0:00"
        parts.append(f"<h2>In a {length}</h2>{rows(('from', 'what', 'for', 'what they will believe'), lines)}"
                     f"{page.paragraph(f'It ends at {end}.')}{note}")
    title = f"Part {part}: {chapters.PART_TITLES.get(part, '')}"
    return document(f"{title}, a workshop", f"<h1>{plain(title)}, a workshop along the spine</h1>{''.join(parts)}")
