"""builders.py: who may take a fee on top, and what becomes of it."""

from decimal import Decimal

import pytest

from tests.localnet.floor import IOC, Trader, order, quiet_floor, trigger
from tests.localnet.masters import sign_and_act

D = Decimal
DEFAULT = {"status": "ok", "response": {"type": "default"}}
NOT_APPROVED = [{"error": "Builder fee has not been approved"}]


@pytest.fixture
def trader():
    return Trader(quiet_floor(), 1)


@pytest.fixture
def builder(trader):
    return Trader(trader.exchange, 2, usdc="100")


def approve(trader, builder, rate):
    action = {"type": "approveBuilderFee", "maxFeeRate": rate, "builder": builder.wallet.address}
    return sign_and_act(trader, action)


def place(trader, builder, tenths, *orders, **envelope):
    action = {
        "type": "order",
        "orders": list(orders) or [order("B", "80001", "0.01", IOC)],
        "grouping": "na",
        "builder": {"b": builder.user, "f": tenths},
    }
    return trader.post(action, **envelope)["response"]["data"]["statuses"]


def max_fee(trader, builder):
    return trader.ask("maxBuilderFee", builder=builder.user)


@pytest.mark.parametrize(("rate", "tenths"), [("0.001%", 1), ("0.05%", 50), ("0.1%", 100), ("1%", 1000)])
def test_a_rate_reads_back_in_tenths_of_a_basis_point(trader, builder, rate, tenths):
    assert approve(trader, builder, rate) == DEFAULT
    assert max_fee(trader, builder) == tenths
    assert trader.ask("approvedBuilders") == [builder.user]


@pytest.mark.parametrize("rate", ["0.0001%", "1.001%", "-1%", "5", "x%"])
def test_a_rate_that_is_none_is_refused(trader, builder, rate):
    assert approve(trader, builder, rate)["status"] == "err"
    assert max_fee(trader, builder) == 0


def test_a_builder_needs_a_hundred_dollars(trader):
    poor = Trader(trader.exchange, 3, usdc="99")
    text = "Builder has insufficient balance to be approved."
    assert approve(trader, poor, "0.01%") == {"status": "err", "response": text}


def test_an_order_may_carry_what_was_approved_and_no_more(trader, builder):
    assert place(trader, builder, 10) == NOT_APPROVED
    approve(trader, builder, "0.01%")
    assert place(trader, builder, 11) == NOT_APPROVED
    assert "filled" in place(trader, builder, 10)[0]
    approve(trader, builder, "0%")
    assert place(trader, builder, 10) == NOT_APPROVED
    assert trader.ask("approvedBuilders") == []


def test_a_perp_order_carries_ten_basis_points_at_most(trader, builder):
    approve(trader, builder, "1%")
    assert place(trader, builder, 101) == NOT_APPROVED
    assert "filled" in place(trader, builder, 100)[0]


def test_the_fee_is_part_of_the_fills_fee_and_the_builders_reward(trader, builder):
    approve(trader, builder, "0.01%")
    before = D(trader.ask("clearinghouseState")["marginSummary"]["totalRawUsd"])
    place(trader, builder, 10)
    (fill,) = trader.ask("userFills")
    own = D("80001") * D("0.01") * D("0.0001")
    assert D(fill["builderFee"]) == own.quantize(D("0.000001"))
    assert D(fill["fee"]) == D("0.360004") + D(fill["builderFee"])
    after = D(trader.ask("clearinghouseState")["marginSummary"]["totalRawUsd"])
    assert before - after == D("800.01") + D(fill["fee"])
    told = builder.ask("referral")
    assert D(told["builderRewards"]) == D(told["unclaimedRewards"]) == D(fill["builderFee"])


def test_a_resting_order_pays_its_builder_when_it_fills(trader, builder):
    approve(trader, builder, "0.01%")
    place(trader, builder, 10, order("B", "79999", "0.01"))
    trader.exchange.trade("BTC", "A", D(79_999), D(100))
    assert "builderFee" in trader.ask("userFills")[0]


def test_a_trigger_order_keeps_its_builder_until_it_fires(trader, builder):
    approve(trader, builder, "0.01%")
    place(trader, builder, 10, order("B", "90000", "0.01", trigger("sl", "80100")))
    trader.exchange.quote("BTC", [(D(80_190), D(5), 1)], [(D(80_210), D(5), 1)])
    trader.exchange.advance(trader.exchange.now_ms + 3_000)
    trader.exchange.trade("BTC", "B", D(80_210), D("0.01"))
    trader.exchange.set_oracle("BTC", D(80_200))
    assert "builderFee" in trader.ask("userFills")[0]


def test_an_order_without_a_builder_has_no_such_key(trader):
    trader.order("B", "80001", "0.01", IOC)
    assert "builderFee" not in trader.ask("userFills")[0]


def test_rewards_are_claimed_once(trader, builder):
    approve(trader, builder, "0.01%")
    place(trader, builder, 10)
    earned = D(builder.ask("referral")["unclaimedRewards"])
    assert builder.post({"type": "claimRewards"}) == DEFAULT
    assert D(builder.ask("clearinghouseState")["withdrawable"]) == 100 + earned
    told = builder.ask("referral")
    assert (told["unclaimedRewards"], D(told["claimedRewards"])) == ("0.0", earned)
    assert builder.post({"type": "claimRewards"}) == {"status": "err", "response": "No rewards to claim"}
    deltas = [row["delta"] for row in builder.ask("userNonFundingLedgerUpdates", startTime=0)]
    assert deltas[-1]["type"] == "rewardsClaim"


def test_a_sub_account_has_what_its_master_approved(trader, builder):
    trader.exchange.volume_gates = False
    sub_account = trader.post({"type": "createSubAccount", "name": "s"})["response"]["data"]
    move = {"type": "subAccountTransfer", "subAccountUser": sub_account, "isDeposit": True, "usd": 10**9}
    trader.post(move)
    assert place(trader, builder, 10, vaultAddress=sub_account) == NOT_APPROVED
    approve(trader, builder, "0.01%")
    assert "filled" in place(trader, builder, 10, vaultAddress=sub_account)[0]


def test_ten_builders_may_be_approved(trader):
    builders = [Trader(trader.exchange, number, usdc="100") for number in range(20, 31)]
    for builder in builders[:10]:
        assert approve(trader, builder, "0.01%") == DEFAULT
    assert approve(trader, builders[10], "0.01%")["status"] == "err"
    assert approve(trader, builders[0], "0.02%") == DEFAULT, "one that is approved may be changed"
