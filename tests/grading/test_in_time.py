"""Drawing ends when its time is over, whatever the text."""

from __future__ import annotations

import re
import signal
import time
from functools import partial
from threading import Thread

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nncourse.course.folder import as_config, settings
from nncourse.grading import formgrader
from nncourse.grading.in_time import EACH, FREE, Allowance, in_time
from nncourse.grading.sanitize import SHOWN, clean_markdown

HARD = "a" * 40 + "b"


def never():
    """A regular expression of the kind that takes years."""
    return re.sub(r"(a+)+c", "", HARD)


def swallowing():
    while True:
        try:
            never()
        except Exception:
            continue


class Unheard:
    """What is raised in it goes unheard."""

    def __del__(self):
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass


def busy_in_the_end():
    Unheard()
    return never()


@pytest.mark.parametrize("draw", [never, swallowing, busy_in_the_end])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_it_is_given_up(draw):
    before = time.process_time()
    assert in_time(draw, 0.1) is None
    assert time.process_time() - before < 2


def test_what_is_soon_done_is_returned_and_leaves_nothing_behind():
    earlier = signal.default_int_handler
    signal.signal(signal.SIGVTALRM, earlier)
    assert in_time(lambda: "made", 1.0) == "made"
    assert in_time(never, 0.1) is None
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: str(1 / 0), 1.0)
    assert signal.getsignal(signal.SIGVTALRM) is earlier
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_where_nothing_can_be_interrupted_nothing_is_drawn():
    found = []
    thread = Thread(target=lambda: found.append(in_time(never, 0.1)))
    thread.start()
    thread.join(10)
    assert found == [None]


def test_a_page_has_its_time_and_then_shows_all_as_it_was_written():
    time = Allowance(page=0.25, each=0.1)
    assert [time.html(never, "<a>") for _ in range(6)] == ["<pre>&lt;a&gt;</pre>"] * 6
    assert time.html(lambda: "<b>soon</b>", "soon") == "<pre>soon</pre>"
    assert Allowance().html(lambda: "<b>soon</b>", "soon") == "<b>soon</b>"


def test_no_text_makes_a_page_of_many_times_its_size():
    time = Allowance()
    assert time.html(lambda: "x" * FREE, "") == "x" * FREE
    assert time.html(lambda: "x" * (FREE + 1), "") == "<pre></pre>"
    assert time.html(lambda: "x" * (FREE + 1), "x") == "x" * (FREE + 1)


def hard_notebook(cells):
    about = {"solution": True, "grade": False, "locked": False, "task": False, "schema_version": 3}
    metadata = [{"nbgrader": {**about, "grade_id": f"q{index}"}} for index in range(2 * cells)]
    written = [new_markdown_cell(HARD, metadata=metadata.pop()) for _ in range(cells)]
    return new_notebook(cells=[*written, new_code_cell(HARD, metadata=metadata.pop())])


def test_the_formgraders_page_is_there_in_time(monkeypatch):
    """Where each of ten cells would take for ever, and an eleventh of code."""
    monkeypatch.setattr(formgrader, "Allowance", partial(Allowance, page=1.0, each=0.3))
    monkeypatch.setattr(formgrader, "_render", lambda *_: never())
    monkeypatch.setattr(formgrader, "Highlight2HTML", lambda **_: lambda *_, **__: never())
    config = as_config({"HTMLExporter": settings("en")["HTMLExporter"]})
    exporter = HTMLExporter(config=config, template_name="classic")
    before = time.process_time()
    html, _resources = exporter.from_notebook_node(nbformat.from_dict(hard_notebook(10)))
    assert 0.9 <= time.process_time() - before < 3
    assert html.count(f"<pre>{HARD}</pre>") == 11


@pytest.mark.parametrize("text", ["[", "*", "==\n\n$$", "*0](#~~~", "> ", "<b>", "- "])
def test_the_page_of_a_long_answer_is_there_in_time(text):
    source = clean_markdown(text * (SHOWN // len(text)))
    config = as_config({"HTMLExporter": settings("en")["HTMLExporter"]})
    exporter = HTMLExporter(config=config, template_name="classic")
    notebook = hard_notebook(1)
    notebook.cells[0].source = source
    before = time.process_time()
    exporter.from_notebook_node(nbformat.from_dict(notebook))
    assert time.process_time() - before < EACH + 2


def test_code_is_painted_as_ever():
    stock = HTMLExporter(template_name="classic")
    ours = HTMLExporter(
        template_name="classic", config=as_config({"HTMLExporter": settings("en")["HTMLExporter"]})
    )
    cells = [new_code_cell("x = 1  # <b>\n%time f(x)", id="a"), new_code_cell("", id="b")]
    notebook = nbformat.from_dict(new_notebook(cells=cells))
    pages = [exporter.from_notebook_node(notebook)[0] for exporter in (stock, ours)]
    painted = [re.findall(r'<div class="highlight.*?</div>', page, re.DOTALL) for page in pages]
    assert len(painted[0]) == 2
    assert painted[0] == painted[1]
