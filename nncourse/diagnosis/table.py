"""Truth tables: which rows a neuron gets wrong, and what it computes instead."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array
from nncourse.language import mark

SHOWN = 4
"""So many wrong rows are listed."""


def diagnose_table(a: Array, n: Array, known: Mapping[str, Array] | None = None) -> Finding | None:
    """Why the answers ``a`` (2^k,) differ from the truth table ``n``, rows in binary order.

    ``known``: tables of other functions by name. None where they agree.
    """
    wrong = np.flatnonzero(a != n)
    if not wrong.size:
        return None
    if np.all(a == 0):
        return Finding(
            "never",
            mark("The neuron never fires: no weighted sum exceeds the threshold."),
        )
    if np.all(a == 1):
        return Finding("always", mark("The neuron always fires, whatever the inputs."))
    if np.array_equal(a, 1 - n):
        return Finding(
            "inverted",
            mark("All answers are inverted: it fires exactly where it should be silent."),
        )
    for name, other in (known or {}).items():
        if np.array_equal(a, other):
            return Finding("other table", mark("This is the table of {name}."), {"name": name})
    bits = int(len(n) - 1).bit_length()
    rows = ", ".join(f"({', '.join(format(i, f'0{bits}b'))})" for i in wrong[:SHOWN])
    more = ", ..." if len(wrong) > SHOWN else ""
    return Finding(
        "rows",
        mark("Wrong in {count} of {size} rows, for the inputs {rows}."),
        {"count": len(wrong), "size": len(n), "rows": rows + more},
    )
