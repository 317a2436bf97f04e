"""Optimisers: rules that change parameters by their gradients."""

from nncourse.optim import lr_scheduler
from nncourse.optim.adam import Adam, AdamW, NAdam
from nncourse.optim.adaptive import Adadelta, Adagrad, RMSprop
from nncourse.optim.optimizer import Optimizer
from nncourse.optim.penalty import l1_penalty, l2_penalty
from nncourse.optim.sgd import NAG, SGD

__all__ = [
    "NAG",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "NAdam",
    "Optimizer",
    "RMSprop",
    "l1_penalty",
    "l2_penalty",
    "lr_scheduler",
]
