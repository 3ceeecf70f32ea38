"""The seeded random market: the same seed gives the same tape, whatever the clock says and whatever clients do."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.numbers import legal_price, legal_size
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.house import DEPTH, House, grids
from tidegate.localnet.markets.market import RandomMarket, play

D = Decimal
UNIVERSE = default_universe()
START_MS = 1_795_169_467_044


class Tape:
    """Stands where the exchange stands and writes down what the house does."""

    def __init__(self, start_ms: int) -> None:
        self.now_ms = self.start_ms = start_ms
        self.feed: list[object] = []
        self.quotes: list[tuple] = []
        self.trades: list[tuple] = []
        self.stores: dict[str, object] = {}

    def advance(self, now_ms: int) -> None:
        assert now_ms > self.now_ms, "exchange time stands or runs backwards"
        self.now_ms = now_ms

    def quote(self, coin, bids, asks) -> None:
        self.quotes.append((self.now_ms - self.start_ms, coin, tuple(bids), tuple(asks)))

    def trade(self, coin, side, px, sz) -> None:
        self.trades.append((self.now_ms - self.start_ms, coin, side, px, sz))

    def set_oracle(self, coin, px) -> None:
        assert px > 0

    def load_candles(self, coin, store) -> None:
        self.stores[coin] = store


def tape(seed: int, start_ms: int, pieces_ms: list[int]) -> Tape:
    market = RandomMarket(UNIVERSE, seed, start_ms)
    exchange = Tape(start_ms)
    market.prepare(exchange)
    for until_ms in pieces_ms:
        play(exchange, market, start_ms + until_ms)
    return exchange


def test_the_same_seed_gives_the_same_tape_at_any_hour_and_pace():
    whole = tape(7, START_MS, [60_000])
    pieces = tape(7, START_MS + 123_456, [1, 2, 499, 500, 501, 20_000, 20_000, 59_999, 60_000])
    assert whole.quotes == pieces.quotes
    assert whole.trades == pieces.trades
    assert whole.trades != tape(8, START_MS, [60_000]).trades


def test_every_coin_prints_at_its_pace_and_the_majors_two_to_four_times_a_second():
    trades = tape(7, START_MS, [120_000]).trades
    for coin in grids(UNIVERSE):
        rate = sum(trade[1] == coin for trade in trades) / 120
        assert 2 <= rate <= 4 if coin in ("BTC", "ETH", "SOL") else 0.5 <= rate <= 2, (coin, rate)


def test_books_and_prints_are_on_the_grid_and_twenty_levels_deep():
    seen = tape(7, START_MS, [30_000])
    decimals = {coin: grid.sz_decimals for coin, grid in grids(UNIVERSE).items()}
    for _, coin, bids, asks in seen.quotes:
        assert len(bids) == len(asks) == DEPTH
        prices = [px for px, _, _ in bids[::-1]] + [px for px, _, _ in asks]
        assert prices == sorted(set(prices))
        assert all(legal_price(px, decimals[coin]) and legal_size(sz, decimals[coin]) for px, sz, _ in [*bids, *asks])
        if coin == "BTC":
            assert asks[0][0] - bids[0][0] == 1
    assert all(legal_price(px, decimals[coin]) and legal_size(sz, decimals[coin]) for _, coin, _, px, sz in seen.trades)


def test_prints_reach_the_exchange_and_its_candles():
    market = RandomMarket(UNIVERSE, 7, START_MS)
    exchange = Exchange(UNIVERSE, start_ms=START_MS)
    market.prepare(exchange)
    play(exchange, market, START_MS + 60_000)
    assert exchange.now_ms == START_MS + 60_000
    for coin in market.coins:
        trades = exchange.recent_trades(coin)
        assert trades
        minute = exchange.candle(coin, "1m")
        assert minute["c"] == trades[0]["px"]
        levels = exchange.l2(coin)["levels"]
        assert [len(side) for side in levels] == [DEPTH, DEPTH]
    history = exchange.info(
        {"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "5m", "startTime": 0, "endTime": START_MS}}
    ).body
    assert len(history) == 14 * 24 * 12 + (START_MS % 300_000 >= 60_000)


def test_the_live_price_goes_on_where_the_history_ends():
    market = RandomMarket(UNIVERSE, 7, START_MS)
    exchange = Exchange(UNIVERSE, start_ms=START_MS)
    market.prepare(exchange)
    for coin, grid in grids(UNIVERSE).items():
        bid, ask = (side[0]["px"] for side in exchange.l2(coin)["levels"])
        assert float(bid) <= grid.reference_px * 1.001
        assert float(ask) >= grid.reference_px * 0.999


def test_coins_move_together_but_not_alike():
    market = RandomMarket(UNIVERSE, 7, START_MS)
    exchange = Tape(START_MS)
    market.prepare(exchange)
    closes = {
        coin: [float(row["c"]) for row in exchange.stores[coin].snapshot("5m", 0, 2**45)] for coin in ("BTC", "ETH")
    }
    moves = [np.diff(np.log(close)) for close in closes.values()]
    assert 0.5 < np.corrcoef(*moves)[0, 1] < 0.97


def test_regimes_change_the_weather():
    market = RandomMarket(UNIVERSE, 7, START_MS)
    exchange = Tape(START_MS)
    market.prepare(exchange)
    rows = exchange.stores["BTC"].snapshot("1h", 0, 2**45)
    ranges = sorted((float(row["h"]) - float(row["l"])) / float(row["c"]) for row in rows)
    assert ranges[len(ranges) * 9 // 10] > 2 * ranges[len(ranges) // 10]


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=20))
@settings(max_examples=6, deadline=None)
def test_playing_never_turns_time_back(steps):
    market = RandomMarket(UNIVERSE, 1, START_MS)
    exchange = Tape(START_MS)
    market.prepare(exchange)
    for until_ms in steps:
        before = exchange.now_ms
        play(exchange, market, START_MS + until_ms)
        assert exchange.now_ms == max(before, START_MS + until_ms)
    assert all(one[0] <= other[0] for one, other in pairwise(exchange.quotes))


@pytest.mark.parametrize("px", [0.0000123, 0.004411, 0.99999, 9.9999, 99_999.9, 123_456.7, 0.00002])
def test_the_house_makes_a_sound_book_at_any_price(px):
    grid = grids(UNIVERSE)["kPEPE"]
    exchange = Tape(START_MS)
    house = House(grid, 1)
    house.make(exchange, px)
    house.take(exchange, "A")
    _, _, bids, asks = exchange.quotes[0]
    assert all(legal_price(level[0], grid.sz_decimals) for level in [*bids, *asks])
    assert exchange.trades[0][3] == bids[0][0]
