"""The environment that the commands run in: this Python if it has everything, else `.venv`, made when needed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tutorial_lib.cli import Stop

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / "set-up-for"
# one module of each package that a chapter or a test cannot do without
NEEDED = ("ipywidgets", "jupyterlab", "jupytext", "matplotlib", "nbclient", "nbformat", "numpy", "yaml", "safetensors",
          "sklearn", "scipy", "torch", "hypothesis", "mido", "nbval", "pytest", "xdist", "selenium")
TEACH = ("latex2mathml", "nbgrader")  # of the extra `teach`, for the commands of a teacher; learners do without


def venv_python() -> str:
    """The path of .venv's Python, whether it exists or not."""
    return str(VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def wanted() -> str:
    """What .venv has to be set up for: versions, and this folder (its path is written into the environment)."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([*parts, str(ROOT).encode()])).hexdigest()


def missing(names: tuple[str, ...] | None = None) -> list[str]:
    """The modules that this very Python lacks, of those needed unless others are named."""
    return [name for name in (names or NEEDED) if importlib.util.find_spec(name) is None]


def ready(python: str, teach: bool = False) -> bool:
    """True when .venv is complete for this folder and these versions, with the extra `teach` if it is asked for."""
    stamp = STAMP.read_text().split() if os.path.exists(python) and STAMP.exists() else []
    return stamp[:1] == [wanted()] and (not teach or "teach" in stamp)


def ensure(teach: bool = False, optional: bool = False) -> str:
    """The Python to go on with.  Makes .venv and installs when needed; raises Stop with what to do.

    `optional`: what `teach` asks for is installed if that is possible, and gone without if not (the tests say so).
    """
    inside = os.path.realpath(sys.prefix) == os.path.realpath(VENV)
    if not inside and in_own_environment() and not missing():
        if teach and not optional and missing(TEACH):
            raise Stop("This command needs two more packages, in the environment that is active:\n"
                       '    pip install -c constraints.txt -e ".[teach]"')
        return sys.executable  # conda, or a virtual environment of the reader's own
    python = venv_python()
    if ready(python, teach) or (inside and optional and ready(python)):
        return python
    if inside:
        raise Stop("The packages in .venv are of another edition, or those of a teacher are not among them. Leave "
                   "the environment (`deactivate`) and run the command again: it brings .venv up to date.")
    try:
        create(python, teach)
    except Stop as stop:
        if not optional or not ready(python):
            raise
        print(f"{stop}\nGoing on without the packages of a teacher.", flush=True)
    return python


def in_own_environment() -> bool:
    """True inside a virtual or conda environment that the reader activated."""
    return sys.prefix != sys.base_prefix or bool(os.environ.get("CONDA_PREFIX"))


def works(python: str) -> bool:
    """True when .venv's Python starts and is of a version that fits."""
    code = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def create(python: str, teach: bool = False) -> None:
    """Make .venv (again, if its Python is gone) and install the pinned packages into it.

    What a teacher's command brought in once stays up to date from then on.
    """
    teach = teach or (STAMP.exists() and "teach" in STAMP.read_text().split())
    free = shutil.disk_usage(ROOT).free / 2**30
    if free < 3:
        raise Stop(f"Setting up needs about 3 GB; {free:.1f} GB are free on this disk. Make room and run it again.")
    if not works(python):
        print(f"Making .venv with Python {sys.version.split()[0]} …", flush=True)
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True,
                              check=False)
        if made.returncode:
            raise Stop("Python could not make a virtual environment:\n  " + (made.stdout + made.stderr).strip()[-400:]
                       + "\nOn Debian and Ubuntu: `sudo apt install python3-venv`; then run it again.")
    print("Installing the packages (once; a few minutes) …", flush=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
           *shlex.split(os.environ.get("PIP_ARGS", ""))]  # for PyTorch's own CPU builds, say
    # the pip that some systems ship cannot read today's package descriptions
    subprocess.run([*pip, "--upgrade", "pip>=24.2"], cwd=ROOT, check=False)
    extras = "test,teach" if teach else "test"
    done = subprocess.run([*pip, "-c", "constraints.txt", "-e", f".[{extras}]"], cwd=ROOT, check=False)
    if done.returncode:
        raise Stop("The packages could not be installed (pip's own words are above). Is the network on? After a "
                   "first set-up everything works without it.\nRun the same command again: it goes on from there.")
    STAMP.write_text(wanted() + (" teach" if teach else "") + "\n")
