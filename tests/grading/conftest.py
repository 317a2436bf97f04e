"""A course folder with the toy assignment released."""

import pytest

from tests.grading.toy import make_released, write_toy


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """A course folder with the toy released."""
    root = tmp_path_factory.mktemp("toy")
    return make_released(root / "course", write_toy(root / "repository"), "ps99", "en")
