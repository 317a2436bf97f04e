"""A built notebook as slides in one file of HTML that needs nothing else: no network, no server.

Widgets are shown as the pictures that were kept of them. Formulas are MathML, the font for them is
inside, and turning pages is 250 lines of script (`slides.js`): a lecture is about a megabyte and
opens at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat

from nncourse.course.build import State, inspect, targets
from nncourse.course.files import Course
from nncourse.course.slides.page import Writer, page
from nncourse.course.slides.parts import Slide, slides_of
from nncourse.language import catalogue, current, using

_ = catalogue("course")


@dataclass
class Deck:
    """The page, the slides on it, and what could not be shown as it was meant."""

    html: str
    language: str
    slides: list[Slide]
    problems: list[str]


def find_lecture(course: Course, name: str, language: str) -> Path:
    """The built notebook that is meant by a number, a name, a source, or its own path.

    Raises FileNotFoundError, which lists what there is.
    """
    if name.endswith(".ipynb") and Path(name).is_file():
        return Path(name)
    built = sorted((course.lectures / language).glob("*.ipynb"))
    wanted = Path(name).name.removesuffix(".md").removesuffix(".ipynb")
    for path in built:
        number, _dash, title = path.stem.partition("-")
        if wanted in (path.stem, number, title) or wanted.zfill(2) == number:
            return path
    raise FileNotFoundError(
        _(
            "there is no lecture {name} in {folder}. There are: {known}",
            name=name,
            folder=course.lectures / language,
            known=", ".join(path.stem for path in built) or "-",
        )
    )


def slide_deck(path: Path) -> Deck:
    """The slides of a built notebook, in its language (the current one, if it has none)."""
    notebook = nbformat.read(path, as_version=4)
    about = notebook.metadata.get("nncourse", {})
    slides = slides_of(notebook)
    writer = Writer()
    with using(about.get("language", current())):
        body = "\n".join(writer.slide(slide, number) for number, slide in enumerate(slides, 1))
        html = page(about.get("title", path.stem), body)
        return Deck(html, current(), slides, writer.problems)


def write_slides(
    course: Course, lectures: Iterable[str], output: Path | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Write the slides of lectures (of all, if none is named) in the current language.

    ``output``: a folder, or a file for a single lecture; NAME.LANGUAGE.html here, if None. Yields
    each path with what to look at. Raises FileNotFoundError, and ValueError where several lectures
    would go into one file.
    """
    names = list(lectures) or [
        p.stem for p in sorted((course.lectures / current()).glob("*.ipynb"))
    ]
    paths = [find_lecture(course, name, current()) for name in names]
    if output is not None and output.suffix == ".html" and len(paths) > 1:
        raise ValueError(_("{count} lectures need a folder, not one file", count=len(paths)))
    for path in paths:
        deck = slide_deck(path)
        target = output if output is not None else Path.cwd()
        if target.suffix != ".html":
            target.mkdir(parents=True, exist_ok=True)
            target /= f"{path.stem}.{deck.language}.html"
        target.write_text(deck.html, encoding="utf-8")
        yield target, [*_out_of_date(course, path, deck.language), *deck.problems]


def _out_of_date(course: Course, path: Path, language: str) -> Iterator[str]:
    source = course.lectures / f"{path.stem}.md"
    if source.is_file() and path.resolve() == course.edition(source, language).resolve():
        for target in targets(course, [source]):
            if target.language == language and inspect(course, target)[0] is not State.FRESH:
                yield inspect(course, target)[1]
