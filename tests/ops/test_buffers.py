"""Memory that is used again: never while someone still looks at it."""

import gc
import threading

import numpy as np
import pytest

from nncourse.ops import buffers
from nncourse.ops.buffers import buffer

LARGE = (1 << 17,)  # half a megabyte in float32
ONE = np.zeros(1, np.float32)


@pytest.fixture(autouse=True)
def none_kept(monkeypatch):
    monkeypatch.setattr(buffers, "_buffers", [])


def _address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_when_no_one_looks_at_it():
    first = buffer(LARGE, ONE)
    address = _address(first)
    view = first.reshape(2, -1)[1:, ::3]  # of a view of a view
    del first
    other = buffer(LARGE, ONE)
    assert not np.shares_memory(view, other)
    assert _address(other) != address
    del view
    again = buffer((2, 1 << 16), ONE.astype(np.int32))
    assert _address(again) == address
    assert again.shape == (2, 1 << 16)
    assert again.dtype == np.int32
    assert again.flags.c_contiguous


def test_all_that_are_in_use_are_apart():
    held = [buffer(LARGE, ONE) for _ in range(20)]
    for i, a in enumerate(held):
        a[...] = i
    assert [a[0] for a in held] == list(range(20))
    assert all((a == a[0]).all() for a in held)


def test_what_is_kept_is_bounded():
    held = [buffer(LARGE, ONE) for _ in range(20)]
    del held
    gc.collect()
    assert len(buffers._buffers) == buffers._KEPT
    buffers._buffers.clear()
    for size in (buffers._SMALLEST // 4 - 1, buffers._LARGEST // 4 + 1):
        buffer((size,), ONE)
    assert buffers._buffers == []  # too small to matter, or too large to be kept
    large = buffer((1 << 20,), ONE)
    del large
    small = buffer(LARGE, ONE)
    assert small.base.size == small.nbytes  # not a small array in a buffer of four megabytes


def test_threads_get_memory_of_their_own():
    wrong = []

    def work(number):
        for _ in range(300):
            array = buffer(LARGE, ONE)
            array[::64] = number
            if not (array[::64] == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []
