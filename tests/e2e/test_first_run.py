"""A stranger's first minute: one command, no settings, a stop that fires between two polls."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from running import BOT, running

pytestmark = pytest.mark.e2e


def test_the_first_run_enters_with_a_resting_stop_and_leaves_by_its_own_stop_between_two_polls(tmp_path: Path) -> None:
    with running(tmp_path, "--seconds", "60") as bot:
        bot.wait_for(r"\[localnet\] scripted")
        bot.wait_for(r"\[decision\] BTC long: EMA 12 .* crossed above EMA 26")
        bot.wait_for(r"\[order\] BTC stop sell .* rests at")
        bot.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
        bot.wait_for(r"\[recap\] ---- BTC long .* left by stop loss")
        bot.wait_for(r"\[recap\] sent .* on the wire \d+\.\d\d ms after the frame arrived")
        bot.wait_for(r"\[recap\] polls +between two polls: .* s after the last, .* s before the next")
        bot.send(signal.SIGINT)
        assert bot.ends() == 0, bot.screen
    assert all(len(line) <= 240 for line in bot.lines)
    stamped = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARNING|ERROR) \[\w+\] ")
    assert all(stamped.match(line) for line in bot.lines), bot.screen
    in_json = [json.loads(line) for line in (tmp_path / "logs" / "bot.jsonl").read_text().splitlines()]
    assert len(in_json) == len(bot.lines)
    assert "Traceback" not in bot.screen


def test_ctrl_c_with_a_position_open_leaves_its_stop_resting_and_ends_cleanly(tmp_path: Path) -> None:
    with running(tmp_path) as bot:
        bot.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
        bot.send(signal.SIGINT)
        bot.wait_for(r"\[bot\] stopping: SIGINT; no more entries; open positions keep their resting stops: BTC")
        assert bot.ends(10) == 0
    assert "Traceback" not in bot.screen


def test_a_dry_run_shows_legal_orders_and_sends_none(tmp_path: Path) -> None:
    with running(tmp_path, "--dry-run", "--seconds", "60") as bot:
        bot.wait_for(r"BTC entry buy .* at \d+, dry run: legal, not sent")
        bot.send(signal.SIGTERM)
        assert bot.ends() == 0
    assert "[fill]" not in bot.screen


def test_a_second_terminal_shows_mode_stream_and_position_with_its_resting_stop(tmp_path: Path) -> None:
    with running(tmp_path) as bot:
        bot.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
        shown = ""
        for _ in range(40):
            with running(tmp_path, "status") as status:
                assert status.ends() == 0, status.screen
                shown = status.screen
            if "holding" in shown and "NOT CONFIRMED" not in shown:
                break
        bot.send(signal.SIGTERM)
        assert bot.ends() == 0
    assert re.search(r"running \(pid \d+\), .* localnet", shown), shown
    assert re.search(r"stream up since", shown)
    assert re.search(r"REST +weight \d+ of 1200", shown), shown
    assert re.search(r"BTC +holding", shown), shown


def test_a_bad_env_file_is_refused_with_every_problem_at_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NETWROK=mainnet\nLEVERAGE=nan\nSTRATEGY=ema_cros\nSTOP_LOSS_PCT=-1\n")
    with running(tmp_path) as bot:
        assert bot.ends() == 2
    assert len(bot.lines) == 4, bot.screen
    for word in ("NETWORK", "LEVERAGE", "ema_cross", "STOP_LOSS_PCT"):
        assert any(word in line for line in bot.lines), bot.screen
    assert "Traceback" not in bot.screen


def test_an_unknown_coin_is_refused_with_the_nearest_match(tmp_path: Path) -> None:
    with running(tmp_path, "--coins", "BTCC,ETH", "--set", "LEVERAGE=30") as bot:
        assert bot.ends() == 2
    assert "BTCC is not listed on localnet" in bot.screen
    assert "LEVERAGE=30: too large for ETH" in bot.screen
    assert "Traceback" not in bot.screen


def test_a_second_bot_on_the_same_wallet_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, "localnet", "--port", "0") as exchange:
        url = exchange.wait_for(r"ready at (http://\S+)").group(1)
        with running(tmp_path, environ={"LOCALNET_URL": url}) as first:
            first.wait_for(r"\[stream\] listening")
            second_folder = tmp_path / "second"
            second_folder.mkdir()
            with running(second_folder, environ={"LOCALNET_URL": url}) as second:
                assert second.ends() == 5, second.screen
            assert "another bot on this machine already trades" in second.screen


def test_a_second_bot_in_the_same_folder_is_refused_and_does_the_first_no_harm(tmp_path: Path) -> None:
    with running(tmp_path, "--scenario", "random") as first:
        first.wait_for(r"warm-up finished")
        with running(tmp_path) as other_market:
            assert other_market.ends() == 5, other_market.screen
        with running(tmp_path, "--scenario", "random") as same_market:
            assert same_market.ends() == 5, same_market.screen
        with running(tmp_path, "status") as status:
            assert status.ends() == 0
            assert "stream up" in status.screen
        first.send(signal.SIGTERM)
        assert first.ends() == 0
    assert "[stream] down" not in first.screen


def test_ticks_are_shown_at_debug_and_only_there(tmp_path: Path) -> None:
    with running(tmp_path, "--set", "LOG_LEVEL=DEBUG", "--scenario", "random") as bot:
        bot.wait_for(r"DEBUG \[stream\] BTC traded \d+")
        bot.wait_for(r"DEBUG \[stream\] BTC book \d+\S* / \d+")
        bot.wait_for(r"DEBUG \[stream\] BTC mark \d+")
        bot.send(signal.SIGTERM)
        assert bot.ends() == 0


def test_help_names_every_command() -> None:
    said = subprocess.run([sys.executable, str(BOT), "--help"], capture_output=True, text=True, check=True).stdout
    for command in ("run", "localnet", "strategies", "status", "show-config"):
        assert command in said


def test_the_start_is_told_in_four_steps_each_once_and_in_order(tmp_path: Path) -> None:
    steps = (
        r"\[bot\] initialised: ",
        r"\[stream\] listening: ",
        r"\[bot\] all 3 instruments have data",
        r"warm-up finished",
    )
    with running(tmp_path, "--scenario", "random") as bot:
        bot.wait_for(steps[-1])
        bot.send(signal.SIGTERM)
        assert bot.ends() == 0
    where = [[number for number, line in enumerate(bot.lines) if re.search(step, line)] for step in steps]
    assert all(len(found) == 1 for found in where), bot.screen
    assert where == sorted(where)
