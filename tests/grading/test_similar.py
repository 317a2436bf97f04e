"""Copies are found in spite of new names; the stub and the common answer are nobody's copy."""

from __future__ import annotations

import ast
import json
import random
import re
import time

import pytest

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading import fingerprints
from nncourse.grading.fingerprints import NOISE
from nncourse.grading.grade import grade_submissions
from nncourse.grading.nbgrader import Nbgrader
from nncourse.grading.sandbox.inside.magics import python, unwritten
from nncourse.grading.similar import MOST, Pair, Similar, answers, answers_in, similar_page, whole
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

# Answers of which each place may be written in several usual ways, the most frequent first.
NETWORK = """\
def linear_backward(dout, x, W):
    {dx}
    {dW}
    {db}
    return dx, dW, db

def relu_backward(dout, z):
    {dz}
    return dz

def softmax_cross_entropy(logits, y):
    N = len(logits)
    {shifted}
    {loss}
    dlogits[np.arange(N), y] -= 1
    return loss, dlogits / N

def network_gradients(params, x, y):
    W1, b1, W2, b2 = (params[name] for name in ("W1", "b1", "W2", "b2"))
    {forward}
    loss, dlogits = softmax_cross_entropy(logits, y)
    dh, dW2, db2 = linear_backward(dlogits, h, W2)
    {tanh}
    return loss, {{"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}}

def train(params, x, y, rng, lr, momentum, epochs, batch_size):
    velocity = {{name: np.zeros_like(param) for name, param in params.items()}}
    for epoch in range(epochs):
        {rows}
            loss, grads = network_gradients(params, x[rows], y[rows])
            {update}
    return params

def first_loss():
    {first}

def predict(logits):
    {predict}
"""
WAYS = {
    "dx": ["dx = dout @ W", "dx = np.dot(dout, W)", "dx = dout.dot(W)"],
    "dW": ["dW = dout.T @ x", "dW = np.dot(dout.T, x)", "dW = (x.T @ dout).T"],
    "db": ["db = dout.sum(axis=0)", "db = np.sum(dout, axis=0)", "db = dout.sum(0)"],
    "dz": [
        "dz = dout * (z > 0)",
        "dz = dout.copy()\n    dz[z <= 0] = 0",
        "dz = np.where(z > 0, dout, 0)",
    ],
    "shifted": [
        "shifted = logits - logits.max(axis=1, keepdims=True)",
        "shifted = logits - np.max(logits, axis=1, keepdims=True)",
    ],
    "loss": [
        "e = np.exp(shifted)\n    p = e / e.sum(axis=1, keepdims=True)\n"
        "    loss = -np.log(p[np.arange(N), y]).mean()\n    dlogits = p.copy()",
        "e = np.exp(shifted)\n    p = e / np.sum(e, axis=1, keepdims=True)\n"
        "    loss = -np.mean(np.log(p[range(N), y]))\n    dlogits = p.copy()",
        "log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))\n"
        "    loss = -log_p[np.arange(N), y].mean()\n    dlogits = np.exp(log_p)",
    ],
    "forward": [
        "h = np.tanh(x @ W1.T + b1)\n    logits = h @ W2.T + b2",
        "z1 = x @ W1.T + b1\n    h = np.tanh(z1)\n    logits = h @ W2.T + b2",
        "z1 = np.dot(x, W1.T) + b1\n    h = np.tanh(z1)\n    logits = np.dot(h, W2.T) + b2",
    ],
    "tanh": [
        "_, dW1, db1 = linear_backward(dh * (1 - h**2), x, W1)",
        "dz = dh * (1 - h * h)\n    dW1, db1 = dz.T @ x, dz.sum(axis=0)",
        "dz1 = (1 - h**2) * dh\n    dx, dW1, db1 = linear_backward(dz1, x, W1)",
    ],
    "rows": [
        "order = rng.permutation(len(x))\n        for i in range(0, len(x), batch_size):\n"
        "            rows = order[i : i + batch_size]",
        "N = x.shape[0]\n        perm = rng.permutation(N)\n"
        "        for i in range(0, N, batch_size):\n            rows = perm[i : i + batch_size]",
        "idx = np.arange(len(x))\n        rng.shuffle(idx)\n"
        "        for start in range(0, len(x), batch_size):\n"
        "            rows = idx[start : start + batch_size]",
    ],
    "update": [
        "for k in params:\n                velocity[k] = momentum * velocity[k] + grads[k]\n"
        "                params[k] -= lr * velocity[k]",
        "for k in params:\n                velocity[k] = momentum * velocity[k] - lr * grads[k]\n"
        "                params[k] += velocity[k]",
        "for k, g in grads.items():\n"
        "                velocity[k] = momentum * velocity[k] - lr * g\n"
        "                params[k] = params[k] + velocity[k]",
    ],
    "first": ["return np.log(10)", "return -np.log(1 / 10)", "return 2.302585"],
    "predict": ["return logits.argmax(axis=1)", "return np.argmax(logits, axis=1)"],
}


def honest(number: int, seed: int) -> dict[str, str]:
    """A class of which each has chosen the ways for themselves."""
    rng = random.Random(seed)
    chances = [5, 3, 2]

    def chosen() -> str:
        return NETWORK.format(
            **{place: rng.choices(ways, chances[: len(ways)])[0] for place, ways in WAYS.items()}
        )

    return {f"s{n:03}": chosen() for n in range(number)}


def similar(codes: dict[str, str], stub: str, **options: float) -> list[Pair]:
    """Of students with one answer each."""
    answers = {name: {"answer": code} for name, code in codes.items()}
    return list(similar_answers(answers, {"answer": stub}, **options).pairs)


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
    assert min(first.shares) > 0.7


def test_the_stub_and_the_common_answer_are_no_copy():
    honest = {f"s{n}": STUB + COMMON for n in range(10)}
    assert similar(honest, STUB) == []
    assert len(similar({"ann": STUB + ODD, "bob": STUB + ODD}, STUB)) == 1, "two of two are"
    assert similar({"ann": STUB, "bob": STUB}, STUB) == []


@pytest.mark.parametrize("seed", range(3))
def test_what_is_usual_makes_nobody_similar(seed):
    """Cut off at a quarter of the class, what remained was of two or three lines, and so all of
    them were named, many with 100%.
    """
    for number in (12, 40, 80):
        found = similar(honest(number, seed), "")
        assert len(found) <= 10
        assert all(max(pair.shares) < 0.75 for pair in found)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("number", [12, 40, 80])
def test_a_copy_of_usual_code_comes_first(number, seed):
    """With names changed, with much added, and from a class of the same usual ways."""
    codes = honest(number, seed)
    text = re.sub(r"\b(x|dout|logits|params|rows|velocity|W1)\b", r"my_\1", codes["s000"])
    codes["copy"] = own(1) + text + own(2) + own(3)
    first, *_rest = similar(codes, "")
    assert (first.one, first.other) == ("copy", "s000")
    assert first.shares[0] < first.shares[1] > 0.55


@pytest.mark.parametrize("number", [12, 40, 80])
def test_a_copy_of_one_unusual_answer_comes_first(number):
    codes = honest(number, 1)
    codes["s003"] += ODD
    codes["s008"] += RENAMED
    first, *_rest = similar(codes, "")
    assert (first.one, first.other) == ("s003", "s008")


def test_those_with_one_text_are_a_group():
    """Each is shown beside the first, and not beside all of the others."""
    codes = honest(12, 0)
    for name in ("dan", "ann", "cid", "bob"):
        codes[name] = COMMON + (ODD if name in "ann, bob" else RENAMED)
    codes["eve"] = ODD + own(1) + own(2) + own(3)
    answers = {name: {"answer": code} for name, code in codes.items()}
    found = similar_answers(answers, {}, least=0.4)
    assert found.groups == [["ann", "bob", "cid", "dan"]]
    pairs = {(pair.one, pair.other) for pair in found.pairs}
    group = {"ann", "bob", "cid", "dan"}
    assert {pair for pair in pairs if group & {*pair}} == {
        ("ann", "bob"),
        ("ann", "cid"),
        ("ann", "dan"),
        ("ann", "eve"),
    }
    assert "One text: ann, bob, cid, dan. Each is shown beside ann." in similar_page(
        "ps99", found, codes
    )


def test_a_large_class_is_compared_soon_and_on_a_page_that_opens():
    """It was minutes, and 57 MB."""
    codes = honest(300, 0)
    answers = {name: {"answer": code} for name, code in codes.items()}
    start = time.process_time()
    found = similar_answers(answers, {}, least=0.3)
    assert time.process_time() - start < 20
    assert len(found.pairs) == MOST < found.more
    text = similar_page("ps99", found, codes)
    assert len(text) < 2_000_000
    assert f"Not shown, with smaller shares: {found.more} more pairs." in text
    least = min(max(pair.shares) for pair in found.pairs)
    everyone = similar_answers(answers, {}, least=least + 0.02)
    assert everyone.more == 0
    assert len(everyone.pairs) <= MOST


def test_each_of_many_copies_in_a_large_class_is_named():
    """By their shares alone some would not be."""
    codes = honest(200, 1)
    copies = {f"copy{n}": f"s{n:03}" for n in range(10)}
    codes |= {copy: codes[source] for copy, source in copies.items()}
    named = {(pair.one, pair.other) for pair in similar(codes, "")}
    assert copies.items() <= named
    assert len(named) < 20
    assert not copies.items() & {(p.one, p.other) for p in similar(codes, "", least=0.9)}


def test_short_answers_that_are_one_text_make_no_pairs():
    """Of each of three functions there are three usual ways: so many write the same."""
    codes = {name: code[: code.index("def network")] for name, code in honest(200, 1).items()}
    assert len(set(codes.values())) < 150
    assert len(similar(codes, "")) < 10


def formatted(code: str) -> str:
    """With brackets around what may have them, each argument in its line, and a comma behind."""
    lines = re.sub(r"(?<![\w*]) (\w+)\((\w+), (\w+)\)", r" \1(\n\2,\n\3,\n)", code)
    return re.sub(r"^( *return|[ \w,]+ [-+]?=) ([^\n]*[^(\n])$", r"\1 (\n\2\n)", lines, flags=re.M)


@pytest.mark.parametrize(
    "written",
    [
        formatted,
        lambda code: re.sub(r"^( *)(\w+) = ", r"\1\2: dict[str, A] = ", code, flags=re.M),
        lambda code: re.sub(r"^( *)(\w+) = ", r"\1(\2): (lambda: 1) = ", code, flags=re.M),
        lambda code: code.replace("np.", ""),
        lambda code: code.replace("np.", "numpy."),
    ],
)
def test_brackets_commas_and_annotations_change_nothing(written):
    """A formatter adds them, and of a whole copy not a third was left."""
    (code,) = honest(1, 0).values()
    code += ODD
    assert abs(len(written(code)) - len(code)) > 20
    ast.parse(written(code))
    assert fingerprints.hashes(written(code)) == fingerprints.hashes(code)


@pytest.mark.parametrize(
    "head", ["f += lambda x: ", "f, lambda: ", "match x:\n    case 1: ", "x or lambda: ", "x[a:"]
)
def test_what_stands_behind_other_colons_is_read(head):
    code = "[a + 1 == b * 2, c - d ** 3]"
    tail = "]" if head.endswith("[a:") else ""
    assert fingerprints.hashes(code) <= fingerprints.hashes(head + code + tail)


def test_a_group_hides_nobody_who_has_copied_from_one_of_its_members():
    """What is added to the one text is less than a tenth of it."""
    codes = honest(12, 0)
    base = "".join(own(n) for n in range(50, 140))
    codes |= {"ann": base, "bob": base + ODD, "cid": base, "dan": RENAMED}
    answers = {name: {"answer": code} for name, code in codes.items()}
    found = similar_answers(answers, {})
    assert found.groups == [["ann", "bob", "cid"]]
    group = {("ann", "bob"), ("ann", "cid"), ("bob", "dan")}
    assert {(p.one, p.other) for p in found.pairs if not p.one.startswith("s")} == group


def test_what_is_usual_is_not_marked_beside_what_is_rare(codes):
    first, *_rest = similar(codes, STUB)
    marked = "".join(codes["ann"][start:end] for start, end in first.places[0])
    assert "sorted(kept" in marked
    assert "np.maximum" not in marked


def test_what_is_usual_is_marked_where_nothing_else_is_shared():
    codes = {f"s{n}": ODD for n in range(6)}
    found = similar_answers({name: {"answer": code} for name, code in codes.items()}, {}, least=0.1)
    assert [pair.places[0] for pair in found.pairs] == [((0, len(ODD.rstrip())),)] * 5


def test_of_long_code_the_page_has_beginning_and_end():
    comment = "# " + "x" * 90_000 + "\n"
    codes = {"ann": comment + ODD, "bob": RENAMED + comment}
    text = similar_page("ps99", Similar(similar(codes, "")), codes)
    assert "sorted(" in text
    assert len(text) < 60_000


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
    text = similar_page("ps99", Similar(similar(codes, STUB)), codes)
    assert "<mark>" in text
    assert "<script" not in text
    assert "\x1b" not in text
    assert "not a verdict" in text
    assert "No two share much." in similar_page("ps99", Similar([]), {})


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
    ).pairs
    assert min(pair.shares) > 0.75
    taken = [text[start:end] for start, end in pair.places[0]]
    assert "sorted(kept" in "".join(taken)


@pytest.mark.parametrize("line", ["\"'''; {} ; '''\"", "#'''; {}; '''"])
def test_no_line_is_hidden_where_texts_end_is_not_known(line):
    """What stands for a form feed keeps the answer from being read; it has run."""
    lines = "\n".join(line.format(text) for text in ODD.splitlines())
    seen = fingerprints.hashes(f"?'''\n{lines}\n'''") & fingerprints.hashes(RENAMED)
    assert len(seen) > 10, "of the longer lines"


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
    cell = {"cell_type": "code", "metadata": {"nncourse": {"own": True}}, "source": text}
    found = answers_in({"cells": [cell]})
    (pair,) = similar_answers({"ann": found, "bob": {"answer": ODD}}, {}).pairs
    assert ODD[slice(*pair.places[1][0])] == ODD.rstrip()


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
    assert max(pair.shares) > 0.7


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
