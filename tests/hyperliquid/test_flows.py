"""Deposits and withdrawals: what of the ledger moves the balance that is traded with, and by how much."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import Unintelligible
from tidegate.hyperliquid.flows import flows_of

ME, OTHER = "0x" + "ab" * 20, "0x" + "cd" * 20
SAMPLE = Path(__file__).resolve().parents[2].parent / "shared/exchange-samples/rest/userNonFundingLedgerUpdates.json"


def usd(delta: dict[str, Any], *, unified: bool = False) -> Decimal:
    """What one row moves."""
    return sum(
        (flow.usd for flow in flows_of([{"time": 1, "hash": "0x", "delta": delta}], ME, unified=unified)), Decimal(0)
    )


@pytest.mark.parametrize(
    ("delta", "standard", "unified"),
    [
        ({"type": "deposit", "usdc": "5.0"}, 5, 5),
        ({"type": "withdraw", "usdc": "9.0", "nonce": 1, "fee": "1.0"}, -10, -10),
        ({"type": "accountClassTransfer", "usdc": "5.0", "toPerp": True}, 5, 0),
        ({"type": "accountClassTransfer", "usdc": "5.0", "toPerp": False}, -5, 0),
        ({"type": "internalTransfer", "usdc": "3.0", "user": OTHER, "destination": ME, "fee": "1.0"}, 3, 3),
        ({"type": "internalTransfer", "usdc": "3.0", "user": ME, "destination": OTHER, "fee": "1.0"}, -4, -4),
        ({"type": "subAccountTransfer", "usdc": "3.0", "user": ME.upper(), "destination": OTHER}, -3, -3),
        ({"type": "vaultDeposit", "vault": OTHER, "usdc": "5.0"}, -5, -5),
        ({"type": "vaultWithdraw", "vault": OTHER, "user": ME, "netWithdrawnUsd": "4.980117"}, "4.980117", "4.980117"),
        ({"type": "spotTransfer", "token": "USDC", "amount": "7.0", "user": OTHER, "destination": ME}, 0, 7),
        ({"type": "spotTransfer", "token": "PURR", "amount": "7.0", "user": OTHER, "destination": ME}, 0, 0),
        (
            {"type": "send", "token": "USDC", "amount": "7", "user": ME, "destination": ME, "sourceDex": "spot"}
            | {"destinationDex": "", "fee": "0"},
            7,
            0,
        ),
        ({"type": "rewardsClaim", "amount": "1.0"}, 0, 0),
        ({"type": "something new", "usdc": "1.0"}, 0, 0),
        ({"type": "deposit", "usdc": "1e999999999"}, 0, 0),
    ],
)
def test_a_row_moves_the_balance_that_is_traded_with(delta: dict[str, Any], standard: object, unified: object) -> None:
    assert usd(delta) == Decimal(str(standard))
    assert usd(delta, unified=True) == Decimal(str(unified))


def test_the_recorded_ledger_is_read_whole() -> None:
    if not SAMPLE.exists():
        pytest.skip("no recorded samples here")
    recorded = json.loads(SAMPLE.read_text())
    flows = flows_of(recorded["response"], recorded["request"]["user"], unified=False)
    assert [flow.time_ms for flow in flows] == sorted(flow.time_ms for flow in flows)
    assert flows[0].usd == Decimal("5.0")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_garbage_is_unintelligible_or_moves_nothing(body: object) -> None:
    try:
        assert flows_of(body, ME, unified=True) == ()
    except Unintelligible:
        assert not isinstance(body, list)
