"""Every explorer in a real JupyterLab: answers keys, tells Python, in both themes."""

from __future__ import annotations

import json

import pytest

from tests.browser.jupyterlab import (
    ask_kernel,
    keep_picture,
    notebook_page,
    use_theme,
    wait_until,
)

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
def notebook(desk, lab):
    """A notebook with one of each explorer, run."""
    codes = ["from nncourse import widgets"]
    for k, (name, (arguments, *_rest)) in enumerate(EXPLORERS.items()):
        codes.append(f"w{k} = widgets.{name}({arguments})\nw{k}")
    with notebook_page(desk, lab, "explorers", codes) as page:
        yield page


def trait(page, name):
    return json.loads(ask_kernel(page, f"import json; print(json.dumps({name}))"))


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_explorer_answers_keys_and_tells_python(notebook, pictures, name):
    k = list(EXPLORERS).index(name)
    _arguments, focus, changed = EXPLORERS[name]
    widget = notebook.locator(".nnc-explorer").nth(k)
    # A notebook makes only those cells that are near the window.
    notebook.evaluate(f"() => window.jupyterapp.shell.currentWidget.content.scrollToItem({k + 1})")
    widget.wait_for(state="visible")
    widget.evaluate("node => node.scrollIntoView({block: 'center'})")
    control = widget.locator(focus).first
    control.focus()
    before = trait(notebook, f"w{k}.{changed}")
    notebook.keyboard.press("ArrowRight")
    assert wait_until(notebook, lambda: trait(notebook, f"w{k}.{changed}") != before)
    assert control.evaluate("node => node === document.activeElement")
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        use_theme(notebook, theme)
        widget.evaluate("node => node.scrollIntoView({block: 'center'})")
        keep_picture(notebook, pictures, f"{name}-{theme.split()[1].lower()}")
    assert widget.locator("svg[role=img]:not([aria-label])").count() == 0


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
    k = list(EXPLORERS).index(name)
    notebook.evaluate(f"() => window.jupyterapp.shell.currentWidget.content.scrollToItem({k + 1})")
    place = notebook.locator(".nnc-explorer").nth(k).locator(".nnc-pick").first
    place.wait_for(state="visible")
    place.evaluate("node => node.scrollIntoView({block: 'center'})")
    before = trait(notebook, f"w{k}.{changed}")
    place.focus()
    notebook.keyboard.press("ArrowUp")
    assert wait_until(notebook, lambda: trait(notebook, f"w{k}.{changed}") != before)
    before = trait(notebook, f"w{k}.{changed}")
    box = place.bounding_box()
    notebook.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])
    assert wait_until(notebook, lambda: trait(notebook, f"w{k}.{changed}") != before)
