"""``python -m benchmarks``: every comparison with PyTorch, one line each.

NumPy reads the number of threads for its matrix products when it is imported; so nothing here
imports it before that number is set.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help="part of the names of the comparisons to run")
    parser.add_argument("--strict", action="store_true", help="fail if a goal is missed")
    arguments = parser.parse_args()

    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: pip install 'nncourse[bench]'", file=sys.stderr)
        return 2
    import numpy

    from benchmarks import operations, training

    torch.set_num_threads(1)
    print(
        f"Python {platform.python_version()}, NumPy {numpy.__version__}, "
        f"PyTorch {torch.__version__}, one thread; medians of runs in turns"
    )
    print(f"{'':44} {'nncourse':>13} {'PyTorch':>13}")
    missed = 0
    for run in (*operations.COMPARISONS, *training.COMPARISONS):
        if arguments.only and not any(part in run.__name__ for part in arguments.only):
            continue
        result = run()
        missed += not result.reached
        print(result, flush=True)
    return 1 if missed and arguments.strict else 0


if __name__ == "__main__":
    sys.exit(main())
