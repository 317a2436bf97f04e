"""Markdown for the formgrader: formulas, the marks; all else is nbconvert's."""

from __future__ import annotations

import re
import time
from functools import partial
from html import unescape

import nbformat
import nh3
import pytest
from markdown_it import MarkdownIt
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets.config import Config

from nncourse.course.folder import as_config, settings
from nncourse.grading.assignment import RULES, Assignment
from nncourse.grading.autograded import UNGRADED, compose
from nncourse.grading.formgrader import markdown
from nncourse.grading.sanitize import SHOWN, clean_markdown, clean_notebook
from tests.grading.toy import cell_name, toy_notebook

EMPTY = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


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


def tree_of(html):
    """How a browser reads it, and what stands on the page behind it."""
    kept = nh3.ALLOWED_TAGS | {"div", "s", "small", "u", "center", "strong"}
    return nh3.clean(f"<div>{html}</div><p>behind</p>", tags=kept)


@pytest.mark.parametrize("tag", ["s", "STRONG", "small/", "b", "i", "u", "em", "strong"])
@pytest.mark.parametrize(
    "text", ["<{tag}>", "<{tag}><{tag}> x", "`</{tag}>` <{tag}>", "</{tag}><{tag}>"]
)
def test_the_looks_of_an_answer_end_with_it(toy, tag, text):
    """A struck-out page, or one in letters too small to read, is hard to grade."""
    source = clean_markdown(text.format(tag=tag))
    assert tree_of(markdown({}, source)).endswith("</p>")
    assert not tree_of(markdown({}, source)).endswith("</div><p>behind</p>"), "it would leak"
    assert tree_of(markdown(context(toy, {}), source)).endswith("</div><p>behind</p>")


def test_a_heading_of_a_students_is_no_place_for_points(toy):
    """nbgrader's page finds the box for the points of the cell "plus" by this id."""
    assert ' id="plus"' in markdown({}, "# plus")
    html = markdown(context(toy, {}), clean_markdown("# plus\nso\n\nso\n---\n## *a* $x$"))
    assert re.findall(r"<h[12]>\w+</h[12]>", html) == ["<h1>plus</h1>", "<h2>so</h2>"]
    assert "<h2><em>a</em> <math" in html
    assert not re.search(r"\b(id|name)=", html)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[my *plot*](http://a.example/?x=1&y)", "my <em>plot</em> (http://a.example/?x=1&amp;y)"),
        ("http://a.example/?x=1&y", "http://a.example/?x=1&amp;y"),
        ("[x][y]\n\n[y]: https://a.example", "x (https://a.example)"),
        ("[x](#plus)", "x (#plus)"),
    ],
)
def test_nothing_of_a_students_can_be_clicked(toy, text, shown):
    """Within Jupyter an address alone can run a program: formgrader?path=FOLDER runs its
    nbgrader_config.py."""
    html = markdown(context(toy, {}), clean_markdown(text))
    assert f"<p>{shown}</p>" in html
    assert "<a" not in html
    assert "<a" in markdown({}, text), "the lecturer's own links"


@pytest.mark.parametrize("language", ["cpp", "python", "amdgpu"])
def test_no_block_of_code_takes_long_to_draw(toy, language):
    """Jupyter does nothing else meanwhile, for anyone."""
    code = "a" * SHOWN if language == "amdgpu" else "<b>" + " \n" * (SHOWN // 2)
    source = clean_markdown(f"~~~{language}\n{code}\n~~~")
    begin = time.process_time()
    html = markdown(context(toy, {}), source)
    assert time.process_time() - begin < 1
    assert "<pre><code>" in html
    assert "<b>" not in html
    assert "<span" in markdown({}, "~~~python\nx = 1\n~~~"), "the lecturer's own code"


@pytest.mark.parametrize(
    "text",
    [
        "$\\nocommand a<b$",
        "$$\\nocommand$$",
        "\\begin{nowhere}x\\end{nowhere}",
        "$" + "\\hat{" * 99 + "x" + "}" * 99 + "\\Huge$",
        "&#36;\\nocommand&#36;",
        "<center>$x$ &dollar;\\nocommand&dollar;",
    ],
)
def test_mathjax_draws_nothing_of_a_students(toy, text):
    """It looks for formulas in the whole page, but not below this class, nor in code."""
    html = markdown(context(toy, {}), clean_markdown(text))
    assert html.startswith('<div class="tex2jax_ignore')
    assert tree_of(html).endswith("</div><p>behind</p>")
    if "&" not in text:
        assert re.search(r"<code>.*(nocommand|nowhere|hat)", html)
    assert "tex2jax" not in markdown({}, text), "the lecturer's own is for MathJax"


@pytest.mark.parametrize(
    "remarks",
    [
        ["# Full points", "[sign in](https://evil.example)", "<https://evil.example>"],
        ["a: <s><big>", "b"],
        ["~~~", "    ~~~", "~~~~~~~~ " * 40, "# head " * 60, "`" * 300],
        ["a: $$ x", "\\begin{a}", "b: y $$", "\\\\[ z", "\\\\]"],
        ["1) [x]: http://evil.example", "***", "| a |\n|---|"],
    ],
)
def test_remarks_are_text_whatever_they_quote(remarks):
    (cell,) = compose(Assignment("x", EMPTY, RULES, {}, [], {}, {}), {}, UNGRADED, remarks)["cells"]
    for renderer in (partial(markdown, {}), MarkdownIt("commonmark", {"html": True}).render):
        html = renderer(cell["source"])
        assert set(re.findall(r"<(\w+)", html)) <= {"p", "strong", "div", "pre", "span", "code"}
        shown = unescape(re.sub("<[^>]*>", "", html))
        for remark in remarks:
            assert "".join(remark.split()) in "".join(shown.split())


OWN_OUTPUTS = [
    "<style>* {display: none}</style><div style='position: fixed; top: 0'>",
    "<!--",
    "</div></div></div><s><h1>The lecturer's cell:</h1>",
]


@pytest.mark.parametrize(
    ("language", "mark"),
    [("en", "The student's own cell:"), ("ru", "Собственная ячейка студента:")],
)
def test_a_mark_stands_above_every_cell_of_the_students_own(language, mark):
    """In the language of the course, apart from what theirs print."""
    own = [
        {
            "place": 0,
            "source": f"show({html!r})\n# **{mark}**",
            "outputs": [
                {"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}
            ],
        }
        for html in OWN_OUTPUTS
    ]
    given = nbformat.from_dict(new_notebook(cells=[new_code_cell("given = 1")]))
    assignment = Assignment("x", given, RULES, {}, [], {}, {}, language=language)
    notebook = clean_notebook(compose(assignment, {}, {**UNGRADED, "own": own}))
    nbformat.validate(notebook)
    kinds = [cell["cell_type"] for cell in notebook["cells"]]
    assert kinds == ["markdown", "code"] * len(own) + ["code"]
    assert {cell["source"] for cell in notebook["cells"][:-1:2]} == {f"**{mark}**"}
    config = Config(HTMLExporter=as_config(settings(language))["HTMLExporter"])
    html, _resources = HTMLExporter(config=config).from_notebook_node(nbformat.from_dict(notebook))
    assert html.count(f"<p><strong>{mark}</strong></p>") == len(own)
    assert not any(output in html for output in OWN_OUTPUTS[:1] + OWN_OUTPUTS[2:])
