"""What is said of answers to exercise 5."""

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.ps05 import PIECES
from nncourse.exercises.ps05.network import layers, steps

network = PIECES["network_gradients"]
cross_entropy = PIECES["softmax_cross_entropy"]


def reasons(piece, answer, seed):
    return {d.outputs: str(d.finding) for d in judge(piece, [answer], seed=seed).diagnoses}


@pytest.mark.parametrize("factor", [1, 2])
def test_a_slope_of_tanh_at_its_input_is_told(factor):
    """Also where another mistake is beside it."""

    def answer(params, x, y):
        loss, _grads = network.reference(params, x, y)
        s = steps(params, x, y)
        grads = layers(x, s["h"], s["dh"] * (1 - s["z1"] ** 2), s["d2"])
        return loss, {**grads, "b1": factor * grads["b1"]}

    outputs = ("dW1", "db1") if factor == 1 else ("dW1",)
    for seed in range(3):
        assert "not of z1" in reasons(network, answer, seed)[outputs]


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


LOSSES = {
    "whole columns of log p": (lambda z, y: -log_softmax(z)[:, y].mean(), "whole columns"),
    "whole columns of p": (lambda z, y: -np.log(np.exp(log_softmax(z))[:, y]).mean(), "columns"),
    "no logarithm": (
        lambda z, y: -np.exp(log_softmax(z))[np.arange(len(y)), y].mean(),
        "the logarithm is missing",
    ),
}


@pytest.mark.parametrize(("loss", "said"), LOSSES.values(), ids=LOSSES)
def test_what_is_wrong_with_the_loss_alone_is_told(loss, said):
    def of_logits(z, y):
        return loss(z, y), cross_entropy.reference(z, y)[1]

    def of_network(params, x, y):
        return loss(steps(params, x, y)["logits"], y), network.reference(params, x, y)[1]

    for seed in range(3):
        assert said in reasons(cross_entropy, of_logits, seed)["loss",]
        assert said in reasons(network, of_network, seed)["loss",]
