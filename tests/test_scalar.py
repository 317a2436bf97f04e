"""The scalar engine gives the numbers of the array engine, and both those of PyTorch."""

import gc
import inspect
import math
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse import scalar
from nncourse.scalar import Value

# The expressions of micrograd's tests, and PyTorch's numbers for them in float64.


def sanity(x, relu):
    z = 2 * x + 2 + x
    q = relu(z) + z * x
    h = relu(z * z)
    return h + q + q * x


def more_operations(a, b, relu):
    c = a + b
    d = a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + relu(b + a)
    d = d + 3 * d + relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    return g + 10.0 / f


EXPRESSIONS = [
    (sanity, (-4.0,), -20.0, (46.0,)),
    (
        more_operations,
        (-4.0, 2.0),
        24.704081632653061,
        (138.83381924198252, 645.5772594752186),
    ),
]

expressions = pytest.mark.parametrize(("expression", "inputs", "value", "slopes"), EXPRESSIONS)


def with_scalars(expression, inputs):
    leaves = [Value(x) for x in inputs]
    out = expression(*leaves, Value.relu)
    out.backward()
    return out.data, [x.grad for x in leaves]


def with_arrays(expression, inputs):
    leaves = [nnc.tensor(x, dtype=nnc.float64, requires_grad=True) for x in inputs]
    out = expression(*leaves, nnc.relu)
    out.backward()
    return out.item(), [x.grad.item() for x in leaves]


@expressions
@pytest.mark.parametrize("engine", [with_scalars, with_arrays])
def test_expressions_of_micrograd_give_pytorchs_numbers(expression, inputs, value, slopes, engine):
    found, found_slopes = engine(expression, inputs)
    assert found == pytest.approx(value, rel=1e-13)
    assert found_slopes == pytest.approx(slopes, rel=1e-13)


@expressions
def test_the_numbers_are_pytorchs(expression, inputs, value, slopes):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; the numbers are kept")
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
    out = expression(*leaves, torch.relu)
    out.backward()
    assert out.item() == pytest.approx(value, rel=1e-14)
    assert [x.grad.item() for x in leaves] == pytest.approx(slopes, rel=1e-14)


# Random expressions: written once, they run on values and on tensors alike. Arguments are kept
# where functions are defined and do not overflow.

UNARY = {
    "neg": lambda a: -a,
    "exp": lambda a: a.tanh().exp(),
    "log": lambda a: (a * a + 1).log(),
    "sin": lambda a: a.sin(),
    "cos": lambda a: a.cos(),
    "tanh": lambda a: a.tanh(),
    "sigmoid": lambda a: a.sigmoid(),
    "relu": lambda a: a.relu(),
    "square": lambda a: a.sin() ** 2,
    "cube": lambda a: a.cos() ** 3,
    "root": lambda a: (a * a + 1) ** -0.5,
    "number on the left": lambda a: 2 - 3 * a.sin(),
    "quotient of a number": lambda a: 1.5 / (a * a + 1),
    "max of a number": lambda a: a.max(0.25),
}
BINARY = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b.tanh(),
    "div": lambda a, b: a / (b * b + 1),
    "max": lambda a, b: a.max(b),
}

programs = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(UNARY)), st.integers(0, 99)),
        st.tuples(st.sampled_from(sorted(BINARY)), st.integers(0, 99), st.integers(0, 99)),
    ),
    min_size=1,
    max_size=25,
)
numbers = st.floats(-3, 3, allow_subnormal=False).map(lambda x: round(x, 6))


def run(program, leaves):
    """Each step applies an operation to earlier results; the result is a sum of the last three."""
    made = list(leaves)
    for name, *places in program:
        operands = [made[place % len(made)] for place in places]
        made.append((UNARY | BINARY)[name](*operands))
    return made[-1] + made[-2] * made[-3 % len(made)]


class Number:
    """An array of the other engine in the words of the scalar one: the max of a number and it."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __getattr__(self, name):
        return lambda: Number(getattr(self.tensor, name)())

    def max(self, other):
        if not isinstance(other, Number):
            other = Number(nnc.tensor(other, dtype=nnc.float64))
        return Number(nnc.maximum(self.tensor, other.tensor))


def _operator(name):
    def apply(self, other):
        other = other.tensor if isinstance(other, Number) else other
        return Number(getattr(self.tensor, name)(other))

    return apply


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Number, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(Number, f"__r{_name}__", _operator(f"__r{_name}__"))
Number.__neg__ = lambda self: Number(-self.tensor)


@settings(max_examples=200, deadline=None)
@given(programs, st.tuples(numbers, numbers, numbers))
def test_random_expressions_give_the_array_engines_numbers(program, inputs):
    values = [Value(x) for x in inputs]
    out = run(program, values)
    out.backward()

    tensors = [nnc.tensor(x, dtype=nnc.float64, requires_grad=True) for x in inputs]
    expected = run(program, [Number(t) for t in tensors]).tensor
    expected.backward()

    assert out.data == pytest.approx(expected.item(), rel=1e-9, abs=1e-9)
    for x, t in zip(values, tensors):
        slope = 0.0 if t.grad is None else t.grad.item()
        assert x.grad == pytest.approx(slope, rel=1e-9, abs=1e-9)


def test_ties_and_kinks_are_those_of_the_array_engine():
    for function in (lambda a, b: a.max(b), lambda a, b: a.relu() + b.relu()):
        a, b = Value(0), Value(0)
        function(a, b).backward()
        s, t = (nnc.tensor(0.0, dtype=nnc.float64, requires_grad=True) for _ in range(2))
        function(Number(s), Number(t)).tensor.backward()
        assert (a.grad, b.grad) == (s.grad.item(), t.grad.item())


def test_leaves_collect_gradients_and_other_values_have_those_of_the_last_pass():
    x = Value(3)
    square = x * x
    out = square + square
    for _ in range(2):
        out.backward()
    assert x.grad == 24  # twice 12
    assert square.grad == 2  # not 4
    out.backward(gradient=0.5)
    assert x.grad == 30


def test_powers():
    for n, slope in ((0, 0.0), (1, 1.0), (2, 4.0), (-1, -0.25), (0.5, 0.5 / math.sqrt(2))):
        x = Value(2)
        (x**n).backward()
        assert x.grad == pytest.approx(slope)
    x = Value(0)
    (x**0).backward()
    assert x.grad == 0


def test_long_chains_need_no_recursion():
    x = Value(1)
    y = x
    for _ in range(100_000):
        y = y + 1e-5
    y.backward()
    assert x.grad == 1
    assert y.data == pytest.approx(2)


def test_the_graph_goes_with_its_result():
    gc.collect()
    gc.disable()
    try:
        x = Value(2)
        y = x.exp() * x
        y.backward()
        gone = weakref.ref(y)
        del y
        assert gone() is None
    finally:
        gc.enable()


def test_a_neuron_learns():
    random = np.random.default_rng(0)
    x = random.standard_normal((20, 2))
    target = (x @ [1.0, -2.0] + 0.3 > 0).astype(float)
    w, b = [Value(0), Value(0)], Value(0)
    losses = []
    for _ in range(30):
        loss = Value(0)
        for row, t in zip(x, target):
            p = (w[0] * row[0] + w[1] * row[1] + b).sigmoid()
            loss = loss - (p if t else 1 - p).log() / len(x)
        for parameter in (*w, b):
            parameter.grad = 0.0
        loss.backward()
        for parameter in (*w, b):
            parameter.data -= 2 * parameter.grad
        losses.append(loss.data)
    assert losses[0] == pytest.approx(math.log(2))
    assert losses[-1] < 0.3 * losses[0]


def test_it_is_shown_as_its_numbers():
    x = Value(2)
    (x * 3).backward()
    assert repr(x) == "Value(2, grad=3)"


def test_it_can_be_read_aloud():
    assert len(inspect.getsource(scalar).splitlines()) <= 120
