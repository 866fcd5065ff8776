"""`make room`: a folder for a stick or a share, with all that a workshop needs where there is no network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tutorial_lib.cli import Stop, doctor, handout, slides, teach
from tutorial_lib.kit import settings

FIRST = """\
{title}

For learners: copy this whole folder to your machine (about {size:.0f} MB), then start
{starts}
It needs Python {python}; it installs from this folder, without the network, in a few minutes, and opens the course in
the browser. Your work is saved in course/workbook/.

For the teacher: for-the-teacher/index.html lists a page for each chapter, with minute marks for 60, 90 and 180
minutes and the wrong answers to expect, and plans for a half day and a day. slides/ and handouts/ hold every chapter.
{missing}"""


def requirements() -> list[str]:
    """What a learner's environment is made of: the course's own requirements, its tests, and what builds it."""
    project = doctor.project()
    return [*project["dependencies"], *project["optional-dependencies"]["test"], "setuptools>=77", "wheel", "pip>=24.2"]


def main(argv: list[str]) -> int:
    """Write the kit: the course, wheels, start scripts, teacher pages, slides, handouts."""
    parser = argparse.ArgumentParser(prog="python -m tutorial_lib room")
    parser.add_argument("--to", type=Path, default=settings.ROOT / "build" / "room", metavar="FOLDER",
                        help="where to (default: build/room)")
    parser.add_argument("--systems", nargs="+", default=["linux", "macos", "windows"], metavar="NAME",
                        help="of linux, macos, windows (default: all)")
    parser.add_argument("--python", default=f"{sys.version_info[0]}.{sys.version_info[1]}",
                        help="3.11, 3.12 or 3.13 (default: this one)")
    parser.add_argument("--no-wheels", action="store_true", help="everything but the packages")
    args = parser.parse_args(argv)
    from tutorial_lib.teach import kit

    if unknown := [s for s in args.systems if s not in kit.SYSTEMS]:
        raise Stop(f"Packages can be had for {', '.join(kit.SYSTEMS)}, not for {', '.join(unknown)}.")
    if args.python not in ("3.11", "3.12", "3.13"):
        raise Stop(f"The course runs on Python 3.11, 3.12 and 3.13, not on {args.python}.")
    systems = [kit.SYSTEMS[s] for s in args.systems]
    args.to.mkdir(parents=True, exist_ok=True)
    print(f"course: {kit.copy_course(args.to / 'course')} files", flush=True)
    collected = []
    for system in () if args.no_wheels else systems:
        found = kit.collect(system, args.python, args.to / "wheels", requirements(), doctor.pins(),
                            lambda text: print(f"  {text}", flush=True))
        collected.append(found)
    starts = kit.scripts(args.to, systems, args.python)
    for command, folder in ((teach, "for-the-teacher"), (slides, "slides"), (handout, "handouts")):
        command.main(["--to", str(args.to / folder)])
    lines = [f"{c.system}: {', '.join(c.missing)} could not be had" for c in collected if c.missing]
    total = kit.size(args.to)
    (args.to / "READ ME FIRST.txt").write_text(FIRST.format(
        title="From latents to dynamics", size=total, python=args.python, starts="\n".join(f"    {s}" for s in starts),
        missing="\n".join(["", *lines, ""]) if lines else ""), encoding="utf-8")
    for c in collected:
        print(f"{c.system}: {c.fetched} packages" + (f", {len(c.missing)} missing:" if c.missing else ""))
        print("".join(f"  {name}: {reason}\n" for name, reason in c.missing.items()), end="")
    print(f"{args.to}: {total:.0f} MiB", flush=True)
    return 1 if lines else 0
