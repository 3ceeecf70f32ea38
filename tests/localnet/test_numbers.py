"""numbers.py: wire formats, ticks and lots."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.localnet.kernel.numbers import (
    legal_price,
    legal_size,
    micro,
    parse,
    round_price,
    wire,
    wire_ratio,
    wire_usd,
)

D = Decimal


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("31795", "31795.0"),
        ("0", "0.0"),
        ("-0.00", "0.0"),
        ("1000", "1000.0"),
        ("1E+4", "10000.0"),
        ("1E-8", "0.00000001"),
        ("84143.50", "84143.5"),
        ("-0.130", "-0.13"),
    ],
)
def test_a_number_on_the_wire_has_a_fraction_and_no_exponent(value, text):
    assert wire(D(value)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**12), max_value=10**12))
def test_the_wire_form_means_the_same_number(value):
    text = wire(value)
    assert D(text) == value
    assert "." in text
    assert "E" not in text


def test_dollars_are_cut_and_ratios_are_rounded():
    assert wire_usd(D("3.3975745")) == "3.397574"
    assert micro(D("-1.0000019")) == D("-1.000001")
    assert wire_ratio(D("0.024730735499")) == "0.0247307355"


@pytest.mark.parametrize(
    ("px", "sz_decimals", "spot", "legal"),
    [
        ("123456", 5, False, True),
        ("12345.6", 5, False, False),
        ("9999.9", 5, False, True),
        ("0.01234", 1, False, True),
        ("0.012345", 1, False, False),
        ("0.001234", 0, False, True),
        ("0.0012345", 0, False, False),
        ("1234.5", 0, False, True),
        ("1234.56", 0, False, False),
        ("0.0001234", 1, True, True),
        ("0.0001234", 2, True, False),
        ("80000.0", 5, False, True),
        ("0", 5, False, False),
        ("-1", 5, False, False),
    ],
)
def test_a_price_has_five_figures_and_few_decimals_unless_it_is_whole(px, sz_decimals, spot, legal):
    assert legal_price(D(px), sz_decimals, spot=spot) is legal


@given(st.decimals("0.001", "200000", places=9), st.integers(0, 5), st.sampled_from([ROUND_FLOOR, ROUND_CEILING]))
def test_a_rounded_price_is_legal_and_on_its_side(px, sz_decimals, rounding):
    rounded = round_price(px, sz_decimals, rounding)
    assert rounded <= px if rounding == ROUND_FLOOR else rounded >= px
    assert not rounded or legal_price(rounded, sz_decimals)


def test_a_size_has_no_more_decimals_than_the_lot():
    assert legal_size(D("0.00001"), 5)
    assert legal_size(D("10"), 0)
    assert not legal_size(D("0.000001"), 5)
    assert legal_size(D("1.50"), 1)


@pytest.mark.parametrize("text", ["abc", "", "NaN", "Infinity", "1" * 41, "1,5"])
def test_what_is_no_finite_number_is_not_read(text):
    assert parse(text) is None


def test_a_plain_number_is_read_exactly():
    assert parse("70415.123456789") == D("70415.123456789")
