"""The reader's copies: made once, never overwritten, reported when the collection has something newer."""

import json
import socket
import sys

import nbformat
import pytest

from tutorial_lib.cli import Stop, clean, lab, workbook
from tutorial_lib.kit.settings import ROOT


@pytest.fixture
def collection(tmp_path, monkeypatch):
    """A collection of two notebooks with outputs, in folders with a space in their path."""
    source = tmp_path / "a course" / "notebooks"
    for name in ("00_start.ipynb", "1_part/11_vae.ipynb"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        write(source / name, "x = 1")
    monkeypatch.setattr(workbook, "NOTEBOOKS", source)
    return source


def write(path, text):
    """A notebook with one executed cell."""
    cell = nbformat.v4.new_code_cell(text, execution_count=3, outputs=[nbformat.v4.new_output("stream", text="out")])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata={"course": {"id": "11"}}), path)


def source_of(path):
    return nbformat.read(path, as_version=4).cells[0].source


def test_copies_are_cleared_notebooks_in_the_same_folders(collection, tmp_path):
    copied, changed = workbook.bring_up_to_date(tmp_path / "work book")
    assert [p.as_posix() for p in copied] == ["00_start.ipynb", "1_part/11_vae.ipynb"] and not changed
    copy = nbformat.read(tmp_path / "work book/1_part/11_vae.ipynb", as_version=4)
    assert copy.cells[0].outputs == [] and copy.cells[0].execution_count is None and "course" not in copy.metadata
    assert {p.suffix for p in (tmp_path / "work book").rglob("*") if p.is_file()} == {".ipynb", ".json"}


def test_a_second_start_and_an_update_overwrite_nothing(collection, tmp_path):
    folder = tmp_path / "mine"
    workbook.bring_up_to_date(folder)
    copy = folder / "1_part/11_vae.ipynb"
    write(copy, "my own work")
    assert workbook.bring_up_to_date(folder) == ([], [])
    write(collection / "1_part/11_vae.ipynb", "x = 2")
    copied, changed = workbook.bring_up_to_date(folder)
    assert copied == [] and [p.name for p in changed] == ["11_vae.ipynb"]
    assert source_of(copy) == "my own work"
    assert workbook.bring_up_to_date(folder)[1] == changed, "reported until the reader acts"
    beside = workbook.put_beside("11", folder)
    assert beside.name == "11_vae.new.ipynb" and source_of(beside) == "x = 2" and source_of(copy) == "my own work"
    assert workbook.bring_up_to_date(folder) == ([], [])
    assert workbook.put_beside("11", folder).name == "11_vae.new2.ipynb", "a new one never replaces an older new one"


def test_an_untouched_copy_is_not_reported_when_only_outputs_changed(collection, tmp_path):
    workbook.bring_up_to_date(tmp_path / "w")
    notebook = nbformat.read(collection / "00_start.ipynb", as_version=4)
    notebook.cells[0].outputs = []
    nbformat.write(notebook, collection / "00_start.ipynb")
    assert workbook.bring_up_to_date(tmp_path / "w") == ([], [])


def test_damaged_copies_and_manifests_are_left_alone(collection, tmp_path):
    folder = tmp_path / "w"
    workbook.bring_up_to_date(folder)
    (folder / "00_start.ipynb").write_text("not json")
    (folder / ".copied.json").write_text("[broken")
    assert workbook.read_manifest(folder) == {}
    copied, changed = workbook.bring_up_to_date(folder)
    assert copied == [] and [p.name for p in changed] == ["00_start.ipynb"]
    assert (folder / "00_start.ipynb").read_text() == "not json"
    assert json.loads((folder / ".copied.json").read_text()) == {}


def test_write_new_never_replaces(collection, tmp_path):
    notebook = workbook.cleared(collection / "00_start.ipynb")
    (tmp_path / "there.ipynb").write_text("mine")
    with pytest.raises(FileExistsError):
        workbook.write_new(notebook, tmp_path / "there.ipynb")
    assert (tmp_path / "there.ipynb").read_text() == "mine"
    assert not list(tmp_path.glob(".there*")), "nothing half-written stays"
    assert workbook.same(collection / "00_start.ipynb", workbook.content(notebook))


def test_an_unknown_chapter_names_those_there_are(collection):
    with pytest.raises(Stop, match="no chapter 99; there are 00, 11"):
        workbook.find("99")


def test_the_real_collection_is_copied_whole(tmp_path):
    copied, _ = workbook.bring_up_to_date(tmp_path)
    assert copied == workbook.chapters() and (tmp_path / "00_start_here.ipynb").exists()


def test_an_occupied_port_is_said_and_a_free_one_found():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(Stop, match=f"Port {port} is in use.*--port {port + 1}"):
            lab.free_port(port)
        assert 8888 <= lab.free_port(None) < 8908


def test_lab_is_started_on_the_readers_folder_at_the_start_page(tmp_path, monkeypatch, capsys):
    seen = {}
    monkeypatch.setenv("TUTORIAL_HOME", str(tmp_path / "mine"))
    monkeypatch.setattr(lab.subprocess, "run",
                        lambda command, env, check: seen.update(command=command, env=env) or type("Done", (), {
                            "returncode": 0})())
    assert lab.main(["--no-browser"]) == 0
    assert seen["command"][:3] == [sys.executable, "-m", "jupyterlab"] and "--no-browser" in seen["command"]
    assert f"--ServerApp.root_dir={tmp_path / 'mine'}" in seen["command"]
    assert any("00_start_here" in option for option in seen["command"])
    assert seen["env"]["PYTHONPATH"].startswith(str(ROOT))
    assert "yours to change" in capsys.readouterr().out
    assert lab.before("NO_SUCH_VARIABLE", tmp_path) == str(tmp_path)
    assert lab.main(["--new", "11"]) == 0
    assert "11_what_a_vae_is.new.ipynb" in capsys.readouterr().out
    lab.say([], [workbook.find("11")])
    assert "lab --new 11" in capsys.readouterr().out
    assert f"--ServerApp.port={1234}" in lab.command(tmp_path, 1234, True)


def test_a_folder_that_cannot_be_written_is_said(collection, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(workbook, "write_new", refuse)
    with pytest.raises(Stop, match="TUTORIAL_HOME"):
        workbook.bring_up_to_date(tmp_path / "w")
    workbook.write_manifest(tmp_path, {"a": "b"})
    assert workbook.read_manifest(tmp_path) == {"a": "b"}


def test_clean_leaves_the_workbook(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(clean, "ROOT", tmp_path)
    for name in ("build", "workbook", "tests/__pycache__", ".venv"):
        (tmp_path / name).mkdir(parents=True)
    assert clean.main([]) == 0 and clean.main(["--wrong"]) == 2
    assert not (tmp_path / "build").exists() and not (tmp_path / "tests/__pycache__").exists()
    assert (tmp_path / "workbook").exists() and (tmp_path / ".venv").exists()
    assert clean.main(["--all"]) == 0 and not (tmp_path / ".venv").exists()
