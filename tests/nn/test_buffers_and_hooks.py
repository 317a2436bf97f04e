"""Buffers, registration by name, lists and dicts of modules, hooks, and moving between types."""

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim


class Counted(nn.Module):
    """Counts its calls in a buffer that is saved, and keeps a mask in one that is not."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(nnc.ones(3))
        self.register_buffer("calls", nnc.tensor(0))
        self.register_buffer("mask", nnc.ones(3), persistent=False)
        self.register_buffer("later", None)
        self.register_parameter("bias", None)

    def forward(self, x):
        self.calls += 1
        return x * self.weight * self.mask


def named(library):
    """The same module in both libraries, with buffers and parameters inside one another."""
    inner = library.nn.BatchNorm1d(2)
    net = library.nn.Module()
    net.first = library.nn.Linear(2, 2)
    net.register_module("norm", inner)
    net.add_module("again", inner)
    net.register_buffer("scale", library.ones(2))
    net.register_buffer("kept", library.ones(1), persistent=False)
    net.register_parameter("shift", library.nn.Parameter(library.zeros(2)))
    return net


def test_buffers_are_kept_and_not_learned():
    net = nn.Sequential(Counted(), nn.Linear(3, 1))
    assert [n for n, _ in net.named_buffers()] == ["0.calls", "0.mask"]
    assert list(net.state_dict()) == ["0.weight", "0.calls", "1.weight", "1.bias"]
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "1.weight", "1.bias"]
    net(nnc.ones(2, 3))
    net(nnc.ones(2, 3))
    other = nn.Sequential(Counted(), nn.Linear(3, 1))
    calls = other[0].calls
    other.load_state_dict(net.state_dict())
    assert other[0].calls is calls
    assert calls.item() == 2
    assert calls.dtype == nnc.int64
    assert next(net[0].buffers(recurse=False)) is net[0].calls
    assert not list(net.buffers(recurse=False))


def test_names_of_everything_are_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    ours, theirs = named(nnc), named(torch)
    for ask in (
        lambda net: net.named_buffers(),
        lambda net: net.named_buffers(remove_duplicate=False),
        lambda net: net.named_buffers("pre", recurse=False),
        lambda net: net.named_parameters(remove_duplicate=False),
        lambda net: net.named_parameters("pre", recurse=False),
        lambda net: net.named_modules(),
        lambda net: net.named_modules(remove_duplicate=False),
        lambda net: net.named_modules(prefix="pre"),
        lambda net: net.state_dict().items(),
        lambda net: net.state_dict(prefix="pre.").items(),
    ):
        # PyTorch names a module's own parameters before those inside it; here attributes stand in
        # the order in which they were set.
        assert sorted(n for n, _ in ask(ours)) == sorted(n for n, _ in ask(theirs))
    assert repr(ours) == repr(theirs)


def test_parts_by_their_dotted_names():
    net = nn.Sequential(OrderedDict(body=nn.Sequential(nn.Linear(2, 3)), norm=nn.BatchNorm1d(3)))
    assert net.get_submodule("") is net
    assert net.get_submodule("body.0") is net.body[0]
    assert net.get_parameter("body.0.weight") is net.body[0].weight
    assert net.get_buffer("norm.running_mean") is net.norm.running_mean
    with pytest.raises(
        AttributeError, match=r"no parameter 'body\.0\.wieght'\. Did you mean 'body"
    ):
        net.get_parameter("body.0.wieght")
    with pytest.raises(AttributeError, match="no buffer"):
        net.get_buffer("body.0.weight")
    with pytest.raises(AttributeError, match="no module"):
        net.get_submodule("body.1")


@pytest.mark.parametrize("what", ["buffer", "parameter", "module"])
@pytest.mark.parametrize(
    ("name", "error"),
    [("a.b", KeyError), ("", KeyError), (3, TypeError), ("forward", KeyError), ("note", KeyError)],
)
def test_names_that_cannot_be_registered(what, name, error):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    for library in (nnc, torch):
        net = library.nn.Linear(2, 2)
        net.note = "mine"
        value = {
            "buffer": library.ones(1),
            "parameter": library.nn.Parameter(library.ones(1)),
            "module": library.nn.Tanh(),
        }[what]
        with pytest.raises(error):
            getattr(net, f"register_{what}")(name, value)


def test_values_that_cannot_be_registered():
    net = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"nnc\.tensor"):
        net.register_buffer("steps", 3)
    with pytest.raises(TypeError, match="detach"):
        net.register_buffer("steps", nn.Parameter(nnc.ones(1)))
    with pytest.raises(TypeError, match=r"nn\.Parameter"):
        net.register_parameter("slope", nnc.ones(1))
    with pytest.raises(TypeError, match=r"nn\.ReLU\(\)"):
        net.add_module("act", nn.ReLU)


def test_what_takes_the_place_of_a_part():
    net = Counted()
    net.mask = nnc.zeros(3)
    net.later = nnc.ones(1)
    assert [n for n, _ in net.named_buffers()] == ["calls", "mask", "later"]
    with pytest.raises(TypeError, match="buffer"):
        net.mask = 3.0
    with pytest.raises(TypeError, match=r"nn\.Parameter"):
        net.weight = nnc.ones(3)
    net.bias = nn.Parameter(nnc.zeros(3))
    net.later = nn.Parameter(nnc.zeros(3))
    assert [n for n, _ in net.named_parameters()] == ["weight", "later", "bias"]
    net.weight = None
    del net.mask
    assert [n for n, _ in net.named_buffers()] == ["calls"]
    net.register_buffer("calls", nnc.tensor(5), persistent=False)
    assert "calls" not in net.state_dict()
    holder = nn.Sequential(nn.Tanh())
    with pytest.raises(TypeError, match="module"):
        setattr(holder, "0", 3)


def test_copies_have_buffers_of_their_own():
    net = Counted()
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(nn.BatchNorm1d(3)))):
        names = [n for n, _ in other.named_buffers()]
        assert names
        before = next(iter(other.buffers())).numpy().copy()
        net(nnc.ones(1, 3))
        np.testing.assert_array_equal(next(iter(other.buffers())).numpy(), before)


def test_completion_offers_names_only():
    names = dir(nn.Sequential(nn.Tanh()))
    assert "forward" in names
    assert "0" not in names


# Moving


def test_another_type_in_place():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    parameters = list(net.parameters())
    net(nnc.ones(2, 2)).sum().backward()
    assert net.double() is net
    assert {p.dtype for p in net.parameters()} == {nnc.float64}
    assert {p.grad.dtype for p in net.parameters()} == {nnc.float64}
    assert [b.dtype for b in net.buffers()] == [nnc.float64, nnc.float64, nnc.int64]
    assert all(a is b for a, b in zip(parameters, net.parameters()))
    before = net[0].weight.detach().clone()
    optimizer.zero_grad()
    net(nnc.tensor([[1.0, 2.0], [3.0, 1.0]], dtype=nnc.float64)).sum().backward()
    net[0].weight.grad = nnc.ones(2, 2, dtype=nnc.float64)
    optimizer.step()
    assert not nnc.equal(before, net[0].weight)
    assert net.float()[0].weight.dtype == nnc.float32
    assert net.to(nnc.float64)[0].bias.dtype == nnc.float64
    assert net.to(dtype=nnc.float32)[0].bias.dtype == nnc.float32
    assert net.to(nnc.ones(1, dtype=nnc.float64))[0].bias.dtype == nnc.float64
    assert net.to("cpu") is net.cpu() is net
    assert net.half()(nnc.ones(2, 2, dtype=nnc.float16)).dtype == nnc.float16
    with pytest.raises(TypeError, match="floating-point"):
        net.to(nnc.int64)


# Lists and dicts


def test_a_list_of_modules():
    layers = nn.ModuleList([nn.Linear(2, 2), nn.Tanh()])
    layers.append(nn.Linear(2, 1))
    layers.insert(0, nn.Identity())
    layers.extend([nn.ReLU(), nn.ReLU()])
    layers += [nn.Sigmoid()]
    assert [type(m).__name__ for m in layers] == [
        "Identity",
        "Linear",
        "Tanh",
        "Linear",
        "ReLU",
        "ReLU",
        "Sigmoid",
    ]
    assert list(layers.state_dict()) == ["1.weight", "1.bias", "3.weight", "3.bias"]
    assert type(layers[1:3]) is nn.ModuleList
    assert layers[-1] in layers
    assert nn.Sigmoid() not in layers
    last = layers.pop()
    assert type(last) is nn.Sigmoid
    layers[0] = nn.Linear(1, 1)
    del layers[1:3]
    assert len(layers) == 4
    assert list(layers.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    with pytest.raises(NotImplementedError, match="ModuleList has no forward"):
        layers(1)
    with pytest.raises(TypeError, match="modules"):
        layers.append(3)


def test_lists_and_dicts_look_like_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")

    def build(nn):
        return [
            nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)]),
            nn.ModuleList(),
            nn.ModuleDict({"a": nn.Linear(1, 2), "b": nn.Sequential(nn.Tanh())}),
            nn.ModuleDict([("x", nn.Tanh())]),
            nn.Sequential(OrderedDict([("in", nn.Linear(1, 2)), ("out", nn.Tanh())]))[:1],
        ]

    assert [repr(m) for m in build(nn)] == [repr(m) for m in build(torch.nn)]


def test_a_dict_of_modules():
    parts = nn.ModuleDict({"left": nn.Linear(1, 2)})
    parts["right"] = nn.Linear(1, 3)
    parts.update(nn.ModuleDict({"act": nn.Tanh()}))
    assert list(parts) == list(parts.keys()) == ["left", "right", "act"]
    assert [n for n, _ in parts.items()] == list(parts)
    assert list(parts.values()) == [parts[n] for n in parts]
    assert len(parts) == 3
    assert "left" in parts
    assert type(parts.pop("act")) is nn.Tanh
    del parts["left"]
    assert list(parts.state_dict()) == ["right.weight", "right.bias"]
    with pytest.raises(KeyError, match="keys"):
        parts["keys"] = nn.Tanh()
    with pytest.raises(KeyError):
        parts["left"]
    with pytest.raises(KeyError):
        del parts["left"]
    parts.clear()
    assert not len(parts)


def test_parameters_in_lists_and_dicts():
    weights = nn.ParameterList([nnc.ones(2, 3), nn.Parameter(nnc.zeros(1))])
    weights.append(nnc.ones(4))
    assert [p.shape for p in weights] == [(2, 3), (1,), (4,)]
    assert [n for n, _ in weights.named_parameters()] == ["0", "1", "2"]
    assert len(weights[:2]) == 2
    weights[-1] = nnc.zeros(5)
    assert weights[2].shape == (5,)
    assert "(0): Parameter containing: [float32 of size 2x3]" in repr(weights)
    with pytest.raises(TypeError, match="parameter"):
        weights.append(3)
    by_name = nn.ParameterDict({"a": nnc.ones(1)})
    by_name["b"] = nn.Parameter(nnc.ones(2))
    by_name.update([("c", nnc.ones(3))])
    assert list(by_name) == list(by_name.keys()) == ["a", "b", "c"]
    assert [n for n, _ in by_name.items()] == ["a", "b", "c"]
    assert [v.shape for v in by_name.values()] == [(1,), (2,), (3,)]
    assert by_name.pop("a").shape == (1,)
    assert len(by_name) == 2
    assert "a" not in by_name
    del by_name["b"]
    assert list(by_name.state_dict()) == ["c"]
    with pytest.raises(KeyError):
        del by_name["b"]


def test_sequential_with_insertions():
    net = nn.Sequential(OrderedDict(a=nn.Linear(2, 3), b=nn.Tanh()))
    assert [n for n, _ in net[1:].named_children()] == ["b"]
    net = nn.Sequential(nn.Linear(2, 3))
    net.insert(0, nn.Identity()).extend([nn.Tanh()])
    assert [type(m).__name__ for m in net] == ["Identity", "Linear", "Tanh"]
    assert list(net.state_dict()) == ["1.weight", "1.bias"]
    assert net(nnc.ones(1, 2)).shape == (1, 3)
    assert len(net + nn.Sequential(nn.ReLU())) == 4


# Hooks


def run_with_hooks(library, seen):
    """A network with every kind of hook; writes down what they are given, and what comes out."""
    nn = library.nn
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    with library.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_(library.linspace(-1.0 - i, 1.0, p.numel()).reshape(p.shape))

    def note(name):
        def write(module, *values):
            flat = [
                v for value in values for v in (value if isinstance(value, tuple) else (value,))
            ]
            numbers = [None if v is None else v.detach().numpy().round(4).tolist() for v in flat]
            seen.append((name, type(module).__name__, numbers))

        return write

    handles = [
        net[0].register_forward_pre_hook(note("before")),
        net[1].register_forward_hook(note("after")),
        net[1].register_forward_hook(lambda m, args, out: out * 2),
        net[1].register_forward_hook(note("first"), prepend=True),
        net[2].register_forward_pre_hook(lambda m, args: args[0] + 1),
        net[2].register_forward_hook(lambda m, a, k, out: out + len(k), with_kwargs=True),
        net[0].register_full_backward_hook(note("backward 0")),
        net[1].register_full_backward_hook(note("backward 1")),
        net[1].register_full_backward_hook(lambda m, ins, outs: (ins[0] * 3,)),
        net[2].register_full_backward_hook(note("backward 2")),
    ]
    x = library.tensor([[0.5, -0.25]])
    out = net(x)
    out.sum().backward()
    seen.append(("gradient", [p.grad.numpy().round(4).tolist() for p in net.parameters()]))
    for handle in handles:
        handle.remove()
    seen.append(("without", net(x).detach().numpy().round(4).tolist()))
    return net


def test_hooks_are_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    ours, theirs = [], []
    run_with_hooks(nnc, ours)
    run_with_hooks(torch, theirs)
    assert ours == theirs
    assert len(ours) == 8


def test_hooks_leave_no_trace():
    net = run_with_hooks(nnc, [])
    assert all(module._hooks is None for module in net.modules())
    with net[0].register_forward_hook(lambda *_: None):
        assert net[0]._hooks is not None
    assert net[0]._hooks is None
    with pytest.raises(TypeError, match="function"):
        net.register_forward_hook(3)


def test_hooks_with_keyword_arguments():
    class Scale(nn.Module):
        def forward(self, x, by=1.0):
            return x * by

    net = Scale()
    net.register_forward_pre_hook(lambda m, args, kwargs: (args, {"by": 3.0}), with_kwargs=True)
    assert net(nnc.ones(1), by=2.0).item() == 3
    net.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"\(args, kwargs\)"):
        net(nnc.ones(1))


def test_backward_hook_of_several_inputs():
    class Product(nn.Module):
        def forward(self, x, y):
            return x * y, x + y

    seen = []
    net = Product()
    handle = net.register_full_backward_hook(lambda m, ins, outs: seen.append((ins, outs)))
    x, y = nnc.tensor([2.0], requires_grad=True), nnc.tensor([5.0], requires_grad=True)
    a, b = net(x, y)
    (a + 2 * b).backward()
    ((ins, outs),) = seen
    assert [g.item() for g in ins] == [7, 4]
    assert [g.item() for g in outs] == [1, 2]
    handle.remove()
    net.register_full_backward_hook(lambda m, ins, outs: ins)
    a, b = net(x, y)
    with pytest.raises(RuntimeError, match="one input"):
        (a + b).backward()


def test_backward_hook_where_no_input_needs_a_gradient():
    seen = []
    layer = nn.Linear(2, 1)
    layer.register_full_backward_hook(lambda m, ins, outs: seen.append((ins, outs)))
    out = layer(nnc.ones(1, 2))
    out.sum().backward()
    ((ins, outs),) = seen
    assert ins == (None,)
    assert outs[0].item() == 1
    with nnc.no_grad():
        assert layer(nnc.ones(1, 2)).item() == out.item()


@pytest.mark.parametrize("kind", ["forward_pre_hook", "forward_hook", "full_backward_hook"])
def test_a_hook_may_remove_itself(kind):
    layer, seen = nn.Linear(2, 1), []

    def once(*_):
        seen.append(kind)
        handle.remove()

    handle = getattr(layer, f"register_{kind}")(once)
    for _ in range(2):
        layer(nnc.ones(1, 2, requires_grad=True)).sum().backward()
    assert seen == [kind]
    assert layer._hooks is None
