"""Schedules of the learning rate.

A schedule is made for an optimiser and writes the rate into its groups. After each epoch (or after
each batch, as one counts) it takes a step, always after the optimiser's:

    for epoch in range(epochs):
        ...                       # optimizer.step() for every batch
        scheduler.step()
"""

from nncourse.optim.lr_scheduler.decay import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    StepLR,
)
from nncourse.optim.lr_scheduler.one_cycle import OneCycleLR
from nncourse.optim.lr_scheduler.plateau import ReduceLROnPlateau
from nncourse.optim.lr_scheduler.restarts import CosineAnnealingWarmRestarts
from nncourse.optim.lr_scheduler.scheduler import LRScheduler
from nncourse.optim.lr_scheduler.sequential import SequentialLR

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
