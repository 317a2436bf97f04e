"""What the README shows is what a reader gets."""

import re

import pytest

from nncourse.check import check


@pytest.fixture(scope="module")
def readme(root):
    return (root / "README.md").read_text("utf-8")


def blocks(text, kind):
    """The fenced blocks of a kind, without the indent of the list that they stand in."""
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def test_the_check_answers_as_printed(readme):
    wrong = next(code for code in blocks(readme, "python") if "def linear_backward" in code)
    names = {}
    exec(wrong, names)
    report = str(check("ps05.linear_backward", names["linear_backward"]))
    assert [block for block in blocks(readme, "text") if block.strip() == report.strip()]


def test_the_program_trains(readme):
    program = next(code for code in blocks(readme, "python") if "fit(" in code)
    names = {}
    exec(program, names)
    assert names["history"].valid_accuracy[-1] > 0.96


def test_commands_exist(readme, root):
    makefile = (root / "Makefile").read_text()
    for target in set(re.findall(r"make ([a-z-]+)", readme)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
