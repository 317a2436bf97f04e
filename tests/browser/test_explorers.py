"""Every explorer in a real JupyterLab: answers keys, tells Python, in both themes."""

from __future__ import annotations

import json

import nbformat
import pytest

from tests.browser.jupyterlab import ask_kernel, keep_picture, open_notebook, run_all, use_theme

pytestmark = pytest.mark.browser

# The widget, how it is made, the control that a key moves, and the trait that the control sets.
EXPLORERS = {
    "SoftmaxExplorer": ("", ".nnc-in-temperature", "temperature"),
    "DescentExplorer": ('"plane", batch=4', ".nnc-in-rate", "rate"),
    "RegionBuilder": ("", ".nnc-in-angle", "planes"),
    "ApproximationExplorer": ("", ".nnc-in-units", "units"),
    "OptimizerRace": ('"saddle", noise=0.3', ".nnc-in-scale", "scale"),
    "MomentumPlane": ("", ".nnc-in-momentum", "momentum"),
    "MinimaExplorer": ("", ".nnc-in-rate", "rate"),
    "NeuronSwap": ("", ".nnc-in-way", "way"),
    "ActivationExplorer": ("", ".nnc-in-z", "z"),
    "DropoutExplorer": ("", ".nnc-in-p", "p"),
    "BatchNormExplorer": ("", ".nnc-in-shift", "shift"),
    "DepthExplorer": ("", ".nnc-in-scale", "scale"),
    "UnrolledRNN": ("clipped=True", ".nnc-in-radius", "radius"),
    "MemoryCell": ('"lstm", peepholes="fo"', ".nnc-in-forget", "forget"),
}


@pytest.fixture(scope="module")
def notebook(browser, lab):
    """A notebook with one of each explorer, run; and the errors of its page."""
    cells = [nbformat.v4.new_code_cell("from nncourse import widgets")]
    for k, (name, (arguments, *_rest)) in enumerate(EXPLORERS.items()):
        cells.append(nbformat.v4.new_code_cell(f"w{k} = widgets.{name}({arguments})\nw{k}"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(content, lab.root / "work" / "explorers.ipynb")
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(120_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_notebook(page, lab, "work/explorers.ipynb")
    assert [error for cell in run_all(page) for error in cell["errors"]] == []
    yield page, errors
    context.close()


def trait(page, name):
    return json.loads(ask_kernel(page, f"import json; print(json.dumps({name}))"))


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_explorer_answers_keys_and_tells_python(notebook, pictures, name):
    page, errors = notebook
    k = list(EXPLORERS).index(name)
    _arguments, focus, changed = EXPLORERS[name]
    widget = page.locator(".nnc-explorer").nth(k)
    # A notebook makes only those cells that are near the window.
    page.evaluate(f"() => window.jupyterapp.shell.currentWidget.content.scrollToItem({k + 1})")
    widget.wait_for(state="visible")
    widget.evaluate("node => node.scrollIntoView({block: 'center'})")
    control = widget.locator(focus).first
    control.focus()
    before = trait(page, f"w{k}.{changed}")
    page.keyboard.press("ArrowRight")
    for _trial in range(50):
        after = trait(page, f"w{k}.{changed}")
        if after != before:
            break
        page.wait_for_timeout(100)
    assert after != before
    assert control.evaluate("node => node === document.activeElement")
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        use_theme(page, theme)
        widget.evaluate("node => node.scrollIntoView({block: 'center'})")
        keep_picture(page, pictures, f"{name}-{theme.split()[1].lower()}")
    assert widget.locator("svg[role=img]:not([aria-label])").count() == 0
    assert errors == []


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("OptimizerRace", "start"),
        ("MomentumPlane", "momentum"),
        ("MemoryCell", "step"),
        ("UnrolledRNN", "chosen"),
    ],
)
def test_a_point_of_a_picture_is_chosen_by_mouse_and_arrows(notebook, name, changed):
    page, errors = notebook
    k = list(EXPLORERS).index(name)
    page.evaluate(f"() => window.jupyterapp.shell.currentWidget.content.scrollToItem({k + 1})")
    place = page.locator(".nnc-explorer").nth(k).locator(".nnc-pick").first
    place.wait_for(state="visible")
    place.evaluate("node => node.scrollIntoView({block: 'center'})")
    found = [trait(page, f"w{k}.{changed}")]
    place.focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(300)
    found.append(trait(page, f"w{k}.{changed}"))
    box = place.bounding_box()
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])
    page.wait_for_timeout(300)
    found.append(trait(page, f"w{k}.{changed}"))
    assert found[0] != found[1] != found[2]
    assert errors == []
