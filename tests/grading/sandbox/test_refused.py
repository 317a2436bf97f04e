"""Values that agree with anything: what a test gets in their place, and what it can do with it."""

from __future__ import annotations

import copy
import math
import operator
import pickle

import numpy as np
import pytest

from nncourse.grading.sandbox.huge import HugeInt
from nncourse.grading.sandbox.nothing import JUDGED, KINDS, Nothing, marked
from nncourse.grading.sandbox.refused import OddValue, Refused
from nncourse.grading.sandbox.wire import decode, encode

NONE: frozenset[str] = frozenset()
NAN, INF = float("nan"), float("inf")
ODD = {
    "nan": [NAN, np.float32(NAN), np.array([1.0, NAN]), {1.0, NAN}, {NAN: 1}],
    "inf": [-INF, np.float64(1e200), np.array([INF, 1.0]), 1e160, np.array([1.0, -INF], "f4")],
    "complex": [1j, np.complex64(1 + 1j), np.array([1j, 1.0]), complex(NAN, 1)],
    "empty": [[], (), {}, set(), frozenset(), np.zeros((0, 3)), np.zeros(0, bool)],
}
CASES = [(kind, value) for kind, values in ODD.items() for value in values]
USES = [
    abs, bool, len, iter, hash, float, int, round, str, complex, copy.copy, math.isnan, np.asarray,
    np.abs, np.sum, sorted, sum, list, operator.index, operator.neg, lambda v: v.shape,
    lambda v: v - 1.0, lambda v: 1.0 - v, lambda v: np.ones(3) - v, lambda v: np.float64(2) * v,
    lambda v: v < 1.0, lambda v: v >= 1.0, lambda v: np.ones(3) > v, lambda v: v[0],
    lambda v: 1.0 in v, lambda v: f"{v:.2f}", lambda v: np.asanyarray([v, v]), lambda v: v @ v,
    lambda v: np.array_equiv(v, 1.0), lambda v: np.concatenate([v, np.ones(3)]),
    lambda v: np.linalg.norm(v), lambda v: np.testing.assert_allclose(v, 1.0),
    lambda v: pytest.approx(1.0) == v, lambda v: v.items(), lambda v: v**2, lambda v: divmod(v, 2),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), CASES)
def test_it_is_refused_unless_it_is_spoken_of(kind, value):
    assert isinstance(marked(value, KINDS - {kind}), Refused)
    assert not isinstance(marked(value, KINDS), Refused)
    assert not isinstance(marked(value, JUDGED), Refused)
    nested = marked([3, {"a": (value, 2.0)}], NONE)
    assert [nested[0], nested[1]["a"][1]] == [3, 2.0]
    assert isinstance(nested[1]["a"][0], Refused)


@pytest.mark.parametrize(("kind", "value"), CASES)
def test_nothing_can_be_computed_with_it(kind, value):
    refused = marked(value, NONE)
    for use in USES:
        with pytest.raises(OddValue, match="of which the tests don't speak"):
            use(refused)
    assert "holds" in repr(refused)


@pytest.mark.parametrize(("kind", "value"), CASES)
def test_it_goes_back_as_what_it_is(kind, value):
    back = decode(encode([marked(value, NONE)]))[0]
    assert type(back) in (type(value), np.float64)
    if isinstance(value, (set, frozenset, dict)):
        assert sorted(map(repr, back)) == sorted(map(repr, value))
    else:
        np.testing.assert_array_equal(back, value)


def test_what_is_no_number_equals_none():
    """So that one wrong answer of several costs no more than itself."""
    one, ones = np.float64(1), np.ones(2)
    for value in (NAN, INF, 1j, np.float16(INF), np.float32(INF)):
        refused = marked(value, NONE)
        for other in (1.0, one, 1e6, 1e39, pytest.approx(1.0), None, "1", [1.0]):
            assert (refused == other) is not True
            assert (refused != other) is not False
        found = [np.allclose(refused, 1.0), np.allclose(1.0, b=refused), one == refused]
        found += [refused == ones, ones == refused, np.isclose(ones, refused)]
        found += [np.array_equal([1.0], refused)]
        assert not np.any(np.concatenate(list(map(np.ravel, found))))
    found = marked(np.array([1.0, NAN]), NONE) == ones
    np.testing.assert_array_equal(found, [True, False])


def test_what_is_empty_equals_no_value():
    for empty in ([], (), {}, set()):
        refused = marked(empty, NONE)
        assert refused == empty
        assert refused == marked(empty, NONE)
        assert all(refused != other for other in ([1], 0, "", None))
        assert [1, refused] != [1, [2]]
    nothing = marked(np.zeros(0), NONE)
    for use in (operator.eq, operator.ne, np.allclose, np.isclose):
        for odd in (nothing, marked(NAN, NONE), marked([], NONE), marked(1j, NONE)):
            for pair in ((nothing, odd), (odd, nothing)):
                with pytest.raises(OddValue, match="of which the tests don't speak"):
                    use(*pair)
    for right in (np.zeros(0), np.zeros((0, 3)), np.ones(3)[np.zeros(3, bool)]):
        same = marked(right.copy(), NONE)
        assert np.allclose(same, right)
        assert np.array_equal(right, same)
        assert (same == right).all()
        assert (right == same).size == 0
    for empty, other in (([], np.ones(3)), (np.zeros(0), 1.0), ([], pytest.approx(1.0))):
        refused = marked(empty, NONE)
        for use in (operator.eq, operator.ne, np.allclose, lambda a, b: b == a):
            with pytest.raises(OddValue, match="no elements"):
                use(refused, other)


def test_usual_values_stay_what_they_are():
    values = [1.0, -2, True, "", b"", None, "text", 10**400, np.float32(1e14), 1e149, -0.0]
    for value in values:
        assert marked(value, NONE) is value
    array = np.ones((2, 3), np.float32)
    assert marked(array, NONE) is array
    nested = {"a": [1.5, (2, "x")], (1, 2): None}
    assert marked(nested, NONE) == nested
    assert isinstance(marked(np.zeros((0, 2)), KINDS), Nothing)


@pytest.mark.parametrize("text", ["nan", " -NaN ", "inf", "Infinity", "1e200", "1" * 400])
def test_texts_become_no_odd_numbers(text):
    word = marked(text, NONE)
    uses = [float, lambda v: np.asarray([1.0, v], float), lambda v: np.float64(v)]
    uses += [lambda v: float(copy.deepcopy([v])[0]), lambda v: float(pickle.loads(pickle.dumps(v)))]
    assert copy.copy(word) == text
    for use in uses:
        with pytest.raises(OddValue, match="of which the tests don't speak"):
            use(word)
    assert word == text
    assert {word: f"{word}"}[text] == text
    assert decode(encode([word, {word: {word}}])) == [text, {text: {text}}]
    for held in ({text}, frozenset({text}), {text: 1}, {(text, 1)}):
        found = next(iter(marked(held, NONE)))
        with pytest.raises(OddValue, match="of which the tests don't speak"):
            float(found[0] if isinstance(found, tuple) else found)
        assert marked(held, NONE) == held
    for value in (text.encode(), np.array(["1.0", text])):
        with pytest.raises(OddValue, match="of which the tests don't speak"):
            np.asarray(marked(value, NONE), float)
    for value in (text, text.encode()):
        assert marked(value, KINDS) is value
        assert marked(value, JUDGED) is value


def test_large_numbers_in_float32_become_wider():
    """Whose squares would be infinite."""
    assert marked(np.full(3, 1e30, "f4"), NONE).dtype == np.float64
    assert marked(np.float32(1e30), NONE).dtype == np.float64
    assert marked(np.float32(1e30), KINDS).dtype == np.float32


def test_whole_numbers_become_no_floats_with_infinite_squares():
    found = marked([10**200, -(10**200)], NONE)
    for use in (lambda v: float(v[0]), lambda v: np.array(v, float), lambda v: np.float64(v[1])):
        with pytest.raises(OddValue, match="infinite squares"):
            use(found)
    assert found == [10**200, -(10**200)]
    assert found[0] // 10**199 == 10
    assert decode(encode([found, {found[0]: {found[1]}}])) == [found, {10**200: {-(10**200)}}]
    for kept in (KINDS, {"inf"}, {"int"}):
        assert type(marked(10**200, kept)) is int


def test_what_is_odd_in_keys_is_found_in_tuples_as_well():
    for odd in (np.nan, 1e200, 1j, ()):
        for key in ((1, odd), ((odd,), "x")):
            for value in ({key}, frozenset({key}), {key: 1}, [{key: 1}]):
                with pytest.raises(OddValue, match="the tests don't speak"):
                    list(marked(value, NONE)[0] if type(value) is list else marked(value, NONE))
                assert marked(value, KINDS) == value
    (key,) = marked({(np.uint8(200), (np.float16(0.5), np.int64(2**40)))}, NONE)
    assert key[0] * 2 == 400
    assert [type(item) for item in key[1]] == [np.float64, HugeInt]
    assert key in decode(encode({key}))


def test_whole_numbers_that_wrap_do_not():
    huge = 2**62 + 1
    for value in (huge, [huge] * 2, ([huge, 1],), [[huge], [1]], np.int64(huge), {"a": [huge]}):
        found = marked(value, NONE)
        assert found == value
        assert decode(encode(found)) == value
    for value in (huge, [huge] * 2, (huge, huge), np.int64(huge), np.full(2, huge)):
        found = marked(value, NONE)
        for error in (found - np.array([1, 2]), np.array([1, 2]) - found):
            assert np.all(np.square(error) > 1e30)
    assert np.all(np.square(np.asarray(marked([huge, 1], NONE)) - 3) > 1)
    found = marked(np.int64(huge), NONE)
    assert isinstance(found, int)
    assert f"{found:,d} {found >> 60} {found % 2}" == f"{huge:,d} 4 1"
    assert list("ab")[found % 2] == "b"
    assert (found - np.int64(3)) ** 2 > 1e30
    for error in (found - 3, 3 - found, -found + 3, sum([found, -3]), abs(round(found)) * 1):
        assert type(error) is type(found)
        assert np.square(error) > 1e30
    assert found + 0.5 == float(found)
    assert marked([1, 2], NONE) == [1, 2]
    assert type(marked([1, 2], NONE)) is list
