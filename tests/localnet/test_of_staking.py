"""of_staking.py: nothing is delegated."""

from decimal import Decimal

import pytest

from tests.localnet.floor import Trader, quiet_floor


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("delegations", []), ("delegatorHistory", []), ("delegatorRewards", []), ("userToMultiSigSigners", None)],
)
def test_nobody_delegates(kind, answer):
    assert Trader(quiet_floor(), 1).ask(kind) == answer


def test_stake_that_was_given_is_undelegated():
    trader = Trader(quiet_floor(), 1)
    trader.exchange.operators.give_stake(trader.user, Decimal(5))
    assert trader.ask("delegatorSummary") == {
        "delegated": "0.0",
        "undelegated": "5.0",
        "totalPendingWithdrawal": "0.0",
        "nPendingWithdrawals": 0,
    }
