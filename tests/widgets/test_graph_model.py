"""The numbers of the computation graph: against Python, differences, complex steps, autograd."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nncourse.widgets.expression import ExpressionError
from nncourse.widgets.graph_model import central_difference, drawing, run, starting_values
from nncourse.widgets.parser import parse

STANDARD = "x^2 + x*y + (x + y)^2"


def passes(text: str, **values: float):
    expression = parse(text)
    return run(expression, starting_values(expression, values))


def gradients(text: str, **values: float) -> dict[str, float]:
    result = passes(text, **values)
    return {
        node.name: g
        for node, g in zip(result.expression.nodes, result.gradients)
        if node.operation is None
    }


def test_standard_example():
    result = passes(STANDARD, x=2, y=3)
    assert result.values[-1] == 35
    # df/dx = 2x + y + 2(x + y), df/dy = x + 2(x + y)
    assert gradients(STANDARD, x=2, y=3) == {"x": 17.0, "y": 12.0}


def test_a_value_used_twice():
    result = passes("b = a + a; c = b + b", a=3)
    assert result.values == [3, 6, 12]
    assert result.gradients == [4, 2, 1]


def test_kinks_follow_the_stated_convention():
    assert gradients("relu(x)", x=0) == {"x": 0.0}
    assert gradients("abs(x)", x=0) == {"x": 0.0}
    assert gradients("max(x, y)", x=1, y=1) == {"x": 1.0, "y": 0.0}
    assert gradients("min(x, y)", x=1, y=1) == {"x": 1.0, "y": 0.0}


def test_sigmoid_does_not_overflow():
    assert gradients("sigmoid(x)", x=-800) == {"x": 0.0}
    assert gradients("sigmoid(x)", x=800) == {"x": 0.0}


# Random expressions: the text is evaluated by Python itself, in real and in complex numbers.
REAL = {
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "sqrt": math.sqrt,
    "sigmoid": lambda u: 1 / (1 + math.exp(-u)),
    "relu": lambda u: max(u, 0.0),
    "abs": abs,
    "max": max,
    "min": min,
}
ANALYTIC = {
    **{name: getattr(cmath, name) for name in ("exp", "log", "sin", "cos", "tanh", "sqrt")},
    "sigmoid": lambda u: 1 / (1 + cmath.exp(-u)),
}

leaves = st.sampled_from(["x", "y", "z"])
constants = st.sampled_from(["2", "0.5", "3", "1.25"])


def expressions(functions: list[str], pairs: list[str]):
    def grow(inner):
        return st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            inner.map(lambda u: f"(-{u})"),
            st.tuples(inner, st.sampled_from(["2", "3", "-1"])).map(lambda t: f"{t[0]}**{t[1]}"),
            st.tuples(st.sampled_from(functions), inner).map(lambda t: f"{t[0]}({t[1]})"),
            *(
                st.tuples(st.sampled_from(pairs), inner, inner).map(
                    lambda t: f"{t[0]}({t[1]}, {t[2]})"
                )
                for _ in pairs[:1]
            ),
        )

    # A sum with a variable in front, so that there is something to compute.
    return st.recursive(st.one_of(leaves, constants), grow, max_leaves=8).map(lambda t: f"x + {t}")


values = st.fixed_dictionaries({name: st.floats(0.05, 2) | st.floats(-2, -0.05) for name in "xyz"})


def computed(text, point):
    try:
        result = passes(text, **{k: v for k, v in point.items() if k in text.replace("exp", "")})
    except ExpressionError:
        assume(False)
    sizes = [abs(v) for v in (*result.values, *result.gradients)]
    assume(max(sizes) < 1e4)
    return result


@settings(max_examples=150, deadline=None)
@given(expressions(list(REAL)[:9], ["max", "min"]), values)
def test_random_expressions_agree_with_python_and_central_differences(text, point):
    result = computed(text, point)
    assert result.values[-1] == pytest.approx(eval(text, REAL, dict(point)), rel=1e-9, abs=1e-12)
    for i in result.expression.leaves:
        name = result.expression.nodes[i].name
        fine = central_difference(result, name)
        assume(fine is not None)
        # Where the two sides disagree there is a kink, or a curvature too strong for this step.
        ahead, behind = (
            computed(text, {**point, name: point[name] + d}).values[-1] for d in (1e-5, -1e-5)
        )
        assume(abs(ahead - 2 * result.values[-1] + behind) <= 1e-9)
        assert result.gradients[i] == pytest.approx(fine, rel=1e-4, abs=1e-4)


@settings(max_examples=150, deadline=None)
@given(expressions(list(ANALYTIC), []), values)
def test_random_analytic_expressions_agree_with_the_complex_step(text, point):
    result = computed(text, point)
    for i in result.expression.leaves:
        name = result.expression.nodes[i].name
        moved = {**point, name: complex(point[name], 1e-30)}
        derivative = eval(text, ANALYTIC, moved)
        derivative = derivative.imag / 1e-30 if isinstance(derivative, complex) else 0.0
        scale = max(1.0, *(abs(p) for row in result.partials for p in row), abs(derivative))
        assert result.gradients[i] == pytest.approx(derivative, abs=1e-9 * scale**2)


@pytest.mark.parametrize(
    "text",
    [
        STANDARD,
        "b = a + a; c = b + b",
        "tanh(w*x + b)",
        "exp(x) / (1 + exp(x))",
        "log(x*x + y) * (x - y)",
        "sigmoid(w0*x0 + w1*x1 + w2)",
        "relu(x - y) + x*y",
    ],
)
def test_agrees_with_the_courses_autograd(text):
    nnc = pytest.importorskip("nncourse")
    if not hasattr(nnc, "tensor"):
        pytest.skip("nncourse has no tensors yet")
    result = passes(text)
    tensors = {
        name: nnc.tensor(value, dtype=nnc.float64, requires_grad=True)
        for name, value in result.leaves.items()
    }
    names = {
        "exp": lambda u: u.exp(),
        "log": lambda u: u.log(),
        "tanh": lambda u: u.tanh(),
        "sigmoid": lambda u: u.sigmoid(),
        "relu": lambda u: u.relu(),
    }
    scope = {**names, **tensors}
    *statements, last = text.replace("^", "**").split(";")
    for statement in statements:
        exec(statement.strip(), scope)
    output = eval(last.split("=")[-1].strip(), scope)
    output.backward()
    assert result.values[-1] == pytest.approx(output.item(), rel=1e-6)
    for name, gradient in gradients(text).items():
        assert gradient == pytest.approx(tensors[name].grad.item(), rel=1e-6)


def test_drawing_holds_every_node_and_edge():
    expression = parse(STANDARD)
    picture = drawing(expression)
    assert [node["label"] for node in picture["nodes"]] == [n.label for n in expression.nodes]
    assert [(e["source"], e["target"]) for e in picture["edges"]] == [
        (u, i) for u, i, _place in expression.edges
    ]
    for node in picture["nodes"]:
        assert node["x"] - node["width"] / 2 >= 0
        assert node["x"] + node["width"] / 2 <= picture["width"] + 0.1
        assert node["y"] + node["height"] / 2 <= picture["height"] + 0.1


def test_central_difference_beside_a_place_without_value():
    result = passes("log(x)", x=1e-6)
    assert central_difference(result, "x") is None
    assert np.isfinite(result.gradients).all()
