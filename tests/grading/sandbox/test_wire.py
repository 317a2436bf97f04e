"""The wire: what goes in comes out, and whatever else arrives is refused by name."""

from __future__ import annotations

import json
import math
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nncourse.grading.sandbox.wire import (
    DTYPES,
    MAGIC,
    PREFIX,
    Reference,
    WireError,
    WireLimits,
    decode,
    encode,
)

SMALL = WireLimits(header=4000, buffers=20_000, items=200, depth=5)

arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: hnp.arrays(
        np.dtype(name), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    )
)
# NumPy forgets zeros at the end of a str.
words = hnp.arrays(
    hnp.unicode_string_dtypes(endianness="<", max_len=9),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    elements=st.text(st.characters(codec="utf-8"), max_size=1).map(lambda text: text.strip("\0")),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**60), 10**60)
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.text(min_size=60, max_size=80)
    | st.binary()
    | arrays
    | words
    | arrays.filter(lambda a: a.size).map(lambda a: a.flat[0])
)
keys = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=80)
    | st.binary()
    | st.integers(0, 99).map(np.int64)
)
# What trees are made of: leaves, names, and keys of all kinds.
materials = st.tuples(
    st.lists(scalars, min_size=3, max_size=8),
    st.lists(st.text(), min_size=1, max_size=4),
    st.lists(keys, min_size=1, max_size=4),
)


def same(one: object, other: object) -> bool:
    """Equal in type, structure and bits (NaN equals NaN, 0.0 differs from -0.0)."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (np.ndarray, np.generic)):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and (one.tobytes() == other.tobytes())
        )
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        pairs = zip(one, other, strict=True)
        return all(map(same, one, other)) and all(same(one[a], other[b]) for a, b in pairs)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    return one == other


def frame(header: object, buffers: bytes = b"") -> bytes:
    """A frame around a header of one's own."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return PREFIX.pack(MAGIC, len(text), len(buffers)) + text + buffers


CASES = 10
"""So many trees are built of the same material: to draw that is what takes the time."""

randoms = st.randoms(use_true_random=True)


def key_of(keys, random):
    """A key, or a tuple of keys and tuples."""
    if random.random() < 0.7:
        return random.choice(keys)
    return tuple([key_of(keys, random) for _ in range(random.randrange(3))])


def tree_of(material, random, depth: int = 0):
    """Containers of all kinds around some of the leaves."""
    leaves, names, keys = material
    if random.random() < (0.1, 0.4, 0.7, 1.0)[depth]:
        return random.choice(leaves)
    kind = random.choice((list, tuple, dict, "dict with any keys", set, frozenset))
    if kind in (set, frozenset):
        return kind([key_of(keys, random) for _ in range(random.randrange(5))])
    items = [tree_of(material, random, depth + 1) for _ in range(random.randrange(5))]
    if kind in (list, tuple):
        return kind(items)
    if kind is dict:
        return dict(zip(random.sample(names, len(names)), items))
    return {key_of(keys, random): item for item in items}


def round_trips(material, random):
    trees = [tree_of(material, random) for _ in range(CASES)]
    for value in (*material[0], *trees):
        assert same(decode(encode(value)), value)


def test_arrays_arrive_in_c_order_and_writable():
    sent = np.arange(12.0).reshape(3, 4).T[::2]
    got = decode(encode(sent))
    assert got.flags.c_contiguous
    assert got.flags.writeable
    assert got.flags.owndata or got.base.flags.owndata
    np.testing.assert_array_equal(got, sent)


def test_big_endian_arrays_arrive_in_the_order_of_the_machine():
    got = decode(encode(np.array([1.5, 2.5], ">f8")))
    assert got.dtype == np.dtype("float64")
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, [1.5, 2.5])


class Liar(dict):
    pass


class Number(float):
    pass


cycle: list = []
cycle.append(cycle)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (object(), "object"),
        ([1, {"W": {1, object()}}], r"key of type object.*\[1\]\['W'\]"),
        ({(1, (2, print)): 3}, "key of type tuple"),
        ({Number(1.0)}, "key of type Number"),
        (set(range(10_001)), "keys that are no str"),
        (dict.fromkeys(range(10_001)), "keys that are no str"),
        (np.array([object()]), "dtype object"),
        (np.array(["text"] * 100_001), "values"),
        (np.array(["\ud800"]), "surrogate"),
        (np.zeros(2, [("a", "f4")]), "dtype void"),
        (np.array(["2020-01-01"], "M8[D]"), "datetime64"),
        (np.zeros(2, np.longdouble), "longdouble|float128"),
        (np.ma.masked_array([1.0]), "MaskedArray"),
        (Liar(), "Liar"),
        (Number(1.0), "Number"),
        ("\ud800", "surrogate"),
        ({"\ud800": 1}, "surrogate"),
        (10**2000, "int of"),
        (cycle, "deep"),
        ([0] * 200_000, "values"),
        (np.broadcast_to(np.zeros(1), (1 << 40,)), "bytes"),
        (lambda: 0, "function"),
    ],
)
def test_encoder_names_what_it_refuses(value, named):
    with pytest.raises(WireError, match=named):
        encode(value)


HOSTILE = {
    "an object": ({"a": 1}, b"", "JSON object"),
    "no JSON": (b"[1, 2", b"", "not JSON"),
    "not UTF-8": (b'"\xff"', b"", "UTF-8"),
    "bare NaN": (b"NaN", b"", "NaN"),
    "float beyond range": (b"1e999", b"", "beyond range"),
    "long int": (b"1" * 5000, b"", "digits"),
    "half a surrogate": (b'"\\ud800"', b"", "surrogate"),
    "half a surrogate as key": (b'["d","\\ud800",1]', b"", "surrogate"),
    "key twice": (["d", "a", 1, "a", 2], b"", "twice"),
    "key twice, spelled apart": (["d", "a", 1, ["s", 1], 2], b"a", "twice"),
    "key without value": (["d", "a"], b"", "no value"),
    "key that is a number": (["d", 1, 1], b"", "no str"),
    "object dtype": (["a", "object", [1]], b"\0" * 8, "dtype"),
    "pointer dtype": (["a", "O", [1]], b"\0" * 8, "dtype"),
    "unicode dtype": (["a", "<U1", [1]], b"\0" * 4, "dtype"),
    "dtype that is a list": (["a", ["float64"], [1]], b"\0" * 8, "dtype"),
    "negative axis": (["a", "float64", [-1]], b"\0" * 8, "axis"),
    "true as axis": (["a", "float64", [True]], b"\0" * 8, "axis"),
    "huge array": (["a", "float64", [1 << 30]], b"", "shape"),
    "huge empty array": (["a", "float64", [0, 1 << 30, 1 << 30]], b"", "shape"),
    "many dimensions": (["a", "float64", [1] * 60], b"\0" * 8, "shape"),
    "array beyond the buffers": (["a", "float64", [2]], b"\0" * 8, "beyond"),
    "bool that is 2": (["a", "bool", [1]], b"\2", "bools"),
    "str of no length": (["w", 0, [1], ""], b"", "odd length"),
    "str of the length true": (["w", True, [1], "a"], b"", "odd length"),
    "str longer than they say": (["w", 1, [1], "ab"], b"", "other str"),
    "fewer str than they say": (["w", 1, [2], "a"], b"", "other str"),
    "number in an array of str": (["w", 1, [1], 1], b"", "no str"),
    "array of long str": (["w", 1 << 30, [1], "a"], b"", "shape"),
    "array of many empty str": (["w", 9, [0, 1 << 30]], b"", "shape"),
    "long str in many arrays": (["l", *[["w", 1 << 22, [1], "a"]] * 99], b"", "with the others"),
    "array of str without a shape": (["w", 9, "a", "a"], b"", "shape"),
    "key of a list": (["m", ["l"], 1], b"", "plain scalar"),
    "key of an array": (["m", ["a", "int8", [1]], 1], b"\1", "plain scalar"),
    "key of a set": (["u", ["z"]], b"", "plain scalar"),
    "number as key twice": (["m", 1, 1, 1.0, 2], b"", "twice"),
    "element twice": (["u", 1, True], b"", "twice"),
    "keys of one hash": (["u", *(n * (2**61 - 1) for n in range(150))], b"", "keys"),
    "complex of texts": (["c", "1", "2"], b"", "complex"),
    "complex of one": (["c", 1.0], b"", "unknown"),
    "deep set": (["l", ["l", ["l", ["l", ["l", ["u"]]]]]], b"", "deep"),
    "deep keys": (["u", ["t", ["t", ["t", ["t", ["t"]]]]]], b"", "deep"),
    "bytes left over": (None, b"x", "refers"),
    "negative length": (["b", -1], b"", "beyond"),
    "length that is a float": (["b", 1.0], b"x", "beyond"),
    "unknown tag": (["p", "cos\nsystem"], b"", "unknown"),
    "list without tag": ([], b"", "unknown"),
    "tag that is a list": ([["l"]], b"", "unknown"),
    "odd float": (["f", "infinity"], b"", "unknown"),
    "text not UTF-8": (["s", 1], b"\xff", "UTF-8"),
    "reference unasked for": (["r", "object", 1], b"", "plain data"),
    "reference of a strange kind": (["r", "file", 1], b"", "none"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, b"", "deep|values"),
    "deep enough for us": (["l", ["l", ["l", ["l", ["l", ["l"]]]]]], b"", "deep"),
    "many": (b"[" + b",".join([b'"l"'] + [b"0"] * 300) + b"]", b"", "values"),
    "empty header": (b"", b"", "not JSON"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_decoder_names_what_it_refuses(name):
    header, buffers, named = HOSTILE[name]
    limits = WireLimits(items=200, depth=5, buffers=1 << 20, hashed=100)
    with pytest.raises(WireError, match=named):
        decode(frame(header, buffers), limits)


ALIKE = {
    "ints": [i * (2**61 - 1) for i in range(9000)],
    "tuples": [["t", *[0] * 8, i * (2**61 - 1)] for i in range(9000)],
    "complex numbers": [["c", -1000003.0 * i, float(i)] for i in range(9000)],
}


@pytest.mark.parametrize("name", ALIKE)
def test_keys_with_the_same_hash_take_no_time(name):
    keys = ALIKE[name]
    pairs = [part for key in keys for part in (key, 1)]
    for header in (["m", *pairs], ["u", *keys], ["z", *keys]):
        data = frame(header)
        start = time.process_time()
        with pytest.raises(WireError, match="the same hash"):
            decode(data)
        assert time.process_time() - start < 1


def test_natural_keys_are_all_right():
    grid = [(x, y) for x in range(-40, 40) for y in range(-40, 40)]
    for keys in (
        [2**n for n in range(2000)],
        grid,
        [complex(*at) for at in grid],
        [(x / 7, y / 8) for x, y in grid],
        [x / 64 for x in range(-4000, 4000)],
        [10.0**n for n in range(-300, 300)],
    ):
        for value in (dict.fromkeys(keys, 1), set(keys)):
            assert decode(encode(value)) == value


def test_parts_of_a_complex_number_are_no_way_down():
    header: object = 1.0
    for _ in range(600):
        header = ["c", header, 1.0]
    with pytest.raises(WireError, match="two floats"):
        decode(frame(header))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nnw1",
        PREFIX.pack(b"\x80\x04\x95.", 0, 0),
        PREFIX.pack(MAGIC, 1 << 31, 0),
        PREFIX.pack(MAGIC, 4, 1 << 60) + b"null",
        PREFIX.pack(MAGIC, 4, 0) + b"null!",
        PREFIX.pack(MAGIC, 5, 0) + b"null",
    ],
)
def test_frames_with_wrong_lengths(data):
    with pytest.raises(WireError):
        decode(data)


def allowed(data: bytes) -> int:
    """What decoding may allocate at most: some ten times the frame, and a little."""
    return 60 * len(data) + 200_000


def decode_measured(data: bytes) -> None:
    tracemalloc.start()
    try:
        decode(data, SMALL)
    except WireError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < allowed(data)


def random_bytes(several):
    for data in several:
        for whole in (data, frame(data), frame(data[: len(data) // 2], data[len(data) // 2 :])):
            decode_measured(whole)


def mutated_frames(material, random):
    for _ in range(CASES):
        whole = bytearray(encode(tree_of(material, random)))
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(whole))
            what = random.choice(["change", "remove", "double"])
            if what == "change":
                whole[at] = random.randrange(256)
            elif what == "remove" and len(whole) > 1:
                del whole[at]
            else:
                whole[at:at] = whole[at : at + random.randint(1, 20)]
        decode_measured(bytes(whole))


TAGS = [*"ltdsbaxfrmuzc", *DTYPES]
header_leaves = st.lists(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    min_size=1,
    max_size=8,
)


def almost_right(random):
    """A value that takes bytes from the buffers: whether there are so many is another matter."""
    size = random.randint(-1, 9)
    shape = [random.randint(-1, 4) for _ in range(random.randrange(4))]
    dtype = random.choice(list(DTYPES))
    return random.choice((["s", size], ["b", size], ["a", dtype, shape], ["x", dtype]))


def forged(leaves, random, depth: int = 0):
    """What a header could hold: lists of tags, leaves and known forms in any order."""
    if random.random() < (0.1, 0.3, 0.5, 0.7, 1.0)[depth]:
        return random.choice((random.choice(leaves), almost_right(random)))
    return [
        random.choice(TAGS) if random.random() < 0.5 else forged(leaves, random, depth + 1)
        for _ in range(random.randrange(6))
    ]


def forged_headers(leaves, random, buffers):
    for _ in range(CASES):
        tree = forged(leaves, random)
        decode_measured(frame(tree, buffers))


FUZZ = {
    round_trips: (materials, randoms),
    random_bytes: (st.lists(st.binary(max_size=300), min_size=CASES, max_size=CASES),),
    mutated_frames: (materials, randoms),
    forged_headers: (header_leaves, randoms, st.binary(max_size=64)),
}


def fuzz(body, count: int) -> None:
    """Nothing but WireError may be raised, and no more allocated than the frame accounts for."""
    examples = count // CASES
    quiet = settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    quiet(given(*FUZZ[body])(body))()


@pytest.mark.parametrize("body", FUZZ)
def test_some_hundred_cases(body):
    fuzz(body, 300)


@pytest.mark.slow
@pytest.mark.parametrize("body", FUZZ)
def test_ten_thousand_cases(body):
    fuzz(body, 10_000)


def test_references_are_resolved_where_they_are_agreed_upon():
    thing = object()
    sent = encode([1, thing], refer=lambda value: Reference("object", 7))
    assert decode(sent, resolve=lambda reference: reference) == [1, Reference("object", 7)]
    with pytest.raises(WireError, match="plain data"):
        decode(sent)
