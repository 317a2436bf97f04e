"""A Dask cluster of the tests' own on this machine, with TLS."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def certificate(folder: Path) -> Path:
    """ca.pem, cert.pem and key.pem of an authority of its own, for two days; the folder."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    shutil.copy(folder / "cert.pem", folder / "ca.pem")
    return folder


@contextlib.contextmanager
def local_cluster(tls: Path, workers: int = 2) -> Iterator[Any]:
    """A scheduler in this process, and workers with a nanny each, which starts lost ones anew."""
    from distributed import LocalCluster

    from nncourse.grading.cluster import _security

    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        protocol="tls://",
        security=_security("tls://127.0.0.1:0", tls),
        dashboard_address=":0",
    ) as cluster:
        yield cluster


def kill_a_worker(cluster: Any) -> None:
    """Kill one that lives: the nanny of one killed before may not have started the next yet."""
    import psutil

    pids = [nanny.pid for nanny in cluster.workers.values()]
    alive = [pid for pid in pids if pid is not None and psutil.pid_exists(pid)]
    os.kill(alive[0], signal.SIGKILL)
