"""The library as a session sees it: the answers are neither in its files nor in its memory."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nncourse.exercises import ps05
from nncourse.grading.assignment import READY_MADE
from nncourse.grading.sandbox import Sandbox
from nncourse.grading.sandbox.library import WithheldError, withhold
from nncourse.grading.sandbox.view import view

IMPORT = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
import nncourse
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
        print(name, "is there")
    except ImportError:
        print(name, "is not there")
"""


def look(library, *names: str) -> list[str]:
    command = [sys.executable, "-c", IMPORT, str(library), *names]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_references_and_grading_are_never_there(tmp_path):
    library = withhold((), tmp_path)
    gone = ["exercises.ps05", "diagnosis", "check.judge", "grading.grade", "course", "cli"]
    assert look(library, *(f"nncourse.{name}" for name in gone)) == [
        f"nncourse.{name} is not there" for name in gone
    ]
    there = ["nn", "optim", "data", "plots", "check", "grading.sandbox.wire"]
    assert look(library, *(f"nncourse.{name}" for name in there)) == [
        f"nncourse.{name} is there" for name in there
    ]
    assert "ps05" in ps05.__name__
    text = b"".join(path.read_bytes() for path in library.rglob("*.py*"))
    assert b"softmax_cross_entropy(logits, y)" not in text
    assert b"def network_gradients" not in text


TOY = {
    "__init__": "from nncourse import engine, nn\nfrom nncourse.engine import *\n"
    "from nncourse.tools import helper\n__all__ = ['helper', 'nn', *engine.__all__]",
    "tools": "def helper(x):\n    return x",
    "engine/__init__": "from nncourse.engine.tensor import Tensor\n__all__ = ['Tensor']\n"
    "table = {'t': Tensor}",
    "engine/tensor": "class Tensor:\n    pass",
    "nn/__init__": "from nncourse.nn import functional\nfrom nncourse.nn.linear import Linear\n"
    "from nncourse.nn.relu import ReLU\n__all__ = ['Linear', 'ReLU', 'functional']",
    "nn/linear": "from nncourse.engine.tensor import Tensor\nclass Linear:\n"
    "    '''The formula is secret_formula.'''\n    def forward(self, x):\n"
    "        return x @ self.secret_weight",
    "nn/relu": "from nncourse.tools import helper\nclass ReLU:\n    pass",
    "nn/deep": "from nncourse.nn import Linear\nclass Deep:\n    pass",
    "nn/functional": "def relu(x):\n    '''secret_docstring'''\n    secret_mask = x > 0\n"
    "    return x * secret_mask\ndef later():\n    from nncourse.nn.linear import Linear",
    "exercises": "secret_reference = 1",
}


@pytest.fixture
def toy(tmp_path):
    """A small library."""
    for name, text in TOY.items():
        path = tmp_path / "toy" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "toy"


def secrets(library: Path) -> set[bytes]:
    """The words with which answers are marked in the toy library, in sources and compiled."""
    text = b"".join(path.read_bytes() for path in library.rglob("*.py*"))
    return {word for word in (*ALL, b"secret_reference") if word in text}


ALL = {b"secret_formula", b"secret_weight", b"secret_docstring", b"secret_mask"}


def test_nothing_is_withheld_from_a_toy_but_its_exercises(toy, tmp_path):
    assert secrets(withhold([], tmp_path / "cache", toy)) == ALL


def test_a_module_goes_with_all_that_imports_it(toy, tmp_path):
    library = withhold(["nncourse.nn.linear"], tmp_path / "cache", toy)
    names = ["nncourse.nn.linear", "nncourse.nn.deep", "nncourse.nn.relu", "nncourse.nn.functional"]
    assert look(library, *names) == [
        "nncourse.nn.linear is not there",
        "nncourse.nn.deep is not there",
        "nncourse.nn.relu is there",
        "nncourse.nn.functional is there",
    ]
    assert secrets(library) == {b"secret_docstring", b"secret_mask"}
    assert "'Linear'" not in (library / "nncourse" / "nn" / "__init__.py").read_text()


def test_a_package_goes_with_all_that_imports_it(toy, tmp_path):
    library = withhold(["nncourse.engine"], tmp_path / "cache", toy)
    assert look(library, "nncourse.engine", "nncourse.nn.linear", "nncourse.tools") == [
        "nncourse.engine is not there",
        "nncourse.nn.linear is not there",
        "nncourse.tools is there",
    ]


def test_a_function_and_a_class_keep_their_names_only(toy, tmp_path):
    names = ["nncourse.nn.functional.relu", "nncourse.nn.linear.Linear"]
    library = withhold(names, tmp_path / "cache", toy)
    assert secrets(library) == set()
    assert look(library, "nncourse.nn.deep") == ["nncourse.nn.deep is there"]
    text = (library / "nncourse" / "nn" / "functional.py").read_text()
    assert "def relu(x)" in text
    assert "withheld while this is graded" in text


def test_a_method_can_be_withheld(toy, tmp_path):
    library = withhold(["nncourse.nn.linear.Linear.forward"], tmp_path / "cache", toy)
    assert secrets(library) == ALL - {b"secret_weight"}


@pytest.mark.parametrize("name", ["nncourse.nosuch", "nncourse.nn.linear.Linaer", "numpy"])
def test_a_name_that_is_not_there_is_an_error(toy, tmp_path, name):
    with pytest.raises(WithheldError, match=re.escape(name)):
        withhold([name], tmp_path / "cache", toy)
    assert not list((tmp_path / "cache").iterdir())


def test_a_copy_is_made_once_for_each_content(toy, tmp_path):
    cache = tmp_path / "cache"
    one = withhold(["nncourse.tools", "nncourse.nn.relu"], cache, toy)
    stamp = one.stat().st_mtime_ns
    assert withhold(["nncourse.nn.relu", "nncourse.tools"], cache, toy) == one
    assert one.stat().st_mtime_ns == stamp
    (toy / "tools.py").write_text("def helper(x):\n    return -x")
    assert withhold(["nncourse.tools", "nncourse.nn.relu"], cache, toy) != one


def test_everyone_may_read_a_copy(toy, tmp_path):
    before = os.umask(0o077)
    try:
        library = withhold((), tmp_path, toy)
    finally:
        os.umask(before)
    for path in (library, *library.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_packages_are_shown_one_by_one(tmp_path):
    seen = view(tmp_path, ["numpy", "matplotlib"], None)
    names = {at.rpartition("/")[2] for _, at in seen.shown if at.startswith("/sandbox/packages/")}
    assert {"numpy", "matplotlib", "PIL", "dateutil"} <= names
    assert not names & {"nncourse", "nbgrader", "torch", "IPython", "sqlalchemy", "pytest"}


def test_an_interpreter_behind_a_link_finds_its_modules(tmp_path, monkeypatch):
    """As those are that uv and Homebrew put into an environment."""
    link = tmp_path / "python"
    link.symlink_to(sys.base_prefix)
    monkeypatch.setattr(sys, "base_prefix", str(link))
    shown = [at for _, at in view(tmp_path, [], None).shown]
    real = os.path.realpath(link / "lib")
    assert any(real == at or real.startswith(f"{at}/") for at in shown)


def test_a_package_that_requires_the_library_does_not_show_it(tmp_path, monkeypatch):
    for name, needs in (("tools", "nncourse>=0.1"), ("nncourse", "numpy")):
        (tmp_path / name).mkdir()
        about = tmp_path / f"{name}-1.0.dist-info"
        about.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {needs}\n\n"
        (about / "METADATA").write_text(text)
        (about / "RECORD").write_text(f"{name}/__init__.py,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen = view(tmp_path, ["tools"], None)
    names = {at.rpartition("/")[2] for _, at in seen.shown if at.startswith("/sandbox/packages/")}
    assert {"tools", "numpy"} <= names
    assert "nncourse" not in names


def test_packages_of_the_interpreter_below_a_virtual_environment_are_not_shown(tmp_path):
    seen = view(tmp_path, ["numpy"], None)
    shown = [place for place, at in seen.shown if not at.startswith("/sandbox/")]
    found = [
        Path(sys.base_prefix, "lib").glob("python3*/*-packages"),
        *(Path(place).glob("python3*/*-packages") for place in shown),
    ]
    for folder in {os.path.realpath(path) for paths in found for path in paths}:
        assert folder in seen.covered or not any(folder.startswith(f"{p}/") for p in shown)


def test_only_what_would_be_seen_is_covered(tmp_path):
    seen = view(tmp_path, [], None)
    assert str(tmp_path) not in seen.covered
    places = [place for place, _ in seen.shown]
    for folder in seen.covered:
        assert any(folder.startswith(place + "/") for place in places)


def test_packages_are_hidden_by_every_way_to_them(tmp_path, monkeypatch):
    """A folder is shown by the name that it was asked for, be there a link on the way."""
    real, link = tmp_path / "real", tmp_path / "link"
    (real / "lib64/python3.12/site-packages").mkdir(parents=True)
    link.symlink_to(real)
    monkeypatch.setattr("nncourse.grading.sandbox.view.SYSTEM", (str(link / "lib64"),))
    seen = view(tmp_path / "library", [], None)
    assert str(link / "lib64" / "python3.12" / "site-packages") in seen.covered


def test_the_sources_of_the_library_are_hidden_with_its_solutions(tmp_path, monkeypatch):
    sources = Path(ps05.__file__).resolve().parents[3]
    if not (sources / "solutions").is_dir():
        pytest.skip("nncourse is installed without its sources")
    monkeypatch.setattr("nncourse.grading.sandbox.view.SYSTEM", (str(sources.parent),))
    assert str(sources) in view(tmp_path, [], None).covered


@pytest.fixture(scope="module")
def full(cache):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with Sandbox(cache=cache) as sandbox:
        yield sandbox


def test_a_session_has_the_library_and_matplotlib(full):
    with full.session() as session:
        result = session.run_cell(
            "import matplotlib.pyplot as plt\nimport numpy as np\nimport nncourse as nnc\n"
            "from nncourse import plots\nfrom nncourse.check import check\n"
            "nnc.language.use('ru')\nplt.plot([1, 2])\nplt.title('Шаг')\nplt.savefig('a.png')\n"
            "x = nnc.tensor([1.0, 2.0], requires_grad=True)\n(x * x).sum().backward()\n"
            "print(x.grad.numpy(), len(nnc.data.digits()[0]))\n"
            "check('ps05.linear_backward', len).points(20)"
        )
        assert result.error is None, result.error.traceback
        assert result.output == "[2. 4.] 1797\n(checked when graded)\n"


def test_the_memory_of_a_session_holds_no_answers(full):
    source = """
import gc, sys, types
words = ("linear" + "_backward", "network" + "_gradients", "Mut" + "ant", "Pi" + "ece")
for thing in gc.get_objects():
    if isinstance(thing, types.FunctionType) and thing.__module__ != "__main__":
        if thing.__name__ in words or "exercises" in str(thing.__module__):
            print(thing)
    if isinstance(thing, type) and thing.__name__ in words:
        print(thing)
print([name for name in sys.modules if "exercises" in name or "diagnosis" in name])
import os
for folder, _, files in os.walk("/sandbox/library"):
    for name in files:
        text = open(os.path.join(folder, name), "rb").read()
        for word in ("def " + words[0], "def " + words[1], "class " + words[2]):
            if word.encode() in text:
                print(name, word)
"""
    with full.session() as session:
        result = session.run_cell(source)
    assert (result.output, result.error) == ("[]\n", None)


DIGITS = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from nncourse.data import digits
(train_x, train_y), (test_x, test_y) = digits(split=True)
np.savez(sys.argv[2], *map(np.asarray, (train_x, train_y, test_x, test_y)))
"""


def test_the_gradient_of_the_cross_entropy_is_not_there(cache):
    path = withhold(READY_MADE, cache) / "nncourse/autograd/vocabulary.py"
    kept = {node.name: node for node in ast.parse(path.read_text()).body if hasattr(node, "name")}
    assert isinstance(kept["one_hot_subtracted"].body[-1], ast.Raise)
    assert not isinstance(kept["unbroadcast"].body[-1], ast.Raise)


def test_held_out_digits_are_not_there(tmp_path):
    from nncourse.data import digits

    library = withhold((), tmp_path)
    command = [sys.executable, "-c", DIGITS, str(library), str(tmp_path / "seen.npz")]
    subprocess.run(command, check=True)
    with np.load(tmp_path / "seen.npz") as seen:
        train_x, train_y, test_x, test_y = (seen[name] for name in seen.files)
    (right_x, right_y), (held_x, _held_y) = digits(split=True)
    np.testing.assert_array_equal(train_x, right_x)
    np.testing.assert_array_equal(train_y, right_y)
    known = {row.tobytes() for row in np.asarray(train_x)}
    assert all(row.tobytes() in known for row in test_x)
    assert len(test_y) == len(np.asarray(held_x))
    held = {row.tobytes() for row in np.asarray(held_x)}
    assert len(held & {row.tobytes() for row in test_x}) == 0
