"""Every text that the course shows exists in both languages."""

import ast

import pytest

from nncourse import language
from nncourse.course import messages

# Texts that a table declared with mark() are looked up by name.
VARIABLE = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.IfExp)


@pytest.mark.parametrize("domain", messages.DOMAINS)
@pytest.mark.parametrize("tongue", messages.TRANSLATED)
def test_catalogue_is_complete(domain, tongue):
    assert messages.problems(domain, tongue) == []


@pytest.mark.parametrize("domain", messages.DOMAINS)
def test_every_call_is_extracted(domain):
    # A text that is put together before it is looked up, or looked up inside an f-string, would
    # stay English for ever.
    extracted = messages.extract(domain)
    for path in messages.source_files(domain):
        for text, line in _declared(path.read_text(encoding="utf-8")):
            assert text in extracted, f"{path}:{line}"


def _declared(code):
    """The texts that ``_`` and ``mark`` are called with, and their lines."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            looked_up = node.func.id == "_" and not isinstance(node.args[0], VARIABLE)
            if looked_up or node.func.id == "mark":
                yield ast.literal_eval(node.args[0]), node.lineno


def test_updating_again_changes_nothing(tmp_path, monkeypatch):
    # A date in the file would make every run a change.
    monkeypatch.setattr(messages, "LOCALE_FOLDER", tmp_path)
    messages.update("plots", "ru")
    first = {path.name: path.read_bytes() for path in tmp_path.rglob("*.*o")}
    messages.update("plots", "ru")
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*.*o")} == first
    assert set(first) == {"plots.po", "plots.mo"}


def test_placeholders_are_read_as_format_reads_them():
    assert messages.placeholders("{a} and {b:.3f}, {{not}}") == {"a", "b"}
    assert messages.placeholders("a { alone") == set()


def test_translation_follows_the_current_language():
    before = language.current()
    with language.using("ru"):
        assert language.current() == "ru"
    assert language.current() == before


def test_unknown_language_is_refused():
    with pytest.raises(ValueError, match="one of ru, en; got 'fr'"):
        language.use("fr")
