"""The scripted first run: calm until the cue, then a flush that no stop survives, then the random market."""

from decimal import Decimal
from itertools import pairwise

import eth_account
import pandas as pd
import pytest
from hyperliquid.utils.signing import sign_l1_action

from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.market import play
from tidegate.localnet.markets.script import (
    AFTER_CUE_MS,
    AFTER_ENTRY_MS,
    CANDLE_MS,
    FALL,
    FALL_MS,
    FirstRunMarket,
    flush,
)

D = Decimal
UNIVERSE = default_universe()
BOUNDARY_MS = 1_795_169_400_000
WALLET = eth_account.Account.from_key("0x" + "17" * 32)
# Starts within a candle: right at the boundary, in its middle, and so near its end that the forming one must cross.
PHASES = [0, 67_044, 150_000, 279_999, 280_001, 290_000, 299_999]


class Prints:
    """A subscriber that keeps every BTC print as (ms since the start, price)."""

    def __init__(self, exchange: Exchange) -> None:
        self.start_ms = exchange.now_ms
        self.rows: list[tuple[int, D]] = []

    def on_trades(self, coin, trades):
        if coin == "BTC":
            self.rows += [(row["time"] - self.start_ms, D(row["px"])) for row in trades]

    def on_book(self, coin): ...

    def on_order_update(self, user, updates): ...

    def on_fills(self, user, fills): ...

    def on_user_event(self, user, event): ...

    def on_asset_ctx(self, coin): ...


def opened(seed: int = 7, phase_ms: int = 67_044) -> tuple[Exchange, FirstRunMarket, Prints]:
    market = FirstRunMarket(UNIVERSE, seed, BOUNDARY_MS + phase_ms)
    exchange = Exchange(UNIVERSE, start_ms=market.start_ms)
    prints = Prints(exchange)
    exchange.feed.append(prints)
    market.prepare(exchange)
    return exchange, market, prints


def order(exchange: Exchange, *, buy: bool, px: D, sz: str = "0.01", reduce_only: bool = False, asset: int = 0) -> dict:
    wire = {"a": asset, "b": buy, "p": f"{px:f}", "s": sz, "r": reduce_only, "t": {"limit": {"tif": "Ioc"}}}
    action = {"type": "order", "orders": [wire], "grouping": "na"}
    nonce = exchange.now_ms
    signature = sign_l1_action(WALLET, action, None, nonce, None, False)
    reply = exchange.act({"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None})
    return reply.body["response"]["data"]["statuses"][0]


def candles(exchange: Exchange, coin: str) -> list[dict]:
    request = {"coin": coin, "interval": "5m", "startTime": 0, "endTime": exchange.now_ms}
    rows = exchange.info({"type": "candleSnapshot", "req": request}).body
    return [row for row in rows if row["T"] < exchange.now_ms]


def crosses_up(rows: list[dict]) -> list[bool]:
    close = pd.Series([float(row["c"]) for row in rows])
    above = close.ewm(span=12, adjust=False).mean() > close.ewm(span=26, adjust=False).mean()
    return (above & ~above.shift(fill_value=True)).tolist()


def touch(exchange: Exchange) -> tuple[D, D]:
    bid, ask = exchange.bbo("BTC")["bbo"]
    return D(bid["px"]), D(ask["px"])


@pytest.mark.parametrize("phase_ms", PHASES)
@pytest.mark.parametrize("seed", [1, 7])
def test_the_last_closed_candle_at_the_cue_is_the_crossing_one(seed, phase_ms):
    exchange, market, _ = opened(seed, phase_ms)
    play(exchange, market, market.cue_ms + 10)
    assert market.cue_ms - market.start_ms < 20_000
    for window in (100, 1000):
        rows = candles(exchange, "BTC")[-window:]
        found = crosses_up(rows)
        assert found[-1]
        assert not any(found[-27:-1])
    assert float(rows[-1]["c"]) > max(float(row["h"]) for row in rows[-21:-1])
    assert rows[-1]["T"] <= market.cue_ms
    assert market.cue_ms - rows[-1]["T"] < CANDLE_MS
    for coin in ("ETH", "SOL"):
        assert not any(crosses_up(candles(exchange, coin))[-2:])


def test_closed_candles_do_not_depend_on_the_phase_of_the_wall_clock():
    seen = []
    for phase_ms in PHASES:
        exchange, market, _ = opened(7, phase_ms)
        play(exchange, market, market.cue_ms + 10)
        rows = [row for row in candles(exchange, "BTC") if row["T"] <= market.cue_ms][-500:]
        seen.append([(row["o"], row["h"], row["l"], row["c"]) for row in rows])
    assert all(one == seen[0] for one in seen)


def test_until_the_flush_the_middle_stands_and_prints_come():
    exchange, market, prints = opened()
    before = touch(exchange)
    play(exchange, market, market.start_ms + AFTER_CUE_MS - 1)
    assert touch(exchange) == before
    assert 2 <= len(prints.rows) / (AFTER_CUE_MS / 1000) <= 4.5
    assert {px for _, px in prints.rows} == set(before)


def test_without_a_position_the_flush_comes_after_the_cue():
    exchange, market, prints = opened()
    entry = touch(exchange)[0]
    play(exchange, market, market.start_ms + 120_000)
    first = next(after_ms for after_ms, px in prints.rows if px < entry * D("0.999"))
    assert AFTER_CUE_MS < first < AFTER_CUE_MS + 1000


def test_the_first_position_starts_the_countdown_and_any_stop_up_to_three_percent_is_reached_in_five_seconds():
    exchange, market, prints = opened()
    play(exchange, market, market.start_ms + 3_000)
    ask = touch(exchange)[1]
    assert "filled" in order(exchange, buy=True, px=(ask * D("1.01")).to_integral_value())
    play(exchange, market, market.start_ms + 3_000 + AFTER_ENTRY_MS)
    assert {px for after_ms, px in prints.rows if after_ms > 3_100} <= {ask, ask - 1}
    play(exchange, market, market.start_ms + 3_000 + AFTER_ENTRY_MS + FALL_MS)
    lowest = min(px for _, px in prints.rows)
    assert 1 - lowest / ask == pytest.approx(D(str(FALL)), abs=D("0.0005"))
    for stop in ("0.99", "0.98", "0.97"):
        reached = next(after_ms for after_ms, px in prints.rows if px <= ask * D(stop))
        assert 3_000 + AFTER_ENTRY_MS < reached <= 3_000 + AFTER_ENTRY_MS + FALL_MS


@pytest.mark.parametrize("stop", ["0.99", "0.98", "0.97"])
def test_an_exit_in_the_flush_fills_at_the_touch(stop):
    exchange, market, prints = opened()
    play(exchange, market, market.start_ms + 3_000)
    ask = touch(exchange)[1]
    order(exchange, buy=True, px=(ask * D("1.01")).to_integral_value(), sz="0.5")
    while not prints.rows or prints.rows[-1][1] > ask * D(stop):
        play(exchange, market, market.next_ms())
    bid = touch(exchange)[0]
    filled = order(exchange, buy=False, px=(bid * D("0.95")).to_integral_value(), sz="0.5", reduce_only=True)
    assert filled["filled"]["totalSz"] == "0.5"
    assert D(filled["filled"]["avgPx"]) == bid


def test_a_position_in_another_coin_does_not_start_the_countdown():
    exchange, market, _ = opened()
    play(exchange, market, market.start_ms + 1_000)
    assert "filled" in order(exchange, buy=True, px=D("2800"), asset=UNIVERSE.asset_ids["ETH"])
    assert market.entered_ms is None


def test_the_fall_is_steep_with_small_rebounds():
    fall = [cue for cue in flush(7) if cue.after_ms <= FALL_MS][:60]
    moves = [later.share - earlier.share for earlier, later in pairwise(fall)]
    assert len(fall) == 60
    assert sum(move > 0 for move in moves) in range(4, 12)
    assert max(moves) < 0.001
    assert [cue.after_ms for cue in fall] == sorted({cue.after_ms for cue in fall})


def test_two_thirds_are_recovered_within_a_minute_and_then_it_moves_at_random():
    exchange, market, prints = opened()
    start = touch(exchange)[0]
    flush_ms = market.start_ms + AFTER_CUE_MS
    play(exchange, market, flush_ms + 60_000)
    assert 1 - touch(exchange)[0] / start == pytest.approx(D(str(FALL / 3)), abs=D("0.001"))
    count = len(prints.rows)
    play(exchange, market, flush_ms + 180_000)
    assert len(prints.rows) - count > 200
    assert len({px for _, px in prints.rows[count:]}) > 20


def test_the_same_seed_and_the_same_client_give_the_same_prints():
    tapes = []
    for phase_ms in (67_044, 123_456):
        exchange, market, prints = opened(7, phase_ms)
        play(exchange, market, market.start_ms + 3_000)
        order(exchange, buy=True, px=(touch(exchange)[1] * D("1.01")).to_integral_value())
        play(exchange, market, market.start_ms + 120_000)
        tapes.append(prints.rows)
    assert tapes[0] == tapes[1]


def test_the_screen_is_told_that_it_is_a_script():
    says = FirstRunMarket(UNIVERSE, 7, BOUNDARY_MS).says
    assert says.startswith("scripted")
    assert "4.5%" in says
    assert len(says) < 240
