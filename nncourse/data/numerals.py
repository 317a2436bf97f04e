"""Russian numerals and dates in words: texts whose right spelling is known for every number.

Numbers in words are a task for models of characters: the rules (gender of "тысяча", its plural
forms, which parts of a number are joined) have to be learned from examples, and every answer can be
checked. ``numeral`` and ``date_in_words`` are exact; ``russian_numerals`` and ``russian_dates``
draw examples.
"""

from __future__ import annotations

import datetime

import numpy

from nncourse.data.draw import count, stream
from nncourse.random import Generator

_UNITS = ("", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять")
_TEENS = (
    "десять", "одиннадцать", "двенадцать", "тринадцать", "четырнадцать", "пятнадцать",
    "шестнадцать", "семнадцать", "восемнадцать", "девятнадцать",
)  # fmt: skip
_TENS = (
    "", "", "двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят", "семьдесят",
    "восемьдесят", "девяносто",
)  # fmt: skip
_HUNDREDS = (
    "", "сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот",
    "девятьсот",
)  # fmt: skip
_FEMININE = {"один": "одна", "два": "две"}

# Ordinals without their ending, which is -ый/-ой/-ий in the masculine.
_ORDINAL_UNITS = ("", "перв", "втор", "", "четвёрт", "пят", "шест", "седьм", "восьм", "девят")
_ORDINAL_TENS = (
    "", "", "двадцат", "тридцат", "сороков", "пятидесят", "шестидесят", "семидесят",
    "восьмидесят", "девяност",
)  # fmt: skip
_ORDINAL_HUNDREDS = (
    "", "сот", "двухсот", "трёхсот", "четырёхсот", "пятисот", "шестисот", "семисот", "восьмисот",
    "девятисот",
)  # fmt: skip
_ORDINAL_THOUSANDS = (
    "", "тысячн", "двухтысячн", "трёхтысячн", "четырёхтысячн", "пятитысячн", "шеститысячн",
    "семитысячн", "восьмитысячн", "девятитысячн",
)  # fmt: skip

MONTHS = (
    "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября",
    "октября", "ноября", "декабря",
)  # fmt: skip
_SHORT_MONTHS = (
    "янв.", "февр.", "марта", "апр.", "мая", "июня", "июля", "авг.", "сент.", "окт.", "нояб.",
    "дек.",
)  # fmt: skip
WEEKDAYS = ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье")


def numeral(n: int) -> str:
    """A whole number from 0 to 999 999 in Russian words, in the nominative.

    numeral(2001) is "две тысячи один", numeral(21000) "двадцать одна тысяча".
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= 999_999:
        raise ValueError(f"a whole number from 0 to 999999 is needed; got {n!r}")
    if n == 0:
        return "ноль"
    thousands, rest = divmod(n, 1000)
    words = []
    if thousands:
        words += [_FEMININE.get(word, word) for word in _below_thousand(thousands)]
        words.append(_thousands(thousands))
    return " ".join(words + _below_thousand(rest))


def _below_thousand(n: int) -> list[str]:
    hundreds, rest = divmod(n, 100)
    tens, units = divmod(rest, 10)
    words = [_HUNDREDS[hundreds]]
    words += [_TEENS[units]] if tens == 1 else [_TENS[tens], _UNITS[units]]
    return [word for word in words if word]


def _thousands(n: int) -> str:
    """тысяча, тысячи or тысяч, as n of them are called."""
    if n % 100 // 10 != 1:
        if n % 10 == 1:
            return "тысяча"
        if 2 <= n % 10 <= 4:
            return "тысячи"
    return "тысяч"


def ordinal(n: int, ending: str = "ый") -> str:
    """A number from 1 to 9999 as an ordinal; only its last word changes.

    ending: "ый" for the nominative of the masculine, "ое" of the neuter (the twelfth of a month),
    "ого" for the genitive (of the year). Without "одна" before "тысяча", as years are said:
    ordinal(1961, "ого") is "тысяча девятьсот шестьдесят первого".
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 9999:
        raise ValueError(f"a whole number from 1 to 9999 is needed; got {n!r}")
    if ending not in ("ый", "ое", "ого"):
        raise ValueError(f"ending must be 'ый', 'ое' or 'ого'; got {ending!r}")
    thousands, rest = divmod(n, 1000)
    if not rest:
        return _ORDINAL_THOUSANDS[thousands] + ending
    words = []
    if thousands:
        words = [] if thousands == 1 else [_FEMININE.get(_UNITS[thousands], _UNITS[thousands])]
        words.append(_thousands(thousands))
    hundreds, below = divmod(rest, 100)
    if not below:
        return " ".join([*words, _ORDINAL_HUNDREDS[hundreds] + ending])
    if hundreds:
        words.append(_HUNDREDS[hundreds])
    tens, units = divmod(below, 10)
    if tens == 1:
        return " ".join([*words, _TEENS[units][:-1] + ending])
    if not units:
        last = _ORDINAL_TENS[tens]
        stressed = "ой" if tens == 4 else ending
        return " ".join([*words, last + (stressed if ending == "ый" else ending)])
    if tens:
        words.append(_TENS[tens])
    return " ".join([*words, _ordinal_unit(units, ending)])


def _ordinal_unit(n: int, ending: str) -> str:
    if n == 3:
        return "трет" + {"ый": "ий", "ое": "ье", "ого": "ьего"}[ending]
    if ending == "ый" and n in (2, 6, 7, 8):  # the ending is stressed
        ending = "ой"
    return _ORDINAL_UNITS[n] + ending


def date_in_words(date: datetime.date) -> str:
    """ "двенадцатое апреля тысяча девятьсот шестьдесят первого года" for 12 April 1961."""
    return f"{ordinal(date.day, 'ое')} {MONTHS[date.month - 1]} {ordinal(date.year, 'ого')} года"


def _spellings(date: datetime.date) -> list[str]:
    """The ways in which ``russian_dates`` writes a date."""
    day, month, year = date.day, MONTHS[date.month - 1], date.year
    return [
        f"{day} {month} {year} года",
        f"{day:02d}.{date.month:02d}.{year}",
        f"{day} {_SHORT_MONTHS[date.month - 1]} {year} г.",
        f"{WEEKDAYS[date.weekday()]}, {day} {month} {year} года",
        f"{ordinal(day, 'ое')} {month} {year} года",
        date_in_words(date),
    ]


def russian_numerals(
    n: int = 1000,
    low: int = 0,
    high: int = 999_999,
    seed: int | None = None,
    generator: Generator | None = None,
) -> list[tuple[str, str]]:
    """``n`` different pairs ("21000", "двадцать одна тысяча") of numbers from low to high.

    The number of digits is drawn first, so that short numbers are not rare.
    """
    count(n, 1, "n")
    numeral(low), numeral(high)
    if n > high - low + 1:
        raise ValueError(f"there are {high - low + 1} numbers from {low} to {high}; {n} are wanted")
    draw = stream(seed, generator)
    # [1, 9], [10, 99], ... as far as they lie between low and high; 0 is with the first.
    ranges = []
    for digits in range(1, 7):
        first = max(low, 10 ** (digits - 1) if digits > 1 else 0)
        last = min(high, 10**digits - 1)
        if first <= last:
            ranges.append([first + int(i) for i in _some(last - first + 1, n, draw)])
    found: list[int] = []
    while len(found) < n:
        candidates = [numbers for numbers in ranges if numbers]
        found.append(candidates[int(draw.integers(len(candidates)))].pop())
    return [(str(number), numeral(number)) for number in found]


def _some(total: int, most: int, draw: numpy.random.Generator) -> numpy.ndarray:
    """At most ``most`` different numbers below ``total``, in random order."""
    return draw.choice(total, min(total, most), replace=False)


def russian_dates(
    n: int = 1000,
    first: datetime.date = datetime.date(1900, 1, 1),
    last: datetime.date = datetime.date(2099, 12, 31),
    seed: int | None = None,
    generator: Generator | None = None,
) -> list[tuple[str, str]]:
    """``n`` pairs of a date as people write it in Russian, in one of six ways, and in ISO form.

    ("среда, 12 апреля 1961 года", "1961-04-12"), ("12 апр. 1961 г.", "1961-04-12"), ... The dates
    lie between ``first`` and ``last``, both included.
    """
    count(n, 1, "n")
    if not isinstance(first, datetime.date) or not isinstance(last, datetime.date) or first > last:
        raise ValueError(f"first and last must be dates in this order; got {first!r} and {last!r}")
    draw = stream(seed, generator)
    days = draw.integers((last - first).days + 1, size=n).tolist()
    pairs = []
    for shift in days:
        date = first + datetime.timedelta(days=shift)
        ways = _spellings(date)
        pairs.append((ways[int(draw.integers(len(ways)))], date.isoformat()))
    return pairs
