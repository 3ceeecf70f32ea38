"""The front door: which words mean what, and which exit code says what went wrong."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import bot
from tidegate import errors
from tidegate.commands import looking
from tidegate.commands.operating import is_alive
from tidegate.errors import (
    ConfigError,
    OtherBotRunning,
    Refused,
    StorageError,
    TidegateError,
    Unintelligible,
    Unreachable,
)
from tidegate.localnet.doors.localnet import LocalnetError
from tidegate.localnet.ready import LocalnetFailed

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 60
KEY = "0x" + "1f" * 32
ACCOUNT = "0x" + "ab" * 20


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("NETWORK", "COINS", "LOCALNET_URL", "DATABASE_URL", "HYPERLIQUID_PRIVATE_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


Ended = tuple[int, str, str]


@pytest.fixture
def front_door(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "FrontDoor":
    return FrontDoor(monkeypatch, capsys)


class FrontDoor:
    """Calls `main` as the command line would; gives the exit code and what was printed and complained about."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: str) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["bot.py", *words])
        with pytest.raises(SystemExit) as ended:
            bot.main()
        told = self._capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), told.out, told.err


def process(folder: Path, *words: str, environ: dict[str, str] | None = None, before: str = "") -> Ended:
    """The front door in a process of its own, with `before` run first."""
    program = f"import sys\nsys.argv[0] = 'bot.py'\n{before}\nimport bot\nbot.main()\n"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **(environ or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


# exit codes

CODES: list[tuple[TidegateError, int]] = [
    (ConfigError(["first problem", "second problem"]), 2),
    (Unreachable("no answer"), 3),
    (Unintelligible("no sense"), 3),
    (Refused("no"), 3),
    (LocalnetFailed("it did not start"), 3),
    (StorageError("the disk is full"), 3),
    (OtherBotRunning("another bot"), 5),
    (LocalnetError("a port that is taken"), 2),
    (TidegateError("something on purpose"), 2),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=lambda each: type(each).__name__)
def test_every_kind_of_error_has_its_exit_code_and_is_told_without_a_traceback(
    front_door: FrontDoor, monkeypatch: pytest.MonkeyPatch, error: TidegateError, code: int
) -> None:
    def fail(*words: object, **more: object) -> None:
        raise error

    monkeypatch.setattr(bot, "app", fail)
    assert front_door() == (code, "", f"{error}\n")


def test_no_error_of_ours_is_without_a_code() -> None:
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, TidegateError)]
    assert all(any(issubclass(kind, known) for known, _ in bot.EXIT_CODES) for kind in kinds)


def test_an_interruption_before_the_start_is_told_in_words(
    front_door: FrontDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*words: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bot, "app", interrupt)
    assert front_door() == (130, "", "interrupted before the bot had started\n")


# words


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the command line was understood as."""
    seen: list[list[str]] = []

    def app(words: list[str], prog_name: str, standalone_mode: bool) -> None:
        seen.append(words)
        raise SystemExit(0)

    monkeypatch.setattr(bot, "app", app)
    return seen


@pytest.mark.parametrize(
    ("words", "understood"),
    [
        ((), ["run"]),
        (("--dry-run",), ["run", "--dry-run"]),
        (("--set", "LEVERAGE=2", "--seconds", "5"), ["run", "--set", "LEVERAGE=2", "--seconds", "5"]),
        (("run", "--dry-run"), ["run", "--dry-run"]),
        (("status",), ["status"]),
        (("--help",), ["--help"]),
        (("strategies", "--help"), ["strategies", "--help"]),
    ],
)
def test_without_a_command_run_is_meant(
    front_door: FrontDoor, heard: list[list[str]], words: tuple[str, ...], understood: list[str]
) -> None:
    front_door(*words)
    assert heard == [understood]


def test_options_before_another_command_belong_to_run_and_are_refused_with_it(front_door: FrontDoor) -> None:
    code, out, err = front_door("--dry-run", "strategies")
    assert (code, out) == (2, "")
    assert "unexpected extra argument(s) (strategies)" in err


@pytest.mark.parametrize("words", [("trade",), ("--seconds", "soon"), ("run", "--lever"), ("--speed", "0")])
def test_words_that_mean_nothing_are_refused_with_a_hint(front_door: FrontDoor, words: tuple[str, ...]) -> None:
    code, out, err = front_door(*words)
    assert (code, out) == (2, "")
    assert "--help" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", [(), ("show-config",), ("status",)])
def test_a_setting_without_an_equals_sign_is_shown_how(front_door: FrontDoor, command: tuple[str, ...]) -> None:
    told = front_door(*command, "--set", "LEVERAGE", "--set", "COINS")
    assert told == (2, "", "--set: expected NAME=VALUE, example: --set LEVERAGE=2\n")


def test_a_value_may_have_equals_signs_of_its_own(front_door: FrontDoor) -> None:
    code, out, _ = front_door("show-config", "--set", "STRATEGY_PARAMS=fast=3,slow=5")
    assert code == 0
    assert re.search(r"fast=3", out)


def test_all_problems_of_a_command_line_are_told_at_once(front_door: FrontDoor) -> None:
    words = ("--replay", "gone.parquet", "--scenario", "none", "--set", "LEVERAGE=x", "--set", "NOPE=1")
    code, out, err = front_door(*words)
    assert (code, out) == (2, "")
    problems = err.splitlines()
    assert [problem.split()[0] for problem in problems] == ["--replay", "--scenario", "NOPE", "LEVERAGE=x"]


def test_a_setting_without_an_equals_sign_hides_no_other_problem(front_door: FrontDoor) -> None:
    _, _, err = front_door("--set", "LEVERAGE", "--strategy", "nobodys", "--from", "yesterday")
    assert len(err.splitlines()) == 4
    assert "nobodys" in err


# commands


def test_the_strategies_are_listed_and_sound(front_door: FrontDoor) -> None:
    code, out, _ = front_door("strategies")
    assert code == 0
    assert {"ema_cross", "buy_and_hold"} <= {line.split()[0] for line in out.splitlines()}


def test_a_broken_strategy_makes_the_listing_fail(
    front_door: FrontDoor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "strategies").mkdir()
    (folder / "strategies" / "bad.py").write_text("1 / 0")
    monkeypatch.setattr(looking, "STRATEGIES", folder / "strategies")
    code, out, _ = front_door("strategies")
    assert code == 2
    assert "ZeroDivisionError" in out


def test_status_before_any_run_says_so(front_door: FrontDoor) -> None:
    code, out, err = front_door("status")
    assert (code, out) == (3, "")
    assert "start one with python bot.py" in err
    assert len(err.splitlines()) == 1


def test_the_configuration_is_shown_and_leaves_no_secret_behind(
    front_door: FrontDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "NETWORK": "testnet",
        "HYPERLIQUID_PRIVATE_KEY": KEY,
        "HYPERLIQUID_ACCOUNT_ADDRESS": ACCOUNT,
    }.items():
        monkeypatch.setenv(name, value)
    code, out, _ = front_door("show-config")
    assert code == 0
    assert "1f1f1f" not in "".join(out.split())
    assert "HYPERLIQUID_PRIVATE_KEY" not in os.environ


def test_a_process_is_alive_or_not() -> None:
    assert is_alive(os.getpid())
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(PATIENCE_S)
    assert not is_alive(gone.pid)


# whole runs


def test_a_bad_recording_ends_the_run_with_its_problem_and_code_2(folder: Path) -> None:
    (folder / "BTC_1m.parquet").write_text("this is no recording")
    code, out, err = process(folder, "--replay", "BTC_1m.parquet")
    assert code == 2
    assert "ERROR [bot] " in out
    assert "BTC_1m.parquet: cannot be read as Parquet" in out
    assert err == ""
    assert "Traceback" not in out


def test_a_bad_recording_ends_a_localnet_alone_in_the_same_way(folder: Path) -> None:
    (folder / "BTC_1m.parquet").write_text("this is no recording")
    code, out, err = process(folder, "localnet", "--port", "0", "--replay", "BTC_1m.parquet")
    assert (code, out) == (2, "")
    assert "BTC_1m.parquet: cannot be read as Parquet" in err


def test_testnet_without_a_network_is_one_clear_line_and_code_3(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    before = (
        "from tidegate import venue\n"
        "from tidegate.model.settings import Network\n"
        f"venue.URLS[Network.TESTNET] = 'http://127.0.0.1:{port}'\n"
    )
    environ = {"NETWORK": "testnet", "HYPERLIQUID_PRIVATE_KEY": KEY, "HYPERLIQUID_ACCOUNT_ADDRESS": ACCOUNT}
    code, out, err = process(folder, environ=environ, before=before)
    assert code == 3
    why = "exchangeStatus: connection refused"
    said = f"http://127.0.0.1:{port} cannot be reached ({why}): check this machine's network and try again"
    assert out.splitlines()[-1].endswith(f"ERROR [bot] {said}")
    assert said in (folder / "logs" / "bot.log").read_text()
    assert err == ""
    assert "Traceback" not in out
    assert "1f1f1f" not in out


def test_a_clean_end_is_code_0_and_its_status_is_not_running(folder: Path) -> None:
    code, out, err = process(folder, "--scenario", "random", "--seconds", "1")
    assert (code, err) == (0, "")
    assert "[bot] stopped: 1 seconds are over" in out
    code, out, err = process(folder, "status")
    assert (code, err) == (0, "")
    assert out.startswith("not running, last seen")


def test_a_status_of_another_version_is_told_in_one_line(
    front_door: FrontDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.storage.status.read_status", lambda _url: msgspec.json.encode({"pid": 1}))
    code, out, err = front_door("status")
    assert (code, out) == (3, "")
    assert "another version" in err
    assert len(err.splitlines()) == 1


def test_what_nobody_foresaw_is_in_the_log_and_on_the_screen_with_code_1(folder: Path) -> None:
    before = (
        "import tidegate.session\n"
        "def crash(*_words):\n"
        "    raise RuntimeError('nobody foresaw this')\n"
        "tidegate.session.greet = crash\n"
    )
    code, out, _err = process(folder, "--seconds", "3", before=before)
    assert code == 1
    for text in (out, (folder / "logs" / "bot.log").read_text()):
        assert text.splitlines()[-1].endswith("ERROR [bot] RuntimeError: nobody foresaw this")
