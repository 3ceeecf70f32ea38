"""docs/strategies.md: its example is a strategy as it stands, and the four that ship are the four it describes."""

import re
from pathlib import Path

import pytest

from tidegate.discovery import load, read_source, strategy_names
from tidegate.strategy import WISH_COLUMNS, reason_at

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def guide() -> str:
    return (PROJECT / "docs" / "strategies.md").read_text(encoding="utf-8")


def test_the_example_is_a_strategy_that_trades_as_it_stands(guide, market, tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "my_momentum.py").write_text(example, encoding="utf-8")
    strategy = load(read_source(tmp_path, "my_momentum"))()
    bars = market()
    wishes = strategy.signals(bars)
    assert {"long", "flat", "hold"} <= set(wishes["want"])
    assert reason_at(wishes, len(wishes) - 1).startswith("RSI 14 is ")
    prefix = strategy.signals(bars.iloc[:400])
    assert list(prefix["want"]) == list(wishes["want"].iloc[:400])


def test_every_strategy_that_ships_is_described_with_when_it_loses(guide):
    parts = re.split(r"^### ", guide, flags=re.MULTILINE)
    described = {name for name in re.findall(r"^### (\w+)", guide, re.MULTILINE) if "_" in name}
    assert described == set(strategy_names(PROJECT / "strategies"))
    for part in parts:
        if part.split()[0] in described:
            assert "**Wins**" in part
            assert "**Loses**" in part


def test_the_columns_it_names_are_those_that_wishes_gives(guide):
    for column in WISH_COLUMNS[1:]:
        assert f"`{column}`" in guide
