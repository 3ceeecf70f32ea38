"""The weight of a bot with many coins, by the exchange's own count, over real sockets."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.e2e.running import Running
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(420),
    pytest.mark.skipif("WEIGHT" not in os.environ, reason="it waits for whole minutes of the exchange: make weight"),
]

STREAMED_MOST = 60
POLLED_MOST = 600
MINUTE_MS = 60_000
NEVER = threading.Event()


def page(url: str, path: str, body: bytes | None = None) -> Any:
    request = Request(f"{url}{path}", data=body, headers={"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def listed(url: str) -> list[str]:
    """Every coin that can be traded."""
    universe = page(url, "/info", b'{"type":"meta"}')["universe"]
    return [row["name"] for row in universe if not row.get("isDelisted")]


def weights(url: str, minutes: int) -> list[int]:
    """What localnet counts in the next whole minutes of its own."""
    found: dict[int, int] = {}
    first = page(url, "/localnet/clock")["time_ms"] // MINUTE_MS + 1
    deadline_s = time.monotonic() + (minutes + 2) * 60
    while time.monotonic() < deadline_s:
        minute = page(url, "/localnet/clock")["time_ms"] // MINUTE_MS
        if minute >= first + minutes:
            break
        found[minute] = max(found.get(minute, 0), page(url, "/localnet/counters")["rest_weight_this_minute"])
        NEVER.wait(0.5)
    return [found[minute] for minute in range(first, first + minutes)]


def test_with_twenty_coins_streamed_a_minute_weighs_less_than_sixty_and_polled_less_than_six_hundred(
    tmp_path: Path,
) -> None:
    with running(LocalnetOptions()) as net:
        coins = listed(net.url)
        assert len(coins) >= 20
        environ = {
            "LOCALNET_URL": net.url,
            "COINS": ",".join(coins),
            "TIMEFRAME": "1m",
            "CHECK_INTERVAL": "60",
            "LEVERAGE": "1",
        }
        bot = Running(tmp_path, environ=environ)
        try:
            bot.wait_for("all 20 instruments have data")
            streamed = weights(net.url, 1)
            page(net.url, "/localnet/fault", json.dumps({"do": "ws.handshake", "times": 10_000}).encode())
            page(net.url, "/localnet/fault", json.dumps({"do": "ws.close"}).encode())
            bot.wait_for("down: ")
            polled = weights(net.url, 1)
        finally:
            bot.stop()
        assert page(net.url, "/localnet/counters")["refused_by_limit"] == 0
    assert 0 < max(streamed) < STREAMED_MOST, streamed
    assert max(streamed) < max(polled) < POLLED_MOST, polled
