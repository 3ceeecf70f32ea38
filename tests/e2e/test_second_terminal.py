"""What an operator asks from a second terminal, and a HALT file: heard within moments, kept across a restart."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from running import BOT, ENVIRON, running

pytestmark = pytest.mark.e2e


def asked(folder: Path, *words: str) -> str:
    """What a command in a second terminal prints."""
    ended = subprocess.run(
        [sys.executable, BOT, *words], cwd=folder, env=ENVIRON, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_flatten_closes_at_once_stays_paused_after_a_restart_and_resume_lifts_it(tmp_path: Path) -> None:
    with running(tmp_path) as bot:
        bot.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
        assert "flatten: taken" in asked(tmp_path, "flatten", "I have seen enough")
        bot.wait_for(r"\[risk\] paused: I have seen enough; no entries until `python bot.py resume`")
        bot.wait_for(r"\[exit\] BTC closed by force_exit")
        bot.wait_for(r"\[risk\] flat: no position of this bot is open; paused until")
        assert "paused: I have seen enough" in asked(tmp_path, "status")
        bot.send(signal.SIGKILL)
        bot.ends()
    with running(tmp_path) as again:
        again.wait_for(r"\[stream\] listening")
        assert "no entries, paused: I have seen enough" in asked(tmp_path, "status")
        assert "entries are allowed" in asked(tmp_path, "resume")
        again.wait_for(r"\[risk\] asked by `python bot.py resume`: paused lifted; entries are allowed")
        again.send(signal.SIGTERM)
        assert again.ends() == 0


def test_a_halt_file_stops_entries_while_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "HALT").touch()
    with running(tmp_path) as bot:
        bot.wait_for(r"\[risk\] HALT file: a file HALT lies in the folder; no entries until the HALT file is gone")
        bot.wait_for(r"\[risk\] BTC long refused: HALT file")
        (tmp_path / "HALT").unlink()
        bot.wait_for(r"\[risk\] a file HALT is not there: HALT file lifted; entries are allowed")
        bot.send(signal.SIGTERM)
        assert bot.ends() == 0


def test_a_wish_that_no_bot_takes_waits_for_the_next_one(tmp_path: Path) -> None:
    with running(tmp_path) as bot:
        bot.wait_for(r"\[stream\] listening")
        bot.send(signal.SIGTERM)
        assert bot.ends() == 0
    assert "no bot is running; it is written down" in asked(tmp_path, "pause", "over the weekend")
