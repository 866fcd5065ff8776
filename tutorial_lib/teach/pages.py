"""A chapter as a page to print and as slides: one HTML file each, pictures, formulas and scripts inside it.

Formulas become MathML, which browsers draw by themselves, so that nothing is fetched; pictures carry their
descriptions; explorers are the pictures that stand in the executed notebook.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import nbformat

from tutorial_lib.course import chapters

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / "templates"
LONG = 8  # lines: a longer cell that draws is left out of the slides, its picture stays
SHORT = 45  # words: a text no longer than this shares its slide with the picture that follows
FORMULA = re.compile(r"(?P<code>```.*?```|`[^`\n]*`)|\$\$(?P<block>.+?)\$\$|(?<![\\$])\$(?P<line>[^$]+?)\$", flags=re.S)


def mathml(latex: str, block: bool = False) -> str:
    """A formula as MathML.  Raises ValueError, naming the formula, for LaTeX that cannot be converted."""
    from latex2mathml.converter import convert

    # the converter knows \Big before signs alone, and no \arg
    known = re.sub(r"\\(?:[bB]igg?)[lr]?\s*(?=\\[lr]angle)", "", latex.strip())
    known = re.sub(r"(\\text\{[^{}$]*)\$([^$]+)\$", r"\1}\2\\text{", known)  # a formula within words
    known = re.sub(r"\\arg(?![a-z])", r"\\operatorname{arg}", known)
    try:
        found = convert(known, display="block" if block else "inline")
    except Exception as error:
        raise ValueError(f"this formula cannot be converted to MathML: {latex.strip()} ({error})") from None
    if left := re.findall(r"\\[A-Za-z]+", found):
        raise ValueError(f"this formula cannot be converted to MathML: {latex.strip()} (unknown: {', '.join(left)})")
    return found


def with_formulas(text: str) -> str:
    """Markdown whose formulas are MathML; what stands in code is left as it is."""
    def replace(match: re.Match[str]) -> str:
        if match["code"] is not None:
            return match["code"]
        found = mathml(match["block"] or match["line"], match["block"] is not None)
        found = found.replace("*", "&#42;").replace("_", "&#95;")  # no emphasis in a formula
        return f"\n\n{found}\n\n" if match["block"] is not None else found

    return FORMULA.sub(replace, text)


def with_links(text: str) -> str:
    """Markdown whose links to chapters lead to their pages; all pages lie in one folder."""
    return re.sub(r"\]\((?:[^)#]*/)?(\d\d_[a-z_0-9]+)\.ipynb\)", r"](\1.html)", text)


def picture(output: Any) -> Any:
    """An output whose picture is an <img> with its description; any other output as it is."""
    data = output.get("data", {})
    if "image/png" not in data:
        return output
    alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
    source = "".join(data["image/png"].split())
    image = f'<img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{source}">'
    return nbformat.v4.new_output("display_data", {"text/html": image})


def opened(path: Path) -> nbformat.NotebookNode:
    """An executed chapter, prepared: formulas, links and pictures; cells cut at headings of the second level."""
    notebook = nbformat.read(path, as_version=4)
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for piece in re.split(r"(?m)^(?=## )", cell.source):
                if piece.strip():
                    cells.append(nbformat.v4.new_markdown_cell(with_formulas(with_links(piece.strip()))))
        else:
            cell.outputs = [picture(o) for o in cell.outputs]
            cells.append(cell)
    notebook.cells = cells
    title = re.search(r"^# (.+)$", notebook.cells[0].source, flags=re.M)
    notebook.metadata["title"] = title.group(1) if title else path.stem
    return notebook


def draws(cell: Any) -> bool:
    """True for a code cell that shows a picture."""
    return any("<img " in o.get("data", {}).get("text/html", "") for o in cell.get("outputs", []))


def as_slides(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Each heading begins a slide, each text another below it; code follows its text.

    A picture has a slide of its own unless a short text announces it; its code is left out when it is long.
    """
    for number, cell in enumerate(notebook.cells):
        kind = "-"
        if cell.cell_type == "markdown":
            kind = "slide" if number == 0 or cell.source.startswith("## ") else "subslide"
        elif draws(cell):
            before = notebook.cells[number - 1]
            short = before.cell_type == "markdown" and len(before.source.split()) <= SHORT
            kind = "-" if short else "subslide"
            if len([line for line in cell.source.splitlines() if line.strip()]) > LONG:
                cell.source = ""
        cell.metadata["slideshow"] = {"slide_type": kind}
    return notebook


def converted(notebook: nbformat.NotebookNode, template: str, style: str, **resources: str) -> str:
    """The notebook as one HTML page by one of our templates.  Raises ValueError when it would fetch anything."""
    from nbconvert.exporters import HTMLExporter

    exporter = HTMLExporter(template_name=template, extra_template_basedirs=[str(TEMPLATES)])
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    page, _ = exporter.from_notebook_node(notebook, {"course_css": style, **resources})
    if fetched := fetches(page):
        raise ValueError(f"the page would fetch {', '.join(fetched)}")
    return page


def fetches(page: str) -> list[str]:
    """What a browser would fetch to show a page: sources and style sheets that are not in it."""
    page = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    pattern = r'(?:<(?:script|img|iframe|audio|video|source)[^>]*\ssrc|<link[^>]*\shref)="(?!data:)([^"]+)"'
    return re.findall(pattern, page)


def style(*names: str) -> str:
    """Style sheets, one after the other."""
    return "\n".join((TEMPLATES / f"{name}.css").read_text(encoding="utf-8") for name in names)


def printable(chapter: str) -> str:
    """A chapter as one HTML page to read and to print.  Raises KeyError for a chapter that does not exist."""
    c = chapters.chapter(chapter)
    return converted(opened(chapters.NOTEBOOKS / c.notebook), "course_print", style("print"))


def slides(chapter: str) -> str:
    """A chapter as one HTML file of slides.  Raises KeyError for a chapter that does not exist."""
    c = chapters.chapter(chapter)
    js, css = ((HERE / "reveal" / f"reveal.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    notebook = as_slides(opened(chapters.NOTEBOOKS / c.notebook))
    return converted(notebook, "course_slides", style("print", "slides"), reveal_js=js, reveal_css=css)
