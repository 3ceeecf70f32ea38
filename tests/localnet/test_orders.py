"""orders.py: wire shapes of an order."""

from decimal import Decimal

import pytest

from tidegate.localnet.kernel.orders import (
    Order,
    Stage,
    Trigger,
    frontend_row,
    history_row,
    open_row,
    plain,
    update_row,
)

D = Decimal


def an_order(**fields):
    fixed = {"oid": 7, "user": "0x0", "coin": "BTC", "asset": 0, "is_buy": True, "limit_px": D(69711)}
    return Order(
        **{
            **fixed,
            "sz": D("0.00039"),
            "orig_sz": D("0.00039"),
            "reduce_only": False,
            "timestamp_ms": 5,
            **fields,
        }
    )


def test_an_update_has_a_cloid_only_when_set():
    assert list(update_row(an_order())["order"]) == [
        "coin",
        "side",
        "limitPx",
        "sz",
        "oid",
        "timestamp",
        "origSz",
    ]
    assert update_row(an_order(cloid="0x1"))["order"]["cloid"] == "0x1"


def test_an_open_order_says_reduce_only_only_when_it_is():
    assert "reduceOnly" not in open_row(an_order())
    assert open_row(an_order(reduce_only=True))["reduceOnly"] is True


def test_the_frontend_shape_always_has_every_key():
    row = frontend_row(an_order(tif="Gtc"))
    assert (row["cloid"], row["tif"], row["triggerCondition"], row["triggerPx"]) == (
        None,
        "Gtc",
        "N/A",
        "0.0",
    )
    assert history_row(an_order())["status"] == "open"


@pytest.mark.parametrize(
    ("is_stop", "is_market", "name"),
    [
        (True, True, "Stop Market"),
        (True, False, "Stop Limit"),
        (False, True, "Take Profit Market"),
        (False, False, "Take Profit Limit"),
    ],
)
def test_trigger_orders_are_named_by_purpose_and_kind(is_stop, is_market, name):
    assert an_order(trigger=Trigger(D(1), is_market, is_stop, above=True)).order_type == name


def test_only_waiting_children_are_shown_below_their_parent():
    waiting, armed = an_order(oid=8), an_order(oid=9)
    waiting.stage, armed.stage = Stage.WAITING, Stage.ARMED
    parent = an_order(children=[waiting, armed])
    assert [child["oid"] for child in frontend_row(parent)["children"]] == [8]


def test_plain_prices_have_no_exponent_and_no_trailing_zero():
    assert [plain(D(text)) for text in ("8E+4", "9.9950", "100", "0.10")] == ["80000", "9.995", "100", "0.1"]
