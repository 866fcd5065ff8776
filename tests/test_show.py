"""show and page: figures with descriptions, cards that read as text, nothing unescaped."""

import base64
import html
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tutorial_lib.kit import page, plot
from tutorial_lib.kit.show import base64_png, check_description, picture, png, show

ALT = 'A line that rises from "zero" to one.'


def figure(color="black"):
    fig, (ax,) = plot.figure(width=1, height=1)
    ax.plot([0, 1], color=color)
    return fig


def test_the_same_figure_gives_the_same_bytes():
    assert png(figure()) == png(figure()) and png(figure()).startswith(b"\x89PNG")


def test_greys_become_32_levels_and_colours_reduced_to_a_palette():
    """Independent oracle: matplotlib's own pixels."""
    for style, mode in (("black", "L"), ("red", "P")):
        fig, raw = figure(style), io.BytesIO()
        small = Image.open(io.BytesIO(png(fig)))
        figure(style).savefig(raw, format="png", bbox_inches="tight", pad_inches=0.08)
        wanted, got = (np.asarray(i.convert("RGB")).astype(int) for i in (Image.open(raw), small))
        assert small.mode == mode and got.shape == wanted.shape
        assert abs(got - wanted).max() <= (5 if mode == "L" else 48) and abs(got - wanted).mean() < 1


def test_a_figure_is_shown_with_its_description(learner, shown):
    show(figure(), alt=f"  {ALT}\n")
    assert shown[0].text == f"[figure: {ALT}]" and shown[0].metadata == {"image/png": {"alt": ALT}}
    assert base64.b64decode(shown[0].extra["image/png"]) == png(figure())
    assert 'alt="A line that rises from &quot;zero&quot; to one."' in shown[0].extra["text/html"]


def test_an_executed_chapter_keeps_the_png_alone(monkeypatch):
    monkeypatch.setenv("TUTORIAL_MODE", "notebooks")
    assert picture(b"x", ALT)[0] == {"image/png": base64_png(b"x")} == {"image/png": "eA=="}


@pytest.mark.parametrize("alt", ["", "   ", "plot", None, 3, "a" * 14 + "  "])
def test_a_figure_without_a_description_is_refused(alt):
    with pytest.raises(ValueError, match="needs a description"):
        check_description(alt)


@given(st.text(alphabet="<>&`ab \"'", max_size=12))
def test_escaped_text_holds_no_tag_but_code_and_reads_as_before(text):
    marked = page.escape(text)
    bare = marked.replace("<code>", "`").replace("</code>", "`")
    assert "<" not in bare and ">" not in bare and html.unescape(bare) == text
    assert marked.count("<code>") == marked.count("</code>")


def test_an_odd_backtick_is_left_alone():
    assert page.escape("a `b` ` c") == "a `b` ` c" and page.escape("a `b<` c") == "a <code>b&lt;</code> c"


def test_cards_carry_meaning_in_sign_and_words():
    card = page.card("wrong", "a < b", page.paragraph("x & y"), page.code_block("\nif a < b:\n    pass\n"))
    assert "✗" in card and "a &lt; b" in card and "x &amp; y" in card and "<code>if a &lt; b:\n    pass</code>" in card
    assert 'role="note"' in card and "<script" not in card
    assert 'role="status"' in page.card("passed", "said at once", live=True)
    with pytest.raises(KeyError):
        page.card("unknown", "")


def test_tables_have_row_headings_from_pairs_or_a_mapping():
    table = page.table({"a<": "1"})
    assert table == page.table([("a<", "1")]) and '<th scope="row"' in table and "a&lt;" in table
    assert page.fold("More <", "<p>in</p>") == "<details><summary>More &lt;</summary>\n<p>in</p>\n</details>"


def test_put_prints_in_plain_python(capsys):
    page.put("text", "<p>html</p>")
    assert capsys.readouterr().out == "text\n"


def test_put_displays_one_bundle_in_jupyter(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda bundle, **more: seen.append((bundle, more)))
    page.put("text", "<p>", {"image/png": "x"}, {"image/png": {"alt": "a"}})
    page.put("text")
    assert seen == [({"text/plain": "text", "image/png": "x", "text/html": "<p>"},
                     {"raw": True, "metadata": {"image/png": {"alt": "a"}}}),
                    ({"text/plain": "text"}, {"raw": True, "metadata": {}})]
