"""`make doctor`: is everything as the course needs it, and if not, what to do."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from tutorial_lib.cli import environment, fits, wrong_python

Finding = tuple[bool, str, str]  # fine?, what was found, what to do
SET_UP = "run `make lab` (or `python -m tutorial_lib lab`): it installs what is missing"


def python() -> Iterator[Finding]:
    """The interpreter's version."""
    yield fits(sys.version_info), f"Python {sys.version.split()[0]}", wrong_python(sys.version_info)


def pins() -> dict[str, str]:
    """The tested versions, by package."""
    text = (environment.ROOT / "constraints.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9_.\-]+)==(\S+)$", text, flags=re.M))


def project() -> dict[str, Any]:
    """What pyproject.toml says of the course: its dependencies and extras."""
    import tomllib

    return tomllib.loads((environment.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def versions() -> Iterator[Finding]:
    """The direct dependencies against the tested versions."""
    tested = {name.lower(): version for name, version in pins().items()}
    for wish in project()["dependencies"] + project()["optional-dependencies"]["test"]:
        name = re.split(r"[<>=!~ ]", wish)[0]
        pin = tested.get(name.lower(), "?")
        try:
            have = metadata.version(name).split("+")[0]
        except metadata.PackageNotFoundError:
            yield False, f"{name} is not installed", SET_UP
            continue
        yield have == pin, f"{name} {have}" + ("" if have == pin else f" (tested with {pin})"), \
            f"it may well work; for the tested set: pip install {name}=={pin}"


def threads() -> Iterator[Finding]:
    """Cores, and how many threads torch would take by itself."""
    try:
        import torch
    except ImportError as error:
        yield False, f"torch cannot be imported ({error})", SET_UP
        return
    setting = os.environ.get("OMP_NUM_THREADS")
    yield True, f"{os.cpu_count()} cores; torch would use {torch.get_num_threads()} threads, chapters use one" + (
        f" (OMP_NUM_THREADS={setting})" if setting else ""), ""


def disk() -> Iterator[Finding]:
    """Room for notebooks and records."""
    free = shutil.disk_usage(environment.ROOT).free / 2**30
    yield free > 0.5, f"{free:.1f} GB free on this disk", "make room: a chapter with outputs takes up to 0.5 MB, " \
                                                          "setting up takes 3 GB"


def data() -> Iterator[Finding]:
    """Each data file against its checksum."""
    try:
        from tutorial_lib.kit import data as sets
    except ImportError as error:
        yield False, f"the data cannot be checked ({error})", SET_UP
        return
    for name in sets.CHECKSUMS:
        wrong = sets.fault(sets.FOLDER / name)
        yield wrong is None, f"data/{name}" + ("" if wrong is None else " does not match its card"), wrong or ""


def widgets() -> Iterator[Finding]:
    """The JupyterLab front end of ipywidgets: without it sliders are shown as text."""
    try:
        from jupyter_core.paths import jupyter_path
    except ImportError:
        yield False, "JupyterLab is not installed", SET_UP
        return
    places = [Path(p) / "@jupyter-widgets" / "jupyterlab-manager" / "package.json"
              for p in jupyter_path("labextensions")]
    yield any(p.exists() for p in places), "widget front end for JupyterLab", \
        "pip install --force-reinstall jupyterlab_widgets, then reload the page in the browser"


def home() -> Iterator[Finding]:
    """The reader's folder can be written."""
    from tutorial_lib.kit import settings

    folder = settings.home()
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    yield os.access(nearest, os.W_OK), f"your copies and progress go to {folder}", \
        "that folder cannot be written: set TUTORIAL_HOME to one of your own"


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (python, versions, threads, disk, data, widgets, home)


def main(argv: list[str]) -> int:
    """Print every finding; the exit status is 1 when something needs doing."""
    if argv:
        print(f"doctor takes no arguments; got {' '.join(argv)}", file=sys.stderr)
        return 2
    bad = 0
    for check in CHECKS:
        for fine, found, remedy in check():
            print(("  ok    " if fine else "  LOOK  ") + found)
            if not fine:
                bad += 1
                print("        -> " + remedy.replace("\n", "\n           "))
    print("\nEverything is as it should be." if not bad else f"\n{bad} thing(s) to look at.")
    return 1 if bad else 0
