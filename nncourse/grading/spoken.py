"""Kinds of values that a lecturer's code speaks of.

A right answer is rarely NaN, infinite, complex, coarse or empty, and a wrong one of that kind
agrees with most tests (``nncourse.grading.sandbox.nothing``). So it is let through only where some
code cell names the kind, be it in a comment. ``nncourse release`` grades the lecturer's own answers
in the same way, and tells where a right answer needs a word. A deque is a list for tests that don't
speak of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from nncourse.grading.names import statements
from nncourse.grading.syntax import last_name

MADE = {"list", "tuple", "dict", "set", "frozenset"}
_SHAPE = r"(?:\w+,\s*)*0\s*[,)]"  # one that has a 0 in it
KINDS = {
    "half": r"float16|\bnp\.half\b",
    "complex": r"\b(?:complex(?:64|128|floating)?|is(?:complex|real)(?:obj)?|cmath|angle)\b"
    r"|\b(?:[ir]?fft[2n]?|eig(?:vals)?|roots)\b"
    r"|[\d.]j\b|\.(?:imag|conj)",
    "deque": r"\bdeque\b|\.maxlen\b|\b(?:append|extend|pop)left\b",
    "integer": r"\.(?:dtype|view|nbytes|itemsize)\b|\b(?:issubdtype|result_type)\b",
    "int": r"\btype\b.*\bint\b",  # that of Python's own, on one line
    "nan": r"(?i:\b(?:is|equal_)?nans?\b)|\bisfinite\b"
    r"|\bnan(?:_to_num|(?:arg)?(?:max|min)|mean|median|prod|std|sum|var)\b",
    "inf": r"(?i:\binf(?:inite|inity|inities)?\b)|\bis(?:finite|(?:pos|neg)?inf)\b|(?i:бесконечн)"
    r"|\de(?:1[5-9]|[23]\d)\d\b",
    "empty": r"(?<!np\.)(?<!numpy\.)\bempty\b|(?i:\bпуст)"
    r"|[\"']\[\][\"']"
    r"|(?:\blen\([^=<>\n]*\)|\.size)\s*[=!]=\s*0\b|\[0?:0[\],]|\b(?:range|arange)\(0\)"
    rf"|\b(?:zeros|ones|empty)\(\(?{_SHAPE}|\b(?:full|normal|random|reshape)\(\({_SHAPE}"
    rf"|\b(?:shape|size)\s*==?\s*\({_SHAPE}",
}
PATTERNS = {kind: re.compile(pattern) for kind, pattern in KINDS.items()}


def spoken(sources: Iterable[str]) -> frozenset[str]:
    """Those of ``KINDS`` that occur in this code."""
    cells = list(sources)
    code = "\n".join(cells)
    found = {kind for kind, pattern in PATTERNS.items() if pattern.search(code)}
    if any(_writes_nothing(statement) for cell in cells for statement in statements(cell)):
        found.add("empty")
    return frozenset(found)


def _writes_nothing(statement: ast.stmt) -> bool:
    """Whether there is an empty list or the like in it, other than one that gets a name, which is
    there to be filled, and for a plot without ticks.
    """
    nodes = list(ast.walk(statement))
    named: list[ast.AST] = []
    for node in nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            value = node.value
            named += [value, *(value.elts if isinstance(value, ast.Tuple) else ())]
        if isinstance(node, ast.arguments):
            named += node.defaults
        if isinstance(node, ast.Call) and "ticks" in last_name(node.func):
            named += node.args
        if isinstance(node, ast.keyword) and "ticks" in (node.arg or ""):
            named.append(node.value)
    return any(_is_nothing(node) for node in nodes if node not in named)


def _is_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return last_name(node.func) in MADE and not node.args and not node.keywords
    if isinstance(node, (ast.List, ast.Tuple)):
        return not node.elts
    return isinstance(node, ast.Dict) and not node.keys
