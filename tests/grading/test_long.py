"""Students' code of one construct, repeated as often as an answer has room for: what reads it on
the trusted side takes no more time than its length is worth.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import math
import sys
import time
import warnings

import pytest

from nncourse.grading.answers import LONGEST
from nncourse.grading.literals import data_in
from nncourse.grading.names import Names, names, quick_names, statements
from nncourse.grading.own import Other, OwnCell, needed_lines
from nncourse.grading.pieces import pieces
from nncourse.grading.sandbox.inside.cells import FIELDS, PARTS, parse

# (head, what is repeated, between, tail); @ is the number of the repetition.
REPEATED = {
    "parts of an import": ("import ", "a", ".", ""),
    "parts of a from": ("from ", "a", ".", " import b"),
    "parts far apart": ("import ", "a", " \\\n . \f", ""),
    "dots": ("from ", ".", "", " import b"),
    "imports": ("", "import a@ as b@", "\n", ""),
    "imported names": ("from m import ", "a@", ", ", ""),
    "attributes": ("", "a", ".", ""),
    "calls": ("f", "()", "", ""),
    "indices": ("x", "[0]", "", " = 1"),
    "parentheses": ("", "(", "", ""),
    "brackets": ("", "[", "", ""),
    "braces": ("", "{", "", ""),
    "nested calls": ("", "f(" * 80 + "x" + ")" * 80, "\n", ""),
    "nested lists": ("", "[" * 190 + "]" * 190, "\n", ""),
    "nested lambdas": ("", "lambda:" * 80 + "x", "\n", ""),
    "nested comprehensions": ("", "[x for x in " * 60 + "y" + "]" * 60, "\n", ""),
    "functions": ("", "def f@(): return f@", "\n", ""),
    "functions that are alike": ("", "def f(): pass", "\n", ""),
    "lambdas": ("", "lambda: 0", "\n", ""),
    "classes": ("", "class C@: pass", "\n", ""),
    "methods": ("class C:\n", " def f@(s): pass", "\n", ""),
    "names": ("", "x@", "\n", ""),
    "one name": ("", "x", "\n", ""),
    "assignments": ("", "x@ = x@", "\n", ""),
    "assignments in a row": ("", "x@", " = ", " = 1"),
    "a chain of names": ("", "x@ = y@; y@ = x@", "\n", ""),
    "additions": ("", "x += 1", "\n", ""),
    "changes": ("", "x@.append(x@)", "\n", ""),
    "attributes that are set": ("", "a@.b.c(d@)[e@].f = 1", "\n", ""),
    "decorators": ("", "@d@", "\n", "\ndef f(): pass"),
    "comparisons": ("", "x", " < ", ""),
    "sums": ("", "x", " + ", ""),
    "signs": ("", "-", "", "x"),
    "conditions": ("", "x if y else ", "", "x"),
    "parts of an f-string": ("f'", "{x}", "", "'"),
    "parts of a format": ("f'{x:", "{y}", "", "}'"),
    "strings": ("", "'a'", " ", ""),
    "quotes": ("", "'\"", "", ""),
    "globals": ("def f():\n global ", "x@", ", ", "\n x = 1"),
    "functions with globals": ("", "def f@():\n global x@\n x@ = 1", "\n", ""),
    "defaults": ("f = lambda ", "a@=b@", ", ", ": 0"),
    "arguments": ("f(", "*a", ", ", ")"),
    "keywords": ("f(", "a@=1", ", ", ")"),
    "keys for sorting": ("", "sorted(x, key=lambda a: a + b@)", "\n", ""),
    "handlers": ("try: x\n", "except E@ as e@: y", "\n", ""),
    "cases": ("match x:\n", " case [a@, *b@]: pass", "\n", ""),
    "a pattern": ("match x:\n case {", "'a@': b@", ", ", "}: pass"),
    "alternatives": ("match x:\n case ", "1", " | ", ": pass"),
    "loops of a comprehension": ("[0 ", "for x@ in y", " ", "]"),
    "a dict": ("{", "@: x", ", ", "}"),
    "a list": ("[", "x@", ", ", "]"),
    "semicolons": ("", "x@=1", ";", ""),
    "names in a line": ("", "x@", ";", ""),
    "changes in a line": ("", "x@.a=1", ";", ""),
    "names of a lambda": ("", "x@", "=", "=lambda a: f(a, " + "a, " * 2000 + "a)"),
    "comments": ("", "#", "\n", ""),
    "backslashes": ("x = 1 ", "\\\n", "", "\n"),
    "blanks": ("", " ", "", "x"),
    "letters": ("", "и", "", ""),
    "accents": ("a", "\u0301", "", ""),
    "digits": ("", "1", "", ""),
    "branches": ("", "if x: y@ = 1", "\n", ""),
    "else and if": ("if x: y\n", "elif x: y", "\n", ""),
    "a shell's lines": ("%%bash\n", "ls", "\n", ""),
    "shell commands": ("", "!ls", "\n", ""),
    "questions": ("", "?name", "\n", ""),
    "questions behind": ("", "name?", "\n", ""),
    "magics": ("", "%time x = 1", "\n", ""),
    "prompts": ("", ">>> x", "\n", ""),
    "mistakes": ("", "a b", "\n", ""),
    "mistakes in calls": ("f(", "x for x in y, ", "", ""),
    "files": ("", "np.save('a@', a)", "\n", ""),
    "settings": ("", "np.random.seed(0)", "\n", ""),
}
# What took longest, as long as an answer may be.
WHOLE = ["parts of an import", "parts far apart", "functions that are alike", "lambdas"]
WHOLE += ["one name", "a pattern", "semicolons", "a shell's lines", "questions"]
WHOLE += ["names of a lambda"]
# (head, what is nested around a list, behind the list)
NESTED = {
    "comprehensions": ("q = ", "[a for x in ", "]"),
    "comprehensions of a function": ("def q(a):\n return ", "[a for x in ", "]"),
    "comprehensions over pairs": ("q = ", "[a for x, y in zip(a, ", ")]"),
    "defaults of lambdas": ("q = ", "f(lambda x=", ":0)"),
    "defaults of a function's lambdas": ("def q(a):\n return ", "f(lambda x=", ":0)"),
    "lambdas": ("q = ", "f(lambda x: ", ")"),
    "calls": ("q = ", "f(", ")"),
    "lists": ("q = ", "[", "]"),
}


def repeated(name: str, size: int) -> str:
    head, unit, between, tail = REPEATED[name]
    parts, left = [], size - len(head) - len(tail)
    for number in itertools.count():
        part = unit.replace("@", str(number))
        left -= len(part) + len(between)
        if left < 0:
            return head + between.join(parts) + tail
        parts.append(part)
    raise AssertionError


def time_of_reading(code: str) -> float:
    """Of all that reads an answer, and a cell of the student's own."""
    gc.freeze()  # what other tests have left is no part of it, and may be millions of objects
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quick_names(code)
        others = [Other(2, found, True) for found in (names(code), Names(later={"g", "x"}))]
        needed_lines([OwnCell(1, code)], others)
        data_in(code)
    seconds = time.process_time() - start
    gc.unfreeze()
    return seconds


def least_time_of_reading(code: str, enough: float) -> float:
    """Of at most three readings, as others at work on the machine only add to it."""
    least = math.inf
    for _ in range(3):
        least = min(least, time_of_reading(code))
        if least < enough:
            break
    return least


@pytest.mark.parametrize("name", REPEATED)
def test_code_of_one_construct_is_read_soon(name):
    assert least_time_of_reading(repeated(name, LONGEST // 5), 2) < 2


@pytest.mark.parametrize("name", WHOLE)
def test_as_much_of_it_as_an_answer_may_hold_is_read_soon(name):
    assert least_time_of_reading(repeated(name, LONGEST), 5) < 5


@pytest.mark.parametrize("name", ["names in a line", "changes in a line"])
def test_a_line_takes_time_in_proportion_to_its_length(name):
    def seconds(part: int) -> float:
        return min(time_of_reading(repeated(name, LONGEST // part)) for _ in range(2))

    assert seconds(1) < 8 * seconds(4)


@pytest.mark.parametrize("name", NESTED)
def test_what_is_nested_is_read_once(name):
    head, before, behind = NESTED[name]

    def seconds(depth: int) -> float:
        code = f"{head}{before * depth}[{'a, ' * 4000}]{behind * depth}"
        assert names(code).binds == {"q"}
        return min(time_of_reading(code) for _ in range(2))

    assert seconds(90) < 4 * seconds(2)


def test_names_are_found_in_what_is_nested():
    assert names("[a for x in [b for y in [c for z in d]]]").runs == {"a", "b", "c", "d", "y", "z"}
    assert names("f(lambda x=g(lambda y=a: b + y): c + x)").runs == {"f", "g", "a", "b", "c"}
    assert names("f(lambda a, /, *b, c, **d: lambda e: a + b + c + d + e + g)").runs == {"f", "g"}


def test_whoever_takes_the_names_of_a_cell_may_change_them():
    for read in (names, lambda code: quick_names(code + "#" * LONGEST)):
        read("x = a").later.add("b")
        assert "b" not in read("x = a").later
    statements("x = a").clear()
    assert len(statements("x = a")) == 1


def test_each_name_of_a_lambda_changes_what_it_is_given():
    cells = [OwnCell(1, "f = g = h = lambda a: a.append(1)\nt = []\nh(t)\nk = m = lambda a: h(a)")]
    cells += [OwnCell(1, "u = []\nn = m(u)")]
    (found, for_), (other, _) = needed_lines(cells, [Other(2, Names(later={"t", "u"}), True)])
    assert "h(t)" in found.source
    assert "m(u)" in other.source
    assert {"t", "m"} <= set(for_)


def test_dotted_names_of_any_sensible_length_are_read():
    name = ".".join(["a"] * PARTS)
    numbers = f"x = '{'0.1 ' * 3000}'"
    for code in (f"import {name}", f"import {name}\n" * 9, numbers, "x.y\n" * 3000):
        assert parse(code).body
    assert name in quick_names(f"import {name}").later
    for part in ("a", "_1", "\u2118", "b\u0301", "\u0436", "x\u00b7"):  # \w knows not all of them
        for dot in (".", " . ", ".\\\n", ".\\\r", "\\\r\n.\t\\\r \f"):
            with pytest.raises(SyntaxError, match="more than"):
                parse("import " + dot.join([part] * (PARTS + 1)))


def test_dotted_names_behind_prompts_are_not_read_either():
    code = ">>> import " + "\U0001d4b3.\\\n>>> " * 9000 + "a"
    start = time.process_time()
    assert pieces(1, code, set()) == []
    assert time.process_time() - start < 1


def test_f_strings_of_any_sensible_length_are_read():
    few, many = (f"x = f'{'{a}' * count}'" for count in (FIELDS, 33_000))
    texts = f"x = '{'{a}' * 9000}'", f"x = {'{' * 90}{'}' * 90} # f'{'{' * 2000}'"
    for code in (few, f"%matplotlib inline\n{few}", "x = f'{a}'\n" * 9000, *texts):
        assert parse(code).body
    hidden = [
        "if 1:\n\\\n    if 1:\n        b = 1\n    c = 1\n",
        "#'''\r",
        "x = '\\\r\n'\r",
        "if'a':",
    ]
    whole = (many, f"x = 1\n%time {many}", f"x = (rF''''{'{a:{a}}' * 501}'''", "(" + many)
    for code in (*whole, *(text + many for text in hidden)):
        start = time.monotonic()
        with contextlib.suppress(SyntaxError):
            parse(code)
        assert time.monotonic() - start < 1
        if sys.version_info < (3, 12):
            with pytest.raises(SyntaxError, match="an f-string with more than"):
                parse(code)


def test_what_stands_behind_finally_is_read_once():
    nested = "".join(f"{' ' * n}try: x\n{' ' * n}finally:\n" for n in range(16))
    returns = f"def f():\n try: {'return;' * 1200}\n finally: "
    for code in (nested + " " * 16, returns):
        assert {"a", "b"} <= quick_names(code + "a;" * 100 + "b").later
        assert least_time_of_reading(code + "a;" * 5000 + "b", 2) < 2


def test_what_a_long_answer_reads_is_found_as_in_a_short_one():
    code = "import numpy as np\nfrom m import g\ndef f(x):\n    return g(np.sum(x), N) + a.b\n"
    found = quick_names(code).later
    assert {"g", "N", "a", "b"} <= found
    assert found <= quick_names(code + "#" * LONGEST).later | {"f", "m"}
