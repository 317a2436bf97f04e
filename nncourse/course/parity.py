"""Do the two languages of a source say the same?

Compared are things that need no reading: that text cells come in pairs, each in the language that
it declares, with equal formulas, equal headings and similar lengths, and that twin code cells
differ in nothing but strings and comments.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import zip_longest

from nbformat import NotebookNode

from nncourse.course.sources import Source, _excerpt

LENGTHS = (0.6, 1.7)  # Russian to English, in characters
SHORT = 60  # below this many characters lengths say nothing

_DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"(?<![\\$])\$([^$\n]+?)\$")
_CODE = re.compile(r"~~~.*?~~~|`[^`\n]+`", re.DOTALL)
_LINK = re.compile(r"\]\([^)]*\)|<[^>]+>|https?://\S+")
_WORDS_IN_FORMULA = re.compile(r"\\(?:text|mathrm|operatorname|textrm|textit)\{[^}]*\}")
_HEADING = re.compile(r"^(#{1,6}) ", re.MULTILINE)


def problems(source: Source) -> list[str]:
    """Everything in which the two languages differ: nothing, when the list is empty."""
    return [f"{source.name}: {problem}" for problem in _problems(source)]


def _problems(source: Source) -> Iterator[str]:
    for block in _blocks(source.cells):
        russian = [cell for cell in block if cell.metadata["lang"] == "ru"]
        english = [cell for cell in block if cell.metadata["lang"] == "en"]
        for ru, en in zip_longest(russian, english):
            if ru is None or en is None:
                lonely = en if ru is None else ru
                yield f"{_excerpt(lonely)} has no twin in the other language"
            else:
                yield from _pair_problems(ru, en)


def _blocks(cells: list[NotebookNode]) -> Iterator[list[NotebookNode]]:
    """Runs of cells with a language, between cells that both languages share."""
    block: list[NotebookNode] = []
    for cell in cells:
        if cell.metadata.get("lang"):
            block.append(cell)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _pair_problems(ru: NotebookNode, en: NotebookNode) -> Iterator[str]:
    where = f"{_excerpt(ru)} / {_excerpt(en)}"
    if ru.cell_type != en.cell_type:
        yield f"{where}: a text cell faces a code cell"
        return
    if _other_metadata(ru) != _other_metadata(en):
        yield f"{where}: tags, slides or grading differ"
    if ru.cell_type == "code":
        if skeleton(ru.source) != skeleton(en.source):
            yield f"{where}: the code differs in more than strings and comments"
        return
    for formula in sorted(set(formulas(ru.source)) ^ set(formulas(en.source))):
        yield f"{where}: only one language has the formula {formula!r}"
    if _HEADING.findall(ru.source) != _HEADING.findall(en.source):
        yield f"{where}: headings differ"
    for language, cell in (("ru", ru), ("en", en)):
        if not speaks(cell.source, language):
            yield f"{_excerpt(cell)}: declared {language}, but reads otherwise"
    lengths = len(ru.source), len(en.source)
    if max(lengths) > SHORT and not LENGTHS[0] <= lengths[0] / max(lengths[1], 1) <= LENGTHS[1]:
        yield f"{where}: {lengths[0]} characters face {lengths[1]}"


def _other_metadata(cell: NotebookNode) -> dict[str, object]:
    return {key: value for key, value in cell.metadata.items() if key != "lang"}


def formulas(text: str) -> list[str]:
    """The formulas of a Markdown text, without spaces and without the words inside them."""
    text = _CODE.sub(" ", text)
    found = _DISPLAY.findall(text) + _INLINE.findall(_DISPLAY.sub(" ", text))
    bare = (_WORDS_IN_FORMULA.sub(r"\\text{}", formula) for formula in found)
    return sorted("".join(formula.split()) for formula in bare)


def prose(text: str) -> str:
    """A Markdown text without its formulas, code and links."""
    for pattern in (_CODE, _DISPLAY, _INLINE, _LINK):
        text = pattern.sub(" ", text)
    return text


def speaks(text: str, language: str) -> bool:
    """Is the prose written in the language? True where there is too little of it to tell."""
    words = prose(text)
    cyrillic = len(re.findall(r"[а-яёА-ЯЁ]", words))
    latin = len(re.findall(r"[a-zA-Z]", words))
    if cyrillic + latin < SHORT:
        return True
    return (cyrillic > latin) == (language == "ru")


class _Blank(ast.NodeTransformer):
    """Takes the words out of a syntax tree."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        # The words of an f-string may come in another order; what it computes may not differ.
        values = [self.visit(value) for value in node.values if not isinstance(value, ast.Constant)]
        return ast.JoinedStr(sorted(values, key=ast.dump))

    def _body(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        first = node.body[0] if node.body else None  # type: ignore[attr-defined]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = node.body[1:]  # type: ignore[attr-defined]
        return node

    visit_FunctionDef = _body
    visit_AsyncFunctionDef = _body
    visit_ClassDef = _body


def skeleton(code: str) -> str:
    """A syntax tree without strings, docstrings and comments, as text."""
    lines = [line for line in code.split("\n") if not line.lstrip().startswith(("%", "!"))]
    return ast.dump(_Blank().visit(ast.parse("\n".join(lines))))
