"""PyTorch's switches of its own machinery, for programs that ask or set them; without effect here.

``backends.mps.is_available()`` answers no; ``backends.cudnn.deterministic = True`` is taken and
changes nothing, for results here are the same on every run anyway; ``compile`` returns what it is
given.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def _no() -> bool:
    return False


cudnn = SimpleNamespace(
    enabled=False, benchmark=False, deterministic=True, allow_tf32=False, is_available=_no
)
cuda = SimpleNamespace(is_built=_no, matmul=SimpleNamespace(allow_tf32=False), allow_tf32=False)
mps = SimpleNamespace(is_available=_no, is_built=_no)


def compile(model: Any = None, **_options: Any) -> Any:
    """The model or function itself; as a decorator with options, the decorator."""
    return compile if model is None else model
