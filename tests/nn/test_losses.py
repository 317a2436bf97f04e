"""Losses as modules, against PyTorch, and those that PyTorch does not have."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from tests.nn.parity_of_layers import close, numbers, torch_or_skip

X, Y = numbers(4, 3), numbers(4, 3, seed=1)
P = (numbers(4, 3, seed=2) + 2.2) / 4.4
BITS = (numbers(4, 3, seed=3) > 0).astype(float)
SIGNS = np.array([1.0, -1, -1, 1])
CLASSES = np.array([2, 0, 1, 0])
IMAGES, LABELS = numbers(2, 3, 2, 2), np.array([[[0, 1], [2, 0]], [[1, 1], [2, 2]]])
WEIGHT = np.array([0.5, 2.0, 1.0])
SHARES = np.exp(Y) / np.exp(Y).sum(1, keepdims=True)

LOSSES = [
    ("MSELoss", {}, [X, Y]),
    ("L1Loss", {}, [X, Y]),
    ("SmoothL1Loss", {}, [X, Y]),
    ("SmoothL1Loss", {"beta": 0.3}, [X, Y]),
    ("HuberLoss", {"delta": 0.5}, [X, Y]),
    ("BCELoss", {}, [P, BITS]),
    ("BCELoss", {"weight": WEIGHT}, [P, BITS]),
    ("BCEWithLogitsLoss", {}, [X, BITS]),
    ("BCEWithLogitsLoss", {"weight": WEIGHT, "pos_weight": WEIGHT[::-1].copy()}, [X, BITS]),
    ("NLLLoss", {}, [X, CLASSES]),
    ("NLLLoss", {"weight": WEIGHT, "ignore_index": 1}, [X, CLASSES]),
    ("CrossEntropyLoss", {}, [X, CLASSES]),
    ("CrossEntropyLoss", {}, [X[0], CLASSES[0]]),
    ("CrossEntropyLoss", {"weight": WEIGHT, "label_smoothing": 0.2}, [X, CLASSES]),
    ("CrossEntropyLoss", {"ignore_index": 0, "label_smoothing": 0.1}, [X, CLASSES]),
    ("CrossEntropyLoss", {"weight": WEIGHT, "ignore_index": 2}, [IMAGES, LABELS]),
    ("CrossEntropyLoss", {"weight": WEIGHT, "label_smoothing": 0.3}, [X, SHARES]),
    ("KLDivLoss", {}, [np.log(P), SHARES]),
    ("KLDivLoss", {"log_target": True}, [np.log(P), np.log(SHARES)]),
    ("HingeEmbeddingLoss", {"margin": 1.5}, [numbers(4), SIGNS]),
    ("MarginRankingLoss", {"margin": 0.2}, [numbers(4), numbers(4, seed=1), SIGNS]),
    ("CosineEmbeddingLoss", {"margin": 0.2}, [X, Y, SIGNS]),
    ("MultiMarginLoss", {}, [X, CLASSES]),
    ("MultiMarginLoss", {"p": 2, "margin": 0.7, "weight": WEIGHT}, [X, CLASSES]),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", None])
@pytest.mark.parametrize(("name", "options", "inputs"), LOSSES, ids=str)
@pytest.mark.filterwarnings("ignore:reduction")  # PyTorch recommends batchmean
def test_losses_are_pytorchs(name, options, inputs, reduction):
    torch = torch_or_skip()
    found = []
    for library in (nnc, torch):
        given = {
            k: library.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()
        }
        if reduction is not None:
            given["reduction"] = reduction
        loss = getattr(library.nn, name)(**given)
        tensors = [library.tensor(x) for x in inputs]
        tensors[0].requires_grad_()
        value = loss(*tensors)
        value.sum().backward()
        found.append((value, tensors[0].grad, sorted(loss.state_dict()), repr(loss)))
    (ours, slope, names, text), (theirs, their_slope, their_names, their_text) = found
    close(ours, theirs)
    close(slope, their_slope)
    assert (names, text) == (their_names, their_text)


def test_kl_div_by_batch():
    torch = torch_or_skip()
    pairs = [[lib.tensor(np.log(P)), lib.tensor(SHARES)] for lib in (nnc, torch)]
    close(*[lib.nn.KLDivLoss(reduction="batchmean")(*p) for lib, p in zip((nnc, torch), pairs)])


def test_half_squared_error_is_that_of_the_lectures():
    x, y = nnc.tensor(X, requires_grad=True), nnc.tensor(Y)
    loss = nn.HalfSquaredError()(x, y)
    loss.backward()
    np.testing.assert_allclose(loss.item(), 0.5 * ((X - Y) ** 2).sum())
    np.testing.assert_allclose(x.grad.numpy(), X - Y)
    mean = nn.HalfSquaredError(reduction="mean")(x, y)
    np.testing.assert_allclose(mean.item(), nn.MSELoss()(x, y).item() / 2)


def test_hinge_loss_is_that_of_the_support_vector_machine():
    x, y = nnc.tensor([0.5, 2.0, -0.5]), nnc.tensor([1.0, 1.0, 1.0])
    assert nn.HingeLoss(reduction="none")(x, y).tolist() == [0.5, 0.0, 1.5]
    assert nn.HingeLoss(2.0, "sum")(x, y).item() == 1.5 + 0 + 2.5


def test_weights_move_with_the_loss():
    loss = nn.CrossEntropyLoss(weight=nnc.tensor(WEIGHT).float()).double()
    assert loss.weight.dtype == nnc.float64
    assert not list(loss.parameters())


@pytest.mark.parametrize(
    "make",
    [lambda: nn.MSELoss("all"), lambda: nn.KLDivLoss("each"), lambda: nn.MSELoss("batchmean")],
)
def test_unknown_reductions(make):
    with pytest.raises(ValueError, match="reduction must be"):
        make()


def test_cosine_embedding_loss_refuses_shapes():
    with pytest.raises(ValueError, match=r"\(N, d\)"):
        nn.CosineEmbeddingLoss()(nnc.ones(3, 2), nnc.ones(3, 2), nnc.ones(2))
