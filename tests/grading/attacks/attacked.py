"""A class of hostile submissions with honest students among them, graded as a lecturer grades it;
and what was seen around it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nncourse.course.files import Course
from nncourse.course.folder import CourseFolder
from nncourse.grading.results import Result, read_results
from nncourse.grading.sandbox.library import cache_folder
from tests.grading.attacks import Attack
from tests.grading.processes import orphans
from tests.grading.toy import KERNEL, make_released, role, submission

VICTIMS = ("00 before", "mm between", "zz after")
LIMITS: dict[str, float] = {
    "memory": 300 << 20,
    "cell_seconds": 1.5,
    "call_seconds": 1.0,
    "submission_seconds": 6.0,
    "folder_size": 16 << 20,
}
SETUP = """\
import os
import numpy as np
def points(f, most):
    rng = np.random.default_rng(int(os.environ.get("NNCOURSE_SEED", 0)))
    numbers = [int(n) for n in rng.integers(5, 1000, size=4)]
    return most * float(all(type(f(n)) is int and f(n) == n * n for n in numbers))"""
RIGHT = {
    "square_answer": "def square(x):\n    return x * x",
    "layer_answer": "class Scale:\n    def __init__(self, w):\n        self.w = w\n"
    "    def forward(self, x):\n        self.x = x\n        return x * self.w\n"
    "    def backward(self, dout):\n        self.dw = (dout * self.x).sum(axis=0)\n"
    "        return dout * self.w",
    "predict_answer": "def predict(x):\n    return (x.sum(axis=1) > 0).astype(int)",
    "why": "Because <b>so</b>.",
}
LAYER = """\
rng = np.random.default_rng(int(os.environ.get("NNCOURSE_SEED", 0)) + 1)
w, x, dout = rng.normal(size=3), rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
want = {"out": x * w, "dx": dout * w, "dw": (dout * x).sum(axis=0)}
layer = Scale(w.copy())
np.testing.assert_allclose(layer.forward(x.copy()), want["out"])
### BEGIN HIDDEN TESTS
np.testing.assert_allclose(layer.backward(dout.copy()), want["dx"])
np.testing.assert_allclose(layer.dw, want["dw"])
### END HIDDEN TESTS"""
PREDICT = """\
x = rng.normal(size=(300, 5))
10.0 * float(np.mean(predict(x) == (x.sum(axis=1) > 0)) > 0.9)"""


def write_course(root: Path, limits: Mapping[str, float]) -> Course:
    def answer(name):
        source = f"### BEGIN SOLUTION\n{RIGHT[name]}\n### END SOLUTION"
        return new_code_cell(source, metadata=role(name, "solution"))

    cells = [
        new_code_cell(SETUP, metadata=role("setup", "readonly")),
        answer("square_answer"),
        new_code_cell("points(square, 10)", metadata=role("square", "tests", 10)),
        answer("layer_answer"),
        new_code_cell(LAYER, metadata=role("layer", "tests", 10)),
        answer("predict_answer"),
        new_code_cell(PREDICT, metadata=role("predict", "tests", 10)),
        new_markdown_cell("The rubric.", metadata=role("why", "manual", 5)),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    rules = {"withheld": ["nncourse"], "packages": ["numpy"], "limits": dict(limits)}
    metadata = {"kernelspec": KERNEL, "nncourse": {"grading": rules}}
    folder = root / "solutions" / "en" / "ps98"
    folder.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells, metadata=metadata), folder / "ps98-attacked.ipynb")
    return Course(root)


def tree(*roots: Path) -> dict[str, str]:
    found = {}
    for root in roots:
        for path in sorted(root.rglob("*")):
            data = os.readlink(path).encode() if path.is_symlink() else b""
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
            found[str(path)] = hashlib.sha256(data).hexdigest()
    return found


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


class Listener:
    """TCP, UDP and an abstract socket that nobody should reach."""

    def __init__(self) -> None:
        self.tcp = socket.create_server(("0.0.0.0", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("0.0.0.0", self.port))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(f"\0nncourse-attack-{self.port}")
        self.unix.listen()
        for end in (self.tcp, self.udp, self.unix):
            end.setblocking(False)

    def heard(self) -> list[str]:
        found = []
        for name, wait in (
            ("tcp", self.tcp.accept),
            ("udp", lambda: self.udp.recv(100)),
            ("unix", self.unix.accept),
        ):
            try:
                wait()
                found.append(name)
            except BlockingIOError:
                pass
        return found

    def close(self) -> None:
        for end in (self.tcp, self.udp, self.unix):
            end.close()


@dataclass(frozen=True)
class Seen:
    """What is to be the same before and after."""

    files: dict[str, str]
    packages: list[str]
    tables: list[tuple[str, str]]
    processes: set[int]


@dataclass(frozen=True)
class Run:
    """One class, graded."""

    course: CourseFolder
    results: dict[str, Result]
    before: Seen
    after: Seen
    heard: list[str]

    def points(self, student: str) -> dict[str, float]:
        return {name: grade.points for name, grade in self.results[student].grades.items()}

    def check_victims(self) -> None:
        for victim in VICTIMS:
            due = {"square": 10, "layer": 10, "predict": 10, "why": 0}
            assert self.points(victim) == due, victim
            assert self.results[victim].waiting == ["why"]
            assert self.results[victim].notes == []

    def check_surroundings(self) -> None:
        assert self.after.files == self.before.files
        assert self.after.packages == self.before.packages
        assert self.after.tables == self.before.tables, "tables and triggers of the gradebook"
        assert self.after.processes == self.before.processes
        assert orphans() == []
        assert self.heard == []


@contextlib.contextmanager
def attacked(
    root: Path, attacks: Mapping[str, Attack], limits: Mapping[str, float] = LIMITS
) -> Iterator[Run]:
    """The class of these attacks, each by a student of that name, graded once."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    source = write_course(root / "repository", limits)
    course = make_released(root / "course", source, "ps98", "en")
    folder, home = root / "class", root / "home"
    folder.mkdir()
    home.mkdir()
    (home / ".bashrc").write_text("# mine\n")
    for name in VICTIMS:
        (folder / f"{name}.ipynb").write_text(submission(course, "ps98", RIGHT), "utf-8")
    listener = Listener()
    # As a lecturer does: workers are forks then, and their sandboxes share their walls.
    command = [sys.executable, "-m", "nncourse.cli", "grade", "ps98", str(folder)]
    command += ["--course", str(course.root), "--workers", "2"]
    environment = {**os.environ, "HOME": str(home), "COLUMNS": "200"}
    environment["XDG_CACHE_HOME"] = str(cache_folder().parents[1])
    grader = subprocess.Popen(
        ["sh", "-c", 'read begin; exec "$@"', "sh", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
    )
    places = {"PORT": listener.port, "COURSE": course.root, "CLASS": folder, "GRADER": grader.pid}
    for student, attack in attacks.items():
        given = {"square_answer": attack.code, **attack.answers}
        text = submission(course, "ps98", given, attack.change or list)
        for word, value in places.items():  # but not in NNCOURSE_SEED
            text = re.sub(f"(?<!NN){word}", str(value), text)
        raw = attack.raw(text) if attack.raw else text.encode("utf-8", "surrogatepass")
        (folder / f"{student}.ipynb").write_bytes(raw)
    kept = [course.source("ps98"), course.release("ps98"), folder, home]
    packages = Path(sysconfig.get_path("purelib"))

    def seen() -> Seen:
        processes = children() - {grader.pid}
        return Seen(tree(*kept), sorted(os.listdir(packages)), schema(course), processes)

    before = seen()
    said, _ = grader.communicate("begin\n", timeout=600)
    assert grader.returncode == 0, said
    assert all(line.isprintable() for line in said.splitlines())
    results = {result.student: result for result in read_results(course, "ps98")}
    yield Run(course, results, before, seen(), listener.heard())
    listener.close()


def schema(course: CourseFolder) -> list[tuple[str, str]]:
    with sqlite3.connect(course.root / "gradebook.db") as db:
        rows = db.execute("select type, name from sqlite_master order by 1, 2").fetchall()
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    return [row for row in rows if "nncourse_verdict" not in row[1]]
