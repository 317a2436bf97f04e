"""The cells of a notebook, parted into slides.

They say by themselves how (``slideshow.slide_type``, as JupyterLab's and nbconvert's slides read
it): "slide" and "subslide" begin one, "fragment" appears at a key, "notes" are for the lecturer,
"skip" is left out, everything else goes on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r"^#{1,6}\s+(.+)$", re.MULTILINE)


@dataclass
class Slide:
    """What is on the screen at once: steps that appear one after another, and the notes to it."""

    steps: list[list[Mapping[str, Any]]] = field(default_factory=lambda: [[]])
    notes: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def cells(self) -> list[Mapping[str, Any]]:
        return [cell for step in self.steps for cell in step]

    def title(self) -> str:
        """Its first heading, as plain text; '' if it has none."""
        for cell in self.cells:
            if cell["cell_type"] == "markdown" and (found := _HEADING.search(cell["source"])):
                return re.sub(r"[*`$]", "", found[1]).strip()
        return ""


def slides_of(notebook: Mapping[str, Any]) -> list[Slide]:
    """The cells of a notebook, parted into slides."""
    slides: list[Slide] = []
    for cell in notebook["cells"]:
        kind = cell["metadata"].get("slideshow", {}).get("slide_type", "-")
        if kind == "skip" or not _has_content(cell):
            continue
        if kind in ("slide", "subslide") or not slides:
            slides.append(Slide())
        if kind == "notes":
            slides[-1].notes.append(cell)
            continue
        if kind == "fragment" and slides[-1].cells:
            slides[-1].steps.append([])
        slides[-1].steps[-1].append(cell)
    return slides


def _has_content(cell: Mapping[str, Any]) -> bool:
    return bool(COMMENT.sub("", cell["source"]).strip() or cell.get("outputs"))
