"""`make test`: everything that must hold, in parallel over the cores, the network blocked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tutorial_lib.kit import settings

# torch, BLAS and OpenMP at one thread each: the cores are taken by the test processes
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
CELL_SECONDS = 600


def environment() -> dict[str, str]:
    """The environment of the tests and of every kernel that they start."""
    paths = [str(settings.ROOT / "tests" / "no_network"), str(settings.ROOT),
             *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **ONE_THREAD, "TUTORIAL_MODE": "test", "PYTHONPATH": os.pathsep.join(paths),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1", "MPLBACKEND": "agg"}


def main(argv: list[str]) -> int:
    """Run pytest over tests/ and notebooks/ (further arguments go to pytest), then print the style report."""
    shutil.rmtree(settings.ROOT / "build" / "cpu", ignore_errors=True)
    workers = max(1, min(8, os.cpu_count() or 1))
    command = [sys.executable, "-m", "pytest", "-n", str(workers), "--dist", "loadfile", "--nbval-lax",
               "--nbval-current-env", "--nbval-cell-timeout", str(CELL_SECONDS), "-q", "-ra", *argv]
    status = subprocess.run(command, cwd=settings.ROOT, env=environment(), check=False).returncode
    from tutorial_lib.cli import report

    print(report.text(), flush=True)
    return status
