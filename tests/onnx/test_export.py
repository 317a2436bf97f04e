"""ONNX files: what onnxruntime computes from them is what the model computes, for any batch."""

import io
import random
import sys

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.inspection.tracing import arrays_in
from nncourse.onnx import ExportError, export

onnx = pytest.importorskip("onnx", reason="onnx is not installed: nothing is exported")


@pytest.fixture(autouse=True)
def _seed():
    nnc.manual_seed(0)


def agreement(model, *inputs, axis=0, **settings):
    """The largest difference from onnxruntime, over batches of several sizes."""
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    file = io.BytesIO()
    export(model, inputs, file, batch_axis=axis, **settings)
    session = runtime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    worst = 0.0
    model.eval()
    for more in (0, 1, 6) if axis is not None else (0,):
        arrays = []
        for x in inputs:
            a = x.numpy()
            a = np.concatenate([a] + [np.take(a, [0], axis)] * more, axis or 0)
            noise = np.random.default_rng(more).standard_normal(a.shape)
            arrays.append(noise.astype(a.dtype) if a.dtype.kind == "f" else a)
        with nnc.no_grad():
            want = list(arrays_in(model(*map(nnc.tensor, arrays))))
        names = [value.name for value in session.get_inputs()]
        found = session.run(None, dict(zip(names, arrays)))
        assert len(found) == len(want)
        for got, right in zip(found, want):
            assert got.shape == right.shape
            assert got.dtype == right.dtype
            worst = max(worst, float(abs(got - right).max()))
    return worst


def test_a_multilayer_network():
    model = nn.Sequential(
        nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3)
    )
    assert agreement(model, nnc.randn(3, 6)) < 1e-5
    assert agreement(nn.Linear(6, 2, bias=False), nnc.randn(3, 4, 6)) < 1e-5
    assert agreement(model.double(), nnc.randn(3, 6, dtype=nnc.float64)) < 1e-12


def test_a_convolutional_network_with_batch_normalisation():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 10),
    )  # fmt: skip
    model(nnc.randn(9, 1, 28, 28) * 2 + 1)  # running statistics worth the name
    before = {name: t.numpy().tobytes() for name, t in model.state_dict().items()}
    assert agreement(model.train(), nnc.randn(3, 1, 28, 28)) < 1e-5
    assert {name: t.numpy().tobytes() for name, t in model.state_dict().items()} == before


IMAGES = {
    "strides": lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2),
    "average": lambda: nn.AvgPool2d(3, stride=2, padding=1),
    "maximum": lambda: nn.MaxPool2d(3, stride=2, padding=1),
    "adaptive": lambda: nn.AdaptiveAvgPool2d(2),
    "uneven": lambda: nn.AdaptiveAvgPool2d(3),
    "transposed": lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1),
    "groups": lambda: nn.GroupNorm(2, 4),
    "drops": lambda: nn.Sequential(nn.Dropout2d(0.5), nn.Flatten(2)),
}


@pytest.mark.parametrize("name", IMAGES)
def test_layers_for_images(name):
    assert agreement(IMAGES[name](), nnc.randn(2, 4, 8, 8)) < 1e-5


def test_layers_for_sequences_of_numbers():
    model = nn.Sequential(
        nn.Conv1d(3, 4, 3, stride=2), nn.BatchNorm1d(4), nn.ReLU(), nn.AdaptiveAvgPool1d(1)
    )
    assert agreement(model, nnc.randn(2, 3, 11)) < 1e-5


RECURRENT = ("RNN", "LSTM", "GRU", "OriginalGRU", "PeepholeLSTM")


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_layers(kind):
    layer = getattr(nn, kind)
    deep = layer(5, 7, num_layers=2, bidirectional=True, batch_first=True)
    assert agreement(deep, nnc.randn(3, 4, 5)) < 1e-5
    assert agreement(layer(5, 7), nnc.randn(4, 3, 5), axis=1) < 1e-5
    assert agreement(layer(5, 7, bias=False), nnc.randn(4, 3, 5), axis=1) < 1e-5


def test_a_recurrent_layer_with_relu():
    layer = nn.RNN(5, 7, nonlinearity="relu", batch_first=True)
    assert agreement(layer, nnc.randn(3, 4, 5)) < 1e-5


def test_initial_states_as_inputs():
    class Stateful(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(5, 7)

        def forward(self, x, h, c):
            return self.lstm(x, (h, c))

    state = nnc.randn(1, 3, 7)
    assert agreement(Stateful(), nnc.randn(4, 3, 5), state, state.clone(), axis=1) < 1e-5


def test_a_character_model():
    class Characters(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(7, 6)
            self.lstm = nn.LSTM(6, 8, batch_first=True)
            self.out = nn.Linear(8, 7)

        def forward(self, x):
            return self.out(self.lstm(self.embedding(x))[0][:, -1])

    ids = nnc.tensor(np.arange(12).reshape(3, 4) % 7)
    assert agreement(Characters(), ids) < 1e-5


def test_attention():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    assert agreement(nn.TransformerEncoder(layer, 2), nnc.randn(3, 4, 16)) < 1e-5
    other = nn.TransformerEncoderLayer(16, 2, 32, norm_first=True, activation="gelu")
    assert agreement(other, nnc.randn(4, 3, 16), axis=1) < 1e-5
    decoder = nn.TransformerDecoderLayer(16, 2, 32, batch_first=True)
    assert agreement(decoder, nnc.randn(3, 4, 16), nnc.randn(3, 5, 16)) < 1e-5


def test_a_causal_mask():
    class Causal(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(7, 16)
            self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

        def forward(self, x):
            n = x.shape[1]
            mask = nnc.full((n, n), float("-inf")).triu(1)
            return self.layer(self.embedding(x), src_mask=mask)

    assert agreement(Causal(), nnc.tensor(np.arange(12).reshape(3, 4) % 7)) < 1e-5


ACTIVATIONS = {
    "Sigmoid": {}, "LeakyReLU": {"negative_slope": 0.2}, "ELU": {"alpha": 0.7}, "PReLU": {},
    "GELU": {}, "SiLU": {}, "Softplus": {"beta": 2.0}, "Softmax": {"dim": 1},
    "LogSoftmax": {"dim": 1}, "Hardtanh": {}, "ReLU6": {}, "SELU": {}, "LogSigmoid": {},
    "Softmin": {"dim": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    model = nn.Sequential(nn.Linear(6, 5), getattr(nn, name)(**ACTIVATIONS[name]))
    assert agreement(model, nnc.randn(3, 6)) < 1e-5


class Program(nn.Module):
    """A model that is a function."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


PROGRAMS = {
    "arithmetic": lambda x: (x * 2 + 1 - x / 3) ** 2 - (-x),
    "powers": lambda x: (x.abs() + 0.1) ** 0.5 + (x.abs() + 0.1).sqrt().log(),
    "functions": lambda x: x.sin() + x.cos() + x.exp().log1p() + x.erf() + x.expm1(),
    "reductions": lambda x: (x.sum(1), x.mean(1, keepdim=True), x.var(2), x.std((1, 2))),
    "extremes": lambda x: (x.max(1).values, x.amin(2), x.logsumexp(1)),
    "shapes": lambda x: (x.reshape(-1, 24), x.transpose(1, 2), x.flatten(1), x.unsqueeze(1)),
    "cuts": lambda x: (x[:, 1], x[:, -1, :2], x[..., ::2], x[:, :, None], x[:, 1:-1], x[1:], x[0]),
    "joins": lambda x: (nnc.cat([x, x * 2], 1), nnc.stack([x, x], 2)),
    "order": lambda x: (x.flip(1), x.flip(0)),
    "limits": lambda x: x.clamp(-0.5, 0.5) + x.clamp(min=0.0) + nnc.maximum(x, -x),
    "padding": lambda x: nn.functional.pad(x, (1, 2, 0, 1), value=3.0),
    "products": lambda x: x @ x.transpose(1, 2),
    "expanding": lambda x: x[:, :, :1].expand(-1, 4, 5) + x.sum((1, 2), keepdim=True).expand_as(x)[
        :, :, :5
    ],
    "types": lambda x: x.double().float(),
    "normalising": lambda x: nn.functional.layer_norm(x, (6,)) + nn.functional.rms_norm(x, (6,)),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_of_operations(name):
    assert agreement(Program(PROGRAMS[name]), nnc.randn(3, 4, 6)) < 1e-5


def test_the_file_and_its_names(tmp_path):
    model = nn.Sequential(nn.Linear(6, 3), nn.ReLU())
    export(model, nnc.randn(2, 6), tmp_path / "m.onnx", input_names=["pixels"],
           output_names=["scores"])  # fmt: skip
    proto = onnx.load(tmp_path / "m.onnx")
    assert [v.name for v in proto.graph.input] == ["pixels"]
    assert [v.name for v in proto.graph.output] == ["scores"]
    assert {"0.weight", "0.bias"} <= {tensor.name for tensor in proto.graph.initializer}
    shape = proto.graph.input[0].type.tensor_type.shape.dim
    assert (shape[0].dim_param, shape[1].dim_value) == ("batch", 6)
    export(model, nnc.randn(2, 6), tmp_path / "f.onnx", batch_axis=None)
    fixed = onnx.load(tmp_path / "f.onnx").graph.input[0].type.tensor_type.shape.dim
    assert [n.dim_value for n in fixed] == [2, 6]
    assert agreement(model, nnc.randn(2, 6), axis=None) < 1e-5
    with pytest.raises(ValueError, match="1 inputs and 1 outputs"):
        export(model, nnc.randn(2, 6), io.BytesIO(), input_names=["a", "b"])


# What is refused, rather than written wrongly


def looks_at_numbers(x):
    return x * 2 if x.sum() > 0 else x - 1


REFUSED = {
    "a comparison": (lambda x: x * (x > 0).float(), "cannot be followed"),
    "a mask": (lambda x: x.masked_fill(x > 0, 0.0), "cannot be followed"),
    "a branch": (looks_at_numbers, "other operations"),
    "numbers through NumPy": (lambda x: x + float(x.detach().numpy()[0, 0]), "cannot be followed"),
    "the size of the batch": (lambda x: x / len(x), "cannot be followed"),
    "zeros for the batch": (lambda x: x + nnc.zeros(len(x), 1), "cannot be followed"),
    "a draw": (lambda x: x + nnc.rand(1), None),
    "an index from the data": (lambda x: x[:, x.argmax(1)], "cannot be"),
    "a cumulative sum": (lambda x: x.cumsum(1), "CumulativeSum has no counterpart"),
    "a variance over the batch": (lambda x: x.var(0), "depends on its size"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_refused(name):
    function, message = REFUSED[name]
    if name == "a draw":
        # Generators are put back between the runs: only numbers of the program's own differ.
        own = random.Random(0)
        state = iter([own.random(), own.random()])
        function = lambda x: x + next(state)  # noqa: E731
        message = "cannot be followed"
    with pytest.raises(ExportError, match=message):
        export(Program(function), nnc.rand(3, 6) + 0.1, io.BytesIO())


def test_recurrent_layers_with_something_of_their_own_are_refused():
    class Lengths(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(5, 7, batch_first=True)

        def forward(self, x):
            return self.gru(x, lengths=[2] * len(x))[0]

    with pytest.raises(ExportError):
        export(Lengths(), nnc.randn(3, 4, 5), io.BytesIO())
    full = nn.PeepholeLSTM(5, 7, full=True)
    with pytest.raises(ExportError, match="diagonal"):
        export(full, nnc.randn(4, 3, 5), io.BytesIO(), batch_axis=1)


def test_a_wrong_graph_is_noticed(monkeypatch):
    from nncourse.onnx import conversions

    monkeypatch.setitem(
        conversions.CONVERSIONS, "Tanh", lambda g, o, t: g.add("Sigmoid", [g.name(o.inputs[0], 0)])
    )
    with pytest.raises(ExportError, match="does not compute what the model does"):
        export(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nnc.randn(3, 2), io.BytesIO())
    export(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nnc.randn(3, 2), io.BytesIO(), verify=False)


def test_without_onnxruntime_the_onnx_package_verifies(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    file = io.BytesIO()
    export(nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.LSTM(2, 3)), nnc.randn(4, 3, 2), file,
           batch_axis=1)  # fmt: skip
    assert file.getvalue()
    with pytest.warns(UserWarning, match="not verified"):
        export(nn.RNN(2, 3, nonlinearity="relu"), nnc.randn(4, 3, 2), file, batch_axis=1)


def test_without_the_onnx_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"nncourse\[onnx\]"):
        export(nn.Linear(1, 1), nnc.zeros(1, 1), io.BytesIO())


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match="tensor"):
        export(nn.Linear(1, 1), [1.0], io.BytesIO())
    with pytest.raises(ValueError, match="batch_axis 3"):
        export(nn.Linear(1, 1), nnc.zeros(1, 1), io.BytesIO(), batch_axis=3)
