"""The form of the built notebooks: what nbval can compare, what a reader can read."""

import re
from pathlib import Path

import nbformat
import pytest

from nncourse.course.files import Course
from nncourse.course.parity import prose

COURSE = Course(Path(__file__).parents[2])
LECTURES = [path for path in COURSE.built() if COURSE.lectures in path.parents]
SOLUTIONS = [path for path in COURSE.built() if COURSE.solutions in path.parents]
RELEASES = [path for path in COURSE.built() if COURSE.exercises in path.parents]

LONGEST_CELL = 16  # lines
WORDS = 900, 2000  # of a lecture's text in one language
LARGEST = 1_500_000  # bytes of a notebook
COMPARED = 0.7  # of the cells that print
EXEMPT = "nbval-ignore-output"


def name(path: Path) -> str:
    return "-".join(path.relative_to(COURSE.root).parts)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def test_there_are_notebooks_in_both_languages():
    for kind in (LECTURES, SOLUTIONS, RELEASES):
        assert {"ru", "en"} <= {part for path in kind for part in path.parts}


@pytest.mark.parametrize("path", LECTURES + SOLUTIONS + RELEASES, ids=name)
def test_a_notebook_is_valid_and_clean(path):
    text = path.read_text("utf-8")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    assert "application/vnd.jupyter.widget-state+json" not in text
    assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users)/\w", text), "a path of a machine"
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert path.stat().st_size <= LARGEST


@pytest.mark.parametrize("path", LECTURES + SOLUTIONS, ids=name)
def test_cells_are_short_and_end_plainly(path):
    for cell in code_cells(path):
        lines = [line for line in cell.source.split("\n") if line.strip()]
        assert not lines or not lines[-1].rstrip().endswith(";"), cell.source
        if "nbgrader" not in cell.metadata:  # an answer may be as long as it must
            assert len(lines) <= LONGEST_CELL, cell.source


@pytest.mark.parametrize("path", LECTURES + SOLUTIONS, ids=name)
def test_notebooks_are_stored_with_outputs_and_without_errors(path):
    cells = code_cells(path)
    assert all(cell.execution_count for cell in cells if cell.source.strip())
    kinds = {output.output_type for cell in cells for output in cell.outputs}
    assert "error" not in kinds
    assert not [
        output
        for cell in cells
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    ]


@pytest.mark.parametrize("path", LECTURES + SOLUTIONS, ids=name)
def test_most_printed_outputs_are_compared(path):
    printing = [cell for cell in code_cells(path) if any(map(prints, cell.outputs))]
    compared = [cell for cell in printing if EXEMPT not in cell.metadata.get("tags", [])]
    assert len(compared) >= COMPARED * len(printing)


def prints(output: nbformat.NotebookNode) -> bool:
    """Does an output say something in text? Pictures and widgets have text only as a label."""
    if output.output_type == "stream":
        return True
    kinds = set(output.get("data", {}))
    return "text/plain" in kinds and not any(kind.startswith("image/") for kind in kinds)


@pytest.mark.parametrize("path", RELEASES, ids=name)
def test_a_release_has_no_solutions_and_no_outputs(path):
    text = path.read_text("utf-8")
    assert "BEGIN SOLUTION" not in text
    assert "BEGIN HIDDEN" not in text
    assert "MARK SCHEME" not in text
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code_cells(path))


@pytest.mark.parametrize("path", RELEASES, ids=name)
def test_points_add_up_to_100(path):
    cells = nbformat.read(path, as_version=4).cells
    assert sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells) == 100


def for_the_lecturer(cell: nbformat.NotebookNode) -> bool:
    return cell.metadata.get("slideshow", {}).get("slide_type") == "notes"


@pytest.mark.parametrize("path", LECTURES, ids=name)
def test_a_lecture_teaches(path):
    cells = nbformat.read(path, as_version=4).cells
    texts = [cell for cell in cells if cell.cell_type == "markdown" and not for_the_lecturer(cell)]
    text = "\n\n".join(cell.source for cell in texts)
    words = re.findall(r"[^\W\d_]{2,}", prose(text))
    assert WORDS[0] <= len(words) <= WORDS[1], len(words)
    assert text.count("<details>") >= 3, "questions to the audience with a hidden answer"
    pictures = [
        output
        for cell in cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) >= 5, "3 figures and 2 widgets at least"
