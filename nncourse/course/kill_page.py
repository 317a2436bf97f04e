"""Make the page of the kill matrix: ``python -m nncourse.course.kill_page``, a few minutes.

``--judge FILE`` writes what is still to be judged by a reader instead (see nncourse.check.judged),
``--draw FILE COUNT SEED`` so many observations, drawn with this seed, that nobody has judged.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable
from dataclasses import astuple
from pathlib import Path

from nncourse.check import judged
from nncourse.check.matrix import kill_matrix, pieces_of
from nncourse.check.matrix_markdown import PICTURE, page, svg
from nncourse.check.unseen import Told, Unseen, told_of, unseen
from nncourse.course.answers import answers
from nncourse.course.files import Course, find_course
from nncourse.exercises.piece import sets
from nncourse.language import using

FOLDER = Path(__file__).parents[1] / "exercises"
PAGE = "KILL-MATRIX.md"

Say = Callable[[str], None]


def sweep(course: Course, exercises: Iterable[str], say: Say = lambda line: None) -> list[Unseen]:
    """Every changed solution of these sets, judged."""
    found: list[Unseen] = []
    for exercise in exercises:
        pieces = pieces_of(exercise)
        for answer in answers(course, exercise):
            say(f"{exercise}.{answer.piece}")
            found += unseen(
                exercise,
                pieces[answer.piece],
                answer.name,
                answer.source,
                answer.lines,
                answer.space,
            )
    return found


def files(course: Course, say: Say = lambda line: None) -> dict[str, str]:
    """The page and its picture, by name."""
    with using("en"):
        rows = kill_matrix(say=say)
        text = page(rows, sweep(course, sets(), say), judged.read(), judged.read(judged.SECOND))
        return {PAGE: text, PICTURE: svg(rows)}


def _told(course: Course, say: Say) -> list[Told]:
    return [one for row in sweep(course, sets(), say) for one in told_of(row)]


def _write(told: Iterable[Told], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(map(astuple, told))


def main(arguments: list[str]) -> None:
    """Write the page, or with ``--judge`` or ``--draw`` a list."""

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if arguments[:1] == ["--judge"]:
        known = judged.read()
        told = judged.to_judge(_told(find_course(), say))
        _write((one for one in told if one not in known), Path(arguments[1]))
        return
    if arguments[:1] == ["--draw"]:
        seen = judged.read() | judged.read(judged.SECOND)
        count, seed = map(int, arguments[2:4])
        _write(judged.draw(_told(find_course(), say), seen, count, seed), Path(arguments[1]))
        return
    for name, text in files(find_course(), say).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)


if __name__ == "__main__":
    main(sys.argv[1:])
