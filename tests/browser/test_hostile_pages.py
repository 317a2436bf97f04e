"""Chromium opens what a lecturer opens of a hostile class: nothing runs, nothing is fetched."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nncourse.grading.feedback import feedback_page
from nncourse.grading.formgrader import markdown
from nncourse.grading.overview import overview
from nncourse.grading.report import report_page
from nncourse.grading.results import Grade, Result
from nncourse.grading.sanitize import clean_markdown, clean_notebook
from tests.grading.test_sanitize import HOSTILE
from tests.grading.toy import role

pytestmark = pytest.mark.browser


def notebook():
    cells = [
        new_markdown_cell(text, metadata=role(f"m{i}", "manual", 1))
        for i, text in enumerate(HOSTILE)
    ]
    for i, text in enumerate(HOSTILE):
        html = new_output("display_data", {"text/html": text, "image/svg+xml": text})
        error = new_output("error", ename=text, evalue=text, traceback=[text])
        cell = new_code_cell(text, outputs=[html, error], metadata=role(f"c{i}", "solution"))
        cells.append(cell)
    return json.loads(json.dumps(new_notebook(cells=cells)))


def rendered(content):
    exporter = HTMLExporter(template_name="basic")
    return exporter.from_notebook_node(nbformat.from_dict(content))[0]


def result(student):
    grades = {f"m{i}": Grade(0.0, 1.0) for i in range(len(HOSTILE))}
    says = dict.fromkeys(("ru", "en"), student)
    mistake = {"code": student, "mutant": student, "outputs": [student], "says": says}
    reports = {"m0": [{"name": student, "score": 0.0, "wrong": [student], "mistakes": [mistake]}]}
    return Result(student, grades, notes=[student], reports=reports)


def pages():
    yield "autograded", rendered(clean_notebook(notebook()))
    yield "feedback", feedback_page("ps99", result("<img src=x onerror=alert(1)>"), notebook())
    yield "report", report_page("ps99", overview(map(result, HOSTILE)))


def happenings(browser, tmp_path, html):
    """Dialogs, and requests other than for the page itself."""
    path = tmp_path / "page.html"
    path.write_text(html, encoding="utf-8")
    page = browser.new_page()
    seen = []
    page.on("dialog", lambda dialog: (seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: seen.append(request.url))
    try:
        page.goto(path.as_uri())
        page.evaluate(
            "for (const e of document.querySelectorAll('*')) for (const kind of ['mouseover',"
            "'focus', 'click']) if (e.tagName != 'A') e.dispatchEvent(new Event(kind))"
        )
        page.wait_for_timeout(300)
    finally:
        page.close()
    return [what for what in seen if what != path.as_uri()]


@pytest.mark.parametrize("name", ["autograded", "feedback", "report"])
def test_nothing_runs_and_nothing_is_fetched(browser, tmp_path, name):
    assert happenings(browser, tmp_path, dict(pages())[name]) == []


def test_uncleaned_they_do(browser, tmp_path):
    html = "".join(f"<p>{text}</p>" for text in HOSTILE[:8])
    assert "dialog 1" in happenings(browser, tmp_path, html)


# As the style of nbgrader's pages has it.
RAISED = "<style>sup { position: relative; line-height: 0; top: -0.5em; }</style>"
HIGH = "x " + "<sup>" * 9 + "10 / 10" + "</sup>" * 9


def test_nothing_of_an_answer_is_drawn_above_it(page):
    def above(html):
        page.set_content(f"{RAISED}<div style='height: 300px'>Points: 0</div>{html}")
        return page.screenshot(clip={"x": 0, "y": 0, "width": 600, "height": 300})

    cell = {"cell_type": "markdown", "metadata": role("why", "manual", 1)}
    plain = above("<p>Because so.</p>")
    source = clean_markdown(HIGH)
    assert above(markdown({}, source)) != plain
    assert above(markdown({"cell": cell}, source)) == plain
