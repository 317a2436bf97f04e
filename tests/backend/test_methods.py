"""Every method of the tensor that works on the processor does the same on a GPU."""

import warnings

import numpy as np
import pytest

import nncourse as nnc

SOURCES = {
    "floats": lambda where: nnc.tensor([[1.0, -2.0, 0.0], [3.0, 4.5, -1.0]], device=where),
    "integers": lambda where: nnc.tensor([2, 0, 1, 2], device=where),
    "masks": lambda where: nnc.tensor([[True, False, True], [False, True, False]], device=where),
}
# What a method is tried with; where that works on the processor, it must work on a GPU.
ARGUMENTS = [
    (),
    (0,),
    (1,),
    (0.5,),
    (0, 1),
    (3, 2),
    ("itself",),
    ("a mask", 1.0),
    ("a mask", "itself"),
    (0, "itself"),
]

ELSEWHERE = {
    "cpu": "moves the tensor",
    "cuda": "moves the tensor",
    "to": "moves the tensor",
    "numpy": "NumPy cannot share the memory of a GPU",
    "is_cuda": "tells where the tensor is",
    "device": "tells where the tensor is",
    "empty_like": "unset values",
    "new_empty": "unset values",
}
# Settings that are numbers: a tensor in their place is an accident of NumPy's.
NUMBERS_ONLY = {
    "elu_",
    "leaky_relu_",
    "normal_",
    "uniform_",
    "tile",
    "repeat",
    "allclose",
    "isclose",
}
# Drawn on a GPU by another algorithm than on the processor (by the stand-in: by the same).
DRAWN = {"bernoulli", "bernoulli_", "normal_", "random_", "uniform_"}
METHODS = [name for name in dir(nnc.ones(1)) if name[0] != "_" and name not in ELSEWHERE]


def arguments(pattern, source, where):
    made = {"itself": SOURCES[source], "a mask": SOURCES["masks"]}
    return [made[part](where) if isinstance(part, str) else part for part in pattern]


def called(name, source, pattern, where):
    nnc.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = getattr(SOURCES[source](where), name)
        return result(*arguments(pattern, source, where)) if callable(result) else result


def parts(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_does_the_same_on_a_gpu(name, transfers):
    for source in SOURCES:
        for pattern in ARGUMENTS:
            if name == "byte" and source == "floats":
                continue  # what becomes of a negative one is left open by C
            if name in NUMBERS_ONLY and any(isinstance(part, str) for part in pattern):
                continue
            try:
                expected = called(name, source, pattern, "cpu")
            except Exception:
                continue
            found = called(name, source, pattern, "cuda")
            for a, b in zip(parts(found), parts(expected), strict=True):
                if isinstance(b, nnc.Tensor):
                    assert a.is_cuda, (source, pattern)
                    assert a.dtype == b.dtype, (source, pattern)
                    if name in DRAWN and transfers.counter is None:
                        assert a.shape == b.shape, (source, pattern)
                        continue
                    np.testing.assert_allclose(
                        a.detach().cpu().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6
                    )
                elif isinstance(b, int | float | bool | list):
                    assert a == b or np.allclose(a, b), (source, pattern)


def test_most_methods_work_with_what_they_are_tried_with():
    def works(name):
        for source in SOURCES:
            for pattern in ARGUMENTS:
                try:
                    called(name, source, pattern, "cpu")
                except Exception:
                    continue
                return True
        return False

    assert sum(map(works, METHODS)) > 0.9 * len(METHODS)
