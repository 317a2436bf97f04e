"""A Dask cluster with TLS on this machine: the same results as the local run, also when a worker
is lost; an unencrypted one elsewhere is refused."""

from __future__ import annotations

import shutil
import time
from functools import partial

import pytest

from nncourse.grading.cluster import ClusterError, run_on_cluster
from nncourse.grading.grade import grade_submissions
from tests.grading.cluster import certificate, kill_a_worker, local_cluster
from tests.grading.processes import orphans
from tests.grading.toy import RIGHT, submission

COUNT = 24

pytestmark = pytest.mark.slow  # a cluster takes long to start


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def cluster(tls):
    pytest.importorskip("distributed")
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with local_cluster(tls) as found:
        yield found


@pytest.fixture
def folder(toy, tmp_path):
    for number in range(COUNT):
        changed = {"square_answer": "def square(x):\n    return 0"} if number % 3 == 0 else {}
        text = submission(toy, "ps99", {**RIGHT, **changed})
        (tmp_path / f"d{number:02}.ipynb").write_text(text, "utf-8")
    return tmp_path


def grades(results):
    return {r.student: (r.points, r.seed, r.notes, r.problem) for r in results}


def test_the_results_are_those_of_the_local_run(toy, folder, cluster, tls):
    local = grades(grade_submissions(toy, "ps99", folder, force=True))
    run = partial(run_on_cluster, cluster.scheduler_address, tls=tls)
    assert cluster.scheduler_address.startswith("tls://")
    assert grades(grade_submissions(toy, "ps99", folder, force=True, run=run)) == local
    assert {points for points, *_ in local.values()} == {5, 15}


def test_items_of_a_lost_worker_are_graded_by_another(toy, folder, cluster, tls):
    local = grades(grade_submissions(toy, "ps99", folder, force=True))

    def run(packed, items):
        run = run_on_cluster(cluster.scheduler_address, packed, items, tls)
        for number, (key, answer) in enumerate(run):
            if number in (2, 8):
                time.sleep(1.0)  # finished results now lie with the worker, and are lost with it
                kill_a_worker(cluster)
            yield key, answer

    assert grades(grade_submissions(toy, "ps99", folder, force=True, run=run)) == local
    assert orphans(20.0) == []


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("tcp://grades.example.org:8786", "is not encrypted"),
        ("grades.example.org:8786", "is not encrypted"),
        ("tls://127.0.0.1:1", "missing for TLS"),
    ],
)
def test_what_is_not_safe_is_refused(tmp_path, address, says):
    with pytest.raises(ClusterError, match=says):
        list(run_on_cluster(address, b"", [], tmp_path))
