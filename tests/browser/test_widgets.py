"""Each widget in a real JupyterLab: moved by keyboard and mouse, in both themes."""

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
    'stepper = widgets.GraphStepper("x*y + x", x=2, y=3)\nstepper',
    "difference = widgets.NumericalGradient()\ndifference",
    "network = widgets.BackpropNet()\nnetwork",
]


@pytest.fixture(scope="module")
def opened(desk, lab):
    with notebook_page(desk, lab, "widgets", CELLS) as page:
        yield page


@pytest.fixture
def notebook(opened):
    """A notebook with one of each widget, all made anew."""
    run_well(opened)
    opened.wait_for_selector(".nnc-network svg")
    return opened


def traits(page, name, *keys):
    values = ", ".join(f"{key!r}: {name}.{key}" for key in keys)
    return json.loads(ask_kernel(page, f"import json; print(json.dumps({{{values}}}))"))


def wait_for_trait(page, name, key, value):
    wait_until(page, lambda: traits(page, name, key)[key] == value)
    assert traits(page, name, key)[key] == value


def test_another_formula_is_drawn_from_any_step(notebook):
    stepper = notebook.locator(".nnc-stepper")
    stepper.locator(".nnc-stage").focus()
    notebook.keyboard.press("End")
    assert stepper.locator('[data-node="x"] .nnc-number').nth(1).text_content() == "4"
    formula = stepper.locator(".nnc-formula")
    formula.fill("exp(a) * b")
    formula.press("Enter")
    stepper.locator('[data-node="a"]').wait_for()
    assert stepper.locator('[data-node="x"]').count() == 0
    formula.fill("exp(a")
    formula.press("Enter")
    stepper.locator(".nnc-error:not(:empty)").wait_for()
    # What was drawn stays while the formula is wrong.
    assert stepper.locator('[data-node="a"]').count() == 1


def test_a_value_is_edited(notebook):
    stepper = notebook.locator(".nnc-stepper")
    value = stepper.locator('[data-leaf="x"]')
    value.fill("5")
    value.press("Enter")
    wait_for_trait(notebook, "stepper", "values", {"x": 5, "y": 3})


def test_predicting_a_number(notebook):
    stepper = notebook.locator(".nnc-stepper")
    stepper.locator(".nnc-predict").check()
    stage = stepper.locator(".nnc-stage")
    stage.focus()
    notebook.keyboard.press("ArrowRight")
    answer = stepper.locator(".nnc-answer")
    for _step in range(10):
        if answer.is_visible():
            break
        stage.focus()
        notebook.keyboard.press("ArrowRight")
    step = traits(notebook, "stepper", "step")
    answer.fill("12345")
    answer.press("Enter")
    stepper.locator(".nnc-verdict:not(:empty)").wait_for()
    wrong = stepper.locator(".nnc-verdict").inner_text()
    assert traits(notebook, "stepper", "step") == step  # judged, and not gone on
    answer.fill("6")  # x * y
    answer.press("Enter")
    notebook.wait_for_function(
        "wrong => document.querySelector('.nnc-stepper .nnc-verdict').innerText !== wrong",
        arg=wrong,
    )
    wait_for_trait(notebook, "stepper", "score", {"right": 0, "asked": 1})  # not at first try


def test_the_step_of_a_difference_follows_the_arrow_keys(notebook, pictures):
    widget = notebook.locator(".nnc-difference")
    picture = widget.locator("svg.nnc-plot-error")
    before, h = picture.inner_html(), traits(notebook, "difference", "h")["h"]
    slider = widget.locator(".nnc-h")
    slider.focus()
    for _press in range(5):
        notebook.keyboard.press("ArrowLeft")
    notebook.wait_for_function(
        "before => document.querySelector('svg.nnc-plot-error').innerHTML !== before", arg=before
    )
    assert wait_until(notebook, lambda: traits(notebook, "difference", "h")["h"] < h)
    widget.locator(".nnc-dtype-float32").check()
    wait_for_trait(notebook, "difference", "dtype", "float32")
    keep_picture(notebook, pictures, "numerical-gradient")


def test_the_small_network_descends(notebook, pictures):
    widget = notebook.locator(".nnc-network")
    widget.locator(".nnc-descend").click()
    notebook.wait_for_function(
        "() => document.querySelector('.nnc-losses').innerText.trim() !== ''"
    )
    use_theme(notebook, "JupyterLab Dark")
    widget.evaluate("node => node.scrollIntoView({block: 'center'})")
    keep_picture(notebook, pictures, "backprop-net-dark")
