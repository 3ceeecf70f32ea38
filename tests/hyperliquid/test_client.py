"""The REST client against a server that answers what a test tells it to, over real sockets."""

import json
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tidegate.errors import ExchangeError, Refused, Unintelligible, Unreachable
from tidegate.hyperliquid import client as module
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import Budget
from tidegate.model.market import Timeframe

USER = "0x" + "Ab" * 20


class Script:
    """What the server answers, by request type or path, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, bytes]]] = {}
        self.asked: list[tuple[str, bytes]] = []
        self.hang = threading.Event()

    def say(self, key: str, body: Any, status: int = 200) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.setdefault(key, []).append((status, raw))

    def answer(self, path: str, body: bytes) -> tuple[int, bytes] | None:
        self.asked.append((path, body))
        key = path if path != "/info" else json.loads(body)["type"]
        waiting = self.answers.get(key, [(422, b"Failed to deserialize the JSON body into the target type")])
        status, raw = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return None if status == 0 else (status, raw)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def client(script: Script) -> Iterator[HyperliquidClient]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            answer = script.answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            if answer is None:
                script.hang.wait(5)
                self.close_connection = True
                return
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(answer[1])))
            self.end_headers()
            self.wfile.write(answer[1])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    made = HyperliquidClient(f"http://127.0.0.1:{server.server_port}/", budget=Budget(), timeout_s=(0.5, 0.5))
    yield made
    script.hang.set()
    made.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_making_a_client_asks_nothing(client, script):
    assert script.asked == []


def test_reads_ask_what_the_protocol_says(client, script, sample):
    script.say("exchangeStatus", {"specialStatuses": None, "time": 123})
    script.say("allMids", {"BTC": "80000.5", "ETH": "2000.0"})
    script.say("candleSnapshot", sample("rest/candleSnapshot.json")["response"])
    script.say("orderStatus", {"status": "unknownOid"})
    script.say("userRole", {"role": "agent", "data": {"user": USER}})
    script.say("meta", sample("rest/meta.json")["response"])
    assert client.exchange_ms() == 123
    assert client.mids(["BTC"]) == {"BTC": Decimal("80000.5")}
    assert client.candles("BTC", Timeframe.H1, 5, 10)
    assert client.order_status(USER, "0x01").status is None
    assert client.user_role(USER).master == USER.lower()
    assert client.instruments()[0]["BTC"].asset == 0
    asked = [json.loads(body) for _, body in script.asked]
    assert asked[2]["req"] == {"coin": "BTC", "interval": "1h", "startTime": 5, "endTime": 10}
    assert asked[3] == {"type": "orderStatus", "user": USER.lower(), "oid": "0x01"}
    assert client.budget.used() == 2 + 2 + 20 + 2 + 60 + 20


def test_an_account_is_put_together_and_its_mode_asked_once(client, script, sample):
    script.say("clearinghouseState", sample("rest/clearinghouseState.json")["response"])
    script.say("frontendOpenOrders", sample("rest/frontendOpenOrders.json")["response"])
    script.say("userFillsByTime", sample("rest/userFillsByTime.json")["response"])
    script.say("userAbstraction", "disabled")
    first, second = client.account(USER, 17), client.account(USER, 17)
    assert first == second
    assert first.orders
    kinds = [json.loads(body)["type"] for _, body in script.asked]
    assert kinds.count("userAbstraction") == 1
    assert kinds.count("spotClearinghouseState") == 0
    fills = next(json.loads(body) for _, body in script.asked if b"userFillsByTime" in body)
    assert fills["startTime"] == 17


def test_in_unified_mode_the_spot_balance_is_asked_for(client, script, sample):
    perps = sample("rest/clearinghouseState.json")["response"]
    script.say("clearinghouseState", perps)
    script.say("frontendOpenOrders", [])
    script.say("userFillsByTime", [])
    script.say("userAbstraction", "unifiedAccount")
    script.say("spotClearinghouseState", sample("rest/spotClearinghouseState.json")["response"])
    account = client.account(USER, 0)
    assert account.equity != Decimal(perps["marginSummary"]["accountValue"])


def test_a_read_that_fails_in_passing_is_repeated(client, script):
    for status, body in ((502, b"<html>"), (429, b"null"), (200, b'{"BTC":"1.5"}')):
        script.say("allMids", body, status)
    assert client.mids(["BTC"]) == {"BTC": Decimal("1.5")}
    assert len(script.asked) == 3
    assert client.budget.used() == 6


def test_a_429_to_a_candle_read_is_not_repeated_and_lets_protection_go_on(client, script, monkeypatch):
    monkeypatch.setattr(module, "BUDGET_WAIT_S", dict.fromkeys(module.BUDGET_WAIT_S, 0.0))
    script.say("candleSnapshot", b"null", 429)
    script.say("orderStatus", {"status": "unknownOid"})
    script.say("allMids", {"BTC": "1.5"})
    with pytest.raises(Unreachable, match="429"):
        client.candles("BTC", Timeframe.H1, 5, 10)
    with pytest.raises(Unreachable, match="not asked"):
        client.candles("BTC", Timeframe.H1, 5, 10)
    assert client.order_status(USER, "0x01").status is None
    assert client.mids(["BTC"]) == {"BTC": Decimal("1.5")}
    assert len(script.asked) == 3


def test_a_look_at_positions_alone_asks_little(client, script, sample):
    script.say("clearinghouseState", sample("rest/clearinghouseState.json")["response"])
    script.say("userAbstraction", "disabled")
    script.say("userNonFundingLedgerUpdates", [])
    seen = client.positions(USER)
    assert (seen.fills_known, seen.flows_known) == (False, False)
    assert client.positions(USER, 17).flows_known
    kinds = [json.loads(body)["type"] for _, body in script.asked]
    assert kinds == ["clearinghouseState", "userAbstraction", "clearinghouseState", "userNonFundingLedgerUpdates"]


@pytest.mark.parametrize(
    ("status", "body", "error", "asks"),
    [
        (500, b"null", Unreachable, 3),
        (503, b"busy", Unreachable, 3),
        (429, b"null", Unreachable, 3),
        (422, b"Failed to deserialize the JSON body into the target type", Refused, 1),
        (400, b'"text"', Refused, 1),
        (403, b'{"no":"code"}', Refused, 1),
        (404, b'{"code":5,"msg":"gone"}', Refused, 1),
        (200, b"<html>", Unintelligible, 1),
        (200, b"null", Unintelligible, 1),
        (200, b"[1,2", Unintelligible, 1),
    ],
)
def test_every_bad_answer_to_a_read_is_one_of_three_exceptions(client, script, status, body, error, asks):
    script.say("allMids", body, status)
    with pytest.raises(error):
        client.mids(["BTC"])
    assert len(script.asked) == asks


def test_a_read_that_hangs_ends_within_its_limit(client, script, monkeypatch):
    monkeypatch.setattr(module, "READ_LIMIT_S", 1.0)
    script.say("allMids", b"", 0)
    began_s = time.monotonic()
    with pytest.raises(Unreachable):
        client.mids(["BTC"])
    assert time.monotonic() - began_s < 5


def test_a_read_that_the_budget_does_not_allow_is_not_asked(client, script):
    client.budget.spend(1200)
    with pytest.raises(Unreachable, match="1200"):
        client.mids(["BTC"])
    assert script.asked == []


def test_a_write_sends_the_very_bytes_and_returns_the_parsed_answer(client, script):
    script.say("/exchange", {"status": "ok", "response": {"type": "default"}})
    body = b'{"action": {"type":"noop"},"nonce":1 }'
    assert client.send(body) == {"status": "ok", "response": {"type": "default"}}
    assert script.asked == [("/exchange", body)]
    assert client.budget.used() == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (502, b"<html>", Unreachable),
        (429, b"null", Unreachable),
        (422, b"Failed to deserialize the JSON body into the target type", Refused),
        (400, b"Failed to parse the request body as JSON", Refused),
        (302, b"elsewhere", Unintelligible),
        (200, b'{"status":"ok","respo', Unintelligible),
        (200, b"<html>", Unintelligible),
        (0, b"", Unreachable),
    ],
)
def test_a_write_is_never_repeated_whatever_comes_back(client, script, status, body, error):
    script.say("/exchange", body, status)
    with pytest.raises(error):
        client.send(b"{}")
    assert len(script.asked) == 1


def test_nobody_there_is_unreachable():
    client = HyperliquidClient("http://127.0.0.1:9", budget=Budget(), timeout_s=(0.2, 0.2))
    with pytest.raises(Unreachable):
        client.send(b"{}")
    with pytest.raises(ExchangeError):
        client.exchange_ms()
    client.close()


def test_proxies_are_not_taken_from_the_environment(client, script, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    script.say("/exchange", {"status": "ok"})
    script.say("exchangeStatus", {"time": 5})
    assert client.send(b"{}") == {"status": "ok"}
    assert client.exchange_ms() == 5
