"""The font of formulas, as a part of the page: a browser without one draws no growing brackets.

STIX Two Math (SIL Open Font License) comes with ziamath. Only the signs that formulas of a course
can hold are kept, which makes 1.5 MB a tenth of it.
"""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

# Latin, Greek and Cyrillic letters; arrows, operators, brackets; the alphabets of mathematics.
KEPT = [
    (0x20, 0x17F),
    (0x2C6, 0x2DD),
    (0x370, 0x3FF),
    (0x410, 0x451),
    (0x2009, 0x2057),
    (0x2061, 0x2064),
    (0x2102, 0x2138),
    (0x2190, 0x21D5),
    (0x2200, 0x22F1),
    (0x2308, 0x230B),
    (0x23B0, 0x23E1),
    (0x25A1, 0x25A1),
    (0x2713, 0x2713),
    (0x27C2, 0x27F6),
    (0x2A00, 0x2A02),
    (0x1D400, 0x1D433),
    (0x1D434, 0x1D467),
    (0x1D49C, 0x1D4CF),
    (0x1D538, 0x1D56B),
    (0x1D5A0, 0x1D5D3),
    (0x1D670, 0x1D6A3),
    (0x1D6A8, 0x1D71B),
    (0x1D7CE, 0x1D7D7),
]


@lru_cache(maxsize=1)
def math_font() -> str:
    """The font as the value of ``src`` in CSS. Raises ImportError where ziamath is missing."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    found = find_spec("ziamath")  # only its file is wanted, so it is not imported
    if found is None or not found.submodule_search_locations:
        raise ImportError('ziamath is missing: pip install "nncourse[course]"')
    folder = Path(found.submodule_search_locations[0]) / "fonts"
    font = TTFont(folder / "STIXTwoMath-Regular.ttf")
    subsetter = Subsetter(Options(layout_features=["kern", "mark"], hinting=False))
    subsetter.populate(unicodes=[code for first, last in KEPT for code in range(first, last + 1)])
    subsetter.subset(font)
    font.flavor = "woff"
    made = io.BytesIO()
    font.save(made)
    return f"url(data:font/woff;base64,{base64.b64encode(made.getvalue()).decode()})"
