"""A GPU for the tests: a stand-in for CuPy everywhere, CuPy itself where there is a GPU.

Without one, the same hundreds of tests are not collected a second time, only to be skipped:
``test_devices.py`` skips once for all of them.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from nncourse import backend, random


def _load_stand_in():
    spec = importlib.util.spec_from_file_location("standin", Path(__file__).with_name("standin.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["standin"] = module  # where copies and pickles look for it
    spec.loader.exec_module(module)
    return module


STAND_IN = _load_stand_in()


class Transfers:
    """What crosses between processor and GPU inside a ``with``, where that is counted."""

    def __init__(self, counter) -> None:
        self.counter = counter

    def __enter__(self):
        if self.counter is not None:
            self.counter.clear()
        return self

    def __exit__(self, *_) -> None:
        pass

    def were(self, to_device=0, to_host=0, reads=0) -> None:
        """Assert how many arrays went there and back, and how many single numbers were read."""
        if self.counter is not None:
            found = self.counter.to_device, self.counter.to_host, self.counter.reads
            assert found == (to_device, to_host, reads), str(self.counter)

    def were_at_most(self, sent, read) -> None:
        """Assert how many arrays went there and how many single numbers were read, at most."""
        if self.counter is not None:
            assert not self.counter.to_host
            assert self.counter.to_device <= sent, str(self.counter)
            assert self.counter.reads <= read, str(self.counter)


@pytest.fixture(autouse=True)
def _generators(monkeypatch):
    """CuPy must not draw from the stand-in's generators, nor the stand-in from CuPy's."""
    monkeypatch.setattr(random, "_elsewhere", {})


@pytest.fixture(params=["stand-in", *(["CuPy"] if backend.has_gpu() else [])])
def transfers(request):
    """A GPU is there; counts what crosses to it and back (of the stand-in)."""
    if request.param == "CuPy":
        yield Transfers(None)
        return
    before = backend.use(STAND_IN)
    try:
        yield Transfers(STAND_IN.transfers)
    finally:
        backend.use(before)
        STAND_IN.cuda.Device(0).use()


@pytest.fixture
def stand_in():
    """The stand-in alone, for what CuPy would need two GPUs for."""
    before = backend.use(STAND_IN)
    try:
        yield STAND_IN
    finally:
        backend.use(before)
        STAND_IN.cuda.Device(0).use()
