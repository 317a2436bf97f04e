"""Whether operations are recorded: ``no_grad`` and ``enable_grad``.

Each thread has a switch of its own, so that a widget's callback or a test in one thread cannot
stop the recording in another.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Recording(threading.local):
    enabled = True


class _Switches:
    """How many of the switches below are open, in all threads."""

    open = 0
    lock = threading.Lock()


recording = _Recording()
# A thread's own switch takes time to read. While none is open anywhere, nobody needs to.
switches = _Switches()


class _Switch:
    """A context manager that is also a decorator; one object may be used again and nested."""

    value: bool

    def __new__(cls, function: Any = None, **_: Any) -> Any:
        # Written without parentheses, @no_grad gets the function right here.
        return cls()(function) if callable(function) else super().__new__(cls)

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        with switches.lock:
            switches.open += 1
        self._before.append(recording.enabled)
        recording.enabled = self.value

    def __exit__(self, *_: object) -> None:
        recording.enabled = self._before.pop()
        with switches.lock:
            switches.open -= 1

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with type(self)():
                return function(*args, **kwargs)

        return switched  # type: ignore[return-value]


class no_grad(_Switch):
    """Inside, operations are not recorded: their results do not require gradients.

    Use it as ``with no_grad():`` or as a decorator, ``@no_grad()``.
    """

    value = False


class inference_mode(no_grad):
    """``no_grad`` under PyTorch's name for programs that only predict; ``mode=False``: no effect.

    Where PyTorch refuses the results in later computations with gradients, here they are ordinary
    tensors.
    """

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = bool(mode)

    @property
    def value(self) -> bool:  # type: ignore[override]
        return recording.enabled and not self.mode

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with inference_mode(self.mode):
                return function(*args, **kwargs)

        return switched  # type: ignore[return-value]


class enable_grad(_Switch):
    """Inside, operations are recorded again, within a ``no_grad``."""

    value = True


class set_grad_enabled(_Switch):
    """Record operations or not, according to ``mode``."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.value = bool(mode)

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with set_grad_enabled(self.value):
                return function(*args, **kwargs)

        return switched  # type: ignore[return-value]


def is_grad_enabled() -> bool:
    """True where operations are recorded."""
    return recording.enabled
