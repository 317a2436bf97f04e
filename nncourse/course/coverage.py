"""Is every topic of the source documents taught and worked?

The course grew out of five documents. ``coverage.toml`` lists their topics; each row points to the
section of a lecture that teaches it and to the exercise or the test that works it. A mention is not
enough: the section must say the topic's words, hold a formula or a figure, and ask something.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from nncourse.course.sources import read_source

TABLE = Path(__file__).with_name("coverage.toml")

_ASKS = re.compile(
    r"\*\*Question to the audience|\*\*Predict|## Find the mistake|\\;\?|Answer to the question"
)
_SHOWS = re.compile(r"\$|plots\.|widgets\.")


@dataclass(frozen=True)
class Topic:
    """A topic of a document: the section that teaches it, its words, what works it."""

    document: str
    name: str
    lecture: str
    heading: str
    words: str
    practice: str

    def __str__(self) -> str:
        return f"{self.document}: {self.name}"


def read_table(path: Path = TABLE) -> tuple[list[Topic], dict[str, str]]:
    """The topics that are taught, and those that are open with the lecture to come."""
    table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    later = table.pop("open", {})
    topics = [
        Topic(document, name, *row)
        for document, rows in table.items()
        for name, row in rows.items()
    ]
    return topics, later


@lru_cache
def sections(path: Path, root: Path) -> dict[str, str]:
    """The English sections of a lecture: heading to text, code included."""
    found: dict[str, str] = {}
    heading = ""
    for cell in read_source(path, root).cells:
        if cell.metadata.get("lang") not in (None, "en"):
            continue
        parts = [cell.source]
        if cell.cell_type == "markdown":
            parts = re.split(r"^(?=## )", cell.source, flags=re.MULTILINE)
        for part in parts:
            if cell.cell_type == "markdown" and part.startswith("## "):
                heading = part.split("\n")[0].removeprefix("## ").strip()
            found[heading] = f"{found.get(heading, '')}\n{part}"
    return found


def problems(root: Path, topics: list[Topic], later: dict[str, str]) -> Iterator[str]:
    """Everything that is missing: nothing, when all is as the table says."""
    for topic in topics:
        yield from (f"{topic}: {problem}" for problem in _problems(root, topic))
    for name, number in later.items():
        if list((root / "lectures").glob(f"{number}-*.md")):
            yield f"{name}: open, but lecture {number} is there: point to its section"


def _problems(root: Path, topic: Topic) -> Iterator[str]:
    path = root / "lectures" / f"{topic.lecture}.md"
    if not path.exists():
        yield f"no lecture {topic.lecture}"
        return
    text = sections(path, root).get(topic.heading)
    if text is None:
        yield f"no section {topic.heading!r} in {topic.lecture}"
        return
    if topic.words.lower() not in text.lower():
        yield f"the section {topic.heading!r} does not say {topic.words!r}"
    if not _SHOWS.search(text):
        yield f"the section {topic.heading!r} has neither a formula nor a figure"
    if not _ASKS.search(text):
        yield f"the section {topic.heading!r} asks nothing"
    if not works(root, topic.practice):
        yield f"{topic.practice} is neither a piece of an exercise nor a test"


def works(root: Path, practice: str) -> bool:
    """Is ``practice`` a piece "psNN.name" of an exercise, or a test "tests/path.py::name"?"""
    if not practice.startswith("tests/"):
        exercise, _dot, name = practice.partition(".")
        try:
            pieces = import_module(f"nncourse.exercises.{exercise}").PIECES
        except ModuleNotFoundError:
            return False
        return name in pieces
    file, _colons, name = practice.partition("::")
    path = root / file
    if not path.exists():
        return False
    tests = {
        node.name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    return name in tests if name else bool(tests)
