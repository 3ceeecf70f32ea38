"""Coins come and go from a second terminal, and stay as they were chosen."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from running import BOT, ENVIRON, running

from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running as exchange_running

pytestmark = pytest.mark.e2e


def asked(folder: Path, *words: str) -> str:
    """What a command in a second terminal prints."""
    ended = subprocess.run(
        [sys.executable, BOT, *words], cwd=folder, env=ENVIRON, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def rows(shown: str) -> dict[str, list[str]]:
    """The table's rows by coin."""
    return {line.split()[0]: line.split() for line in shown.splitlines()[2:] if line.strip()}


def test_a_coin_comes_without_a_reconnect_goes_and_stays_away_after_a_restart(tmp_path: Path) -> None:
    with exchange_running(LocalnetOptions(scenario="random")) as net:
        words = ("--set", f"LOCALNET_URL={net.url}", "--coins", "BTC,ETH")
        with running(tmp_path, *words) as bot:
            bot.wait_for(r"\[stream\] listening: BTC, ETH")
            assert "did you mean SOL?" in asked(tmp_path, "coins", "add", "SLO")
            added = asked(tmp_path, "coins", "add", "solusdt", "--why", "it trends")
            assert re.search(r"^SOL is added by .+ \(it trends\): 3 coins now; 3 coins every .* REST weight", added)
            assert rows(asked(tmp_path, "coins"))["SOL"][:3] == ["SOL", "added", "stream"]
            bot.wait_for(r"\[decision\] SOL|\[risk\] SOL")
            assert "ETH is removed by" in asked(tmp_path, "coins", "remove", "eth")
            assert "the only coin" not in asked(tmp_path, "coins", "remove", "BTC")
            assert "SOL is the only coin" in asked(tmp_path, "coins", "remove", "SOL")
            bot.send(signal.SIGTERM)
            assert bot.ends() == 0
            assert not re.search(r"\[stream\] (down|up again)|SOL not by stream", bot.screen)
        with running(tmp_path, *words) as again:
            again.wait_for(r"ETH is in COINS and was removed by .+: left out; python bot.py coins add ETH brings")
            again.wait_for(r"\[stream\] listening: SOL$")
            assert "ETH is added" in asked(tmp_path, "coins", "add", "ETH")
            assert set(rows(asked(tmp_path, "coins"))) == {"SOL", "ETH"}
            again.send(signal.SIGTERM)
            assert again.ends() == 0


def test_a_position_in_a_coin_that_coins_has_no_more_is_watched_exited_and_let_go(tmp_path: Path) -> None:
    with exchange_running(LocalnetOptions(scenario="first-run")) as net:
        url = f"LOCALNET_URL={net.url}"
        with running(tmp_path, "--set", url, "--coins", "BTC") as bot:
            bot.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
            bot.send(signal.SIGKILL)
            bot.ends()
        with running(tmp_path, "--set", url, "--coins", "ETH") as again:
            again.wait_for(r"BTC is no coin of this bot any more; what may be open of it is looked after")
            again.wait_for(r"BTC: position of .* adopted")
            assert rows(asked(tmp_path, "coins"))["BTC"][:2] == ["BTC", "position"]
            again.wait_for(r"\[exit\] BTC closed by stop_loss")
            again.wait_for(r"BTC is flat and no coin of this bot any more: it leaves")
            assert set(rows(asked(tmp_path, "coins"))) == {"ETH"}
            again.send(signal.SIGTERM)
            assert again.ends() == 0
