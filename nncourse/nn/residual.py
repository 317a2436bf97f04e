"""The residual connection."""

from __future__ import annotations

from typing import Any

from nncourse.nn.module import Module


class Residual(Module):
    """x + f(x) for a module f that keeps the shape, or shortcut(x) + f(x). Not in PyTorch.

    He et al. 2016, Deep Residual Learning: the gradient reaches x past f as it is.
    """

    def __init__(self, module: Module, shortcut: Module | None = None) -> None:
        super().__init__()
        self.module = module
        self.shortcut = shortcut

    def forward(self, input: Any) -> Any:
        kept = input if self.shortcut is None else self.shortcut(input)
        out = self.module(input)
        if out.shape != kept.shape:
            raise RuntimeError(
                f"Residual: the module turns {input.shape} into {out.shape}, which cannot be added "
                f"to {kept.shape}. A shortcut, such as nn.Linear or a 1x1 convolution, makes the "
                "shapes equal"
            )
        return kept + out
