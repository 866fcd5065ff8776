"""`make notebooks`: execute chapters and write them, outputs cleaned, beside their source.

The `.py` is what people edit; the `.ipynb` is generated.  A chapter is executed again when its code cells or
a concept module it imports changed; when only its text changed, the text is replaced and the outputs stay.
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tutorial_lib.cli import Stop
from tutorial_lib.course import chapters
from tutorial_lib.kit import settings

NOTEBOOKS = settings.ROOT / "notebooks"
NO_NETWORK = settings.ROOT / "tests" / "no_network"
CELL_SECONDS = 600
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}  # a kernel adds its version
# what must not be committed: addresses of objects, paths of a machine
UNCLEAN = re.compile(r"\bat 0x[0-9a-f]{6,}|(?<![\w.])/(?:home|root|Users|tmp|work)/\w+|[A-Z]:\\\\Users")


def sources() -> list[Path]:
    """The chapters' percent files, in order."""
    return sorted(p for p in NOTEBOOKS.rglob("*.py") if ".ipynb_checkpoints" not in p.parts)


def read_source(path: Path) -> Any:
    """The chapter as a notebook without outputs, its cells named by their place (so that diffs stay small)."""
    notebook = jupytext.read(path)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
        cell.metadata = {}
    notebook.metadata = {
        "course": notebook.metadata.get("course", {}),
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": dict(LANGUAGE),
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def environment() -> dict[str, str]:
    """The environment of an executed chapter: nothing stored, no network, the library of this folder."""
    paths = [str(NO_NETWORK), str(settings.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "TUTORIAL_MODE": "notebooks", "PYTHONPATH": os.pathsep.join(paths),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def execute(notebook: Any, folder: Path, extra: dict[str, str] | None = None) -> float:
    """Run all cells in a fresh kernel, `extra` added to its environment; returns seconds.

    Raises Stop, naming the cell that failed.
    """
    begun = time.monotonic()
    client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", record_timing=False,
                            resources={"metadata": {"path": str(folder)}})
    try:
        client.execute(env=environment() | (extra or {}))
    except CellExecutionError as error:
        raise Stop(str(error)[-3000:]) from None
    return time.monotonic() - begun


def clean(notebook: Any) -> None:
    """Keep of each output what a viewer without a kernel can show.  Raises Stop for paths and addresses."""
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type != "code":
            continue
        if re.search(r"= check\(", cell.source):
            cell.metadata["tags"] = ["nbval-check-output"]  # verdicts alone are compared as text
        kept = []
        for output in cell.outputs:
            if output.output_type in ("display_data", "execute_result"):
                output.data = {k: v for k, v in output.data.items() if "widget" not in k}
                if not any(output.data.values()):
                    continue
                describe(cell, output)
                text = "".join(str(v) for k, v in output.data.items() if not k.startswith("image/"))
            else:
                text = str(output.get("text", ""))
            if found := UNCLEAN.search(text):
                raise Stop(f"an output holds {found.group()!r}, which must not be committed; cell:\n{cell.source}")
            kept.append(output)
        cell.outputs = kept
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = dict(LANGUAGE)


def describe(cell: Any, output: Any) -> None:
    """Copy a picture's description into the cell's metadata, where book builders look for it."""
    alt = output.metadata.get("image/png", {}).get("alt")
    if alt:
        cell.metadata.setdefault("alt", []).append(alt)


def is_current(target: Path, mark: str) -> bool:
    """True when the executed chapter was made from this code."""
    return target.exists() and nbformat.read(target, as_version=4).metadata.get("course_code") == mark


def replace_text(notebook: Any, target: Path) -> None:
    """Take outputs and counts from the executed chapter, cell by cell of code."""
    old = [c for c in nbformat.read(target, as_version=4).cells if c.cell_type == "code"]
    new = [c for c in notebook.cells if c.cell_type == "code"]
    for cell, before in zip(new, old, strict=True):
        cell.outputs, cell.execution_count, cell.metadata = before.outputs, before.execution_count, before.metadata


def make(path: Path, force: bool) -> str:
    """Bring one chapter's .ipynb up to date; returns what was done."""
    notebook, target = read_source(path), path.with_suffix(".ipynb")
    mark, done = chapters.fingerprint(path), "text replaced"
    if force or not is_current(target, mark):
        done = f"executed in {execute(notebook, path.parent):.0f} s"
        clean(notebook)
    else:
        replace_text(notebook, target)
    notebook.metadata["course_code"] = mark
    text = nbformat.writes(notebook) + "\n"
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return "unchanged"
    target.write_text(text, encoding="utf-8")
    return f"{done}, {len(text) / 1024:.0f} KiB"


def main(argv: list[str]) -> int:
    """Without arguments: the chapters that need it.  With numbers: those, executed in any case."""
    chosen = [p for p in sources() if not argv or p.name.split("_")[0] in argv]
    if argv and len(chosen) < len(argv):
        raise Stop(f"chapters to execute are given by number ({', '.join(p.name[:2] for p in sources())}); "
                   f"got {' '.join(argv)}")
    for path in chosen:
        print(f"{path.stem}: ", end="", flush=True)
        print(make(path, force=bool(argv)), flush=True)
    sys.stdout.flush()
    return 0
