"""What is installed, what is missing, and what to do about it."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from nncourse.course.files import find_course
from nncourse.language import catalogue, mark

_ = catalogue("course")

PYTHON = ((3, 11), (3, 13))
EXTRAS = ("course", "grading", "test", "bench", "gpu")
NEEDED = ("course",)

# Programs that are not Python packages, and what needs them.
PROGRAMS = {
    "git": mark("to get the course and its updates"),
    "make": mark("for make lab and make test"),
    "node": mark("tests of the widgets' formulas; JupyterLab itself does not need it"),
    "chromium": mark("tests that drive a browser"),
    "bwrap": mark("grading in a sandbox"),
    "psql": mark("a gradebook in PostgreSQL"),
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``mend`` is empty where nothing is to be done."""

    what: str
    state: str
    ok: bool
    needed: bool = True
    mend: str = ""


def examine() -> list[Finding]:
    """Look at Python, the extras, the kernel, the course's folder and the programs."""
    return [_python(), *map(_extra, EXTRAS), _kernel(), _course(), *map(_program, PROGRAMS)]


def _python() -> Finding:
    version = sys.version_info[:2]
    ok = PYTHON[0] <= version <= PYTHON[1]
    mend = "" if ok else _("install Python 3.11, 3.12 or 3.13 and make the environment anew")
    return Finding("Python", platform.python_version(), ok, mend=mend)


def missing_requirements(extra: str) -> list[str]:
    """The requirements of an extra that are not installed in a version that will do."""
    found = []
    for line in metadata.requires("nncourse") or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if (
            marker is None
            or not marker.evaluate({"extra": extra})
            or marker.evaluate({"extra": ""})
        ):
            continue
        if requirement.name == "nncourse":
            for other in sorted(requirement.extras):
                found += missing_requirements(other)
            continue
        try:
            fits = requirement.specifier.contains(metadata.version(requirement.name), True)
        except metadata.PackageNotFoundError:
            fits = False
        if not fits:
            found.append(f"{requirement.name}{requirement.specifier}")
    return sorted(set(found))


def _belongs(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return (
        marker is not None
        and marker.evaluate({"extra": extra})
        and not marker.evaluate({"extra": ""})
    )


def _extra(extra: str) -> Finding:
    missing = missing_requirements(extra)
    state = _("installed") if not missing else _("missing: {names}", names=", ".join(missing))
    mend = f'pip install "nncourse[{extra}]"' if missing else ""
    return Finding(f"nncourse[{extra}]", state, not missing, extra in NEEDED, mend)


def _kernel() -> Finding:
    what = _("notebook kernel python3")
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Finding(what, _("missing"), False, mend='pip install "nncourse[course]"')
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding(
            what,
            _("missing"),
            False,
            mend="python -m ipykernel install --sys-prefix --name python3",
        )
    return Finding(what, spec.resource_dir, True)


def _course() -> Finding:
    what = _("course folder")
    try:
        course = find_course()
    except FileNotFoundError as error:
        return Finding(what, _("not found"), False, mend=str(error))
    built = len(course.built())
    mend = "" if built else "nncourse build"
    state = _("{path}, {count} notebooks built", path=course.root, count=built)
    return Finding(what, state, bool(built), mend=mend)


def _program(name: str) -> Finding:
    path = shutil.which(name)
    purpose = _(PROGRAMS[name])
    state = path or _("not found ({purpose})", purpose=purpose)
    mend = "" if path else _("install it with the system's package manager, if you need it")
    return Finding(name, state, path is not None, needed=False, mend=mend)
