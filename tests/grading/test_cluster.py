"""A Dask cluster with TLS on this machine: the same results as the local run, also when a worker
is lost; an unencrypted one elsewhere is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from nbformat.v4 import new_code_cell

from nncourse.grading.cluster import AHEAD, ClusterError, _outcome, run_on_cluster
from nncourse.grading.grade import grade_submissions
from nncourse.grading.results import read_results
from nncourse.grading.sandbox import SandboxUnavailable
from nncourse.grading.worker import WorkerLost
from tests.grading.cluster import certificate, kill_a_worker, local_cluster
from tests.grading.processes import orphans
from tests.grading.toy import RIGHT, submission

COUNT = 24
ANY = b'{"rules": {"packages": []}}'  # an assignment

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


def six(cells):
    """With a cell of the student's own."""
    return [json.loads(json.dumps(new_code_cell("SIX = 6"))), *cells]


@pytest.fixture
def folder(toy, tmp_path):
    for number in range(COUNT):
        changed = {"square_answer": "def square(x):\n    return 0"} if number % 3 == 0 else {}
        helped = {"plus_answer": "def plus(x):\n    return x + SIX"} if number % 4 == 1 else {}
        text = submission(toy, "ps99", {**RIGHT, **changed, **helped}, six)
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


def test_where_the_certificates_are_must_be_said():
    pytest.importorskip("distributed", reason="the cluster's library is not installed")
    with pytest.raises(ClusterError, match="--tls FOLDER where"):
        list(run_on_cluster("tls://127.0.0.1:1", b"", []))


@pytest.fixture
def here():
    """A cluster within this process, so that what it finds here can be changed; no TLS."""
    distributed = pytest.importorskip("distributed")
    from distributed import LocalCluster

    def start(workers=1):
        options = {"processes": False, "threads_per_worker": 1, "dashboard_address": ":0"}
        made.append(LocalCluster(n_workers=workers, protocol="tcp://", host="127.0.0.1", **options))
        return made[-1].scheduler_address

    made: list[distributed.LocalCluster] = []
    yield start
    for found in made:
        found.close()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SandboxUnavailable("bubblewrap is not installed"), r"can't grade: .*is not installed"),
        # Such as one whose disk is full: its items are lost, and it takes them faster than others.
        (WorkerLost("No space left on device"), r"not even an empty submission.*No space left"),
    ],
)
def test_a_worker_that_can_grade_nothing_ends_the_run_and_grades_nobody(
    toy, folder, here, monkeypatch, error, said
):
    """Nobody gets 0 points for what is the operator's to mend."""

    class Broken:
        def grade(self, assignment, item):
            raise error

        def close(self):
            pass

    monkeypatch.setattr("nncourse.grading.cluster.Worker", Broken)
    before = read_results(toy, "ps99")
    with pytest.raises(ClusterError, match=said):
        grade_submissions(toy, "ps99", folder, force=True, run=partial(run_on_cluster, here()))
    assert read_results(toy, "ps99") == before


@pytest.mark.parametrize(
    ("of", "has"), [("nncourse", "another version of nncourse"), ("tiny", "no tiny")]
)
def test_a_worker_with_another_version_is_refused(here, monkeypatch, of, has):
    """Or without a package that answers may import: what came of it would be the student's."""
    seen = iter(
        [{"nncourse": "1", "tiny": "2.0"}, *[{"nncourse": "1", "tiny": "2.0", of: ""}] * 10]
    )
    monkeypatch.setattr("nncourse.grading.cluster.versions", lambda assignment: next(seen))
    with pytest.raises(ClusterError, match=f"{has}: install the same everywhere"):
        list(run_on_cluster(here(), ANY, [("ann", b"")]))


def test_a_cluster_without_workers_is_not_waited_for_forever(here, monkeypatch):
    monkeypatch.setattr("nncourse.grading.cluster.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("nncourse.grading.cluster.NO_WORKER_SECONDS", 0.5)
    with pytest.raises(ClusterError, match="has no workers: start some"):
        list(run_on_cluster(here(0), ANY, [("ann", b"")]))


def test_an_item_that_ends_every_worker_is_given_up_alone(here, monkeypatch):
    class Mortal:
        def grade(self, assignment, item):
            if item == b"deadly":
                raise WorkerLost("the worker's process has ended")
            return item

        def close(self):
            pass

    monkeypatch.setattr("nncourse.grading.cluster.Worker", Mortal)
    items = [("ann", b"a"), ("bob", b"deadly"), ("cid", b"c")]
    found = dict(run_on_cluster(here(), ANY, items))
    assert (found["ann"], found["cid"]) == (b"a", b"c")
    assert isinstance(found["bob"], WorkerLost)


def test_a_worker_that_can_start_no_process_is_no_lost_scheduler(here, monkeypatch):
    def full():
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr("nncourse.grading.cluster.Worker", full)
    with pytest.raises(ClusterError, match="can't grade: BlockingIOError"):
        list(run_on_cluster(here(), ANY, [("ann", b"")]))


def test_a_result_that_is_lost_with_the_last_worker_is_not_waited_for_forever(here, monkeypatch):
    monkeypatch.setattr("nncourse.grading.cluster.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("nncourse.grading.cluster.NO_WORKER_SECONDS", 0.5)
    monkeypatch.setattr("nncourse.grading.cluster.grade_item", lambda shared, item, wanted: item)
    scheduler = pytest.importorskip("distributed").Scheduler
    gather = scheduler.gather

    async def too_late(self, keys):
        for worker in list(self.workers):
            await self.remove_worker(worker, stimulus_id="test", close=True)
        return await gather(self, keys)

    monkeypatch.setattr(scheduler, "gather", too_late)
    with pytest.raises(ClusterError, match="has no workers"):
        list(run_on_cluster(here(), ANY, [("ann", b"")]))


def test_a_result_that_takes_long_to_come_is_not_asked_for_anew(monkeypatch):
    """Each time it would begin again: 12 MB never came over a line of 2 MB/s."""
    pytest.importorskip("distributed", reason="the cluster's library is not installed")
    monkeypatch.setattr("nncourse.grading.cluster.LOOK_SECONDS", 0.05)
    looks = []

    class Large:
        status = "finished"

        def result(self, timeout=10.0):
            time.sleep(min(timeout, 0.3))
            if timeout < 0.3:
                raise TimeoutError
            return b"verdict"

    class Patience:
        def look(self):
            looks.append(1)
            assert len(looks) < 50

    assert _outcome(Large(), Patience()) == b"verdict"
    assert looks


def test_only_as_many_items_are_taken_as_can_soon_be_used(here, monkeypatch):
    class Quick:
        def grade(self, assignment, item):
            return item

        def close(self):
            pass

    monkeypatch.setattr("nncourse.grading.cluster.Worker", Quick)
    taken = 0

    def items():
        nonlocal taken
        for number in range(50):
            taken += 1
            yield number, b"%d" % number

    done = 0
    for key, answer in run_on_cluster(here(2), ANY, items()):
        done += 1
        assert answer == b"%d" % key
        assert taken - done <= AHEAD * 2
    assert done == 50


def test_a_scheduler_that_is_killed_ends_the_run_and_what_is_graded_is_kept(toy, folder, tls):
    pytest.importorskip("distributed")
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    pid, address = scheduler_and_worker()
    known = []

    def run(packed, items):
        for key, answer in run_on_cluster(address, packed, items):
            known.append(key)
            if len(known) == 8:
                os.kill(pid, signal.SIGKILL)
            yield key, answer

    with pytest.raises(ClusterError, match=r"is gone.*run the command again"):
        grade_submissions(toy, "ps99", folder, force=True, run=run)
    assert 8 <= len(known) < COUNT
    local = grade_submissions(toy, "ps99", folder, force=True)
    assert {r.points for r in local} == {5, 15}


def scheduler_and_worker():
    """A process of its own with both, without TLS; its id and address."""
    code = (
        "from distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False,\n"
        "        protocol='tcp://', host='127.0.0.1', dashboard_address=':0')\n"
        "    print(cluster.scheduler_address, flush=True)\n"
        "    input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process.pid, process.stdout.readline().strip()
