"""Where the time of a program goes: operation by operation, forward and backward, with memory.

    with profile() as p:
        loss = criterion(model(x), y)
        loss.backward()
    print(p)

While a profile is on, each ``forward`` and ``backward`` passes through a clock; otherwise nothing
is in the way. Timing costs about a microsecond per operation, so tiny ones look a little slower.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from nncourse.autograd.function import Function
from nncourse.inspection.kept import blocks_in
from nncourse.inspection.tracing import replaced
from nncourse.language import catalogue

_ = catalogue("widgets")


@dataclass
class Line:
    """One kind of operation. Times in seconds; kept: bytes saved for the backward pass."""

    name: str
    calls: int = 0
    forward: float = 0.0
    backward_calls: int = 0
    backward: float = 0.0
    kept: int = 0

    @property
    def seconds(self) -> float:
        return self.forward + self.backward


class profile:
    """Measures the operations inside its ``with``, in this thread; prints as a table.

    lines: what was measured, by operation, the slowest first. seconds: from beginning to end; what
    the operations do not account for is the program's own time, the engine's and the optimiser's.
    An array that several operations have saved counts for the first of them.
    """

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._inside: list[float] = []  # the time of operations within operations
        self._seen: dict[int, weakref.ref[Any]] = {}
        self.seconds = 0.0

    @property
    def lines(self) -> list[Line]:
        return sorted(self._lines.values(), key=lambda line: -line.seconds)

    def __enter__(self) -> profile:
        self._thread = threading.get_ident()
        self._stack = ExitStack()
        self._stack.enter_context(replaced("forward", self._timed("forward")))
        self._stack.enter_context(replaced("backward", self._timed("backward")))
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._start
        self._stack.close()
        self._seen.clear()

    def _timed(self, way: str) -> Callable[[type[Function], Any], Any]:
        clock, inside = time.perf_counter, self._inside

        def wrap(kind: type[Function], original: Any) -> Any:
            def timed(node: Function, *args: Any) -> Any:
                if threading.get_ident() != self._thread:
                    return original(node, *args)
                inside.append(0.0)
                start = clock()
                try:
                    return original(node, *args)
                finally:
                    spent = clock() - start
                    own = spent - inside.pop()
                    if inside:
                        inside[-1] += spent
                    self._note(type(node).__name__, way, own, node)

            return timed

        return wrap

    def _note(self, name: str, way: str, seconds: float, node: Function) -> None:
        line = self._lines.setdefault(name, Line(name))
        if way == "backward":
            line.backward_calls += 1
            line.backward += seconds
            return
        line.calls += 1
        line.forward += seconds
        for block in blocks_in(getattr(node, "saved", None)):
            known = self._seen.get(id(block))
            if known is None or known() is not block:
                self._seen[id(block)] = weakref.ref(block)
                line.kept += block.nbytes

    def __repr__(self) -> str:
        heads = [_("operation"), _("calls"), _("forward, ms"), _("backward, ms"), _("kept, MB")]
        cells = [heads]
        for line in self.lines:
            kept = f"{line.kept / 2**20:.2f}"
            times = f"{line.forward * 1e3:.3f}", f"{line.backward * 1e3:.3f}"
            cells.append([line.name, str(line.calls), *times, kept])
        widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
        rows = [
            "  ".join([row[0].ljust(widths[0]), *[c.rjust(w) for c, w in zip(row[1:], widths[1:])]])
            for row in cells
        ]
        rule = "─" * len(rows[0])
        spent = sum(line.seconds for line in self.lines)
        share = 100 * spent / self.seconds if self.seconds else 0.0
        total = _(
            "operations: {spent} of {seconds} ms ({share}%)",
            spent=f"{spent * 1e3:.1f}",
            seconds=f"{self.seconds * 1e3:.1f}",
            share=round(share),
        )
        return "\n".join([rows[0], rule, *rows[1:], rule, total])
