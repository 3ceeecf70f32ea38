"""A stretch of a candle replay walked in one go leaves the exchange as if every print had been played."""

import random
from typing import Any

import numpy as np
import pytest

from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import Universe, default_universe
from tidegate.localnet.markets import quiet
from tidegate.localnet.markets.candle_replay import CandleReplay
from tidegate.localnet.markets.candles import HOUR_MS, MINUTE_MS, Bars
from tidegate.localnet.markets.house import grids
from tidegate.localnet.markets.leaping import Leaper

START_MS = 1_735_689_600_000
BARS = 300
COINS = {"BTC": (60_000.0, 0, 3.0), "SOL": (99.9, 3, 40.0), "DOGE": (0.2, 5, 2e5), "kPEPE": (0.01, 7, 30.0)}
ANYWHERE = quiet.Band(0, 2**60, 0.0, float("inf"))


def tape(seed: int, price: float, decimals: int, volume: float) -> Bars:
    chance = np.random.default_rng(seed)
    steps = chance.normal(0, 0.0005, (BARS, 6)).cumsum(axis=1)
    steps[chance.random(BARS) < 0.05] = 0
    base = np.concatenate([[0], steps[:-1, -1].cumsum()])
    prices = np.round(price * np.exp(base[:, None] + np.concatenate([np.zeros((BARS, 1)), steps], axis=1)), decimals)
    traded = np.round(chance.gamma(2, volume / 2, BARS) + 0.00001, 5)
    times = START_MS + MINUTE_MS * np.arange(BARS)
    ends = prices[:, 0], prices.max(axis=1), prices.min(axis=1), prices[:, -1]
    return Bars(MINUTE_MS, times, *ends, traded, np.zeros(BARS, np.int64))


def market(seed: int) -> tuple[Exchange, CandleReplay]:
    listed = default_universe()
    universe = Universe(
        perps=tuple(each for each in listed.perps if each.name in COINS), spots=(), tokens=listed.tokens
    )
    tapes = {coin: tape(seed + number, *COINS[coin]) for number, coin in enumerate(COINS)}
    replay = CandleReplay(tapes, grids(universe), START_MS + 50 * MINUTE_MS, 0, "made", intervals=("1m", "1h"))
    exchange = Exchange(universe, start_ms=replay.start_ms)
    replay.prepare(exchange)
    return exchange, replay


def play(exchange: Exchange, replay: CandleReplay, until_ms: int) -> None:
    """Print by print, marks at their exact times."""
    while exchange.now_ms < until_ms:
        due = (until_ms, exchange.next_mark_ms, replay.next_ms())
        at_ms = min(each for each in due if each is not None)
        exchange.advance(at_ms)
        while replay.next_ms() == at_ms:
            replay.step(exchange)


def shown(exchange: Exchange) -> dict[str, Any]:
    """All that anybody could see or that decides what comes next."""
    told: dict[str, Any] = {"now": exchange.now_ms, "samples": exchange.samples_taken}
    for coin, prices in exchange.venue.prices.items():
        told[coin] = {
            "prices": (prices.oracle, prices.mark, prices.last, prices.marked_ms),
            "averages": [each.parts for each in prices.averages],
            "book": exchange.l2(coin)["levels"],
            "funding": (prices.funding.samples, prices.funding.rate, round(float(prices.funding.total), 15)),
            "candles": (exchange.candle(coin, "1m"), exchange.candle(coin, "1h")),
            "history": prices.candles.snapshot("1m", 0, 2**60) if prices.candles else None,
            "newest": {name: prices.recent[0][name] for name in ("px", "sz", "side", "time", "users")},
        }
    return told


@pytest.mark.parametrize("seed", range(4))
def test_an_exchange_that_leapt_is_where_one_is_that_was_played(seed: int) -> None:
    chance = random.Random(seed)
    (played, tape_played), (leapt, tape_leapt) = market(10 * seed), market(10 * seed)
    leaper = Leaper(leapt, tape_leapt)
    at_ms = played.now_ms + 5 * MINUTE_MS
    for reach_ms in (2 * MINUTE_MS, 50 * MINUTE_MS, 20_000):
        at_ms += chance.randrange(MINUTE_MS)
        play(played, tape_played, at_ms)
        play(leapt, tape_leapt, at_ms)
        until_ms = min(at_ms + chance.randrange(5_000, reach_ms), (at_ms // HOUR_MS + 1) * HOUR_MS - 1)
        states = {coin: leaper.state(coin) for coin in COINS}
        walked = {coin: state for coin, state in states.items() if state is not None}
        for coin, state in walked.items():
            assert leaper.walk(coin, state, ANYWHERE, at_ms, until_ms)[0] == until_ms
        leaper.land(walked, at_ms, until_ms)
        play(played, tape_played, until_ms)
        assert shown(leapt) == shown(played)
        at_ms = until_ms
    play(played, tape_played, at_ms + 3 * MINUTE_MS)
    play(leapt, tape_leapt, at_ms + 3 * MINUTE_MS)
    assert shown(leapt) == shown(played)


def test_a_walk_ends_at_the_first_print_that_leaves_its_band() -> None:
    exchange, replay = market(3)
    leaper = Leaper(exchange, replay)
    play(exchange, replay, exchange.now_ms + 3 * MINUTE_MS)
    state, from_ms = leaper.state("SOL"), exchange.now_ms
    assert state is not None
    last = exchange.venue.prices["SOL"].last
    assert last is not None
    units = leaper.tapes["SOL"].units(last)
    band = quiet.Band(units - 150, units + 150, 0.0, float("inf"))
    left_ms, _marks = leaper.walk("SOL", state, band, from_ms, from_ms + HOUR_MS)
    assert from_ms < left_ms < from_ms + HOUR_MS
    play(exchange, replay, left_ms - 1)
    before = exchange.venue.prices["SOL"].last
    assert before is not None
    assert abs(leaper.tapes["SOL"].units(before) - units) < 150
    play(exchange, replay, left_ms + MINUTE_MS)
    rows = exchange.recent_trades("SOL")
    gone = [row for row in rows if row["time"] >= left_ms]
    assert gone
    assert abs(leaper.tapes["SOL"].units(type(last)(gone[-1]["px"])) - units) >= 150
