"""A mirror of a second localnet, over real sockets."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.localnet.floor import GTC, IOC, Trader
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.localnet import LocalnetError, LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.mirror.frames import CannotMirror
from tidegate.localnet.mirror.opening import COINS_BY_ITSELF, COINS_MAX, base_url, open_mirror
from tidegate.localnet.mirror.stream import Stream, is_loopback

D = Decimal
PATIENCE_S = 20.0
COINS = ("BTC", "SOL")  # orders are sent in the second only, so that the first one shows the venue's book and tape
SOL = 5
PATIENT = Limits(rest_weight_per_minute=100_000)  # these tests ask for more than one client may


@pytest.fixture(scope="module")
def venue() -> Iterator[Running]:
    with running(LocalnetOptions(scenario="random", seed=3, limits=PATIENT)) as venue:
        yield venue


@pytest.fixture(scope="module")
def mirror(venue: Running) -> Iterator[Running]:
    with running(LocalnetOptions(mirror=venue.url, coins=COINS, limits=PATIENT)) as mirror:
        yield mirror


def ask(server: Running, kind: str, **fields: Any) -> Any:
    return requests.post(f"{server.url}/info", json={"type": kind, **fields}, timeout=10).json()


def eventually(met: Callable[[], Any]) -> Any:
    """The first true answer; fails after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := met()):
        assert time.monotonic() < deadline, "it never happened"
    return answer


def touch(server: Running, coin: str) -> Any:
    return [side[0] if side else None for side in ask(server, "l2Book", coin=coin)["levels"]]


def test_books_mids_and_prints_follow_the_venue(venue, mirror):
    eventually(lambda: touch(mirror, "BTC") == touch(venue, "BTC") != [None, None])
    tids = {row["tid"] for row in eventually(lambda: ask(mirror, "recentTrades", coin="BTC"))}
    assert tids <= {row["tid"] for row in ask(venue, "recentTrades", coin="BTC")}
    eventually(lambda: ask(mirror, "allMids")["BTC"] == ask(venue, "allMids")["BTC"])


def test_it_lists_what_the_venue_lists(venue, mirror):
    assert ask(mirror, "meta") == ask(venue, "meta")
    assert ask(mirror, "spotMeta")["universe"] == ask(venue, "spotMeta")["universe"]
    assert mirror.says.startswith(f"mirror of {venue.url}: BTC, SOL")


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "4h", "1d", "1w"])
def test_candles_go_back_as_far_as_asked_and_agree_with_the_venues(venue, mirror, interval):
    request = {"coin": "BTC", "interval": interval, "startTime": 0, "endTime": 10**14}
    theirs, ours = ([*ask(server, "candleSnapshot", req=request)] for server in (venue, mirror))
    started_ms = mirror.call(lambda localnet: localnet.market.start_ms)
    closed = [row for row in ours if row["T"] < started_ms - 60_000]
    assert len(closed) >= min(len(theirs) - 2, 300)
    assert closed == [row for row in theirs if row["t"] >= closed[0]["t"] and row["T"] < started_ms - 60_000]


def test_a_taker_and_a_resting_order_fill_against_the_mirrored_venue(mirror):
    """Whichever way the venue goes, it comes to one of the two resting orders."""

    def trade(localnet) -> Trader:
        trader = Trader(localnet.exchange, 11)
        bid, ask = localnet.exchange.bbo("SOL")["bbo"]
        assert "filled" in trader.order("B", ask["px"], "10", IOC, asset=SOL)
        assert "resting" in trader.order("B", bid["px"], "1", GTC, asset=SOL)
        assert "resting" in trader.order("A", str(D(ask["px"]) + 1 / D(100)), "1", GTC, asset=SOL)
        return trader

    trader = mirror.call(trade)
    eventually(lambda: mirror.call(lambda _: trader.position("SOL")) != 10)
    crossed = [fill["crossed"] for fill in ask(mirror, "userFills", user=trader.user)]
    assert crossed[-1] is True
    assert not any(crossed[:-1])


def test_a_venue_that_goes_away_leaves_empty_books_and_is_found_again():
    with running(LocalnetOptions(scenario="random", seed=3)) as venue:
        port = int(venue.url.rsplit(":", 1)[1])
        with running(LocalnetOptions(mirror=venue.url, coins=("BTC",))) as mirror:
            eventually(lambda: touch(mirror, "BTC") == touch(venue, "BTC"))
            venue.server.stop()
            eventually(lambda: touch(mirror, "BTC") == [None, None])
            with running(LocalnetOptions(scenario="random", seed=4, port=port)) as again:
                eventually(lambda: touch(mirror, "BTC") == touch(again, "BTC") != [None, None])
                assert mirror.call(lambda localnet: localnet.market.lost_connections) >= 1


def test_without_names_the_busiest_coins_are_mirrored(venue):
    universe, market = open_mirror(venue.url, None, lambda: 1_795_169_400_000)
    assert market.coins[:2] == ("BTC", "ETH")
    assert len(market.coins) == 6
    assert [rule.name for rule in universe.perps] == [rule.name for rule in default_universe().perps]


@pytest.mark.parametrize(
    ("coins", "told"),
    [
        (("BTX",), "did you mean BTC"),
        (("MATIC",), "does not list 'MATIC'"),
        (["BTC"] + [f"C{n}" for n in range(12)], str(COINS_MAX)),
    ],
)
def test_coins_that_cannot_be_mirrored_are_told(venue, coins, told):
    with pytest.raises(CannotMirror, match=told):
        open_mirror(venue.url, coins, lambda: 1_795_169_400_000)


def test_a_source_that_is_no_venue_is_told():
    with pytest.raises(CannotMirror, match="expected mainnet, testnet or a URL"):
        base_url("ftp://somewhere")
    with pytest.raises(CannotMirror, match="metaAndAssetCtxs failed"):
        open_mirror("http://127.0.0.1:9", None, lambda: 1)
    with pytest.raises(LocalnetError, match="speed 1"), running(LocalnetOptions(mirror="mainnet", speed=2.0)):
        pass


@pytest.mark.parametrize("count", [COINS_BY_ITSELF, COINS_MAX])
def test_opening_asks_for_no_more_than_one_minute_allows(count):
    with running(LocalnetOptions(scenario="random")) as venue:
        listed = [rule.name for rule in default_universe().perps if not rule.is_delisted]
        _, market = open_mirror(venue.url, listed[:count], lambda: venue.time_ms)
        assert len(market.coins) == count


def test_names_stand_for_venues_and_only_this_host_is_loopback():
    assert base_url("mainnet") == "https://api.hyperliquid.xyz"
    assert is_loopback("http://127.0.0.1:80")
    assert is_loopback("ws://localhost:1/ws")
    assert is_loopback("http://[::1]:80")
    assert not is_loopback("https://api.hyperliquid.xyz")


def test_a_stream_that_finds_nobody_says_so_and_tries_again():
    lost: list[None] = []

    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        stream = Stream(f"ws://127.0.0.1:{port}/ws", [json.loads('{"type":"allMids"}')])

        async def hear(message: bytes | None) -> None:
            assert message is None
            lost.append(None)
            if len(lost) == 2:
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await stream.follow(hear)

    asyncio.run(run())
    assert len(lost) == 2
