"""The verdict's own tools: making the test say yes."""

from tests.grading.attacks import Attack

ALL = """
class All(float):
    def __eq__(self, other): return True
    __le__ = __lt__ = __ge__ = __gt__ = __eq__
    def __ne__(self, other): return False
    def __hash__(self): return 1
    def __sub__(self, other): return 0.0
    __rsub__ = __abs__ = __sub__
    def __array_ufunc__(self, *a, **k): return True
    def __array_function__(self, *a, **k): return True
    def __bool__(self): return True
    shape = ()
    dtype = float
"""

ATTACKS = [
    Attack("equal to everything", ALL + "def square(x): return All(7)"),
    Attack("a class equal to everything", ALL + "class square(All):\n    pass"),
    Attack(
        "array that equals everything",
        "import numpy as np\nclass A(np.ndarray):\n    def __eq__(s, o): return True\n"
        "    def __array_ufunc__(s, *a, **k): return True\n"
        "def square(x): return np.zeros(3).view(A)",
    ),
    Attack(
        "object array of such objects",
        ALL + "import numpy as np\ndef square(x): return np.array([All(1)], dtype=object)",
    ),
    Attack(
        "testing tools replaced",
        "import numpy as np, numpy.testing as t\n"
        "for n in dir(t):\n    if n.startswith('assert'): setattr(t, n, lambda *a, **k: None)\n"
        "np.allclose = np.array_equal = lambda *a, **k: True\ndef square(x): return 0",
    ),
    Attack("helper replaced", "points = lambda f, most: most\ndef square(x): return 0"),
    Attack(
        "builtins replaced",
        "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.float = lambda x: 10.0\n"
        "builtins.AssertionError = type('E', (Exception,), {})\ndef square(x): return 0",
    ),
    Attack(
        "import hook",
        "import sys, types\nclass F:\n    def find_spec(s, *a): return None\n"
        "sys.meta_path.insert(0, F())\nm = types.ModuleType('numpy.testing')\n"
        "m.__getattr__ = lambda n: lambda *a, **k: None\nsys.modules['numpy.testing'] = m\n"
        "def square(x): return 0",
    ),
    Attack(
        "trace function that rewrites frames",
        "import sys\ndef trace(frame, event, arg):\n    frame.f_locals.update(most=10, ok=True)\n"
        "    frame.f_globals['points'] = lambda *a: 10.0\n    return trace\n"
        "sys.settrace(trace)\nsys.setprofile(trace)\ndef square(x): return 0",
    ),
    Attack(
        "audit hook and exit handler",
        "import atexit, sys\natexit.register(lambda: print('10.0'))\n"
        "sys.excepthook = sys.unraisablehook = lambda *a: None\ndef square(x): return 0",
    ),
    Attack(
        "the kernel's hooks",
        "try:\n    get_ipython().input_transformers_post.append(lambda l: ['10.0'])\n"
        "    get_ipython().events.register('pre_run_cell', lambda i: None)\n"
        "except Exception:\n    pass\ndef square(x): return 0",
    ),
    Attack(
        "result printed where a verdict is read",
        "print('10.0')\n10.0\nimport sys\nsys.displayhook(10.0)\ndef square(x):\n"
        "    print('10.0'); sys.displayhook(10.0); return 0",
    ),
    Attack("raises what ends a test early", "def square(x): raise SystemExit(0)"),
    Attack("raises StopIteration", "def square(x): raise StopIteration(10.0)"),
    Attack("raises GeneratorExit", "def square(x): raise GeneratorExit"),
    Attack("raises KeyboardInterrupt", "def square(x): raise KeyboardInterrupt"),
    Attack(
        "an exception named as the grader's",
        "class SkipTest(Exception): pass\nclass SandboxUnavailable(Exception): pass\n"
        "def square(x): raise SandboxUnavailable('grade it later')",
    ),
    Attack(
        "an exception whose text can't be made",
        "class E(Exception):\n    def __str__(self): raise self\n    __repr__ = __str__\n"
        "def square(x): raise E",
    ),
    Attack(
        "reads the grader's messages and forges answers",
        "import os, socket\nfor fd in range(3, 64):\n    try:\n"
        "        s = socket.socket(fileno=fd)\n        s.setblocking(False)\n"
        "        s.send(b'nnw1' + b'\\x00' * 12)\n    except Exception:\n        pass\n"
        "def square(x): return x * x",
    ),
    Attack(
        "answers of its own protocol",
        "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Server':\n"
        "        o._do_call = lambda request: {'value': 9, 'changed': {'0': 9}}\n"
        "        o._do_get = lambda request: {'value': 9}\ndef square(x): return 0",
    ),
    Attack(
        "changes its inputs until they fit",
        answers={
            "layer_answer": "class Scale:\n    def __init__(self, w): w[...] = 0\n"
            "    def forward(self, x):\n        x[...] = 0\n        return x * 0\n"
            "    def backward(self, dout):\n        dout[...] = 0\n        return dout * 0"
        },
    ),
    Attack(
        "NaN, infinity and nothing",
        "def square(x): return float('nan')",
        {
            "layer_answer": "import numpy as np\nclass Scale:\n    def __init__(self, w): pass\n"
            "    def forward(self, x): return np.full(x.shape, np.nan)\n    backward = forward",
            "predict_answer": "import numpy as np\ndef predict(x): return np.full(len(x), np.nan)",
        },
    ),
    Attack(
        "texts and None for numbers",
        "def square(x): return 'nan'",
        {
            "layer_answer": "import numpy as np\nclass Scale:\n    def __init__(self, w): pass\n"
            "    def forward(self, x): return np.full(x.shape, 'nan')\n    dw = [None] * 3\n"
            "    def backward(self, d): return [['inf'] * 3] * len(d)",
            "predict_answer": "def predict(x): return ['nan'] * len(x)",
        },
    ),
    Attack(
        "broadcast against everything",
        "import numpy as np\ndef square(x): return np.zeros((0,))",
        {
            "layer_answer": "import numpy as np\nclass Scale:\n    def __init__(self, w): pass\n"
            "    def forward(self, x): return np.zeros((0,))\n    backward = forward",
            "predict_answer": "import numpy as np\ndef predict(x): return np.zeros((0,))",
        },
    ),
    Attack(
        "numbers that are nearly ints",
        "import numpy as np\nkinds = [float, complex, np.int64, np.float16, np.uint8, str, bool,\n"
        "    lambda v: np.array(v), lambda v: np.array([v]), lambda v: -0.0, lambda v: 5e-324]\n"
        "def square(x):\n    return kinds[x % len(kinds)](x * x % 200)",
    ),
    Attack(
        "labels that wrap around, and one for each class",
        answers={
            "predict_answer": "import numpy as np\ndef predict(x):\n"
            "    return np.array([[0], [1]], np.uint8)"
        },
    ),
    Attack(
        "labels that are true for any class",
        answers={
            "predict_answer": "import numpy as np\ndef predict(x): return np.ones((len(x), 1), "
            "bool)"
        },
    ),
    Attack(
        "an array with strides of zero and backwards",
        answers={
            "layer_answer": "import numpy as np\nfrom numpy.lib.stride_tricks import as_strided\n"
            "class Scale:\n    def __init__(self, w): pass\n"
            "    def forward(self, x): return as_strided(np.zeros(1), (4, 3), (0, 0))\n"
            "    def backward(self, d): return d[::-1, ::-1] * 0\n    dw = "
            "np.zeros((3, 3))[::-1, 0]"
        },
    ),
    Attack(
        "attributes that are computed when they are read",
        answers={
            "layer_answer": "class Scale:\n    def __init__(self, w): pass\n"
            "    def __getattr__(self, name): return lambda *a: self\n"
            "    def __eq__(self, o): return True\n    def __iter__(self): return iter(())\n"
            "    def __len__(self): return 0"
        },
    ),
    Attack(
        "ends every loop over it",
        "def square(x): raise StopIteration",
        {
            "layer_answer": "class Scale:\n    def __init__(self, w): pass\n"
            "    def forward(self, x): raise StopIteration\n    backward = forward",
            "predict_answer": "def predict(x): raise StopIteration",
        },
    ),
    Attack(
        "names of the setup taken over",
        "import os, sys\nos.environ['NNCOURSE_SEED'] = "
        "'0'\nglobals().update(most=10, f=None, rng=None,\n"
        "    want={}, np=None, points=lambda *a: 10.0, float=lambda *a: 10.0)\n"
        "def square(x): return 0",
        {"layer_answer": "want = {'out': 0}\nx = w = dout = 0\nclass Scale: pass"},
    ),
]
