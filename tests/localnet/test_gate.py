"""Malformed requests, weights and counters, the same through every door."""

import copy
import itertools
import json

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.localnet.doors.gate import BODY_BYTES_MAX, Gate, HttpAnswer
from tidegate.localnet.doors.limits import UNLIMITED, Limits
from tidegate.localnet.doors.transport import LocalnetAdapter
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe

START_MS = 1_790_000_000_000
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
UNDESERIALISABLE = b"Failed to deserialize the JSON body into the target type"


@pytest.fixture
def gate() -> Gate:
    return Gate(Exchange(default_universe(), start_ms=START_MS), Limits())


@pytest.mark.parametrize(
    ("method", "path", "content_type", "body", "expected"),
    [
        ("GET", "/info", "", b"", HttpAnswer(405)),
        ("PUT", "/exchange", JSON, b"{}", HttpAnswer(405)),
        ("POST", "/nowhere", JSON, b"{}", HttpAnswer(404)),
        ("POST", "/info", JSON, b"not json", HttpAnswer(400, TEXT, b"Failed to parse the request body as JSON")),
        ("POST", "/info", JSON, b"", HttpAnswer(400, TEXT, b"Failed to parse the request body as JSON")),
        ("POST", "/info", JSON, b"[" * 9999, HttpAnswer(400, TEXT, b"Failed to parse the request body as JSON")),
        ("POST", "/info", JSON, b'{"type":NaN}', HttpAnswer(400, TEXT, b"Failed to parse the request body as JSON")),
        (
            "POST",
            "/info",
            "text/plain",
            b'{"type":"allMids"}',
            HttpAnswer(415, TEXT, b"Expected request with `Content-Type: application/json`"),
        ),
        ("POST", "/info", "", b"{}", HttpAnswer(415, TEXT, b"Expected request with `Content-Type: application/json`")),
        ("POST", "/info", JSON, b'{"type":"noSuchType"}', HttpAnswer(422, TEXT, UNDESERIALISABLE)),
        ("POST", "/info", JSON, b"[]", HttpAnswer(422, TEXT, UNDESERIALISABLE)),
        ("POST", "/info", JSON, b'{"type":["meta"]}', HttpAnswer(422, TEXT, UNDESERIALISABLE)),
        ("POST", "/info", JSON, b'{"type":"l2Book"}', HttpAnswer(422, TEXT, UNDESERIALISABLE)),
        ("POST", "/exchange", JSON, b"{}", HttpAnswer(422, TEXT, UNDESERIALISABLE)),
        ("POST", "/exchange", JSON, b"7", HttpAnswer(422, TEXT, UNDESERIALISABLE)),
        ("POST", "/info", JSON, b'{"type":"l2Book","coin":"NOPE"}', HttpAnswer(200, JSON, b"null")),
        ("POST", "/info", JSON, b'{"type":"l2Book","coin":"BTC","nSigFigs":9}', HttpAnswer(500, JSON, b"null")),
        ("POST", "/info", JSON, b'{"type":"metaAndAssetCtxs","dex":"nope"}', HttpAnswer(500, JSON, b"null")),
        (
            "POST",
            "/info",
            "application/json; charset=utf-8",
            b'{"type":"subAccounts","user":"0x1111111111111111111111111111111111111111"}',
            HttpAnswer(200, JSON, b"null"),
        ),
    ],
)
def test_bad_requests_are_answered_as_the_exchange_answers_them(gate, method, path, content_type, body, expected):
    assert gate.http(method, path, content_type, body) == expected


def test_a_body_that_is_too_long_is_not_read(gate):
    assert gate.http("POST", "/info", JSON, b" " * (BODY_BYTES_MAX + 1)).status == 413


def test_a_minutes_weight_used_up_is_429_and_null_until_the_next_minute(gate):
    body = b'{"type":"userRole","user":"0x1111111111111111111111111111111111111111"}'
    assert [gate.http("POST", "/info", JSON, body).status for _ in range(21)] == [200] * 20 + [429]
    assert gate.http("POST", "/info", JSON, body) == HttpAnswer(429, JSON, b"null")
    gate.exchange.advance(START_MS + 60_000)
    assert gate.http("POST", "/info", JSON, body).status == 200
    assert gate.counters.refused_by_limit == 2
    assert gate.counters.requests == {"userRole": 21}


def test_the_kernel_is_brought_to_the_present_before_it_answers(gate):
    gate.catch_up = lambda: gate.exchange.advance(START_MS + 1234)
    answer = gate.http("POST", "/info", JSON, b'{"type":"exchangeStatus"}')
    assert json.loads(answer.body)["time"] == START_MS + 1234


def test_a_requests_session_talks_to_the_kernel_without_a_socket(gate):
    with requests.Session() as session:
        session.mount("http://in.process", LocalnetAdapter(gate))
        mids = session.post("http://in.process/info", json={"type": "allMids"}, timeout=1)
        assert (mids.status_code, mids.headers["content-type"]) == (200, JSON)
        assert isinstance(mids.json(), dict)
        assert mids.ok
        refused = session.post("http://in.process/info", data="x", timeout=1)
        assert (refused.status_code, refused.reason) == (415, "Unsupported Media Type")
        assert session.get("http://in.process/info", timeout=1).content == b""


def mutations(request: dict) -> st.SearchStrategy[object]:
    """`request` with one part, at any depth, left out or replaced by something else."""
    odd = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})
    odd |= st.sampled_from(["-1", "1e400", "NaN", "0x" + "f" * 40, 10**30, 1e308, [[]], ["BTC"]])

    @st.composite
    def mutate(draw: st.DrawFn) -> object:
        mutated = copy.deepcopy(request)
        where, path = mutated, []
        while isinstance(where, (dict, list)) and where and (not path or draw(st.booleans())):
            key = draw(st.sampled_from(sorted(where) if isinstance(where, dict) else range(len(where))))
            path.append((where, key))
            where = where[key]
        place, key = path[-1]
        if isinstance(place, dict) and draw(st.booleans()):
            del place[key]
        else:
            place[key] = draw(odd)
        return mutated

    return mutate()


ORDER = {"a": 0, "b": True, "p": "100", "s": "1", "r": False, "t": {"limit": {"tif": "Gtc"}}}
STOP = {**ORDER, "t": {"trigger": {"isMarket": True, "triggerPx": "90", "tpsl": "sl"}}, "c": "0x" + "1" * 32}
SIGNATURE = {"r": "0x" + "1" * 64, "s": "0x" + "2" * 64, "v": 27}
USER = "0x" + "1" * 40
NONCES = itertools.count(1)
INFOS = [
    {"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2},
    {"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "1m", "startTime": 0, "endTime": START_MS}},
    {"type": "userFillsByTime", "user": USER, "startTime": 0, "endTime": None, "aggregateByTime": False},
    {"type": "orderStatus", "user": USER, "oid": 1},
    {"type": "activeAssetData", "user": USER, "coin": "BTC"},
    {"type": "metaAndAssetCtxs", "dex": ""},
]
ACTIONS = [
    {"type": "order", "orders": [ORDER, STOP], "grouping": "normalTpsl"},
    {"type": "cancel", "cancels": [{"a": 0, "o": 1}]},
    {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0x" + "1" * 32}]},
    {"type": "modify", "oid": 1, "order": ORDER},
    {"type": "batchModify", "modifies": [{"oid": 1, "order": ORDER}]},
    {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 5},
    {"type": "noop"},
]


@pytest.fixture(scope="module")
def unlimited() -> Gate:
    return Gate(Exchange(default_universe(), start_ms=START_MS), UNLIMITED)


@given(request=st.sampled_from(INFOS).flatmap(mutations))
@settings(max_examples=300, deadline=None)
def test_no_malformed_question_breaks_the_kernel(unlimited, request):
    answer = unlimited.http("POST", "/info", JSON, json.dumps(request).encode())
    assert answer.status in (200, 422, 500)
    assert answer.body == b"null" or answer.status != 500


@given(
    action=st.sampled_from(ACTIONS).flatmap(mutations),
    envelope=mutations({"nonce": START_MS, "signature": SIGNATURE, "vaultAddress": None, "expiresAfter": None}),
    is_whole=st.booleans(),
)
@settings(max_examples=500, deadline=None)
def test_no_malformed_action_breaks_the_kernel(unlimited, action, envelope, is_whole):
    nonce = unlimited.exchange.now_ms + next(NONCES)
    whole = {"nonce": nonce, "signature": SIGNATURE, "vaultAddress": None, "expiresAfter": None}
    body = {"action": action, **(whole if is_whole else envelope)}
    answer = unlimited.http("POST", "/exchange", JSON, json.dumps(body).encode())
    assert answer.status in (200, 422)
    if answer.status == 200:
        assert json.loads(answer.body)["status"] in ("ok", "err")
