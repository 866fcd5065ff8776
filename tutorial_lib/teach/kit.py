"""A workshop on a stick: the course, the packages for each system, start scripts, pages for the teacher.

pip reads the conditions of a package ("only on Windows") for the machine it runs on, whatever system it is asked to
download for. So the list of what a system needs is made here, from the descriptions of the installed packages read for
that system, and each is downloaded by itself.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tutorial_lib.kit import settings

GPU_MIB = 400  # a larger torch is a GPU build: no learner's laptop needs it


@dataclass(frozen=True)
class System:
    """A kind of machine: pip's names for it, the conditions that hold there, its start script."""

    name: str
    tags: tuple[str, ...]
    conditions: dict[str, str]
    script: str
    text: str


UNIX = """\
#!/bin/sh
# Installs from this folder alone, without the network, and opens the course. Run it again any time.
cd "$(dirname "$0")/course" || exit 1
export PIP_NO_INDEX=1 PIP_FIND_LINKS="$(cd .. && pwd)/wheels"
for python in python3.13 python3.12 python3.11 python3; do
    if command -v "$python" >/dev/null 2>&1 && "$python" -c "import sys, ensurepip; sys.exit('%s' not in
'{0.major}.{0.minor}'.format(sys.version_info))" 2>/dev/null; then
        exec "$python" -m tutorial_lib lab "$@"
    fi
done
echo "This kit holds packages for Python %s, which was not found. Install it, then start again."
exit 1
"""
WINDOWS = """\
@echo off
rem Installs from this folder alone, without the network, and opens the course. Run it again any time.
cd /d "%~dp0course"
set PIP_NO_INDEX=1
set "PIP_FIND_LINKS=%~dp0wheels"
py -PYTHON -m tutorial_lib lab %*
if errorlevel 9009 echo This kit holds packages for Python PYTHON. Install it from python.org, then start again.
pause
"""
SYSTEMS = {s.name: s for s in (
    System("linux", ("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_26_x86_64",
                     "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_12_x86_64", "manylinux2010_x86_64",
                     "manylinux_2_5_x86_64", "manylinux1_x86_64", "linux_x86_64"),
           {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
           "start-linux.sh", UNIX),
    System("macos", ("macosx_14_0_arm64", "macosx_11_0_arm64"),
           {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
           "start-macos.command", UNIX),
    System("windows", ("win_amd64",),
           {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
           "start-windows.bat", WINDOWS))}


def wanted(roots: Iterable[str], system: System, python: str) -> set[str]:
    """The names of all packages that the requirements `roots` need on a system, by what is installed here.

    A package that is not installed here, since it belongs to another system, is taken to need no others.
    """
    environment = {**system.conditions, "python_version": python, "python_full_version": f"{python}.0",
                   "implementation_name": "cpython", "platform_python_implementation": "CPython"}
    waiting, found = [Requirement(r) for r in roots], {}
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        new = {"", *need.extras} - found.get(name, set())
        found.setdefault(name, set()).update(new)
        try:
            described = metadata.requires(need.name) or []
        except metadata.PackageNotFoundError:
            continue
        for line in described if new else ():
            further = Requirement(line)
            if further.marker is None or any(further.marker.evaluate({**environment, "extra": e}) for e in new):
                waiting.append(further)
    return set(found)


def download(name: str, version: str | None, system: System, python: str, target: Path) -> str:
    """Fetch one wheel for a system, unless it is there; returns pip's last words when that fails, else nothing."""
    wish = f"{name}=={version}" if version else name
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary=:all:", "--dest", str(target), "--python-version", python, "--implementation", "cp",
               "--abi", f"cp{python.replace('.', '')}", "--abi", "abi3", "--abi", "none",
               *(word for tag in (*system.tags, "any") for word in ("--platform", tag)),
               *shlex.split(os.environ.get("PIP_ARGS", "")), wish]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return "" if done.returncode == 0 else (errors or ["pip failed"])[-1].removeprefix("ERROR: ")


def too_large(target: Path) -> list[str]:
    """Remove GPU builds of torch; their names."""
    large = [f for f in target.glob("torch-*.whl") if f.stat().st_size > GPU_MIB * 2**20]
    for file in large:
        file.unlink()
    return [f.name for f in large]


@dataclass
class Collected:
    """What was fetched for one system and what was not: name -> reason."""

    system: str
    fetched: int = 0
    missing: dict[str, str] = field(default_factory=dict)


def collect(system: System, python: str, target: Path, roots: Iterable[str], pins: Mapping[str, str],
            say: Callable[[str], None] = lambda text: None) -> Collected:
    """Fetch everything that the requirements `roots` need on a system into one folder, at the versions of `pins`."""
    target.mkdir(parents=True, exist_ok=True)
    versions = {canonicalize_name(name): version for name, version in pins.items()}
    result = Collected(system.name)
    for name in sorted(wanted(roots, system, python)):
        say(f"{system.name}: {name}")
        if reason := download(name, versions.get(name), system, python, target):
            result.missing[name] = reason
        elif name == "torch" and too_large(target):
            result.missing[name] = ("a GPU build was offered and not taken: PIP_ARGS=\"--extra-index-url "
                                    "https://download.pytorch.org/whl/cpu\" make room")
        else:
            result.fetched += 1
    return result


# ---------------------------------------------------------------- the course itself


def files() -> list[Path]:
    """The course's files, relative to its folder: what git tracks, else everything but products and learners' work."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=settings.ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout:
        found = [Path(name) for name in done.stdout.split("\0") if name]
    else:
        out = {".venv", "build", "workbook", "assignments", "__pycache__", ".ipynb_checkpoints", ".git"}
        found = [p.relative_to(settings.ROOT) for p in settings.ROOT.rglob("*")
                 if p.is_file() and not out & set(p.relative_to(settings.ROOT).parts) and p.suffix != ".egg-info"]
    return sorted(p for p in found if (settings.ROOT / p).is_file())


def copy_course(target: Path) -> int:
    """Copy the course; returns how many files.  A learner's workbook in `target` stays as it is."""
    for file in files():
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(settings.ROOT / file, target / file)
    return len(files())


def scripts(target: Path, systems: Iterable[System], python: str) -> list[str]:
    """Write a start script for each system; returns their names."""
    names = []
    for system in systems:
        text = system.text.replace("PYTHON", python) if system.name == "windows" else system.text.replace("%s", python)
        file = target / system.script
        file.write_bytes(text.replace("\n", "\r\n" if system.name == "windows" else "\n").encode())
        file.chmod(0o755)
        names.append(file.name)
    return names


def size(folder: Path) -> float:
    """MiB in a folder."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 2**20
