"""Recursive networks: one cell, applied at every node of a tree.

A recurrent network goes along a sequence; a recursive one goes up a tree, from the leaves to the
root: the state of a node is computed from the states of its children, with the same weights at
every node. So it reads what has a structure, such as an expression, in the order of the structure.

A tree is written as nested tuples: ``("+", "x", ("*", "y", "z"))``. The first item of a tuple is
what the node holds, the others are its children; whatever is no tuple is a leaf.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nncourse.autograd.tensor import Tensor
from nncourse.nn import init
from nncourse.nn.linear import check_counts
from nncourse.nn.module import Module
from nncourse.nn.parameter import unset
from nncourse.ops.linalg import linear
from nncourse.ops.shape import cat, stack

State = TypeVar("State")


def fold(
    tree: Any, leaf: Callable[[Any], State], node: Callable[[Any, list[State]], State]
) -> State:
    """The state of the root: ``leaf(item)`` at the leaves, ``node(item, children)`` above them.

    children: the states of the node's children, in order. Trees may be of any depth.
    """
    done: list[State] = []
    waiting: list[tuple[Any, bool]] = [(tree, False)]
    while waiting:
        part, opened = waiting.pop()
        if not isinstance(part, tuple):
            done.append(leaf(part))
        elif not part:
            raise ValueError("a node of a tree is (item, child, child, ...); got an empty tuple")
        elif opened:
            n = len(part) - 1
            children = done[len(done) - n :]
            del done[len(done) - n :]
            done.append(node(part[0], children))
        else:
            waiting.append((part, True))
            waiting += [(child, False) for child in reversed(part[1:])]
    return done[0]


class RecursiveCell(Module):
    """h = tanh(W [h_1, ..., h_k] + b): the state of a node from those of its k children.

    hidden_size: H, of all states, those of the leaves included. children: k, of every node.
    Called as ``cell(states)`` with k tensors (..., H); returns (..., H). weight (H, k H) and bias
    (H) start evenly distributed over [-1/sqrt(k H), 1/sqrt(k H)].

        tree = ("+", "x", ("*", "y", "z"))
        root = fold(tree, leaf=lambda name: embedding[name], node=lambda op, hs: cells[op](hs))

    (Socher, Lin, Ng and Manning, 2011)
    """

    def __init__(
        self, hidden_size: int, children: int = 2, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        check_counts("RecursiveCell", hidden_size=hidden_size, children=children)
        if not hidden_size or not children:
            raise ValueError("RecursiveCell: hidden_size and children must be positive")
        self.hidden_size = hidden_size
        self.n_children = children
        width = children * hidden_size
        self.weight = unset(hidden_size, width, device=device, dtype=dtype)
        self.bias = unset(hidden_size, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        _evenly(self, 1 / math.sqrt(self.n_children * self.hidden_size))

    def forward(self, children: Sequence[Tensor]) -> Tensor:
        shapes = [h.shape for h in children]
        if len(children) != self.n_children or any(s[-1:] != (self.hidden_size,) for s in shapes):
            raise RuntimeError(
                f"RecursiveCell: a node has {self.n_children} children, each with a state of "
                f"(..., {self.hidden_size}); got {len(children)}: {', '.join(map(str, shapes))}"
            )
        return linear(cat(list(children), -1), self.weight, self.bias).tanh()

    def extra_repr(self) -> str:
        return f"{self.hidden_size}, children={self.n_children}"


class TreeLSTMCell(Module):
    """An LSTM cell for nodes with any number of children, whose order does not matter.

        h'   = the sum of the children's h_k
        i, o, g = sigmoid, sigmoid, tanh of W x + U h' + b, each with its own
        f_k  = sigmoid(W x + U h_k + b)         one forget gate for each child
        c    = i * g + the sum of f_k * c_k
        h    = o * tanh(c)

    The child-sum Tree-LSTM: along a chain, where every node has one child, it is an LSTM. Called as
    ``cell(x, children)`` with x (..., I), what the node holds, and the children's (h, c), each
    (..., H), none for a leaf; returns the node's (h, c).

    Parameters as of ``LSTMCell`` (gates i, f, g, o), with one bias: weight_ih (4H, I), weight_hh
    (4H, H), bias (4H), evenly distributed over [-1/sqrt(H), 1/sqrt(H)] at first.
    (Tai, Socher and Manning, 2015)
    """

    def __init__(
        self, input_size: int, hidden_size: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        check_counts("TreeLSTMCell", input_size=input_size, hidden_size=hidden_size)
        if not hidden_size:
            raise ValueError("TreeLSTMCell: hidden_size must be positive; got 0")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.weight_ih = unset(4 * hidden_size, input_size, device=device, dtype=dtype)
        self.weight_hh = unset(4 * hidden_size, hidden_size, device=device, dtype=dtype)
        self.bias = unset(4 * hidden_size, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        _evenly(self, 1 / math.sqrt(self.hidden_size))

    def forward(
        self, x: Tensor, children: Sequence[tuple[Tensor, Tensor]] = ()
    ) -> tuple[Tensor, Tensor]:
        H = self.hidden_size
        if x.shape[-1:] != (self.input_size,):
            raise RuntimeError(
                f"TreeLSTMCell({self.input_size} -> {H}): x is {x.shape}; it must be "
                f"(..., {self.input_size})"
            )
        i, f, g, o = linear(x, self.weight_ih, self.bias).chunk(4, -1)
        if not children:
            c = i.sigmoid() * g.tanh()
            return o.sigmoid() * c.tanh(), c
        hs, cs = (stack(list(states)) for states in zip(*children))
        u_i, u_f, u_g, u_o = (self.weight_hh[k * H : (k + 1) * H] for k in range(4))
        h = hs.sum(0)
        i, g, o = (a + linear(h, u) for a, u in ((i, u_i), (g, u_g), (o, u_o)))
        kept = (f + linear(hs, u_f)).sigmoid() * cs
        c = i.sigmoid() * g.tanh() + kept.sum(0)
        return o.sigmoid() * c.tanh(), c

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"


class TreeLSTM(Module):
    """``TreeLSTMCell`` at every node of a tree of tokens.

    Called as ``model(tree)`` with a tree of nested tuples whose items are numbers of tokens, 0 to
    ``num_embeddings - 1``: each gets a vector of ``input_size``, which is learned. Returns (h, c)
    of the root, each (H).

        plus, times, x, y = range(4)
        h, c = nn.TreeLSTM(4, 8, 16)((plus, x, (times, x, y)))
    """

    def __init__(
        self,
        num_embeddings: int,
        input_size: int,
        hidden_size: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.cell = TreeLSTMCell(input_size, hidden_size, device, dtype)
        self.tokens = unset(num_embeddings, input_size, device=device, dtype=dtype)
        init.normal_(self.tokens)

    def forward(self, tree: Any) -> tuple[Tensor, Tensor]:
        return fold(
            tree,
            lambda token: self.cell(self.tokens[self._checked(token)]),
            lambda token, children: self.cell(self.tokens[self._checked(token)], children),
        )

    def _checked(self, token: Any) -> int:
        n = len(self.tokens)
        if not isinstance(token, int) or not 0 <= token < n:
            raise ValueError(f"TreeLSTM: a token is a number from 0 to {n - 1}; got {token!r}")
        return token


def _evenly(module: Module, bound: float) -> None:
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound)
