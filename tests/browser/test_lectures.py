"""Every lecture in a real JupyterLab: all cells run, widgets appear, slides are kept to look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.jupyterlab import keep_picture, open_notebook, run_all, use_theme

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "lectures").glob("*.md"))
SHOWN = 3  # pictures of each lecture, spread over its length


@pytest.mark.parametrize("name", NAMES)
def test_a_lecture_runs_and_its_widgets_appear(page, lab, pictures, name):
    language = ("ru", "en")[NAMES.index(name) % 2]
    open_notebook(page, lab, f"lectures/{language}/{name}.ipynb")
    cells = run_all(page)
    assert [error for cell in cells for error in cell["errors"]] == []
    assert all(cell["count"] for cell in cells if cell["source"].strip())
    wanted = sum(cell["source"].count("widgets.") > 0 for cell in cells)
    assert wanted >= 2
    count = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")
    seen: set[str] = set()
    for k in range(count):  # a notebook makes only those cells that are near the window
        page.evaluate(f"() => window.jupyterapp.shell.currentWidget.content.scrollToItem({k})")
        headings = page.locator(".nnc-question").all_inner_texts()
        seen |= set(headings)
        if k % max(1, count // SHOWN) == count // (2 * SHOWN):
            theme = "Dark" if len(seen) % 2 else "Light"
            use_theme(page, f"JupyterLab {theme}")
            keep_picture(page, pictures, f"lecture-{name}-{k}-{theme.lower()}")
    assert len(seen) >= 2, seen
