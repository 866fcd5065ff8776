"""The set-up files agree with each other and say what to do when something is wrong."""

import contextlib
import re
import subprocess
import sys
import tomllib
from importlib import metadata

import yaml
from packaging.specifiers import SpecifierSet

from tutorial_lib import cli
from tutorial_lib.cli import doctor, environment
from tutorial_lib.kit.settings import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def wishes():
    """The direct dependencies with their lower bounds."""
    listed = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
    return dict(re.fullmatch(r"([A-Za-z0-9_.\-]+)>=([\d.]+)", w).groups() for w in listed)


def version(text):
    """A version as numbers."""
    return tuple(int(n) for n in re.findall(r"\d+", text))


def test_conda_and_pip_install_the_same():
    """environment.yml lists exactly the direct dependencies, at the versions of constraints.txt."""
    pip = next(d["pip"] for d in CONDA["dependencies"] if isinstance(d, dict))
    assert pip[0] == "-c constraints.txt" and pip[-1] == "-e ."
    listed = dict(line.split("==") for line in pip if "==" in line)
    pins = {name.lower(): pin for name, pin in doctor.pins().items()}
    assert set(listed) == set(wishes())
    assert all(pins[name.lower()] == pin for name, pin in listed.items())


def test_tested_versions_meet_the_lower_bounds():
    pins = {name.lower(): pin for name, pin in doctor.pins().items()}
    for name, low in wishes().items():
        assert version(pins[name.lower()]) >= version(low), name
    assert pins["torch"] == "2.13.0"


def test_no_pinned_package_needs_a_newer_python_than_the_oldest_one():
    """Debian's Python is 3.11.2: a pin that asks for 3.11.5 cannot be installed there."""
    for name in doctor.pins():
        with contextlib.suppress(metadata.PackageNotFoundError):
            asks = metadata.metadata(name).get("Requires-Python") or ""
            assert SpecifierSet(asks).contains("3.11.0"), f"{name} needs Python {asks}"


def test_every_file_names_the_same_pythons():
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert "python>=3.11,<3.14" in CONDA["dependencies"]
    assert (cli.OLDEST, cli.NEWEST) == ((3, 11), (3, 13))
    assert cli.fits((3, 12, 4)) and not cli.fits((3, 10, 9)) and not cli.fits((3, 14))


def test_make_targets_are_one_line_wrappers():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in (*cli.COMMANDS, "help"):
        assert re.search(rf"^{command}: +; @\$\(PYTHON\) -m tutorial_lib {command}( \$\(.*\))*$", text, flags=re.M)


def test_needed_modules_cover_the_direct_dependencies():
    """What makes an environment good enough is what pyproject.toml asks for."""
    module = {"pyyaml": "yaml", "scikit-learn": "sklearn", "pytest-xdist": "xdist"}
    assert {module.get(name.lower(), name) for name in wishes()} == set(environment.NEEDED)


def test_a_wrong_python_is_told_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(cli, "fits", lambda version: False)
    monkeypatch.setattr(cli, "other_python", lambda: None)
    assert cli.main(["lab"]) == 2
    said = capsys.readouterr().err
    assert "3.11, 3.12 or 3.13" in said and "PYTHON=" in said and "conda" in said


def test_the_commands_start_without_any_package():
    """Before anything is installed, the library imports and help answers (an isolated Python, no site packages)."""
    done = subprocess.run([sys.executable, "-S", "-E", "-m", "tutorial_lib", "help"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0 and "lab --new 11" in done.stdout, done.stderr
    done = subprocess.run([sys.executable, "-S", "-E", "-m", "tutorial_lib", "nonsense"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2 and "no command 'nonsense'" in done.stderr


def test_environment_is_made_only_when_needed(monkeypatch, tmp_path):
    """A stamp of versions and place decides; an activated environment with everything is used as it is."""
    monkeypatch.setattr(environment, "STAMP", tmp_path / "stamp")
    assert not environment.ready(sys.executable)
    (tmp_path / "stamp").write_text(environment.wanted())
    assert environment.ready(sys.executable) and not environment.ready(str(tmp_path / "gone"))
    (tmp_path / "stamp").write_text("another edition")
    assert not environment.ready(sys.executable)
    assert environment.works(sys.executable) and not environment.works(str(tmp_path / "gone"))
    assert environment.missing() == []
    monkeypatch.setattr(environment, "in_own_environment", lambda: True)
    monkeypatch.setattr(environment, "VENV", tmp_path / "elsewhere")
    assert environment.ensure() == sys.executable


def test_the_packages_of_a_teacher_come_when_a_command_needs_them_and_stay(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(environment, "works", lambda python: True)
    monkeypatch.setattr(environment, "in_own_environment", lambda: False)
    monkeypatch.setattr(environment, "venv_python", lambda: sys.executable)
    monkeypatch.setattr(environment, "VENV", tmp_path / "elsewhere")
    made, answer = [], [0]
    monkeypatch.setattr(environment.subprocess, "run", lambda command, **more: made.append(command)
                        or subprocess.CompletedProcess(command, answer[0]))
    environment.ensure()
    assert made[-1][-1] == ".[test]" and environment.ready(sys.executable)
    assert not environment.ready(sys.executable, teach=True)
    answer[0] = 1  # no network: the tests go on without, a teacher's command cannot
    assert environment.ensure(teach=True, optional=True) == sys.executable
    try:
        environment.ensure(teach=True)
        raise AssertionError("a teacher's command cannot go on without its packages")
    except cli.Stop as stop:
        assert "network" in str(stop)
    answer[0] = 0
    environment.ensure(teach=True)
    assert made[-1][-1] == ".[test,teach]" and environment.ready(sys.executable, teach=True)
    (tmp_path / "stamp").write_text("another edition, with teach")
    environment.ensure()
    assert made[-1][-1] == ".[test,teach]", "an update keeps what was there"


def test_a_teachers_command_in_an_environment_of_ones_own_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "in_own_environment", lambda: True)
    monkeypatch.setattr(environment, "VENV", tmp_path / "elsewhere")
    monkeypatch.setattr(environment, "TEACH", ("no_such_module_here",))
    assert environment.ensure(teach=True, optional=True) == sys.executable
    try:
        environment.ensure(teach=True)
        raise AssertionError("a missing extra must be said")
    except cli.Stop as stop:
        assert '".[teach]"' in str(stop)
    extra = {w.split(">=")[0] for w in PROJECT["optional-dependencies"]["teach"]}
    pins = {name.lower() for name in doctor.pins()}
    assert extra <= pins and cli.TEACHING[-1] == "test" and set(cli.TEACHING) <= set(cli.COMMANDS)


def test_a_missing_package_and_a_failed_installation_say_what_to_do(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(environment, "NEEDED", ("torch", "no_such_module_here"))
    assert environment.missing() == ["no_such_module_here"]
    monkeypatch.setattr(environment, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(environment, "works", lambda python: True)
    monkeypatch.setattr(environment.subprocess, "run",
                        lambda command, **more: made.append(command) or subprocess.CompletedProcess(command, 1))
    try:
        environment.create(sys.executable)
        raise AssertionError("a failed installation must stop")
    except cli.Stop as stop:
        assert "network" in str(stop) and "again" in str(stop)
    assert "constraints.txt" in made[-1] and not (tmp_path / "stamp").exists()
    assert environment.venv_python().startswith(str(environment.VENV))


def test_a_full_disk_is_told(monkeypatch):
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10**9})())
    try:
        environment.create(sys.executable)
        raise AssertionError("a full disk must stop")
    except cli.Stop as stop:
        assert "3 GB" in str(stop)


def test_doctor_finds_nothing_here_and_says_what_to_do_elsewhere(capsys, monkeypatch):
    doctor.main([])
    said = capsys.readouterr().out
    assert "data/mnist.npz" in said and "widget front end" in said and "Python 3." in said
    findings = [f for check in doctor.CHECKS for f in check()]
    assert all(remedy for fine, _, remedy in findings if not fine)
    assert "cores" in next(doctor.threads())[1]
    monkeypatch.setattr(doctor, "CHECKS", (lambda: iter([(False, "a missing thing", "do this")]),))
    assert doctor.main([]) == 1
    assert "-> do this" in capsys.readouterr().out
    assert doctor.main(["--wrong"]) == 2
    assert environment.in_own_environment() in (True, False)


def test_run_stops_with_a_sentence_not_a_traceback(monkeypatch, capsys):
    def stop(command, rest):
        raise cli.Stop("Do this first.")

    monkeypatch.setattr(cli, "run", stop)
    assert cli.main(["doctor"]) == 2 and "Do this first." in capsys.readouterr().err
    assert "needs Python" in cli.wrong_python((3, 8, 1))
    assert cli.other_python() is None or "python3." in cli.other_python()
