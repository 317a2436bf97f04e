"""Why predicted classes are wrong: the traces that a broken prediction leaves in its labels."""

from __future__ import annotations

import numpy as np

from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array
from nncourse.language import mark


def diagnose_labels(predicted: Array, labels: Array, classes: int) -> Finding | None:
    """A reason why ``predicted`` (n,) disagrees with ``labels`` (n,), or None.

    Both hold class numbers; ``classes`` is how many there are. Call it on poor predictions only.
    """
    low, high = int(predicted.min()), int(predicted.max())
    if low == high:
        return Finding(
            "constant",
            mark(
                "All {count} predictions are the same class, {value}, whatever the input. Did the "
                "loss fall, are the trained parameters used, and is the class taken from the "
                "outputs rightly?"
            ),
            {"count": len(predicted), "value": low},
        )
    for shift in (1, -1):
        agree = np.mean(predicted == labels + shift)
        if agree > 0.8:
            return Finding(
                "shifted",
                mark(
                    "{percent:.0f}% of the predictions are the right class {shift:+d}: "
                    "the classes are numbered from 0, as argmax counts."
                ),
                {"percent": 100 * agree, "shift": shift},
            )
    if np.any((predicted < 0) | (predicted >= classes)):
        return Finding(
            "range",
            mark("Classes are whole numbers from 0 to {last}; yours run from {low} to {high}."),
            {"last": classes - 1, "low": low, "high": high},
        )
    accuracy = np.mean(predicted == labels)
    # The best renaming of classes, each predicted class taken for its most frequent true one.
    counts = np.zeros((classes, classes))
    np.add.at(counts, (predicted, labels), 1)
    renamed = counts.max(axis=1).sum() / len(labels)
    if renamed > 0.9 and len(set(counts.argmax(axis=1))) == classes and accuracy < 0.5:
        return Finding(
            "renamed",
            mark(
                "The groups are found, but under other class numbers: after renaming them "
                "{percent:.0f}% would be right. Are the outputs in the order of the labels?"
            ),
            {"percent": 100 * renamed},
        )
    if len(labels) >= 50 and 0 < accuracy < 2 / classes:
        return Finding(
            "chance",
            mark(
                "{percent:.0f}% right is what guessing gives with {classes} classes. Either the "
                "network has not learned, or the prediction does not compute what was trained: "
                "it uses other parameters, another formula, or another way from outputs to classes."
            ),
            {"percent": 100 * accuracy, "classes": classes},
        )
    return None
