"""Dropout: parts of a layer's input left out at random while training."""

from __future__ import annotations

from nncourse.autograd.tensor import Tensor
from nncourse.nn.module import Module
from nncourse.ops import dropping


class Dropout(Module):
    """Each element is 0 with probability p while training, else divided by 1 - p.

    So its mean stays, and for predictions nothing is done. This is the inverted form of Srivastava
    et al. 2014, Dropout; ``PlainDropout`` is the one that they describe first.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        dropping.check_probability(type(self).__name__, p)
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return dropping.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """``Dropout`` of whole channels of (N, C, L) or (C, L)."""

    def forward(self, input: Tensor) -> Tensor:
        return dropping.dropout1d(input, self.p, self.training)


class Dropout2d(Dropout):
    """``Dropout`` of whole channels of (N, C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        return dropping.dropout2d(input, self.p, self.training)


class PlainDropout(Dropout):
    """Each element is 0 with probability p while training, else itself; times 1 - p afterwards.

    The form of the source lectures, in which the prediction makes up for the elements that were
    missing. On average it equals ``Dropout`` of 1 - p times the input. Not in PyTorch.
    """

    def forward(self, input: Tensor) -> Tensor:
        return dropping.plain_dropout(input, self.p, self.training)
