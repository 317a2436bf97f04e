"""How long every widget takes from a moved control to a new picture: at most 50 ms, median.

On a machine that is slow, or on which others are at work, a picture may take MOST / PLAIN times as
long as what ipywidgets' own widgets take in the same notebook: a text that the kernel copies into a
label. The figures are kept in test-results/latency.txt, with the load of the machine at the time.
"""

from __future__ import annotations

import os

import pytest

from nncourse import widgets
from tests.browser.jupyterlab import notebook_page

pytestmark = [pytest.mark.browser, pytest.mark.alone]

MOST, PLAIN = 50, 25  # milliseconds

# What is moved in each widget: a range goes to and fro, anything else gets an arrow key.
CONTROLS = {
    "ActivationExplorer": ("", ".nnc-in-z"),
    "ApproximationExplorer": ("units=32", ".nnc-in-units"),
    "BackpropNet": ("", ".nnc-stage"),
    "BatchNormExplorer": ("", ".nnc-in-shift"),
    "DepthExplorer": ("depth=12", ".nnc-in-scale"),
    "DescentExplorer": ("'plane', batch=4", ".nnc-in-rate"),
    "DropoutExplorer": ("", ".nnc-in-p"),
    "GateBuilder": ("'XOR', layer=True", ".nnc-w1"),
    "GraphStepper": ("", ".nnc-stage"),
    "MemoryCell": ("", "input[type=range]"),
    "MinimaExplorer": ("noise=1.0", ".nnc-in-width"),
    "MomentumPlane": ("", ".nnc-in-kappa"),
    "NeuronPlane": ("'or'", '[data-point="0"]'),
    "NeuronSwap": ("", ".nnc-in-way"),
    "NumericalGradient": ("", ".nnc-h"),
    "OptimizerRace": ("'saddle', noise=0.3", ".nnc-in-scale"),
    "Playground": ("layers=[8, 6]", ".nnc-in-noise"),
    "RegionBuilder": ("'frame'", ".nnc-in-angle"),
    "SoftmaxExplorer": ("", ".nnc-in-temperature"),
    "UnrolledRNN": ("length=24", ".nnc-in-radius"),
}

PLAIN_CODE = """
import ipywidgets
text, label = ipywidgets.Text(), ipywidgets.Label()
text.observe(lambda change: setattr(label, "value", change["new"]), "value")
ipywidgets.HBox([text, label])
"""

# Medians over nine moves, in milliseconds: until a new picture is there (at the next frame of the
# screen), and the part of it in which the page was busy with the event.
TIME = """async (widget, [control, pictures]) => {
  const node = widget.querySelector(control);
  const seen = () => [...widget.querySelectorAll(pictures)]
    .map((one) => (one.toDataURL ? one.toDataURL() : one.innerHTML)).join();
  // A look takes milliseconds itself: it is taken when something in a picture has been changed.
  let stir = () => {};
  const watch = new MutationObserver((changes) => {
    if (changes.some((one) => one.target.closest(pictures))) stir();
  });
  watch.observe(widget, {subtree: true, childList: true, attributes: true});
  const draw = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (...what) {
    draw.apply(this, what);
    if (widget.contains(this.canvas)) stir();
  };
  const [waits, busy] = [[], []];
  node.focus();
  for (let k = 0; k < 9; k++) {
    const before = seen();
    let stirred = new Promise((change) => (stir = change));
    const start = performance.now();
    if (node.type === 'range' || node.type === 'text') {
      if (node.type === 'text') node.value = `${k % 2}`;
      else if (k % 2) node.stepUp();
      else node.stepDown();
      node.dispatchEvent(new Event('input', {bubbles: true}));
    } else {
      const key = k % 2 ? 'ArrowLeft' : 'ArrowRight';
      node.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
    }
    busy.push(performance.now() - start);
    do {
      await Promise.race([stirred, new Promise((after) => setTimeout(after, 3000))]);
      stirred = new Promise((change) => (stir = change));
      await new Promise(requestAnimationFrame);
    } while (seen() === before && performance.now() - start < 3000);
    waits.push(performance.now() - start);
    await new Promise((after) => setTimeout(after, 120));
  }
  watch.disconnect();
  CanvasRenderingContext2D.prototype.putImageData = draw;
  return [waits, busy].map((all) => all.sort((a, b) => a - b)[4]);
}"""


@pytest.fixture(scope="module")
def notebook(desk, lab):
    """A notebook with one of each widget, and a plain one before them, run."""
    codes = [f"widgets.{name}({arguments})" for name, (arguments, _control) in CONTROLS.items()]
    codes = ["from nncourse import widgets", PLAIN_CODE, *codes]
    with notebook_page(desk, lab, "latency", codes) as page:
        yield page


@pytest.fixture(scope="module")
def table(pictures):
    with (pictures / "latency.txt").open("w", encoding="utf-8") as file:
        file.write("widget, control: ms to the picture, ms busy, load of the machine\n")
        yield file


def measure(notebook, cell, output, control, pictures):
    """Milliseconds to the picture and milliseconds busy of the widget in this cell."""
    scroll = "k => window.jupyterapp.shell.currentWidget.content.scrollToItem(k)"
    notebook.evaluate(scroll, cell)
    widget = notebook.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(output)
    widget.wait_for(state="visible")
    return widget.evaluate(TIME, [control, pictures])


def measure_plain(notebook):
    """The same of the plain widget: milliseconds to the text."""
    return measure(notebook, 1, ".jupyter-widgets.widget-hbox", "input", ".widget-label")[0]


def test_every_widget_is_timed():
    assert set(CONTROLS) == set(widgets.__all__)


def test_a_plain_widget_follows(notebook, table):
    plain = measure_plain(notebook)
    table.write(f"Text, Label of ipywidgets: {plain:.0f}\n")
    assert 0 < plain < 1000


@pytest.mark.parametrize("name", CONTROLS)
def test_a_picture_follows_its_control(notebook, table, name):
    cell = list(CONTROLS).index(name) + 2
    control = CONTROLS[name][1]
    # Others may be at work on the machine: the best of three medians is the widget's own.
    found = []
    for _trial in range(3):
        wait, busy = measure(notebook, cell, ".nnc", control, "svg, canvas")
        slowness = 1 if wait <= MOST else max(1, measure_plain(notebook) / PLAIN)
        found.append((wait / slowness, wait, busy))
        if found[-1][0] <= MOST:
            break
    least, wait, busy = min(found)
    load = os.getloadavg()[0]
    table.write(f"{name} {control}: {wait:.0f}, {busy:.1f}, {load:.1f}\n")
    table.flush()
    assert least <= MOST, found
