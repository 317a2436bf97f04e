"""What all lectures have in common: their sources, what their cells define, their form."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import jupytext
import numpy as np

ROOT = Path(__file__).parents[2]


def read(name: str) -> Any:
    """The source of a lecture, as a notebook with cells in both languages."""
    return jupytext.read(ROOT / "lectures" / f"{name}.md", fmt="md:myst")


def is_note(cell: Any) -> bool:
    """Is the cell for the lecturer only?"""
    return cell.metadata.get("slideshow", {}).get("slide_type") == "notes"


def code_cells(notebook: Any, language: str = "en") -> list[str]:
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("lang") in (None, language)
    ]


def functions(name: str, **names: Any) -> dict[str, Any]:
    """The functions and classes that a lecture's cells define, in one namespace with ``names``."""
    names = {"np": np, **names}
    for source in code_cells(read(name)):
        for statement in ast.parse(source).body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                exec(compile(ast.Module([statement], []), name, "exec"), names)
    return names


def check_form(name: str, language: str) -> None:
    """Words, questions with hidden answers, a prediction, a mistake, figures, widgets."""
    notebook = read(name)
    cells = [
        cell for cell in notebook.cells
        if cell.metadata.get("lang") in (None, language) and not is_note(cell)
    ]  # fmt: skip
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    code = "\n".join(code_cells(notebook, language))
    bare = re.sub(r"\$\$.+?\$\$|\$[^$]+\$|\]\([^)]*\)|<[^>]+>", " ", text, flags=re.DOTALL)
    words = len(re.findall(r"\w+", bare))
    assert 900 <= words <= 2100, words
    question, predict, mistake, summary, sources = {
        "ru": ("**Вопрос залу.**", "**Предскажите, потом запустите", "## Найдите ошибку",
               "## Итог", "## Источники"),
        "en": ("**Question to the audience.**", "**Predict, then run", "## Find the mistake",
               "## Summary", "## Sources"),
    }[language]  # fmt: skip
    assert text.count(question) >= 3
    assert text.count(predict) >= 1
    assert text.count(mistake) == 1
    assert text.count(summary) == text.count(sources) == 1
    assert text.count("<details><summary>") == text.count("</details>") >= 4
    assert 3 <= code.count("plt.show()") <= 6
    assert code.count("widgets.") >= 2
    assert max(len(cell.split("\n")) for cell in code_cells(notebook, language)) <= 20
