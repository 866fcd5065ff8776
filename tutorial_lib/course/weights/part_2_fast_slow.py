"""Weights of chapter 23: four readers of Moby Dick with equally many numbers, and their learning curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tutorial_lib.kit.weights import Recipe

STEPS, EVERY = 1200, 100
ARMS = {"one wide cell": ("stacked", 1, 4e-2), "stack of three": ("stacked", 3, 1e-2),
        "three in sequence": ("sequential", 3, 1e-2), "two fast, one slow": ("fast-slow", 3, 1e-2)}


def make() -> tuple[Mapping[str, Tensor], Mapping[str, Any]]:
    """Train each reader on the first nine tenths, with its own rate and the same windows; judge it on the last."""
    import torch

    from tutorial_lib import moby_dick
    from tutorial_lib.readers import Reader, learning_curve

    book = moby_dick()
    V, split = len(book.alphabet), len(book.codes) * 9 // 10
    test = book.codes[split : split + 48 * 300].view(48, 300)
    state, curves, widths = {}, {}, {}
    for name, (kind, cells, lr) in ARMS.items():
        torch.manual_seed(23)
        reader = Reader(kind, cells, V, 32, 100_000)
        curve = learning_curve(reader, book.codes[:split], test, STEPS, EVERY, lr, torch.Generator().manual_seed(23))
        state |= {f"{name}/{key}": value for key, value in reader.state_dict().items()} | {f"{name}/curve": curve}
        curves[name] = [[int(step), round(bits, 4), round(seconds, 1)] for step, bits, seconds in curve.tolist()]
        widths[name] = reader.net.H
    return state, {"steps": STEPS, "rates": {name: arm[2] for name, arm in ARMS.items()}, "units": widths,
                   "columns": ["step", "bits per character on the test "
                                       "tenth", "CPU seconds of training"], "curves": curves}


WEIGHTS = (Recipe("fast_and_slow", "23", "four readers of Moby Dick, 1,200 steps each", make),)
