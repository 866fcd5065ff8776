"""What the kit puts on a page: cards readable as text, in a light and a dark theme, and aloud."""

from __future__ import annotations

import html
from collections.abc import Mapping

# One look per kind of card: sign, colour of the edge.  The sign and the words carry the meaning, never colour alone.
LOOKS = {
    "passed": ("✓", "#2a9d6f"),
    "open": ("○", "#7a869a"),
    "wrong": ("✗", "#d1603d"),
    "note": ("·", "#4477aa"),
    "holds": ("✓", "#2a9d6f"),
    "fails": ("✗", "#d1603d"),
    "question": ("?", "#8a63b8"),
}


def escape(text: object) -> str:
    """Text made safe for HTML; `code` in backticks becomes <code>."""
    parts = html.escape(str(text), quote=False).split("`")
    if len(parts) % 2 == 0:  # an odd backtick: leave the text as it is
        return html.escape(str(text), quote=False)
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def fold(summary: str, inner: str) -> str:
    """A part that opens on click or with Enter; `inner` is HTML."""
    return f"<details><summary>{escape(summary)}</summary>\n{inner}\n</details>"


def code_block(source: str) -> str:
    """Source text as HTML, as it stands."""
    return f"<pre><code>{html.escape(source.strip(), quote=False)}</code></pre>"


def card(look: str, title: str, *body: str, live: bool = False) -> str:
    """An HTML card: `title` is text, `body` are pieces of HTML.  It takes its colours from the page.

    `live` is for what appears in answer to the reader: a screen reader then says it at once.
    """
    (sign, edge), role = LOOKS[look], "status" if live else "note"
    inner = "\n".join(body)
    return (
        f'<div role="{role}" style="border-left:5px solid {edge};padding:.4em 1em;margin:.4em 0;'
        f'background:rgba(127,127,127,.08);color:inherit;max-width:52em;line-height:1.5">\n'
        f'<strong><span aria-hidden="true">{sign}</span> {escape(title)}</strong>\n{inner}\n</div>'
    )


def paragraph(text: str) -> str:
    """One paragraph of escaped text."""
    return f'<p style="margin:.3em 0">{escape(text)}</p>'


def table(rows: Mapping[str, str] | list[tuple[str, str]]) -> str:
    """Two columns, heading and cell, both escaped; reads row by row."""
    pairs = rows.items() if isinstance(rows, Mapping) else rows
    cells = "\n".join(
        '<tr><th scope="row" style="text-align:left;vertical-align:top;padding:.15em 1em .15em 0;white-space:nowrap">'
        f'{escape(k)}</th><td style="text-align:left;padding:.15em 0">{escape(v)}</td></tr>'
        for k, v in pairs
    )
    return f'<table style="margin:.3em 0;color:inherit">\n{cells}\n</table>'


def put(text: str, markup: str | None = None, extra: Mapping[str, object] | None = None,
        metadata: Mapping[str, object] | None = None) -> None:
    """Display one output: plain `text`, HTML `markup`, further MIME types in `extra`; prints outside Jupyter."""
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(text)
        return
    bundle: dict[str, object] = {"text/plain": text, **(extra or {})}
    if markup is not None:
        bundle["text/html"] = markup
    display(bundle, raw=True, metadata=dict(metadata or {}))
