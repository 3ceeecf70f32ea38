"""Rows 001-03, 004-27: prints rolled up into candles of four lengths are the exchange's own, empty minutes included."""

import random
from decimal import Decimal

import pandas as pd
import pytest

from tidegate.core.candles import CandleCache
from tidegate.history.resampling import resampled
from tidegate.localnet.markets.candles import CandleStore
from tidegate.model.market import MINUTE_MS, Candle, Timeframe
from tidegate.model.settings import Settings

D = Decimal
T0 = 1_767_225_600_000
DAY_MS = 24 * 60 * MINUTE_MS
FOREVER_MS = T0 * 2


def prints() -> list[tuple[int, Decimal, Decimal]]:
    """A seeded day of prints with quiet stretches, some longer than an hour: (time, price, size)."""
    chance, made, at_ms, price = random.Random(11), [], T0, 100.0
    while at_ms < T0 + DAY_MS:
        price *= 1 + chance.uniform(-0.001, 0.001)
        made.append((at_ms, D(f"{price:.2f}"), D(f"{chance.uniform(0.1, 5):.3f}")))
        quiet = chance.random()
        at_ms += chance.randint(1, 20_000) if quiet > 0.01 else chance.randint(60_000, 90 * MINUTE_MS)
    return made


PRINTS = prints()


@pytest.fixture(scope="module")
def store() -> CandleStore:
    """The exchange's candles of these prints."""
    made = CandleStore("BTC")
    for at_ms, price, size in PRINTS:
        made.add(at_ms, price, size)
    return made


def minutes() -> dict[int, Candle]:
    """The prints minute by minute, rolled up once more by hand."""
    found: dict[int, Candle] = {}
    for at_ms, price, size in PRINTS:
        open_ms = at_ms - at_ms % MINUTE_MS
        row = found.get(open_ms) or Candle(open_ms, open_ms + MINUTE_MS - 1, price, price, price, price, D(0), 0)
        found[open_ms] = Candle(
            open_ms,
            row.close_ms,
            row.open,
            max(row.high, price),
            min(row.low, price),
            price,
            row.volume + size,
            row.trades + 1,
        )
    return found


def test_a_day_of_prints_has_minutes_in_which_nobody_traded() -> None:
    assert 0 < len(minutes()) < 1_440 - 100


def test_the_bots_cache_holds_the_minutes_that_the_exchange_has(store: CandleStore) -> None:
    rows = tuple(minutes().values())
    cache = CandleCache.new(Settings(timeframe=Timeframe.M1, candle_history=5_000), T0 + DAY_MS)
    kept, merge = cache.merge(rows, T0 + 2 * DAY_MS)
    assert not merge.refused
    theirs = {row["t"]: row for row in store.snapshot("1m", 0, FOREVER_MS)}
    assert [row.open_ms for row in kept.rows] == sorted(theirs)
    for row in kept.rows:
        shown = theirs[row.open_ms]
        assert (row.open, row.high, row.low, row.close, row.volume) == tuple(D(shown[each]) for each in "ohlcv")
        assert row.trades == shown["n"]


@pytest.mark.parametrize("timeframe", [Timeframe.M15, Timeframe.H1, Timeframe.H4])
def test_what_is_rolled_up_further_is_what_the_exchange_has(store: CandleStore, timeframe: Timeframe) -> None:
    rows = minutes().values()
    frame = pd.DataFrame(
        [[float(each) for each in (row.open, row.high, row.low, row.close, row.volume)] for row in rows],
        columns=["open", "high", "low", "close", "volume"],
        index=pd.to_datetime([row.open_ms for row in rows], unit="ms", utc=True),
    )
    ours = resampled(frame, Timeframe.M1, timeframe)
    theirs = {row["t"]: row for row in store.snapshot(timeframe.value, 0, FOREVER_MS)}
    opens = [int(moment.timestamp() * 1000) for moment in ours.index]
    assert len(opens) >= len(theirs) - 2, "at most the unfinished ones at the ends are left away"
    for open_ms, row in zip(opens, ours.to_dict("records"), strict=True):
        shown = theirs[open_ms]
        found = (row["open"], row["high"], row["low"], row["close"])
        assert found == tuple(float(shown[each]) for each in "ohlc")
        assert row["volume"] == pytest.approx(float(shown["v"]))
