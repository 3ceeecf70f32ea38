"""placing.py: answers to orders, brackets, cancels and modifications."""

from decimal import Decimal

import pytest

from tests.localnet.floor import ALO, IOC, Tape, Trader, move_to, order, quiet_floor, quotes, trigger

D = Decimal
MISSING = {"error": "Order was never placed, already canceled, or filled. asset=0"}


@pytest.fixture
def floor():
    exchange = quiet_floor()
    tape = Tape()
    exchange.feed.append(tape)
    return exchange, Trader(exchange, 1), tape


def stop(px, sz, side="A", worst="70000"):
    return order(side, worst, sz, trigger("sl", px), reduce_only=True)


def target(px, sz, side="A", worst="75000"):
    return order(side, worst, sz, trigger("tp", px), reduce_only=True)


def bracket(entry, *exits):
    return [entry, *exits]


def test_a_taker_is_announced_as_open_and_then_as_filled(floor):
    _, trader, tape = floor
    trader.order("B", "80001", "0.01", IOC)
    rows = [row for _, row in tape.updates]
    assert [(row["status"], row["order"]["sz"]) for row in rows] == [("open", "0.01"), ("filled", "0.0")]


def test_an_ioc_that_fills_partly_answers_filled_and_drops_the_rest(floor):
    exchange, trader, tape = floor
    exchange.quote("BTC", [], quotes(("80001", "0.004")))
    assert trader.order("B", "80001", "0.01", IOC)["filled"]["totalSz"] == "0.004"
    assert trader.ask("openOrders") == []
    last = tape.updates[-1][1]
    assert (last["status"], last["order"]["sz"]) == ("canceled", "0.006")


def test_a_gtc_that_fills_partly_rests_with_the_remainder(floor):
    exchange, trader, _ = floor
    exchange.quote("BTC", [], quotes(("80001", "0.004")))
    answer = trader.order("B", "80001", "0.01", cloid=f"0x{7:032x}")
    assert answer["resting"]["cloid"] == f"0x{7:032x}"
    row = trader.ask("openOrders")[0]
    assert (row["sz"], row["origSz"], row["cloid"]) == ("0.006", "0.01", f"0x{7:032x}")
    assert exchange.bbo("BTC")["bbo"][0] == {"px": "80001.0", "sz": "0.006", "n": 1}


def test_reduce_only_shrinks_to_the_position_and_never_flips(floor):
    _, trader, _ = floor
    trader.order("B", "80001", "0.01", IOC)
    assert trader.order("A", "79999", "1", IOC, reduce_only=True)["filled"]["totalSz"] == "0.01"
    assert trader.position() == 0


def test_reduce_only_with_size_zero_is_the_whole_position(floor):
    _, trader, _ = floor
    trader.order("B", "80001", "0.01", IOC)
    assert trader.order("A", "79999", "0", IOC, reduce_only=True)["filled"]["totalSz"] == "0.01"


def test_a_resting_reduce_only_order_shows_its_shrunk_size(floor):
    _, trader, _ = floor
    trader.order("B", "80001", "0.01", IOC)
    trader.order("A", "81000", "5", reduce_only=True)
    row = trader.ask("openOrders")[0]
    assert (row["sz"], row["origSz"], row["reduceOnly"]) == ("0.01", "5.0", True)


def test_a_bracket_on_a_filled_entry_waits_for_its_triggers(floor):
    _, trader, tape = floor
    answer = trader.orders(
        bracket(order("B", "80100", "0.01", IOC), stop("79000", "0.01"), target("82000", "0.01")),
        "normalTpsl",
    )
    assert answer[0]["filled"]["oid"] == 100000000001
    assert answer[1:] == ["waitingForTrigger", "waitingForTrigger"]
    assert [row["oid"] for row in trader.ask("frontendOpenOrders")] == [100000000003, 100000000002]
    assert tape.statuses(trader.user) == [
        (100000000001, "open"),
        (100000000002, "open"),
        (100000000003, "open"),
        (100000000001, "filled"),
    ]


def test_a_bracket_on_a_resting_entry_waits_for_its_fill(floor):
    exchange, trader, _ = floor
    answer = trader.orders(
        bracket(order("B", "79500", "0.01"), stop("79000", "0.01"), target("81000", "0.01")), "normalTpsl"
    )
    assert list(answer[0]) == ["resting"]
    assert answer[1:] == ["waitingForFill", "waitingForFill"]
    parent = trader.ask("frontendOpenOrders")[-1]
    assert [child["oid"] for child in parent["children"]] == [100000000002, 100000000003]
    move_to(exchange, 78_500)
    statuses = {row["order"]["oid"]: row["status"] for row in trader.ask("historicalOrders")}
    assert statuses[100000000001] == "filled"
    assert statuses[100000000002] == "filled", "the stop was armed by the fill and fired at once"
    assert statuses[100000000003] == "siblingFilledCanceled"
    assert trader.position() == 0


def test_a_canceled_parent_takes_its_children_along_even_when_partly_filled(floor):
    exchange, trader, _ = floor
    answer = trader.orders(bracket(order("B", "79999", "0.02"), stop("79000", "0.02")), "normalTpsl")
    exchange.quote("BTC", [], quotes(("80001", "1")))
    exchange.trade("BTC", "A", D(79999), D("0.005"))
    assert trader.position() == D("0.005")
    assert trader.cancel(answer[0]["resting"]["oid"]) == "success"
    assert trader.ask("openOrders") == []
    assert [row["status"] for row in trader.ask("historicalOrders")] == ["canceled", "canceled"]


def test_an_ioc_entry_that_fills_partly_leaves_no_stop(floor):
    """Section 8.6: the remainder's cancel is the parent's cancel. A bot must place its own stop then."""
    exchange, trader, _ = floor
    exchange.quote("BTC", [], quotes(("80001", "0.004")))
    answer = trader.orders(bracket(order("B", "80001", "0.01", IOC), stop("79000", "0.01")), "normalTpsl")
    assert answer[0]["filled"]["totalSz"] == "0.004"
    assert trader.ask("openOrders") == []
    assert trader.ask("orderStatus", oid=100000000002)["order"]["status"] == "canceled"


def test_children_of_a_refused_entry_were_never_placed(floor):
    _, trader, tape = floor
    answer = trader.orders(
        bracket(order("B", "80001", "100", IOC), stop("79000", "100"), target("82000", "100")), "normalTpsl"
    )
    assert answer == [{"error": "Insufficient margin to place order. asset=0"}] * 3
    assert tape.statuses(trader.user) == [(100000000001, "perpMarginRejected")]
    unmatched = trader.orders(bracket(order("B", "70000", "0.01", IOC), stop("69000", "0.01")), "normalTpsl")
    assert unmatched[1] == unmatched[0]
    assert trader.ask("openOrders") == []


def test_a_child_on_the_wrong_side_of_the_entry_is_refused_alone(floor):
    _, trader, _ = floor
    answer = trader.orders(
        bracket(order("B", "80100", "0.01", IOC), stop("80500", "0.01"), target("82000", "0.01")),
        "normalTpsl",
    )
    assert answer[1:] == [{"error": "Invalid TP/SL price. asset=0"}, "waitingForTrigger"]
    assert [row["orderType"] for row in trader.ask("frontendOpenOrders")] == ["Take Profit Market"]


def test_children_on_the_entrys_side_or_of_another_coin_are_refused(floor):
    _, trader, _ = floor
    answer = trader.orders(
        bracket(order("B", "80100", "0.01", IOC), stop("81000", "0.01", side="B", worst="90000")),
        "normalTpsl",
    )
    assert answer[1] == {"error": "Invalid TP/SL price. asset=0"}


def test_a_bracket_needs_a_plain_entry_and_trigger_exits(floor):
    _, trader, _ = floor
    upside_down = trader.orders([stop("79000", "0.01"), order("B", "80100", "0.01")], "normalTpsl")
    assert len(upside_down) == 1
    no_trigger = trader.orders([order("B", "80100", "0.01"), order("A", "81000", "0.01")], "normalTpsl")
    assert len(no_trigger) == 1


def test_the_orders_of_a_position_group_are_trigger_orders(floor):
    _, trader, _ = floor
    trader.order("B", "80100", "0.01", IOC)
    answer = trader.orders([order("A", "81000", "0.01", reduce_only=True)], "positionTpsl")
    assert answer == [{"error": "The orders of a positionTpsl group must be trigger orders."}]
    assert trader.ask("openOrders") == []


def test_a_fast_cancel_is_refused_for_trigger_orders_only(floor):
    _, trader, _ = floor
    trader.order("B", "80100", "0.01", IOC)
    cloid = f"0x{3:032x}"
    plain = trader.order("B", "79000", "0.01")["resting"]["oid"]
    trader.orders([{**stop("79000", "0.01"), "c": cloid}])
    answer = trader.post({"type": "cancel", "cancels": [{"a": 0, "o": plain, "f": True}]})
    assert answer["response"]["data"]["statuses"] == ["success"]
    answer = trader.post({"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": cloid, "f": True}]})
    assert answer["response"]["data"]["statuses"] == [
        {"error": "Fast cancel is not allowed for trigger orders. asset=0"}
    ]


def test_position_exits_follow_the_position_and_cancel_each_other(floor):
    exchange, trader, _ = floor
    trader.order("B", "80100", "0.01", IOC)
    answer = trader.orders([stop("79000", "0"), target("82000", "0")], "positionTpsl")
    assert answer == ["waitingForTrigger", "waitingForTrigger"]
    row = trader.ask("frontendOpenOrders")[0]
    assert (row["isPositionTpsl"], row["sz"], row["origSz"]) == (True, "0.0", "0.0")
    trader.order("B", "80100", "0.02", IOC)
    move_to(exchange, 78_000)
    assert trader.position() == 0
    statuses = [row["status"] for row in trader.ask("historicalOrders")[:2]]
    assert statuses == ["siblingFilledCanceled", "filled"]


def test_position_exits_without_a_position_are_refused(floor):
    _, trader, _ = floor
    assert trader.orders([stop("79000", "0")], "positionTpsl") == [
        {"error": "Reduce only order would increase position. asset=0"}
    ]


def test_a_plain_trigger_order_rests_with_an_id(floor):
    _, trader, _ = floor
    trader.order("B", "80100", "0.01", IOC)
    answer = trader.order("A", "70000", "5", trigger("sl", "79000"), reduce_only=True)
    assert answer == {"resting": {"oid": 100000000002}}
    row = trader.ask("openOrders")[0]
    assert (row["limitPx"], row["sz"], row["reduceOnly"]) == ("70000.0", "0.01", True)


def test_a_cancel_succeeds_once_and_only_for_its_asset(floor):
    exchange, trader, _ = floor
    oid = trader.order("B", "79000", "0.01")["resting"]["oid"]
    assert trader.cancel(oid, asset=1) == {"error": MISSING["error"].replace("asset=0", "asset=1")}
    assert trader.cancel(oid) == "success"
    assert trader.cancel(oid) == MISSING
    assert Trader(exchange, 2).cancel(oid) == MISSING


def test_cancels_by_cloid_ignore_the_letters_case(floor):
    _, trader, _ = floor
    cloid = "0x000000000000000000000000000000AB"
    trader.order("B", "79000", "0.01", cloid=cloid)
    action = {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": cloid}] * 2}
    assert trader.post(action)["response"] == {"type": "cancel", "data": {"statuses": ["success", MISSING]}}


def modify(trader, oid, new, **extra):
    answer = trader.post({"type": "batchModify", "modifies": [{"oid": oid, "order": new}], **extra})
    assert answer["response"]["type"] == "order"
    return answer["response"]["data"]["statuses"][0]


def test_a_cloid_names_the_order_that_lives(floor):
    (_, trader, _), cloid = floor, "0x" + "0" * 30 + "0c"
    first = trader.order("B", "79000", "0.01", cloid=cloid)["resting"]["oid"]
    refused = trader.order("B", "79000", "0.0001", cloid=cloid)
    assert refused == {"error": "Order must have minimum value of $10. asset=0"}
    assert trader.ask("orderStatus", oid=cloid)["order"]["order"]["oid"] == first
    answer = trader.post({"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": cloid}]})
    assert answer["response"]["data"]["statuses"] == ["success"]
    assert trader.ask("openOrders") == []


def test_a_modified_order_gets_a_new_id_and_turns_post_only(floor):
    _, trader, tape = floor
    oid = trader.order("B", "79000", "0.01")["resting"]["oid"]
    tape.updates.clear()
    new = modify(trader, oid, order("B", "79100", "0.02"))["resting"]["oid"]
    assert tape.statuses(trader.user) == [(oid, "canceled"), (new, "open")]
    row = trader.ask("frontendOpenOrders")[0]
    assert (row["oid"], row["limitPx"], row["tif"]) == (new, "79100.0", "Alo")


def test_a_gone_order_is_not_modified_unless_it_shall_be_placed_always(floor):
    _, trader, _ = floor
    assert modify(trader, 5, order("B", "79100", "0.02")) == {"error": "Cannot modify canceled or filled order"}
    assert "resting" in modify(trader, 5, order("B", "79100", "0.02"), a=True)


def test_a_modification_to_an_executable_kind_is_refused_and_leaves_the_old_order(floor):
    _, trader, _ = floor
    oid = trader.order("B", "79000", "0.01")["resting"]["oid"]
    for kind in (IOC, trigger("sl", "81000")):
        answer = modify(trader, oid, order("B", "82000", "0.01", kind))
        assert answer == {"error": "Attempted to modify to invalid new order"}
    assert [row["oid"] for row in trader.ask("openOrders")] == [oid]
    assert modify(trader, oid, order("B", "79000", "0")) == {"error": "Order has zero size."}
    assert modify(trader, oid, order("B", "80001", "0.01")) == {"error": "Attempted to modify to invalid new order"}
    assert [row["oid"] for row in trader.ask("openOrders")] == [oid]
    assert "bbo was 79999@80001" in modify(trader, oid, order("B", "80001", "0.01", ALO))["error"]
    assert trader.ask("openOrders") == [], "cancel and place: a refused new order does not bring the old one back"


def test_an_order_can_be_modified_by_cloid(floor):
    _, trader, _ = floor
    cloid = f"0x{9:032x}"
    trader.order("B", "79000", "0.01", ALO, cloid=cloid)
    answer = trader.post({"type": "modify", "oid": cloid, "order": order("B", "79100", "0.01", cloid=cloid)})
    assert answer == {"status": "ok", "response": {"type": "default"}}
    assert trader.ask("orderStatus", oid=cloid)["order"]["order"]["limitPx"] == "79100.0"


def test_a_stop_can_be_moved_when_it_shall_be_placed_always(floor):
    _, trader, _ = floor
    trader.order("B", "80100", "0.01", IOC)
    oid = trader.orders([stop("79000", "0.01")])[0]["resting"]["oid"]
    assert "resting" in modify(trader, oid, stop("79500", "0.01"), a=True)
    assert [row["triggerPx"] for row in trader.ask("frontendOpenOrders")] == ["79500.0"]
