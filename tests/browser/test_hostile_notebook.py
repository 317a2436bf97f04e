"""A lecturer opens what a hostile student handed in, in JupyterLab, saves it and opens it again."""

from __future__ import annotations

import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nncourse.course.folder import CONFIG_FILE, config_text
from tests.browser.conftest import serving
from tests.browser.jupyterlab import CLOSE, OPEN, keep_picture

pytestmark = pytest.mark.browser

RAN = "window.ran = 1"
PICTURE = f'<img src="nowhere" onerror="{RAN}">'
SAVE = """async () => {
  const { context } = [...window.jupyterapp.shell.widgets('main')].find((one) => one.context);
  await context.ready;
  await context.save();
}"""
WORKSPACE = {"metadata": {"id": "theirs"}, "data": {"terminal:1": {"data": {"name": "1"}}}}


def notebook():
    """It brings a program in each place that JupyterLab looks at."""
    scripts = {"application/javascript": RAN, "text/html": f"<script>{RAN}</script>{PICTURE}"}
    outputs = [
        {"output_type": kind, "metadata": {}, "data": scripts}
        for kind in ("display_data", "update_display_data")
    ]
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "toc": {"base_numbering": PICTURE, "number_sections": True},
        "toc-autonumbering": True,
    }
    made = new_notebook(metadata=metadata, cells=[new_markdown_cell(f"# Title\n\n{PICTURE}")])
    made.cells += [new_code_cell("1"), new_code_cell("2")]
    for cell, output in zip(made.cells[1:], outputs, strict=True):
        cell["outputs"] = [output]
    return made


@pytest.fixture(scope="module")
def course_lab(tmp_path_factory):
    """Not ``lab``: tests with that one share a page, which stays at its server."""
    root = tmp_path_factory.mktemp("hostile")
    folder = root / "course" / "submitted" / "eve" / "ps99"
    folder.mkdir(parents=True)
    (root / "course" / CONFIG_FILE).write_text(config_text("en"))
    made = notebook()
    (folder / "both.ipynb").write_text(json.dumps(made))
    made.cells.pop(1)  # Jupyter distrusts a notebook for this one
    (folder / "update.ipynb").write_text(json.dumps(made))
    (folder / "x.jupyterlab-workspace").write_text(json.dumps(WORKSPACE))
    (root / "home").mkdir()
    command = ["jupyterlab", "--allow-root", "--expose-app-in-browser"]
    with serving(command, root / "course", root / "home") as lab:
        yield lab


def start(page, lab):
    page.goto(lab.address())
    page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")


def test_nothing_runs_when_it_is_opened_saved_and_opened_again(course_lab, page, pictures):
    start(page, course_lab)
    for name in ("both", "update", "update"):
        page.evaluate(OPEN, f"submitted/eve/ps99/{name}.ipynb")
        page.wait_for_selector(".jp-Notebook h1")
        page.wait_for_timeout(1500)
        keep_picture(page, pictures, f"hostile-{name}")
        assert page.evaluate("window.ran") is None
        page.evaluate(SAVE)
        page.evaluate(CLOSE)


def test_no_file_says_what_jupyterlab_opens(course_lab, page):
    start(page, course_lab)
    sent = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    page.evaluate(OPEN, "submitted/eve/ps99/x.jupyterlab-workspace")
    page.wait_for_selector(".jp-FileEditor")
    page.wait_for_timeout(1500)
    assert not [what for what in sent if "terminals" in what and "POST" in what]
    assert not [what for what in sent if "workspaces/theirs" in what]
