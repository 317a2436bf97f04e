"""Modules that hold other modules: one after another, in a list, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from nncourse.nn.module import Module

N = TypeVar("N", bound="_Numbered")


def _named(owner: Module) -> dict[str, Module]:
    """The modules that are attributes, by name."""
    return {name: part for name, part in owner.__dict__.items() if isinstance(part, Module)}


class _Numbered(Module):
    """Modules in an order, under the names "0", "1", ... unless they were given others."""

    def _list(self) -> list[Module]:
        return list(_named(self).values())

    def _replace(self, modules: Iterable[Module]) -> None:
        """Hold these modules instead, under numbers."""
        for name in _named(self):
            object.__delattr__(self, name)
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def append(self: N, module: Module) -> N:
        """Add a module at the end, under the next number."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self: N, index: int, module: Module) -> N:
        """Put a module in before the place ``index``; those behind it get the next numbers."""
        modules = self._list()
        modules.insert(index, module)
        self._replace(modules)
        return self

    def extend(self: N, modules: Iterable[Module]) -> N:
        """Add several modules at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def pop(self, key: int = -1) -> Module:
        """Take a module out and return it."""
        module = self[key]
        del self[key]
        return module

    def __len__(self) -> int:
        return len(self._list())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._list())

    def __contains__(self, module: object) -> bool:
        return any(part is module for part in self._list())

    def __getitem__(self, index: Any) -> Any:
        return self._list()[index]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(list(_named(self))[index], module)

    def __delitem__(self, index: Any) -> None:
        modules = self._list()
        del modules[index]
        self._replace(modules)


class Sequential(_Numbered):
    """Modules one after another: ``Sequential(Linear(2, 8), Tanh(), Linear(8, 1))``.

    A dict gives the modules names; otherwise they are called "0", "1", ... Items may be taken by
    position, ``net[0]``, and slices are Sequentials of the same modules.
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], dict):
            named = modules[0]
        else:
            named = {str(i): module for i, module in enumerate(modules)}
        for name, module in named.items():
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        for part in self.__dict__.values():
            if isinstance(part, Module):
                input = part(input)
        return input

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(dict(list(_named(self).items())[index]))
        return self._list()[index]

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *other)


class ModuleList(_Numbered):
    """A list of modules. It has no forward; a plain list as an attribute is found just as well."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(self._list()[index])
        return self._list()[index]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return type(self)([*self, *other])

    def __repr__(self) -> str:
        lines: list[tuple[int, int, str]] = []  # first, last, repr: neighbours that look alike
        for i, module in enumerate(self):
            text = repr(module).replace("\n", "\n  ")
            if lines and lines[-1][2] == text:
                lines[-1] = (lines[-1][0], i, text)
            else:
                lines.append((i, i, text))
        if not lines:
            return f"{type(self).__name__}()"
        body = "".join(
            f"  ({a}): {text}\n" if a == b else f"  ({a}-{b}): {b - a + 1} x {text}\n"
            for a, b, text in lines
        )
        return f"{type(self).__name__}(\n{body})"


class Named(Module):
    """Parts of one kind by name, in the order in which they came."""

    kind: type

    def _named(self) -> dict[str, Any]:
        return {name: part for name, part in self.__dict__.items() if isinstance(part, self.kind)}

    def update(self, parts: Any) -> None:
        """Add the parts of a dict, or of (name, part) pairs; equal names are overwritten."""
        for name, part in parts.items() if isinstance(parts, Mapping | Named) else parts:
            self[name] = part

    def keys(self) -> Iterable[str]:
        return self._named().keys()

    def values(self) -> Iterable[Any]:
        return self._named().values()

    def items(self) -> Iterable[tuple[str, Any]]:
        return self._named().items()

    def pop(self, key: str) -> Any:
        """Take a part out and return it."""
        part = self[key]
        del self[key]
        return part

    def clear(self) -> None:
        """Take all parts out."""
        for name in self._named():
            del self[name]

    def __len__(self) -> int:
        return len(self._named())

    def __iter__(self) -> Iterator[str]:
        return iter(self._named())

    def __contains__(self, key: object) -> bool:
        return key in self._named()

    def __getitem__(self, key: str) -> Any:
        return self._named()[key]

    def __setitem__(self, key: str, part: Any) -> None:
        raise NotImplementedError

    def __delitem__(self, key: str) -> None:
        if key not in self._named():
            raise KeyError(key)
        object.__delattr__(self, key)


class ModuleDict(Named):
    """Modules by name. A plain dict as an attribute is found just as well."""

    kind = Module

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)
