"""An assignment as the grader's work items carry it: bytes, made once and read by any worker.

It holds the notebook without solutions, the graded cells with their hidden tests, which names the
lecturer's solution defines, and the rules of the exercise. A worker needs nothing else: no course
folder, no gradebook, no solution.

An exercise set states its rules as ``GRADING`` in ``nncourse.exercises.psNN``, a notebook of the
lecturer's own in its metadata, ``{"nncourse": {"grading": {...}}}``:

    withheld     modules and functions of the library that are the answer, or give it away
    operators    arithmetic that is forwarded to the student's objects: ["add", "mul", ...]
    objects      what objects of the tests show to answers: {"Value": ["data", "backward"], ...}
    in_place     functions and classes that are asked to change their arguments: ["SGD", ...];
                 what others do to an argument is done to a copy
    packages     distributions that answers may import
    limits       bounds that differ from ``nncourse.grading.sandbox.Limits``
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from nncourse.grading.cells import Cell
from nncourse.grading.names import names, statements
from nncourse.grading.plan import Plan
from nncourse.grading.sandbox.library import contents
from nncourse.grading.spoken import spoken

# What computes for the student, unless an exercise allows it; data, plots and tensors stay.
READY_MADE = ["nncourse.ops", "nncourse.nn", "nncourse.optim", "nncourse.training"]
READY_MADE += ["nncourse.scalar", "nncourse.inspection", "nncourse.autograd.engine"]
READY_MADE += ["nncourse.data.regions", "nncourse.plots.differences"]
READY_MADE += ["nncourse.autograd.vocabulary.one_hot_subtracted"]
PACKAGES = ["numpy", "matplotlib"]
RULES: dict[str, Any] = {
    "withheld": READY_MADE,
    "operators": [],
    "objects": {},
    "in_place": [],
    "packages": PACKAGES,
    "limits": {},
}


class AssignmentError(Exception):
    """An assignment can't be graded; the text says why and what to do."""


# As ``ast.unparse`` writes them.
CHECK = re.compile(r"check\('[\w.]+', \w+\)\.points\([\d.]+\)")
LOADS = re.compile(
    r"import nncourse as \w+|from nncourse\.check import check|\w+\.language\.use\('\w+'\)"
)


@dataclass
class Assignment:
    """What a worker reads out of the bytes.

    notebook: without solutions, with hidden tests, as nbformat's JSON. defines: for each answer
    cell what the lecturer's solution binds there; functions: those of these names that are
    functions or classes; reads: what it reads there; imports: its import statements.
    """

    name: str
    notebook: dict[str, Any]
    rules: dict[str, Any]
    defines: dict[str, list[str]]
    functions: list[str]
    reads: dict[str, list[str]]
    imports: dict[str, str]
    language: str = "en"
    cells: list[Cell] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cells = [_cell(index, raw) for index, raw in enumerate(self.notebook["cells"])]

    @property
    def tests(self) -> list[Cell]:
        """The cells that are graded automatically."""
        return [cell for cell in self.cells if cell.kind == "tests"]

    @cached_property
    def plan(self) -> Plan:
        """Which side runs what: made by the worker, which alone needs it."""
        rules = {**RULES, **self.rules}
        found = self.defines, self.reads, self.imports
        # An object that shows itself may be changed by any of them.
        changing = self.functions if rules["objects"] else rules["in_place"]
        return Plan(self.cells, *found, changing, self.functions)

    @cached_property
    def spoken(self) -> frozenset[str]:
        """Odd kinds of values that the lecturer's code speaks of."""
        return spoken(cell.source for cell in self.cells if cell.kind != "text")

    @cached_property
    def only_checks(self) -> bool:
        """Whether the trusted side runs nothing of the lecturer's but checks of answers, and what
        loads the library and tells it the language: then nothing of it can be left behind.
        """
        steps = [step.statement for found in self.plan.steps.values() for step in found]
        graded = [statements(cell.source) for cell in self.tests]
        return all(
            step is not None and LOADS.fullmatch(ast.unparse(step)) for step in steps
        ) and all(len(found) == 1 and CHECK.fullmatch(ast.unparse(found[0])) for found in graded)

    @property
    def draws(self) -> bool:
        """Whether cells that run with every submission use matplotlib, beyond importing it."""
        cells = self.plan.sandboxed.cells({})
        nodes = [n for cell in cells for s in statements(cell.source) for n in ast.walk(s)]
        drawn: set[str] = set()
        for node in nodes:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                for alias in node.names:
                    if f"{origin}{alias.name}".startswith(("matplotlib", "nncourse.plots")):
                        drawn.add(alias.asname or alias.name.partition(".")[0])
        return any(isinstance(node, ast.Name) and node.id in drawn for node in nodes)

    @cached_property
    def packed(self) -> bytes:
        """For the way to a worker; the same assignment gives the same bytes."""
        kept = ["name", "notebook", "rules", "language"]
        kept += ["defines", "functions", "reads", "imports"]
        found = {key: getattr(self, key) for key in kept}
        return json.dumps(found, ensure_ascii=False, sort_keys=True).encode()

    @cached_property
    def version(self) -> str:
        """A digest of what was released; the language that the grader speaks is no part of it."""
        found = [self.notebook, self.rules, self.defines, self.functions, self.reads, self.imports]
        return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:32]

    @classmethod
    def from_bytes(cls, data: bytes) -> Assignment:
        """What ``packed`` gave."""
        return cls(**json.loads(data))


def make_assignment(
    name: str, source: Mapping[str, Any], released: Mapping[str, Any], language: str
) -> Assignment:
    """The assignment from the lecturer's notebook with solutions and the released one."""
    raw = {role["grade_id"]: cell for cell in source["cells"] if (role := role_of(cell))}
    notebook = json.loads(json.dumps(released))
    defines, functions, reads, imports = {}, set(), {}, {}
    for cell in notebook["cells"]:
        cell["source"] = text_of(cell)
        role = role_of(cell)
        if not role:
            continue
        own = raw.get(role["grade_id"])
        if own is None:
            raise AssignmentError(
                f"cell {role['grade_id']} is in the released notebook but not in the source: "
                f"release {name} again"
            )
        if role_of(own).get("points") != role.get("points"):
            raise AssignmentError(
                f"cell {role['grade_id']} has other points in the source than in the released "
                f"notebook: release {name} again"
            )
        if role.get("grade") and not role.get("solution"):
            cell["source"] = text_of(own)
        elif role.get("solution") and own["cell_type"] == "code":
            found = names(text_of(own))
            defines[role["grade_id"]] = sorted(found.binds)
            functions |= found.defines
            reads[role["grade_id"]] = sorted(found.reads)
            lines = [
                ast.unparse(statement)
                for statement in statements(text_of(own))
                if isinstance(statement, (ast.Import, ast.ImportFrom))
            ]
            if lines:
                imports[role["grade_id"]] = "\n".join(lines)
        cell.pop("outputs", None)
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    return Assignment(
        name,
        notebook,
        rules_of(name, source),
        defines,
        sorted(functions),
        reads,
        imports,
        language,
    )


def rules_of(name: str, notebook: Mapping[str, Any]) -> dict[str, Any]:
    """The rules of an exercise: the defaults, the exercise set's, the notebook's own."""
    from nncourse.exercises.piece import sets

    found = dict(RULES)
    if name in sets():
        module = importlib.import_module(f"nncourse.exercises.{name}")
        found |= getattr(module, "GRADING", {})
    metadata = notebook.get("metadata", {}).get("nncourse", {})
    found |= metadata.get("grading", {}) if isinstance(metadata, Mapping) else {}
    unknown = sorted(set(found) - set(RULES))
    if unknown:
        raise AssignmentError(f"{name}: unknown rules of grading: {', '.join(unknown)}")
    return found


def role_of(cell: Mapping[str, Any]) -> dict[str, Any]:
    """nbgrader's metadata of a cell; empty for an ordinary one."""
    found = cell.get("metadata", {}).get("nbgrader", {})
    return found if isinstance(found, dict) and "grade_id" in found else {}


def text_of(cell: Mapping[str, Any]) -> str:
    """The source of a cell, which may be a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _cell(index: int, cell: Mapping[str, Any]) -> Cell:
    role = role_of(cell)
    if role.get("grade") and not role.get("solution"):
        kind = "tests"
    elif role.get("solution"):
        kind = "manual" if role.get("grade") else "answer"
    else:
        kind = "readonly" if role.get("locked") else "plain"
    if cell["cell_type"] != "code":
        kind = "text"
    return Cell(index, kind, role.get("grade_id", ""), text_of(cell), float(role.get("points", 0)))


@lru_cache
def tool_version() -> str:
    """A digest of the library: another tool may come to another verdict."""
    digest = hashlib.sha256()
    for path, mark in contents().items():
        if path.suffix in (".py", ".npz", ".mo"):
            digest.update(f"{path}\0".encode())
            digest.update(mark)
    return digest.hexdigest()
