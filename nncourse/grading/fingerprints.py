"""Fingerprints of code: hashes of all short passages in its stream of tokens.

Names, comments, annotations of variables and layout are not in that stream, so they change nothing
(Schleimer, Wilkerson and Aiken, Winnowing, 2003; the library is copydetect). The tokens are those
that Python reads. A painter of code, which copydetect would ask, can be led to take what runs for
text.
"""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import keyword
import re
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from nncourse.course.folder import CourseFolderError
from nncourse.grading.sandbox.inside.cells import check
from nncourse.grading.sandbox.inside.magics import python
from nncourse.grading.sanitize import clean_text
from nncourse.language import catalogue

_ = catalogue("course")

NOISE = 20  # the length of a passage, in characters of the stream of tokens
LONGEST = 20_000  # tokens of a part, which take the time; blank lines and comments are none
BETWEEN = "\n\n"  # the parts of a code
SHOWN = 10_000  # characters on a page, of what is marked and of what isn't
DEFINED = {"def": "F", "class": "O"}
UNSAID = {"(", ")", ","}  # may be added around or behind almost anything, also by a formatter
NUMPY = {"np", "numpy"}  # "np.dot" is "dot"
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
# From Python 3.12 on an f-string comes in pieces.
OPENS = getattr(tokenize, "FSTRING_START", None)
CLOSES = getattr(tokenize, "FSTRING_END", None)
# Says what the rest of a cell is for. That is read: it may be a module of the student's.
HEAD = re.compile(r"\A(?:\s*+%%[^\n]*+)++")
# For what is no Python, or isn't any more since odd characters in it are shown as "?". Where texts
# and comments end there is not known, and what is taken for one would be hidden: so none is.
ROUGH = re.compile(r"(?P<word>[^\W\d]\w*+)|(?P<sign>\d[\w.]*+|[^\s;])")

Places = tuple[tuple[int, int], ...]
"""(start, end) in a code."""
Token = tuple[str, str, int, int]
"""What it is, a "string", a "name", a "word" (a name, or prose) or a "sign"; its text; where it
starts and ends in the code.
"""
Reader = Callable[[str], Iterable[Token]]


class SimilarError(CourseFolderError):
    """Nothing can be compared; the text says why and what to do."""


@dataclass(frozen=True)
class Passages:
    """The hashes of all passages of a code, one after the other; ``spans``: see ``_stream``."""

    hashes: np.ndarray
    spans: np.ndarray

    def places(self, wanted: np.ndarray) -> Places:
        """Where the passages with the ``wanted`` hashes stand in the code."""
        starts = np.flatnonzero(np.isin(self.hashes, wanted))
        ends = np.flatnonzero(np.diff(starts, append=np.inf) > NOISE)
        return _places(self, starts[[0, *ends[:-1] + 1]], starts[ends] + NOISE) if len(ends) else ()


def fingerprints(*parts: str, without: Iterable[int] = ()) -> Any:
    """copydetect's record of a code.

    The parts of a code, such as cells, are read for themselves. ``without``: hashes that are left
    out. Raises SimilarError without copydetect.
    """
    return _record(*_stream(parts), without)


def read(*parts: str) -> Passages:
    """As ``fingerprints``, for a whole class: in half the time and a tenth of the memory."""
    stream, spans = _stream(parts)
    return Passages(_copydetect().utils.hashed_kgrams(stream, NOISE).astype(np.int64), spans)


def hashes(*parts: str) -> set[int]:
    """The hashes of all passages; equal only within one process."""
    return {int(found) for found in fingerprints(*parts).hashes}


def handed_out(*parts: str) -> set[int]:
    """The hashes of all passages, also as they are in an answer that is no Python."""
    return hashes(*parts) | {int(found) for found in _record(*_stream(parts, _rough), ()).hashes}


def _copydetect() -> Any:
    try:
        import copydetect
    except ImportError:
        raise SimilarError(_('copydetect is missing: pip install "nncourse[similar]"')) from None
    return copydetect


def _record(stream: str, spans: np.ndarray, without: Iterable[int]) -> Any:
    record = _copydetect().CodeFingerprint
    found = record("code.py", NOISE, 1, list(without), filter=False, fp=io.StringIO(stream))
    found.spans = spans
    return found


def _stream(parts: Iterable[str], reader: Reader | None = None) -> tuple[str, np.ndarray]:
    """The tokens as one text, and for each of its characters where in the code its token starts and
    ends: one letter for any name, and one for any string, however many lines it has.
    """
    out: list[str] = []
    spans: list[tuple[int, int]] = []
    place = 0
    for part in parts:
        before = last = ""
        for kind, text, start, end in (reader or _tokens)(part):
            letters = _letters(kind, text, before)
            if text in UNSAID:
                letters = ""
            elif text == "." and before in NUMPY:
                letters, _name, _span = "", out.pop(), spans.pop()
            elif letters == last in ("S", "V") and (
                kind != "name" or place + start == spans[-1][1]
            ):
                # One string in several pieces; a name in letters that ``tokenize`` has not; prose.
                spans[-1] = (spans[-1][0], place + end)
            else:
                out.append(letters)
                spans += [(place + start, place + end)] * len(letters)
            before, last = text, letters
        place += len(part) + len(BETWEEN)
    return "".join(out), np.array(spans, np.int32).reshape(-1, 2)


def _letters(kind: str, text: str, before: str) -> str:
    if kind == "string":
        return "S"
    if kind == "sign" or keyword.iskeyword(text):
        return text
    return DEFINED.get(before, "V")  # of any other name, for all may be chosen: also "self", "sum"


def _tokens(code: str) -> Iterable[Token]:
    """The tokens of a cell as it runs in a graded session; if it can't, as far as can be told."""
    code = HEAD.sub(lambda head: re.sub(r"[^\n]", " ", head[0]), code)
    code = re.sub(r"\r(?!\n)", "\n", code)  # as Python reads it
    for as_python in (str, python):
        source = as_python(code)
        with contextlib.suppress(
            SyntaxError, tokenize.TokenError, ValueError, MemoryError, RecursionError
        ):
            check(source)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(source)
            return list(itertools.islice(_exact(source, code), LONGEST))
    return itertools.islice(_rough(code), LONGEST)


def _rough(code: str) -> Iterator[Token]:
    for found in ROUGH.finditer(code):
        yield found.lastgroup or "", found[0], found.start(), found.end()


def _exact(source: str, code: str) -> Iterator[Token]:
    """The tokens of what Python can read. ``code``: the same cell with IPython's own syntax."""
    lines, written = source.split("\n"), code.split("\n")
    begins = list(itertools.accumulate((len(line) + 1 for line in written), initial=0))
    moved = [len(old) - len(new) if old.endswith(new) else 0 for old, new in zip(written, lines)]

    def place(row: int, column: int) -> int:
        return min(begins[row - 1] + moved[row - 1] + column, begins[row] - 1)

    depth, start = 0, (0, 0)
    for token in _unannotated(tokenize.generate_tokens(io.StringIO(source).readline)):
        kind = "name" if token.type in (tokenize.NAME, tokenize.ERRORTOKEN) else "sign"
        if token.type == tokenize.STRING:
            kind = "string"
        if not depth:
            start = token.start
        depth += (token.type == OPENS) - (token.type == CLOSES)
        if depth or token.type in LAYOUT or token.string == ";":  # as well as the end of a line
            continue
        kind = "string" if token.type == CLOSES else kind
        yield kind, token.string, place(*start), place(*token.end)


def _unannotated(tokens: Iterable[tokenize.TokenInfo]) -> Iterator[tokenize.TokenInfo]:
    """The tokens without the annotations of variables: ``x: A = y`` is ``x = y``."""
    level, begins, target, hidden = 0, True, False, False
    for token in tokens:
        text, sign = token.string, token.type == tokenize.OP
        if token.type == tokenize.NEWLINE or text == ";":
            begins, target, hidden = True, False, False
        elif begins and token.type not in LAYOUT:
            begins, target = False, text not in ("match", "case")
        level += sign * ((text in "([{") - (text in ")]}"))
        if target and not level and (sign or keyword.iskeyword(text)):
            hidden = hidden or text == ":"
            if text == "=" or (not hidden and text not in ".)]"):
                target = hidden = False
        if not hidden:
            yield token


def compare(one: Any, other: Any) -> tuple[int, tuple[float, float], tuple[Places, Places]]:
    """What two records share: its length, its share of each, and where it stands in each."""
    from copydetect import compare_files

    tokens, shares, places = compare_files(one, other)
    first, second = (min(float(share), 1.0) for share in shares)
    return int(tokens), (first, second), (_places(one, *places[0]), _places(other, *places[1]))


def _places(record: Any, starts: Iterable[int] = (), ends: Iterable[int] = ()) -> Places:
    """Where passages of the stream of tokens stand in the code."""
    spans = record.spans
    return tuple((int(spans[a][0]), int(spans[b - 1][1])) for a, b in zip(starts, ends))


def marked(code: str, places: Iterable[tuple[int, int]]) -> str:
    """The code as HTML, with the places marked; of what is long beginning and end."""
    out, at = [], 0
    for start, end in sorted(places):
        start, end = max(start, at), max(end, at)
        out += [_html(code[at:start])]
        if end > start:
            out += [f"<mark>{_html(code[start:end])}</mark>"]
        at = end
    return "".join([*out, _html(code[at:])])


def _html(text: str) -> str:
    if len(text) > SHOWN:
        text = f"{text[: SHOWN // 2]}\n...\n{text[-SHOWN // 2 :]}"
    return escape(clean_text(text))
