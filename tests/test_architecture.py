"""The packages are floors: each imports only from those before it."""

import ast
from pathlib import Path

import pytest

import nncourse

PACKAGE = Path(nncourse.__file__).parent

FLOORS = (
    "language",
    "devices",
    "backend",
    "backends",
    "dtypes",
    "random",
    "cuda",
    "diagnosis",
    "autograd",
    "ops",
    "scalar",
    "nn",
    "optim",
    "data",
    "structure",
    "serialization",
    "utils",
    "inspection",
    "onnx",
    "training",
    "plots",
    "widgets",
    "exercises",
    "check",
    "course",
    "grading",
    "cli",
)
# The whole library, as programs import it, stands on the floor of training.
LIBRARY = "training"

# Pairs that know each other on purpose, with the reason.
ALLOWED = {
    ("course", "grading"): "a build releases its exercises through the grader's release",
}


def floor(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path):
    """The floors that a file imports from, with the lines that do it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "nncourse":
                names = [f"nncourse.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "nncourse":
                inner = parts[1] if len(parts) > 1 else LIBRARY
                yield (inner if inner in FLOORS else LIBRARY), node.lineno


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if floor(path) != "__init__"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_imports_only_from_floors_before_its_own(path):
    own = floor(path)
    assert own in FLOORS, f"{own} has no floor yet: give it one"
    for other, line in imports(path):
        if other not in (own, "__version__") and (own, other) not in ALLOWED:
            assert FLOORS.index(other) < FLOORS.index(own), f"{path}:{line} imports {other}"
