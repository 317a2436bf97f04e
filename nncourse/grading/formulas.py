"""Formulas in the formgrader, without the network.

nbgrader's pages load MathJax from afar to draw what stands between dollar signs. In a configured
course its filter for Markdown is this one, which writes formulas as MathML:

    c.HTMLExporter.filters = {"markdown2html": "nncourse.grading.formulas.markdown"}

A formula that our converter does not know is left to MathJax. All else is as nbconvert has it.
"""

from __future__ import annotations

from typing import Any

from jinja2 import pass_context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from nncourse.course.formula import FormulaError, mathml


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


@pass_context
def markdown(context: Any, source: str) -> str:
    """The HTML of a Markdown cell; ``context``: the template's, which knows the cell."""
    attachments = context.get("cell", {}).get("attachments", {})
    return MarkdownWithMath(_Renderer(escape=False, attachments=attachments)).render(source)
