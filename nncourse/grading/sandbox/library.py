"""The library as a graded session sees it: a copy without the answers.

What is withheld is removed from the syntax tree before the copy is written, so neither its source
nor the memory of a process that has loaded it holds an answer. The copy is made once for each
content of the library and each list of what is withheld, in a cache folder outside of the project.

A withheld module disappears, and with it every module that imports it; packages stay, without the
names that went. A withheld function or class keeps its name and loses its body.
"""

from __future__ import annotations

import ast
import compileall
import hashlib
import io
import os
import py_compile
import shutil
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

PACKAGE = "nncourse"
OWN = Path(__file__).parents[2]  # the folder of the library that this file belongs to
# References, the rules that find mistakes, what moves in a browser (see ``inside.stand_ins``), and
# whatever a lecturer calls.
ALWAYS: tuple[str, ...] = ("nncourse.exercises", "nncourse.diagnosis", "nncourse.check")
ALWAYS += ("nncourse.widgets", "nncourse.grading", "nncourse.course", "nncourse.cli")
# What runs inside a sandbox, below packages that are empty there.
INSIDE: tuple[str, ...] = tuple(
    f"nncourse.grading.sandbox.{name}"
    for name in ("refused", "huge", "nothing", "wire", "clock", "channel")
)
INSIDE += ("nncourse.grading.sandbox.inside",)
EMPTY = ("nncourse.grading", "nncourse.grading.sandbox")
# Takes the place of nncourse.check, which cells of a notebook import.
CHECK = Path(__file__).parent / "inside" / "no_check.py"
DIGITS = Path("data/digits.npz")
LEFT_OUT = ("__pycache__", "_course")


class WithheldError(Exception):
    """What is to be withheld doesn't exist, so nothing would be."""


def cache_folder() -> Path:
    """Where copies are kept: ``nncourse/sandbox`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "nncourse" / "sandbox"


def withhold(
    names: Iterable[str] = (), cache: Path | None = None, source: Path | None = None
) -> Path:
    """A folder with a copy of the library without ``ALWAYS`` and without ``names``.

    ``names`` are dotted: modules, functions, classes, methods. Raises WithheldError for a name
    that isn't there. Withholding "nncourse" leaves only what runs the session. ``source``: the
    folder of the library, by default the one that this file belongs to.
    """
    source = OWN if source is None else source
    wanted = sorted({*names})
    known = contents() if source == OWN else contents_of(source)
    without = wanted
    if PACKAGE in wanted:
        known = {path: mark for path, mark in known.items() if _below(_module(path), INSIDE)}
        without = []
    digest = hashlib.sha256(repr(wanted).encode())
    for path, mark in known.items():
        digest.update(f"{path}\0".encode())
        digest.update(mark)
    cache = cache_folder() if cache is None else cache
    target = cache / digest.hexdigest()[:32]
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True, mode=0o755)
        building = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
        try:
            _Copy(source, list(known), without).write(building)
            # Read by a user who is nobody, whatever is usual for files of this one.
            for path in (building, *building.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            building.rename(target)
        except OSError:
            if not target.exists():  # or another process was faster
                raise
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return target


def without_held_out(data: bytes) -> bytes:
    """The digits' file with training examples in place of those that are held out.

    The places of both parts stay, so the training part is the same as ever; what a network is
    judged by is neither in the file nor in memory.
    """
    import numpy as np

    from nncourse.data.digits import _split

    train, held_out = _split()
    with np.load(io.BytesIO(data)) as file:
        arrays = {name: file[name].copy() for name in file.files}
    for array in arrays.values():
        array[held_out] = array[np.resize(train, len(held_out))]
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def files_of(source: Path) -> list[Path]:
    """The files below a folder, as paths from there, in a fixed order.

    With os.walk, since pathlib takes longer to find them than it takes to read them; so below.
    """
    found = []
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        found += [path for name in names if os.path.isfile(path := os.path.join(folder, name))]
    start = len(os.path.join(source, ""))
    return [Path(path[start:]) for path in sorted(found)]


def contents_of(folder: Path) -> dict[Path, bytes]:
    """The files below a folder, in a fixed order, with a digest of what is in each."""
    found = {}
    for path in files_of(folder):
        with open(os.path.join(folder, path), "rb", buffering=0) as file:
            found[path] = hashlib.sha256(file.read()).digest()
    return found


@lru_cache
def contents() -> dict[Path, bytes]:
    """Those of the library, as they were when they were first asked for."""
    return contents_of(OWN)


def _module(path: Path) -> str:
    parts = [PACKAGE, *path.with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _below(name: str, roots: Iterable[str]) -> bool:
    return any(name == root or name.startswith(root + ".") for root in roots)


class _Copy:
    """The modules of the library as syntax trees, and what has to go from them."""

    def __init__(self, source: Path, files: list[Path], withheld: list[str]) -> None:
        self.source = source
        self.files = files
        self.paths = {_module(path): path for path in files if path.suffix == ".py"}
        self.trees = {
            name: ast.parse((source / path).read_bytes(), str(path))
            for name, path in self.paths.items()
        }
        self.packages = {n for n, path in self.paths.items() if path.name == "__init__.py"}
        self.changed: set[str] = set()
        self.lost: dict[str, set[str]] = {name: set() for name in self.trees}
        self.gone: set[str] = set()
        for name in [*ALWAYS, *withheld]:
            self.gone.update(n for n in self.trees if _below(n, [name]))
        for name in withheld:
            if name not in self.trees:
                self._empty(name)
        if PACKAGE not in withheld:
            self.gone.discard(PACKAGE)
        self.gone = {name for name in self.gone if not _below(name, INSIDE)}
        self._settle()

    def _empty(self, name: str) -> None:
        """Take the body of a function, or of all methods of a class."""
        module = name
        while module and module not in self.trees:
            module = module.rpartition(".")[0]
        node: ast.AST | None = self.trees.get(module)
        for step in name[len(module) + 1 :].split("."):
            node = next(
                (
                    child
                    for child in getattr(node, "body", [])
                    if isinstance(child, (ast.FunctionDef, ast.ClassDef)) and child.name == step
                ),
                None,
            )
        if node is None:
            raise WithheldError(f"{name} is to be withheld, but there is no such thing in nncourse")
        self.changed.add(module)
        if isinstance(node, ast.ClassDef):
            functions = [child for child in node.body if isinstance(child, ast.FunctionDef)]
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        else:
            functions = [node] if isinstance(node, ast.FunctionDef) else []
        text = f"raise NotImplementedError({name + ' is withheld while this is graded'!r})"
        for function in functions:
            function.body = ast.parse(text).body

    def _settle(self) -> None:
        """Let go whatever can't be imported any more, until nothing changes."""
        before = None
        while before != (before := (len(self.gone), sum(map(len, self.lost.values())))):
            for name, tree in self.trees.items():
                if name in self.gone or _below(name, INSIDE):
                    continue
                if name in self.packages:
                    self._prune(name, tree)
                elif any(self._cut(name, node) for node in _imports(tree.body)):
                    self.gone.add(name)
                    self._lose(name)
        for name in self.gone:
            self._lose(name)

    def _lose(self, module: str) -> None:
        parent, _, name = module.rpartition(".")
        if parent in self.lost:
            self.lost[parent].add(name)

    def _cut(self, module: str, node: ast.Import | ast.ImportFrom) -> list[ast.alias]:
        """The names of an import statement that are no longer there."""
        if isinstance(node, ast.Import):
            return [alias for alias in node.names if alias.name in self.gone]
        origin = node.module or ""
        if origin in self.gone:
            return list(node.names)
        lost = self.lost.get(origin, set())
        return [
            alias
            for alias in node.names
            if f"{origin}.{alias.name}" in self.gone or (origin != module and alias.name in lost)
        ]

    def _prune(self, name: str, tree: ast.Module) -> None:
        """Take from a package's ``__init__`` what is lost, and what is made of it."""
        lost = self.lost[name]
        kept: list[ast.stmt] = []
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                cut = self._cut(name, node)
                lost.update((alias.asname or alias.name).split(".")[0] for alias in cut)
                node.names = [alias for alias in node.names if alias not in cut]
                if cut:
                    self.changed.add(name)
                if not node.names:
                    continue
            elif _assigns(node, "__all__"):
                self._prune_all(name, node)
            elif not isinstance(node, (ast.FunctionDef, ast.ClassDef)) and _loads(node) & lost:
                self.changed.add(name)
                lost.update(_stores(node))
                continue
            kept.append(node)
        tree.body = kept

    def _prune_all(self, name: str, node: ast.stmt) -> None:
        value = getattr(node, "value", None)
        if isinstance(value, (ast.List, ast.Tuple)):
            kept = [
                item
                for item in value.elts
                if not (isinstance(item, ast.Constant) and item.value in self.lost[name])
                and not (isinstance(item, ast.Starred) and _loads(item) & self.lost[name])
            ]
            if len(kept) != len(value.elts):
                self.changed.add(name)
                value.elts = kept

    def write(self, target: Path) -> None:
        """Write the copy, compiled."""
        for path in self.files:
            out = target / PACKAGE / path
            name = _module(path) if path.suffix == ".py" else None
            package = ".".join([PACKAGE, *path.parts[:-1]])
            if name in self.gone or (name is None and not self._stays(package)):
                continue
            out.parent.mkdir(parents=True, exist_ok=True)
            if name in self.changed and name is not None:
                out.write_text(ast.unparse(self.trees[name]) + "\n", encoding="utf-8")
            elif path == DIGITS:
                out.write_bytes(without_held_out((self.source / path).read_bytes()))
            else:
                shutil.copyfile(self.source / path, out)
        for name in (PACKAGE, *EMPTY):
            init = target / Path(*name.split(".")) / "__init__.py"
            init.parent.mkdir(parents=True, exist_ok=True)
            if not init.exists():
                init.touch()
        check = target / PACKAGE / "check" / "__init__.py"
        check.parent.mkdir(exist_ok=True)
        shutil.copyfile(CHECK, check)
        compileall.compile_dir(
            target,
            quiet=2,
            stripdir=str(target),
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )

    def _stays(self, package: str) -> bool:
        """Whether the data files of a folder stay: those of the nearest package around it."""
        while package not in self.packages:
            package = package.rpartition(".")[0]
        return package not in self.gone


def _imports(body: list[ast.stmt]) -> Iterable[ast.Import | ast.ImportFrom]:
    """The imports that run when a module is loaded; those within functions fail when used."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in _loads(node.test):
            yield from _imports([*node.body, *node.orelse])
        elif isinstance(node, (ast.Try, ast.With, ast.ClassDef)):
            yield from _imports(node.body)


def _names(node: ast.AST, context: type) -> set[str]:
    return {
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, context)
    }


def _loads(node: ast.AST) -> set[str]:
    return _names(node, ast.Load)


def _stores(node: ast.AST) -> set[str]:
    return _names(node, ast.Store)


def _assigns(node: ast.stmt, name: str) -> bool:
    return isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and name in _stores(node)
