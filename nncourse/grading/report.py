"""The class at a glance, in the terminal and as a page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from nncourse.grading.literals import remark
from nncourse.grading.overview import BINS, Difficulty, Overview
from nncourse.grading.page import bar, number, page, part_name, table
from nncourse.grading.sanitize import clean_text, one_line
from nncourse.language import catalogue

_ = catalogue("course")

MOST = 20  # mistakes that are listed
NAMED = 12  # students that are named for each
WIDTH, HEIGHT, FOOT, HEAD = 640, 194, 40, 36  # of the picture, in pixels


def summary(found: Overview) -> list[str]:
    """The sums, in words."""
    low, middle, high = found.quartiles
    lines = [
        _(
            "graded: {count}, could not be graded: {failed}, wait for a grade by hand: {waiting}",
            count=len(found.shares),
            failed=len(found.failed),
            waiting=found.waiting,
        )
    ]
    lines += outdated(found.outdated)
    if found.shares:
        lines.append(
            _(
                "points of {most}: mean {mean}, median {middle}, half of the class from {low} to "
                "{high}",
                most=number(found.max_points),
                mean=_points(found, found.mean),
                middle=_points(found, middle),
                low=_points(found, low),
                high=_points(found, high),
            )
        )
        lines.append(
            _(
                "time: {seconds:.1f} s in all, median {median:.2f} s a submission",
                seconds=found.seconds,
                median=found.median_seconds,
            )
        )
    return lines


def outdated(students: Sequence[str]) -> list[str]:
    """A line on those whose points are of an earlier release, if there are any."""
    if not students:
        return []
    names = ", ".join(map(one_line, students[:NAMED]))
    names += ", …" if len(students) > NAMED else ""
    return [
        _(
            "graded before the last release: {count}. Their points do not fit what it asks and "
            "gives: run nncourse grade again. They are: {names}",
            count=len(students),
            names=names,
        )
    ]


def remarkable(found: Overview) -> list[tuple[str, str]]:
    """Students to look at, each with the reason."""
    lines = [
        (student, _("unusual score: {points}", points=_points(found, found.shares[student])))
        for student in found.outliers
    ]
    lines += [(s, _("took {seconds:.1f} s", seconds=time)) for s, time in found.slow.items()]
    lines += [(s, remark(*item)) for s, heavy in found.literals.items() for item in heavy.items()]
    lines += list(found.failed.items())
    return [(one_line(student), one_line(why)) for student, why in lines]


class Terminal:
    """What ``nncourse report`` prints."""

    def __init__(self, found: Overview) -> None:
        self.found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = self.found
        yield from (Text(line) for line in summary(found))
        if found.shares:
            yield ""
            yield self._distribution()
            yield ""
            yield self._parts()
        if found.mistakes:
            yield ""
            yield self._mistakes()
        rows = remarkable(found)
        if rows:
            yield ""
            out = _grid(_("student"), _("remarks"))
            for row in rows:
                out.add_row(*map(Text, row))
            yield out

    def _distribution(self) -> Table:
        out = _grid(_("points"), _("students"), "")
        out.columns[0].justify = out.columns[1].justify = "right"
        scale = max(1.0, max(self.found.bins) / 40)
        for index, count in enumerate(self.found.bins):
            out.add_row(_range(index), str(count), "[blue]" + "█" * round(count / scale) + "[/]")
        return out

    def _parts(self) -> Table:
        out = _grid(_("part"), _("mean"), _("all points"), _("some"), _("none"))
        for column in out.columns[1:]:
            column.justify = "right"
        for part in self.found.parts:
            counts = (part.full, part.some, part.none)
            out.add_row(Text(part.name), _mean(part), *map(str, counts))
        return out

    def _mistakes(self) -> Table:
        out = _grid(_("students"), _("part"), _("what is said"))
        out.columns[0].justify = "right"
        for mistake in self.found.mistakes[:MOST]:
            parts = Text(", ".join(mistake.parts))
            count = str(len(mistake.students))
            out.add_row(count, parts, Text(clean_text(mistake.text)))
        return out


def report_page(assignment: str, found: Overview) -> str:
    """The page, in the current language."""
    title = _("{assignment}: the class", assignment=assignment)
    body = [f"<h1>{_show(title)}</h1>", *(f"<p>{_show(line)}</p>" for line in summary(found))]
    if found.shares:
        body += [_heading(_("Points")), picture(found)]
        body += [_heading(_("Parts, the hardest first")), _parts_table(found)]
    if found.mistakes:
        body += [_heading(_("Most frequent mistakes")), _mistakes_table(found)]
    rows = [[_show(student), _show(why)] for student, why in remarkable(found)]
    if rows:
        body.append(_heading(_("Worth a look")))
        body.append(table([_show(_("student")), _show(_("remarks"))], rows))
    if found.shares:
        body.append(_heading(_("Everyone")))
        ranked = sorted(found.shares.items(), key=lambda item: (-item[1], item[0]))
        rows = [[_show(name), bar(share), _points(found, share)] for name, share in ranked]
        body.append(table([_show(_("student")), "", _show(_("points"))], rows, (2,)))
    return page(title, "\n".join(body))


def picture(found: Overview) -> str:
    """The distribution as columns with their counts; the median as a dashed line."""
    step = WIDTH / BINS
    top = max(found.bins)
    parts = []
    for index, count in enumerate(found.bins):
        height = (HEIGHT - HEAD - FOOT) * count / top
        x, y = index * step, HEIGHT - FOOT - height
        middle = x + step / 2
        parts.append(
            f'<rect class="column" x="{x + 4:.1f}" y="{y:.1f}" width="{step - 8:.1f}" '
            f'height="{height:.1f}" rx="2"/>'
        )
        if count:
            parts.append(
                f'<text x="{middle:.1f}" y="{y - 5:.1f}" text-anchor="middle">{count}</text>'
            )
        parts.append(
            f'<text class="soft" x="{middle:.1f}" y="{HEIGHT - FOOT + 16}" text-anchor="middle">'
            f"{_range(index)}</text>"
        )
    median = min(found.quartiles[1], 1.0) * WIDTH  # extra points may go beyond
    base = HEIGHT - FOOT
    parts.append(f'<line class="axis" x1="0" y1="{base}" x2="{WIDTH}" y2="{base}"/>')
    parts.append(f'<line class="mark" x1="{median:.1f}" y1="4" x2="{median:.1f}" y2="{base}"/>')
    side, shift = ("end", -5) if median > WIDTH / 2 else ("start", 5)
    label = _show(_("median {points}", points=_points(found, found.quartiles[1])))
    parts.append(f'<text x="{median + shift:.1f}" y="14" text-anchor="{side}">{label}</text>')
    alt = ", ".join(f"{_range(i)}: {count}" for i, count in enumerate(found.bins))
    return (
        f'<svg role="img" aria-label="{escape(alt, quote=True)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}">{"".join(parts)}</svg>'
    )


def _parts_table(found: Overview) -> str:
    heads = [_("part"), "", _("mean"), _("all points"), _("some"), _("none"), _("by hand")]
    rows = [
        [
            part_name(part.name),
            "…" if part.waiting else bar(part.mean),
            _mean(part),
            str(part.full),
            str(part.some),
            str(part.none),
            str(part.waiting or ""),
        ]
        for part in found.parts
    ]
    return table([_show(head) for head in heads], rows, (2, 3, 4, 5, 6))


def _mistakes_table(found: Overview) -> str:
    rows = []
    for mistake in found.mistakes[:MOST]:
        names = ", ".join(mistake.students[:NAMED])
        names += ", …" if len(mistake.students) > NAMED else ""
        said = f'{_show(mistake.text)}<div class="soft">{_show(names)}</div>'
        count = str(len(mistake.students))
        rows.append([count, part_name(", ".join(mistake.parts)), said])
    heads = [_("students"), _("part"), _("what is said, and to whom")]
    return table([_show(head) for head in heads], rows, (0,))


def _grid(*heads: str) -> Table:
    out = Table(box=None, pad_edge=False)
    for head in heads:
        out.add_column(head, overflow="fold")
    return out


def _range(index: int) -> str:
    return f"{100 * index // BINS}–{100 * (index + 1) // BINS}%"


def _heading(text: str) -> str:
    return f"<h2>{_show(text)}</h2>"


def _mean(part: Difficulty) -> str:
    """Until all are graded by hand, those that are say little about the part."""
    return "…" if part.waiting else f"{part.mean:.0%}"


def _points(found: Overview, share: float) -> str:
    return number(share * found.max_points)


def _show(text: str) -> str:
    return escape(clean_text(text))
