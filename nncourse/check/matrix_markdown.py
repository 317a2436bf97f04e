"""The kill matrix as a page of Markdown that lies in the repository, with its picture.

It holds what every set promises of the answers that it knows, and how the checks behave towards
mistakes that nobody planted. ``python -m nncourse.course.kill_page`` makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nncourse.check.judged import BORDERLINE, WRONG, Judgement, at_most, wrong_among
from nncourse.check.matrix import Row
from nncourse.check.matrix_page import KINDS, MEANING, SIGNS, colour, groups, picture, summary
from nncourse.check.unseen import (
    EQUAL,
    HINT,
    INSIDE,
    OBSERVATION,
    OUTSIDE,
    REASON,
    SURVIVED,
    Told,
    Unseen,
    told_of,
)

PICTURE = "kill-matrix.svg"

INTRODUCTION = """\
# The kill matrix

A check of an exercise is itself put to the test. Every piece brings a right answer, other right
answers and typical mistakes: the right ones must pass, the empty stub must earn nothing, and each
mistake must be caught with the hint that belongs to it. `nncourse kill-matrix` runs this; the
figures below are from three draws of the inputs.

Made by `python -m nncourse.course.kill_page`; changes belong into the exercises.
"""

UNSEEN = """\
## Mistakes that nobody planted

The solutions of the notebooks are changed mechanically, one change at a time: another operation, a
term or factor dropped, a product transposed, another axis, an index off by one, another variable of
the same shape, a constant scaled, a statement dropped or exchanged with the next, and so on. The
[operators](../check/operators.py) were fixed before anything was measured. What comes out is
*right* after all (predictions: as accurate as is asked for), does what some mistake *in the
catalogue* does, or is *outside* it. The last must be caught; the check was never shown them. A
*hint* is that of a catalogued mistake whose numbers the output has, a *reason* a mistake named by a
rule; both must hold on two further draws of the inputs, too. Everything else that is said is an
*observation*: "wrong only in block f", "the first wrong step is 3". Where nothing fits, the check
says "not recognised".
"""

JUDGED = """\
Whether a sentence is right was judged by reading it beside the change: all hints and reasons, and
{sample} observations drawn at random ([the judgements](unseen.csv)). A sentence is wrong when what
it says is not so, or when it sends the reader to a place where nothing is wrong. Of the
observations 150 were judged first, and some were reworded for it; the others were drawn and judged
afterwards.
"""

SECOND_READER = """\
### A second reader

The judgements above are those of the check's author. Another reader, who had written none of the
sentences, drew further observations, of every set in proportion to its share and none that had been
judged, and read each beside the changed program, as strictly as could be. *Wrong*: it is not so, or
it is literally so and sends the student to a place where nothing is wrong; also what holds of these
inputs by chance and is told as if it meant something. *Borderline*: it is so, but of little use, or
easily misunderstood. The judgements ([all of them](second-reader.csv)) stand as they were first
written down. What draw 1 found wrong was mended only after that, in the rules or by rewording, by
the same reader, who then judged draw 2, made from what was told since, and the 14 hints and reasons
that were new. Of the Russian, 46 sentences of draw 1 were compared with the English: two did not
say the same and were mended.
"""


@dataclass(frozen=True)
class Figures:
    """The counts of a set, or of all."""

    changed: int
    equal: int
    inside: int
    outside: int
    survived: int
    numbers: int
    told: int
    refuted: int

    @classmethod
    def of(cls, rows: Sequence[Unseen]) -> Figures:
        numbers = [row for row in rows if row.kind == OUTSIDE and row.numbers]
        kinds = [row.kind for row in rows]
        return cls(
            len(rows),
            kinds.count(EQUAL),
            kinds.count(INSIDE),
            kinds.count(OUTSIDE),
            kinds.count(SURVIVED),
            len(numbers),
            sum(bool(row.told) for row in numbers),
            sum(bool(row.refuted) for row in numbers),
        )


def page(
    rows: Sequence[Row],
    unseen: Sequence[Unseen],
    judgements: dict[Told, Judgement],
    second: dict[Told, Judgement],
) -> str:
    """The whole page, in English. ``second``: what the second reader judged."""
    parts = [INTRODUCTION, *(f"- {line}" for line in summary(rows)), ""]
    parts += [f"![One square for each answer, a line for each piece]({PICTURE})", ""]
    parts += [f"{SIGNS[c]} {text}  " for c, text in MEANING.items()]
    parts += ["", UNSEEN, *_figures(unseen), "", *_judged(unseen, judgements), ""]
    parts += [*_second(unseen, second), ""]
    parts += ["<details><summary>Changes that leave a program right</summary>", ""]
    parts += [*_equal(unseen), "", "</details>", "", "## Every answer", ""]
    for (exercise, piece), group in groups(rows).items():
        parts += [f"<details><summary>{exercise}.{piece}</summary>", "", *_answers(group), ""]
        parts += ["</details>", ""]
    return "\n".join(parts).rstrip() + "\n"


def svg(rows: Sequence[Row]) -> str:
    """The picture as a file of its own, readable on a dark page as well."""
    style = (
        "text{font:12px system-ui,sans-serif;fill:#222}"
        ".sign{fill:#fff;font-size:10px;text-anchor:middle}"
    )
    head, _tag, rest = picture(rows).partition(">")
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{style}</style>{ground}{rest}\n'


def _table(heads: Sequence[str], lines: Sequence[Sequence[object]]) -> list[str]:
    def row(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    return [row(heads), "|" + "---|" * len(heads), *map(row, lines)]


def _sets(unseen: Sequence[Unseen]) -> dict[str, list[Unseen]]:
    found: dict[str, list[Unseen]] = {}
    for one in unseen:
        found.setdefault(one.exercise, []).append(one)
    return {**dict(sorted(found.items())), "all": list(unseen)}


def _figures(unseen: Sequence[Unseen]) -> list[str]:
    heads = ["set", "changes", "right", "in the catalogue", "outside", "of these not caught"]
    heads += ["with numbers", "told something", "not borne out"]
    lines = []
    for exercise, rows in _sets(unseen).items():
        f = Figures.of(rows)
        outside = f.outside + f.survived
        counts = (f.changed, f.equal, f.inside, outside, f.survived, f.numbers, f.told, f.refuted)
        lines.append((exercise, *counts))
    note = (
        'An answer "with numbers" gives arrays to compare, the others raise an exception or never '
        'end, and are told so. "Not borne out" are mistakes whose hint or reason other inputs '
        "contradict."
    )
    return [*_table(heads, lines), "", note]


def _judged(unseen: Sequence[Unseen], judgements: dict[Told, Judgement]) -> list[str]:
    heads = ["set", *(f"wrong {sort}s" for sort in (HINT, REASON, OBSERVATION))]
    heads += ["wrong hints and reasons, of the mistakes with numbers", "at most"]
    lines, sample = [], 0
    for exercise, rows in _sets(unseen).items():
        told = [(row, one) for row in rows for one in told_of(row)]
        cells: list[object] = [exercise]
        for sort in (HINT, REASON, OBSERVATION):
            # Of observations a sample was judged, which stands, whatever is told since.
            some = [one for one in judgements if exercise in ("all", one.piece.partition(".")[0])]
            some = some if sort == OBSERVATION else [one for _row, one in told]
            wrong, count = wrong_among([one for one in some if one.sort == sort], judgements)
            cells.append(f"{wrong} of {count}")
            sample = count
        numbers = Figures.of(rows).numbers
        named = {
            id(row) for row, one in told if one.sort != OBSERVATION and _wrong(one, judgements)
        }
        share = len(named) / max(numbers, 1)
        cells += [f"{len(named)} of {numbers} ({100 * share:.1f}%)"]
        cells += [f"{100 * at_most(len(named), numbers):.1f}%"]
        lines.append(cells)
    note = '"At most": the upper limit of that share with a confidence of 95%.'
    return [JUDGED.format(sample=sample), *_table(heads, lines), "", note]


def _second(unseen: Sequence[Unseen], judgements: dict[Told, Judgement]) -> list[str]:
    """The second reader's draws, one table each, from the judgements as they were given."""
    still = {one for row in unseen for one in told_of(row)}
    lines = [SECOND_READER]
    for draw in sorted({j.draw for j in judgements.values()}):
        group = [j for j in judgements.values() if j.draw == draw]
        gone = sum(j.told not in still for j in group)
        faults = [j for j in group if j.verdict == WRONG]
        mended = sum(j.told not in still for j in faults)
        lines += [
            f"Draw {draw}: {len(group)} observations. Of the {len(faults)} that were wrong, "
            f"{mended} are no longer told in these words, and {gone - mended} of the others.",
            "",
            *_table(
                ["set", "judged", "wrong", "at most", "borderline", "wrong or borderline, at most"],
                _second_lines(group),
            ),
            "",
        ]
    return [*lines, '"At most" as above: the upper limit by Clopper and Pearson, one-sided, 95%.']


def _second_lines(group: Sequence[Judgement]) -> list[list[object]]:
    sets: dict[str, list[Judgement]] = {}
    for judgement in sorted(group, key=lambda j: j.told.piece):
        sets.setdefault(judgement.told.piece.partition(".")[0], []).append(judgement)
    lines: list[list[object]] = []
    for name, some in {**sets, "all": list(group)}.items():
        wrong = sum(j.verdict == WRONG for j in some)
        unclear = sum(j.verdict == BORDERLINE for j in some)
        limits = [f"{100 * at_most(n, len(some)):.1f}%" for n in (wrong, wrong + unclear)]
        share = f"{wrong} ({100 * wrong / len(some):.1f}%)"
        lines.append([name, len(some), share, limits[0], unclear, limits[1]])
    return lines


def _equal(unseen: Sequence[Unseen]) -> list[str]:
    """The changes without effect, by name: each was read, that no mistake hides among them."""

    def line(row: Unseen) -> str:
        before, after = ("; ".join(t.split("\n")) for t in (row.change.before, row.change.after))
        return f"- {row.exercise}.{row.piece}: `{before or ' '}` → `{after or ' '}`"

    equal = [row for row in unseen if row.kind == EQUAL]
    return [line(row) for row in sorted(equal, key=lambda row: row.exercise)]


def _wrong(told: Told, judgements: dict[Told, Judgement]) -> bool:
    return bool(wrong_among([told], judgements)[0])


def _answers(rows: Sequence[Row]) -> list[str]:
    heads = ("answer", "kind", "family", "catalogue", "verdict")
    lines = [
        (
            row.name,
            KINDS[row.kind],
            row.family,
            row.code,
            f"{SIGNS[colour(row)]} {MEANING[colour(row)]}",
        )
        for row in rows
    ]
    return _table(heads, lines)
