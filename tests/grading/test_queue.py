"""How items are dealt out to workers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nncourse.grading import queue
from nncourse.grading.queue import Workers
from nncourse.grading.worker import WorkerLost


class Line:
    """A worker that answers at once, and notes what happens in which order."""

    happened: list[str] = []
    lose: set[bytes] = set()

    def __init__(self, unsafe: bool = False) -> None:
        self.connection = self
        self.item = b""

    def send(self, assignment: bytes, item: bytes) -> None:
        self.item = item
        self.happened.append(f"sent {item.decode()}")

    def receive(self) -> bytes:
        if self.item in self.lose:
            self.lose.discard(self.item)
            raise WorkerLost("gone")
        return self.item.upper()

    def close(self) -> None:
        pass

    kill = close


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> type[Line]:
    monkeypatch.setattr(queue, "Worker", Line)
    monkeypatch.setattr(queue, "wait", list)
    monkeypatch.setattr(Line, "happened", [])
    monkeypatch.setattr(Line, "lose", set())
    return Line


def items(names: str) -> Iterator[tuple[str, bytes]]:
    for name in names:
        Line.happened.append(f"made {name}")
        yield name, name.encode()


def run(names: str, count: int) -> dict[str, bytes | WorkerLost]:
    found = {}
    for key, result in Workers(count).run(b"", items(names)):
        Line.happened.append(f"took {key}")
        found[key] = result
    return found


def test_a_worker_has_its_next_item_before_its_result_is_taken(line: type[Line]) -> None:
    assert run("abc", 1) == {"a": b"A", "b": b"B", "c": b"C"}
    assert line.happened == [
        "made a",
        "sent a",
        "made b",
        "sent b",
        "took a",
        "made c",
        "sent c",
        "took b",
        "took c",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_every_item_comes_back_once_though_workers_are_lost(line: type[Line], count: int) -> None:
    line.lose |= {b"b", b"e"}
    assert run("abcdef", count) == {name: name.upper().encode() for name in "abcdef"}
    assert line.happened.count("sent b") == 2


def test_no_more_is_made_than_workers_will_soon_use(line: type[Line]) -> None:
    made = 0
    for name in (run("abcdefgh", 2), line.happened)[1]:
        made += name.startswith("made") - name.startswith("took")
        assert made <= 2 + 2 + 1


def test_nothing_to_do(line: type[Line]) -> None:
    assert run("", 2) == {}
