"""The moving picture of a race: its paths, its pace, and that nothing moves by itself."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from nncourse import plots
from nncourse.plots import movie

PATHS = {
    "one": np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]),
    "short": np.array([[1.0, -1.0], [9.0, 0.0]]),
}


@pytest.fixture
def picture():
    return plots.optimizer_movie(PATHS, lambda x, y: x**2 + y**2, (-1, -1), (1, 1))


def test_signs_start_and_end_where_the_paths_do(picture):
    svg = ET.fromstring(picture.html)
    marks = svg.findall("./text")
    moves = [mark.find("animateTransform").get("values").split(";") for mark in marks]
    assert moves[0] == [f"0,{movie.HEIGHT}", "230,150", f"{movie.WIDTH},0"]
    # A path that ended stays, and what lies outside is held at the edge.
    assert moves[1] == [f"{movie.WIDTH},{movie.HEIGHT}", *[f"{movie.WIDTH},150"] * 2]
    assert marks[0].get("transform") == f"translate({movie.WIDTH},0)"


def test_all_keep_the_same_pace_and_wait_for_the_reader(picture):
    svg = ET.fromstring(picture.html)
    moving = [node for node in svg.iter() if node.tag.startswith("animate")]
    assert len(moving) == 4
    assert {node.get("keyTimes") for node in moving} == {"0;0.5;1"}
    name = svg.get("id")
    assert name.isalnum(), "a hyphen would be read as a minus"
    assert {node.get("begin") for node in moving} == {f"{name}.click;{name}.keydown"}


def test_the_line_is_drawn_by_length(picture):
    svg = ET.fromstring(picture.html)
    offsets = [node.get("values") for node in svg.iter("animate")]
    assert offsets[0] == "1;0.5;0"
    assert offsets[1] == "1;0;0"


def test_it_is_small_the_same_twice_and_names_its_paths(picture):
    again = plots.optimizer_movie(PATHS, lambda x, y: x**2 + y**2, (-1, -1), (1, 1))
    assert again.html == picture.html
    assert len(picture.html) < 100_000
    assert repr(picture) == "Movie(one, short; 2 steps)"
    assert ">" not in ET.fromstring(picture.html).get("aria-label")


def test_too_many_paths_are_refused():
    with pytest.raises(ValueError, match="1 to 8"):
        plots.optimizer_movie({}, lambda x, y: x, (0, 0), (1, 1))
