"""Weights of chapter 44: a Transformer that reads as well as the chapter's Mamba, and a Mamba that read on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tutorial_lib.kit.weights import Recipe

ARMS = {"transformer": (1000, 250, 3e-3), "mamba long": (2500, 250, 1e-2)}  # steps, steps between tests, learning rate


def make() -> tuple[Mapping[str, Tensor], Mapping[str, Any]]:
    """Train both on the first nine tenths, on windows of 129 characters, 8 at a time; judge on the last tenth."""
    import torch

    from tutorial_lib import moby_dick
    from tutorial_lib.mamba import Mamba
    from tutorial_lib.readers import learning_curve
    from tutorial_lib.transformer import Transformer

    book = moby_dick()
    V, split = len(book.alphabet), len(book.codes) * 9 // 10
    test = book.codes[split : split + 64 * 129].view(64, 129)
    state, curves = {}, {}
    for name, (steps, every, lr) in ARMS.items():
        torch.manual_seed(44)
        reader = Transformer(V) if name == "transformer" else Mamba(V)
        curve = learning_curve(reader, book.codes[:split], test, steps, every, lr, torch.Generator().manual_seed(44),
                               T=128, size=8)
        state |= {f"{name}/{key}": value for key, value in reader.state_dict().items()} | {f"{name}/curve": curve}
        curves[name] = [[int(step), round(bits, 4), round(seconds, 1)] for step, bits, seconds in curve.tolist()]
    return state, {"arms": {name: list(arm) for name, arm in ARMS.items()},
                   "columns": ["step", "bits per character on the test tenth", "CPU seconds of training"],
                   "curves": curves}


WEIGHTS = (Recipe("selective", "44", "readers of Moby Dick: a Transformer, 1,000 steps, a Mamba, 2,500", make),)
