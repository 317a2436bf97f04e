"""Random numbers judged by their law: what an initialiser or a dropout mask must look like.

A sample is reduced to a profile, its mean, its spread and the shares that fall into bins of equal
probability, and the profile is compared with that of the law: what differs names the mistake. The
limits are seven standard errors: a right answer fails less than once in 10^11 checks.

A law alone is satisfied by numbers known by heart, by copies and by many that are made of few. So
where a sample fits, its numbers are compared with those that the generator gives (``Law.drawn``),
whichever of the usual ways it was asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array, distance, projection
from nncourse.language import catalogue, mark

_ = catalogue("check")

BINS, FINE = 16, 96
"""So many bins are shown; so many tell a law from numbers that keep to a few values."""

SIGMAS = 7.0
CHI_SQUARE = {BINS: 95.0, FINE: 235.0}
"""Limits of the chi-square statistic by the number of bins: its tail beyond them is 1e-13."""

NEAR = 1e-6
"""Numbers that differ by less than this share of their spread are not distinct."""

SAME = 3e-4
"""Numbers nearer than this are the same ones, in float16 too."""

MEAN, STD, DISTINCT, UNEVEN, SHARES = 0, 1, 2, 3, 4
"""Places in a profile: mean, spread, share of distinct numbers, chi-square of the fine bins divided
by the size, then the shares of the bins."""


@dataclass(frozen=True)
class Law:
    """A distribution of single numbers.

    kind: "normal", "uniform" or "atoms". edges: the inner borders of the fine bins of equal
    probability. atoms: for a discrete law its values and their probabilities. kurtosis: E z^4 of
    the standardised variable, which says how exactly a sample's spread is known. drawn: the samples
    of which one must be there, made of what the generator gives when it is asked by ``call``.
    """

    kind: str
    mean: float
    std: float
    kurtosis: float
    edges: tuple[float, ...] = ()
    atoms: tuple[tuple[float, float], ...] = ()
    drawn: Callable[[], Iterable[Array]] | None = field(default=None, compare=False, repr=False)
    call: str = ""

    @property
    def shares(self) -> Array:
        """The probability of each bin; for a discrete law of each atom, and 0 for the rest."""
        if self.atoms:
            return np.array([*(probability for _value, probability in self.atoms), 0.0])
        return np.full(BINS, 1 / BINS)

    def profile(self) -> Array:
        """What a sample's profile tends to."""
        distinct = 0.0 if self.atoms else 1.0
        return np.array([self.mean, self.std, distinct, 0.0, *self.shares])

    def measure(self, sample: Array) -> Array:
        """The profile of a sample of any shape; NaN throughout if it holds NaN or inf."""
        x = np.asarray(sample, dtype=np.float64).reshape(-1)
        if not x.size or not np.isfinite(x).all():
            return np.full(SHARES + len(self.shares), np.nan)
        mean, std = x.mean(), x.std()
        if self.atoms:
            at = [float(np.mean(np.isclose(x, value, atol=1e-6))) for value, _p in self.atoms]
            return np.array([mean, std, 0.0, 0.0, *at, 1 - sum(at)])
        ordered = np.sort(x)
        below = np.searchsorted(ordered, self.edges, side="right")
        fine = np.diff(below, prepend=0, append=x.size) / x.size
        distinct = (1 + np.count_nonzero(np.diff(ordered) > NEAR * std)) / x.size
        uneven = _chi_square(fine, np.full(FINE, 1 / FINE))
        return np.array([mean, std, distinct, uneven, *fine.reshape(BINS, -1).sum(axis=1)])

    def fits(self, profile: Array, size: int) -> bool:
        """Whether a sample of ``size`` numbers with this profile can come from the law."""
        return bool(np.isfinite(profile).all()) and not (
            self._mean_off(profile, size)
            or self._std_off(profile, size)
            or self._shares_off(profile, size)
            or self._repeats(profile)
        )

    def other_numbers(self, sample: Array) -> Finding | None:
        """What is said of a sample that fits, but is not made of the generator's numbers."""
        given = list(self.drawn()) if self.drawn else []
        if not given or any(distance(sample, numbers) < SAME for numbers in given):
            return None
        for numbers in given:
            dropped = float(np.mean((sample == 0) != (numbers == 0)))
            if self.atoms and dropped < 0.5 * min(p for _value, p in self.atoms):
                text = mark(
                    "The mask is nearly the right one, but {percent:.2g}% of its entries are "
                    "dropped where they must be kept, or the reverse. With what is each number "
                    "from rng compared?"
                )
                return Finding("shares", text, {"percent": 100 * dropped})
            ratio, rest = projection(sample, numbers)
            if rest < SAME:
                text = mark("The numbers are {ratio:.4f} times the right ones.")
                return Finding("spread", text, {"ratio": ratio})
        text = mark(
            "The distribution is right, but these are not the numbers that rng gives. Draw all of "
            "them in one call, {call}, and nothing before it or after it, not even what another "
            "case would need; and from rng itself: not from np.random, a copy of rng or a "
            "generator of your own."
        )
        return Finding("state", text, {"call": self.call})

    def alike(self, one: Array, other: Array, size: int) -> bool:
        """Whether two samples of ``size`` numbers can come from one law, whatever it is."""
        if not (np.isfinite(one).all() and np.isfinite(other).all()):
            return np.array_equal(np.isfinite(one), np.isfinite(other))
        noise = SIGMAS * math.sqrt(2 / size)
        std = max(float(one[STD]), float(other[STD]))
        return bool(
            abs(one[MEAN] - other[MEAN]) <= noise * std + 1e-9 * abs(one[MEAN])
            and abs(one[STD] - other[STD]) <= noise * std * math.sqrt(self._spread(3.0))
            and abs(one[DISTINCT] - other[DISTINCT]) < 0.05
            and np.all(
                np.abs(one[SHARES:] - other[SHARES:])
                <= noise * np.sqrt(np.maximum(one[SHARES:], 1e-3))
            )
        )

    def _spread(self, kurtosis: float) -> float:
        return (kurtosis - 1) / 4

    def _mean_off(self, profile: Array, size: int) -> bool:
        return abs(profile[MEAN] - self.mean) > SIGMAS * self.std / math.sqrt(size) + 1e-12

    def _std_off(self, profile: Array, size: int) -> bool:
        limit = SIGMAS * self.std * math.sqrt(self._spread(self.kurtosis) / size)
        return abs(profile[STD] - self.std) > limit + 1e-12

    def _shares_off(self, profile: Array, size: int) -> bool:
        p, q = self.shares, profile[SHARES:]
        if self.atoms:
            noise = SIGMAS * np.sqrt(p * (1 - p) / size)
            return bool(np.any(np.abs(q - p) > noise + 1e-12))
        coarse = size * _chi_square(q, p) > CHI_SQUARE[BINS]
        return coarse or size * float(profile[UNEVEN]) > CHI_SQUARE[FINE]

    def _zeros_off(self, profile: Array, size: int) -> bool:
        """Whether 0, if it is the first of the values, has another share than it must."""
        value, p = self.atoms[0]
        noise = SIGMAS * math.sqrt(p * (1 - p) / size)
        return value != 0 or abs(profile[SHARES] - p) > noise + 1e-12

    def _repeats(self, profile: Array) -> bool:
        return not self.atoms and profile[DISTINCT] < 0.9


def _chi_square(shares: Array, expected: Array) -> float:
    """The chi-square statistic of one observation."""
    return float(np.sum((shares - expected) ** 2 / expected))


STEPS = tuple(i / FINE for i in range(1, FINE))
STANDARD = tuple(map(NormalDist().inv_cdf, STEPS))

KINDS = (mark("normal"), mark("uniform"))


class Kind(str):
    """The name of a law, put into the reader's language when it is read."""

    def __format__(self, spec: str) -> str:
        return format(_(str(self)), spec)


def normal_law(std: float, mean: float = 0.0) -> Law:
    """The normal law."""
    return Law("normal", mean, std, 3.0, tuple(mean + std * z for z in STANDARD))


def uniform_law(low: float, high: float) -> Law:
    """The uniform law on [low, high]."""
    edges = tuple(low + (high - low) * step for step in STEPS)
    return Law("uniform", (low + high) / 2, (high - low) / math.sqrt(12), 1.8, edges)


def atoms_law(atoms: Mapping[float, float]) -> Law:
    """The discrete law with these probabilities by value, such as {0.0: p, 1.0: 1 - p}."""
    mean = sum(value * p for value, p in atoms.items())
    variance = sum((value - mean) ** 2 * p for value, p in atoms.items())
    fourth = sum((value - mean) ** 4 * p for value, p in atoms.items())
    kurtosis = fourth / variance**2 if variance else 1.0
    return Law("atoms", mean, math.sqrt(variance), kurtosis, atoms=tuple(atoms.items()))


def diagnose_distribution(
    profile: Array, law: Law, size: int, constants: Mapping[str, float] | None = None
) -> Finding | None:
    """What is wrong with a sample of this profile, or None.

    ``constants``: ratios of the spread that known mistakes produce, by name, such as {"√2": 1.414}.
    """
    if not np.isfinite(profile).all():
        return Finding("nan", mark("Among the numbers drawn there are NaN or inf."))
    mean, std = float(profile[MEAN]), float(profile[STD])
    if std <= 1e-9 * abs(mean) and law.std > 0:
        return Finding(
            "constant",
            mark("All numbers are the same, {value:.4g}; they must differ at random."),
            {"value": mean},
        )
    if law._repeats(profile):
        return Finding(
            "repeats",
            mark(
                "Only {percent:.0f}% of the numbers are distinct: one draw serves several places. "
                "Every entry needs a draw of its own."
            ),
            {"percent": 100 * float(profile[DISTINCT])},
        )
    if law.atoms:
        return _atoms(profile, law, size)
    if law._std_off(profile, size):
        return _spread(std / law.std, law, size, constants or {})
    if law._mean_off(profile, size):
        return Finding(
            "mean",
            mark("The spread is right, but the mean is {mean:.4g}; it must be {want:.4g}."),
            {"mean": mean, "want": law.mean},
        )
    if law._shares_off(profile, size):
        return Finding(
            "law",
            mark(
                "Mean and spread are right, but the shape of the distribution is not: "
                "it must be {kind}."
            ),
            {"kind": Kind(law.kind)},
        )
    return None


def _spread(ratio: float, law: Law, size: int, constants: Mapping[str, float]) -> Finding:
    noise = 2 * SIGMAS * math.sqrt(law._spread(3.0) / size)
    named = [name for name, value in constants.items() if abs(ratio / value - 1) < noise]
    if len(named) == 1:
        return Finding(
            "M108",
            mark("The standard deviation is {ratio:.3f} times the right one, and that is {name}."),
            {"ratio": ratio, "name": named[0]},
        )
    return Finding(
        "spread",
        mark("The standard deviation is {ratio:.3f} times the right one."),
        {"ratio": ratio},
    )


def _one_value_kept(profile: Array, law: Law) -> Finding | None:
    """Zeros as there must be, and in place of the second value another: a mask scaled wrongly."""
    if len(law.atoms) != 2:
        return None
    (_zero, p), (want, _share) = law.atoms
    share = 1 - float(profile[SHARES])
    value = float(profile[MEAN]) / share
    # The spread of a mask of one value; that of several is larger.
    if abs(value * math.sqrt(share * (1 - share)) - float(profile[STD])) > 1e-6 * abs(value):
        return None
    ratio = value / want
    known = {
        "1 - p": ("M42", 1 - p),
        "1/(1 - p)": ("M44", 1 / (1 - p)),
        "(1 - p)/p": ("M43", 1 / p - 1),
    }
    named = [(code, name) for name, (code, k) in known.items() if abs(ratio / k - 1) < 1e-6]
    evidence = {"value": value, "want": want, "ratio": ratio}
    if len(named) == 1:
        ((code, name),) = named
        text = mark(
            "What is kept is {value:.4g} and must be {want:.4g}: it is {ratio:.4f} times the right "
            "one, and that is {name}."
        )
        return Finding(code, text, {**evidence, "name": name})
    text = mark("What is kept is {value:.4g} and must be {want:.4g}.")
    return Finding("values", text, evidence)


def _atoms(profile: Array, law: Law, size: int) -> Finding | None:
    shares = profile[SHARES:]
    if shares[-1] > 1e-9 and not law._zeros_off(profile, size):
        kept = _one_value_kept(profile, law)
        if kept is not None:
            return kept
    if shares[-1] > 1e-9:
        values = ", ".join(f"{value:.4g}" for value, _p in law.atoms)
        return Finding(
            "values",
            mark("{percent:.0f}% of the numbers are none of these: {values}."),
            {"percent": 100 * float(shares[-1]), "values": values},
        )
    if not law._shares_off(profile, size):
        return None
    value, want = law.atoms[0]
    return Finding(
        "shares",
        mark("The value {value:.4g} occurs in {percent:.1f}% of the places; {want:.1f}% is right."),
        {"value": value, "percent": 100 * float(shares[0]), "want": 100 * want},
    )
