"""Which market a localnet plays: what a person may choose, all problems at once, and the same choice as words."""

import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.errors import ConfigError
from tidegate.localnet.arguments import MarketChoice

ROOT = Path(__file__).resolve().parents[2]
MOMENT_MS = 1_621_425_600_000
"""2021-05-19 12:00 UTC."""


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    path = tmp_path / "BTC_1m.parquet"
    path.touch()
    return path


def test_without_a_choice_the_first_run_is_played() -> None:
    choice = MarketChoice().checked()
    assert choice == MarketChoice()
    assert not choice.is_set
    assert choice.scenario_name == "first-run"
    assert choice.from_ms is None
    assert choice.arguments(3_600_000) == ["--seed", "1", "--scenario", "first-run", "--speed", "1.0"]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    gone = tmp_path / "gone.parquet"
    choice = MarketChoice(replay=(gone, tmp_path), start="yesterday", scenario="second-run")
    with pytest.raises(ConfigError) as told:
        choice.checked()
    assert told.value.problems == (
        f"--replay {gone}: no such file",
        f"--replay {tmp_path}: no such file",
        "--scenario second-run: allowed are first-run, random, rough, or a .yaml file",
        "--from yesterday: not a moment; example: 2021-05-19T12:00 (UTC)",
    )


def test_where_to_start_needs_a_recording() -> None:
    with pytest.raises(ConfigError, match="--from: it says where a recording starts, so it needs --replay FILE"):
        MarketChoice(start="2021-05-19T12:00").checked()


def test_paths_become_absolute_for_a_process_that_starts_elsewhere(tape: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tape.parent)
    assert MarketChoice(replay=(Path(tape.name),)).checked().replay == (tape.resolve(),)


@pytest.mark.parametrize(
    "text", ["2021-05-19T12:00", "2021-05-19 12:00", "2021-05-19T12:00:00", "2021-05-19T12:00Z", " 2021-05-19T12:00 "]
)
def test_a_moment_is_utc_however_it_is_written(text: str, tape: Path) -> None:
    assert MarketChoice(replay=(tape,), start=text).checked().from_ms == MOMENT_MS


@pytest.mark.parametrize("text", ["2021-05-19T12:00+02:00", "12:00", "2021-13-01", "1621425600000", "now"])
def test_what_is_no_moment_in_utc_is_refused_not_guessed(text: str, tape: Path) -> None:
    with pytest.raises(ConfigError, match="not a moment"):
        MarketChoice(replay=(tape,), start=text).checked()


@pytest.mark.parametrize(
    ("choice", "is_set"),
    [
        (MarketChoice(seed=7), False),
        (MarketChoice(scenario="random"), False),
        (MarketChoice(speed=2.0), True),
        (MarketChoice(start="2021-05-19"), True),
        (MarketChoice(replay=(Path("x"),)), True),
        (MarketChoice(mirror="testnet"), True),
        (MarketChoice(universe=(Path("meta.json"),)), True),
        (MarketChoice(volume_gates=False), True),
        (MarketChoice(scenario="storm.yaml"), True),
    ],
)
def test_only_what_a_real_exchange_cannot_do_counts_as_set(choice: MarketChoice, is_set: bool) -> None:
    assert choice.is_set is is_set


def test_the_same_choice_as_words_of_a_command_line(tape: Path) -> None:
    choice = MarketChoice(replay=(tape,), start="2021-05-19T12:00", speed=60.0, seed=3, scenario="random")
    words = " ".join(choice.arguments(3_600_000))
    assert words == (f"--seed 3 --scenario random --speed 60.0 --replay {tape} --from 2021-05-19T12:00 --align 3600000")


@pytest.mark.parametrize(
    ("names", "coins"),
    [
        (("BTC_1m.parquet",), "BTC"),
        (("ETH_1m.parquet", "BTC_5m.parquet", "ETH_5m.parquet"), "ETH,BTC"),
        (("20260110_0900.jsonl.gz",), None),
        (("frames.jsonl.gz",), None),
        ((), None),
    ],
)
def test_a_replays_coins_follow_from_its_files(names: tuple[str, ...], coins: str | None) -> None:
    choice = MarketChoice(replay=tuple(Path(name) for name in names))
    assert choice.implied({}) == ({} if coins is None else {"COINS": coins})


def test_coins_of_the_command_line_go_first() -> None:
    choice = MarketChoice(replay=(Path("BTC_1m.parquet"),))
    assert choice.implied({"COINS": "ETH", "LEVERAGE": "2"}) == {"COINS": "ETH", "LEVERAGE": "2"}
    assert choice.implied({"LEVERAGE": "2"}) == {"COINS": "BTC", "LEVERAGE": "2"}


def test_a_scenario_may_be_a_file_with_a_market_and_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "storm.yaml").write_text("market: random\nfaults:\n  - do: reset\n")
    monkeypatch.chdir(tmp_path)
    choice = MarketChoice(scenario="storm.yaml").checked()
    assert choice.scenario == str(tmp_path / "storm.yaml")
    assert choice.scenario_name == "random"
    assert [rule.do for rule in choice.script().rules] == ["reset"]
    assert choice.arguments(0)[2:4] == ["--scenario", str(tmp_path / "storm.yaml")]


def test_problems_of_a_scenario_file_are_told_with_the_others(tmp_path: Path) -> None:
    path = tmp_path / "storm.yaml"
    path.write_text("faults:\n  - do: nonsense\n  - do: delay\n")
    with pytest.raises(ConfigError) as told:
        MarketChoice(scenario=str(path), start="yesterday").checked()
    assert len(told.value.problems) == 4


def test_a_mirror_goes_with_no_other_market(tape: Path) -> None:
    choice = MarketChoice(mirror="mainnet")
    assert choice.checked().arguments(0)[-2:] == ["--mirror", "mainnet"]
    followed = MarketChoice(mirror="mainnet", coins=("BTC", "HYPE"))
    assert followed.checked().arguments(0)[-2:] == ["--coins", "BTC,HYPE"]
    with pytest.raises(ConfigError, match="it needs --mirror"):
        MarketChoice(coins=("BTC",)).checked()
    with pytest.raises(ConfigError) as told:
        MarketChoice(mirror="mainnet", replay=(tape,), speed=2.0).checked()
    assert told.value.problems == (
        "--replay: a mirror lists and plays what its venue does, at its speed; leave it out",
        "--speed: a mirror lists and plays what its venue does, at its speed; leave it out",
    )


def test_recorded_metadata_is_listed_and_a_scenario_may_name_its_coins(tmp_path: Path) -> None:
    meta = tmp_path / "meta.json"
    meta.write_text('{"universe":[{"name":"WIF","szDecimals":0,"maxLeverage":5,"marginTableId":5}],"marginTables":[]}')
    storm = tmp_path / "storm.yaml"
    storm.write_text("faults: [{do: delist WIF}]")
    choice = MarketChoice(universe=(meta,), scenario=str(storm), volume_gates=False).checked()
    assert [rule.name for rule in choice.listing().universe.perps] == ["WIF"]
    assert choice.arguments(0)[-3:] == ["--universe", str(meta), "--no-volume-gates"]
    with pytest.raises(ConfigError, match="coin 'WIF' does not exist here"):
        MarketChoice(scenario=str(storm)).checked()
    with pytest.raises(ConfigError, match=r"--universe .*gone"):
        MarketChoice(universe=(tmp_path / "gone.json",)).checked()


def test_a_choice_by_name_loads_no_faults_into_the_bot() -> None:
    program = "import sys; from tidegate.localnet.arguments import MarketChoice; MarketChoice().checked()"
    told = f"{program}; print([name for name in sys.modules if name.startswith('tidegate.localnet.')])"
    ended = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "faults" not in ended.stdout
    assert "kernel" not in ended.stdout
