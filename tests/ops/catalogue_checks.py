"""Running an operation of the catalogue, and its gradient by central differences."""

from __future__ import annotations

import zlib

import numpy as np

import nncourse as nnc
from nncourse.ops.catalogue import OPERATIONS, Example, Operation, draw

CASES = [(operation, example) for operation in OPERATIONS for example in operation.examples]
IDS = [f"{operation}-{example}" for operation, example in CASES]

STEP = 1e-5
TOLERANCE = 1e-6


def arrays_for(operation: Operation, example: Example, seed: int = 0) -> list[np.ndarray]:
    """Inputs in float64 (classes in int64, masks in bool), the same ones for the same seed."""
    random = np.random.default_rng([seed, zlib.crc32(f"{operation}{example}".encode())])
    return [draw(d, s, random) for d, s in zip(operation.domains, example.shapes)]


def upstream_for(shape: tuple[int, ...]) -> np.ndarray:
    """A gradient of the result; random, for one of ones hides mistakes, and not near 0."""
    random = np.random.default_rng(7)
    return random.uniform(0.5, 1.5, shape) * random.choice([-1.0, 1.0], shape)


def differentiable(array: np.ndarray) -> bool:
    return array.dtype.kind == "f"


def gradients(operation: Operation, example: Example, arrays: list[np.ndarray]):
    """(result, gradients of the differentiable inputs under the random upstream)."""
    tensors = [nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays]
    out = operation.function(*tensors, **example.options)
    out.backward(nnc.tensor(upstream_for(out.shape).astype(out.dtype)))
    return out.detach().numpy(), [t.grad.numpy() for t in tensors if t.requires_grad]


def numerical_gradients(operation: Operation, example: Example, arrays: list[np.ndarray]):
    """Central differences of sum(reference * upstream), in float64."""

    def value(*changed: np.ndarray) -> float:
        out = np.asarray(operation.reference(*changed, **example.options))
        return float((out * upstream_for(out.shape)).sum())

    found = []
    for i, array in enumerate(arrays):
        if not differentiable(array):
            continue
        slope = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            moved = []
            for sign in (1, -1):
                copies = [a.copy() for a in arrays]
                copies[i][place] += sign * STEP
                moved.append(value(*copies))
            slope[place] = (moved[0] - moved[1]) / (2 * STEP)
        found.append(slope)
    return found


def error(found: np.ndarray, expected: np.ndarray) -> float:
    """|a - n| / (|a| + |n|) in the norm over all elements; 0 where both vanish."""
    if found.shape != expected.shape:
        return np.inf
    size = np.linalg.norm(found) + np.linalg.norm(expected)
    distance = np.linalg.norm(found - expected)
    return 0.0 if size < 1e-9 else float(distance / size)


def gradient_error(operation: Operation, example: Example) -> float:
    """The greatest error of the gradients of one example."""
    arrays = arrays_for(operation, example)
    _, found = gradients(operation, example, arrays)
    expected = numerical_gradients(operation, example, arrays)
    return max(error(a, n) for a, n in zip(found, expected, strict=True))
