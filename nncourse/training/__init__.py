"""Training loops, and what goes with them."""

from nncourse.training import metrics
from nncourse.training.callbacks import Callback, EarlyStopping, Run
from nncourse.training.fit import evaluate, fit
from nncourse.training.history import History
from nncourse.training.lr_finder import LRSearch, find_lr
from nncourse.training.sg import SGHistory, sg

__all__ = [
    "Callback",
    "EarlyStopping",
    "History",
    "LRSearch",
    "Run",
    "SGHistory",
    "evaluate",
    "find_lr",
    "fit",
    "metrics",
    "sg",
]
