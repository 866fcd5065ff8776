"""`make evidence`: run chapters once per seed and keep what their claims measured.

Each run executes the notebook itself (TUTORIAL_SEED set), never stopping at a claim that does not hold, and is
written at once to build/evidence/NN/SEED.json, so that an interruption loses nothing that was done.  When all
seeds are there, tests/evidence/NN.json is written: values, CPU seconds, versions, and the fingerprint of the
chapter's code and of the concepts it imports, by which stale evidence is known.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat

from tutorial_lib.cli import Stop, notebooks
from tutorial_lib.course import all_claims, chapters
from tutorial_lib.kit import settings

EVIDENCE = settings.ROOT / "tests" / "evidence"
RUNS = settings.ROOT / "build" / "evidence"
LAST_CELL = """import json, os, time
with open(os.environ["TUTORIAL_CLAIMS"], "a") as file:
    file.write(json.dumps({"cpu_seconds": round(time.process_time(), 1)}) + "\\n")"""


def versions() -> dict[str, str]:
    """What the numbers may depend on."""
    return {"python": platform.python_version(), "torch": metadata.version("torch").split("+")[0],
            "numpy": metadata.version("numpy"), "machine": platform.machine()}


def run_seed(source: Path, seed: int, mark: str, runs: Path = RUNS) -> dict[str, Any]:
    """One execution with one seed, or what an earlier one with the same code left behind."""
    kept = runs / source.name.split("_")[0] / f"{seed}.json"
    if kept.exists():
        done = json.loads(kept.read_text(encoding="utf-8"))
        if done["fingerprint"] == mark:
            return done
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "claims.jsonl"
        env = {"TUTORIAL_SEED": str(seed), "TUTORIAL_CLAIMS": str(log), "OMP_NUM_THREADS": "1"}
        notebook = notebooks.read_source(source)
        notebook.cells.append(nbformat.v4.new_code_cell(LAST_CELL))
        notebooks.execute(notebook, source.parent, env)
        lines = log.read_text(encoding="utf-8").splitlines()
    *records, last = map(json.loads, lines)
    claims, seconds = {r["id"]: r["measured"] for r in records}, last["cpu_seconds"]
    done = {"seed": seed, "fingerprint": mark, "claims": claims, "cpu_seconds": seconds, "versions": versions()}
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh = kept.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(done), encoding="utf-8")
    os.replace(fresh, kept)  # whole or not at all
    return done


def gather(chapter: str, mark: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The evidence of a chapter from its runs: for each claim the values by seed, and in how many it held."""
    known = all_claims()
    claims: dict[str, Any] = {}
    for name in sorted({name for run in runs for name in run["claims"]}):
        there = [run for run in runs if name in run["claims"]]
        measured = [run["claims"][name] for run in there]
        claims[name] = {
            "seeds": [run["seed"] for run in there],
            "measured": {key: [m[key] for m in measured] for key in measured[0]},
            "holds": [known[name].holds(m) for m in measured] if name in known else [],
        }
    return {"chapter": chapter, "fingerprint": mark, "cpu_seconds": [run["cpu_seconds"] for run in runs],
            "versions": runs[0]["versions"], "claims": claims}


def collect(source: Path, seeds: int, workers: int) -> Path | None:
    """Run what is missing of one chapter and write its evidence; None for a chapter without claims."""
    from joblib import Parallel, delayed

    chapter, mark = source.name.split("_")[0], chapters.fingerprint(source)
    if not any(c.chapter == chapter for c in all_claims().values()):
        return None
    runs = Parallel(n_jobs=workers)(delayed(run_seed)(source, seed, mark) for seed in range(seeds))
    EVIDENCE.mkdir(parents=True, exist_ok=True)
    target = EVIDENCE / f"{chapter}.json"
    target.write_text(json.dumps(gather(chapter, mark, runs), indent=1) + "\n", encoding="utf-8")
    return target


def stale() -> list[str]:
    """The chapters with claims whose evidence is missing or was made from other code."""
    found = []
    for source in notebooks.sources():
        chapter = source.name.split("_")[0]
        if not any(c.chapter == chapter for c in all_claims().values()):
            continue
        file = EVIDENCE / f"{chapter}.json"
        mark = chapters.fingerprint(source)
        if not file.exists() or json.loads(file.read_text(encoding="utf-8"))["fingerprint"] != mark:
            found.append(chapter)
    return found


def main(argv: list[str]) -> int:
    """Chapters (all without arguments), each with `--seeds` seeds."""
    parser = argparse.ArgumentParser(prog="python -m tutorial_lib evidence")
    parser.add_argument("chapters", nargs="*", help="chapter numbers (default: all with claims)")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0 (default 5)")
    args = parser.parse_args(argv)
    sources = {p.name.split("_")[0]: p for p in notebooks.sources()}
    if unknown := [c for c in args.chapters if c not in sources]:
        raise Stop(f"there is no chapter {', '.join(unknown)}; there are {', '.join(sources)}")
    if args.seeds < 1:
        raise Stop(f"evidence needs one seed or more; got --seeds {args.seeds}")
    for chapter in args.chapters or sources:
        target = collect(sources[chapter], args.seeds, max(1, os.cpu_count() or 1))
        if target is not None:
            runs = json.loads(target.read_text(encoding="utf-8"))
            held = {name: f"{sum(c['holds'])} of {len(c['holds'])}" for name, c in runs["claims"].items()}
            print(f"{chapter}: {held}, CPU seconds {runs['cpu_seconds']}")
    sys.stdout.flush()
    return 0
