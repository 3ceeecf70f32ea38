"""fees.py: tiers by fourteen days of volume, maker rebates, discounts, and what userFees shows of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.localnet.floor import ALO, IOC, START_MS, Trader, quiet_floor
from tidegate.localnet.kernel import fees
from tidegate.localnet.kernel.accounts import DAY_MS, DayVolume
from tidegate.localnet.kernel.people import SubAccount

D = Decimal


@pytest.fixture
def exchange():
    return quiet_floor()


def traded(exchange, user, **volumes):
    """Give an account a volume on the day before."""
    venue = exchange._venue
    account = venue.accounts[user]
    account.days[venue.now_ms // DAY_MS - 1] = DayVolume(**{name: D(volume) for name, volume in volumes.items()})
    account.rates_of_day = None
    return fees.rates_of(venue, account)


def test_the_recorded_fee_is_cut_to_a_millionth():
    assert fees.fee_of(D("80942") * D("0.00246"), D("0.00045")) == D("0.089602")
    assert fees.fee_of(D("72.153") * D("0.58"), D("-0.00003")) == D("-0.001255"), "a rebate is cut towards zero, too"


@pytest.mark.parametrize(
    ("volume", "cross", "add"),
    [
        (0, "0.00045", "0.00015"),
        (5_000_000, "0.00045", "0.00015"),
        (5_000_001, "0.0004", "0.00012"),
        (25_000_001, "0.00035", "0.00008"),
        (100_000_001, "0.0003", "0.00004"),
        (500_000_001, "0.00028", "0"),
        (2_000_000_001, "0.00026", "0"),
        (7_000_000_001, "0.00024", "0"),
    ],
)
def test_the_tier_follows_from_the_volume_before_today(exchange, volume, cross, add):
    rates = traded(exchange, Trader(exchange, 1).user, taker=volume)
    assert (rates.of(is_taker=True), rates.of(is_taker=False)) == (D(cross), D(add))


def test_spot_volume_counts_twice_and_spot_has_rates_of_its_own(exchange):
    user = Trader(exchange, 1).user
    assert traded(exchange, user, spot_taker=2_500_000) == fees.BASE
    rates = traded(exchange, user, spot_taker=2_500_001)
    assert (rates.of(is_taker=True, is_spot=True), rates.of(is_taker=False, is_spot=True)) == (D("0.0006"), D("0.0003"))


def test_todays_volume_changes_nothing_until_midnight(exchange):
    trader = Trader(exchange, 1)
    venue = exchange._venue
    account = venue.accounts[trader.user]
    account.days[venue.now_ms // DAY_MS] = DayVolume(taker=D(6_000_000))
    assert fees.rates_of(venue, account) == fees.BASE
    exchange.advance((venue.now_ms // DAY_MS + 1) * DAY_MS)
    assert fees.rates_of(venue, account).cross == D("0.0004")
    exchange.advance(venue.now_ms + 14 * DAY_MS)
    assert fees.rates_of(venue, account) == fees.BASE, "fourteen days later it is forgotten"


@pytest.mark.parametrize(
    ("percent", "add"), [("0.4", "0.00004"), ("0.6", "-0.00001"), ("1.6", "-0.00002"), ("3.1", "-0.00003")]
)
def test_makers_of_a_large_share_are_paid(exchange, percent, add):
    venue = exchange._venue
    user = Trader(exchange, 1).user
    everybody = sum(fees.exchange_volume(venue, day) for day in range(14))
    rates = traded(exchange, user, maker=everybody * D(percent) / 100)
    assert rates.add == D(add)


def test_a_fill_pays_the_rate_of_its_side(exchange):
    taker, maker = Trader(exchange, 1), Trader(exchange, 2)
    traded(exchange, taker.user, taker=6_000_000)
    traded(exchange, maker.user, taker=600_000_000)
    maker.order("A", "80000", "0.5", ALO)
    taker.order("B", "80000", "0.5", IOC)
    assert taker.ask("userFills")[0]["fee"] == "16.0"
    assert maker.ask("userFills")[0]["fee"] == "0.0"


def test_a_sub_account_has_its_masters_tier(exchange):
    master, other = Trader(exchange, 1), Trader(exchange, 2)
    exchange._venue.people.sub_accounts[other.user] = SubAccount(other.user, master.user, "second")
    traded(exchange, master.user, taker=6_000_000)
    assert fees.rates_of(exchange._venue, exchange._venue.accounts[other.user]).cross == D("0.0004")


def test_a_referrer_spares_four_percent_of_the_first_volume(exchange):
    referrer, trader = Trader(exchange, 1), Trader(exchange, 2)
    venue = exchange._venue
    assert not fees.referral_discount(venue, venue.accounts[trader.user])
    venue.people.referrals[trader.user] = (referrer.user, "CODE", START_MS)
    shown = trader.ask("userFees")
    assert shown["activeReferralDiscount"] == "0.04"
    assert shown["userCrossRate"] == "0.000432"
    venue.accounts[trader.user].volume = D(25_000_000)
    assert trader.ask("userFees")["userCrossRate"] == "0.00045"


def test_user_fees_shows_the_days_and_the_tier(exchange):
    trader = Trader(exchange, 1)
    traded(exchange, trader.user, taker=6_000_000, spot_maker=5)
    trader.order("B", "80001", "0.5", IOC)
    shown = trader.ask("userFees")
    assert shown["userCrossRate"] == "0.0004"
    yesterday, today = shown["dailyUserVlm"][-2:]
    assert (yesterday["userCross"], yesterday["userAdd"]) == ("6000000.0", "5.0")
    assert today["userCross"] == "40000.5"
    assert D(today["exchange"]) - D(yesterday["exchange"]) == D("40000.5")
    assert shown["feeSchedule"]["tiers"]["vip"][0] == {
        "ntlCutoff": "5000000.0",
        "cross": "0.0004",
        "add": "0.00012",
        "spotCross": "0.0006",
        "spotAdd": "0.0003",
    }


@given(st.decimals("0", "10000000000", places=2), st.decimals("0", "10000000000", places=2))
def test_who_trades_more_never_pays_a_higher_rate(one, other):
    exchange = quiet_floor()
    user = Trader(exchange, 1).user
    less, more = (traded(exchange, user, taker=volume) for volume in sorted((one, other)))
    assert all(low <= high for low, high in zip(more, less, strict=True))
