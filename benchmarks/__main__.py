"""``python -m benchmarks``: every comparison with the peers, one line each.

The peers are PyTorch (CPU), MyGrad and HIPS autograd; those that are not installed are named and
left out. NumPy reads the number of threads for its matrix products when it is imported; so nothing
here imports it before that number is set.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib import metadata


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help="part of the names of the comparisons to run")
    parser.add_argument("--strict", action="store_true", help="fail if a goal is missed")
    parser.add_argument("--quick", action="store_true", help="few turns: does everything run?")
    arguments = parser.parse_args()

    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    from benchmarks import footprint, operations, training
    from benchmarks.peers import installed
    from benchmarks.timing import Settings, table_head

    settings = Settings(turns=3, quick=True) if arguments.quick else Settings()
    here, missing = installed()
    peers = [peer.name for peer in here[1:]]
    versions = [f"{peer.name} {metadata.version(peer.package)}" for peer in here[1:]]
    told = [f"Python {platform.python_version()}", f"NumPy {metadata.version('numpy')}", *versions]
    print(f"{', '.join(told)}; one thread; medians of {settings.turns} turns")
    if missing:
        print(f"not installed, left out: {', '.join(missing)} (pip install 'nncourse[bench]')")
    print(table_head(peers))
    missed = 0
    comparisons = (*operations.COMPARISONS, *footprint.COMPARISONS, *training.COMPARISONS)
    for run in comparisons:
        if arguments.only and not any(part in run.__name__ for part in arguments.only):
            continue
        result = run(here, settings)
        if isinstance(result, str):  # why it was not measured
            print(result)
            continue
        missed += not result.reached
        print(result.row(peers), flush=True)
    print(f"goals missed: {missed}")
    return 1 if missed and arguments.strict else 0


if __name__ == "__main__":
    sys.exit(main())
