"""Rows of a formula: what stands side by side, with TeX's spaces between.

A browser takes the space around a sign from a dictionary of its own, which knows less than TeX: a
minus behind an equals sign is no subtraction. So each sign gets its spaces here, written out, when
its neighbours are known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import escape

# Spaces before and after an operator, in em; TeX drops those of the first two inside of scripts.
SPACING = {
    "bin": (0.222, 0.222),
    "rel": (0.278, 0.278),
    "punct": (0, 0.167),
    "big": (0.167, 0.167),
}


class FormulaError(ValueError):
    """A formula that can't be converted; the message says which command or brace it is."""


@dataclass(frozen=True)
class Atom:
    """A piece of a formula: its MathML, and what decides on the space around it.

    ``kind``: ord, bin, rel, punct, open, close, big (a sum), fn (a name such as max) or space.
    ``bare``: the text of an operator that is written when its neighbours are known.
    ``limits``: scripts go below and above it.
    """

    xml: str
    kind: str = "ord"
    bare: str = ""
    limits: bool = False


NO_SPACE = 'lspace="0em" rspace="0em"'
_SIDES = {"l": "left", "c": "center", "r": "right"}


def fence(bracket: str) -> str:
    return f'<mo stretchy="true" fence="true" {NO_SPACE}>{bracket}</mo>' if bracket else ""


def function_name(text: str) -> str:
    text = re.sub(r"\\[,;: ]", "\u2009", text.strip())
    if "\\" in text:
        raise FormulaError(f"a command inside of a name: {text}")
    single = ' mathvariant="normal"' if len(text) == 1 else ""
    return f"<mi{single}>{escape(text)}</mi>"


def table_row(cells: list[str], align: str) -> str:
    made = ""
    for number, cell in enumerate(cells):
        side = _SIDES[align[number % len(align)]]
        # Columns that are aligned at their border touch there.
        touch = "0.3em 0" if align == "rl" else "0.3em 0.4em"
        # Chromium lays a cell's content out as a block, which only its own value moves.
        style = f"text-align:{side};text-align:-webkit-{side};padding:{touch}"
        made += f'<mtd style="{style}">{cell}</mtd>'
    return f"<mtr>{made}</mtr>"


def numbers(atoms: list[Atom]) -> list[Atom]:
    """Digits, and a point between two of them, as one number."""
    made: list[Atom] = []
    for index, atom in enumerate(atoms):
        digit = re.fullmatch(r"<mn>(.*)</mn>|<m(?:sub|sup|subsup)><mn>(.*?)</mn>(.*)", atom.xml)
        after = atoms[index + 1].xml if index + 1 < len(atoms) else ""
        last = made[-1].xml if made else ""
        number = re.fullmatch(r"<mn>(.*)</mn>", last)
        if atom.bare == "." and number and after.startswith(("<mn>", "<msup><mn>")):
            made[-1] = Atom(f"<mn>{number[1]}.</mn>")
        elif digit and number:
            made[-1] = replace(atom, xml=atom.xml.replace("<mn>", f"<mn>{number[1]}", 1))
        else:
            made.append(atom)
    return made


def join(atoms: list[Atom], tight: bool) -> str:
    """A row: operators with TeX's spaces, and a thin space beside the names of functions."""
    kinds = [atom.kind for atom in atoms if atom.kind != "space"]
    made, index = [], 0
    for atom in atoms:
        if atom.kind == "space":
            made.append(atom.xml)
            continue
        before = kinds[index - 1] if index else ""
        after = kinds[index + 1] if index + 1 < len(kinds) else ""
        index += 1
        if atom.kind == "fn":
            thin = '<mspace width="0.167em"></mspace>'
            made.append(thin if before in ("ord", "close", "fn") else "")
            made += [atom.xml, thin if after == "ord" else ""]
        else:
            made.append(operator(atom, (before, after), tight) if atom.bare else atom.xml)
    whole = "".join(made)
    return whole if len(atoms) == 1 and made == [whole] else f"<mrow>{whole}</mrow>"


def operator(atom: Atom, beside: tuple[str, str], tight: bool) -> str:
    before, after = beside
    kind = atom.kind
    # A sign: nothing to add it to stands before it, or nothing after.
    if kind == "bin" and (
        before in ("", "bin", "rel", "punct", "open", "big", "fn")
        or after in ("", "rel", "close", "punct")
    ):
        kind = "ord"
    left, right = SPACING.get(kind, (0, 0))
    if kind == "big":
        left, right = (left if before in ("ord", "close") else 0), (0 if after == "open" else right)
    if kind == "rel" and before in ("", "rel"):
        left = 0
    if (tight and kind in ("bin", "rel")) or not after:
        right = 0
    if tight and kind in ("bin", "rel"):
        left = 0
    # Without "form" the place in the row decides, and with it whether a bracket grows.
    large = ' largeop="true" movablelimits="true"' if kind == "big" else ' stretchy="false"'
    space = f'lspace="{left}em" rspace="{right}em"'
    return f'<mo form="infix" {space}{large}>{escape(atom.bare)}</mo>'
