"""priority.py: fees for priority are burned from stake, of what filled or rests."""

from decimal import Decimal

import pytest

from tests.localnet.floor import ALO, GTC, IOC, Trader, order, quiet_floor

D = Decimal


@pytest.fixture
def trader():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    exchange.operators.give_stake(trader.user.upper().replace("0X", "0x"), D(10))
    exchange.set_oracle("HYPE", D(40))
    return trader


def stake(trader):
    return trader.exchange._venue.restrictions.stakes[trader.user]


def test_an_ioc_burns_its_share_of_what_it_filled(trader):
    (status,) = trader.orders([order("B", "80001", "0.01", IOC)], {"p": 80_000})
    assert status["filled"]["totalSz"] == "0.01"
    assert stake(trader) == D(10) - D("800.01") * 80_000 / 100_000_000 / 40


def test_a_post_only_order_burns_its_share_of_what_rests_and_a_refused_one_nothing(trader):
    statuses = trader.orders([order("B", "79000", "0.01", ALO), order("B", "80001", "0.01", ALO)], {"p": 100_000})
    assert [next(iter(status)) for status in statuses] == ["resting", "error"]
    assert stake(trader) == D(10) - D(790) / 1_000 / 40


@pytest.mark.parametrize(
    ("wishes", "parts", "text"),
    [
        ([order("B", "79000", "0.01", GTC)], 1, "Priority orders must be all IOC or all non-reduce-only ALO."),
        (
            [order("B", "79000", "0.01", ALO), order("B", "80001", "0.01", IOC)],
            1,
            "Priority orders must be all IOC or all non-reduce-only ALO.",
        ),
        (
            [order("B", "79000", "0.01", ALO, reduce_only=True)],
            1,
            "Priority orders must be all IOC or all non-reduce-only ALO.",
        ),
        ([order("B", "79000", "0.01", ALO)], 100_000_001, "Invalid priority fee."),
        ([order("B", "79000", "1", ALO)], 100_000_000, "Insufficient delegatable balance for priority order"),
        ([order("B", "0", "1", ALO)], 1, "Order has invalid price."),
    ],
)
def test_priority_is_refused_with_one_text_for_the_batch(trader, wishes, parts, text):
    assert trader.orders(wishes, {"p": parts}) == [{"error": text}]
    assert stake(trader) == 10


def test_who_has_no_stake_has_no_priority():
    trader = Trader(quiet_floor(), 1)
    answer = trader.orders([order("B", "79000", "0.01", ALO)], {"p": 1})
    assert answer == [{"error": "Insufficient delegatable balance for priority order"}]
