"""The benchmarks: contestants take turns, absent peers are reported, rows say what was measured."""

import json
import os
import time

import pytest
import torch

from tutorial_lib import cli
from tutorial_lib.cli import bench


def busy(seconds):
    """A contestant that uses so much CPU time."""
    def make(repeat):
        def run(clock):
            until = time.process_time() + seconds
            while time.process_time() < until:
                pass
        return run
    return make


def absent(repeat):
    """A peer that nobody installed."""
    import no_such_module_here  # noqa: F401


def test_a_peer_that_takes_twice_as_long_has_a_ratio_of_two():
    toy = bench.Benchmark("idling", busy(0.02), {"slow": busy(0.04), "missing": absent}, floor=busy(0.01), repeats=3)
    slow, missing = bench.compete(toy)
    assert 1.5 < slow["ratio"] < 2.5 and slow["floor_seconds"] < slow["seconds"] < slow["peer_seconds"]
    assert missing["ratio"] is None and "no_such_module_here is not installed" in missing["note"]
    assert "ratio" in bench.line(slow) and "not installed" in bench.line(missing)


def test_what_was_recorded_with_a_peer_that_no_longer_installs_is_shown_as_such():
    (row,) = bench.compete(bench.Benchmark("idling", busy(0.001), {}, repeats=1, recorded={"gone": (0.002, 0.005)}))
    assert row["ratio"] == 2.5 and row["seconds"] == 0.002
    assert "ratio 2.50" in bench.line(row) and "recorded, not measured now" in bench.line(row)


def test_contestants_may_run_in_processes_of_their_own():
    def heavy(repeat):
        return lambda clock: torch.ones(30_000_000).sum()  # 114 MiB

    here = os.getpid()
    times = bench.Times()
    bench.measure_alone(lambda repeat: lambda clock: busy(0.01)(repeat)(clock), 0, times)
    bench.measure_alone(heavy, 1, times)
    assert len(times.seconds) == 2 and os.getpid() == here
    assert times.memory is None or 90 < times.memory < 200
    toy = bench.Benchmark("idling", busy(0.01), {"missing": absent}, repeats=1, alone=True)
    assert "no_such_module_here is not installed" in bench.compete(toy)[0]["note"]


def test_our_own_import_error_is_an_error():
    with pytest.raises(ImportError):
        bench.compete(bench.Benchmark("nothing", absent, {}, repeats=1))


def test_what_happens_in_a_pause_is_not_counted():
    clock = bench.Clock()
    with clock.pause():
        busy(0.05)(0)(clock)
    assert clock.seconds() < 0.04


def test_memory_is_the_most_that_a_run_added():
    if bench.memory_status("VmHWM") is None:
        pytest.skip("this system does not tell a process its peak memory")
    def make(repeat):
        return lambda clock: torch.ones(30_000_000).sum()  # 114 MiB, given back at once

    bench.forget_peak()
    times = bench.Times()
    bench.measure(make, 0, times)
    assert 90 < times.memory < 200 and times.median == times.seconds[0]
    assert bench.memory_status("NoSuchLine") is None


def test_the_command_writes_its_rows_and_knows_its_names(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "TARGET", tmp_path / "build" / "bench.json")
    monkeypatch.setattr(bench, "found", lambda: {"toy": [bench.Benchmark("idling", busy(0.001), {"one": busy(0.001)})]})
    assert bench.main(["toy"]) == 0 and "wrote build/bench.json" in capsys.readouterr().out
    row = json.loads((tmp_path / "build" / "bench.json").read_text())["rows"][0]
    assert {"what", "peer", "ratio", "seconds", "memory_mib", "floor_seconds"} <= row.keys()
    with pytest.raises(cli.Stop, match="no benchmark no_such_one; there are toy"):
        bench.main(["no_such_one"])


def test_the_benchmarks_that_are_there_can_be_read():
    there = bench.found()
    assert {"Pyro SVI", "plain PyTorch script"} <= set(there["vae"][0].peers)
    assert all(b.what and b.peers and b.repeats >= 3 for benchmarks in there.values() for b in benchmarks)
