"""``python -m benchmarks.catalogue``: every operation of the catalogue beside PyTorch's.

Forward and backward on the catalogue's own examples, whose arrays are so small that nothing counts
but the cost of calling the operation. Names as arguments choose operations. It tells where to look;
the goals stand in ``python -m benchmarks``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from typing import Any


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue", description=__doc__)
    parser.add_argument("only", nargs="*", help="part of the names of the operations")
    parser.add_argument("--quick", action="store_true", help="few turns: does everything run?")
    arguments = parser.parse_args()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed, so there is nothing to compare with: pip install torch")
        return 1
    from benchmarks.timing import Settings, compare, table_head
    from nncourse.ops.catalogue import OPERATIONS

    torch.set_num_threads(1)
    settings = Settings(turns=2, quick=True) if arguments.quick else Settings(turns=30)
    print(table_head(["PyTorch"]))
    ratios = []
    for operation in OPERATIONS:
        chosen = not arguments.only or any(part in operation.name for part in arguments.only)
        if operation.torch is None or not chosen:
            continue
        result = compare(operation.name, _programs(torch, operation), settings)
        ratios.append(result.ratios["PyTorch"])
        print(result.row(["PyTorch"]), flush=True)
    if ratios:
        print(f"{len(ratios)} operations, median ratio {statistics.median(ratios):.2f}")
    return 0


def _programs(torch: Any, operation: Any) -> dict[str, Callable[[], object]]:
    """Forward and backward of the operation's first example, in both libraries."""
    import numpy as np

    import nncourse as nnc
    from benchmarks.timing import OURS
    from nncourse.ops.catalogue import draw

    random = np.random.default_rng(0)
    example = operation.examples[0]
    arrays = [draw(d, s, random) for d, s in zip(operation.domains, example.shapes)]
    arrays = [a.astype(np.float32) if a.dtype.kind == "f" else a for a in arrays]

    def program(library: Any, call: Callable[..., Any]) -> Callable[[], object]:
        tensors = [library.tensor(a) for a in arrays]
        for tensor, array in zip(tensors, arrays):
            tensor.requires_grad_(array.dtype.kind == "f")
        upstream = library.tensor(np.ones(tuple(call(tensors).shape), np.float32))

        def run() -> object:
            call(tensors).backward(upstream)
            for tensor in tensors:
                tensor.grad = None
            return None

        return run

    return {
        OURS: program(nnc, lambda tensors: operation.function(*tensors, **example.options)),
        "PyTorch": program(torch, lambda t: operation.in_torch(torch, t, example.options)),
    }


if __name__ == "__main__":
    sys.exit(main())
