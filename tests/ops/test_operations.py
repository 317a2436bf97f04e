"""What the catalogue cannot say: several results, ties, extremes, options and errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nncourse as nnc
from tests.ops.parity import numbers, same, torch_or_skip

quick = settings(max_examples=60, deadline=None)


# Taken apart


@quick
@given(hnp.array_shapes(max_dims=3, max_side=5), st.data())
def test_pieces_are_those_of_pytorch(shape, data):
    torch = torch_or_skip()
    x = numbers(*shape)
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    n = data.draw(st.integers(1, 6))
    for name in ("split", "chunk"):
        ours = getattr(nnc, name)(nnc.tensor(x), n, dim)
        theirs = getattr(torch, name)(torch.tensor(x), n, dim)
        assert [t.tolist() for t in ours] == [t.tolist() for t in theirs]
    ours = nnc.unbind(nnc.tensor(x), dim)
    assert [t.tolist() for t in ours] == [t.tolist() for t in torch.unbind(torch.tensor(x), dim)]


def test_pieces_share_memory_and_may_be_empty():
    x = nnc.arange(6)
    a, b = x.split([2, 4])
    a[0] = 7
    assert x[0].item() == 7
    assert b.tolist() == [2, 3, 4, 5]
    assert [p.shape for p in nnc.zeros(0, 2).split(3)] == [(0, 2)]
    assert [p.shape for p in nnc.zeros(0, 2).chunk(2)] == [(0, 2), (0, 2)]
    assert nnc.zeros(0, 2).unbind() == ()


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda x: x.split([1, 1]), r"\[1, 1\] must add up to 3"),
        (lambda x: x.split(0), "positive"),
        (lambda x: x.chunk(0), "positive"),
        (lambda x: x.narrow(0, 2, 2), "2 to 4"),
        (lambda x: x.flip(0, 0), "twice"),
        (lambda x: x.roll((1, 2)), "as many dims"),
        (lambda x: x.roll((1, 2), 0), "2 shifts, but 1 dims"),
        (lambda x: x.repeat(2), "at least 2 sizes"),
        (lambda x: x[0].tril(), "matrix"),
        (lambda x: x.topk(5), "0 to 4"),
        (lambda x: x.masked_fill(x > 0, nnc.ones(2)), "0-d"),
        (lambda x: x.long().masked_fill(x > 0, 0.5), "int64"),
        (lambda x: x.gather(0, nnc.arange(3)), r"unsqueeze\(0\)"),
        (lambda x: x.gather(0, nnc.zeros(3, 5, dtype=nnc.int64)), "must not be longer"),
        (lambda x: x.scatter_add(0, nnc.zeros(2, 2, dtype=nnc.int64), nnc.ones(1, 2)), "src"),
        (lambda x: x.scatter(0, nnc.zeros(1, 1, dtype=nnc.int64), nnc.zeros(1, 1).long()), "type"),
        (lambda x: nnc.outer(x, x), "two vectors"),
        (lambda x: x.long().norm(), r"x\.float"),
        (lambda x: nnc.nn.functional.one_hot(x), "integers"),
        (lambda x: nnc.nn.functional.one_hot(nnc.tensor([3]), 3), "0 to 2"),
        (lambda x: nnc.nn.functional.one_hot(nnc.zeros(0).long()), "num_classes"),
    ],
)
def test_errors_name_the_likely_mend(use, message):
    with pytest.raises(RuntimeError, match=message):
        use(nnc.ones(3, 4))


def test_errors_of_positions():
    x = nnc.ones(3, 4)
    with pytest.raises(IndexError, match=r"0 to 2; the index holds 0 to 3"):
        x.gather(0, nnc.tensor([[0, 3]]))
    with pytest.raises(IndexError, match="float32"):
        x.gather(0, nnc.ones(1, 1))
    with pytest.raises(IndexError, match="out of range"):
        x.sort(2)
    with pytest.raises(ValueError, match="'fro'"):
        x.norm("nuc")


# In order


@quick
@given(
    hnp.arrays(np.int64, hnp.array_shapes(max_dims=3, max_side=5), elements=st.integers(0, 3)),
    st.booleans(),
    st.data(),
)
def test_equal_elements_keep_their_order(x, descending, data):
    torch = torch_or_skip()
    dim = data.draw(st.integers(-x.ndim, x.ndim - 1))
    ours = nnc.tensor(x).sort(dim, descending)
    theirs = torch.sort(torch.tensor(x), dim=dim, descending=descending, stable=True)
    assert ours.values.tolist() == theirs.values.tolist()
    assert ours.indices.tolist() == theirs.indices.tolist()
    assert nnc.argsort(nnc.tensor(x), dim, descending).tolist() == theirs.indices.tolist()
    k = data.draw(st.integers(0, x.shape[dim]))
    best = nnc.topk(nnc.tensor(x), k, dim, largest=descending)
    assert best.values.tolist() == theirs.values.narrow(dim, 0, k).tolist()


def test_order_of_numbers_and_of_what_is_none():
    nan = float("nan")
    x = nnc.tensor([1.0, nan, -1.0])
    assert x.sort().indices.tolist() == [2, 0, 1]
    assert x.sort(descending=True).indices.tolist() == [1, 0, 2]
    assert nnc.tensor(3.0).sort().values.item() == 3
    values, indices = nnc.tensor(3.0).topk(1)
    assert (values.shape, indices.item()) == ((), 0)


# Chosen by index


@quick
@given(st.data())
def test_gather_and_scatter_of_any_shape(data):
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    sizes = [data.draw(st.integers(1, n)) for n in shape]
    sizes[dim] = data.draw(st.integers(1, 5))
    index = np.random.default_rng(0).integers(0, shape[dim], sizes)
    same(
        lambda x, i: x.gather(dim, i),
        lambda x, i: x.gather(dim, i),
        [numbers(*shape), index],
    )
    same(
        lambda x, i, s: x.scatter_add(dim, i, s),
        lambda x, i, s: x.scatter_add(dim, i, s),
        [numbers(*shape), index, numbers(*sizes, seed=1)],
    )


def test_gather_from_numbers_and_scatter_of_a_number():
    assert nnc.tensor(5.0).gather(0, nnc.tensor([0, 0])).tolist() == [5, 5]
    assert nnc.tensor([5.0]).gather(0, nnc.tensor(0)).item() == 5
    added = nnc.tensor(1.0).scatter_add(0, nnc.tensor([0, 0]), nnc.tensor([2.0, 3.0]))
    assert added.item() == 6
    one = nnc.zeros(2, 3).scatter(1, nnc.tensor([[2], [0]]), 1.0)
    assert one.tolist() == [[0, 0, 1], [1, 0, 0]]
    wide = nnc.zeros(3).scatter_add(0, nnc.tensor([1]), nnc.tensor([2.0, 9.0]))
    assert wide.tolist() == [0, 2, 0]


def test_one_hot():
    torch = torch_or_skip()
    y = np.array([[0, 2], [1, 0]])
    for n in (-1, 4):
        found = nnc.nn.functional.one_hot(nnc.tensor(y), n)
        expected = torch.nn.functional.one_hot(torch.tensor(y), n)
        assert (found.dtype, found.tolist()) == (nnc.int64, expected.tolist())
    assert nnc.nn.functional.one_hot(nnc.zeros(0).long(), 3).shape == (0, 3)


def test_masks_let_no_nonsense_through():
    x = nnc.tensor([[1.0, np.inf], [np.nan, 2.0]], requires_grad=True)
    out = x.masked_fill(~x.isfinite(), 0.0).tril()
    assert out.tolist() == [[1, 0], [0, 2]]
    out.sum().backward()
    assert x.grad.tolist() == [[1, 0], [0, 1]]
    assert x.isnan().tolist() == [[False, False], [True, False]]
    assert x.isinf().tolist() == [[False, True], [False, False]]
    assert nnc.ones(2).masked_fill(nnc.tensor([True, False]), nnc.tensor(3)).dtype == nnc.float32


# Padding


@quick
@given(st.data(), hnp.array_shapes(min_dims=3, max_dims=4, min_side=2, max_side=4))
def test_padding_of_any_shape(data, shape):
    torch = torch_or_skip()
    mode = data.draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
    axes = len(shape) - 2  # PyTorch pads from inside along all axes but the first two
    widths = []
    for n in shape[::-1][:axes]:
        least = -(n - 1) if mode == "constant" else 0
        widths += [data.draw(st.integers(least, n - 1)) for _ in range(2)]
        if widths[-1] + widths[-2] + n < 0:
            widths[-1] = 0
    same(
        lambda x: nnc.nn.functional.pad(x, widths, mode),
        lambda x: torch.nn.functional.pad(x, widths, mode),
        [numbers(*shape)],
    )


@pytest.mark.parametrize(
    ("pad", "mode", "message"),
    [
        ((1,), "constant", r"\[1\] must hold"),
        ((1, 1, 1, 1, 1, 1), "constant", "at most 2 axes"),
        ((-3, -3), "constant", "axis 1 has, 4"),
        ((4, 0), "reflect", "at most 3"),
        ((5, 0), "circular", "at most 4"),
        ((1, 1), "mirror", "mode must be"),
    ],
)
def test_padding_refuses(pad, mode, message):
    with pytest.raises(ValueError, match=message):
        nnc.nn.functional.pad(nnc.ones(3, 4), pad, mode)


def test_reflecting_one_element_is_itself():
    assert nnc.nn.functional.pad(nnc.ones(1, 1), (0, 0), "reflect").shape == (1, 1)


# Numbers at the edge


def test_erf_is_that_of_python():
    x = np.concatenate([np.linspace(-7, 7, 2001), np.logspace(-300, 0, 50), [np.inf, -np.inf]])
    expected = np.array([math.erf(v) for v in x])
    np.testing.assert_allclose(nnc.tensor(x).erf().data, expected, rtol=2e-14)
    single = nnc.tensor(x.astype("float32")).erf()
    assert single.dtype == nnc.float32
    expected = [math.erf(v) for v in x.astype("float32").astype(float)]
    np.testing.assert_allclose(single.data, expected, rtol=6e-7, atol=1e-40)  # denormal numbers
    assert np.isnan(nnc.tensor(float("nan")).erf().item())
    assert nnc.tensor([1]).erf().dtype == nnc.float32


def test_roots_of_nothing_have_derivative_0():
    for compute in (lambda x: x.norm(), lambda x: x.std(), lambda x: x.norm(dim=0, p=2)):
        x = nnc.zeros(3, dtype=nnc.float64, requires_grad=True)
        compute(x).backward()
        assert x.grad.tolist() == [0, 0, 0]
    assert nnc.tensor([1.0, 0.0, 2.0]).norm(0).item() == 2


def test_products_with_zeros():
    x = nnc.tensor([2.0, 0.0, 3.0], requires_grad=True)
    x.prod().backward()
    assert x.grad.tolist() == [0, 6, 0]
    y = nnc.tensor([[0.0, 0.0, 5.0]], requires_grad=True)
    y.prod(1).backward()
    assert y.grad.tolist() == [[0, 0, 0]]
    assert nnc.zeros(0).prod().item() == 1
    assert nnc.ones(2, 3).prod(keepdim=True).shape == (1, 1)
    assert nnc.tensor([2, 3]).prod().dtype == nnc.int64
    assert nnc.tensor(4.0).prod(0).item() == 4


def test_spread_with_pytorchs_options():
    for options in ({"unbiased": False}, {"unbiased": True}, {"correction": 2}, {}):
        same(
            lambda x, o=options: x.var(1, **o) + x.std(1, **o),
            lambda x, o=options: x.var(1, **o) + x.std(1, **o),
            [numbers(3, 4)],
        )
    assert np.isnan(nnc.ones(1).var().item())


def test_running_sums_of_integers_and_numbers():
    assert nnc.tensor([True, True, False]).cumsum(0).tolist() == [1, 2, 2]
    assert nnc.tensor(3.0).cumsum(0).item() == 3


def test_rounding():
    x = nnc.tensor([-1.5, 0.5, 2.5, 1.26])
    assert x.round().tolist() == [-2, 0, 2, 1]
    assert x.floor().tolist() == [-2, 0, 2, 1]
    assert x.ceil().tolist() == [-1, 1, 3, 2]
    assert x.sign().tolist() == [-1, 1, 1, 1]
    np.testing.assert_allclose(x.round(decimals=1).data[3], 1.3, rtol=1e-6)


# einsum


@quick
@given(st.data())
def test_einsum_of_any_pair(data):
    torch = torch_or_skip()
    letters = "abcd"
    sizes = {c: data.draw(st.integers(1, 3)) for c in letters}
    first, second = (
        "".join(data.draw(st.lists(st.sampled_from(letters), max_size=4))) for _ in range(2)
    )
    known = sorted(set(first + second))
    result = "".join(data.draw(st.permutations(known)))[: data.draw(st.integers(0, len(known)))]
    equation = f"{first},{second}->{result}"
    arrays = [numbers(*[sizes[c] for c in term], seed=i) for i, term in enumerate((first, second))]
    same(
        lambda a, b: nnc.einsum(equation, a, b),
        lambda a, b: torch.einsum(equation, a, b),
        arrays,
        1e-9,
    )


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("...i,...i->...", ((2, 1, 3), (4, 3))),
        ("...ij->...ji", ((2, 3, 4),)),
        ("i...,j...->ij...", ((2, 3), (4, 3))),
        ("ij,jk,kl", ((2, 3), (3, 4), (4, 2))),
        ("ab,ab,ab->b", ((2, 3), (2, 3), (2, 3))),
        ("ij,j", ((3, 1), (4,))),
        ("...,...->...", ((2, 3), (3,))),
        ("ba", ((2, 3),)),
        ("...ii->...i", ((2, 3, 3),)),
    ],
)
def test_einsum_with_dots_and_more(equation, shapes):
    torch = torch_or_skip()
    arrays = [numbers(*shape, seed=i) for i, shape in enumerate(shapes)]
    same(
        lambda *x: nnc.einsum(equation, *x),
        lambda *x: torch.einsum(equation, *x),
        arrays,
        1e-9,
    )


def test_einsum_takes_a_list_and_leaves_dots_out():
    a, b = nnc.ones(2, 3), nnc.ones(3, 4)
    assert nnc.einsum("ij,jk", [a, b]).shape == (2, 4)
    assert nnc.einsum("...j->j", a).tolist() == [2, 2, 2]
    assert nnc.einsum("ij,jk->ik", nnc.arange(6).reshape(2, 3), b).dtype == nnc.float32


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("ij,kj", "describes 2 operands; got 1"),
        ("ijk", "names 3 axes; operand 0 has shape"),
        ("i", r"names 1 axes"),
        ("ij->ik", "the result has k"),
        ("ij->ii", "twice in the result"),
        ("i1", "letters"),
        ("ii", r"lengths 2 and 3"),
    ],
)
def test_einsum_says_what_does_not_fit(equation, message):
    with pytest.raises(ValueError, match=message):
        nnc.einsum(equation, nnc.ones(2, 3))


# Draws


def test_multinomial_draws_by_weight():
    weights = nnc.tensor([1.0, 0.0, 3.0])
    drawn = weights.multinomial(40_000, replacement=True, generator=nnc.Generator(0))
    assert drawn.dtype == nnc.int64
    share = np.bincount(drawn.data, minlength=3) / 40_000
    np.testing.assert_allclose(share, [0.25, 0, 0.75], atol=0.011)  # 5 standard deviations
    rows = nnc.tensor([[1.0, 2.0, 3.0], [5.0, 0.0, 1.0]])
    assert rows.multinomial(7, True).shape == (2, 7)
    generator = nnc.Generator(1)
    firsts = np.zeros(3)
    for _ in range(2000):
        found = rows[:1].multinomial(3, generator=generator).data[0]
        assert sorted(found) == [0, 1, 2]
        firsts[found[0]] += 1
    np.testing.assert_allclose(firsts / 2000, [1 / 6, 1 / 3, 1 / 2], atol=0.056)
    nnc.manual_seed(0)
    first = rows.multinomial(2)
    nnc.manual_seed(0)
    assert nnc.equal(rows.multinomial(2), first)


@pytest.mark.parametrize(
    ("weights", "n", "message"),
    [
        ([1.0, -1.0], 1, "not negative"),
        ([0.0, 0.0], 1, "not all 0"),
        ([1.0, float("nan")], 1, "finite"),
        ([1.0, 0.0], 2, "only 1 weights"),
        ([1, 2], 1, "int64"),
    ],
)
def test_multinomial_refuses(weights, n, message):
    with pytest.raises(RuntimeError, match=message):
        nnc.tensor(weights).multinomial(n)


def test_random_tensors_like_others():
    x = nnc.zeros(2, 3, dtype=nnc.float64)
    for draw in (nnc.rand_like, nnc.randn_like):
        a, b = (draw(x, generator=nnc.Generator(2)) for _ in range(2))
        assert (a.shape, a.dtype) == (x.shape, x.dtype)
        assert nnc.equal(a, b)


def test_clamping_by_tensors():
    x = nnc.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    low = nnc.tensor([2.0, 2.0, 2.0, 5.0], requires_grad=True)
    high = nnc.tensor([3.0, 3.0, 3.0, 6.0], requires_grad=True)
    out = x.clamp(low, high)
    out.sum().backward()
    assert out.tolist() == [2, 2, 3, 5]
    assert x.grad.tolist() == [0, 1, 1, 0]
    assert low.grad.tolist() == [1, 0, 0, 1]
    assert high.grad.tolist() == [0, 0, 0, 0]
    assert x.clamp(max=nnc.tensor(2.0)).tolist() == [1, 2, 2, 2]


def test_filling_with_a_0d_tensor():
    x = nnc.zeros(2)
    assert x.fill_(nnc.tensor(3.0)).tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="a number or a 0-d tensor"):
        x.fill_(nnc.ones(2))
