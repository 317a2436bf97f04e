"""What a library costs before and between the passes: import time, and memory after forward."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.operations import arrays
from benchmarks.peers import Peer
from benchmarks.timing import Result, Settings, result_of

MEGABYTE = 1 << 20


def _resident() -> float:
    """Megabytes of this process in memory, after what is free has been given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MEGABYTE


def memory_after_forward(peers: list[Peer], settings: Settings) -> Result | str:
    """Held for the backward pass by 40 steps h = tanh(h * w) on 512 x 512 float32 (1 MB)."""
    if not (sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")):
        return "memory held after forward: measured on Linux with glibc only"
    (x,) = arrays((512, 512))

    def program(peer: Peer, w: Any) -> Any:
        h = peer.constant(x)
        for _ in range(40):
            h = peer.tanh(h * w)
        return h

    leaves = arrays((512, 512))
    forward = {peer.name: peer.prepared(program, leaves) for peer in peers}
    held: dict[str, list[float]] = {name: [] for name in forward}
    for run in forward.values():
        run()
    for _ in range(settings.shorter(5)):
        for name, run in forward.items():
            before = _resident()
            kept = run()
            held[name].append(_resident() - before)
            del kept
    return result_of("memory held after 80 operations of 1 MB", "MB", held, {"PyTorch": 1.0})


def import_time(peers: list[Peer], settings: Settings) -> Result:
    """``import`` in a fresh Python, NumPy included, with compiled files in place."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for turn in range(settings.shorter(7) + 1):
        for peer in peers:
            code = (
                "import time; start = time.perf_counter()\n"
                f"import {peer.package}\n"
                "print(time.perf_counter() - start)"
            )
            done = subprocess.run(
                [sys.executable, "-c", code],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            if turn:  # the first may compile, or read from a cold disk
                times[peer.name].append(float(done.stdout.split()[-1]) * 1e3)
    return result_of("import, with NumPy", "ms", times, {"PyTorch": 1.0})


COMPARISONS = (memory_after_forward, import_time)
