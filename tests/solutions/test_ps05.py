"""Exercise 5 as a student meets it: it runs at every stage, from empty to solved."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from nncourse.course.folder import CODE_STUB, TEXT_STUB

ROOT = Path(__file__).parents[2]
NAME = "ps05-backpropagation.ipynb"
LANGUAGES = ("ru", "en")

POINTS = {
    "linear_backward": 20,
    "relu_backward": 10,
    "sigmoid_backward": 10,
    "tanh_backward": 10,
    "softmax_cross_entropy": 20,
    "network_gradients": 10,
    "training": 10,
    "explain_zero_init": 10,
}
WAITS = {"ru": "ещё не написана", "en": "not written yet"}


def read(kind, language):
    return nbformat.read(ROOT / kind / language / "ps05" / NAME, as_version=4)


def role(cell):
    return cell.metadata.get("nbgrader", {})


def by_id(notebook):
    return {role(cell)["grade_id"]: cell for cell in notebook.cells if role(cell)}


def run(notebook):
    """Run every cell; an error in any of them fails the test."""
    client = NotebookClient(
        notebook,
        timeout=60,
        kernel_name="python3",
        shutdown_kernel="immediate",
        extra_arguments=["--IPKernelApp.log_level=40"],
    )
    client.execute()
    return notebook


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def result(cell):
    return [o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result"]


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def untouched(language):
    """The released notebook, run as it is."""
    return run(read("exercises", language))


def test_points_and_ids(language):
    for kind in ("solutions", "exercises"):
        graded = by_id(read(kind, language))
        points = {
            name: role(cell)["points"] for name, cell in graded.items() if role(cell)["grade"]
        }
        assert points == POINTS


def test_an_answer_cell_stands_before_its_graded_cell(language):
    names = list(by_id(read("exercises", language)))
    for piece in POINTS:
        answer = {"training": "train_answer", "explain_zero_init": "explain_zero_init"}.get(
            piece, f"{piece}_answer"
        )
        assert names.index(answer) <= names.index(piece)


def test_stubs_are_functions_with_a_docstring_in_the_language(language):
    cells = by_id(read("exercises", language))
    for name, cell in cells.items():
        if role(cell)["solution"] and cell.cell_type == "code":
            assert cell.source.startswith("def "), name
            assert '"""' in cell.source, name
            assert CODE_STUB[language].split("\n")[0] in cell.source, name
            assert bool(re.search("[а-я]", cell.source)) == (language == "ru"), name
    assert cells["explain_zero_init"].source == TEXT_STUB[language]


def test_the_released_notebook_runs_and_says_what_is_missing(untouched, language):
    cells = by_id(untouched)
    for name in POINTS:
        if cells[name].cell_type == "code":
            assert result(cells[name]) == ["0.0"], name
            assert printed(cells[name]).strip(), name
    waiting = [cell for cell in untouched.cells if cell.cell_type == "code"]
    assert sum(WAITS[language] in printed(cell) for cell in waiting) >= 8


def test_the_released_notebook_draws_nothing_empty(untouched):
    pictures = [
        cell.source
        for cell in untouched.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 1, "only the untrained weights"
    assert "W1" in pictures[0]


def test_a_half_finished_notebook_runs(language):
    notebook, solved = read("exercises", language), by_id(read("solutions", language))
    done = ("linear_backward_answer", "predict_answer", "predicted_loss_answer")
    for name, cell in by_id(notebook).items():
        if name in done:
            cell.source = solved[name].source
    cells = by_id(run(notebook))
    assert result(cells["linear_backward"]) == ["20.0"]
    assert result(cells["network_gradients"]) == ["0.0"]
    (points,) = result(cells["training"])
    assert float(points) == 0, "a network that is not trained guesses"


def test_the_solution_gets_every_point(language):
    cells = by_id(read("solutions", language))
    for name, points in POINTS.items():
        if cells[name].cell_type == "code":
            assert result(cells[name]) == [f"{points:.1f}"], name


def test_the_solution_prints_what_the_text_says(language):
    text = "\n".join(printed(c) for c in read("solutions", language).cells if c.cell_type == "code")
    assert "dW = [[31.0, 42.0]]" in text, "the numbers found on paper"
    assert "2.30" in text, "ln 10"
    assert text.count("1e-7: True") == 5, "four parameters and the corrected formula"
    rows = re.findall(r"\[+((?:0\.231 ?)+)\]+", text)
    assert len(rows) == 3, "the wrong formula differs by one factor everywhere"
    shares = [float(share) for share in re.findall(r"(\d+\.\d)%", text)]
    assert min(shares) >= 95, "accuracy on digits set aside and held out"
    assert re.search(r"W1: 0\.0000\nb1: 0\.0000\nW2: 0\.0000\nb2: 0\.0[1-9]", text)


def test_both_editions_print_the_same_numbers():
    numbers = [
        re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", printed(cell))
        for language in LANGUAGES
        for cell in read("solutions", language).cells
        if cell.cell_type == "code"
    ]
    half = len(numbers) // 2
    assert numbers[:half] == numbers[half:]
