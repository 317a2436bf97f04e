"""Kinds of values that a lecturer's code speaks of.

A right answer is rarely NaN, infinite, complex, coarse or empty, and a wrong one of that kind
agrees with most tests (``nncourse.grading.sandbox.nothing``). So it is let through only where some
code cell names the kind, be it in a comment. ``nncourse release`` grades the lecturer's own answers
in the same way, and tells where a right answer needs a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SHAPE = r"(?:\w+,\s*)*0\s*[,)]"  # one that has a 0 in it
KINDS = {
    "half": r"float16|\bnp\.half\b",
    "complex": r"\b(?:complex(?:64|128|floating)?|cmath|[ir]?fft[2n]?|eig(?:vals)?|roots|angle)\b"
    r"|[\d.]j\b|\.(?:imag|conj)",
    "integer": r"\.(?:dtype|view|nbytes|itemsize)\b|\b(?:issubdtype|result_type)\b",
    "nan": r"(?i:\b(?:is|equal_)?nans?\b)|\bisfinite\b"
    r"|\bnan(?:_to_num|(?:arg)?(?:max|min)|mean|median|prod|std|sum|var)\b",
    "inf": r"(?i:\binf(?:inite|inity|inities)?\b)|\bis(?:finite|(?:pos|neg)?inf)\b|(?i:бесконечн)"
    r"|\de(?:1[5-9]|[23]\d)\d\b",
    "empty": r"(?<!np\.)(?<!numpy\.)\bempty\b|(?i:\bпуст)"
    # Written out, but not to be filled: after an operator, a bracket, a comma, in quotes.
    r"|(?:[=!]=|\bin|\breturn|[\[({,:])\s*(?:\[\s*\]|\(\s*\)|set\(\)|dict\(\)|list\(\)|tuple\(\))"
    r"|(?:[=!]=|[\[(])\s*\{\s*\}|[\"']\[\][\"']"
    r"|(?:(?<![\w\])])(?:\[\s*\]|\(\s*\)|\{\s*\})|\bset\(\))\s*[=!]="
    r"|(?:\blen\([^=<>\n]*\)|\.size)\s*[=!]=\s*0\b|\[0?:0[\],]|\b(?:range|arange)\(0\)"
    rf"|\b(?:zeros|ones|empty)\(\(?{_SHAPE}|\b(?:full|normal|random|reshape)\(\({_SHAPE}"
    rf"|\b(?:shape|size)\s*==?\s*\({_SHAPE}",
}
PATTERNS = {kind: re.compile(pattern) for kind, pattern in KINDS.items()}


def spoken(sources: Iterable[str]) -> frozenset[str]:
    """Those of ``nothing.KINDS`` that occur in this code."""
    code = "\n".join(sources)
    return frozenset(kind for kind, pattern in PATTERNS.items() if pattern.search(code))
