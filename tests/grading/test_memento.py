"""Putting objects back, whatever they are."""

from __future__ import annotations

import collections
import functools
import itertools
import random
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pytest

from nncourse.grading.memento import LARGE, MOST, Memento

SETUP = """
import collections, functools, random, itertools, abc
from dataclasses import dataclass
from enum import Enum
import numpy as np
"""
# What there is, what changes it, and what it says of itself.
CHANGED = {
    "list": ("x = [1, [2]]", "x[1].append(3); x.pop(0)", "x"),
    "dict": ("x = {'a': {}}", "x['a']['b'] = 1; x['c'] = 2", "x"),
    "set": ("x = {1}", "x.add(2)", "x"),
    "tuple": ("x = ([],)", "x[0].append(1)", "x"),
    "array": ("x = np.arange(3)", "x += 1", "x.tolist()"),
    "view": ("a = np.arange(4); x = a[::2]", "a[0] = 9", "x.tolist()"),
    "large": ("x = np.zeros(100_000)", "x[7] = 1", "x.sum()"),
    "objects": ("x = np.array([[], {}], dtype=object)", "x[0].append(1)", "x.tolist()"),
    "generator": ("x = np.random.default_rng(1)", "x.random()", "x.bit_generator.state"),
    "old stream": ("x = np.random.RandomState(1)", "x.rand()", "x.get_state()[2]"),
    "random": ("x = random.Random(1)", "x.random()", "x.getstate()"),
    "global stream": ("x = 0", "np.random.rand()", "np.random.get_state()[2]"),
    "global random": ("x = 0", "random.random()", "random.getstate()"),
    "deque": ("x = collections.deque([1, 2], maxlen=3)", "x.append(1); x.append(1)", "list(x)"),
    "Counter": ("x = collections.Counter('ab')", "x.update('a')", "dict(x)"),
    "OrderedDict": (
        "x = collections.OrderedDict(a=1, b=2)", "x.move_to_end('a'); x['c'] = 3", "list(x)",
    ),
    "defaultdict": ("x = collections.defaultdict(list)", "x['a'].append(1)", "dict(x)"),
    "bytearray": ("x = bytearray(b'a')", "x += b'b'", "bytes(x)"),
    "object": ("class A: pass\nx = A(); x.n = [0]", "x.n[0] += 1; x.m = 1", "vars(x)"),
    "slots": (
        "class A:\n    __slots__ = ('n', 'm')\nx = A(); x.n = 0",
        "x.n += 1; x.m = 1",
        "x.n, hasattr(x, 'm')",
    ),
    "refuses to be set": (
        "class A:\n    __slots__ = ('n',)\n    def __setattr__(self, *_): raise TypeError\n"
        "x = A(); object.__setattr__(x, 'n', 1)",
        "object.__setattr__(x, 'n', 2)",
        "x.n",
    ),
    "dataclass": ("@dataclass\nclass A:\n    n: int = 0\nx = A()", "x.n += 1", "x.n"),
    "class": ("class A:\n    n = 0\n    log = []\nx = A", "A.n += 1; A.log.append(1); A.m = 1",
              "A.n, A.log, hasattr(A, 'm')"),
    "class of an object": ("class A:\n    n = 0\nx = A()", "A.n += 1", "A.n"),
    "abstract": ("class A(abc.ABC):\n    n = 0\nx = A()", "x.m = 1; A.n = 1", "A.n, vars(x)"),
    "Enum": ("class A(Enum):\n    a = 1\nx = A.a", "x.n = 1", "hasattr(x, 'n')"),
    "method": ("class A:\n    n = 0\n    def f(self): self.n += 1\na = A(); x = a.f", "x()", "a.n"),
    "built-in method": ("a = []; x = a.append", "x(1)", "a"),
    "method of a generator": ("a = np.random.default_rng(1); x = a.normal", "x()",
                              "a.bit_generator.state"),
    "partial": ("a = []; x = functools.partial(a.append, 1)", "x()", "a"),
    "closure": (
        "def make():\n    n = 0\n    def f():\n        nonlocal n\n        n += 1\n"
        "        return n\n    return f\nx = make()",
        "x()",
        "x.__closure__[0].cell_contents",
    ),
    "default": ("def x(t=[]): t.append(1)", "x()", "x.__defaults__"),
    "keyword": ("def x(*, t=[]): t.append(1)", "x()", "x.__kwdefaults__"),
    "attribute of a function": ("def x(): x.n += 1\nx.n = 0", "x()", "x.n"),
    "decorated": (
        "a = []\ndef counted(f):\n    @functools.wraps(f)\n    def g():\n        a.append(1)\n"
        "        return f()\n    g.n = 0\n    return g\n@counted\ndef x(): pass",
        "x.n = 1",
        "x.n",
    ),
    "cached": ("a = [0]\n@functools.lru_cache\ndef f(n, t=a): t[0] += 1\nx = f", "x(1)", "a"),
    "property": (
        "class A:\n    log = []\n    @property\n    def f(self, log=log): log.append(1)\nx = A()",
        "x.f",
        "A.log",
    ),
    "itself": ("x = []; x.append(x)", "x.append(1)", "len(x)"),
    "error": ("x = ValueError([])", "x.args[0].append(1)", "x.args"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_what_changes_is_put_back(name):
    begin, change, told = CHANGED[name]
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(SETUP + begin, space)

    def now() -> str:
        return repr(eval(told, space))

    before = now()
    memento = Memento([space["x"]])
    assert memento.whole
    exec(change, space)
    after = now()
    assert after != before, "the change changes something"
    later = Memento(memento.parts, memento)
    for _ in range(2):
        memento.restore()
        assert now() == before
        later.restore()
        assert now() == after


@dataclass
class Holder:
    """Holds something."""

    held: Any


class Kind(Enum):
    """Of no importance."""

    ONE = 1


HIDDEN = {
    "generator": lambda: (n for n in range(3)),
    "iterator": lambda: iter([1, 2]),
    "count": itertools.count,
    "file": lambda: open(__file__),  # noqa: SIM115 closed with the test
    "zip": lambda: zip("ab", "cd"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_nothing_puts_back_is_said(name):
    value = HIDDEN[name]()
    for holder in (value, [value], {"a": value}, Holder(value), functools.partial(print, value)):
        assert not Memento([holder]).whole
    getattr(value, "close", lambda: None)()


def test_what_is_too_much_is_said():
    assert Memento([[[] for _ in range(MOST - 2)]]).whole
    assert not Memento([[[] for _ in range(MOST)]]).whole
    assert Memento([list(range(MOST))]).whole, "numbers don't count"


def test_large_arrays_that_stay_are_copied_once():
    array = np.zeros(LARGE)
    array[0] = np.nan
    first = Memento([array])
    second = Memento([[array]], first)
    assert first._large[id(array)][1] is second._large[id(array)][1]
    array[1] = 1
    third = Memento([array], second)
    assert third._large[id(array)][1][1] == 1
    second.restore()
    assert array[1] == 0


def test_the_order_depends_on_what_is_held_alone():
    def made() -> Any:
        return {"a": [Kind.ONE, Holder([1, {}])], "b": collections.deque([random.Random(0)])}

    kinds = [[type(part) for part in Memento([made()]).parts] for _ in range(2)]
    assert kinds[0] == kinds[1]
