"""Training loops."""

from nncourse.training.fit import evaluate, fit
from nncourse.training.history import History

__all__ = ["History", "evaluate", "fit"]
