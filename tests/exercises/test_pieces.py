"""The points at which the pieces are checked: not blind, and the references right."""

from __future__ import annotations

from collections import ChainMap, UserDict, UserList, deque
from inspect import isfunction
from types import MappingProxyType

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.check.matrix import pieces_of
from nncourse.diagnosis import distance
from nncourse.diagnosis.measure import KINK_DISTANCE
from nncourse.exercises import find
from nncourse.exercises.piece import PLAIN, SQUARE, copy_arguments, pick, sets
from nncourse.exercises.ps05 import PIECES

BY_GRADIENT = [piece for piece in PIECES.values() if piece.forward is not None]
each_piece = pytest.mark.parametrize("piece", BY_GRADIENT, ids=lambda piece: piece.name)

EVERY = [(name, piece) for name in sets() for piece in pieces_of(name).values()]
every_piece = pytest.mark.parametrize(
    "piece", [piece for _name, piece in EVERY], ids=[f"{name}.{p.name}" for name, p in EVERY]
)


def _arrays(point):
    for value in point.arguments:
        yield from value.values() if isinstance(value, dict) else [value]


@every_piece
def test_reference_agrees_with_the_numerical_gradient(piece):
    if not any(output.by == "gradient" for output in piece.outputs):
        return  # its outputs are held against other things than gradients
    for seed in range(5):
        points, right = piece.task(seed)
        for point, expected in zip(points, right, strict=True):
            answer = piece.ask(piece.reference, *copy_arguments(point.arguments))
            for output in piece.outputs:
                if output.by in ("gradient", "value") and piece.given is None:
                    n = expected[output.name]
                    own = output.own(np.asarray(pick(answer, output.key)))
                    assert distance(own, n) < 1e-7, output.name


def _leaves(value):
    """What stands in nested lists, tuples and dicts, and the keys of these."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if not isinstance(value, (list, tuple)):
        return [value]
    return [leaf for item in value for leaf in _leaves(item)]


def _watched(answer, received):
    """The answer, a function or a class, that writes down what it is called with."""
    if isinstance(answer, type):
        kinds = [vars(kind) for kind in reversed(answer.__mro__[:-1])]
        methods = {name: f for kind in kinds for name, f in kind.items() if isfunction(f)}
        return type(
            answer.__name__,
            (answer,),
            {name: _watched(method, received) for name, method in methods.items()},
        )

    def function(*arguments, **named):
        received.extend(_leaves([arguments, named]))
        return answer(*arguments, **named)

    return function


@every_piece
def test_numbers_and_names_that_an_answer_is_given_are_python_s_own(piece):
    """NumPy's divide by 0 without an error, and what a student tries by hand does not."""
    received = []
    for seed in (None, 0, 1):
        for point in piece.points(seed):
            received += _leaves(point.arguments)
            arguments = copy_arguments(point.arguments)
            piece.ask(_watched(piece.reference, received), *arguments)
    assert received or piece.signature.startswith("gates()"), "or nothing was looked at"
    zero_axes = [a for a in received if isinstance(a, np.ndarray) and a.ndim == 0]
    assert not [a for a in received if isinstance(a, np.generic)] + zero_axes


@every_piece
def test_no_gradient_to_compare_with_is_vacuous(piece):
    for seed in range(5):
        points, right = piece.task(seed)
        for point, expected in zip(points, right, strict=True):
            for output in piece.outputs:
                if output.by == "gradient":
                    n = expected[output.name]
                    assert np.linalg.norm(n) > 1e-3, (output.name, seed, point.case)


@each_piece
def test_sizes_differ_except_in_the_square_case(piece):
    for seed in range(10):
        for point in piece.points(seed):
            matrices = [a.shape for a in _arrays(point) if a.ndim == 2]
            assert all(size > 1 for shape in matrices for size in shape)
            assert matrices[0][0] >= 4 or isinstance(point.arguments[0], dict)
            square = [shape for shape in matrices if shape[0] == shape[1]]
            assert bool(square) == (point.case == SQUARE)


@each_piece
def test_both_usual_cases_occur(piece):
    assert piece.cases.count(PLAIN) >= 1
    assert piece.cases.count(SQUARE) == 1


def test_constants_of_the_factor_table_differ():
    """N, 1/N, 2, N/C, ... must not coincide at the plain points, or a factor has two names."""
    for name in ("softmax_cross_entropy", "network_gradients"):
        for seed in range(20):
            for point in PIECES[name].points(seed):
                if point.case == SQUARE:
                    continue
                last = point.arguments[-1]
                N = len(last)
                C = (
                    point.arguments[0].shape[1]
                    if name == "softmax_cross_entropy"
                    else len(point.arguments[0]["b2"])
                )
                values = [2, 0.5, N, 1 / N, 1 / N**2, N / C, 1 / C]
                assert len({round(v, 9) for v in values}) == len(values), (N, C)


def test_relu_points_stay_away_from_the_kink_and_have_both_signs():
    for seed in range(50):
        for point in PIECES["relu_backward"].points(seed):
            dout, z = point.arguments
            assert np.min(np.abs(z)) > KINK_DISTANCE
            for array in (dout, z):
                assert np.any(array > 0)
                assert np.any(array < 0)


def test_softmax_points_show_what_they_should():
    for seed in range(20):
        points = PIECES["softmax_cross_entropy"].points(seed)
        for point in points:
            logits, y = point.arguments
            assert len(set(y)) < logits.shape[1], "a column without targets is needed"
        logits, y = points[-1].arguments
        assert np.max(logits) > 900
        assert np.min(logits) < -900
        assert np.array_equal(logits, logits.astype(np.float32))
        assert PIECES["softmax_cross_entropy"].reference(logits, y)[0] > 5


@pytest.mark.parametrize(
    ("name", "classes_of"),
    [
        ("ps02.loss_and_gradients", lambda W, b, x, y, lam: (y, len(W))),
        ("ps05.softmax_cross_entropy", lambda logits, y: (y, logits.shape[1])),
        ("ps05.network_gradients", lambda params, x, y: (y, len(params["b2"]))),
    ],
)
def test_one_plain_case_lacks_the_first_class_and_the_other_the_last(name, classes_of):
    for seed in [None, *range(100)]:
        usual = [classes_of(*p.arguments) for p in find(name).points(seed) if p.case == PLAIN]
        assert all(len(set(y)) == C - 1 for y, C in usual)
        assert {(0 in y, C - 1 in y) for y, C in usual} == {(True, False), (False, True)}


def test_weights_of_the_parts_are_whole_and_use_existing_outputs_and_cases():
    for _name, piece in EVERY:
        assert piece.weights == pytest.approx(1)
        for part in piece.parts:
            assert piece.output(part.output)
            assert set(part.cases) <= set(piece.cases)
        # Whatever is wrong costs points: each output counts in each case.
        counted = {(part.output, case) for part in piece.parts for case in part.cases}
        assert counted == {(o.name, case) for o in piece.outputs for case in piece.cases}


APART = {
    "ps04.Value": "other programs with other operations",
    "ps07.initialise": "wider layers, in which other laws hold",
    "ps08.dropout": "in testing another branch answers",
    "ps08.plain_dropout": "in testing another branch answers",
}


def test_special_cases_earn_nothing_without_the_usual_one():
    """Or an answer that knows them by heart would."""
    for name, piece in EVERY:
        for part in piece.parts if PLAIN in piece.cases else ():
            assert PLAIN in part.cases or f"{name}.{piece.name}" in APART, (piece.name, part)


SIZES_FIXED = {
    **dict.fromkeys(("ps02.training", "ps05.training", "ps04.moons"), "the data are what they are"),
    **dict.fromkeys(("ps03.half_plane", "ps03.convex", "ps03.union"), "the plane has two axes"),
    **dict.fromkeys(("ps08.dropout", "ps08.plain_dropout"), "large enough to judge a law"),
    "ps01.train_perceptron": "most runs are in the plane",
    "ps04.train_step": "three parameters, and five for a share of the points",
    "ps04.apply": "drawn numbers, one operation after the other",
    "ps04.Value": "drawn numbers for programs",
    "ps08.RunningNorm": "batches of different sizes in one point",
}


def _lengths(value):
    """Of all axes of the arrays inside, one after the other."""
    if isinstance(value, np.ndarray):
        return list(value.shape)
    value = value.values() if isinstance(value, dict) else value
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return []
    return [n for one in value for n in _lengths(one)]


@pytest.mark.parametrize(
    "piece",
    [
        piece
        for name, piece in EVERY
        if f"{name}.{piece.name}" not in SIZES_FIXED and name != "ps06"  # its shapes are fixed
    ],
    ids=lambda piece: piece.name,
)
def test_no_size_can_be_known_by_heart(piece):
    """An answer for one length of an axis earns a tenth at most, with any seed."""
    for seed in [None, *range(20)]:
        sizes = [(point.case, _lengths(point.arguments)) for point in piece.points(seed)]
        for k in range(min(len(ns) for _case, ns in sizes)):
            fixed = [
                part.weight
                for part in piece.parts
                if len({ns[k] for case, ns in sizes if case in part.cases}) == 1
            ]
            assert sum(fixed) / piece.weights < 0.1 + 1e-9, (seed, k)


def test_same_seed_same_points_other_seed_other_points():
    piece = PIECES["linear_backward"]
    for one, other in zip(piece.points(3), piece.points(3), strict=True):
        assert all(map(np.array_equal, one.arguments, other.arguments))
    assert not np.array_equal(piece.points(3)[0].upstream, piece.points(4)[0].upstream)
    assert not np.array_equal(piece.points()[0].upstream, piece.points(0)[0].upstream)


def test_find_by_name():
    assert find("ps05.linear_backward") is PIECES["linear_backward"]
    assert "ps05" in sets()
    for wrong, near in (
        ("ps05.linear_backwards", "ps05.linear_backward"),
        ("linear_backward", "ps05.linear_backward"),
        ("ps5.training", "ps05.training"),
    ):
        with pytest.raises(KeyError, match=near):
            find(wrong)
    with pytest.raises(KeyError):
        find("")


def test_held_out_digits_are_not_the_training_digits():
    from nncourse.exercises.ps05.training import digits

    (train_x, _train_y), (test_x, _test_y) = digits()
    (point,) = PIECES["training"].points()
    (x,) = point.arguments
    assert len(x) == len(test_x) == len(point.variables["labels"])
    train = {row.tobytes() for row in train_x}
    assert sum(row.tobytes() in train for row in x) <= 1  # equal pictures may occur in the data


def test_hints_never_contain_code_of_the_solution():
    """Formulas are given in indices, at the last step only; no line that could be pasted."""
    for _name, piece in EVERY:
        for output in piece.outputs:
            assert output.look
            assert output.derive
            assert output.formula
            for text in (output.look, output.derive, output.formula):
                assert " @ " not in text
                assert "np." not in text
                assert ".sum(" not in text


@pytest.mark.parametrize("name", ["ps04.apply", "ps07.activation", "ps07.initialise"])
def test_what_can_be_written_one_by_one_counts_one_by_one(name):
    """Who has replaced the stub and written a branch for the first alone, without an else."""
    piece = find(name)
    first: list[str] = []

    def some(which, *rest):
        first.append(which)
        return piece.reference(which, *rest) if which == first[0] else None

    def stub(which, *rest):
        if which != first[0]:
            raise NotImplementedError
        return piece.reference(which, *rest)

    scores = {judge(piece, [answer], seed=1).score for answer in (some, stub)}
    assert len(scores) == 1
    assert 0 < scores.pop() < 1
    assert judge(piece, [lambda *arguments: None], seed=1).score == 0


def test_a_function_without_its_slope_costs_its_own_part_alone():
    piece = find("ps07.activation")

    def answer(name, z):
        value, slope = piece.reference(name, z)
        return value if name == "elu" else (value, slope)

    report = judge(piece, [answer], seed=1)
    assert report.score == pytest.approx(0.8)
    assert "elu: a pair is expected" in str(report)
    nothing = judge(piece, [lambda name, z: piece.reference(name, z)[0]], seed=1)
    assert nothing.score == 0
    assert str(nothing).count("a pair is expected") == 1


def adding_up(reference):
    """Gradients that are added to what the last calls left, anew whenever sizes change."""
    kept = []

    def answer(*arguments):
        found = [np.array(part) for part in reference(*arguments)]
        if kept and [part.shape for part in kept] == [part.shape for part in found]:
            found = [one + other for one, other in zip(kept, found)]
        kept[:] = found
        return tuple(part.copy() for part in found)

    return answer


@pytest.mark.parametrize(
    "name", ["ps05.linear_backward", "ps08.batchnorm_backward", "ps10.rnn_backward"]
)
def test_what_is_kept_while_sizes_stay_shows(name):
    piece = find(name)
    for seed in range(10):
        assert judge(piece, [adding_up(piece.reference)], seed=seed, mutants=False).score < 0.11


def test_the_order_of_calls_is_the_seed_s():
    piece = find("ps01.perceptron_update")
    orders = {tuple(piece.order(seed)) for seed in range(50)}
    assert len(orders) > 20
    for order in orders:
        assert order[0] == order[1]
        assert sorted(set(order)) == list(range(len(piece.cases)))
        assert len(order) == len(piece.cases) + 1
    assert piece.order() == piece.order()


def held(found, lists, maps):
    """What was returned, in other containers."""
    if isinstance(found, dict):
        return maps({key: held(value, lists, maps) for key, value in found.items()})
    if isinstance(found, (tuple, list)):
        return lists([held(value, lists, maps) for value in found])
    return found


@pytest.mark.parametrize(
    ("lists", "maps"), [(deque, MappingProxyType), (UserList, UserDict), (list, ChainMap)]
)
@pytest.mark.parametrize(
    "name",
    [
        "ps07.activation",
        "ps07.prelu_backward",
        "ps08.dropout",
        "ps08.batchnorm_backward",
        "ps11.gru_step_backward",
        "ps11.peephole_backward",
    ],
)
def test_results_in_other_containers_are_as_good(name, lists, maps):
    """As they are where the sandbox has handed them over."""
    piece = find(name)

    def answer(*arguments):
        return held(piece.reference(*arguments), lists, maps)

    assert judge(piece, [answer], seed=7, mutants=False).passed


def test_arrays_that_are_written_anew_in_each_call_count_as_they_were_returned():
    piece, kept = find("ps07.activation"), {}

    def answer(name, z):
        both = kept.setdefault(z.shape, (np.empty(z.shape), np.empty(z.shape)))
        both[0][...], both[1][...] = piece.reference(name, z)
        return both

    assert judge(piece, [answer], seed=7, mutants=False).passed
