"""The papers that the course teaches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper as it is cited: `authors` in full for three or fewer, else the first "et al."."""

    id: str
    title: str
    authors: str
    year: int
    link: str


PAPERS = {p.id: p for p in (
    Paper("jordan-vae", "Variational autoencoders", "Jeremy Jordan", 2018,
          "https://www.jeremyjordan.me/variational-autoencoders/"),
)}
