"""vaults.py: shares of an account that a leader trades with the money of many."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.localnet.floor import GTC, IOC, Trader, move_to, order, quiet_floor
from tidegate.localnet.kernel.accounts import DAY_MS

D = Decimal
DEFAULT = {"status": "ok", "response": {"type": "default"}}
MILLION = 1_000_000


def err(text):
    return {"status": "err", "response": text}


class Floor:
    """A leader with a vault, and a follower."""

    def __init__(self, initial="1000"):
        self.exchange = quiet_floor()
        self.leader = Trader(self.exchange, 1)
        self.follower = Trader(self.exchange, 2)
        self.vault = self.create(initial)["response"]["data"]

    def create(self, initial="1000", name="Tide vault"):
        action = {
            "type": "createVault",
            "name": name,
            "description": "A vault.",
            "initialUsd": int(D(initial) * MILLION),
        }
        return self.leader.post({**action, "nonce": self.leader.nonce + 1})

    def move(self, trader, usd, *, is_deposit=True):
        usd = int(D(usd) * MILLION)
        action = {"type": "vaultTransfer", "vaultAddress": self.vault, "isDeposit": is_deposit, "usd": usd}
        return trader.post(action)

    def details(self, user=None):
        asker = {} if user is None else {"user": user}
        return self.exchange.info({"type": "vaultDetails", "vaultAddress": self.vault, **asker}).body

    def trade(self, side, px, sz, kind=IOC):
        action = {"type": "order", "orders": [order(side, px, sz, kind)], "grouping": "na"}
        return self.leader.post(action, vaultAddress=self.vault)["response"]["data"]["statuses"][0]

    def state(self, user):
        return self.exchange.info({"type": "clearinghouseState", "user": user}).body

    def ask(self, kind, user):
        return self.exchange.info({"type": kind, "user": user, "startTime": 0}).body

    def unlock(self):
        self.exchange.advance(self.exchange.now_ms + DAY_MS)
        for trader in (self.leader, self.follower):
            trader.nonce = self.exchange.now_ms


@pytest.fixture
def floor():
    return Floor()


def test_a_vault_begins_with_its_leaders_money(floor):
    assert floor.state(floor.vault)["withdrawable"] == "1000.0"
    assert floor.state(floor.leader.user)["withdrawable"] == "98900.0", "and costs a hundred dollars to make"
    assert floor.ask("userRole", floor.vault) == {"role": "vault"}
    details = floor.details()
    assert (details["leader"], details["leaderFraction"], details["leaderCommission"]) == (floor.leader.user, 1.0, 0.1)
    assert details["followers"][0]["user"] == "Leader"
    assert details["followerState"] is None
    assert details["relationship"] == {"type": "normal"}


def test_an_address_that_is_no_vault_has_no_details(floor):
    body = floor.exchange.info({"type": "vaultDetails", "vaultAddress": floor.leader.user})
    assert (body.status, body.body) == (200, None)
    floor.vault = "0x" + "00" * 19 + "01"
    assert floor.move(floor.follower, "5") == err(f"Vault not registered: {floor.vault}")


@pytest.mark.parametrize(("initial", "name"), [("99", "Tide vault"), ("1000", "x"), ("1000000", "Tide vault")])
def test_a_vault_needs_a_name_and_a_hundred_dollars(floor, initial, name):
    assert floor.create(initial, name)["status"] == "err"


def test_only_the_leader_trades_a_vault(floor):
    assert "filled" in floor.trade("B", "80001", "0.01")
    floor.leader = floor.follower
    action = {"type": "noop"}
    assert floor.follower.post(action, vaultAddress=floor.vault) == err(f"Vault not registered: {floor.vault}")


def test_a_deposit_buys_shares_at_what_the_vault_is_worth(floor):
    floor.trade("B", "80001", "0.1")
    move_to(floor.exchange, 85_000)
    equity = D(floor.state(floor.vault)["marginSummary"]["accountValue"])
    assert floor.move(floor.follower, "500") == DEFAULT
    (mine,) = floor.ask("userVaultEquities", floor.follower.user)
    assert mine["vaultAddress"] == floor.vault
    assert abs(D(mine["equity"]) - 500) < D("0.00001")
    assert floor.details()["leaderFraction"] == pytest.approx(float(equity / (equity + 500)))
    share = floor.details(floor.follower.user)["followerState"]
    assert share["user"] == floor.follower.user
    assert share["lockupUntil"] == mine["lockedUntilTimestamp"] == floor.exchange.now_ms + DAY_MS


def test_a_deposit_is_five_dollars_at_least(floor):
    assert floor.move(floor.follower, "4.99") == err("Vault deposits must be at least $5.")
    assert floor.move(floor.follower, "5") == DEFAULT
    assert floor.ask("userNonFundingLedgerUpdates", floor.follower.user)[-1]["delta"] == {
        "type": "vaultDeposit",
        "vault": floor.vault,
        "usdc": "5.0",
    }


def test_the_leader_keeps_a_twentieth(floor):
    assert floor.move(floor.follower, "19001") == err("Deposit causes leader share to drop below 5%.")
    assert floor.move(floor.follower, "19000") == DEFAULT
    floor.unlock()
    assert floor.move(floor.leader, "500", is_deposit=False)["status"] == "err"


def test_nobody_withdraws_within_a_day_or_without_a_share(floor):
    assert floor.move(floor.follower, "5", is_deposit=False) == err("Cannot withdraw with zero balance in vault.")
    floor.move(floor.follower, "100")
    text = "Cannot withdraw during lockup period after depositing."
    assert floor.move(floor.follower, "5", is_deposit=False) == err(text)
    floor.unlock()
    assert floor.move(floor.follower, "5", is_deposit=False) == DEFAULT
    for usd in ("96", "-1"):
        assert floor.move(floor.follower, usd, is_deposit=False) == err("Insufficient balance for withdrawal")


def test_of_a_followers_profit_the_leader_has_a_tenth(floor):
    """Recorded: 5.0 requested, basis 4.801166, commission 0.019883, net 4.980117."""
    floor.move(floor.follower, "1000")
    floor.trade("B", "80001", "0.1")
    move_to(floor.exchange, 82_000)
    floor.trade("A", "81999", "0.1")
    floor.unlock()
    assert floor.move(floor.follower, "500", is_deposit=False) == DEFAULT
    row = floor.ask("userNonFundingLedgerUpdates", floor.follower.user)[-1]["delta"]
    assert list(row) == [
        "type", "vault", "user", "requestedUsd", "commission", "closingCost", "basis", "netWithdrawnUsd",
    ]  # fmt: skip
    profit = D(row["requestedUsd"]) - D(row["basis"])
    assert profit > 0
    assert D(row["commission"]) == (profit / 10).quantize(D("0.000001"), rounding="ROUND_DOWN")
    assert D(row["netWithdrawnUsd"]) == 500 - D(row["commission"])
    assert row["closingCost"] == "0.0"
    last = floor.ask("userNonFundingLedgerUpdates", floor.leader.user)[-1]["delta"]
    assert last == {"type": "vaultLeaderCommission", "user": floor.follower.user, "usdc": row["commission"]}


def test_what_is_tied_up_is_raised_by_canceling_orders_and_closing_positions(floor):
    floor.move(floor.follower, "1000")
    floor.trade("B", "80001", "0.4")
    resting = floor.trade("B", "79000", "0.01", GTC)["resting"]["oid"]
    floor.unlock()
    assert floor.move(floor.follower, "900", is_deposit=False) == DEFAULT
    found = floor.exchange.info({"type": "orderStatus", "user": floor.vault, "oid": resting}).body["order"]
    assert found["status"] == "vaultWithdrawalCanceled"
    szi = D(floor.state(floor.vault)["assetPositions"][0]["position"]["szi"])
    assert D("0.2") <= szi < D("0.23"), "closed by the part that left"
    row = floor.ask("userNonFundingLedgerUpdates", floor.follower.user)[-1]["delta"]
    assert D(row["closingCost"]) > 0


def test_withdrawing_zero_takes_everything(floor):
    floor.move(floor.follower, "100")
    floor.unlock()
    assert floor.move(floor.follower, "0", is_deposit=False) == DEFAULT
    assert floor.ask("userVaultEquities", floor.follower.user) == []
    assert floor.state(floor.follower.user)["withdrawable"] == "100000.0"


def test_a_leader_closes_a_vault_and_everybody_is_paid(floor):
    floor.move(floor.follower, "500")
    close = {"type": "vaultDistribute", "vaultAddress": floor.vault, "usd": 0}
    assert floor.follower.post(close)["status"] == "err"
    assert floor.leader.post({**close, "usd": -5})["status"] == "err"
    assert floor.leader.post(close) == DEFAULT
    assert floor.state(floor.follower.user)["withdrawable"] == "100000.0"
    assert floor.state(floor.vault)["withdrawable"] == "0.0"
    assert floor.details()["isClosed"] is True
    assert floor.move(floor.follower, "500")["status"] == "err"


def test_what_the_last_to_leave_leaves_behind_is_the_leaders(floor):
    floor.unlock()
    assert floor.move(floor.leader, "0", is_deposit=False) == DEFAULT
    floor.exchange.fund(floor.vault, D("0.000001"))
    before = D(floor.state(floor.leader.user)["withdrawable"])
    assert floor.leader.post({"type": "vaultDistribute", "vaultAddress": floor.vault, "usd": 1}) == DEFAULT
    assert D(floor.state(floor.leader.user)["withdrawable"]) - before == D("0.000001")


def test_a_leader_refuses_deposits(floor):
    modify = {"type": "vaultModify", "vaultAddress": floor.vault, "allowDeposits": False, "alwaysCloseOnWithdraw": None}
    assert floor.leader.post(modify) == DEFAULT
    assert floor.details()["allowDeposits"] is False
    assert floor.move(floor.follower, "500")["status"] == "err"
    assert floor.move(floor.leader, "500") == DEFAULT


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["leader", "follower"]), st.booleans(), st.integers(1, 900 * MILLION)), max_size=8
    )
)
def test_deposits_and_withdrawals_make_no_money(moves):
    floor = Floor()
    venue = floor.exchange._venue
    before = sum(account.raw_usd for account in venue.accounts.values()) + venue.fees
    for who, is_deposit, usd in moves:
        floor.unlock()
        floor.move(getattr(floor, who), D(usd) / MILLION, is_deposit=is_deposit)
    assert sum(account.raw_usd for account in venue.accounts.values()) + venue.fees == before
    vault = venue.people.vaults[floor.vault]
    assert all(follower.shares > 0 and follower.basis >= 0 for follower in vault.followers.values())
