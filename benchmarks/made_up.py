"""A made-up class of any size, of which ``benchmarks.mooc`` tells the kinds of submissions."""

from __future__ import annotations

import ast
import copy
import itertools
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SHARES = {"right": 50, "wrong": 30, "empty": 9, "broken": 8, "hostile": 2, "huge": 1}  # per cent

HOSTILE = [
    "import os\nos._exit(0)",
    "while True:\n    pass",
    "import os\nwhile True:\n    os.fork()",
    "import os, signal\nos.kill(-1, signal.SIGKILL)",
    "hoard = [bytearray(1 << 30) for _ in range(64)]",
    "for _ in range(10**7):\n    print('x' * 1000)",
    "import numpy.testing\nnumpy.testing.assert_allclose = lambda *a, **b: None",
    "raise SystemExit('\\ud800')",
]


def make_class(folder: Path, model: Path, exercise: str, count: int) -> dict[str, tuple[str, str]]:
    """Fill the folder; (kind, content) by student. Equal contents are one file on the disk.

    ``model``: a course folder in which the exercise is released.
    """
    folder.mkdir()
    contents = {kind: list(found) for kind, found in kinds_of(model, exercise)}
    originals: dict[str, Path] = {}
    rng = random.Random(1)
    kinds = rng.choices(list(SHARES), weights=list(SHARES.values()), k=count)
    # Every class has the largest one, which decides how much memory is needed.
    drawn = [("huge", contents["huge"][-1])]
    drawn += [(kind, rng.choice(contents[kind])) for kind in kinds[1:]]
    everyone = {}
    for number, (kind, (name, data)) in enumerate(drawn):
        student = f"s{number:06}"
        path = folder / f"{student}.ipynb"
        if name in originals:
            os.link(originals[name], path)
        else:
            path.write_bytes(data)
            originals[name] = path
        everyone[student] = (kind, name)
    return everyone


def kinds_of(model: Path, exercise: str) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """The contents of each kind, with a name for each."""
    (released,) = (model / "release" / exercise).glob("*.ipynb")
    (solved,) = (model / "source" / exercise).glob("*.ipynb")
    empty = json.loads(released.read_text("utf-8"))
    answers = {
        name: "".join(cell["source"])
        for cell in json.loads(solved.read_text("utf-8"))["cells"]
        if (name := answer_name(cell)) and cell["cell_type"] == "code"
    }

    def filled(changed: dict[str, str] | None = None, output: str = "") -> bytes:
        notebook = copy.deepcopy(empty)
        for cell in notebook["cells"]:
            name = answer_name(cell)
            if name in answers:
                cell["source"] = {**answers, **(changed or {})}[name]
            elif output and cell["cell_type"] == "code":
                cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": output}]
                output = ""
        return json.dumps(notebook).encode()

    right = filled()
    first = next(iter(answers))
    yield "right", [("right", right)]
    yield (
        "wrong",
        [
            (f"wrong {name} {number}", filled({name: source}))
            for name, answer in answers.items()
            for number, source in enumerate(slips(answer))
        ],
    )
    yield "empty", [("stub", json.dumps(empty).encode())]
    yield (
        "broken",
        [
            ("cut", right[: len(right) // 2]),
            ("nothing", b""),
            ("no notebook", b"[]"),
            ("binary", bytes(range(256))),
            ("utf-16", right.decode().encode("utf-16")),
        ],
    )
    yield "hostile", [(f"hostile {n}", filled({first: code})) for n, code in enumerate(HOSTILE)]
    yield "huge", [("25 MB", right + b" " * 25_000_000), ("10 MB", filled(None, "x" * 10_000_000))]


def answer_name(cell: dict[str, Any]) -> str:
    role = cell["metadata"].get("nbgrader", {})
    return role["grade_id"] if role.get("solution") else ""


def slips(source: str) -> list[str]:
    """The answer with one operator, comparison or number changed, in every place."""
    swaps: dict[type, Callable[[], Any]] = {
        ast.Add: ast.Sub,
        ast.Sub: ast.Add,
        ast.Mult: ast.Add,
        ast.Gt: ast.Lt,
        ast.MatMult: ast.Mult,
    }
    found: list[str] = []
    for place in itertools.count():
        tree = ast.parse(source)
        nodes: list[Any] = [
            node
            for node in ast.walk(tree)
            if type(getattr(node, "op", None)) in swaps
            or (isinstance(node, ast.Compare) and type(node.ops[0]) in swaps)
            or (isinstance(node, ast.Constant) and isinstance(node.value, int | float))
        ]
        if place == len(nodes):
            return found
        node = nodes[place]
        if isinstance(node, ast.Compare):
            node.ops[0] = swaps[type(node.ops[0])]()
        elif isinstance(node, ast.Constant):
            node.value = node.value + 1  # type: ignore[operator]  # a number, see above
        else:
            node.op = swaps[type(node.op)]()
        found.append(ast.unparse(tree))
    return found
