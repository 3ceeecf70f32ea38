"""A key that does not belong to the account is found out before the first order: exit code 2, one line tells why."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from as_testnet import command_line
from eth_account import Account
from hyperliquid.utils.signing import sign_agent
from running import Running

from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running as localnet
from tidegate.localnet.ready import Ready

pytestmark = pytest.mark.e2e

MASTER, AGENT, STRANGER = (Account.from_key("0x" + digits * 32) for digits in ("6a", "6b", "6c"))
MASTER_ADDRESS, AGENT_ADDRESS, STRANGER_ADDRESS = (each.address.lower() for each in (MASTER, AGENT, STRANGER))


@pytest.fixture(scope="module")
def net() -> Iterator[Ready]:
    """A localnet on which one account has money and an API wallet, and a stranger has money."""
    with localnet(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        for user in (MASTER_ADDRESS, STRANGER_ADDRESS):
            body = {"user": user, "usdc": 1_000}
            requests.post(f"{net.url}/localnet/fund", json=body, timeout=5).raise_for_status()
        nonce = time.time_ns() // 1_000_000
        action = {"type": "approveAgent", "agentAddress": AGENT_ADDRESS, "agentName": "bot", "nonce": nonce}
        body = {"action": action, "nonce": nonce, "signature": sign_agent(MASTER, action, False)}
        answer = requests.post(f"{net.url}/exchange", json=body, timeout=5).json()
        assert answer["status"] == "ok", answer
        yield net


def start(folder: Path, net: Ready, key: str, account: str, **more: str) -> Running:
    environ = {
        "NETWORK": "testnet",
        "TMPDIR": str(folder),  # the lock of the wallet, which all tests share
        "HYPERLIQUID_PRIVATE_KEY": key,
        "HYPERLIQUID_ACCOUNT_ADDRESS": account,
        "CONFIRM_MAINNET": account if more.get("NETWORK") == "mainnet" else "",
        **more,
    }
    return Running(folder, environ=environ, command=command_line(net.url, "--seconds", "2", "--coins", "BTC"))


WRONG = {
    "a stranger's key": (STRANGER, MASTER_ADDRESS, {}, f"{STRANGER_ADDRESS} is an account of its own"),
    "the API wallet's address": (AGENT, AGENT_ADDRESS, {}, f"set the address of its account, {MASTER_ADDRESS}"),
    "an account that is not there": (AGENT, "0x" + "9d" * 20, {}, "it was never funded there"),
    "the master key on mainnet": (MASTER, MASTER_ADDRESS, {"NETWORK": "mainnet"}, "or set ALLOW_MASTER_KEY=true"),
    "somebody else's vault": (
        AGENT,
        MASTER_ADDRESS,
        {"HYPERLIQUID_VAULT_ADDRESS": STRANGER_ADDRESS},
        f"expected a sub-account of {MASTER_ADDRESS}",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_key_ends_the_start_with_code_2_and_the_reason(case: str, tmp_path: Path, net: Ready) -> None:
    wallet, account, more, words = WRONG[case]
    bot = start(tmp_path, net, wallet.key.hex(), account, **more)
    assert bot.ends() == 2, bot.screen
    assert words in bot.screen
    assert "Traceback" not in bot.screen
    assert wallet.key.hex().removeprefix("0x") not in bot.screen
    for user in (MASTER_ADDRESS, STRANGER_ADDRESS):
        orders = requests.post(f"{net.url}/info", json={"type": "historicalOrders", "user": user}, timeout=5).json()
        assert orders == []


def test_the_right_key_starts_and_says_for_whom_it_signs(tmp_path: Path, net: Ready) -> None:
    bot = start(tmp_path, net, AGENT.key.hex(), MASTER_ADDRESS)
    assert bot.ends() == 0, bot.screen
    assert f"signing with the API wallet 'bot' ({AGENT_ADDRESS}) of {MASTER_ADDRESS}, valid until" in bot.screen
    assert "account mode " in bot.screen
