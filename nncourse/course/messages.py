"""The catalogues of messages: collected from the source, checked, compiled.

A text of the course stands in the code in English, inside ``_("...")`` or ``mark("...")``. Each
domain covers a few packages and has one Russian catalogue. ``python -m nncourse.course.messages``
adds what is new to the catalogues, drops what is gone and compiles them; with ``--check`` it only
tells what is missing.
"""

from __future__ import annotations

import io
import string
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import pofile
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo

from nncourse.language import LANGUAGES, LOCALE_FOLDER

PACKAGE = Path(__file__).parents[1]

DOMAINS = {
    "check": ("diagnosis", "autograd/gradcheck*.py", "exercises", "check"),
    "widgets": ("inspection", "widgets"),
    "plots": ("plots",),
    "course": ("training", "course", "grading", "cli.py"),
}

# Catalogues carry no date of their own, so that equal messages make equal files.
NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)

TRANSLATED = tuple(language for language in LANGUAGES if language != "en")


def source_files(domain: str) -> Iterator[Path]:
    """The Python files whose messages belong to a domain."""
    for name in DOMAINS[domain]:
        for path in sorted(PACKAGE.glob(name)):
            yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def extract(domain: str) -> dict[str, list[str]]:
    """Every message of a domain, with the files that say it."""
    found: dict[str, list[str]] = {}
    for path in source_files(domain):
        name = path.relative_to(PACKAGE.parent).as_posix()
        for _line, text, _comments, _context in extract_from_file(
            "python", path, keywords={"_": None, "mark": None}
        ):
            places = found.setdefault(str(text), [])
            if text and name not in places:
                places.append(name)
    found.pop("", None)
    return found


def po_path(domain: str, language: str) -> Path:
    return LOCALE_FOLDER / language / "LC_MESSAGES" / f"{domain}.po"


def read(domain: str, language: str) -> Catalog:
    path = po_path(domain, language)
    if not path.exists():
        return Catalog(locale=language, domain=domain)
    with path.open("rb") as file:
        return pofile.read_po(file, locale=language, domain=domain)


def _text(message: Message | None) -> str:
    return message.string if message is not None and isinstance(message.string, str) else ""


def update(domain: str, language: str) -> list[str]:
    """Bring a catalogue in line with the source, compile it; return what is still untranslated."""
    old = read(domain, language)
    new = Catalog(
        locale=language, domain=domain, fuzzy=False, creation_date=NO_DATE, revision_date=NO_DATE
    )
    new.mime_headers = [
        ("Language", language),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
    ]
    new.header_comment = f"# {domain}: {language}"
    for text, places in sorted(extract(domain).items(), key=lambda item: (item[1], item[0])):
        new.add(text, _text(old.get(text)), locations=[(place, 0) for place in places])
    path = po_path(domain, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pofile.write_po(file, new, width=100, include_lineno=False)
    path.with_suffix(".mo").write_bytes(compiled(domain, language))
    return [str(message.id) for message in new if message.id and not _text(message)]


def compiled(domain: str, language: str) -> bytes:
    """The bytes that the compiled catalogue must have."""
    buffer = io.BytesIO()
    write_mo(buffer, read(domain, language))
    return buffer.getvalue()


def placeholders(text: str) -> set[str]:
    """The names between braces, as ``str.format`` reads them."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:  # a text that is never formatted may hold single braces
        return set()


def problems(domain: str, language: str) -> list[str]:
    """What is wrong with a catalogue: nothing, when the list is empty."""
    known, wanted = read(domain, language), extract(domain)
    where = f"{po_path(domain, language).relative_to(PACKAGE.parent)}"
    found = []
    for text in wanted:
        translated = _text(known.get(text))
        if not translated:
            found.append(f"{where}: not translated: {text!r}")
        elif placeholders(text) != placeholders(translated):
            found.append(f"{where}: other placeholders than in the source: {text!r}")
    found += [
        f"{where}: no longer in the source: {message.id!r}"
        for message in known
        if message.id and message.id not in wanted
    ]
    mo = po_path(domain, language).with_suffix(".mo")
    if wanted and (not mo.exists() or mo.read_bytes() != compiled(domain, language)):
        found.append(f"{mo.relative_to(PACKAGE.parent)}: not compiled from the .po beside it")
    return found


def main(arguments: list[str]) -> int:
    """``python -m nncourse.course.messages [--check] [DOMAIN ...]``"""
    check_only = "--check" in arguments
    domains = [name for name in arguments if name != "--check"] or list(DOMAINS)
    unknown = [name for name in domains if name not in DOMAINS]
    if unknown:
        print(main.__doc__)
        print(f"no such domain: {', '.join(unknown)}; there are {', '.join(DOMAINS)}")
        return 2
    found = []
    for domain in domains:
        for language in TRANSLATED:
            if not check_only and (extract(domain) or po_path(domain, language).exists()):
                update(domain, language)
            found += problems(domain, language)
    print("\n".join(found) or "messages: complete")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
