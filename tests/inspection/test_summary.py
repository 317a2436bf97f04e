"""Numbers about networks, against hand-computed ones and against PyTorch's counter."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import language, nn
from nncourse.inspection import count_flops, count_parameters, summary
from nncourse.inspection.tracing import tracing


@pytest.fixture(autouse=True)
def _english():
    with language.using("en"):
        yield


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 10),
    )  # fmt: skip


def test_a_convolutional_network_by_hand():
    found = summary(lenet(), nnc.zeros(3, 1, 28, 28))
    rows = {row.name: row for row in found.rows}
    assert rows["0"].parameters == 6 * 25 + 6
    assert rows["0"].flops == 2 * 3 * 6 * 28 * 28 * 25
    assert rows["0"].shapes == ((3, 6, 28, 28),)
    assert rows["1"].parameters == 12
    assert rows["4"].flops == 2 * 3 * 16 * 10 * 10 * (6 * 25)
    assert rows["6"].shape == "3×16×5×5"
    assert rows["8"].flops == 2 * 3 * 400 * 120
    assert rows["8"].parameters == 400 * 120 + 120
    total = 156 + 12 + (16 * 150 + 16) + (400 * 120 + 120) + (120 * 10 + 10)
    assert found.parameters == found.trainable == total == rows[""].parameters
    assert found.flops == rows[""].flops
    assert found.flops == 2 * 3 * (6 * 784 * 25 + 16 * 100 * 150 + 400 * 120 + 120 * 10)
    assert found.parameter_bytes == 4 * total
    assert found.buffer_bytes == 4 * 12 + 8  # two statistics of 6 channels, and a counter


def test_what_is_kept_for_the_backward_pass_by_hand():
    model = nn.Sequential(nn.Linear(10, 20), nn.Tanh(), nn.Linear(20, 5))
    found = summary(model, nnc.zeros(7, 10))
    # tanh keeps its result, which the second layer keeps as well; inputs and weights are there
    # anyway.
    assert found.kept_bytes == 4 * 7 * 20


def test_layers_in_layers_and_shared_ones():
    shared = nn.Linear(4, 4)
    model = nn.Sequential(nn.Sequential(shared, nn.ReLU()), shared)
    found = summary(model, nnc.zeros(2, 4))
    assert [(row.name, row.depth, row.parameters) for row in found.rows] == [
        ("", 0, 20), ("0", 1, 20), ("0.0", 2, 20), ("0.1", 2, 0), ("0.0", 1, 0),
    ]  # fmt: skip
    assert found.parameters == 20
    assert found.flops == 2 * (2 * 2 * 4 * 4)
    assert len(summary(model, nnc.zeros(2, 4), depth=1).rows) == 3


def test_frozen_parameters_and_the_table():
    model = lenet()
    model[0].requires_grad_(False)
    found = summary(model, nnc.zeros(1, 1, 28, 28))
    assert found.parameters - found.trainable == 156
    assert count_parameters(model) == found.parameters
    assert count_parameters(model, trainable=True) == found.trainable
    text = repr(found)
    assert text.splitlines()[0].split() == ["layer", "output", "parameters", "FLOPs"]
    assert "  Conv2d (0)" in text
    assert "1×6×28×28" in text
    assert "of them learned" in text
    page = found._repr_html_()
    assert page.startswith("<table>")
    assert "Conv2d <small>0</small>" in page
    with language.using("ru"):
        assert "параметры" in repr(found)


def test_the_model_is_as_it_was():
    model = lenet()
    before = {name: t.numpy().tobytes() for name, t in model.state_dict().items()}
    state = nnc.default_generator.get_state()
    summary(model, nnc.randn(4, 1, 28, 28) + 5)
    summary(nn.Dropout(0.5), nnc.ones(5))
    nnc.default_generator.set_state(state)
    assert {name: t.numpy().tobytes() for name, t in model.state_dict().items()} == before
    assert model.training


def test_no_trace_is_left_in_the_operations():
    before = (nn.Module.__call__, nnc.ops.linalg.Linear.forward)
    with tracing():
        assert nnc.ops.linalg.Linear.forward is not before[1]
    assert (nn.Module.__call__, nnc.ops.linalg.Linear.forward) == before


MODELS = {
    "linear": (lambda nn: nn.Linear(7, 5), (3, 7)),
    "sequence": (lambda nn: nn.Linear(7, 5), (3, 4, 7)),
    "convolution": (
        lambda nn: nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
        (3, 4, 9, 9),
    ),
    "dilated": (lambda nn: nn.Conv2d(4, 6, 3, dilation=2), (3, 4, 9, 9)),
    "1d": (lambda nn: nn.Conv1d(4, 6, 3), (3, 4, 9)),
    "transposed": (lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2), (3, 4, 5, 5)),
    "network": (
        lambda nn: nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 4)),
        (2, 1, 8, 8),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_flops_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.utils.flop_counter import FlopCounterMode

    build, shape = MODELS[name]
    with FlopCounterMode(display=False) as counter:
        build(torch.nn)(torch.zeros(shape))
    assert count_flops(build(nn), nnc.zeros(*shape)) == counter.get_total_flops() > 0


def test_flops_of_attention_by_hand():
    n, length, e = 3, 5, 8
    layer = nn.MultiheadAttention(e, 2, batch_first=True)
    x = nnc.zeros(n, length, e)
    projections = 4 * 2 * n * length * e * e
    scores = 2 * 2 * n * length * length * e
    assert count_flops(layer, x, x, x) == projections + scores


@pytest.mark.parametrize(("kind", "gates"), [("RNN", 1), ("LSTM", 4), ("GRU", 3)])
def test_flops_of_recurrent_layers_by_hand(kind, gates):
    if not hasattr(nn, kind):
        pytest.fail(f"nn.{kind} is missing")
    layer = getattr(nn, kind)(6, 5, num_layers=2)
    steps, n = 7, 3
    per_step = gates * 5 * (6 + 5) + gates * 5 * (5 + 5)
    assert count_flops(layer, nnc.zeros(steps, n, 6)) == 2 * steps * n * per_step


def test_arguments_by_name_and_several_results():
    class Net(nn.Module):
        def forward(self, x, *, scale):
            return x * scale, [x, {"a": x}]

    found = summary(Net(), nnc.zeros(2, 3), scale=nnc.ones(3))
    assert found.rows[0].shapes == ((2, 3),) * 3
    assert found.rows[0].shape == "2×3, 2×3, 2×3"
    assert summary(nn.Flatten(0), nnc.zeros(1)).rows[0].shape == "1"
    assert np.isfinite(found.kept_bytes)
