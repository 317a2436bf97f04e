"""What a graded session lacks, told to the student whose answer asked for it.

An answer that runs in JupyterLab may end in an error when it is graded, because something is not
there. These sentences say what is; an error's own text only says what is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncourse.language import catalogue, mark

_ = catalogue("course")

IMPORTS = mark(
    "A graded answer can import Python's own modules, {packages}, and nncourse without the parts "
    "that the exercise asks for."
)
NO_PYTHON = mark("A cell of the answer is not valid Python, so nothing in that cell was run.")
LACKING = {
    "ModuleNotFoundError": IMPORTS,
    "ImportError": IMPORTS,
    "NameError": mark(
        "When it is graded, the notebook runs from its first cell to its last: whatever an answer "
        "needs must be defined above the check that uses it."
    ),
    "FileNotFoundError": mark("When it is graded, no other files lie beside the notebook."),
    "EOFError": mark("When it is graded, nobody answers to input()."),
    "BdbQuit": mark("When it is graded, nobody answers to a debugger: remove breakpoint()."),
    **dict.fromkeys(("SyntaxError", "IndentationError", "TabError"), NO_PYTHON),
}


def lacking(kind: str, packages: Sequence[str]) -> str:
    """The sentence for an error of this kind, in the current language; '' if there is none."""
    if kind not in LACKING:
        return ""
    return _(LACKING[kind], packages=", ".join(packages))


def rule(kind: str, message: str, packages: Sequence[str]) -> str:
    """Which rule of the exercise lets answers import something, for the lecturer; or ''."""
    if kind not in ("ModuleNotFoundError", "ImportError"):
        return ""
    if "nncourse" in message:
        return _("left out by the rule withheld")
    return _("the rule packages allows {packages}", packages=", ".join(packages))
