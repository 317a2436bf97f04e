"""Runs the cells of a notebook as a kernel would, without the kernel.

No IPython: loading it costs more than everything else a submission needs. Cells run in one
``__main__`` module; the value of a last expression is printed; IPython's magics are passed over
(``magics``), and what notebooks import for show is stood in for (``stand_ins``).
"""

from __future__ import annotations

import _sitebuiltins
import ast
import builtins
import inspect
import io
import linecache
import re
import sys
import traceback
import types
from typing import Any

from nncourse.grading.sandbox.inside import stand_ins
from nncourse.grading.sandbox.inside.deferred import Deferred
from nncourse.grading.sandbox.inside.magics import python

LONGEST_MESSAGE = 2000  # characters
LONGEST_TRACEBACK = 8000
FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
PARTS = 1000  # of a dotted name
FIELDS = 1000  # of an f-string
LETTER = r"\w\x80-\U0010ffff"  # of a name; there are more than \w knows
BLANK = r"[ \t\f\r\n\\]*+"  # all that Python may pass over
DOTTED = re.compile(rf"(?<![{LETTER}])(?:(?!\d)[{LETTER}]++{BLANK}\.{BLANK})++")
# Texts and comments as a whole, whatever stands between them. Behind a text of three quotes that
# doesn't end Python reads nothing.
TEXT = re.compile(
    rf"""(?:(?<![{LETTER}])(?P<fields>[fF][rR]?|[rR][fF]))?(?:
        \"{{3}}(?:[^"\\]|\\.|"(?!""))*+(?:\"{{3}}|\Z)
    |   '{{3}}(?:[^'\\]|\\.|'(?!''))*+(?:'{{3}}|\Z)
    |   \"(?:[^"\\\n]|\\.)*+\"?
    |   '(?:[^'\\\n]|\\.)*+'?
    )|\#[^\n]*+""",
    re.VERBOSE | re.DOTALL,
)


def check(source: str) -> None:
    """SyntaxError for a cell that Python would read for too long.

    Its parser copies what it has of a dotted name for each part that comes; and up to Python 3.11
    it counts lines from the beginning of an f-string for each of its fields.
    """
    if source.count(".") >= PARTS:
        for found in DOTTED.finditer(source):
            if found[0].count(".") >= PARTS:
                raise SyntaxError(f"a name of more than {PARTS} parts")
    if sys.version_info < (3, 12) and source.count("{") > FIELDS:
        for found in TEXT.finditer(source.replace("\r\n", "\n").replace("\r", "\n")):
            if found["fields"] and found[0].count("{") > FIELDS:
                raise SyntaxError(f"an f-string with more than {FIELDS} braces")


def parse(source: str, name: str = "<cell>") -> ast.Module:
    """The syntax tree of a cell; IPython's magics are passed over. SyntaxError."""
    check(source)
    try:
        return ast.parse(source, name)
    except SyntaxError:
        plain = python(source)
        if plain == source:
            raise
        check(plain)
        return ast.parse(plain, name)


def clean(text: Any, longest: int) -> str:
    """A str that can cross the wire, cut where it is too long."""
    plain = str.__str__(text) if isinstance(text, str) else "?"
    return plain[:longest].encode("utf-8", "replace").decode()


def explain(error: BaseException) -> dict[str, Any]:
    """An exception as text: its type, its message, and the lines of the cells that led to it."""
    try:
        message = clean(str(error), LONGEST_MESSAGE)
    except BaseException:
        message = ""
    try:
        summary = traceback.TracebackException.from_exception(error, limit=-20, lookup_lines=False)
        own = [frame for frame in summary.stack if frame.filename.startswith("<cell")]
        summary.stack = traceback.StackSummary.from_list(own or list(summary.stack))
        lines = clean("".join(summary.format(chain=False)), LONGEST_TRACEBACK)
        frames = [[f.filename, f.lineno or 0, clean(f.name, 100)] for f in own]
    except BaseException:
        lines, frames = "", []
    return {
        "type": clean(type(error).__name__, 100),
        "kinds": [clean(kind.__name__, 100) for kind in type(error).__mro__[1:20]],
        "text": message,
        "traceback": lines,
        "frames": frames,
    }


class Output(io.TextIOBase):
    """Standard output and error of a session: the first ``longest`` characters are kept."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.clear()

    def clear(self) -> None:
        """Start anew."""
        self.parts: list[str] = []
        self.room = self.longest
        self.lost = False

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def fileno(self) -> int:
        """That of standard output, as in a kernel; what is written there is lost."""
        return 1

    def write(self, text: str) -> int:
        """Keep a text, as far as there is room."""
        if self.room > 0:
            self.parts.append(text[: self.room])
        self.lost = self.lost or len(text) > self.room
        self.room = max(0, self.room - len(text))
        return len(text)

    def text(self) -> str:
        """What was kept."""
        return clean("".join(self.parts), self.longest)


class Notebook:
    """The names that a student's cells have defined, and how to run the next one."""

    def __init__(self, longest_output: int) -> None:
        self.module = types.ModuleType("__main__")
        self.names = self.module.__dict__
        self.names.update(__builtins__=builtins, help=_sitebuiltins._Helper(), **stand_ins.NAMES)
        stand_ins.install()
        sys.modules["__main__"] = self.module
        sys.path.append("")  # for modules that cells have written
        self.output = Output(longest_output)
        sys.stdout = sys.stderr = self.output
        sys.__stdout__ = sys.__stderr__ = self.output  # type: ignore[misc,assignment]
        self.count = 0
        self.shown: Any = ""  # the last value
        self.values: dict[int, Any] = {}
        self.sources = [""]
        self.names.update(In=self.sources, Out=self.values, _ih=self.sources, _oh=self.values)
        self.names.update(dict.fromkeys(("_", "__", "___", "_i", "_ii", "_iii"), ""), _dh=["."])

    def run(self, source: str) -> dict[str, Any]:
        """Run a cell: {"output": text, "lost": was it cut, "error": None or what was raised}."""
        self.count += 1
        self.sources.append(source)
        self.output.clear()
        error = None
        try:
            self._execute(source, f"<cell {self.count}>")
        except BaseException as raised:  # also exit() and KeyboardInterrupt
            error = explain(raised)
        self._close_figures()
        return {"output": self.output.text(), "lost": self.output.lost, "error": error}

    def _execute(self, source: str, name: str) -> None:
        tree = parse(source, name)
        # So that tracebacks and inspect.getsource find the lines.
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
            last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
        self._compute(compile(tree, name, "exec", FLAGS, dont_inherit=True))
        if last is not None:
            value = self._compute(compile(last, name, "eval", FLAGS, dont_inherit=True))
            if value is not None:
                stand_ins.display(value)
                self._keep(value)

    def _keep(self, value: Any) -> None:
        """As ``_``, unless that was assigned."""
        self.values[self.count] = value
        if self.names.get("_") is self.shown:
            self.names.update(_=value, __=self.shown, ___=self.names.get("__"))
            self.shown = value

    def _compute(self, code: types.CodeType) -> Any:
        value = eval(code, self.names)
        if code.co_flags & inspect.CO_COROUTINE:  # there is an ``await`` at the top level
            import asyncio

            value = asyncio.run(value)
        return value

    @staticmethod
    def _close_figures() -> None:
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None and type(pyplot) is not Deferred:
            try:
                pyplot.close("all")
            except BaseException:
                return
