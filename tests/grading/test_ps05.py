"""Exercise 5 graded as a lecturer would: released, handed in, graded, exported.

A wrong answer costs the points of its own piece and, where another piece calls it, those that
depend on it: `network_gradients` is composed of the student's own `linear_backward`,
`tanh_backward` and `softmax_cross_entropy`, and `training` uses `network_gradients`.
"""

import csv
from pathlib import Path

import nbformat
import pytest

from nncourse.course.files import Course
from nncourse.grading.grade import grade_submissions
from nncourse.grading.nbgrader import Nbgrader
from nncourse.grading.results import read_results
from nncourse.grading.scores import write_scores
from tests.grading.toy import cell_name, make_released, submission, without

ROOT = Path(__file__).parents[2]
NAME = "ps05-backpropagation"

AUTOMATIC = {
    "linear_backward": 20,
    "relu_backward": 10,
    "sigmoid_backward": 10,
    "tanh_backward": 10,
    "softmax_cross_entropy": 20,
    "network_gradients": 10,
    "training": 10,
}
MANUAL = {"explain_zero_init": 10}

# A known wrong answer, and the points that are left where some are lost.
MUTANTS = {
    "relu without mask": (
        "relu_backward",
        "def relu_backward(dout, z):\n    return dout",
        {"relu_backward": 0},
    ),
    "sigmoid without slope": (
        "sigmoid_backward",
        "def sigmoid_backward(dout, s):\n    return dout",
        {"sigmoid_backward": 0},
    ),
    # A fifth of its points is for large logits; small ones are right.
    "unstable softmax": (
        "softmax_cross_entropy",
        """def softmax_cross_entropy(logits, y):
    e = np.exp(logits)
    p = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    d = p.copy()
    d[rows, y] -= 1
    return -np.log(p[rows, y]).mean(), d / len(y)""",
        {"softmax_cross_entropy": 16},
    ),
    # db is a fifth of its piece. In the network db1 and db2 are wrong: two of five arrays. With
    # smaller steps for the biases the network still learns.
    "mean of db": (
        "linear_backward",
        "def linear_backward(dout, x, W, b):\n    return dout @ W, dout.T @ x, dout.mean(axis=0)",
        {"linear_backward": 16, "network_gradients": 6},
    ),
    # Right, but it costs half where the check sees what it has done to its input.
    "in place": (
        "relu_backward",
        "def relu_backward(dout, z):\n    dout *= z > 0\n    return dout",
        {"relu_backward": 5},
    ),
    # In the network dW1 and db1 are wrong: two of five arrays. It still learns.
    "tanh without slope": (
        "tanh_backward",
        "def tanh_backward(dout, h):\n    return dout",
        {"tanh_backward": 0, "network_gradients": 6},
    ),
}


def solved(language):
    path = ROOT / "solutions" / language / "ps05" / f"{NAME}.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    return {
        cell_name(cell): cell.source
        for cell in cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("ps05")
    return make_released(root / "course", Course(ROOT), "ps05", "ru")


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    """The whole class, graded once: {student: Result}."""
    right = solved("ru")
    relu_wrong = {**right, "relu_backward_answer": MUTANTS["relu without mask"][1]}
    files = {
        "reference": submission(course, "ps05", right),
        "english": submission(course, "ps05", solved("en")),
        "empty": submission(course, "ps05", {}),
        "syntax": submission(
            course, "ps05", {**right, "relu_backward_answer": "def relu_backward(dout, z:"}
        ),
        "deleted": submission(course, "ps05", right, without("relu_backward")),
        "deleted and wrong": submission(course, "ps05", relu_wrong, without("relu_backward")),
        "cut off": submission(course, "ps05", right)[:-1000],
    }
    for name, (piece, wrong, _points) in MUTANTS.items():
        files[name] = submission(course, "ps05", {**right, f"{piece}_answer": wrong})
    folder = tmp_path_factory.mktemp("submissions")
    for name, text in files.items():
        (folder / f"{name}.ipynb").write_text(text, "utf-8")
    results = grade_submissions(course, "ps05", folder)
    print({result.student: round(result.seconds, 1) for result in results})
    return {result.student: result for result in results}


def points(result):
    return {name: grade.points for name, grade in result.grades.items()}


def all_but(**left):
    return {**AUTOMATIC, "explain_zero_init": 0, **left}


def test_the_points_add_up_to_100(graded):
    maximum = {name: grade.max_points for name, grade in graded["reference"].grades.items()}
    assert maximum == {**AUTOMATIC, **MANUAL}
    assert sum(maximum.values()) == 100


@pytest.mark.parametrize("name", ["reference", "english", "deleted"])
def test_right_answers_get_all_automatic_points(graded, name):
    assert points(graded[name]) == all_but()
    assert graded[name].points == 90
    assert graded[name].waiting == ["explain_zero_init"]
    assert not graded[name].problem


def test_an_empty_notebook_gets_nothing(graded):
    assert graded["empty"].points == 0
    assert graded["empty"].waiting == []
    assert graded["empty"].notes == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_answer_costs_its_piece_and_what_depends_on_it(graded, name):
    _piece, _mutant, left = MUTANTS[name]
    assert points(graded[name]) == all_but(**left)


def test_a_syntax_error_costs_its_cell_alone(graded):
    assert points(graded["syntax"]) == all_but(relu_backward=0)
    assert any(
        note.startswith("relu_backward_answer: SyntaxError") for note in graded["syntax"].notes
    )


def test_a_deleted_test_cell_neither_costs_nor_gains(graded):
    assert points(graded["deleted and wrong"]) == all_but(relu_backward=0)
    assert graded["deleted"].notes == [
        "cell relu_backward is not in the file: the original was put back"
    ]


def test_a_file_that_is_cut_off_gets_0_and_a_reason(graded):
    assert graded["cut off"].points == 0
    assert "not valid JSON" in graded["cut off"].problem


def test_the_written_answer_brings_the_reference_to_100(graded, course, tmp_path):
    nbgrader = Nbgrader(course)
    with nbgrader.gradebook() as gradebook:
        grade = gradebook.find_grade("explain_zero_init", NAME, "ps05", "reference")
        grade.manual_score, grade.needs_manual_grade = 10.0, False
        gradebook.db.commit()
    nbgrader.close()
    path = write_scores(tmp_path / "ps05.csv", read_results(course, "ps05"))
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(graded)
    assert float(rows["reference"]["points"]) == 100
    assert rows["reference"]["waiting"] == ""
    for name in set(graded) - {"reference"}:
        assert float(rows[name]["points"]) == graded[name].points


def test_the_run_notebook_shows_the_check_and_its_points(graded, course):
    (page,) = course.autograded("relu without mask", "ps05").glob("*.ipynb")
    cells = {cell_name(cell): cell for cell in nbformat.read(page, as_version=4).cells}
    message, result = cells["relu_backward"].outputs
    assert "ps05.relu_backward" in message.text
    assert result.data == {"text/plain": "0.0"}
    (page,) = course.autograded("cut off", "ps05").glob("*.ipynb")
    assert "JSON" in nbformat.read(page, as_version=4).cells[0].source


def test_the_grader_knows_which_mistake_was_made(graded):
    (report,) = graded["tanh without slope"].reports["tanh_backward"]
    assert report["name"] == "ps05.tanh_backward"
    assert report["score"] == 0
    assert report["mistakes"][0]["code"] == "M15"
    assert graded["reference"].reports["tanh_backward"][0]["mistakes"] == []


CHEATS = {
    "import of the reference": "from nncourse.exercises.ps05 import PIECES\n"
    "tanh_backward = PIECES['tanh_backward'].reference",
    "import of the library": "from nncourse import nn\ntanh_backward = nn.functional.tanh",
    "held-out labels": "(a, b), (x_, y_) = nnc.data.digits(split=True)\n"
    "known = {np.asarray(r, np.float64).tobytes(): int(l)\n"
    "         for r, l in zip(np.asarray(x_), np.asarray(y_))}\n"
    "def predict(x):\n"
    "    return np.array([known.get(np.asarray(r, np.float64).tobytes(), -1) for r in x])",
}


def test_the_answers_are_not_to_be_found_in_the_sandbox(course, tmp_path):
    right = solved("en")
    for name, code in CHEATS.items():
        answer = "predict_answer" if "held-out" in name else "tanh_backward_answer"
        text = submission(course, "ps05", {**right, answer: code})
        (tmp_path / f"{name}.ipynb").write_text(text, "utf-8")
    results = {r.student: points(r) for r in grade_submissions(course, "ps05", tmp_path)}
    assert results["import of the reference"]["tanh_backward"] == 0
    assert results["import of the library"]["tanh_backward"] == 0
    assert results["held-out labels"]["training"] == 0


def test_a_submission_takes_no_longer_than_its_training(graded):
    seconds = sorted(result.seconds for result in graded.values() if not result.problem)
    assert seconds[len(seconds) // 2] < 5
