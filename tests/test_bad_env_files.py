"""Every bad settings file is refused at the front door: exit code 2, one clear line a problem, no traceback."""

import sys
from pathlib import Path

import pytest

import bot
from tests.test_config import BAD_FILES, KEY, PHRASE
from tidegate.commands import given

COMMANDS = ("run", "doctor")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one strategy, where the bot is started without settings in its environment."""
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "ema_cross.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(given, "STRATEGIES", tmp_path / "strategies")
    monkeypatch.setattr(bot.os, "environ", {})
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_settings_file_ends_every_command_with_code_2_and_a_line_a_problem(
    case: str, command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content, expected = BAD_FILES[case]
    file = folder / ".env"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(0o600)
    monkeypatch.setattr(sys, "argv", ["bot.py", command])
    with pytest.raises(SystemExit) as ended:
        bot.main()
    told = capsys.readouterr()
    lines = (told.out + told.err).splitlines()
    assert ended.value.code == 2
    assert len(lines) == len(expected), lines
    assert not [line for line in lines if "Traceback" in line or not line.isprintable()]
    assert not [line for line in lines if KEY[:12] in line or PHRASE[:20] in line]
    if command == "doctor":
        assert all(line.startswith("FAIL     configuration  ") for line in lines)
