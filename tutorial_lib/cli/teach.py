"""`make teach`: a page for the teacher of each chapter, a workshop plan for each part, and a list of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from tutorial_lib.cli import Stop
from tutorial_lib.kit import settings

TARGET = settings.ROOT / "build" / "teach"


def wanted(names: list[str]):
    """The chapters named, or all but the start page.  Raises Stop for one that does not exist."""
    from tutorial_lib.course import chapters

    there = chapters.all_chapters()
    if unknown := [n for n in names if n not in there]:
        raise Stop(f"There is no chapter {', '.join(unknown)}; there are {', '.join(there)}.")
    return [there[n] for n in names] if names else [c for c in there.values() if c.id != "00"]


def put(folder: Path, name: str, text: str) -> Path:
    """Write a page; these are made anew each time."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def main(argv: list[str]) -> int:
    """Write the pages of the chapters named, or of all."""
    parser = argparse.ArgumentParser(prog="python -m tutorial_lib teach")
    parser.add_argument("chapters", nargs="*", help="such as 11 (default: all)")
    parser.add_argument("--to", type=Path, default=TARGET, metavar="FOLDER", help="where to (default: build/teach)")
    args = parser.parse_args(argv)
    chosen = wanted(args.chapters)
    from tutorial_lib.course import chapters
    from tutorial_lib.teach import teacher

    lines = []
    for c in chosen:
        file = put(args.to, f"{c.path.stem}_teacher.html", teacher.teacher_page(c.id))
        lines.append(f'<li><a href="{file.name}">{c.id} {c.title}</a></li>')
    for part, title in chapters.PART_TITLES.items() if not args.chapters else ():
        file = put(args.to, f"part_{part}_workshop.html", teacher.workshop_page(part))
        lines.append(f'<li><a href="{file.name}">Part {part}, {title}: a workshop</a></li>')
    if not args.chapters:
        body = f"<h1>For the teacher</h1><ul>{''.join(lines)}</ul>"
        put(args.to, "index.html", teacher.document("For the teacher", body))
    print(f"wrote {len(lines)} pages into {args.to}")
    return 0
