"""The tool that executes chapters: what it hashes, what it cleans, what it refuses.  The chapters themselves run
under nbval, in the same `make test`."""

import nbformat
import pytest

from tutorial_lib.cli import Stop, report
from tutorial_lib.cli import notebooks as tool
from tutorial_lib.cli import test as command
from tutorial_lib.course import chapters
from tutorial_lib.kit import budget
from tutorial_lib.kit.settings import ROOT

HEADER = "# ---\n# jupyter:\n#   course:\n#     id: '99'\n# ---\n\n"


def chapter(folder, cells):
    """A percent file of code cells."""
    path = folder / "99_toy.py"
    path.write_text(HEADER + "".join(f"# %%\n{c}\n\n" for c in cells))
    return path


def test_concepts_are_followed_through_their_imports():
    assert chapters.concept_modules("from tutorial_lib.vae import VAE") >= {"vae", "distributions", "nets"}
    assert chapters.concept_modules("from tutorial_lib import check\nimport torch") == set()


def test_the_fingerprint_sees_code_not_text(tmp_path):
    path = chapter(tmp_path, ["x = 1"])
    mark = chapters.fingerprint(path)
    path.write_text(path.read_text() + "# %% [markdown]\n# text\n")
    assert chapters.fingerprint(path) == mark and list(chapters.code_cells(path)) == ["x = 1"]
    assert chapters.fingerprint(chapter(tmp_path, ["x = 2"])) != mark


def test_a_chapter_is_executed_then_only_its_text_replaced(tmp_path, monkeypatch):
    path = chapter(tmp_path, ["import os, socket", "print(os.environ['TUTORIAL_MODE'])"])
    assert "executed" in tool.make(path, force=False)
    assert tool.is_current(path.with_suffix(".ipynb"), chapters.fingerprint(path))
    path.write_text(path.read_text() + "# %% [markdown]\n# more text\n")
    monkeypatch.setattr(tool, "execute", lambda *_: pytest.fail("text alone needs no run"))
    assert "text replaced" in tool.make(path, force=False)
    notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    assert notebook.cells[1].outputs[0].text == "notebooks\n" and notebook.cells[2].source == "more text"
    assert tool.make(path, force=False) == "unchanged"


def test_a_failing_cell_and_the_network_stop_the_run(tmp_path):
    path = chapter(tmp_path, ["import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=2)"])
    with pytest.raises(Stop, match="the network is off in tests"):
        tool.execute(tool.read_source(path), tmp_path)


def output(**data):
    return nbformat.v4.new_output("display_data", data=data, metadata={"image/png": {"alt": "a picture of a thing"}})


def test_cleaning_keeps_what_a_viewer_can_show():
    cell = nbformat.v4.new_code_cell("f()", outputs=[
        output(**{"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "image/png": "AAAA"}),
        output(**{"application/vnd.jupyter.widget-view+json": {"model_id": "2"}}), output(**{"text/plain": ""})])
    metadata = {"widgets": {}, "language_info": {"name": "python", "version": "3.11.7"}}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata=metadata)
    tool.clean(notebook)
    assert notebook.metadata["language_info"] == tool.LANGUAGE, "text replaced later leaves the file as it is"
    assert [list(o.data) for o in cell.outputs] == [["image/png"]] and "widgets" not in notebook.metadata
    assert cell.metadata["alt"] == ["a picture of a thing"]
    tool.describe(cell, cell.outputs[0])
    assert len(cell.metadata["alt"]) == 2


@pytest.mark.parametrize("text", ["<object at 0x7f1234567890>", "/home/" + "me/data.npz"])
def test_addresses_and_paths_are_refused(text):
    cell = nbformat.v4.new_code_cell("f()", outputs=[output(**{"text/plain": text})])
    with pytest.raises(Stop, match="must not be committed"):
        tool.clean(nbformat.v4.new_notebook(cells=[cell]))


def test_replacing_text_needs_the_same_code_cells(tmp_path):
    path = chapter(tmp_path, ["x = 1"])
    nbformat.write(nbformat.v4.new_notebook(), path.with_suffix(".ipynb"))
    with pytest.raises(ValueError):
        tool.replace_text(tool.read_source(path), path.with_suffix(".ipynb"))


def test_an_unknown_chapter_is_named():
    with pytest.raises(Stop, match="given by number"):
        tool.main(["98"])


def test_executed_and_tested_chapters_have_no_network_and_the_right_mode():
    assert tool.environment()["PYTHONPATH"].split(":")[0] == str(ROOT / "tests" / "no_network")
    assert tool.environment()["TUTORIAL_MODE"] == "notebooks" and command.environment()["TUTORIAL_MODE"] == "test"
    assert command.environment()["OMP_NUM_THREADS"] == "1"


def test_the_style_report_measures_what_it_says():
    """Cell lengths without comments, definitions without docstrings, a line per chapter."""
    assert report.lines("# a\n\nx = 1\n") == ["x = 1"]
    assert report.definitions('def f(x):\n    """Doc."""\n    return x\n') == {"f": "return x"}
    for source in tool.sources():
        numbers = report.style(source)
        assert numbers["median lines"] <= numbers["95 %"] <= numbers["longest"] and 0 <= numbers["copied"] <= 1
    assert all(cost["cpu_seconds"] > 0 for cost in report.cpu_seconds().values())
    assert report.import_seconds() < 60 and report.timed("pass") < 60


def test_the_report_adds_up_what_the_tests_cost(tmp_path, monkeypatch):
    """Chapters and test files, over all processes, the largest first."""
    folder = tmp_path / "build" / "cpu" / "tests"
    folder.mkdir(parents=True)
    (folder.parent / "11.json").write_text('{"chapter": "11", "cpu_seconds": 40.0, "first_picture": 9.0}')
    (folder / "gw0.json").write_text('{"tests/test_a.py": 1.0, "tests/test_b.py": 50.0, "notebooks/11_x.ipynb": 41.0}')
    (folder / "gw1.json").write_text('{"tests/test_a.py": 2.0}')
    monkeypatch.setattr(report.settings, "ROOT", tmp_path)
    assert report.shares() == {"tests/test_b.py": 50.0, "chapter 11": 40.0, "tests/test_a.py": 3.0}
    monkeypatch.undo()
    monkeypatch.setattr(report, "shares", lambda: {"chapter 11": 40.0, "tests/test_a.py": 3.0})
    monkeypatch.setattr(report, "start_seconds", lambda: 2.0)
    said = report.text()
    assert "CPU seconds of the tests: 43" in said and "first line 2.0 s" in said and "import tutorial_lib" in said


def test_a_chapter_that_takes_too_long_is_stopped(tmp_path, monkeypatch):
    """In a kernel under the tests, the CPU timer raises in the cell that overruns."""
    path = chapter(tmp_path, ["from tutorial_lib.kit import budget\nbudget.LIMIT = 0.3\nbudget.note = lambda c: None\n"
                              "budget.arm('99')\nwhile True: pass"])
    with pytest.raises(Stop, match="BudgetExceeded"):
        tool.execute(tool.read_source(path), tmp_path)
    monkeypatch.setattr(budget.settings, "ROOT", tmp_path)
    budget.note("99")
    assert '"cpu_seconds"' in (tmp_path / "build/cpu/99.json").read_text()
    with pytest.raises(budget.BudgetExceeded):
        budget.exceeded(0, None)
