"""Row 002-27: a builder is paid by entries alone, and only once the account has approved it."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from as_testnet import command_line
from eth_account import Account
from hyperliquid.utils.signing import sign_approve_builder_fee
from running import Running

from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running as localnet

pytestmark = pytest.mark.e2e

MASTER, BUILDER = (Account.from_key("0x" + digits * 32) for digits in ("7d", "7e"))
USER = MASTER.address.lower()
SETTINGS = {
    "NETWORK": "testnet",
    "HYPERLIQUID_ACCOUNT_ADDRESS": USER,
    "HYPERLIQUID_TESTNET_PRIVATE_KEY": MASTER.key.hex(),
    "BUILDER_ADDRESS": BUILDER.address,
    "BUILDER_FEE_TENTHS_BP": "10",
    "STRATEGY": "buy_and_hold",
    "TIMEFRAME": "1m",
    "CHECK_INTERVAL": "60",
    "STOP_LOSS_PCT": "20",
    "TAKE_PROFIT_PCT": "0",
}


def approve(url: str, rate: str) -> None:
    """The account lets the builder take up to so much."""
    nonce = time.time_ns() // 1_000_000
    action = {"type": "approveBuilderFee", "maxFeeRate": rate, "builder": BUILDER.address.lower(), "nonce": nonce}
    body = {"action": action, "nonce": nonce, "signature": sign_approve_builder_fee(MASTER, action, False)}
    answer = requests.post(f"{url}/exchange", json=body, timeout=5).json()
    assert answer["status"] == "ok", answer


def fills(url: str) -> list[dict[str, Any]]:
    answer = requests.post(f"{url}/info", json={"type": "userFills", "user": USER}, timeout=5)
    return sorted(answer.json(), key=lambda fill: fill["time"])


@pytest.mark.parametrize("approved", ["0.01%", "0.005%"])
def test_an_entry_pays_the_approved_builder_and_an_exit_nobody(approved: str, tmp_path: Path) -> None:
    enough = approved == "0.01%"
    with localnet(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        for user in (USER, BUILDER.address.lower()):
            requests.post(f"{net.url}/localnet/fund", json={"user": user, "usdc": 5_000}, timeout=5).raise_for_status()
        approve(net.url, approved)
        environ = {**SETTINGS, "TMPDIR": str(tmp_path)}
        bot = Running(tmp_path, environ=environ, command=command_line(net.url, "--coins", "BTC"))
        try:
            if enough:
                bot.wait_for(
                    rf"builder fee: 0.01 % of each entry goes to {BUILDER.address.lower()}, approved by {USER}"
                )
            else:
                bot.wait_for(r"builder fee: 0.01 % .* is left out of every order: .* approved at most 0.005 %")
            bot.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
            asked = Running(tmp_path, environ=environ, command=command_line(net.url, "flatten"))
            assert asked.ends() == 0, asked.screen
            bot.wait_for(r"\[exit\] BTC closed by force_exit")
            bot.send(signal.SIGTERM)
            assert bot.ends() == 0, bot.screen
        finally:
            bot.stop()
        rates: dict[bool, set[float]] = {True: set(), False: set()}
        for fill in fills(net.url):
            notional = float(fill["px"]) * float(fill["sz"])
            paid = float(fill.get("builderFee", "0")) / notional
            rates[fill["dir"].startswith("Open")].add(round(paid, 6))
        assert rates == {True: {0.0001 if enough else 0.0}, False: {0.0}}
