"""Files that users bring: good ones are read exactly, bad ones refused with what, where and why."""

import gzip
import struct
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse.data import DataError, read_csv, read_idx, read_images, read_mnist, read_text

# IDX


def idx(array, code=None, shape=None):
    codes = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    code = codes[array.dtype.str[1:]] if code is None else code
    shape = array.shape if shape is None else shape
    head = bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_idx(tmp_path, dtype, packed):
    array = np.random.default_rng(0).integers(0, 100, (3, 4, 2)).astype(dtype)
    raw = idx(array)
    (tmp_path / "f").write_bytes(gzip.compress(raw) if packed else raw)
    found = read_idx(tmp_path / "f")
    assert found.dtype == array.dtype
    assert found.tolist() == array.tolist()
    found.zero_()  # may be changed
    needed = array.nbytes
    assert read_idx(tmp_path / "f", max_bytes=needed).shape == (3, 4, 2)
    with pytest.raises(DataError, match=f"more than max_bytes={needed - 1}"):
        read_idx(tmp_path / "f", max_bytes=needed - 1)


def test_mnist_folder(tmp_path):
    images = np.arange(2 * 4 * 3, dtype="u1").reshape(2, 4, 3) * 10
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(np.array([7, 2], "u1")))
    x, y = read_mnist(tmp_path)
    assert (x.shape, x.dtype, y.dtype) == ((2, 4, 3), nnc.float32, nnc.int64)
    np.testing.assert_allclose(x.numpy(), images / 255, rtol=1e-6)
    assert y.tolist() == [7, 2]
    with pytest.raises(FileNotFoundError, match="t10k-images"):
        read_mnist(tmp_path, "test")
    with pytest.raises(ValueError, match="'train' or 'test'"):
        read_mnist(tmp_path, "valid")
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(np.array([7], "u1")))
    with pytest.raises(DataError, match=r"\(2, 4, 3\) and \(1,\)"):
        read_mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images.astype("i4"))))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(np.array([7, 2], "u1")))
    with pytest.raises(DataError, match="uint8 are needed; the file holds int32"):
        read_mnist(tmp_path)


SMALL = np.zeros((2, 3), "u1")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "found nothing"),
        (b"\0\0\x08", "found 00 00 08"),
        (b"\x89PNG\r\n\x1a\n", "two zero bytes.* found 89 50 4e 47"),
        (idx(SMALL, code=7), "a type"),
        (b"\0\0\x08\0", "number of axes"),
        (b"\0\0\x08\3\0\0", "cut off among the lengths of its 3 axes"),
        (idx(SMALL)[:-1], "takes 6 bytes"),
        (idx(SMALL) + b"x", "takes 6 bytes"),
        (idx(SMALL, shape=(2**32 - 1,) * 4), "more than max_bytes"),
        (idx(SMALL, shape=(1,) * 70), "70|1, 1"),
        (idx(SMALL, shape=(2**28, 2)), "takes 536870912 bytes"),
    ],
)
def test_bad_idx(tmp_path, raw, word, packed):
    path = tmp_path / "f"
    path.write_bytes(gzip.compress(raw) if packed else raw)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=word):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23  # nothing of what the lengths claim
    finally:
        tracemalloc.stop()


def test_damaged_gzip(tmp_path):
    raw = gzip.compress(idx(np.arange(5000, dtype="i4")))
    for damaged in (raw[:-20], raw[:40] + b"\xff" * 40 + raw[80:], raw[:12], b"\x1f\x8bnothing"):
        (tmp_path / "f").write_bytes(damaged)
        with pytest.raises(DataError, match="gzip"):
            read_idx(tmp_path / "f")


def test_a_packed_bomb_is_not_unpacked(tmp_path):
    (tmp_path / "f").write_bytes(gzip.compress(idx(SMALL) + bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="found more"):
            read_idx(tmp_path / "f")
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


# CSV


def table(tmp_path, text, written="utf-8", **options):
    (tmp_path / "t.csv").write_bytes(text.encode(written))
    return read_csv(tmp_path / "t.csv", **options)


def test_csv_with_names_and_labels(tmp_path):
    text = "length,width,kind\n1.5,2,red\n-3,4e2,blue\n\n0.5,6,red\n"
    found = table(tmp_path, text, label="kind")
    assert found.names == ["length", "width"]
    assert found.x.tolist() == [[1.5, 2], [-3, 400], [0.5, 6]]
    assert (found.y.tolist(), found.classes) == ([1, 0, 1], ["blue", "red"])
    assert (found.x.dtype, found.y.dtype) == (nnc.float32, nnc.int64)
    assert repr(found) == "Table(3 rows, columns length, width, 2 classes)"
    assert table(tmp_path, text, label=-1).y.tolist() == [1, 0, 1]


def test_csv_without_names(tmp_path):
    found = table(tmp_path, "1,2,30\n4,5,20\n", label=2)
    assert (found.names, found.y.tolist(), found.classes) == (["0", "1"], [1, 0], [20, 30])
    assert table(tmp_path, "1,2\n3,4\n").y is None
    assert table(tmp_path, "1,2\n3,4\n", header=True).names == ["1", "2"]
    target = table(tmp_path, "a,b\n1,2.5\n3,4\n", label="b")
    assert (target.y.tolist(), target.y.dtype, target.classes) == ([2.5, 4], nnc.float32, None)


def test_csv_as_russian_spreadsheets_write_it(tmp_path):
    found = table(tmp_path, 'рост;"вес, кг"\r\n1,75;70\r\n1,6;55,5\r\n', decimal=",")
    assert found.names == ["рост", "вес, кг"]
    np.testing.assert_allclose(found.x.numpy(), [[1.75, 70], [1.6, 55.5]], rtol=1e-6)
    text = "рост\tвес\n1,75\t70\n"
    assert table(tmp_path, text, "cp1251", encoding="cp1251", decimal=",").x.shape == (1, 2)
    assert table(tmp_path, "a,b\n1,2\n", "utf-8-sig").names == ["a", "b"]
    with pytest.raises(DataError, match=r"line 1: not utf-8.*cp1251"):
        table(tmp_path, text, "cp1251")


def test_missing_values(tmp_path):
    text = "a,b,y\n1,2,0\n,3,1\n4,NA,0\n5,6,?\n"
    with pytest.raises(DataError, match=r"line 3, column 'a', line 4, column 'b', line 5, .*'y'"):
        table(tmp_path, text, label="y")
    found = table(tmp_path, text, label="y", missing="drop")
    assert (found.x.tolist(), found.y.tolist()) == ([[1, 2]], [0])
    with pytest.raises(DataError, match=r"missing values: line 5, column 'y'\."):
        table(tmp_path, text, label="y", missing=0)
    filled = table(tmp_path, text.replace("?", "1"), label="y", missing=-1)
    assert filled.x.tolist() == [[1, 2], [-1, 3], [4, -1], [5, 6]]
    with pytest.raises(DataError, match="and 2 more"):
        table(tmp_path, "a,b\n" + "1,\n" * 7)
    with pytest.raises(DataError, match="every row"):
        table(tmp_path, "a,b\n1,\n", missing="drop")


@pytest.mark.parametrize(
    ("text", "options", "word"),
    [
        ("", {}, "empty"),
        ("a,b\n", {}, "no rows"),
        ("a,b\n1,2\n3\n", {}, "line 3: 2 fields expected, 1 found"),
        ("a,b\n1,2,3\n", {}, "line 2: 2 fields expected, 3 found"),
        ("a,a\n1,2\n", {}, "two columns are named 'a'"),
        ("a,b\n1,x2\n", {}, "line 2, column 'b': 'x2' is not a number"),
        ("a,b\n1,red\n", {}, "name it with label="),
        ("a;b\n1;2,5\n", {}, "pass decimal=','"),
        ("a;b\n1.5;2,5\n", {"decimal": ","}, "'1.5' is not a number"),
        ("a,b\n1,1_000\n", {}, "'1_000' is not a number"),
        ("a,b\n1,٣\n", {}, "is not a number"),
        ("a,b\n1,1e39\n", {}, "beyond the range"),
        ("a,b\n1,inf\n", {}, "beyond the range"),
        ("a,b\n1,2\n", {"label": "c"}, "no column 'c'; there are a, b"),
        ("a,b\n1,2\n", {"label": 2}, "no column number 2"),
        ('a,b\n1,"2\n', {}, "line 2"),
        ('a,b\n1,"2"3\n', {}, "line 2"),
        ("a,b\n1,\0\n", {}, "line 2: a zero byte"),
        ("a,b\n1,2\n", {"max_bytes": 5}, "has 8 bytes, more than max_bytes=5"),
        ("a,b\n" + "9" * 200_000 + ",1\n", {}, "line"),
    ],
)
def test_bad_csv(tmp_path, text, options, word):
    with pytest.raises(DataError, match=word):
        table(tmp_path, text, **options)


def test_wrong_options_for_csv(tmp_path):
    for options in ({"missing": "ignore"}, {"decimal": ";"}):
        with pytest.raises(ValueError, match="must be"):
            table(tmp_path, "1,2", **options)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.floats(-(2.0**99), 2.0**99, width=32), st.integers(-99, 99)),
        min_size=1,
        max_size=8,
    ),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_csv_there_and_back(tmp_path_factory, rows, delimiter, end):
    folder = tmp_path_factory.mktemp("csv")
    text = end.join([f"a{delimiter}b", *[f"{a!r}{delimiter}{b}" for a, b in rows]])
    found = table(folder, text, label="b")
    assert found.x.tolist() == [[a] for a, _ in rows]
    assert [found.classes[i] for i in found.y.tolist()] == [b for _, b in rows]


# Pictures


def png(array, depth=8, kind=0, size=None):
    """A PNG file of an array (height, width) or (height, width, channels)."""
    array = np.asarray(array, ">u2" if depth == 16 else "u1")
    height, width = size or array.shape[:2]

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    lines = b"".join(b"\0" + row.tobytes() for row in array)
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("PIL", reason="Pillow reads the pictures")
    for i, name in enumerate(["cat/a.png", "cat/b.PNG", "dog/c.png"]):
        path = tmp_path / "p" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(np.arange(6).reshape(2, 3) * 40 + i))
    (tmp_path / "p" / ".hidden").write_text("x")
    (tmp_path / "p" / "cat" / ".DS_Store").write_text("x")
    return tmp_path / "p"


def test_pictures(folder):
    found = read_images(folder)
    assert (found.x.shape, found.x.dtype) == ((3, 1, 2, 3), nnc.float32)
    assert (found.y.tolist(), found.classes) == ([0, 0, 1], ["cat", "dog"])
    assert [path.name for path in found.files] == ["a.png", "b.PNG", "c.png"]
    expected = (np.arange(6).reshape(2, 3) * 40 + 2) / 255
    np.testing.assert_allclose(found.x.numpy()[2, 0], expected, rtol=1e-6)
    assert read_images(folder, channels=3).x.shape == (3, 3, 2, 3)
    assert read_images(folder, size=(4, 5)).x.shape == (3, 1, 4, 5)
    assert repr(found) == "Pictures((3, 1, 2, 3), classes cat, dog)"


def test_kinds_of_pictures(tmp_path):
    pytest.importorskip("PIL", reason="Pillow reads the pictures")
    (tmp_path / "k").mkdir()

    def one(raw, **options):
        (tmp_path / "k" / "a.png").write_bytes(raw)
        return read_images(tmp_path, **options).x.numpy()[0].astype(float).round(2).tolist()

    colour = [[[255, 0, 0], [0, 255, 255]]]
    assert one(png(colour, kind=2), channels=3) == [[[1, 0]], [[0, 1]], [[0, 1]]]
    assert one(png(colour, kind=2)) == [[[0.3, 0.7]]]
    clear = [[[0, 0, 0, 0], [0, 0, 0, 255]]]
    assert one(png(clear, kind=6)) == [[[1, 0]]]  # transparent on white, then black
    assert one(png([[0, 32768, 65535]], depth=16)) == [[[0, 0.5, 1]]]


def test_bad_pictures(folder):
    with pytest.raises(DataError, match="max_bytes=50"):
        read_images(folder, max_bytes=50)
    with pytest.raises(ValueError, match="channels"):
        read_images(folder, channels=2)
    with pytest.raises(FileNotFoundError, match="no folder"):
        read_images(folder / "none")
    bad = folder / "cat" / "b.PNG"
    for raw, word in (
        (png(np.zeros((3, 3))), "3 x 3 pixels, .*a.png has 2 x 3: pass size"),
        (b"GIF89a", "cannot be read as PNG or JPEG"),
        (b"", "cannot be read"),
        (png(np.zeros((2, 3)))[:44], "cannot be read"),
        # A file of a few bytes that claims 10^9 pixels.
        (png(np.zeros((2, 3)), size=(40_000, 40_000)), "cannot be read|40000"),
    ):
        bad.write_bytes(raw)
        with pytest.raises(DataError, match=word):
            read_images(folder)
    bad.unlink()
    (folder / "cat" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"notes.txt: expected .png"):
        read_images(folder)
    (folder / "cat" / "notes.txt").rename(folder / "notes.txt")
    with pytest.raises(DataError, match="named after classes"):
        read_images(folder)
    (folder / "empty" / "kind").mkdir(parents=True)
    with pytest.raises(DataError, match="no pictures"):
        read_images(folder / "empty")


def test_a_picture_larger_than_allowed_is_not_decoded(folder):
    for path in folder.glob("*/[abc].*"):
        path.write_bytes(png(np.zeros((2, 3)), size=(9000, 9000)))
    with pytest.raises(DataError, match="9000 x 9000"):
        read_images(folder, size=(2, 2), max_bytes=10**8)


def test_without_pillow_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"nncourse\[course\]"):
        read_images(tmp_path)


# Text


def test_text(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes("\ufeffМороз\r\nи солнце;\rдень\n".encode())
    assert read_text(path) == "Мороз\nи солнце;\nдень\n"
    path.write_bytes("Мороз\nи".encode("koi8-r"))
    assert read_text(path, encoding="koi8-r") == "Мороз\nи"
    with pytest.raises(DataError, match=r"line 1: not utf-8 text .*koi8-r"):
        read_text(path)
    path.write_bytes(b"ok\nok\n\xff")
    with pytest.raises(DataError, match=r"line 3: .*0xff"):
        read_text(path)
    with pytest.raises(DataError, match="7 bytes, more than max_bytes=3"):
        read_text(path, max_bytes=3)
