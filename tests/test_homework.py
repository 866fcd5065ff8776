"""Homework: nbgrader's own generate, autograde and feedback on what `make assignment` writes."""

import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from tutorial_lib import course
from tutorial_lib.cli import Stop
from tutorial_lib.cli import assignment as command
from tutorial_lib.course import chapters
from tutorial_lib.teach import homework

CHAPTER = "12"
NAME = chapters.chapter(CHAPTER).path.stem
EXERCISES = [e for e in course.all_exercises().values() if e.chapter == CHAPTER]
everywhere = pytest.mark.parametrize("chapter", [c for c in chapters.all_chapters() if c != "00"])


def run(notebook):
    """Execute the cells of an assignment in one space, as a kernel would; the ids of those that fail."""
    import linecache

    space, failed = {}, []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        file = f"<homework {number}>"
        linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(True), file)
        try:
            exec(compile(cell.source, file, "exec"), space)
        except Exception:
            failed.append(cell.metadata["nbgrader"]["grade_id"])
    return failed


@everywhere
def test_every_solution_passes_its_own_test(chapter):
    notebook = homework.assignment(chapter)
    assert run(notebook) == []
    ids = [c.metadata["nbgrader"]["grade_id"] for c in notebook.cells]
    assert len(set(ids)) == len(ids) and nbformat.validate(notebook) is None
    points = [c.metadata["nbgrader"]["points"] for c in notebook.cells if c.metadata["nbgrader"]["grade"]]
    assert points == [e.minutes for e in course.all_exercises().values() if e.chapter == chapter]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """An nbgrader course in which the reference, the stub and each round of known mistakes were handed in."""
    pytest.importorskip("nbgrader", reason="the extra `teach` is not installed: homework was not tried")
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    folder = tmp_path_factory.mktemp("assignments")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HOME", str(folder))  # nbgrader reads configuration from there
        patch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
        patch.setattr(sys, "argv", ["nbgrader"])
        source = homework.write(CHAPTER, folder)
        config = Config({"CourseDirectory": {"root": str(folder), "course_id": "test"},
                         "ExecutePreprocessor": {"timeout": 300}})
        api = NbGraderAPI(config=config)
        assert api.generate_assignment(NAME)["success"]
        release = folder / "release" / NAME / f"{NAME}.ipynb"
        assert "BEGIN SOLUTION" not in release.read_text() and "raise NotImplementedError" in release.read_text()

        def submit(who, notebook):
            target = folder / "submitted" / who / NAME / f"{NAME}.ipynb"
            target.parent.mkdir(parents=True)
            nbformat.write(notebook, target)

        submit("reference", nbformat.read(source, 4))
        submit("stub", nbformat.read(release, 4))
        rounds = max(len(e.mistakes) for e in EXERCISES)
        for k in range(0, rounds, max(1, rounds // 3)):  # the others are judged without nbgrader below
            submit(f"mistake{k}", with_mistakes(nbformat.read(release, 4), k))
        scores = {}
        for who in sorted(p.name for p in (folder / "submitted").iterdir()):
            said = api.autograde(NAME, who)
            assert said["success"], said
            assert api.generate_feedback(NAME, who)["success"]
            feedback = (folder / "feedback" / who / NAME / f"{NAME}.html").read_text(encoding="utf-8")
            with api.gradebook as book:
                scores[who] = (book.find_submission(NAME, who).score, feedback)
        yield source, scores


def with_mistakes(notebook, k):
    """A submission in which every exercise is answered with its k-th known mistake, or the last where it has fewer."""
    for e in EXERCISES:
        key = "answer-" + e.name.replace(".", "-")
        cell = next(c for c in notebook.cells if c.metadata["nbgrader"]["grade_id"] == key)
        cell.source = (f'{e.function_name} = list(course.exercise("{e.name}").mistakes.values())'
                       f"[min({k}, {len(e.mistakes) - 1})]")
    return notebook


def test_the_reference_gets_full_marks_the_stub_none_and_mistakes_less(graded):
    _, scores = graded
    full = sum(e.minutes for e in EXERCISES)
    assert scores["reference"][0] == full and scores["stub"][0] == 0
    wrong = {who: score for who, (score, _) in scores.items() if who.startswith("mistake")}
    assert len(wrong) >= 3 and all(score == 0 for score in wrong.values()), wrong
    sentence = next(iter(EXERCISES[0].mistakes))
    assert sentence.split("`")[0][:30] in scores["mistake0"][1].replace("&#39;", "'"), "feedback says what is wrong"


@pytest.mark.parametrize("exercise", [e for e in course.all_exercises().values() if e.chapter in ("11", "12", "21")],
                         ids=lambda e: e.name)
def test_each_known_mistake_fails_the_graded_cell(exercise):
    """The cell that nbgrader runs, without nbgrader: the same judge, every mistake."""
    notebook = homework.assignment(exercise.chapter)
    asks = f'course.exercise("{exercise.name}")'
    cell = next(c for c in notebook.cells if c.cell_type == "code" and asks in c.source)
    for mistake in exercise.mistakes.values():
        with pytest.raises(AssertionError):
            exec(cell.source, {"course": course, exercise.function_name: mistake})


def test_what_is_written_is_the_same_every_time_and_never_over_a_teachers_work(tmp_path, capsys):
    file = homework.write(CHAPTER, tmp_path)
    assert homework.write(CHAPTER, tmp_path) == file
    (tmp_path / "nbgrader_config.py").write_text("mine")
    file.write_text(file.read_text().replace("homework", "my homework"))
    with pytest.raises(Stop, match="not what this would write"):
        command.main([CHAPTER, "--to", str(tmp_path)])
    assert "my homework" in file.read_text() and (tmp_path / "nbgrader_config.py").read_text() == "mine"
    shutil.rmtree(tmp_path / "source")
    assert command.main([CHAPTER, "--to", str(tmp_path)]) == 0 and "generate_assignment" in capsys.readouterr().out
    with pytest.raises(KeyError, match="there is no chapter"):
        homework.assignment("99")


def test_pieces_of_an_assignment():
    kl = course.all_exercises()["vae.kl_standard_normal"]
    cell = homework.marked(kl)
    assert cell.index('"""') < cell.index("### BEGIN SOLUTION") < cell.index("### END SOLUTION")
    assert homework.header_of('def f(x):\n    """D."""\n    ...').endswith('"""D."""')
    assert homework.names_of("def f(x, *, y=1): ...") == ["x", "y"] and homework.names_of("class A: ...") == []
    assert homework.free_names("def f(x):\n    return math.pi * x + y") == {"math", "y"}
    assert homework.chapter_imports(CHAPTER)["torch"] == "import torch"
    assert "eps" in homework.inline("pathwise", CHAPTER) and homework.inline("nothing", CHAPTER) is None
    statements, definitions = homework.needs("pathwise(x)\nx = 1", course.all_exercises()["gradients.quiet_gradient"])
    assert "pathwise" in definitions and isinstance(statements, set)
    with pytest.raises(NameError, match="knows"):
        homework.needs("nothing_of_that_name", kl)
    assert homework.context(kl).strip() and homework.meta("a", grade=True)["nbgrader"]["grade"]
    assert [a.arg for a in homework.every_argument(homework.ast.parse("def f(a, /, *b, c, **d): ...").body[0])] == [
        "a", "b", "c", "d"]
