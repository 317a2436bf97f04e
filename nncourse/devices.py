"""Devices: where the numbers of a tensor live, under PyTorch's names."""

from __future__ import annotations

from typing import Any


class device:
    """Where numbers live: ``device("cpu")``, ``device("cuda")`` (the current GPU), or one GPU of
    several, ``device("cuda:1")`` or ``device("cuda", 1)``.

    ``with device("cuda"):`` makes it the place of all tensors that are created inside.
    """

    __slots__ = ("_before", "index", "type")

    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        elif isinstance(type, int) and not isinstance(type, bool):
            type, index = "cuda", type
        elif isinstance(type, str) and ":" in type and index is None:
            type, _, number = type.partition(":")
            index = int(number) if number.isdecimal() else -1
        if type not in ("cpu", "cuda") or (index is not None and index < 0):
            raise RuntimeError(f"a device is 'cpu', 'cuda' or 'cuda:0'; got {type!r}, {index!r}")
        self.type, self.index = type, index
        self._before: list[device] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"

    def __reduce__(self) -> tuple:
        return device, (self.type, self.index)

    def __enter__(self) -> device:
        self._before.append(get_default_device())
        set_default_device(self)
        return self

    def __exit__(self, *_: object) -> None:
        set_default_device(self._before.pop())


CPU = device("cpu")
_default = CPU


def get_default_device() -> device:
    """Where tensors are created unless told otherwise."""
    return _default


def set_default_device(where: Any) -> None:
    """Create tensors there from now on, unless told otherwise; None for the processor."""
    global _default
    _default = CPU if where is None else device(where)
