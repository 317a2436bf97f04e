"""Which words of a lecturer's code let odd values through."""

import pytest

from nncourse.grading.sandbox.nothing import KINDS
from nncourse.grading.spoken import PATTERNS, spoken

WORDS = {
    "half": [
        "x.astype('float16')", "np.half(2)",
    ],
    "complex": [
        "f(3) == 2j", "1.5j", "np.complex128", "cmath.sqrt(x)", "np.fft.rfft(x)", "z.imag",
        "np.linalg.eigvals(A)", "z.conj()", "np.roots([1, 0, 1])",
    ],
    "deque": [
        "from collections import deque", "f(x).popleft() == 3", "q.maxlen",
    ],
    "integer": [
        "f(x).dtype == np.int8", "np.issubdtype(d, int)", "x.view(np.uint8)",
    ],
    "int": [
        "type(f(3)) is int", "type(f(3)) == int", "{type(v) for v in f(3)} == {int}",
        "set(map(type, f(3))) == {int}", "type(f(3)) in (int, float)",
    ],
    "nan": [
        "np.nan", "math.isnan(x)", "float('nan')", "np.nanmean(x)", "# may be NaN",
        "isfinite(x)", "np.allclose(a, b, equal_nan=True)", "np.nan_to_num(x)",
    ],
    "inf": [
        "-np.inf", "float('-inf')", "np.isinf(x)", "# infinite", "Infinity", "isposinf(x)",
        "np.isfinite(x)", "f(3) == 1e200", "# бесконечность",
    ],
    "empty": [
        "assert f([]) == []", "cases = [([], 0), ((1,), 1)]", "np.array([])", "x == ()",
        "np.zeros((0, 3))", "np.ones((2, 0))", "np.zeros(0)", "out.shape == (0, 3)", "g == {}",
        "len(f(x)) == 0", "f(x).size == 0", "x[:0]", "f(set())", "# may be empty", "size=(0, 3)",
        "want = {'a': [], 'b': ['a']}", "rng.random((0, 2))", "range(0)", "str(f(x)) == '[]'",
        "# пустой список", "assert set() == f(x)", "np.reshape((0, 2))", "def g(): return []",
        "want = [[1], [], [2]]", "f(1, [])", "%time f(tuple())",
    ],
}  # fmt: skip
SILENT = {
    "half": [
        "x.astype('float32')", "half_life(3)",
    ],
    "complex": [
        "weights @ x", "eight", "triangle(3)", "rectangle", "neighbours", "np.linalg.eigh(A)",
    ],
    "deque": [
        "dequeue(x)", "q.append(3)", "f(x).pop() == 3",
    ],
    "integer": [
        "data_view = 3", "x.views",
    ],
    "int": [
        "isinstance(f(3), int)", "x.astype(int)", "np.zeros(3, dtype=int)", "type(f(3)) is float",
        "type(f(3))\nint(x)",
    ],
    "nan": [
        "name", "nano = 1", "finance(x)", "banana", "channel",
    ],
    "inf": [
        "info", "infer(x)", "f(3) == 1e20", "x.infimum", "1e-200",
    ],
    "empty": [
        "found = []", "w, found = start(), []", "a, b, c = [], [], {}", "ax.set_xticks([])",
        "ax.set(xticks=())", "def f(x=()): pass",
        "counts = {}", "best: list = []", "np.empty((3, 2))", "f()", "f(g())", "np.zeros(3)",
        "np.zeros((10, 3))", "range(0, 5)", "normal(0, 1)", "x[:10]", "f(x) == 0",
        "len(f(x)) == 10", "assert len(x) > 0", "np.full(3, 0)", "gate((0, 1))",
        "print('{}: {}')", "x.shape == (10, 3)", "seen = set()",
    ],
}  # fmt: skip


def of(table):
    return [(kind, word) for kind, words in table.items() for word in words]


def test_every_kind_has_its_words():
    assert set(PATTERNS) == set(WORDS) == set(SILENT) == {*KINDS, "deque"}


@pytest.mark.parametrize(("kind", "word"), of(WORDS))
def test_a_kind_is_spoken_of(kind, word):
    assert kind in spoken(["import numpy as np", f"x = 3\n{word}\n"])


@pytest.mark.parametrize(("kind", "word"), of(SILENT))
def test_a_kind_is_not_spoken_of(kind, word):
    assert kind not in spoken([f"x = 3\n{word}\n"])
