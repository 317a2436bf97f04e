"""Names that were meant: what to say when an attribute is not found."""

from __future__ import annotations

import difflib
from typing import Any


def near(name: str, known: list[str]) -> str:
    """ "Did you mean ...?" with the nearest of the known names, or nothing."""
    found = difflib.get_close_matches(name, [word for word in known if word[0] != "_"], 1, 0.7)
    return f" Did you mean {found[0]!r}?" if found else ""


def unknown_attribute(owner: Any, name: str) -> AttributeError:
    """The error for ``owner.name``, which does not exist."""
    kind = type(owner).__name__
    hint = "" if name.startswith("_") else near(name, dir(type(owner)))
    return AttributeError(f"{kind!r} has no attribute {name!r}.{hint}", name=name, obj=owner)
