"""Lecture 05 as a lecturer meets it: opened in JupyterLab, run, its widgets moved by keyboard."""

import json

import pytest

from tests.browser.jupyterlab import (
    ask_kernel,
    keep_picture,
    open_notebook,
    run_all,
    show,
    use_theme,
    wait_until,
)

pytestmark = pytest.mark.browser

STEPPER = ".nnc-stage"
PICTURE = "svg.nnc-graph"

# The state of the newest widget of a class, read in the kernel.
STATE = """
import json
from ipywidgets.widgets.widget import _instances
last = [w for w in _instances.values() if type(w).__name__ == {name!r}][-1]
print(json.dumps({{key: getattr(last, key) for key in {keys!r}}}))
"""


def state(page, name, *keys):
    return json.loads(ask_kernel(page, STATE.format(name=name, keys=keys)))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_lecture_runs_and_its_stepper_moves(page, lab, pictures, language):
    open_notebook(page, lab, f"lectures/{language}/05-backpropagation.ipynb")
    cells = run_all(page)
    assert [error for cell in cells for error in cell["errors"]] == []
    assert all(cell["count"] for cell in cells if cell["source"].strip())

    stage = show(page, STEPPER)
    before = page.locator(PICTURE).first.inner_html()
    step = state(page, "GraphStepper", "step")["step"]
    keep_picture(page, pictures, f"lecture-05-{language}-before")
    stage.focus()
    for _press in range(9):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector).innerHTML !== before",
        arg=[PICTURE, before],
    )
    keep_picture(page, pictures, f"lecture-05-{language}-after")
    # The page sends a step only when the kernel is done with the last.
    wait_until(page, lambda: state(page, "GraphStepper", "step")["step"] >= step + 9)
    assert state(page, "GraphStepper", "step")["step"] == step + 9
    # The arrows moved the widget and left the notebook's selected cell alone.
    assert page.evaluate("() => document.activeElement.classList.contains('nnc-stage')")

    use_theme(page, "JupyterLab Dark")
    show(page, STEPPER)
    keep_picture(page, pictures, f"lecture-05-{language}-dark")
