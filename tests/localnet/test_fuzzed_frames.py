"""Ten thousand frames that no client should send: each is answered, or its sender is cut off, and nothing breaks."""

import copy
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import pytest
from lines import START_MS, USER, Line, Net
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.subscriptions import FIELDS
from tidegate.localnet.doors.thread import Running, running

FRAMES = 10_000
FRAMES_BY_SOCKET = 1_000
PER_CONNECTION = 100
TIMEOUT_S = 10
ANSWERS = ("subscriptionResponse", "error", "pong", "post")
VALUES = {"coin": "BTC", "user": USER, "interval": "1m"}
ORDER = {"a": 0, "b": True, "p": "60001", "s": "0.01", "r": False, "t": {"limit": {"tif": "Ioc"}}}
STOP = {**ORDER, "t": {"trigger": {"isMarket": True, "triggerPx": "70000", "tpsl": "sl"}}}
INFOS = (
    *({"type": kind, "user": USER} for kind in ("clearinghouseState", "openOrders", "userFills", "userFees")),
    {"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2},
    {"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "1m", "startTime": 0, "endTime": START_MS}},
    {"type": "userFillsByTime", "user": USER, "startTime": 0, "endTime": None},
    {"type": "orderStatus", "user": USER, "oid": 1},
)
ACTIONS = (
    {"type": "order", "orders": [ORDER, STOP], "grouping": "normalTpsl"},
    {"type": "cancel", "cancels": [{"a": 0, "o": 1}]},
    {"type": "batchModify", "modifies": [{"oid": 1, "order": ORDER}]},
    {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 5},
    {"type": "scheduleCancel", "time": START_MS + 6_000},
    {"type": "noop"},
)
ODD = (
    *(None, True, False, 0, -1, 1.5, 10**20, -(10**400), "", "BTC", "btc", "\x00", "\ud800", "0x", "1e5", "NaN", "-0"),
    *([], {}, [[]], {"type": "l2Book"}, USER, USER.upper(), "9" * 400, "ä" * 50, START_MS, "xyz", "@1", "PURR/USDC"),
)
PLAUSIBLE = (
    *(*FIELDS, "BTC", "ETH", "@1", "PURR/USDC", "NOPE", "1m", "1d", "xyz", "0x" + "ab" * 20, "1", "0.001", "Gtc", "na"),
    *(True, False, 0, 1, 2, 5, 27, 110_000, 10_000, START_MS - 1, START_MS + 1),
)


def sensible(chance: random.Random) -> dict[str, Any]:
    """A frame as a client might send it."""
    kind = chance.choice(("subscribe", "subscribe", "unsubscribe", "ping", "info", "action"))
    if kind == "ping":
        return {"method": "ping"}
    if kind == "info":
        request = {"type": "info", "payload": chance.choice(INFOS)}
    elif kind == "action":
        signature = {"r": "0x1", "s": "0x1", "v": 27}
        payload = {"action": chance.choice(ACTIONS), "nonce": START_MS, "signature": signature, "vaultAddress": None}
        request = {"type": "action", "payload": payload}
    else:
        stream = chance.choice(sorted(FIELDS))
        extras = chance.choice(({}, {"fast": True}, {"nSigFigs": 3}, {"dex": ""}, {"aggregateByTime": True}))
        return {
            "method": kind,
            "subscription": {"type": stream, **{field: VALUES[field] for field in FIELDS[stream]}, **extras},
        }
    return {"method": "post", "id": chance.randrange(1000), "request": request}


def odd(chance: random.Random, present: Any = None) -> Any:
    """A value that does not belong there, as often as not of the type of what was `present`."""
    of_its_type = [value for value in PLAUSIBLE if type(value) is type(present)]
    return copy.deepcopy(chance.choice(of_its_type if of_its_type and chance.random() < 0.5 else ODD))


def places(message: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a message with every key into it."""
    for key, inner in list(message.items() if isinstance(message, dict) else enumerate(message)):
        yield message, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def fuzzed(seed: int) -> Iterator[bytes]:
    """Frames without end: whole ones, ones with odd values, missing and additional fields, and broken text."""
    chance = random.Random(seed)
    while True:
        message = copy.deepcopy(sensible(chance))
        for _ in range(chance.choice((0, 0, 1, 1, 2))):
            within = list(places(message))
            if not within:
                break
            container, key = chance.choice(within)
            if chance.random() < 0.3:
                del container[key]
            elif isinstance(container, dict) and chance.random() < 0.2:
                container[chance.choice(("type", "dex", "extra", "coin", "user"))] = odd(chance)
            else:
                container[key] = odd(chance, container[key])
        text = bytearray(json.dumps(message, ensure_ascii=chance.random() < 0.9).encode("utf-8", "surrogatepass"))
        for _ in range(chance.choice((0,) * 10 + (1, 4))):
            at = chance.randrange(len(text) + 1)
            text[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        yield bytes(text[: chance.randrange(len(text) + 1)] if chance.random() < 0.03 else text)


def socket_to(net: Running) -> ClientConnection:
    return connect(f"ws{net.url[4:]}/ws", ping_interval=None, close_timeout=0.1, proxy=None)


@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_fuzzed_frames_are_each_answered_once_or_cut_the_line(seed):
    net = Net(UNLIMITED)
    line = Line(net)
    for count, text in enumerate(islice(fuzzed(seed), FRAMES // 4)):
        line.cut_after_s = None
        frames = line.say(text)
        answers = [frame["channel"] for frame in frames if frame["channel"] in ANSWERS]
        assert len(answers) == (0 if line.cut_after_s is not None else 1), text
        if count % PER_CONNECTION == 0:
            net.pass_time(1_000)
            line.session.close()
            line = Line(net)
    line.session.close()
    assert net.streams.subscription_count == 0
    assert Line(net).subscribe(type="l2Book", coin="BTC")[1]["channel"] == "l2Book"


def test_a_server_outlives_fuzzed_frames_on_its_socket():
    with running(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        sent = 0
        frames = fuzzed(5)
        while sent < FRAMES_BY_SOCKET:
            with socket_to(net) as line, suppress(ConnectionClosed):
                for text in islice(frames, PER_CONNECTION):
                    sent += 1
                    line.send(text)
        with socket_to(net) as line:
            line.send('{"method":"ping"}')
            assert line.recv(timeout=TIMEOUT_S) == '{"channel":"pong"}'
