"""Building: only what changed, the same bytes again, and no drift that goes unnoticed."""

from pathlib import Path

import nbformat
import pytest

from nncourse.course import build as builder
from nncourse.course.files import Course, find_course


def build(course, **options):
    return builder.build(course, say=lambda line: None, **options)


def test_both_editions_and_releases_are_written(built_course):
    names = {path.relative_to(built_course.root).as_posix() for path in built_course.built()}
    assert names == {
        "lectures/ru/01-trial.ipynb",
        "lectures/en/01-trial.ipynb",
        "solutions/ru/ps01/ps01-trial.ipynb",
        "solutions/en/ps01/ps01-trial.ipynb",
        "exercises/ru/ps01/ps01-trial.ipynb",
        "exercises/en/ps01/ps01-trial.ipynb",
    }
    assert builder.check(built_course) == []
    assert builder.missing(built_course) == []


def test_outputs_are_kept_in_editions_and_not_in_releases(built_course):
    lecture = nbformat.read(built_course.root / "lectures/en/01-trial.ipynb", as_version=4)
    assert lecture.cells[1].outputs[0].text == "square: 49\n"
    assert lecture.cells[2].outputs[0].data["text/plain"] == "array([0, 1, 2])"
    release = nbformat.read(built_course.root / "exercises/en/ps01/ps01-trial.ipynb", as_version=4)
    code = [cell for cell in release.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] for cell in code)
    assert "return 2 * x" not in code[0].source
    assert "NotImplementedError" in code[0].source


def test_building_again_gives_the_same_bytes_and_does_nothing_unasked(built_course):
    before = {path: path.read_bytes() for path in built_course.built()}
    assert build(built_course) == []
    assert len(build(built_course, force=True)) == len(before)
    assert {path: path.read_bytes() for path in built_course.built()} == before


@pytest.fixture
def lecture_only(small_course):
    for path in small_course.solutions.glob("*.md"):
        path.unlink()
    build(small_course)
    return small_course


def test_a_changed_language_is_built_alone(lecture_only):
    source = lecture_only.lectures / "01-trial.md"
    source.write_text(source.read_text("utf-8").replace("square of", "second power of"), "utf-8")
    problems = builder.check(lecture_only)
    assert len(problems) == 1
    assert "lectures/en/01-trial.ipynb is older than lectures/01-trial.md" in problems[0]
    assert build(lecture_only) == [lecture_only.root / "lectures/en/01-trial.ipynb"]
    assert builder.check(lecture_only) == []


def test_an_edit_by_hand_is_found_and_kept(lecture_only):
    built = lecture_only.root / "lectures/ru/01-trial.ipynb"
    edited = built.read_text("utf-8").replace("квадрат: 49", "квадрат: 50")
    built.write_text(edited, "utf-8")
    (problem,) = builder.check(lecture_only)
    assert "lectures/ru/01-trial.ipynb was edited by hand" in problem
    with pytest.raises(builder.BuildError, match="edited by hand"):
        build(lecture_only)
    assert built.read_text("utf-8") == edited
    build(lecture_only, force=True)
    assert "квадрат: 49" in built.read_text("utf-8")


def test_sources_may_be_named_from_where_one_is(lecture_only, monkeypatch):
    monkeypatch.chdir(lecture_only.lectures)
    assert len(build(lecture_only, sources=[Path("01-trial.md")], force=True)) == 2


def test_a_source_outside_the_course_is_refused(lecture_only, tmp_path_factory):
    stray = tmp_path_factory.mktemp("stray") / "01-trial.md"
    stray.write_bytes((lecture_only.lectures / "01-trial.md").read_bytes())
    with pytest.raises(builder.BuildError, match="is no source of the course"):
        build(lecture_only, sources=[stray])


def test_missing_and_orphaned_notebooks_are_named(lecture_only):
    (lecture_only.root / "lectures/ru/01-trial.ipynb").rename(
        lecture_only.root / "lectures/ru/09-gone.ipynb"
    )
    missing, orphan = builder.check(lecture_only)
    assert "lectures/ru/01-trial.ipynb is not built" in missing
    assert "lectures/ru/09-gone.ipynb has no source" in orphan


def test_a_cell_that_fails_stops_the_build_and_writes_nothing(lecture_only):
    source = lecture_only.lectures / "01-trial.md"
    source.write_text(source.read_text("utf-8").replace("np.arange(3)", "1 / 0"), "utf-8")
    before = {path: path.read_bytes() for path in lecture_only.built()}
    with pytest.raises(builder.BuildError, match=r"lectures/\w\w/01-trial.ipynb: (?s:.)*ZeroDiv"):
        build(lecture_only)
    assert {path: path.read_bytes() for path in lecture_only.built()} == before


def test_widget_views_are_not_saved(small_course):
    data = {builder.WIDGET_VIEW: {"model_id": "1"}, "text/plain": "w"}
    code = f"from IPython.display import display\ndisplay({data}, raw=True)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    builder.execute(notebook, small_course.root, "trial")
    assert notebook.cells[0].outputs[0].data == {"text/plain": "w"}
    assert "widgets" not in notebook.metadata


def test_the_course_is_found_from_below(small_course, tmp_path_factory):
    assert find_course(small_course.lectures) == small_course
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert isinstance(find_course(elsewhere), Course)
