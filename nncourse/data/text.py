"""Texts: reading them, and the numbers that stand for their characters."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy

from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import classes, count
from nncourse.data.errors import DataError

MAX_BYTES = 1 << 28


def read_text(path: Any, encoding: str = "utf-8-sig", max_bytes: int = MAX_BYTES) -> str:
    """A text file, with lines that end in a newline character whatever the system.

    Bytes that are not text in the encoding are an error (``DataError``) that names the line.
    """
    path = Path(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise DataError(f"{path} has {size} bytes, more than max_bytes={max_bytes}")
        data = file.read(max_bytes + 1)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: not {error.encoding} text (byte {data[error.start]:#04x}); old "
            "Russian texts are often encoding='cp1251' or 'koi8-r'"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


class Vocabulary:
    """Tokens and their numbers, 0 to len - 1.

    tokens: a text, for its characters, or texts or lists of tokens; each different token gets one
    number, in sorted order. special: tokens that come first, such as "<pad>" or "<end>".
    unknown: the special token that stands for tokens not in the vocabulary; without it they are
    an error.

        vocabulary = Vocabulary("мама мыла раму")
        vocabulary.decode(vocabulary.encode("рама"))   # "рама"
    """

    def __init__(
        self,
        tokens: str | Iterable[Any],
        special: Sequence[str] = (),
        unknown: str | None = None,
    ) -> None:
        first = list(special)
        if unknown is not None and unknown not in first:
            first.append(unknown)
        if len(set(first)) < len(first):
            raise ValueError(f"special tokens must be different from each other; got {first}")
        found: set[str] = set()
        for item in [tokens] if isinstance(tokens, str) else tokens:
            found.update(item)
        self.tokens: list[str] = first + sorted(found - set(first))
        self.unknown = unknown
        self._numbers = {token: i for i, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: Any) -> bool:
        return token in self._numbers

    def __getitem__(self, token: str) -> int:
        """The number of a token."""
        number = self._numbers.get(token)
        if number is None and self.unknown is not None:
            number = self._numbers[self.unknown]
        if number is None:
            raise KeyError(
                f"{token!r} is not among the {len(self)} tokens of this vocabulary; make it from "
                "all texts, or with unknown='<unknown>'"
            )
        return number

    def encode(self, text: str | Sequence[str]) -> Tensor:
        """The numbers of a text's characters, or of a list of tokens: (length,) int64."""
        return classes([self[token] for token in text])

    def decode(self, numbers: Any) -> str:
        """The tokens of numbers (length,), joined to one text."""
        return "".join([self.tokens[self._checked(int(n))] for n in numpy.asarray(numbers)])

    def _checked(self, number: int) -> int:
        if not 0 <= number < len(self):
            raise ValueError(f"token number {number} is outside 0 to {len(self) - 1}")
        return number

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"


def next_characters(numbers: Any, length: int, step: int | None = None) -> tuple[Tensor, Tensor]:
    """Examples for predicting what comes next: x (n, length) and y (n, length) int64.

    numbers: an encoded text (m,). y[i, t] is the token after x[i, t]. step: from the start of one
    example to that of the next; ``length`` unless given, so that examples do not overlap.
    """
    row = numpy.asarray(numbers)
    count(length, 1, "length")
    step = count(length if step is None else step, 1, "step")
    if row.ndim != 1 or len(row) <= length:
        raise ValueError(
            f"examples of {length} tokens need a text of more than {length}; got shape {row.shape}"
        )
    start = numpy.arange(0, len(row) - length, step)[:, None]
    return classes(row[start + numpy.arange(length)]), classes(
        row[start + 1 + numpy.arange(length)]
    )
