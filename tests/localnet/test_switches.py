"""switches.py: the dead man's switch."""

from decimal import Decimal

import pytest

from tests.localnet.floor import START_MS, Tape, Trader, order, quiet_floor, trigger
from tidegate.localnet.kernel.accounts import DAY_MS
from tidegate.localnet.kernel.switches import FIRED_MAX, LEAD_MS

D = Decimal
DEFAULT = {"status": "ok", "response": {"type": "default"}}


@pytest.fixture
def trader():
    trader = Trader(quiet_floor(), 1)
    trader.exchange.volume_gates = False
    return trader


def set_switch(trader, at_ms=None):
    return trader.post({"type": "scheduleCancel"} if at_ms is None else {"type": "scheduleCancel", "time": at_ms})


@pytest.mark.parametrize("at_ms", [None, START_MS + 60_000])
def test_the_switch_asks_for_a_million_of_volume_even_to_be_cleared(trader, at_ms):
    trader.exchange.volume_gates = True
    text = "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $0.0."
    assert set_switch(trader, at_ms) == {"status": "err", "response": text}


def test_at_its_time_all_orders_are_canceled(trader):
    tape = Tape()
    trader.exchange.feed.append(tape)
    resting = trader.order("B", "79000", "0.01")["resting"]["oid"]
    armed = trader.order("B", "90000", "0.01", trigger("sl", "81000"))["resting"]["oid"]
    at_ms = START_MS + LEAD_MS
    assert set_switch(trader, at_ms) == DEFAULT
    trader.exchange.advance(at_ms - 1)
    assert len(trader.ask("openOrders")) == 2
    trader.exchange.advance(at_ms + 10_000)
    assert trader.ask("openOrders") == []
    for oid in (resting, armed):
        found = trader.ask("orderStatus", oid=oid)["order"]
        assert (found["status"], found["statusTimestamp"]) == ("scheduledCancel", at_ms)
    told = [event["nonUserCancel"][0]["oid"] for _, event in tape.events]
    assert told == [resting, armed]


def test_a_parent_takes_its_children_along(trader):
    exits = [order("A", "81000", "0.01", trigger("tp", "81000"), reduce_only=True)]
    trader.orders([order("B", "79000", "0.01"), *exits], "normalTpsl")
    set_switch(trader, START_MS + LEAD_MS)
    trader.exchange.advance(START_MS + LEAD_MS)
    assert trader.ask("openOrders") == []


def test_a_switch_that_was_set_again_or_cleared_does_not_fire(trader):
    trader.order("B", "79000", "0.01")
    set_switch(trader, START_MS + 10_000)
    set_switch(trader, START_MS + 20_000)
    trader.exchange.advance(START_MS + 19_000)
    assert trader.ask("openOrders")
    set_switch(trader)
    trader.exchange.advance(START_MS + 60_000)
    assert trader.ask("openOrders")


def test_the_time_lies_five_seconds_ahead(trader):
    assert set_switch(trader, START_MS + LEAD_MS - 1)["status"] == "err"


def test_the_switch_fires_ten_times_a_day(trader):
    for _ in range(FIRED_MAX):
        at_ms = trader.exchange.now_ms + LEAD_MS
        assert set_switch(trader, at_ms) == DEFAULT
        trader.exchange.advance(at_ms)
    assert set_switch(trader, trader.exchange.now_ms + LEAD_MS)["status"] == "err"
    trader.exchange.advance((START_MS // DAY_MS + 1) * DAY_MS)
    assert set_switch(trader, trader.exchange.now_ms + LEAD_MS) == DEFAULT
