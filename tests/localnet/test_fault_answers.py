"""What /info tells while a fault stands: candles that cannot be, candles that change, states of long ago."""

from collections.abc import Callable
from typing import Any

import pytest
from floor import START_MS, D, quiet_floor

from tidegate.localnet.exchange import Exchange
from tidegate.localnet.faults.course import Answered
from tidegate.localnet.faults.desk import Faults
from tidegate.localnet.faults.rules import read_rule
from tidegate.localnet.markets.candles import CandleStore

MINUTE_MS = 60_000
BODY = {"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "1m", "startTime": 0, "endTime": 1 << 43}}

Rows = list[dict[str, Any]]
Tell = Callable[..., Rows]


@pytest.fixture
def exchange() -> Exchange:
    """Five minutes of candles, each with two prints."""
    exchange = quiet_floor()
    store = CandleStore("BTC")
    exchange.load_candles("BTC", store)
    for minute in range(5):
        store.add(START_MS + minute * MINUTE_MS, D(80_000 + minute), D("0.5"))
        store.add(START_MS + minute * MINUTE_MS + 1_000, D(80_010 + minute), D("0.5"))
    exchange.advance(START_MS + 5 * MINUTE_MS)
    return exchange


@pytest.fixture
def tell(exchange: Exchange) -> Tell:
    """The candles as they are told while a fault stands."""
    faults = Faults(exchange)

    def candles(do: str = "") -> Rows:
        if do:
            faults.add(read_rule({"do": do}, faults.coins))
        asked = faults.asked("http", BODY, is_action=False)
        course = faults.course(asked)
        answer = Answered(200, exchange.info(BODY).body)
        rows: Rows = answer.body if course is None else course.change(asked, answer).body
        return rows

    return candles


def test_candles_are_missing_before_the_newest(tell: Tell) -> None:
    all_of_them = tell()
    assert tell("candle.gap") == all_of_them[:-2] + all_of_them[-1:]
    assert tell("candle.gap 2 back=0") == all_of_them[:-2]
    assert tell("candle.gap 100") == all_of_them[-1:]
    assert tell() == all_of_them


def test_a_closed_candle_is_told_otherwise(tell: Tell) -> None:
    before, after = tell(), tell("candle.revise 0.01")
    assert [row["t"] for row in after] == [row["t"] for row in before]
    assert float(after[-2]["c"]) == pytest.approx(1.01 * float(before[-2]["c"]), abs=0.1)
    assert float(after[-2]["h"]) >= float(after[-2]["c"])
    assert after[:-2] + after[-1:] == before[:-2] + before[-1:]


@pytest.mark.parametrize(
    ("how", "is_bad"),
    [
        ("duplicate", lambda rows: rows[-1] == rows[-2]),
        ("unsorted", lambda rows: rows[0]["t"] > rows[-1]["t"]),
        ("nan", lambda rows: rows[-1]["c"] == "NaN"),
        ("zero", lambda rows: float(rows[-1]["c"]) == 0),
        ("negative", lambda rows: float(rows[-1]["l"]) < 0),
        ("crossed", lambda rows: float(rows[-1]["h"]) < float(rows[-1]["l"])),
        ("volume", lambda rows: float(rows[-1]["v"]) == 0),
    ],
)
def test_candles_that_cannot_be(tell: Tell, how: str, is_bad: Callable[[Rows], bool]) -> None:
    assert not is_bad(tell())
    assert is_bad(tell(f"candle.bad {how}"))
    assert not is_bad(tell())
