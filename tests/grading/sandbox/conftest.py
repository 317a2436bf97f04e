"""One warm sandbox for the hostile cells; small limits, so that nothing takes long."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nncourse.grading.sandbox import Limits, Sandbox
from nncourse.grading.sandbox.limits import MB

LIMITS = Limits(
    memory=200 * MB,
    processes=24,
    open_files=64,
    file_size=4 * MB,
    folder_size=8 * MB,
    folder_files=200,
    output=5000,
    cell_seconds=1.0,
    call_seconds=1.0,
    cpu_seconds=20,
    callbacks=500,
)

VICTIM = "def double(x):\n    return 2 * x\nprint('ready')"


@pytest.fixture(scope="session")
def cache(request, tmp_path_factory) -> Path:
    """Kept between runs, as a user's own cache is."""
    if not hasattr(request.config, "cache"):
        return tmp_path_factory.mktemp("cache")
    return Path(request.config.cache.mkdir("sandbox"))


@pytest.fixture(scope="session")
def first(cache):
    """The sandbox whose walls ``warm`` shares."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    sandbox = Sandbox(
        LIMITS, withheld=["nncourse"], packages=["numpy"], preload=["numpy"], cache=cache
    )
    with sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def warm(first):
    """What a worker has: a twin of the sandbox that its coordinator has started."""
    with first.twin() as twin:
        assert twin.starts == first.starts
        yield twin


@pytest.fixture
def sandbox(warm):
    """The warm sandbox; afterwards it must serve a victim correctly, with the same process."""
    starts = warm.starts
    yield warm
    with warm.session() as session:
        assert session.run_cell(VICTIM).output == "ready\n"
        assert session.call("double", (21,)) == 42
    assert warm.starts == starts


@pytest.fixture
def session(sandbox):
    with sandbox.session() as session:
        yield session
