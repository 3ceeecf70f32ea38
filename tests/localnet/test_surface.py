"""The whole HTTP surface under schemathesis: no answer that the protocol does not name, no crash.

The description below is this test's own; localnet serves none.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running

USER = {"type": "string", "pattern": "^0x[0-9a-f]{40}$"}
COIN = {"type": "string", "enum": ["BTC", "ETH", "PURR/USDC", "@1", "NOPE", "xyz:NVDA"]}
TIME = {"type": "integer", "minimum": 0, "maximum": 1 << 42}
INFO_TYPES = [
    *("meta", "allMids", "metaAndAssetCtxs", "spotMeta", "spotMetaAndAssetCtxs", "perpDexs", "allPerpMetas"),
    *("l2Book", "recentTrades", "candleSnapshot", "fundingHistory", "predictedFundings", "clearinghouseState"),
    *("spotClearinghouseState", "openOrders", "frontendOpenOrders", "orderStatus", "historicalOrders", "userFills"),
    *("userFillsByTime", "userFees", "userRole", "userRateLimit", "userFunding", "userNonFundingLedgerUpdates"),
    *("portfolio", "extraAgents", "activeAssetData", "subAccounts", "maxBuilderFee", "twapHistory", "vaultDetails"),
    *("userTwapSliceFills", "userVaultEquities", "referral", "exchangeStatus", "noSuchType"),
]
INFO = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "enum": INFO_TYPES},
        "user": USER,
        "builder": USER,
        "vaultAddress": USER,
        "coin": COIN,
        "dex": {"type": ["string", "null"], "enum": ["", None, "nope", "xyz"]},
        "oid": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "nSigFigs": {"type": ["integer", "null"]},
        "mantissa": {"type": ["integer", "null"]},
        "startTime": TIME,
        "endTime": {"anyOf": [TIME, {"type": "null"}]},
        "aggregateByTime": {"type": "boolean"},
        "req": {
            "type": "object",
            "required": ["coin", "interval", "startTime"],
            "properties": {
                "coin": COIN,
                "interval": {"type": "string", "enum": ["1m", "1h", "1M", "7m"]},
                "startTime": TIME,
                "endTime": TIME,
            },
        },
    },
}
ORDER = {
    "type": "object",
    "required": ["a", "b", "p", "s", "r", "t"],
    "properties": {
        "a": {"type": "integer"},
        "b": {"type": "boolean"},
        "p": {"type": "string"},
        "s": {"type": "string"},
        "r": {"type": "boolean"},
        "t": {"type": "object"},
        "c": {"type": "string"},
    },
}
ACTION_TYPES = [
    *("order", "cancel", "cancelByCloid", "modify", "batchModify", "updateLeverage", "updateIsolatedMargin", "noop"),
    *("scheduleCancel", "twapOrder", "twapCancel", "approveAgent", "usdSend", "usdClassTransfer", "vaultTransfer"),
    *("createSubAccount", "setReferrer", "reserveRequestWeight", "noSuchAction"),
]
EXCHANGE = {
    "type": "object",
    "required": ["action", "nonce", "signature"],
    "properties": {
        "action": {
            "type": "object",
            "required": ["type"],
            "properties": {
                "type": {"type": "string", "enum": ACTION_TYPES},
                "orders": {"type": "array", "items": ORDER, "maxItems": 3},
                "cancels": {"type": "array", "items": {"type": "object"}, "maxItems": 3},
                "grouping": {"type": "string"},
                "asset": {"type": "integer"},
                "leverage": {"type": "integer"},
                "isCross": {"type": "boolean"},
                "nonce": TIME,
                "time": TIME,
            },
        },
        "nonce": TIME,
        "signature": {
            "type": "object",
            "required": ["r", "s", "v"],
            "properties": {
                "r": {"type": "string", "pattern": "^0x[0-9a-f]{1,64}$"},
                "s": {"type": "string", "pattern": "^0x[0-9a-f]{1,64}$"},
                "v": {"type": "integer", "minimum": 27, "maximum": 28},
            },
        },
        "vaultAddress": {"anyOf": [USER, {"type": "null"}]},
        "expiresAfter": {"anyOf": [TIME, {"type": "null"}]},
    },
}
FUND = {
    "type": "object",
    "required": ["user", "usdc"],
    "properties": {"user": USER, "usdc": {"type": ["number", "string"]}},
}
# No fault of this name stands: one that did would spoil the answers to the other questions.
FAULT = {
    "type": "object",
    "required": ["do"],
    "properties": {
        "match": {"type": "object", "properties": {"coin": COIN, "user": USER, "door": {"type": "string"}}},
        "do": {"type": "string", "enum": ["no_such_fault"]},
        "times": {"type": ["integer", "null"]},
        "after": {"type": ["integer", "number", "string"]},
    },
}
NUMBER = [{"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}}]


def posted(body: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": body}}
    return {"post": {"requestBody": {"required": True, "content": content}, "responses": {"200": {"description": ""}}}}


READ = {"get": {"responses": {"200": {"description": ""}}}}
DESCRIPTION = {
    "openapi": "3.1.0",
    "info": {"title": "localnet, as its tests see it", "version": "0"},
    "paths": {
        "/info": posted(INFO),
        "/exchange": posted(EXCHANGE),
        "/localnet/fund": posted(FUND),
        "/localnet/fault": {**posted(FAULT), **READ},
        "/localnet/fault/{number}": {"delete": {**READ["get"], "parameters": NUMBER}},
        "/localnet/faults": READ,
        "/localnet/clock": READ,
        "/localnet/counters": READ,
    },
}
ALLOWED = {
    "/info": {200, 400, 405, 413, 415, 422, 500},
    "/exchange": {200, 400, 405, 413, 415, 422},
    "/localnet/fund": {200, 400, 405, 422},
    "/localnet/fault": {200, 400, 405, 422},
    "/localnet/fault/{number}": {200, 404, 405, 422},
    "/localnet/faults": {200, 405},
    "/localnet/clock": {200, 405},
    "/localnet/counters": {200, 405},
}
surface = schemathesis.openapi.from_dict(DESCRIPTION)


@pytest.fixture(scope="module")
def url():
    with running(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        yield net.url


@surface.parametrize()
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_has_a_status_that_the_protocol_names(case, url):
    answer = case.call(base_url=url, timeout=10)
    assert answer.status_code in ALLOWED[case.path], (answer.status_code, answer.content)
    if answer.status_code == 500:
        assert answer.content == b"null"
    if answer.status_code == 200:
        answer.json()
