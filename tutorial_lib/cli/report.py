"""The style report that `make test` prints: numbers to look at, not to pass."""

from __future__ import annotations

import ast
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tutorial_lib.cli import notebooks
from tutorial_lib.course import chapters
from tutorial_lib.kit import settings

PLOTTING = re.compile(r"\b(plot\.|ax\.|axes|fig\b|show\()")


def lines(cell: str) -> list[str]:
    """The lines of a code cell that hold code."""
    return [text for text in cell.splitlines() if text.strip() and not text.strip().startswith("#")]


def definitions(code: str) -> dict[str, str]:
    """Functions and classes of a piece of code: name -> body without docstring and layout."""
    found = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            body = [n for n in node.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
            found[node.name] = "\n".join(ast.unparse(n) for n in body)
    return found


def style(source: Path) -> dict[str, float]:
    """The numbers of one chapter: cell lengths, text per code, plotting and copied definitions as shares."""
    cells = [c for c in chapters.code_cells(source) if lines(c)]
    lengths = sorted(len(lines(c)) for c in cells)
    everything = [text for c in cells for text in lines(c)]
    library = {body for p in (settings.ROOT / "tutorial_lib").glob("*.py")
               for body in definitions(p.read_text(encoding="utf-8")).values()}
    own = [b for b in definitions("\n".join(cells)).values() if b]
    texts = len(re.findall(r"^# %% \[markdown\]", source.read_text(encoding="utf-8"), flags=re.M))
    return {
        "median lines": statistics.median(lengths), "95 %": lengths[int(0.95 * (len(lengths) - 1))],
        "longest": lengths[-1], "text per code": texts / len(cells),
        "plotting": sum(bool(PLOTTING.search(text)) for text in everything) / len(everything),
        "copied": sum(b in library for b in own) / max(len(own), 1),
        "KiB": source.with_suffix(".ipynb").stat().st_size / 1024,
    }


def cpu_seconds() -> dict[str, float]:
    """CPU seconds of each chapter in the last run of the tests."""
    files = sorted((settings.ROOT / "build" / "cpu").glob("*.json"))
    return {f.stem: json.loads(f.read_text(encoding="utf-8"))["cpu_seconds"] for f in files}


def import_seconds() -> float:
    """Seconds for `import tutorial_lib` in a fresh Python, beyond the Python itself."""
    def timed(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=settings.ROOT, check=True)
        return time.perf_counter() - begun

    return max(0.0, min(timed("import tutorial_lib") for _ in range(3)) - min(timed("pass") for _ in range(3)))


def text() -> str:
    """The whole report (guide: median 8 lines, 95 % within 25, 1 to 2 texts per code cell, a tenth plotting)."""
    spent, table = cpu_seconds(), []
    for source in notebooks.sources():
        numbers = style(source)
        row = "  ".join(f"{k} {v:.2f}" if v < 1 or k == "text per code" else f"{k} {v:.0f}" for k, v in numbers.items())
        cpu = spent.get(source.name.split("_")[0])
        table.append(f"  {source.stem:<28} {row}" + (f"  CPU {cpu:.0f} s" if cpu else ""))
    guide = "Style, a report (guide: median 8, 95 % 25, text per code 1 to 2, plotting 0.10, copied 0):"
    return "\n".join([guide, *table, f"  import tutorial_lib: {import_seconds():.3f} s"])
