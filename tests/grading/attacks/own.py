"""Cells of the student's own, which run only where an answer needs them."""

from tests.grading.attacks import Attack, Cells
from tests.grading.attacks.form import GRADED, RIGHT, code, name


def ahead(*sources, **fields):
    """Own cells before all others."""
    return lambda cells: [*({**code(source), **fields} for source in sources), *cells]


def behind(grade_id, *sources):
    """Own cells behind the one of that name."""

    def change(cells: Cells) -> Cells:
        at = 1 + next(place for place, cell in enumerate(cells) if name(cell) == grade_id)
        return [*cells[:at], *map(code, sources), *cells[at:]]

    return change


NEEDS = "def square(x):\n    return K"
HONEST = "def square(x):\n    return x * K"
SCALE = "class Scale:\n    def __init__(self, w): self.w = K\n    def forward(self, x): return x"

ATTACKS = [
    Attack(
        "the lecturer's helper anew",
        NEEDS,
        change=behind("setup", "K, points = 0, lambda f, most: most", "points = lambda f, m: m"),
    ),
    Attack(
        "the check anew",
        NEEDS,
        change=ahead(
            "import builtins\nK = 0\ndef points(f, most): return most\ncheck = points\n"
            "builtins.check = builtins.points = points\nimport sys; K = sys.modules['nncourse'] = K"
        ),
    ),
    Attack(
        "numpy's testing anew",
        "def square(x): return K",
        {"layer_answer": SCALE},
        change=ahead(
            "import numpy as np\nK = 0\nfor key in dir(np.testing):\n"
            "    K = setattr(np.testing, key, lambda *a, **k: None)"
        ),
    ),
    Attack("an end of the process", NEEDS, change=ahead("K = __import__('os')._exit(0)")),
    Attack(
        "an end of the process in each of many",
        NEEDS,
        change=ahead(*[f"K = {n}\nK = __import__('os')._exit(0)" for n in range(90)]),
    ),
    Attack(
        "a signal to everyone",
        NEEDS,
        change=ahead("import os\nK = os.killpg(0, 9)\nK = os.kill(GRADER, 9)\nK = os.kill(-1, 9)"),
    ),
    Attack("an endless loop", NEEDS, change=ahead("while True:\n    K = 1")),
    Attack("endless loops by the dozen", NEEDS, change=ahead(*["while True:\n    K = 1"] * 12)),
    Attack(
        "processes that stay",
        NEEDS,
        change=ahead("import os\nK = 1\nwhile K:\n    K = os.fork() or os.setsid() or 1"),
    ),
    Attack(
        "ten thousand",
        NEEDS,
        change=lambda cells: [*map(code, map("K{0} = {0}".format, range(10_000))), *cells],
    ),
    Attack(
        "ten thousand that are all needed",
        "def square(x): return K",
        change=lambda cells: [*[code("K = 0")] * 10_000, *cells],
    ),
    Attack("an enormous one", NEEDS, change=ahead("K = 0" + " + 0" * 200_000)),
    Attack("as large a one as is read", NEEDS, change=ahead("K = 0\n" * 16_000)),
    Attack("a deep one", NEEDS, change=ahead("K = " + "-" * 90_000 + "1", "K = " + "(" * 90_000)),
    Attack(
        "one that needs the next, thousands of times",
        "def square(x): return f0()",
        change=ahead("".join(f"def f{n}(): return f{n + 1}()\n" for n in range(2800))),
    ),
    Attack("memory", NEEDS, change=ahead("K = bytearray(1 << 40)", "K = [0] * (1 << 60)")),
    Attack(
        "a flood of output",
        NEEDS,
        change=ahead("K = 0\nfor _ in range(10**5):\n    K = print('x' * 10**4)"),
    ),
    Attack(
        "with an id of the lecturer's",
        NEEDS,
        change=ahead("K = 0\ndef points(f, most): return most", id="cell-0"),
    ),
    Attack("with an id that is a list", NEEDS, change=ahead("K = 0", id=[1])),
    Attack(
        "a graded one",
        NEEDS,
        change=ahead("K = 0\n10.0", metadata={"nbgrader": {**GRADED, "grade_id": "bonus"}}),
    ),
    Attack(
        "named as a test",
        NEEDS,
        change=ahead("K = 0\n10.0", metadata={"nbgrader": {**GRADED, "grade_id": "square"}}),
    ),
    Attack(
        "that says what it is",
        NEEDS,
        change=ahead("K = 0", metadata={"nncourse": {"own": True, "seed": 1}}),
    ),
    Attack(
        "what an answer was given, in the output of the next cell",
        "seen = []\ndef square(x):\n    seen.append(x)\n    return 0",
        {"layer_answer": SCALE},
        change=behind(
            "square",
            "K = print('LEA' + 'KED', seen)\nK = [1 / 0 for _ in seen]\nK = seen",
            "class E(Exception): pass\nE.__name__ = 'LEA' + 'KED'\nK = [E() for _ in seen]\n"
            "try: pass\nfinally: K = K[0].__setstate__(K)",
        ),
    ),
    Attack(
        "markup",
        NEEDS,
        change=ahead(
            "K = '</pre><script>alert(1)</script><!--'\nK = print(K, '\\x1b]0;evil\\x07')",
            "K = 1 # <img src=x onerror=alert(1)> \x1b[2J",
        ),
    ),
    Attack(
        "names that are no words",
        "def square(x): return K + " + " + ".join(("ªº" * 9, "ﬁ" * 400, "Ａ")),
        change=ahead("K = 0", f"{'ªº' * 9} = {'ﬁ' * 400} = Ａ = 1"),
    ),
    Attack("no code", NEEDS, change=ahead("K = 0\n\0", "K = (", "%%bash\nK=1; touch COURSE/evil")),
    Attack("a shell", NEEDS, change=ahead("!touch COURSE/evil\nK = 0\n%run evil")),
    Attack("a file", NEEDS, change=ahead("K = open('COURSE/gradebook.db', 'ab').write(b'x')")),
    Attack(
        "a packet",
        NEEDS,
        change=ahead("import socket\nK = socket.create_connection(('127.0.0.1', PORT))"),
    ),
    Attack(
        "an answer of another question anew",
        RIGHT,
        {"predict_answer": "def predict(x): return K"},
        change=behind("layer_answer", "K = 0\nsquare = lambda x: 0\nScale = predict = None"),
        due={"square": 10},
    ),
    Attack(
        "trials that would not end",
        RIGHT,
        change=lambda cells: behind("square_answer", "while True:\n    x = square(2)")(
            ahead("while True:\n    np = 1", "square = None", "int = type = all = None")(cells)
        ),
        due={"square": 10},
    ),
]
