"""Every text that the course shows exists in both languages."""

import pytest

from nncourse import language
from nncourse.course import messages


@pytest.mark.parametrize("domain", messages.DOMAINS)
@pytest.mark.parametrize("tongue", messages.TRANSLATED)
def test_catalogue_is_complete(domain, tongue):
    assert messages.problems(domain, tongue) == []


@pytest.mark.parametrize("domain", messages.DOMAINS)
def test_no_message_is_built_before_it_is_translated(domain):
    # _(f"...") can't be found by the extractor: the text would stay English for ever.
    for path in messages.source_files(domain):
        text = path.read_text(encoding="utf-8")
        for wrong in ('_(f"', "_(f'", 'mark(f"', "mark(f'"):
            assert wrong not in text, f"{path}: {wrong}...: put the values in as {{name}}"


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
