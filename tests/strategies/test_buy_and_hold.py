"""buy_and_hold: the same wish after every bar, from the first one on."""

import pytest

from tidegate.errors import ConfigError


@pytest.mark.parametrize("side", ["long", "short"])
def test_it_wishes_its_side_after_every_bar_from_the_first(shipped, market, side):
    strategy = shipped("buy_and_hold", side=side)
    assert strategy.warm_up_bars == 1
    wishes = strategy.signals(market(5))
    assert list(wishes["want"]) == [side] * 5
    assert list(wishes["reason"]) == [f"always {side}"] * 5
    assert wishes["stop"].isna().all()


def test_it_knows_two_sides(shipped):
    with pytest.raises(ConfigError, match="side='both' must be long or short"):
        shipped("buy_and_hold", side="both")
