"""How candles are written down by others: times in words, rows under a name, more columns than are needed."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.history.test_history import COLUMNS, HOUR_MS, START_MS, frame, rows, sound
from tidegate.errors import ConfigError
from tidegate.history import checked, load
from tidegate.history.funding import load_funding
from tidegate.model.market import Timeframe

MOMENTS = pd.date_range("2025-01-01", periods=50, freq="h", tz="UTC")


@pytest.mark.parametrize(
    ("texts", "remark"),
    [
        (MOMENTS.strftime("%Y-%m-%d %H:%M:%S"), None),
        (MOMENTS.strftime("%Y-%m-%dT%H:%M:%SZ"), None),
        (MOMENTS.strftime("%Y-%m-%dT%H:%M:%S+00:00"), None),
        (MOMENTS.tz_convert("Asia/Tokyo").strftime("%Y-%m-%dT%H:%M:%S+09:00"), "offset from UTC: converted"),
    ],
)
def test_times_in_words_are_read_and_an_offset_is_said(texts: pd.Index, remark: str | None, tmp_path: Path) -> None:
    path = tmp_path / "BTC_1h.csv"
    frame().assign(ts=texts).rename(columns={"ts": "timestamp"}).to_csv(path, index=False)
    history = load(path, "BTC", Timeframe.H1)
    sound(history)
    assert history.bars.index[0] == MOMENTS[0]
    assert [each for each in history.remarks if "offset" in each] == (
        [f"times have an {remark} to UTC"] if remark else []
    )


def test_times_without_a_zone_are_utc() -> None:
    naive = frame().assign(ts=MOMENTS.tz_localize(None))
    assert checked(naive, Timeframe.H1).bars.index[0] == MOMENTS[0]


def test_a_row_whose_time_is_missing_is_refused_and_named() -> None:
    holes = frame().assign(ts=MOMENTS.to_series().reset_index(drop=True).where(frame().index != 7))
    assert "1 rows have no time: row 7" in checked(holes, Timeframe.H1).problems[0]


def test_times_as_the_index_of_a_frame_do() -> None:
    assert len(checked(frame().assign(ts=MOMENTS).set_index("ts"), Timeframe.H1).bars) == 50


@pytest.mark.parametrize("name", ["data", "candles"])
def test_rows_under_a_name_are_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "BTC_1h.json"
    path.write_text(json.dumps({"pair": "BTC/USDC", name: [[*row, 17, 0] for row in rows()]}))
    sound(load(path, "BTC", Timeframe.H1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "a list of rows was expected"),
        ('{"other": 1}', "a list of rows was expected"),
        ("[[1, 2, 3]]", "rows of 3 values, 6 were expected"),
        ("{", "cannot be read as .json"),
        ('[{"a": 1}]', "columns are missing: time, open, high, low, close, volume"),
    ],
)
def test_rows_that_are_none_are_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "BTC_1h.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load(path, "BTC", Timeframe.H1)


def test_freqtrades_own_name_of_a_file_is_understood(tmp_path: Path) -> None:
    dated = frame().assign(date=MOMENTS).drop(columns="ts")
    dated[["date", *COLUMNS]].to_feather(tmp_path / "BTC_USDC_USDC-1h-futures.feather")
    sound(load(tmp_path, "BTC", Timeframe.H1))


def test_the_file_that_has_most_of_the_span_is_taken_and_a_broken_one_told(tmp_path: Path) -> None:
    frame().iloc[:20].to_parquet(tmp_path / "BTC_1h_old.parquet")
    frame().to_parquet(tmp_path / "BTC_1h_new.parquet")
    history = load(tmp_path, "BTC", Timeframe.H1)
    assert (len(history.bars), history.source) == (50, "BTC_1h_new.parquet")
    for path in tmp_path.iterdir():
        path.write_bytes(b"not that")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, "BTC", Timeframe.H1)
    assert len(refused.value.problems) == 2


def test_rates_of_funding_are_read_by_hour_the_last_of_an_hour_counts(tmp_path: Path) -> None:
    stamps = [START_MS + 40, START_MS + 90, START_MS + HOUR_MS + 3]
    pd.DataFrame({"time": stamps, "fundingRate": ["0.1", "0.2", "0.3"]}).to_csv(tmp_path / "BTC_funding.csv")
    rates = load_funding(tmp_path, ["BTC"])["BTC"]
    assert isinstance(rates, pd.Series)
    assert rates.tolist() == [0.2, 0.3]
    assert rates.index.tolist() == MOMENTS[:2].tolist()


def test_rates_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no funding rates of BTC"):
        load_funding(tmp_path, ["BTC"])
    path = tmp_path / "BTC_funding.csv"
    pd.DataFrame({"when": [1], "rate": [2]}).to_csv(path, index=False)
    with pytest.raises(ConfigError, match=r"a time .* and a rate .* were expected; there are when, rate"):
        load_funding(path, ["BTC"])
