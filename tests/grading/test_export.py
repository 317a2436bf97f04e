"""The files that the learning platforms import."""

from __future__ import annotations

import pytest

from nncourse.grading.export import FORMATS, ExportError, fill_roster, write_rows
from nncourse.grading.results import Grade, Result

RESULTS = [
    Result("ann", {"a": Grade(7.5, 10.0), "b": Grade(5.0, 5.0)}),
    Result("=1+1", {"a": Grade(10.0, 10.0), "b": Grade(5.0, 5.0)}, penalty=3.0),
    Result("Иван", {"a": Grade(0.0, 10.0), "b": Grade(0.0, 5.0)}, problem="cut off"),
]


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (
            "nbgrader",
            [
                "assignment,student_id,raw_score,late_submission_penalty,score,max_score",
                "ps05,ann,12.5,0,12.5,15",
                "ps05,'=1+1,15,3,12,15",
                "ps05,Иван,0,0,0,15",
            ],
        ),
        ("moodle", ["Username,ps05", "ann,12.5", "'=1+1,12", "Иван,0"]),
        (
            "canvas",
            [
                "Student,ID,SIS User ID,SIS Login ID,Section,ps05",
                "    Points Possible,,,,,15",
                "ann,,,ann,,12.5",
                "'=1+1,,,'=1+1,,12",
                "Иван,,,Иван,,0",
            ],
        ),
    ],
)
def test_formats(tmp_path, kind, rows):
    path = write_rows(tmp_path / "out" / "x.csv", FORMATS[kind]("ps05", RESULTS))
    assert path.read_text("utf-8").splitlines() == rows


def test_a_roster_of_canvas_is_filled():
    roster = (
        "\ufeffStudent,ID,SIS Login ID,Section,ps04 (1),ps05 (2)\n"
        "    Points Possible,,,,10,15\n"
        '"Smith, Ann",17,ANN,A,9,\n"Who, Else",18,else,A,8,\n'
    )
    rows, missing = fill_roster(roster, "ps05", RESULTS)
    assert rows[2] == ["Smith, Ann", "17", "ANN", "A", "9", "12.5"]
    assert rows[3] == ["Who, Else", "18", "else", "A", "8", ""]
    assert rows[1][-1] == "15"
    assert missing == ["=1+1", "Иван"]


def test_a_worksheet_of_moodle_is_filled():
    roster = (
        "Identifier,Full name,Email address,Grade,Maximum grade\nParticipant 1,Иван,i@x.org,,15\n"
    )
    rows, missing = fill_roster(roster, "ps05", RESULTS)
    assert rows[1] == ["Participant 1", "Иван", "i@x.org", "0", "15"]
    assert missing == ["=1+1", "ann"]
    rows, _missing = fill_roster(roster, "ps05", RESULTS, "Maximum grade")
    assert rows[1][-1] == "0"


@pytest.mark.parametrize("roster", ["", "a,b\n1,2\n", "Username,x\nann,1\n"])
def test_what_is_no_roster_is_said(roster):
    with pytest.raises(ExportError, match=r"empty|--column"):
        fill_roster(roster, "ps05", RESULTS)
