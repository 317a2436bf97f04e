"""Cells that students add: what answers need of them runs, and nothing else does.

Each honest notebook is graded from end to end, and run by IPython from its first cell to its last
as *Restart and Run All* does; both must give the same points.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncourse.grading.added import LONGEST, MOST, Sight, added
from nncourse.grading.answers import find_answers
from nncourse.grading.assignment import make_assignment, text_of
from nncourse.grading.autograded import compose
from nncourse.grading.bench import Bench
from nncourse.grading.feedback import parts_of
from nncourse.grading.literals import heavy_answers
from nncourse.grading.names import names
from nncourse.grading.own import Other, OwnCell, is_own, needed_lines
from nncourse.grading.sanitize import clean_notebook
from nncourse.grading.similar import answers_in
from nncourse.grading.worker import make_item
from nncourse.language import LANGUAGES
from tests.grading.toy import role

LIMITS = {"cell_seconds": 2.0, "call_seconds": 1.0, "submission_seconds": 10.0}

# name: (role, points, source); the lecturer's cells in their order.
CELLS = {
    "setup": ("readonly", None, "import numpy as np\n\ndef clip(x):\n    return min(x, 100)"),
    "one": ("solution", None, "def one(x):\n    raise NotImplementedError"),
    "first": ("tests", 10.0, "10.0 * (one(3) == 9)"),
    "look": (None, None, "# a place to try things"),
    "rate": (None, None, "rate = 2"),
    "two": ("solution", None, "def two(x):\n    raise NotImplementedError"),
    "second": ("tests", 10.0, "10.0 * (two(3) == 18)"),
    "shown": (None, None, "print('the end')"),
}


def cell(name: str, source: str = "") -> dict:
    """A cell of the lecturer's in a notebook; an answer with its ``source``."""
    kind, points, released = CELLS[name]
    metadata = {} if kind is None else role(name, kind, points)
    text = source or released
    fields = {"id": f"id-{name}", "outputs": [], "execution_count": None}
    return {"cell_type": "code", "metadata": metadata, "source": text, **fields}


def own(source: str, **fields) -> dict:
    return {"cell_type": "code", "id": "new", "metadata": {}, "source": source, **fields}


def handed_in(one: str, two: str, /, **added_: str | list[str]) -> list[dict]:
    """The cells of a submission; ``added_``: own cells by the name of the cell they stand before,
    or "end"."""
    answers = {"one": one, "two": two}
    cells = []
    for name in (*CELLS, "end"):
        sources = added_.get(name, [])
        cells += [own(source) for source in ([sources] if isinstance(sources, str) else sources)]
        if name != "end":
            cells.append(cell(name, answers.get(name, "")))
    return cells


def edited(cells: list[dict], **sources: str) -> list[dict]:
    """With the ``sources`` in these cells."""
    ids = {f"id-{name}": source for name, source in sources.items()}
    return [{**c, "source": ids.get(c["id"], c["source"])} for c in cells]


RELEASED = {"cells": [cell(name) for name in CELLS], "metadata": {}}
RULES = {"withheld": ["nncourse"], "packages": ["numpy"], "limits": LIMITS}
IMPORTS = "from math import floor, fmod\n"
SOLVED = {
    "cells": handed_in(
        f"{IMPORTS}def one(x):\n    return x * x", "def two(x):\n    return 2 * one(x)"
    ),
    "metadata": {"nncourse": {"grading": RULES}},
}
ASSIGNMENT = make_assignment("toy", SOLVED, {**RELEASED, "metadata": SOLVED["metadata"]}, "en")

ONE = "def one(x):\n    return x * x"
TWO = "def two(x):\n    return rate * one(x)"


@pytest.fixture(scope="module")
def grade():
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with Bench() as bench:
        bench.prepare(ASSIGNMENT.packed)

        def grade(cells: list[dict]) -> dict:
            intake = find_answers(cells, RELEASED, "en")
            item = make_item("anna", intake.answers, 7, intake.own)
            verdict = json.loads(bench.grade(item))
            verdict["noticed"] = intake.notes
            return verdict

        yield grade


RUN_ALL = """
import contextlib, io, json, sys
from IPython.core.interactiveshell import InteractiveShell

def points(cells):
    shell = InteractiveShell()
    for cell in cells:
        result = shell.run_cell(cell["source"])
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            yield float(result.result or 0.0)

with contextlib.redirect_stdout(io.StringIO()):
    found = {name: list(points(cells)) for name, cells in json.load(sys.stdin).items()}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def run_again(tmp_path_factory):
    """The points of all notebooks, by IPython in a process of its own."""
    notebooks = json.dumps({name: cells for name, (cells, _) in HONEST.items()})
    folder = str(tmp_path_factory.mktemp("ipython"))
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        input=notebooks,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "IPYTHONDIR": folder},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def points(verdict: dict) -> list[float]:
    return [question["points"] for question in verdict["questions"].values()]


def ran(verdict: dict) -> list[str]:
    return [cell["source"] for cell in verdict["own"]]


# name: (cells, what is run of the student's own)
TRAINS = (
    "NET = {'w': 3}\ndef train(net):\n    net['w'] = 0\n    return [1, 0]\n\nlosses = train(NET)"
)
FITS = (
    "class Model:\n    w = 3\n    def fit(self):\n        self.w = 0\n        return 1\n\n"
    "MODEL = Model()\nloss = MODEL.fit()"
)
STEPS = (
    "NET = {'w': 3}\ndef step(net):\n    net['w'] -= 1\n    return net['w']\n\nlosses = []\n"
    "for _ in range(3):\n    losses.append(step(NET))"
)
KEEPS = (
    "P = [3]\nclass Descent:\n    def __init__(self, params):\n        self.params = params\n"
    "    def step(self):\n        for p in self.params: p[0] = 0\n\n"
    "opt = Descent([P])\nopt.step()"
)
PUT = (
    "def put(kind):\n    def keep(f):\n        setattr(kind, f.__name__, f)\n"
    "        return f\n    return keep"
)
COUNTED = (
    "CALLS = 0\ndef counted(f):\n    def inner(x):\n        global CALLS\n        CALLS += 1\n"
    "        return f(x)\n    return inner"
)
POWER = "one.power = lambda x: x ** 2"
HONEST = {
    "a loop of steps with their losses": (
        handed_in("def one(x):\n    return x * x + NET['w']", TWO, one=STEPS),
        [STEPS],
    ),
    "an object that keeps what it changes": (
        handed_in("def one(x):\n    return x * x + P[0]", TWO, one=KEEPS),
        [KEEPS],
    ),
    "a training that gives losses": (
        handed_in("def one(x):\n    return x * x + NET['w']", TWO, one=TRAINS),
        [TRAINS],
    ),
    "a method that gives a loss": (
        handed_in("def one(x):\n    return x * x + MODEL.w", TWO, one=FITS),
        [FITS],
    ),
    "a helper function": (
        handed_in(
            "def one(x):\n    return power(x, 2)",
            TWO,
            one="# mine\ndef power(x, n):\n    return x**n\n\nprint(power(2, 3))",
        ),
        ["# mine\ndef power(x, n):\n    return x**n"],
    ),
    "a name that is declared global in the answer": (
        handed_in(
            "def one(x):\n    global calls\n    calls += 1\n    return x * x",
            "def two(x):\n    return rate * one(x) if calls else 0",
            one="calls = 0\nprint(calls)",
        ),
        ["calls = 0"],
    ),
    "methods that are put into an answer's class below it": (
        handed_in(
            "class Number(int):\n    pass\ndef one(x):\n    return Number(x).square()",
            "def two(x):\n    return rate * Number(one(x)).half() * 2",
            first="def square(self):\n    return self * self\nNumber.square = square\n"
            "n = Number(3)\nn.x = 3",
            two="setattr(Number, 'half', lambda self: self / 2)\nwhile Number(0): pass",
        ),
        [
            "def square(self):\n    return self * self\nNumber.square = square",
            "setattr(Number, 'half', lambda self: self / 2)",
        ],
    ),
    "methods that are put into an answer's class that no other answer reads": (
        handed_in(
            "class one:\n    def __new__(cls, x):\n        return cls.square(x)",
            "def two(x):\n    return rate * x * x",
            first=[PUT, "@put(one)\ndef square(x):\n    return one.power(x)", POWER],
        ),
        [PUT, "@put(one)\ndef square(x):\n    return one.power(x)", POWER],
    ),
    "a name that an answer makes global": (
        handed_in(
            "def one(x):\n    global square\n    square = x * x\n    return square",
            "def two(x):\n    return rate * square",
            two="square = one(x=3)\nwhile square < 0: pass",
        ),
        ["square = one(x=3)"],
    ),
    "a helper function below its answer and above the check": (
        handed_in(
            "def one(x):\n    return power(x, 2)", TWO, first="def power(x, n):\n    return x**n"
        ),
        ["def power(x, n):\n    return x**n"],
    ),
    "a constant": (
        handed_in("def one(x):\n    return x**EXPONENT", TWO, one="EXPONENT = 2\nother = 3"),
        ["EXPONENT = 2"],
    ),
    "an import": (
        handed_in(
            "def one(x):\n    return int(pow(sqrt(x), 4) + 0.5)",
            TWO,
            setup="import numpy as np\nfrom math import pow, sqrt",
        ),
        ["from math import pow, sqrt"],
    ),
    "a module, of which something is called": (
        handed_in(
            "def one(x):\n    return math.floor(x) ** 2",
            TWO,
            one=["import math\nmath.sqrt(2)", "math.floor(2)\nmath.pi"],
        ),
        ["import math"],
    ),
    "a name that a module has lost": (
        handed_in("def one(x):\n    return np.whole(x) ** 2", TWO, one="np.whole = int"),
        ["np.whole = int"],
    ),
    "names of Python's own, defined anew": (
        handed_in(
            "def one(x):\n    return round(pow(x, 2))",
            TWO,
            one=["from math import pow", "print(pow)", "def round(x):\n    return int(x + 0.5)"],
        ),
        ["from math import pow", "def round(x):\n    return int(x + 0.5)"],
    ),
    "what the lecturer's own answer imports": (
        handed_in(
            "def one(x):\n    return fmod(x, 4) ** 2",
            "def two(x):\n    return floor(rate * one(x))",
            setup="from math import floor, fmod",
        ),
        ["from math import floor, fmod"],
    ),
    "an import of everything": (
        handed_in(
            "def one(x):\n    return int(fsum([x] * x))", TWO, one="from math import *\nfsum([2])"
        ),
        ["from math import *"],
    ),
    "types in annotations": (
        handed_in(
            "def one(x: Number) -> Number:\n    return x * x",
            "class two:\n    last: Optional[int] = None\n"
            "    def __new__(cls, x):\n        return 2 * one(x)",
            one="from typing import Optional, Union\nNumber = Union[int, float]",
        ),
        ["from typing import Optional, Union\nNumber = Union[int, float]"],
    ),
    "a class that an answer inherits from": (
        handed_in(
            "class Square(Base):\n    power = 2\n\ndef one(x):\n    return Square()(x)",
            TWO,
            one="class Base:\n    def __call__(self, x):\n        return x**self.power",
        ),
        ["class Base:\n    def __call__(self, x):\n        return x**self.power"],
    ),
    "a method that is put into a class later": (
        handed_in(
            "def one(x):\n    return Square().of(x)",
            TWO,
            one=["class Square:\n    pass", "def of(self, x):\n    return x * x\nSquare.of = of"],
        ),
        ["class Square:\n    pass", "def of(self, x):\n    return x * x\nSquare.of = of"],
    ),
    "a chain of helpers": (
        handed_in(
            "def one(x):\n    return a(x)",
            "def two(x):\n    return rate * d(x)",
            setup=["unused = 0\nc = 1", "def a(x):\n    return b(x) * c"],
            one="def b(x):\n    return x**2",
            two="d = a",
        ),
        ["c = 1", "def a(x):\n    return b(x) * c", "def b(x):\n    return x**2", "d = a"],
    ),
    "a table that is filled in place": (
        handed_in(
            "def one(x):\n    return SQUARES[x]",
            TWO,
            one="SQUARES = {}\nfor n in range(5):\n    SQUARES[n] = n * n\nSQUARES.update({9: 81})",
        ),
        ["SQUARES = {}\nfor n in range(5):\n    SQUARES[n] = n * n\nSQUARES.update({9: 81})"],
    ),
    "a table that a function fills": (
        handed_in(
            "def one(x):\n    return SQUARES[x]",
            TWO,
            one=[
                "SQUARES = np.zeros(5, int)",
                "def fill(a):\n    a[:] = range(5)",
                "fill(SQUARES)\nprint(SQUARES)\nnp.mean(SQUARES)",
                "for n in range(2):\n    np.multiply.at(SQUARES, [3], 3 - 2 * n)\nlen(SQUARES)",
            ],
        ),
        [
            "SQUARES = np.zeros(5, int)",
            "def fill(a):\n    a[:] = range(5)",
            "fill(SQUARES)",
            "for n in range(2):\n    np.multiply.at(SQUARES, [3], 3 - 2 * n)",
        ],
    ),
    "a table that is filled in several cells": (
        handed_in(
            "def one(x):\n    return SQUARES[x]",
            TWO,
            one=["SQUARES = {}", "SQUARES[3] = 9", "print(len(SQUARES))"],
        ),
        ["SQUARES = {}", "SQUARES[3] = 9"],
    ),
    **{
        name: (handed_in(answer, TWO, one=wanted), [wanted])
        for name, answer, wanted in (
            (
                "a table that a function fills without being given it",
                "def one(x):\n    return SQUARES[x]",
                "SQUARES = [0] * 5\ndef fill():\n    for n in range(5):\n"
                "        SQUARES[n] = n * n\ndef prepare():\n    fill()\nprepare()",
            ),
            (
                "a table that a function makes",
                "def one(x):\n    return SQUARES[x]",
                "SQUARES = None\ndef load():\n    global SQUARES\n"
                "    SQUARES = [n * n for n in range(5)]\nload()",
            ),
            (
                "a table that an object fills",
                "def one(x):\n    return SQUARES[x]",
                "SQUARES = {}\nclass Filler:\n    def run(self):\n"
                "        SQUARES.update((n, n * n) for n in range(5))\n"
                "filler = Filler()\nfiller.run()",
            ),
            (
                "a table under another name",
                "def one(x):\n    return SQUARES[x]",
                "SQUARES = [0] * 5\nlast = all_ = SQUARES\nfor n in range(5):\n    all_[n] = n * n",
            ),
            (
                "a part of a table under another name",
                "def one(x):\n    return int(SQUARES['whole'][x])",
                "SQUARES = {'whole': np.zeros(5)}\nwhole = SQUARES['whole']\n"
                "np.square(np.arange(5.0), out=whole[:])",
            ),
            (
                "tables in a table",
                "def one(x):\n    return ROWS[x][0]",
                "ROWS = [[] for n in range(5)]\nfor n, row in enumerate(ROWS):\n"
                "    row.append(n * n)",
            ),
            (
                "a method as a value",
                "def one(x):\n    return SQUARES[x]",
                "SQUARES = []\nlist(map(SQUARES.append, [0, 1]))\n"
                "_ = [a.insert(n, n * n) for b in [[SQUARES]] for a in b for n in range(2, 5)]",
            ),
            (
                "a register of functions",
                "def one(x):\n    return POWERS['square'](x)",
                "POWERS = {}\ndef power(name):\n    def put(f):\n        POWERS[name] = f\n"
                "        return f\n    return put\n@power('square')\ndef of(x):\n    return x * x",
            ),
            (
                "a register of classes",
                "def one(x):\n    return Power.known['Square']()(x)",
                "class Power:\n    known = {}\n    def __init_subclass__(cls):\n"
                "        cls.known[cls.__name__] = cls\nclass Square(Power):\n"
                "    def __call__(self, x):\n        return x * x",
            ),
            (
                "a function for each type",
                "def one(x):\n    return square(x)",
                "from functools import singledispatch\n@singledispatch\ndef square(x):\n"
                "    raise TypeError\n@square.register(int)\n@square.register(bool)\n"
                "def _(x):\n    return x * x",
            ),
        )
    },
    **{
        f"an object changed by {how}": (
            handed_in(
                "def one(x):\n    return x ** NET['w']", TWO, one=f"NET = {{'w': 5}}\n{wanted}"
            ),
            [f"NET = {{'w': 5}}\n{wanted}"],
        )
        for how, wanted in (
            (
                "a list of steps",
                "def step(net):\n    net['w'] -= 1\n    return net['w']\n\n"
                "losses = [step(NET) for _ in range(3)]",
            ),
            (
                "a chain",
                "class Trainer:\n    def __init__(self, net):\n        self.net = net\n"
                "    def fit(self):\n        self.net['w'] = 2\n        return self\n\n"
                "log = Trainer(NET).fit()",
            ),
            (
                "a function that is called for its value",
                "def refit():\n    NET['w'] = 2\n    return 1\n\nprint(refit())",
            ),
            (
                "a function whose value is printed",
                "def step(net):\n    net['w'] -= 1\n    return net['w']\n\n"
                "for n in range(3):\n    print(n, f'{step(NET):.3f}')",
            ),
            (
                "a function that binds it",
                "def refit():\n    global NET\n    NET = {'w': 2}\n    return 1\n\nlast = refit()",
            ),
            *(
                (
                    how,
                    "def step(net):\n    net['w'] -= 1\n    return net['w']\n\n"
                    + steps.replace("3 TIMES", "for n in range(3)"),
                )
                for how, steps in (
                    (
                        "a function with its arguments",
                        "from functools import partial\ngo = partial(step, NET)\n3 TIMES: go()",
                    ),
                    ("a function without a name", "list(map(lambda _: step(NET), range(3)))"),
                    ("a lambda with a name", "go = lambda: step(NET)\n3 TIMES: print(go())"),
                    (
                        "a function that a function makes",
                        "def make(net):\n    def inner():\n        step(net)\n"
                        "    return inner\n\ngo = make(NET)\n3 TIMES: go()",
                    ),
                    (
                        "a function that hands it on",
                        "def both(*args):\n    net, n = args\n    return step(net) / n\n\n"
                        "again = lambda net: both(net, 2)\n3 TIMES: print(again(NET))",
                    ),
                    ("what holds it", "ALL = {'net': NET}\n3 TIMES: print(step(ALL['net']))"),
                    ("one of two names", "net, m = NET, 3\n3 TIMES: print(step(net) / m)"),
                    ("an annotated name", "net: dict = NET\n3 TIMES: print(step(net))"),
                    (
                        "a method whose value is printed",
                        "class Descent:\n    def __init__(self, net):\n        self.net = net\n"
                        "    def step(self):\n        return step(self.net)\n\n"
                        "3 TIMES: print(float(Descent(NET).step()))",
                    ),
                    (
                        "a method that is given it",
                        "class Descent:\n    def step(self, net):\n        return step(net)\n\n"
                        "descent = Descent()\n3 TIMES: print(float(descent.step(NET)))",
                    ),
                )
            ),
            (
                "what is subtracted from it in place",
                "NET['w'] = np.array(5)\nw, n = NET['w'], 1\nfor i in range(3):\n    w -= n",
            ),
            (
                "what is done to a part of it",
                "NET['v'] = [5]\ndef reset(v):\n    v[0] = 2\n\n"
                "reset(NET['v'])\nNET['w'] = NET['v'][0]",
            ),
        )
    },
    **{
        f"a name bound by {how}": (
            handed_in("def one(x):\n    return x**N", TWO, one=["M = 2", wanted, "print(2)"]),
            ["M = 2", wanted],
        )
        for how, wanted in (
            ("its text", "globals()['N'] = M"),
            ("many texts", "globals().update(N=M)"),
            ("code in a text", "exec('N = M', globals(), {'M': M}) or exec(f'N = {M}')"),
            ("Python itself", "import builtins\nbuiltins.N = M"),
        )
    },
    "an answer wrapped in its own name": (
        handed_in(
            "def one(x, n=1):\n    return x**n",
            TWO,
            first="from functools import partial\none = partial(one, n=2)",
        ),
        ["from functools import partial\none = partial(one, n=2)"],
    ),
    "an answer that is called for what it changes": (
        handed_in(
            "def one(x):\n    if isinstance(x, dict):\n        x['w'] -= 1\n    else:\n"
            "        return x * x",
            "def two(x):\n    return NET['w'] * one(x)",
            look="NET = {'w': 5}\nsteps = [one(NET) for _ in range(3)]",
        ),
        ["NET = {'w': 5}\nsteps = [one(NET) for _ in range(3)]"],
    ),
    "an answer that lets a function change it": (
        handed_in(
            "def one(x):\n    return down(x) if isinstance(x, dict) else x * x",
            "def two(x):\n    return NET['w'] * one(x)",
            one="def down(net):\n    net['w'] -= 1",
            look="NET = {'w': 5}\nfor _ in range(3):\n    print(one(NET))",
        ),
        [
            "def down(net):\n    net['w'] -= 1",
            "NET = {'w': 5}\nfor _ in range(3):\n    print(one(NET))",
        ],
    ),
    "a name of the lecturer's that stands for something else in two cells": (
        handed_in(
            ONE,
            "def two(x):\n    return NET['w'] * one(x)",
            look="NET = {'w': 5}\ndef step(net):\n    net['w'] -= 1",
            two=["rate = NET", "for clip in range(3):\n    step(rate)"],
        ),
        [
            "NET = {'w': 5}\ndef step(net):\n    net['w'] -= 1",
            "rate = NET",
            "for clip in range(3):\n    step(rate)",
        ],
    ),
    "an earlier answer wrapped": (
        handed_in(
            ONE,
            "def two(x):\n    return rate * safe(x)",
            look="def safe(x):\n    return one(clip(x))",
        ),
        ["def safe(x):\n    return one(clip(x))"],
    ),
    "an earlier answer used at once": (
        handed_in(ONE, "def two(x):\n    return NINE * x * 2 // 3", two="NINE = one(3)\none(4)"),
        ["NINE = one(3)"],
    ),
    "the last value": (
        handed_in(
            "def one(x):\n    return x**N",
            "def two(x):\n    return M * one(x)",
            one=["2", "print(3)", "N = _"],
            two=["1 + 1\n2", "In\nM = Out[max(Out)] if len(In) else exit()"],
        ),
        ["2", "print(3)", "N = _", "2", "M = Out[max(Out)] if len(In) else exit()"],
    ),
    "what a kernel has": (
        handed_in(
            "def one(x):\n    return x * x if In and callable(quit) else exit()",
            "def two(x):\n    display(_, __, _ih, _oh, _dh)\n    return rate * one(x)",
        ),
        [],
    ),
    "magics": (
        handed_in(
            "def one(x):\n    return power(x, 2)",
            TWO,
            one="%precision 3\n%time 1 + 1\ndef power(x, n):\n    return x**n\n\n!true\nsum?",
        ),
        ["def power(x, n):\n    return x**n"],
    ),
    "several statements in a line": (
        handed_in(
            "def one(x):\n    return x**k", TWO, one="a = 1; k = [\n    0, 2][1]; b = 2\nc = 3"
        ),
        ["a = 1; k = [\n    0, 2][1]; b = 2"],
    ),
    "a decorator": (
        handed_in(
            "@twice\ndef one(x):\n    return x * x",
            TWO,
            one="import functools\n\ndef twice(f):\n    @functools.wraps(f)\n"
            "    def inner(x):\n        f(x)\n        return f(x)\n    return inner",
        ),
        [
            "import functools\n\ndef twice(f):\n    @functools.wraps(f)\n"
            "    def inner(x):\n        f(x)\n        return f(x)\n    return inner"
        ],
    ),
    "a decorator that counts calls": (
        handed_in("@counted\ndef one(x):\n    return x * x", TWO, one=COUNTED),
        [COUNTED],
    ),
    "what is needed of what the lecturer shows": (
        handed_in(ONE, "def two(x):\n    return double * one(x)", two="double = rate"),
        ["double = rate"],
    ),
    "a cell of the lecturer's to try things in, used for a helper": (
        edited(
            handed_in(ONE, "def two(x):\n    return one(x) * FOUR // 2"), look="FOUR = 4\none(FOUR)"
        ),
        ["FOUR = 4"],
    ),
    **{
        f"an effect on {name}": (handed_in(answer, TWO, one=[wanted, "print(2)"]), [wanted])
        for name, answer, wanted in (
            (
                "a file of numbers",
                "def one(x):\n    return int(x ** np.load('power.npy')[0])",
                "power = np.full(3, 2)\nnp.save('power.npy', power)",
            ),
            (
                "a file that a function writes",
                "from pathlib import Path\ndef one(x):\n    return x ** len(Path('a').read_text())",
                "def store():\n    f = open('a', 'w')\n    f.write('ab')\n    f.close()\nstore()",
            ),
            (
                "a file of JSON",
                "import json\ndef one(x):\n    return x ** json.load(open('b'))",
                "import json\nwith open('b', mode='wt') as f:\n    json.dump(2, f)",
            ),
            (
                "recursion",
                "def deep(n):\n    return n and 1 + deep(n - 1)\n"
                "def one(x):\n    return x ** (deep(2000) - 1998)",
                "import sys\nsys.setrecursionlimit(5000)",
            ),
            (
                "the environment",
                "def one(x):\n    return x ** int(os.environ.get('POWER', 3))",
                "import os\nos.environ['POWER'] = '2'",
            ),
            (
                "random numbers",
                "SECOND = np.random.rand()\n"
                "def one(x):\n    return x * x if SECOND == FIRST else 0",
                "np.random.seed(5)\nFIRST = np.random.rand()\nnp.random.seed(5)",
            ),
        )
    },
    "a module that a cell writes": (
        handed_in(
            "def one(x):\n    return of(x)",
            TWO,
            setup="%%writefile powers.py\ndef of(x):\n    return x ** 2",
            one="from powers import of\nof(3)",
        ),
        [
            "open('powers.py', 'w', encoding='utf-8').write('def of(x):\\n    return x ** 2\\n');",
            "from powers import of",
        ],
    ),
    "a cell of the lecturer's edited": (
        edited(handed_in(ONE, "def two(x):\n    return rate * one(x) - 9"), rate="rate = 3"),
        ["rate = 3"],
    ),
    "a cell of the lecturer's edited where cells have no ids": (
        [
            {key: value for key, value in c.items() if key != "id"}
            for c in edited(
                handed_in(ONE, "def two(x):\n    return rate * one(x) - 9"), rate="rate = 3"
            )
        ],
        ["rate = 3"],
    ),
    "answers that stand below their cells": (
        handed_in("", "", first=ONE, look="one(5)", second=["# mine", TWO]),
        [ONE, TWO],
    ),
    "a later attempt below an answer": (
        handed_in(
            "def one(x):\n    return x", "class two:\n    pass", first=["1 / 0", ONE], second=TWO
        ),
        [ONE, TWO],
    ),
    "a later attempt below the check": (
        handed_in(
            "def one(x):\n    return x", TWO, look=["def one(x):\n    return 0", ONE, "one(3)"]
        ),
        ["def one(x):\n    return 0", ONE],
    ),
    "a later attempt below the answer that calls it": (
        handed_in("def one(x):\n    return x", TWO, second=ONE),
        [ONE],
    ),
    "later attempts that are no definitions": (
        handed_in(
            "def one(x):\n    return x",
            "def two(x):\n    return x",
            first="def better(x):\n    return x * x\none = better",
            second="two = lambda x: rate * one(x)",
        ),
        ["def better(x):\n    return x * x\none = better", "two = lambda x: rate * one(x)"],
    ),
    "a name of the lecturer's that stands for something else in a cell": (
        handed_in(
            ONE,
            "def two(x):\n    return DOUBLE * one(x)",
            two="rate = [1]\nrate.append(1)\nprint(rate)\nDOUBLE = sum(rate)",
        ),
        ["rate = [1]\nrate.append(1)\nDOUBLE = sum(rate)"],
    ),
    **{
        f"a function found by {how}": (
            handed_in(answer, TWO, one=["def square(x):\n    return x * x\n\n1 / 0", "n = 3"]),
            ["def square(x):\n    return x * x"],
        )
        for how, answer in (
            ("globals", "def one(x):\n    return globals()['squ' + 'are'](x)"),
            ("eval", "def one(x):\n    return eval('squ' + 'are')(x)"),
        )
    },
    "an answer's cell that is emptied": (handed_in(ONE, "# below", second=TWO), [TWO]),
    "an answer above its cell, which undoes it": (handed_in("", TWO, one=ONE), [ONE]),
    "the future": (
        handed_in(
            "def one(x):\n    return make(x).value",
            TWO,
            one="from __future__ import annotations\nprint(3)\n"
            "class make:\n    def __init__(self: make, x):\n        self.value = x * x",
        ),
        [
            "from __future__ import annotations\n"
            "class make:\n    def __init__(self: make, x):\n        self.value = x * x"
        ],
    ),
    "trials, which no answer needs": (
        handed_in(
            ONE,
            TWO,
            first="x = 3\nsquare = one(x)\nprint(square)\none(2)",
            second="history = [two(x) for x in range(5)]\nassert history[1] == 2",
            end="import time\nmodel = 5\nwhile model < 10:\n    model += 1",
        ),
        [],
    ),
    "an unfinished attempt": (
        handed_in(ONE, TWO, one="def one(x:\n    retrun", two="def two(x):\n    raise ValueError"),
        [],
    ),
    "after its use": (
        handed_in("one = square", TWO, first="def square(x):\n    return x * x"),
        ["def square(x):\n    return x * x"],
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_own_cells_count_as_when_everything_is_run_again(grade, run_again, name):
    cells, wanted = HONEST[name]
    verdict = grade(cells)
    assert points(verdict) == run_again[name], verdict
    assert ran(verdict) == wanted
    assert verdict["noticed"] == []


def test_all_others_of_these_notebooks_earn_all_points(run_again):
    less = {name: found for name, found in run_again.items() if found != [10, 10]}
    assert less == {
        "after its use": [0, 0],
        "an answer above its cell, which undoes it": [0, 0],
        "a later attempt below the check": [0, 10],
        "a later attempt below the answer that calls it": [0, 10],
    }


@pytest.mark.parametrize(
    "cells",
    [
        handed_in("", TWO, one=ONE),
        handed_in("", f"{ONE}\n{TWO}", one=ONE),
        [cell("two", f"{TWO}\n\n{ONE}"), *handed_in("", "")[:2]],
    ],
)
def test_a_deleted_answer_that_stands_elsewhere_is_not_undone(grade, cells):
    """As when cells are merged, or an answer's cell is replaced by another one."""
    verdict = grade([c for c in cells if c["id"] != "id-one"])
    assert points(verdict)[1] == 10
    assert "answer cell one is missing: one is defined in another cell" in verdict["noticed"]


# name: (cells, points): the notebook would lose its points where everything is run again.
KINDER = {
    "a trial in the same cell that fails": (
        handed_in(
            "def one(x):\n    return x**N",
            TWO,
            one="import torch\nopen('/data.csv')\nraise KeyError\nN = 2",
        ),
        [10, 10],
    ),
    "a trial that runs for ever": (
        handed_in(ONE, TWO, look="while True:\n    loss = one(2)"),
        [10, 10],
    ),
    "an answer's name taken for a number": (
        handed_in(ONE, TWO, first="one = one(3)", second="two = 5"),
        [10, 10],
    ),
    "a name of Python's own taken for a number": (
        handed_in("def one(x):\n    return sum([x] * x)", TWO, one="sum = 0\nsum += 3"),
        [10, 10],
    ),
    "an array with which answers are tried": (
        handed_in("def one(x):\n    return x ** N[0]", TWO, one="N = [2]\nwhile True:\n    one(N)"),
        [10, 10],
    ),
    "a function that keeps its results": (
        handed_in(
            "def one(x):\n    return power(x)",
            TWO,
            one="SEEN = {}\ndef power(x):\n    SEEN[x] = x * x\n    return SEEN[x]\n\npower('a')\n"
            "N = 1",
            look="while True:\n    power(2)",
        ),
        [10, 10],
    ),
    "a picture for each of the names": (
        handed_in(
            "def one(x):\n    return x ** len(NAMES)",
            TWO,
            one="NAMES = ['a', 'b']\naxes = make_axes()\nfor ax, name in zip(axes, NAMES):\n"
            "    ax.set_title(name)",
        ),
        [10, 10],
    ),
    "a package that is not there, in the cell of a helper": (
        handed_in(
            "def one(x):\n    return square(x) + np.random.randint(1)",
            TWO,
            one="import torch\ntorch.manual_seed(0)\ndef square(x):\n    return x * x",
        ),
        [10, 10],
    ),
    "a function that seeds all packages, in the cell of a helper": (
        handed_in(
            "def one(x):\n    return square(x) + np.random.randint(1)",
            TWO,
            one="import random, torch\ndef seed_all(n):\n    random.seed(n)\n"
            "    torch.manual_seed(n)\nseed_all(0)\ndef square(x):\n    return x * x",
        ),
        [10, 10],
    ),
    "cells that bind nothing": (
        handed_in(
            "def one(x):\n    return x ** N", TWO, one=["N = 2", "%%timeit\nN = 3", "%%node\nN = 4"]
        ),
        [10, 10],
    ),
    "files that no answer reads": (
        handed_in(ONE, TWO, one="while True:\n    np.save('a', one(2))\n    open('b', 'w')"),
        [10, 10],
    ),
    "the lecturer's names bound anew": (
        handed_in(
            "def one(x):\n    return clip(x) ** 2",
            TWO,
            one="def clip(x):\n    return 0",
            two="rate = 7",
        ),
        [10, 10],
    ),
}


@pytest.mark.parametrize("name", KINDER)
def test_trials_cost_neither_points_nor_time(grade, name):
    cells, due = KINDER[name]
    verdict = grade(cells)
    assert points(verdict) == due
    assert not any("Error" in note for note in verdict["notes"])
    assert verdict["seconds"] < 5


def test_the_lecturer_is_told_what_was_run(grade):
    verdict = grade(HONEST["a chain of helpers"][0])
    assert verdict["notes"] == [
        "4 of 4 cells of their own were run, since answers use them: c, a, b, d"
    ]
    verdict = grade(HONEST["trials, which no answer needs"][0])
    assert verdict["notes"] == ["3 cells of their own were not run: no answer uses them"]
    late = handed_in("def one(x):\n    return x**N", TWO, end=["M = 3", "N = 2\nx = M"])
    says = "N: defined below the last graded cell, too late for the answers that use it"
    assert grade(late)["notes"][0] == says
    assert grade(handed_in(ONE, TWO))["notes"] == []


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"one": "def clip(x):\n    return 0"}, True),
        ({"first": "rate, clip = 2, abs"}, True),
        ({"setup": "def clip(x):\n    return 0"}, False),  # the lecturer's comes later
        ({"end": "def clip(x):\n    return 0"}, False),
        ({"one": "np = 3\nrate = 3\ndef mine(x):\n    return clip(x)"}, False),
    ],
)
def test_the_lecturer_is_told_of_what_was_changed_in_vain(grade, own, told):
    verdict = grade(handed_in("def one(x):\n    return clip(x * x)", TWO, **own))
    assert points(verdict) == [10, 10]
    note = "clip: changed in cells of their own, but answers were given what the lecturer has made"
    assert (note in verdict["notes"]) == told


def test_what_fails_in_a_cell_that_is_needed_is_said_to_be_there(grade):
    verdict = grade(handed_in("def one(x):\n    return N", TWO, one="N = 1 / 0"))
    assert points(verdict) == [0, 0]
    assert verdict["notes"][1:] == ["N: ZeroDivisionError: division by zero"]
    assert verdict["own"][0]["outputs"][0]["ename"] == "ZeroDivisionError"


def test_the_cells_that_were_run_are_shown_where_answers_are(grade):
    cells = handed_in(
        "def one(x):\n    return power(x)", TWO, one="def power(x): return x * x  # \x1b[2J\nx = 1"
    )
    verdict = grade(cells)
    notebook = clean_notebook(compose(ASSIGNMENT, {}, verdict))
    ((place, shown),) = [(i, c) for i, c in enumerate(notebook["cells"]) if is_own(c)]
    assert notebook["cells"][place + 1]["metadata"]["nbgrader"]["grade_id"] == "one"
    assert shown["source"] == "def power(x): return x * x  # ?[2J"
    assert answers_in(notebook)["own cell 1"] == shown["source"]
    (first, _second) = parts_of(notebook)
    assert first.answers[0] is shown
    nbformat.validate({**notebook, "nbformat": 4, "nbformat_minor": 5})


def test_data_in_cells_of_ones_own_counts_together(grade):
    half = "=".join(("PART{}", repr("0123456789" * 9)))
    answer = "def one(x):\n    return x * x if PART0 and PART1 else 0"
    verdict = grade(
        handed_in(answer, TWO, one=[half.format(0), half.format(1)], two=half.format(2))
    )
    assert points(verdict) == [10, 10]
    assert heavy_answers(ASSIGNMENT, {}, verdict["own"]) == {"cells of their own": 184}


def test_of_what_they_print_the_beginning_is_kept(grade):
    shown = "N = [2, print('x' * 9000)][0]"
    (cell,) = grade(handed_in("def one(x):\n    return x**N", TWO, one=shown))["own"]
    assert cell["outputs"][0]["text"] == "x" * 4000 + "\n..."


def test_between_the_parts_of_an_answer_that_was_split_stands_a_cell(grade):
    cells = handed_in("def one(x):\n    return square(x)", TWO)
    (at,) = [i for i, c in enumerate(cells) if c["source"].startswith("def one")]
    halves = ["TWO = 2", cells[at]["source"]]
    before, after = ({**cells[at], "source": half} for half in halves)
    cells[at : at + 1] = [before, own("def square(x):\n    return x**TWO"), after]
    verdict = grade(cells)
    assert points(verdict) == [10, 10]
    assert verdict["noticed"] == ["cell one was split: its parts count as one"]


def chosen(own_cells: list[tuple[int, str]], *others: tuple[int, str, bool]) -> list[str]:
    found = [Other(place, names(source), asks) for place, source, asks in others]
    return [cell.source for cell, _ in needed_lines([OwnCell(*one) for one in own_cells], found)]


READER = "def f(): return k"


@pytest.mark.parametrize(
    ("place", "others", "run"),
    [
        (0, [(1, READER, True)], True),
        (2, [(1, READER, True)], True),
        (0, [(1, READER, False)], False),
        (0, [(0, "k = 1", False), (1, READER, True)], False),
        (1, [(0, "k = 1", False), (1, READER, True)], False),
        (2, [(0, READER, True), (1, "k = 1", False), (3, "k = 2", False)], False),
        (2, [(3, "k = 2", False), (1, "k = 1", False), (0, READER, True)], False),
        (1, [(0, READER, True), (1, "k = 1", False)], True),
        (0, [(1, READER, True), (1, "k = 1", True)], True),
        (0, [(1, f"k = 1\n{READER}", True)], False),
        (0, [(1, f"{READER}\nk = k + 1", True)], True),
        (0, [(1, "k = 1", True), (2, READER, True)], False),
        (0, [(1, "k.x = 1", True)], True),
        (0, [(1, "k.append(1)", True)], True),
    ],
)
def test_a_name_is_taken_from_an_own_cell_if_nothing_before_gives_it(place, others, run):
    assert chosen([(place, "k = 0")], *others) == ["k = 0"] * run


TRAINED = {
    "train": ("solution", None, "def train(n):\n    return n"),
    "predict": ("solution", None, "def predict(x):\n    return x * trained"),
    "run": ("readonly", None, "trained = train(1)\nrate = 2"),
    "test": ("tests", 10.0, "10.0 * (predict(3) == 9)"),
}


@pytest.mark.parametrize(
    ("place", "source", "run"),
    [
        (
            3,
            "trained = train(3)\nprint(trained)\nrate = 7\nlosses = train(4)",
            "trained = train(3)",
        ),
        (
            3,
            "for n in range(4):\n    trained = train(n)",
            "for n in range(4):\n    trained = train(n)",
        ),
        (3, "best = train(3)\n2 / 0\ntrained = best", "best = train(3)\ntrained = best"),
        (2, "trained = train(3)", "trained = train(3)"),
        (4, "trained = train(3)", ""),
    ],
)
def test_a_training_that_is_done_once_more_counts_before_the_check(place, source, run):
    cells = [
        {"cell_type": "code", "metadata": role(name, kind, points), "source": source}
        for name, (kind, points, source) in TRAINED.items()
    ]
    found = {"cells": cells, "metadata": {}}
    plan = make_assignment("toy", found, found, "en").plan
    answers = {name: f"# mine\n{TRAINED[name][2]}" for name in ("train", "predict")}
    own, _late = plan.sandboxed.needed_of([OwnCell(place, source)], answers)
    assert [cell.source for cell in own] == ([run] if run else [])


def test_what_an_own_cell_reads_must_be_bound_before_that():
    own_cells = [(0, "a = 1"), (2, "k = a")]
    assert chosen(own_cells, (1, "a = 2", False), (3, READER, True)) == ["k = a"]
    own_cells = [(0, "a = 1"), (0, "k = a")]
    assert chosen(own_cells, (1, "a = 2", False), (3, READER, True)) == ["a = 1", "k = a"]


def test_an_import_of_everything_runs_if_nothing_else_gives_a_name():
    star = (0, "from math import *")
    assert chosen([star], (1, "def f(): return k, len", True)) == [star[1]]
    assert chosen([star, (0, "k = 0")], (1, "def f(): return k, len", True)) == ["k = 0"]
    assert chosen([star], (1, "def f(x): return len(x)", True)) == []
    assert chosen([(1, star[1])], (0, star[1], False), (2, READER, True)) == [star[1]]


# Where own cells stand.

FORM = [
    Sight(None, "h", False, "# A heading"),
    Sight("setup", "s", True, "x = 'words' # words"),
    Sight(None, "d", True, "plot('words')"),
    Sight(None, "c", True, "# try"),
    Sight("answer", "a", True, "def f(): ..."),
    Sight(None, "e", True, "plot('words')"),
    Sight("tests", "t", True, "f()"),
]
NEW = Sight(None, "n", True, "k = 1")


def taken(cells):
    """What is added to the form; of cells with one name the first counts."""
    names = [cell.name for cell in cells]
    used = {at for at, name in enumerate(names) if name and names.index(name) == at}
    return added(cells, FORM, used)


@pytest.mark.parametrize(
    ("cells", "place"),
    [
        ([NEW, *FORM], 0),
        ([*FORM[:3], NEW, *FORM[3:]], 3),
        ([*FORM[:3], NEW._replace(id="c"), *FORM[4:]], 4),
        ([*FORM, NEW], 7),
        ([FORM[4], NEW], 5),
        ([FORM[5], NEW], 3),
        ([*FORM[:5], FORM[2], NEW], 6),
        ([*FORM[:6], FORM[2], NEW], 6),
        ([*FORM[:6], FORM[1], NEW], 6),
        ([*FORM[:2], FORM[2]._replace(id="?", source='plot("слова")  # слова'), NEW], 3),
        ([FORM[0]._replace(source="# Заголовок"), NEW], 1),
        ([FORM[1], NEW._replace(name="of nobody")], 2),
        ([FORM[6], FORM[1], NEW], 2),
    ],
)
def test_an_own_cell_stands_behind_the_cell_that_it_follows(cells, place):
    own, left = taken(cells)
    assert ([(cell.place, cell.source) for cell in own], left) == ([(place, "k = 1")], 0)


ROOT = Path(__file__).parents[2]
RELEASES = sorted(path.name for path in (ROOT / "exercises" / "en").iterdir() if path.is_dir())


@pytest.mark.parametrize("name", RELEASES)
def test_cells_of_the_other_edition_are_none_of_ones_own(name):
    editions = []
    for language in LANGUAGES:
        (path,) = (ROOT / "exercises" / language / name).glob("*.ipynb")
        notebook = json.loads(path.read_text("utf-8"))
        for cell in notebook["cells"]:
            cell["source"] = text_of(cell)
        editions.append(notebook)
    for released in editions:
        for handed_in in editions:
            intake = find_answers(handed_in["cells"], released)
            assert (intake.own, intake.notes) == ([], [])


def test_what_is_written_into_a_copy_of_a_named_cell_is_ones_own():
    copy = FORM[4]._replace(id="copy", source="def help(): ...")
    setup = FORM[1]._replace(id="copy2", source="import math")
    cells = [FORM[0], FORM[1], setup, *FORM[2:5], FORM[4], copy, *FORM[5:]]
    assert taken(cells) == ([OwnCell(2, "import math"), OwnCell(5, "def help(): ...")], 0)


def test_lines_put_into_locked_cells_are_ones_own(grade):
    cells = handed_in(
        "def one(x):\n    return near(math.pow(x, 2))",
        "def two(x):\n    return clip(more * one(x))",
    )
    cells = edited(
        cells,
        setup=f"import math\n{CELLS['setup'][2]} - 99\n\ndef near(x):\n    return round(x)",
        first=f"more = 2\n{CELLS['first'][2]}",
    )
    verdict = grade(cells)
    assert points(verdict) == [10, 10]
    assert ran(verdict) == ["import math\n\ndef near(x):\n    return round(x)", "more = 2"]
    changed = "cell {} is not as it was handed out: the original was used"
    assert verdict["noticed"] == [changed.format(name) for name in ("setup", "first")]
    long = edited(cells, setup="x = 1\n" * 16_000, first="y = 1\n" * 16_000)
    (cell,) = find_answers(long, RELEASED, "en").own  # to parse much takes long
    assert len(cell.source) == 16_000 * 6 - 1


def test_an_answer_may_stand_in_the_cell_that_grades_it(grade):
    cells = handed_in("", "def two(x):\n    return FOUR // 2 * one(x)", first="more = 3")
    first = f"more -= 1\ndef one(x):\n    return x**more\n\n{CELLS['first'][2]}"
    second = f"FOUR = 4\n{CELLS['second'][2]}"
    verdict = grade(edited(cells, first=first, second=second))
    assert points(verdict) == [10, 10]
    assert ran(verdict) == ["more = 3", first.partition("\n\n")[0], "FOUR = 4"]


@pytest.mark.parametrize(
    "cells",
    [
        FORM,
        FORM[::-1],
        [*FORM, *FORM],
        [Sight(None, None, True, "\n  # nothing\n'text'"), Sight(None, None, False, "k = 1")],
        [FORM[1]._replace(source="x = 3")],
    ],
)
def test_what_the_lecturer_wrote_is_no_cell_of_ones_own(cells):
    assert taken(cells) == ([], 0)


def test_of_own_cells_so_many_are_read_and_no_more():
    many = [Sight(None, None, True, f"k = {n}") for n in range(MOST + 3)]
    own, left = taken(many)
    assert (len(own), left) == (MOST, 3)
    long = Sight(None, None, True, "k = 0" + " " * LONGEST)
    half = Sight(None, None, True, "k = 0" + " " * (LONGEST // 2))
    own, left = taken([long, half, NEW, half, NEW])
    assert ([len(cell.source) for cell in own], left) == ([len(half.source), 5, 5], 2)


def test_cells_made_to_take_long_are_chosen_from_in_no_time():
    chain = "".join(f"def f{n}(): f{n + 1}()\n" for n in range(4500))
    same = "x = x\n" * 16_000
    nested = "x = " + "(" * 90_000
    calls = "".join(f"def g{n}():\n g{n + 1}()\n T{n}[0] = 1\n" for n in range(2500))
    tables = "".join(f"T{n} = [0]\n" for n in range(2500)) + "g0()"
    chains = f"x{'.add' * 300} = 1\n" * 20
    others = [Other(1, names("def f(): return f0, x"), True)]
    start = time.process_time()
    ((_, for_),) = needed_lines([OwnCell(0, chain)], others)
    assert len(for_) == 4500
    wanted = [(OwnCell(0, same.strip()), ["x"])]
    assert needed_lines([OwnCell(0, same), OwnCell(0, nested)], others) == wanted
    others = [Other(1, names("def f(): return x, T2499"), True)]
    found = needed_lines([OwnCell(0, text) for text in (calls, tables, chains)], others)
    assert [cell.source for cell, _ in found] == [calls.strip(), tables, chains.strip()]
    many = [f"x{n}" for n in range(7000)]
    wide = f"{' = '.join(many)} = [{', '.join(many)}]"
    others = [Other(1, names(f"def f(): return [{', '.join(many)}]"), True)]
    assert [cell.source for cell, _ in needed_lines([OwnCell(0, wide)], others)] == [wide]
    assert time.process_time() - start < 10


@pytest.mark.parametrize("source", ["x = " + "-" * 90_000 + "1", "x" + ".x" * 50_000, "x = ("])
def test_beside_an_answer_that_cannot_be_read_own_cells_are_graded(grade, source):
    verdict = grade(handed_in(source, "def two(x):\n    return rate * K", two="K = 9"))
    assert points(verdict) == [0, 10]
    assert ran(verdict) == ["K = 9"]


# Any notebook.

NAMES = st.sampled_from("abcde")
STATEMENTS = [
    "{x} = {n}",
    "{x} = of({y}) + {n}",
    "{x} = {y} = {n}",
    "{x}, {y} = of({z}), of({y}) + 1",
    "{x} += {n}",
    "def {x}():\n    return of({y}) + {n}",
    "def {x}(k=of({y})):\n    {z} = 3\n    return k + {z}",
    "{x} = lambda: of({y}) * {n}",
    "class {x}:\n    {y} = of({z})\n    def __new__(cls):\n        return cls.{y} + of({y})",
    "for {x} in range({n}):\n    {y} = of({x}) + of({z})",
    "{x} = [{n}]",
    "{x}.append(of({y}))",
    "{x}[0] = of({y})",
    "fill({x}, {n})",
    "for {x} in range({n}):\n    fill({y}, of({z}))",
    "setattr({x}, '{y}', of({z}))",
    "{z} = of({x}.{y})",
    "try:\n    {x} = of({y})\nexcept Exception as {z}:\n    {x} = {n}",
    "if ({x} := of({y})) > {n}:\n    {z} = 1",
    "with open(__file__) as {x}:\n    {y} = {n}",
    "{x} = [of({y}) for {y} in range(of({y}))]",
    "def {x}(k: of({y}) = {n}) -> of({z}):\n    return k",
    "{x}: of({y}) = {n}",
    "match [{n}, of({y})]:\n    case [{x}, *_]:\n        {z} = {n}",
    "del {x}",
    "print(of({x}), of({y}))",
    "of({x})",
    "import math as {x}",
]
STATEMENT = st.builds(
    lambda text, x, y, z, n: text.format(x=x, y=y, z=z, n=n),
    *(st.sampled_from(STATEMENTS), NAMES, NAMES, NAMES, st.integers(1, 3)),
)
HEAD = f"__file__ = {__file__!r}\ndef of(x):\n    x = x() if callable(x) else x\n"
HEAD += "    return x if isinstance(x, int) else len(x) if isinstance(x, list) else 0\n"
HEAD += "def fill(x, n):\n    if isinstance(x, list):\n        x.append(n)"


def run(cells: list[str]) -> object:
    """What the last one returns, or the error in it."""
    space: dict = {}
    result: object = None
    for source in cells:
        try:
            exec(compile(source, "<cell>", "exec"), space)
            result = space["answer"]() if source is cells[-1] else None
        except Exception as error:
            result = type(error).__name__
    return result


@given(
    own=st.lists(st.tuples(st.sampled_from([1, 2]), STATEMENT), max_size=8),
    reads=st.lists(NAMES, min_size=1, max_size=2),
    earlier=st.sampled_from(["", "a = 5", "def b():\n    return of(c)"]),
)
@settings(max_examples=1000, deadline=None)
def test_an_answer_gives_what_it_gives_when_everything_is_run_again(own, reads, earlier):
    """As far as names are followed: not through two names for one object, or ``global``."""
    own = sorted(own, key=lambda cell: cell[0])
    answer = f"def answer():\n    return [of({reads[0]}), of({reads[-1]})]"
    others = [
        Other(0, names(HEAD), False),
        Other(1, names(earlier), True),
        Other(2, names(answer), True),
    ]
    bound = names(earlier).binds
    own = [(place, text) for place, text in own if place == 1 or not names(text).binds & bound]
    cells = [OwnCell(*one) for one in own]
    chosen = [(cell.place, cell.source) for cell, _names in needed_lines(cells, others)]

    def notebook(cells: list[tuple[int, str]]) -> list[str]:
        first, second = ([text for at, text in cells if at == place] for place in (1, 2))
        return [HEAD, *first, earlier, *second, answer]

    assert run(notebook(chosen)) == run(notebook(own))
