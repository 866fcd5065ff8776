"""The map: what each chapter is, read from its own front matter, and the chapters that are still to come."""

from __future__ import annotations

import ast
import hashlib
import json
import linecache
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tutorial_lib.kit import page, settings
from tutorial_lib.kit.judge import Exercise

NOTEBOOKS = settings.ROOT / "notebooks"
PART_TITLES = {"1": "Latent variables", "2": "Hierarchical sequences", "3": "Lazy and rich learning",
               "4": "State space and attention"}
TRACKS = ("core", "extended", "branch")

# id: (title, needs, track): the chapters on their way; a row leaves when its notebook arrives
PLANNED: dict[str, tuple[str, tuple[str, ...], str]] = {
    "46": ("Steering a language model", ("43",), "extended"),
    "47": ("Token dynamics", ("44",), "branch"),
    "48": ("In-context learning", ("43",), "extended"),
    "49": ("Planning on a graph", ("43",), "extended"),
}


@dataclass(frozen=True)
class Chapter:
    """A chapter's front matter; `path` is its source relative to notebooks/, None while it is planned."""

    id: str
    title: str
    needs: tuple[str, ...]
    track: str
    path: Path | None = None
    belief: str = ""
    papers: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    read: int = 0
    do: int = 0
    discuss: str = ""
    when_late: str = ""

    @property
    def notebook(self) -> str:
        """The notebook's path relative to notebooks/, with slashes."""
        return self.path.with_suffix(".ipynb").as_posix() if self.path else ""


def front_matter(path: Path) -> dict[str, Any]:
    """The `course` entry of a percent file's header.  Raises ValueError, naming the file, when there is none."""
    head = re.match(r"# ---\n(.*?)# ---\n", path.read_text(encoding="utf-8"), flags=re.S)
    text = re.sub(r"^# ?", "", head.group(1), flags=re.M) if head else ""
    course = ((yaml.safe_load(text) or {}).get("jupyter") or {}).get("course")
    if not isinstance(course, dict):
        raise ValueError(f"{path.name}: no `course:` front matter under `jupyter:` in the header")
    return course


def read_chapter(path: Path) -> Chapter:
    """One chapter from its source.  Raises ValueError, naming what is missing."""
    course = front_matter(path)
    try:
        minutes = course["minutes"]
        return Chapter(
            id=str(course["id"]), title=course["title"], needs=tuple(map(str, course["needs"])),
            track=course["track"], path=path.relative_to(NOTEBOOKS), belief=course["belief"],
            papers=tuple(course["papers"]), goals=tuple(course["goals"]),
            read=int(minutes["read"]), do=int(minutes["do"]), discuss=course["discuss"],
            when_late=course["when_late"])
    except KeyError as error:
        raise ValueError(f"{path.name}: the front matter lacks {error}") from None


@cache
def all_chapters() -> dict[str, Chapter]:
    """The chapters whose notebooks exist, by id, in order."""
    found = (read_chapter(p) for p in sorted(NOTEBOOKS.rglob("[0-9][0-9]_*.py")))
    return {c.id: c for c in sorted(found, key=lambda c: c.id)}


def chapter(name: str) -> Chapter:
    """One chapter by id.  Raises KeyError, naming those that exist."""
    if name not in all_chapters():
        raise KeyError(f"there is no chapter {name!r}; there are {', '.join(all_chapters())}")
    return all_chapters()[name]


def whole_map() -> dict[str, Chapter]:
    """Existing and planned chapters, by id, in order."""
    planned = {i: Chapter(i, *row) for i, row in PLANNED.items()}
    return dict(sorted((planned | all_chapters()).items()))


def opening_card(c: Chapter) -> tuple[str, str]:
    """What `start` shows: times, prerequisites as links, papers.  As (text, HTML)."""
    from tutorial_lib.course.papers import PAPERS

    up = "../" * (len(c.path.parts) - 1) if c.path else ""
    needs = [all_chapters().get(n) or whole_map()[n] for n in c.needs]
    links = [f'<a href="{up}{n.notebook}">{n.id} {page.escape(n.title)}</a>' if n.path
             else f"{n.id} {page.escape(n.title)}" for n in needs]
    times = f"{c.read} minutes to read, {c.do} to do" if c.do else f"{c.read} minutes"
    cited = [f"{PAPERS[p].authors} ({PAPERS[p].year}), {PAPERS[p].title}" for p in c.papers]
    text = "\n".join([f"Chapter {c.id}: {c.title} ({times})",
                      *([f"Leans on: {', '.join(f'{n.id} {n.title}' for n in needs)}"] if needs else []),
                      *(f"After: {line}" for line in cited)])
    body = [page.paragraph(times.capitalize() + ".")]
    if links:
        body.append(f'<p style="margin:.3em 0">Leans on: {", ".join(links)}</p>')
    aside = page.paragraph(f"To discuss: {c.discuss}") + page.paragraph(f"When late: {c.when_late}")
    body += [f'<p style="margin:.3em 0">After <a href="{PAPERS[p].link}">{page.escape(line)}</a></p>'
             for p, line in zip(c.papers, cited, strict=True)]
    body.append(page.fold("For a class or a workshop", aside))
    return text, page.card("note", f"Chapter {c.id}: {c.title}", *body)


# ---------------------------------------------------------------- code in a chapter's source


def cells(path: Path) -> Iterator[tuple[str, str]]:
    """(kind, text) of the cells of a percent file, "markdown" without its comment signs or "code", in order."""
    for cell in re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        head, _, body = cell.partition("\n")
        if "[markdown]" in head:
            yield "markdown", re.sub(r"^# ?", "", body, flags=re.M).strip()
        else:
            yield "code", body.strip()


def code_cells(path: Path) -> Iterator[str]:
    """The code cells of a percent file, in order."""
    return (text for kind, text in cells(path) if kind == "code")


def concept_modules(code: str, seen: set[str] | None = None) -> set[str]:
    """The concept modules (tutorial_lib/*.py) that a piece of code imports, and what those import in turn."""
    seen = set() if seen is None else seen
    for node in ast.walk(ast.parse(code)):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tutorial_lib":
            names = [node.module.split(".")[1]] if "." in (node.module or "") else [a.name for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name.split(".")[1] for a in node.names if a.name.startswith("tutorial_lib.")]
        for name in names:
            file = settings.ROOT / "tutorial_lib" / f"{name}.py"
            if name not in seen and file.exists():
                seen.add(name)
                concept_modules(file.read_text(encoding="utf-8"), seen)
    return seen


def fingerprint(path: Path) -> str:
    """A hash of a chapter's code cells and of the concept modules they import: what its numbers depend on."""
    digest, cells = hashlib.sha256(), list(code_cells(path))
    for cell in cells:
        digest.update(cell.encode() + b"\0")
    for name in sorted(concept_modules("\n".join(cells))):
        digest.update((settings.ROOT / "tutorial_lib" / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


@cache
def evidence(chapter_id: str) -> dict[str, Any]:
    """What was recorded of a chapter's claims over seeds, with `stale` set; empty where nothing was recorded."""
    file = settings.ROOT / "tests" / "evidence" / f"{chapter_id}.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    c = all_chapters().get(chapter_id)
    found["stale"] = c is None or c.path is None or found.get("fingerprint") != fingerprint(NOTEBOOKS / c.path)
    return found


def stub_source(exercise: Exercise) -> str | None:
    """The text of the stub in the exercise's chapter: the last definition before its `check` cell."""
    c = all_chapters().get(exercise.chapter)
    found = None
    for body in code_cells(NOTEBOOKS / c.path) if c and c.path else ():
        for node in ast.parse(body).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == exercise.function_name:
                found = ast.get_source_segment(body, node)
        if f'check("{exercise.name}"' in body:
            return found
    return None


def stub_of(exercise: Exercise) -> Callable[..., Any] | None:
    """The stub as a function; None when the chapter has none (a test fails then)."""
    source = stub_source(exercise)
    if source is None:
        return None
    import torch

    text = f"from __future__ import annotations\n\n\n{source}\n"
    file = f"<stub of {exercise.name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)  # so that its source can be read
    space: dict[str, Any] = {"torch": torch, "nn": torch.nn, "Tensor": torch.Tensor}
    exec(compile(text, file, "exec"), space)
    return space[exercise.function_name]


# ---------------------------------------------------------------- the map as a picture

X_STEP, Y_STEP, BOX_W, BOX_H = 3.35, 0.86, 3.0, 0.62


def places() -> dict[str, tuple[float, float]]:
    """Where each chapter's box is centred: parts as columns, chapters downwards."""
    rows: dict[str, int] = {}
    at = {}
    for name in whole_map():
        if name == "00":
            continue
        rows[name[0]] = rows.get(name[0], -1) + 1
        at[name] = ((int(name[0]) - 1) * X_STEP, -rows[name[0]] * Y_STEP)
    return at


def show_map() -> None:
    """Draw parts and chapters: the spine filled, branches dashed, what is still to come pale."""
    from tutorial_lib.kit import plot
    from tutorial_lib.kit.show import show

    at, chapters = places(), whole_map()
    fig, (ax,) = plot.figure(width=12.4, height=7.8)
    for name, (x, y) in at.items():
        c = chapters[name]
        here, spine = c.path is not None, c.track == "core"
        ax.add_patch(plot.box(x, y, BOX_W, BOX_H, face=plot.BLUE if spine else "white", edge=plot.BLUE,
                              dashed=c.track == "branch", strength=1.0 if here else 0.3))
        ink = "white" if spine and here else "#1b2a3d" if here or spine else "#5b6777"
        # an arrow for the neighbour above, words for the others
        above = [n for n in c.needs if at[n][0] == x and abs(at[n][1] - y - Y_STEP) < 1e-6]
        others = [n for n in c.needs if n not in above]
        ax.text(x, y + (0.09 if others else 0), f"{name}  {c.title}", ha="center", va="center", fontsize=10, zorder=3,
                color=ink, fontweight="bold" if here else "normal")
        if others:
            ax.text(x, y - 0.17, f"after {', '.join(others)}", ha="center", va="center", fontsize=8.5, zorder=3,
                    color=ink)
        for _ in above:
            plot.arrow(ax, (x, y + Y_STEP - BOX_H / 2), (x, y + BOX_H / 2))
    for part, title in PART_TITLES.items():
        ax.text((int(part) - 1) * X_STEP, 0.62, f"Part {part}\n{title}", ha="center", va="bottom", fontsize=12)
    ax.set(xlim=(-1.65, 3 * X_STEP + 1.65), ylim=(min(y for _, y in at.values()) - 0.5, 1.55))
    ax.set_axis_off()
    here = ", ".join(f"{c.id} {c.title}" for c in all_chapters().values())
    show(fig, alt=f"Map of the course: four parts as columns, chapters as boxes from top to bottom, arrows from what a "
                  f"chapter leans on. Filled boxes are the spine, dashed ones branches; bold ones are there now "
                  f"({here}), pale ones are still to come.")
