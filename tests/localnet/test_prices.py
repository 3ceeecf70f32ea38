"""prices.py: mark price, contexts, the trading day."""

from decimal import Decimal

import pytest

from tests.localnet.floor import quotes
from tidegate.localnet.kernel.book import Book
from tidegate.localnet.kernel.prices import (
    PERP_WEIGHTS,
    SPOT_WEIGHTS,
    Average,
    Prices,
    weighted_median,
)
from tidegate.localnet.kernel.traded import RECENT_TRADES
from tidegate.localnet.kernel.trading_day import HOUR_MS
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.candles import CandleStore

D = Decimal
START = 497_222 * HOUR_MS


@pytest.fixture
def prices():
    book = Book()
    for quote in quotes(("79999", "10")):
        book.set_house(quote, is_bid=True)
    for quote in quotes(("80001", "10")):
        book.set_house(quote, is_bid=False)
    return Prices(default_universe().by_name["BTC"], book, START)


def test_a_steady_average_is_its_sample():
    average = Average(150)
    for _ in range(100):
        value = average.add(5.0, 3.0)
    assert value == pytest.approx(5.0)


def test_an_average_moves_slowly_to_a_new_level():
    average = Average(30)
    for _ in range(100):
        average.add(0.0, 3.0)
    after_one = average.add(1.0, 3.0)
    assert 0.05 < after_one < 0.15
    for _ in range(100):
        after_many = average.add(1.0, 3.0)
    assert after_many == pytest.approx(1.0, abs=1e-3)


def test_the_mark_is_the_oracle_while_nobody_quotes():
    prices = Prices(default_universe().by_name["BTC"], Book(), START)
    prices.oracle = D(81_234)
    assert prices.refresh_mark(START + 3_000)
    assert prices.mark == 81_234


def test_one_wild_input_does_not_move_the_mark(prices):
    prices.oracle = D(80_000)
    prices.last = D(80_000)
    for step in range(1, 50):
        prices.refresh_mark(START + 3_000 * step)
    prices.oracle = D(60_000)
    prices.refresh_mark(START + 150_000)
    assert prices.mark == 80_000


def test_a_book_that_jumps_alone_moves_the_mark_by_its_slow_average(prices):
    prices.oracle = prices.last = D(80_000)
    for step in range(1, 50):
        prices.refresh_mark(START + 3_000 * step)
    for is_bid, px in ((True, "59999"), (False, "60001")):
        prices.book.withdraw_house(set(), is_bid=is_bid)
        prices.book.set_house(quotes((px, "1"))[0], is_bid=is_bid)
    prices.last = D(60_000)
    prices.refresh_mark(START + 150_000)
    assert 75_000 < prices.mark < 80_000


def test_with_other_exchanges_mids_the_mark_is_the_median_of_three(prices):
    prices.oracle = prices.last = D(80_000)
    prices.refresh_mark(START + 3_000)
    for external in (D(81_000), D(79_000), D(80_000)):
        prices.external = external
        prices.refresh_mark(prices.marked_ms + 3_000)
        assert prices.mark == 80_000
    prices.oracle = D(90_000)
    prices.external = D(85_000)
    prices.refresh_mark(prices.marked_ms + 3_000)
    assert prices.mark == 85_000, "oracle above, book below"


def test_without_a_book_the_average_of_what_it_was_joins_oracle_and_mids(prices):
    prices.oracle = prices.last = D(80_000)
    prices.refresh_mark(START + 3_000)
    prices.book.withdraw_house(set(), is_bid=False)
    prices.oracle, prices.external = D(70_000), D(90_000)
    prices.refresh_mark(START + 6_000)
    assert prices.mark == 80_000
    assert not prices.refresh_mark(START + 9_000), "nothing has changed since"


@pytest.mark.parametrize(
    ("mids", "median"),
    [
        ({"binance": 3}, 3),
        ({"binance": 1, "okx": 2, "bybit": 9}, 2),
        ({"binance": 1, "gate": 5, "mexc": 6}, 1),
        ({"okx": 1, "bybit": 2}, "1.5"),
        ({"okx": 1, "bybit": 2, "nobody": 100}, "1.5"),
    ],
)
def test_a_weighted_median_lies_where_half_of_the_weight_is_reached(mids, median):
    assert weighted_median({name: D(px) for name, px in mids.items()}, PERP_WEIGHTS) == D(median)


def test_the_weights_of_the_oracle_are_those_of_its_exchanges():
    assert sum(SPOT_WEIGHTS.values()) == 12
    assert weighted_median(dict.fromkeys(SPOT_WEIGHTS, D(7)), SPOT_WEIGHTS) == 7


def test_the_mark_follows_when_book_and_oracle_agree(prices):
    prices.oracle = D(70_000)
    for is_bid, px in ((True, "69999"), (False, "70001")):
        prices.book.withdraw_house(set(), is_bid=is_bid)
        prices.book.set_house(quotes((px, "1"))[0], is_bid=is_bid)
    prices.last = D(70_000)
    prices.refresh_mark(START + 3_000)
    assert prices.mark == 70_000


def test_the_mark_lies_on_the_grid(prices):
    prices.oracle = D("80000.37")
    prices.refresh_mark(START + 1)
    assert prices.mark == prices.mark.to_integral_value()


def test_the_context_tells_impact_prices_and_premium(prices):
    prices.oracle = D(80_010)
    row = prices.context(START, D("36585.31848"))
    assert row["impactPxs"] == ["79999.0", "80001.0"]
    assert row["premium"] == "-0.0001124859"
    assert row["midPx"] == "80000.0"
    assert row["openInterest"] == "36585.31848"


def test_a_thin_book_has_no_impact_price(prices):
    prices.book.withdraw_house(set(), is_bid=False)
    row = prices.context(START, D(0))
    assert (row["impactPxs"], row["premium"], row["midPx"]) == (None, None, None)


def test_the_day_before_the_start_fades_out_of_the_volume(prices):
    full = D(prices.context(START, D(0))["dayBaseVlm"])
    half = D(prices.context(START + 12 * HOUR_MS, D(0))["dayBaseVlm"])
    assert abs(half * 2 - full) < D("0.0001")
    prices.printed(START + 25 * HOUR_MS, D(80_000), D(2))
    assert prices.context(START + 25 * HOUR_MS, D(0))["dayBaseVlm"] == "2.0"
    assert prices.context(START + 25 * HOUR_MS, D(0))["dayNtlVlm"] == "160000.0"
    assert prices.context(START + 49 * HOUR_MS, D(0))["dayBaseVlm"] == "0.0"


def test_the_price_a_day_ago_comes_from_the_candles(prices):
    store = CandleStore("BTC")
    prices.candles = store
    prices.printed(START, D(70_000), D(1))
    assert prices.context(START + 24 * HOUR_MS, D(0))["prevDayPx"] == "70000.0"
    prices.candles = None
    assert prices.context(START + 24 * HOUR_MS, D(0))["prevDayPx"] == "84140.0"


def test_without_a_mid_the_last_trade_and_then_the_mark_stands():
    prices = Prices(default_universe().by_name["BTC"], Book(), START)
    assert prices.mid_or_last() == 84_140
    prices.printed(START, D(80_000), D(1))
    assert prices.mid_or_last() == 80_000


def test_only_so_many_prints_are_kept(prices):
    for number in range(RECENT_TRADES + 5):
        prices.recent.appendleft({"tid": number})
    assert len(prices.recent) == RECENT_TRADES
