"""Where things are and how this process runs: folders, mode, seed.

    TUTORIAL_MODE   learn (default) · test (explorers drive themselves, a failed claim raises) ·
                    notebooks (as learn, but nothing is stored: used when chapters are executed for the web)
    TUTORIAL_SEED   whole number added to every experiment's seed (default 0)
    TUTORIAL_FULL   1: what a minute is too short for runs at its full length (`make evidence` sets it)
    TUTORIAL_HOME   folder for the learner's own files (default: workbook/ beside the library)
    TUTORIAL_CLASS  folder that a class shares: a file NO_SOLUTIONS in it keeps solutions back
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODES = ("learn", "test", "notebooks")


def mode() -> str:
    """`learn`, `test` or `notebooks`.  Raises ValueError for anything else."""
    value = os.environ.get("TUTORIAL_MODE", "learn")
    if value not in MODES:
        raise ValueError(f"TUTORIAL_MODE must be one of {', '.join(MODES)}; it is {value!r}")
    return value


def seed() -> int:
    """The run's seed, 0 unless TUTORIAL_SEED says otherwise.  Raises ValueError unless it is a whole number."""
    value = os.environ.get("TUTORIAL_SEED", "0")
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"TUTORIAL_SEED must be a whole number; it is {value!r}") from None


def full() -> bool:
    """True when recorded claims run at their full length (TUTORIAL_FULL=1)."""
    return os.environ.get("TUTORIAL_FULL", "0") == "1"


def home() -> Path:
    """The folder of the learner's own files: copies of chapters, progress."""
    return Path(os.environ.get("TUTORIAL_HOME") or ROOT / "workbook")


FLAG = "NO_SOLUTIONS"


def flag_folders() -> list[Path]:
    """Where a flag is looked for: beside the library, in the learner's folder, in the class's (TUTORIAL_CLASS)."""
    shared = os.environ.get("TUTORIAL_CLASS")
    return [ROOT, home(), *([Path(shared)] if shared else [])]


def solutions_withheld(chapter: str = "") -> bool:
    """True while a file NO_SOLUTIONS lies in one of the flag folders and names `chapter`, or names none at all.

    Looked at whenever a check cell runs, so that a teacher can release solutions in the middle of a class.  A courtesy,
    not security: the library's source holds every solution.
    """
    for folder in flag_folders():
        try:
            named = (folder / FLAG).read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError):
            if not (folder / FLAG).exists():
                continue
            named = []
        if not named or chapter in named:
            return True
    return False
