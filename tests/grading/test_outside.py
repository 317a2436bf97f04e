"""Effects that are no names: which statements have them, and which code depends on them."""

from __future__ import annotations

import ast

import pytest

from nncourse.grading.names import names
from nncourse.grading.outside import (
    EFFECTS,
    ENVIRONMENT,
    FILES,
    LIBRARY,
    RECURSION,
    SEED,
    WARNINGS,
    changes,
    reads,
)
from nncourse.grading.own import Other, OwnCell, needed_lines


@pytest.mark.parametrize(
    ("source", "changed", "read"),
    [
        ("np.save('a', w)", {FILES}, set()),
        ("np.load('a')", set(), {FILES}),
        ("open('a')", set(), {FILES}),
        ("open('w')", set(), {FILES}),
        ("open(path, how)", {FILES}, {FILES}),
        ("gzip.open('a', 'w')", {FILES}, set()),
        ("path.open()", set(), {FILES}),
        ("open('data.csv', 'r', encoding='utf-8')", set(), {FILES}),
        ("path.open('wb')", {FILES}, set()),
        ("open('a', mode='r+')", {FILES}, {FILES}),
        ("json.dumps(w)", set(), set()),
        ("model.load_state_dict(w)", set(), set()),
        ("os.environ['A'] = '1'", {ENVIRONMENT}, {ENVIRONMENT}),
        ("os.environ.update(A='1')", {ENVIRONMENT}, {ENVIRONMENT}),
        ("os.environ['A']", set(), {ENVIRONMENT}),
        ("os.getenv('A')", set(), {ENVIRONMENT}),
        ("table['environ'] = 1", set(), set()),
        ("np.seterr(all='raise')", {WARNINGS}, set()),
        ("warnings.filterwarnings('error')", {WARNINGS}, set()),
        ("try: 1 / x\nexcept FloatingPointError: 0", set(), {WARNINGS}),
        ("try: 1 / x\nexcept (ValueError, RuntimeWarning): 0", set(), {WARNINGS}),
        ("np.random.seed(0)", {SEED}, {SEED}),
        ("from numpy.random import randn", set(), {SEED}),
        ("rng.normal(3)", set(), set()),
        ("sys.setrecursionlimit(10)", {RECURSION}, set()),
        ("nnc.manual_seed(1)", {LIBRARY}, {LIBRARY}),
        ("nn.Linear(2, 3)", set(), {LIBRARY}),
        ("limit = sys.setrecursionlimit", set(), set()),
    ],
)
def test_effects_are_told_by_the_words_of_the_source(source, changed, read):
    nodes = list(ast.walk(ast.parse(source)))
    assert (changes(nodes), reads(nodes)) == (changed, read)


def test_no_name_of_an_effect_can_be_bound():
    assert not any(map(str.isidentifier, EFFECTS))


@pytest.mark.parametrize(
    ("own", "asks", "run"),
    [
        ("np.seterr(all='raise')", WARNINGS, True),
        ("np.seterr(all='raise')", FILES, False),
        ("def store():\n    np.save('a', 1)\nstore()", FILES, True),
        ("def store():\n    np.save('a', 1)", FILES, False),
        ("from math import *", FILES, False),
        ("np.load('a')", FILES, False),
    ],
)
def test_what_has_an_effect_runs_where_an_answer_asks_for_it(own, asks, run):
    answer = names("def f(): return 1")
    answer.later.add(asks)
    found = needed_lines([OwnCell(0, own)], [Other(1, answer, True)])
    assert [cell.source for cell, _ in found] == [own] * run


def test_what_is_written_is_made_of_what_was_read_before():
    cells = ["np.save('a', 1)", "b = np.load('a') + 1\nprint(b)\nnp.save('b', b)", "print(3)"]
    answer = names("def f(): return 1")
    answer.later.add(FILES)
    found = needed_lines([OwnCell(0, text) for text in cells], [Other(1, answer, True)])
    assert [cell.source for cell, _ in found] == [
        cells[0],
        "b = np.load('a') + 1\nnp.save('b', b)",
    ]
