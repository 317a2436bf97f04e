"""A session with honest code: cells, calls, objects, callbacks, changes in place."""

from __future__ import annotations

import contextlib
import os
import time
from types import SimpleNamespace

import numpy as np
import pytest

from nncourse.check.call import TooLong, checking, time_limit
from nncourse.grading.sandbox import (
    Budget,
    Handle,
    SessionEnded,
    StudentError,
    WireError,
    limits,
)
from nncourse.grading.sandbox.guests import Guests
from nncourse.grading.sandbox.huge import HugeInt
from nncourse.grading.spoken import spoken


def test_a_cell_prints_and_shows_its_last_value(session):
    result = session.run_cell("print('hello')\nx = 20\nx + 1")
    assert result.output == "hello\n21\n"
    assert result.error is None
    assert 0 < result.seconds < 1


def test_a_cell_that_raises_says_where_and_the_next_one_runs(session):
    result = session.run_cell("def f():\n    return 1 / 0\nf()")
    assert result.error.kind == "ZeroDivisionError"
    assert "return 1 / 0" in result.error.traceback
    assert "<cell 1>" in result.error.traceback
    assert "site-packages" not in result.error.traceback
    assert session.run_cell("f.__name__").output == "'f'\n"


def test_magics_and_display_are_passed_over(session):
    source = "%matplotlib inline\n!ls\nif True:\n    %time x = 1\ndisplay(3)\nprint?"
    assert session.run_cell(source).output == "3\n"
    assert session.run_cell("10 % 3").output == "1\n"
    assert session.run_cell("1 +").error.kind == "SyntaxError"


def test_what_asks_for_the_file_behind_standard_output_finds_one(session):
    source = "import faulthandler, sys\nfaulthandler.enable()\nprint(sys.stdout.isatty())"
    assert session.run_cell(source).output == "False\n"


def test_source_of_functions_is_known(session):
    session.run_cell("import inspect\ndef f(x):\n    return x")
    assert "return x" in session.run_cell("print(inspect.getsource(f))").output


def test_calls_with_plain_data(session):
    session.run_cell("def f(*args, **kwargs):\n    return args, kwargs")
    args, kwargs = session.call("f", (1, "a", [None, 2.5]), {"x": np.arange(3)})
    assert args == (1, "a", [None, 2.5])
    np.testing.assert_array_equal(kwargs["x"], np.arange(3))


def test_what_is_nearly_plain_comes_as_plain(session):
    session.run_cell(
        "import collections, enum\n"
        "P = collections.namedtuple('P', 'a b')\n"
        "def f():\n"
        "    d = collections.OrderedDict(a=P(1, 2.5), b=enum.IntEnum('E', 'x')['x'])\n"
        "    d['c'] = collections.defaultdict(int, k=3)\n"
        "    d[enum.Enum('N', {'NOT': 'not'}, type=str)['NOT']] = 4\n"
        "    return d"
    )
    assert session.call("f") == {"a": (1, 2.5), "b": 1, "c": {"k": 3}, "not": 4}


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("deque([1, deque([2])])", [1, [2]]),
        ("UserList([Fraction(1, 2)])", [0.5]),
        ("array('d', [1.5, 2])", [1.5, 2]),
        ("(UserDict(a=deque([1])), MappingProxyType({'b': 1}))", ({"a": [1]}, {"b": 1})),
        ("[{'a': 1}.keys(), {'a': 1}.values(), {'a': 1}.items()]", [["a"], [1], [("a", 1)]]),
        ("bytearray(b'ab')", b"ab"),
        ("[ChainMap({'a': 1}, {'b': 2}), saved(c=[3])]", [{"a": 1, "b": 2}, {"c": 3}]),
    ],
)
def test_containers_come_as_lists_and_dicts(session, source, plain):
    session.run_cell(
        "from array import array\nfrom collections import ChainMap, UserDict, UserList, deque\n"
        "from fractions import Fraction\nfrom types import MappingProxyType\n"
        "import io\nimport numpy as np\n"
        "def saved(**arrays):\n    np.savez(file := io.BytesIO(), **arrays)\n"
        "    file.seek(0)\n    return np.load(file)"
    )
    session.run_cell(f"def f(): return {source}")
    assert session.call("f") == plain
    session.run_cell("def g(f): f(deque([1]))\nq = deque([2])")
    given = []
    session.call("g", (given.append,))
    assert given == [[1]]
    assert session.get("q") == [2]


@pytest.mark.parametrize(
    ("made", "used", "wanted", "left"),
    [
        ("deque([1, 2, 3], 3)", "x.popleft() + x.maxlen", 4, [2, 3]),
        ("deque([], 0)", "x.maxlen", 0, []),
        ("array('d', [1, 2])", "x.typecode + str(x.pop())", "d2.0", [1]),
        ("UserList([1])", "x.data.pop()", 1, []),
        ("UserDict(a=1)", "x.data.pop('a')", 1, {}),
    ],
)
def test_a_container_that_is_handed_back_is_of_its_kind(session, made, used, wanted, left):
    session.run_cell(
        "from array import array\nfrom collections import UserDict, UserList, deque\n"
        f"held = {made}\ndef make(): return {made}\ndef use(x, y=None): return {used}\n"
        "def kind(x, y=None): return type(x).__name__, type(y).__name__"
    )
    for value in (session.call("make"), session.get("held")):
        name = made.partition("(")[0]
        assert session.call("kind", (value, type(value)(value))) == (name, type(left).__name__)
        assert session.call("kind", (0,), {"y": value}) == ("int", name)
        assert session.call("use", (value,)) == wanted
        assert value == left
    for _ in range(99):
        session.call("make")
    assert session.call("kind", (value,))[0] == type(left).__name__, "it is long ago"


def test_deques_stay_what_they_are_where_the_tests_speak_of_them(session):
    session.run_cell("from collections import deque\ndef f(): return deque([3], maxlen=1)")
    session.run_cell("class Heap(deque):\n    pass\ndef g(): return Heap([3])")
    assert type(session.call("g")) is Handle
    session.numbers |= spoken(["from collections import deque"])
    assert session.call("f").get("maxlen") == 1
    assert session.call(session.call("f"), path="popleft") == 3


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("Fraction(6, 2)", 3),
        ("[Fraction(1, 4), Decimal('0.1'), Decimal(-7)]", [0.25, 0.1, -7]),
        ("np.array([1, 2**62], dtype=object)", np.array([1, 2**62])),
        ("np.array([[1, Fraction(1, 2)]], dtype=object)", np.array([[1, 0.5]])),
        ("np.array([np.float32(1), 1j], dtype=object)", np.array([1, 1j])),
        ("np.ma.array([1.5, 2])", np.array([1.5, 2])),
        ("range(1, 4)", [1, 2, 3]),
        ("np.matrix([[1, 2]])", np.array([[1, 2]])),
        ("np.array(['a', 'bc'], dtype=object)", np.array(["a", "bc"])),
        ("np.array([True, False], dtype=object)", np.array([True, False])),
    ],
)
def test_numbers_that_are_objects_come_as_numbers(session, source, plain):
    session.run_cell(
        "import numpy as np\nfrom decimal import Decimal\nfrom fractions import Fraction"
    )
    session.run_cell(f"def f(): return {source}")
    got = session.call("f")
    np.testing.assert_array_equal(got, plain, strict=isinstance(plain, np.ndarray))
    assert type(got) is type(plain)


@pytest.mark.parametrize(
    "source",
    [
        "np.array(['a', 1], dtype=object)",
        "np.array([None, 1], dtype=object)",
        "np.array([2**70, 1], dtype=object)",
        "np.array([], dtype=object)",
        "np.array([[1], [2, 3]], dtype=object)",
        "np.ma.array([1, 2], mask=[0, 1])",
        "np.array([One(1)], dtype=object)",
        "One(1)",
        "Decimal('sNaN')",
        "Fraction(10**400, 3)",
    ],
)
def test_objects_that_are_no_numbers_stay(session, source):
    session.run_cell(
        "import numpy as np\nfrom decimal import Decimal\nfrom fractions import Fraction"
    )
    session.run_cell("class One(Fraction):\n    def __eq__(self, other): return True")
    session.run_cell(f"def f(): return {source}")
    assert type(session.call("f")) is Handle


def test_numpy_scalars_keep_their_dtype(session):
    session.run_cell("import numpy as np\ndef f():\n    return np.float32(0.1)")
    got = session.call("f")
    assert type(got) is np.float32
    assert got == np.float32(0.1)


def test_an_exception_comes_with_its_kind(session):
    session.run_cell("def f():\n    raise NotImplementedError('later')")
    with pytest.raises(StudentError, match="later") as caught:
        session.call("f")
    assert caught.value.kind == "NotImplementedError"
    with pytest.raises(StudentError, match="'g' is not defined"):
        session.call("g")


def test_changes_in_place_come_back(session):
    session.run_cell(
        "def step(params, grads, history, lr):\n"
        "    for name in params:\n"
        "        params[name] -= lr * grads[name]\n"
        "    grads['new'] = 1\n"
        "    history.append(len(history))"
    )
    w, history = np.ones(3), [0]
    params, grads = {"w": w}, {"w": np.full(3, 2.0)}
    session.call("step", (params, grads), {"history": history, "lr": 0.5})
    np.testing.assert_array_equal(w, np.zeros(3))
    assert params["w"] is w
    assert grads["new"] == 1
    assert history == [0, 1]
    session.call("step", (params, grads, history, 0.5), in_place=False)
    np.testing.assert_array_equal(w, np.zeros(3))


def test_another_shape_in_place_comes_back(session):
    session.run_cell("def flatten(x):\n    x.shape = (-1,)\n    x[0] = 5")
    x = np.zeros((2, 2))
    session.call("flatten", (x,))
    np.testing.assert_array_equal(x, [5, 0, 0, 0])
    turned = np.zeros((2, 3)).T  # here it can't have that shape without a copy
    session.call("flatten", (turned,))
    np.testing.assert_array_equal(turned, np.zeros((3, 2)))


def test_changes_in_place_come_back_beside_a_cache_of_any_kind(session):
    session.run_cell(
        "import numpy as np\ndef make(n): return np.zeros(3), n\n"
        "def change(cache, w): cache[0][...], w[...] = 1, 2"
    )
    session.numbers = frozenset({"empty"})
    for odd in (1, 1 << 40, [], np.full(2, -np.inf)):
        cache, w = session.call("make", (odd,)), np.zeros(3)
        session.call("change", (cache, w))
        np.testing.assert_array_equal([*cache[0], *w], [1, 1, 1, 2, 2, 2])


def test_a_class_with_a_cache(session):
    session.run_cell(
        "class Linear:\n"
        "    def __init__(self, W):\n"
        "        self.W = W\n"
        "    def forward(self, x):\n"
        "        self.x = x\n"
        "        return x @ self.W\n"
        "    def backward(self, dout):\n"
        "        self.dW = self.x.T @ dout\n"
        "        return dout @ self.W.T"
    )
    rng = np.random.default_rng(0)
    W, x, dout = rng.normal(size=(4, 3)), rng.normal(size=(2, 4)), rng.normal(size=(2, 3))
    layer = session.call("Linear", (W,))
    assert type(layer) is Handle
    assert layer.type_name() == "Linear"
    np.testing.assert_array_equal(layer.call("forward", x), x @ W)
    np.testing.assert_array_equal(layer.call("backward", dout), dout @ W.T)
    np.testing.assert_array_equal(layer.get("dW"), x.T @ dout)
    layer.set("W", 2 * W)
    np.testing.assert_array_equal(layer.call("forward", x), x @ (2 * W))


def test_an_engine_with_operators(session):
    session.run_cell(
        "class Value:\n"
        "    def __init__(self, data):\n"
        "        self.data = data\n"
        "    def __add__(self, other):\n"
        "        return Value(self.data + other.data)"
    )
    a, b = session.call("Value", (1.0,)), session.call("Value", (2.0,))
    assert session.operate("add", a, b).get("data") == 3.0


@pytest.mark.parametrize("kind", ["float", "list"])
def test_a_number_with_operators_of_its_own_is_an_object_where_they_are_asked_for(session, kind):
    session.run_cell(
        f"class Value({kind}):\n"
        "    def __add__(self, other): return self\n"
        "    def exp(self): return self\n"
        f"class Plain({kind}): pass\n"
        "def value(): return Value()\n"
        "def number(x): return x"
    )
    assert session.call("value") == {"float": 0.0, "list": []}[kind]
    session.references.guests = Guests(operators=["add"])
    value = session.call("Value")
    assert type(session.operate("add", value, value.call("exp")).call("exp")) is Handle
    assert type(session.call("Plain")) is not Handle
    assert session.call("number", (3.0,)) == 3.0


@pytest.mark.parametrize(
    ("base", "begin", "plain"),
    [
        ("dict", "def __init__(self, params, lr): self.params, self.lr = params, lr", dict),
        ("list", "def __init__(self, params, lr): self.params, self.lr = params, lr", list),
        ("NamedTuple", "params: list; lr: float", tuple),
    ],
)
def test_what_a_class_of_theirs_makes_keeps_its_methods(session, base, begin, plain):
    session.run_cell(
        "from typing import NamedTuple\n"
        f"class SGD({base}):\n"
        f"    {begin}\n"
        "    def step(self, grads):\n"
        "        for p, g in zip(self.params, grads): p -= self.lr * g\n"
        "def make(params): return SGD(params, 0.5), [SGD(params, 0.5)]\n"
        "def ask(sgd, grads): return type(sgd).__name__, sgd.step(grads)"
    )
    params = [np.ones(2)]
    sgd = session.call("SGD", (params, 0.5))
    sgd.call("step", [np.ones(2)])
    assert sgd.get("lr") == 0.5
    assert session.call("ask", (sgd, [np.ones(2)])) == ("SGD", None)
    np.testing.assert_array_equal(params[0], np.zeros(2))
    # What a function returns is a container.
    first, (second,) = session.call("make", ([1.5],))
    assert isinstance(first, plain)
    assert isinstance(second, plain)


def test_a_container_that_is_nothing_else_comes_as_a_plain_one(session):
    session.run_cell(
        "import collections\n"
        "class Stack(list): pass\n"
        "class Counts(dict):\n    def __missing__(self, key): return 0\n"
        "Ordered = collections.OrderedDict"
    )
    assert session.call("Stack", ([1],)) == [1]
    assert session.call("Counts", (), {"a": 1}) == session.call("Ordered", (), {"a": 1}) == {"a": 1}


def test_a_function_that_is_called_back_has_a_name_to_print(session):
    session.run_cell("def f(g):\n    return f'{g.__name__} {g(3)}'")
    assert session.call("f", [lambda x: x + 1]) == "function 4"


def test_callbacks_also_from_within_callbacks(session):
    session.run_cell(
        "def square(x):\n    return x * x\n"
        "def gradient(f, x, h=1e-6):\n    return (f(x + h) - f(x - h)) / (2 * h)\n"
        "class Later:\n    def __init__(self, f):\n        self.f = f\n"
        "    def run(self):\n        return self.f(2)"
    )
    assert session.call("gradient", (lambda x: x**3, 2.0)) == pytest.approx(12)
    assert session.call("gradient", (lambda x: session.call("square", (x,)), 2.0)) == (
        pytest.approx(4)
    )
    later = session.call("Later", (lambda x: x + 1,))
    assert later.call("run") == 3
    with pytest.raises(StudentError, match=r"^ValueError: no$"):
        session.call("gradient", (_refuses, 2.0))


def _refuses(x):
    raise ValueError("no")


def test_handles_are_released(session):
    session.run_cell("class A:\n    alive = 0\n    def __init__(self):\n        A.alive += 1\n")
    session.run_cell("def gone(self):\n    A.alive -= 1\nA.__del__ = gone")
    for _ in range(5):
        session.call("A")
    assert session.get("A", "alive") <= 1


@pytest.mark.parametrize("argument", [object(), {print: 2}, np.array([None]), int])
def test_what_cannot_cross_is_refused_and_the_session_goes_on(session, argument):
    session.run_cell("def f(x):\n    return x")
    with pytest.raises(WireError):
        session.call("f", (argument,))
    assert session.call("f", (1,)) == 1


def test_an_object_of_another_session_is_refused(sandbox):
    with sandbox.session() as one, sandbox.session() as other:
        one.run_cell("class A: pass")
        other.run_cell("def f(x):\n    return x")
        with pytest.raises(WireError, match="another session"):
            other.call("f", (one.call("A"),))


def test_a_call_that_has_ended_a_session_is_not_made_again(sandbox):
    cells = [
        "n = 0\ndef good(call=int):\n    global n\n    n += 1\n    call()\n    return n",
        "import os\ndef bad():\n    os._exit(0)",
    ]
    budget = Budget(20)
    with sandbox.session(budget) as session:
        for cell in cells:
            session.run_cell(cell)
        session.expect({}.get)
        assert session.call("good", (lambda: session.call("good"),)) == 2
        with pytest.raises(SessionEnded) as caught:
            session.call("bad")
        end = caught.value
        assert (end.kind, session.calls) == ("exit", 2), "a call within a call is none of its own"
        with pytest.raises(SessionEnded):
            session.go_on()
    with sandbox.session(budget) as session:
        for cell in cells:
            session.run_cell(cell)
        session.expect({2: end}.get)
        assert session.call("good", (lambda: session.call("good"),)) == 2
        for name in ("bad", "good"):
            with pytest.raises(SessionEnded, match=str(end)):
                session.call(name)
        session.go_on()
        assert session.call("good") == 3
        session.expect({}.get)
        assert session.call("good") == 4
    assert 0 < budget.spent < 5


def test_a_cell_that_finds_the_budget_used_up_ends_the_session_like_any_other(sandbox):
    budget = Budget(1.0)
    with sandbox.session(budget) as session:
        session.run_cell("x = 1")
        budget.spend(2.0)  # on a call between two cells
        assert session.run_cell("y = 2").error.kind == "budget"
        assert session.ended.kind == "budget"
    with sandbox.session(budget) as session:
        assert session.run_cell("y = 2").error.kind == "budget"


def test_the_budget_of_a_submission_ends_it(sandbox):
    budget = Budget(0.2)
    with sandbox.session(budget=budget) as session:
        assert session.run_cell("import time\ntime.sleep(5)").error.kind == "budget"
    with sandbox.session(budget=budget) as session:
        assert session.run_cell("1").error.kind == "budget"
        with pytest.raises(SessionEnded, match="are used up"):
            session.run_cell("1")


def test_on_a_busy_machine_cells_and_calls_may_take_longer(monkeypatch):
    try:
        for load, times in ((0.1, 1.0), (1.4, 1.0), (2.5, 2.0), (99.0, 3.0)):
            busy = load * (os.cpu_count() or 1)
            monkeypatch.setattr(os, "getloadavg", lambda busy=busy: (busy, 0.0, 0.0))
            limits._crowding.cache_clear()
            assert limits.crowding() == pytest.approx(times)
            left = Budget(400).deadline(60) - time.monotonic()
            assert left == pytest.approx(60 * times, abs=1)
        for most, seconds in ((100, 60), (200, 100), (50, 50)):  # all of them together may not
            left = Budget(most).deadline(60) - time.monotonic()
            assert left == pytest.approx(seconds, abs=1)
    finally:
        limits._crowding.cache_clear()


def test_no_power_of_whole_numbers_is_computed_for_a_student():
    """It is computed on this side, in C, where no clock is heard: 3 ** 10**8 takes minutes."""

    class Number:
        def __init__(self, data):
            self.data = data

        def __pow__(self, n):
            return self.data**n

        def __rpow__(self, base):
            return base**self.data

    guests = Guests(shown={"Number": frozenset({"data"})}, operators=["pow"])
    number = guests.number(found := Number(1.5))
    assert guests.ask(number, "operate", "pow", (found, 2), {}) == {"value": 2.25}
    guests.ask(number, "set", "data", (3,), {})
    for args in ((found, 10**8), (found, HugeInt(10**8)), (10**8, found)):
        if args[1] is found:
            found.data = 10**8
        with pytest.raises(OverflowError):
            guests.ask(number, "operate", "pow", args, {})


@pytest.mark.parametrize("data", ["1", b"1", [1.0], (1.0,), {1: 1.0}])
def test_a_number_of_the_tests_stays_a_number(data):
    """A text times a whole number, a billion long, would be made here, where no clock ends it."""
    guests = Guests(shown={"SimpleNamespace": frozenset({"data"})}, operators=["mul"])
    number = guests.number(found := SimpleNamespace(data=1.5))
    with pytest.raises(TypeError, match="'data' is a number, an array or an object; got a "):
        guests.ask(number, "set", "data", (data,), {})
    assert found.data == 1.5
    for right in (2, np.float32(2), np.full((2, 2), 2.0), None):
        assert guests.ask(number, "set", "data", (right,), {}) == {"value": None}


@pytest.mark.parametrize("body", ["import os; os._exit(0)", "while True: pass"])
def test_what_ends_a_session_costs_its_case_alone_in_a_check(sandbox, body):
    for checks in (True, False):
        with sandbox.session() as session:
            session.run_cell(f"def f(): {body}" if "os" in body else f"def f():\n    {body}")
            check = checking() if checks else contextlib.nullcontext()
            with check, time_limit(0.5), pytest.raises((SessionEnded, TooLong)):
                session.call("f")
            assert session.ended.alone is checks
