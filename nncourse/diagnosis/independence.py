"""Random numbers judged by their independence: whether every entry had a draw of its own.

Several draws of one shape, made with different generators, are looked at together. Their numbers
give way to their ranks among all, so that nothing here depends on the law of a single number, which
``distribution`` judges. Of independent ranks, however they are put together in vectors, the means
of vectors and the products of two vectors are sums of mean 0 and of known variance. Such sums are
looked at in two ways, by the largest and by their sum of squares: few that are far too large stand
out in the first, many that are a little too large (or too small) in the second. The vectors are

- the whole draws, also after any shift along rows and columns, one against itself as well, also
  turned or mirrored;
- the entries that go with nearly the same input;
- rows and columns, of each draw and of all draws side by side.

What it can tell: a mask by heart with some entries drawn, shares of their own in rows, columns or
any fixed places, copies and near copies of rows or columns, patterns that come again after a shift,
a half that is the other one turned or mirrored, whatever has few degrees of freedom in the sense of
linear algebra, a mask that follows its inputs.
What it can't: few equal entries (two short rows of a mask may be equal by chance), rows that are
copies in an order of their own, and whatever an arithmetic generator of bad quality would hide from
sums of products. No finite number of tests can prove numbers independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from statistics import NormalDist

import numpy as np

from nncourse.diagnosis.measure import Array

Look = Callable[[Array, float], bool]

RARE = 1e-12
"""Independent entries fail one look, at means or products, less often than this."""

LEVELS = 2**14
"""Numbers are ranked by so many steps of the same height, which is quicker than to sort them."""

BINS = 25
"""The entries of a draw are divided into so many groups by their inputs."""

TOTALS, INPUTS, DRAWS, ROWS, SHIFT = "totals", "inputs", "draws", "rows", "shift"
"""What was found: a draw that is larger than others; entries that follow the inputs; draws that go
together; rows or columns that go together or have a law of their own; a pattern that returns."""


def dependence(draws: Array, x: Array | None = None) -> str | None:
    """The first of TOTALS, INPUTS, DRAWS, ROWS and SHIFT that is found in draws (K, N, D), or None.

    K is 2 or more. Numbers or truth values; all the same are nobody's draw and give None.
    x (N, D): the inputs.
    """
    spread = float(draws.max()) - float(draws.min())
    if spread == math.inf:  # of a few numbers far off, it may be
        draws = draws / 4
        spread = float(draws.max()) - float(draws.min())
    if not 0 < spread < math.inf:
        return None
    ranks = scores(draws)
    aspects, distance = [ranks], np.abs(ranks)
    if draws.dtype != bool and distance.std() > 0.01:
        # What is alike in two numbers but for the sign is how far they are from the middle.
        aspects.append(_standard(distance))
    looks = [look for stack in aspects for look in _looks(stack, x)]
    for kind in (TOTALS, INPUTS, DRAWS, ROWS, SHIFT):
        if any(look(vectors, skew) for found, look, vectors, skew in looks if found == kind):
            return kind
    return None


def common(stacks: Sequence[Array]) -> bool:
    """Whether draws (K, N, D) of one law, without long tails, go together with those of another."""
    with np.errstate(all="ignore"):
        vectors = [_standard(draws).reshape(len(draws), -1) for draws in stacks]
    vectors = [some for some in vectors if np.isfinite(some).all()]  # not of one number
    return len(vectors) > 1 and together(np.concatenate(vectors))


def _looks(stack: Array, x: Array | None) -> Iterator[tuple[str, Look, Array, float]]:
    """What is looked for, how, in what, and the third moment of the scores."""
    count, rows, columns = stack.shape
    skew = abs(float(np.vdot(stack * stack, stack))) / stack.size
    whole = stack.reshape(count, -1)
    yield TOTALS, unlike, whole, skew
    if x is not None:
        size = x.size // BINS
        by_input = whole[:, np.argsort(x, axis=None)[: BINS * size]]
        # One by one, since masks that are equal would follow anything together.
        for draw in by_input:
            yield INPUTS, unlike, draw.reshape(BINS, size), skew
    yield DRAWS, together, whole, skew
    below = stack.reshape(-1, columns)
    beside = stack.swapaxes(0, 1).reshape(rows, -1)
    for vectors in (below, below.T, beside, beside.T):
        yield ROWS, unlike, vectors, skew
    for vectors in (below.T, beside):
        yield ROWS, partial(together, crossed=True), vectors, skew
    yield SHIFT, returns, stack, skew


def scores(draws: Array) -> Array:
    """The ranks of all entries (of nearly equal ones the middle), with mean 0 and variance 1."""
    low, high = float(draws.min()), float(draws.max())
    levels = ((draws.astype(np.float64) - low) / (high - low) * LEVELS).astype(np.intp)
    counts = np.bincount(levels.reshape(-1))
    if draws.dtype != bool and counts.max() > draws.size / 100:  # a few far off, or few values
        levels = np.unique(draws, return_inverse=True)[1].reshape(draws.shape)
        counts = np.bincount(levels.reshape(-1))
    return _standard((np.cumsum(counts) - counts / 2)[levels])


def _standard(numbers: Array) -> Array:
    centred = (numbers - numbers.mean()).astype(np.float32)
    return centred / np.sqrt(np.mean(centred * centred))


def unlike(vectors: Array, skew: float = 0.0) -> bool:
    """Whether the means of vectors (R, n) differ as those of independent entries don't."""
    n = vectors.shape[1]
    z = vectors.sum(axis=1) / math.sqrt(n)
    return _largest(z) > limit(len(z), skew / math.sqrt(n)) or _uneven(float(np.vdot(z, z)), len(z))


def together(vectors: Array, skew: float = 0.0, crossed: bool = False) -> bool:
    """Whether two of the vectors (R, n) go together, or all of them a little.

    crossed: or the vectors (n, R) of their entries with one index. Their products have the same sum
    of squares but for those of the lengths, since (V V^T)^2 and (V^T V)^2 have the same trace.
    Where the vectors are few, that sum is as skewed as one of so few squares.
    """
    count, n = vectors.shape
    z = vectors @ vectors.T / math.sqrt(n)
    if crossed:
        lengths = np.einsum("rn,rn->n", vectors, vectors)
        squares = float(np.vdot(z, z)) * n - float(np.vdot(lengths, lengths))
        of_entries, of_vectors = n * (n - 1) // 2, count * (count - 1) // 2
        off = (squares / (2 * count) / of_entries - 1) * math.sqrt(of_entries / 2)
        fewer = max(1, min(of_entries, of_vectors))
        if _uneven(max(0.0, fewer + off * math.sqrt(2 * fewer)), fewer):
            return True
    np.fill_diagonal(z, 0.0)
    pairs = count * (count - 1) // 2
    at_most = limit(pairs, skew**2 / math.sqrt(n))
    return _largest(z) > at_most or _uneven(float(np.vdot(z, z)) / 2, pairs)


def returns(stack: Array, skew: float = 0.0) -> bool:
    """Whether a draw of (K, N, D) goes together with another, or itself, shifted in a circle; with
    itself also turned by half a circle, or with its columns in reverse order.
    """
    count, *shape = stack.shape
    n = math.prod(shape)
    at_most = limit(n * count * (count + 5) // 2, skew**2 / math.sqrt(n))
    waves = np.fft.rfft2(stack)
    for i, wave in enumerate(waves):
        z = np.fft.irfft2(waves[i:] * wave.conj(), s=shape) / math.sqrt(n)
        z[0, 0, 0] = 0.0  # itself where it stands
        if _largest(z) > at_most:
            return True
    reverse = np.fft.rfft2(stack[:, :, ::-1]).conj()
    turned, mirrored = (np.fft.irfft2(waves * others, s=shape) for others in (waves, reverse))
    mirrored[:, 0] = 0.0  # each row where it stands: see pairs of columns
    # Every product comes twice.
    return max(_largest(turned), _largest(mirrored)) > at_most * math.sqrt(2 * n)


def _largest(z: Array) -> float:
    return max(float(z.max()), -float(z.min()))


def limit(count: int, skew: float = 0.0) -> float:
    """What none of ``count`` standardised sums exceeds but with the probability RARE.

    The quantile of the normal law, with the term for the skewness of Cornish and Fisher (1937).
    """
    t = _sigmas(count)
    return t + skew * (t * t - 1) / 6


@cache
def _sigmas(count: int) -> float:
    return -NormalDist().inv_cdf(RARE / (2 * count))


def _uneven(squares: float, count: int) -> bool:
    """Whether a sum of ``count`` squares is too large or small for chi-square.

    Its cube root is nearly normal (Wilson and Hilferty 1931).
    """
    variance = 2 / (9 * count)
    return bool(abs(np.cbrt(squares / count) - 1 + variance) > _sigmas(1) * math.sqrt(variance))
