"""The rules that keep the library on two array libraries, checked in its source; and the stand-in.

``nncourse/backend.py`` states the rules.
"""

import ast
import inspect
import re

import numpy as np
import pytest

import nncourse
from nncourse.backend import xp
from tests.test_architecture import FILES, PACKAGE

# New arrays say which one they are like. Of these functions CuPy knows no ``like``: there is
# ``backend.filled`` for constants, ``library(device)`` for what is made from nothing.
LIKE = {"zeros", "empty", "arange", "tri", "asarray", "array", "ascontiguousarray"}
UNKNOWN = {"ones", "full", "eye", "identity", "indices", "linspace", "fromiter", "loadtxt"}
REDUCED = {"add", "multiply"}  # the ufuncs of which CuPy has ``reduce``

# What is called as ``xp`` and needs no array.
PLAIN = {"broadcast_shapes", "dtype", "errstate", "finfo", "inf", "nan"}

# Files that work on arrays of the processor, with the reason.
HOST = {
    "autograd/gradcheck.py": "differences are taken in float64 on the processor",
    "autograd/gradcheck_judge.py": "as above",
    "autograd/gradcheck_numeric.py": "as above",
    "autograd/gradcheck_opinion.py": "as above",
    "autograd/gradcheck_program.py": "as above",
    "autograd/gradcheck_report.py": "as above",
    "nn/perceptron.py": "the perceptron's rule is written with NumPy alone",
}
MADE_HERE = {
    "autograd/tensor.py": "lists become an array of the processor",
    "autograd/changes.py": "addresses of memory, which are never read",
    "ops/creation.py": "numbers of the program become an array of the processor first",
    "ops/indexing.py": "lists of indices become an array of the processor first",
    "nn/utils/rnn.py": "lengths live on the processor, as in PyTorch",
}


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def on_arrays(path):
    """Is it a file whose code runs on arrays of either library?"""
    name = name_of(path)
    inside = name.startswith(("autograd/", "ops/", "nn/", "optim/"))
    return inside and name not in HOST and "/catalogue/" not in name


def offences(source):
    """(line, what is wrong) for calls that would not run on CuPy's arrays."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        path = ast.unparse(node.func).split(".")
        if path[0] not in ("xp", "np", "numpy") or len(path) < 2:
            continue
        name, *method = path[1:]
        options = {keyword.arg for keyword in node.keywords}
        if name in LIKE and not method and "like" not in options:
            yield node.lineno, f"{name} without like="
        if name in UNKNOWN and not method:
            yield node.lineno, f"{name}: CuPy knows no like= here"
        if method in (["reduce"], ["accumulate"]) and name not in REDUCED:
            yield node.lineno, f"{name}.{method[0]}: CuPy has none"
        if method == ["at"]:
            yield node.lineno, f"{name}.at: NumPy does not hand it over; backend.add_at does"
        if name == "random" or "stride_tricks" in method:
            yield node.lineno, f"{'.'.join(path[1:])} belongs into the backend"
        if path[0] != "xp" and name not in ("dtype", "promote_types", "array2string"):
            yield node.lineno, f"{'.'.join(path)}: functions of arrays are called as xp"


@pytest.mark.parametrize("path", [p for p in FILES if on_arrays(p)], ids=name_of)
def test_a_file_runs_on_either_library(path):
    found = list(offences(path.read_text(encoding="utf-8")))
    if name_of(path) in MADE_HERE:
        known = {line for line, what in found if "without like=" in what}
        found = [(line, what) for line, what in found if line not in known]
    assert not found, f"{name_of(path)}: {found}"


@pytest.mark.parametrize("path", [p for p in FILES if on_arrays(p)], ids=name_of)
def test_a_file_calls_what_cupy_has(path, stand_in):
    """The stand-in's functions are CuPy's, which is tested where CuPy is installed."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and re.fullmatch(r"xp(\.\w+)+", ast.unparse(node)):
            name = ast.unparse(node).removeprefix("xp.")
            known = getattr(xp, name.partition(".")[0])
            called = name in stand_in.SIGNATURES or name in ("linalg", *PLAIN)
            assert called or isinstance(known, np.ufunc), f"line {node.lineno}: {name}"


@pytest.mark.parametrize("name", [*HOST, *MADE_HERE])
def test_every_exception_is_needed(name):
    assert list(offences((PACKAGE / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "line",
    [
        "xp.zeros(3)",
        "xp.ones(3, like=x)",
        "xp.maximum.reduce(x)",
        "xp.subtract.at(x, i, y)",
        "xp.add.at(x, i, y)",
        "numpy.exp(x)",
        "xp.random.rand(3)",
        "xp.lib.stride_tricks.as_strided(x)",
    ],
)
def test_what_is_wrong_is_found(line):
    assert list(offences(line))


@pytest.mark.parametrize("line", ["xp.zeros(3, like=x)", "xp.add.reduce(x)", "numpy.dtype('f4')"])
def test_what_is_right_is_let_pass(line):
    assert not list(offences(line))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_cupy_is_known_to_the_backend_alone(path):
    if name_of(path) == "backend.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert not any(name.partition(".")[0] in ("cupy", "cupyx") for name in names), node.lineno


def test_import_brings_no_cupy():
    assert "import cupy" not in inspect.getsource(nncourse)


# The stand-in


def test_the_stand_in_takes_what_cupy_takes(stand_in):
    cupy = pytest.importorskip("cupy", reason="no GPU: CuPy is not installed")
    for path, text in stand_in.SIGNATURES.items():
        function = cupy
        for name in path.split("."):
            function = getattr(function, name)
        theirs = list(inspect.signature(function).parameters)
        ours = [part.rstrip("=") for part in text.split(", ") if part != "*"]
        # Versions add parameters at the end; the stand-in need not take all.
        assert ours == theirs[: len(ours)], path
    assert all(hasattr(cupy.ndarray, name) for name in stand_in.METHODS)


def test_the_stand_in_refuses_what_cupy_refuses(stand_in):
    x, host = stand_in.asarray([1.0, 2.0]), np.ones(2)
    for refused in (
        lambda: np.asarray(x),
        lambda: x + host,
        lambda: host + x,
        lambda: np.multiply(x, 2.0, out=host),
        lambda: x.__setitem__(0, host[0:1]),
        lambda: host.__setitem__(slice(None), x),
        lambda: np.concatenate([x, host]),
        lambda: np.where(host > 0, x, x),
        lambda: np.argsort(x, stable=True),
        lambda: np.ones(3, like=x),
        lambda: np.add.at(x.astype("int8"), 0, 1),
        lambda: np.add.at(x, (0,), 1.0),
        lambda: np.exp(x, where=x > 1),
        lambda: float(stand_in.asarray(1.0)[None].__index__()),
    ):
        with pytest.raises((TypeError, AttributeError)):
            refused()
    with pytest.raises(NotImplementedError):
        np.maximum.reduce(x)
    with pytest.raises(IndexError):
        stand_in.asarray([[1.0]])[x[:1] > 0, x[:1] > 0]


def test_the_stand_in_counts_what_crosses(stand_in):
    count = stand_in.transfers
    x = stand_in.asarray([[1.0, 2.0], [3.0, 4.0]])
    count.clear()
    y = np.exp(x * 2.0 + x)[0] @ x
    y += xp.zeros(2, like=x)
    assert y.sum().ndim == 0
    assert isinstance(y.sum(), stand_in.ndarray)
    assert (count.to_device, count.to_host, count.reads) == (0, 0, 0)
    assert bool(y.sum() > 0)
    x[[0, 1]]
    x.get()
    assert (count.to_device, count.to_host, count.reads) == (1, 1, 1)
    view = x[0].reshape(1, 2)
    assert view.base is x
    assert x.copy().base is None
