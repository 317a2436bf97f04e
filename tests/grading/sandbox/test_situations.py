"""The table of what protects: as root, as an ordinary user, in a container, and where nothing can.

Each row is made here: another user by setpriv, a container by bubblewrap itself, a system without
user namespaces by their own limit. A row that can't be made where the tests run is skipped, with
the reason; that of the present user is always there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nncourse.grading.sandbox import Sandbox, SandboxUnavailable
from nncourse.grading.sandbox.protections import protections
from nncourse.grading.sandbox.walls import unprivileged_id

PROBE = Path(__file__).with_name("probe.py")
PROJECT = Path(__file__).parents[3]
needs_bwrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed"
)


def needed_folders() -> list[str]:
    """Where the interpreter, its packages and the project are, outermost first."""
    places = {os.path.realpath(p) for p in (sys.base_prefix, sys.prefix, PROJECT)}
    return sorted(p for p in places if not any(p.startswith(q + "/") for q in places))


def open_to_all(path: str) -> bool:
    return all(
        folder.stat().st_mode & 0o005 == 0o005 for folder in [Path(path), *Path(path).parents]
    )


def as_ordinary_user(cache: Path) -> list[str]:
    """A command that runs what follows as an ordinary user, who can read the interpreter."""
    if os.geteuid() != 0:
        return []
    user = unprivileged_id()
    if user is None:
        pytest.skip("this root can't become another user")
    os.chown(cache, user, user)
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    closed = [path for path in needed_folders() if not open_to_all(path)]
    if not closed:
        return become
    # The interpreter may be in root's home. In a mount namespace of its own, the way is opened:
    # each closed folder at the top is replaced by an empty one that has only what is needed.
    script = "set -e\n"
    tops = sorted({"/" + Path(path).parts[1] for path in closed})
    for number, path in enumerate(closed):
        script += f"mkdir -p {cache}/{number}; mount --bind {path} {cache}/{number}\n"
    for top in tops:
        script += f"mount -t tmpfs -o mode=755 none {top}\n"
    for number, path in enumerate(closed):
        script += f"mkdir -p {path}; mount --bind {cache}/{number} {path}\n"
    return ["unshare", "-m", "sh", "-c", script + 'exec "$@"', "sh", *become]


def in_container(*options: str) -> list[str]:
    """A command that runs what follows as "root" of a user namespace, as containers do."""
    new = ["bwrap", "--unshare-all", "--uid", "0", "--gid", "0", "--bind", "/", "/"]
    return [*new, "--proc", "/proc", "--dev", "/dev", *options, "--"]


def probe(cache: Path, *before: str) -> dict:
    command = [*before, sys.executable, str(PROBE), str(cache)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def assert_holds(said: dict) -> None:
    assert said["reason"] == ""
    assert said["sandbox"] is True
    assert said["gained"] == "[]"
    assert said["next"] == said["beside"] == "42"
    assert len(said["starts"]) == 1, "the twins have started nothing of their own"
    assert said["secret"] == "secret"


@pytest.fixture
def open_cache(tmp_path):
    """A cache that another user can reach; pytest's folders are for their owner alone."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="nncourse-test-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@needs_bwrap
def test_the_present_user(open_cache):
    said = probe(open_cache)
    assert_holds(said)
    assert said["separate_user"] == (os.geteuid() == 0)


@needs_bwrap
def test_an_ordinary_user(open_cache):
    said = probe(open_cache, *as_ordinary_user(open_cache))
    assert_holds(said)
    assert said["separate_user"] is False
    assert said["own_namespace"] is True


@pytest.mark.slow
@needs_bwrap
def test_inside_a_container(open_cache):
    said = probe(open_cache, *in_container())
    assert said["container"] is True
    assert_holds(said)


NO_NAMESPACES = 'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all "$@"'


@pytest.mark.slow
@needs_bwrap
def test_where_user_namespaces_are_forbidden_it_is_refused(open_cache):
    options = ["--cap-add", "ALL"]
    said = probe(open_cache, *in_container(*options), "sh", "-c", NO_NAMESPACES, "sh")
    assert said["sandbox"] is False
    assert said["gained"] == "refused"
    assert "namespace" in said["reason"]


def test_without_bubblewrap_it_is_refused(monkeypatch, cache):
    monkeypatch.setattr("nncourse.grading.sandbox.walls.BWRAP", "no-such-program")
    monkeypatch.setattr("nncourse.grading.sandbox.protections.BWRAP", "no-such-program")
    sandbox = Sandbox(withheld=["nncourse"], packages=["numpy"], preload=[], cache=cache)
    with pytest.raises(SandboxUnavailable, match=r"bubblewrap is not installed.*apt install"):
        sandbox.session()
    said = protections(cache)
    assert said.sandbox is False
    assert said.bubblewrap == ""
    assert "not installed" in said.reason


def test_unsafe_runs_without_bubblewrap_within_limits(monkeypatch, cache, tmp_path):
    monkeypatch.setattr("nncourse.grading.sandbox.walls.BWRAP", "no-such-program")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with (
        Sandbox(
            withheld=["nncourse"], packages=["numpy"], preload=[], unsafe=True, cache=cache
        ) as sandbox,
        sandbox.session() as session,
    ):
        assert session.run_cell("6 * 7").output == "42\n"
        session.run_cell("import os, time\nif os.fork() == 0:\n    time.sleep(100)\npid = 1")
        assert session.run_cell("x = bytearray(1 << 34)").error.kind == "MemoryError"
        if session.layers["landlock"]:
            assert session.run_cell(f"open({str(secret)!r})").error.kind == "PermissionError"
        folder = sandbox.folder
        session.close()
        with sandbox.session() as after:
            assert after.run_cell("1").output == "1\n"
    assert not os.path.exists(folder)
