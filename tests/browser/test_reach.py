"""Every widget without a mouse: by Tab and keys, by touch, at rest, and under reduced motion."""

from __future__ import annotations

import pytest

from tests.browser.jupyterlab import ask_kernel, notebook_page, wait_until
from tests.browser.test_latency import CONTROLS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The controls that Tab should reach, in their order; of a group of radio buttons, the chosen one.
STOPS = """(widget) => {
  const all = [...widget.querySelectorAll('input, select, button, [tabindex="0"]')]
    .filter((one) => !one.disabled && one.checkVisibility({visibilityProperty: true})
      && one.getBoundingClientRect().width > 0);
  const stops = all.filter((one) => one.type !== 'radio' || one.checked
    || !all.some((other) => other.name === one.name && other.checked));
  window.stops = stops;
  stops[0].focus();
  return stops.length;
}"""
# The number of the stop that has the focus, and whether the reader sees that it has.
FOCUSED = """() => {
  const here = document.activeElement;
  const style = getComputedStyle(here);
  // What is drawn may have a thick edge instead of an outline.
  const drawn = [here, ...here.querySelectorAll('.nnc-grip')].map((one) => getComputedStyle(one))
    .some((one) => one.stroke !== 'none' && parseFloat(one.strokeWidth) >= 3.5);
  return [window.stops.indexOf(here),
    drawn || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1)];
}"""
SEEN = """(widget) => [...widget.querySelectorAll('svg, canvas')]
  .map((one) => (one.toDataURL ? one.toDataURL() : one.innerHTML)).join()"""

SCROLLED = "() => document.querySelector('.jp-WindowedPanel-outer').scrollTop"


CODES = [
    "from nncourse import widgets",
    *(f"w{k} = widgets.{name}({CONTROLS[name][0]}); w{k}" for k, name in enumerate(CONTROLS)),
]


def show(page, name):
    k = list(CONTROLS).index(name)
    scroll = "k => window.jupyterapp.shell.currentWidget.content.scrollToItem(k)"
    page.evaluate(scroll, k + 1)
    widget = page.locator(".jp-Notebook .jp-CodeCell").nth(k + 1).locator(".nnc")
    widget.wait_for(state="visible")
    widget.evaluate("node => node.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(150)
    return widget


def trait(page, name, key):
    return ask_kernel(page, f"print(w{list(CONTROLS).index(name)}.{key})")


@pytest.fixture(scope="module")
def notebook(desk, lab):
    with notebook_page(desk, lab, "reach", CODES) as page:
        yield page


@pytest.fixture(scope="module")
def quiet(desk, lab):
    """A page with a touch screen, whose reader asks for little motion."""
    options = {"has_touch": True, "reduced_motion": "reduce"}
    with notebook_page(desk, lab, "quiet", CODES, **options) as page:
        yield page


@pytest.mark.parametrize("name", CONTROLS)
def test_tab_reaches_every_control_and_shows_where_it_is(notebook, name):
    widget = show(notebook, name)
    before = widget.evaluate(SEEN)
    notebook.wait_for_timeout(300)
    assert widget.evaluate(SEEN) == before, "nothing moves by itself"
    notebook.keyboard.press("Shift")  # a key was used last, so that the focus shows
    count = widget.evaluate(STOPS)
    found = [notebook.evaluate(FOCUSED)]
    for _stop in range(count - 1):
        notebook.keyboard.press("Tab")
        found.append(notebook.evaluate(FOCUSED))
    assert [index for index, _outlined in found] == list(range(count))
    assert [index for index, outlined in found if not outlined] == []


def swipe(page, start, end):
    """A finger goes from one place of the page to another."""
    session = page.context.new_cdp_session(page)
    for kind, at in (("touchStart", start), ("touchMove", end), ("touchMove", end)):
        points = [{"x": at[0], "y": at[1]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(400)


@pytest.mark.parametrize(
    ("name", "place", "key"),
    [
        ("NeuronPlane", '[data-point="0"] .nnc-grip', "points[0]"),
        ("NeuronPlane", ".nnc-handle-tip", "weights"),
        ("RegionBuilder", ".nnc-shift", "planes[0]"),
        ("RegionBuilder", ".nnc-turn", "planes[0]"),
        ("OptimizerRace", ".nnc-pick", "start"),
        ("MomentumPlane", ".nnc-pick", "step"),
        ("DescentExplorer", ".nnc-pick", "start"),
        ("ActivationExplorer", ".nnc-pick", "z"),
    ],
)
def test_a_finger_moves_what_a_mouse_moves(quiet, name, place, key):
    widget = show(quiet, name)
    if name == "NeuronPlane" and key == "weights":
        widget.locator(".nnc-w1").fill("1")
    before = trait(quiet, name, key)
    box = widget.locator(place).first.bounding_box()
    start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    scrolled = quiet.evaluate(SCROLLED)
    swipe(quiet, start, (start[0] + 24, start[1] + 40))
    assert quiet.evaluate(SCROLLED) == scrolled, "the page went along with the finger"
    assert wait_until(quiet, lambda: trait(quiet, name, key) != before)


def test_a_tap_draws_a_point(quiet):
    widget = show(quiet, "Playground")
    box = widget.locator(".nnc-over").bounding_box()
    quiet.touchscreen.tap(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    assert wait_until(quiet, lambda: trait(quiet, "Playground", "points") == "[[1.5, 0, 0]]")


@pytest.mark.parametrize(
    ("name", "button", "done"),
    [
        ("DescentExplorer", ".nnc-play", "steps == w{k}.total"),
        ("OptimizerRace", ".nnc-play", "steps == w{k}.total"),
        ("NeuronPlane", ".nnc-run", "mistakes == 0"),
    ],
)
def test_reduced_motion_goes_to_the_end_at_once(quiet, name, button, done):
    widget = show(quiet, name)
    widget.locator(button).click()
    quiet.wait_for_timeout(250)
    k = list(CONTROLS).index(name)
    assert trait(quiet, name, done.format(k=k)) == "True"


@pytest.mark.parametrize("name", ["GraphStepper", "BackpropNet"])
def test_reduced_motion_stops_what_flows(quiet, notebook, name):
    flowing = """(widget) => document.getAnimations()
      .filter((one) => widget.contains(one.effect.target)).length"""
    for page, moves in ((notebook, True), (quiet, False)):
        widget = show(page, name)
        widget.locator(".nnc-stage").focus()
        for key in ("End", "ArrowLeft", "ArrowLeft"):  # into the backward pass
            page.keyboard.press(key)
        page.wait_for_timeout(200)
        assert (widget.evaluate(flowing) > 0) == moves
