"""Devices as PyTorch has them: names, where tensors are made, how they move, what is refused."""

import copy
import pickle

import numpy as np
import pytest

import nncourse as nnc
from nncourse import backend, nn


def test_devices_have_pytorchs_names():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    for arguments in [("cpu",), ("cuda",), ("cuda:1",), ("cuda", 1)]:
        ours, theirs = nnc.device(*arguments), torch.device(*arguments)
        assert repr(ours) == repr(theirs)
        assert str(ours) == str(theirs)
        assert (ours.type, ours.index) == (theirs.type, theirs.index)


def test_devices_compare_by_name():
    assert nnc.device("cuda:1") == nnc.device("cuda", 1) == nnc.device(1)
    assert nnc.device(nnc.device("cuda:1")) == nnc.device(1)
    assert nnc.device("cuda") != nnc.device("cuda:0")
    assert len({nnc.device("cpu"), nnc.device("cpu"), nnc.device("cuda")}) == 2
    assert pickle.loads(pickle.dumps(nnc.device("cuda:1"))) == nnc.device(1)
    assert copy.deepcopy(nnc.device("cpu")) == nnc.device("cpu")


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "cuda:-1", "", None, 1.5, True])
def test_other_devices_are_refused(name):
    with pytest.raises(RuntimeError, match="a device is 'cpu', 'cuda' or 'cuda:0'; got"):
        nnc.device(name)


def test_a_gpu_takes_part():
    if not backend.has_gpu():
        pytest.skip("no GPU that CuPy finds: all tests of this folder ran on the stand-in alone")
    assert nnc.cuda.device_count() > 0


@pytest.mark.skipif(backend.has_gpu(), reason="here is a GPU")
def test_without_a_gpu_the_error_tells_what_is_missing():
    assert not nnc.cuda.is_available()
    assert nnc.cuda.device_count() == 0
    with pytest.raises(RuntimeError, match=r"needs CuPy|finds no GPU"):
        nnc.zeros(2, device="cuda")
    with pytest.raises(RuntimeError, match=r"needs CuPy|finds no GPU"):
        nnc.zeros(2).cuda()
    with nnc.device("cuda"), pytest.raises(RuntimeError, match=r"needs CuPy|finds no GPU"):
        nnc.zeros(2)
    assert nnc.get_default_device() == nnc.device("cpu")


def test_a_gpu_is_there(transfers):
    assert nnc.cuda.is_available()
    assert nnc.cuda.device_count() >= 1
    assert nnc.cuda.current_device() == 0
    assert isinstance(nnc.cuda.get_device_name(), str)
    nnc.cuda.synchronize()


MADE = {
    "tensor": lambda **o: nnc.tensor([1.0, 2.0], **o),
    "as_tensor": lambda **o: nnc.as_tensor([1.0, 2.0], **o),
    "as_tensor of an array": lambda **o: nnc.as_tensor(np.ones(2), **o),
    "zeros": lambda **o: nnc.zeros(2, 3, **o),
    "ones": lambda **o: nnc.ones(2, 3, **o),
    "empty": lambda **o: nnc.empty(2, 3, **o),
    "full": lambda **o: nnc.full((2, 3), 1.5, **o),
    "arange": lambda **o: nnc.arange(3, **o),
    "linspace": lambda **o: nnc.linspace(0, 1, 3, **o),
    "eye": lambda **o: nnc.eye(3, **o),
    "rand": lambda **o: nnc.rand(2, 3, **o),
    "randn": lambda **o: nnc.randn(2, 3, **o),
    "randint": lambda **o: nnc.randint(5, (2, 3), **o),
    "randperm": lambda **o: nnc.randperm(5, **o),
    "zeros_like": lambda **o: nnc.zeros_like(nnc.ones(2), **o),
    "ones_like": lambda **o: nnc.ones_like(nnc.ones(2), **o),
    "full_like": lambda **o: nnc.full_like(nnc.ones(2), 3, **o),
    "rand_like": lambda **o: nnc.rand_like(nnc.ones(2), **o),
    "randn_like": lambda **o: nnc.randn_like(nnc.ones(2), **o),
}
FROM_THE_HOST = {"tensor": 1, "as_tensor": 1, "as_tensor of an array": 1}


@pytest.mark.parametrize("name", MADE)
def test_tensors_are_made_on_a_device(name, transfers):
    here = MADE[name]()
    assert here.device == nnc.device("cpu")
    with transfers:
        there = MADE[name](device="cuda")
        transfers.were(to_device=FROM_THE_HOST.get(name, 0))
    assert there.device == nnc.device("cuda:0")
    assert there.is_cuda
    assert (there.shape, there.dtype) == (here.shape, here.dtype)
    if name not in ("empty", "rand", "randn", "randint", "randperm", "rand_like", "randn_like"):
        assert there.tolist() == here.tolist()


@pytest.mark.parametrize("name", [n for n in MADE if not n.endswith("_like")])
def test_tensors_are_made_on_the_default_device(name, transfers):
    with nnc.device("cuda"):
        assert MADE[name]().is_cuda
        assert not MADE[name](device="cpu").is_cuda
        with nnc.device("cpu"):
            assert not MADE[name]().is_cuda
    assert not MADE[name]().is_cuda


def test_the_default_device_can_be_set(transfers):
    nnc.set_default_device("cuda")
    try:
        assert nn.Linear(2, 3).weight.is_cuda
    finally:
        nnc.set_default_device(None)
    assert nnc.get_default_device() == nnc.device("cpu")


@pytest.mark.parametrize("like", [n for n in MADE if n.endswith("_like")])
def test_likes_are_where_the_other_is(like, transfers):
    there = nnc.ones(2, device="cuda")
    assert getattr(nnc, like)(there, *[3] * (like == "full_like")).is_cuda


def test_tensors_move_there_and_back(transfers):
    x = nnc.tensor([[1.0, 2.0], [3.0, 4.0]])
    with transfers:
        there = x.to("cuda")
        transfers.were(to_device=1)
    with transfers:
        assert there.to("cuda") is there
        assert there.to(nnc.device("cuda:0")) is there
        assert there.cuda() is there
        assert x.cpu() is x
        assert x.to("cpu") is x
        assert x.pin_memory() is x
        transfers.were()
    assert x.cuda().is_cuda
    assert x.cuda(0, non_blocking=True).is_cuda
    assert x.to(device="cuda", dtype=nnc.float64).dtype == nnc.float64
    assert x.to("cuda", nnc.float64, non_blocking=True).device == nnc.device("cuda:0")
    assert x.to(nnc.zeros(1, dtype=nnc.float64, device="cuda")).device == nnc.device("cuda:0")
    assert x.to(nnc.zeros(1, dtype=nnc.float64, device="cuda")).dtype == nnc.float64
    with transfers:
        assert there.cpu().tolist() == x.tolist()
        transfers.were(to_host=1)
    copied = there.to("cuda", copy=True)
    assert copied is not there
    assert copied.tolist() == x.tolist()
    assert not backend.xp.shares_memory(copied._data, there._data)


def test_gradients_pass_from_device_to_device(transfers):
    x = nnc.tensor([1.0, 2.0], requires_grad=True)
    there = x.to("cuda", nnc.float64)
    loss = (there * there).sum().cpu()
    loss.backward()
    assert x.grad.tolist() == [2, 4]
    assert x.grad.device == nnc.device("cpu")
    assert x.grad.dtype == nnc.float32
    y = nnc.tensor([3.0], requires_grad=True, device="cuda")
    (slope,) = nnc.grad((y.cpu() ** 3).sum(), y, create_graph=True)
    assert slope.is_cuda
    (curvature,) = nnc.grad(slope.sum(), y)
    assert curvature.is_cuda
    assert curvature.item() == 18


def test_a_tensor_on_a_device_says_so(transfers):
    assert "device='cuda:0'" in repr(nnc.ones(2, device="cuda"))
    assert "device" not in repr(nnc.ones(2))


def test_numpy_gets_no_tensor_of_a_device(transfers):
    x = nnc.ones(2, device="cuda")
    with pytest.raises(TypeError, match=r"on cuda:0 cannot share .* x\.cpu\(\)\.numpy\(\)"):
        x.numpy()
    with pytest.raises(TypeError, match=r"x\.cpu\(\)\.numpy\(\)"):
        np.asarray(x)
    assert x.cpu().numpy().tolist() == [1, 1]
    assert x.tolist() == [1, 1]
    assert x.sum().item() == float(x.sum()) == 2
    assert bool(x[0])


def test_tensors_are_copied_and_pickled(transfers):
    x = nnc.tensor([1.0, 2.0], device="cuda", requires_grad=True)
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), nnc.tensor(x), x.clone()):
        assert twin.is_cuda
        assert twin.tolist() == [1, 2]
        assert not backend.xp.shares_memory(twin._data, x._data)


MIXED = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: b * a,
    "an int64 tensor": lambda a, b: a * nnc.arange(3, device=b.device),
    "maximum": lambda a, b: a.maximum(b),
    "matmul": lambda a, b: a @ b,
    "linear": lambda a, b: nn.functional.linear(a.reshape(1, 3), b.reshape(1, 3)),
    "cat": lambda a, b: nnc.cat([a, b]),
    "stack": lambda a, b: nnc.stack([b, a]),
    "where": lambda a, b: nnc.where(a > 0, b, 0.0),
    "mse_loss": lambda a, b: nn.functional.mse_loss(a, b),
    "comparison": lambda a, b: a < b,
    "in place": lambda a, b: a.add_(b),
    "assignment": lambda a, b: a.__setitem__(slice(None), b),
    "cross_entropy": lambda a, b: nn.functional.cross_entropy(a, nnc.full((), 1, device=b.device)),
    "embedding": lambda a, b: nn.functional.embedding(
        nnc.zeros(1, dtype=nnc.int64, device=b.device), a.reshape(3, 1)
    ),
    "backward": lambda a, b: (a.requires_grad_() * 2).backward(b),
}


@pytest.mark.parametrize("what", MIXED)
@pytest.mark.parametrize("first", ["cpu", "cuda"])
def test_operands_on_two_devices_are_refused_with_the_names_of_both(what, first, transfers):
    second = {"cpu": "cuda", "cuda": "cpu"}[first]
    a, b = nnc.ones(3, device=first), nnc.ones(3, device=second)
    with transfers, pytest.raises(RuntimeError, match=r"one is on .* and another on") as caught:
        MIXED[what](a, b)
    transfers.were()
    assert "cuda:0" in str(caught.value)
    assert "cpu" in str(caught.value)
    assert ".to(" in str(caught.value)


def test_a_lone_number_of_the_processor_meets_a_device(transfers):
    x = nnc.tensor([1.0, 2.0], device="cuda", requires_grad=True)
    factor = nnc.tensor(3.0, requires_grad=True)
    out = factor * x
    assert out.is_cuda
    assert (x - factor).is_cuda
    assert nnc.where(x > 1, factor, x).tolist() == [1, 3]
    out.sum().backward()
    assert x.grad.tolist() == [3, 3]
    assert factor.grad.item() == 3
    assert not factor.grad.is_cuda
    x = x.detach()
    x[0] = nnc.tensor(5.0)
    assert x.tolist() == [5, 2]
    with transfers:
        y = 2.0 * x + 1  # a Python number needs no way
        assert (y > 0.5).all().device == y.device
        transfers.were()


def test_an_index_of_the_processor_is_sent(transfers):
    x = nnc.arange(5, device="cuda")
    index = nnc.tensor([4, 0])
    with transfers:
        taken = x[index]
        transfers.were(to_device=1)
    assert taken.tolist() == [4, 0]
    assert x[[1, 2]].tolist() == [1, 2]
    assert x[np.array([True, False, False, False, True])].tolist() == [0, 4]
    x[index] = 7
    assert x.tolist() == [7, 1, 2, 3, 7]
    with pytest.raises(RuntimeError, match="one is on cpu and another on cuda:0"):
        nnc.arange(5)[index.cuda()]


def test_copy_crosses_devices(transfers):
    x, y = nnc.zeros(2), nnc.ones(2, device="cuda")
    x.copy_(y)
    assert x.tolist() == [1, 1]
    assert not x.is_cuda
    y.copy_(nnc.tensor([3.0, 4.0]), non_blocking=True)
    assert y.tolist() == [3, 4]


INDICES_BEYOND = {
    "embedding": lambda: nn.functional.embedding(
        nnc.tensor([0, 3], device="cuda"), nnc.ones(3, 2, device="cuda")
    ),
    "cross_entropy": lambda: nn.functional.cross_entropy(
        nnc.ones(2, 3, device="cuda"), nnc.tensor([0, 3], device="cuda")
    ),
    "gather": lambda: nnc.ones(3, device="cuda").gather(0, nnc.tensor([-1], device="cuda")),
    "scatter_add": lambda: nnc.ones(3, device="cuda").scatter_add(
        0, nnc.tensor([3], device="cuda"), nnc.ones(1, device="cuda")
    ),
}


@pytest.mark.parametrize("what", INDICES_BEYOND)
def test_indices_beyond_the_end_are_found_on_a_device_too(what, transfers):
    with pytest.raises(IndexError):
        INDICES_BEYOND[what]()


def test_changes_in_place_are_noticed_on_a_device(transfers):
    x = nnc.ones(4, device="cuda", requires_grad=True)
    y = x * 2
    out = (y * y).sum()
    with nnc.no_grad():
        y[1:].mul_(3)
    with pytest.raises(RuntimeError, match="changed in place"):
        out.backward()
    y = x * 2
    left, right = y[:2], y[2:]
    out = (left * left).sum()
    with nnc.no_grad():
        right.mul_(3)
    out.backward()
    assert x.grad.tolist() == [8, 8, 0, 0]


def test_arrays_of_the_library_of_the_device_are_taken(transfers):
    array = nnc.ones(3, device="cuda")._data
    assert nnc.Tensor(array)._data is array
    assert nnc.as_tensor(array)._data is array
    assert nnc.tensor(array).is_cuda
    assert nn.Parameter(array).is_cuda
    with pytest.raises(TypeError, match="from_numpy needs a NumPy array"):
        nnc.from_numpy(array)


# Random numbers


def test_seeds_hold_on_a_device(transfers):
    first = [nnc.manual_seed(3) and nnc.randn(4, device="cuda").tolist() for _ in range(2)]
    assert first[0] == first[1]
    assert first[0] != nnc.randn(4, device="cuda").tolist()
    drawn = [nnc.rand(4, device="cuda", generator=nnc.Generator(5, "cuda")) for _ in range(2)]
    assert drawn[0].tolist() == drawn[1].tolist()
    assert sorted(nnc.randperm(100, device="cuda").tolist()) == list(range(100))


def test_a_generator_draws_where_it_lives(transfers):
    assert nnc.Generator("cuda").device == nnc.device("cuda")
    there = nnc.Generator(device="cuda").manual_seed(1)
    assert there.device.type == "cuda"
    assert "cuda" in repr(there)
    with pytest.raises(RuntimeError, match="wanted on cpu, but the generator draws on cuda"):
        nnc.randn(3, generator=there)
    with pytest.raises(RuntimeError, match="wanted on cuda:0, but the generator draws on cpu"):
        nnc.randn(3, generator=nnc.Generator(1), device="cuda")
    with pytest.raises(RuntimeError, match="cannot be read"):
        there.get_state()


def test_dropout_and_multinomial_draw_on_the_device(transfers):
    x = nnc.ones(1000, device="cuda")
    with transfers:
        dropped = nn.functional.dropout(x, 0.25)
        transfers.were()
    assert 0.6 < (dropped > 0).float().mean().item() < 0.9
    weights = nnc.tensor([[1.0, 0.0, 3.0]], device="cuda")
    for replacement in (True, False):
        drawn = weights.multinomial(2, replacement)
        assert drawn.is_cuda
        assert set(drawn[0].tolist()) <= {0, 2}


@pytest.mark.parametrize(
    "fill",
    [
        nn.init.uniform_,
        nn.init.normal_,
        nn.init.trunc_normal_,
        nn.init.xavier_uniform_,
        nn.init.xavier_normal_,
        nn.init.kaiming_uniform_,
        nn.init.kaiming_normal_,
        nn.init.orthogonal_,
        nn.init.eye_,
        nn.init.zeros_,
        nn.init.ones_,
        lambda w: nn.init.constant_(w, 0.3),
        lambda w: nn.init.sparse_(w, 0.5),
    ],
)
def test_initial_values_are_drawn_on_the_device(fill, transfers):
    weight = nnc.empty(20, 10, device="cuda")
    weight._data[...] = 7.0
    fill(weight)
    assert weight.is_cuda
    assert abs(weight).max().item() < 7


# Several GPUs


def test_one_gpu_of_several(stand_in):
    x = nnc.ones(2, device="cuda:1")
    assert x.device == nnc.device("cuda:1")
    assert nnc.zeros(2, device="cuda").device == nnc.device("cuda:0")
    assert x.to("cuda:0").device == nnc.device("cuda:0")
    assert x.to("cuda:1") is x
    with nnc.cuda.device(1):
        assert nnc.cuda.current_device() == 1
        assert nnc.zeros(2, device="cuda").device == nnc.device("cuda:1")
        assert (x * x).device == nnc.device("cuda:1")
    assert nnc.cuda.current_device() == 0
    nnc.cuda.set_device("cuda:1")
    assert nnc.cuda.current_device() == 1
    assert nnc.randn(3, device="cuda:0").device == nnc.device("cuda:0")
    with pytest.raises(RuntimeError, match=r"no device 'cuda:7': this machine has 2"):
        nnc.zeros(2, device="cuda:7")
