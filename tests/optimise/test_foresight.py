"""A strategy that sees the future is told, whatever way it looks."""

import pytest

from tests.optimise.conftest import market, source
from tidegate.optimise.causality import foresight, of_bars
from tidegate.optimise.judging import strategy_of

GOOD = {"fast": 5, "slow": 20, "stop_pct": 2.0}


def simple(more=""):
    return strategy_of(source(more=more), GOOD)


def test_a_causal_strategy_passes():
    assert of_bars(simple(), market()) == ""


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ("fast = fast.shift(-1)", ("want",)),
        ("fast = fast - fast.mean() + slow", ("want",)),
        ("fast = fast.where(fast < bars['close'].iloc[-1], 0.0)", ("want",)),
        ("stop = bars['low'].rolling(3, center=True).min() * 0.9", ("stop",)),
        ("stop = bars['close'] * (0.9 if len(bars) % 2 else 0.8)", ("stop",)),
        ("stop = bars['low'].iloc[::-1].cummin().iloc[::-1] * 0.9", ("stop",)),
    ],
)
def test_one_that_sees_the_future_is_told_with_the_bar_and_what_changed(more, names):
    words = of_bars(simple(more), market())
    assert words.startswith("it sees the future: at 2025-")
    assert any(f" {name} is " in words for name in names)


def test_one_that_answers_fewer_bars_than_it_was_given_is_told():
    assert "were answered with" in of_bars(
        simple(
            "bars = bars.iloc[: len(bars) // 2 * 2]; fast, slow, stop = "
            "(each.iloc[: len(bars)] for each in (fast, slow, stop))"
        ),
        market(1201),
    )


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_few_bars_are_enough_not_to_fail(count):
    assert of_bars(simple(), market().iloc[:count]) == ""


def test_every_coin_is_looked_at(histories):
    two = [histories[0], histories[0]._replace(coin="ETH")]
    assert [line.split(":")[0] for line in foresight(simple("fast = fast.shift(-1)"), two)] == ["BTC", "ETH"]
