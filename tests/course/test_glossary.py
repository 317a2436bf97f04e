"""Russian texts use the glossary's words and avoid those that it lists as avoided."""

import re
from pathlib import Path

import pytest

from nncourse.course import messages
from nncourse.course.files import Course
from nncourse.course.parity import prose
from nncourse.course.sources import read_source
from nncourse.language import LOCALE_FOLDER

COURSE = Course(Path(__file__).parents[2])
ENDING = (
    "(?:а|у|е|и|ы|ю|я|ой|ом|ов|ам|ами|ах|ый|ого|ому|ая|ую|ое|ые|ых|ым|ыми"
    "|ей|ев|ью|ям|ями|ях|ем|его|ему|яя|ее|ие|их|им|ими)?"
)


def avoided() -> list[str]:
    rows = (LOCALE_FOLDER / "ru" / "glossary.md").read_text("utf-8").splitlines()
    cells = [row.strip("|").split("|") for row in rows if row.startswith("|")][2:]
    return [word.strip() for row in cells for word in row[2].split(",") if word.strip()]


def pattern(words: str) -> re.Pattern:
    """A phrase in any of its usual forms: each word may take another ending."""
    stems = [re.sub("(?:ой|ый|ая|[аяыий])$", "", word) for word in words.split()]
    return re.compile(r"\s+".join(rf"\b{stem}{ENDING}\b" for stem in stems), re.IGNORECASE)


def russian_texts() -> dict[str, str]:
    texts = {}
    for path in COURSE.sources():
        cells = read_source(path, COURSE.root).cells
        texts[path.name] = "\n".join(
            prose(cell.source) for cell in cells if cell.metadata.get("lang") == "ru"
        )
    for domain in messages.DOMAINS:
        said = messages.read(domain, "ru")
        texts[f"{domain}.po"] = "\n".join(str(message.string) for message in said if message.id)
    return texts


def test_the_glossary_names_words_to_avoid():
    assert "нода" in avoided()
    assert pattern("вершина").search("две вершины")
    assert pattern("прямой ход").search("при прямом ходе")
    assert pattern("перекрёстная энтропия").search("с перекрёстной энтропией")
    assert not pattern("нода").search("нодуль")


@pytest.mark.parametrize("word", avoided())
def test_avoided_words_do_not_occur(word):
    for place, text in russian_texts().items():
        found = pattern(word).search(text)
        assert not found, f"{place}: {found[0]!r}; see nncourse/locale/ru/glossary.md"
