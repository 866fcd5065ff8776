"""Part 2, hierarchical sequences: the exercises of chapter 23."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import fast_slow, paths
from tutorial_lib.fast_slow import EPS
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- the shortest path (two blanks)


def _graphs() -> list[Case]:
    names = {"fast-slow": "two fast cells and a slow one", "sequential": "three cells one after the other",
             "stacked": "a stack of three"}
    cases = [Case((paths.graph(kind, 3), n), f"{says}, n = {n}") for kind, says in names.items() for n in (0, 1, 4)]
    return [*cases, Case((paths.shortcut(4), 3), "four cells of which the last also reads the first, n = 3")]


def _counting(pick: Callable[[list[float]], float] = min, own: int = 1, last: Callable[..., float] | None = None,
              steps: int = 1) -> Callable[..., float]:
    """The count with one of its parts replaced."""
    def count(read: Any, n: int) -> float:
        before: dict[str, float] = {}
        for step in range(n + steps):
            now = {"x": 0 if step == 0 else math.inf}
            for name, sources in read.items():
                found = [before.get(s, math.inf) if back else now[s] for s, back in sources]
                now[name] = own + pick(found)
            before = now
        return last(before, read) if last else before[list(read)[-1]]
    return count


def _without_slow(read: Any, n: int) -> float:
    fast = {name: [(s, b) for s, b in sources if s != "S"] for name, sources in read.items() if name != "S"}
    return paths.shortest_path(fast, n)


SHORTEST_PATH = Exercise(
    name="fast_slow.shortest_path", chapter="23", title="Two blanks: the shortest path",
    reference=paths.shortest_path, cases=_graphs, minutes=6,
    mistakes={
        "one cell is missing: the length counts cells, and the cell that reads is one more than the path to what it "
        "reads, so 1 + min(lengths).": lambda read, n: paths.shortest_path(read, n) - 1,
        "a cell adds nothing in yours, so every path has length 0: passing a cell costs 1.": _counting(own=0),
        "yours is infinite: a way that does not exist yet counts as infinity, and `max` or a sum lets it win. The "
        "shortest "
        "way is `min(lengths)`.": _counting(pick=max),
        "this is the first cell, which x enters; the output is shown by the last name in `read`.":
            _counting(last=lambda b, read: b[next(iter(read))]),
        "this is the shortest way to any cell; the output is shown by the last name in `read`.":
            _counting(last=lambda b, read: min(b[name] for name in read)),
        "this is the smallest number in the table, the input's own 0 among them; the output is shown by the last name "
        "in `read`.": _counting(last=lambda b, read: min(b.values())),
        "this is the way to the cell that is hardest to reach, which need not be the last; the output is shown by the "
        "last name in `read`.": _counting(last=lambda b, read: max(b[name] for name in read)),
        "this is the entry of x, where a path begins; the output is shown by the last name in `read`.":
            _counting(last=lambda b, read: b["x"]),
        "the slow cell was left out: a path may lead through it as well.": _without_slow,
        "one time step too many: from x to the output of the same step (n = 0) there is already a path.":
            _counting(steps=2),
    },
    alternatives=(
        lambda read, n: min(paths.paths(read, n)),
        lambda read, n: sorted(paths.paths(read, n))[0],
        _counting(),
    ),
    hints=("`lengths` holds, for each cell that is read, how many cells the way to it takes. One of them is the best.",
           "The cell itself is passed as well: one more.", "Names stand in the order in which cells are used; the "
           "output is what the last of them shows."),
    solution='''
def shortest_path(read, n):
    before = {}
    for step in range(n + 1):
        now = {"x": 0 if step == 0 else math.inf}
        for name, sources in read.items():
            lengths = [before.get(source, math.inf) if back else now[source] for source, back in sources]
            now[name] = 1 + min(lengths)
        before = now
    return before[list(read)[-1]]
''',
)

# ---------------------------------------------------------------- fast and slow


def _cell(seed: int) -> Callable[..., Any]:
    """A small cell with two numbers per unit, which may be given no input."""
    Wx, Wh, Wc = (0.8 * _randn(4, 4, seed=100 * seed + i) for i in range(3))

    def cell(x: Tensor | None, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        c = 0.7 * c + torch.tanh((0 if x is None else x @ Wx) + h @ Wh)
        h = torch.tanh(c @ Wc)
        return h, (h, c)

    return cell


def _networks() -> list[Case]:
    """As many inputs as units everywhere, so that no wrong wire is stopped by a shape."""
    def one(k: int) -> Case:
        state = tuple((_randn(2, 4, seed=10 * k + i), _randn(2, 4, seed=10 * k + 5 + i)) for i in range(2))
        return Case((_randn(2, 4, seed=k), state, [_cell(i) for i in range(k)], _cell(9)), f"{k} fast cells")
    return [one(2), one(3), one(4)]


def _observe_step(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """The output and the four parts of the state by name."""
    result = candidate(*case.args)
    if result is None:
        return {"the output": None}
    try:
        y, ((h_fast, c_fast), (h_slow, c_slow)) = result
    except (TypeError, ValueError):
        raise Fault("wrong shape", "an output and a state are expected, the state being that of the fast cells and "
                                   "that "
                    "of the slow one, each a pair: `return h, (F_state, S_state)`.") from None
    parts = {"the output": y, "h of the fast state": h_fast, "c of the fast state": c_fast,
             "h of the slow state": h_slow, "c of the slow state": c_slow}
    if not all(isinstance(v, Tensor) for v in parts.values()):
        raise Fault("error", "output and states must be tensors: a cell returns h and (h, c), in this order.")
    return parts


def _wired(slow_reads: str = "h", second_reads: str = "s", later_read: str = "nothing", second_from: str = "now",
           out: str = "h", slow_at: int = 1, back: Callable[..., Any] = lambda new, old: new) -> Callable[..., Any]:
    """The step with one wire changed."""
    def step(x: Tensor, state: Any, fast: Any, slow: Any) -> Any:
        F, S = state
        h, F = fast[0](x, F)
        at = {"x": x, "old h": state[0][0]}
        for i, cell in enumerate(fast[1:], 1):
            if i == (slow_at if slow_at > 0 else len(fast) - 1):
                s, S = slow({"h": h, **at}.get(slow_reads), S)
                reads = {"s": s, "h": h, "x": x, "x + s": x + s, "h + s": h + s, "nothing": None}[second_reads]
                start = {"now": F, "old": state[0], "old once": state[0], "slow": S}[second_from]
                h, F = cell(reads, start)
            else:
                wanted = {"nothing": None, "h": h, "x": x}
                h, F = cell(s if later_read == "s" else wanted.get(later_read), F if second_from != "old" else state[0])
        y = s if out == "s" else fast[0](x, state[0])[0] if out == "first" else h
        return y, back((F, S), state)
    return step


def _above(x: Tensor, state: Any, fast: Any, slow: Any) -> Any:
    h, F = fast_slow.sequential_step(x, state[0], fast)
    s, S = slow(h, state[1])
    return h, (F, S)


def _above_shown(x: Tensor, state: Any, fast: Any, slow: Any) -> Any:
    _, (F, S) = _above(x, state, fast, slow)
    return S[0], (F, S)


def _slow_first(x: Tensor, state: Any, fast: Any, slow: Any) -> Any:
    s, S = slow(x, state[1])
    h, F = fast_slow.sequential_step(s, state[0], fast)
    return h, (F, S)


def _slow_again(x: Tensor, state: Any, fast: Any, slow: Any) -> Any:
    F, S = state
    h, F = fast[0](x, F)
    for cell in fast[1:]:
        s, S = slow(h, S)
        h, F = cell(s, F)
    return h, (F, S)


def _slow_on_fast(x: Tensor, state: Any, fast: Any, slow: Any) -> Any:
    h, F = fast[0](x, state[0])
    s, S = slow(h, F)
    h, F = fast_slow.sequential_step(s, F, fast[1:])
    return h, (F, S)


def _taken_apart(x: Tensor, state: Any, fast: Any, slow: Any) -> Any:
    return fast_slow.fast_slow_step(x, (state[1], state[0]), fast, slow)


FAST_SLOW_STEP = Exercise(
    name="fast_slow.fast_slow_step", chapter="23", title="Six lines: fast and slow",
    reference=fast_slow.fast_slow_step, cases=_networks, observe=_observe_step, minutes=10,
    mistakes={
        "the slow cell is fed with x; it reads what the first fast cell shows.": _wired(slow_reads="x"),
        "the slow cell is fed with the fast state of the last time step; the first fast cell has its turn before it.":
            _wired(slow_reads="old h"),
        "the second fast cell is fed with x again; x enters once, and the second reads the slow cell.":
            _wired(second_reads="x"),
        "the second fast cell is given x as well as what the slow cell shows; x enters once, at the first.":
            _wired(second_reads="x + s"),
        "the second fast cell reads what the first shows, so nothing ever comes back from the slow cell. (What the "
        "first shows reaches it anyway: it is in the shared state.)": _wired(second_reads="h"),
        "you added the first cell's h to what the slow cell shows; it reaches the second in the shared state.":
            _wired(second_reads="h + s"),
        "the second fast cell is given nothing; it reads what the slow cell shows.": _wired(second_reads="nothing"),
        "the fast cells share one state: each begins where the one before it ended. Yours all begin at that of the "
        "last "
        "time step, so their work is lost.": _wired(second_from="old"),
        "the second fast cell starts from the fast state of the last time step, so what the first has left there is "
        "lost; it starts from the state that the first hands on.": _wired(second_from="old once"),
        "the slow cell works on the fast state; it has a state of its own, the second of the two that are given.":
            _slow_on_fast,
        "the slow cell is used again before every fast cell; in a time step it is used once, after the first.":
            _slow_again,
        "the state was taken apart the other way round: it is (F, S), that of the fast cells first.": _taken_apart,
        "fast and slow state have changed places, on the way in and on the way out: the state is (F, S).":
            lambda x, state, fast, slow: (lambda y, after: (y, after[::-1]))(*_taken_apart(x, state, fast, slow)),
        "the second fast cell starts from the slow cell's state; it *reads* the slow cell, and starts from the fast "
        "state.": _wired(second_from="slow"),
        "the third and later fast cells are fed with h; they read nothing (None), h is in the state already.":
            _wired(later_read="h"),
        "the third and later fast cells are fed with x; only the first is.": _wired(later_read="x"),
        "the third and later fast cells are fed with the slow cell; only the second is.": _wired(later_read="s"),
        "the third and later fast cells are missing: call them with None, one after the other.":
            lambda x, state, fast, slow: fast_slow.fast_slow_step(x, state, fast[:2], slow),
        "the slow cell stands before the last fast cell; it stands between the first and the second. (With two fast "
        "cells that is the same place.)": _wired(slow_at=-1),
        "the slow cell stands above all fast cells, and nothing reads it.": _above,
        "the slow cell stands above all fast cells and shows the output; that is a stack.": _above_shown,
        "the slow cell comes first and reads x; the order is fast, slow, fast.": _slow_first,
        "the output is what the slow cell shows; it should be what the last fast cell shows.": _wired(out="s"),
        "the output is what the first fast cell shows; it should be that of the last.": _wired(out="first"),
        "the fast state returned is the old one: hand on the one that the last fast cell left.":
            _wired(back=lambda new, old: (old[0], new[1])),
        "the slow state returned is the old one: hand on the one that the slow cell left.":
            _wired(back=lambda new, old: (new[0], old[1])),
        "fast and slow state came back in the wrong order: the fast one first.":
            _wired(back=lambda new, old: (new[1], new[0])),
    },
    alternatives=(
        _wired(),
        lambda x, state, fast, slow: fast_slow.fast_slow_step(x, list(state), tuple(fast), slow),
        lambda x, state, fast, slow: [*fast_slow.fast_slow_step(x, state, fast, slow)],
    ),
    hints=("Each call gives an output and a state: `h, F_state = fast[0](x, F_state)`.",
           "The slow cell: `s, S_state = slow(h, S_state)`; then the second fast cell reads s.",
           "A loop over `fast[2:]`, each called with None and the fast state."),
)

# ---------------------------------------------------------------- each gate by itself (find the bug)


def _sums() -> list[Case]:
    # in double precision, so that 1e-3 and 1e-5 can be told apart by gradients as well
    sizes = torch.tensor([0.1, 1.0, 3.0, 10.0])[:, None]
    uneven = _randn(3, 4, 5, seed=1).double() * sizes + torch.arange(4.0)[:, None]
    return [Case((uneven.flatten(1), 4), "four gates of five units, of different size"),
            Case((0.05 * _randn(2, 6, seed=2).double() + 1, 2), "two groups of three small numbers around 1"),
            Case((_randn(2, 3, 4, seed=3).double() - 2, 1), "one group, a batch with two axes")]


def _normed(over: tuple[int, ...] = (-1,), unbiased: bool = False, centre: bool = True,
            scale: Callable[[Tensor], Tensor] = lambda v: (v + EPS).sqrt(),
            interleaved: bool = False) -> Callable[..., Tensor]:
    """The normalisation with one part replaced."""
    def norm(z: Tensor, groups: int) -> Tensor:
        v = z.unflatten(-1, (-1, groups)).mT if interleaved else z.unflatten(-1, (groups, -1))
        middle = v.mean(over, keepdim=True)
        out = (v - middle if centre else v) / scale(v.var(over, unbiased=unbiased, keepdim=True))
        return (out.mT if interleaved else out).flatten(-2)
    return norm


def _small_groups(z: Tensor, groups: int) -> Tensor:
    parts = z.unflatten(-1, (-1, groups))
    return torch.nn.functional.layer_norm(parts, parts.shape[-1:], eps=EPS).flatten(-2)


NORMALISE = Exercise(
    name="fast_slow.normalise", chapter="23", title="Find the bug: each gate by itself",
    reference=fast_slow.normalise, cases=_sums, gradient=("z",), minutes=7, rtol=1e-3, atol=1e-4,
    workload=lambda: Case((_randn(32, 560), 4), "32 sequences, 140 units"),
    mistakes={
        "this is the normalisation with the bug: all gates together have mean 0 and variance 1, each of them not. A "
        "gate "
        "with large sums drowns the others: part the last axis into groups first.": _normed(over=(-2, -1)),
        "you averaged over the groups, unit by unit; each group is normalised over its own units.": _normed(over=(-2,)),
        "you averaged over the first axis, the batch: then what one sequence gives depends on the others. Average over "
        "the units of a group.": _normed(over=(0,)),
        "you averaged over the batch as well as over the units: then what one sequence gives depends on the others.":
            _normed(over=(0, -1)),
        "`var` and `std` divide by H - 1 unless told otherwise; here the variance is the plain mean of squares: "
        "`unbiased=False`.": _normed(unbiased=True),
        "you divided by the variance; divide by its root.": _normed(scale=lambda v: v + EPS),
        "`std` divides by H - 1 unless told otherwise, and 1e-3 belongs inside the root, with the variance.":
            _normed(unbiased=True, scale=lambda v: v.sqrt() + EPS),
        "1e-3 is added to the standard deviation; add it to the variance, inside the root.":
            _normed(scale=lambda v: v.sqrt() + EPS),
        "1e-3 is not added: a group of equal numbers would divide by zero.": _normed(scale=lambda v: v.sqrt()),
        "1e-5 is torch's own choice; here 1e-3 is added to the variance, as in the authors' code.":
            _normed(scale=lambda v: (v + 1e-5).sqrt()),
        "the mean is still there: take it off before you divide.": _normed(centre=False),
        "the means are gone, the sizes are not: divide by the standard deviation.": _normed(scale=torch.ones_like),
        "you made groups of that many numbers; `groups` says how many groups there are: unflatten to (groups, -1).":
            _small_groups,
        "your groups take every second, third, ... number; a gate's units lie next to each other: unflatten to "
        "(groups, -1).": _normed(interleaved=True),
    },
    alternatives=(
        _normed(),
        lambda z, groups: torch.cat([torch.nn.functional.layer_norm(v, v.shape[-1:], eps=1e-3)
                                     for v in z.chunk(groups, -1)], -1),
        lambda z, groups: torch.cat([(v - v.mean(-1, keepdim=True))
                                     * (v.var(-1, correction=0, keepdim=True) + 1e-3).rsqrt()
                                     for v in z.chunk(groups, -1)], -1),
    ),
    hints=("`z.unflatten(-1, (groups, -1))` gives each group an axis of its own; `flatten(-2)` takes it away again.",
           "Mean and variance over the last axis, with keepdim=True; the variance with unbiased=False; 1e-3 inside the "
           "root."),
    solution='''
def normalise(z, groups):
    parts = z.unflatten(-1, (groups, -1))
    centred = parts - parts.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return (centred / (variance + 1e-3).sqrt()).flatten(-2)
''',
)

# ---------------------------------------------------------------- zoneout


def _updates() -> list[Case]:
    new, old = _randn(3, 6, seed=4), _randn(3, 6, seed=5)
    mask = (torch.rand(3, 6, generator=torch.Generator().manual_seed(6)) < 0.7).float()
    return [Case((new, old, 0.7, mask), "in training, keep = 0.7, a mask of zeros and ones"),
            Case((new, old, 0.7, None), "in use, keep = 0.7, no mask"),
            Case((new, old, 0.2, None), "in use, keep = 0.2, no mask")]


def _zoned(train: Callable[..., Tensor] = lambda n, o, k, m: m * n + (1 - m) * o,
           use: Callable[..., Tensor] = lambda n, o, k: k * n + (1 - k) * o) -> Callable[..., Tensor]:
    return lambda new, old, keep, mask=None: use(new, old, keep) if mask is None else train(new, old, keep, mask)


ZONEOUT = Exercise(
    name="fast_slow.zoneout", chapter="23", title="Stay as you were", reference=fast_slow.zoneout, cases=_updates,
    minutes=5, core=False,
    mistakes={
        "where the mask is 0 your unit becomes 0: that is dropout. Zoneout leaves it as it was, at its old value.":
            _zoned(train=lambda n, o, k, m: m * n),
        "this is dropout, scaled up in training and plain in use; here nothing is scaled, the old value stands in.":
            _zoned(lambda n, o, k, m: m * n / k, lambda n, o, k: n),
        "this is dropout, scaled down in use; a unit that does not take its new value stays at its old one, and the "
        "expectation has that part, too.": _zoned(lambda n, o, k, m: m * n, lambda n, o, k: k * n),
        "the new values are scaled by 1 / keep, and the old ones forgotten in use. Scaling makes up for what dropout "
        "sets to 0; here the old value stands in.":
            _zoned(lambda n, o, k, m: m * n / k + (1 - m) * o, lambda n, o, k: n),
        "new and old have changed places: the mask is 1 where the *new* value is taken.":
            _zoned(lambda n, o, k, m: m * o + (1 - m) * n, lambda n, o, k: k * o + (1 - k) * n),
        "in training new and old have changed places: the mask is 1 where the new value is taken.":
            _zoned(train=lambda n, o, k, m: m * o + (1 - m) * n),
        "in use every unit takes its new value; what was learned is the mixture: take the expectation.":
            _zoned(use=lambda n, o, k: n),
        "in use the expectation has two parts: keep times the new value, and 1 - keep times the old one.":
            _zoned(use=lambda n, o, k: k * n),
        "in use the shares have changed places: the new value is taken with probability keep.":
            _zoned(use=lambda n, o, k: (1 - k) * n + k * o),
        "the kept values are scaled by 1 / keep, as in dropout; here nothing is lost, so nothing has to be made "
        "up for.":
            _zoned(train=lambda n, o, k, m: m / k * n + (1 - m / k) * o),
        "the new values are scaled by 1 / keep, as in dropout; here the old ones stand in, so nothing has to be made "
        "up for.": _zoned(train=lambda n, o, k, m: m * n / k + (1 - m) * o),
        "in training you multiplied the mask by keep; the mask was drawn with that probability, so keep is in it "
        "already.":
            _zoned(train=lambda n, o, k, m: k * m * n + (1 - k * m) * o),
        "the mask belongs on the difference, and the old value is added: old + mask * (new - old).":
            _zoned(train=lambda n, o, k, m: m * (n - o), use=lambda n, o, k: k * (n - o)),
        "the expectation is used in training as well; with a mask each unit takes one value or the other.":
            _zoned(train=lambda n, o, k, m: k * n + (1 - k) * o),
        "you added the whole new value to what is left of the old one.":
            _zoned(lambda n, o, k, m: n + (1 - m) * o, lambda n, o, k: n + (1 - k) * o),
    },
    alternatives=(
        _zoned(),
        lambda new, old, keep, mask=None: old + (keep if mask is None else mask) * (new - old),
        lambda new, old, keep, mask=None: torch.lerp(old, new, torch.full_like(new, keep) if mask is None else mask),
    ),
    hints=("Training: mask times new, plus 1 - mask times old.",
           "Use: the expectation of that over masks. The mean of a mask is keep."),
)

# ---------------------------------------------------------------- short and deep (judged by its paths)


def _acyclic(read: dict[str, Any]) -> None:
    seen = {"x"}
    for name, sources in read.items():
        for source, back in sources:
            if source != "x" and source not in read:
                raise Fault("error", f"{name} reads {source!r}, which is neither x nor one of your cells.")
            if back not in (0, 1):
                raise Fault("error", f"{name} reads {source} {back} steps back; 0 (now) and 1 (the step before) are "
                            "allowed.")
            if source == "x" and back:
                raise Fault("error", f"{name} reads the x of the step before; x is read when it comes: (\"x\", 0).")
            if not back and source not in seen:
                raise Fault("error", f"{name} reads {source} of the same time step, which has its turn later (or is "
                                     f"{name} "
                            "itself).")
        seen.add(name)


def _observe_paths(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """How far the graph misses what was asked for, whatever its wiring."""
    (k,) = case.args
    read = candidate(k)
    if read is None:
        raise Fault("error", "it returns None: is a `return` missing?")
    try:
        read = {str(name): [(str(s), int(b)) for s, b in sources] for name, sources in read.items()}
    except (AttributeError, TypeError, ValueError):
        raise Fault("error", "a dictionary is expected: name -> list of (name of what is read, 0 or 1).") from None
    if not read:
        raise Fault("error", "the graph has no cells.")
    _acyclic(read)
    found = [paths.paths(read, n) for n in (0, 1, 5)]
    if not all(found):
        raise Fault("wrong value", "from some step back no path leads to the output: its x is never felt.")
    gaps = {"cells too many": max(0, len(read) - k),
            "readings too many (three a cell)": max(0, max(map(len, read.values())) - 3),
            "cells too many on the shortest path, 0, 1 and 5 steps back": [
                max(0, min(f) - n - 2) for f, n in zip(found, (0, 1, 5), strict=True)],
            "cells missing on the longest path, 0, 1 and 5 steps back": [
                max(0, k * (n + 1) - max(f)) for f, n in zip(found, (0, 1, 5), strict=True)]}
    return {name: torch.tensor(gap).double() for name, gap in gaps.items()}


def _chain(k: int, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    """k cells in sequence, with more readings."""
    read = {f"F{i}": [(f"F{i - 1}", 0)] for i in range(2, k + 1)}
    read = {"F1": [("x", 0), (f"F{k}", 1)], **read}
    for name, more in (extra or {}).items():
        read[name] = read[name] + more
    return read


SHORTCUT = Exercise(
    name="fast_slow.shortcut", chapter="23", title="Short and deep, without a slow cell", reference=paths.shortcut,
    cases=lambda: [Case((k,), f"k = {k}") for k in (3, 4, 6)], observe=_observe_paths, minutes=12, core=False,
    mistakes={
        "this is the plain sequence: deep, and its shortest path has k (n + 1) cells. Give it a way past the others.":
            _chain,
        "this is a stack: all its paths have n + k cells, so it is not deep in time.":
            lambda k: paths.graph("stacked", k),
        "the slow cell is one cell too many: k cells are allowed.": lambda k: paths.graph("fast-slow", k + 1),
        "this is the fast-slow network with k - 1 fast cells: deep, and its shortest path has n + k cells. Past the "
        "last ones, too, there has to be a way.": lambda k: paths.graph("fast-slow", k),
        "one cell is short, and not deep.": lambda k: {"F1": [("x", 0), ("F1", 1)]},
        "time is short now, since one cell reads itself; between x and the output there still are all k cells, n + "
        "k in "
        "all.": lambda k: _chain(k, {f"F{k}": [(f"F{k}", 1)]}),
        "a way from F1 to the last cell shortens each step to two cells, 2 (n + 1) in all: time needs a short "
        "way, too.":
            lambda k: _chain(k, {f"F{k}": [("F1", 0)]}),
        "x has a short way to the output now, but only from the same step: from one step to the next a path still "
        "passes "
        "all k cells.": lambda k: _chain(k, {f"F{k}": [("x", 0)]}),
        "short, and no longer deep: no path goes from the last cell of a step to the first of the next.":
            lambda k: {**_chain(k), "F1": [("x", 0), ("F1", 1)], f"F{k}": [(f"F{k - 1}", 0), ("F1", 0)]},
    },
    alternatives=(
        lambda k: _chain(k, {f"F{k}": [("x", 0), (f"F{k}", 1)]}),
        lambda k: _chain(k, {"F1": [("F1", 1)], f"F{k}": [("F1", 0)]}),
        lambda k: _chain(k, {f"F{k}": [("F1", 0), (f"F{k}", 1)]}),
    ),
    hints=("Two short ways are needed: one through time, one from x into it (or from it to the output).",
           "Keep the chain, and let one cell read itself one step back: which one has x near it, which the output?",
           "F1 reads itself, and the last cell reads F1. Or: the last cell reads x."),
)

EXERCISES = (SHORTEST_PATH, FAST_SLOW_STEP, NORMALISE, ZONEOUT, SHORTCUT)
