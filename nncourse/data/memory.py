"""Tasks that need memory: what recurrent networks and attention are measured on.

All sequences of a set have one length; the batch is the first axis (``batch_first=True``).
"""

from __future__ import annotations

import math

import numpy

from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import classes, count, floats, stream
from nncourse.random import Generator

BRACKETS = "()[]"  # tokens 0 to 3; with one kind of brackets, 0 and 1


def adding(
    n: int = 1000, length: int = 100, seed: int | None = None, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """The adding problem: x (n, length, 2) float32, y (n, 1) float32.

    x[..., 0] are numbers from [0, 1); x[..., 1] marks two of them with 1, one in the first half
    and one in the second; y is the sum of the two. Who always answers 1 has a mean squared error
    of 1/6; a network with memory gets below 0.01.

    Source: S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997.
    """
    count(n, 1, "n")
    count(length, 2, "length")
    draw = stream(seed, generator)
    x = numpy.zeros((n, length, 2), numpy.float32)
    x[:, :, 0] = draw.random((n, length), numpy.float32)
    first = draw.integers(length // 2, size=n)
    second = draw.integers(length // 2, length, size=n)
    rows = numpy.arange(n)
    x[rows, first, 1] = x[rows, second, 1] = 1
    y = x[rows, first, 0] + x[rows, second, 0]
    return floats(x), floats(y[:, None])


def copying(
    n: int = 1000,
    delay: int = 20,
    items: int = 5,
    symbols: int = 8,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """The copy task: x and y (n, delay + 2 items) int64, tokens 0 to symbols + 1.

    x holds ``items`` random symbols (1 to ``symbols``), then blanks (0), with the mark
    ``symbols + 1`` at the place from which on the items are to be repeated: it is the last of the
    ``delay`` tokens between. y is blank until then and holds the items at the end. Without memory
    the cross-entropy is items ln(symbols) / (delay + 2 items) at best.

    Source: S. Hochreiter, J. Schmidhuber, 1997; in this form M. Arjovsky, A. Shah, Y. Bengio,
    Unitary Evolution Recurrent Neural Networks, 2016.
    """
    count(n, 1, "n")
    count(delay, 1, "delay")
    count(items, 1, "items")
    count(symbols, 1, "symbols")
    chosen = stream(seed, generator).integers(1, symbols + 1, (n, items))
    x = numpy.zeros((n, delay + 2 * items), numpy.int64)
    y = numpy.zeros_like(x)
    x[:, :items] = chosen
    x[:, items + delay - 1] = symbols + 1
    y[:, -items:] = chosen
    return classes(x), classes(y)


def parity(
    n: int = 1000, length: int = 20, seed: int | None = None, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Random bits x (n, length, 1) float32; y (n, length) int64: is the number of ones so far odd?

    y[:, -1] is the parity of the whole sequence. One bit of memory is enough, and every input
    counts.
    """
    count(n, 1, "n")
    count(length, 1, "length")
    bits = stream(seed, generator).integers(0, 2, (n, length))
    return floats(bits[:, :, None]), classes(bits.cumsum(1) % 2)


def brackets(
    n: int = 1000,
    length: int = 20,
    kinds: int = 2,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Rows of brackets x (n, length) int64; y (n,) int64: 1 if all are closed in the right order.

    Token t stands for the character ``BRACKETS[t]``. Half of the rows are right ones (Dyck words),
    every one equally likely; the others are right ones with one bracket exchanged for another or
    two neighbours swapped, so that counting brackets alone does not give them away.
    """
    count(n, 1, "n")
    if count(length, 2, "length") % 2:
        raise ValueError(f"length must be even; got {length}")
    if kinds not in (1, 2):
        raise ValueError(f"kinds must be 1 or 2; got {kinds}")
    draw = stream(seed, generator)
    y = numpy.arange(n) % 2
    draw.shuffle(y)
    x = numpy.empty((n, length), numpy.int64)
    for i, right in enumerate(y):
        word = _dyck_word(length, kinds, draw)
        if not right:
            word = _broken(word, kinds, draw)
        x[i] = word
    return classes(x), classes(y)


def balanced(word: list[int]) -> bool:
    """Is every bracket closed by one of its kind, in the right order?"""
    waiting: list[int] = []
    for token in word:
        if token % 2 == 0:
            waiting.append(token)
        elif not waiting or waiting.pop() != token - 1:
            return False
    return not waiting


def _endings(left: int, depth: int) -> int:
    """In how many ways ``left`` more brackets (of one kind) can close what ``depth`` are open.

    Of the sequences that end closed, those that close too much on the way are counted by their
    mirror images from there on (the reflection principle).
    """
    if depth < 0 or depth > left or (left - depth) % 2:
        return 0
    opening = (left - depth) // 2
    return math.comb(left, opening) - (math.comb(left, opening - 1) if opening else 0)


def _dyck_word(length: int, kinds: int, draw: numpy.random.Generator) -> list[int]:
    word: list[int] = []
    waiting: list[int] = []
    chances, kind = draw.random(length), draw.integers(kinds, size=length)
    for i in range(length):
        left = length - i
        opening = _endings(left - 1, len(waiting) + 1)
        if chances[i] < opening / _endings(left, len(waiting)):
            waiting.append(2 * int(kind[i]))
            word.append(waiting[-1])
        else:
            word.append(waiting.pop() + 1)
    return word


def _broken(word: list[int], kinds: int, draw: numpy.random.Generator) -> list[int]:
    while True:
        changed = list(word)
        if draw.random() < 0.5:
            i = int(draw.integers(len(word)))
            changed[i] = int(draw.integers(2 * kinds))
        else:
            i = int(draw.integers(len(word) - 1))
            changed[i], changed[i + 1] = changed[i + 1], changed[i]
        if not balanced(changed):
            return changed
