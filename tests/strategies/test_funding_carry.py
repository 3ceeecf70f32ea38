"""funding_carry: on the side that is paid, out when the rate is gone, silent where no rate is known."""

import numpy as np
import pandas as pd
import pytest

from tidegate.errors import ConfigError
from tidegate.strategy import reason_at


def flat_market(count: int = 400) -> pd.DataFrame:
    close = 100 + 0.1 * np.sin(np.arange(count))
    columns = {"open": close, "high": close + 0.2, "low": close - 0.2, "close": close, "volume": 1.0}
    return pd.DataFrame(columns, index=pd.date_range("2026-01-01", periods=count, freq="h", tz="UTC"))


def wants(strategy, rate) -> list[str]:
    return list(strategy.signals(flat_market().assign(funding=rate))["want"])


def test_it_is_short_while_longs_pay_and_long_while_shorts_do(shipped):
    assert wants(shipped("funding_carry"), 6e-5)[-1] == "short"
    assert wants(shipped("funding_carry"), -6e-5)[-1] == "long"
    assert wants(shipped("funding_carry", longs="no"), -6e-5)[-1] == "hold"


def test_it_leaves_when_the_rate_is_gone_and_not_before(shipped):
    rate = np.concatenate([np.full(300, 6e-5), np.full(50, 3e-5), np.full(50, 1.25e-5)])
    found = wants(shipped("funding_carry"), rate)
    assert (found[299], found[349], found[399]) == ("short", "hold", "flat")


def test_without_a_rate_it_wishes_nothing_and_says_how_much_it_knows(shipped):
    silent = shipped("funding_carry").signals(flat_market())
    assert set(silent["want"]) == {"hold"}
    assert reason_at(silent, 399) == "the funding rate is known for 0 of the last 6 bars"
    heard = flat_market().assign(funding=np.where(np.arange(400) >= 397, 6e-5, np.nan))
    assert reason_at(shipped("funding_carry").signals(heard), 399).endswith("known for 3 of the last 6 bars")


def test_it_does_not_stand_in_front_of_a_price_that_runs_away(shipped):
    bars = flat_market()
    bars.loc[bars.index[-5:], ["open", "high", "low", "close"]] += 20
    wishes = shipped("funding_carry").signals(bars.assign(funding=6e-5))
    assert wishes["want"].iloc[-1] == "hold"
    assert reason_at(wishes, 399).endswith("but the price runs away")


def test_levels_out_of_order_are_refused(shipped):
    with pytest.raises(ConfigError, match=r"leave_bp=0.5 must be less than enter_bp=0.5"):
        shipped("funding_carry", leave_bp="0.5")
