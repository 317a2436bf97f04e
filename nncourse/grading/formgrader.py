"""Cells in the formgrader: formulas without the network, and the marks beside a written answer.

nbgrader's pages load MathJax from afar to draw what stands between dollar signs, and show a written
answer without what it is graded by. In a configured course its filters are these:

    c.HTMLExporter.filters = {
        "markdown2html": "nncourse.grading.formgrader.markdown",
        "highlight_code": "nncourse.grading.formgrader.code",
    }

Formulas become MathML; one that our converter does not know is left to MathJax. Not so in what a
student wrote: MathJax knows commands that draw anywhere on the page, and formulas over which a
browser breaks down; so what our converter does not know is shown there as it was written. Nor are
blocks of code painted there: the language is of the student's choice. And whatever takes too long
to draw is shown as it was written (``in_time``).

Above a written answer stands, folded, the lecturer's own with its marks, out of ``source/``. It is
on the page for the lecturer only, never in the notebook. All else is as nbconvert has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from nncourse.course.formula import FormulaError, mathml
from nncourse.grading.assignment import role_of, text_of
from nncourse.grading.in_time import Allowance
from nncourse.grading.own import is_own
from nncourse.language import catalogue, current, using

_ = catalogue("course")


WITHOUT_MATHJAX = "tex2jax_ignore mathjax_ignore"  # for its second version, and for later ones
# Tags that change the looks of all that follows on the page, until they are closed.
LOOKS = re.compile(r"<(b|i|u|s|em|strong|small)[ \t]*/?>", re.IGNORECASE | re.ASCII)


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        try:
            return mathml(body)
        except FormulaError:
            return super().inline_math(body)

    def block_math(self, body: str) -> str:
        try:
            return mathml(body, display=True)
        except FormulaError:
            return super().block_math(body)


class _Students(_Renderer):
    def heading(self, text: str, level: int, **_attributes: Any) -> str:
        # By the ids on its page the formgrader finds the boxes for points.
        return f"<h{level}>{text}</h{level}>\n"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        # Within Jupyter, where the lecturer is signed in, an address alone can run a program.
        address = escape(url)
        return text if address in text else f"{text} ({address})"

    def block_code(self, code: str, info: str | None = None) -> str:
        # Painters of many languages take hours for some texts, and Jupyter does nothing else then.
        return super().block_code(code)

    def inline_math(self, body: str) -> str:
        return _as_written(super().inline_math(body))

    def block_math(self, body: str) -> str:
        return _as_written(super().block_math(body))

    def latex_environment(self, name: str, body: str) -> str:
        return _as_written(super().latex_environment(name, body))


def _as_written(html: str) -> str:
    return html if html.startswith("<math") else f"<code>{html}</code>"


@pass_context
def markdown(context: Any, source: str) -> str:
    """The HTML of a Markdown cell; ``context``: the template's, which knows the cell."""
    cell = context.get("cell", {})
    if role_of(cell).get("solution") or is_own(cell):
        html = _allowance(context).html(lambda: _render(source, cell, _Students), source)
        # A student's answer ends where its cell ends. A browser ignores what closes nothing.
        html += "".join(f"</{tag}>" for tag in LOOKS.findall(html))
        # From each bracket nbconvert looks for the end of a link in all that follows.
        html = html.replace("[", "&#91;")
        # And nothing of it is drawn elsewhere.
        html = f'<div class="{WITHOUT_MATHJAX}" style="overflow: auto hidden">{html}</div>'
    else:
        html = _render(source, cell)
    return _marks(cell, context.get("resources", {})) + html


@pass_context
def code(context: Any, source: str, **options: Any) -> str:
    """The HTML of a cell of code, painted."""
    paint = Highlight2HTML(pygments_lexer="ipython3")
    return _allowance(context).html(lambda: paint(source, **options), source)


def _allowance(context: Any) -> Allowance:
    """Of the page that is drawn."""
    allowance: Allowance = context.get("resources", {}).setdefault("allowance", Allowance())
    return allowance


def _render(
    source: str, cell: Mapping[str, Any], renderer: type[IPythonRenderer] = _Renderer
) -> str:
    attachments = cell.get("attachments", {})
    return MarkdownWithMath(renderer(escape=False, attachments=attachments)).render(source)


def _marks(cell: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    """The lecturer's own answer to a question that is graded by hand, folded.

    Only the formgrader gives its pages a ``submission_id``; nbgrader's feedback has none.
    """
    role = role_of(cell)
    by_hand = (role.get("grade") and role.get("solution")) or role.get("task")
    if cell.get("cell_type") != "markdown" or not by_hand or "submission_id" not in resources:
        return ""
    graded = Path(resources["metadata"]["path"]).resolve()  # autograded/STUDENT/ASSIGNMENT
    source = graded.parents[2] / "source" / graded.name / f"{resources['metadata']['name']}.ipynb"
    try:
        notebook = json.loads(source.read_text("utf-8"))
    except (OSError, ValueError):  # the course's folders have other names
        return ""
    cells = {role_of(one).get("grade_id"): one for one in notebook["cells"]}
    own = cells.get(role["grade_id"], {})
    with using(notebook["metadata"].get("nncourse", {}).get("language") or current()):
        title = escape(_("Your own answer, and the marks"))
    return (
        f'<details><summary style="display: list-item">{title}</summary>'
        f"{_render(text_of(own), own)}<hr></details>"
    )
