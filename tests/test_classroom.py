"""The class view: exports without names, thirty simulated learners, damaged and foreign files."""

import json
import random
from collections import Counter

import pytest

import tutorial_lib
from tutorial_lib import course
from tutorial_lib.course import sections
from tutorial_lib.kit import check, progress, store
from tutorial_lib.teach import classroom

CHAPTER = "12"
WORK = next(w for w in course.table_of_work() if w.chapter == CHAPTER)


def export_of(learner="aaaa0000", exercises=None, answers=None, moments=()):
    return {"course": progress.COURSE, "version": 1, "learner": learner, "exercises": exercises or {},
            "answers": answers or {}, "moments": list(moments)}


def put(folder, name, record):
    (folder / name).write_text(json.dumps(record), encoding="utf-8")


@pytest.fixture
def shared(tmp_path):
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


def be(monkeypatch, tmp_path, i):
    """Become learner i: a home of their own."""
    home = tmp_path / f"home{i}"
    home.mkdir()
    monkeypatch.setenv("TUTORIAL_MODE", "learn")
    monkeypatch.setenv("TUTORIAL_HOME", str(home))
    check._handed_back.clear()


def study(rng, clock):
    """A class hour of one simulated learner: guesses, wrong answers that are known, some passes."""
    made = {name: Counter() for name in WORK.exercises}
    for section in sections.of(CHAPTER):
        for name in section.ask:
            question = course.question(name)
            for tries in range(rng.choice((1, 2))):
                given = rng.choice(question.choices).text if question.choices else question.number * (1 + tries)
                store.note_answer(name, given, question.reply(given)[0])
                clock[0] += 60
        for name in section.check:
            exercise = course.exercise(name)
            for sentence in rng.sample(sorted(exercise.mistakes), rng.choice((0, 1, 2))):
                store.note_attempt(name, "wrong value", sentence)
                made[name][sentence] += 1
                clock[0] += 120
            if rng.random() < 0.8:
                store.note_attempt(name, "passed", None)
                clock[0] += 120
    return made


def test_thirty_learners_with_damaged_and_foreign_files_among_them(shared, tmp_path, monkeypatch, shown):
    rng, clock, made = random.Random(0), [1_000_000], {name: Counter() for name in WORK.exercises}
    monkeypatch.setattr(store.time, "time", lambda: clock[0])
    for i in range(30):
        be(monkeypatch, tmp_path, i)
        store.note_start(CHAPTER)
        clock[0] += 180
        for name, counted in study(rng, clock).items():
            made[name] += counted
        tutorial_lib.progress(export=shared, name="Ada" if i == 0 else "")
    exports = sorted(shared.glob("progress-*.json"))
    assert len(exports) == 30 and sum("Ada" in f.read_text() for f in exports) == 1
    assert not any("home" in f.read_text() for f in exports), "no path of a learner leaves the machine"

    (shared / "notes.txt").write_text("milk, eggs")
    (shared / "half.json").write_text(exports[3].read_text()[:200])
    put(shared, "foreign.json", {"course": "another", "version": 1})
    put(shared, "list.json", [1, 2])
    put(shared, "old.json", {**export_of(), "version": 99})
    put(shared, "broken.json", export_of(exercises={"linear_gaussian.elbo": {"attempts": "three", "passed": 1,
                                                                             "mistakes": {}}}))
    (shared / "picture.json").write_bytes(bytes(range(256)))
    learners, skipped = classroom.read_class(shared)
    assert len(learners) == 30
    assert {f: why for f, why in skipped}.keys() == {"notes.txt", "half.json", "foreign.json", "list.json", "old.json",
                                                     "broken.json", "picture.json"}
    for name in WORK.exercises:
        t = classroom.tally(course.exercise(name), learners)
        assert t.passed <= t.tried <= 30 and len(t.mistakes) <= 3
        assert dict(t.mistakes).items() <= made[name].items()
        assert [n for _, n in t.mistakes] == [n for _, n in made[name].most_common(3)]

    shown.clear()
    tutorial_lib.class_report(shared)
    said = shown[0].text
    assert said.startswith("30 learners, 7 files skipped") and "skipped half.json: damaged" in said
    for name in WORK.exercises:
        most = max(made[name].values())
        assert any(f"{n} × {sentence}" in said for sentence, n in made[name].items() if n == most)
    assert classroom.tally(course.exercise(name), learners) == classroom.tally(course.exercise(name), learners[::-1])
    assert "right at first" in said and "minutes in the median of 30" in said and "7 files skipped" in shown[0].html


def test_what_a_learner_does_in_a_chapter_is_what_the_class_sees(shared, learner, shown):
    """Through the real check: a known mistake, then the right answer."""
    exercise = course.all_exercises()["linear_gaussian.elbo"]
    sentence, wrong = next(iter(exercise.mistakes.items()))
    check.hand_in(exercise, wrong)
    check.hand_in(exercise, lambda *args: exercise.reference(*args))
    progress.export(shared)
    (one,), skipped = classroom.read_class(shared)
    t = classroom.tally(exercise, [one])
    assert (t.tried, t.passed, t.attempts, t.mistakes) == (1, 1, 2, ((sentence, 1),)) and not skipped
    assert classroom.chapters_touched([one]) == [CHAPTER] and "name" not in one


def test_minutes_belong_to_the_section_of_the_later_moment_and_breaks_do_not_count():
    first, second = [s for s in sections.of(CHAPTER) if s.ask][:2]
    i, j = (sections.of(CHAPTER).index(s) for s in (first, second))
    moments = [[0, "start", CHAPTER], [120, "ask", first.ask[0]], [420, "ask", second.ask[0]],
               [4000, "ask", second.ask[0]], [4060, "start", "11"], [4100, "ask", second.ask[0]]]
    spent = classroom.minutes({"moments": moments}, CHAPTER)
    assert spent == {i: 2.0, j: 5.0}
    rows = classroom.section_minutes(CHAPTER, [{"moments": moments}, {"moments": []}])
    assert rows == [(first.title, 2.0, 1), (second.title, 5.0, 1)]


def test_of_two_copies_by_one_learner_the_fuller_counts_wherever_they_lie(shared):
    (shared / "monday").mkdir()
    put(shared, "a.json", export_of(answers={"q": {"first": 1, "first_right": False, "latest_right": True}}))
    put(shared / "monday", "b.json", export_of())
    (one,), skipped = classroom.read_class(shared)
    assert one["answers"] and not skipped
    assert classroom.predictions("q", [one]) == (1, 0, 1)


def test_exports_are_written_whole_and_never_over_another_file(learner, shared, shown):
    file = progress.export(shared)
    assert progress.export(shared) == file, "the same learner, the same file"
    assert progress.is_export(json.loads(file.read_text())) and "without a name" in shown[-1].text
    (learner / "thesis.json").write_text('{"title": "mine"}')
    with pytest.raises(FileExistsError, match="left as it is"):
        tutorial_lib.progress(export=learner / "thesis.json")
    assert "mine" in (learner / "thesis.json").read_text()
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        tutorial_lib.progress(export=learner / "nowhere" / "x.json")
    assert progress.export(learner / "my.json", name="Ada").read_text().count("Ada") == 1


def test_bad_input_is_answered(shared, shown):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        tutorial_lib.class_report(shared / "nowhere")
    with pytest.raises(KeyError, match="there is no chapter"):
        tutorial_lib.class_report(shared, "99")
    tutorial_lib.class_report(shared)
    assert "progress(export=folder)" in shown[0].text and "progress(export=folder)" in shown[0].html
    assert not progress.is_export({"course": "x"}) and classroom.read_file(shared / "none.json")[0] is None
    assert classroom.short("a " * 100).endswith("…") and classroom.chapter_lines(CHAPTER, [])
    with pytest.raises(KeyError):
        classroom.show_report(shared, "98")
    t = classroom.Tally(course.exercise("vae.traverse"), 3, 2, 1.5, ())
    assert t.exercise.chapter == "11" and classroom.fullness(export_of()) == (0, 0)
    assert not classroom.whole({"moments": 3})


def test_sections_follow_the_chapter():
    found = sections.of("11")
    assert found[0].title == "Opening" and found[0].first == 1 and len(found[0].ask) == 2
    names = [n for s in found for n in s.check]
    assert set(names) == set(next(w for w in course.table_of_work() if w.chapter == "11").exercises)
    assert all(s.first <= s.last for s in found) and sum(s.explorers for s in found) >= 1
    text = "intro\n## One\na $x + y$ b\n## Two\nc"
    assert [h for h, _ in sections.pieces(text)] == ["", "One", "Two"]
