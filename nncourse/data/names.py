"""Given names, Russian and English: short texts with a pattern, to learn and to make up anew."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent
LANGUAGES = ("ru", "en")


def names(language: str = "ru", gender: str | None = None) -> list[str]:
    """Some hundred given names in alphabetical order.

    gender: "f" for female, "m" for male names, None for both. The endings tell the genders apart
    in Russian almost always, in English often.
    """
    if language not in LANGUAGES:
        raise ValueError(f"no names in {language!r}; there are {', '.join(LANGUAGES)}")
    if gender not in (None, "f", "m"):
        raise ValueError(f"gender must be 'f', 'm' or None; got {gender!r}")
    found: set[str] = set()
    for line in (_FOLDER / f"names_{language}.txt").read_text(encoding="utf-8").splitlines():
        kind, _, row = line.partition(" ")
        if kind in ("f", "m") and gender in (None, kind):
            found.update(row.split())
    # ё stands between е and ж, which its code does not say.
    return sorted(found, key=lambda name: name.lower().replace("ё", "е\uffff"))
