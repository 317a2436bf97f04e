"""What a sandbox shows of the machine: an interpreter, its packages, and little else.

Everything is read-only. There is no home, no shell, no configuration, no course: a list of what is
shown is shorter than a list of what must be hidden, and what it forgets can't be read.
"""

from __future__ import annotations

import csv
import importlib.metadata
import os
import re
import site
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from nncourse.grading.sandbox.library import PACKAGE

SYSTEM: tuple[str, ...] = (
    "/lib",
    "/lib64",
    "/lib32",
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib32",
    "/usr/local/lib",
)
SYSTEM += ("/usr/share/fonts", "/usr/share/zoneinfo")
SYSTEM += ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime")
SYSTEM += ("/etc/fonts",)
PACKAGES = "/sandbox/packages"
LIBRARY = "/sandbox/library"
FONTS = "/sandbox/fonts"


@dataclass
class View:
    """shown: pairs of a place on this machine and the place where the sandbox sees it.
    covered: folders that are below shown ones and stay empty. python: the interpreter.
    """

    python: str
    shown: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    covered: list[str] = field(default_factory=list)


def view(library: Path, packages: Iterable[str], fonts: Path | None) -> View:
    """The view for a copy of the library and these distributions with what they require."""
    seen = _of_machine()
    # Where each really is, and where it is seen: links may lead there.
    roots = [(os.path.realpath(place), at) for place, at in seen.shown]
    installed = {*site.getsitepackages(), sysconfig.get_path("purelib")}
    installed |= {path for path in sys.path if path.endswith(("site-packages", "dist-packages"))}
    for root in (*(place for place, _ in roots), os.path.join(sys.base_prefix, "lib")):
        installed |= {str(path) for path in Path(root).glob("python3*/*-packages")}
    # Packages are shown one by one, elsewhere: the library with its answers may be among them.
    library_itself = Path(__file__).parents[2]
    if (library_itself.parent / "solutions").is_dir():  # it runs from its sources
        library_itself = library_itself.parent
    unseen = [*installed, str(library_itself)]
    for path in sorted(os.path.realpath(path) for path in unseen):
        for place, at in roots:
            there = at + path.removeprefix(place)
            if os.path.isdir(path) and _below(path, [place]) and not _below(there, seen.covered):
                seen.covered.append(there)
    seen.shown.append((str(library), LIBRARY))
    seen.shown += [(str(path), f"{PACKAGES}/{path.name}") for path in _places(packages)]
    if fonts is not None:
        seen.shown.append((str(fonts), FONTS))
    return seen


def _of_machine() -> View:
    """The system's libraries and the interpreter's."""
    seen = View(os.path.realpath(sys.executable))
    for path in SYSTEM:
        if os.path.islink(path):
            seen.links.append((os.readlink(path), path))
        elif os.path.exists(path):
            seen.shown.append((path, path))
    stdlib = sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix})
    prefix_lib = os.path.join(sys.base_prefix, "lib")
    # Python looks for them beside the file that is started, which is no link.
    found = filter(None, (stdlib, sysconfig.get_path("platstdlib"), prefix_lib))
    for path in (*map(os.path.realpath, found), seen.python):
        if os.path.exists(path) and not _below(path, [at for _, at in seen.shown]):
            seen.shown.append((path, path))
    return seen


def shown(paths: Iterable[str | Path]) -> list[str | Path]:
    """Those that lie where a sandbox shows all but other packages."""
    roots = [os.path.realpath(place) for place, _ in _of_machine().shown]
    return [path for path in paths if _below(os.path.realpath(path), roots)]


def _below(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def _places(names: Iterable[str]) -> list[Path]:
    """The files and folders at the top of these distributions and of all that they require."""
    waiting, done, places = list(names), set(), set()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in done:
            continue
        done.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in _requires(distribution):
            if "extra ==" not in requirement:
                waiting.append(re.split(r"[\s;<>=!~\[(@]", requirement, maxsplit=1)[0])
        if name == PACKAGE:
            continue  # the copy of it has no answers
        for top in _tops(distribution):
            if top not in ("", "..", "/", "__pycache__", "bin"):
                places.add(Path(str(distribution.locate_file(top))))
    return sorted(path for path in places if path.exists() and path.suffix != ".pth")


def _requires(distribution: importlib.metadata.Distribution) -> list[str]:
    """What a distribution requires, one line each."""
    found = _metadata(distribution, "Requires-Dist")
    return distribution.requires or [] if found is None else found


def _version(distribution: importlib.metadata.Distribution) -> str:
    found = _metadata(distribution, "Version")
    return found[0] if found else distribution.version


def _metadata(distribution: importlib.metadata.Distribution, field: str) -> list[str] | None:
    """The values of a field; None where the file is not there."""
    # importlib.metadata reads the whole description as an e-mail.
    text = distribution.read_text("METADATA")
    if text is None:
        return None
    header = text.replace("\r\n", "\n").partition("\n\n")[0]
    lines = [line.partition(": ") for line in header.splitlines()]
    return [value for name, _colon, value in lines if name == field]


def _tops(distribution: importlib.metadata.Distribution) -> set[str]:
    """What a distribution has installed, as far as the first slash."""
    # ``files`` makes an object of each of some thousand lines.
    record = distribution.read_text("RECORD")
    if record is None:
        return {file.parts[0] for file in distribution.files or []}
    return {row[0].partition("/")[0] for row in csv.reader(record.splitlines()) if row}


def fonts(cache: Path) -> Path | None:
    """matplotlib's list of fonts, made once; without it every start would look for them."""
    try:
        version = _version(importlib.metadata.distribution("matplotlib"))
    except importlib.metadata.PackageNotFoundError:
        return None
    target = cache / f"fonts-{version}"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True, mode=0o755)
        building = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
        # -P: the current folder may be that of the submissions.
        command = [sys.executable, "-P", "-c", "import matplotlib.font_manager"]
        environment = {**os.environ, "MPLCONFIGDIR": str(building), "MPLBACKEND": "agg"}
        subprocess.run(command, env=environment, check=True, capture_output=True)
        for path in building.glob("*"):
            path.chmod(0o644)
        building.chmod(0o755)
        try:
            building.rename(target)
        except OSError:
            if not target.exists():
                raise
    return target
