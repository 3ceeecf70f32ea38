"""`python bot.py doctor` as it is typed: what it prints and how it ends."""

import sys
from pathlib import Path

import pytest

import bot
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    kept = {name: value for name, value in bot.os.environ.items() if name in ("PATH", "HOME", "TMPDIR")}
    monkeypatch.setattr(bot.os, "environ", kept)
    return tmp_path


def doctor(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["bot.py", "doctor", *words])
    with pytest.raises(SystemExit) as ended:
        bot.main()
    return ended.value.code


def test_a_localnet_that_runs_is_visited_and_left_running(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(LocalnetOptions(scenario="random")) as net:
        assert not doctor(monkeypatch, "--set", f"LOCALNET_URL={net.url}")
        assert not doctor(monkeypatch, "--set", f"LOCALNET_URL={net.url}", "--no-order")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 10 + ["ok"] * 9 + ["skipped"]


def test_an_exchange_that_does_not_answer_ends_with_code_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(monkeypatch, "--set", "LOCALNET_URL=http://127.0.0.1:9") == 3
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("FAIL     exchange")
    assert "start one: python bot.py localnet" in last


def test_bad_settings_end_with_code_2_and_a_line_for_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(monkeypatch, "--network", "testnet", "--set", "LEVERAGE=51") == 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("FAIL     configuration  ") for line in lines)
