"""Batches of sequences of different lengths: padded and packed, PyTorch's ``nn.utils.rnn``.

Padded, all are as long as the longest; packed, they are one tensor of all steps without padding.
A recurrent layer takes both. The course's layers also take a padded batch with ``lengths=``, which
does the same in one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, device_of, moved, xp
from nncourse.ops.recurrent.packing import packed, places, unpacked
from nncourse.ops.shape import cat


class PackedSequence(NamedTuple):
    """The steps of several sequences without padding; made by the functions of this file.

    data (rows, ...): the first steps of all sequences, the longest sequence first, then the second
    steps of those that have one, and so on. batch_sizes (T) int64: how many rows each step has.
    sorted_indices: the batch's sequences by length; unsorted_indices brings them back into order.
    None where they were sorted already.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *args: Any, **options: Any) -> PackedSequence:
        """With the data in another type or on another device."""
        return self._replace(data=self.data.to(*args, **options))

    def lengths(self) -> Array:
        """(N): the lengths of the sequences, the longest first."""
        sizes = self.batch_sizes._data
        n = int(sizes[0])
        return (xp.arange(n, like=sizes)[:, None] < sizes).sum(1)


def checked_lengths(lengths: Any, n: int, n_steps: int, what: str, like: Array) -> Array:
    """Lengths as an int64 array (n), where ``like`` is; ValueError unless they are 1 to n_steps."""
    array = lengths._data if isinstance(lengths, Tensor) else xp.asarray(lengths)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{what}: lengths must be whole numbers; got {array.dtype}")
    if array.shape != (n,):
        hint = ""
        if array.shape == (n_steps,) and n != n_steps:
            hint = " Did you forget batch_first=True?"
        raise ValueError(
            f"{what}: lengths must be ({n},), one for each sequence; got {array.shape}.{hint}"
        )
    if n and not (array.min() >= 1 and array.max() <= n_steps):
        raise ValueError(
            f"{what}: lengths must be 1 to {n_steps}, the number of steps; got "
            f"{int(array.min())} to {int(array.max())}"
        )
    return moved(array.astype("int64"), device_of(like))


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """A padded batch (T, N, ...), or (N, T, ...) with ``batch_first``, as a packed one.

    lengths: (N), each 1 to T. enforce_sorted: raise RuntimeError unless the longest comes first;
    with False they are sorted here, and layers put their results back in order.
    """
    x = input.transpose(0, 1) if batch_first else input
    T, N = x.shape[:2]
    ends = checked_lengths(lengths, N, T, "pack_padded_sequence", x._data)
    order = None
    if enforce_sorted:
        if (ends[1:] > ends[:-1]).any():
            raise RuntimeError(
                "pack_padded_sequence: lengths must be in decreasing order, the longest first. "
                "Pass enforce_sorted=False to have them sorted"
            )
    else:
        order = xp.argsort(-ends, kind="stable")
        ends, x = ends[order], x[:, constant(order)]
    longest = int(ends[0]) if N else 0
    sizes = (xp.arange(longest, like=ends)[:, None] < ends).sum(1)
    indices = None if order is None else constant(order)
    return PackedSequence(
        packed(x, places(ends, longest)),
        constant(sizes),
        indices,
        invert_permutation(indices),
    )


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """(padded batch, lengths (N) int64), the sequences in their original order.

    total_length: pad to so many steps rather than to the longest sequence.
    """
    ends = sequence.lengths()
    longest = len(sequence.batch_sizes)
    if total_length is not None and total_length < longest:
        raise ValueError(
            f"pad_packed_sequence: total_length {total_length} is less than the longest sequence, "
            f"{longest}"
        )
    n_steps = longest if total_length is None else total_length
    x = unpacked(sequence.data, places(ends, n_steps), n_steps, len(ends), padding_value)
    back = sequence.unsorted_indices
    if back is not None:
        x, ends = x[:, back], ends[back._data]
    return x.transpose(0, 1) if batch_first else x, constant(ends)


def pad_sequence(
    sequences: Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Tensors (L_i, ...) side by side: (T, N, ...), T the longest, or (N, T, ...)."""
    if padding_side not in ("right", "left"):
        raise ValueError(f"pad_sequence: padding_side is 'right' or 'left'; got {padding_side!r}")
    found = _sequences(sequences, "pad_sequence")
    like = found[0]._data
    lengths = [len(x) for x in found]
    longest = max(lengths)
    starts = [0 if padding_side == "right" else longest - n for n in lengths]
    step = xp.concatenate([xp.arange(a, a + n, like=like) for a, n in zip(starts, lengths)])
    sequence = xp.repeat(xp.arange(len(found), like=like), lengths)
    x = unpacked(cat(found), (step, sequence), longest, len(found), padding_value)
    return x.transpose(0, 1) if batch_first else x


def unpad_sequence(
    padded_sequences: Tensor, lengths: Any, batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a padded batch, each cut to its length."""
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    ends = checked_lengths(lengths, x.shape[0], x.shape[1], "unpad_sequence", x._data)
    return [x[i, : int(n)] for i, n in enumerate(ends)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Tensors (L_i, ...) as one packed batch."""
    found = _sequences(sequences, "pack_sequence")
    return pack_padded_sequence(
        pad_sequence(found), [len(x) for x in found], enforce_sorted=enforce_sorted
    )


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed batch, in their original order."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The order that undoes an order."""
    return None if permutation is None else constant(xp.argsort(permutation._data))


def _sequences(sequences: Iterable[Tensor], what: str) -> list[Tensor]:
    found = list(sequences)
    if not found:
        raise RuntimeError(f"{what} needs at least one sequence")
    rest = found[0].shape[1:]
    if any(not x.ndim or x.shape[1:] != rest for x in found):
        shapes = ", ".join(str(x.shape) for x in found)
        raise RuntimeError(
            f"{what}: sequences may differ in their first axis, their length, only; got {shapes}"
        )
    return found
