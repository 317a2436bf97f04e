"""No link leads nowhere: to files, to headings, to lectures and exercises by their number.

Nothing is fetched. Of an address in the web only the form is checked: https, a host, no spaces.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from nncourse.course.coverage import read_table
from nncourse.course.files import assignment
from tests.course.texts import COURSE, PAGES, ROOT, texts

PAGES_WITH_LINKS = [*PAGES, "nncourse/exercises/MISTAKES.md", "nncourse/ops/OPERATIONS.md"]
DOCUMENTS = [*(ROOT / page for page in PAGES_WITH_LINKS), *COURSE.built()]
IN_HTML = re.compile(r"""<(?:a|img|source|video)\b[^>]*\b(?:href|src)=["']([^"']*)["']""")
# "lecture 05", "lectures 06 to 08", "лекции 06–08", "лекцию 03 и 05"
LECTURES = re.compile(
    r"\b(?:lectures?|лекци\w+) (\d\d)\b(?:(?:–| to | и | and |, )(\d\d)\b)?", re.IGNORECASE
)
EXERCISES = re.compile(r"\bps\d\d\b")
FILES = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:md|py|toml|ipynb|txt|cfg))`")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def markdown(path: Path) -> str:
    """The Markdown of a page or of a notebook's text cells."""
    if path.suffix != ".ipynb":
        return path.read_text("utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def tokens(text: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield token
        yield from token.children or []


def links(text: str) -> Iterator[str]:
    """Where links and pictures of a Markdown text point to."""
    for token in tokens(text):
        for attribute in ("href", "src"):
            if token.attrGet(attribute) is not None:
                yield str(token.attrGet(attribute))
        if token.type.startswith("html"):
            yield from IN_HTML.findall(token.content)


@cache
def anchors(path: Path) -> set[str]:
    """The ids that GitHub and JupyterLab give to headings."""
    found = set()
    for opening, content in pairwise(tokens(markdown(path))):
        if opening.type == "heading_open":
            title = content.content.replace("`", "")
            found |= {
                title.replace(" ", "-"),
                re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-"),
            }
    return found


def problem(link: str, path: Path) -> str | None:
    """What is wrong with a link in a document: None where nothing is."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        good = parts.scheme == "https" and re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
        return None if good and not re.search(r"\s|%20", link) else "no address in the web"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_relative_to(ROOT) or not target.exists():
        return "no such file"
    if parts.fragment and unquote(parts.fragment) not in anchors(target):
        return "no such heading"
    return None


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path):
    found = {link: problem(link, path) for link in links(markdown(path))}
    assert {link: wrong for link, wrong in found.items() if wrong} == {}


def test_lectures_have_sources_to_follow():
    for path in COURSE.built():
        if COURSE.lectures in path.parents:
            assert len([link for link in links(markdown(path)) if link.startswith("https")]) >= 3


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_no_link_is_broken_markdown(path):
    addresses = set(links(markdown(path)))  # one in angle brackets is its own text
    bare = [token.content for token in tokens(markdown(path)) if token.type == "text"]
    broken = [text for text in bare if re.search(r"\]\s*\(|https?://|\]\[", text)]
    assert set(broken) <= addresses


def numbers(pattern: re.Pattern, text: str) -> set[str]:
    hits = pattern.finditer(text)
    return {group for hit in hits for group in (hit.groups() or (hit[0],)) if group}


def test_lectures_that_texts_name_exist():
    there = {path.name[:2] for path in COURSE.lectures.glob("*.md")} | set(read_table()[1].values())
    named = {place: numbers(LECTURES, text) for place, text in texts().items()}
    assert len(set().union(*named.values())) >= 8
    assert {place: found - there for place, found in named.items() if found - there} == {}


def test_exercises_that_texts_name_exist():
    there = {assignment(path) for path in COURSE.solutions.glob("ps*.md")}
    sources = {path.name: path.read_text("utf-8") for path in COURSE.sources()}
    named = {place: numbers(EXERCISES, text) for place, text in {**texts(), **sources}.items()}
    there |= {"ps20"}  # the example of a new one
    assert {place: found - there for place, found in named.items() if found - there} == {}


@pytest.mark.parametrize("page", PAGES)
def test_files_that_pages_name_exist(page):
    named = {file for file in FILES.findall((ROOT / page).read_text("utf-8")) if "ps20" not in file}
    assert {file for file in named if not (ROOT / file).exists()} == set()


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("https://doi.org/10.1038/nature14539", None),
        ("http://doi.org/10.1038/nature14539", "no address in the web"),
        ("https://doi/10.1038", "no address in the web"),
        ("https://doi.org/10 1038", "no address in the web"),
        ("#five-minutes-the-student", None),
        ("#five-minutes", "no such heading"),
        ("CONTRIBUTING.md#a-message", None),
        ("CONTRIBUTING.md#no-message", "no such heading"),
        ("lectures/ru/99-nothing.ipynb", "no such file"),
        ("../outside.md", "no such file"),
    ],
)
def test_a_dead_link_is_found(link, wrong):
    assert problem(link, ROOT / "README.md") == wrong


def test_links_are_read_from_markdown_and_html():
    text = "[a](b.md) ![c](d.png) <img src='e.png'> `[f](g)` <https://h.i>"
    assert list(links(text)) == ["b.md", "d.png", "e.png", "https://h.i"]
    assert numbers(LECTURES, "лекции 06–08, lecture 03 and 05") == {"06", "08", "03", "05"}
