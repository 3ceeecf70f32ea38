"""The order book's imbalance: of the touch, a look a second, told as the mean of some."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tidegate.hyperliquid.imbalance import LOOKS_MIN
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.model.events import BookChanged
from tidegate.model.market import Timeframe

AT_MS = 1_700_000_000_000


def stream() -> StreamProtocol:
    made = StreamProtocol(["BTC"], "0x" + "ab" * 20, Timeframe.M1)
    made.opened(AT_MS, 1)
    return made


def touch(made: StreamProtocol, time_ms: int, bid: Any = "3", ask: Any = "1") -> Decimal | None:
    sides = [{"px": "100", "sz": bid, "n": 1}, {"px": "101", "sz": ask, "n": 1}]
    data = {"coin": "BTC", "time": time_ms, "bbo": sides}
    (event,) = made.receive(json.dumps({"channel": "bbo", "data": data}).encode(), time_ms, 2)
    assert isinstance(event, BookChanged)
    return event.imbalance


def test_it_is_told_once_there_were_ten_looks_a_second_apart_and_then_about_once_a_second() -> None:
    made = stream()
    told = [touch(made, AT_MS + tenth * 100) for tenth in range(10 * (LOOKS_MIN + 2))]
    assert [place for place, each in enumerate(told) if each is not None] == [90, 100, 110]
    assert told[90] == Decimal("0.500")


def test_a_new_look_counts_one_in_ten() -> None:
    made = stream()
    for second in range(LOOKS_MIN):
        touch(made, AT_MS + second * 1_000)
    assert touch(made, AT_MS + LOOKS_MIN * 1_000, bid="0", ask="2") == Decimal("0.350")


def test_after_a_minute_without_a_look_it_begins_anew() -> None:
    made = stream()
    for second in range(LOOKS_MIN):
        touch(made, AT_MS + second * 1_000)
    assert touch(made, AT_MS + 100_000) is None


@pytest.mark.parametrize("size", ["", "x", "nan", "inf", "-1", None, [], {"of": "no use"}])
def test_a_size_that_makes_no_sense_is_no_look_and_the_prices_count_all_the_same(size: Any) -> None:
    made = stream()
    assert [touch(made, AT_MS + second * 1_000, bid=size, ask="0") for second in range(2 * LOOKS_MIN)] == [None] * 20


def test_of_a_side_that_is_empty_nothing_is_said() -> None:
    made = stream()
    data = {"coin": "BTC", "time": AT_MS, "bbo": [{"px": "100", "sz": "1", "n": 1}, None]}
    (event,) = made.receive(json.dumps({"channel": "bbo", "data": data}).encode(), AT_MS, 2)
    assert event.imbalance is None
