"""Positions by their fills: sizes, entries and profits that add up, whatever the order."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.model.positions import Fill, Position, Side

D = Decimal
FLAT = Position(coin="BTC")


def fill(side: Side, size: Decimal, price: Decimal, tid: int = 1) -> Fill:
    return Fill(coin="BTC", side=side, size=size, price=price, time_ms=1_000 + tid, tid=tid, oid=tid, fee=D("0.01"))


fills = st.lists(
    st.builds(
        fill,
        st.sampled_from(Side),
        st.decimals("0.001", "10", places=3),
        st.decimals("1", "1000", places=2),
        st.integers(1, 10**6),
    ),
    max_size=12,
)


def after(all_fills: list[Fill], start: Position = FLAT) -> Position:
    position = start
    for each in all_fills:
        position = position.apply(each)
    return position


@given(fills)
def test_the_size_is_the_sum_of_the_fills(all_fills: list[Fill]) -> None:
    assert after(all_fills).size == sum((each.size * each.side.sign for each in all_fills), D(0))


@given(fills.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_of_fills_does_not_change_the_size(both: tuple[list[Fill], list[Fill]]) -> None:
    one, other = both
    assert after(one).size == after(other).size


@given(fills)
def test_profit_is_what_came_in_less_what_went_out(all_fills: list[Fill]) -> None:
    """Cash and the value of what is left are the profit, at any price: nothing is lost between the two."""
    position, realised = FLAT, D(0)
    for each in all_fills:
        before, position = position, position.apply(each)
        if before.size:
            realised += position.realised_pnl - before.realised_pnl
    cash = -sum((each.size * each.side.sign * each.price for each in all_fills), D(0))
    price = D(77)
    difference = cash + position.size * price - (realised + position.unrealised_pnl(price))
    assert abs(difference) < D("0.000001")


@pytest.mark.parametrize("direction", [1, -1])
def test_the_entry_price_is_the_average_of_what_opened(direction: int) -> None:
    side = Side.opening(direction)
    position = after([fill(side, D(1), D(100)), fill(side, D(3), D(104))])
    assert position.entry_price == 103
    assert position.size == 4 * direction
    assert position.direction == direction


@pytest.mark.parametrize("direction", [1, -1])
def test_reducing_keeps_the_entry_and_realises_the_difference(direction: int) -> None:
    side = Side.opening(direction)
    position = after([fill(side, D(4), D(100)), fill(side.opposite, D(1), D(100 + 5 * direction))])
    assert position.entry_price == 100
    assert position.realised_pnl == 5
    assert position.fees == D("0.02")


def test_a_fill_through_zero_starts_a_new_position_at_its_price() -> None:
    position = after([fill(Side.BUY, D(1), D(100)), fill(Side.SELL, D(3), D(110), tid=9)])
    assert position.size == -2
    assert position.entry_price == 110
    assert position.opened_ms == 1_009
    assert position.realised_pnl == 10


def test_opening_from_flat_forgets_the_last_position() -> None:
    flat = after([fill(Side.BUY, D(1), D(100)), fill(Side.SELL, D(1), D(90), tid=2)])
    assert flat.size == 0
    opened = flat.apply(fill(Side.SELL, D(1), D(80), tid=3))
    assert (opened.realised_pnl, opened.fees, opened.opened_ms) == (0, D("0.01"), 1_003)


@given(fills)
def test_long_and_short_are_mirror_images(all_fills: list[Fill]) -> None:
    mirrored = [fill(each.side.opposite, each.size, each.price, each.tid) for each in all_fills]
    one, other = after(all_fills), after(mirrored)
    assert one.size == -other.size
    assert one.entry_price == other.entry_price
    assert one.realised_pnl == -other.realised_pnl


def test_a_fill_is_named_by_time_coin_and_number() -> None:
    one = fill(Side.BUY, D(1), D(100), tid=5)
    assert one.key == (1_005, "BTC", 5)


def test_sides_are_opposites() -> None:
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)
    assert Side.opening(-1) is Side.SELL
