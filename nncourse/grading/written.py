"""Written answers that stand beside their cells.

A student may leave the cell of a written answer as it is and write into one below it, split it, or
delete it and write into another. Nobody would read what stands there: a graded notebook holds the
lecturer's cells. So cells that are nobody's between a written answer and the next cell of the
lecturer's belong to that answer; and so do lines that were written into the question above it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from nncourse.grading.added import Sight

PICTURE = re.compile(r"!\[|<img\b", re.IGNORECASE)
# A picture pasted in Colab; no page shows it, and it is longer than an answer may be.
DATA = re.compile(r"(data:image/[\w.+-]++;base64,)[\w+/=]++", re.ASCII)


def beside(
    cells: Sequence[Sight], released: Sequence[Sight], answers: Collection[int]
) -> dict[int, tuple[list[Sight], list[Sight]]]:
    """What stands above and below the written answers, by the places of these in ``released``.

    ``cells``: those of a submission. A cell between two answers belongs to the upper one.
    """
    named = {cell.name: place for place, cell in enumerate(released) if cell.name is not None}
    ids = {cell.id: place for place, cell in enumerate(released) if cell.id is not None}
    texts = {cell.source.strip(): place for place, cell in enumerate(released)}
    whose: list[int | None] = []  # the place of the lecturer's cell that each is
    first: dict[str, int] = {}
    for at, cell in enumerate(cells):
        name = cell.name or ""
        if name in named and first.setdefault(name, at) == at:
            whose.append(named[name])
        else:
            whose.append(texts.get(cell.source.strip(), ids.get(cell.id or "")))
    found = {}
    for place in answers:
        above: list[Sight] = []
        if place in whose:
            at = whose.index(place)
            start = max((i for i in range(at) if whose[i] is not None), default=-1)
            if start < 0 or whose[start] not in answers:
                above = list(cells[start + 1 : at])
        elif place - 1 in whose:  # it was deleted
            at = len(whose) - 1 - whose[::-1].index(place - 1)
        else:
            continue
        end = next((i for i in range(at + 1, len(cells)) if whose[i] is not None), len(cells))
        if place - 1 in whose and place - 1 not in answers:
            question = cells[whose.index(place - 1)]
            above = [*_written_into(question, released[place - 1]), *above]
        found[place] = above, list(cells[at + 1 : end])
    return found


def _written_into(question: Sight, original: Sight) -> list[Sight]:
    """The lines of a text that were not there when it was handed out, as a cell."""
    known = {line.strip() for line in original.source.splitlines()}
    lines = question.source.splitlines()
    text = "\n".join("" if line.strip() in known else line for line in lines).strip()
    return [question._replace(source=text)] if text and not question.code else []


def work(task: Sight, original: Sight, below: Sequence[Sight]) -> str:
    """What was done for a task, which has no cell of its own for that: what was written into the
    question, and the cells below it. Code stands there and is not run."""
    cells = [cell for cell in (*_written_into(task, original), *below) if cell.source.strip()]
    parts = [f"~~~python\n{cell.source}\n~~~" if cell.code else cell.source for cell in cells]
    return DATA.sub(r"\1...", "\n\n".join(parts))


def whole(answer: str, above: Sequence[Sight], below: Sequence[Sight]) -> str:
    """A written answer with what stands beside it. ``answer``: in its own cell, "" for a stub.

    Code counts only where nothing else is there: it may be text in a cell of the wrong kind.
    """
    around = [*above, Sight(None, None, False, answer), *below]
    parts = [cell.source for cell in around if not cell.code and cell.source.strip()]
    if not parts:
        parts = [f"~~~\n{cell.source}\n~~~" for cell in around if cell.code and cell.source.strip()]
    return DATA.sub(r"\1...", "\n\n".join(dict.fromkeys(parts)))
