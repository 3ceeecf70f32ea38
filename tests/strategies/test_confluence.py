"""confluence: views from -1 to 1, a weighted score of those that are known, a size that grows with it and is capped."""

import numpy as np
import pandas as pd
import pytest

from tidegate.errors import ConfigError
from tidegate.strategy import reason_at

NAMES = ("trend", "momentum", "volatility", "volume", "book", "funding")


def views_of(*values: float) -> pd.DataFrame:
    return pd.DataFrame([values], columns=list(NAMES))


NAN = float("nan")
GOLDEN_SCORES = [
    ((1, 1, 1, 1, 1, 1), 1.0),
    ((-1, -1, -1, -1, -1, -1), -1.0),
    ((0.8, 0.6, 0.4, 0.2, 0, 0), 0.4),
    ((1, 1, 0, 0, NAN, NAN), 0.5),
    ((0.5, 0.5, 0.5, 0.5, -1, NAN), 1.5 / 4.5),
    ((1, 1, 1, NAN, NAN, NAN), 1.0),
    ((1, 1, NAN, NAN, NAN, NAN), NAN),
]


@pytest.mark.parametrize(("values", "score"), GOLDEN_SCORES)
def test_the_score_is_the_weighted_mean_of_the_views_that_are_known(shipped, values, score):
    found = shipped("confluence").score(views_of(*values)).iloc[0]
    assert found == pytest.approx(score, nan_ok=True)


def test_the_weights_are_the_parameters(shipped):
    heavy = shipped("confluence", trend="3", volume="0", book="0")
    assert heavy.score(views_of(1, 0, 0, -1, -1, 0)).iloc[0] == pytest.approx(3 / 5.5)


def test_the_size_grows_with_the_score_and_is_capped(shipped):
    scores = pd.Series(np.linspace(0.5, 1, 51))
    sizes = shipped("confluence").size(scores)
    assert sizes.is_monotonic_increasing
    assert sizes.iloc[0] == pytest.approx(0.4)
    assert sizes[scores >= 0.8].eq(1.0).all()
    assert list(shipped("confluence").size(-scores)) == list(sizes)


def test_views_lie_between_minus_one_and_one_and_four_are_known_of_bars_alone(shipped, market):
    views = shipped("confluence").views(market())
    assert views.iloc[-1].notna().sum() == 4
    assert views.min().min() >= -1
    assert views.max().max() <= 1


def test_what_is_not_known_is_left_out_and_said(shipped, market, known):
    strategy = shipped("confluence")
    assert reason_at(strategy.signals(market()), 500).endswith("; left out, not known: book, funding")
    assert "left out" not in reason_at(strategy.signals(known(market())), 500)


def test_a_high_funding_rate_and_a_book_of_asks_speak_against_a_long(shipped, market):
    strategy = shipped("confluence")
    views = strategy.views(market().assign(funding=5e-5, imbalance=-0.3)).iloc[-1]
    assert (views["funding"], views["book"]) == (pytest.approx(-0.5), -0.3)


def test_the_longer_timeframe_only_takes_entries_away(shipped, market):
    bars = market(1200)
    free = shipped("confluence", min_bars="1", enter="0.4").signals(bars)["want"] == "long"
    bound = shipped("confluence", min_bars="1", enter="0.4", higher="30m").signals(bars)["want"] == "long"
    assert bound.any()
    assert not (bound & ~free).any()
    assert bound.sum() < free.sum()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"fast": "48"}, "fast=48 must be less than slow=48"),
        ({"enter": "0.9"}, "leave=0.1 < enter=0.9 < full=0.8 must hold"),
        ({"trend": "0", "volume": "0", "book": "0"}, "3 of the weights .* at least 4 must be"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(shipped, given, words):
    with pytest.raises(ConfigError, match=words):
        shipped("confluence", **given)
