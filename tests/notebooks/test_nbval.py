"""A printed number that is changed by hand makes the comparison of outputs fail.

The same run measures the time of each notebook.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from nncourse.course.files import Course

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)
LONGEST = 60  # seconds of computing for one notebook, the start of its kernel included


def nbval(notebook: Path) -> subprocess.CompletedProcess:
    options = ["-p", "nbval.plugin", "--nbval", "--nbval-cell-timeout", "60"]
    options += ["-q", "-p", "no:cacheprovider", "-o", "addopts="]
    sanitizer = ["--nbval-sanitize-with", str(ROOT / "tests" / "nbval.cfg")]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *sanitizer, str(notebook)],
        cwd=notebook.parent,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # others take longer to load
        capture_output=True,
        text=True,
    )


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


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [path for path in COURSE.built() if "exercises" not in path.relative_to(ROOT).parts],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_a_changed_number_fails(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    changed = []
    for cell in notebook.cells:
        if "nbval-ignore-output" not in cell.metadata.get("tags", []):
            hits = [change_a_digit(output) for output in cell.get("outputs", [])]
            changed += [cell.id] if any(hits) else []
    assert len(changed) >= 3
    copy = tmp_path / path.name
    nbformat.write(notebook, copy)
    before = os.times()
    run = nbval(copy)
    after = os.times()
    failed = re.search(r"(\d+) failed", run.stdout)
    assert failed, run.stdout[-2000:]
    assert int(failed[1]) == len(changed), run.stdout[-3000:]
    # Of the processor, so that a busy machine does not count.
    spent = after.children_user + after.children_system
    assert spent - before.children_user - before.children_system < LONGEST
