"""What a rule returns: a code of the catalogue of mistakes, a sentence, and the numbers behind it.

The sentence is kept untranslated and put into words when it is read, so that one finding can be
shown in either language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nncourse.language import catalogue

_ = catalogue("check")


@dataclass(frozen=True)
class Finding:
    """One thing the numbers say.

    ``code``: "M01", "M02", ... name a mistake (a reason); a word ("scale", "where", ...) names an
    observation that holds without saying how it came about.
    ``text``: the sentence in English, with placeholders. ``evidence``: the values for them.
    """

    code: str
    text: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_reason(self) -> bool:
        """Whether this names a mistake, rather than only what can be seen."""
        return self.code[:1] in "MX" and self.code[1:].isdigit()

    @property
    def message(self) -> str:
        """The sentence in the current language."""
        return _(self.text, **self.evidence)

    def __str__(self) -> str:
        return self.message
