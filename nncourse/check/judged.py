"""What readers thought of the reasons that the check gave for mistakes nobody planted.

Whether a reason is right can't be computed: a person reads the changed line beside the sentence.
The judgements are kept in ``unseen.csv``: all hints and all reasons by rules, and of the many
observations a sample drawn at random. A second reader drew samples of their own; those judgements
are kept in ``second-reader.csv`` as they were given, whatever is reworded later.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from nncourse.check.unseen import OBSERVATION, Told

FILE = Path(__file__).parents[1] / "exercises" / "unseen.csv"
SECOND = FILE.with_name("second-reader.csv")

RIGHT, BORDERLINE, WRONG = "right", "borderline", "wrong"

SAMPLE, SEED = 150, 2026
"""So many observations are judged, drawn with this seed."""

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Judgement:
    """One reason and whether it is RIGHT or WRONG; ``why`` where that needs a word.

    The second reader also knows BORDERLINE: true, but of little use or easily misunderstood.
    ``draw`` says in which of that reader's samples it was.
    """

    told: Told
    verdict: str
    why: str = ""
    draw: str = ""


def read(path: Path = FILE) -> dict[Told, Judgement]:
    """All judgements, by what was told."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    found = [Judgement(Told(*row[:5]), *row[5:]) for row in rows]
    return {judgement.told: judgement for judgement in found}


def write(judgements: Iterable[Judgement], path: Path = FILE) -> None:
    """Write them down, in order."""
    every = list(judgements)
    head = [*(field.name for field in fields(Told)), "verdict", "why"]
    lines = [[*astuple(j.told), j.verdict, j.why] for j in every]
    if any(j.draw for j in every):
        head.append("draw")
        lines = [[*line, j.draw] for line, j in zip(lines, every, strict=True)]
    lines.sort()
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *lines])


def to_judge(told: Iterable[Told]) -> list[Told]:
    """All hints and reasons, and a sample of the observations."""
    every = sorted(set(told), key=astuple)
    named = [one for one in every if one.sort != OBSERVATION]
    seen = [one for one in every if one.sort == OBSERVATION]
    return named + random.Random(SEED).sample(seen, min(SAMPLE, len(seen)))


def draw(told: Iterable[Told], known: Container[Told], count: int, seed: int) -> list[Told]:
    """``count`` observations that nobody has judged, from each set in proportion to its share."""
    every = {one for one in told if one.sort == OBSERVATION and one not in known}
    groups: dict[str, list[Told]] = {}
    for one in sorted(every, key=astuple):
        groups.setdefault(one.piece.partition(".")[0], []).append(one)
    chance = random.Random(seed)
    return [
        one
        for name, size in _shares({k: len(group) for k, group in groups.items()}, count).items()
        for one in chance.sample(groups[name], size)
    ]


def _shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """``count`` divided in proportion to the sizes; what rounding leaves over goes to the largest
    fractions."""
    total = max(sum(sizes.values()), 1)
    count = min(count, total)
    shares = {name: count * size // total for name, size in sizes.items()}
    by_fraction = sorted(sizes, key=lambda name: (-(count * sizes[name] % total), name))
    for name in by_fraction[: count - sum(shares.values())]:
        shares[name] += 1
    return shares


def at_most(wrong: int, count: int) -> float:
    """The largest share of wrong ones that fits ``wrong`` of ``count`` (Clopper and Pearson)."""
    if wrong >= count:
        return 1.0
    low, high = wrong / count, 1.0
    for _step in range(50):
        p = (low + high) / 2
        tail = math.fsum(
            math.comb(count, k) * p**k * (1 - p) ** (count - k) for k in range(wrong + 1)
        )
        low, high = (p, high) if tail > 1 - CONFIDENCE else (low, p)
    return high


def wrong_among(told: Sequence[Told], judgements: dict[Told, Judgement]) -> tuple[int, int]:
    """(wrong ones, judged ones)."""
    judged = [judgements[one] for one in told if one in judgements]
    return sum(judgement.verdict == WRONG for judgement in judged), len(judged)
