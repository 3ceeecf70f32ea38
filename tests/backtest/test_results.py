from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tidegate.backtest.results import Run, read, runs, save, trades_frame
from tidegate.errors import ConfigError

RUN = Run(
    id="",
    kind="backtest",
    strategy="ema_cross",
    parameters={"fast": 12},
    coins=("BTC", "ETH"),
    timeframe="1h",
    begin_ms=0,
    end_ms=7_200_000,
    settings={"equity_usd": 1000.0},
    data_sha256="ab",
    code_version="0.1.0",
    seed=1,
    made_at="2026-01-01T00:00:00Z",
)
INDEX = pd.date_range("1970-01-01", periods=2, freq="1h", tz="UTC", name="time")
EQUITY = pd.DataFrame({"equity": [1000.0, 1001.0], "balance": [1000.0, 1001.0], "exposure": [0.0, 0.5]}, index=INDEX)
HELD = pd.Series([1000.0, 990.0], index=INDEX, name="benchmark")


def a_trade() -> pd.DataFrame:
    row = dict.fromkeys(trades_frame().columns, 1.0)
    times = {"opened": INDEX[0], "closed": INDEX[1]}
    return trades_frame({name: [value] for name, value in {**row, "coin": "BTC", "reason": "signal", **times}.items()})


def test_a_run_is_read_as_it_was_saved(tmp_path: Path) -> None:
    run = RUN.named()
    place = save(run, a_trade(), EQUITY, HELD, folder=tmp_path)
    result = read(run.id, tmp_path)
    assert place == tmp_path / run.id
    assert result.run == run
    pd.testing.assert_frame_equal(result.trades, a_trade())
    pd.testing.assert_frame_equal(result.equity, EQUITY, check_freq=False)
    pd.testing.assert_series_equal(result.benchmark, HELD, check_freq=False)


def test_the_prices_are_kept_where_a_run_has_them_and_do_not_outlive_it(tmp_path: Path) -> None:
    prices = pd.DataFrame({"BTC": [1.0, 2.0], "ETH": [3.0, float("nan")]}, index=INDEX)
    run = RUN.named()
    save(run, a_trade(), EQUITY, HELD, prices, tmp_path)
    found = read(run.id, tmp_path).prices
    assert found is not None
    pd.testing.assert_frame_equal(found, prices, check_freq=False)
    save(run, a_trade(), EQUITY, HELD, folder=tmp_path)
    assert read(run.id, tmp_path).prices is None


def test_a_run_without_trades_is_read_as_it_was_saved(tmp_path: Path) -> None:
    save(RUN.named(), trades_frame(), EQUITY, HELD, folder=tmp_path)
    assert read("last", tmp_path).trades.empty


def test_the_same_run_has_the_same_id_whenever_it_is_made_and_another_one_has_another() -> None:
    assert RUN.named().id == replace(RUN, made_at="later").named().id
    assert RUN.named().id != replace(RUN, seed=2).named().id


def test_the_beginning_of_an_id_is_enough_while_it_is_the_only_one(tmp_path: Path) -> None:
    one, other = RUN.named(), replace(RUN, seed=2).named()
    for run in (one, other):
        save(run, trades_frame(), EQUITY, HELD, folder=tmp_path)
    assert read(one.id[:-1], tmp_path).run == one
    assert sorted(runs(tmp_path)) == sorted([one.id, other.id])
    with pytest.raises(ConfigError, match="2 runs"):
        read("backtest-", tmp_path)


def test_what_is_no_run_is_refused_with_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none yet"):
        read("nothing", tmp_path)
    run = RUN.named()
    place = save(run, trades_frame(), EQUITY, HELD, folder=tmp_path)
    (place / "trades.parquet").write_bytes(b"broken")
    with pytest.raises(ConfigError, match="not the whole of a run"):
        read(run.id, tmp_path)
