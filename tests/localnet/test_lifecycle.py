"""lifecycle.py: reduce-only orders follow the position; ends have consequences."""

from decimal import Decimal

from tests.localnet.floor import ALO, IOC, Tape, Trader, move_to, order, quiet_floor, trigger

D = Decimal


def long_with_exits():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    trader.order("B", "80100", "0.02", IOC)
    resting = trader.order("A", "81000", "0.02", ALO, reduce_only=True)["resting"]["oid"]
    armed = trader.order("A", "70000", "0.02", trigger("sl", "79000"), reduce_only=True)["resting"]["oid"]
    tape = Tape()
    exchange.feed.append(tape)
    return exchange, trader, tape, resting, armed


def test_reduce_only_orders_shrink_with_the_position_without_a_word():
    exchange, trader, tape, resting, armed = long_with_exits()
    trader.order("A", "79999", "0.015", IOC)
    sizes = {row["oid"]: (row["sz"], row["origSz"]) for row in trader.ask("openOrders")}
    assert sizes == {resting: ("0.005", "0.02"), armed: ("0.005", "0.02")}
    assert {oid for oid, _ in tape.statuses(trader.user)}.isdisjoint({resting, armed})
    assert exchange.l2("BTC", 2000)["levels"][1][-1] == {"px": "81000.0", "sz": "0.005", "n": 1}


def test_reduce_only_orders_end_with_the_position_and_are_no_non_user_cancel():
    _, trader, tape, resting, armed = long_with_exits()
    trader.order("A", "79999", "0.02", IOC)
    ended = [row for row in tape.statuses(trader.user) if row[0] in (resting, armed)]
    assert ended == [(resting, "reduceOnlyCanceled"), (armed, "reduceOnlyCanceled")]
    assert tape.events == []
    assert trader.ask("openOrders") == []


def test_reduce_only_orders_end_when_the_position_turns():
    _, trader, tape, _, armed = long_with_exits()
    trader.order("A", "79999", "0.03", IOC)
    assert trader.position() == D("-0.01")
    assert trader.ask("openOrders") == []
    assert (armed, "reduceOnlyCanceled") in tape.statuses(trader.user)


def test_two_reduce_only_orders_together_never_flip_a_position():
    exchange = quiet_floor()
    trader, other = Trader(exchange, 1), Trader(exchange, 2)
    trader.order("B", "80100", "0.02", IOC)
    for px in ("80500", "80600"):
        trader.order("A", px, "0.02", ALO, reduce_only=True)
    exchange.quote("BTC", [], [])
    other.order("B", "80700", "0.04", IOC)
    assert trader.position() == 0
    assert [row["status"] for row in trader.ask("historicalOrders")[:2]] == ["reduceOnlyCanceled", "filled"]


def test_a_waiting_child_does_not_shrink_with_somebody_elses_position():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    trader.order("B", "80100", "0.005", IOC)
    trader.orders(
        [order("B", "79500", "0.02"), order("A", "70000", "0.02", trigger("sl", "79000"), reduce_only=True)],
        "normalTpsl",
    )
    trader.order("A", "79999", "0.005", IOC)
    assert [row["sz"] for row in trader.ask("openOrders")] == ["0.02", "0.02"]
    move_to(exchange, 79_400)
    assert trader.position() == D("0.02")


def test_a_parent_canceled_for_margin_after_a_partial_fill_arms_its_children():
    exchange = quiet_floor()
    trader, other = Trader(exchange, 1, usdc="1000"), Trader(exchange, 2)
    trader.orders(
        [order("B", "79990", "0.2"), order("A", "70000", "0.2", trigger("sl", "79000"), reduce_only=True)],
        "normalTpsl",
    )
    exchange.quote("BTC", [], [])
    exchange.trade("BTC", "A", D(79990), D("0.05"))
    exchange.fund(trader.user, D(-790))
    other.order("A", "79990", "0.15", IOC)
    (left,) = trader.ask("frontendOpenOrders")
    assert (left["orderType"], left["sz"]) == ("Stop Market", "0.05")
