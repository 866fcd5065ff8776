"""Slides, a handout and a teacher's page, opened from a folder as from a stick: no server, no network."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tutorial_lib.teach import pages, teacher

WIDER = """return [...document.querySelectorAll('main > *, main table, main img, .present > *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 120))"""
BROKEN = "return [...document.images].filter(i => !i.complete || !i.naturalWidth).length"
FETCHED = "return performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith('data:'))"


@pytest.fixture(scope="module")
def folder(programs, tmp_path_factory):
    """Three pages of chapter 11 on a stick."""
    pytest.importorskip("latex2mathml", reason="the extra `teach` is not installed")
    target = tmp_path_factory.mktemp("stick")
    for name, text in (("slides", pages.slides("11")), ("handout", pages.printable("11")),
                       ("teacher", teacher.teacher_page("11"))):
        (target / f"{name}.html").write_text(text, encoding="utf-8")
    return target


@pytest.mark.parametrize("name", ["handout", "teacher", "slides"])
def test_everything_on_a_page_is_in_it_and_fits(chromium, folder, name):
    chromium.get((folder / f"{name}.html").as_uri())
    assert chromium.execute_script(FETCHED) == [] and chromium.execute_script(BROKEN) == 0
    assert chromium.execute_script(WIDER) == []
    assert [e["message"] for e in chromium.get_log("browser") if e["level"] == "SEVERE"] == []
    assert chromium.find_elements(By.TAG_NAME, "math") or name == "teacher"


def test_formulas_are_drawn_with_a_height(chromium, folder):
    chromium.get((folder / "handout.html").as_uri())
    heights = chromium.execute_script(
        "return [...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)")
    assert len(heights) > 20 and min(heights) > 5


def test_slides_go_on_by_keyboard_to_the_end_and_none_is_empty(chromium, folder):
    chromium.get((folder / "slides.html").as_uri())
    body = chromium.find_element(By.TAG_NAME, "body")
    total = chromium.execute_script("return Reveal.getTotalSlides()")
    seen = []
    for _ in range(total):
        text, pictures = chromium.execute_script(
            "const s = Reveal.getCurrentSlide(); return [s.innerText.trim(), s.querySelectorAll('img').length]")
        assert text or pictures, f"slide {len(seen) + 1} is empty"
        seen.append(chromium.execute_script("return Reveal.getSlidePastCount()"))
        body.send_keys(Keys.ARROW_RIGHT)
    assert seen == list(range(total)) and chromium.execute_script("return Reveal.isLastSlide()")
