"""Rules for arrays whose axes have a meaning: time steps, steps of an optimiser, blocks of gates.

A recurrent layer's gradient that is right at the last step only says where the mistake is: on the
way back through time. Blocks are equal parts of the last axis, such as the gates i, f, g, o.
"""

from __future__ import annotations

import numpy as np

from nncourse.diagnosis.context import Context
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array, distance, same, wrong_entries
from nncourse.language import mark

ALMOST = 0.01
"""Relative error up to which two steps have one direction."""


def _wrong_along(a: Array, n: Array, axis: int) -> Array:
    others = tuple(i for i in range(a.ndim) if i != axis)
    return np.asarray(wrong_entries(a, n).any(axis=others))


def _wrong_in_time(a: Array, n: Array, context: Context) -> Array | None:
    """Which time steps are wrong, if there are several and not all of them are."""
    if "time" not in context.axes or a.shape != n.shape or a.ndim != len(context.axes):
        return None
    wrong = _wrong_along(a, n, context.axes.index("time"))
    return wrong if wrong.any() and not wrong.all() else None


def late_steps(a: Array, n: Array, context: Context) -> Finding | None:
    """A gradient that is right from some time step on."""
    wrong = _wrong_in_time(a, n, context)
    if wrong is None:
        return None
    first_right = int(np.argmin(wrong))
    if wrong[first_right:].any():
        return None
    count = len(wrong) - first_right
    if count == 1:
        return Finding(
            "last step",
            mark(
                "Right at the last time step only. Into the steps before it a second gradient "
                "flows, from the step that follows: that path is missing or wrong."
            ),
        )
    return Finding(
        "late steps",
        mark(
            "Right at the last {count} of {steps} time steps and wrong before them: on its way "
            "back through time the gradient stops or changes there."
        ),
        {"count": count, "steps": len(wrong)},
    )


def early_steps(a: Array, n: Array, context: Context) -> Finding | None:
    """Right up to some time step."""
    wrong = _wrong_in_time(a, n, context)
    if wrong is None:
        return None
    first_wrong = int(np.argmax(wrong))
    if not wrong[first_wrong:].all():
        return None
    return Finding(
        "early steps",
        mark(
            "Right up to time step {last} (of 0 to {end}), wrong after it: "
            "what comes from the step before is missing or wrong."
        ),
        {"last": first_wrong - 1, "end": len(wrong) - 1},
    )


def optimiser_steps(a: Array, n: Array, context: Context) -> Finding | None:
    """The first wrong step of a trajectory, and by what factor it is too long."""
    if not context.axes or context.axes[0] != "step" or a.shape != n.shape or len(a) < 3:
        return None
    wrong = _wrong_along(a, n, 0)
    if wrong[0] or not wrong.any():
        return None
    if not np.any(a - a[0]):
        return Finding(
            "still",
            mark("Nothing moves: after {last} steps every number is where it was."),
            {"last": len(a) - 1},
        )
    if same(a - a[0], n[0] - n):
        text = mark("Every step goes exactly the opposite way: a minus is lost, or one too many.")
        return Finding("M04", text)
    k = int(np.argmax(wrong))
    taken, right = a[k] - a[k - 1], n[k] - n[k - 1]
    known = {"k": k, "last": len(a) - 1}
    square = float(np.vdot(right, right))
    ratio = float(np.vdot(taken, right)) / square if square else 0.0
    # A small constant in a denominator bends the step a little.
    if abs(ratio - 1) > ALMOST and ratio and distance(taken, ratio * right) < ALMOST:
        if ratio > 0:
            text = mark(
                "Step {k} (of {last}) is the first wrong one: "
                "its direction is right and its length about {ratio:.3g} times the right one."
            )
        else:
            text = mark(
                "Step {k} (of {last}) is the first wrong one: it goes the opposite way and is "
                "about {ratio:.3g} times as long as the right one."
            )
        return Finding("step", text, {**known, "ratio": abs(ratio)})
    if k == 1:
        return Finding("step", mark("Already the first of the {last} steps is wrong."), known)
    text = mark("Step {k} (of {last}) is the first wrong one; all before it are right.")
    return Finding("step", text, known)


def gate_blocks(a: Array, n: Array, context: Context) -> Finding | None:
    """Wrong in some of the blocks along the last axis: swapped, copied, or just those."""
    count = len(context.blocks)
    if count < 2 or a.shape != n.shape or not a.ndim or a.shape[-1] % count:
        return None
    mine, right = np.split(a, count, axis=-1), np.split(n, count, axis=-1)
    # One scale for all blocks, so that noise in a small block is not called wrong.
    bad = [i for i, part in enumerate(np.split(wrong_entries(a, n), count, axis=-1)) if part.any()]
    names = ", ".join(context.blocks[i] for i in bad)
    if len(bad) == 2:
        one, other = bad
        if same(mine[one], right[other]) and same(mine[other], right[one]):
            return Finding(
                "M86",
                mark("The blocks {names} are exchanged; everything else is right."),
                {"names": names},
            )
    if not bad or len(bad) == count:
        return None
    if len(bad) == 1:
        for i in range(count):
            if i != bad[0] and same(mine[bad[0]], right[i]):
                return Finding(
                    "M87",
                    mark(
                        "The block {names} holds what belongs to the block {other}; "
                        "everything else is right."
                    ),
                    {"names": names, "other": context.blocks[i]},
                )
    return Finding(
        "blocks",
        mark("Wrong only in the blocks: {names}. The others are right."),
        {"names": names},
    )
