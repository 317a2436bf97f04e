"""Small exercises, one for each kind that the oracle must be able to judge.

Each has a lecturer's notebook (cells as (kind, name, source)), right answers, and wrong or hostile
ones with the points that are due to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

POINTS = {"tests": 10.0, "manual": 5.0}


@dataclass
class Kind:
    """cells: (kind, name, source). right: the answers by cell. wrong: {name: (answers that differ,
    points due in each graded cell)}. rules: of grading.
    """

    cells: list[tuple[str, str, str]]
    right: dict[str, str]
    wrong: dict[str, tuple[dict[str, str], list[float]]] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)

    @property
    def full(self) -> list[float]:
        """All points."""
        return [POINTS["tests"] for kind, _, _ in self.cells if kind == "tests"]


SETUP = ("readonly", "setup", "import numpy as np")

CACHE = Kind(
    [
        SETUP,
        ("answer", "layer", ""),
        (
            "tests",
            "forward",
            """
rng = np.random.default_rng(1)
W, x = rng.normal(size=(4, 3)), rng.normal(size=(2, 4))
layer = Linear(W.copy())
np.testing.assert_allclose(layer.forward(x.copy()), x @ W)
""",
        ),
        (
            "tests",
            "backward",
            """
dout = rng.normal(size=(2, 3))
first, second = Linear(W.copy()), Linear(2 * W)
first.forward(x.copy())
second.forward(x + 1)
np.testing.assert_allclose(first.backward(dout.copy()), dout @ W.T)
np.testing.assert_allclose(first.dW, x.T @ dout)
np.testing.assert_allclose(second.backward(dout.copy()), 2 * dout @ W.T)
second.W = W
np.testing.assert_allclose(second.forward(x.copy()), x @ W)
""",
        ),
    ],
    {
        "layer": """
class Linear:
    def __init__(self, W):
        self.W = W
    def forward(self, x):
        self.x = x
        return x @ self.W
    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T
"""
    },
    {
        "cache shared by all layers": (
            {
                "layer": """
class Linear:
    cache = {}
    def __init__(self, W):
        self.W = W
    def forward(self, x):
        self.cache["x"] = x
        return x @ self.W
    def backward(self, dout):
        self.dW = self.cache["x"].T @ dout
        return dout @ self.W.T
"""
            },
            [10, 0],
        ),
        "equal to everything": (
            {
                "layer": """
class All:
    def __eq__(self, other): return True
    def __array__(self, *a, **k): raise TypeError
    def __sub__(self, other): return 0
    shape = (2, 3)
class Linear:
    def __init__(self, W): self.dW = All()
    def forward(self, x): return All()
    def backward(self, dout): return All()
"""
            },
            [0, 0],
        ),
    },
)

OWN_NUMBERS = """\
class Number:
    def __sub__(self, other): return 0.0
    __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __pow__ = __truediv__ = __sub__
    def __neg__(self): return 0.0
class Value:
    def __init__(self, data): self.data = self.grad = Number()
    def __add__(self, other): return self
    __mul__ = __pow__ = __sub__ = __rsub__ = __truediv__ = __radd__ = __rmul__ = __add__
    def __neg__(self): return self
    def backward(self): pass
"""
LYING = """\
import gc
for server in gc.get_objects():
    if type(server).__name__ == "Server":
        honest = server._do_operate
        server._do_operate = lambda r: {"value": 0.0} if r["name"] == "sub" else honest(r)
"""

ENGINE = Kind(
    [
        SETUP,
        ("answer", "value", ""),
        (
            "tests",
            "forward",
            """
a, b = Value(2.0), Value(-3.0)
c = a * b + a
d = 1 - c / 2
assert type(c.data) is float and abs(c.data - -4.0) < 1e-12
assert abs(d.data - 3.0) < 1e-12
assert abs((-a ** 3).data - -8.0) < 1e-12
""",
        ),
        (
            "tests",
            "backward",
            """
a, b = Value(2.0), Value(-3.0)
(a * b + a * a).backward()
assert abs(a.grad - 1.0) < 1e-12 and abs(b.grad - 2.0) < 1e-12
values = [Value(float(i)) for i in range(4)]
total = sum(values, Value(0.0))
total.backward()
assert [v.grad for v in values] == [1.0] * 4
""",
        ),
        (
            "tests",
            "sum",
            """
total = sum([Value(1.0), Value(2.0)], Value(3.0))
assert abs(total.data - 6.0) < 1e-12
""",
        ),
    ],
    {
        "value": """
class Value:
    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents = data, 0.0, parents
    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))
    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))
    def __pow__(self, n):
        return Value(self.data ** n, ((self, n * self.data ** (n - 1)),))
    __radd__, __rmul__ = __add__, __mul__
    def __neg__(self): return self * -1.0
    def __sub__(self, other): return self + -other
    def __rsub__(self, other): return -self + other
    def __truediv__(self, other): return self * other ** -1
    def backward(self):
        self.grad, todo = 1.0, [(self, 1.0)]
        while todo:
            node, g = todo.pop()
            for parent, local in node.parents:
                parent.grad += g * local
                todo.append((parent, g * local))
"""
    },
    {
        "everything is equal": (
            {
                "value": """
class Float(float):
    def __sub__(self, other): return 0.0
    def __eq__(self, other): return True
    def __hash__(self): return 1
class Value:
    def __init__(self, data): self.data = self.grad = Float(7)
    def __add__(self, o): return self
    __mul__ = __pow__ = __sub__ = __rsub__ = __truediv__ = __radd__ = __add__
    def __neg__(self): return self
    def __lt__(self, o): return True
    def __abs__(self): return 0.0
    def backward(self): pass
"""
            },
            [0, 0, 0],
        ),
        "numbers with arithmetic of their own": ({"value": OWN_NUMBERS}, [0, 0, 0]),
        "operations answered with plain numbers": ({"value": OWN_NUMBERS + LYING}, [0, 0, 0]),
    },
    {"operators": ["add", "sub", "mul", "truediv", "pow", "neg"]},
)

OPTIMISER = Kind(
    [
        SETUP,
        ("answer", "sgd", ""),
        (
            "tests",
            "kept",
            """
w, b = np.ones((2, 3)), np.zeros(3)
v = [np.zeros_like(w), np.zeros_like(b)]
right = [w.copy(), b.copy()]
opt = SGD([w, b], lr=0.1, momentum=0.9)
for step in range(4):
    grads = [2 * w + step, b - 1]
    for p, g, m in zip(right, [2 * right[0] + step, right[1] - 1], v):
        m *= 0.9
        m -= 0.1 * g
        p += m
    opt.step(grads)
np.testing.assert_allclose(w, right[0])
np.testing.assert_allclose(b, right[1])
""",
        ),
        (
            "tests",
            "in place",
            """
params, grads = {"w": np.ones(3)}, {"w": np.arange(3.0)}
w = params["w"]
update(params, grads, 0.5)
assert params["w"] is w
np.testing.assert_allclose(w, [1.0, 0.5, 0.0])
""",
        ),
    ],
    {
        "sgd": """
import numpy as np
class SGD:
    def __init__(self, params, lr, momentum):
        self.params, self.lr, self.momentum = params, lr, momentum
        self.v = [np.zeros_like(p) for p in params]
    def step(self, grads):
        for p, g, v in zip(self.params, grads, self.v):
            v *= self.momentum
            v -= self.lr * g
            p += v
def update(params, grads, lr):
    for name in params:
        params[name] -= lr * grads[name]
"""
    },
    {
        "new arrays": (
            {
                "sgd": """
class SGD:
    def __init__(self, params, lr, momentum):
        self.params = params
    def step(self, grads):
        self.params = [p - 0.1 * g for p, g in zip(self.params, grads)]
def update(params, grads, lr):
    for name in params:
        params[name] = params[name] - lr * grads[name]
"""
            },
            # A new array in the dict: the test's own one is updated with it, as far as can be told.
            [0, 10],
        )
    },
    {"in_place": ["SGD", "update"]},
)

CHECKER = Kind(
    [
        SETUP,
        ("answer", "numeric", ""),
        (
            "tests",
            "arguments",
            """
rng = np.random.default_rng(3)
A, x = rng.normal(size=(3, 3)), rng.normal(size=3)
f = lambda x: float(x @ A @ x)
np.testing.assert_allclose(numerical_gradient(f, x.copy()), (A + A.T) @ x, rtol=1e-6)
""",
        ),
        (
            "tests",
            "closure",
            """
w = rng.normal(size=(2, 2))
before = w.copy()
cubes = lambda _: float((w**3).sum())
want = 3 * w**2
np.testing.assert_allclose(numerical_gradient(cubes, w), want, rtol=1e-6)
np.testing.assert_array_equal(w, before)
""",
        ),
        (
            "tests",
            "verdict",
            """
assert is_right(lambda x: x**2, lambda x: 2 * x) is True
assert is_right(lambda x: x**2, lambda x: x) is False
""",
        ),
    ],
    {
        "numeric": """
import numpy as np
def numerical_gradient(f, w, h=1e-5):
    grad = np.zeros_like(w)
    for i in np.ndindex(w.shape):
        value = w[i]
        w[i] = value + h
        above = f(w)
        w[i] = value - h
        below = f(w)
        w[i] = value
        grad[i] = (above - below) / (2 * h)
    return grad
def is_right(f, df):
    return all(abs((f(x + 1e-5) - f(x - 1e-5)) / 2e-5 - df(x)) < 1e-6 for x in (0.3, -1.2))
"""
    },
    {
        "one-sided, says yes": (
            {
                "numeric": """
import numpy as np
def numerical_gradient(f, w, h=1e-2):
    return np.array([(f(w + h * e) - f(w)) / h for e in np.eye(w.size)])
def is_right(f, df):
    return True
"""
            },
            [0, 0, 0],
        )
    },
    {"in_place": ["numerical_gradient"]},
)

RANDOM = Kind(
    [
        SETUP,
        ("answer", "dropout", ""),
        (
            "tests",
            "mask",
            """
import os
rng = np.random.default_rng(int(os.environ["NNCOURSE_SEED"]))
x = rng.normal(size=(50, 40))
seed = int(rng.integers(1 << 30))
keep = np.random.default_rng(seed).random(x.shape) >= 0.3
found = dropout(x.copy(), 0.3, np.random.default_rng(seed))
np.testing.assert_allclose(found, x * keep / 0.7)
""",
        ),
        (
            "tests",
            "stream",
            """
rng = np.random.default_rng(7)
other = np.random.default_rng(7)
a, b = dropout(x.copy(), 0.3, rng), dropout(x.copy(), 0.3, rng)
for got in (a, b):
    np.testing.assert_allclose(got, x * (other.random(x.shape) >= 0.3) / 0.7)
sizes = [len(part) for part in batches(10, 4, np.random.default_rng(0))]
assert sizes == [4, 4, 2]
order = np.concatenate(list(batches(10, 4, np.random.default_rng(0))))
np.testing.assert_array_equal(order, np.random.default_rng(0).permutation(10))
""",
        ),
    ],
    {
        "dropout": """
def dropout(x, p, rng):
    return x * (rng.random(x.shape) >= p) / (1 - p)
def batches(n, size, rng):
    order = rng.permutation(n)
    for start in range(0, n, size):
        yield order[start : start + size]
"""
    },
    {
        "own generator": (
            {
                "dropout": """
import numpy as np
def dropout(x, p, rng):
    return x * (np.random.default_rng(0).random(x.shape) >= p) / (1 - p)
def batches(n, size, rng):
    while True:
        yield 1
"""
            },
            [0, 0],
        )
    },
    {"limits": {"call_seconds": 2.0, "submission_seconds": 10.0}},
)

TRAINING = Kind(
    [
        SETUP,
        (
            "readonly",
            "data",
            """
rng = np.random.default_rng(0)
train_x = rng.normal(size=(60, 2))
train_y = (train_x @ [1.0, -2.0] > 0).astype(int)
""",
        ),
        ("answer", "fit", ""),
        ("readonly", "run", "w = fit(train_x, train_y)"),
        (
            "tests",
            "accuracy",
            """
import os
fresh = np.random.default_rng(int(os.environ["NNCOURSE_SEED"]))
x = fresh.normal(size=(200, 2))
y = (x @ [1.0, -2.0] > 0).astype(int)
10.0 * float(np.mean(predict(x) == y) >= 0.9)
""",
        ),
        ("tests", "weights", "assert w.shape == (2,) and abs(w[0] / w[1] + 0.5) < 0.3"),
    ],
    {
        "fit": """
def fit(x, y):
    w = np.zeros(2)
    for _ in range(300):
        w += x.T @ (y - 1 / (1 + np.exp(-x @ w))) / len(x)
    return w
def predict(x):
    return (x @ w > 0).astype(int)
"""
    },
    {
        "claims": (
            {
                "fit": """
accuracy = 1.0
def fit(x, y):
    global np
    class Best:
        shape = (2,)
        def __getitem__(self, i): return [1, -2][i]
    np.mean = lambda *a: 1.0
    return np.array([5.0, 5.0])
def predict(x):
    return np.ones(len(x))
"""
            },
            [0, 0],
        )
    },
)

OBJECTS = Kind(
    [
        SETUP,
        (
            "readonly",
            "given",
            """
import os
class Param:
    secret = "open"
    def __init__(self, data):
        self.data, self.grad, self._hidden = data, 0.0, os
    def __sub__(self, other):
        return Param(self.data - other)
    def zero(self):
        self.grad = 0.0
""",
        ),
        ("answer", "step", ""),
        (
            "tests",
            "moves",
            """
params = [Param(2.0), Param(np.array([1.0, -1.0]))]
params[0].grad, params[1].grad = 4.0, np.ones(2)
step(params, 0.5)
assert params[0].data == 0.0 and params[0].grad == 0.0
np.testing.assert_allclose(params[1].data, [0.5, -1.5])
""",
        ),
        (
            "tests",
            "returns",
            """
given = Param(3.0)
assert same(given) is given
assert shifted(given) == 2.5
assert given.data == 3.0 and given.secret == "open"
""",
        ),
    ],
    {
        "step": """
def step(params, lr):
    for p in params:
        p.data -= lr * p.grad
        p.zero()
def same(x):
    return x
def shifted(x):
    return (x - 0.5).data
"""
    },
    {
        "looks for a way out": (
            {
                "step": """
def step(params, lr):
    params[0].data = params[0]
    params[0].__class__.__init__.__globals__["os"].system("true")
def same(x):
    x.secret = "lost"
    return x
def shifted(x):
    for name in ("_hidden", "__class__", "__dict__", "secret", "step", "zero.__func__"):
        try:
            return getattr(x, name).path
        except Exception:
            pass
    return 2.5
"""
            },
            [0, 0],
        )
    },
    {"objects": {"Param": ["data", "grad", "zero"]}, "operators": ["sub"]},
)

SEVERAL = Kind(
    [
        SETUP,
        ("answer", "square", ""),
        ("tests", "map", "assert all(map(lambda n: square(n) == n * n, [2, 5, 7]))"),
        (
            "tests",
            "zip",
            """
for got, want in zip(map(square, [2, 5]), [4, 25]):
    assert got == want
""",
        ),
        ("tests", "iterator", "assert [n for n in squares(4)] == [0, 1, 4, 9]"),
    ],
    {
        "square": """
def square(x):
    return x * x
def squares(n):
    return (square(i) for i in range(n))
"""
    },
    {
        "ends every loop": (
            {
                "square": """
def square(x):
    raise StopIteration
class squares:
    def __init__(self, n): pass
    def __iter__(self): return self
    def __next__(self): raise StopIteration
"""
            },
            [0, 0, 0],
        )
    },
)

# What is right is computed after the call, or around it, as one writes it without a thought.
AFTER_THE_CALL = Kind(
    [
        SETUP,
        ("answer", "linear", ""),
        (
            "tests",
            "beside",
            """
rng = np.random.default_rng(4)
x, W = rng.normal(size=(2, 3)), rng.normal(size=(3, 4))
np.testing.assert_allclose(linear(x, W), x @ W)
""",
        ),
        ("tests", "by name", "y = linear(W=W, x=x)\nnp.testing.assert_allclose(y, x @ W)"),
        (
            "tests",
            "in containers",
            """
rows, weights = [[1.0, 2.0], [3.0, 4.0]], {"W": np.eye(2)}
assert total(rows, weights) == sum(map(sum, rows @ weights["W"]))
""",
        ),
        (
            "tests",
            "kept by an object",
            """
layer = Layer(W)
np.testing.assert_allclose(layer.forward(x), x @ W)
np.testing.assert_allclose([layer.forward(row) for row in x], x @ W)
np.testing.assert_allclose(list(layer.rows(x)), x @ W)
""",
        ),
    ],
    {
        "linear": """
def linear(x, W):
    return x @ W
def total(rows, weights):
    return float((np.array(rows) @ weights["W"]).sum())
class Layer:
    def __init__(self, W):
        self.W = W
    def forward(self, x):
        return x @ self.W
    def rows(self, x):
        return (row @ self.W for row in x)
"""
    },
    {
        "zeros of all that it was ever given": (
            {
                "linear": """
seen = []
def end(*values):
    seen.extend(values)
    for value in seen:
        if isinstance(value, list):
            for row in value:
                row[:] = [0.0] * len(row)
        elif isinstance(value, dict):
            end(*value.values())
        else:
            value[...] = 0
def linear(x, W):
    end(x, W)
    return np.zeros((2, 4))
def total(rows, weights):
    end(rows, weights)
    return 0.0
class Layer:
    def __init__(self, W):
        seen.append(W)
    def forward(self, x):
        end(x)
        return np.zeros(x.shape[:-1] + (4,))
    def rows(self, x):
        for _ in range(2):
            end(x)
            yield np.zeros(4)
"""
            },
            [0, 0, 0, 0],
        )
    },
)

KINDS = {
    "what is right computed after the call": AFTER_THE_CALL,
    "functions that a loop goes over": SEVERAL,
    "objects of the tests as arguments": OBJECTS,
    "a class with a cache": CACHE,
    "an engine with operators": ENGINE,
    "an optimiser that changes arrays in place": OPTIMISER,
    "a checker that takes callables": CHECKER,
    "injected randomness": RANDOM,
    "training judged by predictions": TRAINING,
}
