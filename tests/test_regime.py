"""The regime: what other coins do as known before each bar, and a filter that holds entries and nothing else."""

import numpy as np
import pandas as pd
import pytest

from tidegate.market import Market
from tidegate.regime import Regime, drivers_of, filtered
from tidegate.strategy import Strategy, reason_at

COUNT = 120


def bars_of(closes, start: str = "2026-01-01") -> pd.DataFrame:
    close = np.array(closes, dtype=float)
    columns = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 1.0}
    return pd.DataFrame(columns, index=pd.date_range(start, periods=len(close), freq="5min", tz="UTC"))


UP = bars_of(100 * 1.01 ** np.arange(COUNT))
DOWN = bars_of(100 * 0.99 ** np.arange(COUNT))
TURNS = bars_of(np.concatenate([100 * 1.01 ** np.arange(60), 100 * 1.01**60 * 0.97 ** np.arange(60)]))


def wishes_of(**wishes) -> pd.DataFrame:
    return Strategy().wishes(UP, reason="because", **wishes)


def market(coin: str = "ETH", **bars: pd.DataFrame) -> Market:
    return Market(coin, bars)


def wants(regime: Regime, around: Market, **wishes) -> list[str]:
    return list(filtered(wishes_of(**wishes), UP, around, regime)["want"])


BTC = Regime(("btc",), 10)


def test_a_long_entry_passes_while_bitcoin_rises_and_is_held_while_it_falls():
    assert set(wants(BTC, market(BTC=UP), long=True)[20:]) == {"long"}
    assert set(wants(BTC, market(BTC=DOWN), long=True)) == {"hold"}


def test_a_short_entry_needs_a_falling_one():
    assert set(wants(BTC, market(BTC=DOWN), short=True)[20:]) == {"short"}
    assert set(wants(BTC, market(BTC=UP), short=True)) == {"hold"}


def test_without_drivers_nothing_is_filtered():
    assert set(wants(Regime(), market(), long=True)) == {"long"}


def test_leaving_is_never_filtered():
    assert set(wants(BTC, market(BTC=DOWN), flat=True)) == {"flat"}


def test_an_entry_that_would_have_turned_the_side_leaves_it():
    long = pd.Series(np.arange(COUNT) == 50, index=UP.index)
    short = pd.Series(np.arange(COUNT) == 60, index=UP.index)
    answer = wants(BTC, market(BTC=UP), long=long, short=short)
    assert (answer[50], answer[60]) == ("long", "flat")


def test_what_is_not_known_bars_entries_and_says_so():
    answer = filtered(wishes_of(long=True), UP, market(), BTC)
    assert set(answer["want"]) == {"hold"}
    assert reason_at(answer, 100) == "no long entry in this regime (btc not known): because"


def test_the_reason_of_what_passes_is_the_strategys_own():
    assert reason_at(filtered(wishes_of(long=True), UP, market(BTC=UP), BTC), 100) == "because"


def test_every_chosen_driver_must_agree():
    both = Regime(("btc", "alts"), 10)
    assert set(wants(both, market(BTC=UP, ETH=DOWN), long=True)) == {"hold"}
    assert "long" in wants(both, market(BTC=UP, ETH=UP), long=True)


def test_breadth_is_whether_most_coins_rise_and_needs_three():
    breadth = Regime(("breadth",), 10)
    assert "long" in wants(breadth, market(A=UP, B=UP, C=DOWN), long=True)
    assert set(wants(breadth, market(A=UP, B=DOWN, C=DOWN), long=True)) == {"hold"}
    assert set(wants(breadth, market(A=UP, B=UP), long=True)) == {"hold"}


def test_a_bucket_is_the_index_of_the_coins_that_belong_together():
    memes = Regime(("bucket",), 10, (("DOGE", "kPEPE"), ("BTC", "ETH")))
    around = {"DOGE": DOWN, "kPEPE": DOWN, "BTC": UP, "ETH": UP}
    assert "long" in wants(memes, market("ETH", **around), long=True)
    assert set(wants(memes, market("DOGE", **around), long=True)) == {"hold"}


def test_another_coins_bar_of_the_same_time_is_not_known_yet():
    seen = market(BTC=TURNS).seen(TURNS["close"], UP)
    assert np.isnan(seen.iloc[0])
    assert list(seen.iloc[1:]) == list(TURNS["close"].iloc[:-1])


def test_what_is_older_than_three_bars_is_not_known():
    seen = market().seen(UP["close"].iloc[:50], UP)
    assert seen.iloc[52] == UP["close"].iloc[49]
    assert np.isnan(seen.iloc[53])


@pytest.mark.parametrize("name", ["btc", "alts", "bucket", "breadth"])
def test_a_driver_does_not_see_the_future_of_its_own_bars_nor_of_the_others(name):
    chance = np.random.default_rng(3)
    coins = {coin: bars_of(100 * np.exp(np.cumsum(chance.normal(0, 0.01, COUNT)))) for coin in ("BTC", "ETH", "SOL")}
    regime = Regime((name,), 10)
    whole = drivers_of(regime, coins["ETH"], market("ETH", **coins))
    assert whole[name].notna().any()
    for count in range(1, COUNT, 7):
        own = coins["ETH"].iloc[:count]
        # The others as a live bot has them: not yet with the bar of this moment.
        others = {coin: bars.iloc[: count - 1] for coin, bars in coins.items()} | {"ETH": own}
        assert drivers_of(regime, own, market("ETH", **coins)).equals(whole.iloc[:count])
        assert drivers_of(regime, own, market("ETH", **others)).equals(whole.iloc[:count])


def test_a_market_that_does_not_move_is_neither():
    flat = bars_of([100.0] * COUNT)
    assert set(wants(BTC, market(BTC=flat), long=True, flat=False)) == {"hold"}


def test_an_unknown_driver_is_an_error():
    with pytest.raises(ValueError, match="no driver of a regime"):
        drivers_of(Regime(("moon",)), UP, market())


def test_no_bars_give_no_wishes():
    empty = UP.iloc[:0]
    assert len(filtered(Strategy().wishes(empty, long=True), empty, market(BTC=UP), BTC)) == 0
