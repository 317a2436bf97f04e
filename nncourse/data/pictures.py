"""Small generated pictures: oriented bars, and digits of one dimension.

Both are for convolution. Bars show what a filter learns; a digit of one dimension is a line instead
of a picture, so that a convolutional network trains on it in seconds.
"""

from __future__ import annotations

import numpy

from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import amount, classes, count, floats, stream
from nncourse.random import Generator

ORIENTATIONS = ("-", "|", "\\", "/")


def bars(
    n: int = 400,
    size: int = 8,
    noise: float = 0.1,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Pictures x (n, 1, size, size) float32 with one bar each; y (n,) int64 its orientation.

    Classes: 0 horizontal, 1 vertical, 2 falling (like a backslash), 3 rising (like a slash). A bar
    has the value 1 on a background of 0, is one pixel wide, size - 2 long, and at a random place;
    ``noise`` is the standard deviation of what is added to every pixel.
    """
    count(n, 1, "n")
    count(size, 4, "size")
    draw = stream(seed, generator)
    length = size - 2
    y = numpy.arange(n) % 4
    draw.shuffle(y)
    step_row = numpy.array([0, 1, 1, -1])[y]
    step_column = numpy.array([1, 0, 1, 1])[y]
    # A bar may start anywhere from where it stays inside the picture.
    room_row = numpy.where(step_row == 0, size, size - length + 1)
    room_column = numpy.where(step_column == 0, size, size - length + 1)
    row = draw.integers(room_row) + numpy.where(step_row < 0, length - 1, 0)
    column = draw.integers(room_column)
    along = numpy.arange(length)
    x = amount(noise, "noise") * draw.standard_normal((n, 1, size, size))
    rows = row[:, None] + step_row[:, None] * along
    columns = column[:, None] + step_column[:, None] * along
    x[numpy.arange(n)[:, None], 0, rows, columns] += 1
    return floats(x), classes(y)


# Ten lines that follow the right edge of the written digit from top to bottom, at 12 heights, drawn
# with more contrast than a pen would.
TEMPLATES = (
    numpy.array(
        [
            [4, 7, 9, 9, 9, 9, 9, 9, 9, 9, 7, 4],  # 0: one wide arc
            [1, 3, 9, 4, 4, 4, 4, 4, 4, 4, 9, 1],  # 1: upright between a nose and a foot
            [3, 8, 9, 7, 5, 3, 1, 0, 0, 9, 9, 9],  # 2: arc, stem to the left, foot
            [6, 9, 6, 2, 0, 7, 0, 2, 6, 9, 9, 5],  # 3: two arcs and the tip between them
            [0, 2, 4, 6, 8, 9, 9, 0, 6, 6, 6, 6],  # 4: slope, crossbar, stem
            [9, 9, 0, 0, 2, 6, 9, 9, 8, 6, 3, 0],  # 5: roof, then an arc
            [9, 5, 2, 0, 0, 0, 4, 8, 9, 9, 8, 4],  # 6: hook, then an arc
            [9, 9, 9, 7, 6, 5, 4, 3, 2, 1, 0, 0],  # 7: roof and a falling stem
            [5, 8, 5, 1, 5, 9, 9, 9, 9, 9, 5, 1],  # 8: a small arc above a wide one
            [5, 9, 9, 5, 9, 9, 6, 6, 3, 3, 1, 1],  # 9: a loop, then away to the left
        ]
    )
    / 9.0
)


def digits_1d(
    n: int = 2000,
    length: int = 40,
    noise: float = 0.05,
    shift: float = 1.0,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Ten classes of lines: x (n, length) float32, y (n,) int64, all classes equally often.

    Each line is a template of 12 numbers (the right edge of a digit, see ``TEMPLATES``), stretched
    to between 0.35 and 0.65 of the line, at a random place, scaled by 0.75 to 1.25, tilted, and
    with noise of standard deviation ``noise`` that is smooth along the line. shift: 1 lets the
    template stand anywhere, 0 puts it in the middle.

    Shifts are what a convolution takes in its stride and a dense layer has to learn place by place:
    of a thousand new examples a linear classifier gets about 0.23 right, one hidden layer of 100
    units 0.86, three small convolutions 0.95, each trained on 2000 examples for 30 epochs.
    """
    count(n, 1, "n")
    count(length, 16, "length")
    if not 0 <= shift <= 1:
        raise ValueError(f"shift must be from 0 to 1; got {shift}")
    draw = stream(seed, generator)
    y = numpy.arange(n) % 10
    draw.shuffle(y)
    width = draw.uniform(0.35, 0.65, (n, 1)) * length
    start = (length - width) * (0.5 + shift * draw.uniform(-0.5, 0.5, (n, 1)))
    # Where on the template (0 to 11) each position of the line is; outside, the line is 0.
    place = (numpy.arange(length) + 0.5 - start) / width * 13 - 1
    left = numpy.floor(place).astype(int)
    padded = numpy.pad(TEMPLATES, ((0, 0), (2, 2)))
    column = numpy.clip(left + 2, 0, 14)
    part = place - left
    y_column = y[:, None]
    x = (1 - part) * padded[y_column, column] + part * padded[y_column, column + 1]
    x *= draw.uniform(0.75, 1.25, (n, 1))
    x += draw.uniform(-0.2, 0.2, (n, 1)) * numpy.linspace(-1, 1, length)
    rough = draw.standard_normal((n, length + 2))
    smooth = (rough[:, :-2] + 2 * rough[:, 1:-1] + rough[:, 2:]) / numpy.sqrt(6)
    return floats(x + amount(noise, "noise") * smooth), classes(y)
