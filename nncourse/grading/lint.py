"""What graded cells ask for that an oracle can't give, told to their author.

Graded cells run apart from the answers (``nncourse.grading.oracle``): what is the student's is
reached by calls, attributes and plain values only. Most tests never notice. These rules find the
habits that do not carry over, without running anything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from nncourse.grading.assignment import Assignment, role_of
from nncourse.grading.cells import Cell
from nncourse.grading.content import content
from nncourse.grading.effects import CHANGING
from nncourse.grading.elsewhere import CAN, elsewhere
from nncourse.grading.given import Given
from nncourse.grading.names import names, statements
from nncourse.grading.sandbox.inside.cells import parse
from nncourse.grading.sandbox.inside.magics import MAGIC
from nncourse.grading.syntax import last_name, root
from nncourse.grading.word import word
from nncourse.language import catalogue

_ = catalogue("course")

INSPECTING = {"getsource", "signature", "getsourcelines", "getfullargspec", "help", "vars", "dir"}
INDIRECT = {"globals", "locals", "eval", "exec", "get_ipython"}
RUNNING = {"eval", "exec", "compile", "open", "system", "popen", "run", "load", "loads"}
RUNNING |= {"fullmatch", "search", "Path", "import_module", "__import__", "read_csv", "loadtxt"}
RUNNING |= {"execute", "executescript", "sympify", "parse_expr", "timeit", "Popen", "check_output"}
RUNNING |= {"check_call", "getoutput", "run_docstring_examples"}
NOTES = ("__name__", "__call__", "__doc__")
PLAIN = {"int", "float", "complex", "bool", "str", "bytes", "list", "tuple", "dict", "set"}
PLAIN |= {"frozenset", "object", "Iterable", "Sequence", "Mapping", "Number", "Integral", "Real"}
PLAIN |= {"NoneType", "ndarray"} | CAN
LASTING = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Remark:
    """One finding: the cell, its line, and what to do."""

    cell: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.cell}, {self.line}: {self.text}"


def lint(assignment: Assignment) -> list[Remark]:
    """The remarks on all graded cells of an assignment, in their order, and on what they need of
    other cells.
    """
    given = Given(assignment.rules["in_place"])
    before: list[tuple[Cell, ast.stmt]] = []
    found: list[Remark] = []
    for cell in assignment.cells:
        if role_of(assignment.notebook["cells"][cell.index]).get("task"):
            text = _(
                "what students add for a task is shown to you as text and code; the code is not "
                "run, and its pictures are not there"
            )
            found.append(Remark(cell.name, 1, text))
        if cell.kind == "tests":
            found += _Cell(assignment, cell, given).remarks(before)
        if cell.kind in ("readonly", "plain"):
            steps = assignment.plan.steps.get(cell.index, ())
            foreign = set(assignment.functions).union(*(step.foreign for step in steps))
            own = [s.statement for s in steps if s.theirs and s.statement is not None]
            everything = ast.Module(statements(cell.source), [])
            rules = _Cell(assignment, cell, given, foreign)
            found += rules.remarks_on(everything, ast.Module(own, []))
            before += [(cell, statement) for statement in own]
    roles = [role_of(cell) for cell in assignment.notebook["cells"]]
    if not any(role.get("grade") or role.get("task") for role in roles):
        text = _("no cell is graded, so nobody gets points, nor a line in any list of scores")
        found.append(Remark(assignment.name, 1, text))
    return list(dict.fromkeys(found))


class _Cell:
    def __init__(
        self, assignment: Assignment, cell: Cell, given: Given, foreign: Set[str] | None = None
    ) -> None:
        self.assignment = assignment
        self.cell = cell
        self.given = given
        self.foreign = assignment.plan.foreign[cell.index] if foreign is None else foreign
        self.theirs = self.foreign | assignment.plan.derived.get(cell.index, frozenset())

    def remarks(self, before: Sequence[tuple[Cell, ast.stmt]]) -> list[Remark]:
        """Every rule's for a graded cell, in the order of lines.

        ``before``: what was made of the student's in other cells.
        """
        plan = self.assignment.plan
        try:
            tree = parse(self.cell.source)
        except SyntaxError as error:
            return [Remark(self.cell.name, error.lineno or 1, _("it is no Python"))]
        found = [*self._magics(), *self._names(tree), *self.remarks_on(tree, tree)]
        made, taken = plan.made_there & self.foreign, plan.taken_over & self.foreign
        found += [self._at(node, text) for node, text in word(tree, made, taken)]
        owners = {node: cell for cell, statement in before for node in ast.walk(statement)}
        whole = ast.Module([*(statement for _cell, statement in before), *tree.body], [])
        derived, spoken = plan.derived[self.cell.index], self.assignment.spoken
        for node, text in content(whole, self.foreign, derived, spoken):
            owner = owners.get(node, self.cell)
            found.append(Remark(owner.title, getattr(node, "lineno", 1), text))
        return sorted(set(found), key=lambda remark: (remark.line, remark.text))

    def remarks_on(self, tree: ast.Module, theirs: ast.Module) -> list[Remark]:
        """Those on code, of which ``theirs`` runs the student's. The rest is there to look at."""
        lines = {line for s in theirs.body for line in range(s.lineno, (s.end_lineno or 0) + 1)}
        found = [remark for remark in self._given(tree) if remark.line in lines]
        for node in ast.walk(theirs):
            if isinstance(node, ast.Assign) and self._is_theirs(node.value):
                self.theirs |= {part.id for part in node.targets if isinstance(part, ast.Name)}
        for node in ast.walk(theirs):
            found += [self._at(node, text) for text in self._node(node)]
        modules = self.assignment.plan.modules
        found += [self._at(*place) for place in elsewhere(theirs, modules, self._has_theirs)]
        return found

    def _at(self, node: ast.AST, text: str) -> Remark:
        return Remark(self.cell.title, getattr(node, "lineno", 1), text)

    def _magics(self) -> Iterator[Remark]:
        for number, line in enumerate(self.cell.source.splitlines(), 1):
            magic = MAGIC.match(line)
            if magic and not magic["timed"] and not line.rstrip().endswith("?"):
                yield Remark(self.cell.name, number, _("magics and shell commands are passed over"))

    def _names(self, tree: ast.Module) -> Iterator[Remark]:
        """Names that this cell assigns for code that runs in the sandbox."""
        made = names(self.cell.source).binds
        later = self._read_later()
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Name)
                and isinstance(node.ctx, ast.Store)
                and node.id in made & (self.foreign | later)
            ):
                text = _(
                    "{name} is assigned here, but answers don't see it: they run elsewhere. "
                    "Pass it as an argument, or set it in a cell that is not graded",
                    name=node.id,
                )
                yield self._at(node, text)

    def _read_later(self) -> set[str]:
        """Names that answers read, and other cells once this one has run."""
        found = {name for defined in self.assignment.defines.values() for name in defined}
        for cell in self.assignment.cells:
            if cell.kind not in ("tests", "text"):
                reads = names(cell.source).reads
                if cell.index < self.cell.index and not cell.is_answer:
                    reads &= {name for part in _lasting(cell.source) for name in names(part).reads}
                found |= reads
        return found

    def _given(self, tree: ast.Module) -> Iterator[Remark]:
        """What the student's code can change until it fits, or give back; and changes that it can't
        make."""
        for name, function in self.given.given_back(tree, self.foreign):
            text = _(
                "{function} was given {name} before, and an answer can give it back: compare with "
                "data that the student's code has not had",
                function=function,
                name=name.id,
            )
            yield self._at(name, text)
        for name, seen in self.given.read_late(tree, self.foreign):
            text = _(
                "{name} is read after the student's code was given it, and may be changed by then: "
                "compute what is right before the call, or give a copy",
                name=name.id,
            )
            if not seen:
                text = _(
                    "no change to {name} is seen: an answer changes its own copy of an argument. "
                    "If it is asked to change it, or to leave it alone, list it in the rules of "
                    'grading: "in_place": ["its name"]',
                    name=name.id,
                )
            yield self._at(name, text)

    def _node(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Call):
            yield from self._call(node)
        elif isinstance(node, ast.Compare):
            if sum(map(self._is_type, (node.left, *node.comparators))) > 1:
                yield _one_type()
        elif isinstance(node, ast.ExceptHandler):
            if node.type is not None and self._is_foreign(node.type):
                yield _caught()
        elif isinstance(node, ast.Attribute) and self._is_foreign(node.value):
            if node.attr.startswith("__") and node.attr not in NOTES:
                yield _("{what} of the student's code is out of reach here", what=node.attr)
        elif (
            isinstance(node, ast.Subscript)
            and not isinstance(node.ctx, ast.Load)
            and isinstance(node.value, ast.Attribute)
            and not self._is_module(node.value)
        ):
            yield _copy()

    def _call(self, node: ast.Call) -> Iterator[str]:
        name = last_name(node.func)
        if name in ("raises", "assertRaises") and any(map(self._is_foreign, node.args[:1])):
            yield _caught()
        if name in INDIRECT:
            yield _("{name}() finds the proxies here, not the student's code", name=name)
        if name in ("isinstance", "issubclass") and len(node.args) == 2:
            one, kind = node.args
            if self._is_foreign(kind) or (name == "issubclass" and self._is_foreign(one)):
                yield _(
                    "{name}() needs a class, and the student's is elsewhere: test what it does",
                    name=name,
                )
            elif isinstance(kind, ast.Call) and any(map(self._is_theirs, kind.args)):
                yield _one_type()
            elif self._is_theirs(one) and not _is_plain(kind):
                yield _(
                    "isinstance() is False of whatever isn't plain data: the student's objects are "
                    "elsewhere. Test what it does"
                )
        if name in CHANGING and isinstance(node.func, ast.Attribute):
            inner = node.func.value
            if isinstance(inner, ast.Attribute) and root(inner) in self.theirs:
                yield _copy()
        theirs = self._is_foreign if name == "run_docstring_examples" else self._has_theirs
        if name in RUNNING and any(map(theirs, node.args)):
            yield _(
                "{name}() does here, with your rights, what a text of the student's says: compare "
                "the text instead",
                name=name,
            )
        if name in INSPECTING and any(map(self._is_foreign, node.args)):
            yield _("{name}() can't look into the student's code from here", name=name)
        if self._is_foreign(node.func):
            for arg in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if any(part.attr == "reference" for part in _attributes(arg)):
                    yield _("the reference would go to the student's code: compare values instead")

    def _has_theirs(self, node: ast.AST) -> bool:
        """Whether a value of the student's is in it, beside functions of theirs."""
        return any(
            isinstance(part, (ast.Call, ast.Attribute, ast.Subscript, ast.Name))
            and root(part) in self.theirs
            and not (isinstance(part, ast.Name) and part.id in self.foreign)
            for part in ast.walk(node)
        )

    def _is_theirs(self, node: ast.AST) -> bool:
        """Whether it is what the student's code has made, or a part of that."""
        return root(node) in self.theirs

    def _is_type(self, node: ast.AST) -> bool:
        """Whether it is the type of something of theirs."""
        if isinstance(node, ast.Call):
            return last_name(node.func) == "type" and any(map(self._is_theirs, node.args))
        return isinstance(node, ast.Attribute) and node.attr == "__class__"

    def _is_foreign(self, node: ast.AST) -> bool:
        while isinstance(node, (ast.Attribute, ast.Call)):
            node = node.value if isinstance(node, ast.Attribute) else node.func
        return isinstance(node, ast.Name) and node.id in self.foreign

    def _is_module(self, node: ast.Attribute) -> bool:
        return root(node) in ("", "self", "np", "os", "plt")


def _is_plain(kind: ast.AST) -> bool:
    """Whether objects of this type come to this side as they are."""
    if isinstance(kind, (ast.Tuple, ast.BinOp)):
        parts = kind.elts if isinstance(kind, ast.Tuple) else [kind.left, kind.right]
        return any(map(_is_plain, parts))
    return last_name(kind) in PLAIN or root(kind) in ("np", "numpy", "numbers", "type")


def _lasting(source: str) -> Iterator[ast.stmt]:
    """The statements that make functions, which read names when they are called."""
    for statement in statements(source):
        named = isinstance(getattr(statement, "value", None), ast.Lambda)
        if named or any(isinstance(node, LASTING) for node in ast.walk(statement)):
            yield statement


def _copy() -> str:
    return _(
        "an array that is an attribute comes as a copy: change it and assign it "
        "(w = layer.W; w[0] = 1; layer.W = w)"
    )


def _one_type() -> str:
    return _("all objects of the student's are of one type here: test what they do")


def _caught() -> str:
    return _(
        "the class of a student's exception is elsewhere: catch Exception, and compare "
        "type(error).__name__"
    )


def _attributes(node: ast.AST) -> Iterator[ast.Attribute]:
    return (part for part in ast.walk(node) if isinstance(part, ast.Attribute))
