"""Minutes in a room: a chapter cut to the time there is, and a part cut to a half day or a day.

What is dropped first is what a learner misses least: stretch exercises go home, then the sections that the chapter
itself names as what to skip when late, then core exercises are shown instead of done, the last ones first; the first
one is always done.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tutorial_lib import course
from tutorial_lib.course import chapters, sections
from tutorial_lib.course.sections import Section

# minutes; words a minute is slow speech with pointing
WORDS, CODE, QUESTION, EXPLORER, CLAIM, SHOWN = 150, 0.3, 1.5, 3.0, 1.0, 2.0
DISCUSSION = {60: 4, 90: 6, 180: 12}
BREAK = {60: 0, 90: 0, 180: 10}
TOTALS = tuple(DISCUSSION)
MODES = ("do", "show", "home")


@dataclass
class Slot:
    """A section in a timetable: from which minute, how long, its exercises with what becomes of each."""

    section: Section
    exercises: dict[str, str] = field(default_factory=dict)  # name -> do, show or home
    skipped: bool = False
    begins: float = 0.0
    minutes: float = 0.0

    def telling(self) -> float:
        """Minutes of talk, cells, questions, explorers and claims."""
        if self.skipped:
            return 0.0
        s = self.section
        return (s.words / WORDS + CODE * s.code + QUESTION * len(s.ask) + EXPLORER * s.explorers + CLAIM * len(s.claim))

    def doing(self) -> float:
        """Minutes of exercises."""
        cost = {"do": lambda name: course.exercise(name).minutes, "show": lambda _: SHOWN, "home": lambda _: 0.0}
        return sum(cost[mode](name) for name, mode in self.exercises.items())


@dataclass
class Timetable:
    """A chapter in a given time: the slots, and by how much telling is quicker (below 1) or slower than usual."""

    chapter: str
    total: int
    slots: list[Slot]
    pace: float = 1.0
    spare: float = 0.0  # minutes left for play with the explorers and for stretch exercises


def late(chapter: str) -> set[int]:
    """The numbers of the sections that the chapter says to skip when late: before the semicolon, after "section"."""
    text = chapters.chapter(chapter).when_late.split(";")[0]
    named = re.findall(r"sections? ((?:\d+(?:, | and )?)+)", text)
    return {int(n) for group in named for n in re.findall(r"\d+", group)}


def number(section: Section) -> int | None:
    """The number in a section's heading, if it has one."""
    found = re.match(r"(\d+) ·", section.title)
    return int(found.group(1)) if found else None


def timetable(chapter: str, total: int) -> Timetable:
    """A chapter in 60, 90 or 180 minutes.  Raises KeyError for an unknown chapter, ValueError for another total."""
    if total not in TOTALS:
        raise ValueError(f"there are timetables for {', '.join(map(str, TOTALS))} minutes, not for {total}")
    slots = [Slot(s, dict.fromkeys(s.check, "do")) for s in sections.of(chapter)]
    budget = total - DISCUSSION[total] - BREAK[total]
    for reduce in reductions(chapter, slots):
        if cost(slots) <= budget:
            break
        reduce()
    table = Timetable(chapter, total, slots)
    told, done = sum(s.telling() for s in slots), sum(s.doing() for s in slots)
    if told + done > budget:
        table.pace = max(0.0, budget - done) / told if told else 1.0
    else:
        table.spare = budget - told - done
    at = 0.0
    for slot in slots:
        slot.begins, slot.minutes = at, slot.telling() * table.pace + slot.doing()
        at += slot.minutes
    return table


def cost(slots: list[Slot]) -> float:
    """Minutes of all slots at the usual pace."""
    return sum(s.telling() + s.doing() for s in slots)


def reductions(chapter: str, slots: list[Slot]):
    """What may be dropped, in order, each as a function without arguments."""
    placed = [(slot, name) for slot in slots for name in slot.exercises]
    stretch = [(s, n) for s, n in reversed(placed) if not course.exercise(n).core]
    core = [(s, n) for s, n in reversed(placed) if course.exercise(n).core][:-1]
    for slot, name in stretch:
        yield lambda slot=slot, name=name: slot.exercises.update({name: "home"})
    for slot in slots:
        if number(slot.section) in late(chapter):
            def skip(slot: Slot = slot) -> None:
                slot.skipped = True
                slot.exercises.update(dict.fromkeys(slot.exercises, "home"))
            yield skip
    for slot, name in core:
        if slot.exercises[name] == "do":  # not one that went home with its section
            yield lambda slot=slot, name=name: slot.exercises.update({name: "show"})


# ---------------------------------------------------------------- a part in a half day or a day


@dataclass(frozen=True)
class Item:
    """A line of a workshop's day: when (minutes from its beginning), how long, what."""

    begins: int
    minutes: int
    what: str
    chapter: str = ""


LENGTHS = {"half day": (210, (90, 60)), "day": (420, (180, 90, 60))}  # minutes in all, minutes a chapter, best first
SPELL, REST, LUNCH = 120, 15, 60  # a rest after at most so many minutes; lunch in the middle of a day


def workshop(part: str, length: str = "half day") -> tuple[list[Item], list[str]]:
    """The spine of a part in a half day or a day, and the chapters of the spine that did not fit.

    Each chapter gets the longest timetable at which all of them fit.  Raises KeyError for an unknown part, ValueError
    for another length.
    """
    if part not in chapters.PART_TITLES:
        raise KeyError(f"there is no part {part!r}; there are {', '.join(chapters.PART_TITLES)}")
    if length not in LENGTHS:
        raise ValueError(f"a workshop takes a {' or a '.join(LENGTHS)}, not {length!r}")
    total, lengths = LENGTHS[length]
    for each in lengths:
        items, left = laid_out(part, total, each, length == "day")
        if not left:
            break
    return items, left


def laid_out(part: str, total: int, each: int, lunch: bool) -> tuple[list[Item], list[str]]:
    """The spine's chapters one after the other, `each` so many minutes (the opener its reading time), with rests."""
    spine = [c for c in chapters.all_chapters().values() if c.id[0] == part and c.track == "core"]
    items: list[Item] = []
    left: list[str] = []
    at = sat = 0  # minutes since the beginning, and since the last rest
    for c in spine:
        lasts = c.read if c.id.endswith("0") else each
        eat = lunch and at + lasts > total / 2
        pause = LUNCH if eat else REST if items and sat + lasts > SPELL else 0
        if at + pause + lasts > total:
            left.append(c.id)
            continue
        if pause:
            items.append(Item(at, pause, "lunch" if eat else "break"))
            at, sat, lunch = at + pause, 0, lunch and not eat
        items.append(Item(at, lasts, f"{c.id} {c.title}", c.id))
        at, sat = at + lasts, sat + lasts
    return items, left
