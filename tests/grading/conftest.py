"""A course folder with the toy assignment released."""

import shutil

import pytest

from nncourse.course.folder import CourseFolder
from tests.grading.toy import make_released, write_toy


@pytest.fixture(scope="session")
def released_toy(tmp_path_factory):
    """A course folder with the toy released, to be copied."""
    root = tmp_path_factory.mktemp("toy")
    return make_released(root / "course", write_toy(root / "repository"), "ps99", "en")


@pytest.fixture(scope="module")
def toy(released_toy, tmp_path_factory):
    """A course folder of each file's own, so that none finds the grades of another."""
    root = tmp_path_factory.mktemp("toy") / "course"
    shutil.copytree(released_toy.root, root)
    return CourseFolder(root)
