"""Convolution and pooling on random shapes, against PyTorch, and their errors."""

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse.ops import channels_last
from nncourse.ops.catalogue import image
from tests.ops.parity import numbers, same, torch_or_skip

F = nnc.nn.functional
quick = settings(max_examples=30, deadline=None)
small = st.integers(1, 3)


@contextmanager
def blocks_of(n):
    """Convolve in blocks of about n numbers."""
    before, channels_last.BLOCK = channels_last.BLOCK, n
    try:
        yield
    finally:
        channels_last.BLOCK = before


@quick
@given(st.data())
def test_conv2d_of_any_shape(data):
    torch = torch_or_skip()
    groups = data.draw(small)
    c, o = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2))
    kernel = data.draw(st.tuples(small, small))
    stride, dilation = (data.draw(st.tuples(small, small)) for _ in range(2))
    padding = data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    size = [d * (k - 1) + 1 + data.draw(st.integers(0, 4)) for k, d in zip(kernel, dilation)]
    arrays = [
        numbers(data.draw(small), c * groups, *size),
        numbers(o * groups, c, *kernel, seed=1),
        numbers(o * groups, seed=2),
    ]
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    same(
        lambda x, W, b: F.conv2d(x, W, b, **options),
        lambda x, W, b: torch.nn.functional.conv2d(x, W, b, **options),
        arrays,
    )


@quick
@given(st.data())
def test_conv2d_with_channels_last(data):
    torch = torch_or_skip()
    kernel, stride, dilation = (data.draw(st.tuples(small, small)) for _ in range(3))
    size = [d * (k - 1) + data.draw(st.integers(1, 5)) for k, d in zip(kernel, dilation)]
    padding = data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    channels = data.draw(st.sampled_from([4, 8, 9]))
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    arrays = [
        numbers(data.draw(small), channels, *size) / 10,
        numbers(data.draw(small), channels, *kernel, seed=1) / 10,
    ]
    with blocks_of(data.draw(st.sampled_from([1, 100, 2**18]))):
        same(
            lambda x, W: F.conv2d(x, W, **options),
            lambda x, W: torch.nn.functional.conv2d(x, W, **options),
            arrays,
            1e-8,
        )


@quick
@given(st.data())
def test_conv_transpose2d_of_any_shape(data):
    torch = torch_or_skip()
    kernel, stride, dilation = (data.draw(st.tuples(small, small)) for _ in range(3))
    groups = data.draw(st.sampled_from([1, 1, 2]))
    out = data.draw(st.sampled_from([1, 4, 9]))
    size = data.draw(st.tuples(small, small))
    padding = [
        data.draw(st.integers(0, min(2, ((n - 1) * s + d * (k - 1)) // 2)))
        for n, s, d, k in zip(size, stride, dilation, kernel)
    ]
    missing = [data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation)]
    options = {
        "stride": stride,
        "padding": padding,
        "output_padding": missing,
        "dilation": dilation,
        "groups": groups,
    }
    arrays = [
        numbers(data.draw(small), 2 * groups, *size) / 10,
        numbers(2 * groups, out, *kernel, seed=1) / 10,
        numbers(out * groups, seed=2),
    ]
    with blocks_of(data.draw(st.sampled_from([1, 100, 2**18]))):
        same(
            lambda x, W, b: F.conv_transpose2d(x, W, b, **options),
            lambda x, W, b: torch.nn.functional.conv_transpose2d(x, W, b, **options),
            arrays,
            1e-8,
        )


@quick
@given(st.data())
def test_conv1d_of_any_shape(data):
    torch = torch_or_skip()
    kernel, stride, dilation = (data.draw(small) for _ in range(3))
    length = dilation * (kernel - 1) + 1 + data.draw(st.integers(0, 4))
    options = {"stride": stride, "padding": data.draw(st.integers(0, 2)), "dilation": dilation}
    same(
        lambda x, W: F.conv1d(x, W, **options),
        lambda x, W: torch.nn.functional.conv1d(x, W, **options),
        [numbers(2, 3, length), numbers(2, 3, kernel, seed=1)],
    )


@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_padding_by_name(kernel, padding):
    torch = torch_or_skip()
    same(
        lambda x, W: F.conv2d(x, W, padding=padding, dilation=(1, 2)),
        lambda x, W: torch.nn.functional.conv2d(x, W, padding=padding, dilation=(1, 2)),
        [numbers(2, 2, 8, 9), numbers(3, 2, kernel, kernel, seed=1)],
    )
    same(
        lambda x, W: F.conv1d(x, W, padding=padding),
        lambda x, W: torch.nn.functional.conv1d(x, W, padding=padding),
        [numbers(2, 2, 8), numbers(3, 2, kernel, seed=1)],
    )


def test_one_image_and_no_images():
    W = nnc.tensor(numbers(3, 2, 2, 2))
    x = nnc.tensor(numbers(2, 5, 5))
    np.testing.assert_allclose(F.conv2d(x, W).data, F.conv2d(x.unsqueeze(0), W).data[0])
    none = nnc.zeros(0, 2, 5, 5, dtype=nnc.float64, requires_grad=True)
    out = F.conv2d(none, W)
    assert out.shape == (0, 3, 4, 4)
    out.sum().backward()
    assert none.grad.shape == none.shape
    assert F.max_pool2d(none, 2).shape == F.avg_pool2d(none, 2).shape == (0, 2, 2, 2)


def test_float32_and_mixed_types():
    x, W = nnc.ones(1, 2, 4, 4), nnc.ones(1, 2, 3, 3, dtype=nnc.float64)
    assert F.conv2d(x, W.float()).dtype == nnc.float32
    assert F.conv2d(x, W).dtype == nnc.float64
    assert F.conv2d(x, W.float(), nnc.zeros(1, dtype=nnc.float64)).dtype == nnc.float64


@pytest.mark.parametrize("channels", [2, 4, 16])
@pytest.mark.parametrize("stride", [1, 2])
def test_blocks_change_nothing(channels, stride):
    def results():
        x = nnc.tensor(numbers(3, channels, 5, 6), requires_grad=True)
        W = nnc.tensor(numbers(3, channels, 3, 3, seed=1), requires_grad=True)
        out = F.conv2d(x, W, stride=stride, padding=1)
        out.backward(nnc.tensor(numbers(*out.shape)))
        return out.data, x.grad.data, W.grad.data

    whole = results()
    for numbers_in_a_block in (1, 200, 3000):
        with blocks_of(numbers_in_a_block):
            for a, b in zip(whole, results()):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_blocks_cover_everything_once():
    for images, lines, per_line in ((3, 4, 10), (1, 7, 100), (5, 1, 1), (2, 3, 0), (0, 4, 5)):
        for size in (1, 25, 100, 1000):
            with blocks_of(size):
                seen = np.zeros((images, lines), int)
                for part in channels_last.blocks(images, lines, per_line):
                    seen[part] += 1
                    assert seen[part].size * per_line <= max(size, per_line)
                assert (seen == 1).all()


def test_the_ways_are_chosen_by_size():
    def lies_last(array):
        return not array.flags.c_contiguous and np.moveaxis(array, 1, -1).flags.c_contiguous

    for channels, groups, last in ((3, 1, False), (4, 1, True), (16, 1, True), (16, 2, False)):
        x = nnc.ones(2, channels, 5, 5)
        out = F.conv2d(x, nnc.ones(4, channels // groups, 3, 3), groups=groups)
        assert lies_last(out.numpy()) == last


def test_gradients_lie_in_memory_as_their_tensors():
    for permuted in (False, True):
        x = nnc.tensor(np.ones((2, 5, 5, 8))) if permuted else nnc.ones(2, 8, 5, 5)
        leaf = x.requires_grad_()
        kept = (x.permute(0, 3, 1, 2) if permuted else x) * 1.0
        seen = []
        kept.register_hook(lambda g, seen=seen: seen.append(g.numpy().strides))
        F.conv2d(kept, nnc.ones(8, 8, 3, 3), padding=1).sum().backward()
        assert seen == [kept.detach().numpy().strides]
        assert leaf.grad.shape == leaf.shape


@pytest.mark.parametrize(
    ("x", "W", "options", "message"),
    [
        ((2, 3, 8, 8), (4, 16, 3, 3), {}, "input has 3 channels, weight expects 16"),
        ((2, 8, 8, 3), (4, 3, 3, 3), {}, r"x\.permute\(0, 3, 1, 2\)"),
        ((2, 4, 8, 8), (3, 4, 3, 3), {"groups": 2}, "divided into 2 groups"),
        ((2, 4, 8, 8), (4, 2, 3, 3), {}, r"weight\.transpose\(0, 1\)"),
        ((2, 6, 8, 8), (4, 2, 3, 3), {}, "groups=3"),
        ((8, 8), (4, 1, 3, 3), {}, r"unsqueeze\(0\)"),
        ((2, 3, 8, 8), (4, 3, 3), {}, r"weight must be \(O, C, kh, kw\)"),
        ((2, 3, 2, 8), (4, 3, 3, 3), {}, r"\(3, 3\).*\(2, 8\)"),
        ((2, 3, 8, 8), (4, 3, 3, 3), {"bias": nnc.ones(3)}, r"bias must be \(4,\)"),
    ],
)
def test_convolution_says_what_does_not_fit(x, W, options, message):
    with pytest.raises(RuntimeError, match=message):
        F.conv2d(nnc.ones(*x), nnc.ones(*W), **options)


def test_other_errors_of_convolution():
    x, W = nnc.ones(1, 1, 4, 4), nnc.ones(1, 1, 2, 2)
    with pytest.raises(ValueError, match="stride 1"):
        F.conv2d(x, W, stride=2, padding="same")
    with pytest.raises(ValueError, match="positive"):
        F.conv2d(x, W, stride=0)
    with pytest.raises(ValueError, match="pair"):
        F.conv2d(x, W, stride=(1, 2, 3))
    with pytest.raises(RuntimeError, match="int64"):
        F.conv2d(x.long(), W)
    with pytest.raises(RuntimeError, match=r"conv1d.*\(3,\)"):
        F.conv1d(nnc.ones(1, 1, 2), nnc.ones(1, 1, 3))


@quick
@given(st.data())
def test_pooling_of_any_shape(data):
    torch = torch_or_skip()
    kernel, stride = (data.draw(st.tuples(small, small)) for _ in range(2))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    size = [k + data.draw(st.integers(0, 5)) for k in kernel]
    ceil_mode, counted = data.draw(st.booleans()), data.draw(st.booleans())
    array = numbers(data.draw(small), 2, *size)
    options = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    same(
        lambda x: F.max_pool2d(x, kernel, **options),
        lambda x: torch.nn.functional.max_pool2d(x, kernel, **options),
        [array],
    )
    found = F.max_pool2d(nnc.tensor(array), kernel, **options, return_indices=True)
    expected = torch.nn.functional.max_pool2d(
        torch.tensor(array), kernel, **options, return_indices=True
    )
    assert found.indices.tolist() == expected[1].tolist()
    same(
        lambda x: F.avg_pool2d(x, kernel, **options, count_include_pad=counted),
        lambda x: torch.nn.functional.avg_pool2d(x, kernel, **options, count_include_pad=counted),
        [array],
    )


@pytest.mark.parametrize("shape", [(2, 3, 9), (3, 9)])
def test_pooling_of_sequences(shape):
    torch = torch_or_skip()
    array = numbers(*shape)
    for options in ({}, {"stride": 2, "padding": 1}, {"stride": 1}):
        same(
            lambda x, o=options: F.max_pool1d(x, 3, **o),
            lambda x, o=options: torch.nn.functional.max_pool1d(x, 3, **o),
            [array],
        )
        same(
            lambda x, o=options: F.avg_pool1d(x, (3,), **o),
            lambda x, o=options: torch.nn.functional.avg_pool1d(x, (3,), **o),
            [array],
        )
    found = F.max_pool1d(nnc.tensor(array), 2, dilation=2, return_indices=True)
    expected = torch.nn.functional.max_pool1d(
        torch.tensor(array), 2, dilation=2, return_indices=True
    )
    assert found.indices.tolist() == expected[1].tolist()


def test_the_first_of_equal_elements_gets_the_gradient():
    x = nnc.tensor(np.ones((1, 1, 2, 4)), requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[1, 0, 1, 0], [0, 0, 0, 0]]]]
    x.grad = None
    F.max_pool2d(x, (1, 2), stride=1).sum().backward()
    assert x.grad.tolist() == [[[[1, 1, 1, 0], [1, 1, 1, 0]]]]


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda x: F.max_pool2d(x, 5), RuntimeError, "5 elements.*4"),
        (lambda x: F.max_pool2d(x, 2, padding=2), RuntimeError, "half the kernel"),
        (lambda x: F.avg_pool2d(x, 0), ValueError, "positive"),
        (lambda x: F.avg_pool2d(x[0, 0], 2), RuntimeError, r"\(N, C, H, W\) or \(C, H, W\)"),
        (lambda x: F.max_pool1d(x, 2), RuntimeError, r"\(N, C, L\)"),
        (lambda x: F.max_pool2d(x.long(), 2), RuntimeError, "int64"),
    ],
)
def test_pooling_says_what_does_not_fit(use, error, message):
    with pytest.raises(error, match=message):
        use(nnc.ones(1, 1, 4, 4))


def test_pooling_without_batch():
    x = nnc.tensor(numbers(2, 4, 4))
    assert nnc.equal(F.max_pool2d(x, 2), F.max_pool2d(x.unsqueeze(0), 2)[0])
    assert nnc.equal(F.avg_pool2d(x, 2), F.avg_pool2d(x.unsqueeze(0), 2)[0])


def test_the_catalogue_has_examples_of_both_ways():
    (operation,) = (o for o in image.OPERATIONS if o.name == "conv2d of many channels")
    assert {example.shapes[0][1] for example in operation.examples} == {4, 8}
    (operation,) = (o for o in image.OPERATIONS if o.name == "conv2d")
    assert all(example.shapes[1][1] < 4 for example in operation.examples)
