"""A chapter in its sections: what a page, a slide or a class view says of each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tutorial_lib.course import chapters

USED = {kind: re.compile(rf'\b{kind}\("([^"]+)"') for kind in ("check", "ask", "claim")}


@dataclass
class Section:
    """A heading, its cells (all of them counted from 1), and what stands in them, in order."""

    title: str
    first: int
    last: int = 0
    runs: int = 0  # code cells before this section: its first one is In [runs + 1] after Run All
    words: int = 0
    code: int = 0
    explorers: int = 0
    check: list[str] = field(default_factory=list)  # names of exercises
    ask: list[str] = field(default_factory=list)  # of questions
    claim: list[str] = field(default_factory=list)  # of claims


def pieces(text: str) -> list[tuple[str, str]]:
    """A text cut at its headings of the second level: (heading or "", what follows)."""
    parts = re.split(r"^## (.+)$", text, flags=re.M)
    return [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]


def read(path: Path) -> list[Section]:
    """The sections of a percent file; what stands before the first heading is "Opening".

    A cell in which a section begins belongs to it; an earlier one ends before.
    """
    found = [Section("Opening", 1)]
    for number, (kind, text) in enumerate(chapters.cells(path), 1):
        if kind == "markdown":
            for heading, body in pieces(text):
                if heading:
                    found[-1].last = max(found[-1].first, number - 1)
                    found.append(Section(heading.strip(), number, runs=sum(s.code for s in found)))
                found[-1].words += len(re.sub(r"\$[^$]*\$", "x", body).split())
        else:
            here = found[-1]
            here.code += 1
            here.explorers += len(re.findall(r"^explore\(", text, flags=re.M))
            for what, pattern in USED.items():
                getattr(here, what).extend(pattern.findall(text))
        found[-1].last = number
    return found


@cache
def of(chapter: str) -> tuple[Section, ...]:
    """The sections of a chapter that exists.  Raises KeyError, naming those that do."""
    c = chapters.chapter(chapter)
    return tuple(read(chapters.NOTEBOOKS / c.path)) if c.path else ()


def places(chapter: str) -> dict[str, int]:
    """In which section (counted from 0) each exercise and question of a chapter stands."""
    return {name: i for i, s in enumerate(of(chapter)) for name in (*s.check, *s.ask)}
