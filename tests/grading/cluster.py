"""A Dask cluster of the tests' own on this machine, with TLS."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
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
    import dask
    from distributed import LocalCluster

    from nncourse.grading.cluster import _security

    # Else a worker that is not back after 15 s, on a busy machine, is struck off for good.
    patience = dask.config.set({"distributed.deploy.lost-worker-timeout": "600s"})
    with (
        patience,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            protocol="tls://",
            security=_security("tls://127.0.0.1:0", tls),
            dashboard_address=":0",
        ) as cluster,
    ):
        yield cluster


def kill_a_worker(cluster: Any) -> None:
    """Kill one that is at work. (A nanny whose worker dies while it starts does not try again.)"""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for nanny in cluster.workers.values():
            if nanny.status.name == "running" and nanny.pid is not None:
                os.kill(nanny.pid, signal.SIGKILL)
                return
        time.sleep(0.1)
    raise AssertionError("no worker came back within a minute")
