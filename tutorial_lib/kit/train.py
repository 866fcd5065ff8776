"""One training loop, with a progress bar that clears itself.  Chapter 11 writes the loop by hand once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from tutorial_lib.kit import settings


class Bar:
    """A progress bar in the output cell; it draws nothing outside a live notebook and clears itself."""

    def __init__(self, total: int, label: str) -> None:
        from IPython import get_ipython

        self.total, self.label, self.last = total, label, 0.0
        self.handle = None
        if get_ipython() is not None and settings.mode() == "learn":
            from IPython.display import display

            self.handle = display({"text/plain": label, "text/html": self.markup(0)}, raw=True, display_id=True)

    def markup(self, done: int) -> str:
        """The bar as HTML."""
        return (f'<label>{self.label} <progress value="{done}" max="{self.total}"></progress> '
                f"{done} of {self.total}</label>")

    def update(self, done: int) -> None:
        """Redraw, at most five times a second: drawing must not cost more than training."""
        now = time.monotonic()
        if self.handle is not None and now - self.last > 0.2:
            self.last = now
            self.handle.update({"text/plain": self.label, "text/html": self.markup(done)}, raw=True)

    def clear(self) -> None:
        """Leave an empty output behind."""
        if self.handle is not None:
            self.handle.update({"text/plain": "", "text/html": ""}, raw=True)


def minibatches(data: Tensor, size: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Endless random batches, each row once per epoch.  data: (N, ...) -> (size, ...)

    The last N mod size rows of each shuffle are left out, so that every batch is full.
    Raises ValueError when `size` does not fit into the data.  Taught in 11.
    """
    if not 1 <= size <= len(data):
        raise ValueError(f"a batch of {size} rows cannot be drawn from {len(data)} rows")
    while True:
        order = torch.randperm(len(data), generator=rng)
        for first in range(0, len(data) - size + 1, size):
            yield data[order[first : first + size]]


def train(
    loss: Callable[[Tensor], Tensor],
    parameters: Iterable[Tensor],
    batches: Iterator[Tensor],
    steps: int,
    lr: float = 1e-3,
    decay: bool = False,
    label: str = "training",
) -> Tensor:
    """Minimise `loss(batch)` with Adam for `steps` steps; returns the loss at each step, shape (steps,).

    `decay=True` lowers the learning rate to zero along half a cosine.  Raises FloatingPointError when the
    loss stops being a number, naming the step.  Taught in 11.
    """
    optimiser = torch.optim.Adam(list(parameters), lr=lr, fused=True)  # fused: half the overhead of a small step
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps) if decay else None
    history = torch.empty(steps)
    bar = Bar(steps, label)
    try:
        for step in range(steps):
            value = loss(next(batches))
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            if schedule:
                schedule.step()
            history[step] = now = value.item()
            if not math.isfinite(now):
                raise FloatingPointError(f"{label}: the loss is {now} at step {step}; lower lr ({lr}) "
                                         "or look for a log or a division by zero in the loss")
            bar.update(step + 1)
    finally:
        bar.clear()
    return history
