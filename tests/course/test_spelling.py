"""Every word that a reader reads is in a dictionary, or in the project's list of its own words.

Hunspell judges, with the dictionaries of Russian and of British English; which of the two, a
word's letters tell. ``spelling/ru.txt`` and ``spelling/en.txt`` hold what a general dictionary
lacks: terms, names, and arrays that messages name. An entry ``логит/кредит`` is inflected like the
word after the stroke, which the dictionary knows. Before adding a word, read it once more.
"""

import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import find_tool
from tests.course.texts import bare, texts, words_in_code

LISTS = Path(__file__).parent / "spelling"
DICTIONARIES = {"ru": "ru_RU", "en": "en_GB"}
# Not a part of a name in code: no digit, point, underscore, bracket or equals sign beside it.
WORDS = {
    "ru": re.compile(r"(?<![\w.\\/@])[а-яё]{2,}(?:-[а-яё]+)*(?![\w@])", re.IGNORECASE),
    "en": re.compile(
        r"(?<![\w.\\/@'-])[a-zà-ÿ]{3,}(?:-[a-zà-ÿ]+)*(?:'(?!s\b)[a-z]+)?(?![\w(=@]|\.\w|://)",
        re.IGNORECASE,
    ),
}
# Pairs of words that differ in nothing but the two dots.
BOTH_RIGHT = {"все", "всем", "чем", "ребра"}


def places_of_words(language: str) -> dict[str, set[str]]:
    places = defaultdict(set)
    for place, text in texts().items():
        for word in WORDS[language].findall(text):
            places[word].add(place)
    return places


def unknown(words: list[str], language: str) -> list[str]:
    """The words that neither the dictionary nor the project's list has."""
    hunspell = find_tool("hunspell", "to check spelling")
    options = ["-i", "utf-8", "-d", DICTIONARIES[language], "-p", str(LISTS / f"{language}.txt")]
    run = subprocess.run(
        [hunspell, *options, "-l"], input="\n".join(words) + "\n", text=True, capture_output=True
    )
    if "Can't open" in run.stderr:
        pytest.skip(f"hunspell has no dictionary {DICTIONARIES[language]}; it checks spelling")
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


@pytest.mark.parametrize("language", DICTIONARIES)
def test_every_word_is_known(language):
    places = places_of_words(language)
    assert len(places) > 2500
    wrong = {
        part: sorted({place for word in places if part in word for place in places[word]})
        for part in unknown(sorted(places), language)
    }
    assert not wrong, f"misspelt, or missing in tests/course/spelling/{language}.txt"


@pytest.mark.parametrize(
    ("language", "word"),
    [
        ("ru", "ошебка"),
        ("ru", "градинет"),
        ("ru", "сигмойдой"),
        ("en", "recieve"),
        ("en", "gradeint"),
    ],
)
def test_a_misspelt_word_is_found(language, word):
    assert unknown([word], language) == [word]


def test_words_of_the_list_are_inflected():
    assert unknown(["логитами", "Хинтона", "сигмоиде", "мини-батчей"], "ru") == []
    assert unknown(["hyperparameters", "Softmax"], "en") == []


@pytest.mark.parametrize("language", DICTIONARIES)
def test_the_list_is_sorted_and_used(language):
    entries = (LISTS / f"{language}.txt").read_text("utf-8").split()
    assert entries == sorted(set(entries), key=lambda entry: (entry.casefold(), entry))
    used = " ".join(places_of_words(language)).casefold()
    words = [entry.partition("/")[0].casefold() for entry in entries]
    stems = [word[: max(3, 2 * len(word) // 3)] for word in words]
    assert [word for word, stem in zip(words, stems) if stem not in used] == []


def test_no_word_mixes_alphabets():
    mixed = re.compile(r"\w*(?:[а-яё][a-z]|[a-z][а-яё])\w*", re.IGNORECASE)
    assert mixed.search("cеть")
    found = {place: mixed.findall(text) for place, text in texts().items()}
    assert {place: words for place, words in found.items() if words} == {}


def test_no_word_stands_twice():
    twice = re.compile(r"(?<![\w.-])([A-ZА-ЯЁ]?[a-zа-яё]+)[ \n](?i:\1)(?![\w-])")
    assert twice.search("The the")
    found = {place: [hit[0] for hit in twice.finditer(text)] for place, text in texts().items()}
    assert {place: words for place, words in found.items() if words} == {}


def test_the_letter_yo_is_written_everywhere_or_nowhere():
    words = {word.casefold() for word in places_of_words("ru")}
    without = {word.replace("ё", "е") for word in words if "ё" in word} & words
    assert without - BOTH_RIGHT == set()


def test_prose_is_told_from_code():
    assert bare("Так $x^2$ и `name`:\n\n```python\nx = 1\n```\n[слово](https://a.b)").split() == [
        "Так", "и", ":", "[слово"
    ]  # fmt: skip
    code = '%run x\ntotal = f"сумма {x:.2f}"  # итог\nplot("name", "сеть")'
    assert words_in_code(code).split() == ["сумма", "сеть", "#", "итог"]
    assert WORDS["en"].findall("ps05.relu_backward(x) is a layer's axis=1") == ["layer"]
