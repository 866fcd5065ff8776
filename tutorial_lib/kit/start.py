"""Begin a chapter: one thread, the house style, named randomness."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutorial_lib.kit import page, settings

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Lab:
    """What `start` returns: the chapter's seeds by name."""

    chapter: str

    @property
    def seed(self) -> int:
        """The run's seed (0 unless TUTORIAL_SEED is set)."""
        return settings.seed()

    @property
    def full(self) -> bool:
        """True while evidence is recorded: an experiment of the recorded tier then runs at its full length."""
        return settings.full()

    def rng(self, name: str) -> torch.Generator:
        """A generator for the experiment `name`: running its cell again gives the same draws.  Taught in 00."""
        from tutorial_lib.kit.random import generator

        return generator(self.chapter, name)

    def seeded(self, name: str) -> AbstractContextManager[None]:
        """A context in which module initialisation and dropout are seeded by `name`.  Taught in 11."""
        from tutorial_lib.kit.random import seeded

        return seeded(self.chapter, name)


def begin(chapter: str, card: tuple[str, str] | None = None) -> Lab:
    """Set threads and style, show the opening `card` (text, HTML) if there is one, return the Lab."""
    import torch

    from tutorial_lib.kit import budget, plot, store

    torch.set_num_threads(1)  # on a busy two-core laptop two threads were ten times slower than one
    plot.use_house_style()
    if settings.mode() == "test":
        budget.arm(chapter)
    if settings.mode() == "learn":
        store.note_start(chapter)
    if card:
        page.put(*card)
    return Lab(chapter)
