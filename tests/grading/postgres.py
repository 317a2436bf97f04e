"""A PostgreSQL server of the tests' own, from Debian's package, in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


def programs() -> Path | None:
    """Where initdb and postgres are."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


class Server:
    """A running server; ``url`` is the address of an empty database."""

    def __init__(self, folder: Path, bin_: Path, user: str | None) -> None:
        self.folder = folder
        self.bin = bin_
        self.user = user
        self.url = f"postgresql+psycopg://grader@/grades?host={folder}"

    def run(self, *command: str) -> None:
        # PostgreSQL refuses to be run by root.
        become = ["runuser", "-u", self.user, "--"] if self.user else []
        subprocess.run([*become, *command], check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        """Start it, or start it again."""
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        data = str(self.folder / "data")
        self.run(
            f"{self.bin}/pg_ctl", "-D", data, "-o", options, "-l", f"{data}.log", "-w", "start"
        )

    def database(self, name: str, *options: str) -> str:
        """The address of one more empty database."""
        self.run(f"{self.bin}/createdb", "-h", str(self.folder), "-U", "grader", *options, name)
        return self.url.replace("/grades?", f"/{name}?")

    def stop(self) -> None:
        """Stop it at once; connections break."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run(f"{self.bin}/pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A server with a database; gone after the block."""
    bin_ = programs()
    assert bin_ is not None
    user = None
    folder = Path(tempfile.mkdtemp(prefix="nncourse-pg-"))
    if os.geteuid() == 0:
        user = "postgres"
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    folder.chmod(0o755)
    found = Server(folder, bin_, user)
    try:
        found.run(f"{bin_}/initdb", "-D", f"{folder}/data", "-U", "grader", "-A", "trust")
        found.start()
        found.run(f"{bin_}/createdb", "-h", str(folder), "-U", "grader", "grades")
        yield found
    finally:
        found.stop()
        time.sleep(0.1)
        shutil.rmtree(folder, ignore_errors=True)
