"""From the lecturer's notebooks of an assignment to those that students get.

nbgrader's ``GenerateAssignment`` removes solutions and outputs, locks graded cells and stores
checksums. Here it runs in this process, without a gradebook, in a temporary folder: nothing of a
release that failed half-way is left behind, and the paths of the course may hold any characters
(nbgrader reads its paths as patterns).
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

from nncourse.course.folder import as_config, settings
from nncourse.grading.nbgrader import Complaints


class ReleaseError(Exception):
    """An assignment could not be released; the text says what nbgrader objected to."""


def release(source_root: Path, release_root: Path, assignment: str, language: str) -> Path:
    """Write ``release_root/assignment`` from the notebooks in ``source_root/assignment``.

    ``language`` ("ru" or "en") chooses the stubs that replace solutions. Other files of the
    assignment are copied along. An existing release is replaced. Returns the folder written.
    The same source gives the same bytes. Raises ReleaseError.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import InstantiateTests, SaveCells

    source = Path(source_root) / assignment
    if not any(source.glob("*.ipynb")):
        raise ReleaseError(f"There is no notebook in {source}. Expected {source}/NAME.ipynb.")

    complaints = Complaints()
    log = logging.Logger("nncourse.release", logging.ERROR)
    log.addHandler(complaints)
    with tempfile.TemporaryDirectory(prefix="nncourse-") as temporary:
        root = Path(temporary).resolve()
        ignore = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__", "*.pyc")
        shutil.copytree(source, root / "source" / assignment, ignore=ignore)

        config = as_config(settings(language))
        course = CourseDirectory(
            config=config, log=log, root=str(root), assignment_id=assignment, student_id="."
        )
        converter = GenerateAssignment(coursedir=course, config=config, log=log, no_database=True)
        # Without a gradebook there is nowhere to save cells; the course writes its tests itself.
        converter.preprocessors = [
            step for step in converter.preprocessors if step not in (SaveCells, InstantiateTests)
        ]
        try:
            converter.start()
        except NbGraderException as error:
            what = "\n".join(complaints.lines) or str(error)
            raise ReleaseError(f"Assignment {assignment} was not released:\n{what}") from error

        target = Path(release_root) / assignment
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(root / "release" / assignment, target)
    return target
