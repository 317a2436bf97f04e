"""Copies are found in spite of new names; the stub and the common answer are nobody's copy."""

from __future__ import annotations

import ast
import json
import re
import time

import pytest

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading import fingerprints
from nncourse.grading.fingerprints import NOISE
from nncourse.grading.grade import grade_submissions
from nncourse.grading.nbgrader import Nbgrader
from nncourse.grading.sandbox.inside.magics import python, unwritten
from nncourse.grading.similar import Pair, answers, answers_in, similar_page, whole
from nncourse.grading.similar import similar as similar_answers
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


def similar(codes: dict[str, str], stub: str, **options: float) -> list[Pair]:
    """Of students with one answer each."""
    answers = {name: {"answer": code} for name, code in codes.items()}
    return similar_answers(answers, {"answer": stub}, **options)


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
    read = []

    def counted(code):
        read.append(code)
        return original(code)

    original = fingerprints._tokens
    monkeypatch.setattr(fingerprints, "_tokens", counted)
    assert similar(codes, STUB)
    assert len(read) == len(codes) + 1


@pytest.mark.parametrize(
    "shell",
    [
        "%matplotlib inline '''\n{}\n# '''",
        "!true '''\n{}",
        "x = !ls '''\n{}\n# '''",
        "%%time '''\n{}\n# '''",
        "%%writefile own.py\n{}\n# '''",
        "    %time x = f(\"'''\")\n    pass\n    {}",
        ">>> %pylab '''\n... pass\n... {}",
        '"""\\"""\n"""\n{}\n"""\n"""',
        "'''a'''; r'''\\\\'''\n{}\n'''b'''",
        "x = = 1 '''\n{}",  # does not run
        "# a?{}",  # as an odd end of a line is shown, so it does not run
        "x = '''?{}",
    ],
)
def test_no_code_is_hidden(shell):
    """A painter of code took it for text, and all answers that followed."""
    mine = ODD + COMMON
    indent = "    " if shell.startswith("    ") else "... " if shell.startswith(">>>") else ""
    text = shell.format(mine.replace("\n", "\n" + indent))
    (pair,) = similar_answers(
        {"ann": {"one": text, "two": own(1)}, "bob": {"one": RENAMED + COMMON, "two": own(1)}}, {}
    )
    assert min(pair.shares) > 0.9
    taken = [text[start:end] for start, end in pair.places[0]]
    assert "sorted(kept" in "".join(taken)


@pytest.mark.parametrize("line", ["\"'''; {} ; '''\"", "#'''; {}; '''"])
def test_no_line_is_hidden_where_texts_end_is_not_known(line):
    """What stands for a form feed keeps the answer from being read; it has run."""
    lines = "\n".join(line.format(text) for text in ODD.splitlines())
    seen = fingerprints.hashes(f"?'''\n{lines}\n'''") & fingerprints.hashes(RENAMED)
    assert len(seen) > 15, "of the longer lines"


def test_names_of_any_kind_and_semicolons_change_nothing():
    """Nothing keeps one from naming what is one's own like a builtin, or "self" otherwise."""
    code = f"class Net:\n    def step(self, rate):\n        self.rate = rate(self)\n{ODD}"
    other = code.replace("self", "me")
    for name, builtin in {"state": "vars", "kept": "list", "part": "input", "len": "size"}.items():
        other = re.sub(rf"\b{name}\b", builtin, other)
    other = re.sub(r"(?<=[^:,\n])\n", " ;\n", other)
    assert other.count(";") > 5
    ast.parse(other)
    assert fingerprints.hashes(code) == fingerprints.hashes(other)
    assert fingerprints.hashes("x = = 1\n" + code) == fingerprints.hashes("x = = 1\n" + other)


@pytest.mark.parametrize("filler", ["\n", "#" * 999 + "\n", "    # mine\n"])
def test_what_stands_behind_nothing_is_read(filler):
    """An answer may be long; what has no tokens hides nothing."""
    text = "x = 1" + filler * (90_000 // len(filler)) + "\n" + ODD
    assert fingerprints.hashes(ODD) <= fingerprints.hashes(text)


def test_a_module_that_a_cell_writes_is_read():
    """In a graded notebook it is one text. The page shows it as it was written."""
    sources = [python(f"%%writefile mine.py\n{ODD}"), "open('x', 'w').write('a')"]
    about = {"nncourse": {"own": True}}
    cells = [{"cell_type": "code", "metadata": about, "source": text} for text in sources]
    found = answers_in({"cells": cells})
    assert found["own cell 1"].strip() == f"# 'mine.py'\n{ODD}".strip()
    assert found["own cell 2"] == "open('x', 'w').write('a')"
    assert fingerprints.hashes(found["own cell 1"]) == fingerprints.hashes(ODD)
    broken = "open('x', 'w', encoding='utf-8').write('\\N{x}')"
    assert unwritten(broken) == broken


def test_texts_handed_out_are_no_copy_in_what_is_no_python():
    stub = (
        'def solve(x, y):\n    """x (N, D), W (C, D), b (C,) -> h (N, C), and is max(h) in [0, 1)\n'
        '    for all of them? Not if y (N,) or b (C,) is None."""\n'
    )
    codes = {"ann": stub + "    return x(\n", "bob": stub + "    while True y\n"}
    assert similar(codes, stub, least=0.01) == []
    prose = (
        "# and so all that is asked of us here is to be done by one or by the other of the two\n"
    )
    codes = {"ann": "a b\n" + prose, "bob": "c b\n" + prose.replace("asked", "wanted")}
    assert similar(codes, "", least=0.5) == []


def test_passages_are_marked_to_the_character():
    """Whatever stands before, in other answers and in the same; and without blanks."""
    lines = ODD.splitlines(keepends=True)
    text = "!ls\n%time odd = 1\n" + "".join(lines[:5]) + "\n# mine\n" + "".join(lines[5:]) + "\n\n"
    answers = {"ann": {"one": "x = 'é'\n", "two": text}, "bob": {"one": RENAMED, "two": ""}}
    records = [fingerprints.fingerprints(*parts.values()) for parts in answers.values()]
    _length, shares, ((mine,), (yours,)) = fingerprints.compare(*records)
    assert shares[0] < shares[1] == 1
    assert whole(answers["ann"])[slice(*mine)] == text[text.index("def") :].rstrip()
    assert RENAMED[slice(*yours)] == RENAMED.rstrip()


@pytest.mark.parametrize("written", ['"""{}"""', "(\n'{}'\n)"])
def test_long_texts_are_not_alike(written):
    """One letter for each line made any two of them the same."""
    ends = "\n" if '"' in written else "'\n'"
    one, other = (ends.join(f"{name} {n}" for n in range(60)) for name in ("ann", "bob"))
    codes = [f"text = {written.format(one)}\n{ODD}", f"text = {written.format(other)}\n{COMMON}"]
    assert not fingerprints.hashes(codes[0]) & fingerprints.hashes(codes[1])


@pytest.mark.parametrize(
    "text",
    [
        "_ = '%" + "0" * 19_000 + "'",
        "_ = " + "'\\' " * 4_000,
        "_ = " + "'\\" * 9_000,
        "_ = f'" + "{x}" * 6_000 + "'",
        "_" + "._" * 9_000,
        "(" * 19_000,
        "{{" * 9_000 + "a b",
        "not " * 4_500 + "x",
        "x " * 9_000,
        "x" + "\n " * 9_000 + "\n%%" + "\n \n%%" * 2_000,
        "\\\n" * 9_000,
        "\x0c" * 19_000,
        "?" * 19_000,
        "".join(" " * n + "if x:\n" for n in range(1, 180)),
    ],
)
def test_no_text_takes_long(text):
    start = time.process_time()
    (pair,) = similar({"ann": text + "\n" + ODD, "bob": RENAMED}, "", least=0)
    assert time.process_time() - start < 1
    assert max(pair.shares) > 0.8


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
