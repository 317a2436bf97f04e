"""The whole corpus as one class, end to end, with honest students among them."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import warnings
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from rich.console import Console

from nncourse.course.files import Course
from nncourse.grading.copied import copied, section
from nncourse.grading.feedback import write_feedback
from nncourse.grading.overview import overview
from nncourse.grading.report import Terminal, report_page
from nncourse.grading.results import read_results
from nncourse.grading.sandbox.library import cache_folder
from nncourse.grading.scores import table, write_scores
from nncourse.grading.similar import answers as answers_of_class
from nncourse.grading.similar import similar, similar_page, whole
from tests.grading.attacks import (
    Attack,
    answers,
    back,
    beside,
    form,
    machine,
    others,
    own,
    protocol,
    verdict,
)
from tests.grading.processes import orphans
from tests.grading.toy import KERNEL, cell_name, make_released, role, submission

FAMILIES = [verdict, answers, form, own, machine, others, beside, back, protocol]
ATTACKS = {
    f"{family.__name__.rpartition('.')[2]}: {attack.name}": attack
    for family in FAMILIES
    for attack in family.ATTACKS
}
VICTIMS = ("00 before", "mm between", "zz after")
LIMITS = {
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


def write_course(root: Path) -> Course:
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
    rules = {"withheld": ["nncourse"], "packages": ["numpy"], "limits": LIMITS}
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


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The class, graded once; and what was seen around it."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    root = tmp_path_factory.mktemp("attacked")
    course = make_released(root / "course", write_course(root / "repository"), "ps98", "en")
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
    for number, attack in enumerate(ATTACKS.values()):
        given = {"square_answer": attack.code, **attack.answers}
        text = submission(course, "ps98", given, attack.change or list)
        for word, value in places.items():  # but not in NNCOURSE_SEED
            text = re.sub(f"(?<!NN){word}", str(value), text)
        raw = attack.raw(text) if attack.raw else text.encode("utf-8", "surrogatepass")
        (folder / f"a{number:03}.ipynb").write_bytes(raw)
    kept = [course.source("ps98"), course.release("ps98"), folder, home]
    packages = Path(sysconfig.get_path("purelib"))
    before = tree(*kept), sorted(os.listdir(packages)), schema(course), children() - {grader.pid}
    said, _ = grader.communicate("begin\n", timeout=600)
    assert grader.returncode == 0, said
    assert all(line.isprintable() for line in said.splitlines())
    results = {r.student: r for r in read_results(course, "ps98")}
    after = tree(*kept), sorted(os.listdir(packages)), schema(course), children()
    yield {
        "course": course,
        "results": results,
        "before": before,
        "after": after,
        "heard": listener.heard(),
    }
    listener.close()


def schema(course) -> list[tuple[str, str]]:
    with sqlite3.connect(course.root / "gradebook.db") as db:
        rows = db.execute("select type, name from sqlite_master order by 1, 2").fetchall()
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    return [row for row in rows if "nncourse_verdict" not in row[1]]


NAMES = [pytest.param(f"a{number:03}", id=name) for number, name in enumerate(ATTACKS)]


@pytest.mark.parametrize("student", NAMES)
def test_no_points_are_gained(run, student):
    attack: Attack = list(ATTACKS.values())[int(student[1:])]
    result = run["results"][student]
    due = {"square": 0.0, "layer": 0.0, "predict": 0.0, "why": 0.0, **attack.due}
    assert {name: grade.points for name, grade in result.grades.items()} == due
    assert attack.remark in result.problem
    said = " ".join([result.problem, *result.notes, *result.reasons.values()])
    assert all(c.isprintable() for c in said), "what the lecturer's terminal shows"


@pytest.mark.parametrize("victim", VICTIMS)
def test_honest_students_get_exactly_what_is_due(run, victim):
    result = run["results"][victim]
    points = {name: grade.points for name, grade in result.grades.items()}
    assert points == {"square": 10, "layer": 10, "predict": 10, "why": 0}
    assert result.waiting == ["why"]
    assert result.notes == []


# These are no Python on purpose.
NO_CODE = {"form: null bytes", "form: lone surrogates", "form: a megabyte of nesting"}
NO_CODE |= {"form: deep source", "form: magics that run a shell", "back: code that is markup"}
NO_CODE |= {"form: a line of blanks that a pattern chokes on", "form: ends of lines of all systems"}


def test_the_corpus_is_of_all_families_and_its_code_runs():
    """An attack with a slip in it would fail for the wrong reason."""
    assert len(ATTACKS) >= 230
    assert all(len(family.ATTACKS) >= 7 for family in FAMILIES)
    for name, attack in ATTACKS.items():
        if name not in NO_CODE:
            for code in (attack.code, *attack.answers.values()):
                if code is attack.answers.get("why"):
                    continue
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    compile(code.replace("PORT", "1").replace("GRADER", "1"), name, "exec")


def test_files_are_as_they_were(run):
    (tree_before, packages_before, schema_before, _) = run["before"]
    (tree_after, packages_after, schema_after, _) = run["after"]
    assert tree_after == tree_before
    assert packages_after == packages_before
    assert schema_after == schema_before, "tables and triggers of the gradebook"


def test_the_gradebook_knows_the_class_and_nobody_else(run):
    found = {result.student: result.points for result in read_results(run["course"], "ps98")}
    assert set(found) == {*VICTIMS, *(f"a{number:03}" for number in range(len(ATTACKS)))}
    assert sum(found.values()) == 30 * len(VICTIMS) + sum(
        sum(attack.due.values()) for attack in ATTACKS.values()
    )


def test_no_process_is_left(run):
    assert run["after"][3] == run["before"][3]
    assert orphans() == []


def test_no_packet_came_out(run):
    assert run["heard"] == []


def test_nothing_that_runs_reaches_the_browser(run):
    """Outputs are plain text, whatever objects say that they are."""
    for path in run["course"].root.glob("autograded/*/ps98/*"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                if output.output_type == "execute_result":
                    assert set(output.data) == {"text/plain"}
                    assert float(output.data["text/plain"]) >= 0
                else:
                    assert output.output_type in ("stream", "error")
            if cell_name(cell) in ("square", "layer", "predict", "setup"):
                assert "<script" not in cell.source


def test_tables_and_scores_are_written(run, tmp_path):
    path = write_scores(tmp_path / "scores.csv", run["results"].values())
    assert len(table(run["results"].values()).rows) == len(run["results"])
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == len(run["results"]) + 1
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_pages_and_reports_show_nothing_that_runs_nor_what_a_test_handed_out(run):
    course = run["course"]
    found = overview(read_results(course, "ps98"))
    console = Console(file=io.StringIO(), width=200)
    console.print(Terminal(found))
    console.print(table(run["results"].values()))
    lines = console.file.getvalue().splitlines()
    assert all(line.isprintable() for line in lines)
    handed_in, stub = answers_of_class(course, "ps98")
    codes = {student: whole(named) for student, named in handed_in.items()}
    pages = {path.parts[-3]: path.read_text("utf-8") for path in write_feedback(course, "ps98")}
    assert set(pages) == set(run["results"])
    pages["report"] = report_page("ps98", found)
    # With the class itself for a library.
    section_of_copies = section(copied(handed_in, codes, stub.values()))
    assert section_of_copies
    pages["similar"] = similar_page("ps98", similar(handed_in, stub), codes, section_of_copies)
    for name, text in pages.items():
        assert not any(c for c in text if not c.isprintable() and c not in "\n\t\xa0"), name
        tags = re.findall(r"<[^>]*>", text)
        bad = r"<\s*(?:script|img|iframe|object|link|form|base)|javascript:|[\s/\"']on\w+\s*="
        assert not [tag for tag in tags if re.search(bad, tag, re.IGNORECASE)], name
        assert "LEAKED" not in text, name
        assert "HIDDEN TESTS" not in text, name


def test_the_class_is_graded_again_to_the_same_end(run):
    """In another process, as the command: nothing was left that acts later."""
    course = run["course"]
    command = [sys.executable, "-m", "nncourse.cli", "grade", "ps98", "--course", str(course.root)]
    only = course.root.parent / "again"
    only.mkdir(exist_ok=True)
    for name in VICTIMS:
        (only / f"{name}.ipynb").write_text(submission(course, "ps98", RIGHT), "utf-8")
    done = subprocess.run(
        [*command[:5], str(only), *command[5:], "--force"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("30 / 35") == len(VICTIMS), done.stdout
