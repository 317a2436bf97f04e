"""Release without a gradebook: stubs in, solutions and outputs out, the same bytes every time."""

import nbformat
import pytest

from nncourse.course.folder import CODE_STUB, TEXT_STUB
from nncourse.grading.release import ReleaseError, release
from tests.grading.toy import cell_name, write_toy


@pytest.fixture(params=["ru", "en"])
def released(request, tmp_path):
    # A path as awkward as a path may be.
    course = write_toy(tmp_path / "a [b] + {c}" / "курс", request.param)
    source = course.solutions / request.param
    (source / "ps99" / "data.txt").write_text("numbers")
    return request.param, source, release(source, tmp_path / "out", "ps99", request.param)


def test_stubs_stand_in_place_of_solutions(released):
    language, _source, folder = released
    notebook = nbformat.read(folder / "ps99-squares.ipynb", as_version=4)
    cells = {cell_name(cell): cell for cell in notebook.cells}
    stub = "\n".join("    " + line for line in CODE_STUB[language].split("\n"))
    assert cells["square_answer"].source == f"def square(x):\n{stub}"
    assert cells["why"].source == TEXT_STUB[language]
    assert "rubric" not in (folder / "ps99-squares.ipynb").read_text("utf-8")


def test_graded_cells_are_locked_and_answers_are_not(released):
    _language, _source, folder = released
    notebook = nbformat.read(folder / "ps99-squares.ipynb", as_version=4)
    cells = {cell_name(cell): cell for cell in notebook.cells}
    for name in ("setup", "square", "plus"):
        assert cells[name].metadata.editable is False
        assert cells[name].metadata.deletable is False
    assert "editable" not in cells["square_answer"].metadata


def test_other_files_come_along_and_a_second_release_is_the_same(released):
    language, source, folder = released
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert first["data.txt"] == b"numbers"
    (folder / "left over").write_text("from an older release")
    release(source, folder.parent, "ps99", language)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_a_refusal_keeps_the_old_release_and_says_why(released):
    language, source, folder = released
    before = (folder / "ps99-squares.ipynb").read_bytes()
    path = source / "ps99" / "ps99-squares.ipynb"
    path.write_text(path.read_text("utf-8").replace("### END SOLUTION", ""), "utf-8")
    with pytest.raises(ReleaseError, match="No end solution statement"):
        release(source, folder.parent, "ps99", language)
    assert (folder / "ps99-squares.ipynb").read_bytes() == before


def test_an_assignment_without_notebooks_is_refused(tmp_path):
    with pytest.raises(ReleaseError, match="no notebook"):
        release(tmp_path, tmp_path / "out", "ps99", "en")
