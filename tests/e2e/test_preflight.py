"""Row 002-33: a session on mainnet begins with the checks of preflight, and none of them may fail."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from as_testnet import command_line
from eth_account import Account
from running import Running

from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running as localnet
from tidegate.localnet.ready import Ready

pytestmark = pytest.mark.e2e

RICH, POOR = (Account.from_key("0x" + digits * 32) for digits in ("8a", "8b"))


@pytest.fixture(scope="module")
def net() -> Iterator[Ready]:
    """A localnet in the place of both networks, on which one account has money and the other as good as none.

    It takes signatures for testnet only, as the real one does: for mainnet the order of the checks never arrives.
    """
    with localnet(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        for wallet, usdc in ((RICH, 5_000), (POOR, 0.2)):
            body = {"user": wallet.address.lower(), "usdc": usdc}
            requests.post(f"{net.url}/localnet/fund", json=body, timeout=5).raise_for_status()
        yield net


def start(folder: Path, net: Ready, wallet: Account, **more: str) -> Running:
    environ = {
        "NETWORK": "testnet",
        "TMPDIR": str(folder),
        "HYPERLIQUID_PRIVATE_KEY": wallet.key.hex(),
        "HYPERLIQUID_ACCOUNT_ADDRESS": wallet.address,
        "ALLOW_MASTER_KEY": "true",
        **more,
    }
    return Running(folder, environ=environ, command=command_line(net.url, "--seconds", "1", "--coins", "BTC"))


MAINNET = {"NETWORK": "mainnet", "CONFIRM_MAINNET": RICH.address}
ALWAYS = {"PREFLIGHT": "always"}


@pytest.mark.parametrize(("wallet", "more"), [(RICH, MAINNET), (POOR, ALWAYS)], ids=["mainnet", "wherever it is asked"])
def test_a_failed_check_ends_the_start_before_anything_is_traded(
    wallet: Account, more: dict[str, str], tmp_path: Path, net: Ready
) -> None:
    bot = start(tmp_path, net, wallet, **more)
    assert bot.ends() == 4, bot.screen
    assert "FAIL     order" in bot.screen
    assert f"preflight failed: nothing is traded on {more.get('NETWORK', 'testnet')}" in bot.screen
    assert "Tidegate 0" not in bot.screen, "no session began"


def test_passed_checks_are_shown_and_the_session_begins(tmp_path: Path, net: Ready) -> None:
    bot = start(tmp_path, net, RICH, **ALWAYS)
    assert bot.ends() == 0, bot.screen
    assert "ok       order" in bot.screen
    assert bot.screen.index("ok       order") < bot.screen.index("initialised: account")


@pytest.mark.parametrize("more", [MAINNET | {"PREFLIGHT": "never"}, {}], ids=["left out by name", "not on mainnet"])
def test_elsewhere_nothing_is_looked_over(more: dict[str, str], tmp_path: Path, net: Ready) -> None:
    bot = start(tmp_path, net, RICH, **more)
    assert bot.ends() == 0, bot.screen
    assert "websocket" not in bot.screen
