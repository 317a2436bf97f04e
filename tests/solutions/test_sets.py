"""Every exercise set as a student meets it: empty, half filled in, wrong, and solved.

The cells run in this process, one after another, as a kernel would run them; that takes a fraction
of the time of a kernel. The kernel's own way is tested by nbval and on exercise 5.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from nncourse import language
from nncourse.course.folder import CODE_STUB, TEXT_STUB
from nncourse.exercises.piece import sets

ROOT = Path(__file__).parents[2]
SETS = [name for name in sets() if any((ROOT / "solutions" / "en" / name).glob("*.ipynb"))]
every_set = pytest.mark.parametrize("exercise", SETS)
both_languages = pytest.mark.parametrize("lang", language.LANGUAGES)
WAITS = {"ru": "ещё не написан", "en": "not written yet"}


def read(kind, lang, exercise):
    (path,) = (ROOT / kind / lang / exercise).glob("*.ipynb")
    return nbformat.read(path, as_version=4)


def role(cell):
    return cell.metadata.get("nbgrader", {})


def by_id(notebook):
    return {role(cell)["grade_id"]: cell for cell in notebook.cells if role(cell)}


def answers(notebook):
    """The answer cells by name."""
    cells = by_id(notebook).items()
    return {
        name: cell for name, cell in cells if role(cell)["solution"] and not role(cell)["grade"]
    }


def graded(notebook):
    """The graded code cells by name, with their points."""
    cells = by_id(notebook).items()
    return {
        name: role(c)["points"] for name, c in cells if role(c)["grade"] and not role(c)["solution"]
    }


def run(notebook, only=None):
    """Run the code cells; the value of each graded one, and everything printed. Errors pass."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    space = {"__name__": "__main__"}
    values, printed = {}, []
    before = language.current()
    try:
        for i, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            file = f"<cell {i}>"
            linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(True), file)
            out = io.StringIO()
            with contextlib.redirect_stdout(out), np.errstate(all="ignore"):
                lines = cell.source.rstrip().split("\n")
                if "check(" in lines[-1]:
                    exec(compile("\n".join(lines[:-1]), file, "exec"), space)
                    value = eval(lines[-1], space)
                    name = role(cell).get("grade_id")
                    if name:
                        values[name] = value
                    else:
                        print(value, value._repr_html_())
                else:
                    exec(compile(cell.source, file, "exec"), space)
            plt.close("all")
            printed.append(out.getvalue())
    finally:
        language.use(before)
    return values, "\n".join(printed)


def fill(notebook, answers):
    """Put answers by name into a notebook, as a student types them in."""
    for name, cell in by_id(notebook).items():
        if name in answers:
            cell.source = answers[name]
    return notebook


@every_set
@both_languages
def test_points_add_up_and_every_check_is_graded(exercise, lang):
    notebook = read("exercises", lang, exercise)
    points = [role(cell).get("points", 0) for cell in notebook.cells]
    assert sum(points) == 100
    manual = [c for c in by_id(notebook).values() if role(c)["grade"] and role(c)["solution"]]
    assert len(manual) >= 1, "a written question"
    from nncourse.check.matrix import pieces_of

    checked = set(
        re.findall(rf'check\("{exercise}\.(\w+)"', "\n".join(c.source for c in notebook.cells))
    )
    assert checked == set(pieces_of(exercise))
    for name, cell in by_id(notebook).items():
        if name in graded(notebook):
            assert re.search(rf"\.points\({role(cell)['points']}\)$", cell.source.strip()), name


@every_set
@both_languages
def test_stubs_say_that_they_are_stubs(exercise, lang):
    for name, cell in by_id(read("exercises", lang, exercise)).items():
        if role(cell)["solution"] and cell.cell_type == "code":
            assert cell.source.startswith(("def ", "class ")), name
            assert '"""' in cell.source, name
            assert CODE_STUB[lang].split("\n")[0] in cell.source, name
            assert bool(re.search("[а-я]", cell.source)) == (lang == "ru"), name
        elif role(cell)["solution"]:
            assert cell.source == TEXT_STUB[lang], name


@every_set
@both_languages
def test_the_text_of_a_set_has_what_a_set_must_have(exercise, lang):
    notebook = read("solutions", lang, exercise)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    predict, marks = {
        "ru": ("Сначала предскажите", "Критерии"),
        "en": ("Predict first", "Marks"),
    }[lang]
    assert predict in text
    assert marks in text, "the rubric of the written question"
    assert text.count("<details>") >= 3
    pictures = [
        o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})
    ]
    assert len(pictures) >= 2


@every_set
@both_languages
def test_empty(exercise, lang):
    """The notebook as it is released runs to its end, earns nothing and says what is missing."""
    notebook = read("exercises", lang, exercise)
    values, printed = run(notebook)
    assert values == dict.fromkeys(graded(notebook), 0.0)
    assert printed.count(WAITS[lang]) >= len(values)


@every_set
@both_languages
def test_solved(exercise, lang):
    """Filled in with the reference, every check is green."""
    solved = {
        name: cell.source for name, cell in answers(read("solutions", lang, exercise)).items()
    }
    notebook = fill(read("exercises", lang, exercise), solved)
    values, printed = run(notebook)
    assert values == graded(notebook)
    assert WAITS[lang] not in printed


@every_set
def test_half_solved(exercise):
    """With every second answer written the notebook runs and earns a part of the points."""
    solved = {
        name: cell.source for name, cell in answers(read("solutions", "en", exercise)).items()
    }
    chosen = {name: solved[name] for name in list(solved)[::2]}
    values, _printed = run(fill(read("exercises", "en", exercise), chosen))
    assert 0 < sum(values.values()) < sum(graded(read("exercises", "en", exercise)).values())


@every_set
def test_solutions_are_stored_with_full_points(exercise):
    for lang in language.LANGUAGES:
        notebook = read("solutions", lang, exercise)
        for name, points in graded(notebook).items():
            outputs = by_id(notebook)[name].outputs
            results = [o.data["text/plain"] for o in outputs if o.output_type == "execute_result"]
            assert results == [f"{points:.1f}"], name


@every_set
def test_both_editions_print_the_same_numbers(exercise):
    numbers = [
        [
            re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", output.get("text", ""))
            for cell in read("solutions", lang, exercise).cells
            for output in cell.get("outputs", [])
        ]
        for lang in language.LANGUAGES
    ]
    assert numbers[0] == numbers[1]


@every_set
def test_no_answer_is_left_in_a_release(exercise):
    for lang in language.LANGUAGES:
        released = read("exercises", lang, exercise)
        text = "\n".join(cell.source for cell in released.cells)
        for name, cell in answers(read("solutions", lang, exercise)).items():
            stub = answers(released)[name].source
            removed = set(cell.source.split("\n")) - set(stub.split("\n"))
            body = [line.strip() for line in removed if len(line.strip()) > 24]
            assert not [line for line in body if line in text and "SOLUTION" not in line], name


@pytest.mark.slow
def test_nbgrader_validates_the_solutions(tmp_path):
    """nbgrader's own check, which students call from the menu, is content with solved notebooks."""
    paths = [tmp_path / f"{exercise}.ipynb" for exercise in SETS]
    for path in paths:
        solution = by_id(read("solutions", "en", path.stem))
        solved = {name: cell.source for name, cell in solution.items() if role(cell)["solution"]}
        nbformat.write(fill(read("exercises", "en", path.stem), solved), path)
    command = [sys.executable, "-m", "nbgrader", "validate", *map(str, paths)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=900)
    assert found.stdout.count("Success! Your notebook passes") == len(SETS), (
        found.stdout + found.stderr
    )
