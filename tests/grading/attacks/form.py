"""The notebook's form: other cells, flags, points, order, encodings."""

import json

from tests.grading.attacks import Attack, Cells

WRONG = "def square(x):\n    return 0"
RIGHT = "def square(x):\n    return x * x"


def name(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def edit(grade_id, **changes):
    """Change a cell's fields; those of nbgrader's metadata by ``nb_NAME``."""

    def change(cells: Cells) -> Cells:
        for cell in cells:
            if name(cell) == grade_id:
                for key, value in changes.items():
                    if key.startswith("nb_"):
                        cell["metadata"]["nbgrader"][key[3:]] = value
                    else:
                        cell[key] = value
        return cells

    return change


def drop(*names):
    return lambda cells: [cell for cell in cells if name(cell) not in names]


def code(source, **metadata):
    return {
        "cell_type": "code",
        "source": source,
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
    }


def clone(grade_id, source):
    """A second cell of that name, before the first."""

    def change(cells: Cells) -> Cells:
        twin = json.loads(json.dumps(next(c for c in cells if name(c) == grade_id)))
        twin["source"] = source
        return [twin, *cells]

    return change


OUTPUT = {
    "output_type": "execute_result",
    "execution_count": 1,
    "metadata": {},
    "data": {"text/plain": "10.0"},
}

ATTACKS = [
    Attack("graded cell rewritten", WRONG, change=edit("square", source="10.0")),
    Attack("graded cell with an output", WRONG, change=edit("square", outputs=[OUTPUT])),
    Attack("graded cell deleted", WRONG, change=drop("square", "layer", "predict")),
    Attack("graded cell as text", WRONG, change=edit("square", cell_type="markdown", source="10")),
    Attack("more points", RIGHT, change=edit("square", nb_points=1000), due={"square": 10}),
    Attack("negative points", WRONG, change=edit("square", nb_points=-10)),
    Attack("graded cell as solution", WRONG, change=edit("square", nb_solution=True)),
    Attack("graded cell not graded", WRONG, change=edit("square", nb_grade=False)),
    Attack("answer cell graded", WRONG, change=edit("square_answer", nb_grade=True, nb_points=99)),
    Attack("answer cell locked", WRONG, change=edit("square_answer", nb_locked=True)),
    Attack(
        "graded cell never run",
        WRONG,
        change=edit("square", metadata={"tags": ["skip-execution", "raises-exception"]}),
    ),
    Attack(
        "answer cell never run",
        RIGHT,
        change=edit("square_answer", cell_type="raw"),
        due={"square": 10},
    ),
    Attack("graded cell twice", WRONG, change=clone("square", "10.0")),
    Attack("answer twice, the first one wrong", RIGHT, change=clone("square_answer", WRONG)),
    Attack("cells in reverse", WRONG, change=lambda cells: cells[::-1]),
    Attack("new graded cell", WRONG, change=lambda c: [*c, code("10.0", nbgrader=GRADED)]),
    Attack("five thousand cells", WRONG, change=lambda c: [*c, *[code("1")] * 5000]),
    Attack("setup rewritten", WRONG, change=edit("setup", source="points = lambda f, most: 10.0")),
    Attack("another exercise's ids", WRONG, change=edit("square_answer", nb_grade_id="../square")),
    Attack("name that is a list", WRONG, change=edit("square_answer", nb_grade_id=["square"])),
    Attack("source that is a number", change=edit("square_answer", source=9)),
    Attack("lone surrogates", "def square(x): return '\\ud800'\n# \ud800"),
    Attack("null bytes", "def square(x):\n    return 0\n\0"),
    Attack("a megabyte of nesting", "square = " + "(" * 90_000),
    Attack("deep source", "square = " + "-" * 90_000 + "1"),
    Attack(
        "kernel of its own",
        WRONG,
        raw=lambda text: text.replace('"python3"', '"../../evil"').encode(),
    ),
    Attack(
        "kernel whose name ends a line",
        WRONG,
        raw=lambda text: (
            text.replace('"python3"', '"x\\nzz after 30 / 35"')
            .replace('"language": "python"', '"language": "x"')
            .encode()
        ),
    ),
    Attack("cut off", WRONG, raw=lambda text: text[: len(text) // 2].encode(), remark="JSON"),
    Attack("UTF-16", WRONG, raw=lambda text: text.encode("utf-16")),
    Attack("not a notebook", raw=lambda text: b"[1, 2, 3]", remark="cells"),
    Attack("deep JSON", raw=lambda text: b"[" * 200_000, remark="JSON"),
    Attack("a huge file", raw=lambda text: b" " * 21_000_000 + text.encode(), remark="MB"),
    Attack("empty file", raw=lambda text: b"", remark="JSON"),
    Attack(
        "keys of JSON twice",
        WRONG,
        raw=lambda text: (text[:-1] + ', "cells": [{"cell_type": "code"}], "cells": []}').encode(),
        remark="answer",
    ),
    Attack(
        "numbers beyond any range",
        WRONG,
        raw=lambda text: (text[:-1] + ', "x": 1e999999, "nbformat": -1e400}').encode(),
    ),
    Attack(
        "a million cells",
        raw=lambda text: b'{"cells":[' + b"{}," * 999_999 + b"{}]}",
        remark="cells",
    ),
    Attack("cell ids that collide", WRONG, change=lambda cells: [{**c, "id": "x"} for c in cells]),
    Attack(
        "cell ids that are lists", WRONG, change=lambda cells: [{**c, "id": [c]} for c in cells]
    ),
    Attack(
        "metadata that is none",
        WRONG,
        change=lambda c: [*c, *[{"metadata": m} for m in (None, [], "x", 9, {"nbgrader": [1]})], 9],
    ),
    Attack(
        "metadata of the notebook that is a list",
        WRONG,
        raw=lambda text: json.dumps({**json.loads(text), "metadata": [1], "nbformat": []}).encode(),
    ),
    Attack("names of a megabyte", WRONG, change=edit("square", nb_grade_id="s" * 1_000_000)),
    Attack("names with null bytes", WRONG, change=edit("square", nb_grade_id="square\0")),
    Attack(
        "a source of a hundred thousand lists",
        WRONG,
        change=edit("layer_answer", source=[[["x"]]] * 100_000),
    ),
    Attack(
        "attachments that lead out",
        WRONG,
        change=edit("square_answer", attachments={"../../x.svg": {"image/svg+xml": "<svg/>"}}),
    ),
    Attack(
        "byte order marks", WRONG, raw=lambda text: ("\ufeff" * 2 + text).encode(), remark="JSON"
    ),
    Attack("ends of lines of all systems", "def square(x):\r    return 0\r\n\x0c\x0b\x1c\u2028\n"),
    Attack(
        "letters that Python takes for others",
        "def ｓｑｕａｒｅ(x):\n    return x * x",
        due={"square": 10},
    ),
    Attack("another encoding in its head", "# -*- coding: utf-7 -*-\ndef square(x): return 0"),
    Attack(
        "magics that run a shell",
        "%%bash\ntouch COURSE/evil\n!touch COURSE/evil\n%load_ext evil\n%run "
        "evil\ndef square(x): 0",
    ),
    Attack("a line of blanks that a pattern chokes on", "def square(\n" + " " * 90_000 + "x"),
    Attack("warnings by the thousand", WRONG + "\n" + "0 is 0\n" * 3000),
    Attack("as many statements as are read", WRONG + "\n" + "x = 1\n" * 16_000),
    Attack("as many functions as are read", WRONG + "\n" + "def f():0\n" * 9_900),
]
GRADED = {
    "grade": True,
    "grade_id": "bonus",
    "locked": True,
    "points": 100,
    "schema_version": 3,
    "solution": False,
    "task": False,
}
