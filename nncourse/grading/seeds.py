"""The seeds of the inputs that a submission is judged with: nobody knows them without the key."""

from __future__ import annotations

import os
import secrets

from nncourse.check.variant import seed_of
from nncourse.course.folder import CourseFolder

SECRET = ".nncourse-secret"


def secret_of(course: CourseFolder) -> str:
    """The course's key, from which the seeds of all submissions follow; made once."""
    path = course.root / SECRET
    if not path.exists():
        made = path.with_name(f"{SECRET}.{os.getpid()}")
        try:
            made.touch(mode=0o600)
            made.write_text(secrets.token_hex(32))
            os.link(made, path)  # the first one wins
        except FileExistsError:
            pass
        finally:
            made.unlink(missing_ok=True)
    return path.read_text().strip()


def seeds_of(student: str, assignment: str, secret: str) -> dict[str, int]:
    """Those of a work item, neither of which tells the other."""
    of = {"seed": assignment, "key": f"key of {assignment}"}
    return {name: seed_of(student, what, secret) for name, what in of.items()}
