"""Requests over HTTP that a fault has taken hold of: what the client sees, and what the exchange did."""

import json
import socket
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import requests
from eth_account import Account
from floor import order
from hyperliquid.utils.signing import sign_l1_action

from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running

TIMEOUT_S = 10
IMPATIENT_S = 0.3
WALLET = Account.from_key("0x" + "17" * 32)
USER = WALLET.address.lower()


@pytest.fixture(scope="module")
def net() -> Iterator[Running]:
    with running(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        net.call(lambda localnet: localnet.exchange.fund(USER, Decimal(100_000)))
        yield net


@pytest.fixture(autouse=True)
def tidy(net: Running) -> Iterator[None]:
    yield
    assert requests.delete(f"{net.url}/localnet/fault", timeout=TIMEOUT_S).status_code == 200
    for each in ask(net, {"type": "openOrders", "user": USER}).json():
        act(net, {"type": "cancel", "cancels": [{"a": 0, "o": each["oid"]}]})


nonces = count(1)


def fault(net: Running, do: str, **rule: Any) -> int:
    answer = requests.post(f"{net.url}/localnet/fault", json={"do": do, **rule}, timeout=TIMEOUT_S)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["ids"][0])


def ask(net: Running, body: Any, timeout_s: float = TIMEOUT_S) -> requests.Response:
    return requests.post(f"{net.url}/info", json=body, timeout=timeout_s)


def act(net: Running, action: dict[str, Any], timeout_s: float = TIMEOUT_S) -> requests.Response:
    now_ms = net.call(lambda localnet: localnet.exchange.now_ms)
    nonce = now_ms - 10_000 + next(nonces)
    signature = sign_l1_action(WALLET, action, None, nonce, None, False)
    body = {"action": action, "nonce": nonce, "signature": signature}
    return requests.post(f"{net.url}/exchange", json=body, timeout=timeout_s)


def resting(net: Running) -> dict[str, Any]:
    """An order that will rest."""
    mid = float(ask(net, {"type": "allMids"}).json()["BTC"])
    return {"type": "order", "orders": [order("B", str(int(mid * 0.9)), "0.001")], "grouping": "na"}


def open_orders(net: Running) -> int:
    return len(ask(net, {"type": "openOrders", "user": USER}).json())


def test_nothing_happens_without_a_rule_and_after_its_times(net: Running) -> None:
    assert ask(net, {"type": "allMids"}).status_code == 200
    fault(net, "status 500", match={"request": "allMids"}, times=2)
    assert [ask(net, {"type": "allMids"}).status_code for _ in range(3)] == [500, 500, 200]
    assert net.call(lambda localnet: localnet.watch.idle)


def test_a_rule_waits_and_comes_back_every_so_often(net: Running) -> None:
    fault(net, "status 503", match={"request": "meta"}, after=1, every=2, times=2)
    assert [ask(net, {"type": "meta"}).status_code for _ in range(6)] == [200, 503, 200, 503, 200, 200]


def test_only_what_matches_is_touched(net: Running) -> None:
    fault(net, "status 500", match={"request": "l2Book", "coin": "BTC"}, times=None)
    assert ask(net, {"type": "l2Book", "coin": "BTC"}).status_code == 500
    assert ask(net, {"type": "l2Book", "coin": "ETH"}).status_code == 200
    assert ask(net, {"type": "allMids"}).status_code == 200


def test_accepted_and_never_answered(net: Running) -> None:
    action = resting(net)
    fault(net, "accept_then_timeout", match={"action": "order"})
    with pytest.raises(requests.ReadTimeout):
        act(net, action, IMPATIENT_S)
    assert open_orders(net) == 1


def test_lost_and_never_answered(net: Running) -> None:
    action = resting(net)
    fault(net, "drop_request", match={"action": "order", "coin": "BTC"})
    with pytest.raises(requests.ReadTimeout):
        act(net, action, IMPATIENT_S)
    assert open_orders(net) == 0


@pytest.mark.parametrize(("do", "placed"), [("reset accepted=true", 1), ("reset", 0), ("close_idle", 0)])
def test_the_connection_ends_instead_of_an_answer(net: Running, do: str, placed: int) -> None:
    action = resting(net)
    fault(net, do, match={"action": "order"})
    with pytest.raises(requests.ConnectionError):
        act(net, action)
    assert open_orders(net) == placed


@pytest.mark.parametrize(
    ("do", "status", "body", "placed"),
    [
        ("status 502 accepted=true", 502, "<html>", 1),
        ("status 502", 502, "<html>", 0),
        ("status 429", 429, "null", 0),
        ("status 422", 422, "Failed to deserialize the JSON body into the target type", 0),
        ("status 500 body=null", 500, "null", 0),
        ("body.null", 200, "null", 1),
        ("body.html", 200, "<html>", 1),
    ],
)
def test_answers_that_say_nothing(net: Running, do: str, status: int, body: str, placed: int) -> None:
    action = resting(net)
    fault(net, do, match={"action": "order"})
    answer = act(net, action)
    assert (answer.status_code, answer.text[: len(body)]) == (status, body)
    assert open_orders(net) == placed


def test_an_answer_breaks_off_in_its_middle(net: Running) -> None:
    action = resting(net)
    fault(net, "body.cut", match={"action": "order"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        act(net, action)
    assert open_orders(net) == 1


def test_an_answer_comes_late_and_the_action_was_not(net: Running) -> None:
    action = resting(net)
    fault(net, "delay 5", match={"action": "order"})
    with pytest.raises(requests.ReadTimeout):
        act(net, action, IMPATIENT_S)
    assert open_orders(net) == 1


def test_an_action_is_accepted_late(net: Running) -> None:
    action = resting(net)
    fault(net, "delay_accept 0.2", match={"action": "order"})
    with pytest.raises(requests.ReadTimeout):
        act(net, action, 0.05)
    for _ in range(200):
        if open_orders(net):
            break
    else:
        pytest.fail("the order never came in")


@pytest.mark.parametrize(
    ("do", "text"),
    [
        ("refuse.margin", "Insufficient margin to place order. asset=0"),
        ("refuse.tick", "Price must be divisible by tick size. asset=0"),
        ("refuse.trigger", "Invalid TP/SL price. asset=0"),
        ("refuse 'Order would do something. asset={asset}'", "Order would do something. asset=0"),
    ],
)
def test_an_order_is_refused_in_the_exchanges_words(net: Running, do: str, text: str) -> None:
    action = resting(net)
    fault(net, do, match={"action": "order"})
    answer = act(net, action).json()
    assert answer == {"status": "ok", "response": {"type": "order", "data": {"statuses": [{"error": text}]}}}
    assert open_orders(net) == 0


@pytest.mark.parametrize(
    ("do", "text"),
    [
        ("nonce.dup", "Invalid nonce: duplicate nonce "),
        ("addr_limit", "Too many cumulative requests sent "),
        ("expired", "Action already expired"),
        ("auth_lost", f"User or API Wallet {USER} does not exist."),
    ],
)
def test_an_action_is_refused_as_a_whole(net: Running, do: str, text: str) -> None:
    action = resting(net)
    fault(net, do, match={"user": USER})
    answer = act(net, action).json()
    assert answer["status"] == "err"
    assert answer["response"].startswith(text)


def test_a_cancel_of_what_is_gone(net: Running) -> None:
    fault(net, "refuse.gone", match={"action": "cancel"})
    answer = act(net, {"type": "cancel", "cancels": [{"a": 0, "o": 1}, {"a": 3, "o": 2}]}).json()
    gone = "Order was never placed, already canceled, or filled. asset="
    assert answer["response"]["data"]["statuses"] == [{"error": f"{gone}0"}, {"error": f"{gone}3"}]


def test_an_acknowledged_order_that_does_not_exist(net: Running) -> None:
    action = resting(net)
    fault(net, "ack_lie", match={"action": "order"})
    oid = act(net, action).json()["response"]["data"]["statuses"][0]["resting"]["oid"]
    assert ask(net, {"type": "orderStatus", "user": USER, "oid": oid}).json() == {"status": "unknownOid"}
    assert open_orders(net) == 0


def test_a_batch_with_fewer_answers_than_orders(net: Running) -> None:
    action = resting(net)
    action["orders"] *= 3
    fault(net, "batch.short 2", match={"action": "order"})
    assert len(act(net, action).json()["response"]["data"]["statuses"]) == 2
    assert open_orders(net) == 3


def test_pages_list_what_stands_and_take_it_back(net: Running) -> None:
    number = fault(net, "status 500", match={"request": "meta"}, times=None)
    ask(net, {"type": "meta"})
    pages = requests.get(f"{net.url}/localnet/fault", timeout=TIMEOUT_S).json()
    (page,) = [each for each in pages if each["id"] == number]
    assert (page["do"], page["match"], page["hits"], page["standing"]) == ("status 500", {"request": "meta"}, 1, True)
    assert requests.delete(f"{net.url}/localnet/fault/{number}", timeout=TIMEOUT_S).json() == {"removed": 1}
    assert ask(net, {"type": "meta"}).status_code == 200
    catalogue = requests.get(f"{net.url}/localnet/faults", timeout=TIMEOUT_S).json()
    assert catalogue["fill.partial"]["parameters"] == {"share": "a number, default 0.37"}


def test_a_bad_rule_is_refused_with_every_problem(net: Running) -> None:
    answer = requests.post(f"{net.url}/localnet/fault", json=[{"do": "nonsense"}, {"do": "delay"}], timeout=TIMEOUT_S)
    assert answer.status_code == 422
    assert len(answer.json()["problems"]) == 2
    assert net.call(lambda localnet: localnet.watch.idle)


def test_bodies_that_are_no_json_go_their_usual_way(net: Running) -> None:
    fault(net, "status 500", times=None)
    answer = requests.post(
        f"{net.url}/info", data=b"{", headers={"Content-Type": "application/json"}, timeout=TIMEOUT_S
    )
    assert (answer.status_code, answer.text) == (400, "Failed to parse the request body as JSON")
    assert requests.get(f"{net.url}/info", timeout=TIMEOUT_S).status_code == 405


def test_answers_pass_unchanged_where_a_fault_has_nothing_to_change(net: Running) -> None:
    plain = ask(net, {"type": "meta"})
    fault(net, "meta.changed BTC", times=None)
    assert ask(net, {"type": "meta"}).content == plain.content
    assert json.loads(plain.content)


def test_a_request_that_is_held_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    with running(LocalnetOptions(scenario="random")) as net, socket.socket() as held, socket.socket() as late:
        for connection, do in ((held, "drop_request"), (late, "delay 60")):
            fault(net, do)
            host, port = net.url.removeprefix("http://").split(":")
            connection.connect((host, int(port)))
            connection.sendall(
                b"POST /info HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
            )
            while not net.call(lambda localnet: localnet.faults.pages()[-1]["hits"]):
                pass
    assert not caplog.records
