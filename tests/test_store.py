"""store: a record that survives damage, full disks and crashes, and is written in learn mode alone."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.kit import store


def test_an_attempt_and_an_answer_are_kept_between_sessions(learner):
    store.note_attempt("vae.kl", "wrong value", "the half")
    store.note_attempt("vae.kl", "wrong value", "the half")
    store.note_answer("q", "sand ≠ water", False)
    store.note_answer("q", 3.5, True)
    record = json.loads(store.path().read_text(encoding="utf-8"))
    assert store.path() == learner / "progress.json" and record == store.read()
    assert record["exercises"]["vae.kl"] == {"attempts": 2, "passed": False, "mistakes": {"the half": 2}}
    assert record["answers"]["q"] == {"first": "sand ≠ water", "first_right": False, "latest": 3.5,
                                      "latest_right": True}


def test_an_exercise_that_was_not_started_leaves_no_trace(learner):
    assert store.note_attempt("vae.kl", "not started", None)["attempts"] == 0
    assert list(learner.iterdir()) == []


@given(st.lists(st.sampled_from(["not started", "error", "wrong value", "passed"]), max_size=8))
def test_attempts_are_those_up_to_and_with_the_first_pass(statuses):
    """Property, in memory: not-started does not count, nothing after the first pass does."""
    store._in_memory.clear()
    for status in statuses:
        entry = store.note_attempt("e", status, None)
    real = [s for s in statuses if s != "not started"]
    wanted = real.index("passed") + 1 if "passed" in real else len(real)
    if statuses:
        assert entry["attempts"] == wanted and entry["passed"] == ("passed" in real)


@pytest.mark.parametrize("content", [b"{ half a reco", b"\xff\xfe", b"[]", b'{"exercises": []}', b"",
                                     b'{"exercises": {"e": 1}, "answers": {}}',
                                     b'{"exercises": {}, "answers": {"q": {}}}'])
def test_a_damaged_file_is_put_aside_and_work_goes_on(content, learner):
    store.path().write_bytes(content)
    assert store.read() == store.empty()
    assert (learner / "progress.damaged.json").read_bytes() == content
    store.note_attempt("e", "passed", None)
    assert store.read()["exercises"]["e"]["passed"]


def test_the_first_damaged_file_is_the_one_kept(learner):
    for content in ("first", "second"):
        store.path().write_text(content)
        store.note_answer("q", "a", True)
    assert (learner / "progress.damaged.json").read_text() == "first"
    assert store.read()["answers"]["q"]["latest"] == "a"


def test_a_folder_that_cannot_be_written_costs_the_record_only(learner, monkeypatch):
    (learner / "file").write_text("in the way")
    monkeypatch.setenv("TUTORIAL_HOME", str(learner / "file"))
    store.note_answer("q", "a", True)
    assert store.note_attempt("e", "passed", None)["passed"] is False and store.read() == store.empty()


def test_a_damaged_file_that_cannot_be_moved_does_not_raise(learner, monkeypatch):
    store.path().write_text("damaged")

    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "replace", refuse)
    assert store.read() == store.empty()
    store.note_answer("q", "a", True)
    assert [p.name for p in learner.iterdir()] == ["progress.json"] and store.path().read_text() == "damaged"


def test_a_crash_while_writing_leaves_the_old_record_whole(learner, monkeypatch):
    store.note_answer("q", "a", True)
    before = store.path().read_bytes()

    def crash(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", crash)
    store.note_answer("q", "b", False)
    assert store.path().read_bytes() == before and [p.name for p in learner.iterdir()] == ["progress.json"]


@pytest.mark.parametrize("mode", ["test", "notebooks"])
def test_other_modes_remember_without_a_file(mode, learner, monkeypatch):
    store.note_answer("q", "a", True)
    monkeypatch.setenv("TUTORIAL_MODE", mode)
    assert store.read() == store.empty()
    store.note_answer("r", "b", True)
    assert list(store.read()["answers"]) == ["r"] and '"r"' not in store.path().read_text()


def test_moments_are_kept_and_an_id_is_drawn_once(learner, monkeypatch):
    monkeypatch.setattr(store, "MOMENTS", 3)
    monkeypatch.setattr(store.time, "time", lambda: 1000.7)
    store.note_start("11")
    store.note_attempt("e", "not started", None)
    store.note_attempt("e", "passed", None)
    store.note_answer("q", "a", True)
    assert store.read()["moments"] == [[1000, "start", "11"], [1000, "check", "e"], [1000, "ask", "q"]]
    store.note_start("12")
    assert len(store.read()["moments"]) == 3 and store.read()["moments"][-1][2] == "12"
    first = store.learner_id()
    assert len(first) == 8 and store.learner_id() == first == store.read()["id"]
    assert store.usable(store.read()) and not store.usable({"exercises": {"e": {}}, "answers": {}})


def test_a_record_of_an_older_edition_goes_on(learner):
    store.path().parent.mkdir(parents=True, exist_ok=True)
    store.path().write_text('{"version": 1, "exercises": {}, "answers": {}}')
    store.note_start("11")
    assert [m[1:] for m in store.read()["moments"]] == [["start", "11"]]
