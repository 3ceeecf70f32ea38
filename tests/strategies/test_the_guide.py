"""docs/strategies.md: its example is a strategy as it stands, and each that ships has a true page."""

import re
from pathlib import Path

import pytest

from tidegate.discovery import load, read_source, strategy_names
from tidegate.market import Market
from tidegate.model.settings import REGIME_DRIVERS
from tidegate.strategy import WISH_COLUMNS, asked, reason_at

PROJECT = Path(__file__).resolve().parents[2]
PAGES = PROJECT / "docs" / "strategies"
NAMES = strategy_names(PROJECT / "strategies")


@pytest.fixture
def guide() -> str:
    return (PROJECT / "docs" / "strategies.md").read_text(encoding="utf-8")


def test_the_example_is_a_strategy_that_trades_as_it_stands(guide, market, tmp_path):
    example = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)[0]
    (tmp_path / "my_momentum.py").write_text(example, encoding="utf-8")
    strategy = load(read_source(tmp_path, "my_momentum"))()
    bars = market()
    wishes = strategy.signals(bars)
    assert {"long", "flat", "hold"} <= set(wishes["want"])
    assert reason_at(wishes, len(wishes) - 1).startswith("RSI 14 is ")
    prefix = strategy.signals(bars.iloc[:400])
    assert list(prefix["want"]) == list(wishes["want"].iloc[:400])


@pytest.mark.parametrize(("number", "name"), [(1, "hourly_dips"), (2, "after_bitcoin")])
def test_the_other_examples_trade_and_see_no_future(guide, market, tmp_path, number, name):
    example = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)[number]
    (tmp_path / f"{name}.py").write_text(example, encoding="utf-8")
    strategy = load(read_source(tmp_path, name))()
    bars = market(900)
    around = Market("ETH", {"BTC": market(900, 12), "ETH": bars})
    wishes = asked(strategy, bars, around)
    assert {"long", "flat", "hold"} <= set(wishes["want"])
    assert reason_at(wishes, len(wishes) - 1)
    for count in range(300, 900, 61):
        assert list(asked(strategy, bars.iloc[:count], around)["want"]) == list(wishes["want"].iloc[:count])


def test_the_drivers_of_the_guide_are_those_of_the_setting(guide):
    table = guide.split("### The regime", 1)[1].split("```")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == REGIME_DRIVERS


def test_every_strategy_that_ships_has_a_page_that_the_guide_names(guide):
    assert set(re.findall(r"\]\(strategies/(\w+)\.md\)", guide)) == set(NAMES)
    assert {page.stem for page in PAGES.glob("*.md")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_how_it_decides_and_when_it_wins_and_loses(name):
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    assert headings == [name, "How it decides", "Parameters", "When it wins", "When it loses"]
    assert "**Wins**" in page
    assert "**Loses**" in page


@pytest.mark.parametrize("name", NAMES)
def test_the_parameters_of_a_page_are_those_of_the_strategy(name):
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| (.+?) \| (.+) \|$", page.split("## Parameters")[1], re.MULTILINE)
    cls = load(read_source(PROJECT / "strategies", name))
    expected = [(each.name, _as_given(each.default), each.allowed, each.meaning) for each in cls.parameters()]
    assert rows == expected


def _as_given(value: object) -> str:
    """A default as a user would write it."""
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def test_the_columns_it_names_are_those_that_wishes_gives(guide):
    for column in WISH_COLUMNS[1:]:
        assert f"`{column}`" in guide
