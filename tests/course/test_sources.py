"""What a bilingual source may look like, and the edition that it holds for each language."""

import nbformat
import pytest

from nncourse.course.sources import SourceError, make_edition, read_source

RU_LINE = (
    "<!-- Собрано из lectures/01-trial.md командой nncourse build: правки вносите туда. -->\n\n"
)
EN_LINE = "<!-- Built from lectures/01-trial.md by nncourse build: changes belong there. -->\n\n"


def read(course, text):
    path = course.lectures / "02-other.md"
    path.write_text(text, encoding="utf-8")
    return read_source(path, course.root)


def lecture(course):
    return read_source(course.lectures / "01-trial.md", course.root)


def test_edition_holds_its_language_and_the_shared_code(small_course):
    source = lecture(small_course)
    ru, en = make_edition(source, "ru"), make_edition(source, "en")
    assert [cell.source for cell in ru.cells] == [
        RU_LINE + "# Проба\n\nКвадрат числа: $x^2$.",
        'print("квадрат:", 7**2)  # считаем',
        "import numpy as np\nnp.arange(3)",
    ]
    assert [cell.source for cell in en.cells] == [
        EN_LINE + "# Trial\n\nThe square of a number: $x^2$.",
        'print("square:", 7**2)  # compute',
        "import numpy as np\nnp.arange(3)",
    ]
    nbformat.validate(ru)
    nbformat.validate(en)


def test_cell_ids_follow_the_text_and_are_unique(small_course):
    before = make_edition(lecture(small_course), "en")
    text = (small_course.lectures / "01-trial.md").read_text(encoding="utf-8")
    text = text.replace("The square", "A square")
    repeated = '\n```{code-cell} ipython3\nprint("new")\n```\n' * 2
    after = make_edition(read(small_course, text + repeated), "en")
    assert [cell.id for cell in after.cells[1:3]] == [cell.id for cell in before.cells[1:]]
    assert len({cell.id for cell in after.cells}) == len(after.cells)


def test_roles_become_nbgrader_metadata(small_course):
    path = small_course.solutions / "ps01-trial.md"
    cells = make_edition(read_source(path, small_course.root), "ru").cells
    answer, tests = (cell.metadata["nbgrader"] for cell in cells[-2:])
    assert (answer["grade"], answer["solution"], answer["locked"]) == (False, True, False)
    assert (tests["grade"], tests["solution"], tests["locked"]) == (True, False, True)
    assert tests["points"] == 3
    assert "points" not in answer
    assert answer["schema_version"] == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('+++ {"lang": "en"}', "+++", "must say its language"),
        ('+++ {"lang": "en"}', '+++ {"lang": "fr"}', "must say its language"),
        (":lang: ru", ":lang: fr", "lang must be ru or en"),
        ('ru: "Проба", ', "", "needs a title in each language"),
        ('+++ {"lang": "ru"}', "```{code-cell} ipython3\n1\n```", "the first cell must be a text"),
        (":lang: ru", ":nbgrader: {kind: test, id: a}", "needs a kind"),
        (":lang: ru", ":nbgrader: {kind: tests}", "and an id"),
        (":lang: ru", ":nbgrader: {kind: tests, id: a}", "a graded cell needs points"),
    ],
)
def test_a_source_that_would_go_wrong_is_refused(small_course, old, new, message):
    text = (small_course.lectures / "01-trial.md").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(SourceError, match=message) as caught:
        read(small_course, text.replace(old, new, 1))
    assert "lectures/02-other.md" in str(caught.value)


def test_an_id_stands_once_in_each_language(small_course):
    text = (small_course.solutions / "ps01-trial.md").read_text(encoding="utf-8")
    twice = text.replace("id: test_double", "id: double")
    with pytest.raises(SourceError, match="'double' is used twice"):
        read(small_course, twice)
