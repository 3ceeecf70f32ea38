"""A part of a position is closed once its profit is a multiple of what was risked: once, and never uncovered."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.storms import Step, blow, storms
from tests.core.test_step import STORM
from tests.core.worlds import D, World, exits_of, open_order, started
from tidegate.core.state import Phase
from tidegate.core.trims import TRIES_MAX
from tidegate.model.events import Account, OrderInDoubt, OrderRejected, OrderSeen
from tidegate.model.intents import CancelOrders, FetchAccount, PlaceOrders, Remember
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce
from tidegate.model.positions import Side
from tidegate.model.settings import StopPriceSource


def scaling(direction: int = 1, **settings: Any) -> World:
    """A covered position from 100 with its stop 3 away; half of it is to go at 103 (97 for a short)."""
    world = started(**{"trim_at_r": D(1), "take_profit_pct": D(0), **settings})
    world.hold(direction)
    return world


def trims_of(world: World) -> list[OrderRequest]:
    return world.placed(Role.TRIM)


def fill(world: World, order: OrderRequest, price: Decimal | int | str) -> None:
    world.accept(order)
    world.fill(order.side, order.size, price, cloid=order.cloid)


@pytest.mark.parametrize("direction", [1, -1])
def test_half_of_it_is_closed_reduce_only_when_the_price_has_gone_the_risk_in_favour(direction: int) -> None:
    world = scaling(direction)
    size = abs(world.coin().position.size)
    world.trade(100 + direction * D("2.9"))
    assert trims_of(world) == []
    world.trade(100 + direction * 3)
    (order,) = trims_of(world)
    assert order.reduce_only
    assert order.size == (size / 2).quantize(D("0.001"), rounding="ROUND_DOWN")
    assert order.side is Side.opening(-direction)
    assert isinstance(order.kind, Limit)
    assert order.kind.time_in_force is TimeInForce.IOC
    fill(world, order, 100 + direction * 3)
    assert abs(world.coin().position.size) == size - order.size
    assert world.coin().phase is Phase.HOLDING


@pytest.mark.parametrize(
    ("source", "by_print", "by_mark"),
    [(StopPriceSource.TRADE, 1, 0), (StopPriceSource.MARK, 0, 1), (StopPriceSource.BOTH, 1, 1)],
)
def test_the_prices_that_count_are_those_that_fire_stops(source: StopPriceSource, by_print: int, by_mark: int) -> None:
    world = scaling(stop_price_source=source)
    world.trade(103)
    assert len(trims_of(world)) == by_print
    world = scaling(stop_price_source=source)
    world.mark(103)
    assert len(trims_of(world)) == by_mark


def test_the_book_counts_by_what_somebody_pays() -> None:
    world = scaling()
    world.book("102.9", "103.5")
    assert trims_of(world) == []
    world.book("103", "103.5")
    assert len(trims_of(world)) == 1


def test_it_happens_once_a_position() -> None:
    world = scaling()
    world.trade(103)
    fill(world, trims_of(world)[0], 103)
    world.now_ms += 10_000
    world.trade(104)
    assert len(trims_of(world)) == 1


def test_it_happens_once_also_across_a_restart() -> None:
    world = scaling()
    world.trade(103)
    (order,) = trims_of(world)
    before = world.wished(Remember)[-1].record
    assert before.bracket is not None
    assert before.bracket.trim_at == 103, "the bot dies before it hears of the fill"
    world.fill(order.side, order.size, 103, cloid=order.cloid)
    account = Account(
        equity=D(10_000),
        free=D(10_000),
        time_ms=world.now_ms,
        positions=(world.coin().position,),
        orders=tuple(world.open_orders()),
    )
    again = started(account=account, remembered=(before,), now_ms=world.now_ms, trim_at_r=D(1))
    again.trade(104)
    assert trims_of(again) == []


def test_it_happens_once_though_the_fills_are_told_late() -> None:
    world = scaling()
    world.trade(103)
    world.accept(trims_of(world)[0])
    assert world.wished(FetchAccount)
    world.now_ms += 10_000
    world.trade(104)
    assert len(trims_of(world)) == 1


def test_a_refused_try_is_repeated_a_little_later_and_not_for_ever() -> None:
    world = scaling()
    for _ in range(TRIES_MAX + 3):
        world.trade(103)
        for order in trims_of(world)[-1:]:
            world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason="could not immediately match"))
        world.trade(103)
        world.now_ms += 2_000
    cloids = [order.cloid for order in trims_of(world)]
    assert len(cloids) == len(set(cloids)) == TRIES_MAX
    assert world.coin().bracket is not None
    assert world.coin().bracket.trim_at is None


def test_one_in_doubt_is_settled_before_another() -> None:
    world = scaling()
    world.trade(103)
    (order,) = trims_of(world)
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=order.cloid, reason="timed out"))
    world.now_ms += 5_000
    world.trade(104)
    assert len(trims_of(world)) == 1
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=order.cloid, status="filled", filled=order.size))
    world.fill(order.side, order.size, 103, cloid=order.cloid)
    world.trade(104)
    assert len(trims_of(world)) == 1


def test_a_part_that_the_exchange_would_not_take_is_left() -> None:
    world = scaling(max_position_usd=D(15))
    world.trade(103)
    assert trims_of(world) == []
    assert "less than the exchange takes" in world.decisions[-1].notes[-1].text
    assert world.coin().phase is Phase.HOLDING


def test_the_stop_goes_on_guarding_what_is_left() -> None:
    world = scaling()
    world.trade(103)
    fill(world, trims_of(world)[0], 103)
    world.trade(97)
    ((_reason, order),) = exits_of(world.decisions)
    assert order.size == abs(world.coin().position.size)


def test_a_stop_that_the_exchange_did_not_shrink_is_replaced_by_a_fitting_one_placed_before_it_goes() -> None:
    world = scaling()
    (large,) = world.placed(Role.STOP)
    world.trade(103)
    fill(world, trims_of(world)[0], 103)
    world.now_ms += 2_000
    world.account()
    fitting = world.placed(Role.STOP)[-1]
    assert fitting.size == abs(world.coin().position.size) < large.size
    assert world.wished(CancelOrders) == [], "nothing goes before the new one stands"
    world.now_ms += 2_000
    world.account()
    assert world.placed(Role.STOP)[-1] is fitting, "one is enough"
    world.accept(fitting)
    assert [wish.cloids for wish in world.wished(CancelOrders)] == [(large.cloid,)]


def test_a_stop_that_the_exchange_has_shrunk_stays() -> None:
    world = scaling()
    (stop,) = world.placed(Role.STOP)
    world.trade(103)
    fill(world, trims_of(world)[0], 103)
    world.now_ms += 2_000
    size = abs(world.coin().position.size)
    shrunk = open_order(stop, oid=1, time_ms=world.now_ms - 60_000)
    world.account(orders=[type(shrunk)(**{**_fields(shrunk), "size": size})])
    assert len(world.placed(Role.STOP)) == 1
    assert world.coin().covered_ms


def _fields(order: Any) -> dict[str, Any]:
    return {name: getattr(order, name) for name in order.__struct_fields__}


@STORM
@given(storms(60), st.sampled_from(StopPriceSource), st.booleans())
def test_every_fact_is_handled_while_positions_are_scaled_out(
    storm: list[Step], source: StopPriceSource, trailing: bool
) -> None:
    world = started(
        "BTC",
        "ETH",
        stop_price_source=source,
        trailing_stop_pct=D(2) if trailing else D(0),
        trim_at_r=D("0.3"),
    )
    blow(world, storm)
    cloids = [order.cloid for wish in world.wished(PlaceOrders) for order in wish.orders]
    assert len(cloids) == len(set(cloids))
