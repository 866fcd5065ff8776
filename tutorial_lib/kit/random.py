"""Seeds that depend on what an experiment is called, not on when it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tutorial_lib.kit import settings


def seed_for(*names: object) -> int:
    """A seed in [0, 2**63) derived from `names` and the run's seed; the same on every machine."""
    text = "\x1f".join([str(settings.seed()), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*names: object) -> torch.Generator:
    """A generator of its own for the experiment called `names`."""
    return torch.Generator().manual_seed(seed_for(*names))


@contextmanager
def seeded(*names: object) -> Iterator[None]:
    """A context in which torch's global generator is seeded by `names`, then put back as it was.

    Module initialisation and dropout draw from the global generator; inside this context they depend on
    `names` alone, and nothing outside it notices.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(*names))
        yield
