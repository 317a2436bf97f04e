"""Markdown for the formgrader: formulas, the marks; all else is nbconvert's."""

from __future__ import annotations

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_markdown_cell, new_notebook
from traitlets.config import Config

from nncourse.course.folder import as_config, settings
from nncourse.grading.formgrader import markdown
from tests.grading.toy import cell_name, toy_notebook


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a $x^2$ b", '<math display="inline" alttext="x^2">'),
        ("$$\\sum_i x_i$$", '<math display="block" alttext="\\sum_i x_i">'),
        ("$\\nocommand$", "$\\nocommand$"),
        ("$a<b$ and $\\nocommand<b$", "$\\nocommand&lt;b$"),
        ("costs $5", "costs $5"),
        ("`$x$`", "<code>$x$</code>"),
        ("<details>own</details>", "<details>own</details>"),
    ],
)
def test_formulas(source, found):
    assert found in markdown({}, source)


def test_pictures_of_a_cell_are_shown():
    source = "![](attachment:a.png)"
    context = {"cell": {"attachments": {"a.png": {"image/png": "QUJD"}}}}
    assert "data:image/png;base64,QUJD" in markdown(context, source)


def test_it_is_the_filter_of_a_configured_course():
    config = Config(HTMLExporter=as_config(settings("ru"))["HTMLExporter"])
    notebook = nbformat.from_dict(new_notebook(cells=[new_markdown_cell("Here $x$.")]))
    html, _resources = HTMLExporter(config=config).from_notebook_node(notebook)
    assert '<math alttext="x"' in html or '<math display="inline" alttext="x"' in html


def context(toy, resources):
    """What the template knows of the toy's written answer."""
    (cell,) = [cell for cell in toy_notebook().cells if cell_name(cell) == "why"]
    place = {"path": str(toy.autograded("anna", "ps99")), "name": "ps99-squares"}
    return {"cell": cell, "resources": {"metadata": place, **resources}}


def test_the_marks_stand_folded_above_a_written_answer(toy):
    html = markdown(context(toy, {"submission_id": "1"}), "Because so.")
    marks, answer = html.split("</details>")
    assert marks.startswith("<details>")
    assert "Your own answer, and the marks" in marks
    assert "Because of the rubric." in marks
    assert "Because so." in answer


def test_a_student_never_sees_the_marks(toy):
    """Nor does anyone where the course's folders have other names."""
    assert "rubric" not in markdown(context(toy, {"nbgrader": {}}), "Because so.")
    elsewhere = context(toy, {"submission_id": "1"})
    elsewhere["resources"]["metadata"]["name"] = "other"
    assert "rubric" not in markdown(elsewhere, "Because so.")
    assert "rubric" not in markdown({**elsewhere, "cell": {"cell_type": "markdown"}}, "Because so.")


def test_without_dollar_signs_it_is_nbconverts():
    source = "# Head\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[link](https://example.org) *so*"
    stock = HTMLExporter()
    assert markdown({}, source) == stock.markdown2html({}, source)
