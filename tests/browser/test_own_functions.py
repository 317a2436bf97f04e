"""Widgets with the student's own code in JupyterLab: the kernel computes, the picture follows."""

from __future__ import annotations

import pytest

from tests.browser.jupyterlab import ask_kernel, notebook_page

pytestmark = pytest.mark.browser

# The cell, the control that a key moves, and what the kernel knows of it afterwards.
CELLS = {
    "NumericalGradient": ("'mine', own={'mine': lambda x: x * x.sin()}", ".nnc-x", "x"),
    "DescentExplorer": ("'mine', own={'mine': lambda w: w[0] ** 2}", ".nnc-in-rate", "rate"),
    "DepthExplorer": ("'mine', own={'mine': lambda z: z.sin()}", ".nnc-in-scale", "scale"),
    "MemoryCell": (
        "cell=lambda x, h, c, Wx, Wh, b: (h + x[:, :2] * b[2:4], c)", ".nnc-in-forget", "forget"
    ),
}  # fmt: skip
# All pictures of a widget; the sliders beside them say what was asked, these what has been drawn.
LOOK = "node => [...node.querySelectorAll('path, rect, text')].map(one => one.outerHTML).join()"


@pytest.fixture(scope="module")
def notebook(desk, lab):
    codes = ["from nncourse import widgets"]
    for k, (name, (given, *_rest)) in enumerate(CELLS.items()):
        codes.append(f"w{k} = widgets.{name}({given})\nw{k}")
    with notebook_page(desk, lab, "own-functions", codes) as page:
        yield page


@pytest.mark.parametrize("name", CELLS)
def test_the_picture_of_one_s_own_follows_a_slider(notebook, name):
    k = list(CELLS).index(name)
    _given, focus, changed = CELLS[name]
    notebook.evaluate(f"() => window.jupyterapp.shell.currentWidget.content.scrollToItem({k + 1})")
    widget = notebook.locator(".jp-Notebook .jp-CodeCell").nth(k + 1).locator(".nnc")
    widget.wait_for(state="visible")
    before = ask_kernel(notebook, f"print(w{k}.{changed})")
    look = widget.evaluate(LOOK)
    assert look.count("<path") > 3
    widget.locator(focus).first.focus()
    notebook.keyboard.press("ArrowRight")
    for _trial in range(100):
        if widget.evaluate(LOOK) != look:
            break
        notebook.wait_for_timeout(100)
    assert widget.evaluate(LOOK) != look
    assert ask_kernel(notebook, f"print(w{k}.{changed})") != before
