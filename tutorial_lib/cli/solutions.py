"""`python -m tutorial_lib solutions hide | show | status`: keep solutions back in a class, and release them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from tutorial_lib.cli import Stop
from tutorial_lib.kit import settings


def main(argv: list[str]) -> int:
    """Write or remove the flag file that every check cell looks at when it runs."""
    parser = argparse.ArgumentParser(prog="python -m tutorial_lib solutions")
    parser.add_argument("what", nargs="?", choices=("hide", "show", "status"), default="status")
    parser.add_argument("chapters", nargs="*", help="such as 11 12 (default: all)")
    parser.add_argument("--to", type=Path, metavar="FOLDER",
                        help="the folder that the class shares (default: TUTORIAL_CLASS, else beside the library)")
    args = parser.parse_args(argv)
    folder = args.to or Path(os.environ.get("TUTORIAL_CLASS") or settings.ROOT)
    if unknown := [c for c in args.chapters if not (c.isdigit() and len(c) == 2)]:
        raise Stop(f"Chapters are two digits, such as 11; got {' '.join(unknown)}.")
    if not folder.is_dir():
        raise Stop(f"There is no folder {folder}.")
    flag = folder / settings.FLAG
    before = set(flag.read_text(encoding="utf-8").split()) if flag.exists() else None  # an empty set: of all chapters
    if args.what == "hide":
        named = set() if not args.chapters or before == set() else (before or set()) | set(args.chapters)
        flag.write_text("".join(f"{c}\n" for c in sorted(named)), encoding="utf-8")
    elif args.what == "show" and flag.exists():
        left = (before or set()) - set(args.chapters) if args.chapters else set()
        if args.chapters and before == set():
            raise Stop("Solutions of all chapters are kept back; to release some, first `solutions show`, then "
                       "`solutions hide` those that are to wait.")
        if left:
            flag.write_text("".join(f"{c}\n" for c in sorted(left)), encoding="utf-8")
        else:
            flag.unlink()
    now = flag.read_text(encoding="utf-8").split() if flag.exists() else None
    print("Solutions are shown after a first attempt." if now is None else
          f"Solutions are kept back: {'of all chapters' if not now else 'of ' + ', '.join(now)}.")
    print("It counts from the next check cell that is run; no kernel has to be restarted.")
    return 0
