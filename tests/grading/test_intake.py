"""Answers are found in whatever was handed in, and nothing else is taken."""

import json
import os
import re
import tracemalloc
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nncourse.course.folder import TEXT_STUB
from nncourse.grading.answers import LONGEST, find_answers
from nncourse.grading.answers import USUAL as USUAL_LENGTH
from nncourse.grading.archive import Reader
from nncourse.grading.autograded import answers_of
from nncourse.grading.intake import take_in
from nncourse.grading.notebook_file import LARGEST, IntakeError
from nncourse.grading.own import OwnCell
from nncourse.grading.submissions import (
    Submission,
    SubmissionsError,
    find_submissions,
    timestamp_of,
)
from tests.grading.toy import RIGHT, cell_name, submission, with_cell, without


@pytest.fixture(scope="module")
def released(toy):
    return nbformat.read(toy.notebook("ps99"), as_version=4)


@pytest.fixture
def hand_in(toy, released, tmp_path):
    """Write a submission of the toy and take it in."""

    def write(change=list, answers=RIGHT, text=None):
        path = tmp_path / "ann.ipynb"
        path.write_text(text or submission(toy, "ps99", answers, change), "utf-8")
        return take_in(Submission("ann", path), released)

    return write


def test_an_untouched_form_gives_the_answers_and_no_remarks(hand_in):
    intake = hand_in()
    assert intake.notes == []
    assert intake.answers == RIGHT


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_form_of_the_other_edition_is_no_written_answer(hand_in, released, language):
    intake = hand_in(answers={**RIGHT, "why": TEXT_STUB[language]})
    assert intake.answers["why"] == answers_of(released)["why"]


def test_a_deleted_test_cell_comes_back(hand_in):
    intake = hand_in(without("square"))
    assert intake.answers == RIGHT
    assert intake.notes == ["cell square is not in the file: the original was put back"]


def test_an_edited_test_cell_is_restored(hand_in):
    intake = hand_in(answers={**RIGHT, "square": "10.0"})
    assert intake.answers == RIGHT
    assert intake.notes == ["cell square is not as it was handed out: the original was used"]


def test_metadata_of_the_submission_is_not_taken(hand_in):
    def more_points(cells):
        for cell in cells:
            if cell_name(cell) == "square":
                cell["metadata"]["nbgrader"].update(points=1000, locked=False)
            cell["metadata"]["tags"] = ["raises-exception"]
        return cells

    intake = hand_in(more_points)
    assert intake.answers == RIGHT
    assert intake.notes == [
        "points or flags were changed in square: those of the original were used"
    ]


def test_of_two_cells_with_one_name_the_first_counts(hand_in):
    def twice(cells):
        copy = json.loads(json.dumps(cells[2]))
        copy["source"] = "square = None"
        return [*cells, copy]

    intake = hand_in(twice)
    assert intake.answers["square_answer"] == RIGHT["square_answer"]
    assert intake.notes == ["cell square_answer occurs twice: the first one is the answer"]


def parts(*sources):
    """Divide the first answer, as JupyterLab's Split Cell does."""

    def split(cells):
        (at,) = [i for i, cell in enumerate(cells) if cell_name(cell) == "square_answer"]
        split = [{**json.loads(json.dumps(cells[at])), "source": source} for source in sources]
        return [*cells[:at], *split, *cells[at + 1 :]]

    return split


def test_the_parts_of_a_cell_that_was_split_count_as_one(hand_in):
    intake = hand_in(parts("import math", "two = 2", "def square(x):\n    return x**two"))
    assert intake.answers["square_answer"] == (
        "import math\ntwo = 2\ndef square(x):\n    return x**two"
    )
    assert intake.notes == ["cell square_answer was split: its parts count as one"]


def test_what_follows_a_whole_answer_does_not_count(hand_in):
    intake = hand_in(parts("two = 2", RIGHT["square_answer"], "square = None"))
    assert intake.answers["square_answer"] == "two = 2\n" + RIGHT["square_answer"]
    assert "cell square_answer occurs twice: the first one is the answer" in intake.notes
    apart = hand_in(lambda cells: [*parts("two = 2")(cells), *cells[2:3]])
    assert apart.answers["square_answer"] == "two = 2"


def text(source, **fields):
    return {"cell_type": "markdown", "id": "new", "metadata": {}, "source": source, **fields}


@pytest.mark.parametrize(
    ("change", "whole"),
    [
        (lambda why: [why, text("Mine.")], "Mine."),
        (lambda why: [text("Mine."), why], "Mine."),
        (lambda why: [text("Mine.")], "Mine."),
        (lambda why: [text("A"), {**why, "source": "B"}, text(" "), text("C")], "A\n\nB\n\nC"),
        (lambda why: [{**why, "source": "A"}, {**why, "source": "B", "id": "2"}], "A\n\nB"),
        (lambda why: [why, {**why, "source": "Mine.", "id": "2"}], "Mine."),
        (lambda why: [why, text("# So", cell_type="code")], "~~~\n# So\n~~~"),
        (lambda why: [{**why, "source": "A"}, text("1 + 1", cell_type="code")], "A"),
        (lambda why: [{**why, "source": "A"}, {**why, "source": "A"}], "A"),
        (lambda why: [why], "YOUR ANSWER HERE"),
    ],
)
def test_a_written_answer_may_stand_beside_its_cell(hand_in, change, whole):
    answers = {name: RIGHT[name] for name in ("square_answer", "plus_answer")}
    intake = hand_in(lambda cells: [*cells[:-1], *change(cells[-1])], answers)
    assert intake.answers["why"] == whole
    assert len(intake.notes) <= 2
    taken = "why: what stands in other cells beside it was taken into it" in intake.notes
    assert taken == (whole not in ("A", "YOUR ANSWER HERE"))


@pytest.mark.parametrize("deleted", [False, True])
def test_a_written_answer_may_stand_in_its_question(toy, released, tmp_path, deleted):
    question = "## 3\n\n1. Why?\n2. When?"
    cell = {"cell_type": "markdown", "id": "asked", "metadata": {}, "source": question}
    released = deepcopy(released)
    released.cells.insert(-1, type(released.cells[0])(cell))
    answers = {name: RIGHT[name] for name in ("square_answer", "plus_answer")}
    notebook = json.loads(submission(toy, "ps99", answers))
    asked = {**cell, "source": "## 3\n\n1. Why?\n   Because.\n2. When? Then.\n"}
    notebook["cells"][-1:] = [asked, *notebook["cells"][-1:]][: 1 if deleted else 2]
    path = tmp_path / "ann.ipynb"
    path.write_text(json.dumps(notebook), "utf-8")
    intake = take_in(Submission("ann", path), released)
    assert intake.answers["why"] == "Because.\n2. When? Then."
    asked["source"] = question
    path.write_text(json.dumps(notebook), "utf-8")
    intake = take_in(Submission("ann", path), released)
    assert intake.answers["why"] == answers_of(released)["why"]


def test_text_elsewhere_is_no_part_of_a_written_answer(hand_in):
    intake = hand_in(lambda cells: [text("# Notes"), *cells[:5], text("Hm."), *cells[5:]])
    assert intake.answers["why"] == RIGHT["why"]
    assert intake.notes == []


@pytest.mark.parametrize("language", ["en", "ru"])
def test_text_elsewhere_is_named_where_nothing_is_written(hand_in, toy, language):
    text_ = submission(toy, "ps99", {**RIGHT, "why": TEXT_STUB[language]})
    notebook = json.loads(text_)
    notebook["metadata"].setdefault("nncourse", {})["language"] = language
    notebook["cells"] = [text("Because."), text(" "), *notebook["cells"]]
    intake = hand_in(text=json.dumps(notebook))
    assert intake.notes == [
        "why: nothing is written there, but there are more cells of text than were handed out "
        "(1): look for it in what was handed in"
    ]


def test_pictures_in_a_written_answer_are_named(hand_in):
    inside = f"![a](data:image/png;base64,{'iVBORw0KGgo' * 10_000}=)"
    for picture, shown in (("![a](a.png)", "![a](a.png)"), (inside, inside[:27] + "...)")):
        intake = hand_in(answers={**RIGHT, "why": f"See {picture}, so."})
        assert intake.answers["why"] == f"See {shown}, so."
        assert intake.notes == ["why: has pictures, which only the file handed in shows"]


def test_order_does_not_matter(hand_in):
    intake = hand_in(lambda cells: cells[::-1])
    assert intake.answers == hand_in().answers


def test_a_missing_answer_leaves_the_stub(hand_in, released):
    intake = hand_in(without("plus_answer"))
    assert "NotImplementedError" in intake.answers["plus_answer"]
    assert intake.notes == ["answer cell plus_answer is missing: nothing to grade in it"]


def test_cells_of_ones_own_lie_beside_the_notebook(hand_in, released):
    intake = hand_in(with_cell("import os"))
    assert intake.answers == RIGHT
    assert intake.own == [OwnCell(len(released.cells), "import os")]
    assert intake.notes == []


def test_of_cells_of_ones_own_a_hundred_are_read(hand_in):
    intake = hand_in(lambda cells: [*cells, *[{"cell_type": "code", "source": "k = 1"}] * 103])
    assert len(intake.own) == 100
    assert intake.notes == [
        "3 cells of their own were not read: at most 100 are, and 100000 characters in all"
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"cells": [', "not valid JSON (line 1, column"),
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "no list of cells"),
        ('{"worksheets": []}', "old format"),
        ('{"worksheets": [{"x": 1}, 5, {"cells": {"a": 1}}]}', "old format"),
        ('{"worksheets": [{"cells": [1, null]}]}', "no answer cell"),
        ('{"cells": []}', "no answer cell"),
        ('{"cells": [null, 3, {"metadata": null}, {"metadata": {"nbgrader": 5}}]}', "no answer"),
    ],
)
def test_a_file_without_answers_is_refused_with_the_likely_mend(
    toy, released, tmp_path, text, says
):
    path = tmp_path / "ann.ipynb"
    path.write_text(text, "utf-8")
    with pytest.raises(IntakeError) as refused:
        take_in(Submission("ann", path), released)
    assert says in str(refused.value)


def test_files_that_are_no_text_or_too_large_or_links_are_refused(released, tmp_path):
    def refusal(path):
        with pytest.raises(IntakeError) as refused:
            take_in(Submission("ann", path), released)
        return str(refused.value)

    binary = tmp_path / "binary.ipynb"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in refusal(binary)
    large = tmp_path / "large.ipynb"
    large.write_bytes(b" " * (LARGEST + 1))
    assert "without outputs" in refusal(large)
    link = tmp_path / "link.ipynb"
    link.symlink_to(binary)
    assert "link" in refusal(link)
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "holds no notebook" in refusal(folder)


@pytest.mark.parametrize("name", ["[x]", "a*", "../a", ".a", "a/b", ""])
def test_a_name_that_nbgrader_would_misread_is_refused(released, name):
    with pytest.raises(IntakeError, match="can't be a folder"):
        take_in(Submission(name, Path("x.ipynb")), released)


@pytest.mark.parametrize(
    "name", ["ann ", "ann  lee", "ann\u3164", "\u115fann", "ann\uffa0", "Jose\u0301"]
)
def test_a_name_that_looks_like_another_is_refused(released, name):
    with pytest.raises(IntakeError, match="can't be a folder"):
        take_in(Submission(name, Path("x.ipynb")), released)


def test_the_language_of_a_file_made_of_letters_is_soon_known(released, tmp_path):
    """20 MB of letters took a second for each, and half a gigabyte."""
    path = tmp_path / "ann.ipynb"
    cells = [{"cell_type": "markdown", "source": "漢" * 2000}] * 3000
    path.write_text(json.dumps({"cells": cells}, ensure_ascii=False), "utf-8")
    tracemalloc.start()
    with pytest.raises(IntakeError, match="no answer cell"):
        take_in(Submission("ann", path), released)
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 12 * path.stat().st_size


@pytest.mark.parametrize(
    "name", ["ann\u034f", "ann\ufe0f", "\u0301ann", "ann-\u0301", "a" + "\u0301" * 5]
)
def test_marks_that_are_not_seen_or_of_no_letter_are_refused(released, name):
    with pytest.raises(IntakeError, match="can't be a folder"):
        take_in(Submission(name, Path("x.ipynb")), released)


USUAL = ["ann", "Иванов Пётр", "o-neill", "st0123@x.org", "x\u030cu"]
USUAL += ["हिन्दी", "เพ็ชร", "தமிழ்", "מִרְיָם", "محمّد", "မြန်မာ"]


@pytest.mark.parametrize("name", USUAL)
def test_usual_names_pass(released, name):
    with pytest.raises(IntakeError, match="no longer there"):
        take_in(Submission(name, Path("x.ipynb")), released)


def test_a_byte_order_mark_and_lone_surrogates_do_no_harm(toy, released, tmp_path):
    path = tmp_path / "ann.ipynb"
    answers = {**RIGHT, "why": "half a character: XX"}
    text = submission(toy, "ps99", answers).replace("XX", "\\ud800")
    path.write_text("\ufeff" + text, "utf-8")
    intake = take_in(Submission("ann", path), released)
    assert intake.answers["why"] == "half a character: ?"
    json.dumps(intake.answers, ensure_ascii=False).encode("utf-8")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "nbgrader", "grade_id", "source", "cell_type", "x"]), inner
        )
    ),
    max_leaves=20,
)


@given(cells=st.lists(json_values, max_size=5))
@settings(max_examples=200, deadline=None)
def test_any_cells_give_answers_or_a_refusal(toy, cells):
    released = nbformat.read(toy.notebook("ps99"), as_version=4)
    answer = {
        "metadata": {"nbgrader": {"grade_id": "plus_answer"}},
        "source": ["def plus(x):\n", "    return x + 6"],
    }
    intake = find_answers([*cells, answer], released)
    assert set(intake.answers) == set(RIGHT)
    assert all(isinstance(source, str) for source in intake.answers.values())
    assert intake.answers["plus_answer"] == RIGHT["plus_answer"]


def test_the_three_layouts_of_a_folder(tmp_path):
    for path in (
        "ann/ps05/ps05-x.ipynb",
        "ann/ps06/ps06-y.ipynb",
        "bob/notes.ipynb",
        "bob/ps05-x.ipynb",
        "cid.ipynb",
        "dan/readme.txt",
        "eve/ps05-x.ipynb.txt",
        "eve/ps05-x.v2.ipynb",
        "fay.ipynb.txt",
        "gus/ps05-x.IPYNB.json",
        "hal.v1.Ipynb",
        ".hidden/ps05-x.ipynb",
        "scores.csv",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("{}")
    found = {
        s.student: s.path.relative_to(tmp_path).as_posix()
        for s in find_submissions(tmp_path, "ps05")
    }
    assert found == {
        "ann": "ann/ps05/ps05-x.ipynb",
        "bob": "bob/ps05-x.ipynb",
        "cid": "cid.ipynb",
        "dan": "dan",
        "eve": "eve/ps05-x.v2.ipynb",
        "fay": "fay.ipynb.txt",
        "gus": "gus/ps05-x.IPYNB.json",
        "hal.v1": "hal.v1.Ipynb",
    }


@pytest.mark.parametrize(
    "other", ["ps05-x-Copy1.ipynb", "ps05-x (1).ipynb", "ps05-a.ipynb", "._ps05-x.ipynb", "a.ipynb"]
)
def test_of_several_notebooks_the_one_that_was_handed_out_counts(tmp_path, toy, released, other):
    text = submission(toy, "ps99", RIGHT)
    for name in ("ps05-x.ipynb", other):
        (tmp_path / "ann").mkdir(exist_ok=True)
        (tmp_path / "ann" / name).write_text(text, "utf-8")
    (ann,) = find_submissions(tmp_path, "ps05", "ps05-x.ipynb")
    assert ann.path.name == "ps05-x.ipynb"
    said = [] if other.startswith(".") else [f"files beside the notebook were not used: {other}"]
    assert take_in(ann, released).notes == said


def test_hidden_files_are_no_notebooks(tmp_path):
    """macOS lays one beside each file."""
    (tmp_path / "ann").mkdir()
    for name in ("home.ipynb", "._home.ipynb"):
        (tmp_path / "ann" / name).write_text("{}")
    (tmp_path / "__MACOSX" / "ann").mkdir(parents=True)
    (tmp_path / "__MACOSX" / "ann" / "._home.ipynb").write_text("")
    (ann,) = find_submissions(tmp_path, "ps05")
    assert ann.path.name == "home.ipynb"


def test_a_time_stamp_beside_everybodys_files_is_nobodys(tmp_path):
    for name in ("ann.ipynb", "bob/x.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
        (tmp_path / name).with_name("timestamp.txt").write_text("2026-01-30 15:00:00 UTC")
    ann, bob = find_submissions(tmp_path, "ps05")
    assert timestamp_of(ann) is None
    assert timestamp_of(bob).day == 30


def test_an_empty_folder_is_said_to_be_empty(tmp_path):
    with pytest.raises(SubmissionsError, match=r"expected STUDENT\.ipynb"):
        find_submissions(tmp_path, "ps05")
    (tmp_path / "moodle.zip").touch()
    for name in ("absent", "moodle.zip"):
        with pytest.raises(SubmissionsError, match=r"not a folder.*nncourse collect ps05 SOURCE"):
            find_submissions(tmp_path / name, "ps05")


@pytest.mark.parametrize("place", [".", "source", "release/ps05", "autograded", "submitted/ann"])
def test_folders_of_the_course_are_no_students(tmp_path, place):
    (tmp_path / "nbgrader_config.py").touch()
    for folder in (place, "submitted", "incoming"):
        (tmp_path / folder / "bob").mkdir(parents=True)
    with pytest.raises(SubmissionsError, match=r"belongs to a course.*submitted$"):
        find_submissions(tmp_path / place, "ps05")
    for folder in ("submitted", "incoming"):
        assert "bob" in [one.student for one in find_submissions(tmp_path / folder, "ps05")]


def test_who_has_handed_in_other_assignments_only_has_no_points_for_this_one(tmp_path):
    """They stood there with 0 points, as one whose work could not be graded."""
    (tmp_path / "nbgrader_config.py").touch()
    for path in ("source/ps05", "source/ps06", "submitted/bob/ps06", "submitted/cid/ps06/ps05"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("ann/ps05/x.ipynb", "ann/ps06/x.ipynb", "dan/ps06/x.ipynb", "dan/x.ipynb"):
        (tmp_path / "submitted" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "submitted" / path).write_text("{}")
    for path in ("eve/ps05", "fay/ps5", "fay/ps06", "gus"):  # there something has gone wrong
        (tmp_path / "submitted" / path).mkdir(parents=True)
    (tmp_path / "submitted").rename(tmp_path / "disk")
    (tmp_path / "submitted").symlink_to(tmp_path / "disk")
    found = [one.student for one in find_submissions(tmp_path / "submitted", "ps05")]
    assert found == ["ann", "dan", "eve", "fay", "gus"]


def test_a_student_who_is_there_twice_is_named_and_stops_nobody(tmp_path, released):
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "ps05.ipynb").write_text("{}")
    (tmp_path / "ann.ipynb").write_text("{}")
    (tmp_path / "bob.ipynb").write_text("{}")
    ann, bob = find_submissions(tmp_path, "ps05")
    assert (ann.student, bob.student, bob.rival) == ("ann", "bob", None)
    with pytest.raises(IntakeError, match=r"ann is there twice, as ps05\.ipynb and as ann\.ipynb"):
        take_in(ann, released)


def test_names_are_text_in_one_form(tmp_path, released):
    """A Mac writes an accent as a letter of its own; a file name may be any bytes."""
    (tmp_path / "Е\u0308лкина.ipynb").write_text("{}")
    (tmp_path / os.fsdecode(b"\xffan.ipynb")).write_text("{}")
    other, ann = find_submissions(tmp_path, "ps05")
    assert ann.student == "Ёлкина"
    assert other.student.startswith("_an~")
    with pytest.raises(IntakeError, match="can't be a folder of the gradebook"):
        take_in(other, released)


def test_a_name_that_is_script_stands_nowhere(tmp_path, released):
    """nbgrader's pages show the names of the gradebook unescaped."""
    names = ['";alert(1);"', "<img src=x onerror=alert(1)>", "<img src=y onerror=alert(1)>", "a=b"]
    for name in names:
        (tmp_path / f"{name}.ipynb").write_text("{}")
    found = find_submissions(tmp_path, "ps05")
    assert len({one.student for one in found}) == len(names)
    for one in found:
        assert re.fullmatch(r"[\w.@+-]+~[0-9a-f]{12}", one.student)
        with pytest.raises(IntakeError, match=re.escape(repr(one.path.name))):
            take_in(one, released)


@contextmanager
def ordinary_user():
    """Be nobody for a while, as root may."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("rights", [0o444, 0o000])
@pytest.mark.parametrize("inner", [".", "ps05"])
def test_a_folder_that_lets_nobody_in_stops_nobody(released, rights, inner):
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for student in ("ann", "bob"):
            (Path(folder) / student / inner).mkdir(parents=True)
            (Path(folder) / student / inner / "x.ipynb").write_text("{}")
        closed = Path(folder) / "bob" / inner
        closed.chmod(rights)
        try:
            with ordinary_user():
                ann, bob = find_submissions(Path(folder), "ps05")
                with pytest.raises(IntakeError, match=r"can.t be opened|PermissionError"):
                    take_in(bob, released)
                reader = Reader()
                assert [file.path for file in reader.read(Path(folder))] == [
                    str(ann.path.relative_to(folder))
                ]
                assert [why for _name, why in reader.refused] == ["Permission denied"]
        finally:
            closed.chmod(0o755)


def test_a_folder_that_goes_away_meanwhile_stops_nobody(tmp_path, toy, released, monkeypatch):
    folder = tmp_path / "ann"
    folder.mkdir()
    (folder / "ps99.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    (ann,) = find_submissions(tmp_path, "ps99")
    original = Submission.open

    def gone(self, name=None):
        file = original(self, name)
        folder.rename(tmp_path / "elsewhere")
        return file

    monkeypatch.setattr(Submission, "open", gone)
    assert take_in(ann, released).notes == []


def test_links_lead_nowhere(tmp_path, toy, released):
    others = tmp_path / "others" / "ps99"
    others.mkdir(parents=True)
    (others / "ps99.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    folder = tmp_path / "class"
    (folder / "bob").mkdir(parents=True)
    (folder / "ann").symlink_to(others.parent)
    (folder / "bob" / "ps99").symlink_to(others)
    (folder / "cid.ipynb").symlink_to(others / "ps99.ipynb")
    for found in find_submissions(folder, "ps99"):
        with pytest.raises(IntakeError, match=r"is a link|holds no notebook"):
            take_in(found, released)


def test_an_old_format_and_other_encodings_are_read(toy, released, tmp_path):
    path = tmp_path / "ann.ipynb"
    new = json.loads(submission(toy, "ps99", {**RIGHT, "why": "Потому что."}))
    cells = [{**cell, "input": cell["source"]} for cell in new["cells"]]
    for cell in cells:
        if cell["cell_type"] == "code":
            del cell["source"]
    sheets = [{"cells": cells}, {"name": "without cells"}]
    path.write_text(json.dumps({"nbformat": 3, "worksheets": sheets}), "utf-8")
    assert (
        take_in(Submission("ann", path), released).answers["square_answer"]
        == (RIGHT["square_answer"])
    )
    for encoding in ("utf-16", "cp1251"):
        path.write_bytes(json.dumps(new, ensure_ascii=False).encode(encoding))
        intake = take_in(Submission("ann", path), released)
        assert intake.answers["why"] == "Потому что."
        assert intake.notes == [f"the file is in {encoding}, not in UTF-8"]


def test_order_flags_and_kernel_are_remarked_upon(toy, released, tmp_path):
    text = json.loads(submission(toy, "ps99", RIGHT))
    text["cells"].reverse()
    for cell in text["cells"]:
        if cell_name(cell) == "square":
            cell["metadata"]["nbgrader"]["points"] = 1000
    text["metadata"]["kernelspec"] = {"name": "ir\x1b[2J", "language": "R"}
    path = tmp_path / "ann" / "x.ipynb"
    path.parent.mkdir()
    path.write_text(json.dumps(text), "utf-8")
    (path.parent / "numpy.py").write_text("")
    notes = "\n".join(take_in(Submission("ann", path), released).notes)
    assert "kernel ir?[2J: Python was used" in notes
    assert "another order" in notes
    assert "points or flags were changed in square" in notes
    assert "not used: numpy.py" in notes


def test_names_of_the_students_own_do_not_flood_the_report(hand_in):
    def many(cells):
        extra = []
        for number in range(50):
            copy = json.loads(json.dumps(cells[2]))
            copy["metadata"]["nbgrader"]["grade_id"] = f"\x1b[2J{number // 2}"
            extra.append(copy)
        return [*cells, *extra, *[json.loads(json.dumps(cells[2])) for _ in range(50)]]

    intake = hand_in(many)
    assert intake.notes == ["cell square_answer occurs twice: the first one is the answer"]
    assert len(intake.own) == 50


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_language_of_a_submission_is_its_own(toy, released, tmp_path, language):
    text = json.loads(submission(toy, "ps99", RIGHT))
    path = tmp_path / "ann.ipynb"
    text["metadata"]["nncourse"] = {"language": language}
    for cell in text["cells"]:
        if cell_name(cell) == "setup":
            cell["source"] += f"\n# {language}"
    path.write_text(json.dumps(text), "utf-8")
    intake = take_in(Submission("ann", path), released)
    assert intake.language == language
    changed = ["cell setup is not as it was handed out: the original was used"]
    assert intake.notes == (changed if language == "en" else [])
    text["metadata"] = {"nncourse": {"language": ["ru"]}}
    text["cells"][0]["source"] = {"ru": "Квадраты чисел", "en": "Squares"}[language]
    for cell in text["cells"]:
        if cell_name(cell) == "why":
            cell["source"] = {"ru": "Потому что так.", "en": "Because."}[language]
    path.write_text(json.dumps(text), "utf-8")
    assert take_in(Submission("ann", path), released).language == language


def test_a_file_that_can_not_be_opened_is_a_line_in_the_report(released, tmp_path, monkeypatch):
    path = tmp_path / "ann.ipynb"
    path.write_text("{}")

    def refuse(_submission):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Submission, "open", refuse)
    with pytest.raises(IntakeError, match="PermissionError"):
        take_in(Submission("ann", path), released)


PARTS = ['"', "{", "}", "[", "]", "\\ud800", "\x00", "null", ":", ",", "\\", "1e999", "NaN", "ж"]


def corrupted(text, values, random):
    """A notebook with other cells, other keys or other bytes; ``values`` are any JSON."""
    kind = random.choice(["bytes", "text", "cut", "cells", "keys"])
    if kind in ("cells", "keys"):
        notebook, values = json.loads(text), deepcopy(values)
        cells = random.sample(notebook["cells"], random.randint(0, len(notebook["cells"])))
        cells += random.sample(values[:-1], random.randint(0, 2))
        if kind == "keys" and cells:
            cell = random.choice(cells)
            if isinstance(cell, dict):
                cell[random.choice(["metadata", "source", "cell_type"])] = values[-1]
        return json.dumps({**notebook, "cells": cells}).encode()
    written = text.encode()
    at = random.randint(0, len(written))
    if kind == "cut":
        return written[:at]
    junk = random.randbytes(random.randint(0, 3))
    part = junk if kind == "bytes" else random.choice(PARTS).encode()
    return written[:at] + part + written[at + random.randint(0, 3) :]


def assert_taken_or_refused(path, released):
    intake = None
    try:
        intake = take_in(Submission("ann", path), released)
    except IntakeError as error:
        refusal = str(error)
    if intake is None:
        assert 10 < len(refusal) < 600
        return
    json.dumps(vars(intake), ensure_ascii=False).encode("utf-8")
    assert set(intake.answers) == set(RIGHT)
    assert all(isinstance(source, str) for source in intake.answers.values())
    assert all(0 < len(note) < 400 for note in intake.notes)
    assert intake.language in ("ru", "en")


CASES = 10
"""So many corruptions are made of the same values: to draw those is what takes the time."""


def test_an_empty_notebook_beside_another_is_not_taken_for_the_answer(toy, released, tmp_path):
    (tmp_path / "ann").mkdir()
    solved, empty = (tmp_path / "ann" / f"{name}.ipynb" for name in ("ps99-Copy1", "ps99"))
    empty.write_text(submission(toy, "ps99", {}), "utf-8")
    assert take_in(Submission("ann", empty), released).notes == []
    solved.write_text(submission(toy, "ps99", RIGHT), "utf-8")
    with pytest.raises(IntakeError, match=r"ps99\.ipynb is as it was handed out, and .*-Copy1"):
        take_in(Submission("ann", empty), released)
    (note,) = take_in(Submission("ann", solved), released).notes
    assert note.startswith("files beside the notebook")


@pytest.mark.parametrize("name", ["submissions/submissions", "ann/in/ann"])
def test_the_files_of_the_class_are_not_those_of_who_is_called_like_its_folder(
    toy, released, tmp_path, name
):
    path = tmp_path / f"{name}.ipynb"
    path.parent.mkdir(parents=True)
    for beside in (path, path.with_name("bob.ipynb")):
        beside.write_text(submission(toy, "ps99", {}), "utf-8")
    (own,) = [one for one in find_submissions(path.parent, "ps99") if one.path == path]
    assert take_in(own, released).notes == []


@pytest.mark.slow
@given(
    values=st.lists(json_values, min_size=4, max_size=4),
    random=st.randoms(use_true_random=True),
)
@settings(max_examples=10_000 // CASES, deadline=None, suppress_health_check=list(HealthCheck))
def test_ten_thousand_corruptions_give_answers_or_a_refusal(toy_file, values, random):
    text, path, released = toy_file
    for _ in range(CASES):
        path.write_bytes(corrupted(text, values, random))
        assert_taken_or_refused(path, released)


@pytest.fixture(scope="module")
def toy_file(toy, released, tmp_path_factory):
    return submission(toy, "ps99", RIGHT), tmp_path_factory.mktemp("file") / "ann.ipynb", released


def test_what_is_hidden_behind_a_long_beginning_is_named(hand_in):
    """Copied code, behind more letters than pages show and comparisons read."""
    usual = "#" * (USUAL_LENGTH - 1) + "\n"
    assert hand_in(answers={**RIGHT, "plus_answer": usual}).notes == []
    (note,) = hand_in(answers={**RIGHT, "plus_answer": usual + "x = 1"}).notes
    assert note.startswith(f"plus_answer: {USUAL_LENGTH + 5} characters")
    (note,) = hand_in(change=with_cell(usual + "x = 1")).notes
    assert note.startswith(f"cells of their own: {USUAL_LENGTH + 5} characters")


def test_an_answer_that_would_take_minutes_to_parse_is_left_out(hand_in, released):
    intake = hand_in(answers={**RIGHT, "plus_answer": "x = 1\n" * (LONGEST // 6 + 1)})
    assert intake.answers["plus_answer"] == answers_of(released)["plus_answer"]
    assert intake.answers["square_answer"] == RIGHT["square_answer"]
    (note,) = intake.notes
    assert f"plus_answer has {6 * (LONGEST // 6 + 1)} characters" in note


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0f73", "\uff9e\u0301"])
def test_marks_piled_upon_a_letter_are_cut(hand_in, marks):
    """Python puts the marks of a name in order in a time that grows with the square of them."""

    def change(cells):
        return [
            {**cell, "source": f"a{marks * 20_000} = 1"} if cell_name(cell) == "setup" else cell
            for cell in cells
        ]

    (own,) = hand_in(change).own
    assert len(own.source) < 50


def test_usual_marks_stay(hand_in):
    marks = "\u0915\u094d\u0937\u093f e\u0301\u0316" + "\u0301" * 9
    text = f"def plus(x):\n    return x + 6  # {marks}"
    intake = hand_in(answers={**RIGHT, "plus_answer": text})
    assert intake.answers["plus_answer"] == text


def test_an_offset_may_stand_apart(tmp_path):
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "x.ipynb").write_text("{}")
    one = Submission("ann", tmp_path / "ann" / "x.ipynb", folder=tmp_path)
    for text in ("2026-11-25 10:00:00 +0300", "2026-11-25 10:00:00+03:00"):
        (tmp_path / "ann" / "timestamp.txt").write_text(text)
        assert str(timestamp_of(one)) == "2026-11-25 07:00:00"
