"""The made-up markets: everything that trades has books, and followers have their leader's price."""

from decimal import Decimal

import pytest

from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.numbers import legal_price, legal_size
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.made_up import made_up
from tidegate.localnet.markets.market import RandomMarket, play
from tidegate.localnet.markets.names import MARKETS
from tidegate.localnet.markets.script import COIN, FALL, FirstRunMarket

D = Decimal
UNIVERSE = default_universe()
START_MS = 1_795_169_467_044


def opened(name, after_ms: int = 30_000):
    universe = default_universe()
    market = made_up(name, universe, 7, START_MS)
    exchange = Exchange(universe, start_ms=START_MS)
    market.prepare(exchange)
    play(exchange, market, START_MS + after_ms)
    return exchange, market


@pytest.mark.parametrize("name", MARKETS)
def test_perps_of_every_dex_and_spot_pairs_have_books_prints_and_candles(name):
    exchange, market = opened(name)
    listed = {rule.name for rule in UNIVERSE.by_name.values() if not rule.is_delisted} | set(UNIVERSE.spot_by_name)
    assert set(market.coins) == listed
    for coin in market.coins:
        assert exchange.recent_trades(coin), coin
        request = {"coin": coin, "interval": "5m", "startTime": 0, "endTime": START_MS}
        assert len(exchange.info({"type": "candleSnapshot", "req": request}).body) > 1000


def test_spot_books_are_on_the_grid_of_spot():
    exchange, _ = opened("random")
    for pair in UNIVERSE.spots:
        for side in exchange.l2(pair.name)["levels"]:
            assert len(side) == 20
            assert all(legal_price(D(level["px"]), pair.sz_decimals, spot=True) for level in side)
            assert all(legal_size(D(level["sz"]), pair.sz_decimals) for level in side)


@pytest.mark.parametrize("name", ["first-run", "random"])
def test_a_spot_pair_follows_its_perp_and_a_dollar_stays_a_dollar(name):
    exchange, _ = opened(name, 90_000)
    mids = {coin: D(px) for coin, px in exchange.mids().items()}
    for spot, perp in (("@107", "HYPE"), ("@142", "BTC"), ("@232", "HYPE")):
        assert mids[spot] / mids[perp] == pytest.approx(1, abs=D("0.002"))
    assert mids["@230"] == pytest.approx(D(1), abs=D("0.002"))


def test_the_followers_of_the_scripted_coin_fall_with_it():
    exchange, _ = opened("first-run", 90_000)
    lows = []
    for coin in (COIN, "@142"):
        request = {"coin": coin, "interval": "5m", "startTime": START_MS - 300_000, "endTime": START_MS + 90_000}
        rows = exchange.info({"type": "candleSnapshot", "req": request}).body
        lows.append(1 - min(float(row["l"]) for row in rows) / max(float(row["h"]) for row in rows))
    assert lows[0] == pytest.approx(FALL, abs=0.005)
    assert lows[1] == pytest.approx(lows[0], abs=0.01)


@pytest.mark.parametrize(("name", "kind"), [("random", RandomMarket), ("first-run", FirstRunMarket)])
def test_the_perps_play_what_they_play_without_the_others(name, kind):
    tapes = []
    for market in (made_up(name, UNIVERSE, 7, START_MS), kind(UNIVERSE, 7, START_MS)):
        exchange = Exchange(UNIVERSE, start_ms=START_MS)
        market.prepare(exchange)
        play(exchange, market, START_MS + 40_000)
        names = [rule.name for rule in UNIVERSE.perps if not rule.is_delisted]
        tapes.append([[(row["px"], row["sz"], row["time"]) for row in exchange.recent_trades(coin)] for coin in names])
    assert tapes[0] == tapes[1]
