"""Where a position gets out: what fires, what does not, and that a trailing stop only ever tightens."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidegate.model.brackets import Bracket, ExitReason

D = Decimal
prices = st.decimals("1", "199", places=2)
directions = st.sampled_from([1, -1])


@pytest.mark.parametrize(
    ("direction", "price", "reason"),
    [
        (1, "97.01", None),
        (1, "97", ExitReason.STOP),
        (1, "50", ExitReason.STOP),
        (1, "105.99", None),
        (1, "106", ExitReason.TAKE_PROFIT),
        (-1, "102.99", None),
        (-1, "103", ExitReason.STOP),
        (-1, "150", ExitReason.STOP),
        (-1, "94.01", None),
        (-1, "94", ExitReason.TAKE_PROFIT),
    ],
)
def test_a_level_is_hit_when_it_is_touched_or_passed(direction: int, price: str, reason: ExitReason | None) -> None:
    bracket = Bracket(direction=direction, stop=D(100 - 3 * direction), take_profit=D(100 + 6 * direction))
    assert bracket.hit(D(price)) is reason


def test_a_bracket_without_levels_is_never_hit() -> None:
    assert Bracket(direction=1).hit(D(1)) is None


def test_when_both_levels_are_hit_the_stop_counts() -> None:
    bracket = Bracket(direction=1, stop=D(100), take_profit=D(99))
    assert bracket.hit(D("99.5")) is ExitReason.STOP


def test_a_stop_that_was_trailed_says_so() -> None:
    bracket = Bracket(direction=1, stop=D(97), trail_by=D(2)).trail(D(101))
    assert bracket.hit(D(99)) is ExitReason.TRAIL


@given(st.lists(prices, min_size=1), directions, st.none() | prices)
def test_a_trailing_stop_never_retreats(heard: list[Decimal], direction: int, stop: Decimal | None) -> None:
    bracket = Bracket(direction=direction, stop=stop, trail_by=D(5))
    for price in heard:
        trailed = bracket.trail(price)
        assert trailed.stop is not None or price <= 5
        if bracket.stop is not None:
            assert trailed.stop is not None
            assert (trailed.stop - bracket.stop) * direction >= 0
        bracket = trailed


@given(st.lists(prices, min_size=1), directions)
def test_a_trailing_stop_stands_at_its_distance_from_the_best_price(heard: list[Decimal], direction: int) -> None:
    bracket = Bracket(direction=direction, trail_by=D("0.5"))
    for price in heard:
        bracket = bracket.trail(price)
    best = max(heard) if direction > 0 else min(heard)
    assert bracket.stop == best - direction * D("0.5")


@given(prices, directions)
def test_a_price_that_trails_does_not_hit_at_once(price: Decimal, direction: int) -> None:
    bracket = Bracket(direction=direction, trail_by=D("0.01")).trail(price)
    assert bracket.hit(price) is None


@given(prices, prices, prices, directions)
def test_long_and_short_are_mirror_images(price: Decimal, stop: Decimal, profit: Decimal, direction: int) -> None:
    bracket = Bracket(direction=direction, stop=stop, take_profit=profit, trail_by=D(3))
    mirrored = Bracket(direction=-direction, stop=200 - stop, take_profit=200 - profit, trail_by=D(3))
    assert bracket.hit(price) is mirrored.hit(200 - price)
    moved, reflected = bracket.trail(price), mirrored.trail(200 - price)
    assert moved.stop is not None
    assert reflected.stop is not None
    if price > 3 and 200 - price > 3:
        assert moved.stop == 200 - reflected.stop


@given(prices, prices)
def test_asking_changes_nothing(price: Decimal, stop: Decimal) -> None:
    bracket = Bracket(direction=1, stop=stop, take_profit=D(150), trail_by=D(1))
    before = replace(bracket)
    bracket.hit(price)
    bracket.trail(price)
    assert bracket == before


@pytest.mark.parametrize("reason", ExitReason)
def test_only_what_the_stream_fires_is_protective(reason: ExitReason) -> None:
    fired = {ExitReason.STOP, ExitReason.TRAIL, ExitReason.TAKE_PROFIT}
    assert reason.protective is (reason in fired)
