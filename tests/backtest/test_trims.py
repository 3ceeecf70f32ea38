"""A part of a position is closed at a multiple of its risk, once, as the bot does."""

import pandas as pd
import pytest

from tests.backtest.made import Wishing, Written, bars_of, market
from tidegate.backtest.engine import backtest
from tidegate.backtest.rules import Rules
from tidegate.history import History
from tidegate.model.market import Timeframe

FREE = {"max_daily_loss_pct": 0.0, "max_drawdown_pct": 0.0, "take_profit_pct": 0.0}
BARE = {**FREE, "slippage_pct": 0.0, "taker_fee": 0.0, "funding": 0.0, "stop_loss_pct": 50.0, "max_position_usd": 1e9}
CALM = (100.0, 101.0, 99.0, 100.0)


def only(history: History, strategy: Written, **rules: float) -> pd.Series:
    trades = backtest(strategy, [history], Rules(**{**BARE, "trim_at_r": 1.0, **rules})).trades
    assert len(trades) == 1
    return trades.iloc[0]


@pytest.mark.parametrize(("script", "far"), [("L...F", 105.0), ("S...F", 95.0)])
def test_half_is_closed_at_the_risk_and_the_rest_as_before(script: str, far: float) -> None:
    reached = (100.0, 106.0, 100.0, 104.0) if far > 100 else (100.0, 100.0, 94.0, 96.0)
    history = bars_of(CALM, CALM, reached, CALM, CALM, CALM)
    trade = only(history, Written(script, stop=200 - far))
    assert (trade.reason, trade.exit_price) == ("signal", (far + 100) / 2)
    assert trade.gross == pytest.approx(5 * trade["size"] / 2, rel=1e-6)
    whole = only(history, Written(script, stop=200 - far), trim_at_r=0.0)
    assert (trade["size"], whole.exit_price) == (whole["size"], 100)


def test_a_bar_that_touches_stop_and_trim_is_stopped_and_says_that_it_was_not_clear() -> None:
    trade = only(bars_of(CALM, CALM, (100, 106, 94, 105), CALM), Written("L", stop=95))
    assert (trade.reason, trade.exit_price, bool(trade.ambiguous)) == ("stop_loss", 95, True)


def test_an_open_beyond_the_level_trims_there() -> None:
    trade = only(bars_of(CALM, CALM, (108, 109, 107, 108), (108, 109, 107, 108)), Written("L..F", stop=95))
    assert trade.exit_price == 108


def test_a_take_profit_in_the_same_bar_closes_the_rest() -> None:
    trade = only(bars_of(CALM, CALM, (100, 111, 99, 110), CALM), Written("L", stop=95, take_profit=110))
    assert (trade.reason, trade.exit_price) == ("take_profit", 107.5)


def test_a_trailing_stop_behind_the_best_price_closes_the_rest() -> None:
    trade = only(bars_of(CALM, CALM, (100, 110, 99, 100), CALM), Written("L", stop=95, trail_by=6.0))
    assert (trade.reason, trade.exit_price) == ("trailing_stop", 104.5)


def test_a_part_is_closed_once() -> None:
    up = (100.0, 106.0, 100.0, 100.0)
    trade = only(bars_of(CALM, CALM, up, up, up, CALM), Written("L....F", stop=95))
    assert trade.exit_price == 102.5


def test_a_part_that_is_too_small_for_the_exchange_is_not_closed() -> None:
    rules = {"max_position_usd": 15.0}
    trade = only(bars_of(CALM, CALM, (100, 106, 100, 104), CALM, CALM), Written("L..F", stop=95), **rules)
    assert (trade.exit_price, trade.gross) == (100, 0)


def test_finer_candles_find_the_same_part_once() -> None:
    history = bars_of(CALM, CALM, (100, 106, 99, 100), CALM, CALM)
    quarter = [(100.0, 106.0, 100.0, 100.0)] * 4
    finer = bars_of(*[CALM] * 8, *quarter, *[CALM] * 8, timeframe=Timeframe.M15)
    rules = Rules(**{**BARE, "trim_at_r": 1.0})
    trades = backtest(Written("L..F", stop=95), [history], rules, finer={"BTC": finer}).trades
    assert trades["exit_price"].tolist() == [102.5]


@pytest.mark.parametrize("trails", [False, True])
def test_what_the_trades_made_is_what_the_account_has_more(trails: bool) -> None:
    histories = [market(seed, coin=coin) for seed, coin in ((5, "BTC"), (6, "ETH"))]
    rules = Rules(**FREE, trim_at_r=0.7, trim_pct=33.0, stop_loss_pct=4.0)
    result = backtest(Wishing(seed=5, trails=trails), histories, rules)
    other = backtest(Wishing(seed=5, trails=trails), histories, Rules(**FREE, stop_loss_pct=4.0))
    assert result.equity["equity"].iloc[-1] == pytest.approx(10_000 + result.trades["net"].sum(), abs=1e-6)
    assert not result.trades["net"].equals(other.trades["net"])
    assert (result.trades["mfe"] >= result.trades["mae"]).all()


def test_a_coin_beside_it_that_never_trades_changes_nothing() -> None:
    class Once(Wishing):
        def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
            silent = bars["close"].iloc[0] > 1000
            return Wishing(seed=self.seed, often=0.0 if silent else self.often).signals(bars)

    still, rules = market(9, coin="ETH", start=5000.0), Rules(**FREE, trim_at_r=0.5)
    alone, beside = (backtest(Once(seed=2), each, rules) for each in ([market(2)], [market(2), still]))
    pd.testing.assert_frame_equal(alone.trades, beside.trades)
    pd.testing.assert_frame_equal(alone.equity, beside.equity)
