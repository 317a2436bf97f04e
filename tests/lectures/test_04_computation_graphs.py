"""Lecture 04: its formulas hold, its programs do what is said, and its claims are counted.

The functions and classes that the lecture defines are taken from its own cells, so what is tested
is what is taught.
"""

import ast
import math
import re
from itertools import pairwise

import jupytext
import numpy as np
import pytest

import nncourse as nnc
from nncourse import scalar
from nncourse.plots.graphs import all_paths
from tests.lectures.form import is_note

NAME = "04-computation-graphs.md"
NAMES = ["x", "y", "w1", "b1", "w2", "b2", "w3", "b3"]
POINT = (1.0, 2.0, 2.0, -1.0, -3.0, 1.0, 2.0, 0.5)


@pytest.fixture(scope="session")
def notebook(root):
    return jupytext.read(root / "lectures" / NAME, fmt="md:myst")


def cells_of(notebook, kind, language="en"):
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == kind
        and cell.metadata.get("lang") in (None, language)
        and not is_note(cell)
    ]


def definitions(notebook):
    """What the lecture's cells define: functions, the class, and the counter that it needs."""
    names = {"math": math, "nnc": nnc}
    exec("from itertools import count", names)
    for source in cells_of(notebook, "code"):
        for statement in ast.parse(source).body:
            counter = isinstance(statement, ast.Assign) and "tick" in ast.unparse(statement)
            if counter or isinstance(statement, ast.FunctionDef | ast.ClassDef):
                exec(compile(ast.Module([statement], []), NAME, "exec"), names)
    return names


@pytest.fixture
def taught(notebook):
    return definitions(notebook)


def leaves_of(taught, numbers):
    return [taught["Value"](float(number)) for number in numbers]


def both_squares(taught, x, y):
    return taught["square"](x) + x * y + taught["square"](x + y)


# The formula of the graph


@pytest.mark.parametrize(("x", "y"), [(2.0, 3.0), (-1.5, 0.25), (0.0, -2.0)])
def test_gradient_of_the_example(taught, x, y):
    p, q = leaves_of(taught, (x, y))
    f = both_squares(taught, p, q)
    taught["backward"](f)
    assert f.data == pytest.approx(x**2 + x * y + (x + y) ** 2)
    assert p.grad == pytest.approx(2 * x + y + 2 * (x + y))
    assert q.grad == pytest.approx(x + 2 * (x + y))
    numeric = taught["central_difference"](lambda x, y: x**2 + x * y + (x + y) ** 2, (x, y), 0)
    assert p.grad == pytest.approx(numeric, abs=1e-8)


def test_sum_over_paths_is_the_gradient(taught):
    """On the example, and on random graphs with many paths."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = leaves_of(taught, rng.normal(size=3))
        for _ in range(7):
            a, b = (values[k] for k in rng.integers(len(values), size=2))
            values.append(a * b if rng.random() < 0.5 else a + b)
        order = taught["backward"](values[-1])
        edges = [(u, v, slope) for v in order for u, slope in v.edges]
        for leaf in values[:3]:
            if leaf in order:
                paths = all_paths(edges, leaf, values[-1])
                total = sum(math.prod(edges[k][2] for k in path) for path in paths)
                assert leaf.grad == pytest.approx(total)


def test_doublings_have_exponentially_many_paths():
    edges = [(k, k + 1, 1.0) for k in range(8) for _ in range(2)]
    assert len(edges) == 2 * 8
    assert len(all_paths(edges, 0, 8)) == 2**8
    assert 2**30 > 1e9


# The program and the network


@pytest.mark.parametrize("extra", [0.0, 1.0])
def test_program_read_backwards(extra):
    """The table of the lecture; with extra = 1 its second line is b = a + x."""

    def f(x, w1, w0):
        return 1 + math.exp(x * w1 + (x if extra else w0))

    x, w1, w0 = 0.7, -0.4, 0.3
    c = f(x, w1, w0) - 1
    db = c
    da, dw0 = db, db * (1 - extra)
    dx, dw1 = extra * db + w1 * da, x * da
    for k, found in enumerate((dx, dw1, dw0)):
        moved = np.array([x, w1, w0])
        moved[k] += 1e-5
        above = f(*moved)
        moved[k] -= 2e-5
        assert found == pytest.approx((above - f(*moved)) / 2e-5, abs=1e-8)


def test_numbers_of_the_program(taught):
    e3 = math.exp(3)
    assert taught["program"](2.0) == pytest.approx(1 + e3)
    for h in (0.1, 0.01):  # h^2 f''' / 6, and no such error in e^3 itself
        numeric = (taught["program"](2 + h) - taught["program"](2 - h)) / (2 * h)
        assert numeric - e3 == pytest.approx(h**2 * e3 / 6, rel=0.01)


def test_each_factor_of_the_network(taught):
    """Every line of the derivation against a difference in the node itself."""
    x, y, _w1, _b1, w2, b2, w3, b3 = POINT
    f1, h1, f2, h2, f3, L = taught["forward"](*POINT)
    sigma = taught["sigma"]
    base = 2 * (f3 - y)
    claims = {
        "f3": (base, f3, lambda v: (v - y) ** 2),
        "h2": (base * w3, h2, lambda v: (w3 * v + b3 - y) ** 2),
        "f2": (base * w3 * h2 * (1 - h2), f2, lambda v: (w3 * sigma(v) + b3 - y) ** 2),
    }
    after_h1 = claims["f2"][0] * w2
    claims["h1"] = (after_h1, h1, lambda v: (w3 * sigma(w2 * v + b2) + b3 - y) ** 2)
    claims["f1"] = (
        after_h1 * h1 * (1 - h1),
        f1,
        lambda v: (w3 * sigma(w2 * sigma(v) + b2) + b3 - y) ** 2,
    )
    for claimed, at, rest in claims.values():
        assert rest(at) == pytest.approx(L)
        assert claimed == pytest.approx((rest(at + 1e-6) - rest(at - 1e-6)) / 2e-6, rel=1e-6)
    for k, h in enumerate((x, h1, h2), 1):
        upstream = claims[f"f{k}"][0]
        for name, claimed in ((f"w{k}", upstream * h), (f"b{k}", upstream)):
            numeric = taught["central_difference"](
                lambda *v: taught["forward"](*v)[-1], POINT, NAMES.index(name)
            )
            assert claimed == pytest.approx(numeric, rel=1e-6)


# The engine


def test_engine_agrees_with_the_librarys_two(taught):
    rng = np.random.default_rng(1)
    for _ in range(5):
        numbers = rng.normal(size=8)
        own = leaves_of(taught, numbers)
        taught["backward"](taught["network"](*own))
        twins = [scalar.Value(number) for number in numbers]
        tensors = [nnc.tensor(number, requires_grad=True) for number in numbers]
        for x, y, w1, b1, w2, b2, w3, b3 in (twins, tensors):
            h2 = (w2 * (w1 * x + b1).sigmoid() + b2).sigmoid()
            ((w3 * h2 + b3 - y) ** 2).backward()
        for leaf, twin, tensor in zip(own, twins, tensors, strict=True):
            assert leaf.grad == pytest.approx(twin.grad, rel=1e-12)
            assert leaf.grad == pytest.approx(tensor.grad.item(), rel=1e-12)


def test_engine_has_about_thirty_lines(notebook):
    wanted = {"Value", "square", "sigmoid", "postorder", "backward"}
    lines = 0
    for source in cells_of(notebook, "code"):
        for statement in ast.parse(source).body:
            if getattr(statement, "name", None) in wanted:
                text = ast.get_source_segment(source, statement)
                lines += sum(bool(line.strip()) for line in text.splitlines())
                wanted.remove(statement.name)
    assert not wanted
    assert 25 <= lines <= 32


def test_a_second_backward_gives_the_same(taught):
    x, y = leaves_of(taught, (2, 3))
    f = both_squares(taught, x, y)
    for _ in range(2):
        taught["backward"](f)
        assert (x.grad, y.grad) == (17, 12)


@pytest.mark.parametrize(("again", "wrong"), [(False, 2), (True, 6)])
def test_depth_first_walks_are_wrong(taught, again, wrong):
    a, c = taught["doubled_twice"]()
    taught["depth_first"](c, again, set(), [])
    assert a.grad == wrong
    a, c = taught["doubled_twice"]()
    taught["backward"](c)
    assert a.grad == 4


def test_both_orders_are_topological(taught):
    rng = np.random.default_rng(2)
    for _ in range(20):
        values = leaves_of(taught, rng.normal(size=2))
        for _ in range(10):
            a, b = (values[k] for k in rng.integers(len(values), size=2))
            values.append(a - b)
        orders = [taught["postorder"](values[-1], set()), taught["by_creation"](values[-1])]
        assert set(orders[0]) == set(orders[1])
        for order in orders:
            place = {node: k for k, node in enumerate(order)}
            assert len(place) == len(order)
            assert all(place[u] < place[v] for v in order for u, _ in v.edges)


def test_forward_mode_agrees_with_reverse(taught):
    leaves = leaves_of(taught, POINT)
    loss = taught["network"](*leaves)
    taught["backward"](loss)
    for leaf in leaves:
        assert taught["forward_mode"](loss, leaf) == pytest.approx(leaf.grad, rel=1e-12)


# Kinks


def test_conventions_at_equal_inputs(taught):
    a, b = leaves_of(taught, (2, 2))
    taught["backward"](taught["maximum"](a, b))
    assert (a.grad, b.grad) == (1, 0)
    p, q = (nnc.tensor(2.0, requires_grad=True) for _ in range(2))
    nnc.maximum(p, q).backward()
    assert (p.grad.item(), q.grad.item()) == (0.5, 0.5)
    zero = nnc.tensor(0.0, requires_grad=True)
    zero.relu().backward()
    assert zero.grad.item() == 0


def test_pytorch_shares_the_librarys_conventions():
    torch = pytest.importorskip("torch", reason="PyTorch is an optional extra")
    p, q, zero = (torch.tensor(v, requires_grad=True) for v in (2.0, 2.0, 0.0))
    torch.maximum(p, q).backward()
    zero.relu().backward()
    assert (p.grad.item(), q.grad.item(), zero.grad.item()) == (0.5, 0.5, 0)


@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_any_share_is_a_subgradient_of_max(share):
    """max(a + u, b + v) >= max(a, b) + share u + (1 - share) v for all moves (u, v) from a tie."""
    u, v = np.random.default_rng(3).normal(size=(2, 1000))
    assert np.all(np.maximum(2 + u, 2 + v) >= 2 + share * u + (1 - share) * v - 1e-12)


def test_lawful_choices_add_up_to_a_wrong_derivative(taught):
    for number, found in ((0.5, 1), (-0.5, 1), (0.0, 0)):
        a, zero = leaves_of(taught, (number, 0))
        result = taught["maximum"](zero, a) - taught["maximum"](zero, zero - a)
        taught["backward"](result)
        assert result.data == number
        assert a.grad == found


# What is counted


def test_edges_of_the_funnel(taught):
    """Three edges per input (a square, a sum of two), one per output."""
    for n, m in ((1, 1), (5, 1), (1, 7), (4, 4)):
        assert taught["edges_of_funnel"](n, m) == 3 * n + m


def test_operations_of_a_network_of_numbers(taught):
    def layer(inputs, weights, biases):
        return [sum((w * x for w, x in zip(row, inputs)), b) for row, b in zip(weights, biases)]

    def operations(*sizes):
        values = leaves_of(taught, range(sizes[0]))
        for k, (n, m) in enumerate(pairwise(sizes)):
            weights = [leaves_of(taught, range(n)) for _ in range(m)]
            values = layer(values, weights, leaves_of(taught, range(m)))
            if k < len(sizes) - 2:
                values = [taught["sigmoid"](v) for v in values]
        return sum(bool(node.edges) for node in taught["by_creation"](*values))

    assert operations(4, 3, 2) == 2 * (4 * 3 + 3 * 2) + 3
    assert 2 * (64 * 256 + 256 * 10) == 37888


# The form of a lecture


@pytest.mark.parametrize("language", ["ru", "en"])
def test_form_of_the_lecture(notebook, language):
    text = "\n".join(cells_of(notebook, "markdown", language))
    code = "\n".join(cells_of(notebook, "code", language))
    bare = re.sub(r"\$\$.+?\$\$|\$[^$]+\$|\]\([^)]*\)|<[^>]+>", " ", text, flags=re.DOTALL)
    assert 900 <= len(re.findall(r"\w+", bare)) <= 2100
    question, predict, mistake = {
        "ru": ("**Вопрос залу.**", "**Предскажите, потом запустите", "### Найдите ошибку"),
        "en": ("**Question to the audience.**", "**Predict, then run", "### Find the mistake"),
    }[language]
    assert text.count(question) >= 3
    assert text.count(predict) >= 2
    assert text.count(mistake) == 2
    assert text.count("<details><summary>") == text.count("</details>") >= 5
    assert 3 <= code.count("plt.show()") <= 6
    assert code.count("widgets.GraphStepper(") >= 3
