"""The unrolled RNN on a student's own step: the kernel computes, the page follows and judges."""

from __future__ import annotations

import json

import pytest

from tests.browser.jupyterlab import ask_kernel, notebook_page, show

pytestmark = pytest.mark.browser

CELL = """import numpy as np
from nncourse.widgets import UnrolledRNN


def step(x, h, Wx, Wh, b):
    return np.tanh(x @ Wx.T + h @ Wh.T + b)


def backward(dh_next, x, h, h_next, Wx, Wh):
    dz = dh_next * (1 - h_next**2)
    return dz @ Wx, dz @ Wh.T, dz.T @ x, dz.T @ h, dz.sum(axis=0)  # Wh is turned


w = UnrolledRNN(step=step, backward=backward)
w"""


@pytest.fixture
def page(desk, lab):
    with notebook_page(desk, lab, "unrolled", [CELL]) as page:
        yield page


def test_a_step_of_one_s_own(page):
    words = show(page, ".nnc-explorer .nnc-words")
    assert "At step 12 your dh" in words.inner_text()
    picture = page.locator(".nnc-chart-norms")
    before = picture.get_attribute("aria-label")

    # A slider asks the kernel for new numbers, and the picture follows.
    page.locator(".nnc-in-length").focus()
    page.keyboard.press("ArrowLeft")
    label = "document.querySelector('.nnc-chart-norms').getAttribute('aria-label')"
    page.wait_for_function(f"before => {label} !== before", arg=before)
    assert "11 steps" in picture.get_attribute("aria-label")
    assert "At step 11 your dh" in words.inner_text()
    own = json.loads(ask_kernel(page, "import json; print(json.dumps(w.own))"))
    assert own["length"] == 11
    assert own["wrong"] == [11, "dh"]

    # The built-in step beside it is right.
    page.locator(".nnc-in-activation").select_option("tanh")
    page.wait_for_function(
        "() => !document.querySelector('.nnc-words').textContent.includes('your dh')"
    )
    assert page.locator(".nnc-in-activation option").count() == 4
