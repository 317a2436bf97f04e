"""Rules on factors: one constant everywhere, or one for each index of an axis.

k = <a, n> / <n, n> is compared with the constants that mistakes produce: N, 1/N, 2, -1, N/C, ...
"""

from __future__ import annotations

import numpy as np

from nncourse.diagnosis.context import Context
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array, projection, same, tolerance
from nncourse.language import mark


def _table(context: Context) -> list[tuple[str, float, str, str]]:
    """The known constants: (code, value, name, sentence)."""
    rows: list[tuple[str, float, str, str]] = [
        (
            "M04",
            -1.0,
            "-1",
            mark(
                "Every number has the opposite sign. Is a difference taken the wrong way round "
                "(target minus prediction), or a minus lost?"
            ),
        ),
        (
            "M03",
            2.0,
            "2",
            mark("Every number is twice the right one: there is an extra factor of 2."),
        ),
        (
            "M03",
            0.5,
            "1/2",
            mark("Every number is half the right one: a factor of 2 is lost."),
        ),
    ]
    N, C = context.batch, context.classes
    if N is not None and N > 1:
        if context.averaged:
            forgot = mark(
                "Every number is {k:.4f} times the right one, and {batch} is the batch size: "
                "the loss is a mean over the batch, so its 1/N belongs into the gradient, once."
            )
            once_more = mark(
                "Every number is {k:.4f} times the right one, and that is 1/N (N = {batch}): "
                "the 1/N of the mean is applied once more than it should be. Where does it enter "
                "first?"
            )
            again = "M02"
        else:
            forgot = mark(
                "Every number is {k:.4f} times the right one, and {batch} is the batch size: "
                "something is counted once for each example."
            )
            once_more = mark(
                "Every number is {k:.4f} times the right one, and that is 1/N (N = {batch}): "
                "a mean over the batch stands where a sum belongs. The 1/N of the loss, if there "
                "is one, is already inside the gradient from above."
            )
            again = "M10"
        rows += [
            ("M01", float(N), "N", forgot),
            (again, 1 / N, "1/N", once_more),
            (
                "M02",
                1 / N**2,
                "1/N^2",
                mark(
                    "Every number is {k:.4f} times the right one, and that is 1/N^2 "
                    "(N = {batch}): 1/N is applied twice too often."
                ),
            ),
        ]
        if C is not None and C > 1:
            rows += [
                (
                    "M31",
                    N / C,
                    "N/C",
                    mark(
                        "Every number is {k:.4f} times the right one, and that is N/C "
                        "(N = {batch}, C = {classes}): the sum was divided by the number of "
                        "classes instead of the number of examples."
                    ),
                ),
                (
                    "M31",
                    1 / C,
                    "1/C",
                    mark(
                        "Every number is {k:.4f} times the right one, and that is 1/C "
                        "(C = {classes}): a mean was taken over the classes as well. "
                        "The loss is a mean over the examples only."
                    ),
                ),
            ]
    for name, value in context.constants.items():
        sentence = mark("Every number is {k:.4f} times the right one, and that is {name}.")
        rows.append((context.codes.get(name, "scale"), value, name, sentence))
    return rows


def constant_factor(a: Array, n: Array, context: Context) -> Finding | None:
    """a = k n with one k for all entries."""
    if a.shape != n.shape or not np.any(a):
        return None
    k, rest = projection(a, n)
    near = tolerance(a)
    if k == 0 or rest > 2 * near * abs(k):
        return None
    evidence = {"k": k, "batch": context.batch, "classes": context.classes}
    # A constant that happens to be 1 (N/C with N = C) explains no difference.
    known = [row for row in _table(context) if abs(row[1] - 1) > 1e-3]
    found = [row for row in known if abs(k - row[1]) < near * abs(row[1])]
    if len(found) == 1:
        code, _value, name, sentence = found[0]
        return Finding(code, sentence, {**evidence, "name": name})
    if found:
        names = ", ".join(row[2] for row in found)
        sentence = mark("Every number is {k:.4f} times the right one; here that is: {names}.")
        return Finding("scale", sentence, {**evidence, "names": names})
    if a.size == 1:
        # Any number is a multiple of any other.
        return None
    return Finding(
        "scale",
        mark(
            "Every number is {k:.4g} times the right one: a factor, the same for all entries, is "
            "missing, extra, or another one."
        ),
        evidence,
    )


def factor_along_axis(a: Array, n: Array, context: Context) -> Finding | None:
    """a = r_i n with a factor r_i for each index i of one axis."""
    if a.shape != n.shape or a.ndim < 2:
        return None
    for axis in range(a.ndim):
        others = tuple(i for i in range(a.ndim) if i != axis)
        if a.shape[axis] < 2 or a.size // a.shape[axis] < 2:
            continue
        squares = (n * n).sum(axis=others, keepdims=True)
        if not np.all(squares > 0):
            continue
        r = (a * n).sum(axis=others, keepdims=True) / squares
        if np.any(np.abs(r) > 1e-9) and same(a, r * n):
            return _axis_finding(axis, r.reshape(-1))
    return None


def _axis_finding(axis: int, factors: Array) -> Finding:
    changed = np.flatnonzero(np.abs(factors - 1) > 1e-6)
    shown = _listed([f"{v:.4g}" for v in factors[changed]])
    if len(changed) == len(factors):
        text = mark(
            "Along axis {axis} each slice is the right one times a factor of its own: {factors}. "
            "A quantity with one value for each index of this axis is missing, extra, or another "
            "one."
        )
        return Finding("axis", text, {"axis": axis, "factors": shown})
    text = mark(
        "Along axis {axis} the slices {indices} are the right ones times {factors}; "
        "the others are right."
    )
    indices = _listed([str(i) for i in changed])
    return Finding("axis", text, {"axis": axis, "indices": indices, "factors": shown})


def _listed(words: list[str]) -> str:
    return ", ".join([*words[:6], "..."] if len(words) > 6 else words)
