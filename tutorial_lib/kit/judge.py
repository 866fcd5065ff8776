"""Judge an answer to an exercise: run it beside the reference and say the most useful thing known.

An exercise is judged by **observations**: an `observe` function turns a candidate and one case into named
tensors (a value, a gradient, the mean of many draws, the output of a small module).  The attempt, the
reference and every known mistake are observed on the same inputs; an attempt that misses the reference but
agrees with a mistake is answered with that mistake's sentence.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from tutorial_lib.kit.compare import first_difference
from tutorial_lib.kit.observe import Case, Observe, Outcome, run

STATUSES = ("not started", "error", "wrong shape", "wrong value", "passed")
SLOW_RATIO, SLOW_SECONDS = 20.0, 0.02  # slower than both: the chapter goes on with the reference


@dataclass(frozen=True)
class Verdict:
    """What is said of an attempt: `status` (one of STATUSES), `message`, and the known mistake it matched."""

    status: str
    message: str
    mistake: str | None = None
    ratio: float | None = None  # seconds of the attempt over seconds of the reference, when it is slow

    @property
    def passed(self) -> bool:
        """True for a right answer, slow or not."""
        return self.status == "passed"


@dataclass(frozen=True)
class Exercise:
    """An exercise: where it stands, how it is judged, what is known of wrong answers.

    `cases` builds the inputs anew at each call (so that no attempt can spoil them for the next); they must
    tell the mistakes apart.  `gradient` names the arguments whose gradient is compared as well.
    `alternatives` are right in another way; `mistakes` map a sentence to the function it describes.
    """

    name: str
    chapter: str
    title: str
    reference: Callable[..., Any]
    cases: Callable[[], Sequence[Case]]
    mistakes: Mapping[str, Callable[..., Any]]
    alternatives: tuple[Callable[..., Any], ...] = ()
    hints: tuple[str, ...] = ()
    minutes: int = 5
    core: bool = True
    gradient: tuple[str, ...] = ()
    observe: Observe | None = None
    workload: Callable[[], Case] | None = None  # an input as large as the chapter's, for measuring speed
    rtol: float = 1e-4
    atol: float = 1e-5
    solution: str | None = None  # the reference's source unless something plainer is given
    stub: Callable[..., Any] | None = None  # filled from the notebook by course.all_exercises()

    @property
    def function_name(self) -> str:
        """What the learner's function is called."""
        return self.name.split(".")[-1]

    @property
    def solution_source(self) -> str:
        """The text shown as the solution."""
        return textwrap.dedent(self.solution or inspect.getsource(self.reference)).strip()

    @cached_property
    def wanted(self) -> list[Outcome]:
        """What the reference does on each case; observed once, as the cases are the same every time."""
        return observe_all(self, self.reference)

    @cached_property
    def _mistaken(self) -> dict[str, list[Outcome]]:
        return {}

    def mistaken(self, sentence: str) -> list[Outcome]:
        """What the known mistake of that sentence does on each case; observed when it is first compared with."""
        if sentence not in self._mistaken:
            self._mistaken[sentence] = observe_all(self, self.mistakes[sentence])
        return self._mistaken[sentence]

    def judge(self, attempt: object) -> Verdict:
        """The verdict on `attempt`; never raises for what the attempt does."""
        return judge(self, attempt)


def parsed(function: Callable[..., Any]) -> tuple[ast.Module, list[str]] | None:
    """The function's syntax tree and its lines; None where the source is not to be had (a builtin, a partial)."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
        return ast.parse(source), source.splitlines()
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None


def returns_something(function: Callable[..., Any]) -> bool:
    """True when a `return` with a value stands in the source."""
    found = parsed(function)
    return found is not None and any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(found[0]))


def open_blanks(function: Callable[..., Any]) -> list[str]:
    """The lines of `function` that still hold a `...` to fill in.

    `x[..., 0]` is an index, not a blank; a bare `...` left standing beside an answer is forgiven.
    """
    if (found := parsed(function)) is None:
        return []
    tree, lines = found
    spared = {id(leaf) for node in ast.walk(tree) if isinstance(node, ast.Subscript)
              for leaf in ast.walk(node.slice)}
    if returns_something(function):
        spared |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    at = sorted({node.lineno for node in ast.walk(tree)
                 if isinstance(node, ast.Constant) and node.value is Ellipsis and id(node) not in spared})
    return [lines[n - 1].split("#")[0].strip() for n in at]


def wrong_signature(exercise: Exercise, attempt: Callable[..., Any]) -> str | None:
    """A sentence when `attempt` cannot be called as the reference is."""
    wanted = list(inspect.signature(exercise.reference).parameters)
    if exercise.observe is None:  # called with the case's own arguments
        wanted = wanted[: len(exercise.cases()[0].args)]
    try:
        signature = inspect.signature(attempt)
    except (TypeError, ValueError):  # a builtin without a signature: calling it will tell
        return None
    try:
        signature.bind(*wanted)
    except TypeError:
        return f"it is called with ({', '.join(wanted)}), but yours takes {signature}."
    return None


def observe_all(exercise: Exercise, candidate: Callable[..., Any]) -> list[Outcome]:
    """One outcome per case, on inputs built anew."""
    return [run(exercise, candidate, case) for case in exercise.cases()]


def matched_mistake(exercise: Exercise, outcomes: list[Outcome]) -> str | None:
    """The sentence of the first known mistake that does the same on every case."""
    for sentence in exercise.mistakes:
        pairs = zip(outcomes, exercise.mistaken(sentence), strict=True)
        if all(mine.agrees(theirs, exercise.rtol, exercise.atol) for mine, theirs in pairs):
            return sentence
    return None


def slowness(exercise: Exercise, attempt: Callable[..., Any]) -> float | None:
    """How many times slower than the reference, when that would make the chapter crawl."""
    if exercise.workload is None:
        return None

    def seconds(candidate: Callable[..., Any]) -> float:
        with torch.random.fork_rng(devices=[]):
            case = exercise.workload()  # type: ignore[misc]
        begun = time.process_time()
        run(exercise, candidate, case)
        return time.process_time() - begun

    seconds(exercise.reference)  # warm up
    theirs = max(min(seconds(exercise.reference) for _ in range(3)), 1e-6)
    mine = seconds(attempt)
    return mine / theirs if mine > SLOW_SECONDS and mine / theirs > SLOW_RATIO else None


def judge(exercise: Exercise, attempt: object) -> Verdict:
    """The verdict on `attempt`; never raises for what the attempt does.

    Order: is it the library's own function, is it callable, are blanks open, can it be called, then each case.
    """
    if attempt is exercise.reference:
        return Verdict("not started", "this is the library's own function, not yours: define "
                       f"`{exercise.function_name}` in the cell above and run that cell, then this one.")
    if not callable(attempt):
        return Verdict("error", f"expected a function, got {type(attempt).__name__}.")
    if blanks := open_blanks(attempt):
        many = f"{len(blanks)} blanks are" if len(blanks) > 1 else "one blank is"
        return Verdict("not started", f"{many} still open: replace the `...` in `{blanks[0]}` and run both cells."
                       if blanks[0] != "..." else "replace the `...` with your code, run that cell, then this one.")
    if sentence := wrong_signature(exercise, attempt):
        return Verdict("error", sentence)
    outcomes = observe_all(exercise, attempt)
    if all(o.fault and "returns None" in o.fault[1] for o in outcomes) and not returns_something(attempt):
        return Verdict("not started", "it returns nothing yet: `return` your result.")
    said = [first_difference(o, w, c, exercise.rtol, exercise.atol)
            for o, w, c in zip(outcomes, exercise.wanted, exercise.cases(), strict=True)]
    first = next((s for s in said if s is not None), None)
    if first is None:
        return Verdict("passed", "right.", ratio=slowness(exercise, attempt))
    if (mistake := matched_mistake(exercise, outcomes)) is not None:
        return Verdict(first[0], mistake, mistake)
    right = sum(s is None for s in said)
    return Verdict(first[0], first[1] + (f" ({right} of {len(said)} inputs are right.)" if right else ""))
