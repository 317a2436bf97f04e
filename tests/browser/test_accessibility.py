"""axe finds nothing in what the course draws: widgets, reports, pages; light and dark.

In JupyterLab only the outputs are looked at, not JupyterLab itself. axe is not shipped:
``npm install --prefix tests/browser`` brings it.
"""

from __future__ import annotations

import nbformat
import pytest

from nncourse import language, widgets
from nncourse.check.matrix import judge_all, pieces_of
from nncourse.check.matrix_page import page as matrix_page
from nncourse.course.slides import slide_deck
from nncourse.grading.feedback import feedback_page
from nncourse.grading.overview import overview
from nncourse.grading.report import report_page
from nncourse.grading.results import Grade, Result
from nncourse.grading.similar import Pair, Similar, similar_page
from tests.browser.jupyterlab import notebook_page, use_theme
from tests.browser.test_hostile_pages import result
from tests.conftest import ROOT
from tests.grading.toy import role

pytestmark = pytest.mark.browser

# What is wrong in a part of the page: the rule, and the elements that break it.
# The bodies of JupyterLab and of slides have no height, so that axe thinks that all is cut off.
RUN = """async root => {
  if (!document.body.clientHeight) document.body.style.height = '100vh';
  const found = await axe.run(root ?? document);
  if (!found.passes.some(one => one.id === 'color-contrast')) return ['no text was looked at'];
  return found.violations.flatMap(one => one.nodes.map(
    node => `${one.id}: ${node.html.slice(0, 160)} ${node.any.map(a => a.message).join('; ')}`));
}"""

# axe lays out all that is visible, so only one cell is.
ALONE = """k => document.querySelectorAll('.jp-Notebook .jp-CodeCell').forEach((cell, i) => {
  cell.style.display = i === k ? '' : 'none';
})"""

WRONG = """\
import nncourse as nnc
from nncourse import language, nn, widgets
from nncourse.check import check
from nncourse.inspection import summary
language.use("ru")
def linear_backward(dout, x, W, b):
    return dout @ W, dout.T @ x / len(x), dout.sum(axis=0)"""

OUTPUTS = {
    "report of a wrong answer": 'check("ps05.linear_backward", linear_backward)',
    "report of the stub": 'check("ps05.linear_backward", lambda dout, x, W, b: None)',
    "summary": "summary(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), nnc.zeros(5, 4))",
    **{name: f"widgets.{name}()" for name in widgets.__all__ if name != "GraphStepper"},
    "GraphStepper": 'widgets.GraphStepper("x * y + max(x, y)", x=2, y=3)',
}


@pytest.fixture(scope="module")
def axe() -> str:
    script = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        pytest.skip("axe-core is not installed: npm install --prefix tests/browser")
    return script.read_text("utf-8")


def violations(page, axe, element=None) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe)
    return page.evaluate(RUN, element)


@pytest.fixture(scope="module")
def outputs(desk, lab):
    """A notebook with one of each output, run."""
    codes, viewport = [WRONG, *OUTPUTS.values()], {"width": 1400, "height": 1600}
    with notebook_page(desk, lab, "accessibility", codes, viewport=viewport) as page:
        yield page


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_outputs_in_jupyterlab(outputs, axe, theme):
    use_theme(outputs, theme)
    faults = {}
    for k, name in enumerate(OUTPUTS, start=1):
        outputs.evaluate(ALONE, k)
        cell = outputs.locator(".jp-Notebook .jp-CodeCell").nth(k)
        output = cell.locator(".jp-OutputArea-output").last
        output.wait_for(state="visible")
        output.evaluate("node => node.scrollIntoView({block: 'start'})")
        faults[name] = violations(outputs, axe, output.element_handle())
    assert {name: found for name, found in faults.items() if found} == {}


def feedback() -> str:
    cells = [
        nbformat.v4.new_markdown_cell("Почему?", metadata=role("m0", "manual", 1)),
        nbformat.v4.new_code_cell("def f(x):\n    return x", metadata=role("f", "solution")),
    ]
    return feedback_page("ps99", result("Анна"), nbformat.v4.new_notebook(cells=cells))


def similar() -> str:
    pair = Pair("Анна", "Борис", (0.9, 0.5), (((0, 6),), ((0, 6),)))
    found = Similar([pair], [["Анна", "Вера", "Глеб"]], 1)
    return similar_page("ps05", found, {"Анна": "x = 1\ny = 2\n", "Борис": "x = 1\ny = 3\n"})


PAGES = {
    "feedback": feedback,
    "report of a class": lambda: report_page("ps99", overview(map(result, ["Анна", "Борис"]))),
    "similar code": similar,
    "slides": lambda: slide_deck(ROOT / "lectures" / "ru" / "00-start.ipynb").html,
    "kill matrix": lambda: matrix_page(
        judge_all("ps05", pieces_of("ps05")["relu_backward"], (None,))
    ),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_pages(browser, axe, tmp_path, name, scheme):
    with language.using("ru"):
        html = PAGES[name]()
    path = tmp_path / "page.html"
    path.write_text(html, encoding="utf-8")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(path.as_uri())
    page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
    assert violations(page, axe) == []
    context.close()


@pytest.mark.parametrize("width", [390, 600, 1000])
def test_names_of_parts_break_between_words_only(browser, tmp_path, width):
    grades = {"sigmoid_backward_of_a_layer": Grade(1.0, 1.0), "training": Grade(0.0, 1.0)}
    path = tmp_path / "page.html"
    with language.using("ru"):
        html = report_page("ps99", overview([Result("Анна", grades)]))
    path.write_text(html, encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Each word is in one piece: its box has the height of a line.
    lines = page.evaluate(
        """() => [...document.querySelectorAll(".part-name")].map(name => {
          const words = [...name.childNodes].filter(node => node.nodeType === Node.TEXT_NODE);
          return words.map(word => {
            const range = document.createRange();
            range.selectNodeContents(word);
            return range.getClientRects().length;
          });
        })"""
    )
    assert lines == [[1], [1] * 5], "the hardest first"
    page.close()


def test_a_fault_is_found(browser, axe):
    page = browser.new_page()
    grey = "<p style='color: #aaa; background: #fff'>grey</p>"
    page.set_content(f"<title>t</title><main><h1>t</h1><button></button>{grey}</main>")
    faults = {fault.partition(":")[0] for fault in violations(page, axe)}
    assert faults == {"button-name", "color-contrast", "html-has-lang"}
    page.close()
