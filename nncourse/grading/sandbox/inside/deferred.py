"""Modules that take long to load and that few submissions use: matplotlib above all.

A notebook imports pyplot in its first cell, and then grades functions that draw nothing. Such a
module is loaded when something of it is asked for, in the session that asks. Until then its name
stands for a module that is empty, which ``import`` takes for the real one.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable, Iterable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any


def defer(names: Iterable[str], first: Callable[[], None] = lambda: None) -> None:
    """Let these modules be loaded when they are used; packages stand before what is in them.

    What isn't installed stays missing. ``first`` is called once, before anything is loaded.
    """
    waiting = [first]
    for name in names:
        package, _, last = name.rpartition(".")
        if name in sys.modules or (package and package not in sys.modules):
            continue
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        module = Deferred(name)
        vars(module).update(vars(importlib.util.module_from_spec(spec)), __deferred__=waiting)
        sys.modules[name] = module
        if package:
            vars(sys.modules[package])[last] = module
    sys.meta_path.insert(0, PackagesFirst())


class Deferred(types.ModuleType):
    """A module that is not loaded yet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        load(self)
        return getattr(self, name)


def load(module: Deferred) -> None:
    """Make it the module that it stands for."""
    module.__class__ = types.ModuleType  # type: ignore[assignment]
    waiting = vars(module).pop("__deferred__")
    while waiting:
        waiting.pop()()
    assert module.__spec__ is not None
    assert module.__spec__.loader is not None
    try:
        module.__spec__.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(module.__name__, None)  # as ``import`` does
        raise
    draw_unseen(module)


def draw_unseen(module: types.ModuleType) -> None:
    """Let matplotlib draw as it does, whatever window or page a notebook asks it for: there is
    none here, and nobody to look.
    """
    if module.__name__ == "matplotlib":
        module.use = lambda *_backend, **_force: None  # type: ignore[attr-defined]
    elif module.__name__ == "matplotlib.pyplot":
        switch = module.switch_backend
        module.switch_backend = lambda *_backend, **_named: switch("agg")  # type: ignore[attr-defined]


class PackagesFirst(MetaPathFinder):
    """Loads a deferred package when a module in it is imported; it may import that one itself."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """None, which leaves the finding to others, unless the module is there by now."""
        package = sys.modules.get(name.rpartition(".")[0])
        if type(package) is not Deferred:
            return None
        load(package)
        return ModuleSpec(name, Known(sys.modules[name])) if name in sys.modules else None


class Known(Loader):
    """Gives ``import`` a module that is loaded already."""

    def __init__(self, module: types.ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        """The module itself."""
        return self.module

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing but to give it back what the machinery of ``import`` has just replaced."""
        module.__spec__ = self.spec
