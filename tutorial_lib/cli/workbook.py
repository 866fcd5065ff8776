"""The reader's own copies of the chapters: made once, never overwritten.

workbook/ mirrors notebooks/, so links between chapters work.  What a copy was made from is kept in
workbook/.copied.json, to be able to say that a chapter has changed since.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import nbformat

from tutorial_lib.cli import Stop
from tutorial_lib.kit import settings

NOTEBOOKS = settings.ROOT / "notebooks"


def chapters() -> list[Path]:
    """All notebooks of the collection, in order, relative to notebooks/."""
    return sorted(p.relative_to(NOTEBOOKS) for p in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def cleared(source: Path) -> Any:
    """The notebook with outputs and counts removed, and nothing but the kernel in its metadata."""
    notebook = nbformat.read(source, as_version=4)
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = {k: v for k, v in notebook.metadata.items() if k == "kernelspec"}
    return notebook


def content(notebook: Any) -> str:
    """A hash of what a reader would notice: kinds and sources of the cells."""
    cells = [[c.cell_type, c.source] for c in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def write_new(notebook: Any, target: Path) -> None:
    """Write a notebook where no file is; never over one (raises FileExistsError), never half of one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    try:
        os.link(fresh, target)  # fails when the target exists: no gap between looking and writing
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with open(target, "x", encoding="utf-8") as file:
            file.write(fresh.read_text(encoding="utf-8"))
    finally:
        fresh.unlink()


def read_manifest(folder: Path) -> dict[str, str]:
    """What each copy was made from; empty where that is not known."""
    try:
        manifest = json.loads((folder / ".copied.json").read_text(encoding="utf-8"))
        return manifest if isinstance(manifest, dict) else {}
    except (OSError, ValueError):
        return {}


def write_manifest(folder: Path, manifest: dict[str, str]) -> None:
    """Store what the copies were made from, whole or not at all."""
    fresh = folder / f".copied.{os.getpid()}"
    fresh.write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(fresh, folder / ".copied.json")


def bring_up_to_date(folder: Path | None = None) -> tuple[list[Path], list[Path]]:
    """Copy the chapters that are not there yet; returns (copied, changed in the collection since they were copied).

    A copy whose own text already equals the new edition is not reported.  Raises Stop when the folder cannot
    be written.
    """
    folder = folder or settings.home()
    copied, changed = [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        manifest = read_manifest(folder)
        for chapter in chapters():
            notebook = cleared(NOTEBOOKS / chapter)
            now, key = content(notebook), chapter.as_posix()
            if not os.path.lexists(folder / chapter):
                write_new(notebook, folder / chapter)
                manifest[key] = now
                copied.append(chapter)
            elif manifest.get(key) != now and not same(folder / chapter, now):
                changed.append(chapter)
        write_manifest(folder, manifest)
    except PermissionError as error:
        raise Stop(f"Your copies of the chapters belong into {folder}, which cannot be written ({error.strerror}). "
                   "Set TUTORIAL_HOME to a folder of your own and run it again.") from None
    return copied, changed


def same(copy: Path, now: str) -> bool:
    """True when a reader's copy has the text of the present edition."""
    try:
        return content(nbformat.read(copy, as_version=4)) == now
    except Exception:  # a copy that is no notebook any more is the reader's business
        return False


def find(chapter: str) -> Path:
    """The notebook of a chapter by its number.  Raises Stop for a number that does not exist."""
    for path in chapters():
        if path.name.startswith(f"{chapter}_"):
            return path
    known = ", ".join(p.name.split("_")[0] for p in chapters())
    raise Stop(f"There is no chapter {chapter}; there are {known}.")


def put_beside(chapter: str, folder: Path | None = None) -> Path:
    """Write the newest edition of a chapter beside the reader's copy, under a name of its own; returns it."""
    folder = folder or settings.home()
    source = find(chapter)
    notebook = cleared(NOTEBOOKS / source)
    target, number = folder / source, 1
    while os.path.lexists(target):
        number += 1
        target = (folder / source).with_name(f"{source.stem}.new{'' if number == 2 else number - 1}.ipynb")
    write_new(notebook, target)
    manifest = read_manifest(folder)
    manifest[source.as_posix()] = content(notebook)
    write_manifest(folder, manifest)
    return target
