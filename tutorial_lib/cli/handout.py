"""`make handout CHAPTER=11`: a chapter as a page to read and to print, one file that needs no network."""

from __future__ import annotations

from tutorial_lib.cli import slides


def main(argv: list[str]) -> int:
    """Write one HTML file for each chapter named, or for all."""
    return slides.main(argv, "handout")
