"""The budget of an address: an allowance, what trading adds, the slow lane when it is used up."""

import pytest
from floor import GTC, Trader, order, quiet_floor

from tidegate.localnet.kernel.budgets import requests_of

SPENT_PAUSE_MS = 10_000


def used(trader: Trader) -> int:
    return trader.ask("userRateLimit")["nRequestsUsed"]


def trader_with(requests: int, *, free: int = 10_000) -> Trader:
    """A trader who has sent so many requests already."""
    exchange = quiet_floor()
    exchange.free_requests = free
    trader = Trader(exchange, 7)
    for _ in range(requests):
        assert trader.post({"type": "noop"})["status"] == "ok"
    return trader


@pytest.mark.parametrize(
    ("action", "count"),
    [
        ({"type": "noop"}, 1),
        ({"type": "order", "orders": [{}] * 3}, 3),
        ({"type": "cancelByCloid", "cancels": [{}] * 200}, 200),
        ({"type": "batchModify", "modifies": [{}, {}]}, 2),
        ({"type": "order", "orders": []}, 1),
        ({"type": "order", "orders": 7}, 1),
    ],
)
def test_a_batch_counts_its_elements(action, count):
    assert requests_of(action) == count


def test_an_action_refused_as_a_whole_costs_nothing():
    trader = trader_with(1)
    assert trader.post({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 0})["status"] == "err"
    assert used(trader) == 1
    assert "error" in trader.order("B", "80000", "0.00001")
    assert used(trader) == 2


def test_a_stale_action_costs_five_times_its_size():
    trader = trader_with(0)
    batch = [order("B", "70000", "0.01", GTC)] * 2
    late = trader.post({"type": "order", "orders": batch, "grouping": "na"}, expiresAfter=trader.exchange.now_ms - 1)
    assert late["status"] == "err"
    assert used(trader) == 10


def test_a_spent_budget_leaves_one_action_in_ten_seconds_and_refusals_do_not_restart_the_wait():
    trader = trader_with(9, free=10)
    assert trader.post({"type": "noop"})["status"] == "ok"
    for _ in range(5):
        trader.exchange.advance(trader.exchange.now_ms + SPENT_PAUSE_MS // 5 - 1)
        assert trader.post({"type": "noop"}) == {
            "status": "err",
            "response": "Too many cumulative requests sent (11 > 9) for cumulative volume traded $0. "
            "Place taker orders to free up 1 request per USDC traded.",
        }
    assert used(trader) == 10
    trader.exchange.advance(trader.exchange.now_ms + 5)
    assert trader.post({"type": "noop"})["status"] == "ok"
    assert trader.post({"type": "noop"})["status"] == "err"


def test_cancels_have_a_purse_of_their_own():
    trader = trader_with(10, free=10)
    cancel = {"type": "cancel", "cancels": [{"a": 0, "o": 1}]}
    assert trader.post({"type": "noop"})["status"] == "err"
    assert [trader.post(cancel)["status"] for _ in range(10)] == ["ok"] * 9 + ["err"]
    assert used(trader) == 19


def test_every_dollar_traded_buys_a_request():
    trader = trader_with(10, free=10)
    trader.exchange.advance(trader.exchange.now_ms + SPENT_PAUSE_MS)
    assert "filled" in trader.order("B", "80001", "0.001")
    assert trader.ask("userRateLimit") == {
        "cumVlm": "80.0",
        "nRequestsUsed": 11,
        "nRequestsCap": 90,
        "nRequestsSurplus": 0,
    }
    assert [trader.post({"type": "noop"})["status"] for _ in range(78)] == ["ok"] * 78
