"""The formgrader in a real Jupyter server, asked as a student's link or picture asks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from jupyter_client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.apps.baseapp import NbGrader

from nncourse.course.folder import CONFIG_FILE, config_text
from nncourse.course.lab import is_root
from nncourse.grading.grade import grade_submissions
from nncourse.grading.server import (
    DISABLED,
    FILE,
    _read_no_settings_of_students,
    _start_no_module_beside,
    _start_other_languages_elsewhere,
    serves_a_course,
)
from tests.grading.processes import commands
from tests.grading.toy import RIGHT, make_released, submission, write_toy

# What a browser says of a picture or link in a page of Jupyter's, and of JupyterLab's own panel.
PICTURE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"}
LINK = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"}
FRAME = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"}
PANEL = {**FRAME, "Referer": "http://localhost:8888/lab"}
LETTER = {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}
SILENT: dict[str, str] = {}
PATIENCE = 60  # seconds

TRAP = "from pathlib import Path\nPath(__file__).with_name('sprung').touch()\n"


class Server:
    """Jupyter in a folder with two courses, ``first`` and ``second``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = ""
        self.runtime = Path()
        self.process = 0
        for course in ("first", "second"):
            (root / course).mkdir()
            (root / course / CONFIG_FILE).write_text(config_text("en"))

    def ask(
        self, path: str, headers: dict[str, str], model: Any = None, method: str | None = None
    ) -> tuple[int, str]:
        """The status and the text of an answer; with a ``model`` something is sent."""
        data = None if model is None else json.dumps(model).encode()
        headers = {"Authorization": "token t", "Content-Type": "application/json", **headers}
        request = Request(f"{self.address}{path}", data, headers, method=method)
        try:
            with urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def trap(self, folder: str) -> Path:
        """Settings in a folder of the server's; returns the file that they make."""
        place = self.root / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / CONFIG_FILE).write_text(TRAP)
        return place / "sprung"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("served").resolve())
    home = made.runtime = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-P", "-m", "jupyter_server", "--no-browser", "--port=0"]
    command += [f"--ServerApp.root_dir={made.root}", "--IdentityProvider.token=t"]
    command += ["--allow-root"] if is_root() else []
    environment = {**os.environ, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home)}
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=made.root / "first", stdout=log, stderr=log
        )
        made.process = process.pid
        try:
            end = time.monotonic() + PATIENCE
            while not made.address and time.monotonic() < end and process.poll() is None:
                for path in home.glob("jpserver-*.json"):
                    made.address = json.loads(path.read_text())["url"].rstrip("/")
                time.sleep(0.1)
            while time.monotonic() < end:
                try:
                    made.ask("/api", SILENT)
                    break
                except URLError:
                    time.sleep(0.1)
            assert made.address, (home / "log").read_text()
            yield made
        finally:
            process.terminate()
            process.wait(PATIENCE)


@pytest.mark.parametrize("headers", [PICTURE, LINK, PANEL, LETTER, SILENT])
@pytest.mark.parametrize("folder", ["first/submitted/eve/ps99", "second/autograded/eve/ps99/deep"])
def test_settings_among_students_files_are_not_run(server, folder, headers):
    sprung = server.trap(folder)
    status, text = server.ask(f"/formgrader?path={server.root / folder}", headers)
    assert status == 403
    assert "formgrader" in text or "students" in text
    assert not sprung.exists()


@pytest.mark.parametrize(("folder", "where"), [("submitted/eve/ps99", "course"), ("mine", "mine")])
def test_settings_among_students_files_are_not_run_where_jupyter_starts_there(
    tmp_path, monkeypatch, folder, where
):
    """As nbgrader's extensions do before the first question."""
    (tmp_path / "course" / folder).mkdir(parents=True)
    for place in ("", folder):
        said = f"open('ran', 'w').write({Path(place).name!r} or 'course')"
        (tmp_path / "course" / place / CONFIG_FILE).write_text(said)
    monkeypatch.chdir(tmp_path / "course" / folder)

    class Settings(NbGrader):
        pass

    _read_no_settings_of_students(Settings)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Settings().initialize([])
    assert not any("eve" in path for path in sys.path)
    ran = {path.read_text() for path in (tmp_path / "course").rglob("ran")}
    assert ran == {where}


def test_settings_elsewhere_are_not_run(server, tmp_path):
    (tmp_path / CONFIG_FILE).write_text(TRAP)
    status, text = server.ask(f"/formgrader?path={tmp_path}", PANEL)
    assert (status, "outside" in text) == (403, True)
    (server.root / "link").symlink_to(tmp_path)
    status, text = server.ask(f"/formgrader?path={server.root / 'link'}", PANEL)
    assert (status, "outside" in text) == (403, True)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("headers", [PICTURE, LINK, FRAME])
def test_no_page_of_jupyter_asks_for_another_course(server, headers):
    sprung = server.trap("third")
    assert server.ask(f"/formgrader?path={server.root / 'third'}", headers)[0] == 403
    assert not sprung.exists()


@pytest.mark.parametrize("headers", [PANEL, LETTER, SILENT])
def test_the_formgrader_of_another_course_opens(server, headers):
    sprung = server.trap("second")
    sprung.unlink(missing_ok=True)
    status, text = server.ask(f"/formgrader?path={server.root / 'second'}", headers)
    assert (status, "Manage Assignments" in text) == (200, True)
    assert sprung.exists()
    assert server.ask("/formgrader", LINK)[0] == 200


@pytest.mark.parametrize(
    "page",
    ["manage_students/{}", "manage_students/{}/b", "manage_submissions/{}", "gradebook/{}/b"],
)
def test_no_page_holds_the_markup_of_its_address(server, page):
    for name in ("<b>bold", '"+alert(1)+"', "back\\"):
        status, text = server.ask("/formgrader/" + page.format(quote(name, safe="")), LINK)
        assert (status, name in text) == (404, False)
    status, text = server.ask("/formgrader/" + page.format(quote("Анна Е'ль & Co")), LINK)
    assert (status, "Анна Е'ль & Co" in text) == (200, True)


@pytest.mark.parametrize("name", ["x%2f..%2fbob", "x%2F..%2F..%2Fsource", "*", "[a-z]*", "%2a"])
def test_no_button_takes_a_name_for_a_path_or_a_pattern(server, name):
    for address in ("submission/ps99/{}/autograde", "assignment/ps99/{}/generate_feedback"):
        address = "/formgrader/api/" + address.format(name)
        assert server.ask(address, SILENT, {}, "POST")[0] == 404
    address = f"/formgrader/api/submission/ps99/{quote('Анна Ель')}/autograde"
    assert server.ask(address, SILENT, {}, "POST")[0] == 200


def test_no_address_of_a_graded_notebooks_files_leads_elsewhere():
    assert re.fullmatch(FILE, "1f/figures/a b.png")
    for path in ("1f/../x.html", "1f/..%2f..%2fsubmitted%2feve%2fx.html", "1f/%2E%2e/x", "1f%5cx"):
        assert not re.fullmatch(FILE, path)


def test_a_kernel_starts_no_module_beside_its_notebook(server):
    folder = server.root / "first" / "submitted" / "eve" / "ps98"
    folder.mkdir(parents=True)
    # The last one is asked for, where it is installed, when a word is completed.
    for name in ("ipykernel_launcher", "ipykernel", "jedi", "colorama"):
        (folder / f"{name}.py").write_text(TRAP)
    (folder / "beside.py").write_text("x = 5")
    (folder / "x.ipynb").write_text(json.dumps(new_notebook()))
    path = "first/submitted/eve/ps98/x.ipynb"
    model = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
    status, text = server.ask("/api/sessions", SILENT, model)
    assert status == 201
    kernel = json.loads(text)["kernel"]["id"]
    ((pid, command),) = [
        (pid, command) for pid, command in commands().items() if f"kernel-{kernel}.json" in command
    ]
    try:
        end = time.monotonic() + 5
        assert command.split("\0")[1:3] == ["-P", "-c"]
        while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
            assert not (folder / "sprung").exists()
            time.sleep(0.1)
        client = BlockingKernelClient()
        client.load_connection_file(str(server.runtime / f"kernel-{kernel}.json"))
        client.start_channels()
        client.complete("import numpy; numpy.", reply=True, timeout=PATIENCE)
        answer = client.execute("import beside; assert beside.x == 5", reply=True, timeout=PATIENCE)
        client.stop_channels()
        assert answer["content"]["status"] == "ok", answer
        assert not (folder / "sprung").exists()
    finally:
        server.ask(f"/api/kernels/{kernel}", SILENT, method="DELETE")


def test_no_python_starts_a_module_beside(tmp_path, monkeypatch):
    """Nor where an empty place in PYTHONPATH stands for the current folder."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep + os.environ.get("PYTHONPATH", ""))
    python = os.path.realpath(sys.executable)
    argv = [python, "-X", "utf8", "-m", "this"]
    specs = SimpleNamespace(get_kernel_spec=lambda name: KernelSpec(argv=argv, name=name))
    _start_no_module_beside(specs)
    spec = specs.get_kernel_spec("other")
    for name in ("this", "runpy", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(TRAP)
    environment = {**os.environ, **spec.env}
    options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
    assert "Zen" in subprocess.run(spec.argv, check=True, **options).stdout
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("program", "place", "where"),
    [
        ("R", "first/submitted/eve/ps97", None),
        ("R", "first/source/ps97", "first/source/ps97"),
        ("python3", "first/submitted/eve/ps97", "first/submitted/eve/ps97"),
    ],
)
def test_no_other_language_starts_among_students_files(server, program, place, where):
    specs = SimpleNamespace(get_kernel_spec=lambda _name: KernelSpec(argv=[program]))
    kernels = SimpleNamespace(kernel_spec_manager=specs, start_kernel=lambda path, **_: path)
    _start_other_languages_elsewhere(kernels, server.root)
    assert kernels.start_kernel(path=place, kernel_name="x") == where


@pytest.mark.parametrize("place", ["first/submitted/eve/ps97", "first/given/eve/ps97"])
def test_a_students_notebook_is_saved_to_no_other_file(server, place):
    victim = server.root / "first" / "source" / "ps97" / "x.ipynb"
    victim.parent.mkdir(parents=True, exist_ok=True)
    victim.write_text("the lecturer's")
    (server.root / place).mkdir(parents=True)
    notebook = new_notebook(cells=[new_code_cell("1")])
    for formats in (f"{place}//ipynb,first/source/ps97//ipynb", "ipynb,py:percent"):
        notebook.metadata["jupytext"] = {"formats": formats}
        (server.root / place / "x.ipynb").write_text(json.dumps(notebook))
        model = {"type": "notebook", "format": "json", "content": notebook}
        assert server.ask(f"/api/contents/{place}/x.ipynb", SILENT, model, "PUT")[0] == 200
    assert victim.read_text() == "the lecturer's"
    assert [path.name for path in (server.root / place).glob("x*")] == ["x.ipynb"]


def test_of_a_students_notebook_no_other_file_is_read(server):
    for folder in ("submitted/eve/ps95", "source/ps95"):
        (server.root / "first" / folder).mkdir(parents=True)
    formats = "first/submitted/eve///ipynb,first/source///py:percent"
    notebook = new_notebook(metadata={"jupytext": {"formats": formats}})
    (server.root / "first/submitted/eve/ps95/x.ipynb").write_text(json.dumps(notebook))
    (server.root / "first/source/ps95/x.py").write_text("# %%\nsolution = 1\n")
    path = "/api/contents/first/submitted/eve/ps95/x.ipynb?type=notebook"
    status, text = server.ask(path, SILENT)
    assert (status, "solution" in text) == (200, False)


PAIRED = """---
jupyter:
  jupytext:
    formats: first/submitted/eve///md,first/source///ipynb
---

```python
evil = 1
```
"""


@pytest.mark.parametrize(
    "settings", ["", 'formats = "first/submitted/eve///md,first/source///ipynb"']
)
def test_no_text_of_a_students_is_a_notebook(server, settings):
    """Jupytext reads and writes it with the notebooks that it names."""
    submitted = server.root / "first/submitted/eve/ps94"
    source = server.root / "first/source/ps94/x.ipynb"
    for folder in (submitted, source.parent):
        folder.mkdir(parents=True, exist_ok=True)
    before = json.dumps(new_notebook(cells=[new_code_cell("solution = 1")]))
    source.write_text(before)
    (submitted / "x.md").write_text("evil" if settings else PAIRED)
    (submitted / "jupytext.toml").write_text(settings)
    path = "/api/contents/first/submitted/eve/ps94/x.md"
    status, text = server.ask(f"{path}?type=notebook", SILENT)
    assert (status, "solution" in text) == (400, False)
    model = {"type": "notebook", "format": "json", "content": new_notebook()}
    server.ask(path, SILENT, model, "PUT")
    server.ask(path, SILENT, {"path": "first/submitted/eve/ps94/y.md"}, "PATCH")
    assert source.read_text() == before
    assert [file.name for file in source.parent.iterdir()] == ["x.ipynb"]


@pytest.mark.parametrize("link", ["x.ipynb", ".ipynb_checkpoints"])
def test_among_students_files_nothing_is_written_through_a_link(server, link):
    submitted = server.root / "first/submitted/eve" / f"ps-{link}"
    source = server.root / "first/source" / f"ps-{link}"
    for folder in (submitted, source):
        folder.mkdir(parents=True)
    (source / "x.ipynb").write_text(json.dumps(new_notebook()))
    (submitted / "x.ipynb").write_text(json.dumps(new_notebook()))
    (submitted / link).unlink(missing_ok=True)
    (submitted / link).symlink_to(source / link if link == "x.ipynb" else source)
    model = {"type": "notebook", "format": "json", "content": new_notebook(metadata={"evil": 1})}
    path = f"/api/contents/{submitted.relative_to(server.root)}/x.ipynb"
    for request in ((path, SILENT, model, "PUT"), (f"{path}/checkpoints", SILENT, {}, "POST")):
        status, text = server.ask(*request)
        assert (status, "is a link" in text) == (403, True)
    assert "evil" not in (source / "x.ipynb").read_text()
    assert [file.name for file in source.iterdir()] == ["x.ipynb"]


@pytest.mark.parametrize("place", ["first/submitted/eve/ps88", "downloads/eve"])
@pytest.mark.parametrize("name", ["x.py", "x.ipynb"])
def test_no_link_stands_in_for_the_copy_that_jupyter_makes_while_it_saves(server, name, place):
    submitted = server.root / place
    submitted.mkdir(parents=True, exist_ok=True)
    victim = server.root / f"victim-{name}"
    victim.write_text("the lecturer's")
    (submitted / name).write_text(json.dumps(new_notebook()))
    (submitted / f".~{name}").symlink_to(victim)
    kind = {"type": "file", "format": "text", "content": "evil"}
    notebook = {"type": "notebook", "format": "json", "content": new_notebook()}
    path = f"/api/contents/{submitted.relative_to(server.root)}/{name}"
    status, text = server.ask(path, SILENT, notebook if "nb" in name else kind, "PUT")
    assert (status, "is a link" in text) == (403, True)
    assert victim.read_text() == "the lecturer's"


def test_no_checkpoint_is_taken_or_removed_through_a_link(server):
    submitted = server.root / "first/submitted/eve/ps91"
    lecturers = server.root / "mine-91"
    for folder in (submitted, lecturers):
        folder.mkdir(parents=True)
    (lecturers / "x-checkpoint.ipynb").write_text(json.dumps(new_notebook(metadata={"mine": 1})))
    (submitted / "x.ipynb").write_text(json.dumps(new_notebook()))
    (submitted / ".ipynb_checkpoints").symlink_to(lecturers)
    path = "/api/contents/first/submitted/eve/ps91/x.ipynb"
    for request in (
        (f"{path}/checkpoints/checkpoint", SILENT, {}, "POST"),
        (path, SILENT, {"path": "first/submitted/eve/ps91/y.ipynb"}, "PATCH"),
        (path, SILENT, None, "DELETE"),
    ):
        status, text = server.ask(*request)
        assert (status, "is a link" in text) == (403, True)
    assert "mine" not in (submitted / "x.ipynb").read_text()
    assert (lecturers / "x-checkpoint.ipynb").exists()


def test_a_link_is_deleted_and_not_what_it_leads_to(server):
    submitted = server.root / "first/submitted/eve/ps90"
    lecturers = server.root / "mine-90"
    for folder in (submitted, lecturers):
        folder.mkdir(parents=True)
    (lecturers / "x.txt").write_text("mine")
    (submitted / "link").symlink_to(lecturers)
    path = "/api/contents/first/submitted/eve/ps90/link"
    assert server.ask(f"{path}/x.txt", SILENT, method="DELETE")[0] == 403
    assert server.ask(path, SILENT, method="DELETE")[0] == 204
    assert not (submitted / "link").is_symlink()
    assert (lecturers / "x.txt").exists()


@pytest.mark.parametrize("place", ["first/submitted/eve/ps93", "first/source/ps93", "elsewhere"])
def test_metadata_that_extensions_run_are_hidden_from_them_and_kept(server, place):
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": {"m": {"_esm": "alert(1)"}}}}
    style = {"@deathbeds/jupyterlab-fonts": {"styles": {"@import": "url(http://localhost:1)"}}}
    notebook = new_notebook(cells=[new_code_cell("1", metadata=style)])
    notebook.metadata = {**style, "widgets": widgets}
    file = server.root / place / "x.ipynb"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(notebook))
    status, text = server.ask(f"/api/contents/{place}/x.ipynb?type=notebook", SILENT)
    content = json.loads(text)["content"]
    assert (status, "widgets" in content["metadata"]) == (200, False)
    for part in (content, content["cells"][0]):
        assert ("@deathbeds/jupyterlab-fonts" in part["metadata"]) == ("submitted" not in place)
    model = {"type": "notebook", "format": "json", "content": content}
    assert server.ask(f"/api/contents/{place}/x.ipynb", SILENT, model, "PUT")[0] == 200
    saved = json.loads(file.read_text())
    assert saved["metadata"]["widgets"] == widgets
    assert saved["metadata"].keys() == notebook.metadata.keys()
    assert saved["cells"][0]["metadata"] == style


@pytest.mark.parametrize(("place", "shown"), [("first/submitted/eve/ps92", False), ("mine", True)])
def test_widgets_of_what_one_trusts_are_shown_but_not_students(server, place, shown):
    """A notebook that has only printed is trusted as soon as it is saved, as Jupyter sees it."""
    printed = [new_output("stream", text="hello")]
    notebook = new_notebook(cells=[new_code_cell("1", outputs=printed)])
    notebook.metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}}
    path = f"/api/contents/{place}/x.ipynb"
    (server.root / place).mkdir(parents=True)
    (server.root / place / "x.ipynb").write_text(json.dumps(notebook))

    def content():
        return json.loads(server.ask(f"{path}?type=notebook", SILENT)[1])["content"]

    def save(content):
        model = {"type": "notebook", "format": "json", "content": content}
        assert server.ask(path, SILENT, model, "PUT")[0] == 200

    save(content())
    assert "widgets" not in content()["metadata"], "saved, and no more trusted than it was"
    trusted = content()
    trusted["cells"][0]["metadata"]["trusted"] = True  # as JupyterLab does where it was run
    save(trusted)
    assert ("widgets" in content()["metadata"]) == shown
    save(content())
    assert ("widgets" in content()["metadata"]) == shown


def test_no_output_makes_a_notebook_trusted_that_jupyter_does_not_judge(server):
    """JupyterLab would show it, and run its scripts."""
    output = {"output_type": "update_display_data", "metadata": {}}
    output["data"] = {"application/javascript": "alert(1)"}
    notebook = new_notebook(cells=[new_code_cell("1"), new_code_cell("1")])
    (server.root / "u.ipynb").write_text(json.dumps(notebook))
    for outputs, trusted in (([output], False), ([new_output("stream", text="hello")], True)):
        notebook["cells"][0]["outputs"] = outputs
        model = {"type": "notebook", "format": "json", "content": notebook}
        assert server.ask("/api/contents/u.ipynb", SILENT, model, "PUT")[0] == 200
        text = server.ask("/api/contents/u.ipynb?type=notebook", SILENT)[1]
        cells = json.loads(text)["content"]["cells"]
        assert [cell["metadata"]["trusted"] for cell in cells] == [trusted, trusted]


@pytest.mark.parametrize(
    ("start", "shown"), [("<img src=x onerror=alert(1)>", 0), (3, 1), ("A", 1)]
)
def test_headings_are_counted_from_a_number(server, start, shown):
    """JupyterLab puts it into the page as markup, whoever trusts the notebook."""
    toc = {"base_numbering": start, "number_sections": True}
    notebook = new_notebook(metadata={"toc": toc, "toc-autonumbering": True})
    (server.root / "h.ipynb").write_text(json.dumps(notebook))
    text = server.ask("/api/contents/h.ipynb?type=notebook", SILENT)[1]
    content = json.loads(text)["content"]
    assert ("toc" in content["metadata"]) == shown
    model = {"type": "notebook", "format": "json", "content": content}
    assert server.ask("/api/contents/h.ipynb", SILENT, model, "PUT")[0] == 200
    assert json.loads((server.root / "h.ipynb").read_text())["metadata"]["toc"] == toc


def test_a_notebook_can_be_trusted_by_its_address(server):
    notebook = new_notebook(cells=[new_code_cell("1")], metadata={"widgets": {"state": 1}})
    (server.root / "t.ipynb").write_text(json.dumps(notebook))
    assert server.ask("/api/contents/t.ipynb/trust", SILENT, {}, "POST")[0] == 201
    text = server.ask("/api/contents/t.ipynb?type=notebook", SILENT)[1]
    assert json.loads(text)["content"]["metadata"] == {"widgets": {"state": 1}}


def test_widgets_saved_meanwhile_are_kept(server):
    metadata = {"unread: widgets": "old", "widgets": "new"}
    model = {"type": "notebook", "format": "json", "content": new_notebook(metadata=metadata)}
    assert server.ask("/api/contents/z.ipynb", SILENT, model, "PUT")[0] == 201
    assert json.loads((server.root / "z.ipynb").read_text())["metadata"] == {"widgets": "new"}


def test_plots_of_vega_are_drawn_nowhere_and_no_file_says_what_jupyterlab_opens(server):
    _status, page = server.ask("/lab", LINK)
    settings = page.split('id="jupyter-config-data"')[1].split(">", 1)[1].split("</script>")[0]
    assert set(DISABLED) <= set(json.loads(settings)["disabledExtensions"])


@pytest.mark.parametrize(("place", "shown"), [("first/submitted/eve/ps89", 0), ("first/source", 1)])
def test_a_plot_of_vega_among_students_files_has_another_name(server, place, shown):
    """Jupyter Notebook draws it, whatever is disabled."""
    plot = {"application/vnd.vegalite.v5+json": {"data": {"url": "x"}}, "text/plain": ["x"]}
    cell = new_code_cell("1", outputs=[new_output("display_data", plot)])
    (server.root / place).mkdir(parents=True, exist_ok=True)
    file = server.root / place / "x.ipynb"
    file.write_text(json.dumps(new_notebook(cells=[cell])))
    path = f"/api/contents/{place}/x.ipynb"
    content = json.loads(server.ask(f"{path}?type=notebook", SILENT)[1])["content"]
    data = content["cells"][0]["outputs"][0]["data"]
    assert ("application/vnd.vegalite.v5+json" in data) == shown
    assert "text/plain" in data
    model = {"type": "notebook", "format": "json", "content": content}
    assert server.ask(path, SILENT, model, "PUT")[0] == 200
    saved = json.loads(file.read_text())
    assert saved["cells"][0]["outputs"][0]["data"] == plot


def test_vega_is_drawn_where_there_is_no_course(tmp_path):
    course = tmp_path / "around" / "course"
    (course / "submitted").mkdir(parents=True)
    (course / CONFIG_FILE).touch()
    assert all(serves_a_course(folder) for folder in (course, course / "submitted", course.parent))
    assert not serves_a_course(tmp_path)


def test_a_notebook_of_the_lecturers_keeps_its_pair(server):
    place = "first/source/ps96"
    (server.root / place).mkdir(parents=True)
    notebook = new_notebook(metadata={"jupytext": {"formats": "ipynb,py:percent"}})
    model = {"type": "notebook", "format": "json", "content": notebook}
    assert server.ask(f"/api/contents/{place}/x.ipynb", SILENT, model, "PUT")[0] == 201
    assert (server.root / place / "x.py").exists()


def test_no_module_is_imported_that_a_notebook_names(server):
    """This one ended the server: it reads the command line and leaves."""
    language = {"name": "python", "nbconvert_exporter": "unittest.__main__.x"}
    notebook = new_notebook(metadata={"language_info": language})
    (server.root / "first" / "y.ipynb").write_text(json.dumps(notebook))
    assert server.ask("/nbconvert/script/first/y.ipynb", PICTURE)[0] == 403
    assert server.ask("/nbconvert/script/first/y.ipynb", LINK)[0] == 500
    assert server.ask("/api", SILENT)[0] == 200
    notebook.metadata["language_info"]["nbconvert_exporter"] = "python"
    (server.root / "first" / "y.ipynb").write_text(json.dumps(notebook))
    assert server.ask("/nbconvert/script/first/y.ipynb", LINK)[0] == 200


@pytest.mark.parametrize(("headers", "status"), [(PICTURE, 403), (LINK, 200), (SILENT, 200)])
def test_no_picture_logs_anyone_out(server, headers, status):
    assert server.ask("/logout", headers)[0] == status


@pytest.mark.skipif(sys.platform != "linux", reason="of no other process the folder is known")
def test_questions_side_by_side_leave_the_servers_folder_as_it_is(server):
    """There nbgrader finds its settings. A picture is enough to ask."""
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(server.ask, "/formgraders", PICTURE) for _ in range(8)]
    answers = [one.result() for one in asked]
    assert all(status == 200 and json.loads(text)["success"] for status, text in answers)
    assert Path(f"/proc/{server.process}/cwd").resolve() == server.root / "first"


def test_each_course_has_its_own_gradebook(server):
    for course, student in (("first", "anna"), ("second", "zoe")):
        (server.root / course / CONFIG_FILE).write_text(config_text("en"))
        assert server.ask(f"/formgrader?path={server.root / course}", PANEL)[0] == 200
        server.ask(f"/formgrader/api/student/{student}", SILENT, {}, "PUT")
        found = {one["id"] for one in json.loads(server.ask("/formgrader/api/students", SILENT)[1])}
        assert found & {"anna", "zoe"} == {student}
    assert server.ask("/formgrader", LINK)[0] == 200


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_graded_work_is_shown_as_its_course_says(server):
    """By which answers are made harmless; also where Jupyter was started elsewhere."""
    toy = make_released(server.root / "toy", write_toy(server.runtime / "toy"), "ps99", "en")
    with (toy.root / CONFIG_FILE).open("a") as settings:
        settings.write("\nc.HTMLExporter.exclude_markdown = True\n")
    folder = toy.submitted / "eve" / "ps99"
    folder.mkdir(parents=True)
    text = submission(toy, "ps99", {**RIGHT, "why": "It is even."})
    (folder / "ps99-squares.ipynb").write_text(text, "utf-8")
    grade_submissions(toy, "ps99")
    assert server.ask(f"/formgrader?path={toy.root}", PANEL)[0] == 200
    found = server.ask("/formgrader/api/submitted_notebooks/ps99/ps99-squares", SILENT)[1]
    status, page = server.ask(f"/formgrader/submissions/{json.loads(found)[0]['id']}/", LINK)
    assert (status, 'id="square"' in page, "It is even." in page) == (200, True, False)
    assert server.ask("/formgrader", LINK)[0] == 200
