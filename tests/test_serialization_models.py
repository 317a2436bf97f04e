"""Whole networks in files, to PyTorch and back, with equal outputs; thousands of damaged files."""

from __future__ import annotations

import builtins
import io
import json
import os
import tracemalloc
from contextlib import ExitStack, suppress
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse.serialization import FormatError

MODELS = {
    "RNN": (lambda nn: nn.RNN(5, 7, 2, bidirectional=True), (4, 3, 5)),
    "LSTM": (lambda nn: nn.LSTM(5, 7, 2, bidirectional=True, batch_first=True), (3, 4, 5)),
    "LSTM without biases": (lambda nn: nn.LSTM(5, 7, bias=False), (4, 3, 5)),
    "GRU": (lambda nn: nn.GRU(5, 7, 2), (4, 3, 5)),
    "convolution": (
        lambda nn: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64, 5), nn.BatchNorm1d(5), nn.PReLU(),
        ),
        (3, 2, 8, 8),
    ),
    "transposed": (lambda nn: nn.ConvTranspose2d(2, 4, 3, stride=2), (3, 2, 4, 4)),
    "normalisation": (
        lambda nn: nn.Sequential(nn.GroupNorm(2, 6), nn.Flatten(), nn.LayerNorm(24)),
        (3, 6, 2, 2),
    ),
    "encoder": (
        lambda nn: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0), 2
        ),
        (3, 4, 8),
    ),
}  # fmt: skip


def first(out: Any) -> Any:
    return out[0] if isinstance(out, tuple) else out


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("name", MODELS)
def test_networks_move_both_ways_with_equal_outputs(name, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is the other side")
    files = pytest.importorskip("safetensors.torch", reason="safetensors is the other side's file")
    build, shape = MODELS[name]
    random = np.random.default_rng(0)
    x = random.standard_normal(shape).astype(np.float32)

    theirs, ours = build(torch.nn), build(nnc.nn)
    theirs(torch.tensor(x) * 2 + 1)  # moves running statistics, in training
    files.save_file(theirs.state_dict(), tmp_path / "theirs")
    found = ours.load_state_dict(nnc.load(tmp_path / "theirs"))
    assert not found.missing_keys
    assert not found.unexpected_keys

    def agree():
        theirs.eval()
        ours.eval()
        with torch.no_grad(), nnc.no_grad():
            want = first(theirs(torch.tensor(x))).numpy()
            np.testing.assert_allclose(first(ours(nnc.tensor(x))).numpy(), want, atol=2e-6)

    agree()
    ours.train()
    ours(nnc.tensor(x) - 0.5)
    with nnc.no_grad():
        for p in ours.parameters():
            p.add_(0.01)
    nnc.save(ours.state_dict(), tmp_path / "ours")
    theirs.load_state_dict(files.load_file(tmp_path / "ours"))
    agree()
    for key, tensor in theirs.state_dict().items():
        assert tensor.numpy().tobytes() == ours.state_dict()[key].numpy().tobytes()


def test_half_precision_from_pytorch_is_read(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is the other side")
    files = pytest.importorskip("safetensors.torch", reason="safetensors is the other side's file")
    layer = torch.nn.Linear(5, 3).half()
    files.save_file(layer.state_dict(), tmp_path / "half")
    found = nnc.load(tmp_path / "half")
    assert found["weight"].dtype == nnc.float16
    assert found["weight"].tolist() == layer.weight.tolist()
    ours = nnc.nn.Linear(5, 3)
    ours.load_state_dict(found)  # parameters keep their own type
    assert ours.weight.dtype == nnc.float32
    assert ours.weight.tolist() == layer.weight.tolist()


def checkpoint() -> bytes:
    file = io.BytesIO()
    state = {"model": {"w": nnc.ones(2, 3), "b": nnc.zeros(3)}, "epoch": 3, "lr": [0.1, None]}
    nnc.save(state, file)
    return file.getvalue()


WHOLE = checkpoint()
LENGTH = int.from_bytes(WHOLE[:8], "little")
TABLE = json.loads(WHOLE[8 : 8 + LENGTH])

sizes = st.one_of(
    st.integers(-2, 40), st.sampled_from([2**31, 2**32, 2**62, 2**63, 2**64, 10**30]),
    st.booleans(), st.none(), st.floats(), st.text(max_size=2),
)  # fmt: skip
anything = st.recursive(
    sizes,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def damaged(draw: Any) -> bytes:
    """A checkpoint after bytes were changed, cut, put in, or its table was rewritten."""
    how = draw(st.sampled_from(["bytes", "cut", "insert", "length", "entry", "structure", "table"]))
    raw = bytearray(WHOLE)
    if how == "bytes":
        for place in draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
            raw[place] = draw(st.integers(0, 255))
    elif how == "cut":
        del raw[draw(st.integers(0, len(raw) - 1)) :]
    elif how == "insert":
        place = draw(st.integers(0, len(raw)))
        raw[place:place] = draw(st.binary(min_size=1, max_size=20))
    elif how == "length":
        raw[:8] = draw(st.integers(0, 2**64 - 1)).to_bytes(8, "little")
    else:
        table = json.loads(json.dumps(TABLE))
        if how == "table":
            table = draw(st.one_of(anything, st.dictionaries(st.text(max_size=4), anything)))
        elif how == "structure":
            table["__metadata__"]["nncourse.structure"] = draw(
                st.one_of(st.text(max_size=20), anything.map(json.dumps))
            )
        else:
            names = [name for name in table if name != "__metadata__"]
            entry = table[draw(st.sampled_from(names))]
            key = draw(st.sampled_from(["dtype", "shape", "data_offsets"]))
            entry[key] = draw(st.one_of(anything, st.lists(sizes, max_size=4)))
        text = json.dumps(table).encode()
        raw[: 8 + LENGTH] = len(text).to_bytes(8, "little") + text
    return bytes(raw)


def check_damaged(raw: bytes) -> None:
    """Loading ends well or in a FormatError; nothing is run, and little memory is taken."""
    ran: list[str] = []
    forbidden = ((builtins, "eval"), (builtins, "exec"), (os, "system"), (os, "popen"))
    with ExitStack() as stack:
        for owner, name in forbidden:
            note = lambda *a, name=name, **k: ran.append(name)  # noqa: E731
            stack.enter_context(mock.patch.object(owner, name, note))
        tracemalloc.start()
        try:
            with suppress(FormatError):
                nnc.load(io.BytesIO(raw))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert not ran
    assert peak < 1_000_000  # the file has about a kilobyte


SETTINGS: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
}


@settings(max_examples=400, **SETTINGS)
@given(raw=damaged())
def test_damaged_files_end_in_one_clear_error(raw):
    check_damaged(raw)


@pytest.mark.slow
@settings(max_examples=5000, **SETTINGS)
@given(raw=damaged())
def test_thousands_of_damaged_files_end_in_one_clear_error(raw):
    check_damaged(raw)
