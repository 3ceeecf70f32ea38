"""value_history.py and portfolio: what an account was worth, by period."""

from decimal import Decimal

import pytest

from tests.localnet.floor import IOC, START_MS, Trader, move_to, quiet_floor
from tidegate.localnet.kernel.accounts import DAY_MS
from tidegate.localnet.kernel.value_history import SAMPLE_MS, SAMPLES_KEPT

D = Decimal
NAMES = ["day", "week", "month", "allTime", "perpDay", "perpWeek", "perpMonth", "perpAllTime"]


@pytest.fixture
def trader():
    return Trader(quiet_floor(), 1)


def test_every_account_is_sampled_at_every_full_hour(trader):
    trader.exchange.advance(START_MS + 5 * SAMPLE_MS)
    times = [time_ms for time_ms, _ in dict(trader.ask("portfolio"))["day"]["accountValueHistory"]]
    assert times[0] == START_MS, "its beginning"
    assert times[-1] == trader.exchange.now_ms, "and its present"
    assert [time_ms % SAMPLE_MS for time_ms in times[1:-1]] == [0] * 5


def test_the_periods_and_their_perp_twins_come_in_the_exchanges_order(trader):
    body = trader.ask("portfolio")
    assert [name for name, _ in body] == NAMES
    assert all(list(each) == ["accountValueHistory", "pnlHistory", "vlm"] for _, each in body)


def test_nobody_has_an_empty_portfolio(trader):
    body = trader.exchange.info({"type": "portfolio", "user": "0x" + "12" * 20}).body
    assert [name for name, _ in body] == NAMES
    assert dict(body)["day"] == {"accountValueHistory": [], "pnlHistory": [], "vlm": "0.0"}


def test_profit_is_told_against_the_first_point_of_its_period(trader):
    trader.order("B", "80001", "1", IOC)
    trader.exchange.advance(START_MS + 2 * DAY_MS)
    move_to(trader.exchange, 81_000)
    periods = dict(trader.ask("portfolio"))
    day, ever = periods["perpDay"]["pnlHistory"], periods["perpAllTime"]["pnlHistory"]
    assert day[0][1] == ever[0][1] == "0.0"
    assert D(day[-1][1]) == pytest.approx(D(1_000), abs=100)
    values = periods["perpAllTime"]["accountValueHistory"]
    assert D(ever[-1][1]) == D(values[-1][1]) - 100_000


def test_a_periods_volume_is_what_was_traded_in_it(trader):
    trader.order("B", "80001", "0.01", IOC)
    trader.exchange.advance(START_MS + 2 * DAY_MS)
    trader.order("B", "80001", "0.02", IOC)
    periods = dict(trader.ask("portfolio"))
    assert periods["day"]["vlm"] == "1600.02"
    assert periods["week"]["vlm"] == periods["allTime"]["vlm"] == "2400.03"


def test_money_that_is_moved_is_no_profit(trader):
    trader.exchange.advance(START_MS + DAY_MS)
    trader.exchange.fund(trader.user, D(500))
    assert {value for _, value in dict(trader.ask("portfolio"))["day"]["pnlHistory"]} == {"0.0"}


def test_spot_counts_for_the_whole_but_not_for_perps(trader):
    trader.exchange.fund_spot(trader.user, "USDC", D(250))
    periods = dict(trader.ask("portfolio"))
    assert periods["day"]["accountValueHistory"][-1][1] == "100250.0"
    assert periods["perpDay"]["accountValueHistory"][-1][1] == "100000.0"


def test_old_samples_are_thinned(trader):
    trader.exchange.advance(START_MS + (SAMPLES_KEPT + 100) * SAMPLE_MS)
    times = [time_ms for time_ms, _ in dict(trader.ask("portfolio"))["allTime"]["accountValueHistory"]]
    assert len(times) <= SAMPLES_KEPT + 2
    assert times == sorted(times)
    assert times[0] == START_MS
