from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

from tests.backtest.made import Written, bars_of, market
from tidegate.backtest.engine import backtest, play
from tidegate.backtest.rules import FEE_TIERS, Rules, fee_tier, not_played
from tidegate.commands.backtesting import warnings_of
from tidegate.errors import ConfigError
from tidegate.history import load
from tidegate.localnet.kernel.fees import BASE, VIP_TIERS
from tidegate.model.market import Timeframe
from tidegate.model.settings import EntryStyle, MarginMode, Settings

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def test_the_rules_are_those_of_the_settings() -> None:
    bot = Settings(leverage=7, stop_loss_pct="2.5", margin_mode=MarginMode.ISOLATED, entry=EntryStyle.MAKER)
    rules = Rules.of(bot, equity_usd=500.0)
    assert (rules.leverage, rules.stop_loss_pct, rules.isolated, rules.entry) == (7, 2.5, True, "limit")
    assert rules.equity_usd == 500.0
    assert Rules.of(Settings()) == Rules()


def test_every_number_that_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        Rules(equity_usd=-1.0, stop_loss_pct=0.0, slippage_pct=2.0)
    assert len(refused.value.problems) >= 3


def test_fee_tiers_are_those_that_localnet_charges() -> None:
    theirs = [BASE, *(tier.rates for tier in VIP_TIERS)]
    assert [(float(each.cross), float(each.add)) for each in theirs] == list(FEE_TIERS)
    with pytest.raises(ConfigError):
        fee_tier(7)


def test_what_a_run_remembers_of_its_rules_is_plain() -> None:
    told = Rules(funding={"BTC": pd.Series([0.001, 0.003]), "ETH": 0.0}).told()
    assert told["funding"] == {"BTC": "2 rates, mean 0.002 an hour", "ETH": 0.0}
    assert set(told) == {each.name for each in fields(Rules)} - {"instruments"}


def test_what_is_not_played_is_said() -> None:
    assert not_played(Settings()) == []
    paid = Settings(builder_address="0x" + "ab" * 20, builder_fee_tenths_bp=5, leverage_by_score=("0.5:2",))
    assert [line.partition(" ")[0] for line in not_played(paid)] == ["BUILDER_FEE_TENTHS_BP=5", "LEVERAGE_BY_SCORE"]
    assert len(not_played(Settings(trim_at_r=2, entry=EntryStyle.TWAP, adds_max=1))) == 2


def test_few_trades_and_a_single_lucky_one_are_warned_of() -> None:
    calm = (100.0, 101.0, 99.0, 100.0)
    history = bars_of(
        calm, calm, (100, 200, 99, 200), (200, 200, 199, 199), (199, 199, 198, 198), *[(198, 199, 197, 198)] * 3
    )
    lines = warnings_of(play(Written("L.FLF"), [history], Rules(take_profit_pct=0.0)))
    assert any(line.startswith("Only 2 trades") for line in lines)
    assert any(line.startswith("Without its best trade (BTC") for line in lines)
    assert "not a single trade" in warnings_of(play(Written(""), [history], Rules()))[0]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded candles are not beside the project")
def test_a_stop_in_a_crash_costs_what_the_gap_took_and_no_more() -> None:
    folder = SHARED / "candles" / "binance_spot"
    bars = load(folder / "BTC_1m_20210420_20210520.parquet", "BTC", Timeframe.M1)
    crash = bars._replace(bars=bars.bars.loc["2021-05-19 12:00":"2021-05-19 14:00"])
    trades = backtest(Written("L"), [crash], Rules(stop_loss_pct=3.0)).trades
    assert trades["reason"].tolist() == ["stop_loss"]
    trade = trades.iloc[0]
    assert trade["exit_price"] <= trade["stop"]
    assert -0.02 * 10_000 < trade["net"] < 0


def test_two_coins_share_one_account() -> None:
    both = backtest(Written("LL"), [market(1, 50), market(2, 50, coin="ETH")], Rules(max_position_usd=1e9, leverage=1))
    worth = both.trades["size"] * both.trades["entry_price"]
    assert worth.sum() <= 10_000
