"""The same work items on a Dask cluster.

Workers of Dask need nncourse, bubblewrap and nothing else: no shared folder, no gradebook; an item
is bytes, its result JSON. An item whose worker is lost is given to another one. Anyone who reaches
an open scheduler can run code on its workers, so beyond this machine only TLS is accepted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nncourse.grading.worker import Worker, WorkerLost
from nncourse.language import catalogue

_ = catalogue("course")

AHEAD = 4  # items on their way for each thread of the cluster
HERE = ("localhost", "127.0.0.1", "::1")

_own = threading.local()


class ClusterError(Exception):
    """The cluster can't be used; the text says why and what to do."""


def grade_item(assignment: bytes, item: bytes) -> bytes:
    """What a Dask worker runs: each of its threads keeps a worker process with a warm sandbox."""
    worker: Worker | None = getattr(_own, "worker", None)
    if worker is None:
        worker = _own.worker = Worker()
    try:
        return worker.grade(assignment, item)
    except BaseException:
        worker.close()
        _own.worker = None
        raise


def run_on_cluster(
    address: str,
    assignment: bytes,
    items: Iterable[tuple[Any, bytes]],
    tls: Path | None = None,
) -> Iterator[tuple[Any, bytes | WorkerLost]]:
    """Grade items on the cluster at ``address``, tls://HOST:PORT; results come in any order.

    ``tls``: a folder with ca.pem, cert.pem and key.pem. tcp:// is accepted on this machine only.
    Raises ClusterError.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        text = _('{name} is missing: pip install "nncourse[cluster]"', name=error.name)
        raise ClusterError(text) from error
    try:
        client = Client(address, security=_security(address, tls), timeout="20s")
    except (OSError, ValueError) as error:
        raise ClusterError(
            _("no scheduler answers at {address}: {error}", address=address, error=error)
        ) from error
    with client:
        (shared,) = client.scatter([assignment], broadcast=True)
        waiting = iter(items)
        keys: dict[Any, Any] = {}
        done = as_completed()

        def feed(count: int) -> None:
            for _number in range(count):
                item = next(waiting, None)
                if item is None:
                    return
                future = client.submit(grade_item, shared, item[1], pure=False, retries=2)
                keys[future] = item[0]
                done.add(future)

        threads = sum(client.nthreads().values()) or 1
        feed(AHEAD * threads)
        while keys:
            future = next(done)
            key = keys.pop(future)
            if future.status == "finished":
                result: bytes | WorkerLost = future.result()
            else:
                result = WorkerLost(str(future.exception()))
            feed(1)
            yield key, result


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
        return Security(require_encryption=True)
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
