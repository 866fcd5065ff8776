"""The learner's record: a small JSON of attempts and answers, on this machine only, never lost to a crash.

    exercises   name -> attempts until passed, passed, known mistakes with how often each was made
    answers     name -> first and latest answer, whether each was right
    moments     [seconds since 1970, "start" | "check" | "ask", name], for how long sections take; the latest 3,000
    id          eight random signs, drawn when a copy is exported for a class; no name is ever stored
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tutorial_lib.kit import settings

Record = dict[str, Any]
_in_memory: Record = {}  # used while chapters are executed as tests or for the web
MOMENTS = 3000  # so many moments are kept, about 100 kB


def empty() -> Record:
    """A record with nothing in it."""
    return {"version": 1, "exercises": {}, "answers": {}}


def path() -> Path:
    """Where the record lies."""
    return settings.home() / "progress.json"


def usable(record: object) -> bool:
    """True for a record whose entries are whole."""
    entries = {"exercises": {"attempts", "passed", "mistakes"}, "answers": {"first"}}
    return isinstance(record, dict) and all(
        isinstance(record.get(k), dict) and all(isinstance(e, dict) and e.keys() >= keys for e in record[k].values())
        for k, keys in entries.items())


def read() -> Record:
    """The record as it stands.  A damaged file is put aside as progress.damaged.json, not deleted."""
    if settings.mode() != "learn":
        return _in_memory or empty()
    file = path()
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if usable(record):
            return record
    except FileNotFoundError:
        return empty()
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        pass
    aside = file.with_name("progress.damaged.json")
    with suppress(OSError):
        if file.is_file() and not aside.exists():  # the first damaged file is the one worth keeping
            os.replace(file, aside)
    return empty()


def change(edit: Callable[[Record], None]) -> None:
    """Read, edit, write: whole or not at all.  A folder that cannot be written costs the record, not the lesson."""
    record = read()
    edit(record)
    if settings.mode() != "learn":
        _in_memory.update(record)
        return
    file = path()
    fresh = file.with_name(f".progress.{os.getpid()}.json")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(fresh, file)
    except OSError:
        with suppress(OSError):
            fresh.unlink()


def _moment(record: Record, kind: str, name: str) -> None:
    moments = record.get("moments")
    if not isinstance(moments, list):  # a record of an older edition
        moments = []
    record["moments"] = [*moments, [int(time.time()), kind, name]][-MOMENTS:]


def note_start(chapter: str) -> None:
    """Note that a chapter was begun, now."""
    change(lambda record: _moment(record, "start", chapter))


def learner_id() -> str:
    """Eight signs drawn once for this record, so that two exports of one learner can be told from two learners."""
    if not isinstance(read().get("id"), str):
        change(lambda record: record.update(id=uuid.uuid4().hex[:8]))
    return read()["id"]


def note_attempt(exercise: str, status: str, mistake: str | None) -> Record:
    """Count one attempt at `exercise` (unless it was not started) and return its entry."""
    if status != "not started":
        def edit(record: Record) -> None:
            entry = record["exercises"].setdefault(exercise, {"attempts": 0, "passed": False, "mistakes": {}})
            entry["attempts"] += not entry["passed"]
            entry["passed"] = entry["passed"] or status == "passed"
            if mistake:
                entry["mistakes"][mistake] = entry["mistakes"].get(mistake, 0) + 1
            _moment(record, "check", exercise)

        change(edit)
    return read()["exercises"].get(exercise, {"attempts": 0, "passed": False, "mistakes": {}})


def note_answer(question: str, choice: str | float, right: bool) -> None:
    """Store an answer; the first one is kept beside the latest."""
    def edit(record: Record) -> None:
        entry = record["answers"].setdefault(question, {"first": choice, "first_right": right})
        entry.update(latest=choice, latest_right=right)
        _moment(record, "ask", question)

    change(edit)
