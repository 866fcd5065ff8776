"""The course as a whole: the public lists, the map, the face."""

import subprocess
import sys

import pytest

import tutorial_lib
from tutorial_lib import course
from tutorial_lib.course import chapters
from tutorial_lib.kit.settings import ROOT


def test_public_lists():
    exercises, claims = course.all_exercises(), course.all_claims()
    assert exercises["vae.kl_standard_normal"].chapter == "11" and claims["jordan.holes"].paper == "jordan-vae"
    assert all(name == e.name for name, e in exercises.items()) and all(i == c.id for i, c in claims.items())
    assert set(course.papers()) >= {"jordan-vae"}
    work = {w.chapter: w for w in course.table_of_work()}
    assert "vae.kl_standard_normal" in work["11"].exercises and "jordan.holes" in work["11"].questions
    with pytest.raises(KeyError, match="no question"):
        course.question("nothing")
    with pytest.raises(KeyError, match="no claim"):
        course.claim("nothing")


def test_the_map_holds_every_chapter_once_and_needs_come_before():
    whole = chapters.whole_map()
    assert list(whole) == sorted(whole) and set(chapters.all_chapters()) <= set(whole)
    assert not set(chapters.PLANNED) & set(chapters.all_chapters()), "a chapter that is here is planned no more"
    for c in whole.values():
        for need in c.needs:
            assert need in whole and c.id not in whole[need].needs
        assert c.track in chapters.TRACKS
    # the spine reads well alone: no spine chapter leans on one beside it
    for c in whole.values():
        if c.track == "core":
            assert all(whole[n].track == "core" for n in c.needs), c.id
    spots = chapters.places()
    assert len(set(spots.values())) == len(spots) == len(whole) - 1


def test_front_matter_errors_name_the_file(tmp_path):
    path = tmp_path / "12_x.py"
    path.write_text("# %%\nx = 1\n")
    with pytest.raises(ValueError, match="12_x.py: no `course:`"):
        chapters.front_matter(path)
    path.write_text("# ---\n# jupyter:\n#   course:\n#     id: '12'\n# ---\n")
    with pytest.raises(ValueError, match="12_x.py: the front matter lacks"):
        chapters.read_chapter(path)
    with pytest.raises(KeyError, match="no chapter '99'"):
        chapters.chapter("99")


def test_the_opening_card_links_what_the_chapter_leans_on():
    text, markup = chapters.opening_card(chapters.chapter("11"))
    assert "Leans on: 10 Gaussians and KL" in text and "Jeremy Jordan (2018)" in markup
    assert 'href="../1_latent_variables/10_gaussians_and_kl.ipynb"' in markup or "10 Gaussians" in markup


def test_stub_source_is_the_notebooks_own():
    exercise = course.exercise("vae.reconstruction_nats")
    assert "reduction=..." in chapters.stub_source(exercise)
    assert chapters.stub_of(exercise).__name__ == "reconstruction_nats"


def test_the_face_is_small_lazy_and_whole(capsys, monkeypatch):
    """Importing the library loads nothing heavy; every word of __all__ is there; a wrong word is answered."""
    code = ("import tutorial_lib, sys; "
            "print([m for m in ('torch', 'matplotlib', 'numpy', 'IPython') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert all(callable(getattr(tutorial_lib, w)) or w == "plot" for w in tutorial_lib.__all__)
    assert set(tutorial_lib.__all__) <= set(dir(tutorial_lib))
    with pytest.raises(AttributeError, match="it offers"):
        _ = tutorial_lib.nonsense


def test_the_words_of_a_notebook_work_outside_one(capsys):
    """start, ask, check, claim, progress and the map in plain Python: text instead of cards."""
    lab = tutorial_lib.start("11")
    assert lab.chapter == "11" and lab.seed == 0
    tutorial_lib.ask("vae.random_code")
    tutorial_lib.progress()
    tutorial_lib.course_map()
    chapters.show_map()
    stub = course.all_exercises()["vae.traverse"].stub
    assert tutorial_lib.check("vae.traverse", stub) is course.exercise("vae.traverse").reference
    tutorial_lib.claim("jordan.both", variance=1.7, reconstruction_gap=5.0)
    said = capsys.readouterr().out
    for words in ("Chapter 11: What a VAE is", "(a) Digits", "exercises passed", "Map of the course", "not started",
                  "claim jordan.both: holds"):
        assert words in said
    with pytest.raises(TypeError, match="decided by variance, reconstruction_gap"):
        tutorial_lib.claim("jordan.both", variance=1.7)
