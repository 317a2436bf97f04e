"""nbval fails where a printed number is changed by hand, and where a notebook computes too long."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from nncourse.course.files import Course
from tests.notebooks.replay import PRINTED

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)
NOTEBOOKS = [
    path.relative_to(ROOT)
    for path in COURSE.built()
    if "exercises" not in path.relative_to(ROOT).parts
]


def nbval(folder: Path, *options: str) -> str:
    """What nbval says of all notebooks in a folder, in short."""
    options = ["-p", "nbval.plugin", "--nbval", "--nbval-cell-timeout", "60", *options]
    options += ["-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", "-o", "addopts="]
    sanitizer = ["--nbval-sanitize-with", str(ROOT / "tests" / "nbval.cfg")]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *sanitizer, "--rootdir", str(folder), "."],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # others take longer to load
        },
        capture_output=True,
        text=True,
    )
    return run.stdout + run.stderr


def failed(said: str) -> set[tuple[str, int]]:
    """(notebook, number among its cells of code) of what nbval calls failed."""
    found = re.findall(r"^FAILED (.+)::Cell (\d+)", said, flags=re.MULTILINE)
    return {(path, int(number)) for path, number in found}


def change_a_digit(output: nbformat.NotebookNode) -> bool:
    """Change the first digit of what an output says in text; False where it says none."""
    holder, key = output, "text"
    if output.output_type != "stream":
        holder, key = output.get("data", {}), "text/plain"
        if any(kind.startswith("image/") for kind in holder):
            return False
    before = holder.get(key, "")
    holder[key] = re.sub(r"\d", lambda digit: str(9 - int(digit[0])), before, count=1)
    return holder[key] != before


def changed_copy(path: Path, folder: Path) -> set[int]:
    """Write a copy of a notebook with a wrong digit in each cell that shows one.

    The right one lies beside it, for the replay. Gives the numbers of those cells among the cells
    of code.
    """
    notebook = nbformat.read(ROOT / path, as_version=4)
    place = (folder / path).with_suffix("")  # a folder of its own
    place.mkdir(parents=True)
    nbformat.write(notebook, place / PRINTED)
    changed = set()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code):
        if "nbval-ignore-output" not in cell.metadata.get("tags", []):
            hits = [change_a_digit(output) for output in cell.outputs]
            changed |= {number} if any(hits) else set()
    nbformat.write(notebook, place / path.name)
    return changed


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """For each notebook the cells that were changed, and those that nbval calls failed."""
    folder = tmp_path_factory.mktemp("changed")
    changed = {path: changed_copy(path, folder) for path in NOTEBOOKS}
    found = failed(nbval(folder, "-p", "tests.notebooks.replay"))
    failures = {
        path: {
            number
            for name, number in found
            if name == (path.with_suffix("") / path.name).as_posix()
        }
        for path in NOTEBOOKS
    }
    assert sum(map(len, failures.values())) == len(found)
    return changed, failures


@pytest.mark.parametrize("path", NOTEBOOKS, ids=Path.as_posix)
def test_a_changed_number_fails_and_nothing_else(path, verdicts):
    changed, failures = verdicts
    assert len(changed[path]) >= 3
    assert failures[path] == changed[path]


def test_a_changed_number_fails_with_a_kernel(tmp_path):
    """What the replay stands for."""
    path = NOTEBOOKS[0]
    changed = changed_copy(path, tmp_path)
    name = (path.with_suffix("") / path.name).as_posix()
    assert failed(nbval(tmp_path)) == {(name, number) for number in changed}


def test_a_notebook_that_computes_too_long_fails(tmp_path):
    spin = "import time\nwhile time.process_time() < {}:\n    pass"
    for name, seconds in (("long", 4), ("short", 0)):
        notebook = nbformat.v4.new_notebook()
        cells = [nbformat.v4.new_code_cell(spin.format(seconds), execution_count=1)]
        notebook.cells = [*cells, nbformat.v4.new_code_cell("1", execution_count=None)]
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    said = nbval(tmp_path, "-p", "tests.notebooks.longest", "--notebook-seconds", "3")
    assert re.findall(r"^ERROR (.+)::Cell", said, flags=re.MULTILINE) == ["long.ipynb"], said
    assert re.search(r"long.ipynb computes [45]\.\d s, allowed: 3 s", said)
    assert "4 passed, 1 error" in said
