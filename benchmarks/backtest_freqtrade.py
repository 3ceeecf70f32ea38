"""freqtrade over the candles of a file, with its custom stop and without: seconds of its backtest as a line of JSON.

Runs in an environment of its own, which has none of our libraries: python backtest_freqtrade.py candles.parquet. Its
exchange is asked for nothing: the one market that it needs is given to it, as its own tests do.
"""

import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

STRATEGY = '''
import pandas as pd
from freqtrade.strategy import IStrategy, stoploss_from_absolute


class Crossing(IStrategy):
    """EMA 50/200: in at the open after a crossing, out while below."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {}
    stoploss = -0.99
    startup_candle_count = 0
    process_only_new_candles = True

    def populate_indicators(self, dataframe, metadata):
        before = dataframe["close"].shift(1)
        parts = [
            dataframe["high"] - dataframe["low"], (dataframe["high"] - before).abs(), (dataframe["low"] - before).abs(),
        ]
        ranges = pd.concat(parts, axis=1).max(axis=1)
        dataframe["average"] = ranges.ewm(alpha=1 / 14, adjust=False).mean()
        dataframe["fast"] = dataframe["close"].ewm(span=50, adjust=False).mean()
        dataframe["slow"] = dataframe["close"].ewm(span=200, adjust=False).mean()
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        fast, slow = dataframe["fast"], dataframe["slow"]
        dataframe.loc[(fast > slow) & (fast.shift(1) <= slow.shift(1)), "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["fast"] < dataframe["slow"], "exit_long"] = 1
        return dataframe


class CrossingWithStop(Crossing):
    """The same with a stop eight average ranges below the close before the entry."""

    use_custom_stoploss = True

    def bot_start(self, **kwargs):
        self.stops = {}

    def custom_stoploss(self, pair, trade, current_time, current_rate, current_profit, after_fill, **kwargs):
        stop = self.stops.get(trade.open_date_utc)
        if stop is None:
            bars, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
            last = bars.iloc[-1]
            stop = self.stops[trade.open_date_utc] = last["close"] - 8 * last["average"]
        return stoploss_from_absolute(stop, current_rate, is_short=trade.is_short, leverage=trade.leverage)
'''
MARKET: dict[str, Any] = {
    "id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "baseId": "BTC", "quoteId": "USDT",
    "type": "spot", "spot": True, "margin": False, "swap": False, "future": False, "option": False, "active": True,
    "contract": False, "linear": None, "inverse": None, "settle": None, "settleId": None, "taker": 0.00045,
    "maker": 0.00045, "contractSize": None, "precision": {"amount": 0.00001, "price": 0.01},
    "limits": {
        "amount": {"min": 0.00001, "max": 1e9}, "price": {"min": 0.01, "max": 1e9}, "cost": {"min": 5.0, "max": 1e12},
        "leverage": {"min": None, "max": None},
    },
    "info": {},
}  # fmt: skip


def laid_out(folder: Path, candles: Path) -> Path:
    """A folder as freqtrade wants it: strategy, candles and configuration, which it gives."""
    (folder / "strategies").mkdir()
    (folder / "strategies" / "crossing.py").write_text(STRATEGY, encoding="utf-8")
    data = folder / "data" / "binance"
    data.mkdir(parents=True)
    frame = pd.read_parquet(candles).rename(columns={"time": "date"})
    frame["date"] = frame["date"].astype("datetime64[ms, UTC]")
    frame[["date", "open", "high", "low", "close", "volume"]].to_feather(data / "BTC_USDT-1m.feather")
    configuration = folder / "config.json"
    told = {
        "dry_run": True, "trading_mode": "spot", "stake_currency": "USDT", "stake_amount": 5_000,
        "dry_run_wallet": 1_000_000, "max_open_trades": 1, "fee": 0.00045, "timeframe": "1m",
        "dataformat_ohlcv": "feather", "exchange": {"name": "binance", "pair_whitelist": ["BTC/USDT"]},
        "pairlists": [{"method": "StaticPairList"}], "export": "none",
        "entry_pricing": {"price_side": "same"}, "exit_pricing": {"price_side": "same"},
    }  # fmt: skip
    configuration.write_text(json.dumps(told), encoding="utf-8")
    return configuration


def played(configuration: Path, name: str) -> dict[str, float]:
    """Seconds of the backtest of one strategy, its candles in memory; and how many trades it made."""
    from freqtrade.commands.arguments import Arguments
    from freqtrade.commands.optimize_commands import setup_optimize_configuration
    from freqtrade.enums import RunMode
    from freqtrade.exchange import Exchange
    from freqtrade.optimize.backtesting import Backtesting

    def give_market(self: Any, reload: bool = False) -> None:  # noqa: ARG001 - as it is called
        self._api_async.set_markets([MARKET])

    Exchange._load_async_markets = give_market
    words = ["backtesting", "--config", str(configuration), "--userdir", str(configuration.parent), "--strategy", name]
    config = setup_optimize_configuration(Arguments([*words, "--cache", "none"]).get_parsed_arg(), RunMode.BACKTEST)
    testing = Backtesting(config)
    data, span = testing.load_bt_data()
    begun, spent = time.perf_counter(), time.process_time()
    testing.backtest_one_strategy(testing.strategylist[0], data, span)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - spent
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "trades": len(testing.all_bt_content[name]["results"])}


def main() -> None:
    """Play both and print."""
    with tempfile.TemporaryDirectory(prefix="freqtrade-") as folder:
        configuration = laid_out(Path(folder), Path(sys.argv[1]))
        for name, what in (("Crossing", "without a stop"), ("CrossingWithStop", "with its custom stop")):
            told = {"name": f"freqtrade {what}", "version": version("freqtrade")}
            print(json.dumps(told | played(configuration, name)), flush=True)


if __name__ == "__main__":
    main()
