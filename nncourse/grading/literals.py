"""How much data an answer carries in its strings and numbers: a remark for the lecturer.

No judge of results can tell a network that was trained from one that was pasted in, nor labels that
were predicted from labels that were written down. So answers with far more data in them than code
needs are named to the lecturer. No points depend on it, and the student is not told. It finds data
in plain form: disguised as prose, comments or names, it gets past.

Answers are read as text, neither parsed nor run, in a time proportional to their length whatever
stands in them: what a branch of the pattern has taken, it never gives back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nncourse.language import catalogue

if TYPE_CHECKING:
    from nncourse.grading.assignment import Assignment

_ = catalogue("course")

# The largest answer in solutions/ carries 71, of the known right and wrong ones of all pieces 83, a
# whole solved exercise 93 beyond what was handed out. The 360 labels of the held-out digits need
# 188 as base85, the densest usual form, 200 as base64, 301 as one number in hex, 360 as digits in
# any form.
MOST = 150
WORD = 30  # characters; in a text of several words, what is longer is no word

TOKEN = re.compile(
    r"""
    \#[^\n]*+
  | (?P<text>
        \"{3} (?: [^"\\]++ | \\. | "(?!"") )*+ (?: \"{3} | \Z | . )
      | '{3}  (?: [^'\\]++ | \\. | '(?!'') )*+ (?: '{3}  | \Z | . )
      | "     (?: [^"\\\n]++ | \\. )*+ "?
      | '     (?: [^'\\\n]++ | \\. )*+ '?
    )
  | (?P<number> \.?\d[\w.]*+ )
  | \w++
    """,
    re.VERBOSE | re.DOTALL,
)


def data_in(source: str) -> int:
    """Characters of data: the digits of numbers, and of strings what is no prose.

    A name in quotes, as keys are, counts once, however often it is used.
    """
    count = 0
    keys = set()
    for token in TOKEN.finditer(source):
        text = token["text"]
        if token["number"]:
            count += sum(map(str.isalnum, token["number"]))
        elif text and text[1:-1].isidentifier():
            keys.add(text)
        elif text:
            count += _of_text(text)
    return count + sum(map(_size, keys))


def _of_text(text: str) -> int:
    """All of a text without blanks; of several words, the digits and what is too long for one."""
    words = text.split()
    if len(words) > 1:
        digits = sum(map(str.isdigit, text))
        return digits + sum(_size(word) for word in words if len(word) > WORD)
    return _size(text)


def _size(text: str) -> int:
    """In letters of English or Russian; other characters hold more and count for more."""
    return len(text.encode("cp1251", "backslashreplace"))


def heavy_answers(
    assignment: Assignment, answers: Mapping[str, str], own: Iterable[Mapping[str, Any]] = ()
) -> dict[str, int]:
    """The answers with more data than ``MOST``, and how much, beyond what was handed out in them.

    Written answers are none. ``own``: the student's own cells that were run; they count as one.
    Where none is named, all together may be: data can be shared out among several.
    """
    counts = {
        cell.name: max(0, data_in(answers[cell.name]) - data_in(cell.source))
        for cell in assignment.cells
        if cell.kind in ("answer", "manual") and cell.name in answers
    }
    counts[_("cells of their own")] = sum(data_in(cell["source"]) for cell in own)
    found = {name: count for name, count in counts.items() if count > MOST}
    if not found and (total := sum(counts.values())) > MOST:
        found[" + ".join(name for name, count in counts.items() if count)] = total
    return found


def remark(name: str, count: int) -> str:
    """What the lecturer is told of such an answer, in the current language."""
    return _(
        "{name}: {count} characters of data in strings and numbers, more than code needs. A "
        "network should be trained here, not pasted in",
        name=name,
        count=count,
    )
