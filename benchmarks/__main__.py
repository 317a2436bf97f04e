"""``python -m benchmarks``: every comparison with the peers, one line each.

The peers are PyTorch (CPU), MyGrad and HIPS autograd; those that are not installed are named and
left out. NumPy reads the number of threads for its matrix products when it is imported; so nothing
here imports it before that number is set. ``--threads 2`` gives two to everyone.

Comparisons are found: a module of this folder, or of ``workloads``, lists its own in
``COMPARISONS``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import platform
import statistics
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

GOAL_OF_MEAN = 0.85


def comparisons() -> Iterator[Any]:
    """Everything listed in COMPARISONS, module by module; workloads last."""
    for package in ("benchmarks", "benchmarks.workloads"):
        for found in pkgutil.iter_modules(importlib.import_module(package).__path__):
            if found.ispkg or found.name == "__main__":
                continue
            module = importlib.import_module(f"{package}.{found.name}")
            yield from getattr(module, "COMPARISONS", ())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help="part of the names of the comparisons to run")
    parser.add_argument("--strict", action="store_true", help="fail if a goal is missed")
    parser.add_argument("--quick", action="store_true", help="few turns: does everything run?")
    parser.add_argument("--threads", type=int, default=1, help="for every library (default: 1)")
    arguments = parser.parse_args()

    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(arguments.threads)
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # PyTorch's profiler announces itself otherwise
    from benchmarks.peers import installed
    from benchmarks.timing import BY_HAND, MEMORY, PRODUCTS, Settings, table_head

    settings = Settings(turns=3, quick=True) if arguments.quick else Settings()
    here, missing = installed(arguments.threads)
    columns = [*(peer.name for peer in here[1:]), BY_HAND, PRODUCTS, MEMORY]
    versions = [f"{peer.name} {metadata.version(peer.package)}" for peer in here[1:]]
    told = [f"Python {platform.python_version()}", f"NumPy {metadata.version('numpy')}", *versions]
    threads = "one thread" if arguments.threads == 1 else f"{arguments.threads} threads"
    print(f"{', '.join(told)}; {threads}; medians of {settings.turns} turns")
    if missing:
        print(f"not installed, left out: {', '.join(missing)} (pip install 'nncourse[bench]')")
    print(table_head(columns))
    missed = 0
    counted = []
    for run in comparisons():
        if arguments.only and not any(part in run.__name__ for part in arguments.only):
            continue
        result = run(here, settings)
        if isinstance(result, str):  # why it was not measured
            print(result)
            continue
        missed += not result.reached
        if result.in_mean:
            counted.append(result.ratios["PyTorch"])
        print(result.row(columns), flush=True)
    if counted:
        mean = statistics.geometric_mean(counted)
        sign = ">" if mean > GOAL_OF_MEAN else "<="
        print(
            f"geometric mean of {len(counted)} training steps over PyTorch: "
            f"{mean:.2f} {sign}{GOAL_OF_MEAN:.2f}"
        )
        missed += mean > GOAL_OF_MEAN
    print(f"goals missed: {missed}")
    return 1 if missed and arguments.strict else 0


if __name__ == "__main__":
    sys.exit(main())
