"""Slides as a page of HTML: cells, outputs, and the frame around them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from nncourse.course.formula import FormulaError, mathml
from nncourse.course.formula.font import math_font
from nncourse.course.slides.parts import COMMENT, Slide
from nncourse.language import catalogue, current

_ = catalogue("course")

# A browser is told as well that this page fetches nothing.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; font-src data:; media-src data:"
)
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
_ESCAPE_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Writer:
    """Cells as HTML."""

    def __init__(self) -> None:
        from markdown_it import MarkdownIt
        from mdit_py_plugins.dollarmath import dollarmath_plugin
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        self.problems: list[str] = []
        self.where = ""
        self.markdown = MarkdownIt("commonmark", {"html": True, "highlight": self.highlight})
        self.markdown.enable(["table", "strikethrough"])
        self.markdown.use(dollarmath_plugin, double_inline=True, renderer=self.formula)
        self.markdown.add_render_rule("link_open", _link)
        self.lexer = PythonLexer(stripnl=False)
        self.formatter = HtmlFormatter(nowrap=True, classprefix="py-")

    def formula(self, tex: str, options: Mapping[str, Any]) -> str:
        try:
            return mathml(tex, display=options["display_mode"])
        except FormulaError as error:
            self.problems.append(
                _("slide {where}: {error} in {tex}", where=self.where, error=error, tex=tex.strip())
            )
            return f"<code>{escape(tex.strip())}</code>"

    def highlight(self, code: str, language: str, attributes: str = "") -> str:
        from pygments import highlight

        if language not in ("", "python", "py", "ipython3"):
            return escape(code)
        return highlight(code, self.lexer, self.formatter)

    def slide(self, slide: Slide, number: int) -> str:
        self.where = f"{number} ({slide.title()})"
        steps = [
            f'<div class="step{" later" if later else ""}">{"".join(map(self.cell, cells))}</div>'
            for later, cells in enumerate(slide.steps)
        ]
        # Folded in the notebook; the lecturer's window shows them at once.
        notes = "".join(
            self.cell(cell).replace("<details>", "<details open>", 1) for cell in slide.notes
        )
        return (
            f'<section class="slide" id="slide-{number}" data-title="{escape(slide.title())}">'
            f'<div class="content">{"".join(steps)}</div>'
            f"{f'<aside hidden>{notes}</aside>' if notes else ''}</section>"
        )

    def cell(self, cell: Mapping[str, Any]) -> str:
        if cell["cell_type"] != "code":
            text = COMMENT.sub("", cell["source"])
            return f'<div class="cell text">{self.markdown.render(text)}</div>'
        code = ""
        if not cell["metadata"].get("jupyter", {}).get("source_hidden") and cell["source"].strip():
            code = f'<pre class="code">{self.highlight(cell["source"].rstrip(), "python")}</pre>'
        outputs = "".join(map(self.output, cell.get("outputs", [])))
        drawn = " drawn" if code and ("<img" in outputs or "<svg" in outputs) else ""
        return f'<div class="cell{drawn}">{code}<div class="outputs">{outputs}</div></div>'

    def output(self, output: Mapping[str, Any]) -> str:
        if output["output_type"] == "stream":
            return _printed(output["text"])
        if output["output_type"] == "error":
            return _printed(f"{output['ename']}: {output['evalue']}")
        data = output["data"]
        for kind in IMAGES:
            if kind in data:
                if kind == "image/svg+xml":
                    return str(data[kind])
                alt = output["metadata"].get(kind, {}).get("alt", "")
                code = "".join(data[kind].split())
                return f'<img alt="{escape(alt)}" src="data:{kind};base64,{code}">'
        if "text/html" in data:
            return f'<div class="html">{data["text/html"]}</div>'
        if "text/markdown" in data:
            return self.markdown.render(data["text/markdown"])
        if "text/latex" in data:
            return self.markdown.render(data["text/latex"])
        return _printed(data.get("text/plain", ""))


def _printed(text: str) -> str:
    return f'<pre class="printed">{escape(_ESCAPE_CODES.sub("", text).rstrip())}</pre>'


def _link(_self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """A link to the web opens beside the slides; one to another notebook leads nowhere here."""
    address = str(tokens[index].attrs.get("href", ""))
    if not address.startswith(("https://", "http://", "mailto:")):
        return "<a>"
    return f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer">'


def page(title: str, body: str) -> str:
    folder = Path(__file__).parent
    style = (folder / "slides.css").read_text(encoding="utf-8")
    script = (folder / "slides.js").read_text(encoding="utf-8")
    font = f'@font-face {{ font-family: "Formulas"; src: {math_font()}; }}'
    keys = "".join(f"<dt>{key}</dt><dd>{escape(text)}</dd>" for key, text in _keys())
    # Outside of the string below, in which the catalogue's tool would not find them.
    back, on, now, help_ = map(escape, (_("back"), _("on"), _("slide"), _("keys")))
    notes, following, none = map(escape, (_("Notes"), _("next"), _("no notes to this slide")))
    return f"""<!doctype html>
<html lang="{current()}"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{font}
{style}</style></head>
<body><main>
{body}
</main>
<nav hidden><span class="title">{escape(title)}</span>
<button id="help" aria-label="{help_}">?</button>
<button id="back" aria-label="{back}">‹</button>
<output id="number" aria-label="{now}" aria-live="polite"></output>
<button id="on" aria-label="{on}">›</button></nav>
<dialog id="keys" aria-label="{help_}"><dl>{keys}</dl></dialog>
<template id="notes-page" data-next="{following}" data-title="{notes}"
 data-empty="{none}"></template>
<script>{script}</script></body></html>
"""


def _keys() -> list[tuple[str, str]]:
    """The keys, and what each does; by their place on the keyboard, whatever its language."""
    return [
        ("→ ↓ PgDn ␣", _("on, step by step")),
        ("← ↑ PgUp", _("back")),
        ("Home End", _("first and last slide")),
        ("O Esc", _("overview")),
        ("A", _("open or close the answers on the slide")),
        ("D", _("light or dark")),
        ("N", _("notes in a window of their own")),
        ("F", _("full screen")),
        ("Ctrl+P", _("print, or save as PDF: one slide a page")),
        ("?", _("these keys")),
    ]
