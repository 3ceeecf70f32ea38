"""Cases: refusals in the exchange's words, in its three shapes (protocol sections 1.1, 1.2, 3.8, 3.10, 4)."""

import time

import pytest
from eth_account import Account
from hyperliquid.utils.error import ClientError, ServerError
from hyperliquid.utils.signing import get_timestamp_ms, sign_l1_action

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import ALO, DEFAULT, Trader, wish

case = subject("errors")


@case("422: an unknown type is plain text, which the SDK raises as ClientError")
def unknown_type(desk: Desk) -> None:
    with pytest.raises(ClientError) as raised:
        desk.info.post("/info", {"type": "noSuchType"})
    error = raised.value
    assert error.status_code == 422
    assert error.error_message == "Failed to deserialize the JSON body into the target type"


@case("422: a missing or ill-typed field", bare=True)
def ill_typed(desk: Desk) -> None:
    for body in ({"type": "l2Book"}, {"type": "l2Book", "coin": 3}, {"type": "openOrders", "user": "0x12"}, [], 7):
        answer = desk.post("/info", body)
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (422, "text/plain"), body


@case("400: a body that is not JSON", bare=True)
def not_json(desk: Desk) -> None:
    answer = desk.post("/info", b"{nope")
    assert (answer.status_code, answer.text) == (400, "Failed to parse the request body as JSON")


@case("415: another content type", bare=True)
def content_type(desk: Desk) -> None:
    answer = desk.post("/info", b'{"type":"meta"}', "text/plain")
    assert (answer.status_code, answer.text) == (415, "Expected request with `Content-Type: application/json`")


@case("405: GET", bare=True)
def get(desk: Desk) -> None:
    answer = desk.request("GET", "/info")
    assert (answer.status_code, answer.text) == (405, "")


@case("500 null: metaAndAssetCtxs of an unknown dex, which the SDK raises as ServerError")
def unknown_dex(desk: Desk) -> None:
    with pytest.raises(ServerError) as raised:
        desk.info.post("/info", {"type": "metaAndAssetCtxs", "dex": "nope"})
    assert (raised.value.status_code, raised.value.message) == (500, "null")


@case("500 null: fundingHistory of an unknown coin, l2Book with a bad aggregation")
def server_errors(desk: Desk) -> None:
    for body in (
        {"type": "fundingHistory", "coin": "NOPE", "startTime": 0},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 7},
    ):
        with pytest.raises(ServerError) as raised:
            desk.info.post("/info", body)
        assert raised.value.status_code == 500


@case("per order: value under $10")
def too_small(desk: Desk) -> None:
    trader = Trader(desk)
    answer = trader.limit("BTC", "B", 79000, 0.0001)
    assert answer == {"error": "Order must have minimum value of $10. asset=0"}
    assert trader.history()[0][1] == "minTradeNtlRejected"


@case("per order: a price off the tick")
def off_tick(desk: Desk) -> None:
    trader = Trader(desk)
    assert trader.limit("BTC", "B", 79000.5, 0.01) == {"error": "Price must be divisible by tick size. asset=0"}
    assert trader.limit("ETH", "B", 2999.123, 1) == {"error": "Price must be divisible by tick size. asset=1"}


@case("per order: a size off the lot")
def off_lot(desk: Desk) -> None:
    assert Trader(desk).limit("BTC", "B", 79000, 0.0010001) == {"error": "Order has invalid size."}


@case("per order: zero size")
def zero_size(desk: Desk) -> None:
    assert Trader(desk).limit("BTC", "B", 79000, 0) == {"error": "Order has zero size."}


@case("one error for a whole batch: a price more than 80% away")
def far_price(desk: Desk) -> None:
    wishes = [wish("BTC", "B", 79000, 0.01), wish("BTC", "B", 1000, 0.1)]
    statuses = Trader(desk).statuses("bulk_orders", wishes)
    text = "Order price cannot be more than 80% away from the reference price"
    assert len(statuses) == 1
    assert text in statuses[0]["error"]


@case("an order on a delisted coin: trading is halted")
def delisted(desk: Desk) -> None:
    assert Trader(desk).limit("MATIC", "B", 0.37, 100) == {"error": "Trading is halted"}


@case("whole action: an unknown signer does not exist", fund_on_first_action=False)
def unknown_signer(desk: Desk) -> None:
    stranger = Trader(desk, None)
    answer = stranger.do("order", "BTC", True, 0.01, 79000, ALO)
    assert answer["status"] == "err"
    assert f"User or API Wallet {stranger.address} does not exist." in answer["response"]


@case("whole action: an unknown signer of a user-signed action must deposit", fund_on_first_action=False)
def must_deposit(desk: Desk) -> None:
    stranger = Trader(desk, None)
    answer = stranger.do("usd_transfer", 1, Account.create().address)
    assert answer == {"status": "err", "response": f"Must deposit before performing actions. User: {stranger.address}"}


@case("an address never seen is funded with 10 000 USDC on its first action")
def welcome(desk: Desk) -> None:
    stranger = Trader(desk, None)
    stranger.rest("BTC", "B", 79000, 0.01)
    assert stranger.state()["marginSummary"]["accountValue"] == "10000.0"


@case("whole action: a changed body recovers another signer", fund_on_first_action=False)
def changed_body(desk: Desk) -> None:
    trader = Trader(desk)
    action = {"type": "order", "orders": [bid("79000")], "grouping": "na"}
    nonce = get_timestamp_ms()
    signature = sign_l1_action(trader.wallet, action, None, nonce, None, False)
    action["orders"][0]["p"] = "79001"
    answer = trader.exchange._post_action(action, signature, nonce)
    assert answer["status"] == "err"
    assert "does not exist" in answer["response"]


@case("whole action: a mainnet signature recovers another signer", fund_on_first_action=False)
def mainnet_signature(desk: Desk) -> None:
    trader = Trader(desk)
    action = {"type": "order", "orders": [bid("79000")], "grouping": "na"}
    nonce = get_timestamp_ms()
    answer = trader.exchange._post_action(action, sign_l1_action(trader.wallet, action, None, nonce, None, True), nonce)
    assert "does not exist" in answer["response"]


@case("whole action: a malformed signature", bare=True)
def malformed_signature(desk: Desk) -> None:
    body = {"action": {"type": "noop"}, "nonce": get_timestamp_ms(), "signature": {"r": "0x0", "s": "0x0", "v": 27}}
    answer = desk.post("/exchange", body)
    assert answer.json() == {"status": "err", "response": "Unable to recover signer."}


@case("whole action: a nonce is used once")
def nonce_twice(desk: Desk) -> None:
    trader = Trader(desk)
    nonce = get_timestamp_ms()
    assert trader.act({"type": "noop"}, nonce=nonce) == DEFAULT
    answer = trader.act({"type": "noop"}, nonce=nonce)
    assert answer == {"status": "err", "response": f"Invalid nonce: duplicate nonce {nonce}"}


@case("whole action: a nonce from more than two days ago is refused")
def nonce_old(desk: Desk) -> None:
    nonce = get_timestamp_ms() - 3 * 86_400_000
    answer = Trader(desk).act({"type": "noop"}, nonce=nonce)
    assert answer["status"] == "err"
    assert answer["response"].startswith(f"Invalid nonce: nonce too low {nonce} < ")


@case("expiresAfter: a live one is accepted, a past one refused, and both are signed")
def expires_after(desk: Desk) -> None:
    trader = Trader(desk)
    trader.do("set_expires_after", desk.now_ms + 60_000)
    trader.rest("BTC", "B", 79000, 0.01)
    trader.do("set_expires_after", desk.now_ms - 1)
    answer = trader.do("order", "BTC", True, 0.01, 79000, ALO)
    assert answer == {"status": "err", "response": "Action already expired"}
    assert len(trader.open_orders()) == 1


@case("signatures with leading zeros cut off are accepted")
def short_hex(desk: Desk) -> None:
    trader = Trader(desk)
    began_ms = int(time.time() * 1000)
    for nonce in range(began_ms, began_ms + 4_000):
        signature = sign_l1_action(trader.wallet, {"type": "noop"}, None, nonce, None, False)
        if len(signature["r"]) < 66:
            assert trader.exchange._post_action({"type": "noop"}, signature, nonce) == DEFAULT
            return
    raise AssertionError("no signature with a leading zero among 4000")


@case("noop burns its nonce")
def noop(desk: Desk) -> None:
    trader = Trader(desk)
    nonce = get_timestamp_ms()
    assert trader.do("noop", nonce) == DEFAULT
    assert "duplicate nonce" in trader.act({"type": "noop"}, nonce=nonce)["response"]


@case("422: an action of an unknown type", bare=True)
def unknown_action(desk: Desk) -> None:
    signature = {"r": "0x1", "s": "0x1", "v": 27}
    answer = desk.post("/exchange", {"action": {"type": "nope"}, "nonce": 1, "signature": signature})
    assert answer.status_code == 422


@case("an empty batch is refused as one")
def empty_batch(desk: Desk) -> None:
    (status,) = Trader(desk).statuses("bulk_orders", [])
    assert "error" in status


def bid(px: str) -> dict:
    """A BTC bid of 0.01 in wire shape."""
    return {"a": 0, "b": True, "p": px, "s": "0.01", "r": False, "t": {"limit": {"tif": "Alo"}}}


@case("open interest capped: an order that would increase it")
def capped(desk: Desk) -> None:
    trader = Trader(desk)
    desk.market(lambda exchange: exchange.operators.cap_open_interest("BTC", D(1)))
    answer = trader.limit("BTC", "B", 80001, 0.01, "Ioc")
    assert answer == {"error": "Order would increase open interest while open interest is capped. asset=0"}
    assert trader.history()[0][1] == "positionIncreaseAtOpenInterestCapRejected"
    assert desk.ask("perpsAtOpenInterestCap") == ["BTC"]


@case("a band around the oracle: a price beyond it")
def banded(desk: Desk) -> None:
    trader = Trader(desk)
    desk.market(lambda exchange: exchange.operators.band_around_oracle("BTC", D("0.05")))
    assert trader.limit("BTC", "B", 70000, 0.01) == {"error": "Price too far from oracle asset=0"}
    assert trader.history()[0][1] == "oracleRejected"


@case("after a network upgrade only post-only orders")
def after_upgrade(desk: Desk) -> None:
    trader = Trader(desk)
    desk.market(lambda exchange: exchange.operators.upgrade(60_000))
    answer = trader.limit("BTC", "B", 79000, 0.01)
    assert answer == {"error": "Only post-only orders allowed immediately after a network upgrade"}
    trader.rest("BTC", "B", 79000, 0.01, "Alo")
    desk.wait(61)
    trader.rest("BTC", "B", 79000, 0.01)


@case("a coin that is delisted: resting orders go as delistedCanceled, positions are settled")
def delisting(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("SOL", "B", 10)
    oid = trader.rest("SOL", "B", 140, 1)
    desk.market(lambda exchange: exchange.operators.delist("SOL"))
    assert trader.order_status(oid) == "delistedCanceled"
    assert trader.position("SOL") is None
    assert desk.info.user_fills(trader.address)[0]["dir"] == "Settlement"
    assert desk.info.meta()["universe"][5]["isDelisted"] is True


@case("priority fees need undelegated stake")
def priority_fee(desk: Desk) -> None:
    trader = Trader(desk)
    order = bid("79000") | {"t": {"limit": {"tif": "Ioc"}}, "p": "80010"}
    action = {"type": "order", "orders": [order], "grouping": {"p": 1000}}
    (status,) = trader.act(action)["response"]["data"]["statuses"]
    assert status == {"error": "Insufficient delegatable balance for priority order"}
    desk.market(lambda exchange: exchange.operators.give_stake(trader.address, D(10)))
    (status,) = trader.act(action)["response"]["data"]["statuses"]
    assert status["filled"]["totalSz"] == "0.01"
