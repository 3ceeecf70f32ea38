"""Row 002-12: the API wallet's key is exchanged for a new one, and the position and its stop stay the bot's."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from as_testnet import command_line
from eth_account import Account
from hyperliquid.utils.signing import sign_agent
from running import Running

from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running as localnet

pytestmark = pytest.mark.e2e

MASTER, OLD, NEW = (Account.from_key("0x" + digits * 32) for digits in ("7a", "7b", "7c"))
USER = MASTER.address.lower()
SETTINGS = {
    "NETWORK": "testnet",
    "HYPERLIQUID_ACCOUNT_ADDRESS": USER,
    "STRATEGY": "buy_and_hold",
    "TIMEFRAME": "1m",
    "CHECK_INTERVAL": "60",
    "STOP_LOSS_PCT": "20",
    "TAKE_PROFIT_PCT": "0",
}


def approve(url: str, agent: Any) -> None:
    """The master names this agent `bot`; whoever was called so before may not sign any more."""
    nonce = time.time_ns() // 1_000_000
    action = {"type": "approveAgent", "agentAddress": agent.address.lower(), "agentName": "bot", "nonce": nonce}
    body = {"action": action, "nonce": nonce, "signature": sign_agent(MASTER, action, False)}
    assert requests.post(f"{url}/exchange", json=body, timeout=5).json()["status"] == "ok"


def ask(url: str, kind: str) -> Any:
    return requests.post(f"{url}/info", json={"type": kind, "user": USER}, timeout=5).json()


def start(folder: Path, url: str, agent: Any) -> Running:
    environ = {**SETTINGS, "TMPDIR": str(folder), "HYPERLIQUID_PRIVATE_KEY": agent.key.hex()}
    return Running(folder, environ=environ, command=command_line(url, "--coins", "BTC"))


def test_after_a_change_of_the_key_the_position_is_adopted_with_its_stop_and_the_new_key_signs(tmp_path: Path) -> None:
    with localnet(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        requests.post(f"{net.url}/localnet/fund", json={"user": USER, "usdc": 5_000}, timeout=5).raise_for_status()
        approve(net.url, OLD)
        first = start(tmp_path, net.url, OLD)
        try:
            first.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
            first.send(signal.SIGTERM)
            assert first.ends() == 0, first.screen
        finally:
            first.stop()
        held, resting = ask(net.url, "clearinghouseState")["assetPositions"], ask(net.url, "openOrders")
        assert len(held) == len(resting) == 1
        approve(net.url, NEW)
        second = start(tmp_path, net.url, NEW)
        try:
            second.wait_for(rf"signing with the API wallet 'bot' \({NEW.address.lower()}\)")
            second.wait_for(r"\[account\] BTC: position of \S+ .* adopted \(known from an earlier run\)")
            second.wait_for(r"resting stop recognised")
            assert (
                ask(net.url, "clearinghouseState")["assetPositions"][0]["position"]["szi"]
                == (held[0]["position"]["szi"])
            )
            assert [row["oid"] for row in ask(net.url, "openOrders")] == [row["oid"] for row in resting]
            asked = Running(
                tmp_path,
                environ={**SETTINGS, "HYPERLIQUID_PRIVATE_KEY": NEW.key.hex()},
                command=command_line(net.url, "flatten"),
            )
            assert asked.ends() == 0, asked.screen
            second.wait_for(r"\[exit\] BTC closed by force_exit")
            second.send(signal.SIGTERM)
            assert second.ends() == 0, second.screen
        finally:
            second.stop()
        assert ask(net.url, "clearinghouseState")["assetPositions"] == []
        for bot in (first, second):
            assert OLD.key.hex().removeprefix("0x") not in bot.screen
            assert NEW.key.hex().removeprefix("0x") not in bot.screen
