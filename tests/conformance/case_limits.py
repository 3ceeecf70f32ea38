"""Cases: how much one client may ask (protocol sections 6.5, 7)."""

import pytest
from hyperliquid.utils.error import ClientError

from tests.conformance.cases import subject
from tests.conformance.desk import Desk
from tests.conformance.ears import until_pong
from tests.conformance.sdk import ALO, DEFAULT, Trader, wish
from tidegate.localnet.doors.limits import Limits

case = subject("limits")


@case("REST weight spent: 429 with the body null", limits=Limits(rest_weight_per_minute=44))
def too_much_weight(desk: Desk) -> None:
    desk.info.all_mids()
    desk.info.all_mids()
    with pytest.raises(ClientError) as raised:
        desk.info.all_mids()
    assert (raised.value.status_code, raised.value.error_message) == (429, "null")


@case("REST weight comes back with the next minute", limits=Limits(rest_weight_per_minute=44))
def weight_comes_back(desk: Desk) -> None:
    desk.info.all_mids()
    desk.info.all_mids()
    with pytest.raises(ClientError):
        desk.info.all_mids()
    desk.wait(61)
    assert desk.info.all_mids()


@case("REST weight: 2 for books, mids, states and statuses, 60 for userRole, 20 for the rest")
def weights(desk: Desk) -> None:
    user = "0x" + "7" * 40
    light = [("allMids", {}), ("l2Book", {"coin": "BTC"}), ("clearinghouseState", {"user": user})]
    assert [cost(desk, kind, **fields) for kind, fields in light] == [2, 2, 2]
    assert cost(desk, "orderStatus", user=user, oid=1) == 2
    assert cost(desk, "userRole", user=user) == 60
    assert cost(desk, "openOrders", user=user) == 20


@case("REST weight: rows of an answer cost extra")
def weight_of_rows(desk: Desk) -> None:
    trader = Trader(desk)
    for _ in range(41):
        trader.limit("BTC", "B", 79000, 0.0001)
    assert cost(desk, "historicalOrders", user=trader.address) == 22


@case("REST weight of an action: 1 and one for each 40 of a batch")
def weight_of_batches(desk: Desk) -> None:
    trader = Trader(desk)
    before = used(desk)
    trader.statuses("bulk_orders", [wish("BTC", "B", 79000 - step, 0.01, ALO) for step in range(80)])
    assert used(desk) - before == 3


def used(desk: Desk) -> int:
    """REST weight that was used in the running minute."""
    return desk.door.visit(lambda net: net.gate.budget.used(net.exchange.now_ms))


def cost(desk: Desk, kind: str, **fields: object) -> int:
    """What one /info request weighs."""
    before = used(desk)
    desk.ask(kind, **fields)
    return used(desk) - before


@case("an address's budget: each order of a batch counts one")
def address_counts(desk: Desk) -> None:
    trader = Trader(desk)
    trader.statuses("bulk_orders", [wish("BTC", "B", 79000 - step, 0.01, ALO) for step in range(5)])
    assert desk.info.user_rate_limit(trader.address)["nRequestsUsed"] == 5


@case("a refused action costs the address nothing")
def refused_is_free(desk: Desk) -> None:
    trader = Trader(desk)
    assert trader.do("update_leverage", 400, "BTC")["status"] == "err"
    assert desk.info.user_rate_limit(trader.address)["nRequestsUsed"] == 0


@case("an address that has spent its budget is told so; cancels still work")
def budget_spent(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01)
    batch = [wish("BTC", "B", 79000, 0.0001, ALO) for _ in range(2_000)]
    for _ in range(5):
        desk.wait(60)
        trader.do("bulk_orders", batch)
    answers = [trader.do("order", "BTC", True, 0.01, 79000, ALO) for _ in range(3)]
    refused = [answer["response"] for answer in answers if answer["status"] == "err"]
    assert refused
    assert refused[0].startswith("Too many cumulative requests sent (")
    assert "Place taker orders to free up 1 request per USDC traded." in refused[0]
    assert trader.statuses("cancel", "BTC", oid) == ["success"]


@case("reserveRequestWeight buys requests")
def reserve(desk: Desk) -> None:
    trader = Trader(desk)
    before = desk.info.user_rate_limit(trader.address)
    assert trader.act({"type": "reserveRequestWeight", "weight": 2000}) == DEFAULT
    after = desk.info.user_rate_limit(trader.address)
    room = [limit["nRequestsCap"] + limit["nRequestsSurplus"] - limit["nRequestsUsed"] for limit in (before, after)]
    assert room[1] - room[0] >= 1_999


@case("sockets: more users than the address may track", limits=Limits(users=2), bare=True)
def too_many_users(desk: Desk) -> None:
    line = desk.line()
    for number in range(3):
        user = f"0x{number + 1:040x}"
        line.say({"method": "subscribe", "subscription": {"type": "orderUpdates", "user": user}})
    errors = [frame["data"] for frame in until_pong(line) if frame["channel"] == "error"]
    assert errors == ["Cannot track more than 2 total users."]


@case("sockets: more subscriptions than the address may have", limits=Limits(subscriptions=1), bare=True)
def too_many_subscriptions(desk: Desk) -> None:
    line = desk.line()
    for coin in ("BTC", "ETH"):
        line.say({"method": "subscribe", "subscription": {"type": "trades", "coin": coin}})
    errors = [frame["data"] for frame in until_pong(line) if frame["channel"] == "error"]
    assert errors == ["Cannot subscribe to more than 1 channels."]


@case("sockets: more messages than a minute allows", limits=Limits(messages_per_minute=3), bare=True)
def too_many_messages(desk: Desk) -> None:
    line = desk.line()
    for _ in range(3):
        line.say({"method": "ping"})
    line.say({"method": "ping"})
    assert line.ear.take("error") == "Cannot send more than 3 messages per minute."


@case("open orders: beyond a thousand, reduce-only orders are refused")
def thousand_orders(desk: Desk) -> None:
    trader = Trader(desk, "100000000")
    trader.take("BTC", "B", 1)
    for start in range(0, 1000, 250):
        wishes = [wish("ETH", "B", 2000 + (start + step) / 10, 0.01, ALO) for step in range(250)]
        trader.statuses("bulk_orders", wishes)
    assert len(trader.open_orders()) == 1000
    answer = trader.limit("BTC", "A", 81000, 0.1, reduce_only=True)
    assert "error" in answer
