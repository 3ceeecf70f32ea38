"""The only rounding in the program: every price and every size that leaves is one that the exchange takes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.model.instruments import Book, Instrument, Rounding

D = Decimal


def perp(size_decimals: int) -> Instrument:
    return Instrument(coin="X", asset=7, size_decimals=size_decimals, leverage_max=10)


instruments = st.integers(0, 5).map(perp)
raw_prices = st.decimals("0.00001", "1000000", allow_nan=False, allow_infinity=False)


def is_on_the_exchanges_grid(price: Decimal, size_decimals: int) -> bool:
    """The rule as the exchange's docs word it, written down a second time."""
    if price == price.to_integral_value():
        return True
    digits = price.normalize()
    significant = len(digits.as_tuple().digits)
    decimals = -int(digits.as_tuple().exponent)
    return significant <= 5 and decimals <= 6 - size_decimals


@given(instruments, raw_prices, st.sampled_from(Rounding))
def test_every_price_that_leaves_is_legal(instrument: Instrument, raw: Decimal, rounding: Rounding) -> None:
    price = instrument.price(raw, rounding)
    assert price > 0
    assert is_on_the_exchanges_grid(price, instrument.size_decimals)
    assert instrument.is_legal_price(price)


@given(instruments, raw_prices)
def test_rounding_encloses_the_raw_price_by_at_most_a_tick(instrument: Instrument, raw: Decimal) -> None:
    down, up = instrument.price(raw, Rounding.DOWN), instrument.price(raw, Rounding.UP)
    tick = D(1).scaleb(-(6 - instrument.size_decimals))
    assert up >= raw
    assert down <= raw or down == tick, "no order may have a price of zero"
    assert up - down <= max(tick, raw / 1000, D(1) if raw > 10_000 else D(0))


@given(instruments, raw_prices, st.sampled_from(Rounding))
def test_rounding_twice_changes_nothing(instrument: Instrument, raw: Decimal, rounding: Rounding) -> None:
    once = instrument.price(raw, rounding)
    assert instrument.price(once, Rounding.UP) == instrument.price(once, Rounding.DOWN) == once


@given(instruments, raw_prices)
def test_what_the_docs_allow_is_legal_and_nothing_else(instrument: Instrument, price: Decimal) -> None:
    assert instrument.is_legal_price(price) is is_on_the_exchanges_grid(price, instrument.size_decimals)


@given(instruments, st.decimals("0", "1000000", allow_nan=False, allow_infinity=False))
def test_a_size_goes_down_to_the_lot_and_never_up(instrument: Instrument, raw: Decimal) -> None:
    size = instrument.size(raw)
    assert 0 <= raw - size < D(1).scaleb(-instrument.size_decimals)
    assert instrument.is_legal_size(size) is (size > 0)
    assert instrument.size(size) == size


@pytest.mark.parametrize(
    ("size_decimals", "raw", "down", "up"),
    [
        (5, "84143.5", "84143", "84144"),
        (5, "123456.7", "123456", "123457"),
        (0, "0.000012345", "0.000012", "0.000013"),
        (2, "1234.56", "1234.5", "1234.6"),
        (3, "9.99996", "9.999", "10.000"),
        (4, "99.9999", "99.99", "100.00"),
        (0, "1.23456", "1.2345", "1.2346"),
        (5, "0.04", "0.1", "0.1"),
    ],
)
def test_prices_round_like_the_docs_say(size_decimals: int, raw: str, down: str, up: str) -> None:
    instrument = perp(size_decimals)
    assert instrument.price(raw, Rounding.DOWN) == D(down)
    assert instrument.price(raw, Rounding.UP) == D(up)


def test_spot_has_two_decimals_more() -> None:
    spot = Instrument(coin="PURR/USDC", asset=10_000, size_decimals=0, leverage_max=1, book=Book.SPOT)
    assert spot.price("0.0000123456", Rounding.DOWN) == D("0.00001234")


@pytest.mark.parametrize("raw", [0, -1, "NaN", "Infinity", float("nan"), float("-inf")])
def test_what_is_no_price_is_refused(raw: Decimal | float | str) -> None:
    with pytest.raises(ValueError):
        perp(2).price(raw, Rounding.DOWN)


@pytest.mark.parametrize("raw", ["NaN", "Infinity", float("inf")])
def test_what_is_no_size_is_refused(raw: float | str) -> None:
    with pytest.raises(ValueError):
        perp(2).size(raw)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "0", "-5"])
def test_no_number_that_is_not_positive_and_finite_is_legal(number: str) -> None:
    assert not perp(2).is_legal_price(D(number))
    assert not perp(2).is_legal_size(D(number))


def test_a_float_counts_as_it_is_printed() -> None:
    assert perp(5).size(0.1) == D("0.1")
