"""`make bench`: how long the library takes beside its peers, in one process and one run, on one thread.

A file of tests/benchmarks/ holds `BENCHMARKS`.  The contestants of one take turns, so that whatever slows the
machine slows them all; seconds are CPU seconds, the median over repeats; a ratio above 1 says that we are ahead.
The floor is the time of the arithmetic alone that nobody could leave out.  Peers come with the optional extra
`bench`; one that cannot be imported is reported and the rest goes on.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tutorial_lib.cli import Stop
from tutorial_lib.cli.evidence import versions
from tutorial_lib.kit import settings

FOLDER = settings.ROOT / "tests" / "benchmarks"
TARGET = settings.ROOT / "build" / "bench.json"


class Clock:
    """CPU seconds of this process, with pauses for what is not the contestants' work."""

    def __init__(self) -> None:
        self.begun, self.paused = time.process_time(), 0.0

    @contextmanager
    def pause(self) -> Iterator[None]:
        """What happens inside is not counted."""
        stopped = time.process_time()
        yield
        self.paused += time.process_time() - stopped

    def seconds(self) -> float:
        """Seconds counted so far."""
        return time.process_time() - self.begun - self.paused


Contestant = Callable[[int], Callable[[Clock], Any]]  # from a repeat's number, untimed, to the work that is timed


@dataclass(frozen=True)
class Benchmark:
    """One question of speed: our contestant, the peers' by name, and the floor where there is one."""

    what: str
    ours: Contestant
    peers: Mapping[str, Contestant]
    floor: Contestant | None = None
    repeats: int = 5
    alone: bool = False  # each run in a process of its own: what others left in the heap changes times and peaks
    recorded: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # peer: our seconds and its, one old run


@dataclass
class Times:
    """What was measured of one contestant: CPU seconds by repeat, and the most memory it added, in MiB."""

    seconds: list[float] = field(default_factory=list)
    memory: float | None = None

    @property
    def median(self) -> float:
        """Median seconds."""
        return statistics.median(self.seconds)


def memory_status(name: str) -> float | None:
    """A line of this process's memory status in MiB (VmRSS now, VmHWM at most); None where there is no such thing."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":"))
    except (OSError, StopIteration):
        return None


def forget_peak() -> None:
    """Let the peak begin anew from what is in use now (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def measure(contestant: Contestant, repeat: int, times: Times) -> None:
    """Set one contestant up, then time it once."""
    work = contestant(repeat)
    forget_peak()
    before, clock = memory_status("VmRSS"), Clock()
    work(clock)
    times.seconds.append(clock.seconds())
    peak = memory_status("VmHWM")
    if before is not None and peak is not None:
        times.memory = max(times.memory or 0.0, peak - before)


def measure_alone(contestant: Contestant, repeat: int, times: Times) -> None:
    """`measure` in a forked process, whose heap no other contestant has used; in this one where there is no fork.

    Raises what the contestant raised.
    """
    if not hasattr(os, "fork"):
        return measure(contestant, repeat, times)
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)

    def run() -> None:
        found = Times()
        try:
            measure(contestant, repeat, found)
            theirs.send(found)
        except Exception as error:
            theirs.send(error)

    child = fork.Process(target=run)
    child.start()
    theirs.close()
    found = ours.recv()
    child.join()
    if isinstance(found, Exception):
        raise found
    times.seconds += found.seconds
    if found.memory is not None:
        times.memory = max(times.memory or 0.0, found.memory)


def compete(benchmark: Benchmark) -> list[dict[str, Any]]:
    """The rows of one benchmark: one for each peer, `ratio` None for a peer that cannot be imported.

    What was recorded with a peer that no longer installs is a row with a note, of times of that run alone.
    """
    contestants = {"": benchmark.ours, **benchmark.peers}
    if benchmark.floor is not None:
        contestants["floor"] = benchmark.floor
    times, absent = {name: Times() for name in contestants}, {}
    for repeat in range(benchmark.repeats):
        for name, contestant in contestants.items():
            if name in absent:
                continue
            try:
                (measure_alone if benchmark.alone else measure)(contestant, repeat, times[name])
            except ImportError as error:
                if not name:
                    raise
                absent[name] = f"{error.name or error} is not installed: pip install -c constraints.txt -e \".[bench]\""
    ours, floor = times[""], times["floor"].median if benchmark.floor is not None else None
    rows = []
    for name in benchmark.peers:
        theirs = None if name in absent else times[name].median
        rows.append({"what": benchmark.what, "peer": name, "ratio": None if theirs is None else theirs / ours.median,
                     "seconds": ours.median, "peer_seconds": theirs, "memory_mib": ours.memory,
                     "peer_memory_mib": times[name].memory, "floor_seconds": floor, "repeats": benchmark.repeats,
                     "note": absent.get(name, "")})
    for name, (own, theirs) in benchmark.recorded.items():
        rows.append({"what": benchmark.what, "peer": name, "ratio": theirs / own, "seconds": own,
                     "peer_seconds": theirs, "memory_mib": None, "peer_memory_mib": None, "floor_seconds": None,
                     "repeats": 0, "note": "recorded, not measured now"})
    return rows


def found(folder: Path = FOLDER) -> dict[str, list[Benchmark]]:
    """The benchmarks by the name of their file."""
    everything = {}
    for path in sorted(folder.glob("[a-z]*.py")):
        spec = importlib.util.spec_from_file_location(f"benchmarks_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        everything[path.stem] = list(module.BENCHMARKS)
    return everything


def line(row: Mapping[str, Any]) -> str:
    """A row as it is printed."""
    def number(value: float | None, unit: str) -> str:
        return "?" if value is None else f"{value:.3g} {unit}"

    if row["ratio"] is None:
        return f"    {row['peer']:<24} {row['note']}"
    floor = "" if row["floor_seconds"] is None else f", floor {number(row['floor_seconds'], 's')}"
    if row["note"]:
        return (f"    {row['peer']:<24} ratio {row['ratio']:.2f}   {row['note']}: ours {number(row['seconds'], 's')}, "
                f"peer {number(row['peer_seconds'], 's')}")
    return (f"    {row['peer']:<24} ratio {row['ratio']:.2f}   ours {number(row['seconds'], 's')}, "
            f"{number(row['memory_mib'], 'MiB')}   peer {number(row['peer_seconds'], 's')}, "
            f"{number(row['peer_memory_mib'], 'MiB')}{floor}")


def main(argv: list[str]) -> int:
    """All benchmarks, or those of the files named."""
    parser = argparse.ArgumentParser(prog="python -m tutorial_lib bench")
    parser.add_argument("names", nargs="*", help="files of tests/benchmarks (default: all)")
    names, there = parser.parse_args(argv).names, found()
    if unknown := [n for n in names if n not in there]:
        raise Stop(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(there)}")
    import torch

    torch.set_num_threads(1)
    print("CPU seconds on one thread, medians; ratio: the peer's over ours, above 1 we are ahead;\n"
          "memory: the most that a run added; floor: the arithmetic nobody can leave out.", flush=True)
    rows = []
    for name in names or there:
        for benchmark in there[name]:
            print(benchmark.what, flush=True)
            for row in compete(benchmark):
                rows.append(row)
                print(line(row), flush=True)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps({"versions": versions(), "cores": os.cpu_count(), "rows": rows}, indent=1) + "\n",
                      encoding="utf-8")
    print(f"wrote build/{TARGET.name}")
    sys.stdout.flush()
    return 0
