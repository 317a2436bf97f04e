"""Optimisers: rules that change parameters by their gradients."""

from nncourse.optim.adaptive import Adam
from nncourse.optim.optimizer import Optimizer
from nncourse.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
