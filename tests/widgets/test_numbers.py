"""How numbers are written."""

from __future__ import annotations

import math

import pytest

from nncourse.widgets.numbers import format_number

WRITTEN = {
    0: "0",
    1: "1",
    -2: "−2",
    35.0: "35",
    999999: "999999",
    1e6: "10⁶",
    1234567.0: "1.235·10⁶",
    0.1 + 0.2: "0.3",
    1 / 3: "0.3333",
    2 / 3: "0.6667",
    12.3456: "12.35",
    123.456: "123.5",
    1234.56: "1235",
    999.99: "1000",
    123456.7: "123457",
    999999.7: "10⁶",
    0.001234: "0.001234",
    0.00099999: "0.001",
    0.0009999999: "0.001",
    0.0001234: "1.234·10⁻⁴",
    -6.2e-10: "−6.2·10⁻¹⁰",
    1e-5: "10⁻⁵",
    math.inf: "∞",
    -math.inf: "−∞",
    math.nan: "NaN",
}


@pytest.mark.parametrize(("number", "text"), WRITTEN.items())
def test_four_significant_digits(number, text):
    assert format_number(number) == text


def test_negative_zero_has_no_sign():
    assert format_number(-0.0) == "0"
