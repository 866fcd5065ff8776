"""For a room: timetables, teacher pages, slides, printed chapters, the flag that keeps solutions back."""

import re

import pytest

from tutorial_lib import cli, course
from tutorial_lib.cli import assignment as assignment_command
from tutorial_lib.cli import handout, solutions
from tutorial_lib.cli import slides as slides_command
from tutorial_lib.cli import teach as teach_command
from tutorial_lib.course import chapters, sections
from tutorial_lib.kit import check, settings
from tutorial_lib.teach import pages, plan, teacher

CHAPTERS = [c for c in chapters.all_chapters() if c != "00"]
each = pytest.mark.parametrize("chapter", CHAPTERS)

# ---------------------------------------------------------------- minutes


@each
@pytest.mark.parametrize("total", plan.TOTALS)
def test_a_timetable_fills_its_time_and_keeps_what_matters(chapter, total):
    table = plan.timetable(chapter, total)
    assert isinstance(table, plan.Timetable)
    begins = [s.begins for s in table.slots]
    end = table.slots[-1].begins + table.slots[-1].minutes
    assert begins == sorted(begins) and [s.section for s in table.slots] == list(sections.of(chapter))
    assert end + table.spare + plan.DISCUSSION[total] + plan.BREAK[total] == pytest.approx(total, abs=0.01)
    modes = {name: mode for s in table.slots for name, mode in s.exercises.items()}
    assert set(modes) == {e.name for e in course.all_exercises().values() if e.chapter == chapter}
    assert set(modes.values()) <= set(plan.MODES)
    first = next((n for n in modes if course.exercise(n).core), None)
    skipped = {n for s in table.slots if s.skipped for n in s.exercises}
    assert modes[first] == "do" or first in skipped, "the first core exercise is done in class"
    if total == 180:
        assert not skipped and set(modes.values()) == {"do"} and table.pace >= 0.8
    assert table.pace > 0.4, "too fast to follow: the chapter has to say more of what to skip when late"


def test_less_time_drops_stretch_exercises_first_then_what_the_chapter_names():
    """Chapter 11 says: skip the latent grid and section 7."""
    assert plan.late("11") == {7}
    dropped = {}
    for total in plan.TOTALS:
        table = plan.timetable("11", total)
        dropped[total] = {n for s in table.slots for n, m in s.exercises.items() if m == "home"}
    assert dropped[180] == set() and dropped[90] == dropped[60] == {"vae.latent_grid", "vae.traverse"}
    assert plan.late("16") == {6, 8} and plan.number(sections.of("11")[0]) is None
    with pytest.raises(ValueError, match="60, 90, 180"):
        plan.timetable("11", 45)


def test_a_slot_costs_what_its_section_holds():
    section = sections.Section("1 · A", 1, words=300, code=2, explorers=1, ask=["a", "b"], claim=["c"])
    slot = plan.Slot(section, {"vae.traverse": "do"})
    assert slot.telling() == pytest.approx(2 + 0.6 + 3 + 3 + 1) and slot.doing() == 6
    slot.exercises["vae.traverse"] = "show"
    assert slot.doing() == plan.SHOWN and plan.cost([slot]) == slot.telling() + slot.doing()
    assert "show (you fill it in)" in teacher.what_happens(slot)
    assert "explorer" in teacher.what_happens(slot)
    slot.skipped = True
    assert teacher.what_happens(slot).startswith("skipped; for home")
    assert slot.telling() == 0 and len(list(plan.reductions("11", [slot]))) == 1


@pytest.mark.parametrize("part", chapters.PART_TITLES)
@pytest.mark.parametrize("length", plan.LENGTHS)
def test_a_workshop_follows_the_spine_and_ends_in_time(part, length):
    items, left = plan.workshop(part, length)
    spine = [c.id for c in chapters.all_chapters().values() if c.id[0] == part and c.track == "core"]
    assert [i.chapter for i in items if i.chapter] + left == spine and items[0].chapter == spine[0]
    for before, after in zip(items[:-1], items[1:], strict=True):
        assert isinstance(before, plan.Item) and before.begins + before.minutes == after.begins
    assert items[-1].begins + items[-1].minutes <= plan.LENGTHS[length][0]
    page = teacher.workshop_page(part)
    assert all(chapters.chapter(i.chapter).path.stem + "_teacher.html" in page for i in items if i.chapter)
    with pytest.raises(KeyError, match="there is no part"):
        plan.workshop("9")
    with pytest.raises(ValueError, match="half day"):
        plan.workshop(part, "week")
    assert plan.laid_out(part, 10, 60, False) == ([], spine)


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize("chapter", ["11", "21"])
def test_a_teachers_page_holds_everything_a_class_needs(chapter):
    page = teacher.teacher_page(chapter)
    plain = re.sub(r"<[^>]+>", "", page).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    for e in course.all_exercises().values():
        if e.chapter == chapter:
            assert all(sentence.replace("`", "") in plain for sentence in e.mistakes), e.name
    c = chapters.chapter(chapter)
    assert c.discuss in plain and c.when_late in plain and all(f"In {t} minutes" in plain for t in plan.TOTALS)
    assert '<img alt="' in page and "In [1]" in page and "of 5 runs" in page
    assert pages.fetches(page) == [] and "@media print" in page
    assert teacher.board_picture(chapter) in page and teacher.board_picture("00").startswith("<img")
    assert teacher.clock(95.4) == "1:35" and "min" in teacher.title_of("vae.traverse")


def test_pictures_carry_their_descriptions_and_formulas_need_no_script():
    page = pages.printable("12")
    pictures = re.findall(r"<img [^>]*>", page)
    assert len(pictures) > 5 and all(re.search(r'alt="[^"]{30,}"', p) for p in pictures)
    assert page.count("<math") > 50 and "$$" not in page and pages.fetches(page) == []
    assert "11_what_a_vae_is.html" in page and "<!DOCTYPE html>" in page


@each
def test_every_formula_of_a_chapter_becomes_mathml(chapter):
    for kind, text in chapters.cells(chapters.NOTEBOOKS / chapters.chapter(chapter).path):
        if kind == "markdown":
            shown = pages.with_formulas(text)
            assert "$" not in re.sub(r"`[^`]*`|<annotation.*?</annotation>|\\\$", "", shown, flags=re.S)


def test_formulas_links_and_pieces():
    assert "<mi>x</mi>" in pages.with_formulas("a $x$ b") and "`$x$`" in pages.with_formulas("a `$x$` b")
    assert 'display="block"' in pages.with_formulas("$$x_1$$") and "_" not in pages.with_formulas("$x_1$")
    assert "<mi>N</mi>" in pages.with_formulas(r"$$x \text{ ($N$ points)}$$")
    assert r"\text" not in pages.mathml(r"\text{a}")
    with pytest.raises(ValueError, match="cannot be converted"):
        pages.mathml(r"\nosuchcommand x")
    assert pages.with_links("[a](../x/31_neural_tangent_kernel.ipynb)") == "[a](31_neural_tangent_kernel.html)"
    assert pages.fetches('<script src="https://x/y.js"></script><img src="data:image/png;base64,x">') == ["https://x/y.js"]
    assert pages.picture({"data": {"text/plain": "x"}}) == {"data": {"text/plain": "x"}}
    assert "@page" in pages.style("print")


def test_slides_begin_at_headings_and_keep_every_picture():
    notebook = pages.as_slides(pages.opened(chapters.NOTEBOOKS / chapters.chapter("11").notebook))
    headings = [c for c in notebook.cells if c.cell_type == "markdown" and c.source.startswith("## ")]
    assert all(c.metadata["slideshow"]["slide_type"] == "slide" for c in headings)
    shown = [c for c in notebook.cells if c.cell_type == "code" and pages.draws(c)]
    assert len(shown) >= 5 and any(c.source == "" for c in shown) and any(c.source for c in shown)
    page = pages.slides("11")
    assert page.count("<section") > 40 and "Reveal.initialize" in page and pages.fetches(page) == []
    assert len(re.findall(r"<img ", page)) == sum("image/png" in o.get("data", {}) for c in pages.nbformat.read(
        chapters.NOTEBOOKS / chapters.chapter("11").notebook, 4).cells for o in c.get("outputs", []))


# ---------------------------------------------------------------- commands


def test_the_commands_write_their_files_and_know_their_chapters(tmp_path, capsys):
    assert teach_command.main(["11", "--to", str(tmp_path)]) == 0
    assert (tmp_path / "11_what_a_vae_is_teacher.html").exists() and not (tmp_path / "index.html").exists()
    assert slides_command.main(["10", "--to", str(tmp_path / "s")]) == 0
    assert handout.main(["10", "--to", str(tmp_path / "p")]) == 0
    assert all((tmp_path / kind / "10_gaussians_and_kl.html").exists() for kind in "sp")
    for command in (teach_command, slides_command, handout, assignment_command):
        with pytest.raises(cli.Stop, match="There is no chapter 99; there are 00, 10"):
            command.main(["99"])
    assert [c.id for c in teach_command.wanted([])] == CHAPTERS
    assert "wrote" in capsys.readouterr().out


def test_all_teacher_pages_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(teacher, "teacher_page", lambda chapter: chapter)
    assert teach_command.main(["--to", str(tmp_path)]) == 0
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    for file in re.findall(r'href="([^"]+)"', index):
        assert (tmp_path / file).exists()
    assert index.count("<li>") == len(CHAPTERS) + len(chapters.PART_TITLES)
    assert teach_command.put(tmp_path, "x.html", "x").read_text() == "x"


# ---------------------------------------------------------------- solutions


def test_a_teacher_releases_solutions_in_the_middle_of_a_class(learner, tmp_path, monkeypatch, shown, capsys):
    """One learner, one kernel: the same check cell before and after the flag is flipped."""
    share = tmp_path / "share"
    share.mkdir()
    monkeypatch.setenv("TUTORIAL_CLASS", str(share))
    exercise = course.all_exercises()["vae.kl_standard_normal"]
    wrong = next(iter(exercise.mistakes.values()))
    solution = exercise.solution_source.splitlines()[-1].strip()

    def tried():
        check.hand_in(exercise, wrong)
        return shown[-1].html

    assert solutions.main(["hide"]) == 0 and settings.solutions_withheld("11")
    assert "shown later: run this cell again" in tried() and "One solution" not in shown[-1].html
    assert solutions.main(["show"]) == 0 and not settings.solutions_withheld("11")
    assert "One solution" in tried() and solution.split("(")[0] in shown[-1].html

    solutions.main(["hide", "12", "11"])
    assert settings.solutions_withheld("11") and not settings.solutions_withheld("21") and "One solution" not in tried()
    solutions.main(["show", "11"])
    assert "One solution" in tried() and settings.solutions_withheld("12")
    solutions.main(["show", "12"])
    assert not (share / settings.FLAG).exists()
    assert solutions.main([]) == 0 and "shown after a first attempt" in capsys.readouterr().out
    assert share in settings.flag_folders()


def test_odd_flags_are_understood(learner, tmp_path, capsys):
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / settings.FLAG).write_bytes(b"\xff\xfe")
    solutions_said = cli.main(["solutions", "status", "--to", str(folder / "nowhere")])
    assert solutions_said == 2 and "There is no folder" in capsys.readouterr().err
    assert cli.main(["solutions", "hide", "eleven"]) == 2 and "two digits" in capsys.readouterr().err
    (folder / settings.FLAG).write_text("")
    with pytest.raises(cli.Stop, match="first `solutions show`"):
        solutions.main(["show", "11", "--to", str(folder)])
