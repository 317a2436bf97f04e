"""The start page, the student's own copies, and JupyterLab opened on them.

Released notebooks are never edited in place: each is copied once into ``work/``, where the
student's answers stay, whatever happens to the course's own files.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nbformat

from nncourse.course.files import Course
from nncourse.language import LANGUAGES, catalogue, current, using

_ = catalogue("course")


def lay_out(course: Course) -> list[Path]:
    """Copy each released exercise to where the student works, unless it is there; return those."""
    new = []
    for language in LANGUAGES:
        for release in sorted((course.exercises / language).glob("*/*.ipynb")):
            own = course.own_copy(release)
            if not own.exists():
                own.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(release, own)
                new.append(own)
    return new


def start_page_path(course: Course, language: str) -> Path:
    return course.work / f"start-{language}.ipynb"


def write_start_pages(course: Course) -> None:
    """Write the page that links lectures and exercises, in each language."""
    course.work.mkdir(exist_ok=True)
    for language in LANGUAGES:
        with using(language):
            page = start_page(course, language)
        start_page_path(course, language).write_text(nbformat.writes(page) + "\n", "utf-8")


def start_page(course: Course, language: str) -> nbformat.NotebookNode:
    """A notebook of links, in the current language."""
    lectures = sorted((course.lectures / language).glob("*.ipynb"))
    exercises = sorted((course.work / language).glob("*/*.ipynb"))
    other = next(name for name in LANGUAGES if name != language)
    lines = [
        "# " + _("Neural networks: the course"),
        "",
        _(
            "Open a lecture and run its cells with Shift+Enter. Solve an exercise in your own "
            "copy: it is saved in the folder `work`."
        ),
        "",
        "## " + _("Lectures"),
        "",
        *(f"- [{_label(path)}](../lectures/{language}/{path.name})" for path in lectures),
        "",
        "## " + _("Exercises"),
        "",
        *(
            f"- [{_label(path)}]({path.relative_to(course.work).as_posix()})"
            for path in exercises
            if ".ipynb_checkpoints" not in path.parts
        ),
        "",
        f"[{_OTHER_LANGUAGE[other]}](start-{other}.ipynb)",
    ]
    cell = nbformat.v4.new_markdown_cell("\n".join(lines), id="start")
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})


_OTHER_LANGUAGE = {"ru": "По-русски", "en": "In English"}


def _label(path: Path) -> str:
    """The number and the title of a built notebook: "05. Backpropagation"."""
    title = nbformat.read(path, as_version=4).metadata.get("nncourse", {}).get("title", path.stem)
    return f"{path.stem.partition('-')[0]}. {title}"


def lab_command(course: Course, browser: bool, port: int | None) -> list[str]:
    """The command that opens JupyterLab at the start page of the current language."""
    page = start_page_path(course, current()).relative_to(course.root).as_posix()
    options = [
        f"--ServerApp.root_dir={course.root}",
        f"--LabApp.default_url=/lab/tree/{page}",
        "--ServerApp.kernel_websocket_connection_class=nncourse.course.websocket.PromptConnection",
        *([] if browser else ["--no-browser"]),
        *([f"--port={port}"] if port else []),
        # In a container the only user is often root, and Jupyter would refuse to start.
        *(["--allow-root"] if is_root() else []),
    ]
    # -P: no module of the current folder is to stand in for one of the server's.
    return [sys.executable, "-P", "-m", "jupyterlab", *options]


def is_root() -> bool:
    return hasattr(os, "getuid") and os.getuid() == 0


def lab_environment() -> dict[str, str]:
    """The environment of the server: JupyterLab fetches no news and asks for none."""
    own = str(Path(__file__).with_name("jupyter"))
    paths = [own, *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}
