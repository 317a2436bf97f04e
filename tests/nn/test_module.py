"""Modules: what they own, in which order, and what they refuse."""

import copy
import pickle

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(4, 3)
        self.blocks = [nn.Linear(3, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 3))]
        self.heads = {"left": nn.Linear(3, 2), "right": nn.Linear(3, 1, bias=False)}
        self.scale = nn.Parameter(nnc.ones(1))
        self.width = 3

    def forward(self, x):
        h = self.hidden(x)
        for block in self.blocks:
            h = block(h)
        return self.heads["left"](h) * self.scale + self.heads["right"](h)


NAMES = [
    "hidden.weight",
    "hidden.bias",
    "blocks.0.weight",
    "blocks.0.bias",
    "blocks.1.1.weight",
    "blocks.1.1.bias",
    "heads.left.weight",
    "heads.left.bias",
    "heads.right.weight",
    "scale",
]


def test_parameters_are_found_in_order_also_in_lists_and_dicts():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert list(net.state_dict()) == NAMES
    net(nnc.ones(2, 4)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_names_are_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")

    def build(lib):
        return lib.Sequential(lib.Linear(2, 3), lib.ReLU(), lib.Sequential(lib.Linear(3, 1)))

    ours, theirs = build(nn), build(torch.nn)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    assert [n for n, _ in ours.named_children()] == [n for n, _ in theirs.named_children()]


def test_shared_modules_and_parameters_count_once():
    first = nn.Linear(2, 2)
    net = nn.Sequential(first, nn.Tanh(), first)
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias"]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(list(net.modules())) == 3


def test_a_module_that_refers_to_its_owner():
    net = Net()
    net.hidden.owner = net
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert len(list(net.modules())) == 8


def test_state_travels():
    a, b = Net(), Net()
    arrays = [p._data for p in b.parameters()]
    result = b.load_state_dict(a.state_dict())
    assert result.missing_keys == result.unexpected_keys == []
    for p, q, array in zip(a.parameters(), b.parameters(), arrays):
        assert nnc.equal(p, q)
        assert q._data is array
        assert not np.shares_memory(p._data, q._data)


def test_state_that_does_not_fit_changes_nothing():
    net = Net()
    before = net.scale.item()
    state = net.state_dict()
    state["scale"] = nnc.zeros(1)
    state["hidden.weihgt"] = state.pop("hidden.weight")
    state["hidden.bias"] = nnc.zeros(7)
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    text = str(error.value)
    assert "missing: hidden.weight" in text
    assert "hidden.weihgt (did you mean 'hidden.weight'?)" in text
    assert "hidden.bias: shape (7,) in the dict, (3,) in the module" in text
    assert net.scale.item() == before
    state["hidden.bias"] = nnc.zeros(3)
    result = net.load_state_dict(state, strict=False)
    assert result.missing_keys == ["hidden.weight"]
    assert result.unexpected_keys == ["hidden.weihgt"]
    assert net.scale.item() == 0


def test_training_mode_reaches_everything():
    net = Net()
    assert net.training
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())


def test_apply_visits_children_first():
    seen = []
    nn.Sequential(nn.Linear(1, 1), nn.Tanh()).apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "Tanh", "Sequential"]


def test_freezing():
    net = Net().requires_grad_(False)
    assert not net(nnc.ones(1, 4)).requires_grad


def test_copies_and_pickles():
    net = Net()
    other = copy.deepcopy(net)
    x = nnc.ones(2, 4)
    assert nnc.equal(net(x), other(x))
    other.scale._data[...] = 5
    assert net.scale.item() == 1
    layer = nn.Linear(2, 2)
    again = pickle.loads(pickle.dumps(layer))
    assert nnc.equal(layer.weight, again.weight)
    assert isinstance(again.weight, nn.Parameter)
    tied = nn.Sequential(layer, layer)
    assert len(list(copy.deepcopy(tied).parameters())) == 2


def test_typos_are_noticed():
    layer = nn.Linear(2, 2)
    with pytest.raises(AttributeError, match="Did you mean 'weight'"):
        _ = layer.wieght
    for typo in ("wieght", "weigt", "weightt", "weighs"):
        with pytest.raises(AttributeError, match="Did you mean 'weight'"):
            setattr(layer, typo, None)
    net = Net()
    with pytest.raises(AttributeError, match="hidden"):
        net.hiden = nn.Linear(1, 1)


def test_new_attributes_are_no_typos():
    net = Net()
    net.note = "mine"
    net.hidden2 = nn.Linear(3, 3)  # differs from hidden by a digit, on purpose
    net.hidden = nn.Linear(4, 3)
    net.width = 4
    del net.hidden2
    assert net.note == "mine"


def test_what_could_not_be_found_again_is_refused():
    class Wrong(nn.Module):
        def __init__(self, parts):
            super().__init__()
            self.parts = parts

    with pytest.raises(TypeError, match="set"):
        Wrong({nn.Tanh()})
    with pytest.raises(TypeError, match="iterator"):
        Wrong(nn.Linear(1, 1) for _ in range(2))
    assert Wrong({1, 2}).parts == {1, 2}


def test_a_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no forward"):
        Empty()(1)


def test_super_init_may_be_forgotten():
    class Forgetful(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 1)

        def forward(self, x):
            return self.layer(x)

    net = Forgetful()
    assert len(list(net.parameters())) == 2
    assert net.training
    assert net(nnc.ones(1, 2)).shape == (1, 1)


def test_sequential_as_a_list():
    parts = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)]
    net = nn.Sequential(*parts)
    assert len(net) == 3
    assert list(net) == parts
    assert net[-1] is parts[2]
    assert list(net[:2]) == parts[:2]
    assert net.append(nn.Sigmoid())[3].__class__ is nn.Sigmoid
    named = nn.Sequential({"first": parts[0], "second": parts[1]})
    assert named.first is parts[0]
    with pytest.raises(TypeError, match=r"nn\.ReLU\(\)"):
        nn.Sequential(nn.ReLU)
    with pytest.raises(TypeError, match=r"\*modules"):
        nn.Sequential(parts)
    with pytest.raises(KeyError, match="forward"):
        nn.Sequential({"forward": parts[0]})


def test_repr_of_a_module_with_parts_in_containers():
    assert repr(Net()).splitlines() == [
        "Net(",
        "  (hidden): Linear(in_features=4, out_features=3, bias=True)",
        "  (blocks.0): Linear(in_features=3, out_features=3, bias=True)",
        "  (blocks.1): Sequential(",
        "    (0): Tanh()",
        "    (1): Linear(in_features=3, out_features=3, bias=True)",
        "  )",
        "  (heads.left): Linear(in_features=3, out_features=2, bias=True)",
        "  (heads.right): Linear(in_features=3, out_features=1, bias=False)",
        ")",
    ]
