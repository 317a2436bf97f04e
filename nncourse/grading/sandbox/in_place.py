"""Changes in place, carried over: what a function did to its copy of a list, dict, set or array is
done to the original, which stays the same object, as do the arrays in it where they can.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncourse.grading.sandbox.refused import Refused


def update(old: Any, new: Any) -> None:
    """Change a container as the student's function changed its copy of it. OddValue if tests can't
    compute with what it has become.
    """
    if isinstance(new, Refused):
        new.refuse()
    if isinstance(old, np.ndarray) and type(new) is np.ndarray:
        if old.shape == new.shape and old.dtype == new.dtype and old.flags.writeable:
            old[...] = new
    elif isinstance(old, dict) and type(new) is dict:
        for key in [key for key in old if key not in new]:
            del old[key]
        for key, value in new.items():
            old[key] = _merged(old.get(key), value)
    elif isinstance(old, set) and type(new) is set:
        old.clear()
        old |= new
    elif isinstance(old, list) and isinstance(new, list):
        kept = [_merged(*pair) for pair in zip(old, new)]
        old[:] = kept + new[len(kept) :]


def _merged(old: Any, new: Any) -> Any:
    """The old object, updated, where it can stay the same object; else the new one."""
    same = isinstance(old, (np.ndarray, dict, list, set)) and type(old) is type(new)
    if same and isinstance(old, np.ndarray):
        same = old.shape == new.shape and old.dtype == new.dtype and old.flags.writeable
    if same:
        update(old, new)
    return old if same else new
