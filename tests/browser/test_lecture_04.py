"""Lecture 04 in JupyterLab: it runs, and its second stepper asks for numbers and takes them."""

import pytest

from tests.browser.jupyterlab import keep_picture, open_notebook, run_all, show, use_theme

pytestmark = pytest.mark.browser


def test_the_lecture_runs_and_its_program_is_predicted(page, lab, pictures):
    open_notebook(page, lab, "lectures/ru/04-computation-graphs.ipynb")
    cells = run_all(page)
    assert [error for cell in cells for error in cell["errors"]] == []
    assert all(cell["count"] for cell in cells if cell["source"].strip())

    program = '.nnc-stepper:has([data-leaf="w0"])'
    show(page, program)
    page.locator(f"{program} .nnc-stage").focus()
    page.keyboard.press("ArrowRight")
    answer = page.locator(f"{program} .nnc-answer")
    for number in ("6", "0", "1", "2"):  # a, b, c, f at x = 3, w1 = 2, w0 = -6
        answer.wait_for(state="visible")
        answer.fill(number)
        answer.press("Enter")
        page.locator(f"{program} .nnc-stage").focus()
        page.keyboard.press("ArrowRight")
    node = page.locator(f'{program} [data-node="f"] .nnc-number').first
    assert node.text_content() == "2"
    keep_picture(page, pictures, "lecture-04-predict")
    use_theme(page, "JupyterLab Dark")
    show(page, program)
    keep_picture(page, pictures, "lecture-04-predict-dark")
