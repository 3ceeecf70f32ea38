"""REST weights and the limits that all clients of one address share."""

import pytest

from tidegate.localnet.doors.limits import Limits, Recent, RestBudget, action_weight, info_weight, items_weight


@pytest.mark.parametrize(
    ("kind", "weight"),
    [
        *(("l2Book", 2), ("allMids", 2), ("clearinghouseState", 2), ("spotClearinghouseState", 2)),
        *(("orderStatus", 2), ("exchangeStatus", 2), ("userRole", 60), ("meta", 20), ("anything", 20)),
    ],
)
def test_an_info_request_has_the_documented_weight(kind, weight):
    assert info_weight(kind) == weight


@pytest.mark.parametrize(
    ("kind", "rows", "weight"),
    [
        ("userFills", 19, 0),
        ("userFills", 2000, 100),
        ("userNonFundingLedgerUpdates", 40, 2),
        ("candleSnapshot", 5000, 83),
        ("openOrders", 500, 0),
    ],
)
def test_long_answers_weigh_more(kind, rows, weight):
    assert items_weight(kind, [{}] * rows) == weight


@pytest.mark.parametrize(("orders", "weight"), [(0, 1), (1, 1), (39, 1), (40, 2), (79, 2), (80, 3)])
def test_a_batch_weighs_one_more_for_every_forty(orders, weight):
    assert action_weight({"type": "order", "orders": [{}] * orders}) == weight


def test_the_rest_budget_is_full_again_in_the_next_minute():
    budget = RestBudget(Limits().rest_weight_per_minute)
    assert all(budget.charge(20, 60_000 + i) for i in range(60))
    assert not budget.charge(2, 119_999)
    assert budget.used(119_999) == 1200
    assert budget.charge(2, 120_000)


def test_weight_known_after_the_answer_may_overdraw_the_minute():
    budget = RestBudget(30)
    assert budget.charge(20, 0)
    budget.surcharge(83, 0)
    assert not budget.charge(1, 1)


def test_at_most_the_limit_happens_within_any_sixty_seconds():
    recent = Recent(3)
    assert [recent.allow(at) for at in (0.0, 10.0, 20.0, 30.0)] == [True, True, True, False]
    assert recent.allow(60.0)
    assert not recent.allow(69.9)
    assert recent.allow(70.0)
