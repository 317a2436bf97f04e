"""What was copied from the library is named, in spite of new names; right answers are not."""

from __future__ import annotations

import builtins
import inspect
import io
import json
import keyword
import re
import textwrap
import tokenize
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nncourse import cli
from nncourse.exercises.piece import sets
from nncourse.grading import copied as module
from nncourse.grading.copied import copied, library, line, section, shown, sources
from nncourse.grading.fingerprints import hashes
from nncourse.grading.similar import Similar, answers_in, similar_page
from nncourse.language import using
from tests.grading.toy import RIGHT, cell_name, submission

pytest.importorskip("copydetect", reason="needs nncourse[similar]")

ROOT = Path(__file__).parents[2]
KEPT = {*keyword.kwlist, *dir(builtins), "self", "np"}

# The only way to write them; by convention the names are these, too.
HONEST = {
    "linear_backward": """
def linear_backward(dout, x, W, b):
    dx = dout @ W
    dW = dout.T @ x
    db = dout.sum(axis=0)
    return dx, dW, db
""",
    "softmax_cross_entropy": """
def softmax_cross_entropy(logits, y):
    shifted = logits - logits.max(axis=1, keepdims=True)
    exp = np.exp(shifted)
    p = exp / exp.sum(axis=1, keepdims=True)
    N = len(y)
    loss = -np.log(p[np.arange(N), y]).mean()
    dlogits = p.copy()
    dlogits[np.arange(N), y] -= 1
    return loss, dlogits / N
""",
    "numerical_gradient": """
def numerical_gradient(f, x, h=1e-5):
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        up = f(x)
        x[i] = old - h
        down = f(x)
        x[i] = old
        grad[i] = (up - down) / (2 * h)
    return grad
""",
    "adam": """
class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        self.params = list(params)
        self.lr = lr
        self.beta1, self.beta2 = betas
        self.eps = eps
        self.t = 0
        self.m = [np.zeros_like(p) for p in self.params]
        self.v = [np.zeros_like(p) for p in self.params]

    def step(self, grads):
        self.t += 1
        for i, (p, g) in enumerate(zip(self.params, grads)):
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * g
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * g**2
            m_hat = self.m[i] / (1 - self.beta1**self.t)
            v_hat = self.v[i] / (1 - self.beta2**self.t)
            p -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
""",
    "attributes": "class A:\n    def __init__(self, a, b, c):\n"
    + "".join(f"        self.x{n} = a\n" for n in range(40)),
}


def renamed(code: str) -> str:
    """With a name of one's own for everything that has one, and without comments."""
    out = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        text = token.string
        if token.type == tokenize.NAME and text not in KEPT and not text.startswith("__"):
            text = f"my_{text}"
        if token.type != tokenize.COMMENT:
            out.append((token.type, text))
    return tokenize.untokenize(out)


def source_of(name: str) -> str:
    where, _dot, what = name.rpartition(".")
    return textwrap.dedent(inspect.getsource(getattr(import_module(where), what)))


def solution(name: str) -> dict[str, str]:
    (path,) = (ROOT / "solutions" / "en" / name).glob("*.ipynb")
    return answers_in(json.loads(path.read_text("utf-8")))


VALUE = source_of("nncourse.scalar.Value")


@pytest.fixture(scope="module")
def everything():
    """All modules of all sets, without the other right answers in them, and all solutions."""
    codes = {f"the solution of {name}": "\n".join(solution(name).values()) for name in sets()}
    for name in sets():
        codes |= library(name)
    others = {}
    for name in sets():
        for piece in import_module(f"nncourse.exercises.{name}").PIECES.values():
            for equivalent in piece.equivalents:
                function = equivalent.function
                where, source = function.__module__, inspect.getsource(function)
                if where in codes:  # and not in a helper that all share
                    others[f"{piece.name}: {equivalent.name}"] = textwrap.dedent(source)
                    codes[where] = codes[where].replace(source, "")
    assert len(others) > 150
    return codes, others


def test_the_right_answers_are_no_copies(everything, monkeypatch):
    """They have at most four fifths of what a copy has at least, with nothing handed out."""
    codes, others = everything
    monkeypatch.setattr(module, "LEAST", 0.8 * module.LEAST + 1)
    answers = {"others": others, "honest": HONEST}
    assert list(map(line, copied(answers, codes, ""))) == []


def test_the_solutions_owe_nothing_to_the_library_outside_the_exercises(monkeypatch):
    codes = {name: code for name, code in library("ps01").items() if ".exercises" not in name}
    monkeypatch.setattr(module, "LEAST", 0.8 * module.LEAST)
    assert list(map(line, copied({name: solution(name) for name in sets()}, codes, ""))) == []


COPIED = {
    "nncourse.scalar.Value": "value",
    "nncourse.optim.adam.Adam": "adam",
    "nncourse.ops.recurrent.lstm.LSTM": "lstm",
    "nncourse.exercises.ps04.values.Value": "engine",
}


@pytest.fixture(scope="module")
def some():
    """Some modules of the library."""
    kept = ("scalar", "optim", "ops.recurrent", "exercises.ps04")
    return {
        n: c
        for n, c in library("ps04").items()
        if n.startswith(tuple(f"nncourse.{k}" for k in kept))
    }


def test_a_copy_with_other_names_is_named(some):
    answers = {"ann": {answer: renamed(source_of(name)) for name, answer in COPIED.items()}}
    found = {copy.answer: copy for copy in copied(answers, some, "")}
    assert {name: copy.source for name, copy in found.items()} == {
        answer: name.rpartition(".")[0] for name, answer in COPIED.items()
    }
    assert min(copy.share for copy in found.values()) > 0.9


def test_brackets_and_commas_hide_no_copy(some):
    """As a formatter with short lines writes them; in nine lines was nothing left."""
    code = source_of("nncourse.optim.adam.Adam")
    written = re.sub(r"^( +[\w., ]+ [-+*]?=) ([^\n]*[^(\n])$", r"\1 (\n\2\n)", code, flags=re.M)
    written = re.sub(r"(?<=\w)\)", ",)", re.sub(r"(?<=\w)\((?=\w+,)", "(\n", written))
    assert written.count("\n") > code.count("\n") + 10
    (copy,) = copied({"ann": {"adam": written}}, some, "")
    assert copy.source == "nncourse.optim.adam"
    assert copy.share > 0.95


def test_half_a_copy_is_named_too(some):
    """Some lines are the student's own."""
    lines = renamed(source_of("nncourse.ops.recurrent.lstm.LSTM")).splitlines()
    for number in range(0, len(lines), 10):
        lines[number] += "\n" + " " * 8 + f"print([{number}, 'here'])"
    (copy,) = copied({"ann": {"lstm": "\n".join(lines)}}, some, "")
    assert copy.source == "nncourse.ops.recurrent.lstm"


def cut(code: str) -> list[str]:
    """In pieces at ends of lines, each too short to be named for itself."""
    pieces = [""]
    for text in code.splitlines(keepends=True):
        if len(hashes(pieces[-1] + text)) > 0.9 * module.LEAST:
            pieces.append("")
        pieces[-1] += text
    return pieces


def test_a_copy_in_several_own_cells_is_named(some):
    """Only those cells that have something of it."""
    pieces = cut(renamed(VALUE))
    assert len(pieces) > module.NAMED
    answers = {f"own cell {number}": piece for number, piece in enumerate(pieces, 1)}
    last = f"own cell {len(answers) + 1}"
    answers[last] = HONEST["attributes"]
    (copy,) = copied({"ann": answers}, some, "")
    assert copy.source == "nncourse.scalar"
    assert copy.answer == "own cell 1, own cell 2, own cell 3, own cell 4, own cell 5, …"
    assert copy.share > 0.8
    assert HONEST["attributes"] not in copy.code
    several = {f"answer {number}": piece for number, piece in enumerate(pieces, 1)}
    assert copied({"ann": several}, some, "") == [], "answers to several questions are no whole"


def test_what_is_named_for_itself_is_not_named_again(some):
    piece, *_others = cut(renamed(VALUE))
    answers = {"own cell 1": piece, "own cell 2": renamed(VALUE), "own cell 3": HONEST["adam"]}
    assert [copy.answer for copy in copied({"ann": answers}, some, "")] == ["own cell 2"]


def test_the_solutions_would_be_no_copies_as_own_cells(monkeypatch):
    """Whatever one writes for oneself, all together."""
    codes = {name: code for name, code in library("ps01").items() if ".exercises" not in name}
    monkeypatch.setattr(module, "LEAST", 0.8 * module.LEAST)
    own = {
        name: {f"own cell {n}": code for n, code in enumerate(solution(name).values(), 1)}
        for name in sets()
    }
    assert list(map(line, copied(own, codes, ""))) == []


def test_nine_lines_are_named_and_eight_are_not():
    """The largest share first."""
    lines = HONEST["softmax_cross_entropy"].strip().splitlines()
    taken, less = "\n".join(lines), "\n".join(lines[:-1])
    answers = {"ann": {"softmax": taken + "\n" + HONEST["adam"]}, "bob": {"softmax": taken}}
    answers["cid"] = {"softmax": less}
    found = copied(answers, {"here": taken}, "")
    assert [copy.student for copy in found] == ["bob", "ann"]
    assert found[0].share > 0.99
    assert found[1].share < 0.5


def test_code_in_the_text_of_the_notebook_was_handed_out(toy):
    path = toy.notebook("ps99")
    before = path.read_text("utf-8")
    notebook = json.loads(before)
    notebook["cells"][0]["source"] = f"Don't be afraid:\n```python\n{VALUE}```\n"
    path.write_text(json.dumps(notebook), "utf-8")
    answers = {"ann": {"value": VALUE}}
    assert copied(answers, {"nncourse.scalar": VALUE}, shown(toy, "ps99")) == []
    path.write_text(before, "utf-8")
    assert len(copied(answers, {"nncourse.scalar": VALUE}, shown(toy, "ps99"))) == 1


def test_what_was_handed_out_does_not_count(some):
    code = VALUE
    answers = {"ann": {"value": code}}
    assert len(copied(answers, some, "")) == 1
    assert copied(answers, some, [code]) == []


def test_broken_and_empty_answers_are_no_copies(some):
    assert copied({"ann": {"a": "", "b": "def f(:", "c": "'" * 1000}}, some, "") == []
    assert copied({}, {}, "") == []


def test_the_page_marks_what_is_copied_and_is_safe(some):
    code = VALUE + "'<script>alert(1)</script>\x1b'"
    answers = {"ann": {"value": code}}
    text = similar_page("ps99", Similar([]), {}, section(copied(answers, some, "")))
    assert "ann, value: " in text
    assert "nncourse.scalar" in text
    assert "<mark>" in text
    assert "<script" not in text
    assert "\x1b" not in text
    assert "not a verdict" in text
    assert section([]) == ""
    with using("ru"):
        assert "Как в библиотеке" in section(copied(answers, some, ""))


def test_the_command_names_what_is_from_the_solution_and_the_library(toy, monkeypatch):
    """One graded submission is enough."""
    monkeypatch.setattr(module, "library", lambda name: {"nncourse.scalar": VALUE})
    own = HONEST["adam"] + HONEST["numerical_gradient"]
    path = toy.source("ps99") / "ps99-squares.ipynb"
    solved = json.loads(path.read_text("utf-8"))
    cell = next(cell for cell in solved["cells"] if cell_name(cell) == "square_answer")
    cell["source"] = own
    path.write_text(json.dumps(solved), "utf-8")
    assert set(sources(toy, "ps99")) == {"nncourse.scalar", "your solution"}
    taken = {**RIGHT, "square_answer": renamed(own), "plus_answer": renamed(VALUE)}
    for student, answers in (("ann", taken), ("bob", RIGHT)):
        folder = toy.autograded(student, "ps99")
        folder.mkdir(parents=True)
        (folder / path.name).write_text(submission(toy, "ps99", answers), "utf-8")
        run = CliRunner().invoke(cli.app, ["similar", "ps99", "--course", str(toy.root)])
        assert run.exit_code == 0, run.output
        lines = [line for line in run.output.splitlines() if "as in" in line]
        assert lines[0].startswith("ann, plus_answer: ")
        assert lines[0].endswith("as in nncourse.scalar")
        assert lines[1].startswith("ann, square_answer: ")
        assert lines[1].endswith("as in your solution")
        assert lines[2].startswith("as in the library: 2, pairs: 0")
    text = (toy.root / "ps99-similar.html").read_text("utf-8")
    assert "ann, square_answer" in text
    assert "bob" not in text


def test_the_help_says_what_is_compared():
    text = " ".join(CliRunner().invoke(cli.app, ["similar", "--help"]).output.split())
    assert "with the library" in text
    assert "a right answer of a few lines" in text
