"""Explorers in a real browser: every control of a chapter moved by keyboard, and Reset brings the first picture back.

`make test` drives one light chapter of parts 3 and 4 (12 and 21 have modules of their own); BROWSE=all, or the ids of
chapters, drives more: `BROWSE=22,31 python -m tutorial_lib test tests/browser/test_explorers.py -s`.
"""

import os
import time

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tutorial_lib.course import chapters

LIGHT = ("30", "41")


def wanted() -> tuple[str, ...]:
    """The chapters to drive: all that have an explorer, or those asked for."""
    asked = os.environ.get("BROWSE", "")
    if asked == "all":
        written = chapters.all_chapters().values()
        return tuple(c.id for c in written if "explore(" in "".join(chapters.code_cells(chapters.NOTEBOOKS / c.path)))
    return tuple(asked.split(",")) if asked else LIGHT


@pytest.fixture(scope="module", params=wanted())
def chapter(page, request):
    """A chapter in the reader's copy, run from top to bottom."""
    page.open_chapter(request.param)
    print(f"\nchapter {request.param}: Run All took {page.run_all():.0f} s")
    assert page.errors() == []
    return request.param


def explorers(page):
    """The cells that hold an explorer, each scrolled to, with its box."""
    for cell in page.js("return [...arguments[0].querySelectorAll('.jp-CodeCell')]", page.panel()):
        page.see(cell)
        if boxes := [b for b in page.all(".widget-vbox", cell) if page.all("img", b)]:
            yield cell, boxes[0]


def key_for(control) -> str:
    """The key that changes a control: a slider steps right, or left from its end; a box is ticked."""
    if control.get_attribute("role") != "slider":
        return Keys.SPACE
    return Keys.ARROW_LEFT if control.get_attribute("aria-valuenow") == control.get_attribute("aria-valuemax") else (
        Keys.ARROW_RIGHT)


def choose_another(page, control) -> None:
    """A dropdown's next option."""
    options = control.find_elements(By.TAG_NAME, "option")
    at = next(i for i, o in enumerate(options) if o.is_selected())
    options[(at + 1) % len(options)].click()


def test_every_control_changes_the_picture_and_reset_brings_the_first_one_back(page, chapter):
    driven = 0
    for cell, box in explorers(page):
        first = page.wait(lambda box=box: page.picture(box), "the explorer's picture")
        controls = page.all("[role=slider], select, input[type=checkbox]", box)
        moved, slowest = set(), 0.0
        for control in controls:
            page.see(control)
            before, began = page.picture(box), time.monotonic()
            if control.tag_name == "select":
                choose_another(page, control)
            else:
                control.send_keys(key_for(control))
            try:
                page.wait(lambda box=box, before=before: page.picture(box) not in ("", before), "another picture", 8)
                moved.add(control.id)
            except pytest.fail.Exception:
                print(f"  the picture stayed: {page.source(cell)[:60]!r}, control {controls.index(control) + 1}")
            slowest = max(slowest, time.monotonic() - began)
        assert moved, f"no control of this explorer changes its picture:\n{page.source(cell)}"
        page.see(page.all("button", box)[-1]).click()
        page.wait(lambda box=box, first=first: page.picture(box) == first, "the first picture again")
        said = " ".join(b.text for b in page.all(".widget-html", box))
        assert "could not be drawn" not in said
        driven += 1
        print(f"  {len(moved)} of {len(controls)} controls, slowest {slowest:.2f} s: {page.source(cell)[-70:]!r}")
    assert driven, "this chapter has no explorer"
