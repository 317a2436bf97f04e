"""Where a graded cell is content with an answer that says nothing.

A loop over a short list finds nothing wrong, squares of whole numbers wrap below zero, broadcasting
counts a right label once for each row, and losses and points that student code names are whatever
it likes. NaN, which is neither larger nor smaller than any limit, may come of a division by zero;
and where the tests speak of NaN, infinity or emptiness, answers may hold it. Right answers never
show any of that, so the author is told.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Set

from nncourse.grading.syntax import ORDERED, last_name, root
from nncourse.grading.theirs import Theirs
from nncourse.language import catalogue

_ = catalogue("course")

CLOSE = {"allclose", "assert_allclose", "assert_array_equal", "assert_almost_equal"}
CLOSE |= {"assert_array_almost_equal", "assert_equal"}
SIZES = {"shape", "size", "ndim"}
COUNTED = {"len", "set", "sorted", "keys", "shape"}
LOGARITHMS = {"log", "log2", "log10"}
MEASURES = re.compile("loss|error|acc|score|cost")
FINITE = {"isnan", "isfinite"}
ABSOLUTE = {"abs", "absolute"}
PARSING = {"float", "complex", "loads", "literal_eval", "loadtxt", "genfromtxt", "fromstring"}
PARSING |= {"frombuffer", "unpack"}  # of a text or bytes, which may spell NaN
UNDEFINED = {"divide", "true_divide", "log", "exp", "sqrt", "power", "corrcoef", "softmax"}


def content(
    cell: ast.Module,
    foreign: Iterable[str],
    derived: Iterable[str] = (),
    spoken: Set[str] = frozenset(),
) -> Iterator[tuple[ast.AST, str]]:
    """The places, and what to do. ``foreign``: the names in the cell that are the student's;
    ``derived``: those of what was made of these before. ``spoken``: odd kinds of values that are
    let through, see ``nncourse.grading.spoken``.
    """
    yield from _Content(cell, set(foreign), set(derived), spoken).found()


class _Content(Theirs):
    def __init__(
        self, cell: ast.Module, foreign: set[str], derived: set[str], spoken: Set[str]
    ) -> None:
        super().__init__(cell, foreign, derived)
        self.spoken = spoken

    def found(self) -> Iterator[tuple[ast.AST, str]]:
        sized = any(map(self._asks_for_size, self.nodes))
        compared = any(map(self._asks_for_values, self.nodes))
        nan = self._nan_may_come() and not self.words & FINITE
        wide = self._widens()
        for node in self.nodes:
            if nan and self._lets_nan_pass(node):
                yield (
                    node,
                    _(
                        "NaN passes here, since every comparison with it is false: ask for what is "
                        "right (assert error < limit), not for what is wrong"
                    ),
                )
            if "empty" in self.spoken and not sized and self._broadcasts(node):
                yield node, _("an answer without any elements passes here: compare shapes first")
            if not sized and self._looks_at_each(node):
                yield (
                    node,
                    _(
                        "an answer that is too short passes here: compare lengths or shapes first, "
                        "or zip(..., strict=True)"
                    ),
                )
            if not sized and self._counts(node):
                yield (
                    node,
                    _(
                        "an answer with many values for each of these passes here: compare shapes "
                        "first, or take np.mean"
                    ),
                )
            if "inf" in self.spoken and not wide and self._divides(node):
                yield (
                    node,
                    _("huge numbers pass here, whose squares overflow: divide by what is right"),
                )
            if not wide and self._wraps(node):
                yield (
                    node,
                    _(
                        "huge whole numbers pass here, whose squares and sums wrap below zero: "
                        "compute with .astype(float)"
                    ),
                )
            if not compared and isinstance(node, ast.Assert):
                yield from self._limits(node.test)
        last = self.cell.body[-1] if self.cell.body else None
        if isinstance(last, ast.Expr) and self.word(last.value):
            yield last, _("the points are what the student's code says: compute them from values")

    def _limits(self, test: ast.expr) -> Iterator[tuple[ast.AST, str]]:
        """Where nothing else is asked: losses that are told, or may be as low as one likes."""
        if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ORDERED):
            return
        measure = self.told(test.left)
        if MEASURES.search(measure):
            text = _("{name} is what the student's code says: compute it from values", name=measure)
            yield test, text
        if any(
            isinstance(part, ast.Call)
            and last_name(part.func) in LOGARITHMS
            and any(map(self.theirs, part.args))
            for part in self.limited(test, ORDERED)
        ):
            yield test, _("huge numbers pass for probabilities: see first that they sum to 1")

    def _asks_for_size(self, node: ast.AST) -> bool:
        """Whether it compares how much there is of what is the student's."""
        if isinstance(node, ast.Attribute):
            return node.attr in SIZES and self.theirs(node)
        return isinstance(node, ast.Compare) and any(
            isinstance(part, ast.Call) and last_name(part.func) in COUNTED and self.theirs(part)
            for part in ast.walk(node)
        )

    def _asks_for_values(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Compare):
            return isinstance(node.ops[0], ast.Eq) and self.theirs(node)
        called = last_name(node.func) if isinstance(node, ast.Call) else ""
        return called in CLOSE | {"isclose", "approx"} and self.theirs(node)

    def _counts(self, node: ast.AST) -> bool:
        """Whether it counts equal values, of which broadcasting makes as many as it likes."""
        if not isinstance(node, ast.Call) or last_name(node.func) not in ("sum", "count_nonzero"):
            return False
        counted = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        return any(
            isinstance(value, ast.Compare)
            and isinstance(value.ops[0], ast.Eq)
            and self.theirs(value)
            for value in counted
        )

    def _nan_may_come(self) -> bool:
        """From answers, or of a test's own computing with zeros, large numbers or texts."""
        divides = any(isinstance(node, ast.Div) for node in self.nodes)
        called = {last_name(node.func) for node in self.nodes if isinstance(node, ast.Call)}
        undefined = self.words & UNDEFINED or called & PARSING
        return "nan" in self.spoken or divides or bool(undefined)

    def _widens(self) -> bool:
        """Whether it makes floats of what may be whole numbers."""
        return "float64" in self.words or any(
            isinstance(node, ast.Call)
            and last_name(node.func) == "astype"
            and "float" in ast.unparse(node)
            for node in self.nodes
        )

    def _lets_nan_pass(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.UnaryOp):
            return isinstance(node.test.op, ast.Not) and self.compares(node.test)
        if isinstance(node, ast.If) and self.compares(node.test):
            return any(map(_takes_away, node.body))
        if isinstance(node, ast.IfExp) and self.compares(node.test):
            return isinstance(node.body, ast.Constant) and not node.body.value
        if isinstance(node, ast.Call) and _is_first_of(node):
            return self.theirs(node.args[0])
        if isinstance(node, ast.Call) and last_name(node.func) == "min" and len(node.args) > 1:
            first, *others = node.args
            return not self.theirs(first) and any(map(self.theirs, others))
        return False

    def _looks_at_each(self, node: ast.AST) -> bool:
        if isinstance(node, ast.For):
            return self._may_be_short(node.iter) and any(map(_judges, ast.walk(node)))
        if isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.SetComp)):
            zipped = [part.iter for part in node.generators if _is_zip(part.iter)]
            return any(map(self._may_be_short, zipped))
        if isinstance(node, ast.Call) and last_name(node.func) in ("all", "any") and node.args:
            each = node.args[0]
            return isinstance(each, (ast.GeneratorExp, ast.ListComp)) and any(
                self._may_be_short(part.iter) and not _is_zip(part.iter) for part in each.generators
            )
        return False

    def _may_be_short(self, values: ast.expr) -> bool:
        if isinstance(values, ast.Call) and last_name(values.func) in ("zip", "enumerate"):
            strict = any(keyword.arg == "strict" for keyword in values.keywords)
            return not strict and any(map(self._may_be_short, values.args))
        name = isinstance(values, ast.Name) and values.id in self.values
        called = isinstance(values, ast.Call) and root(values.func) in self.foreign | self.values
        return name or called

    def _made_plain(self, node: ast.expr) -> bool:
        """Whether an empty array of the student's becomes one that agrees with everything."""
        called = isinstance(node, ast.Call) and last_name(node.func) in ("array", "asarray")
        return called and self.theirs(node)

    def _broadcasts(self, node: ast.AST) -> bool:
        if (
            not isinstance(node, ast.Call)
            or last_name(node.func) not in CLOSE
            or len(node.args) < 2
        ):
            return False
        one, other = node.args[:2]
        if last_name(node.func) == "allclose" and any(map(self._made_plain, node.args[:2])):
            return True
        return (_is_number(one) and self.theirs(other)) or (_is_number(other) and self.theirs(one))

    def _divides(self, node: ast.AST) -> bool:
        return any(
            isinstance(part, ast.BinOp)
            and isinstance(part.op, ast.Div)
            and self.theirs(part.left)
            and self.theirs(part.right)
            for part in self.below(node)
        )

    def _wraps(self, node: ast.AST) -> bool:
        """Squares of what is the student's, or sums of absolute values."""
        parts = list(self.below(node))
        names = {last_name(part.func) for part in parts if isinstance(part, ast.Call)}
        if names & {"sum"} and names & ABSOLUTE:
            return any(map(self.theirs, parts))
        return any(
            isinstance(part.left, ast.BinOp) and self.theirs(part.left)
            for part in parts
            if isinstance(part, ast.BinOp) and isinstance(part.op, (ast.Pow, ast.MatMult))
        ) or ("square" in names and any(map(self.theirs, parts)))


def _is_first_of(node: ast.Call) -> bool:
    """Whether it is Python's own largest or smallest of many, which NaN is if it comes first."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    return name in ("max", "min", "sorted") and len(node.args) == 1


def _is_zip(values: ast.expr) -> bool:
    return isinstance(values, ast.Call) and last_name(values.func) == "zip"


def _judges(node: ast.AST) -> bool:
    """Whether something is asserted there, or points are taken away."""
    called = last_name(node.func) if isinstance(node, ast.Call) else ""
    less = isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub)
    return less or isinstance(node, (ast.Assert, ast.Raise)) or called.startswith("assert")


def _takes_away(statement: ast.stmt) -> bool:
    """Whether points end there: an error, an assertion that fails, less points or none."""
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.op, ast.Sub)
    value = getattr(statement, "value", getattr(statement, "test", None))
    none = isinstance(value, ast.Constant) and not value.value
    return isinstance(statement, ast.Raise) or (
        isinstance(statement, (ast.Assert, ast.Assign)) and none
    )


def _is_number(node: ast.AST) -> bool:
    node = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float))
