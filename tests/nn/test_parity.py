"""Every layer that PyTorch has, against PyTorch."""

import numpy as np
import pytest

from tests.nn.parity_of_layers import numbers, same

ACTIVATIONS = [
    ("ReLU", (), {}),
    ("ReLU6", (), {}),
    ("LeakyReLU", (), {}),
    ("LeakyReLU", (0.2,), {}),
    ("PReLU", (), {}),
    ("PReLU", (3,), {"init": 0.1}),
    ("ELU", (), {"alpha": 0.7}),
    ("SELU", (), {}),
    ("GELU", (), {}),
    ("GELU", (), {"approximate": "tanh"}),
    ("SiLU", (), {}),
    ("Softplus", (), {}),
    ("Softplus", (2.0, 3.0), {}),
    ("LogSigmoid", (), {}),
    ("Tanh", (), {}),
    ("Sigmoid", (), {}),
    ("Hardtanh", (), {}),
    ("Hardtanh", (-0.5, 1.5), {}),
    ("Threshold", (0.1, 20), {}),
    ("Softmax", (1,), {}),
    ("Softmax", (), {"dim": -1}),
    ("LogSoftmax", (0,), {}),
    ("Softmin", (1,), {}),
    ("Identity", (), {}),
    ("Flatten", (), {}),
    ("Flatten", (0, 1), {}),
    ("Unflatten", (2, (2, 2)), {}),
    ("Unflatten", (-1, (-1, 2)), {}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), ACTIVATIONS, ids=str)
def test_activations(name, args, kwargs):
    same(name, [numbers(2, 3, 4)], args, kwargs)


LAYERS = [
    ("Linear", (4, 3), {}, [(5, 4)]),
    ("Linear", (4, 3), {"bias": False}, [(2, 3, 4)]),
    ("Linear", (4, 3), {}, [(4,)]),
    ("Bilinear", (4, 3, 2), {}, [(5, 4), (5, 3)]),
    ("Bilinear", (4, 3, 2), {"bias": False}, [(2, 2, 4), (2, 2, 3)]),
    ("Conv1d", (3, 4, 3), {}, [(2, 3, 7)]),
    ("Conv1d", (4, 4, 2), {"stride": 2, "padding": 1, "groups": 2, "dilation": 2}, [(2, 4, 9)]),
    ("Conv1d", (3, 4, 4), {"padding": "same", "bias": False}, [(3, 7)]),
    ("Conv1d", (3, 4, 3), {"padding": 2, "padding_mode": "circular"}, [(2, 3, 7)]),
    ("Conv2d", (3, 4, 3), {}, [(2, 3, 6, 5)]),
    ("Conv2d", (3, 4, (3, 2)), {"stride": (2, 1), "padding": (1, 0)}, [(2, 3, 6, 5)]),
    ("Conv2d", (3, 4, 2), {"padding": "same", "dilation": 3}, [(2, 3, 6, 5)]),
    ("Conv2d", (3, 4, 3), {"padding": "valid", "bias": False}, [(3, 6, 5)]),
    ("Conv2d", (4, 6, 3), {"groups": 2, "padding": 1}, [(2, 4, 6, 5)]),
    ("Conv2d", (4, 4, 3), {"groups": 4, "stride": 2}, [(2, 4, 6, 5)]),
    ("Conv2d", (2, 3, 3), {"padding": 2, "padding_mode": "reflect"}, [(2, 2, 6, 5)]),
    ("Conv2d", (2, 3, 4), {"padding": "same", "padding_mode": "replicate"}, [(2, 2, 6, 5)]),
    ("Conv2d", (16, 20, 3), {"padding": 1}, [(2, 16, 6, 5)]),
    ("Conv2d", (20, 16, 3), {"padding": 1, "stride": 2}, [(2, 20, 7, 7)]),
    ("Conv2d", (16, 20, 1), {}, [(2, 16, 6, 5)]),
    ("ConvTranspose1d", (3, 4, 3), {"stride": 2, "padding": 1}, [(2, 3, 5)]),
    ("ConvTranspose1d", (4, 4, 2), {"groups": 2, "dilation": 2, "bias": False}, [(4, 5)]),
    ("ConvTranspose2d", (3, 4, 3), {}, [(2, 3, 4, 5)]),
    (
        "ConvTranspose2d",
        (3, 4, (3, 2)),
        {"stride": 2, "padding": (1, 0), "output_padding": 1},
        [(2, 3, 4, 5)],
    ),
    ("ConvTranspose2d", (4, 6, 3), {"groups": 2, "stride": 2, "dilation": 2}, [(2, 4, 3, 2)]),
    ("MaxPool1d", (2,), {}, [(2, 3, 7)]),
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, [(2, 3, 8)]),
    ("MaxPool1d", (2,), {"return_indices": True}, [(2, 3, 7)]),
    ("MaxPool2d", (2,), {}, [(2, 3, 6, 4)]),
    ("MaxPool2d", (2,), {}, [(2, 3, 7, 5)]),
    ("MaxPool2d", ((3, 2),), {"stride": (1, 2), "padding": 1}, [(2, 3, 6, 5)]),
    ("MaxPool2d", (3,), {"stride": 2, "ceil_mode": True, "dilation": 2}, [(2, 3, 8, 9)]),
    ("MaxPool2d", (2,), {"return_indices": True}, [(3, 6, 4)]),
    ("AvgPool1d", (2,), {}, [(2, 3, 7)]),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, [(2, 3, 8)]),
    ("AvgPool2d", (2,), {}, [(2, 3, 6, 4)]),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, [(2, 3, 8, 9)]),
    ("AvgPool2d", ((2, 3),), {"padding": 1, "count_include_pad": False}, [(2, 3, 8, 9)]),
    ("AdaptiveAvgPool1d", (3,), {}, [(2, 3, 7)]),
    ("AdaptiveAvgPool2d", (1,), {}, [(2, 3, 6, 5)]),
    ("AdaptiveAvgPool2d", ((2, 3),), {}, [(2, 3, 6, 5)]),
    ("AdaptiveAvgPool2d", ((None, 3),), {}, [(3, 6, 6)]),
    ("AdaptiveMaxPool1d", (3,), {}, [(2, 3, 7)]),
    ("AdaptiveMaxPool2d", ((2, 3),), {}, [(2, 3, 6, 6)]),
    ("AdaptiveMaxPool2d", (4,), {}, [(2, 3, 6, 5)]),
    ("AdaptiveMaxPool2d", (2,), {"return_indices": True}, [(2, 3, 6, 4)]),
    ("AdaptiveMaxPool1d", (3, True), {}, [(2, 3, 6)]),
    ("BatchNorm1d", (3,), {}, [(6, 3)]),
    ("BatchNorm1d", (3,), {"momentum": None}, [(4, 3, 5)]),
    ("BatchNorm1d", (3,), {"affine": False, "eps": 1e-3}, [(6, 3)]),
    ("BatchNorm1d", (3,), {"track_running_stats": False}, [(6, 3)]),
    ("BatchNorm2d", (3,), {"momentum": 0.3}, [(4, 3, 3, 2)]),
    ("LayerNorm", (4,), {}, [(2, 3, 4)]),
    ("LayerNorm", ((3, 4),), {"eps": 1e-3}, [(2, 3, 4)]),
    ("LayerNorm", (4,), {"elementwise_affine": False}, [(2, 3, 4)]),
    ("LayerNorm", (4,), {"bias": False}, [(4,)]),
    ("GroupNorm", (2, 4), {}, [(3, 4, 3, 2)]),
    ("GroupNorm", (1, 4), {"affine": False}, [(3, 4)]),
    ("RMSNorm", (4,), {}, [(2, 3, 4)]),
    ("RMSNorm", ((3, 4),), {"eps": 1e-3, "elementwise_affine": False}, [(2, 3, 4)]),
    ("Dropout", (0.0,), {}, [(2, 3)]),
    ("Dropout2d", (0.0,), {}, [(2, 3, 2, 2)]),
    ("Dropout1d", (0.0,), {"inplace": True}, [(2, 3, 2)]),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "shapes"), LAYERS, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_layers(name, args, kwargs, shapes, dtype):
    inputs = [numbers(*shape, seed=i) for i, shape in enumerate(shapes)]
    same(name, inputs, args, kwargs, dtype, 1e-8 if dtype == np.float64 else 2e-4)


@pytest.mark.parametrize(
    "options", [{}, {"padding_idx": 2}, {"padding_idx": -1}, {"max_norm": 0.9}]
)
def test_embedding(options):
    same("Embedding", [np.array([[1, 2, 4], [2, 2, 0]])], (5, 3), options)
