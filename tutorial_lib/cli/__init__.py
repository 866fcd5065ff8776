"""The commands: `python -m tutorial_lib lab | test | notebooks | doctor | clean | help`.

Written for any Python 3, with the standard library alone: it must be able to say what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)

HELP = """\
python -m tutorial_lib COMMAND      (or: make COMMAND)

  lab                 set up if needed, open JupyterLab at the start page on your own copy of the chapters
  lab --new 11        put the newest edition of chapter 11 beside your copy
  lab --port 8890     on another port;  --no-browser: print the address only
  test [ARGS]         set up if needed, then run everything that must hold (ARGS go to pytest)
  notebooks [11]      execute chapters whose code changed (or the ones named) and write them for the web
  evidence [11]       run chapters once per seed and record what their claims measured
  claims              write CLAIMS.md from the recorded evidence
  bench [NAME]        time the library against its peers (optional: pip install -e ".[bench]")
  weights 21          train the weights that chapter 21 ships once more
  teach [11]          teacher pages and workshop plans, as HTML to read and to print
  slides [11]         chapters as slides, one file each
  handout [11]        chapters to read and to print, one file each
  assignment 11       a chapter's exercises as graded homework (nbgrader)
  room                a folder for a stick: course, packages for three systems, start scripts, pages, slides
  solutions hide      in this class, keep solutions back until `solutions show`; `solutions hide 11 12`: of these
  host                prepare the environment of a JupyterHub or of Binder for learners
  doctor              look at Python, versions, threads, disk, data and widgets; say what to do
  clean               remove build products (never workbook/, which is yours)
  help                this text
"""

COMMANDS = ("lab", "test", "notebooks", "evidence", "claims", "bench", "weights", "teach", "slides",
            "handout", "assignment", "solutions", "room", "host", "doctor", "clean")
TEACHING = ("teach", "slides", "handout", "assignment", "room", "test")  # these need the packages of the extra `teach`


class Stop(Exception):
    """An error to be read by a person: the text says what to do."""


def fits(version) -> bool:
    """True for a Python that the course runs on."""
    return OLDEST <= tuple(version[:2]) <= NEWEST


def other_python():
    """A fitting Python elsewhere on PATH, or None."""
    for minor in (13, 12, 11):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", "import ensurepip"], stderr=subprocess.DEVNULL).returncode == 0:
            return found
    return None


def wrong_python(version) -> str:
    """What to say to somebody whose Python does not fit."""
    return (
        f"This course needs Python 3.11, 3.12 or 3.13; this is Python {version[0]}.{version[1]} ({sys.executable}).\n"
        "  - another one is installed?   PYTHON=python3.12 make lab\n"
        "  - with conda:                 conda env create -f environment.yml && conda activate latents-to-dynamics\n"
        "                                python -m tutorial_lib lab\n"
        "  - otherwise install one from python.org (Windows, macOS) or your package manager."
    )


def main(argv) -> int:
    """Run one command; returns the exit status (2: the command line or the machine needs mending)."""
    command = argv[0] if argv else "help"
    if command in ("help", "-h", "--help"):
        print(HELP)
        return 0
    if command not in COMMANDS:
        print(f"There is no command {command!r}.\n\n{HELP}", file=sys.stderr)
        return 2
    if not fits(sys.version_info):
        found = other_python()
        if found is None:
            print(wrong_python(sys.version_info), file=sys.stderr)
            return 2
        return subprocess.run([found, "-m", "tutorial_lib", *argv], check=False).returncode
    try:
        return run(command, argv[1:])
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def run(command, rest) -> int:
    """Hand over to the command's own module, inside an environment that has what it needs."""
    from importlib import import_module

    from tutorial_lib.cli import environment

    python = sys.executable
    if command == "doctor":  # looks at what is there and installs nothing
        python = environment.venv_python() if environment.ready(environment.venv_python()) else python
    elif command not in ("clean", "solutions", "host"):  # these need Python alone
        python = environment.ensure(teach=command in TEACHING, optional=command == "test")
    if os.path.abspath(python) != os.path.abspath(sys.executable):
        return subprocess.run([python, "-m", "tutorial_lib", command, *rest], check=False).returncode
    return import_module("tutorial_lib.cli." + command).main(rest)
