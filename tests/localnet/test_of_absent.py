"""of_absent.py: there are no outcomes and no loans."""

import pytest

from tests.localnet.floor import Trader, quiet_floor


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"kind": "outcomeMeta"}, {"outcomes": [], "questions": []}),
        ({"kind": "settledOutcome", "outcome": 5}, None),
        ({"kind": "borrowLendUserState"}, {"tokenToState": [], "health": "healthy", "healthFactor": None}),
        ({"kind": "allBorrowLendReserveStates"}, []),
    ],
)
def test_what_does_not_exist_here_is_told_to_be_none(request_, answer):
    assert Trader(quiet_floor(), 1).ask(**request_) == answer
