"""Candles from every format, and every kind of trouble with them."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tidegate.errors import ConfigError
from tidegate.history import History, checked, load, of_frame, resampled
from tidegate.history.funding import load_funding
from tidegate.model.market import Timeframe

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
START_MS = 1_735_689_600_000  # 2025-01-01
HOUR_MS = 3_600_000
COLUMNS = ["open", "high", "low", "close", "volume"]


def rows(count: int = 50, step_ms: int = HOUR_MS) -> list[list[float]]:
    return [[START_MS + i * step_ms, 100 + i, 101 + i, 99 + i, 100.5 + i, 1.0 + i] for i in range(count)]


def frame(count: int = 50) -> pd.DataFrame:
    return pd.DataFrame(rows(count), columns=["ts", *COLUMNS]).astype(dict.fromkeys(COLUMNS, "float64"))


def sound(history: History) -> None:
    assert list(history.bars.columns) == COLUMNS
    assert history.bars.index.name == "time"
    assert str(history.bars.index.tz) == "UTC"
    assert len(history.bars) == 50
    assert history.bars["close"].iloc[3] == 103.5


def written(kind: str, folder: Path) -> Path:
    path = folder / f"BTC_1h.{kind}"
    dated = frame().assign(date=pd.to_datetime(frame()["ts"], unit="ms", utc=True)).drop(columns="ts")
    if kind == "parquet":
        frame().to_parquet(path)
    elif kind == "feather":
        dated.to_feather(path)
    elif kind == "csv":
        dated.to_csv(path, index=False)
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(frame().to_csv(index=False, header=False).encode()))
    else:
        path.write_text(json.dumps(rows()))
    return path


@pytest.mark.parametrize("kind", ["parquet", "feather", "csv", "csv.gz", "json"])
def test_the_same_candles_are_the_same_from_every_format(kind: str, tmp_path: Path) -> None:
    history = load(written(kind, tmp_path), "BTC", Timeframe.H1)
    sound(history)
    assert history.sha256 == of_frame(frame(), "BTC", Timeframe.H1, "here").sha256


def test_the_exchanges_own_candles_are_read(tmp_path: Path) -> None:
    path = tmp_path / "candles.json"
    told = [
        {
            "t": int(t),
            "T": int(t) + HOUR_MS - 1,
            "s": "BTC",
            "i": "1h",
            "o": str(o),
            "c": str(c),
            "h": str(h),
            "l": str(low),
            "v": str(v),
            "n": 3,
        }
        for t, o, h, low, c, v in rows()
    ]
    path.write_text(json.dumps(told))
    sound(load(path, "BTC", Timeframe.H1))


def test_a_folder_is_searched_and_finer_candles_are_put_together(tmp_path: Path) -> None:
    written("parquet", tmp_path)
    history = load(tmp_path, "BTC", Timeframe.H4)
    assert history.bars["volume"].iloc[0] == 1 + 2 + 3 + 4
    assert "4h put together from 1h" in history.remarks
    with pytest.raises(ConfigError, match="no candles of ETH 1h or finer; there: BTC 1h"):
        load(tmp_path, "ETH", Timeframe.H1)


def test_a_span_is_cut_and_its_end_is_not_included() -> None:
    history = of_frame(frame(), "BTC", Timeframe.H1, "here", START_MS + HOUR_MS, START_MS + 5 * HOUR_MS)
    assert len(history.bars) == 4
    with pytest.raises(ConfigError, match="too few bars of BTC 1h in that span: 0"):
        of_frame(frame(), "BTC", Timeframe.H1, "here", START_MS + 500 * HOUR_MS)


def test_one_other_number_is_another_sha256() -> None:
    other = frame()
    other.loc[7, "volume"] += 1
    assert of_frame(other, "BTC", Timeframe.H1, "").sha256 != of_frame(frame(), "BTC", Timeframe.H1, "").sha256


# repaired, and said


def test_rows_out_of_order_are_sorted_and_said() -> None:
    found = checked(frame().iloc[::-1], Timeframe.H1)
    assert found.bars.index.is_monotonic_increasing
    assert "49 rows were out of order" in found.remarks[0]


def test_a_bar_that_is_there_twice_is_left_away_and_named() -> None:
    found = checked(pd.concat([frame().iloc[:10], frame().iloc[9:]]), Timeframe.H1)
    assert not found.problems
    assert found.remarks == ("1 duplicates were left away: row 10 (2025-01-01 09:00)",)


def test_bars_before_the_first_trade_are_left_away_and_said() -> None:
    quiet = frame()
    quiet.loc[:19, "volume"] = 0
    found = checked(quiet, Timeframe.H1)
    assert len(found.bars) == 30
    assert "20 bars without volume before the first trade (2025-01-01 20:00)" in found.remarks[0]


def test_gaps_are_left_as_they_are_and_said() -> None:
    found = checked(frame().drop(index=[20, 21]), Timeframe.H1)
    assert not found.problems
    assert found.remarks == ("2 bars are missing in 1 gaps, left as gaps: before row 20 (2025-01-01 22:00)",)


@pytest.mark.parametrize(("unit", "scale"), [("seconds", 1e-3), ("microseconds", 1e3), ("nanoseconds", 1e6)])
def test_times_in_another_unit_are_converted_and_said(unit: str, scale: float) -> None:
    other = frame()
    other["ts"] = (other["ts"] * scale).astype("int64")
    found = checked(other, Timeframe.H1)
    assert found.bars.index[0] == pd.Timestamp("2025-01-01", tz="UTC")
    assert found.remarks == (f"times are in {unit}: converted",)


def test_times_of_another_zone_are_converted_and_said() -> None:
    other = frame()
    other["ts"] = pd.to_datetime(other["ts"], unit="ms", utc=True).dt.tz_convert("Europe/Berlin")
    found = checked(other, Timeframe.H1)
    assert found.bars.index[0] == pd.Timestamp("2025-01-01", tz="UTC")
    assert found.remarks == ("times are in Europe/Berlin: converted to UTC",)


def test_unknown_columns_are_named_and_not_used() -> None:
    found = checked(frame().assign(magic=1.0, trades=3), Timeframe.H1)
    assert found.remarks == ("unknown columns are not used: magic",)


# refused


def spoiled(column: str, row: int, value: float) -> pd.DataFrame:
    other = frame()
    other.loc[row, column] = value
    return other


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (spoiled("close", 5, np.nan), "1 bars have a price that is no number: row 5 (2025-01-01 05:00)"),
        (spoiled("open", 5, np.inf), "no number"),
        (spoiled("low", 5, 0.0), "price of zero or less: row 5"),
        (spoiled("high", 5, 1.0), "high below the low: row 5"),
        (spoiled("close", 5, 500.0), "open or close outside of high and low: row 5"),
        (spoiled("volume", 5, -1.0), "volume that is no number or negative: row 5"),
        (frame().drop(columns="high"), "columns are missing: high"),
        (frame().drop(columns="ts"), "columns are missing: time"),
        (frame().iloc[:1], "too few bars: 1"),
        (frame().iloc[:0], "no number|there is none|too few"),
        (frame().drop(index=range(10, 40)), "30 of 50 bars are missing, more than 20%"),
        (frame().assign(ts=frame()["ts"] + 1_800_000), "do not open on the grid of 1h in UTC"),
        (frame().assign(Open=1.0), "there twice: open"),
        (pd.concat([frame(), spoiled("close", 5, 105.2).iloc[5:6]]), "there twice with different numbers"),
        (frame().assign(ts="soon"), "times cannot be read"),
    ],
)
def test_what_would_have_to_be_invented_is_refused_with_its_rows(bad: pd.DataFrame, words: str) -> None:
    problems = " | ".join(checked(bad, Timeframe.H1).problems)
    assert any(
        each.replace("(", "").replace(")", "") in problems.replace("(", "").replace(")", "")
        for each in words.split("|")
    )


def test_all_problems_are_told_at_once() -> None:
    bad = frame()
    bad.loc[3, "close"], bad.loc[4, "low"], bad.loc[5, "volume"] = np.nan, -1, -1
    assert len(checked(bad, Timeframe.H1).problems) == 3


def test_bars_that_are_coarser_than_asked_for_are_refused() -> None:
    with pytest.raises(ConfigError, match="these are bars of 60 minutes, 5m was asked for"):
        of_frame(frame(), "BTC", Timeframe.M5, "here")


def test_a_file_that_is_none_is_told_as_such(tmp_path: Path) -> None:
    broken = tmp_path / "BTC_1h.parquet"
    broken.write_bytes(b"not that")
    (tmp_path / "x.doc").touch()
    for path, words in (
        (broken, "cannot be read as"),
        (tmp_path / "no.csv", "no such file"),
        (tmp_path / "nowhere", "no such file"),
        (tmp_path / "x.doc", "none of"),
    ):
        with pytest.raises(ConfigError, match=words):
            load(path, "BTC", Timeframe.H1)


# resampling


def test_a_coarser_bar_is_the_first_the_extremes_the_last_and_the_sum() -> None:
    bars = of_frame(frame(), "BTC", Timeframe.H1, "").bars
    coarse = resampled(bars, Timeframe.H1, Timeframe.D1)
    assert len(coarse) == 2  # the third day is not over
    day = bars.iloc[:24]
    first = coarse.iloc[0].to_dict()
    assert first == {
        "open": 100,
        "high": day["high"].max(),
        "low": day["low"].min(),
        "close": day["close"].iloc[-1],
        "volume": day["volume"].sum(),
    }


def test_an_unfinished_bar_at_either_end_is_left_away() -> None:
    bars = of_frame(frame(), "BTC", Timeframe.H1, "").bars.iloc[1:47]
    assert resampled(bars, Timeframe.H1, Timeframe.H4).index[0] == pd.Timestamp("2025-01-01 04:00", tz="UTC")
    assert len(resampled(bars, Timeframe.H1, Timeframe.H4)) == 10


def test_weeks_begin_on_mondays() -> None:
    days = of_frame(pd.DataFrame(rows(30, 24 * HOUR_MS), columns=["ts", *COLUMNS]), "BTC", Timeframe.D1, "").bars
    assert set(resampled(days, Timeframe.D1, Timeframe.W1).index.dayofweek) == {0}


# recorded ones


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded candles are not beside the project")
def test_every_recorded_file_of_candles_is_read() -> None:
    for path in sorted((SHARED / "candles").rglob("*.parquet")):
        coin, timeframe, *_ = path.name.split("_")
        assert len(load(path, coin, Timeframe(timeframe)).bars) > 100, path.name


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded candles are not beside the project")
def test_prices_of_another_venue_before_the_listing_do_not_count() -> None:
    history = load(SHARED / "candles" / "hyperliquid_perp", "BTC", Timeframe.D1, to_ms=START_MS)
    assert history.bars.index[0] >= pd.Timestamp("2023-02-26", tz="UTC")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded rates are not beside the project")
def test_recorded_funding_is_a_rate_an_hour() -> None:
    found = load_funding(SHARED / "funding" / "hyperliquid_perp", ["BTC", "NONE"])
    assert set(found) == {"BTC"}
    rates = found["BTC"]
    assert isinstance(rates, pd.Series)
    assert rates.index.is_unique
    assert abs(rates).max() < 0.01
