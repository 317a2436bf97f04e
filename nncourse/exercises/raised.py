"""What an answer raises in one of its cases, which costs that case alone."""

from __future__ import annotations

from nncourse.diagnosis import Finding
from nncourse.language import mark

KEPT = 200
"""Characters of an error's text that are shown."""


def raised(error: Exception) -> Finding:
    """What is said of an error in place of an answer."""
    if isinstance(error, NotImplementedError):
        return Finding("not written", mark("Not written yet."))
    text = str(error)[:KEPT]
    evidence = {"kind": type(error).__name__, "error": text if text.isprintable() else ascii(text)}
    return Finding("raised", mark("{kind}: {error}"), evidence)
