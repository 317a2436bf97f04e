"""Training loops."""

from nncourse.training.fit import evaluate, fit
from nncourse.training.history import History
from nncourse.training.sg import SGHistory, sg

__all__ = ["History", "SGHistory", "evaluate", "fit", "sg"]
