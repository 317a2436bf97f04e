"""Everything that readers read, as bare prose: without formulas, code, addresses and markup.

The texts of lectures and exercises, the words in their code (strings and comments), the messages
in both languages, and the project's pages.
"""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

from nncourse.course import messages
from nncourse.course.files import Course
from nncourse.course.parity import prose
from nncourse.course.sources import read_source
from nncourse.language import LOCALE_FOLDER

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)
PAGES = ("README.md", "CONTRIBUTING.md", "nncourse/data/README.md")

_FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_STRESS = "\N{COMBINING ACUTE ACCENT}"


@cache
def texts() -> dict[str, str]:
    """The text of every place; a place is named as an author looks for it."""
    found = {path: bare((ROOT / path).read_text("utf-8")) for path in PAGES}
    for path in COURSE.sources():
        cells = read_source(path, COURSE.root).cells
        found[path.name] = "\n\n".join(
            bare(cell.source) if cell.cell_type == "markdown" else words_in_code(cell.source)
            for cell in cells
        )
    for domain in messages.DOMAINS:
        said = [message for message in messages.read(domain, "ru") if message.id]
        pairs = [f"{message.id}\n\n{message.string}" for message in said]
        found[f"{domain}.po"] = bare(re.sub(r"\{[^}]*\}", " ", "\n\n".join(pairs)))
    terms = [", ".join(row[:2]) for row in glossary()]
    found["glossary.md"] = "\n\n".join(terms)
    return found


def glossary() -> list[list[str]]:
    """The rows of the Russian glossary: the English term, the Russian one, words to avoid."""
    lines = (LOCALE_FOLDER / "ru" / "glossary.md").read_text("utf-8").splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def bare(markdown: str) -> str:
    """The prose of a Markdown text."""
    return prose(_FENCE.sub(" ", markdown)).replace(_STRESS, "")


def words_in_code(code: str) -> str:
    """The strings and comments of a cell: what a reader of the code reads in words."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in code.split("\n")]
    code = "\n".join(lines)
    strings = [
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    strings = [text for text in strings if " " in text or not text.isascii()]  # others are names
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    comments = [text for text in comments if not text.startswith(("# fmt:", "# noqa"))]
    return "\n\n".join([*map(prose, strings), *comments])
