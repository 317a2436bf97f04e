"""Slides shown: one file with the network off, and live in JupyterLab with widgets that answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from nncourse.course.slides import slide_deck
from tests.browser.jupyterlab import READY, keep_picture, open_notebook, use_theme

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
BUILT = sorted((ROOT / "lectures").glob("*/*.ipynb"))
LEGIBLE = 0.7  # of the usual size of letters: 17 px on a slide of 1280 x 720
SHOWN = 3  # slides of each lecture of which pictures are kept

SIZES = """() => [...document.querySelectorAll('.slide')].map((slide, index) => {
  const box = slide.querySelector('.content');
  return {
    slide: `${index + 1} ${slide.dataset.title}`,
    size: Number(box.style.getPropertyValue('--size')),
    hidden: [box.scrollHeight - box.clientHeight, box.scrollWidth - box.clientWidth],
  };
})"""
# The rows that code takes up, the lines that it has, and what of them is cut off.
CODE = """() => [...document.querySelectorAll('.drawn pre.code')].map(pre => {
  const style = getComputedStyle(pre);
  const edges = parseFloat(style.paddingTop) + parseFloat(style.paddingBottom);
  return {
    beside: pre.closest('.beside') !== null,
    rows: Math.round((pre.clientHeight - edges) / parseFloat(style.lineHeight)),
    lines: pre.textContent.split('\\n').length,
    cut: pre.scrollWidth - pre.clientWidth,
  };
})"""
FORMULAS = """() => [...document.querySelectorAll('.slide.current math')].map(one => {
  const box = one.getBoundingClientRect();
  return [one.getAttribute('alttext'), box.width, box.height];
})"""
COLOUR = "() => getComputedStyle(document.querySelector('.slide.current')).backgroundColor"

# In JupyterLab: run the cells whose source begins so, and leave the last of them active.
RUN = """async starts => {
  const app = window.jupyterapp;
  const notebook = app.shell.currentWidget.content;
  for (const start of starts) {
    notebook.activeCellIndex = notebook.widgets.findIndex(
      cell => cell.model.sharedModel.getSource().startsWith(start));
    await app.commands.execute('notebook:run-cell');
  }
}"""
DECK = "what => window.jupyterapp.commands.execute(`deck:${what}`)"
ON_SCREEN = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.node.classList.contains('jp-deck-mod-onscreen'))
  .map(cell => cell.model.sharedModel.getSource())"""


@pytest.fixture
def offline(browser):
    """A function that opens a file as slides, with the network off, in light or dark."""
    contexts, complaints = [], []

    def open_file(path: Path, scheme: str = "light"):
        context = browser.new_context(
            viewport={"width": 1280, "height": 720}, offline=True, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requested(request.url, path))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    def requested(url: str, path: Path) -> None:
        if not url.startswith((path.as_uri(), "data:", "about:")):
            complaints.append(url)

    yield open_file
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def lecture(tmp_path_factory) -> Path:
    """The slides of a lecture with steps, answers, formulas and pictures."""
    path = tmp_path_factory.mktemp("slides") / "05.html"
    path.write_text(slide_deck(ROOT / "lectures/ru/05-backpropagation.ipynb").html, "utf-8")
    return path


def number(page) -> int:
    return int(page.locator("#number").inner_text().split("/")[0])


def visible(page, selector: str) -> int:
    return sum(one.is_visible() for one in page.locator(selector).all())


def test_keys_turn_the_pages_and_show_the_steps(offline, lecture):
    page = offline(lecture)
    count = int(page.locator("#number").inner_text().split("/")[1])
    assert number(page) == 1
    assert visible(page, ".slide") == 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert number(page) == 3
    steps = page.locator(".slide.current .later").count()
    assert steps >= 2
    for seen in range(steps + 1):
        assert number(page) == 3
        assert visible(page, ".slide.current .later") == seen
        page.keyboard.press("Space")
    assert number(page) == 4
    page.keyboard.press("ArrowLeft")
    assert (number(page), visible(page, ".slide.current .later")) == (3, steps)
    page.keyboard.press("PageUp")
    assert (number(page), visible(page, ".slide.current .later")) == (3, steps - 1)
    page.keyboard.press("End")
    assert number(page) == count
    page.keyboard.press("ArrowRight")
    assert number(page) == count
    page.keyboard.press("Home")
    assert number(page) == 1
    page.locator("#on").click()
    assert number(page) == 2
    assert page.url.endswith("#2")  # the address of a slide can be kept


def test_the_overview_shows_all_slides_and_opens_one(offline, lecture):
    page = offline(lecture)
    page.keyboard.press("Escape")
    assert visible(page, ".slide") > 20
    assert page.locator(".slide").nth(7).bounding_box()["width"] < 400
    page.locator(".slide").nth(7).click()
    assert number(page) == 8
    assert visible(page, ".slide") == 1
    page.keyboard.press("o")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert number(page) == 9
    assert visible(page, ".slide") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_formulas_are_drawn_in_light_and_dark(offline, lecture, pictures, scheme):
    page = offline(lecture, scheme)
    page.goto(f"{lecture.as_uri()}#2")
    page.wait_for_selector("html[data-ready]", state="attached")
    drawn = page.evaluate(FORMULAS)
    assert len(drawn) >= 8
    assert [one for one in drawn if one[1] < 5 or one[2] < 5] == []
    sums = max(drawn, key=lambda one: one[2])
    assert r"\sum" in sums[0]  # limits above and below
    assert sums[2] > 60
    assert page.evaluate("document.fonts.check('20px Formulas')")
    light = "rgb(255, 255, 255)"
    before = page.evaluate(COLOUR)
    assert (before == light) == (scheme == "light")
    keep_picture(page, pictures, f"slides-{scheme}")
    page.keyboard.press("d")
    assert (page.evaluate(COLOUR) == light) != (scheme == "light")
    page.keyboard.press("d")
    assert page.evaluate(COLOUR) == before


def test_a_root_leaves_no_gap_behind_it(offline, tmp_path):
    cells = [new_markdown_cell(r"$\sqrt2y + \sqrt{\frac{a}{b}}y$")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    (tmp_path / "a.html").write_text(slide_deck(tmp_path / "a.ipynb").html, "utf-8")
    gaps = offline(tmp_path / "a.html").evaluate("""() => [...document.querySelectorAll('msqrt')]
      .map(root => root.nextElementSibling.getBoundingClientRect().left
        - root.firstElementChild.getBoundingClientRect().right)""")
    assert len(gaps) == 2
    assert max(map(abs, gaps)) < 3  # pixels


def test_answers_open_by_key_and_keep_space_to_themselves(offline, lecture):
    page = offline(lecture)
    page.keyboard.press("ArrowRight")
    answer = page.locator(".slide.current details").first
    words = answer.locator("p").first
    assert not words.is_visible()
    page.keyboard.press("a")
    assert words.is_visible()
    page.keyboard.press("a")
    assert not words.is_visible()
    answer.locator("summary").focus()
    page.keyboard.press("Space")
    assert words.is_visible()
    assert number(page) == 2


def test_keys_work_on_a_russian_keyboard(offline, lecture):
    page = offline(lecture)
    press = "new KeyboardEvent('keydown', {key: 'щ', code: 'KeyO', bubbles: true})"
    page.evaluate(f"document.body.dispatchEvent({press})")
    assert visible(page, ".slide") > 20


def test_notes_come_in_a_window_of_their_own(offline, tmp_path):
    def cell(source, kind):
        return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})

    cells = [cell("# A", "slide"), cell("Slowly: $x^2$", "notes"), cell("# B", "slide")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    (tmp_path / "a.html").write_text(slide_deck(tmp_path / "a.ipynb").html, "utf-8")
    page = offline(tmp_path / "a.html")
    assert visible(page, "aside") == 0
    with page.expect_popup() as popup:
        page.keyboard.press("n")
    notes = popup.value.locator("body")
    assert "Slowly" in notes.inner_text()
    assert notes.locator("math").count() == 1
    assert "B" in notes.inner_text()  # what comes next
    page.keyboard.press("ArrowRight")
    assert "Slowly" not in notes.inner_text()


def test_print_gives_a_page_for_each_slide(offline, lecture):
    page = offline(lecture)
    count = page.locator(".slide").count()
    sheet = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == count
    width, height = map(float, re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", sheet).groups())
    assert width / height == pytest.approx(16 / 9, rel=0.01)
    page.emulate_media(media="print")
    assert visible(page, ".slide") == count
    assert visible(page, ".later") == page.locator(".later").count()


@contextmanager
def presenting(page) -> Iterator[None]:
    """Within, the notebook is shown as slides. JupyterLab keeps that, for other notebooks too."""
    page.evaluate(DECK, "start")
    page.wait_for_selector("[data-jp-deck-mode='presenting']", state="attached")

    def kept(answer) -> bool:
        return answer.request.method == "PUT" and "slideshow" in answer.url

    try:
        yield
    finally:
        with page.expect_response(kept):
            page.evaluate(DECK, "stop")


def test_code_beside_a_picture_is_neither_broken_nor_cut(offline, tmp_path):
    """Lecture 00 has a cell whose long lines were broken once its picture stood beside it."""
    file = tmp_path / "00.html"
    file.write_text(slide_deck(ROOT / "lectures/ru/00-start.ipynb").html, "utf-8")
    found = [one for one in offline(file).evaluate(CODE) if one["beside"]]
    assert found
    assert [one for one in found if one["rows"] > one["lines"] or one["cut"] > 1] == []


@pytest.mark.slow
def test_widgets_live_on_the_slides_of_jupyterlab(page, lab, pictures):
    """Start Deck on a lecture: a slide with a widget that answers a key, and the next slide."""
    open_notebook(page, lab, "lectures/en/00-start.ipynb")
    page.evaluate(RUN, ["import", "widgets.DescentExplorer"])
    page.wait_for_function(READY)
    with presenting(page):
        slider = page.locator(".jp-deck-mod-onscreen .nnc-in-rate").first
        slider.wait_for(state="visible")
        shown = page.evaluate(ON_SCREEN)
        assert any(source.startswith("widgets.DescentExplorer") for source in shown)
        for theme in ("JupyterLab Dark", "JupyterLab Light"):
            use_theme(page, theme)
            keep_picture(page, pictures, f"slides-live-{theme.split()[1].lower()}")
        before = slider.input_value()
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert slider.input_value() != before  # the widget took the key, not the slides
        assert page.evaluate(ON_SCREEN) == shown
        for _press in range(2):  # the first goes to the text below the widget, on the same slide
            page.locator("button.jp-deck-mod-direction-forward").click()
            page.wait_for_timeout(1000)
        following = page.evaluate(ON_SCREEN)
        assert following
        assert not set(following) & set(shown)


@pytest.mark.slow
@pytest.mark.parametrize("path", BUILT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_slide_fits_and_is_legible(offline, tmp_path, pictures, path):
    name = f"{path.stem}.{path.parent.name}"
    file = tmp_path / f"{name}.html"
    file.write_text(slide_deck(path).html, "utf-8")
    for scheme in ("light", "dark"):
        page = offline(file, scheme)
        sizes = page.evaluate(SIZES)
        assert [one for one in page.evaluate(CODE) if one["rows"] > one["lines"]] == []
        assert [one for one in sizes if max(one["hidden"]) > 1] == []
        assert [one for one in sizes if one["size"] < LEGIBLE] == []
        for index in range(len(sizes) // (2 * SHOWN), len(sizes), len(sizes) // SHOWN):
            page.goto(f"{file.as_uri()}#{index + 1}")
            keep_picture(page, pictures, f"slides-{name}-{index + 1}-{scheme}")
