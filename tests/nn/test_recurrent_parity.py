"""Recurrent layers against PyTorch, weights carried over by name, over drawn configurations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse import nn
from nncourse.ops.recurrent import blocks
from tests.nn.parity_of_layers import close, pair, torch_or_skip

KINDS = ["RNN", "LSTM", "GRU"]


@st.composite
def layers(draw):
    """(name, sizes, options) of a layer that both libraries have."""
    kind = draw(st.sampled_from(KINDS))
    options = {
        "num_layers": draw(st.integers(1, 3)),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
    }
    if kind == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    return kind, (draw(st.integers(1, 4)), draw(st.integers(1, 4))), options


def _normal(seed, *shape):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def _states(layer, options, n, seed):
    """One or two initial states for a batch of n, or for one sequence where n is None."""
    count = options["num_layers"] * (1 + options["bidirectional"])
    shape = (count, layer[1]) if n is None else (count, n, layer[1])
    return [_normal(seed + i, *shape) for i in range(2)]


def _flat(result):
    output, states = result
    return [output, *(states if isinstance(states, tuple) else (states,))]


def _compare(kind, ours, theirs, run, arrays, tolerance=1e-9):
    """run(library, layer, *tensors) gives equal outputs, states and gradients of everything."""
    torch = torch_or_skip()
    found = []
    for library, layer in ((nnc, ours), (torch, theirs)):
        tensors = [library.tensor(a, requires_grad=True) for a in arrays]
        results = run(library, layer, *tensors)
        total = sum((out * library.tensor(_normal(7, *out.shape))).sum() for out in results)
        layer.zero_grad()
        total.backward()
        found.append(
            [r.detach() for r in results]
            + [t.grad for t in tensors]
            + [p.grad for p in layer.parameters()]
        )
    for a, b in zip(*found, strict=True):
        close(a, b, tolerance)


@settings(max_examples=40, deadline=None)
@given(layers(), st.integers(1, 5), st.none() | st.integers(1, 4), st.booleans(), st.integers(0, 9))
def test_outputs_states_and_gradients(layer, n_steps, n, with_states, seed):
    """A batch of n, or one sequence without a batch; with initial states and without."""
    kind, sizes, options = layer
    ours, theirs = pair(kind, sizes, options)
    shape = (n_steps, sizes[0]) if n is None else (n_steps, n, sizes[0])
    x = _normal(seed, *shape)
    if options["batch_first"] and n is not None:
        x = x.swapaxes(0, 1).copy()
    states = _states(sizes, options, n, seed)[: 2 if kind == "LSTM" else 1] if with_states else []

    def run(library, layer, x, *states):
        hx = tuple(states) if kind == "LSTM" else states[0] if states else None
        return _flat(layer(x, hx or None) if kind == "LSTM" else layer(x, hx))

    _compare(kind, ours, theirs, run, [x, *states])


@settings(max_examples=30, deadline=None)
@given(layers(), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_packed_sequences(layer, lengths, with_states, enforce_sorted):
    kind, sizes, options = layer
    options = options | {"batch_first": False}
    if enforce_sorted:
        lengths = sorted(lengths, reverse=True)
    ours, theirs = pair(kind, sizes, options)
    n = len(lengths)
    x = _normal(1, max(lengths), n, sizes[0])
    states = _states(sizes, options, n, 2)[: 2 if kind == "LSTM" else 1] if with_states else []

    def run(library, layer, x, *states):
        rnn = library.nn.utils.rnn
        packed = rnn.pack_padded_sequence(x, lengths, enforce_sorted=enforce_sorted)
        hx = None if not states else tuple(states) if kind == "LSTM" else states[0]
        output, *after = _flat(layer(packed, hx))
        padded, found = rnn.pad_packed_sequence(output)
        assert found.tolist() == lengths
        return [output.data, padded, *after]

    _compare(kind, ours, theirs, run, [x, *states])


@settings(max_examples=25, deadline=None)
@given(layers(), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.booleans())
def test_lengths_are_packing_in_one_line(layer, lengths, wild):
    """What stands in the padding, NaN included, changes nothing and gets no gradient."""
    kind, sizes, options = layer
    nnc.manual_seed(3)
    model = getattr(nn, kind)(*sizes, **options).double()
    n, longest = len(lengths), max(lengths) + 1  # one step that is padding for all
    x = _normal(4, longest, n, sizes[0])
    padding = np.arange(longest)[:, None] >= np.array(lengths)
    x[padding] = np.nan if wild else 5.0
    if options["batch_first"]:
        x = x.swapaxes(0, 1).copy()
    a, b = (nnc.tensor(x, requires_grad=True) for _ in range(2))
    found = _flat(model(a, lengths=lengths))
    pack, pad = nn.utils.rnn.pack_padded_sequence, nn.utils.rnn.pad_packed_sequence
    first = options["batch_first"]
    packed = pack(b, lengths, batch_first=first, enforce_sorted=False)
    output, *states = _flat(model(packed))
    output, _ = pad(output, batch_first=first, total_length=longest)
    for one, other in zip(found, [output, *states], strict=True):
        close(one, other, 1e-12)
    slopes = []
    for results, leaf in ((found, a), ([output, *states], b)):
        model.zero_grad()
        sum((r * nnc.tensor(_normal(7, *r.shape))).sum() for r in results).backward()
        slopes.append([leaf.grad, *[p.grad for p in model.parameters()]])
    for one, other in zip(*slopes, strict=True):
        assert np.isfinite(one.numpy()).all()
        close(one, other, 1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at_once", [1, 60, 1 << 15])
def test_steps_taken_part_by_part(kind, at_once, monkeypatch):
    """Local derivatives of one step at once, of some, of all: the parts fit together."""
    monkeypatch.setattr(blocks, "_NUMBERS_AT_ONCE", at_once)
    monkeypatch.setattr(blocks, "_ROWS_AT_LEAST", 1)
    ours, theirs = pair(kind, (3, 5))
    x = _normal(1, 11, 4, 3)
    _compare(kind, ours, theirs, lambda library, layer, x: _flat(layer(x)), [x])


@pytest.mark.parametrize("kind", KINDS)
def test_large_layers_in_single_precision(kind):
    """Sizes at which several parts and large buffers are used, gradients to x included."""
    ours, theirs = pair(kind, (30, 64), {"num_layers": 2}, np.float32)
    x = _normal(1, 24, 32, 30).astype(np.float32)
    torch = torch_or_skip()
    a, b = nnc.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    upstream = _normal(2, 24, 32, 64).astype(np.float32)
    for _ in range(2):  # the second time in memory that was used before
        ours.zero_grad()
        theirs.zero_grad()
        a.grad = b.grad = None
        out, expected = ours(a)[0], theirs(b)[0]
        out.backward(nnc.tensor(upstream))
        expected.backward(torch.tensor(upstream))
        close(out, expected, 1e-5)
        close(a.grad, b.grad, 1e-4)
        for p, q in zip(ours.parameters(), theirs.parameters()):
            size = float(abs(q.grad).max())
            close(p.grad / size, q.grad / size, 1e-5)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("RNN", {}),
        ("RNN", {"nonlinearity": "relu", "num_layers": 2}),
        ("LSTM", {"num_layers": 2, "bidirectional": True}),
        ("LSTM", {"bias": False}),
        ("GRU", {"num_layers": 2}),
        ("GRU", {"bidirectional": True, "batch_first": True}),
    ],
    ids=str,
)
def test_twenty_steps_of_training(kind, options, optimizer):
    torch = torch_or_skip()
    ours, theirs = pair(kind, (3, 4), options)
    x, y = _normal(1, 5, 5, 3), None
    losses = []
    for library, layer in ((nnc, ours), (torch, theirs)):
        step = getattr(library.optim, optimizer)(layer.parameters(), lr=0.02)
        told = []
        for _ in range(20):
            step.zero_grad()
            output, _ = layer(library.tensor(x))
            y = _normal(2, *output.shape)
            loss = library.nn.MSELoss()(output, library.tensor(y))
            loss.backward()
            step.step()
            told.append(loss.item())
        losses.append(told)
    np.testing.assert_allclose(*losses, rtol=1e-9)
    assert losses[0][-1] < losses[0][0]
    for p, q in zip(ours.parameters(), theirs.parameters()):
        close(p, q, 1e-8)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("RNNCell", {}),
        ("RNNCell", {"nonlinearity": "relu", "bias": False}),
        ("LSTMCell", {}),
        ("LSTMCell", {"bias": False}),
        ("GRUCell", {}),
        ("GRUCell", {"bias": False}),
    ],
    ids=str,
)
@pytest.mark.parametrize("batch", [(), (5,)], ids=["one", "batch"])
def test_cells_in_a_loop(kind, options, batch):
    ours, theirs = pair(kind, (3, 4), options)
    arrays = [_normal(1, 3, *batch, 3), _normal(2, *batch, 4), _normal(3, *batch, 4)]

    def run(library, cell, x, h, c):
        state, seen = (h, c) if kind == "LSTMCell" else h, []
        seen += cell(x[0]) if kind == "LSTMCell" else [cell(x[0])]
        for x_t in x:
            state = cell(x_t, state)
            seen += state if kind == "LSTMCell" else [state]
        if kind != "LSTMCell":
            seen.append(c * 2)
        return seen

    _compare(kind, ours, theirs, run, arrays)


@pytest.mark.parametrize(
    ("kind", "args", "kwargs"),
    [
        ("LSTM", (10, 20, 2), {"batch_first": True, "dropout": 0.5, "bidirectional": True}),
        ("GRU", (3, 4), {"bias": False}),
        ("RNN", (3, 4, 1, "relu"), {}),
        ("RNN", (3, 4, 2, "tanh", False, True, 0.25, True), {}),
        ("LSTM", (3, 4, 2, False, True, 0.25, True), {}),
    ],
)
def test_names_shapes_and_reprs(kind, args, kwargs):
    torch_or_skip()
    ours, theirs = pair(kind, args, kwargs)
    for group, expected in zip(ours.all_weights, theirs.all_weights, strict=True):
        assert [p.shape for p in group] == [tuple(p.shape) for p in expected]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from([(), (2,), (2, 3)]),
    st.sampled_from(["right", "left"]),
)
def test_padding_and_packing(lengths, batch_first, rest, side):
    torch = torch_or_skip()
    arrays = [_normal(i, n, *rest) for i, n in enumerate(lengths)]
    found = []
    for library in (nnc, torch):
        rnn = library.nn.utils.rnn
        leaves = [library.tensor(a, requires_grad=True) for a in arrays]
        padded = rnn.pad_sequence(leaves, batch_first, -1.5, side)
        packed = rnn.pack_sequence(leaves, enforce_sorted=False)
        back, ends = rnn.pad_packed_sequence(packed, batch_first, 0.5, max(lengths) + 2)
        again = rnn.unpack_sequence(packed)
        total = sum(
            (t * library.tensor(_normal(9, *t.shape))).sum() for t in (padded, back, *again)
        )
        total.backward()
        found.append(
            [padded, packed.data, packed.batch_sizes, back, ends, *again]
            + [packed.sorted_indices, packed.unsorted_indices]
            + [leaf.grad for leaf in leaves]
        )
    for a, b in zip(*found, strict=True):
        close(a, b, 1e-12)
