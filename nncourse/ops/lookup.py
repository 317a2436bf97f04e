"""Embedding: rows of a table, looked up by number."""

from __future__ import annotations

from nncourse.autograd.changes import changes
from nncourse.autograd.function import Function, apply, constant
from nncourse.autograd.placement import different_devices
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, add_at, xp
from nncourse.ops.elementwise import choose
from nncourse.ops.indexing import beyond


def rows_added(g: Array, index: Array, n: int) -> Array:
    """n rows of zeros with the rows of g (k, d) added at the positions (k), which may repeat.

    Added number by number, for which NumPy has a fast way that it has not for rows.
    """
    d = g.shape[1]
    out = xp.zeros(n * d, g.dtype, like=g)
    places = index[:, None] * d + xp.arange(d, like=index)
    add_at(out, places.reshape(-1), g.reshape(-1))
    return out.reshape(n, d)


class Embedding(Function):
    """out = table[index], table (n, d), out (*index, d);  d table = dout added at the index.

    A row that serves as padding gets no gradient.
    """

    __slots__ = ("padding",)
    saves = ("table", "index")

    def forward(self, table: Array, index: Array, padding: int | None) -> Array:
        self.saved, self.padding = (table, index), padding
        return table.take(index, 0)

    def backward(self, dout: Array) -> tuple[Array, None]:
        table, index = self.saved
        n, d = table.shape
        total = rows_added(dout.reshape(index.size, d), index.reshape(-1), n)
        if self.padding is not None:
            total[self.padding] = 0
        return total, None

    def twin(self, table: Tensor, index: Tensor) -> Tensor:
        return embedding_spelled_out(index, table, self.padding)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
) -> Tensor:
    """Rows of the table ``weight`` (n, d) by their numbers ``input`` (...): (..., d).

    padding_idx: the row that stands for "nothing here" and gets no gradient. max_norm: rows that
    are looked up and are longer than this, in the ``norm_type`` norm, are first shortened to it,
    in place.
    """
    index, table = input._data, weight._data
    if index.dtype.kind not in "iu":
        raise TypeError(
            f"embedding: input must hold row numbers (integers); got {index.dtype}. "
            "Convert it: input.long()"
        )
    if table.ndim != 2:
        raise RuntimeError(f"embedding: weight must be (n, d); its shape is {weight.shape}")
    if type(index) is not type(table):
        raise different_devices("embedding", table, index)
    n = len(table)
    if beyond(index, n):
        raise IndexError(
            f"embedding: the table has rows 0 to {n - 1}; input holds {index.min()} to "
            f"{index.max()}"
        )
    if padding_idx is not None:
        if not -n <= padding_idx < n:
            raise IndexError(f"embedding: padding_idx {padding_idx}, but the table has {n} rows")
        padding_idx %= n
    if max_norm is not None:
        _shorten(table, xp.unique(index), max_norm, norm_type)
    return apply(Embedding, (weight, input), padding_idx)


def _shorten(table: Array, rows: Array, most: float, p: float) -> None:
    """Scale rows of the table down to the length ``most``, in place."""
    lengths = xp.linalg.norm(table[rows], p, 1)
    long = lengths > most
    if long.any():
        # PyTorch's small number, which keeps a row of zeros from a division by zero.
        table[rows[long]] *= (most / (lengths[long] + 1e-7)).astype(table.dtype)[:, None]
        changes.note(table)


def embedding_spelled_out(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The same as ``embedding``, as indexing."""
    if padding_idx is not None:
        padding = xp.arange(len(weight._data), like=weight._data) == padding_idx
        weight = choose(constant(padding[:, None]), weight.detach(), weight)
    return weight[input]
