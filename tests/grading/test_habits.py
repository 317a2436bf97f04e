"""What honest students do around an answer, in JupyterLab, costs no points.

Each habit stands in an answer cell before the answer and is graded from end to end: what of it
fails takes the answer with it.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nncourse.course.files import Course
from nncourse.grading.assignment import make_assignment
from nncourse.grading.bench import Bench
from nncourse.grading.grade_command import grading
from nncourse.grading.results import read_results
from nncourse.grading.worker import make_item
from tests.grading.toy import make_released, role, submission, with_cell

ROOT = Path(__file__).parents[2]

ANSWER = "def f(x):\n    return 2 * x\n"
SETUP = "import numpy as np\nimport matplotlib.pyplot as plt\nfrom nncourse.check import check"

COURSE = "widgets of the course"

HABITS = {
    # IPython.display
    "all of display": "from IPython.display import (display, HTML, Markdown, Image, clear_output,\n"
    "    Math, Latex, SVG, Audio, YouTubeVideo, IFrame, Javascript, Code)\n"
    "display(HTML('<b>x</b>'), Markdown('# a'), Math('x'), Image('there-is-none.png'))",
    "clear_output": "from IPython.display import clear_output\nclear_output(wait=True)",
    "display as a module": "from IPython import display\ndisplay.clear_output(wait=True)\n"
    "display.display(display.SVG('x'))\nimport IPython.display as d\nd.display(d.Latex('x'))",
    "IPython itself": "import IPython\nIPython.display.display(1)\n"
    "assert IPython.version_info[0] > 7",
    "old display": "from IPython.core.display import display, HTML\n"
    "display(HTML('<style></style>'))",
    "star": "from ipywidgets import *\nfrom IPython.display import *\nclear_output()\n"
    "interact(lambda x: x, x=IntSlider(3))\ndisplay(HTML('x'))",
    "a handle": "h = display('a', display_id=True)\nh.update('b')",
    "all outputs": "from IPython.core.interactiveshell import InteractiveShell\n"
    "InteractiveShell.ast_node_interactivity = 'all'",
    # the kernel
    "get_ipython": "from IPython import get_ipython\n"
    "get_ipython().run_line_magic('matplotlib', 'inline')\nget_ipython().system('ls')",
    "get_ipython without import": "get_ipython().run_line_magic('load_ext', 'autoreload')",
    "in a kernel?": "try:\n    shell = get_ipython().__class__.__name__\n    if 'IPKernelApp' in "
    "get_ipython().config: pass\nexcept NameError:\n    shell = None",
    "if there is a kernel": "if get_ipython():\n    raise RuntimeError('nobody will look')",
    "own magic": "from IPython.core.magic import register_line_magic\n@register_line_magic\n"
    "def hi(line): return 3\nassert hi('') == 3",
    "the end of the kernel": "quit()\nexit",
    "earlier values": "_, __, In, Out",
    "help": "help(np.dot)",
    # magics
    "matplotlib": "%matplotlib inline\n%config InlineBackend.figure_format = 'retina'",
    "time": "%time y = max(1, 2)\nassert y == 2",
    "timeit": "%timeit sum(range(10))\nt = %timeit -o sum(range(10))\nprint(t.average)",
    "cell time": "%%time",
    "cell capture": "%%capture out\nprint(3)\nout.show()",
    "shell": "!pip install numpy\nfiles = !ls\nfor name in files: print(name)",
    "pip": "%pip install -q numpy",
    "question": "?np.dot\nnp.dot?",
    "question and docstring": '%time\ndef g():\n    """Is it so?\n    """\ns = ("%d"\n    % 3)',
    "a cell that is indented": "    x = 3\n    if x:\n        x = 4\n    del x",
    # widgets
    "slider": "import ipywidgets as widgets\nlr = widgets.FloatSlider(value=0.5, min=0, max=1)\n"
    "lr.observe(print, names='value')\nassert lr.value == 0.5",
    "interact": "from ipywidgets import interact, fixed\n"
    "interact(lambda x, y: x, x=(0, 3), y=fixed(1))\n"
    "@interact(x=(0, 1))\ndef show(x): return x\nassert show(3) == 3",
    "interactive": "from ipywidgets import interactive, HBox\nw = interactive(abs, x=(0, 3))\n"
    "display(HBox(list(w.children)))",
    "output": "import ipywidgets as w\nout = w.Output(layout={'border': '1px'})\nwith out:\n"
    "    x = 3\n"
    "@out.capture()\ndef g(): return x\nassert g() == 3\nw.Button(description='a').on_click(g)",
    "own widget": "import ipywidgets as w\nclass Panel(w.VBox):\n    def __init__(self):\n"
    "        super().__init__([w.Button()], layout=w.Layout(width='3px'))\nPanel()",
    COURSE: "import nncourse.widgets\n"
    "from nncourse.widgets import GraphStepper, GateBuilder\n"
    "GraphStepper('x*y', x=1, y=2)\nGateBuilder()\nfrom nncourse import widgets",
    # progress
    "tqdm": "from tqdm import tqdm\nassert list(tqdm([1, 2], desc='a')) == [1, 2]",
    "tqdm.auto": "from tqdm.auto import tqdm, trange\nbar = trange(3)\nfor i in bar:\n"
    "    bar.set_postfix(loss=1)\nassert i == 2 and len(bar) == 3",
    "tqdm.notebook": "from tqdm.notebook import tqdm\nwith tqdm(total=3) as bar:\n"
    "    bar.update(1)\n"
    "    bar.n += 1\ntqdm.write('x')",
    "module tqdm": "import tqdm\nassert sum(tqdm.tqdm(range(3))) == sum(tqdm.trange(3)) == 3\n"
    "assert 2 in tqdm.tqdm([1, 2])",
    # pictures
    "show": "import IPython\nplt.style.use('seaborn-v0_8')\nplt.ion()\nplt.plot([1])\n"
    "plt.pause(0.01)\n"
    "plt.show()\nplt.gcf()",
    "seaborn": "import seaborn as sns\nsns.set_theme(style='whitegrid')\n"
    "ax = sns.heatmap(np.eye(2), annot=True)\nax.set(xlabel='x')\nsns.despine()",
    "plotly": "import plotly.express as px\nimport plotly.graph_objects as go\n"
    "fig = go.Figure(data=[go.Scatter(x=[1], y=[2])])\nfig.update_layout(title='t').show()\n"
    "px.line(x=[1], y=[2]).show()",
    "bokeh and altair": "from bokeh.plotting import figure, show\nimport altair as alt\n"
    "p = figure()\np.line([1], [2])\nshow(p)\nalt.Chart([1]).mark_line().encode(x='a')",
    "colab": "from google.colab import drive, files\ndrive.mount('/content/drive')\n"
    "import google.colab\nfiles.download('a.png')",
    "formats": "from matplotlib_inline import backend_inline\n"
    "backend_inline.set_matplotlib_formats('svg')",
    "plots": "import nncourse.plots\nfrom nncourse import plots",
    "savefig": "import os\nos.makedirs('figures', exist_ok=True)\nplt.savefig('figures/a.png')",
    # Python
    "modules": "import warnings, time, sys, os, logging, random, pathlib, threading, getpass\n"
    "warnings.filterwarnings('ignore')\ngetpass.getuser()\n"
    "logging.basicConfig(stream=sys.stdout)",
    "main": "if __name__ == '__main__':\n    print('main')",
    "typing": "from typing import Callable, Optional\n"
    "def g(x: Optional[np.ndarray]) -> Callable: ...",
    "future": "from __future__ import annotations\nclass A:\n    def g(self) -> A: ...",
    "await": "import asyncio\nasync def g(): return 3\nx = await asyncio.gather(g(), g())\n"
    "assert x == [3, 3]\nawait g()",
    "path": "import sys, os\nsys.path.append('..')\nsys.path.insert(0, os.path.abspath('.'))",
    "own file": "np.save('w.npy', np.ones(3))\nassert np.load('w.npy').sum() == 3",
    "errors": "import sys\nprint('x', file=sys.stderr)\nnp.log(np.zeros(1))",
    "check": "r = check('ps05.relu_backward', abs)\n"
    "assert r.passed and r.score == 1 and not r.hints()\n"
    "r.hint()\nr.points(10)\nfrom nncourse.check import Explanation, Report, explain_gradient\n"
    "assert explain_gradient(1, 2).agrees",
}

# What does not work in a graded session may stand after the answer.
AFTER = {
    "input": "n = input('n? ')",
    "own test that fails": "assert f(2) == 5",
    "end": "import sys\nsys.exit()",
    "another package": "import pandas",
    "a file beside the notebook": "np.load('data.npz')",
}


def notebook(**rules):
    cells = [
        ("setup", "readonly", None, SETUP),
        ("f", "solution", None, ANSWER),
        ("t", "tests", 10.0, "assert f(2) == 4"),
    ]
    return {
        "cells": [
            {"cell_type": "code", "metadata": role(name, kind, points), "source": source}
            for name, kind, points, source in cells
        ],
        "metadata": {"nncourse": {"grading": rules}},
    }


def grader(bench, **rules):
    found = notebook(**rules)
    packed = make_assignment("toy", found, found, "en").packed

    def grade(answer):
        bench.prepare(packed)
        return json.loads(bench.grade(make_item("anna", {"f": answer}, 1)))

    return grade


@pytest.fixture(scope="module")
def bench():
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with Bench() as found:
        yield found


@pytest.fixture(scope="module")
def grade(bench):
    return grader(bench)


def points(result):
    return result["questions"]["t"]["points"]


def texts(result):
    return "".join(output.get("text", "") for output in result["outputs"]["1"])


@pytest.mark.parametrize("name", HABITS)
def test_a_habit_costs_nothing(grade, name):
    indent = "    " if HABITS[name].startswith(" ") else ""
    answer = "".join(f"{indent}{line}\n" for line in ANSWER.splitlines())
    result = grade(f"{HABITS[name]}\n{answer}")
    assert result["notes"] == []
    assert points(result) == 10


@pytest.mark.parametrize("name", AFTER)
def test_what_fails_after_the_answer_costs_nothing_but_a_remark(grade, name):
    result = grade(ANSWER + AFTER[name])
    assert points(result) == 10
    assert len(result["notes"]) == 1


def test_what_is_displayed_is_shown_as_text(grade):
    shown = "from IPython.display import HTML\ndisplay(np.eye(2), HTML('x'))\nHTML('y')"
    assert texts(grade(f"{shown}\n{ANSWER}")) == repr(__import__("numpy").eye(2)) + "\n"
    shown = "from IPython import display\ndisplay.display(3)"
    assert texts(grade(f"{shown}\n{ANSWER}")) == "3\n"
    assert texts(grade(f"{ANSWER}check('ps05.relu_backward', f).points(10)")) == (
        "(checked when graded)\n"
    )


def test_what_is_not_stood_in_for_is_missing(grade):
    """A bar that goes over nothing, or a name that is wrong, would be worse than an error."""
    wrong = ("import tqdm\ntqdm.bar", "from nncourse.plots import bar", "import IPythn")
    for source in (*wrong, "import google.cloud"):
        assert points(grade(f"{source}\n{ANSWER}")) == 0


def test_a_package_that_the_rules_allow_is_the_real_one(bench):
    real = "import tqdm\nassert tqdm.__version__ and tqdm.std.TqdmWarning\n"
    real += "from tqdm.auto import tqdm\nassert sum(tqdm(range(4))) == 6\n"
    result = grader(bench, packages=["numpy", "matplotlib", "tqdm"])(real + ANSWER)
    assert result["notes"] == []
    assert points(result) == 10


def test_widgets_are_stood_in_for_also_where_nothing_is_withheld(bench):
    result = grader(bench, withheld=[])(f"{HABITS[COURSE]}\n{ANSWER}")
    assert result["notes"] == []
    assert points(result) == 10


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("from numba import njit", "the rule packages allows numpy, matplotlib"),
        ("import torch.nn as nn", "the rule packages allows numpy, matplotlib"),
        ("from nncourse import nn", "left out by the rule withheld"),
        ("import nncourse.exercises.ps05", "left out by the rule withheld"),
    ],
)
def test_an_import_that_fails_says_what_can_be_imported(grade, source, says):
    result = grade(f"{source}\n{ANSWER}")
    assert points(result) == 0
    (note,) = result["notes"]
    assert note.endswith(f"({says})")
    (error,) = result["outputs"]["1"]
    assert error["traceback"][-1] == (
        "A graded answer can import Python's own modules, numpy, matplotlib, and nncourse without "
        "the parts that the exercise asks for."
    )


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("n = input()", "nobody answers to input()"),
        ("breakpoint()", "nobody answers to a debugger"),
        ("np.load('data.npz')", "no other files lie beside the notebook"),
        ("helper(3)", "whatever an answer needs must be defined above the check"),
    ],
)
def test_an_error_for_what_a_session_lacks_says_so(grade, source, says):
    result = grade(f"{source}\n{ANSWER}")
    assert points(result) == 0
    assert says in result["outputs"]["1"][-1]["traceback"][-1]


def test_nothing_on_the_trusted_side_finds_a_stand_in():
    import nncourse.grading.oracle  # noqa: F401  it has what the sandbox has of cells

    found = [type(finder).__name__ for finder in sys.meta_path]
    assert "StandIns" not in found
    import IPython

    assert IPython.__file__


SLOPPY = {
    "linear_backward_answer": """\
%matplotlib inline
%load_ext autoreload
%autoreload 2
!pip install -q tqdm
import sys, os, time, warnings, math
import matplotlib.pyplot as plt
from IPython.display import display, clear_output, HTML
from tqdm.auto import tqdm
import ipywidgets as widgets

warnings.filterwarnings("ignore")
sys.path.append("..")
np.set_printoptions(precision=3)
plt.rcParams["figure.figsize"] = (4, 3)

def linear_backward(dout, x, W, b):
    # is it x or x.T?
    dx = dout @ W
    dW = dout.T @ x
    db = dout.sum(axis=0)
    return dx, dW, db

np.sum?
display(linear_backward(np.ones((2, 1)), np.eye(2), np.ones((1, 2)), np.zeros(1)))
%timeit linear_backward(np.ones((2, 1)), np.eye(2), np.ones((1, 2)), np.zeros(1))
assert check("ps05.linear_backward", linear_backward).passed
""",
    "relu_backward_answer": """\
%%time
def relu_backward(dout: np.ndarray, z: np.ndarray) -> np.ndarray:
    '''Why not z >= 0?
    % of kinks: none
    '''
    dz = np.zeros_like(z)
    for i in tqdm(range(z.shape[0]), leave=False):
        dz[i] = dout[i] * (z[i] > 0)
    return dz

r = check("ps05.relu_backward", relu_backward)
r.hint()
r""",
    "sigmoid_backward_answer": """\
    def sigmoid_backward(dout, s):
        return dout * s * (1 - s)

    if __name__ == "__main__":
        plt.plot(np.linspace(0, 1), sigmoid_backward(np.ones(50), np.linspace(0, 1)));
        plt.show()
""",
    "tanh_backward_answer": """\
from ipywidgets import interact
@interact(a=(0.1, 3.0))
def picture(a=1.0):
    plt.plot(np.tanh(a * np.linspace(-3, 3)))

def tanh_backward(dout, h):
    return dout * (1 - h**2)

out = widgets.Output()
with out:
    print(tanh_backward(1, 0.5))
out""",
    "softmax_cross_entropy_answer": """\
np.seterr(all="raise")
warnings.filterwarnings("error")
def softmax_cross_entropy(logits, y):
    N = len(y)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[range(N), y].mean()
    dlogits = np.exp(log_p)
    dlogits[range(N), y] -= 1
    return loss, dlogits / N

%time loss, d = softmax_cross_entropy(np.zeros((2, 3)), np.array([0, 1]))
assert math.isclose(loss, math.log(3))
check("ps05.softmax_cross_entropy", softmax_cross_entropy).points(20)
""",
    "network_gradients_answer": """\
def network_gradients(params, x, y):
    W1, b1, W2, b2 = (params[k] for k in ("W1", "b1", "W2", "b2"))
    h = np.tanh(x @ W1.T + b1)
    loss, dlogits = softmax_cross_entropy(h @ W2.T + b2, y)
    dh, dW2, db2 = linear_backward(dlogits, h, W2, b2)
    _, dW1, db1 = linear_backward(tanh_backward(dh, h), x, W1, b1)
    return loss, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
help(network_gradients)
""",
    "predicted_loss_answer": "def predicted_loss():\n    return math.log(10)\npredicted_loss?",
    "corrected_gradient_answer": """\
def corrected_gradient(w1, w2, x, y):
    u = np.tanh(w1 @ x)
    a = np.tanh(w2 @ u)
    return np.outer((a - y) * (1 - a**2) * w2 * (1 - u**2), x)
""",
    "train_answer": """\
from tqdm.notebook import trange
handle = display(HTML("<progress>"), display_id=True)

def train(x, y, epochs=15, batch_size=64, lr=0.3, momentum=0.9, hidden=32):
    rng = np.random.default_rng(0)
    params, losses = init_params(64, hidden, 10), []
    velocity = {k: np.zeros_like(v) for k, v in params.items()}
    for epoch in (bar := trange(epochs, desc="epochs")):
        order = rng.permutation(len(x))
        for rows in np.split(order, range(batch_size, len(x), batch_size)):
            loss, grads = network_gradients(params, x[rows], y[rows])
            losses.append(loss)
            for k in params:
                velocity[k] = momentum * velocity[k] - lr * grads[k]
                params[k] += velocity[k]
        bar.set_postfix(loss=f"{loss:.3f}")
        clear_output(wait=True)
        handle.update(HTML(f"<b>{epoch}</b>"))
        print(epoch, loss)
    plt.plot(losses)
    plt.savefig("losses.png")
    plt.show()
    return params, losses
""",
    "predict_answer": """\
def predict(x):
    h = np.tanh(x @ trained["W1"].T + trained["b1"])
    return (h @ trained["W2"].T + trained["b2"]).argmax(axis=1)
get_ipython().run_line_magic("whos", "")
await __import__("asyncio").sleep(0)
""",
}


def test_a_sloppy_students_exercise_5_gets_what_a_tidy_ones_does(tmp_path):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    course = make_released(tmp_path / "course", Course(ROOT), "ps05", "en")
    (tmp_path / "in").mkdir()
    for name, answers in (("sloppy", SLOPPY), ("empty", {})):
        text = submission(course, "ps05", answers, with_cell("import torch"))
        (tmp_path / "in" / f"{name}.ipynb").write_text(text, "utf-8")
    command = ["ps05", str(tmp_path / "in"), "--course", str(course.root), "--workers", "1"]
    done = CliRunner().invoke(grading, command)
    assert done.exit_code == 0, done.output
    results = {result.student: result for result in read_results(course, "ps05")}
    assert results["empty"].points == 0
    wrong = {g: v.points for g, v in results["sloppy"].grades.items() if v.points < v.max_points}
    assert wrong == {"explain_zero_init": 0}, results["sloppy"].notes
    assert results["sloppy"].points == 90
