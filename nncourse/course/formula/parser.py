"""A formula in TeX, read by recursive descent; what it finds becomes MathML as it is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import escape

from nncourse.course.formula.row import (
    NO_SPACE,
    Atom,
    FormulaError,
    fence,
    function_name,
    join,
    numbers,
    operator,
    table_row,
)
from nncourse.course.formula.symbols import (
    ACCENTS,
    BIG,
    BRACES,
    CHARACTERS,
    DELIMITERS,
    ENVIRONMENTS,
    FONTS,
    FUNCTIONS,
    LETTERS,
    LIMITS,
    OPERATORS,
    SPACES,
    UPRIGHT,
    styled,
)

DEEPEST = 40  # pieces inside of pieces

_TOKEN = re.compile(r"\\operatorname\*|\\[A-Za-z]+|\\.|:=|\s+|.", re.DOTALL)
_SCRIPTS = ("_", "^", "'")


class Parser:
    """Recursive descent over the tokens of one formula."""

    def __init__(self, tex: str) -> None:
        self.tokens = _TOKEN.findall(tex)
        self.at = 0
        self.depth = 0
        self.font = ""
        self.in_script = False

    def formula(self) -> str:
        row = self.row(())
        if self.at < len(self.tokens):
            raise FormulaError(f"{self.tokens[self.at]} closes nothing")
        return row

    # Tokens

    def peek(self) -> str:
        """The next token that is no blank; '' at the end."""
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise FormulaError(f"expected {wanted or 'something more'}, got {token or 'the end'}")
        self.at += 1
        return token

    def raw(self) -> str:
        """The text of a group {...}, as it is written."""
        self.take("{")
        depth, text = 1, ""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            depth += (token == "{") - (token == "}")
            if not depth:
                return text
            text += token
        raise FormulaError("a brace is not closed")

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > DEEPEST:
            raise FormulaError(f"nested more than {DEEPEST} levels deep")
        yield
        self.depth -= 1

    # Rows and scripts

    def row(self, ends: tuple[str, ...], first: list[Atom] | None = None) -> str:
        """Everything up to one of ``ends`` (which is left), as one element, behind ``first``."""
        atoms = list(first or [])
        while (token := self.peek()) and token not in ends:
            if token in ("}", "&", "\\\\", "\\right", "\\end"):
                break
            atoms.append(self.scripted())
        return join(numbers(atoms), self.in_script)

    def scripted(self) -> Atom:
        """One atom with its subscript, superscript and primes."""
        atom = Atom("<mrow></mrow>") if self.peek() in _SCRIPTS else self.atom()
        while self.peek() in ("\\limits", "\\nolimits"):
            atom = replace(atom, limits=self.take() == "\\limits")
        below, above, primes = "", "", ""
        while (token := self.peek()) in _SCRIPTS:
            self.take()
            if token == "'":
                primes += "′"
            elif token == "_":
                below = self.script(below)
            else:
                above = self.script(above)
        if primes:
            # Fonts draw this sign small and high, to stand beside a letter and not above it.
            # Firefox lifts it too far unless it is told a height.
            sign = f'<mo style="font-size:1.4em">{primes}</mo>'
            mark = f'<mpadded voffset="-0.42em" height="0.7em">{sign}</mpadded>'
            above = f"<mrow>{mark}{above}</mrow>" if above else mark
        if not (below or above):
            return atom
        base = operator(atom, ("ord", "ord"), True) if atom.bare else atom.xml
        under, over = ("munder", "mover") if atom.limits else ("msub", "msup")
        tag = {(True, False): under, (False, True): over}.get(
            (bool(below), bool(above)), "munderover" if atom.limits else "msubsup"
        )
        return replace(atom, xml=f"<{tag}>{base}{below}{above}</{tag}>", bare="")

    def script(self, before: str) -> str:
        if before:
            raise FormulaError("two subscripts or two superscripts at one place: use braces")
        outer, self.in_script = self.in_script, True
        try:
            return self.argument()
        finally:
            self.in_script = outer

    def argument(self) -> str:
        """A group, or the single atom that stands in its place."""
        with self.deeper():
            return self.group() if self.peek() == "{" else join([self.atom()], self.in_script)

    def group(self) -> str:
        self.take("{")
        row = self.row(("}",))
        self.take("}")
        return row

    # Atoms

    def atom(self) -> Atom:
        with self.deeper():
            return self._atom()

    def _atom(self) -> Atom:
        token = self.peek()
        if token == "{":
            return Atom(self.group())
        self.take()
        if token[0] == "\\":
            return self.command(token)
        if token.isdigit():
            return Atom(f"<mn>{token}</mn>")
        if token in CHARACTERS:
            kind, text = CHARACTERS[token]
            return Atom("", kind, text)
        if token.isalpha():
            return Atom(self.letters(token))
        if token in "}&_^'#%$":
            raise FormulaError(f"{token} stands where it has no meaning")
        return Atom(f"<mi>{escape(token)}</mi>")

    def letters(self, text: str) -> str:
        """A letter as a variable; in a font of its own, all letters that follow make one name."""
        if not self.font:
            return f"<mi>{text}</mi>"
        while (token := self._next_letter()) and self.font != "bold":
            text += token
            self.at += 1
        if self.font == "normal":
            upright = ' mathvariant="normal"' if len(text) == 1 else ""
            return f"<mi{upright}>{text}</mi>"
        return f"<mi>{styled(text, self.font)}</mi>"

    def _next_letter(self) -> str:
        token = self.tokens[self.at] if self.at < len(self.tokens) else ""
        return token if len(token) == 1 and token.isalpha() else ""

    def command(self, name: str) -> Atom:
        word = name[1:]
        special: dict[str, Callable[[], Atom]] = {
            "frac": self.fraction,
            "dfrac": self.fraction,
            "tfrac": self.fraction,
            "binom": self.binomial,
            "sqrt": self.root,
            "left": self.fenced,
            "begin": self.environment,
            "operatorname": lambda: Atom(function_name(self.raw()), "fn"),
            "operatorname*": lambda: Atom(function_name(self.raw()), "fn", limits=True),
            "overset": lambda: self.stacked("mover"),
            "underset": lambda: self.stacked("munder"),
            "mathrel": lambda: Atom("", "rel", self.plain()),
            "mathbin": lambda: Atom("", "bin", self.plain()),
        }
        if word in special:
            return special[word]()
        if word in LETTERS:
            upright = ' mathvariant="normal"' if word in UPRIGHT else ""
            return Atom(f"<mi{upright}>{styled(LETTERS[word], self.font)}</mi>")
        if word in OPERATORS:
            kind, text = OPERATORS[word]
            return Atom("", kind, text, limits=kind == "big" and word not in ("int", "oint"))
        if word in FUNCTIONS:
            return Atom(function_name(FUNCTIONS[word]), "fn", limits=word in LIMITS)
        if word in SPACES:
            return Atom(f'<mspace width="{SPACES[word]}em"></mspace>', "space")
        if word in ("text", "textrm", "textbf", "textit", "texttt", "mbox"):
            return Atom(self.text(word))
        if word in FONTS:
            outer, self.font = self.font, FONTS[word]
            xml = self.argument()
            self.font = outer
            return Atom(xml)
        if word in ACCENTS:
            return self.accented(*ACCENTS[word])
        if word in BRACES:
            tag, brace = BRACES[word]
            return Atom(
                f'<{tag}>{self.argument()}<mo stretchy="true">{brace}</mo></{tag}>', limits=True
            )
        if word in BIG:
            size = f'minsize="{BIG[word]}em" maxsize="{BIG[word]}em"'
            kind = "open" if word.endswith("l") else "close" if word.endswith("r") else "ord"
            return Atom(f'<mo stretchy="true" {size} {NO_SPACE}>{self.delimiter()}</mo>', kind)
        raise FormulaError(f"unknown command {name}")

    def fraction(self) -> Atom:
        return Atom(f"<mfrac>{self.argument()}{self.argument()}</mfrac>")

    def binomial(self) -> Atom:
        inner = f'<mfrac linethickness="0">{self.argument()}{self.argument()}</mfrac>'
        return Atom(fence("(") + inner + fence(")"))

    def root(self) -> Atom:
        if self.peek() != "[":
            return Atom(f"<msqrt>{self.argument()}</msqrt>")
        self.take("[")
        degree = self.row(("]",))
        self.take("]")
        return Atom(f"<mroot>{self.argument()}{degree}</mroot>")

    def stacked(self, tag: str) -> Atom:
        mark, base = self.argument(), self.argument()
        return Atom(f"<{tag}>{base}{mark}</{tag}>", "rel")

    def accented(self, tag: str, mark: str, stretchy: bool) -> Atom:
        wide = "true" if stretchy else "false"
        attribute = "accent" if tag == "mover" else "accentunder"
        body = f'{self.argument()}<mo stretchy="{wide}">{mark}</mo>'
        return Atom(f'<{tag} {attribute}="true">{body}</{tag}>')

    def plain(self) -> str:
        """The text of a group of characters that make one operator, such as ``{:=}``."""
        return "".join(CHARACTERS.get(one, ("", one))[1] for one in self.raw().strip())

    def text(self, word: str) -> str:
        style = {"textbf": "font-weight:bold", "textit": "font-style:italic"}.get(word, "")
        style = "font-family:monospace" if word == "texttt" else style
        attribute = f' style="{style}"' if style else ""
        made = ""
        for number, part in enumerate(self.raw().split("$")):
            if number % 2:  # a formula inside of the text
                made += Parser(part).formula()
            elif part:
                part = re.sub(r"\\([ _%&#{}])", r"\1", part)
                if "\\" in part:
                    raise FormulaError(f"a command inside of a text: {part.strip()}")
                made += f"<mtext{attribute}>{escape(part.replace(' ', chr(0xA0)))}</mtext>"
        return f"<mrow>{made}</mrow>"

    # Brackets and tables

    def delimiter(self) -> str:
        token = self.take()
        found = DELIMITERS.get(token)
        if found is None:
            raise FormulaError(f"{token} is no bracket")
        return found

    def fenced(self) -> Atom:
        made = fence(self.delimiter())
        while True:
            made += self.row(("\\right", "\\middle"))
            token = self.take()
            if token not in ("\\right", "\\middle"):
                raise FormulaError(f"\\left without \\right, at {token}")
            made += fence(self.delimiter())
            if token == "\\right":
                return Atom(f"<mrow>{made}</mrow>")

    def environment(self) -> Atom:
        name = self.raw()
        if name not in ENVIRONMENTS:
            raise FormulaError(f"unknown environment {name}")
        before, after, align = ENVIRONMENTS[name]
        if name == "array":
            align = re.sub("[^lcr]", "", self.raw()) or "c"
        rows: list[list[str]] = [[]]
        while True:
            first = [] if not rows[-1] else [Atom("<mrow></mrow>")]  # what = is a relation to
            rows[-1].append(self.row(("&", "\\\\", "\\end"), first))
            token = self.take()
            if token == "\\end":
                break
            if token == "\\\\":
                rows.append([])
            elif token != "&":
                raise FormulaError(f"{token} inside of {name}")
        if self.raw() != name:
            raise FormulaError(f"{name} is ended by another name")
        lines = "".join(table_row(cells, align) for cells in rows if cells != ["<mrow></mrow>"])
        spread = ' displaystyle="true"' if name.startswith(("align", "gather")) else ""
        return Atom(
            f"<mrow>{before and fence(before)}<mtable{spread}>{lines}</mtable>"
            f"{after and fence(after)}</mrow>"
        )
