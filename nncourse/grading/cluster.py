"""The same work items on a Dask cluster.

Workers of Dask need nncourse, bubblewrap and nothing else: no shared folder, no gradebook; an item
is bytes, its result JSON. An item whose worker is lost is given to another one. What is wrong with
the cluster itself (its scheduler is lost, its workers have no sandbox, another nncourse or other
packages) ends the run, since no student is to blame for it. Anyone who reaches an open scheduler
can run code on its workers, so beyond this machine only TLS is accepted.
"""

from __future__ import annotations

import json
import platform
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from nncourse.grading.assignment import tool_version
from nncourse.grading.worker import Worker, WorkerLost, try_nobody
from nncourse.language import catalogue

_ = catalogue("course")

AHEAD = 4  # items on their way for each thread of the cluster
TRIES = 3  # for an item whose grading process is lost
LOOK_SECONDS = 5.0  # without a result, until the cluster is looked at
NO_WORKER_SECONDS = 120.0  # that it may be without workers: they may be starting anew
HERE = ("localhost", "127.0.0.1", "::1")

_own = threading.local()


class ClusterError(ConnectionError):
    """The cluster can't be used; the text says why and what to do."""


class OtherVersion(Exception):
    """What a worker has is not what the coordinator has, and it might come to other verdicts."""


def versions(assignment: bytes) -> dict[str, str]:
    """What a verdict depends on beside the assignment: its packages and ours; '' where missing."""
    packages = json.loads(assignment)["rules"]["packages"]
    found = {"nncourse": tool_version(), "Python": platform.python_version().rpartition(".")[0]}
    return found | {name: _version(name) for name in ("numpy", *packages)}


@lru_cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def grade_item(assignment: bytes, item: bytes, wanted: dict[str, str]) -> bytes:
    """What a Dask worker runs: each of its threads keeps a worker process with a warm sandbox.

    ``wanted``: the coordinator's versions.
    """
    for name, version in versions(assignment).items():
        if version != wanted[name]:
            has = f"{name} {version}" if version else f"no {name}"
            what = "another version of nncourse" if name == "nncourse" else has
            raise OtherVersion(f"it has {what}: install the same everywhere")
    worker: Worker | None = getattr(_own, "worker", None)
    if worker is None:
        worker = _own.worker = Worker()
    try:
        return worker.grade(assignment, item)
    except BaseException as error:
        worker.close()
        _own.worker = None
        if isinstance(error, WorkerLost):
            try_nobody(Worker(), assignment)
        raise


def run_on_cluster(
    address: str,
    assignment: bytes,
    items: Iterable[tuple[Any, bytes]],
    tls: Path | None = None,
) -> Iterator[tuple[Any, bytes | WorkerLost]]:
    """Grade items on the cluster at ``address``, tls://HOST:PORT; results come in any order.

    ``tls``: a folder with ca.pem, cert.pem and key.pem. tcp:// is accepted on this machine only.
    Only as many items are taken as the cluster can soon use. Raises ClusterError.
    """
    with _connected(address, tls) as client:
        # A task, and not scattered data: what a task gave is made again where it was lost.
        shared = client.submit(bytes, assignment, pure=False)
        wanted = versions(assignment)
        waiting = iter(items)
        at_work: dict[str, tuple[Any, Any]] = {}
        done: SimpleQueue[str] = SimpleQueue()

        def feed(count: int) -> None:
            for _number in range(count):
                item = next(waiting, None)
                if item is None:
                    return
                key, work = item
                future = client.submit(
                    grade_item, shared, work, wanted, pure=False, retries=TRIES - 1
                )
                at_work[future.key] = key, future
                future.add_done_callback(lambda future: done.put(future.key))

        feed(AHEAD * (sum(client.nthreads().values()) or 1))
        while at_work:
            key, future = at_work.pop(_next(done, _Patience(client, address)))
            result = _outcome(future, _Patience(client, address))
            del future  # or the cluster would keep the result
            feed(1)
            yield key, result


def _connected(address: str, tls: Path | None) -> Any:
    """A client of the scheduler."""
    try:
        from distributed import Client
    except ImportError as error:
        text = _('{name} is missing: pip install "nncourse[cluster]"', name=error.name)
        raise ClusterError(text) from error
    security = _security(address, tls)
    try:
        return Client(address, security=security, timeout="20s")
    except (OSError, ValueError) as error:
        raise ClusterError(
            _("no scheduler answers at {address}: {error}", address=address, error=error)
        ) from error


class _Patience:
    """That of one who waits for a cluster: it ends where nothing can come any more."""

    def __init__(self, client: Any, address: str) -> None:
        self.client = client
        self.address = address
        self.workers_seen = time.monotonic()

    def look(self) -> None:
        """Raises ClusterError where the scheduler is gone, or has long had no workers."""
        try:
            workers = self.client.nthreads()
        except Exception as error:  # whatever it is: nobody answers
            raise _scheduler_lost(self.address) from error
        if workers:
            self.workers_seen = time.monotonic()
        elif time.monotonic() - self.workers_seen > NO_WORKER_SECONDS:
            raise ClusterError(
                _(
                    "the cluster at {address} has no workers: start some, then run the command "
                    "again; what was graded before is kept",
                    address=self.address,
                )
            )


def _next(done: SimpleQueue[str], patience: _Patience) -> str:
    """The next item that is done. Raises ClusterError where none will be."""
    while True:
        try:
            return done.get(timeout=LOOK_SECONDS)
        except Empty:
            patience.look()


def _outcome(future: Any, patience: _Patience) -> bytes | WorkerLost:
    """An item's result, or that it was given up. Raises ClusterError.

    The worker that holds the result may be lost just now; then the item is graded again, and
    ``result`` waits for that.
    """
    from distributed import KilledWorker

    # A ``result`` that is given up would begin anew next time, and a large one never arrive.
    thread = ThreadPoolExecutor(1)
    try:
        result = thread.submit(future.result)
        while not wait([result], LOOK_SECONDS).done:
            patience.look()
        return result.result()
    except ClusterError:
        raise
    except (WorkerLost, KilledWorker) as error:
        return WorkerLost(str(error))
    except Exception as error:
        if future.status != "error" and isinstance(error, (CancelledError, OSError)):
            raise _scheduler_lost(patience.address) from error
        text = _(
            "a worker of the cluster at {address} can't grade: {why}",
            address=patience.address,
            why=f"{type(error).__name__}: {error}",
        )
        raise ClusterError(text) from error
    finally:
        thread.shutdown(wait=False)


def _scheduler_lost(address: str) -> ClusterError:
    return ClusterError(
        _(
            "the scheduler at {address} is gone. What was graded before is kept; start it, then "
            "run the command again",
            address=address,
        )
    )


def _security(address: str, tls: Path | None) -> Any:
    from distributed.security import Security

    parts = urlsplit(address)
    if parts.scheme != "tls":
        if parts.hostname in HERE:
            return None
        raise ClusterError(
            _(
                "{address} is not encrypted, and an open scheduler runs anyone's code: use "
                "tls://HOST:PORT, with --tls FOLDER",
                address=address,
            )
        )
    if tls is None:
        security = Security(require_encryption=True)  # of Dask's own settings
        if security.get_connection_args("client")["ssl_context"] is not None:
            return security
        raise ClusterError(
            _(
                "{address} is encrypted: say with --tls FOLDER where ca.pem, cert.pem and "
                "key.pem are",
                address=address,
            )
        )
    files = {name: Path(tls) / f"{name}.pem" for name in ("ca", "cert", "key")}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise ClusterError(_("missing for TLS: {files}", files=", ".join(missing)))
    return Security(
        require_encryption=True,
        tls_ca_file=str(files["ca"]),
        tls_client_cert=str(files["cert"]),
        tls_client_key=str(files["key"]),
        tls_worker_cert=str(files["cert"]),
        tls_worker_key=str(files["key"]),
        tls_scheduler_cert=str(files["cert"]),
        tls_scheduler_key=str(files["key"]),
    )
