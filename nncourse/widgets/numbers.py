"""How the widgets write numbers: four significant digits, a real minus, powers of ten.

``format_number`` in base.js is the twin of this one for numbers that arise in the browser.
"""

from __future__ import annotations

import math

_SUPERSCRIPT = str.maketrans("0123456789-.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻·")
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def superscript(number: str) -> str:
    """The digits of ``number`` raised: "-12" gives "⁻¹²"."""
    return number.translate(_SUPERSCRIPT)


def subscript(number: str) -> str:
    """The digits of ``number`` lowered: "12" gives "₁₂"."""
    return number.translate(_SUBSCRIPT)


def format_number(value: float) -> str:
    """``value`` to four significant digits; whole numbers below a million in full."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size == 0:
        text = "0"
    elif size < 1e6 and size == int(size):
        text = str(int(size))
    elif 1e-3 <= float(f"{size:.3e}") < 1e6:
        digits = max(0, 3 - math.floor(math.log10(float(f"{size:.3e}"))))
        text = f"{size:.{digits}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
    else:
        mantissa, exponent = f"{size:.3e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        power = f"10{superscript(str(int(exponent)))}"
        text = power if mantissa == "1" else f"{mantissa}·{power}"
    return f"−{text}" if value < 0 else text
