"""Programs written for PyTorch run with only the import changed, and their losses are equal.

Each file in ``programs`` is read twice: as it stands, and with ``torch`` in its import statements
replaced by ``nncourse``. Both start from the same weights and see the same batches.
"""

from __future__ import annotations

import re
import types
from pathlib import Path

import numpy as np
import pytest

from tests.ops.parity import torch_or_skip

PROGRAMS = Path(__file__).parent / "programs"
NAMES = sorted(path.stem for path in PROGRAMS.glob("[a-z]*.py"))
STEPS = 30

# Losses of the first step, the tenth and the last, as PyTorch 2.13 computes them.
KNOWN = {
    "char_gru": (4.79142, 2.92487, 2.70426),
    "char_mlp": (2.87332, 2.86768, 0.32735),
    "char_rnn": (1.06873, 1.20175, 0.59222),
    "char_transformer": (3.30532, 3.33799, 2.93869),
    "convolution": (0.73152, 0.51723, 0.30497),
    "translator": (3.70904, 2.90013, 2.30933),
}


def ported(source: str) -> str:
    """The program with its imports changed, and nothing else."""
    source = re.sub(r"^import torch$", "import nncourse as torch", source, flags=re.M)
    source = re.sub(r"^import torch\.(\S+) as", r"import nncourse.\1 as", source, flags=re.M)
    return re.sub(r"^from torch\b", "from nncourse", source, flags=re.M)


def load(name: str, library: str) -> types.ModuleType:
    """A program as a module, on one of the libraries."""
    path = PROGRAMS / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    if library == "nncourse":
        source = ported(source)
    program = types.ModuleType(f"{name}_on_{library}")
    exec(compile(source, f"{path} on {library}", "exec"), program.__dict__)
    return program


def weights(model) -> dict[str, np.ndarray]:
    """Numbers for every parameter that a formula gives, of the size of initial values."""
    found = {}
    for name, p in model.named_parameters():
        places = np.arange(1, p.numel() + 1)
        spread = 1 / np.sqrt(p.shape[-1] if p.ndim > 1 else 8 * p.numel())
        values = np.sin(places * (1 + len(name))) * spread * 1.5
        if p.ndim == 1 and ("ln_" in name or "norm" in name or "bn" in name):
            values = values + (name.endswith("weight"))
        found[name] = values.reshape(p.shape).astype(np.float32)
    return found


def run(name: str, library: str):
    """(losses, result) of a program from the weights of the formula."""
    program = load(name, library)
    model = program.Model()
    own = program.torch
    given = {key: own.tensor(value) for key, value in weights(model).items()}
    missed = model.load_state_dict(given, strict=False)
    assert not missed.unexpected_keys
    assert set(missed.missing_keys) <= {key for key, _ in model.named_buffers()}
    return program.train(model, STEPS), program.result(model)


def _assert_equal(found, expected):
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            _assert_equal(a, b)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    else:
        assert found == expected


@pytest.mark.filterwarnings("ignore:'pin_memory'", "ignore:enable_nested_tensor")
@pytest.mark.parametrize("name", NAMES)
def test_losses_and_results_are_pytorchs(name):
    torch_or_skip()
    losses, result = run(name, "nncourse")
    expected, their_result = run(name, "torch")
    assert len(losses) == STEPS
    np.testing.assert_allclose(losses, expected, rtol=2e-4, atol=2e-5)
    assert min(losses[-5:]) < losses[0], "nothing was learned"
    _assert_equal(result, their_result)


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_those_that_pytorch_had(name):
    losses, _ = run(name, "nncourse")
    assert [losses[i] for i in (0, 9, -1)] == pytest.approx(KNOWN[name], rel=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_only_imports_change(name):
    before = (PROGRAMS / f"{name}.py").read_text(encoding="utf-8")
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), ported(before).splitlines())
        if old != new
    ]
    assert 0 < len(changed) <= 8
    assert all(re.match("(import|from) torch", old) for old, _ in changed)
    assert "import nncourse" in ported(before) or "from nncourse" in ported(before)
    assert not re.search(r"^(import|from) torch", ported(before), flags=re.M)
