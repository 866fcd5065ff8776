"""`make slides CHAPTER=11`: a chapter as slides, one file that needs no network."""

from __future__ import annotations

import argparse
from pathlib import Path

from tutorial_lib.cli.teach import put, wanted
from tutorial_lib.kit import settings


def main(argv: list[str], kind: str = "slides") -> int:
    """Write one HTML file for each chapter named (or for all), as slides or as handouts."""
    parser = argparse.ArgumentParser(prog=f"python -m tutorial_lib {kind}")
    parser.add_argument("chapters", nargs="*", help="such as 11 (default: all)")
    parser.add_argument("--to", type=Path, default=settings.ROOT / "build" / kind, metavar="FOLDER",
                        help=f"where to (default: build/{kind})")
    args = parser.parse_args(argv)
    chosen = wanted(args.chapters)
    from tutorial_lib.teach import pages

    write = {"slides": pages.slides, "handout": pages.printable}[kind]
    for c in chosen:
        file = put(args.to, f"{c.path.stem}.html", write(c.id))
        print(f"wrote {file} ({file.stat().st_size / 1024:.0f} KiB)", flush=True)
    return 0
