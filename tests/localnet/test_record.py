"""Recording a localnet: the tape can be played again, and every conversation is there."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.sync.client import connect

from tidegate.errors import ConfigError
from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import Localnet, LocalnetOptions
from tidegate.localnet.doors.thread import running
from tidegate.localnet.markets.market import play
from tidegate.localnet.record import recording, replayable

TIMEOUT_S = 10
START_MS = 1_790_000_000_000
MINUTE_MS = 60_000


def lines_of(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.splitlines()]


def on(lines: list[dict[str, Any]], channel: str) -> list[Any]:
    return [line["raw"]["data"] for line in lines if line["raw"]["channel"] == channel]


@pytest.mark.parametrize("name", ["tape.jsonl", "tape.jsonl.gz"])
def test_a_recorded_market_is_played_again(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    net = Localnet.open(LocalnetOptions(scenario="random", seed=3))
    first_ms = net.exchange.now_ms
    coins = replayable(net.exchange, net.market.coins)
    assert {"BTC", "ETH"} <= set(coins)
    with recording(net.exchange, coins, path):
        play(net.exchange, net.market, first_ms + MINUTE_MS)
    trades = [row for rows in on(lines_of(path), "trades") for row in rows]
    assert {"BTC", "ETH"} <= {row["coin"] for row in trades} <= set(coins)
    again = Localnet.open(LocalnetOptions(replay=(path,)))
    play(again.exchange, again.market, again.market.start_ms + 2 * MINUTE_MS)
    for coin in ("BTC", "ETH", "@107", "xyz:GOLD"):
        recorded = [(row["px"], row["sz"], row["side"]) for row in trades if row["coin"] == coin]
        printed = [(row["px"], row["sz"], row["side"]) for row in again.exchange.recent_trades(coin)[::-1]]
        assert printed == recorded[-len(printed) :]
        assert printed
        assert again.exchange.l2(coin)["levels"] == net.exchange.l2(coin)["levels"]


def test_conversations_are_written_down(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl"
    with running(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        taking = recording(net.server.localnet.exchange, (), path)

        def begin(localnet: Localnet) -> None:
            localnet.watch.recorder = taking.__enter__()

        def end(localnet: Localnet) -> None:
            localnet.watch.recorder = None
            taking.__exit__(None, None, None)

        net.call(begin)
        body = {"type": "exchangeStatus"}
        answer = requests.post(f"{net.url}/info", json=body, timeout=TIMEOUT_S).json()
        with connect(f"ws{net.url[4:]}/ws", proxy=None) as line:
            line.send('{"method":"ping"}')
            assert line.recv(timeout=TIMEOUT_S) == '{"channel":"pong"}'
        net.call(end)
    lines = lines_of(path)
    assert on(lines, "rest") == [{"path": "/info", "request": body, "status": 200, "response": answer}]
    (said,), (heard,) = on(lines, "said"), on(lines, "heard")
    assert said["message"] == '{"method":"ping"}'
    assert heard == {"client": said["client"], "frame": '{"channel":"pong"}'}


def test_nothing_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl"
    path.touch()
    net = Localnet.open(LocalnetOptions(scenario="random"))
    with pytest.raises(ConfigError, match="the file is there already"), recording(net.exchange, (), path):
        pass
    with pytest.raises(ConfigError, match="No such file"), recording(net.exchange, (), tmp_path / "no" / "tape.jsonl"):
        pass
