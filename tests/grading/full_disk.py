"""Grades a class on a small disk that gets full at random moments; run by ``test_faults``.

    python full_disk.py DISK COURSE CLASS VERDICTS TRIALS

DISK is a small file system. The verdicts come from a file, so the writing of notebooks, grades and
journals is what meets the full disk. Prints, as JSON, how each trial ended.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path

from nncourse.course.folder import CourseFolderError, open_course
from nncourse.grading import grade, gradebook
from nncourse.grading.results import read_results
from tests.grading.toy import check_records


def main(disk: Path, model: Path, folder: Path, verdicts: Path, trials: int) -> None:
    answers = json.loads(verdicts.read_text("utf-8"))
    grade.BATCH = 3
    gradebook.PATIENCE = 0.2

    def remembered(packed, items):
        for key, _work in items:
            yield key, answers[key].encode()

    def fresh():
        shutil.rmtree(disk / "course", ignore_errors=True)
        shutil.copytree(model, disk / "course")
        return open_course(disk / "course")

    def run(course):
        return grade.grade_submissions(course, "ps99", folder, run=remembered)

    course = fresh()
    before = shutil.disk_usage(disk).free
    wanted = {result.student: result for result in run(course)}
    needed = before - shutil.disk_usage(disk).free
    rng = random.Random(1)
    for _ in range(trials):
        course = fresh()
        left = int(rng.uniform(0, 0.6 * needed))
        ballast = disk / "ballast"
        with ballast.open("wb") as file:
            for _ in range(max(0, shutil.disk_usage(disk).free - left) // 4096):
                file.write(bytes(4096))
        try:
            run(course)
            said = ""
        except CourseFolderError as error:
            said = str(error)
        ballast.unlink()
        assert not list(course.root.rglob(".*.new")), "nothing half-written"
        recorded = check_records(course, wanted)
        before = {result.student: result for result in read_results(course, "ps99")}
        results = run(course)
        assert check_records(course, wanted) == len(wanted)
        kept = sum(result.skipped for result in results)
        assert kept == recorded == len(before)
        print(json.dumps({"said": said, "kept": kept, "of": len(wanted)}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]), int(sys.argv[5]))
