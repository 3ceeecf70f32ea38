"""The exchange is not as it was: its rules, its answers at the start, its blocks. The bot looks again and goes on."""

from pathlib import Path
from typing import Any

import pytest
import requests

from tests.faults.scene import ACCOUNT, COIN, Scene, scene_in

pytestmark = pytest.mark.e2e

SPEED = 10.0
GUARDED = r"\[risk\] BTC: the exchange confirms a resting stop"


def asked(scene: Scene, kind: str, **more: Any) -> Any:
    """What the exchange answers to a question about the bot's account."""
    body = {"type": kind, "user": ACCOUNT, **more}
    return scene.net.call(lambda localnet: localnet.exchange.info(body).body)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (f"meta.changed {COIN} sz_decimals=8", r"metadata changed: BTC szDecimals 8 -> 5"),
        ("meta.shift at=0", r"metadata changed: BTC asset number 1 -> 0"),
    ],
)
def test_rules_that_were_wrong_at_the_start_are_read_again_and_the_next_signal_is_traded(
    tmp_path: Path, fault: str, told: str
) -> None:
    with scene_in(tmp_path, {}, SPEED) as scene:
        scene.fault(fault, times=1)
        scene.start()
        scene.hear(r"\[order\] BTC entry .* rejected")
        scene.hear(told)
        scene.hear(GUARDED)
        assert set(scene.sees.sizes) == {COIN}
        scene.touch_the_stop()
        scene.flat()


def test_with_isolated_margin_a_position_has_only_its_own_and_the_exchange_is_told_once(tmp_path: Path) -> None:
    settings = {"MARGIN_MODE": "isolated", "LEVERAGE": "5"}
    with scene_in(tmp_path, settings, SPEED) as scene:
        scene.start_covered()
        position = asked(scene, "clearinghouseState")["assetPositions"][0]["position"]
        assert position["leverage"] | {"rawUsd": ""} == {"type": "isolated", "value": 5, "rawUsd": ""}
        scene.touch_the_stop()
        scene.flat()
        scene.dies()
        scene.start()
        scene.hear(r"\[stream\] listening")
        assert not [line for line in scene.bot.lines if "leverage 5x" in line], "it was set already"


def test_a_decision_says_what_it_will_cost_and_the_recap_what_it_did(tmp_path: Path) -> None:
    with scene_in(tmp_path, {}, SPEED) as scene:
        scene.start()
        scene.hear(r"\[decision\] BTC long: .*, expected cost of the round trip \d+\.\d\d USD \(0\.\d+ %\)")
        scene.hear(r"\[fill\] BTC buy .*, fee \S+ USDC, slippage \S+ USD")
        scene.hear(GUARDED)
        scene.touch_the_stop()
        scene.hear(r"\[recap\] slippage  entry \S+ USD \(\S+ %\), exit \S+ USD \(\S+ %\)")


@pytest.mark.parametrize("fault", ["status 502", "body.html"])
def test_a_start_waits_out_an_exchange_that_answers_nonsense_for_a_while(tmp_path: Path, fault: str) -> None:
    with scene_in(tmp_path, {}) as scene:
        scene.fault(fault, match={"request": "clearinghouseState"}, times=5)
        scene.start()
        scene.hear(r"\[account\] the account cannot be read yet, trying on for up to \d+ s: clearinghouseState: ")
        scene.hear(r"\[bot\] initialised")


def test_blocks_that_stand_still_are_told_and_so_is_that_they_go_on(tmp_path: Path) -> None:
    with scene_in(tmp_path, {}) as scene:
        scene.start_covered()
        for channel in ("trades", "bbo", "l2Book", "candle"):
            scene.fault("ws.mute", match={"channel": channel}, times=None, for_s=28)
        scene.fault("state.stale request=l2Book", times=None, for_s=28)
        book = {"type": "l2Book", "coin": COIN}
        assert requests.post(f"{scene.net.url}/info", json=book, timeout=5).ok, "from here on this answer is repeated"
        scene.hear(r"ALERT the exchange's blocks stand still: the newest is \d+ s old")
        scene.hear(r"\[stream\] the exchange's blocks go on after \d+ s")
        scene.touch_the_stop()
        scene.flat()
