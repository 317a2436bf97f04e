"""Embedding: a learned vector for each of a number of things."""

from __future__ import annotations

from typing import Any

from nncourse.autograd.mode import no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.nn import init
from nncourse.nn.linear import check_counts
from nncourse.nn.module import Module
from nncourse.nn.parameter import Parameter, unset
from nncourse.ops.lookup import embedding


class Embedding(Module):
    """Rows of a table by their numbers: input (...) of integers, result (..., embedding_dim).

    weight (num_embeddings, embedding_dim) starts normally distributed. padding_idx: the row that
    stands for "nothing here"; it starts at 0 and gets no gradient. max_norm: rows that are looked
    up and are longer than this, in the ``norm_type`` norm, are first shortened to it, in place.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        _weight: Tensor | None = None,
    ) -> None:
        super().__init__()
        check_counts("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(
                f"Embedding: padding_idx {padding_idx}, but the table has {num_embeddings} rows"
            )
        if scale_grad_by_freq or sparse:
            raise NotImplementedError(
                "Embedding: scale_grad_by_freq and sparse gradients are not here; leave them out"
            )
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm = max_norm
        self.norm_type = norm_type
        if _weight is None:
            self.weight = unset(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.reset_parameters()
        else:
            self.weight = Parameter(_weight)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
    ) -> Embedding:
        """A layer with a given table (n, d), which is not learned unless ``freeze=False``."""
        if embeddings.ndim != 2:
            raise ValueError(f"from_pretrained: the table must be (n, d); it is {embeddings.shape}")
        n, d = embeddings.shape
        layer = cls(n, d, padding_idx, max_norm, norm_type, _weight=embeddings)
        layer.weight.requires_grad = not freeze
        return layer

    @no_grad()
    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        return embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        return text + (f", norm_type={self.norm_type}" if self.norm_type != 2 else "")
