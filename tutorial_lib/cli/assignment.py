"""`make assignment CHAPTER=11`: the chapter's exercises as an nbgrader assignment."""

from __future__ import annotations

import argparse
from pathlib import Path

from tutorial_lib.cli import Stop
from tutorial_lib.cli.teach import wanted
from tutorial_lib.kit import settings

TARGET = settings.ROOT / "assignments"  # not in build/: submissions and marks will lie beside it


def main(argv: list[str]) -> int:
    """Write the source notebooks of the chapters named."""
    parser = argparse.ArgumentParser(prog="python -m tutorial_lib assignment")
    parser.add_argument("chapters", nargs="+", help="such as 11")
    parser.add_argument("--to", type=Path, default=TARGET, metavar="FOLDER",
                        help="the course folder of nbgrader (default: assignments)")
    args = parser.parse_args(argv)
    chosen = wanted(args.chapters)
    from tutorial_lib.teach import homework

    for c in chosen:
        try:
            file = homework.write(c.id, args.to)
        except (FileExistsError, ValueError) as error:
            raise Stop(str(error)) from None
        print(f"wrote {file}\n  next, in {args.to} and with the environment active (source .venv/bin/activate; "
              f"Windows: .venv\\Scripts\\activate):\n  nbgrader generate_assignment {file.stem}; hand out "
              f"release/{file.stem}/\n  then put what comes back into submitted/NAME/{file.stem}/ and run "
              f"nbgrader autograde {file.stem}, nbgrader generate_feedback {file.stem}", flush=True)
    return 0
