"""paths: counted forwards, walked backwards, and summed by autograd over the code itself."""

import itertools
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.fast_slow import KINDS, fast_slow_step, sequential_step, stacked_step
from tutorial_lib.paths import graph, linear_cell, paths, shortcut, shortest, shortest_path, trace
from tutorial_lib.recurrent import scan


def by_hand(read, n):
    """Independent oracle: walk every path from the output backwards."""
    lengths = []

    def walk(name, back, length):
        if name == "x":
            lengths.extend([length] if back == n else [])
            return
        for source, step in read[name]:
            if back + step <= n:
                walk(source, back + step, length + 1)

    walk(list(read)[-1], 0, 0)
    return {length: lengths.count(length) for length in set(lengths)}


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(KINDS), st.integers(3, 5), st.integers(0, 5))
def test_paths_are_those_found_by_walking_and_the_shortest_is_the_closed_form(kind, number, n):
    found = paths(graph(kind, number), n)
    assert dict(found) == by_hand(graph(kind, number), n)
    assert min(found) == shortest(kind, number, n) == shortest_path(graph(kind, number), n)
    assert max(found) == {"stacked": n + number, "sequential": number * (n + 1), "fast-slow": number * (n + 1)}[kind]


@given(st.sampled_from(KINDS), st.integers(3, 5), st.integers(0, 5))
def test_a_traced_path_is_one_and_no_longer_than_the_shortest(kind, number, n):
    read = graph(kind, number)
    way = trace(read, n)
    assert way[0] == ("x", n) and way[-1] == (list(read)[-1], 0) and len(way) - 1 == shortest(kind, number, n)
    for (source, back), (name, now) in itertools.pairwise(way):
        assert (source, back - now) in read[name]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(KINDS), st.integers(3, 5), st.integers(0, 6), st.floats(0.2, 1.5))
def test_paths_are_what_autograd_sums_over(kind, number, n, w):
    """With cells that multiply by w, the derivative is the sum over paths of w to the power of their length."""
    xs = torch.zeros(1, n + 1, 1, dtype=torch.float64, requires_grad=True)
    cell, zero = linear_cell(w), (torch.zeros(1, 1).double(),) * 2
    step, state = {"stacked": (partial(stacked_step, cells=[cell] * number), [zero] * number),
                   "sequential": (partial(sequential_step, cells=[cell] * number), zero),
                   "fast-slow": (partial(fast_slow_step, fast=[cell] * (number - 1), slow=cell), (zero, zero))}[kind]
    (grad,) = torch.autograd.grad(scan(step, xs, state)[0][:, -1].sum(), xs)
    wanted = sum(count * w**length for length, count in paths(graph(kind, number), n).items())
    assert grad[0, 0, 0].item() == pytest.approx(wanted, rel=1e-9)


@given(st.integers(2, 6), st.integers(0, 6))
def test_the_shortcut_is_short_and_deep(k, n):
    found = paths(shortcut(k), n)
    assert min(found) <= n + 2 and max(found) >= k * (n + 1)


def test_what_does_not_fit_is_said():
    for wrong, words in ((lambda: graph("round", 3), "kind must be"), (lambda: graph("fast-slow", 2), "at least 3"),
                         (lambda: paths(graph("stacked", 2), -1), "n counts"), (lambda: shortcut(1), "two cells"),
                         (lambda: shortest_path({"F1": [("F1", 1)]}, 0), "no path"),
                         (lambda: trace({"F1": [("F1", 1)]}, 1), "no path"),
                         (lambda: trace(graph("stacked", 2), -1), "no path")):
        with pytest.raises(ValueError, match=words):
            wrong()
