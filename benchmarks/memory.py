"""The most memory that a program holds at once, as the libraries' allocators count it.

What a process occupies tells little about small programs: pages, pools and the library's own code
are larger than they are. The allocators know every array to the byte: NumPy reports its arrays to
``tracemalloc`` (together with Python's objects, which therefore count on our side only), PyTorch
to its profiler. Working memory inside BLAS and oneDNN is not counted on either side.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

MEGABYTE = 1 << 20


def peak_of_numpy(program: Callable[[], Any]) -> float:
    """Megabytes held at most while ``program`` runs, beyond what was held before.

    It runs once before, so that what is loaded and kept for ever with a first call is not counted.
    """
    program()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        program()
        return (tracemalloc.get_traced_memory()[1] - before) / MEGABYTE
    finally:
        tracemalloc.stop()


def peak_of_torch(program: Callable[[], Any]) -> float:
    """The same for a program of PyTorch's."""
    from torch.profiler import ProfilerActivity, profile

    program()
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as seen:
        program()
    changes = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = peak = 0
    for change in sorted(changes, key=lambda event: event.start_ns()):
        held += change.nbytes()
        peak = max(peak, held)
    return peak / MEGABYTE
