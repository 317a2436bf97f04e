"""The files that the learning platforms import."""

from __future__ import annotations

import csv
import io
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from nncourse import cli
from nncourse.course.folder import make_course
from nncourse.grading.export import (
    FORMATS,
    ExportError,
    moodle_rows,
    write_rows,
)
from nncourse.grading.grade import grade_submissions
from nncourse.grading.results import Grade, Result
from nncourse.grading.roster import fill_roster
from nncourse.grading.scores import table, write_scores
from tests.grading.toy import RIGHT, make_released, submission, write_toy

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
    assert path.read_text("utf-8-sig").splitlines() == rows


@pytest.mark.parametrize("between", [",", ";", "\t", ":"])
def test_a_roster_keeps_what_stands_between_its_cells(tmp_path, between):
    lines = ['"Identifier","Full name, as shown; and more","Email address","Grade"']
    roster = "\ufeff" + "\n".join([*lines, '"P1","x","ann",""', '"P2","a; b, c","who",""'])
    roster = roster.replace('","', f'"{between}"')
    filled = fill_roster(roster, "ps05", RESULTS)
    path = write_rows(tmp_path / "x.csv", filled.rows, filled.separator)
    read = list(csv.reader(path.read_text("utf-8-sig").splitlines(), delimiter=between))
    assert read[0][1] == "Full name, as shown; and more"
    assert read[1:] == [["P1", "x", "ann", "12.5"], ["P2", "a; b, c", "who", ""]]


@pytest.mark.parametrize("encoding", ["cp1251", "utf-16"])
def test_a_roster_in_another_encoding_is_refused_with_advice(tmp_path, encoding):
    course = make_course(tmp_path / "course", "en", [], write_toy(tmp_path / "own"))
    roster = tmp_path / "roster.csv"
    roster.write_text("Полное имя,Оценка\nИван,\n", encoding)
    command = ["export", "ps99", "moodle", "--course", str(course.root), "--roster", str(roster)]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 1
    assert "is not in UTF-8: save it as CSV UTF-8" in " ".join(done.output.split())
    done = CliRunner().invoke(cli.app, [*command[:-1], "nowhere.csv"])
    assert done.exit_code == 1
    assert "there is no nowhere.csv" in " ".join(done.output.split())


@pytest.mark.parametrize("others", [[], ["ann"]])
def test_numbers_of_moodle_are_found_where_all_have_one(others):
    roster = "Identifier,Full name,Grade\nParticipant 17,Lee,\nУчастник18,Lee,\nParticipant 7,X,\n"
    results = [Result(n, {"a": Grade(3.0, 5.0)}) for n in ["Lee_17", "Lee_18", *others]]
    rows, missing = filled(roster, "ps05", results)
    assert [row[2] for row in rows[1:]] == (["", "", ""] if others else ["3", "3", ""])
    assert missing == (["Lee_17", "Lee_18", "ann"] if others else [])


def test_names_as_canvas_writes_them_in_front_of_files_are_found():
    roster = 'Student,ID,SIS Login ID,ps05\n,,,Manual\n"O\'Neill, Ann",17,x1,\n'
    roster += '"Иванова, Я",18,x2,\n"Li, Bo",19,x3,\nLiBo,20,x4,\n'
    names = ["oneillann", "ивановая", "libo", "--"]
    results = [Result(name, {"a": Grade(3.0, 5.0)}) for name in names]
    rows, missing = filled(roster, "ps05", results)
    assert [row[3] for row in rows[1:]] == ["Manual", "3", "3", "", ""]
    assert missing == ["--", "libo"], "two are called so"


@pytest.mark.parametrize(
    ("shown", "written"),
    [("Weiß, Tom", "weißtom"), ("वर्मा, रीता", "वर्मारीता"), ("O_Brien, Al", "o_brienal")],
)
def test_letters_of_all_kinds_are_found_as_canvas_writes_them(shown, written):
    results = [Result(written, {"a": Grade(3.0, 5.0)})]
    rows, missing = filled(f'Student,ID,ps05\n"{shown}",17,\n', "ps05", results)
    assert (rows[1][2], missing) == ("3", [])


def test_a_roster_of_canvas_is_filled():
    roster = (
        "\ufeffStudent,ID,SIS Login ID,Section,ps04 (1),ps05 (2)\n"
        "    Points Possible,,,,10,15\n"
        '"Smith, Ann",17,ANN,A,9,\n"Who, Else",18,else,A,8,\n'
    )
    rows, missing = filled(roster, "ps05", RESULTS)
    assert rows[2] == ["Smith, Ann", "17", "ANN", "A", "9", "12.5"]
    assert rows[3] == ["Who, Else", "18", "else", "A", "8", ""]
    assert rows[1][-1] == "15"
    assert missing == ["=1+1", "Иван"]


def test_a_worksheet_of_moodle_is_filled():
    roster = (
        "Identifier,Full name,Email address,Grade,Maximum grade\nParticipant 1,Иван,i@x.org,,15\n"
    )
    rows, missing = filled(roster, "ps05", RESULTS)
    assert rows[1] == ["Participant 1", "Иван", "i@x.org", "0", "15"]
    assert missing == ["=1+1", "ann"]
    rows, missing = filled(roster, "ps05", RESULTS, "Maximum grade")
    assert rows[1][-1] == "0"


def filled(*asked):
    """The rows, and whose row is not known."""
    out = fill_roster(*asked)
    return out.rows, out.missing


def points(student, given):
    return Result(student, {"a": Grade(given, 10.0)})


CY = points("cy", 5.0)


@pytest.mark.parametrize(
    ("roster", "results", "scores", "nowhere"),
    [
        # A name that is shown is its owner's to choose: another's login, or another's name.
        (["Ann,ann", "ann,evil", "Bo,cy"], [points("ann", 9.0), CY], ["9", "", "5"], []),
        (["ann,evil", "Ann,ann", "Bo,cy"], [points("ann", 9.0), CY], ["", "9", "5"], []),
        (["ann,evil", "Bo,cy"], [points("ann", 9.0), points("evil", 1.0), CY], ["1", "5"], ["ann"]),
        # It is not known whether the files are named by logins or by shown names.
        (["Lee,ann", "ann,evil"], [points("ann", 9.0)], ["", ""], ["ann"]),
        (["A,ann", "bob,evil"], [points("ann", 1.0), points("bob", 9.0)], ["", ""], ["ann", "bob"]),
        (["ann,ann", "bob,evil"], [points("ann", 1.0)], ["1", ""], []),
        (["Ann,1", "Ann,2"], [points("Ann", 9.0)], ["", ""], ["Ann"]),
        # Whose file is named like another's but for the case.
        (["A,ann"], [points("ANN", 1.0), points("Ann", 2.0), points("ann", 9.0)], ["9"], None),
        (["A,Ann"], [points("Ann", 9.0), points("ann", 1.0)], ["9"], ["ann"]),
        (["A,Ann"], [points("ANN", 9.0), points("ann", 1.0)], [""], ["ANN", "ann"]),
        (["A,Strasse"], [points("Stra\u00dfe", 1.0), points("Strasse", 9.0)], ["9"], None),
        (["A,\u017fam", "B,sam"], [points("sam", 9.0)], ["", "9"], []),
        (["A,", "B,ann", "C,ann"], [points("ann", 9.0), points("b", 1.0)], ["", "1", ""], ["ann"]),
        (["    Points Possible,"], [points("Points Possible", 1.0)], [""], ["Points Possible"]),
        # Of another section: whoever shows this name as their own has handed in nothing.
        (
            ["A,ann", "bob,evil", "Bo,cy"],
            [points("ann", 1.0), points("bob", 9.0), CY],
            ["1", "", "5"],
            ["bob"],
        ),
        (["A,bob"], [points("\x1b]0;evil\x07\nbob", 9.0)], [""], ["?]0;evil? bob"]),
    ],
)
def test_nobody_gets_anothers_score(roster, results, scores, nowhere):
    text = "\n".join(["Student,SIS Login ID,ps05", *roster])
    rows, missing = filled(text, "ps05", results)
    assert [row[-1] for row in rows[1:]] == scores
    assert missing == (nowhere if nowhere is not None else missing)


def test_a_name_that_collecting_has_changed_is_found():
    text = "Full name,Grade\nShaun O'Neill,\nAnn O'Neill,\nAnn O_Neill,\nZoe\u0308  Li,\n"
    results = [points("Shaun O_Neill", 1.0), points("Ann O_Neill", 2.0), points("Zo\u00eb Li", 3.0)]
    rows, missing = filled(text, "ps05", results)
    assert [row[-1] for row in rows[1:]] == ["1", "", "", "3"]
    assert missing == ["Ann O_Neill"], "two become this"


@pytest.mark.parametrize("shown", ["Ann O_Neill", "Ann O(Neill", "Ann  O_Neill"])
def test_nobody_takes_the_name_that_collecting_makes_of_anothers(shown):
    text = f"Full name,Grade\nAnn O\u2019Neill,\n{shown},\nIvan Petrov,\n"
    rows, missing = filled(text, "ps05", [points("Ann O_Neill", 9.0), points("Ivan Petrov", 5.0)])
    assert [row[-1] for row in rows[1:]] == ["", "", "5"]
    assert missing == ["Ann O_Neill"]


def test_a_name_that_differs_by_its_case_spoils_no_other():
    text = "Full name,Grade\nANN LEE,\nAnn Lee,\n"
    rows, missing = filled(text, "ps05", [points("Ann Lee", 9.0)])
    assert ([row[-1] for row in rows[1:]], missing) == (["", "9"], [])


@pytest.mark.parametrize(
    ("collected", "scores", "nowhere"),
    [
        # One order for all, so that nobody is swapped with whose names are the other way round.
        (["Lee Ann", "Ann Lee", "Petrov Ivan"], ["1", "2", "3"], []),
        (["Ann Lee", "Lee Ann", "Ivan Petrov"], ["1", "2", "3"], []),
        (["Petrov Ivan", "Ann Lee"], ["", "2", "1"], []),
        (["Ann Lee", "Lee Ann"], ["", "", ""], ["Ann Lee", "Lee Ann"]),
        (["Ann Lee"], ["", "", ""], ["Ann Lee"]),
        (["Petrov Ivan"], ["", "", "1"], []),
        # One of another class changes nothing.
        (["Lee Ann", "Petrov Ivan", "Tom Ray"], ["1", "", "2"], ["Tom Ray"]),
        (["Ann Lee", "Ivan Petrov", "evil"], ["1", "", "2"], ["evil"]),
    ],
)
def test_first_and_last_names_are_in_one_order(collected, scores, nowhere):
    text = "First name,Last name,Email,Grade\nAnn,Lee,a,\nLee,Ann,evil,\nIvan,Petrov,i,\n"
    results = [points(name, 1.0 + i) for i, name in enumerate(collected)]
    rows, missing = filled(text, "ps05", results)
    assert [row[-1] for row in rows[1:]] == scores
    assert missing == nowhere


def test_who_shows_anothers_login_gets_their_own_score():
    text = 'Student,ID,SIS User ID,SIS Login ID,ps05\n"Ray, Bob",5,u5,bob1,\nbob1,9,u9,evil,\n'
    text += '"Lee, Ann",7,u7,ann7,\n'
    results = [points("raybob", 9.0), points("bob1", 1.0), points("leeann", 5.0)]
    rows, missing = filled(text, "ps05", results)
    assert ([row[-1] for row in rows[1:]], missing) == (["9", "1", "5"], [])
    rows, missing = filled(text, "ps05", results[1:2])
    assert ([row[-1] for row in rows[1:]], missing) == (["", "", ""], ["bob1"])


def test_who_writes_their_name_as_canvas_would_gets_no_others_row():
    """They are of another section, and the files come from Moodle."""
    text = "Full name,Grade\nAnn Lee,\nIvan Petrov,\n"
    results = [points("Ann Lee", 9.0), points("Ivan Petrov", 5.0), points("annlee", 1.0)]
    rows, missing = filled(text, "ps05", results)
    assert ([row[-1] for row in rows[1:]], missing) == (["9", "5"], ["annlee"])


def test_who_is_not_filled_in_is_said(tmp_path):
    toy = make_released(tmp_path / "course", write_toy(tmp_path / "repository"), "ps99", "en")
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "Ann O_Neill.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    grade_submissions(toy, "ps99", tmp_path / "class")
    roster = tmp_path / "roster.csv"
    roster.write_text("Full name,Grade\nAnn O'Neill,\nAnn O_Neill,\n", "utf-8")
    asked = ["export", "ps99", "moodle", "--course", str(toy.root), "--roster", str(roster)]
    said = CliRunner().invoke(cli.app, asked)
    assert said.exit_code == 1
    said_plainly = " ".join(said.output.split())
    assert "no row of the roster is surely theirs: Ann O_Neill" in said_plainly
    lines = (toy.root / "ps99-moodle.csv").read_text("utf-8").splitlines()
    assert lines == ["Full name,Grade", "Ann O'Neill,", "Ann O_Neill,"]


def test_no_student_passes_for_the_line_of_the_maxima():
    rows = FORMATS["canvas"]("ps05", [points("ann", 1.0), points("Points Possible 2", 9.0)])
    assert [row[0] for row in rows] == ["Student", "    Points Possible", "ann", ""]
    assert rows[3][3:] == ["Points Possible 2", "", "9"]


def test_a_long_text_of_a_student_stops_nobody():
    """Moodle's worksheet has them beside the grades."""
    text = f"Full name,Grade,Online text\nann,,{'x' * 200_000}\n"
    assert fill_roster(text, "ps05", [points("ann", 9.0)]).rows[1][1] == "9"
    with pytest.raises(ExportError, match="no CSV file"):
        fill_roster(text + "bob\rx,,\n", "ps05", [points("ann", 9.0)])


def as_php(rows):
    """As Moodle writes it: a quotation mark is doubled but after a backslash."""
    lines = []
    for row in rows:
        cells = ['"' + re.sub(r'(?<!\\)"', '""', cell) + '"' for cell in row]
        lines.append(",".join(cells) + "\n")
    return "".join(lines)


def as_others(rows):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize("write", [as_php, as_others])
@pytest.mark.parametrize(
    "name", ['Eve \\"', 'Eve \\""', "Eve \\", 'Eve "\\\\" X', 'E"v"e \\,', "E\\n"]
)
def test_no_name_swallows_the_rows_of_others(name, write):
    rows = [["Full name", "Email", "Grade"], ["Bo", "bo", ""], [name, "eve", ""]]
    rows += [["Ann Lee", "ann", ""], ["Zo", "zo", ""], ['Cy "C" Day', "cy", ""]]
    results = [points("bo", 1.0), points("eve", 2.0), points("ann", 3.0), points("cy", 4.0)]
    out = fill_roster(write(rows), "ps05", results)
    assert [row[1:] for row in out.rows[1:]] == [
        ["bo", "1"], ["eve", "2"], ["ann", "3"], ["zo", ""], ["cy", "4"]
    ]  # fmt: skip
    assert out.missing == []
    # What is written now, Moodle reads like everyone.
    assert not re.search(r'\\"', as_others(out.rows))
    assert out.rows[5][0] == 'Cy "C" Day'


@pytest.mark.parametrize("write", [as_php, as_others])
@pytest.mark.parametrize("end", ["z", '"', '"\\"', '"z'])
def test_rows_that_a_student_has_written_are_nobodys(write, end):
    text = 'x \\"\nann,0,-\neve,10,-\nq,,' + end
    rows = [["Username", "Grade", "Text"], ["ann", "", "-"], ["eve", "", text], ["bo", "", "-"]]
    out = fill_roster(write(rows), "ps05", [points("ann", 9.0)])
    assert [row[:2] for row in out.rows[1:]] == [["ann", "9"], ["eve", ""], ["bo", ""]]


@given(*[st.text(alphabet='a,;\\" \n', max_size=30)] * 2)
def test_whoever_writes_a_table_it_is_read_as_it_was(one, two):
    rows = [["Username", "Grade", "Text"], [f"e{one}", "", two], ["ann", "", "-"]]
    # What PHP makes of a backslash at the end of a cell, it can't read itself.
    for write in (as_others,) if one[-1:] == "\\" or two[-1:] == "\\" else (as_php, as_others):
        out = fill_roster(write(rows), "ps05", [points("ann", 9.0)])
        assert [len(row) for row in out.rows] == [3, 3, 3]
        assert out.rows[2] == ["ann", "9", "-"]
        # But for the backslashes that mean one thing to Moodle and another to the rest.
        assert out.rows[1][2].replace("\\", "") == two.replace("\\", "")


def test_a_text_of_backslashes_takes_no_time():
    text = 'x \\" ' + "\\" * 200_000 + "x"
    rows = [["Username", "Grade", "Text"], ["eve", "", text], ["ann", "", "-"]]
    start = time.perf_counter()
    out = fill_roster(as_php(rows), "ps05", [points("ann", 9.0)])
    assert time.perf_counter() - start < 10
    assert out.rows[2] == ["ann", "9", "-"]


def test_a_roster_with_quotes_out_of_place_is_refused():
    broken = 'Username,Grade\nbo,\na\\"nn,\n'
    end_and_quote = as_php([["Username", "Grade"], ["ann", ""], ["eve\\", 'e\\"']])
    for roster in (broken, end_and_quote):
        with pytest.raises(ExportError, match="follows a backslash in line 3:"):
            fill_roster(roster, "ps05", [points("ann", 9.0)])


@pytest.mark.parametrize(
    ("head", "at"),
    [
        ("Username,Quiz: ps05 (Real),Assignment: ps05 (Real)", 2),
        ("Username,Тест: ps05 (Значение),Задание:ps05 (Значение)", 2),
        ("Username,Assignment: ps05 (Percentage),Workshop: ps05 (Real)", 2),
        ("Student,ID,ps05 (bonus quiz) (11),ps05 (12)", 3),
        ("Student,ID,ps05 (Real)", 2),
        ("username,grade", 1),
    ],
)
def test_no_other_activity_gets_the_scores(head, at):
    roster = f"{head}\nann{',' * head.count(',')}\n"
    row = fill_roster(roster, "ps05", [points("ann", 9.0)]).rows[1]
    assert [i for i, cell in enumerate(row) if cell == "9"] == [at]


@pytest.mark.parametrize(
    "columns", ["ps05 (11),ps05 (12)", "Quiz: ps05,Workshop: ps05 (Real)", "Grade,Grade"]
)
def test_one_of_several_columns_is_asked_for(columns):
    with pytest.raises(ExportError, match=r"several columns .* --column"):
        fill_roster(f"Username,{columns}\nann,,\n", "ps05", [points("ann", 9.0)])
    if columns != "Grade,Grade":
        wanted = columns.split(",")[1]
        text = f"Username,{columns}\nann,,\n"
        assert fill_roster(text, "ps05", [points("ann", 9.0)], wanted).rows[1] == ["ann", "", "9"]


def test_first_and_last_names_of_canvas_are_found():
    text = "LastName,FirstName,ID,SIS Login ID,Section,ps05 (1)\n    Points Possible,,,,,10\n"
    text += "Lee,Ann,1,x1,A,\nO'Neill,Bo,2,x2,A,\n"
    rows, missing = filled(text, "ps05", [points("leeann", 9.0), points("oneillbo", 8.0)])
    assert ([row[-1] for row in rows[2:]], missing) == (["9", "8"], [])


@pytest.mark.parametrize(
    ("roster", "there"),
    [
        ("Username,Grade,Maximum grade\nann,,100.00\nbo,,100.00\n", "100.00"),
        ("Имя пользователя;Оценка;Максимальная оценка\nann;;5,00\n", "5,00"),
        ("Student,ID,ps05\n    Points Possible,,12\nann,1,\n", "12"),
        ("Username,Grade,Maximum grade\nann,,10.00\nbo,,-\n", None),
        ("Student,ID,ps05\n    Points Possible,,10\nann,1,\n", None),
        ("Username,Grade\nann,\n", None),
    ],
)
def test_other_points_on_the_platform_are_said(roster, there):
    remarks = fill_roster(roster, "ps05", [points("ann", 9.0)]).remarks
    assert len(remarks) == (there is not None)
    assert all(f"has {there} points for it, here there are 10," in line for line in remarks)


def test_who_is_excused_stays_so_and_blank_lines_stay_blank():
    text = "Student,SIS Login ID,ps05\nA,ann,EX\nB,bo,N/A\nC,cy,3\n\n"
    results = [points("ann", 0.0), points("bo", 1.0), CY]
    out = fill_roster(text, "ps05", results)
    assert [row[-1:] for row in out.rows[1:]] == [["EX"], ["N/A"], ["5"], []]
    assert out.missing == []
    assert "EX / N/A: ann, bo" in out.remarks[0]


def test_one_letter_is_often_written_in_two_ways():
    rows, missing = filled("Полное имя,Оценка\nАртём Ли,\n", "ps05", [points("Артем Ли", 9.0)])
    assert (rows[1][1], missing) == ("9", [])


@pytest.mark.parametrize(
    "text", [";=1+1;", "x;=cmd|' /C calc'!A0", "a; \t@b", "\n+1", "＝1;＝1", 'x;"=1+1', 'x; "" @b']
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_spreadsheet_finds_a_formula(tmp_path, text, delimiter):
    """Where a comma is in numbers, a semicolon ends a cell."""
    results = [Result(text, {"a": Grade(1.0, 1.0)}, problem=text)]
    paths = [write_scores(tmp_path / "scores.csv", results)]
    paths += [write_rows(tmp_path / f"{k}.csv", f("ps05", results)) for k, f in FORMATS.items()]
    for path in paths:
        for row in csv.reader(path.read_text("utf-8-sig").splitlines(), delimiter=delimiter):
            cells = [cell.strip() for cell in row]
            assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝"))]


def test_the_penalty_is_taken_off_in_every_file_and_table(tmp_path):
    """Marks by hand may lie below a penalty that was computed before."""
    results = [RESULTS[1], Result("low", {"a": Grade(1.0, 10.0)}, penalty=3.0)]
    with write_scores(tmp_path / "scores.csv", results).open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["points"] for row in rows] == ["12.0", "0.0"]
    assert [row["late_penalty"] for row in rows] == ["3.0", "3.0"]
    console = Console(file=io.StringIO(), width=120)
    console.print(table(results))
    assert "12 / 15" in console.file.getvalue()
    assert "3 points taken off" in console.file.getvalue()
    assert [row[1] for row in moodle_rows("ps05", results)[1:]] == ["12", "0"]


@pytest.mark.parametrize("roster", ["", "a,b\n1,2\n", "Username,x\nann,1\n"])
def test_what_is_no_roster_is_said(roster):
    with pytest.raises(ExportError, match=r"empty|--column"):
        fill_roster(roster, "ps05", RESULTS)


def test_who_has_no_grade_yet_is_counted(tmp_path):
    toy = make_released(tmp_path / "course", write_toy(tmp_path / "repository"), "ps99", "en")
    command = ["export", "ps99", "moodle", "--course", str(toy.root)]
    said = CliRunner().invoke(cli.app, command)
    assert said.exit_code == 1
    assert "nobody is graded yet" in said.output
    assert not (toy.root / "ps99-moodle.csv").exists()
    for name, text in {"ann": submission(toy, "ps99", RIGHT), "bob": "{"}.items():
        (toy.submitted / name).mkdir(parents=True)
        (toy.submitted / name / "x.ipynb").write_text(text)
    grade_submissions(toy, "ps99")
    said = CliRunner().invoke(cli.app, command)
    assert said.exit_code == 0
    assert "could not be graded: 1, wait for a grade by hand: 1" in " ".join(said.output.split())


def test_excel_knows_the_letters_and_a_roster_stays_as_it_was(toy, tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "Иван Ли.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    grade_submissions(toy, "ps99", tmp_path / "class")
    assert write_scores(tmp_path / "x.csv", RESULTS).read_bytes().startswith(b"\xef\xbb\xbf")
    head = "First name,Last name,ID number,Assignment: ps99 (Percentage),Assignment: ps99 (Real)"
    roster = tmp_path / "roster.csv"
    roster.write_text(f"{head}\nИван,Ли,,,-\nАня,Ли,,,-\n", "utf-8")
    for kind, more, marked in (
        ("moodle", [], True),
        ("canvas", [], True),
        ("nbgrader", [], False),
        ("moodle", ["--roster", str(roster)], False),
    ):
        path = tmp_path / "out.csv"
        asked = ["export", "ps99", kind, "--course", str(toy.root), "--output", str(path), *more]
        assert CliRunner().invoke(cli.app, asked).exit_code == 0
        assert path.read_bytes().startswith(b"\xef\xbb\xbf") == marked
    lines = path.read_text("utf-8").splitlines()
    assert lines == [head, "Иван,Ли,,,15", "Аня,Ли,,,-"]


def test_the_slash_that_a_shell_puts_behind_a_name_is_no_part_of_it(tmp_path):
    course = make_course(tmp_path / "course", "en", [], write_toy(tmp_path / "own"))
    outputs = [
        CliRunner().invoke(cli.app, ["export", name, "moodle", "--course", str(course.root)]).output
        for name in ("ps99", "ps99/")
    ]
    assert outputs[0] == outputs[1]
    assert "ps99" in outputs[0]
