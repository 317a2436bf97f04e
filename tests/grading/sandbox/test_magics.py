"""IPython's syntax as Python: IPython itself is the oracle."""

from __future__ import annotations

import ast
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncourse.grading.sandbox.inside.cells import parse
from nncourse.grading.sandbox.inside.magics import python

transformer = pytest.importorskip("IPython.core.inputtransformer2").TransformerManager()


class Passed(ast.NodeTransformer):
    """What IPython makes of a cell, without what only IPython can do."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        call = magic(node.value)
        if call is None:
            return node
        name, *arguments = call
        if name == "run_line_magic" and arguments[0] == "time" and arguments[1]:
            return ast.parse(arguments[1]).body
        return ast.Pass()

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        if magic(node.value) is not None:
            node.value = ast.parse("get_ipython()", mode="eval").body
        return node


def magic(node: ast.expr) -> list[str] | None:
    """The method and the arguments of get_ipython().method(...)."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    owner = node.func.value
    if not isinstance(owner, ast.Call) or ast.unparse(owner) != "get_ipython()":
        return None
    return [node.func.attr, *(ast.literal_eval(argument) for argument in node.args)]


def in_ipython(cell: str) -> str:
    tree = ast.parse(transformer.transform_cell(cell))
    return ast.unparse(ast.fix_missing_locations(Passed().visit(tree)))


PIECES = [
    "%matplotlib inline",
    "%time y = f(3)",
    "%time",
    "%timeit -n 1 f(3)",
    "%timeit -n 1 \\\n    sum(range(3))",
    "t = %timeit -o f(3)",
    "!pip install numpy  # isn't it there?",
    "files = !ls *.py",
    "a, b = !ls",
    "?np.dot",
    "??f",
    "np.dot?",
    "np.dot??",
    "%load_ext autoreload\n%autoreload 2",
    "%config InlineBackend.figure_format = 'retina'",
    "for i in range(3):\n    %time f(i)\n    !ls\n    print(i)",
    "def g():\n    !ls\n    return 3",
    "if x:\n    !ls\nelse:\n    n = %who_ls",
    "s = ('%d'\n     % 3)",
    "s = ('a?'\n     '!b')",
    "m = [1,\n  2\n  ]",
    "x = 3 \\\n    % 2",
    "x %= 3",
    "x = a != b",
    'd = """Is it so?\n%matplotlib\n!ls\n"""',
    "d = '''\n?\n'''",
    "def h():\n    '''Why?\n\n    %d of it\n    '''\n    return '\\'%'",
    "# Why?",
    "x = 3  # '''",
    'z = f"{x!r} {x:%}"',
    'e = \'"""\'',
    "k = 'it\\'s' + \"#\"",
    "",
    "print(f'''{x}\n%{x}''')",
]


@pytest.mark.parametrize("piece", PIECES)
def test_each_kind_of_magic_means_what_it_means_in_ipython(piece):
    assert ast.unparse(ast.parse(python(piece))) == in_ipython(piece)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=6))
def test_any_cell_of_them_does(pieces):
    cell = "\n".join(pieces)
    assert ast.unparse(parse(cell)) == in_ipython(cell)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
def test_lines_stay_where_they_are(pieces):
    cell = "\n".join([*pieces, "here = 1"])
    assert python(cell).count("\n") == cell.count("\n")
    assert parse(cell).body[-1].lineno == cell.count("\n") + 1


@pytest.mark.parametrize("name", ["time", "capture", "prun"])
def test_the_body_of_a_cell_magic_runs(name):
    assert ast.unparse(parse(f"%%{name}\nx = 3\n%matplotlib inline\ny = 4")) == (
        "pass\nx = 3\npass\ny = 4"
    )


FOREIGN = ["script false --no-raise-error", "bash", "python3", "html", "R"]
FOREIGN += ["timeit", "node", "cython", "writefile {name}"]


@pytest.mark.parametrize("name", FOREIGN)
def test_the_body_of_a_cell_for_another_program_does_not_run(name):
    assert python(f"%%{name}\nx = 3\ny = 4") == "pass\n\n"


@pytest.mark.parametrize(
    "magic", ["writefile draft.py", "writefile -a 'draft.py'", "file --append draft.py "]
)
def test_a_cell_that_writes_a_file_does(magic, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("draft.py").write_text("# before\n")
    cell = f"\n%%{magic}\ns = 'é\\n'\n\n"
    assert python(cell).count("\n") == cell.count("\n")
    exec(compile(parse(cell), "<cell>", "exec"), {})
    before = "# before\n" if "-a" in magic else ""
    assert Path("draft.py").read_text("utf-8") == before + "s = 'é\\n'\n\n\n"


def test_what_a_cell_captures_has_a_name():
    assert python("%%capture out\nx = 3") == "out = get_ipython()\nx = 3"
    assert python("%%capture --no-stderr out\n") == "out = get_ipython()\n"


@pytest.mark.parametrize(
    "cell",
    [
        "\n    x = 3\n    if x:\n        y = 4",
        ">>> x = 3\n>>> y = x",
        "In [12]: def f(x):\n    ...:     return x\n    ...: \n\nIn [13]: f(3)",
        "In [1]: %time x = 3",
    ],
)
def test_a_cell_that_is_indented_or_has_prompts_runs_as_in_ipython(cell):
    assert ast.unparse(parse(cell)) == in_ipython(cell)


def test_python_stays_as_it_is():
    """No statement of Python looks like a magic, whatever its strings hold."""
    paths = sorted(Path(json.__file__).parents[1].glob("*.py"))[::4]
    assert len(paths) > 20
    for path in paths:
        text = path.read_text("utf-8", errors="replace")
        assert python(text) == text, path


LONG = [
    '\\"',
    '"""',
    "'''\"",
    '"\\\n',
    "#\\\n'",
    "%x\\\n",
    "(",
    "?\n",
    "a?",
    "x = %",
    '"#\n',
    "     ",
]


@pytest.mark.parametrize("text", LONG)
def test_no_cell_takes_long(text):
    times = []
    for count in (10_000, 40_000):
        start = time.process_time()
        python(text * count)
        times.append(time.process_time() - start)
    assert times[1] < 16 * times[0] / 2 + 0.2, "it grows with the length, not with its square"
