"""What is asked of networks by hand stands in the task."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from nncourse.exercises.ps01.network import LIMIT

FOLDER = Path(__file__).parents[2] / "exercises"


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_task_names_the_margin_that_every_neuron_needs(language):
    (path,) = (FOLDER / language / "ps01").glob("*.ipynb")
    texts = [cell.source for cell in nbformat.read(path, as_version=4).cells]
    (task,) = [text for text in texts if text.startswith("## 4.")]
    assert str(LIMIT) in task
