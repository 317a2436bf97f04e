"""``python -m benchmarks.mooc``: a class of thousands, graded on a cluster that is being broken.

A class is made up: right answers, answers with one operator or number changed, empty ones, broken
files, hostile code, huge files. It is graded by ``nncourse grade`` on a Dask cluster of this
machine, over TLS, with the gradebook in a PostgreSQL server of its own. A tenth of the class goes
first, undisturbed, with one worker and with two. Then the whole class; on the way a worker is
killed twice and the command once, all with -9, and the command is started again.

At the end every submission must have exactly one grade, and those of a sample (each kind of content
several times) must be what a plain local run gives. The command's memory must not grow with the
class: at most 1.2 times that for a tenth of it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.made_up import make_class

ROOT = Path(__file__).parents[1]
EXERCISE = "ps01"
LIMITS = {"cell_seconds": 2.0, "call_seconds": 2.0, "submission_seconds": 8.0}
GROWTH = 1.2  # of the command's memory, from a tenth of the class to all of it
SAMPLE = 3  # submissions of each content that are graded once more, locally
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
ENVIRONMENT |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mooc", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="submissions (default: 10000)")
    parser.add_argument("--workers", type=int, default=2, help="of the cluster (default: 2)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nncourse-mooc-") as temporary:
        os.chmod(temporary, 0o755)
        faults = mooc(Path(temporary), arguments.count, arguments.workers)
    for fault in faults:
        print(f"FAULT: {fault}")
    print("every submission has exactly one grade" if not faults else f"faults: {len(faults)}")
    return bool(faults)


def mooc(root: Path, count: int, workers: int = 2, scaling: bool = True) -> list[str]:
    """The whole story, told on the way; returns what went wrong. ``scaling``: with the tenths."""
    from tests.grading.cluster import certificate, local_cluster
    from tests.grading.postgres import server

    (root / "tls").mkdir()
    tls = certificate(root / "tls")
    make_course(root / "model")
    everyone = make_class(root / "class", root / "model", EXERCISE, count)
    say(f"{count} submissions: {dict(Counter(kind for kind, _ in everyone.values()))}")
    with server() as postgres:
        place = Place(root / "course", root / "model", postgres, "everyone")
        with local_cluster(tls, workers) as cluster:
            runs = disturbed(place, root / "class", cluster, tls, count)
            runs.append(Coordinator(place, root / "class", cluster, tls))
            runs[-1].wait()
        seconds = sum(run.seconds for run in runs[:-1])
        say(
            f"{count} with {workers} workers: {seconds:.0f} s, {count / seconds:.1f} a second, "
            f"{count / seconds / workers:.1f} per core; unchanged: {runs[-1].seconds:.0f} s"
        )
        faults = [fault for run in runs[1:] for fault in run.faults()]
        faults += missing(place, everyone)
        faults += different(place, root, everyone)
        if scaling:
            most = max(run.memory for run in runs)
            faults += tenths(root, postgres, tls, count // 10, workers, most)
    return faults


def tenths(root: Path, postgres: Any, tls: Path, count: int, workers: int, most: int) -> list[str]:
    """A smaller class, undisturbed, with one worker and with all; ``most``: memory for all."""
    from tests.grading.cluster import local_cluster

    make_class(root / "tenth", root / "model", EXERCISE, count)
    seconds, memory, faults = {}, 0, []
    for number in sorted({1, workers}):
        place = Place(root / f"with-{number}", root / "model", postgres, f"tenth{number}")
        with local_cluster(tls, number) as cluster:
            run = Coordinator(place, root / "tenth", cluster, tls)
            run.wait()
        faults += run.faults()
        seconds[number], memory = run.seconds, run.memory
        say(f"{count} with {number} workers: {run.seconds:.0f} s")
    say(f"{seconds[1] / seconds[workers]:.2f} times as fast with {workers} workers as with 1")
    say(f"memory of the command: {most} MB, {most / memory:.2f} times that for a tenth")
    if most > GROWTH * memory:
        faults.append(f"the command's memory grew {most / memory:.2f} times")
    return faults


def say(line: str) -> None:
    print(line, flush=True)


def make_course(root: Path) -> None:
    """A course folder with the exercise released, with limits that endless loops soon reach."""
    (path,) = (ROOT / "solutions" / "en" / EXERCISE).glob("*.ipynb")
    notebook = json.loads(path.read_text("utf-8"))
    notebook["metadata"].setdefault("nncourse", {})["grading"] = {"limits": LIMITS}
    source = root / "source" / EXERCISE
    source.mkdir(parents=True)
    (source / path.name).write_text(json.dumps(notebook), "utf-8")
    nncourse("release", EXERCISE, "--course", root, "--lang", "en")


def nncourse(*arguments: Any) -> None:
    """A command, to its end."""
    command = [sys.executable, "-m", "nncourse.cli", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)


# The grading.


@dataclass
class Place:
    """A course folder with a fresh gradebook: a copy of the model, and a database of its own."""

    root: Path
    db: str

    def __init__(self, root: Path, model: Path, postgres: Any, name: str) -> None:
        from sqlalchemy import create_engine

        shutil.copytree(model, root)
        self.root = root
        self.db = postgres.database(name)
        config = root / "nbgrader_config.py"
        text = config.read_text("utf-8")
        config.write_text(f"{text}\nc.CourseDirectory.db_url = {self.db!r}\n", "utf-8")
        nncourse("release", EXERCISE, "--course", root, "--lang", "en")
        self.engine = create_engine(self.db)

    def ask(self, question: str) -> list[tuple]:
        from sqlalchemy import text

        with self.engine.connect() as db:
            return [tuple(row) for row in db.execute(text(question))]

    def done(self) -> int:
        """How many grades there are; 0 before the table is made."""
        table = "select count(*) from pg_tables where tablename = 'nncourse_verdict'"
        if self.ask(table) == [(0,)]:
            return 0
        return self.ask("select count(*) from nncourse_verdict")[0][0]


class Coordinator:
    """A run of ``nncourse grade``, with its peak memory in MB."""

    def __init__(self, place: Place, submissions: Path, cluster: Any, tls: Path) -> None:
        self.output = Path(tempfile.mkstemp(dir=place.root)[1])
        command = [sys.executable, "-m", "nncourse.cli", "grade", EXERCISE, str(submissions)]
        command += ["--course", str(place.root), "--scheduler", cluster.scheduler_address]
        command += ["--tls", str(tls)]
        self.start = time.monotonic()
        self.memory = 0
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=ENVIRONMENT, stdout=file, stderr=file
            )

    def wait(self, until: Callable[[], bool] = bool) -> None:
        """Until it ends, or something is so."""
        while self.process.poll() is None and not until():
            try:
                status = Path(f"/proc/{self.process.pid}/status").read_text()
                lines = dict(line.split(":", 1) for line in status.splitlines())
                self.memory = max(self.memory, int(lines["VmHWM"].split()[0]) // 1024)
            except (OSError, KeyError):  # just ending
                pass
            time.sleep(0.5)
        self.seconds = time.monotonic() - self.start

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.seconds = time.monotonic() - self.start

    def faults(self) -> list[str]:
        """What the command says, if it failed."""
        said = self.output.read_text("utf-8", "replace")[-2000:]
        return [said] if self.process.returncode else []


def disturbed(
    place: Place, submissions: Path, cluster: Any, tls: Path, count: int
) -> list[Coordinator]:
    """Grade the class through two kills of a worker and one of the command."""
    from tests.grading.cluster import kill_a_worker

    first = Coordinator(place, submissions, cluster, tls)
    first.wait(lambda: place.done() > 0.2 * count)
    kill_a_worker(cluster)
    say(f"killed a worker after {place.done()}")
    first.wait(lambda: place.done() > 0.4 * count)
    first.kill()
    say(f"killed the command after {place.done()}")
    second = Coordinator(place, submissions, cluster, tls)
    second.wait(lambda: place.done() > 0.7 * count)
    kill_a_worker(cluster)
    say(f"killed a worker after {place.done()}")
    second.wait()
    return [first, second]


# What must be so.


def missing(place: Place, everyone: dict[str, tuple[str, str]]) -> list[str]:
    """Submissions without a grade, with two, or that were given up."""
    faults = []
    verdicts = Counter(student for (student,) in place.ask("select student from nncourse_verdict"))
    grades = Counter(
        place.ask(
            "select s.student_id, g.cell_id from grade g "
            "join submitted_notebook n on n.id = g.notebook_id "
            "join submitted_assignment s on s.id = n.assignment_id"
        )
    )
    cells = len({cell for _, cell in grades})
    for what, found in (("verdict", verdicts), ("grade", Counter(s for s, _ in grades))):
        wanted = dict.fromkeys(everyone, 1 if what == "verdict" else cells)
        odd = sorted(s for s in wanted | dict(found) if found.get(s) != wanted.get(s))
        faults += [f"{len(odd)} students with another number of {what}s: {odd[:5]}"] if odd else []
    faults += [f"{key} is there {n} times" for key, n in grades.items() if n != 1]
    lost = place.ask("select student from nncourse_verdict where digest = ''")
    return [*faults, *(f"{student} was given up" for (student,) in lost)]


def different(place: Place, root: Path, everyone: dict[str, tuple[str, str]]) -> list[str]:
    """Grades of a sample that differ from those of a plain local run with the same secret."""
    from nncourse.course.folder import open_course
    from nncourse.grading.results import each_result, read_results

    seen: Counter[str] = Counter()
    (root / "sample").mkdir()
    for student, (_kind, name) in everyone.items():
        seen[name] += 1
        if seen[name] <= SAMPLE:
            os.link(root / "class" / f"{student}.ipynb", root / "sample" / f"{student}.ipynb")
    local = root / "local"
    shutil.copytree(root / "model", local)
    shutil.copy(place.root / ".nncourse-secret", local)
    nncourse("grade", EXERCISE, root / "sample", "--course", local)
    wanted = {r.student: r for r in read_results(open_course(local), EXERCISE)}
    found = each_result(open_course(place.root), EXERCISE, students=wanted)
    faults = []
    for result in found:
        want = wanted.pop(result.student)
        # At which question the time of an endless loop is used up depends on the machine.
        timed = everyone[result.student][0] == "hostile"
        for what in ("grades", "problem", "seed", *(() if timed else ("reasons",))):
            if getattr(result, what) != getattr(want, what):
                kind = everyone[result.student]
                faults.append(
                    f"{result.student} ({kind}): {what} {getattr(result, what)}, "
                    f"locally {getattr(want, what)}"
                )
    say(f"{len(seen)} contents, each up to {SAMPLE} times, graded locally as well")
    return [*faults, *(f"{student} is missing" for student in wanted)]


if __name__ == "__main__":
    sys.exit(main())
