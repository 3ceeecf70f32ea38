"""A command line that cannot be understood, or is interrupted, costs one line that says what was expected."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import bot
from tidegate.storage.commands import Asked

KEY = "0x" + "1f" * 32

MISUSES = [
    ("run --sconds 3", "run: no such option: --sconds", "--seconds"),
    ("--bogus", "run: no such option: --bogus", "run --help"),
    ("backtest", "backtest: missing argument 'STRATEGY'", "backtest --help"),
    ("run --seconds abc", "run --seconds abc:", "valid number"),
    ("run --seed=1.5", "run --seed=1.5:", "valid integer"),
    ("localnet --port 99999", "localnet --port 99999:", "65535"),
    ("run --seconds", "run: option '--seconds'", "requires an argument"),
    ("pauze", "bot.py: no such command 'pauze'", "pause"),
    ("pause one two", "pause: got unexpected extra argument", "two"),
]


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str]:
    """The exit code and all that was said."""
    monkeypatch.setattr(sys, "argv", ["bot.py", *words])
    with pytest.raises(SystemExit) as ended:
        bot.main()
    said = capsys.readouterr()
    return ended.value.code, said.out + said.err


@pytest.mark.parametrize(("line", "wrong", "expected"), MISUSES, ids=[line for line, _, _ in MISUSES])
def test_a_misuse_is_one_line_that_names_what_was_wrong_and_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, wrong: str, expected: str
) -> None:
    code, said = told(monkeypatch, capsys, *line.split())
    assert code == 2
    assert said.startswith(wrong)
    assert expected in said
    assert said.count("\n") == 1


PASTED = (
    f"--{KEY} 3",
    f"run --seconds {KEY}",
    f"run --replay {KEY}",
    f"run --scenario {KEY}",
    f"pause one {KEY}",
    KEY,
    f"coins {KEY}",
    f"report {KEY}",
    f"compare {KEY} {KEY}",
    f"new-strategy {KEY}",
    f"backtest ema_cross --param {KEY}=1",
    f"backtest ema_cross --data {KEY}",
    f"backtest ema_cross --from {KEY}",
    f"optimise ema_cross --goal {KEY}",
    f"optimise ema_cross --engine {KEY}",
    f"simulate ema_cross --data {KEY}",
    f"parity ema_cross --data {KEY} --from 2025-01-01 --to 2025-01-02",
)


@pytest.mark.parametrize("line", PASTED, ids=[line.replace(KEY, "KEY") for line in PASTED])
def test_a_key_pasted_into_the_command_line_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    code, said = told(monkeypatch, capsys, *line.split())
    assert code == 2
    assert said
    assert KEY[2:] not in said


def test_an_interruption_before_anything_is_imported_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    door = [sys.executable, str(Path(bot.__file__)), "status"]
    ended = subprocess.run(
        door, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("word", "line"), [("run", "interrupted before the bot had started\n"), ("pause", "pause: interrupted\n")]
)
def test_an_interruption_is_told_in_one_calm_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str, line: str
) -> None:
    def interrupt(*_words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bot, "load_settings", interrupt)
    monkeypatch.setattr("tidegate.commands.operating.load_settings", interrupt)
    assert told(monkeypatch, capsys, word) == (130, line)


def test_a_key_pasted_as_the_reason_of_a_command_is_not_stored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    stored: list[str] = []

    def ask(_url: str, name: str, reason: str, *, coin: str = "", who: str = "") -> Asked:
        stored.extend((reason, coin))
        return Asked(id="1", name=name, reason=reason)

    monkeypatch.setattr("tidegate.storage.commands.ask", ask)
    monkeypatch.setattr("tidegate.storage.commands.is_taken", lambda *_: True)
    monkeypatch.setattr("tidegate.storage.commands.answer_to", lambda *_: "done")
    for module in ("operating", "coming_and_going"):
        monkeypatch.setattr(f"tidegate.commands.{module}.last_status", lambda _url: Bare())
    monkeypatch.setattr("tidegate.screen.show_answer", lambda *_: None)
    told(monkeypatch, capsys, "pause", f"my key is {KEY}")
    told(monkeypatch, capsys, "flatten", KEY)
    told(monkeypatch, capsys, "coins", "add", KEY, "--why", f"because {KEY}")
    assert stored[0] == "my key is (hidden)"
    assert len(stored) == 6
    assert KEY[2:] not in " ".join(stored)


class Bare:
    """As much of a status as asking needs."""

    pid = 0
