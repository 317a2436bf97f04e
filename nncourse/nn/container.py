"""Modules that hold other modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nncourse.nn.module import Module


class Sequential(Module):
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

    def add_module(self, name: str, module: Module) -> None:
        """Append a module under a name."""
        if not isinstance(module, Module):
            hint = (
                " Did you forget to call it, as in nn.ReLU()?" if isinstance(module, type) else ""
            )
            if isinstance(module, list | tuple):
                hint = " Unpack the list: Sequential(*modules)"
            raise TypeError(f"Sequential holds modules; got {module!r}.{hint}")
        if "." in name or hasattr(type(self), name):
            raise ValueError(f"a module cannot be called {name!r}")
        object.__setattr__(self, name, module)

    def append(self, module: Module) -> Sequential:
        """Append a module under the next number."""
        self.add_module(str(len(self)), module)
        return self

    def forward(self, x: Any) -> Any:
        for part in self.__dict__.values():
            if isinstance(part, Module):
                x = part(x)
        return x

    def _list(self) -> list[Module]:
        return [part for part in self.__dict__.values() if isinstance(part, Module)]

    def __len__(self) -> int:
        return len(self._list())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._list())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(*self._list()[index])
        return self._list()[index]


class Identity(Module):
    """Returns what it is given."""

    def forward(self, x: Any) -> Any:
        return x


class Flatten(Module):
    """Joins the axes from ``start_dim`` to ``end_dim`` into one: (N, 8, 8) to (N, 64)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Any) -> Any:
        return x.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
