"""Part 1: the questions of chapters 10 and 11."""

from __future__ import annotations

QUESTIONS = ()
