"""The language in which the course speaks to its reader.

Texts stand in the code in English and are translated when they are shown, through gettext
catalogues in ``locale/``. There is one current language per process, because widget callbacks
run in threads of their own and must see the language that the notebook chose.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("ru", "en")
LOCALE_FOLDER = Path(__file__).parent / "locale"


def _check(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}; got {language!r}")
    return language


def _from_environment() -> str:
    language = os.environ.get("NNCOURSE_LANG", "en")
    return language if language in LANGUAGES else "en"


_current = _from_environment()


def use(language: str) -> None:
    """Speak ``language`` ("ru" or "en") from now on. The default is NNCOURSE_LANG, or English."""
    global _current
    _current = _check(language)


def current() -> str:
    """The language in use, "ru" or "en"."""
    return _current


@contextmanager
def using(language: str) -> Iterator[None]:
    """Speak ``language`` inside a ``with`` block."""
    before = current()
    use(language)
    try:
        yield
    finally:
        use(before)


@lru_cache
def _translations(domain: str, language: str) -> gettext.NullTranslations:
    # English is the language of the sources, so it has no catalogue and falls back to them.
    return gettext.translation(domain, LOCALE_FOLDER, [language], fallback=True)


def catalogue(domain: str) -> Callable[..., str]:
    """Return ``translate(text, **values)`` for one domain: translated, then ``str.format``-ed."""

    def translate(text: str, **values: object) -> str:
        found = _translations(domain, _current).gettext(text) if text else ""
        return found.format(**values) if values else found

    return translate


def mark(text: str) -> str:
    """Mark a text that a table declares, so that it is put into the catalogue. Returns it."""
    return text
