"""Entries: the layers of networks: embedding, normalisation."""

from typing import Any

import numpy as np

from nncourse.ops import (
    arithmetic,
    batch_normalization,
    bilinear,
    linalg,
    lookup,
    normalization,
    reduction,
    shape,
)
from nncourse.ops.catalogue.entry import REAL, Example, Operation, classes, examples, like


def _normalized(x: Any, axes: Any) -> Any:
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + 1e-5)


def _layer_norm(x: Any, w: Any = None, b: Any = None, normalized_shape: Any = ()) -> Any:
    out = _normalized(x, tuple(range(x.ndim - len(normalized_shape), x.ndim)))
    return out * (1 if w is None else w) + (0 if b is None else b)


def _by_channel(x: Any, w: Any, b: Any) -> Any:
    wide = (-1, *[1] * (x.ndim - 2))
    return x * w.reshape(wide) + b.reshape(wide)


def _batch_norm(x: Any, w: Any = None, b: Any = None) -> Any:
    wide = (-1, *[1] * (x.ndim - 2))
    out = _normalized(x, (0, *range(2, x.ndim)))
    return out * (1 if w is None else w.reshape(wide)) + (0 if b is None else b.reshape(wide))


def _group_norm(x: Any, w: Any = None, b: Any = None) -> Any:
    wide = (-1, *[1] * (x.ndim - 2))
    out = _normalized(x.reshape(len(x), 2, -1), 2).reshape(x.shape)
    return out * (1 if w is None else w.reshape(wide)) + (0 if b is None else b.reshape(wide))


_MEAN, _VARIANCE = (0.5, -1.0, 0.25), (1.0, 2.0, 0.5)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "embedding",
        lambda table, index: lookup.embedding(index, table),
        lambda table, index: table[index],
        lambda torch, table, index: torch.nn.functional.embedding(index, table),
        (lookup.Embedding,),
        (REAL, classes(4)),
        examples(((4, 3), (6,)), ((4, 4), (2, 3)), ((4, 3), ())),
        spelled_out=lambda table, index: lookup.embedding_spelled_out(index, table),
    ),
    Operation(
        "layer_norm",
        lambda x, w=None, b=None, normalized_shape=(): normalization.layer_norm(
            x, normalized_shape, w, b
        ),
        _layer_norm,
        lambda torch, x, w=None, b=None, normalized_shape=(): torch.nn.functional.layer_norm(
            x, normalized_shape, w, b
        ),
        (normalization.LayerNorm, shape.Reshape),
        (REAL, REAL, REAL),
        (
            Example(((3, 4), (4,), (4,)), {"normalized_shape": (4,)}),
            Example(((3, 3), (3,), (3,)), {"normalized_shape": (3,)}),
            Example(((2, 3, 4), (3, 4), (3, 4)), {"normalized_shape": (3, 4)}),
            Example(((3, 4),), {"normalized_shape": (4,)}),
            Example(((3, 4), (4,)), {"normalized_shape": (4,)}),
        ),
        spelled_out=lambda x, w=None, b=None, normalized_shape=(): (
            batch_normalization.normalize_spelled_out(
                x, w, b, tuple(range(x.ndim - len(normalized_shape), x.ndim)), 1e-5
            )
        ),
    ),
    Operation(
        "batch_norm",
        lambda x, w=None, b=None: batch_normalization.batch_norm(
            x, None, None, w, b, training=True
        ),
        _batch_norm,
        lambda torch, x, w=None, b=None: torch.nn.functional.batch_norm(
            x, None, None, w, b, training=True
        ),
        (batch_normalization.BatchNorm,),
        (REAL, REAL, REAL),
        examples(
            ((5, 3), (3,), (3,)),
            ((3, 2, 4), (2,), (2,)),
            ((2, 3, 2, 2), (3,), (3,)),
            ((2, 3, 2, 2),),
        ),
        spelled_out=batch_normalization.batch_norm_spelled_out,
    ),
    Operation(
        "batch_norm with channels last in memory",
        lambda x, w, b: batch_normalization.batch_norm(
            x.permute(0, 3, 1, 2), None, None, w, b, training=True
        ),
        lambda x, w, b: _batch_norm(x.transpose(0, 3, 1, 2), w, b),
        lambda torch, x, w, b: torch.nn.functional.batch_norm(
            x.permute(0, 3, 1, 2), None, None, w, b, training=True
        ),
        (batch_normalization.BatchNorm, shape.Permute),
        (REAL, REAL, REAL),
        examples(((2, 2, 2, 3), (3,), (3,)), ((3, 2, 1, 2), (2,), (2,))),
    ),
    Operation(
        "group_norm",
        lambda x, w=None, b=None: normalization.group_norm(x, 2, w, b),
        lambda x, w=None, b=None: _group_norm(x, w, b),
        lambda torch, x, w=None, b=None: torch.nn.functional.group_norm(x, 2, w, b),
        (normalization.LayerNorm, shape.Reshape, batch_normalization.ByChannel),
        (REAL, REAL, REAL),
        examples(((2, 4, 3), (4,), (4,)), ((3, 6), (6,), (6,)), ((2, 2, 2, 2),)),
        spelled_out=lambda x, w=None, b=None: normalization.group_norm_spelled_out(x, 2, w, b),
    ),
    Operation(
        "rms_norm",
        lambda x, w: normalization.rms_norm(x, w.shape, w, 1e-3),
        lambda x, w: (
            x
            * w
            / np.sqrt((x**2).mean(tuple(range(x.ndim - w.ndim, x.ndim)), keepdims=True) + 1e-3)
        ),
        lambda torch, x, w: torch.nn.functional.rms_norm(x, w.shape, w, 1e-3),
        (arithmetic.Multiply, reduction.Mean, arithmetic.Add, arithmetic.PowerOfNumber),
        (REAL, REAL),
        examples(((3, 4), (4,)), ((2, 3, 2), (3, 2))),
    ),
    Operation(
        "bilinear",
        bilinear.bilinear,
        lambda x, y, W, b: np.einsum("...i,oij,...j->...o", x, W, y) + b,
        "nn.functional.bilinear",
        (shape.Reshape, shape.Permute, linalg.MatMul, arithmetic.Add),
        (REAL, REAL, REAL, REAL),
        examples(((3, 4), (3, 2), (3, 4, 2), (3,)), ((2, 2, 3), (2, 2, 3), (4, 3, 3), (4,))),
    ),
    Operation(
        "scale and shift by channel",
        batch_normalization.by_channel,
        _by_channel,
        lambda torch, x, w, b: _by_channel(x, w, b),
        (batch_normalization.ByChannel,),
        (REAL, REAL, REAL),
        examples(((3, 3), (3,), (3,)), ((2, 3, 4), (3,), (3,)), ((2, 2, 3, 3), (2,), (2,))),
        spelled_out=batch_normalization.by_channel_spelled_out,
    ),
    Operation(
        "batch_norm without training",
        lambda x, w, b: batch_normalization.batch_norm(x, like(x, _MEAN), like(x, _VARIANCE), w, b),
        lambda x, w, b: (
            (x - np.reshape(_MEAN, (3, 1)))
            / np.sqrt(np.reshape(_VARIANCE, (3, 1)) + 1e-5)
            * w.reshape(3, 1)
            + b.reshape(3, 1)
        ),
        lambda torch, x, w, b: torch.nn.functional.batch_norm(
            x, x.new_tensor(_MEAN), x.new_tensor(_VARIANCE), w, b
        ),
        (batch_normalization.ByChannel, arithmetic.Multiply, arithmetic.Subtract),
        (REAL, REAL, REAL),
        examples(((2, 3, 4), (3,), (3,))),
    ),
)
