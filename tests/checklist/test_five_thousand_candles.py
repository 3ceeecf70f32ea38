"""Row 000-02: of six thousand candles asked for the newest five thousand come, and the gap is reported."""

from collections.abc import Iterator

import pytest

from tests.core.worlds import T0, candles, started
from tidegate.core.bars import KEPT_MAX
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import Budget
from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.model.events import CandlesFetched
from tidegate.model.market import MINUTE_MS, Timeframe

ASKED = 6_000


@pytest.fixture(scope="module")
def net() -> Iterator[Running]:
    with running(LocalnetOptions(scenario="random", coins=("BTC",), limits=UNLIMITED)) as localnet:
        yield localnet


def test_the_newest_five_thousand_are_read_in_one_piece(net: Running) -> None:
    client = HyperliquidClient(net.url, budget=Budget())
    now_ms = client.exchange_ms()
    rows = client.candles("BTC", Timeframe.M1, now_ms - ASKED * MINUTE_MS, now_ms)
    client.close()
    assert KEPT_MAX - 1 <= len(rows) <= KEPT_MAX
    assert rows[-1].open_ms >= now_ms - 2 * MINUTE_MS, "the newest, never the oldest"
    assert rows[-1].open_ms - rows[0].open_ms == (len(rows) - 1) * MINUTE_MS


def test_what_lies_between_the_candles_we_have_and_the_oldest_to_be_had_is_said_with_its_number() -> None:
    world = started(candle_history=500)
    away_ms = ASKED * Timeframe.M5.ms
    world.now_ms += away_ms
    fetched = candles(world.now_ms, KEPT_MAX)
    newest_ms = world.coin().candles.rows[-1].open_ms
    told = world.tell(CandlesFetched(at_ms=world.now_ms, coin="BTC", candles=fetched, exchange_ms=world.now_ms)).notes
    missing = (fetched[0].open_ms - newest_ms) // Timeframe.M5.ms - 1
    (line,) = [note for note in told if "not to be had" in note.text]
    assert (line.topic, line.level) == ("poll", "WARNING")
    assert line.text.startswith(f"BTC: {missing} candles are not to be had any more")
    assert missing > 0
    assert [row.open_ms for row in world.coin().candles.rows] == [row.open_ms for row in fetched[:-1]][-500:]


def test_an_ordinary_read_says_nothing_of_it() -> None:
    world = started()
    world.now_ms = T0 + Timeframe.M5.ms
    told = world.fetched(50)
    assert not [note for note in told.notes if "not to be had" in note.text]
