"""The kill matrix: does the check of an exercise do what it promises?

Every piece brings known answers: its reference and other right solutions, which must pass;
mutants, which must be caught with their own hint; and the empty stub, which must earn nothing. All
of them are judged on several seeds, with the mutants' help and by the rules alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from nncourse.check.judge import judge
from nncourse.exercises.piece import Piece, sets

REFERENCE, EQUIVALENT, EMPTY, MUTANT = "reference", "equivalent", "empty", "mutant"

SEEDS: tuple[int | None, ...] = (None, 11, 12)
"""The seeds of a usual run; None is what students see."""


@dataclass
class Row:
    """One known answer to one piece, judged on every seed.

    ``faults``: what went otherwise than promised, in plain English; empty is good.
    ``named``: on how many seeds the rules alone, without mutants, named the mistake's own code.
    """

    exercise: str
    piece: str
    kind: str
    name: str
    family: str = ""
    code: str = ""
    caught: bool = True
    hinted: bool = True
    named: int = 0
    seeds: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.faults


def not_written(*arguments: Any, **named: Any) -> Any:
    """The stub that students find, in whatever way it is used."""
    raise NotImplementedError


def pieces_of(exercise: str) -> dict[str, Piece]:
    """The pieces of a set, by name."""
    return dict(import_module(f"nncourse.exercises.{exercise}").PIECES)


def answers_of(piece: Piece) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """(kind, name, answer) for every known answer."""
    yield REFERENCE, "reference", piece.reference
    for equivalent in piece.equivalents:
        yield EQUIVALENT, equivalent.name, equivalent.function
    yield EMPTY, "empty", not_written
    for mutant in piece.mutants:
        yield MUTANT, mutant.name, mutant.function


def judge_all(exercise: str, piece: Piece, seeds: Sequence[int | None] = SEEDS) -> list[Row]:
    """A row for every known answer to a piece."""
    rows = [Row(exercise, piece.name, kind, name) for kind, name, _a in answers_of(piece)]
    mutants = {mutant.name: mutant for mutant in piece.mutants}
    # Seeds outside, so that the numerical gradients of a seed are computed once.
    for seed in seeds:
        for row, (kind, name, answer) in zip(rows, answers_of(piece), strict=True):
            row.seeds += 1
            if kind == EMPTY:
                _judge_empty(row, piece, seed)
            elif kind == MUTANT:
                row.family, row.code = mutants[name].family, mutants[name].code
                _judge_mutant(row, piece, answer, mutants[name].hint, seed)
            else:
                report = judge(piece, [answer], seed=seed)
                if not report.passed or report.score != 1 or report.diagnoses:
                    row.faults.append(f"seed {seed}: a right answer does not pass\n{report}")
    return rows


def _judge_empty(row: Row, piece: Piece, seed: int | None) -> None:
    report = judge(piece, [not_written], seed=seed)
    if report.score != 0 or report.problem is None or report.problem.code != "not written":
        row.faults.append(f"seed {seed}: the empty stub is not called empty\n{report}")


def _judge_mutant(
    row: Row, piece: Piece, answer: Callable[..., Any], hint: str, seed: int | None
) -> None:
    report = judge(piece, [answer], seed=seed)
    told = {diagnosis.finding.text for diagnosis in report.diagnoses}
    if report.passed or report.score >= 1:
        row.caught = False
        row.faults.append(f"seed {seed}: not caught")
    elif told != {hint}:
        row.hinted = False
        row.faults.append(f"seed {seed}: caught without its own hint\n{report}")
    alone = judge(piece, [answer], seed=seed, mutants=False)
    codes = {d.finding.code for d in alone.diagnoses if d.finding.is_reason}
    row.named += bool(row.code) and row.code in codes


def kill_matrix(
    exercises: Iterable[str] | None = None,
    seeds: Sequence[int | None] = SEEDS,
    say: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """All rows of these sets (default: of all). KeyError names a set that does not exist."""
    known = sets()
    chosen = list(exercises or known)
    for exercise in chosen:
        if exercise not in known:
            raise KeyError(f"no exercise set {exercise!r}; there are {', '.join(known)}")
    rows: list[Row] = []
    for exercise in chosen:
        for piece in pieces_of(exercise).values():
            say(f"{exercise}.{piece.name}")
            rows += judge_all(exercise, piece, seeds)
    return rows


@dataclass(frozen=True)
class Tally:
    """The sums of a matrix."""

    right: int
    right_passed: int
    mutants: int
    caught: int
    hinted: int
    coded: int
    named: int
    empty_good: bool

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Tally:
        right = [row for row in rows if row.kind in (REFERENCE, EQUIVALENT)]
        mutants = [row for row in rows if row.kind == MUTANT]
        coded = [row for row in mutants if row.code]
        return cls(
            len(right),
            sum(row.good for row in right),
            len(mutants),
            sum(row.caught for row in mutants),
            sum(row.caught and row.hinted for row in mutants),
            len(coded),
            sum(row.named == row.seeds for row in coded),
            all(row.good for row in rows if row.kind == EMPTY),
        )
