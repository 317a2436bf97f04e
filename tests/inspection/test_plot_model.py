"""Graphs of models: what is joined to what, and that the picture says so."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

import nncourse as nnc
from nncourse import language, nn
from nncourse.inspection import plot_model
from nncourse.inspection.model_graph import model_graph


@pytest.fixture(autouse=True)
def _english():
    with language.using("en"):
        yield


class And(nn.Module):
    def forward(self, pair):
        return (pair[0] + pair[1] - 1.5).relu()


class Or(nn.Module):
    def forward(self, x):
        return (x.sum(1) - 0.5).relu()


class Not(nn.Module):
    def forward(self, x):
        return 1 - x


class Xor(nn.Module):
    """The network of the lecture: a and b, a or b, not (a and b), both."""

    def __init__(self):
        super().__init__()
        self.either, self.inverse = Or(), Not()
        self.both, self.end = And(), And()

    def forward(self, x):
        a_and_b = self.both([x[:, 0], x[:, 1]])
        return self.end([self.either(x), self.inverse(a_and_b)])


def named(graph):
    """Edges as pairs of kinds, in order."""
    return sorted((graph.nodes[a].kind, graph.nodes[b].kind) for a, b in graph.edges)


def test_the_network_of_the_lecture():
    graph = model_graph(Xor(), nnc.zeros(4, 2))
    kinds = [node.kind for node in graph.nodes]
    assert sorted(kinds) == ["And", "And", "Input", "Not", "Or", "Output", "Slice", "Slice"]
    assert named(graph) == [
        ("And", "Not"), ("And", "Output"), ("Input", "Or"), ("Input", "Slice"), ("Input", "Slice"),
        ("Not", "And"), ("Or", "And"), ("Slice", "And"), ("Slice", "And"),
    ]  # fmt: skip


def test_layers_that_pass_on_what_they_get():
    model = nn.Sequential(nn.Linear(3, 4), nn.Identity(), nn.Dropout(0.5), nn.Flatten()).eval()
    graph = model_graph(model, nnc.zeros(2, 3))
    assert [node.kind for node in graph.nodes] == [
        "Input", "Linear", "Identity", "Dropout", "Flatten", "Output",
    ]  # fmt: skip
    assert graph.edges == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


def test_branches_and_operations_between_layers():
    block = nn.Residual(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    graph = model_graph(nn.Sequential(block, nn.Linear(4, 1)), nnc.zeros(2, 4))
    assert named(graph) == [
        ("Add", "Linear"), ("Input", "Add"), ("Input", "Linear"), ("Linear", "Output"),
        ("Linear", "ReLU"), ("ReLU", "Add"),
    ]  # fmt: skip
    closed = model_graph(nn.Sequential(block, nn.Linear(4, 1)), nnc.zeros(2, 4), depth=1)
    assert [node.kind for node in closed.nodes] == ["Input", "Residual", "Linear", "Output"]


def test_operations_on_several_tensors():
    class Fan(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x):
            return nnc.cat([self.left(x), self.right(x), x], 1)

    assert named(model_graph(Fan(), nnc.zeros(2, 3))) == [
        ("Concatenate", "Output"), ("Input", "Concatenate"), ("Input", "Linear"),
        ("Input", "Linear"), ("Linear", "Concatenate"), ("Linear", "Concatenate"),
    ]  # fmt: skip


def test_large_models_are_drawn_by_their_blocks():
    blocks = [nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(30)]
    graph = model_graph(nn.Sequential(*blocks), nnc.zeros(2, 4))
    assert len(graph.nodes) == 32
    assert graph.nodes[1].kind == "Sequential"


def test_what_is_made_of_parameters_alone_is_left_out():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(nnc.ones(5, 3))

        def forward(self, x):
            return x @ (self.table * 2).T

    graph = model_graph(Tied(), nnc.zeros(2, 3))
    # A module without others inside is one node; opened by hand, its product remains.
    assert [node.kind for node in graph.nodes] == ["Input", "Tied", "Output"]
    outer = nn.Sequential(nn.Linear(3, 3))
    outer.table = nn.Parameter(nnc.ones(5, 3))
    outer.forward = lambda x: outer[0](x) @ (outer.table * 2).T
    graph = model_graph(outer, nnc.zeros(2, 3))
    assert [node.kind for node in graph.nodes] == ["Input", "Linear", "MatMul", "Output"]


def boxes(svg):
    """The centre of every title in a picture, by its text."""
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    return {
        text.text: (float(text.get("x")), float(text.get("y")))
        for text in root.iter(f"{space}text")
        if text.get("font-weight")
    }, root


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_the_picture_runs_in_its_direction(rankdir, tmp_path):
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    picture = plot_model(model, nnc.zeros(2, 3), rankdir=rankdir, to_file=tmp_path / "m.svg")
    assert (tmp_path / "m.svg").read_text(encoding="utf-8") == picture.svg == picture._repr_svg_()
    places, root = boxes(picture.svg)
    axis = ["LR", "TB"].index(rankdir)
    along = [places[title][axis] for title in ("input", "Linear", "ReLU", "output")]
    assert along == sorted(along)
    width, height = float(root.get("width")), float(root.get("height"))
    assert (width > height) == (rankdir == "LR")
    for x, y in places.values():
        assert 0 < x < width
        assert 0 < y < height
    assert picture.svg.count("marker-end") == 3
    assert "2 × 4" in picture.svg
    assert repr(picture) == "ModelPicture(4 nodes, 3 edges)"


def test_names_and_shapes_are_shown_if_wished():
    model = nn.Sequential(nn.Linear(3, 4))
    plain = plot_model(model, nnc.zeros(2, 3), show_shapes=False).svg
    texts = re.findall(r">([^<>]+)</text>", plain)
    assert texts == ["input", "Linear", "output"]
    full = plot_model(model, nnc.zeros(2, 3), show_layer_names=True).svg
    assert re.findall(r">([^<>]+)</text>", full) == ["input", "2 × 3", "Linear", "0", "2 × 4",
                                                     "output", "2 × 4"]  # fmt: skip
    with language.using("ru"):
        assert "вход" in plot_model(model, nnc.zeros(2, 3)).svg


def test_texts_fit_into_their_boxes():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    svg = plot_model(layer, nnc.zeros(4, 7, 16), show_layer_names=True).svg
    for width, inside in re.findall(r'<rect x=[^>]*? width="([\d.]+)"[^>]*?/>(.*)', svg):
        for text in re.findall(r">([^<>]+)</text>", inside):
            assert len(text) * 6.0 < float(width)


def test_names_cannot_break_the_picture():
    class Odd(nn.Module):
        def forward(self, x):
            return x * 2

    Odd.__name__ = '<script>&"'
    svg = plot_model(nn.Sequential(Odd()), nnc.zeros(2)).svg
    assert "<script>" not in svg
    ElementTree.fromstring(svg)


def test_wrong_calls_are_named():
    with pytest.raises(ValueError, match="rankdir"):
        plot_model(nn.Linear(1, 1), nnc.zeros(1, 1), rankdir="RL")
    with pytest.raises(TypeError, match="needs an input"):
        plot_model(nn.Linear(1, 1))
