"""Exercise 5 as a student meets it: from the start page to a wrong answer and its reason."""

import pytest

from tests.browser.jupyterlab import READY, keep_picture, open_notebook, run_all, show, use_theme

pytestmark = pytest.mark.browser

NAME = "ps05-backpropagation.ipynb"

# Put text into the answer cell of a piece, as if typed.
ANSWER = """([name, code]) => {
  const cell = window.jupyterapp.shell.currentWidget.content.widgets
    .find(cell => (cell.model.getMetadata('nbgrader') || {}).grade_id === name);
  cell.model.sharedModel.setSource(code);
}"""

WRONG = """def linear_backward(dout, x, W, b):
    return dout @ W, dout.T @ x / len(x), dout.sum(axis=0)"""


def test_the_start_page_leads_to_the_exercise(page, lab, pictures):
    page.goto(f"{lab.url}/?token={lab.token}")
    page.get_by_role("link", name="ps05. Backpropagation").click()
    page.wait_for_function(READY)
    keep_picture(page, pictures, "exercise-05-opened")
    assert NAME in page.url
    assert page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path").startswith(
        "work/en/"
    )


@pytest.mark.parametrize(
    ("language", "reason"),
    [("en", "divided by the batch size"), ("ru", "разделён на число примеров")],
)
def test_a_wrong_answer_comes_back_with_its_reason(page, lab, pictures, language, reason):
    open_notebook(page, lab, f"work/{language}/ps05/{NAME}")
    page.evaluate(ANSWER, ["linear_backward_answer", WRONG])
    cells = run_all(page)
    assert [error for cell in cells for error in cell["errors"]] == []
    # The report shows how far the gradient is off, and why.
    show(page, f":text('{reason}')")
    text = " ".join(page.locator(".jp-OutputArea-output").all_inner_texts())
    assert "-5.8341" in text
    keep_picture(page, pictures, f"exercise-05-{language}")
    use_theme(page, "JupyterLab Dark")
    show(page, f":text('{reason}')")
    keep_picture(page, pictures, f"exercise-05-{language}-dark")
