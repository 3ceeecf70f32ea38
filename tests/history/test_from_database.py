"""Candles that a bot stored in its own database: the same as those of any file, by venue, coin and time frame."""

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from tidegate.errors import ConfigError
from tidegate.history import load
from tidegate.model.events import CandlesFetched
from tidegate.model.intents import NOTHING
from tidegate.model.market import Candle, Timeframe
from tidegate.storage.ledger import Ledger

D = Decimal
START_MS = 1_735_689_600_000  # 2025-01-01
HOUR_MS = 3_600_000


def stored(url: str, timeframe: Timeframe, numbers: range, *, coin: str = "BTC", venue: str = "mainnet") -> None:
    candles = []
    for number in numbers:
        open_ms, price = START_MS + number * timeframe.ms, D(100 + number)
        close_ms = open_ms + timeframe.ms - 1
        candles.append(Candle(open_ms, close_ms, price, price + 2, price - 1, price + D("0.5"), D(number + 1), 3))
    ledger = Ledger(url, venue=venue, account="0xabc")
    ledger.open()
    later_ms = START_MS + 10_000 * HOUR_MS
    ledger.record(CandlesFetched(at_ms=later_ms, coin=coin, candles=tuple(candles), exchange_ms=later_ms), NOTHING)
    ledger.flush()
    ledger.close()


@pytest.fixture(name="url")
def _url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'tidegate.db'}"
    stored(url, Timeframe.H1, range(50))
    return url


def test_what_a_bot_stored_is_read_as_a_file_is(url: str, tmp_path: Path) -> None:
    history = load(url, "BTC", Timeframe.H1)
    assert len(history.bars) == 50
    assert history.bars.iloc[3].to_dict() == {"open": 103, "high": 105, "low": 102, "close": 103.5, "volume": 4}
    path = tmp_path / "BTC_1h.parquet"
    history.bars.reset_index().to_parquet(path)
    assert load(path, "BTC", Timeframe.H1).sha256 == history.sha256


def test_a_span_of_a_database_is_cut_as_that_of_a_file(url: str) -> None:
    history = load(url, "BTC", Timeframe.H1, START_MS + 5 * HOUR_MS, START_MS + 9 * HOUR_MS)
    assert history.bars.index.tolist() == list(pd.date_range("2025-01-01 05:00", periods=4, freq="h", tz="UTC"))


def test_the_coarsest_time_frame_that_divides_is_put_together(url: str) -> None:
    stored(url, Timeframe.M15, range(300))
    history = load(url, "BTC", Timeframe.H4)
    assert history.bars["volume"].iloc[0] == 1 + 2 + 3 + 4
    assert "4h put together from 1h" in history.remarks
    assert "30m put together from 15m" in load(url, "BTC", Timeframe.M30).remarks


def test_a_hole_while_the_bot_was_away_is_said(url: str) -> None:
    stored(url, Timeframe.H1, range(53, 60))
    assert "3 bars are missing in 1 gaps" in load(url, "BTC", Timeframe.H1).remarks[0]


def test_candles_of_another_exchange_are_not_taken_for_these(url: str) -> None:
    stored(url, Timeframe.H1, range(20), coin="ETH", venue="testnet")
    assert len(load(url, "ETH", Timeframe.H1, venue="testnet").bars) == 20
    with pytest.raises(ConfigError, match="no candles of ETH 1h on mainnet; there: BTC 1h"):
        load(url, "ETH", Timeframe.H1)


def test_finer_candles_than_the_stored_ones_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="no candles of BTC 5m on mainnet; there: BTC 1h"):
        load(url, "BTC", Timeframe.M5)


def test_a_span_without_candles_is_refused(url: str) -> None:
    with pytest.raises(
        ConfigError, match="too few bars of BTC 1h in that span: 0; there: 2025-01-01 00:00 to 2025-01-03 01:00"
    ):
        load(url, "BTC", Timeframe.H1, START_MS + 500 * HOUR_MS, START_MS + 600 * HOUR_MS)


def test_no_database_and_none_of_ours_are_refused_with_a_line(tmp_path: Path) -> None:
    strange = tmp_path / "strange.db"
    strange.write_bytes(b"no database at all" * 100)
    for path in (tmp_path / "none.db", strange):
        with pytest.raises(ConfigError):
            load(f"sqlite:///{path}", "BTC", Timeframe.H1)
    assert not (tmp_path / "none.db").exists()
