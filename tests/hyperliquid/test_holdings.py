"""Positions as the account's own listing has them are held against its fills."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.model.events import AccountMissed, OrderFilled
from tidegate.model.market import Timeframe

USER = "0x" + "ab" * 20
AT_MS = 1_700_000_000_000


class Told:
    """A stream that is told of fills and listings, each a second after the one before."""

    def __init__(self) -> None:
        self.protocol = StreamProtocol(["BTC"], USER, Timeframe.M1, fills_since_ms=0)
        self.protocol.opened(AT_MS, 1)
        self.at_ms, self.tid = AT_MS, 0

    def frame(self, channel: str, data: Any) -> list[Any]:
        return self.protocol.receive(json.dumps({"channel": channel, "data": data}).encode(), self.at_ms, 2)

    def fill(self, size: str, start: str, coin: str = "BTC") -> list[Any]:
        self.at_ms, self.tid = self.at_ms + 1_000, self.tid + 1
        side = "A" if size.startswith("-") else "B"
        row = {"coin": coin, "px": "100", "sz": size.lstrip("-"), "side": side, "time": self.at_ms, "oid": 1}
        return self.frame("userFills", {"fills": [{**row, "tid": self.tid, "startPosition": start}], "user": USER})

    def listing(self, dex: str = "", time_ms: int = 0, **sizes: str) -> list[Any]:
        self.at_ms += 1_000
        rows = [{"type": "oneWay", "position": {"coin": coin, "szi": size}} for coin, size in sizes.items()]
        state = {"assetPositions": rows, "time": time_ms or self.at_ms}
        return self.frame("clearinghouseState", {"dex": dex, "user": USER, "clearinghouseState": state})


def missed(*coins: str) -> list[str]:
    """What is told of a difference in these coins."""
    return [f"the account's listing and its fills differ in {', '.join(coins)}"]


def reasons(events: list[Any]) -> list[str]:
    return [event.reason for event in events if isinstance(event, AccountMissed)]


def test_the_account_s_positions_are_subscribed_to_with_the_rest_of_it() -> None:
    frames = StreamProtocol(["BTC"], USER, Timeframe.M1).opened(AT_MS, 1)
    wanted = [json.loads(frame)["subscription"] for frame in frames]
    assert {"type": "clearinghouseState", "user": USER} in wanted


def test_a_fill_that_was_never_heard_is_told_by_the_second_listing_that_knows_it_and_only_once() -> None:
    told = Told()
    assert told.listing() == []
    assert told.listing(BTC="0.5") == []
    assert reasons(told.listing(BTC="0.5")) == missed("BTC")
    assert told.listing(BTC="0.5") == told.listing(BTC="0.5") == []
    assert told.listing() == []
    assert reasons(told.listing()) == missed("BTC")


def test_a_listing_that_is_a_moment_before_or_behind_the_fills_asks_for_nothing() -> None:
    told = Told()
    told.listing()
    assert told.listing(BTC="0.5") == []
    assert isinstance(told.fill("0.5", "0")[0], OrderFilled)
    assert told.listing(BTC="0.5") == []
    told.fill("-0.2", "0.5")
    assert told.listing(BTC="0.5") == []
    assert told.listing(BTC="0.3") == told.listing(BTC="0.3") == []


def test_what_differs_in_another_way_each_time_is_still_moving() -> None:
    told = Told()
    told.listing()
    assert [told.listing(BTC=size) for size in ("0.1", "0.2", "0.3")] == [[], [], []]


@pytest.mark.parametrize("coin", ["@107", "PURR/USDC", "xyz:GOLD"])
def test_fills_of_what_the_listing_never_lists_are_not_missed_in_it(coin: str) -> None:
    told = Told()
    told.listing()
    told.fill("1", "0", coin)
    assert told.listing() == told.listing() == []


def test_listings_of_other_groups_older_ones_and_unsound_ones_say_nothing() -> None:
    told = Told()
    told.listing()
    assert [told.listing(dex="xyz", BTC="1") for _ in range(3)] == [[], [], []]
    assert [told.listing(time_ms=1, BTC="1") for _ in range(3)] == [[], [], []]
    assert [told.listing(BTC="NaN") for _ in range(3)] == [[], [], []]
    assert told.protocol.dropped["positions: unsound"] == 3


def test_after_a_new_connection_the_listing_is_where_it_begins_again() -> None:
    told = Told()
    told.listing()
    told.listing(BTC="1")
    told.protocol.lost("cut", told.at_ms)
    told.protocol.opened(told.at_ms, 3)
    assert told.listing(BTC="1") == told.listing(BTC="1") == []


@given(st.lists(st.tuples(st.sampled_from(["BTC", "ETH"]), st.integers(-5, 5).filter(bool), st.booleans())))
def test_whoever_hears_every_fill_is_never_sent_to_look(story: list[tuple[str, int, bool]]) -> None:
    told, sizes = Told(), {"BTC": Decimal(0), "ETH": Decimal(0)}
    told.listing()
    for coin, change, with_listing in story:
        told.fill(str(change), str(sizes[coin]), coin)
        sizes[coin] += change
        if with_listing:
            assert told.listing(**{name: str(size) for name, size in sizes.items() if size}) == []
