"""Training runs of two networks whose losses PyTorch has written down, for where it is missing.

``python -m tests.nn.test_reference_training`` writes the file anew. Weights and data are made by
rule, so that both libraries start from the same.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import nncourse as nnc
from tests.nn.parity_of_layers import numbers, torch_or_skip

FILE = Path(__file__).with_name("reference_training.json")
STEPS = 6


def images(library):
    nn = library.nn
    model = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2),
        nn.GroupNorm(2, 8),
        nn.LeakyReLU(0.1),
        nn.ConvTranspose2d(8, 5, 2, stride=2),
        nn.ELU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(20, 12),
        nn.BatchNorm1d(12),
        nn.SiLU(),
        nn.Linear(12, 3),
    )
    return model, numbers(8, 2, 8, 8), np.arange(8) % 3


def words(library):
    nn = library.nn
    model = nn.Sequential(
        nn.Embedding(11, 6, padding_idx=0),
        nn.LayerNorm(6),
        nn.Linear(6, 9),
        nn.GELU(),
        nn.RMSNorm(9),
        nn.Linear(9, 9),
        nn.PReLU(),
        nn.Flatten(),
        nn.Linear(36, 4),
    )
    return model, np.arange(40).reshape(10, 4) * 7 % 11, np.arange(10) % 4


def losses(library, build):
    """The losses of some steps of Adam, then one in evaluation."""
    model, x, y = build(library)
    model.double()
    with library.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(library.tensor(numbers(*p.shape, seed=i) * 0.3))
    x, y = library.tensor(x), library.tensor(y)
    loss = library.nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = library.optim.Adam(model.parameters(), lr=0.03)
    found = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        found.append(value.item())
    return [*found, loss(model.eval()(x), y).item()]


@pytest.mark.parametrize("build", [images, words])
def test_losses_are_those_written_down(build):
    found = losses(nnc, build)
    np.testing.assert_allclose(found, json.loads(FILE.read_text())[build.__name__], rtol=1e-7)
    assert found[STEPS - 1] < found[0]


@pytest.mark.parametrize("build", [images, words])
def test_what_is_written_down_is_pytorchs(build):
    torch = torch_or_skip()
    written = json.loads(FILE.read_text())[build.__name__]
    np.testing.assert_allclose(losses(torch, build), written, rtol=1e-9)


if __name__ == "__main__":
    torch = torch_or_skip()
    FILE.write_text(
        json.dumps({build.__name__: losses(torch, build) for build in (images, words)}, indent=1)
        + "\n"
    )
