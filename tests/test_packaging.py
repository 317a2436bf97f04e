"""The wheel: whole, small, and a course by itself."""

import os
import subprocess
import sys
import zipfile

import pytest


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, root]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_the_wheel_is_pure_and_has_what_is_not_python(wheel):
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for ending in (
        ".js",
        ".css",
        "digits.npz",
        "check.mo",
        "page_config.json",
        "05-backpropagation.ipynb",
    ):
        assert any(name.endswith(ending) for name in names), ending
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]


@pytest.mark.slow
def test_an_installed_wheel_brings_the_course_along(wheel, tmp_path):
    site, here = tmp_path / "site", tmp_path / "here"
    here.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    code = """
import nncourse, sys
assert nncourse.__file__.startswith(sys.argv[1]), nncourse.__file__
from nncourse.course import build, lab
from nncourse.course.files import find_course
course = find_course()
print(course.root.name, build.missing(course), len(course.built()))
print(*[path.relative_to(course.root).as_posix() for path in lab.lay_out(course)])
from nncourse.course.slides import write_slides
print(*[(path.name, *problems) for path, problems in write_slides(course, ["05"])])
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(site)],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    first, second, third = run.stdout.splitlines()
    assert first.startswith("nncourse-course [] ")
    assert "work/en/ps05/ps05-backpropagation.ipynb" in second.split()
    assert third == "('05-backpropagation.en.html',)"
