"""What code changes and reads outside of its names: files, the environment, settings.

``np.save("w.npy", w)`` in a cell of the student's own binds no name and changes no object; and yet
``np.load("w.npy")`` in an answer needs it, as a deep recursion needs ``sys.setrecursionlimit``.
Such effects get names of their own, which no code can bind, and are followed as names are.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable

from nncourse.grading.syntax import last_name

FILES, ENVIRONMENT, WARNINGS, SEED = "open()", "os.environ", "seterr()", "seed()"
LIBRARY = "manual_seed()"
SEEDS = {SEED, LIBRARY}
RECURSION = "setrecursionlimit()"  # any answer may need it, whatever stands in it
EFFECTS = {FILES, ENVIRONMENT, WARNINGS, SEED, LIBRARY, RECURSION}

WRITING = {"save", "savez", "savez_compressed", "savetxt", "tofile", "dump", "to_csv"}
WRITING |= {"write", "writelines", "writerow", "writerows", "write_text", "write_bytes"}
WRITING |= {"flush", "close", "mkdir", "makedirs"}
READING = {"load", "loadtxt", "genfromtxt", "fromfile", "memmap", "read_csv"}
READING |= {"read_text", "read_bytes"}
CHANGING = dict.fromkeys(WRITING, FILES) | {"seed": SEED, "setrecursionlimit": RECURSION}
CHANGING |= dict.fromkeys(("seterr", "simplefilter", "filterwarnings"), WARNINGS)
CHANGING |= dict.fromkeys(("manual_seed", "set_default_dtype"), LIBRARY)
LIBRARIES = {"nn", "nnc", "nncourse", "torch"}  # under their usual names
INSTALLED = sys.stdlib_module_names | {"numpy", "matplotlib", "nncourse"}


def changes(nodes: Iterable[ast.AST]) -> set[str]:
    """The effects of these nodes of a tree."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Call):
            name = last_name(node.func)
            found.add(CHANGING.get(name, ""))
            if name == "open" and _mode(node) & set("wax+"):
                found.add(FILES)
        if _changes_environment(node):
            found.add(ENVIRONMENT)
    return found - {""}


def reads(nodes: Iterable[ast.AST]) -> set[str]:
    """The effects that these nodes depend on, but for the depth of recursion."""
    found = set()
    for node in nodes:
        name = last_name(node)
        if isinstance(node, ast.Call):
            called = last_name(node.func)
            if called in READING or (called == "open" and not _mode(node) & set("wax")):
                found.add(FILES)
        elif _imported(node) - INSTALLED:  # it may have been written by a cell
            found.add(FILES)
        elif name in ("environ", "getenv"):
            found.add(ENVIRONMENT)
        elif name in ("FloatingPointError", "catch_warnings") or name.endswith("Warning"):
            found.add(WARNINGS)
        elif name in LIBRARIES:
            found.add(LIBRARY)
        elif name == "random" or _imports_random(node):
            found.add(SEED)
    return found


def _mode(call: ast.Call) -> set[str]:
    """The letters of the mode in which a file is opened, by a function or by its own method."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    by_method = isinstance(call.func, ast.Attribute) and len(call.args) == 1
    for value in named or call.args[0 if by_method else 1 :][:1]:
        return set(str(value.value) if isinstance(value, ast.Constant) else "r+")
    return {"r"}


def _changes_environment(node: ast.AST) -> bool:
    changed: ast.AST | None = None
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        changed = node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        changed = node.func.value if node.func.attr in ("update", "setdefault") else None
    return changed is not None and last_name(changed) == "environ"


def _imported(node: ast.AST) -> set[str]:
    """The modules that it imports, or the packages in which they are."""
    modules: list[str] = []
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        modules = [node.module or ""]
    return {name.partition(".")[0] for name in modules}


def _imports_random(node: ast.AST) -> bool:
    """Whether it is ``from numpy.random import normal`` or the like."""
    return isinstance(node, ast.ImportFrom) and (node.module or "").endswith("random")
