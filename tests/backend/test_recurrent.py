"""Recurrent layers on a device: lengths, packed sequences, initial states, cells and trees."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn


def _same(run, model, arrays):
    """run(model, *tensors) gives on the device what it gives on the processor, gradients too."""
    found = []
    for where in ("cpu", "cuda"):
        model.to(where)
        model.zero_grad()
        tensors = [nnc.tensor(a, requires_grad=True, device=where) for a in arrays]
        results = run(model, *tensors)
        assert all(r.device.type == where for r in results)
        sum((r * r).sum() for r in results).backward()
        slopes = [t.grad for t in tensors] + [p.grad for p in model.parameters()]
        found.append([t.detach().cpu().numpy() for t in (*results, *slopes)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def _flat(result):
    output, states = result
    return [output, *(states if isinstance(states, tuple) else (states,))]


X = np.random.default_rng(0).standard_normal((5, 3, 2))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "OriginalGRU", "PeepholeLSTM"])
def test_layers(kind, transfers):
    model = getattr(nn, kind)(2, 4, 2, bidirectional=True).double()
    _same(lambda m, x: _flat(m(x)), model, [X])
    _same(lambda m, x: _flat(m(x, lengths=[2, 5, 4])), model, [X])
    _same(lambda m, x: _flat(m(x, lengths=nnc.tensor([2, 5, 4]))), model, [X])

    def run(m, x):
        packed = nn.utils.rnn.pack_padded_sequence(x, [2, 5, 4], enforce_sorted=False)
        output, *states = _flat(m(packed))
        padded, lengths = nn.utils.rnn.pad_packed_sequence(output)
        assert lengths.cpu().tolist() == [2, 5, 4]
        return [padded, *states]

    _same(run, model, [X])


def test_cells_and_trees(transfers):
    _same(lambda m, x: [m(x[0], m(x[1]))], nn.GRUCell(2, 4).double(), [X])
    _same(lambda m, x: m(x[0], m(x[1])), nn.LSTMCell(2, 4).double(), [X])
    _same(lambda m, x: m(x[0], [m(x[1]), m(x[2])]), nn.TreeLSTMCell(2, 4).double(), [X])
    _same(lambda m, x: [m([x[0], x[1]])], nn.RecursiveCell(2).double(), [X])


def test_batches_of_sequences(transfers):
    def run(_, *sequences):
        packed = nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False)
        return [nn.utils.rnn.pad_sequence(sequences), *nn.utils.rnn.unpack_sequence(packed)]

    _same(run, nn.Identity(), [X[:2, 0], X[:, 1], X[:4, 2]])
