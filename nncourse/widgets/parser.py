"""A typed formula becomes a computation graph.

The text comes from a reader's keyboard, so it is parsed and never evaluated, every complaint names
the place and a likely mend, and the notation of mathematics (x², x^2, 2·x, −x) is understood.
Several statements build a graph with named intermediate values: ``b = a + a; c = b + b``.
Numbers are folded into the operation that uses them: ``2*x + 1`` has two operations and no node
for 2 or for 1.
"""

from __future__ import annotations

import ast
import difflib
import keyword
import math
import re
from dataclasses import replace

from nncourse.language import catalogue
from nncourse.widgets.expression import Expression, ExpressionError, Node
from nncourse.widgets.operations import (
    ARITHMETIC,
    FUNCTIONS,
    MOST_OPERANDS,
    Operation,
    constant_power,
    extremum,
)

_ = catalogue("widgets")

LONGEST = 400
MOST_NODES = 60
_CONSTANTS = {"pi": math.pi}
_NAMES = (*FUNCTIONS, "max", "min")
_SIGNS = {"^": "**", "²": "**2", "³": "**3", "·": "*", "×": "*", "−": "-", "\n": ";", "\t": " "}
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}


def parse(text: str) -> Expression:
    """Read a formula. Raises ExpressionError."""
    text = text.strip()
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.code = ""
        self.origin: list[int] = []  # place in the text of each character of the code
        for place, sign in enumerate(text):
            replacement = _SIGNS.get(sign, sign)
            self.code += replacement
            self.origin += [place] * len(replacement)
        self.nodes: list[Node] = []
        self.known: dict[str, int] = {}  # names of leaves and of named results
        self.defaults: dict[str, float] = {}
        self.assigned: set[str] = set()

    def read(self) -> Expression:
        if not self.text:
            raise ExpressionError(_("Type a formula, for example x*y + sin(x)."), self.text, 0, 0)
        if len(self.text) > LONGEST:
            message = _(
                "The formula has {n} characters; at most {most} are read.",
                n=len(self.text),
                most=LONGEST,
            )
            raise ExpressionError(message, self.text, LONGEST, len(self.text))
        try:
            module = ast.parse(self.code)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._unreadable(error) from None
        result: int | float = 0.0
        for statement in module.body:
            result = self._statement(statement)
        if not isinstance(result, int) or self.nodes[result].operation is None:
            raise self._error(
                module.body[-1],
                _("Nothing is computed here: use at least one variable and one operation."),
            )
        return self._finished(result)

    def _statement(self, statement: ast.stmt) -> int | float:
        if isinstance(statement, ast.Expr):
            return self._visit(statement.value)
        if not isinstance(statement, ast.Assign):
            raise self._error(statement, _("Write a formula, or name = formula."))
        name = statement.targets[0]
        if len(statement.targets) > 1 or not isinstance(name, ast.Name):
            raise self._error(statement, _("Write one name before the sign =."))
        if name.id in _NAMES or name.id in _CONSTANTS:
            raise self._error(
                name, _("{name} already has a meaning: choose another name.", name=name.id)
            )
        if name.id in self.assigned:
            raise self._error(name, _("{name} is given a value twice.", name=name.id))
        value = self._visit(statement.value)
        if name.id in self.known:  # also by its own formula
            raise self._error(name, _("{name} is used before it gets its value.", name=name.id))
        self.assigned.add(name.id)
        if isinstance(value, float):
            self.defaults[name.id] = value
            value = self._add(Node(name.id, None, (), *self._place(name)))
        elif not self.nodes[value].name:
            self.nodes[value] = replace(self.nodes[value], name=name.id)
        self.known[name.id] = value
        return value

    def _visit(self, tree: ast.expr) -> int | float:
        """The node that a piece of the formula becomes, or its value if it holds no variable."""
        if isinstance(tree, ast.Constant):
            return self._number(tree)
        if isinstance(tree, ast.Name):
            return self._name(tree)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.UAdd):
            return self._visit(tree.operand)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            return self._apply(tree, ARITHMETIC["neg"], (self._visit(tree.operand),))
        if isinstance(tree, ast.BinOp) and type(tree.op) in _OPERATORS:
            left, right = self._visit(tree.left), self._visit(tree.right)
            operation = ARITHMETIC[_OPERATORS[type(tree.op)]]
            if isinstance(tree.op, ast.Pow) and isinstance(right, float):
                return self._apply(tree, constant_power(right), (left,))
            return self._apply(tree, operation, (left, right))
        if isinstance(tree, ast.Call):
            return self._call(tree)
        raise self._error(
            tree,
            _(
                "Only + − * / ^, brackets and {functions} are known here.",
                functions=", ".join(_NAMES),
            ),
        )

    def _number(self, tree: ast.Constant) -> float:
        if isinstance(tree.value, bool) or not isinstance(tree.value, int | float):
            raise self._error(tree, _("Only numbers and names may stand here."))
        try:
            value = float(tree.value)
        except OverflowError:
            value = math.inf
        if math.isinf(value):
            raise self._error(tree, _("This number is too large."))
        return value

    def _name(self, tree: ast.Name) -> int | float:
        if tree.id in _CONSTANTS:
            return _CONSTANTS[tree.id]
        if tree.id in _NAMES:
            raise self._error(tree, _("{name} is a function: write {name}(…).", name=tree.id))
        if tree.id not in self.known:
            self.known[tree.id] = self._add(Node(tree.id, None, (), *self._place(tree)))
        return self.known[tree.id]

    def _call(self, tree: ast.Call) -> int | float:
        if not isinstance(tree.func, ast.Name):
            raise self._error(tree, _("There is no sign between two factors: write a*(b)."))
        name = tree.func.id
        if name not in _NAMES:
            raise self._error(tree.func, self._unknown_function(name))
        operands = tuple(self._visit(argument) for argument in tree.args)
        if tree.keywords:
            raise self._error(tree, _("Only numbers and names may stand here."))
        if name in FUNCTIONS:
            if len(operands) != 1:
                raise self._error(
                    tree, _("{name} takes one number, {n} are given.", name=name, n=len(operands))
                )
            return self._apply(tree, FUNCTIONS[name], operands)
        if not 2 <= len(operands) <= MOST_OPERANDS:
            raise self._error(
                tree,
                _(
                    "{name} takes 2 to {most} numbers, {n} are given.",
                    name=name,
                    most=MOST_OPERANDS,
                    n=len(operands),
                ),
            )
        return self._apply(tree, extremum(name, len(operands)), operands)

    def _unknown_function(self, name: str) -> str:
        if name in self.known or len(name) == 1:
            return _("{name} is not a function; to multiply, write {name}*(…).", name=name)
        near = difflib.get_close_matches(name, _NAMES, 1, 0.5)
        aliases = {
            "ln": "log",
            "logistic": "sigmoid",
            "th": "tanh",
            "tg": "sin(x)/cos(x)",
            "tan": "sin(x)/cos(x)",
            "σ": "sigmoid",
        }
        mend = aliases.get(name) or (near[0] if near else "")
        if mend:
            return _("There is no function {name}. Did you mean {mend}?", name=name, mend=mend)
        return _(
            "There is no function {name}; known are {functions}.",
            name=name,
            functions=", ".join(_NAMES),
        )

    def _apply(
        self, tree: ast.expr, operation: Operation, operands: tuple[int | float, ...]
    ) -> int | float:
        if any(isinstance(u, int) for u in operands):
            return self._add(Node("", operation, operands, *self._place(tree)))
        try:
            return float(operation.value(*operands))
        except (ValueError, ZeroDivisionError, OverflowError):
            raise self._error(tree, _("This number is not defined or too large.")) from None

    def _add(self, node: Node) -> int:
        if len(self.nodes) >= MOST_NODES:
            raise ExpressionError(
                _("The graph would have more than {most} nodes.", most=MOST_NODES),
                self.text,
                node.start,
                node.end,
            )
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _finished(self, output: int) -> Expression:
        """Drop what the output does not need, and name the rest."""
        needed = {output}
        for i in range(output, -1, -1):
            if i in needed:
                needed.update(self.nodes[i].inputs)
        order = sorted(needed)
        new = {old: i for i, old in enumerate(order)}
        taken = {self.nodes[old].name for old in order} | set(_NAMES)
        fresh = (name for k in range(1, 10**6) if (name := f"v{k}") not in taken)
        nodes = []
        for old in order:
            node = self.nodes[old]
            name = node.name
            if not name:
                final = [n for n in ("f", "L", "out") if n not in taken] if old == output else []
                name = final[0] if final else next(fresh)
            operands = tuple(new[u] if isinstance(u, int) else u for u in node.operands)
            nodes.append(replace(node, name=name, operands=operands))
        names = {node.name for node in nodes if node.operation is None}
        defaults = {name: v for name, v in self.defaults.items() if name in names}
        return Expression(self.text, nodes, defaults)

    def _place(self, tree: ast.AST) -> tuple[int, int]:
        # ast counts bytes of UTF-8; the reader counts characters of what was typed.
        raw = self.code.encode()

        def at(column: int) -> int:
            return len(raw[:column].decode(errors="ignore"))

        start, end = at(tree.col_offset), at(tree.end_col_offset)  # type: ignore[attr-defined]
        return self.origin[start], self.origin[end - 1] + 1

    def _error(self, tree: ast.AST, message: str) -> ExpressionError:
        return ExpressionError(message, self.text, *self._place(tree))

    def _unreadable(self, error: Exception) -> ExpressionError:
        """A reason in the reader's words for what Python's parser rejects."""
        text = self.text
        open_brackets: list[int] = []
        for place, sign in enumerate(text):
            if sign == "(":
                open_brackets.append(place)
            elif sign == ")":
                if not open_brackets:
                    return ExpressionError(
                        _("This bracket closes nothing."), text, place, place + 1
                    )
                open_brackets.pop()
        if open_brackets:
            place = open_brackets[-1]
            return ExpressionError(_("This bracket is not closed."), text, place, place + 1)
        if missing := re.search(r"(?<![\w.])\d[\d.]*\s*[^\W\d]\w*|[\w.)]\s+[\w(]|\)\s*\w", text):
            # 2e5 is a number and 'x and y' is not two factors, but Python reads those itself.
            return ExpressionError(
                _("A sign is missing here: write 2*x for two times x."),
                text,
                missing.start(),
                missing.end(),
            )
        for word in re.finditer(r"[^\W\d]\w*", text):
            if keyword.iskeyword(word.group()):
                return ExpressionError(
                    _("{name} already has a meaning: choose another name.", name=word.group()),
                    text,
                    word.start(),
                    word.end(),
                )
        column = getattr(error, "offset", None) or 1
        place = self.origin[min(column, len(self.origin)) - 1]
        return ExpressionError(
            _("The formula cannot be read from here on."), text, place, len(text)
        )
