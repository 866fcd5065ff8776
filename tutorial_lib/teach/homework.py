"""A chapter's exercises as an nbgrader assignment: the source notebook, from which nbgrader makes everything else.

Each exercise is a text, a cell to solve (its solution between nbgrader's marks) and a locked cell that judges it with
the course's own check, so that a wrong answer is told the same sentence as in the chapter.  Points are the minutes
that an exercise takes.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import textwrap
import types
from pathlib import Path

import nbformat

from tutorial_lib import course
from tutorial_lib.course import chapters
from tutorial_lib.kit.judge import Exercise

USUAL = {"math": "import math", "np": "import numpy as np", "torch": "import torch", "nn": "from torch import nn",
         "F": "from torch.nn import functional as F", "Tensor": "from torch import Tensor"}
CONFIG = """\
# `nbgrader` commands run in this folder: nbgrader generate_assignment NAME, then autograde and generate_feedback.
c = get_config()
c.CourseDirectory.course_id = "latents-to-dynamics"
c.ExecutePreprocessor.timeout = 300
"""


def marked(exercise: Exercise) -> str:
    """The cell to solve: the chapter's header, the solution between nbgrader's marks.

    A class, or a solution in several definitions, stands between the marks as a whole.
    """
    solution = exercise.solution_source
    tree = ast.parse(solution)
    stub = chapters.stub_source(exercise) or ""
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef) or tree.body[0].decorator_list:
        return f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
    function = tree.body[0]
    header = header_of(stub) if names_of(stub) == [a.arg for a in every_argument(function)] else ""
    first = function.body[1] if ast.get_docstring(function) is not None else function.body[0]
    lines = solution.splitlines()
    before = lines[: first.lineno - 1]
    while before and before[-1].strip().startswith("#"):  # a comment above the first line belongs to the solution
        before = before[:-1]
    body = textwrap.dedent("\n".join(lines[len(before):]))
    head = header or "from __future__ import annotations\n\n\n" + "\n".join(before)
    inner = textwrap.indent(f"### BEGIN SOLUTION\n{body}\n### END SOLUTION", "    ")
    return f"{head.rstrip()}\n{inner}"


def every_argument(function: ast.FunctionDef) -> list[ast.arg]:
    """All named arguments of a definition."""
    a = function.args
    return [*a.posonlyargs, *a.args, *([a.vararg] if a.vararg else []), *a.kwonlyargs, *([a.kwarg] if a.kwarg else [])]


def names_of(stub: str) -> list[str]:
    """The arguments of a stub's function; empty for a class."""
    body = ast.parse(stub).body
    return [a.arg for a in every_argument(body[0])] if body and isinstance(body[0], ast.FunctionDef) else []


def header_of(stub: str) -> str:
    """A stub's signature and docstring."""
    function = ast.parse(stub).body[0]
    first = function.body[0]  # type: ignore[attr-defined]
    end = first.end_lineno if ast.get_docstring(function) is not None else first.lineno - 1  # type: ignore[arg-type]
    return "\n".join(stub.splitlines()[:end])


def chapter_imports(chapter: str) -> dict[str, str]:
    """name -> import statement, of everything that a chapter's code imports."""
    found = {}
    for cell in chapters.code_cells(chapters.NOTEBOOKS / chapters.chapter(chapter).path):  # type: ignore[operator]
        for node in ast.walk(ast.parse(cell)):
            if isinstance(node, ast.ImportFrom):
                found |= {a.asname or a.name: f"from {node.module} import {ast.unparse(a)}" for a in node.names}
            elif isinstance(node, ast.Import):
                found |= {a.asname or a.name.split(".")[0]: f"import {ast.unparse(a)}" for a in node.names}
    return found


def inline(name: str, chapter: str) -> str | None:
    """The source of a function that a chapter builds inline; None where it builds none of that name."""
    for cell in chapters.code_cells(chapters.NOTEBOOKS / chapters.chapter(chapter).path):  # type: ignore[operator]
        for node in ast.parse(cell).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return ast.get_source_segment(cell, node)
    return None


def free_names(source: str) -> set[str]:
    """The names that a piece of code uses and neither defines nor finds among Python's own."""
    nodes = list(ast.walk(ast.parse(source)))
    own = {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    own |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    own |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {a.asname or a.name for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}
    return {n.id for n in nodes if isinstance(n, ast.Name)} - own - set(dir(builtins))


def needs(source: str, exercise: Exercise) -> tuple[set[str], dict[str, str]]:
    """The import statements and the definitions, by name, that a solution needs.  Raises NameError for a name from
    nowhere."""
    here, module = chapter_imports(exercise.chapter), inspect.getmodule(exercise.reference)
    statements: set[str] = set()
    definitions: dict[str, str] = {}
    for name in sorted(free_names(source)):
        thing = vars(module).get(name)
        if name in USUAL:
            statements.add(USUAL[name])
        elif name in here:
            statements.add(here[name])
        elif isinstance(thing, types.ModuleType):
            statements.add(f"import {thing.__name__} as {name}")
        elif name in vars(module):
            statements.add(f"from {module.__name__} import {name}")  # type: ignore[union-attr]
        elif (found := inline(name, exercise.chapter)) is not None:
            more, others = needs(found, exercise)
            statements, definitions = statements | more, definitions | others | {name: found}
        else:
            raise NameError(f"the solution of {exercise.name} uses {name}, "
                            "which neither its module nor its chapter knows")
    return statements, definitions


def context(exercise: Exercise) -> str:
    """The text that stands before the exercise's definition in its chapter; empty where code stands before it."""
    before = ""
    found = ""
    for kind, text in chapters.cells(chapters.NOTEBOOKS / chapters.chapter(exercise.chapter).path):  # type: ignore
        if kind == "code":
            if any(isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name == exercise.function_name
                   for n in ast.parse(text).body):
                found = before
            if f'check("{exercise.name}"' in text:
                return re.sub(r"^#+ .*$", "", found, flags=re.M).strip()
        before = text if kind == "markdown" else ""
    return ""


def meta(grade_id: str, **kind: object) -> dict[str, object]:
    """nbgrader's metadata of one cell."""
    base = {"grade": False, "solution": False, "task": False, "locked": False, "grade_id": grade_id,
            "schema_version": 3}
    return {"nbgrader": base | kind}


def assignment(chapter: str) -> nbformat.NotebookNode:
    """The source notebook of a chapter's exercises.  Raises KeyError for a chapter that does not exist, ValueError for
    one without exercises."""
    c = chapters.chapter(chapter)
    exercises = [e for e in course.all_exercises().values() if e.chapter == chapter]
    if not exercises:
        raise ValueError(f"chapter {chapter} has no exercises")
    v4 = nbformat.v4
    found = [needs(e.solution_source, e) for e in exercises]
    usual = {USUAL[name] for name in ("math", "torch", "nn", "F")}  # for whoever solves it in another way
    imports = usual.union(*(statements for statements, _ in found))
    helpers = {name: source for _, definitions in found for name, source in definitions.items()}
    setup = "\n".join([*sorted(imports), "", "from tutorial_lib import course",
                       *(f"\n\n{source}" for source in helpers.values())])
    cells = [
        v4.new_markdown_cell(
            f"# {c.id} · {c.title}: homework\n\n{c.belief}\n\nFill in the functions. The cell below each one judges it "
            "and says what it knows of a mistake; it is what your work is graded with, one point a minute of work.",
            metadata=meta("title", locked=True)),
        v4.new_code_cell(setup, metadata=meta("setup", locked=True))]
    for e in exercises:
        key = re.sub(r"\W", "-", e.name)
        stub = chapters.stub_source(e) or ""
        start = (f"\n\nThe chapter begins it like this:\n\n```python\n{stub}\n```"
                 if "..." in stub and not stub.rstrip().endswith("...") or stub.startswith("class") else "")
        hints = "".join(f"\n\n<details><summary>Hint {i}</summary>{h}</details>" for i, h in enumerate(e.hints, 1))
        cells += [
            v4.new_markdown_cell(f"## {e.title}\n\n{context(e)}\n\n{'' if e.core else 'Stretch. '}{e.minutes} points."
                                 f"{start}{hints}",
                                 metadata=meta(f"text-{key}", locked=True)),
            v4.new_code_cell(marked(e), metadata=meta(f"answer-{key}", solution=True)),
            v4.new_code_cell(f'verdict = course.exercise("{e.name}").judge({e.function_name})\n'
                             'assert verdict.passed, f"{verdict.status}: {verdict.message}"',
                             metadata=meta(f"grade-{key}", grade=True, locked=True, points=e.minutes))]
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": {
        "display_name": "Python 3", "language": "python", "name": "python3"}})
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # the same file every time
    return notebook


def write(chapter: str, folder: Path) -> Path:
    """Write the assignment as nbgrader wants it: FOLDER/source/NAME/NAME.ipynb, and a configuration once.

    A notebook that a teacher changed is not overwritten: raises FileExistsError.
    """
    notebook, name = assignment(chapter), chapters.chapter(chapter).path.stem  # type: ignore[union-attr]
    target = folder / "source" / name / f"{name}.ipynb"
    text = nbformat.writes(notebook) + "\n"
    if target.exists() and target.read_text(encoding="utf-8") != text:
        raise FileExistsError(f"{target} is there and is not what this would write; move it away, or name another "
                              "folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    if not (folder / "nbgrader_config.py").exists():
        (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    return target
