"""What the tests do in JupyterLab's page, in the words of a reader: open, run, look, ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

PATIENCE = 120  # seconds

# The app is put on the page by --expose-app-in-browser.
READY = """() => {
  const app = window.jupyterapp;
  const panel = app && app.shell.currentWidget;
  return Boolean(panel && panel.sessionContext && panel.content && panel.content.model
    && panel.context.isReady && panel.sessionContext.session
    && panel.sessionContext.session.kernel
    && panel.sessionContext.session.kernel.status === 'idle');
}"""

CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.model.type === 'code')
  .map(cell => ({
    source: cell.model.sharedModel.getSource(),
    count: cell.model.executionCount,
    running: cell.model.executionState === 'running',
    errors: cell.model.sharedModel.outputs.filter(one => one.output_type === 'error')
      .map(one => one.ename + ': ' + one.evalue),
  }))"""

OPEN = "path => window.jupyterapp.commands.execute('docmanager:open', {path}).then(() => null)"

# Where nothing is open, JupyterLab itself opens a launcher, and may do so over the next notebook.
CLOSE = """async () => {
  const app = window.jupyterapp;
  const open = [...app.shell.widgets('main')];
  await app.commands.execute('launcher:create');
  for (const one of open) {
    const session = one.sessionContext;
    one.dispose();
    if (session) await session.shutdown();
  }
}"""

RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"

ASK = """async code => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({code, store_history: false});
  let text = '';
  future.onIOPub = message => {
    if (message.header.msg_type === 'stream') text += message.content.text;
    if (message.header.msg_type === 'error') text += message.content.evalue;
  };
  await future.done;
  return text.trim();
}"""

THEME = "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})"


def new_page(browser: Any, **context: Any) -> Any:
    """A page of 1400 x 1000 px, unless ``context`` says otherwise, that shares nothing."""
    context = {"viewport": {"width": 1400, "height": 1000}, **context}
    page = browser.new_context(**context).new_page()
    page.set_default_timeout(PATIENCE * 1000)
    return page


@contextmanager
def notebook_page(
    desk: Any, lab: Any, name: str, codes: Sequence[str], **context: Any
) -> Iterator[Any]:
    """The desk with a new notebook of these cells, run; no script of the page may fail.

    With a ``context`` of its own it stands in a page of its own.
    """
    cells = [nbformat.v4.new_code_cell(code) for code in codes]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(content, lab.root / "work" / f"{name}.ipynb")
    page = new_page(desk.browser, **context) if context else desk.page
    failures: list[str] = []

    def note(error: object) -> None:
        failures.append(str(error))

    page.on("pageerror", note)
    open_notebook(page, lab, f"work/{name}.ipynb")
    run_well(page)
    try:
        yield page
    finally:
        if context:
            page.context.close()
        else:
            close_notebooks(page)
            page.remove_listener("pageerror", note)
    assert failures == []


def open_notebook(page: Any, lab: Any, path: str) -> None:
    """Open a notebook, in JupyterLab if that is there, and wait until its kernel is idle."""
    if page.evaluate("() => 'jupyterapp' in window"):
        page.evaluate(OPEN, path)
    else:
        page.goto(lab.address(path))
    page.wait_for_selector(".jp-Notebook")
    page.wait_for_function(READY)


def close_notebooks(page: Any) -> None:
    """Close all notebooks without saving them, and end their kernels."""
    if page.evaluate("() => 'jupyterapp' in window"):
        page.evaluate(CLOSE)


def run_all(page: Any) -> list[dict[str, Any]]:
    """Run all cells; returns source, execution count and errors of each code cell."""
    page.evaluate(RUN_ALL)
    page.wait_for_function(READY)
    return page.evaluate(CELLS)


def run_well(page: Any) -> None:
    """Run all cells; none may end in an error."""
    assert [error for cell in run_all(page) for error in cell["errors"]] == []


def wait_until(page: Any, holds: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether it comes to hold in so many seconds: a busy kernel hears of a key late."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        page.wait_for_timeout(100)
    return True


def ask_kernel(page: Any, code: str) -> str:
    """What a piece of code prints in the notebook's kernel."""
    return page.evaluate(ASK, code)


def use_theme(page: Any, theme: str) -> None:
    """Switch to "JupyterLab Light" or "JupyterLab Dark"."""
    page.evaluate(THEME, theme)
    light = "true" if theme.endswith("Light") else "false"
    page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")
    page.wait_for_selector("#jupyterlab-splash", state="detached")


def show(page: Any, selector: str) -> Any:
    """Scroll the first element that fits a selector into view, and return it."""
    element = page.locator(selector).first
    element.wait_for(state="attached")
    element.evaluate("node => node.scrollIntoView({block: 'center'})")
    element.wait_for(state="visible")
    return element


def keep_picture(page: Any, folder: Path, name: str) -> None:
    """Keep a screenshot for a person to look at."""
    page.screenshot(path=folder / f"{name}.png")
