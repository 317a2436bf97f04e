"""Parameters in a list and by name. Plain lists and dicts as attributes are found just as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn.container import Named
from nncourse.nn.module import Module
from nncourse.nn.parameter import Parameter


def _named(owner: Module) -> dict[str, Parameter]:
    return {name: part for name, part in owner.__dict__.items() if isinstance(part, Parameter)}


def _parameter(value: Any) -> Parameter:
    """A parameter; of a tensor one is made that shares its memory."""
    if isinstance(value, Parameter):
        return value
    if isinstance(value, Tensor):
        return Parameter(value)
    raise TypeError(f"expected a parameter or a tensor; got {type(value).__name__}")


def _lines(owner: Module) -> str:
    body = "".join(
        f"    ({name}): Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]\n"
        for name, p in _named(owner).items()
    )
    return f"{type(owner).__name__}(" + (f"\n{body})" if body else ")")


class ParameterList(Module):
    """A list of parameters, called "0", "1", ...; tensors become parameters."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end."""
        self.register_parameter(str(len(self)), _parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add several parameters at the end."""
        for value in list(values):
            self.append(value)
        return self

    def __len__(self) -> int:
        return len(_named(self))

    def __iter__(self) -> Iterator[Parameter]:
        return iter(_named(self).values())

    def __getitem__(self, index: Any) -> Any:
        found = list(_named(self).values())[index]
        return ParameterList(found) if isinstance(index, slice) else found

    def __setitem__(self, index: int, value: Any) -> None:
        self.register_parameter(str(range(len(self))[index]), _parameter(value))

    def __repr__(self) -> str:
        return _lines(self)


class ParameterDict(Named):
    """Parameters by name; tensors become parameters."""

    kind = Parameter

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.update(parameters or {})

    def __setitem__(self, key: str, value: Any) -> None:
        self.register_parameter(key, _parameter(value))

    def __repr__(self) -> str:
        return _lines(self)
