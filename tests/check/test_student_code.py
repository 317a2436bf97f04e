"""Whatever the student's function does, the check answers with a sentence about it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import UserDict, UserList, deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from nncourse.check import call
from nncourse.check.call import OUTPUT_LIMIT
from nncourse.check.judge import judge
from nncourse.check.matrix import pieces_of
from nncourse.exercises import find
from nncourse.exercises.piece import copy_arguments, sets
from nncourse.exercises.ps05 import PIECES

NAME = "ps05.linear_backward"


def check(name, *answers, **options):
    """check() that accepts answers which call references."""
    return judge(find(name), answers, name=name, **options)


def right(dout, x, W, b):
    return dout @ W, dout.T @ x, dout.sum(axis=0)


def problem(function, name=NAME):
    report = check(name, function)
    assert not report.passed
    assert report.score == 0
    assert report.points(20) == 0.0
    return report.problem


def test_not_written_yet():
    def linear_backward(dout, x, W, b):
        raise NotImplementedError("write me")

    found = problem(linear_backward)
    assert found.code == "not written"
    assert str(check(NAME, linear_backward)).startswith(f"{NAME}: not written yet, 0%")


def from_passes(passes, error):
    """Trains, but with fewer passes raises an error."""
    train_perceptron = find("ps01.train_perceptron").reference

    def function(x, y, allowed):
        if allowed < passes:
            raise error
        return train_perceptron(x, y, allowed)

    return function


@pytest.mark.parametrize(
    "error", [NotImplementedError(), SystemExit(), TypeError("f() takes 2"), ValueError()]
)
def test_what_is_written_for_some_inputs_earns_its_part(error):
    report = check("ps01.train_perceptron", from_passes(50, error))
    assert report.score == pytest.approx(0.7)
    assert str(report).startswith("ps01.train_perceptron: partly right, 70%")


def test_not_written_yet_in_a_function_that_is_called():
    def tanh_backward(dout, h):
        raise NotImplementedError

    def network_gradients(params, x, y):
        return tanh_backward(x, x)

    found = problem(network_gradients, "ps05.network_gradients")
    assert found.code == "not written"
    assert "tanh_backward" in found.message


def test_forgotten_return():
    def function(dout, x, W, b):
        right(dout, x, W, b)

    found = problem(function)
    assert found.code == "none"
    assert "(dx, dW, db)" in found.message


def test_one_of_the_results_is_none():
    report = check(NAME, lambda dout, x, W, b: (dout @ W, None, dout.sum(axis=0)))
    assert report.verdicts[1].problem.code == "none"
    assert report.score == pytest.approx(0.6)


def test_exception_with_the_students_line():
    def helper(a, b):
        return a @ b

    def function(dout, x, W, b):
        dx = dout @ W
        dW = helper(x.T, dout.T)
        return dx, dW, dout.sum(axis=0)

    found = problem(function)
    assert found.code == "raised"
    line = helper.__code__.co_firstlineno + 1
    assert f"in helper, line {line}: return a @ b" in found.message
    assert found.message.startswith("ValueError: matmul")
    assert "Inputs: dout (" in str(check(NAME, function))


def test_line_number_is_that_of_the_cell():
    """A notebook cell is compiled on its own: line 3 of the cell is line 3."""
    source = "def linear_backward(dout, x, W, b):\n    y = dout + 1\n    return y.nothing\n"
    import linecache

    cell = "/tmp/ipykernel_1/2.py"
    linecache.cache[cell] = (len(source), None, source.splitlines(True), cell)
    space = {}
    exec(compile(source, cell, "exec"), space)
    found = problem(space["linear_backward"])
    assert "line 3: return y.nothing" in found.message
    assert "ipykernel" not in str(check(NAME, space["linear_backward"]))


def test_addresses_do_not_reach_the_text():
    def function(dout, x, W, b):
        raise ValueError(f"bad {object()!r}")

    assert "0x..." in problem(function).message
    assert str(check(NAME, function)) == str(check(NAME, function))


@pytest.mark.parametrize(
    ("error", "code"), [(SystemExit(3), "exit"), (RecursionError("deep"), "raised")]
)
def test_exit_and_recursion(error, code):
    def function(dout, x, W, b):
        raise error

    assert problem(function).code == code


def test_endless_recursion():
    def function(dout, x, W, b):
        return function(dout, x, W, b)

    assert problem(function).code == "raised"


def test_wrong_arguments():
    found = problem(lambda dout, x: dout)
    assert found.code == "signature"
    assert "linear_backward(dout, x, W, b)" in found.message


def test_type_error_inside_the_students_code_is_not_about_the_signature():
    def function(dout, x, W, b):
        return len(3)

    assert problem(function).code == "raised"


@pytest.mark.parametrize("answer", [None, 3, "text", right(*np.ones((4, 2, 2)))])
def test_something_that_cannot_be_called(answer):
    found = problem(answer)
    assert found.code == "not callable"


def test_no_answer_or_two():
    assert check(NAME).problem.code == "not callable"
    assert check(NAME, right, right).problem.code == "not callable"


@pytest.mark.parametrize(
    "value", [np.ones(3), (1, 2), [1, 2, 3, 4], {"dx": 1}, 7, "abc", {1, 2}, object(), iter([])]
)
def test_wrong_number_of_results(value):
    found = problem(lambda *args: value)
    assert found.code == "count"
    assert "(dx, dW, db)" in found.message


@pytest.mark.parametrize(
    "value",
    [
        "text",
        object(),
        {"a": 1},
        np.array([1, None]),
        np.array(["a"]),
        1j,
        np.ones(3) * 1j,
        [[1, 2], [3]],
        [object()],
        (i for i in range(3)),
        len,
    ],
)
def test_wrong_type_of_one_result(value):
    report = check(NAME, lambda dout, x, W, b: (dout @ W, dout.T @ x, value))
    assert report.verdicts[2].problem.code == "type"
    assert report.score == pytest.approx(0.8)
    assert "db" in report.verdicts[2].problem.message


@pytest.mark.parametrize("make", [list, deque, UserList])
def test_containers_of_python_for_arrays(make):
    assert check(NAME, lambda *args: make(make(part.tolist()) for part in right(*args))).passed
    assert check("ps05.tanh_backward", lambda dout, h: make(dout * (1 - h * h))).passed
    gradients = PIECES["network_gradients"].reference

    def network_gradients(params, x, y):
        loss, grads = gradients(params, x, y)
        return make([loss, UserDict(grads)])

    assert check("ps05.network_gradients", network_gradients).passed


@pytest.mark.parametrize("make", [deque, UserList])
@pytest.mark.parametrize(
    "name",
    [
        "ps01.any_function",
        "ps03.half_plane",
        "ps03.convex",
        "ps03.union",
        "ps10.clip_gradients",
    ],
)
def test_containers_of_python_where_an_answer_is_driven(name, make):
    def wrapped(value):
        return make(map(wrapped, value)) if isinstance(value, tuple | list) else value

    assert check(name, lambda *args: wrapped(find(name).reference(*args))).passed


@pytest.mark.parametrize("kind", [Fraction, Decimal, float])
def test_exact_numbers_and_arrays_of_objects(kind):
    def in_kind(a):
        return np.array([kind(float(item)) for item in np.ravel(a)], object).reshape(np.shape(a))

    def gates():
        return {name: in_kind(w) for name, w in find("ps01.gates").reference().items()}

    assert check("ps01.gates", gates).passed
    assert check("ps10.rnn_step", lambda *a: in_kind(find("ps10.rnn_step").reference(*a))).passed
    answer = find("ps02.loss_and_gradients").reference
    assert check(
        "ps02.loss_and_gradients", lambda *a: [kind(answer(*a)[0]), *answer(*a)[1:]]
    ).passed


def test_tensor_for_array():
    nnc = pytest.importorskip("nncourse")
    if not hasattr(nnc, "tensor"):
        pytest.fail("nncourse.tensor is missing")
    report = check("ps05.relu_backward", lambda dout, z: nnc.tensor(dout * (z > 0)))
    assert report.verdicts[0].problem.code == "type"
    assert "Tensor" in str(report)


def test_wrong_shape_and_transposed():
    def function(dout, x, W, b):
        return dout @ W, x.T @ dout, dout.sum(axis=0, keepdims=True)

    report = check(NAME, function, mutants=False)
    assert [v.problem.code if v.problem else None for v in report.verdicts] == [
        None,
        "shape",
        "shape",
    ]
    assert [d.finding.code for d in report.diagnoses] == ["M05", "M56"]
    assert report.score == pytest.approx(0.4)


def test_nan_and_inf():
    for bad in (np.nan, np.inf, -np.inf):

        def function(dout, x, W, b, bad=bad):
            dx, dW, db = right(dout, x, W, b)
            dW[0, 0] = bad
            return dx, dW, db

        report = check(NAME, function)
        assert report.diagnoses[0].finding.code == "nan"
        assert report.diagnoses[0].outputs == ("dW",)
        assert report.score == pytest.approx(0.6)
        assert report.verdicts[1].worst == (0, 0)


def test_modified_inputs():
    def relu_backward(dout, z):
        dout[z <= 0] = 0
        return dout

    report = check("ps05.relu_backward", relu_backward)
    assert not report.passed
    assert report.score == 0.5
    assert [note.code for note in report.notes] == ["modified"]
    assert "dout" in report.notes[0].message
    assert "z" not in report.notes[0].evidence["names"]


FUNCTIONS = [
    f"{exercise}.{name}"
    for exercise in sets()
    for name, piece in pieces_of(exercise).items()
    if not isinstance(piece.reference, type) and name not in ("train_step", "clip_gradients")
]
"""Those whose inputs are their arguments, and not to be changed."""


def change_inside(value):
    """Whether an array or a container could be changed, and was."""
    if isinstance(value, np.ndarray):
        value[...] = ~value if value.dtype == bool else value + 1
    elif isinstance(value, dict | list) and value:
        value.clear()
    else:
        return False
    return True


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_inputs_that_are_changed_are_named(name):
    piece, changed = find(name), set()

    def function(*arguments):
        result = piece.reference(*copy_arguments(arguments))
        for argument, value in zip(piece.arguments, arguments):
            if change_inside(value):
                changed.add(argument)
        return result

    report = judge(piece, [function], seed=3, mutants=False)
    assert [note.evidence["names"].split(", ") for note in report.notes] == (
        [[argument for argument in piece.arguments if argument in changed]] if changed else []
    )


def test_an_input_that_cannot_be_compared_is_one_that_was_changed():
    piece = find("ps03.union")

    def union(polygons):
        found = piece.reference(polygons)
        polygons[0] = polygons[0].astype(object)
        return found

    report = judge(piece, [union], seed=3)
    assert [note.evidence["names"] for note in report.notes] == ["polygons"]


NESTED = [
    ({"a": ["b", "c"], "d": ["a", "a"]}, lambda x: x["d"].append("b")),
    ({"a": ["b", "c"]}, lambda x: x["a"].reverse()),
    ({"a": [1.0, 2.0]}, lambda x: x["a"].__setitem__(0, 1)),
    ([("add", 0, 1), ("exp", 2, 2)], lambda x: x.__setitem__(1, ("exp", 2, 1))),
    ([(np.zeros(2), [0, np.ones(2)])], lambda x: x[0][1][1].fill(2)),
    ([(np.zeros(2), [0, np.ones(2)])], lambda x: x[0][1].pop()),
]


@pytest.mark.parametrize(("argument", "change"), NESTED)
def test_a_change_inside_an_argument_is_seen_and_stays_there(argument, change):
    text = str(argument)
    assert call.call(change, (argument,), "f(x)").modified == (0,)
    assert call.call(lambda x: x, (argument,), "f(x)").modified == ()
    assert str(argument) == text


def test_an_argument_that_differs_from_itself_is_not_changed():
    assert call.call(lambda *x: x, (float("nan"), np.array(np.nan)), "f(x, y)").modified == ()


def test_modified_parameters_in_a_dictionary():
    reference = PIECES["network_gradients"].reference

    def network_gradients(params, x, y):
        loss, grads = reference(params, x, y)
        params["W2"] -= 0.1 * grads["W2"]
        return loss, grads

    report = check("ps05.network_gradients", network_gradients)
    assert report.score == 0.5
    assert "params" in report.notes[0].message

    def adds_a_key(params, x, y):
        params["cache"] = x
        return reference(params, x, y)

    assert check("ps05.network_gradients", adds_a_key).score == 0.5


def test_the_students_arrays_are_left_alone():
    """What the check does with the inputs must not reach the next call."""
    seen = []

    def function(dout, x, W, b):
        seen.append(W.copy())
        W *= 0
        return right(dout, x, W, b)

    check(NAME, function)
    assert all(np.any(W) for W in seen)


def test_results_in_another_order():
    def function(dout, x, W, b):
        dx, dW, db = right(dout, x, W, b)
        return dW, dx, db

    report = check(NAME, function)
    assert {d.finding.code for d in report.diagnoses} == {"order"}


def test_gradients_kept_between_calls():
    kept = {}

    def function(dout, x, W, b):
        dx, dW, db = right(dout, x, W, b)
        key = W.tobytes()
        kept[key] = kept.get(key, 0) + dW
        return dx, kept[key], db

    report = check(NAME, function)
    assert report.score == pytest.approx(0.6)
    assert [d.finding.code for d in report.diagnoses] == ["M12"]


def test_random_answers():
    rng = np.random.default_rng()

    def function(dout, x, W, b):
        dx, dW, db = right(dout, x, W, b)
        return dx, dW * rng.random(), db

    assert [d.finding.code for d in check(NAME, function).diagnoses] == ["state"]


def test_prints_and_warnings_are_kept_in_the_report(capsys):
    def function(dout, x, W, b):
        print("shape", dout.shape)
        print("to stderr", file=sys.stderr)
        warnings.warn("careful", stacklevel=1)
        np.log(np.zeros(2))
        return right(dout, x, W, b)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check(NAME, function)
    assert capsys.readouterr() == ("", "")
    assert report.passed
    assert "shape (" in str(report)
    assert "to stderr" in str(report)


def test_much_output_is_cut():
    def function(dout, x, W, b):
        print("a" * 5000)
        return right(dout, x, W, b)

    report = check(NAME, function)
    assert report.passed
    assert len(str(report)) < 2500


def test_endless_output():
    def function(dout, x, W, b):
        while True:
            print("a" * 1000)

    assert problem(function).code == "output"
    assert OUTPUT_LIMIT < 10**7


def test_escape_codes_and_lone_surrogates_are_made_visible():
    def function(dout, x, W, b):
        print("\x1b[31mred\x07 \ud800")
        raise ValueError("\x1b[2J\ud800")

    report = check(NAME, function)
    for text in (str(report), report._repr_html_()):
        assert "\x1b" not in text
        text.encode()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timer")
def test_endless_loop(monkeypatch):
    monkeypatch.setattr(call, "TIME_LIMIT", 0.2)
    before = signal.default_int_handler
    signal.signal(signal.SIGALRM, before)

    def function(dout, x, W, b):
        while True:
            dout = dout + 1

    found = problem(function)
    assert found.code == "time"
    assert "dout = dout + 1" in found.message or "while True" in found.message
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timer")
@pytest.mark.parametrize(
    ("endless", "score", "most"), [(("xor",), 0.7, 1), (("xor", "three"), 0, 2)]
)
def test_where_a_case_without_end_is_asked_makes_no_difference(monkeypatch, endless, score, most):
    monkeypatch.setattr(call, "TIME_LIMIT", 0.05)
    piece = find("ps01.train_perceptron")
    for seed in range(6):
        cases = {point.arguments[0].tobytes(): point.case for point in piece.task(seed)[0]}
        loops = []

        def function(x, y, passes, cases=cases, loops=loops):
            if cases[x.tobytes()] in endless:
                loops.append(1)
                x *= 2
                while True:
                    pass
            return piece.reference(x, y, passes)

        report = check("ps01.train_perceptron", function, seed=seed)
        assert report.score == pytest.approx(score)
        assert report.problem.code == "time"
        assert len(loops) == most


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timer")
def test_a_case_that_takes_too_long_is_not_asked_again(monkeypatch):
    monkeypatch.setattr(call, "TIME_LIMIT", 0.05)
    piece = find("ps01.train_perceptron")
    first = piece.task(1)[0][piece.order(1)[0]].arguments[0]
    loops = []

    def function(x, y, passes):
        if np.array_equal(x, first):
            loops.append(1)
            while True:
                pass
        return piece.reference(x, y, passes)

    report = check("ps01.train_perceptron", function, seed=1)
    assert (report.score, report.problem.code, len(loops)) == (0, "time", 1)
    assert not report.diagnoses


LATE = """
import os, signal
from nncourse.check import call
from nncourse.grading.in_time import in_time
call.CLOCK = {clock!r}
call.call(lambda x: x, (1,), "f(x)")
in_time(lambda: "", 1.0)
os.kill(os.getpid(), signal.{number})
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timer")
@pytest.mark.parametrize(
    ("clock", "number"), [("ITIMER_REAL", "SIGALRM"), ("ITIMER_VIRTUAL", "SIGVTALRM")]
)
def test_a_tick_that_another_thread_hands_on_late_ends_nothing(clock, number):
    code = LATE.format(clock=clock, number=number)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timer")
def test_a_call_may_take_longer_where_many_are_graded(monkeypatch):
    monkeypatch.setattr(call, "TIME_LIMIT", 0.01)
    monkeypatch.setattr(call, "CROWDING", lambda: 1000.0)

    def function(*arguments):
        time.sleep(0.03)
        return right(*arguments)

    assert check(NAME, function).passed


def test_works_outside_the_main_thread():
    reports = []
    thread = threading.Thread(target=lambda: reports.append(check(NAME, right)))
    thread.start()
    thread.join()
    assert reports[0].passed


def test_objects_that_lie():
    class Liar:
        def __eq__(self, other):
            return True

        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("no")

    class Sly(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return np.array(True)

        def __array_function__(self, *args, **kwargs):
            return True

        @property
        def shape(self):
            raise RuntimeError("no")

    class Moody(dict):
        def __contains__(self, key):
            raise RuntimeError("no")

    class Tuple(tuple):
        def __len__(self):
            raise RuntimeError("no")

    def sly(dout, z):
        return np.zeros(z.shape).view(Sly)

    assert check("ps05.relu_backward", sly).score == 0
    assert check("ps05.relu_backward", lambda dout, z: Liar()).score == 0
    assert check("ps05.network_gradients", lambda p, x, y: (0, Moody())).score == 0
    assert check(NAME, lambda *args: Tuple((1, 2, 3))).score == 0


def test_float32_and_integers():
    def single(dout, z):
        return (dout * (z > 0)).astype(np.float32)

    def whole(dout, z):
        return (dout * (z > 0)).astype(int)

    assert check("ps05.relu_backward", single).passed
    report = check("ps05.relu_backward", whole)
    assert report.score == 0
    assert report.diagnoses[0].finding.code == "X07"


def test_raises_only_for_names_that_do_not_exist():
    with pytest.raises(KeyError, match=r"ps05\.linear_backward"):
        check("ps05.linear", right)


def test_predictions():
    name, piece = "ps05.training", PIECES["training"]

    def noisy(share):
        def predict(x):
            labels = piece.reference(x)
            rng = np.random.default_rng(0)
            wrong = rng.random(len(labels)) < share
            return np.where(wrong, (labels + rng.integers(1, 10, len(labels))) % 10, labels)

        return predict

    assert check(name, noisy(0)).score == 1.0
    assert check(name, noisy(0.05)).score == pytest.approx(0.7)
    assert check(name, noisy(0.14)).score == pytest.approx(0.4)
    assert check(name, noisy(0.4)).score == 0.0
    report = check(name, lambda x: np.full((len(x), 1), 3))
    assert report.verdicts[0].problem.code == "shape"
    assert "argmax" in report.verdicts[0].problem.message
    assert check(name, lambda x: np.full(len(x), np.nan)).verdicts[0].problem.code == "type"


def test_an_error_in_the_line_of_one_output_opens_its_hints():
    def function(dout, x, W, b):
        dx = dout @ W
        dW = x.T @ dout.T
        return dx, dW, dout.sum(axis=0)

    steps = check(NAME, function).hints()
    assert len(steps) == 3
    assert steps[-1][1].startswith("dW[")
    assert check(NAME, lambda *args: 1 / 0).hints() == []


def test_an_error_in_one_kind_of_input_only():
    reference = PIECES["softmax_cross_entropy"].reference

    def function(logits, y):
        if logits.max() > 900:
            raise OverflowError("too large for me")
        return reference(logits, y)

    report = check("ps05.softmax_cross_entropy", function)
    assert report.score == pytest.approx(0.8)
    assert report.problem.code == "raised"
    assert report.diagnoses == ()
    text = str(report)
    assert "too large for me" in text
    assert text.count("no answer") == 2
    assert "not recognised" not in text


def test_an_error_where_layers_come_as_a_list_names_each_shape():
    def collapse(layers):
        (W1, b1), (W2, b2) = layers  # there may be more of them
        return W2 @ W1, W2 @ b1 + b2

    report = check("ps03.collapse", collapse)
    assert report.problem.code == "raised"
    layers = find("ps03.collapse").points()[0].arguments[0]
    for i, (W, b) in enumerate(layers):
        assert f"layers[{i}][0] {W.shape}, layers[{i}][1] {b.shape}" in report.inputs


def test_huge_numbers_give_a_verdict_and_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check("ps05.tanh_backward", lambda dout, h: 1e300 * dout)
        assert not report.passed
        assert str(report)
        assert report._repr_html_()


def test_of_long_keys_a_message_has_the_beginning():
    report = check(
        "ps05.network_gradients", lambda params, x, y: (1.0, {"k" * 100_000: x, ("t",) * 999: x})
    )
    assert f"'W2', only '{'k' * 59}..., ('t', " in str(report)
    assert len(str(report)) < 3000


def test_an_answer_is_called_as_a_case_of_a_check_alone():
    checking = []

    def averaged(dout, x, W, b):
        checking.append(call.is_checking())
        return dout @ W, dout.T @ x, dout.mean(axis=0)

    assert not check(NAME, averaged).passed
    assert set(checking) == {True}
    assert not call.is_checking()
