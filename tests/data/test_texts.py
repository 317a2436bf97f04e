"""Numerals, dates, names, poems, and texts as numbers."""

import datetime
import re
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncourse import data
from nncourse.data import numerals

VALUES = {
    "ноль": 0, "один": 1, "одна": 1, "два": 2, "две": 2, "три": 3, "четыре": 4, "пять": 5,
    "шесть": 6, "семь": 7, "восемь": 8, "девять": 9, "десять": 10, "одиннадцать": 11,
    "двенадцать": 12, "тринадцать": 13, "четырнадцать": 14, "пятнадцать": 15, "шестнадцать": 16,
    "семнадцать": 17, "восемнадцать": 18, "девятнадцать": 19, "двадцать": 20, "тридцать": 30,
    "сорок": 40, "пятьдесят": 50, "шестьдесят": 60, "семьдесят": 70, "восемьдесят": 80,
    "девяносто": 90, "сто": 100, "двести": 200, "триста": 300, "четыреста": 400, "пятьсот": 500,
    "шестьсот": 600, "семьсот": 700, "восемьсот": 800, "девятьсот": 900,
}  # fmt: skip


def group(words):
    """The value of words for a number below 1000, largest part first, each place once."""
    total, below = 0, 1000
    for word in words:
        value = VALUES[word]
        assert 0 < value < below, words
        total += value
        # What may follow: after a hundred anything below 100, after a ten a unit, else nothing.
        below = 100 if value >= 100 else 10 if value >= 20 else 1
    return total


def parse(text):
    """A numeral back to its number; AssertionError or KeyError if it is not spelled properly."""
    words = text.split(" ")
    if words == ["ноль"]:
        return 0
    places = [i for i, word in enumerate(words) if word.startswith("тысяч")]
    if not places:
        assert not {"одна", "две"} & set(words)
        return group(words)
    (place,) = places
    before, after = words[:place], words[place + 1 :]
    assert not {"один", "два"} & set(before)
    assert not {"одна", "две"} & set(after)
    form = {"одна": "тысяча", "две": "тысячи", "три": "тысячи", "четыре": "тысячи"}
    assert words[place] == form.get(before[-1], "тысяч")
    return 1000 * group(before) + (group(after) if after else 0)


def test_every_numeral_can_be_read_back():
    step = 41  # all where the words are short, then one in 41
    seen = set()
    for n in [*range(3000), *range(3000, 10**6, step)]:
        text = data.numeral(n)
        assert parse(text) == n
        seen.add(text)
    assert len(seen) == 3000 + len(range(3000, 10**6, step))


@given(st.integers(0, 999_999))
@settings(max_examples=300, deadline=None)
def test_any_numeral_can_be_read_back(n):
    assert parse(data.numeral(n)) == n


def test_numerals_by_hand():
    for n, text in (
        (0, "ноль"),
        (40, "сорок"),
        (1000, "одна тысяча"),
        (2002, "две тысячи два"),
        (12_000, "двенадцать тысяч"),
        (21_000, "двадцать одна тысяча"),
        (111_111, "сто одиннадцать тысяч сто одиннадцать"),
        (504_003, "пятьсот четыре тысячи три"),
        (999_999, "девятьсот девяносто девять тысяч девятьсот девяносто девять"),
    ):
        assert data.numeral(n) == text
    for wrong in (-1, 10**6, 1.0, True):
        with pytest.raises(ValueError, match="999999"):
            data.numeral(wrong)


def test_ordinals_by_hand():
    for n, ending, text in (
        (3, "ый", "третий"),
        (3, "ое", "третье"),
        (8, "ый", "восьмой"),
        (13, "ое", "тринадцатое"),
        (20, "ое", "двадцатое"),
        (23, "ое", "двадцать третье"),
        (31, "ое", "тридцать первое"),
        (40, "ый", "сороковой"),
        (42, "ого", "сорок второго"),
        (90, "ый", "девяностый"),
        (1900, "ого", "тысяча девятисотого"),
        (1961, "ого", "тысяча девятьсот шестьдесят первого"),
        (1993, "ого", "тысяча девятьсот девяносто третьего"),
        (2000, "ого", "двухтысячного"),
        (2001, "ого", "две тысячи первого"),
        (2026, "ого", "две тысячи двадцать шестого"),
        (3040, "ого", "три тысячи сорокового"),
        (5000, "ый", "пятитысячный"),
        (9999, "ого", "девять тысяч девятьсот девяносто девятого"),
    ):
        assert data.ordinal(n, ending) == text
    for arguments in ((0,), (10_000,), (1, "ая"), (True,)):
        with pytest.raises(ValueError, match=r"needed|must be"):
            data.ordinal(*arguments)


def test_ordinals_differ_from_numerals_in_the_last_word_alone():
    for n in range(1, 10_000):
        plain = data.numeral(n).removeprefix("одна тысяча").removeprefix(" ").split()
        spoken = data.ordinal(n, "ого").split()
        if n % 1000 == 0:
            assert len(spoken) == 1
            assert spoken[0].endswith("тысячного")
            continue
        if 1000 < n < 2000:
            assert spoken.pop(0) == "тысяча"
        assert spoken[:-1] == plain[:-1]
        assert spoken[-1][-3:] in ("ого", "его")
        assert spoken[-1][:2] == plain[-1][:2] or n % 10 in (1, 2) or n % 1000 == 100
    assert len({data.ordinal(n) for n in range(1, 10_000)}) == 9999


def test_drawn_numerals():
    pairs = data.russian_numerals(500, seed=0)
    assert len(set(pairs)) == 500
    assert all(parse(words) == int(figures) for figures, words in pairs)
    lengths = np.bincount([len(figures) for figures, _ in pairs], minlength=7)
    assert lengths[1] == 10
    assert min(lengths[2:]) >= 70
    assert pairs == data.russian_numerals(500, seed=0) != data.russian_numerals(500, seed=1)
    every = data.russian_numerals(91, 9, 99, seed=0)
    assert sorted(int(figures) for figures, _ in every) == list(range(9, 100))
    for wrong in ((10, 0, 5), (1, -1, 5), (0,)):
        with pytest.raises(ValueError, match=r"wanted|needed"):
            data.russian_numerals(*wrong)


def test_dates():
    assert data.date_in_words(datetime.date(1961, 4, 12)) == (
        "двенадцатое апреля тысяча девятьсот шестьдесят первого года"
    )
    pairs = data.russian_dates(3000, seed=0)
    assert pairs == data.russian_dates(3000, seed=0)
    ways = set()
    for text, iso in pairs:
        date = datetime.date.fromisoformat(iso)
        assert 1900 <= date.year <= 2099
        month = numerals.MONTHS[date.month - 1]
        if match := re.fullmatch(r"(\d\d)\.(\d\d)\.(\d{4})", text):
            assert tuple(map(int, match.groups())) == (date.day, date.month, date.year)
            ways.add("figures")
            continue
        assert month[:3] in text
        if match := re.fullmatch(r"(?:(\w+), )?(\d+) ([а-я.]+) (\d{4}) (года|г\.)", text):
            weekday, day, _, year, last = match.groups()
            assert (int(day), int(year)) == (date.day, date.year)
            assert weekday in (None, numerals.WEEKDAYS[date.weekday()])
            ways.add((weekday is None, last))
        else:
            assert text.startswith(data.ordinal(date.day, "ое") + " " + month)
            ways.add(text[-9].isdigit() or text[-6].isdigit())
    assert len(ways) == 6
    one = datetime.date(2024, 2, 29)
    assert {iso for _, iso in data.russian_dates(9, one, one)} == {"2024-02-29"}
    with pytest.raises(ValueError, match="order"):
        data.russian_dates(1, one, datetime.date(2023, 1, 1))


def test_names():
    for language, letters in (("ru", r"[А-ЯЁ][а-яё]+"), ("en", r"[A-Z][a-z]+")):
        both = data.names(language)
        female, male = data.names(language, "f"), data.names(language, "m")
        assert len(female) >= 200
        assert len(male) >= 200
        assert sorted(female + male) == sorted(both)
        assert all(re.fullmatch(letters, name) for name in both)
    russian = data.names("ru", "f")
    assert sum(name[-1] in "ая" for name in russian) > 0.9 * len(russian)
    assert russian.index("Фаина") < russian.index("Фёкла") < russian.index("Флора")
    for wrong in (("de",), ("ru", "x")):
        with pytest.raises(ValueError, match=r"names in|gender"):
            data.names(*wrong)


def test_poems():
    # The checksums notice any change of the texts.
    found = {}
    for language, title in (
        ("ru", "К***"),
        ("ru", "Зимнее утро"),
        ("en", "Sonnet 18"),
        ("en", "Sonnet 116"),
    ):
        text = data.poem(language, title)
        assert text.endswith("\n")
        assert not re.search(r"\t| \n| {2}|\n{3}", text)
        lines = [line for line in text.splitlines() if line]
        found[title] = (len(lines), zlib.crc32(text.encode()))
    assert found == {
        "К***": (24, 1545032516),
        "Зимнее утро": (30, 3468294865),
        "Sonnet 18": (14, 4188938046),
        "Sonnet 116": (14, 252702636),
    }
    assert data.poem("ru").startswith("Я помню чудное мгновенье:\n")
    assert data.poem("ru").endswith("И жизнь, и слёзы, и любовь.\n")
    assert data.poem("en").endswith("So long lives this, and this gives life to thee.\n")
    for wrong in (("de",), ("ru", "Sonnet 18")):
        with pytest.raises(ValueError, match="no poem"):
            data.poem(*wrong)


@given(st.text(min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_vocabularies_there_and_back(text):
    vocabulary = data.Vocabulary(text)
    numbers = vocabulary.encode(text)
    assert vocabulary.decode(numbers) == text
    assert sorted(set(numbers.tolist())) == list(range(len(vocabulary)))
    assert vocabulary.tokens == sorted(set(text))


def test_vocabulary():
    vocabulary = data.Vocabulary(["мама", "рама"], special=["<end>"], unknown="?")
    assert vocabulary.tokens == ["<end>", "?", "а", "м", "р"]
    assert vocabulary.encode("маx").tolist() == [3, 2, 1]
    assert vocabulary["<end>"] == 0
    assert "а" in vocabulary
    words = data.Vocabulary([["to", "be"], ["or", "not"]])
    assert words.encode(["to", "or"]).tolist() == [3, 2]
    assert words.decode([0, 1]) == "benot"
    assert repr(words) == "Vocabulary(4 tokens)"
    with pytest.raises(KeyError, match="'x' is not among"):
        words.encode("x")
    for wrong in ([4], [-1]):
        with pytest.raises(ValueError, match="outside 0 to 3"):
            words.decode(wrong)
    with pytest.raises(ValueError, match="different"):
        data.Vocabulary("a", special=["x", "x"])


@given(n=st.integers(2, 40), length=st.integers(1, 10), step=st.integers(1, 5) | st.none())
@settings(max_examples=50, deadline=None)
def test_next_characters(n, length, step):
    if n <= length:
        with pytest.raises(ValueError, match="more than"):
            data.next_characters(np.arange(n), length, step)
        return
    x, y = data.next_characters(np.arange(n), length, step)
    starts = range(0, n - length, step or length)
    assert x.tolist() == [list(range(s, s + length)) for s in starts]
    assert (y - x == 1).all()
