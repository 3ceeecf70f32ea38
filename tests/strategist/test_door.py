"""The door: only positive finite numbers pass, and what does not is said."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.model.signals import Want
from tidegate.strategist.door import REASON_LENGTH_MAX, signal_of

CLOSE = Decimal("105210.3")


def long(**row: object) -> dict[str, object]:
    return {"want": "long", "reason": "up", **row}


def test_a_row_becomes_a_signal_of_decimals():
    row = long(stop=104000.5, take_profit=110000.0, trail_by=np.float64(250.25), size_fraction=np.int64(1))
    signal, complaints = signal_of(row, CLOSE)
    assert complaints == ()
    assert signal.want is Want.LONG
    assert (signal.reason, signal.close) == ("up", CLOSE)
    assert (signal.stop, signal.take_profit, signal.trail_by) == (
        Decimal("104000.5"),
        Decimal("110000"),
        Decimal("250.25"),
    )
    assert signal.size_fraction == 1


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.1 + 0.2, "0.3"), (105180.90000000001, "105180.9"), (100000.0, "100000"), (1e-7, "0.0000001"), (2 / 3, None)],
)
def test_the_noise_of_binary_fractions_stays_outside(number, text):
    stop = signal_of(long(stop=number), CLOSE)[0].stop
    assert stop is not None
    assert f"{stop:f}" == (text or "0.666666666667")


def test_what_is_not_given_is_none():
    signal, complaints = signal_of({"want": "short"}, CLOSE)
    assert (signal.stop, signal.take_profit, signal.trail_by, signal.size_fraction) == (None, None, None, 1)
    assert complaints == ()
    assert signal_of(long(stop=float("nan"), trail_by=None), CLOSE)[0].stop is None


@pytest.mark.parametrize("stop", [float("inf"), float("-inf"), 0.0, -5.0])
def test_an_entry_with_an_impossible_stop_is_no_entry(stop):
    signal, complaints = signal_of(long(stop=stop), CLOSE)
    assert signal.want is Want.HOLD
    assert signal.reason == f"no entry: stop {stop} is not a positive price"
    assert complaints


@pytest.mark.parametrize("fraction", [0.0, -1.0, 1.5, float("nan"), float("inf")])
def test_an_entry_with_an_impossible_size_fraction_is_no_entry(fraction):
    signal, _ = signal_of(long(size_fraction=fraction), CLOSE)
    assert signal.want is Want.HOLD
    assert "size_fraction" in signal.reason


@pytest.mark.parametrize("name", ["take_profit", "trail_by"])
@pytest.mark.parametrize("number", [float("inf"), 0.0, -1.0])
def test_an_impossible_take_profit_or_trail_is_left_away_and_said(name, number):
    signal, complaints = signal_of(long(stop=1.0, **{name: number}), CLOSE)
    assert signal.want is Want.LONG
    assert getattr(signal, name) is None
    assert complaints == (f"{name} {number} is not a positive price and was left away",)


def test_leaving_carries_no_prices():
    signal, complaints = signal_of({"want": "flat", "reason": "down", "stop": -1.0}, CLOSE)
    assert (signal.want, signal.stop, complaints) == (Want.FLAT, None, ())


def test_an_add_carries_how_much_and_nothing_else():
    signal, complaints = signal_of({"want": "add", "reason": "more", "stop": 90.0, "size_fraction": 0.25}, CLOSE)
    assert (signal.want, signal.size_fraction, signal.stop, complaints) == (Want.ADD, Decimal("0.25"), None, ())
    assert signal_of({"want": "add", "size_fraction": 2.0}, CLOSE)[0].want is Want.HOLD


def test_a_reason_is_one_line_of_bounded_length():
    assert signal_of(long(reason="a\n  b\t c"), CLOSE)[0].reason == "a b c"
    assert len(signal_of(long(reason="x" * 5000), CLOSE)[0].reason) == REASON_LENGTH_MAX
    assert signal_of(long(reason=None), CLOSE)[0].reason == ""


@pytest.mark.parametrize("row", [{}, {"want": "up"}, {"want": None}, {"want": 1}, {"want": ["long"]}])
def test_a_wish_that_is_none_of_the_five_is_an_error(row):
    with pytest.raises(ValueError, match="want must be one of long, short, flat, hold, add"):
        signal_of(row, CLOSE)


def test_a_price_that_is_no_number_is_an_error():
    with pytest.raises(ValueError, match="expected a number, got 'high'"):
        signal_of(long(stop="high"), CLOSE)


numbers = st.floats() | st.none() | st.integers()


@given(want=st.sampled_from(list(Want)), stop=numbers, take_profit=numbers, trail_by=numbers, size_fraction=numbers)
def test_only_positive_finite_numbers_ever_pass(want, stop, take_profit, trail_by, size_fraction):
    row = {
        "want": want.value,
        "stop": stop,
        "take_profit": take_profit,
        "trail_by": trail_by,
        "size_fraction": size_fraction,
    }
    signal, _ = signal_of(row, CLOSE)
    for number in (signal.stop, signal.take_profit, signal.trail_by):
        assert number is None or (number.is_finite() and number > 0)
    assert 0 < signal.size_fraction <= 1
