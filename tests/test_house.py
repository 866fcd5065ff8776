"""The house: pairs in sync, outputs clean, anatomy of a chapter, layers, documentation.  Style is a report."""

import ast
import base64
import inspect
import json
import re
from importlib import import_module
from pathlib import Path

import jupytext
import nbformat
import pytest

from tutorial_lib.cli import notebooks as tool
from tutorial_lib.course import chapters
from tutorial_lib.kit.settings import ROOT

SOURCES = tool.sources()
each = pytest.mark.parametrize("source", SOURCES, ids=[p.stem for p in SOURCES])
LIBRARY = sorted((ROOT / "tutorial_lib").rglob("*.py"))
KIB = 1024


def executed(source):
    """The committed notebook of a chapter."""
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def code(source):
    """All code of a chapter."""
    return "\n".join(chapters.code_cells(source))


def prose(source):
    """All text of a chapter."""
    return "\n".join(c.source for c in jupytext.read(source).cells if c.cell_type == "markdown")


# ---------------------------------------------------------------- pairs and outputs


@each
def test_pair_in_sync_and_executed_from_this_code(source):
    pair, notebook = tool.read_source(source), executed(source)
    assert [(c.cell_type, c.source) for c in notebook.cells] == [(c.cell_type, c.source) for c in pair.cells], \
        f"make notebooks CHAPTER={source.name[:2]}"
    assert notebook.metadata["course_code"] == chapters.fingerprint(source), f"make notebooks CHAPTER={source.name[:2]}"


@each
def test_outputs_are_in_order_and_clean(source):
    notebook = executed(source)
    counts = [c.execution_count for c in notebook.cells if c.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    text = json.dumps([c.get("outputs", []) for c in notebook.cells])
    for forbidden in ("widget-view", "widget-state", "audio/", "<audio", '"output_type": "error"'):
        assert forbidden not in text, forbidden
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            words = json.dumps({k: v for k, v in data.items() if not k.startswith("image/")}) + output.get("text", "")
            assert not tool.UNCLEAN.search(words), f"an address or a path in the output of\n{cell.source}"
    assert "widgets" not in notebook.metadata
    assert nbformat.validate(notebook) is None


@each
def test_every_picture_has_its_description(source):
    for cell in executed(source).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                alt = output.metadata["image/png"]["alt"]
                assert len(alt) > 30 and alt in cell.metadata["alt"] and alt in output.data["text/plain"]
                assert base64.b64decode(output.data["image/png"])[:4] == b"\x89PNG"


@each
def test_a_notebook_is_small_and_its_cells_fit_a_screen(source):
    assert source.with_suffix(".ipynb").stat().st_size <= 500 * KIB
    for cell in chapters.code_cells(source):
        assert len([line for line in cell.splitlines() if line.strip()]) <= 40, cell[:200]


def test_the_pairing_rule_stays_in_notebooks():
    rule = (ROOT / "jupytext.toml").read_text(encoding="utf-8")
    assert '"notebooks/" = "ipynb,py:percent"' in rule
    assert "workbook/" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()


# ---------------------------------------------------------------- anatomy


@each
def test_anatomy(source):
    """Front matter, goals mirrored by what we saw, questions before and after, exercises, explorers, limits."""
    chapter, text, program = chapters.read_chapter(source.resolve()), prose(source), code(source)
    assert chapter.track in chapters.TRACKS and len(chapter.goals) == 3 and chapter.read > 0
    assert text.startswith("# ") and chapter.belief.split(",")[0].lower()[:25] in text.lower()
    assert f'start("{chapter.id}")' in program
    assert set(chapter.needs) <= set(chapters.whole_map())
    if chapter.id == "00":
        return
    assert source.name.startswith(f"{chapter.id}_") and source.parent.name[0] == chapter.id[0]
    for part in ("You will be able to", "What we saw", "Where this breaks", "References", "Next"):
        assert part in text, part
    for goal in chapter.goals:
        assert re.sub(r"\s+", " ", goal) in re.sub(r"\s+", " ", text), goal
    assert program.count("check(") >= 3 and program.count("explore(") >= 1 and program.count("ask(") >= 5
    if not chapter.id.endswith("0"):
        assert program.count("claim(") >= 1 and chapter.papers
    assert "explore(" in program and re.search(r"assert ", program), "an inline build is proved equal to the library's"


@each
def test_links_between_chapters_lead_somewhere(source):
    for target in re.findall(r"\]\(([^)#]+\.ipynb)", prose(source)):
        assert (source.parent / target).exists(), target


@each
def test_notebooks_speak_to_the_face_and_to_concepts(source):
    for node in ast.walk(ast.parse(code(source))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tutorial_lib"):
            assert not re.match(r"tutorial_lib\.(kit|course|cli)", node.module), node.module
    assert not re.search(r"^\s*[!%]", code(source), flags=re.M), "no shell and no magics"
    assert "!" not in re.sub(r"!\[|\$[^$]*\$|`[^`]*`", "", prose(source)), "no exclamation marks"


# ---------------------------------------------------------------- layers and documentation


def layer(path):
    """How far up a module lies: kit 0, building blocks and concepts 1, course and teach 2, face 3, commands 4."""
    parts = path.relative_to(ROOT / "tutorial_lib").parts
    if parts[0] in ("kit", "course", "teach", "cli"):
        return {"kit": 0, "course": 2, "teach": 2, "cli": 4}[parts[0]]
    return {"__init__.py": 3, "__main__.py": 4}.get(path.name, 1)


def imported(path):
    """The modules of the library that a module imports, as files."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tutorial_lib"):
            names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names if a.name.startswith("tutorial_lib")]
        for name in names:
            file = ROOT / name.replace(".", "/")
            yield from (f for f in (file.with_suffix(".py"), file / "__init__.py") if f.exists())


@pytest.mark.parametrize("path", LIBRARY, ids=[str(p.relative_to(ROOT)) for p in LIBRARY])
def test_arrows_point_one_way(path):
    for target in imported(path):
        if target.parent == ROOT / "tutorial_lib" and target.name == "__init__.py":
            continue  # the package itself, which every dotted import passes
        assert layer(target) <= layer(path), f"{path.name} imports {target.relative_to(ROOT)}"
    if layer(path) == 0:
        assert not re.search(r'["\'][1-7]\d["\']', path.read_text(encoding="utf-8")), "the kit knows no chapter"


def public_functions():
    """(module name, qualified name, object) of every public function, class and method."""
    for path in LIBRARY:
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = import_module(".".join(p for p in parts if p not in ("__init__", "__main__")))
        if path.name == "__main__.py":
            continue
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", "") != module.__name__:
                continue
            if inspect.isfunction(thing):
                yield module.__name__, name, thing
            elif inspect.isclass(thing):
                yield module.__name__, name, thing
                for n, f in vars(thing).items():
                    if not n.startswith("_") and inspect.isfunction(f):
                        yield module.__name__, f"{name}.{n}", f


PUBLIC = list(public_functions())


def test_public_functions_are_annotated_and_documented():
    missing = []
    for module, name, thing in PUBLIC:
        if not inspect.getdoc(thing):
            missing.append(f"{module}.{name}: no docstring")
        if inspect.isfunction(thing) and "tutorial_lib.cli" not in module and module != "tutorial_lib":
            signature = inspect.signature(thing)
            bare = [p.name for p in signature.parameters.values()
                    if p.annotation is p.empty and p.name not in ("self", "cls") and p.kind is not p.VAR_KEYWORD]
            if bare:
                missing.append(f"{module}.{name}: {', '.join(bare)} not annotated")
    assert not missing, "\n".join(missing)


def test_concepts_name_their_chapter_and_open_with_a_glossary():
    for path in LIBRARY:
        if layer(path) != 1:
            continue
        module = import_module(f"tutorial_lib.{path.stem}")
        assert "symbol" in (module.__doc__ or ""), f"{path.name} opens with its glossary"
        for name, thing in vars(module).items():
            if inspect.isfunction(thing) and thing.__module__ == module.__name__ and not name.startswith("_"):
                assert "Taught in" in (thing.__doc__ or ""), f"{path.name}: {name}"


def test_every_public_function_is_tested():
    tests = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("*.py"))
    untested = [f"{m}.{n}" for m, n, _ in PUBLIC
                if not re.search(rf"\b{n.split('.')[-1]}\b", tests) and "tutorial_lib.course.exercises" not in m]
    assert not untested, "\n".join(untested)


def test_concepts_neither_print_nor_plot_nor_draw_from_hidden_randomness():
    for path in LIBRARY:
        text = path.read_text(encoding="utf-8")
        if layer(path) == 1:
            assert not re.search(r"\bprint\(|matplotlib|manual_seed|np\.random", text), path.name
        if path.name != "data.py":
            assert "np.load" not in text, f"{path.name}: data files are read in kit/data.py alone"


def test_no_text_calls_a_chapter_on_its_way_that_is_there():
    written = {p.name[:2] for p in SOURCES}
    for path in SOURCES:
        text = " ".join(re.sub(r"(?m)^# ?", "", path.read_text(encoding="utf-8")).split())
        promised = set(re.findall(r"(\d\d)[^.()]*(?:\(|, )on its way", text))
        assert not promised & written, f"{path.name}: {promised & written} can be linked to"


def test_nothing_of_a_machine_or_a_registry_stands_in_the_project():
    hosts = "|".join(["py" + "pi.org", "files.python" + "hosted", "registry.npm" + "js", "/root" + "/", "/home" + "/",
                      "/work" + "/"])
    for path in [*LIBRARY, *SOURCES, *ROOT.glob("*.*"), ROOT / "Makefile", *(ROOT / "data").glob("*.*")]:
        read = path.suffix in (".py", ".md", ".toml", ".yml", ".txt", ".cff", "")
        if path.is_file() and read and path != Path(tool.__file__):
            found = re.search(hosts, path.read_text(encoding="utf-8"))
            assert not found, f"{path.relative_to(ROOT)}: {found.group()}"
