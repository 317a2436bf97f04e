"""Statistics of layers, against numbers computed directly."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import language, nn
from nncourse.inspection import statistics


@pytest.fixture(autouse=True)
def _english():
    with language.using("en"):
        nnc.manual_seed(0)
        yield


def setup():
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    x = nnc.randn(20, 6)
    y = nnc.tensor(np.arange(20) % 3)
    return model, x, y


def test_outputs_and_gradients():
    model, x, y = setup()
    found = statistics(model, x, y, nn.CrossEntropyLoss())
    assert [line.name for line in found] == ["0", "1", "2", "3", "4"]
    outs, h = [], x
    for layer in model:
        h = layer(h)
        h.retain_grad()
        outs.append(h)
    nn.functional.cross_entropy(h, y).backward()
    for line, out in zip(found, outs):
        np.testing.assert_array_equal(line.outputs, out.detach().numpy())
        np.testing.assert_allclose(line.gradients, out.grad.numpy(), rtol=1e-5, atol=1e-9)
        assert line.std == pytest.approx(out.detach().numpy().std(), rel=1e-5)
        assert line.gradient_std == pytest.approx(out.grad.numpy().std(), rel=1e-4)
    model.zero_grad()


def test_saturated_and_dead_units():
    model, x, _ = setup()
    with nnc.no_grad():
        model[0].weight.mul_(1000)
        model[2].weight.zero_()
        model[2].bias.copy_(nnc.tensor([1.0, -1, -1, -1, 1, 1, 1, 1]))
    found = statistics(model, x)
    assert found[1].saturated > 0.95
    assert found[0].saturated is None
    assert found[3].dead == 3 / 8
    assert found[0].gradients is found[0].gradient_std is None
    images = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    with nnc.no_grad():
        images[0].bias.copy_(nnc.tensor([-100.0, 100, 100, 100]))
    assert statistics(images, nnc.randn(2, 1, 5, 5))[1].dead == 1 / 4


def test_the_table_and_the_choice_of_layers():
    model, x, y = setup()
    found = statistics(model, x, y, nn.CrossEntropyLoss(), layers=(nn.Tanh, nn.ReLU))
    assert [line.kind for line in found] == ["Tanh", "ReLU"]
    head, first, _ = repr(found).splitlines()
    assert head.split() == ["layer", "mean", "deviation", "gradient", "saturated", "dead"]
    assert first.startswith("1 (Tanh)")
    with pytest.raises(ValueError, match="both y and loss"):
        statistics(model, x, y)


def test_the_model_is_as_it_was():
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    _, x, y = setup()
    nn.functional.cross_entropy(model(x), y).backward()
    before = {name: t.numpy().tobytes() for name, t in model.state_dict().items()}
    slopes = [p.grad.numpy().tobytes() for p in model.parameters()]
    state = nnc.default_generator.get_state()
    with nnc.no_grad():  # what it needs it switches on itself
        statistics(model, x, y, nn.CrossEntropyLoss())
    assert {name: t.numpy().tobytes() for name, t in model.state_dict().items()} == before
    assert [p.grad.numpy().tobytes() for p in model.parameters()] == slopes
    assert nnc.default_generator.get_state() == state
    assert all(module._hooks is None for module in model.modules())


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: no pictures")
    from nncourse import plots

    model, x, y = setup()
    found = statistics(model, x, y, nn.CrossEntropyLoss())
    for gradients in (False, True):
        axes = plots.layer_statistics(found, gradients)
        assert len(axes) == 5
        assert axes[1].get_title().startswith("Tanh\nσ = ")
        axes[0].figure.savefig(tmp_path / f"{gradients}.png")
        axes[0].figure.clf()
    with pytest.raises(ValueError, match="no gradients"):
        plots.layer_statistics(statistics(model, x), gradients=True)
