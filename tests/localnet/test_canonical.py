"""canonical.py: a flag that says false is not hashed."""

import pytest

from tests.localnet.floor import START_MS, Trader
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.canonical import as_hashed
from tidegate.localnet.kernel.universe import default_universe

CANCEL = {"type": "cancel", "cancels": [{"a": 0, "o": 5}]}


@pytest.mark.parametrize(
    ("action", "hashed"),
    [
        ({"type": "cancel", "cancels": [{"a": 0, "o": 5, "f": False}]}, CANCEL),
        (
            {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0x1", "f": False}]},
            {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0x1"}]},
        ),
        ({"type": "modify", "oid": 5, "order": {}, "a": False}, {"type": "modify", "oid": 5, "order": {}}),
        (
            {"type": "batchModify", "modifies": [{"oid": 5, "order": {}, "a": False}], "a": False},
            {"type": "batchModify", "modifies": [{"oid": 5, "order": {}}]},
        ),
    ],
)
def test_false_flags_are_left_out(action, hashed):
    assert as_hashed(action) == hashed


@pytest.mark.parametrize(
    "action",
    [CANCEL, {"type": "cancel", "cancels": [{"a": 0, "o": 5, "f": True}]}, {"type": "noop"}],
)
def test_other_actions_are_hashed_as_they_came(action):
    assert as_hashed(action) is action


def test_who_hashes_a_false_flag_is_taken_for_somebody_else():
    exchange = Exchange(default_universe(), start_ms=START_MS, fund_on_first_action=False)
    trader = Trader(exchange, 1)
    answer = trader.post({"type": "cancel", "cancels": [{"a": 0, "o": 5, "f": False}]})
    assert answer["status"] == "err"
    assert answer["response"].startswith("User or API Wallet 0x")
    assert trader.user not in answer["response"]
    assert trader.post(CANCEL)["status"] == "ok"
