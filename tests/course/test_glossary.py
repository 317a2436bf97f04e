"""Russian texts use the glossary's words and avoid those that it lists as avoided."""

import re

import pytest

from tests.course.texts import glossary, texts

ENDING = (
    "(?:а|у|е|и|ы|ю|я|ой|ом|ов|ам|ами|ах|ый|ого|ому|ая|ую|ое|ые|ых|ым|ыми"
    "|ей|ев|ью|ям|ями|ях|ем|его|ему|яя|ее|ие|их|им|ими|ий|ия|ию|ии)?"
)


def avoided() -> list[str]:
    return [word.strip() for row in glossary() for word in row[2].split(",") if word.strip()]


def pattern(words: str) -> re.Pattern:
    """A phrase in any of its usual forms: each word may take another ending."""
    stems = [re.sub("(?:ой|ый|ий|ая|[аяыийе])$", "", word) for word in words.split()]
    return re.compile(r"\s+".join(rf"\b{stem}{ENDING}\b" for stem in stems), re.IGNORECASE)


def test_the_glossary_names_words_to_avoid():
    assert "нода" in avoided()
    assert pattern("вершина").search("две вершины")
    assert pattern("прямой ход").search("при прямом ходе")
    assert pattern("перекрёстная энтропия").search("с перекрёстной энтропией")
    assert not pattern("нода").search("нодуль")


def test_every_chosen_term_is_in_use():
    everything = "\n".join(text for place, text in texts().items() if place != "glossary.md")
    unused = [
        row[0]
        for row in glossary()
        if not any(pattern(term).search(everything) for term in re.split(r", | \(", row[1]))
    ]
    assert unused == []


@pytest.mark.parametrize("word", avoided())
def test_avoided_words_do_not_occur(word):
    for place, text in texts().items():
        found = pattern(word).search(text)
        assert not found, f"{place}: {found[0]!r}; see nncourse/locale/ru/glossary.md"
