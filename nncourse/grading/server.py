"""A Jupyter server extension: what students hand in does nothing when it is looked at.

Whoever opens a submission in JupyterLab does so with the rights of a lecturer. Pictures in it are
fetched at once, and links with one click. Of nbgrader's addresses two do too much for that:

- ``/formgrader?path=FOLDER``, meant for JupyterLab's "Formgrader (local)", runs the settings that
  lie in the folder. Here it must be asked for by JupyterLab or by a person, for a folder within the
  server's own, and not for one of what students have handed in.
- Names in addresses are put into pages as they stand, so none may hold markup; nor may they lead to
  other folders, which the buttons would write anew, or stand for the whole class.

A kernel starts none of the modules beside its notebook in place of its own. A notebook in a course
folder is read from and written to no other file that its metadata name, and exporting one imports
no module that they name.

Jupyter loads the extension wherever nncourse is installed, beside nbgrader's own, whose list of
handlers it changes before they are put in place.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from html import escape
from inspect import signature
from pathlib import Path
from typing import Any

from tornado import web

from nncourse.course.folder import CONFIG_FILE
from nncourse.language import catalogue

_ = catalogue("course")

# Tornado compares addresses as they were sent. Nobody's name needs these characters: markup, and
# what makes a path or a pattern of it.
NAME = r"((?:(?!%(?i:3C|3E|22|5C|2F|2A|3F|5B|5D))[^/<>\"\\*\[\]])+)"
STUDENTS = {"submitted", "autograded", "feedback"}


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _link_jupyter_server_extension(_server: Any) -> None:
    """Before any extension is loaded, nbgrader's among them."""
    from nbgrader.server_extensions.formgrader import apihandlers, handlers

    class Formgrader(handlers.FormgraderHandler):
        """The formgrader's first page, for the current folder's course or another's."""

        @web.authenticated
        def get(self) -> Any:
            """Answers with a reason where the settings in the folder are not to be run."""
            path = self.get_argument("path", "")
            home = self.settings["nbgrader_formgrader"].root_dir
            why = path and refusal(path, home, self.request.headers)
            if why:
                self.set_status(403)
                return self.finish(f"<p>{escape(why)}</p>")
            return super().get()

    ours = {handlers.FormgraderHandler: Formgrader}
    for known in (handlers.default_handlers, apihandlers.default_handlers):
        known[:] = [
            (pattern.replace("([^/]+)", NAME), ours.get(handler, handler), *options)
            for pattern, handler, *options in known
        ]


def _load_jupyter_server_extension(server: Any) -> None:
    """When the server's managers are there."""
    _start_no_module_beside(server.kernel_spec_manager)
    _touch_no_other_file(server.contents_manager)
    _import_no_exporter()


def _start_no_module_beside(specs: Any) -> None:
    """A kernel starts in its notebook's folder, where ``python -m`` looks for modules first."""
    found = specs.get_kernel_spec

    def get_kernel_spec(name: str) -> Any:
        spec = found(name)
        if spec.argv[:1] in ([sys.executable], ["python"], ["python3"]) and "-P" not in spec.argv:
            spec.argv.insert(1, "-P")
        return spec

    specs.get_kernel_spec = get_kernel_spec


def _touch_no_other_file(contents: Any) -> None:
    """Jupytext reads and writes with a notebook also the files that its metadata pair it with, in
    any folder; in a course folder it does so for the lecturer's sources alone."""
    saved, got = contents.save, contents.get
    pairs = "load_alternative_format" in signature(got).parameters

    def of_a_student(path: str) -> bool:
        place = Path(getattr(contents, "root_dir", ""), path.strip("/")).resolve()
        return place.suffix == ".ipynb" and _of_students(place)

    def save(model: dict[str, Any], path: str = "") -> Any:
        if model.get("type") == "notebook" and of_a_student(path):
            model["content"]["metadata"]["jupytext"] = {"formats": "ipynb"}
        return saved(model, path)

    def get(path: str, *args: Any, **options: Any) -> Any:
        alone = {"load_alternative_format": False} if pairs and of_a_student(path) else {}
        return got(path, *args, **{**options, **alone})

    contents.save, contents.get = save, get


def _of_students(place: Path) -> bool:
    """Whether it lies in a course folder, but not among the lecturer's sources."""
    courses = [folder for folder in place.parents if (folder / CONFIG_FILE).exists()]
    return any(place.relative_to(course).parts[0] != "source" for course in courses)


def _import_no_exporter() -> None:
    """nbconvert takes from a notebook's metadata by which class it is exported as a script."""
    from nbconvert.exporters import script

    named = script.get_exporter

    def get_exporter(name: str, *options: Any, **more: Any) -> Any:
        return named(str(name).replace(".", " "), *options, **more)

    script.get_exporter = get_exporter


def refusal(path: str, home: str, headers: Mapping[str, str]) -> str:
    """Why nbgrader must not run the settings in a folder; nothing if it may."""
    folder, root = Path(path).resolve(), Path(home).resolve()
    # What a browser says of whoever asks; nothing where it does not trust the connection.
    by_a_person = headers.get("Sec-Fetch-Site", "none") == "none"
    if not by_a_person and headers.get("Sec-Fetch-Dest") != "iframe":  # JupyterLab's own panel
        why = _(
            "A link or a picture asked for the formgrader of {folder}, which would run the "
            "settings there. If it is a course of yours, open it from JupyterLab's menu Nbgrader."
        )
    elif folder != root and root not in folder.parents:
        why = _("{folder} lies outside of {home}, the folder that Jupyter serves.")
    elif any(_holds_students(folder, course) for course in folder.parents):
        why = _("{folder} holds files of students; settings among them are not run.")
    else:
        return ""
    return why.format(folder=folder, home=root)


def _holds_students(folder: Path, course: Path) -> bool:
    return folder.relative_to(course).parts[0] in STUDENTS and (course / CONFIG_FILE).exists()
