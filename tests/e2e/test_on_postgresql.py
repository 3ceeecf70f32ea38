"""The bot with its ledger on a PostgreSQL server: killed, it finds everything there again."""

import signal
from pathlib import Path

import pytest
from running import running

from tests.postgresql import PASSWORD

pytestmark = pytest.mark.e2e


def test_a_killed_bot_finds_its_position_again_in_a_ledger_on_postgresql(tmp_path: Path, postgres: str) -> None:
    server = {"DATABASE_URL": postgres}
    with running(tmp_path, environ=server) as first:
        first.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
        first.send(signal.SIGKILL)
        first.ends()
    with running(tmp_path, environ=server) as second:
        second.wait_for(r"\[account\] BTC: position of (\S+) .* adopted \(known from an earlier run\)")
        second.send(signal.SIGTERM)
        assert second.ends() == 0, second.screen
    assert "Traceback" not in first.screen + second.screen
    assert PASSWORD not in first.screen + second.screen
    assert not list(tmp_path.rglob("*.db"))
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in each for each in kept)
