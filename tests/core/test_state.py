"""What the bot knows: leaves that are replaced, phases that move by a table, prices that are fresh."""

from decimal import Decimal

import pytest

from tests.core.worlds import T0, D, started
from tidegate.core.state import MOVES, Phase
from tidegate.model.orders import Role


def test_every_phase_has_its_moves_and_none_leads_to_itself() -> None:
    assert set(MOVES) == set(Phase)
    assert all(phase not in moves for phase, moves in MOVES.items())


@pytest.mark.parametrize(("before", "after"), [(one, other) for one in Phase for other in Phase if one is not other])
def test_only_the_moves_of_the_table_are_allowed(before: Phase, after: Phase) -> None:
    world = started()
    world.state.coins["BTC"] = type(world.coin())(
        instrument=world.coin().instrument,
        candles=world.coin().candles,
        position=world.coin().position,
        phase=before,
    )
    if after in MOVES[before]:
        assert world.state.change("BTC", phase=after).phase is after
    else:
        with pytest.raises(AssertionError):
            world.state.change("BTC", phase=after)


def test_a_change_replaces_the_leaf_and_leaves_the_old_one_as_it_was() -> None:
    world = started()
    before = world.coin()
    world.state.change("BTC", last=D(5))
    assert before.last == 100
    assert world.coin().last == 5


@pytest.mark.parametrize(
    ("book_age_s", "last_age_s", "mark_age_s", "price"),
    [
        (0, 0, 0, "100.5"),
        (29, 0, 0, "100.5"),
        (31, 0, 0, "102"),
        (31, 31, 0, "103"),
        (None, 0, 0, "102"),
        (None, None, 0, "103"),
        (None, 40, None, "102"),
        (None, None, None, None),
    ],
)
def test_the_price_comes_from_a_source_that_still_speaks(
    book_age_s: int | None, last_age_s: int | None, mark_age_s: int | None, price: str | None
) -> None:
    def time_ms(age_s: int | None) -> int:
        return 0 if age_s is None else T0 - age_s * 1_000

    world = started(ready=False)
    coin = world.state.change(
        "BTC",
        bid=D(100) if book_age_s is not None else None,
        ask=D(101) if book_age_s is not None else None,
        book_ms=time_ms(book_age_s),
        last=D(102) if last_age_s is not None else None,
        last_ms=time_ms(last_age_s),
        mark=D(103) if mark_age_s is not None else None,
        mark_ms=time_ms(mark_age_s),
    )
    assert coin.reference_price() == (None if price is None else D(price))


def test_waits_are_of_our_own_time() -> None:
    assert started(speed=60.0).state.wait_ms(1_000) == 60_000


def test_orders_are_found_by_name_until_they_are_dropped() -> None:
    world = started()
    entry = world.enter().orders[0]
    order = world.state.order(entry.cloid)
    assert order is not None
    assert order.request == entry
    assert world.state.drop_order(entry.cloid) == order
    assert world.state.drop_order(entry.cloid) is None
    assert world.state.order(entry.cloid) is None
    assert world.state.order("0xstrange") is None


def test_what_is_remembered_is_enough_to_go_on() -> None:
    world = started()
    position = world.hold()
    record = world.coin().remembered()
    assert record.position == position
    assert record.bracket == world.coin().bracket
    assert record.stop_cloid == world.coin().live(Role.STOP)[0].request.cloid
    assert record.take_profit_cloid == world.coin().live(Role.TAKE_PROFIT)[0].request.cloid
    assert isinstance(record.position, type(position))
    assert Decimal(record.acted_open_ms) == T0 - 300_000
