"""A Jupyter server extension: what students hand in does nothing when it is looked at.

Whoever opens a submission in JupyterLab does so with the rights of a lecturer. Pictures in it are
fetched at once, and links with one click. Of nbgrader's addresses two do too much for that:

- ``/formgrader?path=FOLDER``, meant for JupyterLab's "Formgrader (local)", runs the settings that
  lie in the folder. Here it must be asked for by JupyterLab or by a person, for a folder within the
  server's own, and not for one of what students have handed in.
- Names in addresses are put into pages as they stand, so none may hold markup; nor may they lead to
  other folders, which the buttons would write anew, or stand for the whole class.

Others of its addresses change the server's folder, by which nbgrader finds its settings, while they
wait for an answer; here they don't. And the formgrader opens the gradebook anew for each question:
it kept showing points that another grading had changed meanwhile, and kept writing into that of
the course which was opened first.

A kernel starts none of the modules beside its notebook in place of its own. A notebook runs nothing
out of its metadata and is read from and written to no other file (``opened``), and exporting one
imports no module that they name. Where there is a course, plots of Vega are not drawn: JupyterLab
draws them in notebooks that nobody trusts and in files, and they read any file of the server's and
send it anywhere. Nor is a file opened there that says what JupyterLab is to open and call.

Jupyter loads the extension wherever nncourse is installed, beside nbgrader's own, whose list of
handlers it changes before they are put in place.
"""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from collections.abc import Mapping
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any

from jupyter_server.nbconvert.handlers import NbconvertFileHandler
from tornado import web

from nncourse.course.folder import CONFIG_FILE
from nncourse.grading import opened
from nncourse.language import catalogue

_ = catalogue("course")

# Tornado compares addresses as they were sent. Nobody's name needs these characters: markup, and
# what makes a path or a pattern of it.
NAME = r"((?:(?!%(?i:3C|3E|22|5C|2F|2A|3F|5B|5D))[^/<>\"\\*\[\]])+)"
# Of a file that belongs to a graded notebook, in the folder of that.
FILE = r"((?:(?!\.\.|%(?i:2E|2F|5C)).)*)"
STUDENTS = {"submitted", "autograded", "feedback"}
# Of JupyterLab. The second one puts a file, as it is opened, in place of what was open, which calls
# commands: terminals, kernels, pages from elsewhere.
DISABLED = ["@jupyterlab/vega5-extension", "@jupyterlab/apputils-extension:workspaces"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _link_jupyter_server_extension(_server: Any) -> None:
    """Before any extension is loaded, nbgrader's among them."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.apps.baseapp import NbGrader
    from nbgrader.server_extensions.formgrader import apihandlers, base, handlers

    _read_no_settings_of_students(NbGrader)

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
            answer = super().get()
            # What makes an answer harmless stands in the settings of its course.
            exporter = HTMLExporter(config=self.settings["nbgrader_formgrader"].config)
            self.settings["nbgrader_exporter"] = exporter
            return answer

    def on_finish(self: Any) -> None:
        if (gradebook := self.settings["nbgrader_gradebook"]) is not None:
            gradebook.close()
            self.settings["nbgrader_gradebook"] = None

    base.BaseHandler.on_finish = on_finish
    # nbgrader calls the program "alembic", which need not be on the path of a called-up Python.
    scripts = sysconfig.get_path("scripts")
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), scripts])
    _change_no_folder()
    ours = {handlers.FormgraderHandler: Formgrader}
    for known in (handlers.default_handlers, apihandlers.default_handlers):
        known[:] = [
            (_tame(pattern), ours.get(handler, handler), *options)
            for pattern, handler, *options in known
        ]


def _change_no_folder() -> None:
    """``/formgraders`` waits in another folder; of two that do, the later one comes back to it."""
    from nbgrader.server_extensions.course_list import handlers

    there, load = handlers.chdir, handlers.CourseListHandler.load_config

    def load_config(self: Any) -> Any:
        with there(self.assignment_dir):
            return load(self)

    handlers.chdir = contextlib.nullcontext
    handlers.CourseListHandler.load_config = load_config


def _read_no_settings_of_students(app: Any) -> None:
    """nbgrader runs what lies where Jupyter was started. Among students' files it is the course."""
    for name in ("initialize", "load_config_file"):
        setattr(app, name, _in_the_course(getattr(app, name)))


def _in_the_course(method: Any) -> Any:
    @wraps(method)
    def call(*args: Any, **options: Any) -> None:
        here = Path.cwd()
        courses = [course for course in here.parents if _holds_students(here, course)]
        with contextlib.chdir(courses[0]) if courses else contextlib.nullcontext():
            method(*args, **options)

    return call


def _tame(pattern: str) -> str:
    return pattern.replace("([^/]+)", NAME).replace("(.*)", FILE)


def _load_jupyter_server_extension(server: Any) -> None:
    """When the server's managers are there."""
    _start_no_module_beside(server.kernel_spec_manager)
    _start_other_languages_elsewhere(server.kernel_manager, Path(server.root_dir))
    opened.guard(server.contents_manager)
    _import_no_exporter()
    if serves_a_course(Path(server.root_dir)):
        _disable(server.web_app.settings)
    for handler in (server.identity_provider.logout_handler_class, NbconvertFileHandler):
        _answer_no_picture(handler)


def _answer_no_picture(handler: Any) -> None:
    """JupyterLab's menu logs out and exports, which may start a browser on the notebook."""
    answer = handler.get

    @wraps(answer)
    def get(self: Any, **parts: Any) -> Any:
        if self.request.headers.get("Sec-Fetch-Dest", "document") not in ("document", "empty"):
            raise web.HTTPError(403)
        return answer(self, **parts)

    handler.get = get


# ipykernel's launcher, but the folder comes last among those of modules, and when a cell is run:
# completing a word and the debugger import what may be there.
LAUNCH = """
import sys
sys.path[:] = filter(None, sys.path)
from ipykernel.kernelapp import IPKernelApp as App
start = App.start
def begin(app):
    def here(_info):
        sys.path.append("")
        app.shell.events.unregister("pre_run_cell", here)
    app.shell.events.register("pre_run_cell", here)
    start(app)
App.init_path = lambda app: None
App.start = begin
App.launch_instance()
"""
# Another launcher, of whatever Python.
RUN = """
import sys
sys.path[:] = filter(None, sys.path)
import runpy
runpy.run_module({!r}, run_name="__main__", alter_sys=True)
"""


def _start_no_module_beside(specs: Any) -> None:
    """A kernel starts in its notebook's folder, where ``python -m`` looks for modules first."""
    found = specs.get_kernel_spec

    def get_kernel_spec(name: str) -> Any:
        spec = found(name)
        if _is_python(spec) and "-m" in spec.argv[:-1]:
            at = spec.argv.index("-m")
            module = spec.argv[at + 1]
            program = LAUNCH if module == "ipykernel_launcher" else RUN.format(module)
            spec.argv[at : at + 2] = ["-c", program]
            if spec.argv[0] in (sys.executable, "python", "python3"):
                spec.argv.insert(1, "-P")
        # An empty place in the list stands for the folder too.
        paths = {**os.environ, **spec.env}.get("PYTHONPATH", "").split(os.pathsep)
        if not all(map(os.path.isabs, paths)):
            kept = os.pathsep.join(filter(os.path.isabs, paths))
            spec.env = {**spec.env, "PYTHONPATH": kept}
        return spec

    specs.get_kernel_spec = get_kernel_spec


def _is_python(spec: Any) -> bool:
    return bool(spec.argv) and Path(spec.argv[0]).name.startswith("python")


def _start_other_languages_elsewhere(kernels: Any, root: Path) -> None:
    """Some run what lies where they start, as R does ``.Rprofile``."""
    start = kernels.start_kernel

    def start_kernel(*args: Any, path: str | None = None, **options: Any) -> Any:
        if path is not None and opened.of_students(root / path):
            name = options.get("kernel_name") or kernels.default_kernel_name
            if not _is_python(kernels.kernel_spec_manager.get_kernel_spec(name)):
                path = None
        return start(*args, path=path, **options)

    kernels.start_kernel = start_kernel


def _import_no_exporter() -> None:
    """nbconvert takes from a notebook's metadata by which class it is exported as a script."""
    from nbconvert.exporters import script

    named = script.get_exporter

    def get_exporter(name: str, *options: Any, **more: Any) -> Any:
        return named(str(name).replace(".", " "), *options, **more)

    script.get_exporter = get_exporter


def serves_a_course(root: Path) -> bool:
    """Whether it is one, or lies in one, or holds one: then somebody reads submissions there."""
    folders = [root, *root.parents, *(path for path in root.glob("*") if path.is_dir())]
    return any(os.path.exists(folder / CONFIG_FILE) for folder in folders)


def _disable(settings: dict[str, Any]) -> None:
    """JupyterHub may have a say in the settings of pages already."""
    earlier = settings.get("page_config_hook")

    def without(handler: Any, config: dict[str, Any]) -> dict[str, Any]:
        config = earlier(handler, config) if earlier else config
        disabled = [*config.get("disabledExtensions", []), *DISABLED]
        return {**config, "disabledExtensions": disabled}

    settings["page_config_hook"] = without


def refusal(path: str, home: str, headers: Mapping[str, str]) -> str:
    """Why nbgrader must not run the settings in a folder; nothing if it may."""
    folder, root = Path(path).resolve(), Path(home).resolve()
    # What a browser says of whoever asks; nothing where it does not trust the connection.
    by_a_person = headers.get("Sec-Fetch-Site", "none") == "none"
    # JupyterLab's own panel. A file that it shows as HTML has no address to refer to.
    panel = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"}
    by_the_panel = "Referer" in headers and all(headers.get(k) == v for k, v in panel.items())
    if not by_a_person and not by_the_panel:
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
