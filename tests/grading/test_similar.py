"""Copies are found in spite of new names; the stub and the common answer are nobody's copy."""

from __future__ import annotations

import json
import time

import pytest

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.fingerprints import NOISE
from nncourse.grading.grade import grade_submissions
from nncourse.grading.nbgrader import Nbgrader
from nncourse.grading.similar import answers, similar, similar_page
from tests.grading.toy import RIGHT, submission, toy_notebook

pytest.importorskip("copydetect", reason="needs nncourse[similar]")

STUB = "def solve(x, y):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n" * 4

ODD = """\
def train(x, y, epochs=30):
    state, kept = {}, []
    while len(kept) < epochs * 7:
        for start in range(0, len(x), 13):
            part = x[start : start + 13]
            if part.shape[0] % 2 == 1 and start not in state:
                state[start] = part.sum(axis=0) ** 2 + y[start]
            elif start in state and not part.any():
                kept.append(state.pop(start) - part.mean())
        epochs -= sum(1 for value in kept if value > epochs)
    return sorted(kept, key=lambda value: -abs(value))[:epochs]
"""
RENAMED = ODD.replace("    while", "    # my own idea\n    while")
for old, new in {"state": "cache", "kept": "results", "part": "batch", "start": "i"}.items():
    RENAMED = RENAMED.replace(old, new)
COMMON = """\
def forward(x, w, b):
    z = x @ w.T + b
    h = np.maximum(z, 0)
    return h, (x, w, b, z)
"""


def own(number):
    """Code that nobody else has."""
    kinds = [
        "while {n} > x: x = [x, {n}]",
        "try:\n        x({n})\n    except E: return {n}",
        "with x as {v}: yield {v}[{n}:]",
        "assert x({n}), [i ** {n} for i in x if i]",
        "del x[{n}]; x |= {{ {n}: lambda: x }}",
    ]
    lines = [kinds[(number * k + k * k) % 5].format(n=number, v="abc"[k % 3]) for k in range(1, 7)]
    return f"def own{number}(x):\n    " + "\n    ".join(lines) + "\n"


@pytest.fixture(scope="module")
def codes():
    found = {f"s{n}": STUB + COMMON + own(n) for n in range(12)}
    found["ann"] = STUB + COMMON + ODD
    found["bob"] = STUB + COMMON + RENAMED
    return found


def test_a_copy_with_other_names_is_first(codes):
    first, *_rest = similar(codes, STUB)
    assert (first.one, first.other) == ("ann", "bob")
    assert min(first.shares) > 0.8
    assert first.tokens > 100


def test_the_stub_and_the_common_answer_are_no_copy():
    honest = {f"s{n}": STUB + COMMON for n in range(10)}
    assert similar(honest, STUB) == []
    assert len(similar({"ann": STUB + ODD, "bob": STUB + ODD}, STUB)) == 1, "two of two are"
    assert similar({"ann": STUB, "bob": STUB}, STUB) == []


@pytest.mark.parametrize("blanks", ["\t\n", " \n", "\f\n", "\n\t\n"])
def test_blank_lines_take_no_time_and_no_place(blanks):
    """By the thousand they took hours. Python's hashes, by which passages are chosen, are others
    in each process; so where they end differs a little, and what lies between is long enough.
    """
    start = time.process_time()
    upper = ODD + blanks * 10_000 + COMMON
    (pair,) = similar({"ann": upper + ODD, "bob": RENAMED}, "")
    assert time.process_time() - start < 2
    first, *_between, last = pair.places[0]
    assert first[0] < 0.1 * len(ODD) < 0.8 * len(ODD) < first[1] < len(ODD) + NOISE
    assert len(upper) - NOISE < last[0] < last[1] <= len(upper + ODD)
    assert not any(
        end > len(ODD) + NOISE and start < len(upper) - NOISE for start, end in pair.places[0]
    )


def test_two_different_answers_are_not_similar():
    assert similar({"ann": ODD, "bob": COMMON * 2}, STUB) == []
    assert similar({"ann": "", "bob": "def f(:"}, STUB) == []


def test_the_page_marks_what_is_shared_and_is_safe(codes):
    codes = {**codes, "ann": codes["ann"] + "'<script>alert(1)</script>\x1b'"}
    text = similar_page("ps99", similar(codes, STUB), codes)
    assert "<mark>" in text
    assert "<script" not in text
    assert "\x1b" not in text
    assert "not a verdict" in text
    assert "No two share much." in similar_page("ps99", [], {})


def test_a_name_with_marks_on_its_letters_is_compared(tmp_path):
    course = CourseFolder(tmp_path)
    for folder in (course.release("ps99"), course.autograded("हिन्दी", "ps99")):
        folder.mkdir(parents=True)
        (folder / "ps99-squares.ipynb").write_text(json.dumps(toy_notebook()), "utf-8")
    found, _stub = answers(course, "ps99")
    assert RIGHT["square_answer"].splitlines()[0] in found["हिन्दी"]["square_answer"]
    (course.autograded("हिन्दी", "ps99") / "ps99-squares.ipynb").write_text("{")
    with pytest.raises(CourseFolderError, match=r"हिन्दी.*can't be read.*grade again"):
        answers(course, "ps99")


def test_tokens_are_read_once(codes, monkeypatch):
    """That takes longest, and of thousands of short tokens seconds."""
    from copydetect import detector

    read = []

    def counted(code, *args):
        read.append(code)
        return original(code, *args)

    original = detector.filter_code
    monkeypatch.setattr(detector, "filter_code", counted)
    assert similar(codes, STUB)
    assert len(read) == len(codes) + 1


def test_who_was_removed_from_the_gradebook_is_not_compared(toy, tmp_path):
    """Who had another name before would be named as a copy of themselves."""
    for name in ("old name", "new name"):
        (tmp_path / f"{name}.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    grade_submissions(toy, "ps99", tmp_path)
    assert set(answers(toy, "ps99")[0]) == {"old name", "new name"}
    nbgrader = Nbgrader(toy)
    with nbgrader.gradebook() as book:
        book.remove_student("old name")
    nbgrader.close()
    assert set(answers(toy, "ps99")[0]) == {"new name"}
