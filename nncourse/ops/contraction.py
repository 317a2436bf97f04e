"""einsum: sums of products, written with one letter for each axis.

Every expression is brought down to matrix products: the operands are multiplied from left to right,
each pair as a batch of matrices whose axes are those that both keep, those that are summed, and
those that only one has. So it is as fast as ``@`` and can be differentiated any number of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from nncourse.autograd.function import promoted, unary
from nncourse.autograd.tensor import Tensor
from nncourse.backend import xp
from nncourse.ops.indexing import Slice

# Letters for the axes under "...", which no equation can contain.
_DOTS = "".join(chr(0x2460 + i) for i in range(32))


def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum of products that the equation describes: ``einsum("ik,kj->ij", a, b)`` is a @ b.

    A letter stands for an axis; a letter that comes twice in one operand takes the diagonal;
    letters that are not in the result are summed. "..." stands for any further axes, which are
    broadcast. Without "->" the result has all letters that come once, in alphabetical order, after
    the axes of "...".
    """
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    terms, result = _parsed(equation, operands)
    tensors = promoted(*operands)
    sizes = _sizes(equation, terms, tensors)
    if any(letter not in sizes for letter in result):
        unknown = ", ".join(sorted({c for c in result if c not in sizes}))
        raise ValueError(f"einsum {equation!r}: the result has {unknown}, which no operand has")
    parts = [_prepared(x, term, sizes) for x, term in zip(tensors, terms)]

    x, letters = parts[0]
    for i, (y, others) in enumerate(parts[1:], 1):
        later = set(result).union(*[term for _, term in parts[i + 1 :]])
        x, letters = _product(x, letters, y, others, later)
    x, letters = _summed(x, letters, set(result))
    return x.permute([letters.index(c) for c in result]) if letters != result else x


def _parsed(equation: str, operands: Sequence[Any]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with letters in place of the dots."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands) or not operands:
        raise ValueError(
            f"einsum {equation!r} describes {len(terms)} operands; got {len(operands)}"
        )
    most = 0
    for i, (term, x) in enumerate(zip(terms, operands)):
        ndim = len(getattr(x, "shape", ()))
        plain = _letters(equation, term)
        if "..." in term:
            extra = ndim - len(plain)
            if extra >= 0:
                terms[i] = term.replace("...", _DOTS[len(_DOTS) - extra :] if extra else "")
            most = max(most, extra)
        if len(plain) > ndim or ("..." not in term and len(plain) != ndim):
            raise ValueError(
                f"einsum {equation!r}: {term!r} names {len(plain)} axes; operand {i} has shape "
                f"{tuple(getattr(x, 'shape', ()))}"
            )
    dots = _DOTS[len(_DOTS) - most :] if most else ""
    if arrow:
        named = _letters(equation, right)
        if len(set(named)) != len(named):
            raise ValueError(f"einsum {equation!r}: a letter comes twice in the result")
        return terms, right.replace("...", dots)
    every = "".join(_letters(equation, term) for term in left.split(","))
    return terms, dots + "".join(sorted(c for c in set(every) if every.count(c) == 1))


def _letters(equation: str, term: str) -> str:
    plain = term.replace("...", "", 1)
    if not all(c.isascii() and c.isalpha() for c in plain):
        raise ValueError(
            f"einsum {equation!r}: {term!r} may hold letters and one '...', e.g. '...ij,jk->...ik'"
        )
    return plain


def _sizes(equation: str, terms: list[str], tensors: Sequence[Tensor]) -> dict[str, int]:
    """The length of every letter's axis; 1 gives way to others."""
    sizes: dict[str, int] = {}
    for term, x in zip(terms, tensors):
        for letter, n in zip(term, x.shape):
            known = sizes.get(letter, 1)
            if known != 1 and n not in (1, known):
                name = letter if letter.isascii() else "..."
                raise ValueError(
                    f"einsum {equation!r}: {name!r} stands for axes of lengths {known} and {n}; "
                    f"shapes are {', '.join(str(t.shape) for t in tensors)}"
                )
            sizes[letter] = known if known != 1 else n
    return sizes


def _prepared(x: Tensor, letters: str, sizes: dict[str, int]) -> tuple[Tensor, str]:
    """Diagonals taken, and axes dropped that have length 1 here but not elsewhere."""
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            i = letters.index(letter)
            j = letters.index(letter, i + 1)
            n = x.shape[i]
            if x.shape[j] != n:
                x = x.squeeze(i if n == 1 else j)
                letters = (
                    letters[:i] + letters[i + 1 :] if n == 1 else letters[:j] + letters[j + 1 :]
                )
                continue
            # The diagonal comes in front, so that it does not matter what lay between.
            order = [i, j] + [k for k in range(len(letters)) if k not in (i, j)]
            along = xp.arange(n, like=x._data)
            x = unary(Slice, x.permute(order), (along, along))
            letters = letter + "".join(letters[k] for k in order[2:])
    short = [i for i, c in enumerate(letters) if x.shape[i] == 1 != sizes[c]]
    if short:
        x = x.squeeze(tuple(short))
        letters = "".join(c for i, c in enumerate(letters) if i not in short)
    return x, letters


def _summed(x: Tensor, letters: str, needed: set[str]) -> tuple[Tensor, str]:
    """Sum over the axes that nothing needs."""
    axes = tuple([i for i, c in enumerate(letters) if c not in needed])
    if not axes:
        return x, letters
    return x.sum(axes), "".join(c for c in letters if c in needed)


def _product(x: Tensor, of_x: str, y: Tensor, of_y: str, later: set[str]) -> tuple[Tensor, str]:
    """The product of two operands, summed over what only they have and nothing needs later."""
    x, of_x = _summed(x, of_x, later | set(of_y))
    y, of_y = _summed(y, of_y, later | set(of_x))
    shared = [c for c in of_x if c in of_y]
    batch = "".join(c for c in shared if c in later)
    inner = "".join(c for c in shared if c not in later)
    rows = "".join(c for c in of_x if c not in of_y)
    columns = "".join(c for c in of_y if c not in of_x)
    size = dict(zip(of_x, x.shape)) | dict(zip(of_y, y.shape))

    def lengths(letters: str) -> list[int]:
        return [size[c] for c in letters]

    def matrices(t: Tensor, have: str, first: str, second: str) -> Tensor:
        want = batch + first + second
        if have != want:
            t = t.permute([have.index(c) for c in want])
        return t.reshape(*lengths(batch), prod(lengths(first)), prod(lengths(second)))

    if not inner and not rows and not columns:
        return x * (y if of_x == of_y else y.permute([of_y.index(c) for c in of_x])), of_x
    out = matrices(x, of_x, rows, inner) @ matrices(y, of_y, inner, columns)
    return out.reshape(*lengths(batch + rows + columns)), batch + rows + columns
