"""The paths from an input to a later output, through cells that are used once or several times in a time step.

symbol        meaning                                            shape
n             steps back in time, from the output to the input   int
k             fast cells, or cells in sequence, in a time step   int
graph         cell -> [(what it reads, 0 for this time step or   dict
              1 for the one before), ...], in order of use
length        the cells that a path passes                       int

The input is called "x"; the output is what the last cell of a graph shows.  A gradient that comes back along a path
is multiplied by one Jacobian for each cell on it, and what arrives is the sum over all paths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from torch import Tensor

from tutorial_lib.fast_slow import CellStep, State, input_sizes

Graph = Mapping[str, Sequence[tuple[str, int]]]  # cell -> the cells it reads, each with the steps back in time


def graph(kind: str, cells: int) -> Graph:
    """What each cell reads: name -> [(name, 0 for this time step or 1 for the one before)], in order; "x" is the input.

    The last name is the cell whose h is the output.  Raises ValueError as `input_sizes` does.  Taught in 23.
    """
    input_sizes(kind, cells, 1, 1)
    if kind == "stacked":
        return {f"L{i}": [(f"L{i - 1}" if i > 1 else "x", 0), (f"L{i}", 1)] for i in range(1, cells + 1)}
    k = cells if kind == "sequential" else cells - 1
    read: dict[str, list[tuple[str, int]]] = {"F1": [("x", 0), (f"F{k}", 1)]}
    if kind == "fast-slow":
        read["S"] = [("F1", 0), ("S", 1)]
    for i in range(2, k + 1):
        read[f"F{i}"] = [(f"F{i - 1}", 0)] + ([("S", 0)] if i == 2 and kind == "fast-slow" else [])
    return read


def paths(read: Graph, n: int) -> Counter[int]:
    """How many paths lead from the input n steps back to the output now, by their length in cells passed.

    read: a graph as `graph` gives it; n >= 0 -> Counter {length: number}.  Raises ValueError for n < 0.
    Counted forwards: the paths to a cell are those to the cells it reads, one longer.  Taught in 23.
    """
    if n < 0:
        raise ValueError(f"n counts steps back in time, 0 or more; got {n}")
    before: dict[str, Counter[int]] = {name: Counter() for name in read}
    for step in range(n + 1):
        now: dict[str, Counter[int]] = {"x": Counter({0: 1} if step == 0 else {})}
        for name, sources in read.items():
            now[name] = Counter()
            for source, back in sources:
                for length, number in (before if back else now)[source].items():
                    now[name][length + 1] += number
        before = now
    return before[list(read)[-1]]


def trace(read: Graph, n: int) -> list[tuple[str, int]]:
    """One shortest path from the input n steps back to the output now: [("x", n), (cell, steps back), ..., (last, 0)].

    Raises ValueError for n < 0, and when no path leads there.  Taught in 23.
    """
    before: dict[str, list[tuple[str, int]]] = {}
    for back in range(n, -1, -1):
        now = {"x": [("x", n)]} if back == n else {}
        for name, sources in read.items():
            ways = [way for source, b in sources if (way := (before if b else now).get(source))]
            if ways:
                now[name] = [*min(ways, key=len), (name, back)]
        before = now
    if list(read)[-1] not in before:
        raise ValueError(f"no path leads from the input {n} steps back to {list(read)[-1]}")
    return before[list(read)[-1]]


def shortest_path(read: Graph, n: int) -> int:
    """Cells on the shortest path from the input n steps back to the output now; any graph whose paths exist.

    Raises ValueError for n < 0, and when no path leads there.  Taught in 23.
    """
    if not (found := paths(read, n)):
        raise ValueError(f"no path leads from the input {n} steps back to {list(read)[-1]}")
    return min(found)


def shortest(kind: str, cells: int, n: int) -> int:
    """Cells on the shortest path from the input n steps back to the output now, in closed form.

    stacked n + cells; sequential cells (n + 1); fast-slow with k = cells - 1 fast cells: the smaller of k (n + 1),
    along the fast cells, and n + 1 + k, through the slow cell.  Raises ValueError as `input_sizes` does.  Taught in 23.
    """
    input_sizes(kind, cells, 1, 1)
    k = cells - 1
    return {"stacked": n + cells, "sequential": cells * (n + 1), "fast-slow": min(k * (n + 1), n + 1 + k)}[kind]


def shortcut(k: int) -> dict[str, list[tuple[str, int]]]:
    """k cells without a slow one, short and deep: F_1 also reads its own last state, and F_k reads F_1.

    The shortest path from n steps back passes n + 2 cells, the longest k (n + 1).
    Raises ValueError for fewer than two cells.  Taught in 23.
    """
    if k < 2:
        raise ValueError(f"a shortcut around the others needs two cells at least; got {k}")
    read: dict[str, list[tuple[str, int]]] = {"F1": [("x", 0), (f"F{k}", 1), ("F1", 1)]}
    for i in range(2, k + 1):
        read[f"F{i}"] = [(f"F{i - 1}", 0)] + ([("F1", 0)] if i == k > 2 else [])
    return read


def linear_cell(w: float) -> CellStep:
    """A cell that only multiplies: h' = w (x + h), without gates; x may be None.  Its paths can be read off a gradient.

    (x or None, (h, c)) -> h', (h', h').  Taught in 23.
    """
    def cell(x: Tensor | None, state: State) -> tuple[Tensor, State]:
        h = w * (state[0] if x is None else x + state[0])
        return h, (h, h)

    return cell
