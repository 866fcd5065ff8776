"""The kit for a workshop: what each system needs, how it starts, what lies in it.  Nothing is fetched here."""

import os
import subprocess
import sys

import pytest
from packaging.utils import canonicalize_name

from tutorial_lib import cli
from tutorial_lib.cli import doctor, handout, room, slides, teach
from tutorial_lib.teach import kit

LINUX, MACOS, WINDOWS = (kit.SYSTEMS[n] for n in ("linux", "macos", "windows"))


def test_each_system_gets_what_its_conditions_ask_for():
    need = {s.name: kit.wanted(room.requirements(), s, "3.11") for s in kit.SYSTEMS.values()}
    assert all(isinstance(s, kit.System) for s in kit.SYSTEMS.values())
    shared = {"torch", "numpy", "jupyterlab", "ipywidgets", "nbval", "setuptools", "pip"}
    assert all(shared <= names for names in need.values())
    assert "pywinpty" in need["windows"] and "colorama" in need["windows"] and "ptyprocess" not in need["windows"]
    assert "appnope" in need["macos"] and "appnope" not in need["linux"] and "ptyprocess" in need["linux"]
    assert not {"nbgrader", "mambapy"} & set().union(*need.values()), "a learner's install does not grow"
    pins = {canonicalize_name(name) for name in doctor.pins()}
    assert need["linux"] - pins == {"pip", "setuptools", "wheel"}, "everything else is pinned"


def test_a_package_that_cannot_be_had_is_named_and_the_rest_goes_on(tmp_path, monkeypatch):
    commands = []

    def pip(command, **more):
        commands.append(command)
        name = command[-1].split("==")[0]
        if name == "torch":
            (tmp_path / "torch-2.13.0.whl").write_bytes(b"x" * 3)
        return subprocess.CompletedProcess(command, name == "scipy", "", "ERROR: No matching distribution for scipy\n")

    monkeypatch.setattr(kit.subprocess, "run", pip)
    monkeypatch.setattr(kit, "GPU_MIB", 2e-6)  # three bytes are too many
    said = []
    found = kit.collect(WINDOWS, "3.12", tmp_path, room.requirements(), doctor.pins(), said.append)
    assert found.missing["scipy"] == "No matching distribution for scipy" and "whl/cpu" in found.missing["torch"]
    assert found.fetched == len(commands) - 2 and not list(tmp_path.glob("torch*")) and len(said) == len(commands)
    one = next(c for c in commands if c[-1].startswith("numpy=="))
    assert "win_amd64" in one and "--no-deps" in one and "cp312" in one and "--only-binary=:all:" in one
    assert kit.download("numpy", None, WINDOWS, "3.12", tmp_path) == ""


def test_the_start_script_of_this_system_sets_up_from_the_folder_alone(tmp_path):
    """Run for real, with a stand-in for the course that says what it was given."""
    (tmp_path / "course" / "tutorial_lib").mkdir(parents=True)
    (tmp_path / "course" / "tutorial_lib" / "__init__.py").touch()  # else the real one on PYTHONPATH would come first
    (tmp_path / "course" / "tutorial_lib" / "__main__.py").write_text(
        "import os, sys\nprint(sys.argv[1:], os.environ['PIP_NO_INDEX'], os.environ['PIP_FIND_LINKS'])")
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    names = kit.scripts(tmp_path, kit.SYSTEMS.values(), here)
    assert names == ["start-linux.sh", "start-macos.command", "start-windows.bat"]
    windows = (tmp_path / "start-windows.bat").read_bytes()
    assert windows.count(b"\r\n") == windows.count(b"\n") and f"py -{here} -m".encode() in windows
    if os.name == "nt":
        return
    path = os.pathsep.join([os.path.dirname(os.path.realpath(sys.executable)), os.environ["PATH"]])
    done = subprocess.run(["sh", str(tmp_path / "start-linux.sh"), "--no-browser"], capture_output=True, text=True,
                          env={**os.environ, "PATH": path}, cwd="/", check=False, timeout=60)
    assert done.stdout.split("]")[0] == "['lab', '--no-browser'" and str(tmp_path / "wheels") in done.stdout, done
    kit.scripts(tmp_path, [LINUX], "3.99")
    done = subprocess.run(["sh", str(tmp_path / "start-linux.sh")], capture_output=True, text=True, check=False,
                          timeout=60)
    assert done.returncode == 1 and "Python 3.99, which was not found" in done.stdout


def test_the_kit_holds_the_course_and_the_teachers_pages(tmp_path, monkeypatch, capsys):
    for command in (teach, slides, handout):
        monkeypatch.setattr(command, "main", lambda argv: 0)
    workbook = tmp_path / "course" / "workbook" / "mine.txt"
    workbook.parent.mkdir(parents=True)
    workbook.write_text("mine")
    assert room.main(["--to", str(tmp_path), "--no-wheels", "--systems", "linux"]) == 0
    for file in ("Makefile", "data/mnist.npz", "notebooks/00_start_here.ipynb", "tutorial_lib/kit/check.py"):
        assert (tmp_path / "course" / file).exists(), file
    assert workbook.read_text() == "mine" and not (tmp_path / "course" / ".venv").exists()
    first = (tmp_path / "READ ME FIRST.txt").read_text(encoding="utf-8")
    assert "start-linux.sh" in first and "start-windows" not in first and "for-the-teacher" in first
    assert "MiB" in capsys.readouterr().out and kit.size(tmp_path) > 3
    done = subprocess.run([sys.executable, "-m", "tutorial_lib", "help"], cwd=tmp_path / "course", capture_output=True,
                          text=True, check=False)
    assert "COMMAND" in done.stdout


def test_an_incomplete_kit_says_so(tmp_path, monkeypatch, capsys):
    for command in (teach, slides, handout):
        monkeypatch.setattr(command, "main", lambda argv: 0)
    monkeypatch.setattr(kit, "copy_course", lambda target: 0)
    monkeypatch.setattr(kit, "collect", lambda system, *rest: kit.Collected(
        system.name, 3, {"torch": "a GPU build"} if system is MACOS else {}))
    assert room.main(["--to", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "windows: 3 packages\n" in said and "macos: 3 packages, 1 missing:\n  torch: a GPU build" in said
    assert "macos: torch could not be had" in (tmp_path / "READ ME FIRST.txt").read_text(encoding="utf-8")


def test_bad_input_is_answered(tmp_path):
    with pytest.raises(cli.Stop, match="not for amiga"):
        room.main(["--systems", "amiga", "--to", str(tmp_path)])
    with pytest.raises(cli.Stop, match="not on 3.9"):
        room.main(["--python", "3.9", "--to", str(tmp_path)])


def test_the_files_of_the_course_are_found_without_git_too(tmp_path, monkeypatch):
    monkeypatch.setattr(kit.settings, "ROOT", tmp_path)
    for name in ("a.py", "workbook/mine.ipynb", "build/x", ".venv/y", "sub/b.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert [f.as_posix() for f in kit.files()] == ["a.py", "sub/b.py"]
    assert kit.too_large(tmp_path) == []
