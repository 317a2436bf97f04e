"""TeX formulas as MathML, which browsers draw by themselves: no script, no pictures, no network.

Slides must open from a file in a hall without network, and a page of feedback may run no script at
all, so formulas are converted when the page is made. The converter knows the commands that a
course on networks is written in (`symbols.py`) and refuses the others by name: a formula that is
wrong on the screen is worse than an error. Spaces around operators are TeX's own, written out, as
browsers' dictionaries of operators differ from it.

It is safe with formulas of strangers: the text is escaped, nothing of it becomes a tag or an
attribute but the source in ``alttext``, and length and depth are bounded.
"""

from __future__ import annotations

from html import escape

from nncourse.course.formula.parser import Parser
from nncourse.course.formula.row import FormulaError

__all__ = ["FormulaError", "mathml"]

LONGEST = 5000  # characters


def mathml(tex: str, display: bool = False) -> str:
    """The ``<math>`` element of a formula written in TeX, without dollar signs.

    ``display``: as on a line of its own. Raises FormulaError.
    """
    if len(tex) > LONGEST:
        raise FormulaError(f"a formula of {len(tex)} characters; the longest may have {LONGEST}")
    body = Parser(tex).formula()
    kind = "block" if display else "inline"
    return f'<math display="{kind}" alttext="{escape(tex.strip())}">{body}</math>'
