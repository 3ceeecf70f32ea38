"""Row 002-41: each symptom of the page's table is reproduced, and the bot says what the page says it says."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from as_testnet import command_line
from eth_account import Account

from tests.faults.scene import Scene, scene_in

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
HEAD = "| symptom | the bot says | cause | what to do |"
ORDER = {"action": "order"}
STRANGER = Account.from_key("0x" + "9a" * 32)


def sayings() -> list[str]:
    """What the bot says, by the page."""
    lines = PAGE.read_text(encoding="utf-8").split(HEAD)[1].splitlines()[2:]
    rows = [line.split(" | ") for line in lines[: lines.index("")]]
    assert all(len(row) == 4 for row in rows)
    return [re.findall(r"`(.*?)`", row[1])[0] for row in rows]


def entering(do: str, **rule: object) -> Callable[[Scene], None]:
    """An entry meets a fault."""

    def play(scene: Scene) -> None:
        scene.fault(do, match=ORDER, **rule)
        scene.start()

    return play


def holding(do: str, **rule: object) -> Callable[[Scene], None]:
    """A bot that holds a position meets a fault."""

    def play(scene: Scene) -> None:
        scene.start_covered()
        scene.fault(do, **rule)

    return play


def with_a_strangers_key(scene: Scene) -> None:
    """A start with a key that has nothing to do with the account."""
    for user in (STRANGER.address.lower(), "0x" + "9b" * 20):
        scene.net.call(lambda localnet, user=user: localnet.exchange.fund(user, Decimal(1_000)))
    scene.start(
        command=command_line(scene.net.url),
        NETWORK="testnet",
        HYPERLIQUID_TESTNET_PRIVATE_KEY=STRANGER.key.hex(),
        HYPERLIQUID_ACCOUNT_ADDRESS="0x" + "9b" * 20,
        LOCALNET_URL="",
    )


PLAYED: dict[str, Callable[[Scene], None]] = {
    "is an account of its own": with_a_strangers_key,
    "the exchange refuses this key": entering("auth_lost"),
    "the exchange limits this address": entering("addr_limit"),
    "Insufficient margin": entering("refuse.margin"),
    "BTC is suspended: the exchange cannot use our order": entering("refuse.tick"),
    "the exchange refuses a stop twice": entering("refuse.stop", times=2),
    "is in doubt": entering("silence"),
    "down: closed by the other side": holding("ws.close 1000"),
    "down: nothing heard for": holding("ws.blackhole"),
    "BTC cannot be streamed": lambda scene: entering_deaf(scene),
}


def entering_deaf(scene: Scene) -> None:
    """The exchange takes no subscription of the coin."""
    scene.fault("ws.sub_reject", match={"channel": "trades"}, times=None)
    scene.start()


def test_the_page_and_the_test_know_the_same_symptoms() -> None:
    assert sorted(sayings()) == sorted(PLAYED)


@pytest.mark.parametrize("says", PLAYED)
def test_a_symptom_brings_the_line_that_the_page_tells(says: str, tmp_path: Path) -> None:
    with scene_in(tmp_path, {}) as scene:
        PLAYED[says](scene)
        scene.hear(re.escape(says))
