"""Row 001-03: recorded trades, rolled up by the bot's own code, are the exchange's candles, empty minutes included.

The recordings of trades are frames of mainnet: one coin in four sessions of four days, with long silences between, and
three coins for half an hour. (The one file of ticks beside them holds quotes, of which candles are not made.)
"""

import gzip
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest

from tidegate.errors import ConfigError
from tidegate.history.loading import load, of_frame
from tidegate.history.prints import is_prints, rolled_up
from tidegate.history.times import in_ms
from tidegate.localnet.markets.candles import CandleStore
from tidegate.model.market import MINUTE_MS, Timeframe

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
FRAMES = SHARED / "ws" / "hyperliquid"
RECORDINGS = {
    "four sessions": FRAMES / "20250901-04_BTC_bbo-trades_sessions.jsonl.gz",
    "half an hour": FRAMES / "20250904_1946_BTC-ETH-SOL_l2-bbo-trades.jsonl.gz",
}
QUOTES = SHARED / "ticks" / "hyperliquid_perp" / "BTC_quotes_20260101.parquet"
FOREVER_MS = 1 << 53
LENGTHS = (Timeframe.M1, Timeframe.M15, Timeframe.H1, Timeframe.H4)


@pytest.fixture(scope="module", params=RECORDINGS.values(), ids=RECORDINGS.keys())
def prints(request: pytest.FixtureRequest) -> pd.DataFrame:
    """Every print of BTC once, oldest first, as the exchange wrote it."""
    if not request.param.is_file():
        pytest.skip("the shared recordings are not on this machine")
    rows: dict[int, Mapping[str, Any]] = {}
    with gzip.open(request.param) as lines:
        for line in lines:
            raw = msgspec.json.decode(line)["raw"]
            if raw["channel"] == "trades":
                rows.update((each["tid"], each) for each in raw["data"] if each["coin"] == "BTC")
    frame = pd.DataFrame(list(rows.values())).sort_values("time", kind="stable")
    return frame[["time", "px", "sz", "tid"]].reset_index(drop=True)


@pytest.fixture(scope="module")
def store(prints: pd.DataFrame) -> CandleStore:
    """The exchange's candles of these prints."""
    made = CandleStore("BTC")
    for row in prints.itertuples():
        made.add(int(row.time), Decimal(row.px), Decimal(row.sz))
    return made


@pytest.mark.parametrize("timeframe", LENGTHS, ids=lambda each: each.value)
def test_recorded_trades_rolled_up_are_the_exchanges_candles(
    prints: pd.DataFrame, store: CandleStore, timeframe: Timeframe
) -> None:
    ours = rolled_up(prints, timeframe)
    theirs = store.snapshot(timeframe.value, 0, FOREVER_MS)[1:-1]
    assert in_ms(pd.DatetimeIndex(ours["time"])).tolist() == [row["t"] for row in theirs]
    for name, letter in (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c"), ("volume", "v"), ("trades", "n")):
        assert ours[name].tolist() == [float(row[letter]) for row in theirs], name


def test_a_minute_in_which_nobody_traded_is_missing_here_as_it_is_there(prints: pd.DataFrame) -> None:
    minutes = in_ms(pd.DatetimeIndex(rolled_up(prints, Timeframe.M1)["time"]))
    traded = set((prints["time"] // MINUTE_MS * MINUTE_MS).tolist())
    assert set(minutes.tolist()) == traded - {min(traded), max(traded)}
    missing = (minutes[-1] - minutes[0]) // MINUTE_MS + 1 - len(minutes)
    assert missing == 0 or missing > 1_000, "in the half hour BTC traded in each minute; the sessions lie days apart"


@pytest.mark.parametrize("reorder", ["shuffled", "twice"])
def test_trades_that_come_in_disorder_or_twice_make_the_same_candles(prints: pd.DataFrame, reorder: str) -> None:
    whole = prints.drop_duplicates("time")
    other = whole.sample(frac=1, random_state=3) if reorder == "shuffled" else pd.concat([whole, whole])
    pd.testing.assert_frame_equal(rolled_up(other, Timeframe.M1), rolled_up(whole, Timeframe.M1))


def test_a_file_of_trades_is_a_source_of_candles_like_any_other(prints: pd.DataFrame, tmp_path: Path) -> None:
    hour = prints[prints["time"] < prints["time"].iloc[0] + 12 * MINUTE_MS]
    hour.to_csv(tmp_path / "trades.csv", index=False)
    history = load(tmp_path / "trades.csv", "BTC", Timeframe.M1)
    assert len(history.bars) > 5
    assert f"1m put together from {len(hour):,} trades" in history.remarks
    again = of_frame(rolled_up(hour, Timeframe.M1), "BTC", Timeframe.M1, "candles")
    assert history.sha256 == again.sha256


def test_trades_without_a_price_are_refused_with_their_number() -> None:
    frame = pd.DataFrame(
        {"time": [1_700_000_000_000 + number for number in range(3)], "px": [1, 0, -1], "sz": [1, 1, 1]}
    )
    with pytest.raises(ConfigError, match="there: 2 trades have no price"):
        of_frame(frame, "BTC", Timeframe.M1, "there")


@pytest.mark.skipif(not QUOTES.is_file(), reason="the shared recordings are not on this machine")
def test_quotes_are_not_taken_for_trades() -> None:
    assert not is_prints(pd.read_parquet(QUOTES))
