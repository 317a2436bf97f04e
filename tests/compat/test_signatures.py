"""Every public name that PyTorch has, too, takes the same parameters with the same defaults.

What differs on purpose stands in the table below with its reason; the test fails on a difference
that is not in the table, and on a line of the table that is no longer true.
"""

from __future__ import annotations

import inspect
import re
from functools import reduce

import pytest

import nncourse as nnc
from tests.ops.parity import torch_or_skip

PACKAGES = (
    "nn",
    "nn.functional",
    "nn.init",
    "nn.utils",
    "nn.utils.rnn",
    "optim",
    "optim.lr_scheduler",
    "utils.data",
)

# Parameters that PyTorch itself no longer wants (all after them are passed by name here, so that no
# program is misread), its own private ones, and results written into a given tensor.
OUTDATED = {"size_average", "reduce", "_stacklevel", "_freeze", "out"}
IMPLEMENTATION = {"foreach", "fused", "capturable", "differentiable"}
# Ours besides: where random numbers come from.
OURS = {"generator", "seed"}

# {name: why it differs}.
DIFFERENT = {
    "nn.AvgPool2d": "no divisor of one's own",
    "nn.Hardtanh": "PyTorch's second names min_value and max_value are outdated",
    "nn.LogSoftmax": "the axis must be named; PyTorch guesses, with a warning",
    "nn.RNNBase": "the base of our own recurrent layers",
    "nn.RNNCellBase": "the base of our own cells",
    "nn.Sequential": "the variable number of modules has another name",
    "nn.Softmax": "the axis must be named; PyTorch guesses, with a warning",
    "nn.Softmin": "the axis must be named; PyTorch guesses, with a warning",
    "nn.Embedding": "device and dtype come before _weight, which is private",
    "nn.functional.embedding": "gradients are neither sparse nor scaled by frequency",
    "nn.functional.huber_loss": "no weights of elements",
    "nn.functional.l1_loss": "no weights of elements",
    "nn.functional.log_softmax": "the axis must be named; PyTorch guesses, with a warning",
    "nn.functional.mse_loss": "no weights of elements",
    "nn.functional.pad": "0.0 stands for the value by default, which is equal",
    "nn.functional.softmax": "the axis must be named; PyTorch guesses, with a warning",
    "nn.functional.softmin": "the axis must be named; PyTorch guesses, with a warning",
    "utils.data.BatchSampler": "drop_last may be left out",
    "utils.data.default_convert": "called with the example alone",
    "utils.data.random_split": "None stands for the default generator",
}

# Of the functions that PyTorch writes in C++, the documentation tells the parameters. Operands are
# passed by position and go by x, or a and b, here; what else differs:
DIFFERENT_FUNCTIONS = {
    "allclose": "no equal_nan",
    "as_tensor": "PyTorch's text is of another form",
    "asarray": "a copy always, as tensor() makes",
    "chunk": "PyTorch's text is of another form",
    "concatenate": "the axis is called dim, as in cat",
    "max": "PyTorch's first text is that of all elements",
    "median": "PyTorch's first text is that of all elements",
    "min": "PyTorch's first text is that of all elements",
    "sort": "PyTorch's text is of another form",
    "squeeze": "PyTorch's text is of another form",
    "std": "unbiased is PyTorch's older name of correction",
    "swapaxes": "the axes are called dim0 and dim1, as in transpose",
    "topk": "PyTorch's text is of another form",
    "var": "unbiased is PyTorch's older name of correction",
}


def _in(library, path):
    return reduce(getattr, path.split("."), library)


def _parameters(function):
    """{name: default} in order, without ``self``; None where Python does not know."""
    try:
        found = inspect.signature(function.__init__ if inspect.isclass(function) else function)
    except (TypeError, ValueError):
        return None
    parameters = list(found.parameters.values())
    if inspect.isclass(function):
        parameters = parameters[1:]
    if [p.name for p in parameters] == ["args", "kwargs"]:
        return None
    return {p.name: p.default for p in parameters}


def _common(ours, theirs):
    """Public functions and classes of both modules."""
    names = getattr(ours, "__all__", dir(ours))
    for name in sorted(set(names) & set(dir(theirs))):
        both = getattr(ours, name), getattr(theirs, name)
        if not name.startswith("_") and all(callable(f) and not inspect.ismodule(f) for f in both):
            yield name, *both


def differences(ours, theirs) -> list[str]:
    """What differs between two sets of parameters."""
    if "implementation" in ours:
        theirs = {name: value for name, value in theirs.items() if name not in IMPLEMENTATION}
    skipped = OUTDATED | (OURS - set(theirs)) | {"implementation"}
    theirs = {name: value for name, value in theirs.items() if name not in OUTDATED}
    ours = {name: value for name, value in ours.items() if name not in skipped}
    if list(ours) != list(theirs):
        return [f"{list(ours)} instead of {list(theirs)}"]
    return [
        f"{name}={value!r} instead of {theirs[name]!r}"
        for name, value in ours.items()
        if not (callable(value) and callable(theirs[name]))
        and value != theirs[name]
        and str(value) != str(theirs[name])
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_parameters_and_defaults_are_pytorchs(package):
    torch = torch_or_skip()
    compared, found = 0, {}
    for name, ours, theirs in _common(_in(nnc, package), _in(torch, package)):
        expected = _parameters(theirs)
        if expected is None:  # written in C++, or arguments of any kind
            continue
        compared += 1
        differ = differences(_parameters(ours), expected)
        if differ:
            found[f"{package}.{name}"] = differ
    assert compared >= {"nn": 60, "nn.functional": 30, "nn.utils": 4, "nn.utils.rnn": 3}.get(
        package, 8
    )
    told = {name for name in DIFFERENT if name.rpartition(".")[0] == package}
    assert set(found) == told, {name: found.get(name) for name in set(found) ^ told}


def _documented(function, name):
    """The parameters of each form that the documentation of a C++ function shows."""
    for line in (function.__doc__ or "").splitlines():
        form = re.match(rf"\s*(?:\.\. function:: )?(?:torch\.)?{name}\((.*)\)\s*(?:->.*)?$", line)
        if form:
            parts = re.split(r",(?![^(\[]*[)\]])", form[1])
            yield [
                re.sub(r"=.*", "", part).split()[-1].lstrip("*") for part in parts if part.split()
            ]


def test_options_of_functions_are_pytorchs():
    torch = torch_or_skip()
    compared, found = 0, {}
    functions = *_common(nnc, torch), *_common(nnc.nn.functional, torch.nn.functional)
    for name, ours, theirs in functions:
        known = {p for form in _documented(theirs, name) for p in form}
        if inspect.isclass(ours) or _parameters(theirs) is not None or not known:
            continue
        compared += 1
        operands = {"x", "a", "b", "array"}
        unknown = set(_parameters(ours)) - known - OURS - operands - {"pin_memory", "requires_grad"}
        if "input" in unknown and "Tensor" in known:  # the text names types only
            continue
        if unknown:
            found[name] = sorted(unknown)
    assert compared > 100
    assert set(found) == set(DIFFERENT_FUNCTIONS), {
        name: found.get(name) for name in set(found) ^ set(DIFFERENT_FUNCTIONS)
    }


def test_every_difference_has_a_reason():
    assert all(len(why) > 10 for why in (*DIFFERENT.values(), *DIFFERENT_FUNCTIONS.values()))
