"""``python -m benchmarks.grading``: a class graded by stock nbgrader and by nncourse, in one run.

The class hands in exercise 5, some of it with the mistakes that students make. Every way of grading
is its own command with its start-up, on a fresh course folder; ours run before and after the stock
run, which takes longest, and their mean counts, since machines that are shared change their speed.
The scores must be the same. Goals, as shares of stock nbgrader's time: one worker 1/20, two workers
1/40, inside nbgrader 1/4, again without changes 1/200.
"""

from __future__ import annotations

import argparse
import compileall
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = sysconfig.get_path("scripts")
NAME = "ps05-backpropagation"
MISTAKES = {
    "relu_backward_answer": "def relu_backward(dout, z):\n    return dout",
    "sigmoid_backward_answer": "def sigmoid_backward(dout, s):\n    return dout * s",
    "linear_backward_answer": "def linear_backward(dout, x, W, b):\n"
    "    return dout @ W, dout.T @ x, dout.mean(axis=0)",
    "tanh_backward_answer": "def tanh_backward(dout, h):\n    return dout * (1 - h)",
    "predict_answer": "def predict(x):\n    raise NotImplementedError()",
}
GOALS = {"one worker": 20, "two workers": 40, "inside nbgrader": 4, "unchanged": 200}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grading", description=__doc__)
    parser.add_argument("--count", type=int, default=40, help="submissions (default: 40)")
    parser.add_argument("--strict", action="store_true", help="fail if a goal is missed")
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory(prefix="nncourse-bench-") as temporary:
        times, scores = measure(Path(temporary), count)
    stock = statistics.mean(times["stock"])
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"load of the machine at the end: {load} on {os.cpu_count()} cores")
    print(f"stock nbgrader: {stock:.1f} s, {1000 * stock / count:.0f} ms a submission")
    missed = 0
    for name, goal in GOALS.items():
        seconds = statistics.mean(times[name])
        ratio = stock / seconds
        missed += ratio < goal
        said = "reached" if ratio >= goal else "MISSED"
        print(
            f"{name}: {seconds:.2f} s, {1000 * seconds / count:.1f} ms a submission, "
            f"1/{ratio:.0f} of stock (goal 1/{goal}: {said})"
        )
    same = all(found == scores["stock"] for found in scores.values())
    print(f"scores: {'the same' if same else 'DIFFERENT'} for all {count}, in all ways")
    if not same:
        for name, found in scores.items():
            wrong = {
                s: (p, scores["stock"][s]) for s, p in found.items() if p != scores["stock"][s]
            }
            print(f"  {name}: {wrong}")
    return int(not same or (missed > 0 and "--strict" in sys.argv))


def measure(root: Path, count: int) -> tuple[dict[str, list[float]], dict[str, dict[str, str]]]:
    """Seconds and scores of every way."""
    compileall.compile_dir(ROOT / "nncourse", quiet=1)  # as pip does with what it installs
    stock = make_course(root / "stock", stock=True)
    inside = make_course(root / "inside")
    one, two = make_course(root / "one"), make_course(root / "two")
    hand_in(root / "class", root / "class-of-nbgrader", count)
    for course in (stock, inside):
        shutil.copytree(root / "class-of-nbgrader", course / "submitted")
    times: dict[str, list[float]] = {name: [] for name in ("stock", *GOALS)}

    def own(course: Path, workers: int) -> list[str]:
        command = [f"{SCRIPTS}/nncourse", "grade", "ps05", str(root / "class")]
        return [*command, "--course", str(course), "--workers", str(workers)]

    def ours() -> None:
        for name, course, workers in (("one worker", one, 1), ("two workers", two, 2)):
            times[name].append(timed([*own(course, workers), "--force"], root))
            times["unchanged"].append(timed(own(course, workers), root))

    timed(own(one, 1), root)  # makes the sandbox's copy of the library, once and for all
    ours()
    times["inside nbgrader"].append(timed([f"{SCRIPTS}/nbgrader", "autograde", "ps05"], inside))
    times["stock"].append(timed([f"{SCRIPTS}/nbgrader", "autograde", "ps05"], stock))
    ours()
    times["inside nbgrader"].append(
        timed([f"{SCRIPTS}/nbgrader", "autograde", "ps05", "--force"], inside)
    )
    courses = {"stock": stock, "inside nbgrader": inside, "one worker": one, "two workers": two}
    return times, {name: exported(course) for name, course in courses.items()}


def timed(command: list[str], folder: Path) -> float:
    """Seconds that a command takes."""
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}
    environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if run.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{run.stderr[-2000:]}")
    return seconds


def make_course(root: Path, stock: bool = False) -> Path:
    """A course folder with exercise 5 released; ``stock``: with nbgrader's own settings."""
    timed([f"{SCRIPTS}/nncourse", "release", "ps05", "--course", str(root), "--lang", "en"], ROOT)
    if stock:
        (root / "nbgrader_config.py").write_text(
            'c = get_config()\nc.CourseDirectory.course_id = "nncourse"\n', encoding="utf-8"
        )
    return root


def hand_in(ours: Path, nbgraders: Path, count: int) -> None:
    """The submissions in both layouts."""
    solved = json.loads((ROOT / f"solutions/en/ps05/{NAME}.ipynb").read_text("utf-8"))
    answers = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell["source"]
        for cell in solved["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    text = (ROOT / f"exercises/en/ps05/{NAME}.ipynb").read_text("utf-8")
    mistakes = list(MISTAKES.items())
    ours.mkdir()
    for number in range(count):
        notebook = json.loads(text)
        given = dict(answers)
        if number % 2:
            name, source = mistakes[number // 2 % len(mistakes)]
            given[name] = source
        for cell in notebook["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if name in given:
                cell["source"] = given[name]
        folder = nbgraders / f"s{number:03}" / "ps05"
        folder.mkdir(parents=True)
        for path in (ours / f"s{number:03}.ipynb", folder / f"{NAME}.ipynb"):
            path.write_text(json.dumps(notebook), "utf-8")


def exported(course: Path) -> dict[str, str]:
    """The scores by student, as nbgrader exports them."""
    timed([f"{SCRIPTS}/nbgrader", "export", "--to", "grades.csv"], course)
    with (course / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["student_id"]: row["raw_score"] for row in csv.DictReader(file)}


if __name__ == "__main__":
    sys.exit(main())
