"""Pictures of the 8x8 digits, with their labels and what a model took them for."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")


@style.styled
def digit_grid(
    x: Any, labels: Any, predicted: Any = None, columns: int = 10, axes: Any = None
) -> Any:
    """Draw images ``x`` (n, 64) or (n, 8, 8) in rows of ``columns``; returns the axes.

    Above each stands its label; with ``predicted``, "label → prediction" where the two differ.
    """
    images = np.asarray(x).reshape(-1, 8, 8)
    rows = max(1, -(-len(images) // columns))
    if axes is None:
        axes = style.make_axes(0.75 * columns, 1.0 * rows + 0.1, nrows=rows, ncols=columns)
    axes = np.asarray(axes).reshape(-1)
    for place in axes:
        style.hide_frame(place)
    for index, image in enumerate(images):
        axes[index].imshow(image, cmap="gray_r", interpolation="nearest")
        title, colour = str(int(labels[index])), style.INK
        if predicted is not None and predicted[index] != labels[index]:
            title, colour = f"{title} → {int(predicted[index])}", style.VERMILLION
        axes[index].set_title(title, fontsize=11, fontweight="normal", color=colour)
    return axes
