"""Scenario files: what they say, and all that is wrong with one at once."""

from pathlib import Path

import pytest

from tidegate.errors import ConfigError
from tidegate.localnet.scenario import Scenario, read_scenario

COINS = ("BTC",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "storm.yaml"


def test_a_market_and_the_rules_that_stand_from_the_start(path: Path) -> None:
    path.write_text(
        """
says: the exchange answers badly
market: first-run
faults:
  - do: status 502 accepted=true
    match: {door: http, action: order, coin: BTC}
    after: 1
    times: 2
  - {do: ws.mute, match: {channel: trades}, at_s: 30, for_s: 20}
"""
    )
    scenario = read_scenario(path, COINS)
    assert (scenario.market, scenario.says) == ("first-run", "the exchange answers badly")
    assert [(rule.do, rule.times, rule.at_s) for rule in scenario.rules] == [
        ("status 502 accepted=true", 2, 0.0),
        ("ws.mute", None, 30.0),
    ]


def test_a_scenario_may_have_no_faults(path: Path) -> None:
    path.write_text("market: random")
    assert read_scenario(path, COINS) == Scenario("random")


def test_every_problem_is_told_at_once(path: Path) -> None:
    path.write_text(
        "market: calm\nsays: 7\nseed: 3\nfaults:\n  - do: acept_then_timeout\n  - do: delist XRP\n    when: now\n"
    )
    with pytest.raises(ConfigError) as told:
        read_scenario(path, COINS)
    assert told.value.problems == (
        f"{path}: unknown key 'seed'; expected says, market, faults",
        f"{path}: market must be one of first-run, random, rough, found 'calm'",
        f"{path}: says must be text, found 7",
        f"{path}: faults[1].do: no fault is named 'acept_then_timeout'; did you mean accept_then_timeout?",
        f"{path}: faults[2]: unknown key 'when'; expected do, match, times, after, every, at_s, for_s",
        f"{path}: faults[2].do: coin 'XRP' does not exist here; names are as in meta and spotMeta",
    )


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "{", "\x00"])
def test_what_is_no_scenario_is_refused(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError):
        read_scenario(path, COINS)


def test_a_file_that_is_not_there_is_one_clear_line(path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        read_scenario(path, COINS)
    assert told.value.problems == (f"{path}: No such file or directory",)
