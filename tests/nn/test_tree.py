"""Recursive networks on nested tuples."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.autograd import gradcheck
from nncourse.nn.tree import fold


def _normal(seed, *shape):
    return nnc.tensor(np.random.default_rng([seed, *shape]).standard_normal(shape))


def test_fold_goes_from_the_leaves_to_the_root_in_order():
    told = []

    def leaf(item):
        told.append(item)
        return str(item)

    def node(item, children):
        told.append(item)
        return f"({item.join(children)})" if children else item

    tree = ("+", "x", ("*", "y", ("f",), "z"), 3)
    assert fold(tree, leaf, node) == "(x+(y*f*z)+3)"
    assert told == ["x", "y", "f", "z", "*", 3, "+"]
    assert fold("x", leaf, node) == "x"
    with pytest.raises(ValueError, match="empty tuple"):
        fold(("+", ()), leaf, node)


def test_trees_may_be_deep():
    tree = 1
    for _ in range(20_000):
        tree = ("+", tree, 1)
    assert fold(tree, int, lambda _, children: sum(children)) == 20_001


def test_the_recursive_cell():
    cell = nn.RecursiveCell(3).double()
    a, b = _normal(1, 3), _normal(2, 3)
    expected = np.tanh(
        cell.weight.detach().numpy() @ np.concatenate([a.detach().numpy(), b.detach().numpy()])
        + cell.bias.detach().numpy()
    )
    np.testing.assert_allclose(cell([a, b]).detach().numpy(), expected, rtol=1e-12)
    batch = cell([_normal(1, 5, 3), _normal(2, 5, 3)])
    assert batch.shape == (5, 3)
    assert repr(cell) == "RecursiveCell(3, children=2)"
    assert abs(nn.RecursiveCell(8, 2).weight.detach().numpy()).max() <= 0.25
    with pytest.raises(RuntimeError, match=r"2 children.*got 1: \(3,\)"):
        cell([a])
    with pytest.raises(RuntimeError, match=r"\(4,\)"):
        cell([a, _normal(1, 4)])
    with pytest.raises(ValueError, match="positive"):
        nn.RecursiveCell(0)


def test_along_a_chain_a_tree_lstm_is_an_lstm():
    """Every node has one child: the tree is a sequence, read from its leaf."""
    tree, chain = nn.TreeLSTMCell(3, 4).double(), nn.LSTM(3, 4).double()
    state = tree.state_dict()
    chain.load_state_dict(
        {
            "weight_ih_l0": state["weight_ih"],
            "weight_hh_l0": state["weight_hh"],
            "bias_ih_l0": state["bias"],
            "bias_hh_l0": state["bias"] * 0,
        }
    )
    x = _normal(1, 5, 3)
    h, c = tree(x[0])
    for x_t in x[1:]:
        h, c = tree(x_t, [(h, c)])
    _, (last_h, last_c) = chain(x)
    np.testing.assert_allclose(h.detach().numpy(), last_h[0].detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(c.detach().numpy(), last_c[0].detach().numpy(), rtol=1e-12)


def test_a_node_with_children_by_hand():
    cell = nn.TreeLSTMCell(2, 3).double()
    x, children = _normal(1, 2), [(_normal(k, 3), _normal(k + 5, 3)) for k in range(3)]
    W, U, b = (np.split(p.detach().numpy(), 4) for p in (cell.weight_ih, cell.weight_hh, cell.bias))

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    total = sum(h.detach().numpy() for h, _ in children)
    i, g, o = (W[k] @ x.detach().numpy() + U[k] @ total + b[k] for k in (0, 2, 3))
    kept = sum(
        sigmoid(W[1] @ x.detach().numpy() + U[1] @ h.detach().numpy() + b[1]) * c.detach().numpy()
        for h, c in children
    )
    c = sigmoid(i) * np.tanh(g) + kept
    found_h, found_c = cell(x, children)
    np.testing.assert_allclose(found_c.detach().numpy(), c, rtol=1e-12)
    np.testing.assert_allclose(found_h.detach().numpy(), sigmoid(o) * np.tanh(c), rtol=1e-12)
    swapped, _ = cell(x, children[::-1])
    np.testing.assert_allclose(swapped.detach().numpy(), found_h.detach().numpy(), rtol=1e-12)
    with pytest.raises(RuntimeError, match=r"x is \(3,\)"):
        cell(_normal(1, 3))
    with pytest.raises(ValueError, match="positive"):
        nn.TreeLSTMCell(2, 0)


def test_gradients_reach_all_of_the_tree():
    nnc.manual_seed(0)
    model = nn.TreeLSTM(4, 2, 3).double()
    tree = (0, 2, (1, 2, (0, 2, 3)))

    tokens = model.tokens.detach().requires_grad_()
    assert gradcheck(lambda x: model.cell(x[0], [model.cell(x[1]), model.cell(x[2])])[0], (tokens,))
    model(tree)[0].sum().backward()
    assert (abs(model.tokens.grad.detach().numpy()).sum(1) > 0).all()
    for bad in ("x", 4, -1, 1.0):
        with pytest.raises(ValueError, match="0 to 3"):
            model((0, bad))


def _expressions(n, random, fewest=1, most=4):
    """Boolean expressions of so many operators over 0 and 1, with their values."""
    zero, one, conj, disj = range(4)

    def draw(size):
        if not size:
            value = int(random.integers(2))
            return (zero, one)[value], value
        left = int(random.integers(size))
        (a, u), (b, v) = draw(left), draw(size - 1 - left)
        op = int(random.integers(2))
        return ((conj, disj)[op], a, b), (u and v, u or v)[op]

    return [draw(int(random.integers(fewest, most + 1))) for _ in range(n)]


def test_a_tree_network_learns_to_evaluate_expressions():
    """Learned on expressions of up to four operators, it evaluates new ones, larger ones too."""
    nnc.manual_seed(0)
    random = np.random.default_rng(0)
    model, head = nn.TreeLSTM(4, 6, 12), nn.Linear(12, 2)
    optimizer = optim.Adam([*model.parameters(), *head.parameters()], lr=0.02)
    loss = nn.CrossEntropyLoss()
    for _ in range(60):
        batch = _expressions(8, random)
        optimizer.zero_grad()
        roots = nnc.stack([model(tree)[0] for tree, _ in batch])
        loss(head(roots), nnc.tensor([value for _, value in batch])).backward()
        optimizer.step()
    for sizes in ((1, 4), (8, 12)):
        with nnc.no_grad():
            fresh = _expressions(150, random, *sizes)
            right = [int(head(model(tree)[0]).argmax()) == value for tree, value in fresh]
        assert np.mean(right) > 0.95, sizes
