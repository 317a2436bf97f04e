"""The notebook as it was run: the lecturer's cells, the student's answers, and all outputs.

It lies in ``autograded/``, where nbgrader's formgrader and feedback look.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.assignment import Assignment, role_of, text_of
from nncourse.grading.own import KEY, shown
from nncourse.grading.sanitize import one_line
from nncourse.grading.whole import make_folder, remove, write_below
from nncourse.language import catalogue, mark, using

_ = catalogue("course")

UNGRADED: Mapping[str, Any] = {"outputs": {}, "own": [], "seed": ""}  # a verdict that says nothing
REMARKS = "nncourse-remarks"  # the id of a cell
OWN = mark("The student's own cell:")  # above each, also in the feedback
WIDTH = 100  # characters of its lines


def answers_of(notebook: Any) -> dict[str, str]:
    """The sources of the answer cells, by their names."""
    roles = [(role_of(cell), cell) for cell in notebook["cells"]]
    return {role["grade_id"]: text_of(cell) for role, cell in roles if role.get("solution")}


def written_digests(assignment: Assignment, answers: Mapping[str, str]) -> dict[str, str]:
    """Of the ``answers`` that are graded by hand: a manual grade holds until its own changes."""
    roles = [role_of(cell) for cell in assignment.notebook["cells"]]
    names = [role["grade_id"] for role in roles if role.get("grade") or role.get("task")]
    return {
        name: hashlib.sha256(answers[name].encode("utf-8", "replace")).hexdigest()
        for name in names
        if name in answers
    }


def compose(
    assignment: Assignment,
    answers: Mapping[str, str],
    verdict: Mapping[str, Any],
    remarks: Sequence[str] = (),
) -> dict[str, Any]:
    """The notebook as it was run: the lecturer's, with the answers, what was run of the student's
    own cells, and all outputs.

    ``remarks``: what the lecturer should know; the formgrader shows no more than the notebook, so
    they open it.
    """
    outputs = verdict["outputs"]
    count = 0
    own = list(shown(verdict["own"]))
    cells: list[dict[str, Any]] = []
    for index, raw in enumerate(assignment.notebook["cells"]):
        name = role_of(raw).get("grade_id", "")
        work = answers.get(name) if role_of(raw).get("task") else None
        cell = {
            **raw,
            "source": answers.get(name, raw["source"]) if work is None else raw["source"],
        }
        ran = [added for place, added in own if place == index]
        for added in ran:
            cells += [_own_mark(added, assignment.language), added]
        cells.append(cell)
        if work is not None:
            added = {"cell_type": "markdown", "id": f"nncourse-work-{index}", "source": work}
            added["metadata"] = {"nncourse": {KEY: True}}
            cells += [_own_mark(added, assignment.language), added]
        if cell["cell_type"] == "code" and str(index) in outputs:
            cell["outputs"] = outputs[str(index)]
            ran.append(cell)
        for one in ran:
            count += 1
            one["execution_count"] = count
            for output in one["outputs"]:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = count
    metadata = dict(assignment.notebook["metadata"])
    known = {"seed": str(verdict["seed"]), "packages": assignment.rules["packages"]}
    metadata["nncourse"] = {**metadata.get("nncourse", {}), **known}
    if remarks:
        cells.insert(0, _remarks_cell(remarks))
    return {**assignment.notebook, "cells": cells, "metadata": metadata}


def _remarks_cell(remarks: Sequence[str]) -> dict[str, Any]:
    """As a block of text: what a remark quotes is a student's, and would pass for the grader's
    own headings and links.
    """
    # A line that is indented this far can't end the block.
    folded = (
        textwrap.fill(one_line(remark), WIDTH, initial_indent="- ", subsequent_indent="    ")
        for remark in remarks
    )
    title = _("Remarks of the grader")
    source = "\n".join([f"**{title}**", "", "~~~text", *folded, "~~~"])
    return {"cell_type": "markdown", "id": REMARKS, "metadata": {}, "source": source}


def _own_mark(cell: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What stands above a cell of the student's own, which would pass for one of the lecturer's.

    A cell by itself: nothing that the student's prints or holds changes how it looks.
    """
    with using(language):
        source = f"**{_(OWN)}**"
    return {"cell_type": "markdown", "id": f"{cell['id']}-mark", "metadata": {}, "source": source}


def write_notebook(
    course: CourseFolder, student: str, assignment: str, file: str, notebook: Mapping[str, Any]
) -> Path:
    """Put a graded notebook into ``autograded/``, whole or not at all."""
    root, folder = course.root / "autograded", course.autograded(student, assignment)
    make_folder(root, folder.parent)
    if not (folder / file).is_file():  # what an unfinished run of nbgrader's has copied
        remove(folder)
    return write_below(root, folder / file, _json(notebook))


def read_notebook(path: Path) -> dict[str, Any]:
    """A graded notebook. Raises CourseFolderError."""
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        text = _(
            "{path} can't be read: {error}. Remove it, and grade again", path=path, error=error
        )
        raise CourseFolderError(text) from error
    return found


def _json(notebook: Mapping[str, Any]) -> str:
    """A line for each cell; with ``indent``, json is many times slower."""
    encode = json.JSONEncoder(ensure_ascii=False).encode  # which ``json.dumps`` makes each time
    cells = ",\n".join(map(encode, notebook["cells"]))
    rest = {key: value for key, value in notebook.items() if key != "cells"}
    return f'{{"cells": [\n{cells}\n], {encode(rest)[1:]}\n'
