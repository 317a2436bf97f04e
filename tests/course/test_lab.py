"""The start page, and the student's copies that nothing overwrites."""

import re
from pathlib import Path

import pytest

from nncourse import language
from nncourse.course import lab
from nncourse.course.files import Course


@pytest.fixture
def course(built_course, tmp_path) -> Course:
    """The built small course with a work folder of its own."""
    for folder in ("lectures", "exercises"):
        (tmp_path / folder).symlink_to(built_course.root / folder)
    return Course(tmp_path)


def test_a_students_copy_is_made_once_and_kept(course):
    made = lab.lay_out(course)
    assert [path.relative_to(course.root).as_posix() for path in made] == [
        "work/ru/ps01/ps01-trial.ipynb",
        "work/en/ps01/ps01-trial.ipynb",
    ]
    made[0].write_text("my answer")
    assert lab.lay_out(course) == []
    assert made[0].read_text() == "my answer"


@pytest.mark.parametrize("tongue", language.LANGUAGES)
def test_every_link_of_the_start_page_leads_somewhere(course, tongue):
    lab.lay_out(course)
    lab.write_start_pages(course)
    page = lab.start_page_path(course, tongue)
    links = re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8"))
    assert len(links) == 3  # the lecture, the exercise, the other language
    for link in links:
        assert (page.parent / link).exists(), link


def test_the_start_page_speaks_its_language(course):
    lab.write_start_pages(course)
    assert "Лекции" in lab.start_page_path(course, "ru").read_text("utf-8")
    assert "Lectures" in lab.start_page_path(course, "en").read_text("utf-8")


def test_the_server_starts_at_the_page_of_the_language(course):
    with language.using("ru"):
        command = lab.lab_command(course, browser=False, port=8900)
    assert "--LabApp.default_url=/lab/tree/work/start-ru.ipynb" in command
    assert "--no-browser" in command
    assert "--port=8900" in command
    assert "--no-browser" not in lab.lab_command(course, browser=True, port=None)


@pytest.mark.parametrize("root", [True, False])
def test_root_is_let_in_where_it_is_the_only_user(course, monkeypatch, root):
    monkeypatch.setattr(lab, "is_root", lambda: root)
    assert ("--allow-root" in lab.lab_command(course, browser=False, port=None)) == root


def test_the_server_asks_for_no_news():
    first = lab.lab_environment()["JUPYTER_CONFIG_PATH"].split(":")[0]
    assert "announcements" in (Path(first) / "labconfig" / "page_config.json").read_text()


def test_messages_of_a_kernel_leave_at_once(course, monkeypatch):
    pytest.importorskip("jupyter_server", reason="jupyter_server is not installed")
    from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

    from nncourse.course.websocket import PromptConnection

    options = lab.lab_command(course, browser=False, port=None)
    named = next(one for one in options if "kernel_websocket_connection_class" in one)
    assert named.endswith(f"={PromptConnection.__module__}.{PromptConnection.__name__}")
    told = []
    monkeypatch.setattr(PromptConnection.__base__, "connect", lambda self: told.append("connect"))
    handler = KernelWebsocketHandler.__new__(KernelWebsocketHandler)  # of no page
    monkeypatch.setattr(handler, "set_nodelay", told.append)
    PromptConnection(websocket_handler=handler).connect()
    assert told == [True, "connect"]
