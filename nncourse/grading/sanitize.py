"""What a student wrote, made harmless for the lecturer's browser and terminal.

A browser that opens a graded notebook, its feedback or a report runs whatever HTML a cell or an
output holds, and a terminal obeys whatever escape codes are printed. So nothing of a submission is
shown as it came: control characters are taken out of all text, Markdown keeps its form but neither
HTML nor links that could run something, outputs keep the few types that can be shown safely, and
HTML goes through nh3, the binding of the well-proven Ammonia.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from nncourse.check.call import printable
from nncourse.grading.assignment import role_of, text_of
from nncourse.grading.own import is_own

# Tags that are only form. They stay in Markdown if they carry no attribute, and if they are whole
# on their line: a mark at the start of the next one, as of a quotation, is no end of a tag.
HARMLESS = "b|i|u|s|em|strong|sub|sup|br|hr|p|ul|ol|li|kbd|small|center"
# Every other "<" that a browser could take for the start of a tag, by HTML's own rule.
_TAG = re.compile(rf"<(?=[A-Za-z/!?])(?!/?(?:{HARMLESS})[ \t]*/?>)", re.IGNORECASE | re.ASCII)
# "](" opens the address of a link, "]:" one that is given further down.
_LINK = re.compile(r"\](?=\((?!https?://|#)|:(?![ \t]*\n?[ \t]*https?://))")
# TeX commands that MathJax turns into links, styles, attributes or further programs; that change
# what commands mean on the rest of the page; that draw over something else on it.
_TEX = re.compile(
    r"\\(?=(?:href|url|style|class|cssId|require|bbox|unicode|data|html\w*|includegraphics"
    r"|mmlToken|texttip|mathtip|toggle|enclose|[egx]?def|let|(?:re)?new(?:command|environment)"
    r"|DeclareMathOperator|providecommand|definecolor|raise|lower|move(?:left|right)|m?kern"
    r"|[mh]skip|[mh]space|Space|neg(?:thin|med|thick)space|[Rr]ule|[rl]lap|math[rlc]lap|smash"
    r"|(?:up|left)root|skew)(?![A-Za-z])|!(?<=\\!\\!\\!\\!))"
)
# Where nbconvert looks for the other end of a formula, from each of them to the end of the text.
_OPEN = {"\\\\[": "\\\\]", "\\\\(": "\\\\)", "\\begin{": "\\end{"}
# A diagram in a block of code is drawn by a program that follows links of its own.
_DIAGRAM = re.compile(r"([`~]{3})(?=[^\S\n]*(?:mermaid|[^\s`~]*[&\\]))", re.IGNORECASE)

# What may begin or end an emphasis; each is compared with all others that are open.
_MARKS = re.compile(r"(?<=[^\s*_~])[*_~]++|(?<![*_~])[*_~]++(?=[^\s*_~])")

# Readers of Markdown look from each of them to the last, in case that the line ends there.
_BLANKS = re.compile(r"([^\S\n]{100})[^\S\n]+")

# For each part of a dotted name the painter of code looks at all that follow, in case of a "?".
_DOTTED = re.compile(r"(?<!\w)(?:\w*[.*]){50}")
# And for each blank and each end of an empty line at all empty lines that follow.
_EMPTY = re.compile(r"^(?:[^\S\n]*+\n)++", re.MULTILINE)

EMPTY = 50  # lines in a row
FORMULAS = 50  # that may be left open
MARKS = 1000  # that count in one text
SHOWN = 30_000  # characters of an answer; to draw half a million takes minutes

# Marks over and under a letter. Any number of them may be piled up, over the lines around. Last
# those that choose a letter's form: they are drawn as nothing, and a pile goes on behind them.
_MARK = (
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_PILE = re.compile(f"({_MARK}{{3}}){_MARK}+")

# Where other scripts have theirs: soon passed over by what is in English or Russian.
_FAR = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u1dff\u20d0-\u20ff\u2ce0-\u2dff\u302a-\u309a\ua66f-\uabff"
    "\ufb1e\ufe00-\ufe2f\U00010000-\U0001ffff\U000e0100-\U000e01ef]{6}"
)

IMAGES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


def clean_text(text: Any) -> str:
    """Text for a terminal or a file: without escape codes and other control characters, and
    without what is drawn over other lines."""
    text = printable(text if isinstance(text, str) else "".join(_parts(text)))
    text = text if text.isascii() else _PILE.sub(r"\1", text)
    return _stack().sub(r"\1", text) if not text.isascii() and _FAR.search(text) else text


@cache
def _stack() -> re.Pattern[str]:
    """More marks at one place than any language writes, also of scripts that need several."""
    letters = map(chr, range(0x300, 0x20000))
    marks = "".join(letter for letter in letters if unicodedata.category(letter) in ("Mn", "Me"))
    return re.compile(f"([{marks}]{{5}})[{marks}]+")


def one_line(text: Any) -> str:
    """The same without the ends of lines, so that no name or note can pass for another line."""
    return clean_text(text).replace("\n", " ").replace("\t", " ")


def clean_markdown(text: Any) -> str:
    """Markdown that renders to no HTML of its author's, no image, and no link but to the web.

    A blank after the character that would begin such a thing makes it plain text, which reads
    nearly as it was written. Applied twice it changes nothing more.
    """
    text = _BLANKS.sub(r"\1", clean_text(text))
    text = _TAG.sub("< ", text)
    text = text.replace("![", "! [")
    text = _LINK.sub("] ", text)
    text = _DIAGRAM.sub(r"\1text ", text)
    for opening, closing in _OPEN.items():
        if text.count(opening) > text.count(closing) + FORMULAS:
            text = text.replace(opening, f"{opening[:-1]} {opening[-1]}")
    number = itertools.count()
    text = _MARKS.sub(lambda m: m[0] if next(number) < MARKS else f" {m[0]} ", text)
    return _TEX.sub(r"\\ ", text)


def clean_code(text: Any) -> str:
    """Code as text that is soon painted."""
    text = _EMPTY.sub(lambda lines: "\n" * min(lines[0].count("\n"), EMPTY), clean_text(text))
    return _DOTTED.sub(r"\g<0> ", text)


def clean_html(text: Any) -> str:
    """HTML of which only form is left: no script, style, image, form, frame or event handler."""
    import nh3

    return nh3.clean(
        clean_text(text),
        tags=nh3.ALLOWED_TAGS - {"img", "map", "area", "style", "link"},
        attributes={"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}},
        # Not only known schemes: what looks like a relative address may be a scheme in disguise.
        attribute_filter=lambda _tag, name, value: (
            value if name != "href" or value.startswith(("https://", "http://")) else None
        ),
        link_rel="noopener noreferrer nofollow",
    )


def clean_notebook(notebook: dict[str, Any]) -> dict[str, Any]:
    """Make a graded notebook harmless, in place; returns it.

    The answers and the student's own cells, as far as they are shown, and all outputs are cleaned;
    the other cells are the lecturer's.
    """
    for cell in notebook["cells"]:
        if role_of(cell).get("solution") or is_own(cell):
            markdown = cell.get("cell_type") != "code"
            source = text_of(cell)
            source = source if len(source) <= SHOWN else source[:SHOWN] + "\n..."
            cell["source"] = clean_markdown(source) if markdown else clean_code(source)
            cell.pop("attachments", None)
        if "outputs" in cell:
            cell["outputs"] = [clean for o in cell["outputs"] if (clean := clean_output(o))]
    # The state of widgets is code and HTML that the browser is to load.
    notebook["metadata"].pop("widgets", None)
    return notebook


def clean_output(output: Mapping[str, Any]) -> dict[str, Any] | None:
    """An output of which only harmless types are left; None if nothing is."""
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": kind, "name": name, "text": clean_text(output.get("text", ""))}
    if kind == "error":
        trace = [clean_text(line) for line in _parts(output.get("traceback", []))]
        name, value = (clean_text(output.get(key, "")) for key in ("ename", "evalue"))
        return {"output_type": kind, "ename": name, "evalue": value, "traceback": trace}
    if kind not in ("execute_result", "display_data"):
        return None
    data = clean_data(output.get("data", {}))
    if not data:
        return None
    made: dict[str, Any] = {"output_type": kind, "data": data, "metadata": {}}
    if kind == "execute_result":
        count = output.get("execution_count")
        made["execution_count"] = count if type(count) is int else None
    return made


def clean_data(data: Any) -> dict[str, str]:
    """The harmless types of a bundle: text, HTML and Markdown cleaned, PNG and JPEG.

    SVG, scripts, widgets, and every type that a browser's extension might render are left out.
    """
    kept: dict[str, str] = {}
    if not isinstance(data, Mapping):
        return kept
    clean = {"text/plain": clean_text, "text/html": clean_html, "text/markdown": clean_markdown}
    for kind, value in data.items():
        if kind in clean:
            kept[kind] = clean[kind](value)
        elif kind in IMAGES and (image := clean_image(kind, value)):
            kept[kind] = image
    return kept


def clean_image(kind: str, value: Any) -> str:
    """A picture in base 64 if it begins as its type does, or ''."""
    try:
        data = base64.b64decode("".join(_parts(value)).encode("ascii").translate(None, b"\r\n "))
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(data).decode() if data.startswith(IMAGES[kind]) else ""


def _parts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []
