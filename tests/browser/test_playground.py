"""The playground in a real JupyterLab: 20 frames a second, keyboard, drawing, an own optimiser."""

from __future__ import annotations

import json
import os

import nbformat
import pytest

from tests.browser.jupyterlab import ask_kernel, keep_picture, open_notebook, run_all, use_theme

pytestmark = [pytest.mark.browser, pytest.mark.alone]

OWN = """
class Mine:
    def __init__(self, parameters, rate):
        self.parameters, self.rate = parameters, rate
    def zero_grad(self):
        for p in self.parameters:
            p.grad = None
    def step(self):
        with nnc.no_grad():
            for p in self.parameters:
                p -= self.rate * p.grad
"""
CELLS = [
    "import nncourse as nnc\nfrom nncourse import widgets" + OWN,
    'play = widgets.Playground("spirals", layers=[8, 6], optimizer=Mine, rate=0.3)\nplay',
]

# For a second: how many frames of the screen brought a new picture of the boundary.
FRAMES = """async () => {
  const proto = CanvasRenderingContext2D.prototype;
  const draw = proto.putImageData;
  let [drawn, frames] = [false, 0];
  proto.putImageData = function (image, ...rest) {
    drawn ||= image.width === 100 && image.height === 100;
    return draw.call(this, image, ...rest);
  };
  const start = performance.now();
  while (performance.now() < start + 1000) {
    await new Promise(requestAnimationFrame);
    frames += drawn;
    drawn = false;
  }
  proto.putImageData = draw;
  return (1000 * frames) / (performance.now() - start);
}"""
# For a second: how often the kernel answers a request to do nothing, the next asked at each answer.
ECHOES = """async () => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const start = performance.now();
  let answers = 0;
  for (; performance.now() < start + 1000; answers++)
    await kernel.requestExecute({code: 'pass', store_history: false}).done;
  return (1000 * answers) / (performance.now() - start);
}"""
FRAMES_WANTED = 20  # per second
# Where others leave so little of the machine that 20 are out of reach, it is this part of the empty
# round trips of the same seconds. (With eight at work on two cores: 17 frames, 15 empty ones.)
PART_OF_ECHOES = 1 / 2
SECONDS = 8


def measure(page):
    """The best second of training: frames a second, and empty round trips a second beside it."""
    best = (0.0, 1.0)
    for _second in range(SECONDS):
        page.locator(".nnc-play").focus()
        page.keyboard.press("Enter")
        page.wait_for_timeout(200)
        frames = page.evaluate(FRAMES)
        page.keyboard.press("Enter")  # pause
        page.wait_for_timeout(200)
        echoes = page.evaluate(ECHOES)
        best = max(best, (frames, echoes))
        if frames >= FRAMES_WANTED:
            break
    return best


def ask(page, expression):
    return json.loads(ask_kernel(page, f"import json; print(json.dumps({expression}))"))


def wait_for(page, expression, value):
    for _trial in range(50):
        if ask(page, expression) == value:
            return
        page.wait_for_timeout(100)
    assert ask(page, expression) == value


def test_live_training_drawing_and_a_step(page, lab, pictures):
    cells = [nbformat.v4.new_code_cell(code) for code in CELLS]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(content, lab.root / "work" / "playground.ipynb")
    open_notebook(page, lab, "work/playground.ipynb")
    assert [error for cell in run_all(page) for error in cell["errors"]] == []
    widget = page.locator(".nnc-playground")
    widget.wait_for(state="visible")
    widget.locator(".nnc-step").click()
    wait_for(page, "play.session.steps", 1)

    frames, echoes = measure(page)
    page.wait_for_timeout(300)
    steps = ask(page, "play.session.steps")
    page.wait_for_timeout(500)
    assert ask(page, "play.session.steps") == steps, "a pause is heard"
    assert steps > 60
    assert ask(page, "play.session.losses[-1][1] < play.session.losses[0][1]")
    keep_picture(page, pictures, "playground-light")
    told = f"{frames:.0f} frames and {echoes:.0f} empty round trips a second"
    (pictures / "playground.txt").write_text(f"{told}, load {os.getloadavg()[0]:.1f}\n")
    assert frames >= FRAMES_WANTED or frames >= PART_OF_ECHOES * echoes, told

    # Other layers, from the same weights; then training that ends by itself.
    widget.locator(".nnc-kind-1").select_option("ReLU")
    wait_for(page, "play.activation", ["Tanh", "ReLU"])
    assert ask(page, "play.session.steps") == steps
    widget.locator(".nnc-kind-1").focus()
    page.keyboard.press("ArrowDown")
    wait_for(page, "play.activation", ["Tanh", "Sigmoid"])
    assert widget.locator(".nnc-kind-1").evaluate("node => node === document.activeElement")
    widget.locator(".nnc-in-stop").select_option(index=1)
    wait_for(page, "[play.stop, play.stop_at]", ["steps", 1000])
    widget.locator(".nnc-stop-at").fill(str(steps + 20))
    widget.locator(".nnc-stop-at").press("Tab")
    wait_for(page, "play.stop_at", steps + 20)
    widget.locator(".nnc-play").click()
    wait_for(page, "play.session.steps", steps + 20)
    widget.locator(".nnc-rest:not(:empty)").wait_for()

    widget.locator(".nnc-gradients").check()
    over = widget.locator(".nnc-over")
    over.focus()
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    wait_for(page, "play.points", [[0.2, 0.2, 0]])
    assert ask(page, "play.data") == "own"
    box = over.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    page.wait_for_timeout(500)
    assert ask(page, "len(play.points)") == 2
    use_theme(page, "JupyterLab Dark")
    widget.evaluate("node => node.scrollIntoView({block: 'center'})")
    keep_picture(page, pictures, "playground-dark")
