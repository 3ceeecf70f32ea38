"""A mirrored market, fed by hand: what the venue's frames do to our book, our tape and our orders."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from tests.localnet.floor import GTC, IOC, START_MS, Tape, Trader, quotes
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.candles import CandleStore
from tidegate.localnet.markets.market import LiveMarket, play
from tidegate.localnet.markets.mirror import UNREADABLE_MAX, MirrorMarket, Opening
from tidegate.localnet.mirror.frames import CannotMirror, Trade

D = Decimal
BIDS, ASKS = [("80000", "5"), ("79999", "5")], [("80001", "5"), ("80002", "5")]


class Mirror:
    """An exchange that mirrors a venue whose frames the test writes; the venue's clock is its own."""

    def __init__(self, recent: tuple[Trade, ...] = ()) -> None:
        self.exchange = Exchange(default_universe(), start_ms=START_MS)
        self.now_ms = START_MS
        opening = Opening({"BTC": CandleStore("BTC")}, {"BTC": D(80_000), "ETH": D(2_500)}, (), {"BTC": recent})
        self.market = MirrorMarket("a mirror", opening, self._silence, lambda: self.now_ms)
        self.market.prepare(self.exchange)
        self.tape = Tape()
        self.exchange.feed.append(self.tape)
        self.venue_ms = 1_000

    async def _silence(self, hear: Any) -> None:
        raise AssertionError("nobody listens in these tests")

    def hear(self, channel: str, data: Any) -> None:
        self.now_ms += 10
        self.venue_ms += 1
        self.market.hear(json.dumps({"channel": channel, "data": data}).encode())
        play(self.exchange, self.market, self.now_ms)

    def show(self, bids=BIDS, asks=ASKS, *, coin: str = "BTC") -> None:
        """A whole book of the venue."""
        levels = [[{"px": px, "sz": sz, "n": 1} for px, sz in side] for side in (bids, asks)]
        self.hear("l2Book", {"coin": coin, "time": self.venue_ms + 1, "levels": levels})

    def print(self, side: str, px: str, sz: str, tid: int = 0, time_ms: int = 0) -> None:
        """A trade of the venue."""
        time_ms = time_ms or self.venue_ms + 1
        row = {"coin": "BTC", "side": side, "px": px, "sz": sz, "time": time_ms, "tid": tid or time_ms, "hash": "0xfe"}
        self.hear("trades", [{**row, "users": ["0xaa", "0xbb"]}])

    def lose(self) -> None:
        """The connection is gone."""
        self.market.hear(None)
        play(self.exchange, self.market, self.now_ms)

    def book(self) -> list[list[tuple[str, str]]]:
        return [[(row["px"], row["sz"]) for row in side] for side in self.exchange.l2("BTC")["levels"]]


@pytest.fixture
def mirror() -> Mirror:
    mirror = Mirror()
    mirror.show()
    return mirror


@pytest.fixture
def trader(mirror: Mirror) -> Trader:
    return Trader(mirror.exchange, 1)


def filled(mirror: Mirror) -> list[tuple[str, str, bool]]:
    return [(row["px"], row["sz"], row["crossed"]) for _, row in mirror.tape.fills]


def test_the_book_is_the_venues(mirror):
    assert mirror.book() == [[("80000.0", "5.0"), ("79999.0", "5.0")], [("80001.0", "5.0"), ("80002.0", "5.0")]]
    mirror.hear("bbo", {"coin": "BTC", "time": mirror.venue_ms + 1, "bbo": [{"px": "79999", "sz": "1", "n": 2}, None]})
    assert mirror.book() == [[("79999.0", "1.0")], []]


def test_the_venues_prints_are_printed_under_their_own_names(mirror):
    mirror.print("A", "80000", "0.3", tid=77)
    (row,) = mirror.tape.trades
    assert (row["px"], row["sz"], row["side"], row["tid"]) == ("80000.0", "0.3", "A", 77)
    assert row["users"] == ["0xaa", "0xbb"]
    assert row["time"] == mirror.now_ms
    assert mirror.exchange.candle("BTC", "1m")["v"] == "0.3"
    assert mirror.book()[0][0] == ("80000.0", "5.0")


def test_a_taker_takes_what_is_shown_and_it_stays_taken_until_the_venue_shows_another_size(mirror, trader):
    assert trader.order("B", "80001", "5", IOC)["filled"]["avgPx"] == "80001.0"
    mirror.show()
    assert mirror.book()[1] == [("80002.0", "5.0")]
    mirror.show(asks=[("80001", "4"), ("80002", "5")])
    assert mirror.book()[1] == [("80001.0", "4.0"), ("80002.0", "5.0")]


def test_a_resting_order_fills_after_the_volume_before_it(mirror, trader):
    trader.order("B", "80000", "1", GTC)
    mirror.print("A", "80000", "4")
    mirror.show([("80000", "1"), ("79999", "5")])
    mirror.print("A", "80000", "1")
    assert trader.position() == 0
    mirror.print("A", "80000", "0.25")
    assert filled(mirror) == [("80000.0", "0.25", False)]
    mirror.print("A", "80000", "9")
    assert trader.position() == 1
    assert sum(D(row["sz"]) for row in mirror.tape.trades) == D("14.25")


def test_a_resting_order_fills_whole_when_the_venue_trades_beyond_its_price(mirror, trader):
    trader.order("A", "80002", "3", GTC)
    mirror.print("B", "80003", "0.01")
    assert filled(mirror) == [("80002.0", "3.0", False)]
    assert mirror.tape.trades[-1]["px"] == "80003.0"


def test_a_resting_order_fills_when_the_venues_other_side_comes_to_it_as_far_as_it_is_shown(mirror, trader):
    trader.order("B", "80000", "1", GTC)
    for _ in range(3):
        mirror.show([("79999", "5")], [("80000", "0.4"), ("80002", "5")])
    assert trader.position() == D("0.4")
    assert mirror.book()[0][0] == ("80000.0", "0.6")
    mirror.show([("79999", "5")], [("80000", "0.5"), ("80002", "5")])
    assert trader.position() == D("0.9")


def test_an_order_before_the_venues_best_fills_with_the_next_print_of_the_other_side(mirror, trader):
    mirror.show([("79990", "5")], [("80001", "5")])
    trader.order("B", "79995", "1", GTC)
    mirror.print("A", "79990", "0.1")
    assert filled(mirror) == [("79995.0", "1.0", False)]


def test_a_stop_follows_the_mark_that_follows_the_mirrored_oracle(mirror, trader):
    trader.order("B", "80001", "1", IOC)
    stop = {"trigger": {"isMarket": True, "triggerPx": "79000", "tpsl": "sl"}}
    trader.order("A", "75000", "1", stop, reduce_only=True)
    mirror.show([("78000", "5")], [("78001", "5")])
    for _ in range(3):
        mirror.now_ms += 3_000
        mirror.hear("activeAssetCtx", {"coin": "BTC", "ctx": {"markPx": "78000", "oraclePx": "78000"}})
    assert trader.position() == 0
    assert filled(mirror)[-1] == ("78000.0", "1.0", True)


def test_nobody_trades_on_a_book_of_a_lost_connection(mirror, trader):
    trader.order("B", "80000", "1", GTC)
    mirror.lose()
    assert mirror.book() == [[("80000.0", "1.0")], []]
    assert "error" in trader.order("B", "80001", "1", IOC)
    assert mirror.market.lost_connections == 1
    mirror.show()
    mirror.print("A", "79999", "1")
    assert trader.position() == 1


def test_trades_that_the_venue_repeats_are_played_once(mirror):
    mirror.print("A", "80000", "0.3", tid=77, time_ms=2_000)
    mirror.lose()
    mirror.print("A", "80000", "0.3", tid=77, time_ms=2_000)
    mirror.print("A", "80000", "0.1", tid=76, time_ms=1_999)
    mirror.print("A", "80000", "0.2", tid=78, time_ms=2_000)
    assert [row["tid"] for row in mirror.tape.trades] == [77, 78]


def test_trades_from_before_the_mirror_opened_are_not_played():
    known = Trade("BTC", "A", D(80_000), D(1), 2_000, 77)
    mirror = Mirror((known,))
    mirror.print("A", "80000", "1", tid=77, time_ms=2_000)
    mirror.print("A", "80000", "1", tid=70, time_ms=1_500)
    assert mirror.tape.trades == []


def test_coins_that_are_not_mirrored_show_the_venues_mids_and_have_no_book(mirror):
    mirror.hear("allMids", {"mids": {"BTC": "1.0", "ETH": "2612.5", "@107": "38.1", "XYZ": "5.0"}})
    assert mirror.exchange.mids()["ETH"] == "2612.5"
    assert mirror.exchange.mids()["BTC"] == "80000.5"
    mirror.show(coin="ETH")
    assert mirror.exchange.l2("ETH")["levels"] == [[], []]


def test_what_is_no_market_data_is_passed_over_until_it_is_too_much(mirror):
    mirror.hear("subscriptionResponse", {"method": "subscribe"})
    mirror.hear("pong", None)
    for _ in range(UNREADABLE_MAX - 1):
        mirror.hear("trades", {"no": "list"})
    with pytest.raises(CannotMirror, match="what is no market data"):
        mirror.hear("trades", {"no": "list"})


def test_the_same_frames_and_orders_give_the_same_tape():
    tapes = []
    for _ in range(2):
        mirror = Mirror()
        mirror.show()
        trader = Trader(mirror.exchange, 1)
        trader.order("B", "80000", "1", GTC)
        mirror.print("A", "80000", "5.5")
        mirror.show(quotes_of(79_000), quotes_of(79_001))
        tapes.append((mirror.tape.trades, mirror.tape.fills, mirror.book()))
    assert tapes[0] == tapes[1]


def quotes_of(px: int) -> list[tuple[str, str]]:
    return [(str(level), str(sz)) for level, sz, _ in quotes((str(px), "2"))]


def test_it_is_a_market_that_listens():
    heard: list[bytes | None] = []

    async def listen(hear):
        await hear(b"one")
        await hear(None)

    opening = Opening({"BTC": CandleStore("BTC")}, {}, (), {})
    market = MirrorMarket("a mirror", opening, listen, lambda: START_MS)

    async def arrived() -> None:
        heard.append(market.next_ms())

    assert isinstance(market, LiveMarket)
    asyncio.run(market.follow(arrived))
    assert heard == [START_MS, START_MS]
