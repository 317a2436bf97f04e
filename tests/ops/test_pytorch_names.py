"""Methods and functions that programs written for PyTorch call: each expression in both libraries.

The expressions are written once; values, shapes and number types of their results must be equal.
"""

import re

import numpy as np
import pytest

import nncourse as nnc
from tests.ops.parity import torch_or_skip

# What an expression may use: x (2, 3) of float32, i (2, 3) of int64, b (2, 3) of bool, v (3), m
# (3, 3); ``t`` is the library.
EXPRESSIONS = """
i // 2
-i // 2
x // 0.7
7 // (i + 1)
t.div(x, 0.3, rounding_mode="floor")
t.div(x, 0.3, rounding_mode="trunc")
(-i).div(4, rounding_mode="trunc")
(-i).div(4, rounding_mode="floor")
i % 3
i.cumsum(1, dtype=t.float32)
t.nn.functional.relu(x, inplace=True)
-i % 4
x % 0.7
7 % (i + 1)
t.fmod(x, 0.7)
t.remainder(i, 4)
b ^ (i > 2)
x.add(v, alpha=2)
x.sub(v, alpha=-3)
t.add(x, 1, alpha=0.5)
x.clone().add_(v, alpha=2)
x.clone().sub_(x, alpha=0.25)
x.clone().relu_()
x.clone().clamp_(min=-0.5, max=0.5)
x.clone().masked_fill_(b, -1.0)
x.clone().tanh_().sigmoid_().exp_().neg_()
t.zeros(2, 3).scatter_(1, i[:, :1] % 3, 1.0)
x.detach_()
x.t().contiguous()
x.t().is_contiguous()
x.t().contiguous().is_contiguous()
x.t().contiguous().view(2, 3)
x.stride()
x.t().stride(0)
x.element_size() * x.nelement() == x.nbytes
x.ndimension()
i.view_as(x.t())
x.reshape_as(x.t())
x.ravel()
i.type_as(x)
x.is_floating_point()
i.is_floating_point()
i.half()
i.short()
i.byte()
t.is_tensor(x)
t.is_tensor(3)
t.numel(x)
x.new_zeros(2)
i.new_ones((2, 2))
x.new_full((2,), 3)
x.new_tensor([1, 2])
x.new_empty(2, 3).shape
t.empty_like(i).dtype
i.sum(dtype=t.float64)
i.mean(dtype=t.float32)
(i > 2).nonzero()
t.nonzero(x > 0, as_tuple=True)
t.where(x > 0)
t.argwhere(i > 2)
t.count_nonzero(i)
t.count_nonzero(i, dim=1)
t.bincount(i.reshape(-1))
t.bincount(i.reshape(-1), minlength=9)
t.bincount(i.reshape(-1), weights=x.reshape(-1).double())
(i % 3).unique()
t.unique(i % 3, return_inverse=True, return_counts=True)
t.unique(i % 2, dim=0)
x.median()
x.median(1)
x.median(dim=0, keepdim=True)
t.diag(v)
t.diag(v, -1)
t.diag(m, 1)
m.diagonal()
m.trace()
t.stack([m, m]).diagonal(dim1=-2, dim2=-1)
t.hstack([x, x])
t.hstack([v, v])
t.vstack([v, x])
t.concat([x, x], dim=1)
v.tile(2)
v.tile((2, 1))
t.meshgrid(v, t.arange(2.0), indexing="ij")
t.meshgrid(v, v, indexing="xy")
t.mm(x, m)
t.bmm(x[None], m[None])
t.mv(m, v)
t.dot(v, v)
t.log1p(x.abs())
x.expm1()
x.abs().log2()
t.log10(x.abs())
x.tan()
x.trunc()
t.isclose(x, x + 1e-9)
t.isclose(v, v + 1)
2.0 in i
9 in i
f"{v[0]:.3f}"
f"{i.sum()}"
f"{x.mean().item():8.2e}"
t.tensor([1, 2]).bool() & t.tensor([True, True])
t.Tensor([1, 2])
t.Tensor((1, 2))
t.FloatTensor([1, 2])
t.LongTensor([1, 2])
t.LongTensor(2, 3).shape
t.ByteTensor([1]).bool()
t.BoolTensor([True, False])
t.autograd.Variable(x)
t.autograd.Variable(x, requires_grad=True).requires_grad
t.swapaxes(x, 0, 1)
t.asarray([1.5, 2])
x.dtype == t.float and i.dtype == t.long and i.int().dtype == t.int
t.finfo(x.dtype).eps
t.iinfo(i.dtype).max
(t.pi, t.e, t.inf)
isinstance(x.dtype, t.dtype)
t.bernoulli(t.ones(2, 3))
t.empty(2, 3).bernoulli_(0.0)
t.normal(0.0, 0.0, size=(2, 3))
t.normal(x, 0.0 * x.abs())
t.empty(2, 3).uniform_(2, 2)
t.empty(2, 3).normal_(1.5, 0)
t.empty(5).random_(3, 4)
t.randint_like(i, 1).sum()
t.backends.mps.is_available()
t.nn.functional.normalize(x)
t.nn.functional.normalize(x, p=1.0, dim=0)
t.nn.functional.normalize(t.zeros(2, 3))
t.nn.functional.cosine_similarity(x, x + 1)
t.nn.functional.cosine_similarity(x, v, dim=-1)
t.nn.functional.cosine_similarity(v, t.zeros(3), dim=0)
len((x.clone().requires_grad_() * 2).exp().sum().grad_fn.next_functions)
""".strip().splitlines()


def _values(library):
    numbers = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
    matrix = np.random.default_rng(1).standard_normal((3, 3)).astype(np.float32)
    return {
        "t": library,
        "x": library.tensor(numbers),
        "i": library.tensor([[0, 1, 2], [3, 4, 5]]),
        "b": library.tensor([[True, False, True], [False, False, True]]),
        "v": library.tensor([0.5, -2.0, 3.0]),
        "m": library.tensor(matrix),
    }


def _plain(result):
    """A result in which nothing is left of the library, with the number types of its tensors."""
    if isinstance(result, tuple | list):
        return [_plain(part) for part in result]
    if hasattr(result, "detach"):
        array = result.detach().numpy()
        return str(array.dtype), array.shape, array
    return (
        str(result).removeprefix("torch.") if "dtype" in type(result).__name__.lower() else result
    )


def _compare(found, expected):
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            _compare(a, b)
    elif isinstance(expected, tuple):
        assert found[:2] == expected[:2]
        np.testing.assert_allclose(found[2], expected[2], rtol=1e-5, atol=1e-6)
    else:
        assert found == expected


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_same_as_in_pytorch(expression):
    torch = torch_or_skip()
    found, expected = (_plain(eval(expression, _values(library))) for library in (nnc, torch))
    _compare(found, expected)


def test_results_in_place_are_the_tensor_itself():
    x = nnc.ones(2, 3)
    for change in (x.relu_, x.exp_, x.normal_, x.uniform_, x.bernoulli_, x.detach_):
        assert change() is x


def test_random_filling_follows_its_generator_and_its_distribution():
    a, b = (nnc.empty(1000).normal_(2.0, 0.5, generator=nnc.Generator(3)) for _ in range(2))
    assert nnc.equal(a, b)
    assert abs(a.mean().item() - 2) < 0.06
    assert abs(a.std().item() - 0.5) < 0.05
    nnc.manual_seed(0)
    drawn = nnc.bernoulli(nnc.full((2000,), 0.3))
    assert drawn.dtype == nnc.float32
    assert abs(drawn.mean().item() - 0.3) < 0.04
    assert abs(nnc.empty(2000).uniform_(1, 3).mean().item() - 2) < 0.06
    assert set(nnc.empty(200).random_(4).tolist()) == {0, 1, 2, 3}
    with pytest.raises(RuntimeError, match="0 to 1"):
        nnc.bernoulli(nnc.full((2,), 1.5))
    with pytest.raises(RuntimeError, match="leaf that requires gradients"):
        nnc.ones(2, requires_grad=True).normal_()


def test_changes_in_place_are_recorded():
    x = nnc.tensor([-1.0, 0.5], requires_grad=True)
    y = x * 2
    y.neg_().exp_()
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), -2 * np.exp(-2 * x.detach().numpy()), rtol=1e-6)


def test_programs_that_compile_run_as_they_are():
    model = nnc.nn.Linear(2, 1)
    assert nnc.compile(model) is model

    @nnc.compile(fullgraph=True)
    def double(x):
        return 2 * x

    assert double(3) == 6
    nnc.backends.cudnn.benchmark = True
    assert not nnc.backends.mps.is_available()


def test_the_state_of_the_generator_comes_back():
    nnc.manual_seed(5)
    assert nnc.initial_seed() == 5
    state = nnc.get_rng_state()
    a = nnc.rand(3)
    nnc.set_rng_state(state)
    assert nnc.equal(nnc.rand(3), a)


def test_print_options_are_pytorchs():
    torch = torch_or_skip()
    numbers = [[1.23456789, 10.5, 3.0], [0.1, 2.0, 30.25]]
    try:
        for options in (
            {"precision": 2},
            {"profile": "short"},
            {"profile": "full"},
            {"precision": 3, "sci_mode": True},
            {"profile": "default", "sci_mode": False},
        ):
            texts = []
            for library in (nnc, torch):
                library.set_printoptions(**options)
                texts.append("".join(str(library.tensor(numbers, dtype=library.float32)).split()))
            # NumPy leaves zeros at the end away: 3. rather than 3.0000.
            found, expected = (re.findall(r"[\d.]+(?:e[+-]\d+)?", text) for text in texts)
            assert [float(n) for n in found] == [float(n) for n in expected], options
            assert ["e" in n for n in found] == ["e" in n for n in expected], options
        nnc.set_printoptions(threshold=3, edgeitems=1)
        assert "..." in str(nnc.arange(10))
        with pytest.raises(ValueError, match="profile"):
            nnc.set_printoptions(profile="long")
    finally:
        for library in (nnc, torch):
            library.set_printoptions(profile="default", sci_mode=None)


def test_likeness_has_pytorchs_gradients():
    torch = torch_or_skip()
    arrays = [np.random.default_rng(i).standard_normal((4, 3)) for i in range(2)]
    slopes = []
    for library in (nnc, torch):
        F = library.nn.functional
        a, b = (library.tensor(x, requires_grad=True) for x in arrays)
        (F.cosine_similarity(a, b).sum() + F.normalize(a, dim=0).pow(3).sum()).backward()
        slopes.append([a.grad.numpy(), b.grad.numpy()])
    for ours, theirs in zip(*slopes):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_a_graph_can_be_walked_as_in_pytorch():
    x = nnc.ones(2, requires_grad=True)
    node = (x * 2).exp().sum().grad_fn
    names = []
    while node is not None:
        names.append(type(node).__name__)
        node = node.next_functions[0][0] if hasattr(node, "next_functions") else None
    assert names[:3] == ["Sum", "Exp", "Multiply"]
    assert len(names) == 4
