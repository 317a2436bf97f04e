"""The widgets about one neuron in a real JupyterLab: keyboard, mouse, both themes."""

import json

import pytest

from tests.browser.jupyterlab import (
    ask_kernel,
    keep_picture,
    notebook_page,
    run_well,
    use_theme,
    wait_until,
)

pytestmark = pytest.mark.browser

CELLS = [
    "from nncourse import widgets",
    'plane = widgets.NeuronPlane("or")\nplane',
    'gates = widgets.GateBuilder("AND", weights=(0.5, 1, 1))\ngates',
]


@pytest.fixture(scope="module")
def opened(desk, lab):
    with notebook_page(desk, lab, "neuron", CELLS) as page:
        yield page


@pytest.fixture
def notebook(opened):
    """A notebook with one of each widget, all made anew."""
    run_well(opened)
    opened.wait_for_selector(".nnc-gates svg.nnc-plane")
    return opened


def trait(page, name):
    return json.loads(ask_kernel(page, f"import json; print(json.dumps({name}))"))


def wait_for(page, name, value):
    wait_until(page, lambda: trait(page, name) == value)
    assert trait(page, name) == value


def test_corrections_by_hand_and_to_the_end(notebook, pictures):
    widget = notebook.locator(".nnc-neuron")
    step = widget.locator(".nnc-step")
    step.focus()
    notebook.keyboard.press("Enter")
    wait_for(notebook, "plane.weights", [-1, 1, 1])
    step.click()
    wait_for(notebook, "plane.weights", [0, 1, 1])
    assert widget.locator(".nnc-old").get_attribute("d")
    keep_picture(notebook, pictures, "neuron-plane")
    widget.locator(".nnc-run").click()
    wait_for(notebook, "plane.updates", 7)
    wait_for(notebook, "plane.weights", [1, 2, 2])
    assert step.is_disabled()
    assert "27" in widget.locator(".nnc-bound").inner_text()
    assert trait(notebook, "plane.mistakes") == 0


def test_points_move_change_class_come_and_go_by_keyboard(notebook):
    widget = notebook.locator(".nnc-neuron")
    point = widget.locator('[data-point="0"]')
    point.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Space"):
        notebook.keyboard.press(key)
    wait_for(notebook, "plane.points[0]", [1.25, 0.875, -1])
    assert point.evaluate("node => node === document.activeElement")
    widget.locator(".nnc-add-negative").click()
    wait_for(notebook, "len(plane.points)", 5)
    notebook.keyboard.press("Delete")
    wait_for(notebook, "len(plane.points)", 4)


def test_line_and_points_are_dragged(notebook):
    widget = notebook.locator(".nnc-neuron")
    widget.locator(".nnc-w1").fill("1")
    widget.locator(".nnc-w2").fill("0")
    wait_for(notebook, "plane.weights", [0, 1, 0])
    wait_for(notebook, "plane.from_zero", False)

    def drag(selector, across, up):
        node = widget.locator(selector)
        node.scroll_into_view_if_needed()
        box = node.bounding_box()
        unit = widget.locator(".nnc-plane-ground").first.bounding_box()["width"] / 6
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        notebook.mouse.move(x, y)
        notebook.mouse.down()
        notebook.mouse.move(x + across * unit, y - up * unit, steps=4)
        notebook.mouse.up()

    drag(".nnc-handle-tip", 0, 1)
    wait_for(notebook, "plane.weights", [0, 1, 1])
    drag(".nnc-handle-base", 0.5, 0.5)
    wait_for(notebook, "plane.weights", [1, 1, 1])
    drag('[data-point="3"] .nnc-grip', 1, -1)
    wait_for(notebook, "plane.points[3]", [2, -1, 1])
    tip = widget.locator(".nnc-handle-tip")
    tip.focus()
    notebook.keyboard.press("ArrowUp")
    wait_for(notebook, "plane.weights[2]", 1.125)


def test_without_a_line_the_run_gives_up(notebook):
    widget = notebook.locator(".nnc-neuron")
    widget.locator(".nnc-data").select_option("xor")
    widget.locator(".nnc-run").click()
    wait_for(notebook, "plane.updates", 200)
    assert "200" in widget.locator(".nnc-verdict").inner_text()


def test_a_gate_is_reached_and_xor_takes_a_layer(notebook, pictures):
    widget = notebook.locator(".nnc-gates")
    slider = widget.locator(".nnc-w0")
    slider.focus()
    for _press in range(4):
        notebook.keyboard.press("ArrowRight")
    wait_for(notebook, "gates.reached", True)
    wait_for(notebook, "gates.found", ["0111", "0001"])
    assert "0.3536" in widget.locator(".nnc-detail").inner_text()
    widget.locator('[data-table="0110"]').click()
    wait_for(notebook, "gates.reached", False)
    widget.locator(".nnc-layer").check()
    widget.locator(".nnc-solution").click()
    wait_for(notebook, "gates.outputs.tolist()", [0, 1, 1, 0])
    use_theme(notebook, "JupyterLab Dark")
    widget.evaluate("node => node.scrollIntoView({block: 'center'})")
    keep_picture(notebook, pictures, "gate-builder-dark")
