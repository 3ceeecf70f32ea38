"""The `localnet` command as two readers see it: a person, and the bot that started it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.localnet import command
from tidegate.localnet.arguments import MarketChoice
from tidegate.localnet.doors.localnet import LocalnetError, LocalnetOptions
from tidegate.localnet.ready import Ready

READY = Ready(url="http://127.0.0.1:3001", time_ms=1, speed=1.0, instance="1-2", says="a quiet market", pid=7)

Asked = list[LocalnetOptions]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What was to be served, by a server that is ready at once and then stopped."""
    seen: Asked = []

    def serve(options: LocalnetOptions, on_ready: Callable[[Ready], None]) -> None:
        seen.append(options)
        on_ready(READY)

    monkeypatch.setattr(command, "serve", serve)
    return seen


def test_a_person_is_told_where_it_is_what_it_plays_and_how_to_use_and_stop_it(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(MarketChoice(), port=3001, linger_s=None, announce=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "localnet is ready at http://127.0.0.1:3001 (REST and WebSocket), play money, loopback only",
        "market: a quiet market",
        "point any Hyperliquid client here; a bot of ours: LOCALNET_URL=http://127.0.0.1:3001 python bot.py",
        "stop with Ctrl-C",
    ]


def test_the_parent_gets_one_line_of_json(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(MarketChoice(), port=0, linger_s=600, announce=True) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert Ready(**json.loads(line)) == READY


def test_the_choice_reaches_the_server_whole(asked: Asked) -> None:
    choice = MarketChoice(
        replay=(Path("/tape"),), start="1970-01-01T00:01", speed=2.0, seed=3, scenario="random", align_ms=60_000
    )
    command.run(choice, port=1, linger_s=5, announce=True)
    command.run(MarketChoice(), port=0, linger_s=None, announce=True)
    assert asked == [
        LocalnetOptions(
            port=1,
            seed=3,
            scenario="random",
            replay=(Path("/tape"),),
            from_ms=60_000,
            speed=2.0,
            align_ms=60_000,
            linger_s=5,
        ),
        LocalnetOptions(),
    ]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(options: LocalnetOptions, on_ready: Callable[[Ready], None]) -> None:
        raise LocalnetError("first problem\nsecond problem")

    monkeypatch.setattr(command, "serve", serve)


@pytest.mark.usefixtures("broken")
def test_the_parent_is_told_why_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(MarketChoice(), port=0, linger_s=None, announce=True) == 2
    told = capsys.readouterr()
    assert json.loads(told.out) == {"problem": "first problem\nsecond problem"}
    assert told.err == "first problem\nsecond problem\n"


@pytest.mark.usefixtures("broken")
def test_a_person_is_told_by_the_front_door(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LocalnetError):
        command.run(MarketChoice(), port=0, linger_s=None, announce=False)
    assert capsys.readouterr().out == ""


def test_a_scenario_file_and_a_recording_reach_the_server_and_are_said(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storm, tape = tmp_path / "storm.yaml", tmp_path / "tape.jsonl"
    storm.write_text("says: a bad day\nmarket: rough\nfaults: [{do: reset}, {do: ws.close}]\n")
    command.run(MarketChoice(scenario=str(storm)), port=0, linger_s=None, announce=False, record=tape)
    (options,) = asked
    assert (options.scenario, [rule.do for rule in options.faults]) == ("rough", ["reset", "ws.close"])
    assert options.record == tape
    assert capsys.readouterr().out.splitlines()[3:-1] == [
        "scenario: a bad day",
        "faults: 2 from the scenario; GET /localnet/fault shows how they stand",
        f"recording everything into {tape}",
    ]


def test_a_terminal_gets_a_live_table_and_a_parent_none(monkeypatch: pytest.MonkeyPatch) -> None:
    tables: list[bool] = []
    monkeypatch.setattr(command, "serve", lambda _options, _on_ready, beside=None: tables.append(beside is not None))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    command.run(MarketChoice(), port=0, linger_s=None, announce=False)
    command.run(MarketChoice(), port=0, linger_s=None, announce=True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    command.run(MarketChoice(), port=0, linger_s=None, announce=False)
    assert tables == [True, False, False]
