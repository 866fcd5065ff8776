"""`make clean`: remove what can be made again; never the reader's workbook."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCTS = ("build", ".pytest_cache", ".hypothesis", ".ruff_cache", "latents_to_dynamics.egg-info")


def main(argv: list[str]) -> int:
    """Remove build products and caches; with `--all` also .venv."""
    if unknown := [a for a in argv if a != "--all"]:
        print(f"clean takes --all (also removes .venv), not {' '.join(unknown)}", file=sys.stderr)
        return 2
    targets = [ROOT / name for name in PRODUCTS + ((".venv",) if "--all" in argv else ())]
    for part in ("tutorial_lib", "tests", "notebooks", "data"):
        targets += [*(ROOT / part).rglob("__pycache__"), *(ROOT / part).rglob(".ipynb_checkpoints")]
    gone = [t for t in targets if t.is_dir()]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"Removed {len(gone)} folders of build products. workbook/ is yours and was left alone.")
    return 0
