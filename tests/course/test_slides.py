"""Slides as one file: every cell is there, every formula drawn, and nothing is fetched."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from typer.testing import CliRunner

from nncourse import language
from nncourse.cli import app
from nncourse.course.files import Course
from nncourse.course.slides import find_lecture, slide_deck, slides_of, write_slides
from nncourse.language import LANGUAGES

ROOT = Path(__file__).parents[2]
BUILT = sorted((ROOT / "lectures").glob("*/*.ipynb"))
MEGABYTES = 3
FETCHING = {"src", "srcset", "poster", "data", "action", "xlink:href", "background"}


class Page(HTMLParser):
    """What a browser would read of a page: its parts, and the addresses that it would fetch."""

    def __init__(self, html):
        super().__init__()
        self.sections, self.fetched, self.formulas, self.ids = 0, [], 0, []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.sections += found.get("class") == "slide"
        self.formulas += tag == "math"
        self.ids.append(found.get("id"))
        self.fetched += [value for name, value in attributes if name in FETCHING]
        if tag in ("link", "image", "use"):
            self.fetched += [value for name, value in attributes if name == "href"]


def deck_of(path, cells):
    nbformat.write(new_notebook(cells=cells), path)
    return slide_deck(path)


def text(source, kind=None):
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}} if kind else {})


def formulas_in(source):
    return len(re.findall(r"\$\$.+?\$\$|(?<![\\$])\$[^$]+?\$", source, re.DOTALL))


@pytest.mark.parametrize("path", BUILT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_lecture_becomes_slides(path):
    notebook = nbformat.read(path, as_version=4)
    deck = slide_deck(path)
    assert deck.problems == []  # every formula is converted
    assert len(deck.html) < MEGABYTES * 1e6
    assert f'<html lang="{path.parent.name}">' in deck.html
    page = Page(deck.html)

    # Nothing but data inside of the file.
    assert [address[:60] for address in page.fetched if not address.startswith("data:")] == []
    styles = re.findall(r"url\(\s*['\"]?(.{5})|(@import)", deck.html.partition("</style>")[0])
    assert {first for first, _rest in styles} == {"data:"}
    script = deck.html.rpartition("<script>")[2]
    assert not re.search(r"https?:|fetch\(|import[ (]|XMLHttp|WebSocket", script)

    # Every cell but the skipped, in its order, with its formulas and pictures.
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in notebook.cells]
    kept = [cell for cell, kind in zip(notebook.cells, kinds) if kind != "skip"]
    filled = [cell for cell in kept if cell.source.strip() or cell.get("outputs")]
    noted = [cell["id"] for cell, kind in zip(notebook.cells, kinds) if kind == "notes"]
    shown = [cell["id"] for slide in deck.slides for cell in slide.cells]
    assert shown == [cell["id"] for cell in filled if cell["id"] not in noted]
    assert noted == [cell["id"] for slide in deck.slides for cell in slide.notes]
    assert page.sections == len(deck.slides) == sum(kind in ("slide", "subslide") for kind in kinds)
    sources = "".join(cell.source for cell in kept if cell.cell_type == "markdown")
    assert page.formulas == formulas_in(sources) > 0 or "00-start" in path.name
    pictures = [
        output.data["image/png"].strip().replace("\n", "")
        for cell in kept
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert (
        re.findall(r"<img alt=\"[^\"]*\" src=\"data:image/png;base64,([^\"]+)", deck.html)
        == pictures
    )
    assert len(re.findall("<details( open)?>", deck.html)) == sources.count("<details>")


@pytest.mark.parametrize("path", BUILT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_lecture_has_notes_for_the_lecturer_and_shows_them_on_no_slide(path):
    """Closed in the notebook, hidden on the page, open in the window that the key N opens."""
    notebook = nbformat.read(path, as_version=4)
    kind = {"ru": "Лектору", "en": "For the lecturer"}[path.parent.name]
    notes = [
        cell.source
        for cell in notebook.cells
        if cell.metadata.get("slideshow", {}).get("slide_type") == "notes"
    ]
    assert len(notes) >= 6
    opening = f"<details><summary>{kind}</summary>\n\n"
    assert [note[:60] for note in notes if not note.startswith(opening)] == []
    assert min(len(note) for note in notes) > 150
    deck = slide_deck(path)
    asides = re.findall(r"<aside hidden>(.*?)</aside>", deck.html, re.DOTALL)
    on_slides = re.sub(r"<aside hidden>.*?</aside>", "", deck.html, flags=re.DOTALL)
    assert sum(aside.count(f"<details open><summary>{kind}") for aside in asides) == len(notes)
    assert kind not in on_slides
    for note in notes:
        first = re.split(r"[$`\"&]", note.removeprefix(opening))[0][:40].strip()
        assert any(first in aside for aside in asides), first


def test_every_lecture_is_there_in_both_languages():
    russian, english = ({p.stem for p in BUILT if p.parent.name == name} for name in LANGUAGES)
    assert russian == english
    assert len(russian) >= 9


def test_cells_part_into_slides_steps_and_notes():
    cells = [
        text("before any slide"),
        text("A", "slide"),
        text("left out", "skip"),
        text("B", "fragment"),
        text("goes on"),
        text("to the lecturer", "notes"),
        text("C", "subslide"),
        text(""),
        text("D", "-"),
    ]
    first, second, third = slides_of(new_notebook(cells=cells))
    assert [cell.source for cell in first.cells] == ["before any slide"]
    assert [[cell.source for cell in step] for step in second.steps] == [["A"], ["B", "goes on"]]
    assert [cell.source for cell in second.notes] == ["to the lecturer"]
    assert [cell.source for cell in third.cells] == ["C", "D"]


def test_steps_notes_and_answers_are_on_the_page(tmp_path):
    cells = [
        text("# Title $x^2$\n\n<details><summary>Answer</summary>\n\n$y$\n\n</details>", "slide"),
        text("second step", "fragment"),
        text("say it *slowly*", "notes"),
    ]
    html = deck_of(tmp_path / "a.ipynb", cells).html
    assert re.search(r'<div class="step later"><div class="cell text"><p>second step', html)
    assert re.search(r"<aside hidden>[^§]*<em>slowly</em>[^§]*</aside>", html)
    assert re.search(r"<details><summary>Answer</summary>\s*<p>.{,40}<math[^>]+><mi>y</mi>", html)
    assert 'data-title="Title x^2"' in html


def test_outputs_are_shown_by_kind(tmp_path):
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    outputs = [
        new_output("stream", text="\x1b[31mred\x1b[0m <b>"),
        new_output("error", ename="ValueError", evalue="<i>", traceback=[]),
        new_output("execute_result", {"text/plain": "array([1])"}),
        new_output("display_data", {"text/html": "<b>own</b>", "text/plain": "not this"}),
        new_output(
            "display_data",
            {"image/png": png + "\n", "text/plain": "nor this"},
            metadata={"image/png": {"alt": 'a "picture"'}},
        ),
    ]
    hidden = new_code_cell("secret = 1", metadata={"jupyter": {"source_hidden": True}})
    hidden.outputs = [new_output("stream", text="seen")]
    cells = [text("# T", "slide"), new_code_cell("x = 'a' # <", outputs=outputs), hidden]
    html = deck_of(tmp_path / "a.ipynb", cells).html
    assert '<pre class="printed">red &lt;b&gt;</pre>' in html
    assert '<pre class="printed">ValueError: &lt;i&gt;</pre>' in html
    assert "array([1])" in html
    assert '<div class="html"><b>own</b></div>' in html
    assert f'<img alt="a &quot;picture&quot;" src="data:image/png;base64,{png}">' in html
    assert "not this" not in html
    assert "nor this" not in html
    assert re.search('<span class="py-s1">.{1,5}a.{1,5}</span>', html)
    assert "secret" not in html
    assert "seen" in html


def test_links_lead_to_the_web_or_nowhere(tmp_path):
    html = deck_of(tmp_path / "a.ipynb", [text("[a](https://b.c) [d](02-e.ipynb)", "slide")]).html
    assert '<a href="https://b.c" target="_blank" rel="noopener noreferrer">a</a> <a>d</a>' in html


def test_a_formula_that_is_not_understood_is_told_and_shown_as_it_was_written(tmp_path):
    deck = deck_of(tmp_path / "a.ipynb", [text("## Part\n\n$a < \\foo$", "slide")])
    assert deck.problems == ["slide 1 (Part): unknown command \\foo in a < \\foo"]
    assert "<code>a &lt; \\foo</code>" in deck.html


@pytest.mark.parametrize(
    "name", ["1", "01", "trial", "01-trial", "lectures/01-trial.md", "01-trial.ipynb"]
)
def test_a_lecture_is_found_by_number_name_and_file(built_course, name):
    path = find_lecture(built_course, name, "ru")
    assert path == built_course.lectures / "ru" / "01-trial.ipynb"
    assert find_lecture(built_course, str(path), "en") == path  # its own path says the language


def test_an_unknown_lecture_is_refused_with_the_known_ones(built_course):
    with pytest.raises(FileNotFoundError, match=r"no lecture 99 .* 01-trial"):
        find_lecture(built_course, "99", "en")


def test_the_command_writes_where_it_is_told(built_course, tmp_path, monkeypatch):
    monkeypatch.chdir(built_course.root)
    monkeypatch.setattr(language, "_current", "en")
    run = CliRunner().invoke(app, ["slides", "1", "--lang", "ru", "-o", str(tmp_path / "a.html")])
    assert run.exit_code == 0, run.output
    assert '<html lang="ru">' in (tmp_path / "a.html").read_text("utf-8")
    run = CliRunner().invoke(app, ["slides", "--lang", "en", "-o", str(tmp_path / "all")])
    assert run.exit_code == 0, run.output
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["01-trial.en.html"]
    assert CliRunner().invoke(app, ["slides", "99"]).exit_code == 1


def test_slides_need_no_sources_but_say_when_those_are_newer(small_course, built_course, tmp_path):
    with language.using("en"):
        for folder in ("en", "ru"):
            (small_course.lectures / folder).mkdir()
            built = built_course.lectures / folder / "01-trial.ipynb"
            (small_course.lectures / folder / built.name).write_bytes(built.read_bytes())
        ((_path, problems),) = write_slides(small_course, ["1"], tmp_path / "out")
        assert problems == []
        source = small_course.lectures / "01-trial.md"
        source.write_text(source.read_text("utf-8").replace("The square", "A square"), "utf-8")
        ((_path, problems),) = write_slides(small_course, ["1"], tmp_path / "out")
        assert "older than" in problems[0]
        source.unlink()  # as in a course that came with a wheel
        ((_path, problems),) = write_slides(Course(small_course.root), ["1"], tmp_path / "out")
        assert problems == []


def test_several_lectures_do_not_go_into_one_file(built_course, tmp_path):
    with pytest.raises(ValueError, match="2 lectures need a folder"):
        list(write_slides(built_course, ["1", "trial"], tmp_path / "one.html"))
