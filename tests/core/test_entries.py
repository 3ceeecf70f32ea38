"""Getting in: a signal is acted on at most once, and everything that leaves is legal, covered and within the limits."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.core.worlds import PRICE, T0, D, World, exits_of, instrument, make_ready, started, wishes
from tidegate.core.state import Phase
from tidegate.model.events import Account, LeverageSet, OrderAccepted, OrderCanceled, Signalled, StreamUp
from tidegate.model.instruments import Rounding
from tidegate.model.intents import Grouping, PlaceOrders, Remember, Urgency
from tidegate.model.orders import Role, Trigger
from tidegate.model.signals import Signal, Want

LAWS = settings(max_examples=300, deadline=None)


def entries_of(world: World) -> list[PlaceOrders]:
    """The entries wished for so far."""
    return [wish for wish in world.wished(PlaceOrders) if wish.orders[0].role is Role.ENTRY]


def said(world: World) -> str:
    """What the last decision explained."""
    return " ".join(note.text for note in world.decisions[-1].notes)


# one signal, one entry


@LAWS
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Want), st.booleans(), st.booleans()), max_size=15))
def test_a_signal_is_acted_on_at_most_once_also_across_restarts(
    told: list[tuple[int, Want, bool, bool]],
) -> None:
    world, seen, ledger = started(), [], {}
    for bars, want, restart, fills in told:
        world.now_ms += bars * 300_000
        world.trade(PRICE)
        world.book(PRICE, PRICE)
        world.mark(PRICE)
        world.signal(want)
        for wish in wishes(world.decisions[-1:], PlaceOrders):
            if wish.orders[0].role is not Role.ENTRY:
                continue
            seen.append(wish.signal_id)
            world.accept(wish.orders[0], filled=None if fills else D(0))
        if restart:
            ledger |= {wish.record.coin: wish.record for wish in world.wished(Remember)}
            world = started(remembered=tuple(ledger.values()), now_ms=world.now_ms)
    bars_acted_on = [signal_id.split("|")[3] for signal_id in seen]
    assert len(bars_acted_on) == len(set(bars_acted_on))


def test_the_bar_is_remembered_before_the_entry_leaves() -> None:
    world = started()
    world.enter()
    remember, wish = world.decisions[-2].intents
    assert isinstance(remember, Remember)
    assert isinstance(wish, PlaceOrders)
    assert remember.record.acted_open_ms == T0 - 300_000
    assert remember.record.signal_id == wish.signal_id


def test_the_same_bar_told_again_is_refused_with_that_reason() -> None:
    world = started()
    wish = world.enter()
    world.accept(wish.orders[0], filled=D(0))
    world.signal(Want.LONG)
    assert "acted on before" in said(world)
    assert len(entries_of(world)) == 1


def test_an_old_bar_is_not_acted_on() -> None:
    world = started()
    world.signal(Want.LONG, candle_open_ms=T0 - 4 * 300_000)
    assert "too old" in said(world)
    assert entries_of(world) == []


# what leaves


@pytest.mark.parametrize("direction", [1, -1])
def test_entry_stop_and_take_profit_leave_in_one_action(direction: int) -> None:
    world = started()
    wish = world.enter(direction)
    assert wish.grouping is Grouping.ENTRY_WITH_EXITS
    assert wish.urgency is Urgency.ENTRY
    assert [order.role for order in wish.orders] == [Role.ENTRY, Role.STOP, Role.TAKE_PROFIT]
    entry, stop, profit = wish.orders
    assert entry.price == 100 + direction
    assert isinstance(stop.kind, Trigger)
    assert isinstance(profit.kind, Trigger)
    assert (stop.kind.trigger_price, profit.kind.trigger_price) == (100 - 3 * direction, 100 + 6 * direction)
    assert {order.size for order in wish.orders} == {D("33.333")}
    assert len({order.cloid for order in wish.orders}) == 3


@LAWS
@given(
    size_decimals=st.integers(0, 5),
    price=st.decimals("0.00001", "1000000"),
    direction=st.sampled_from([1, -1]),
    stop_pct=st.decimals("0.1", "50", places=1),
    take_profit_pct=st.decimals("0", "300", places=1),
    slippage_pct=st.decimals("0", "5", places=1),
    cap=st.integers(1, 6).map(lambda power: D(10) ** power),
    trailing=st.booleans(),
)
def test_everything_that_leaves_from_entry_to_exit_is_legal_for_any_instrument(
    size_decimals: int,
    price: Decimal,
    direction: int,
    stop_pct: Decimal,
    take_profit_pct: Decimal,
    slippage_pct: Decimal,
    cap: Decimal,
    trailing: bool,
) -> None:
    """`worlds.laws` holds every order against the instrument's rules, the sizes and the limits."""
    traded = instrument(size_decimals=size_decimals)
    price = traded.price(price, Rounding.UP)
    world = started(
        traded,
        price=price,
        stop_loss_pct=stop_pct,
        take_profit_pct=take_profit_pct,
        max_slippage_pct=slippage_pct,
        max_position_usd=cap,
        trailing_stop_pct=D(1) if trailing else D(0),
    )
    world.signal(Want.LONG if direction > 0 else Want.SHORT)
    placed = entries_of(world)
    assume(placed)
    entry = placed[0].orders[0]
    world.accept(entry)
    world.fill(entry.side, entry.size, price, cloid=entry.cloid)
    world.now_ms += 1_500
    world.account(orders=[])
    world.trade(traded.price(price * (1 + direction * D("0.02")), Rounding.DOWN))
    bracket = world.coin().bracket
    assert bracket is not None
    assert bracket.stop is not None
    world.trade(traded.price(bracket.stop * (1 - direction * D("0.001")), Rounding.DOWN))
    world.trade(
        traded.price(bracket.stop * (1 - direction * D("0.01")), Rounding.DOWN if direction > 0 else Rounding.UP)
    )
    assert exits_of(world.decisions)
    for _try in range(3):
        world.run_until(world.now_ms + 10_000)


@LAWS
@given(
    want=st.sampled_from([Want.LONG, Want.SHORT]),
    stop=st.none() | st.decimals(allow_nan=True, allow_infinity=True),
    take_profit=st.none() | st.decimals(allow_nan=True, allow_infinity=True),
    trail_by=st.none() | st.decimals(allow_nan=True, allow_infinity=True),
    size_fraction=st.decimals(allow_nan=True, allow_infinity=True) | st.decimals("0.1", "1"),
)
def test_no_strategy_can_hurt_the_account_by_arithmetic(want: Want, **fields: Any) -> None:
    assume(not any(value is not None and value.is_snan() for value in fields.values()))
    world = started()
    world.signal(want, **fields)
    for wish in entries_of(world):
        assert wish.orders[0].size <= D("33.334"), "never more than RISK_PER_TRADE_PCT at STOP_LOSS_PCT allows"
    assert entries_of(world) or "refused" in said(world)


@pytest.mark.parametrize(
    ("want", "stop", "level"),
    [
        (Want.LONG, "98.5", "98.5"),
        (Want.LONG, "90", "97"),
        (Want.SHORT, "101.5", "101.5"),
        (Want.SHORT, "110", "103"),
    ],
)
def test_a_strategys_stop_may_be_nearer_than_the_setting_but_not_further(want: Want, stop: str, level: str) -> None:
    world = started(max_position_usd=D(10**6), leverage=40)
    world.signal(want, stop=D(stop))
    bracket = world.coin().bracket
    assert bracket is not None
    assert bracket.stop == D(level)


@pytest.mark.parametrize(("want", "stop"), [(Want.LONG, "100.5"), (Want.SHORT, "99.5"), (Want.LONG, "100")])
def test_a_stop_on_the_wrong_side_is_refused(want: Want, stop: str) -> None:
    world = started()
    world.signal(want, stop=D(stop))
    assert "wrong side" in said(world)
    assert entries_of(world) == []


def test_a_take_profit_that_a_short_can_never_reach_is_left_out() -> None:
    world = started(take_profit_pct=D(150))
    wish = world.enter(-1)
    assert [order.role for order in wish.orders] == [Role.ENTRY, Role.STOP]


def test_entries_in_several_coins_share_the_margin() -> None:
    world = started("BTC", "ETH", "SOL", risk_per_trade_pct=D(10), max_position_usd=D(10**6), leverage=1)
    for coin in ("BTC", "ETH", "SOL"):
        world.signal(Want.LONG, coin=coin)
    worth = sum((wish.orders[0].size * wish.orders[0].price for wish in entries_of(world)), D(0))
    assert worth <= 10_000
    assert len(entries_of(world)) >= 2


# waiting


def test_a_signal_waits_for_the_stream_and_the_leverage_and_goes_when_they_are_there() -> None:
    world = started(ready=False)
    world.fetched()
    world.signal(Want.LONG)
    assert "waits" in said(world)
    make_ready(world)
    assert len(entries_of(world)) == 1


def test_a_signal_waits_for_the_mark_price_too() -> None:
    world = started()
    world.state.change("BTC", mark=None)
    world.signal(Want.LONG)
    assert "mark price" in said(world)
    world.mark(100)
    assert len(entries_of(world)) == 1


def test_a_signal_that_waits_is_replaced_by_the_next_bar() -> None:
    world = started(ready=False)
    world.fetched()
    world.signal(Want.LONG)
    world.now_ms += 300_000
    world.signal(Want.HOLD)
    make_ready(world)
    assert entries_of(world) == []


def test_a_signal_does_not_wait_longer_than_its_bar_is_worth() -> None:
    world = started(ready=False)
    world.fetched()
    world.signal(Want.LONG)
    world.now_ms += 900_001
    make_ready(world)
    assert entries_of(world) == []


@pytest.mark.parametrize("direction", [1, -1])
def test_the_opposite_signal_closes_first_and_enters_when_everything_is_over(direction: int) -> None:
    world = started()
    world.hold(direction)
    world.now_ms += 300_000
    world.signal(Want.SHORT if direction > 0 else Want.LONG)
    assert len(entries_of(world)) == 1
    world.account()
    world.trade(PRICE)
    _reason, order = exits_of(world.decisions)[0]
    world.close(order, PRICE)
    assert len(entries_of(world)) == 1, "its resting orders are not over yet"
    for each in tuple(world.coin().orders.values()):
        world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=0, cloid=each.request.cloid, status="canceled"))
    assert len(entries_of(world)) == 2
    assert entries_of(world)[1].orders[0].side.sign == -direction


def test_flat_closes_what_is_held_and_nothing_else() -> None:
    world = started()
    world.signal(Want.FLAT)
    assert world.wished(PlaceOrders) == []
    world.hold()
    world.signal(Want.FLAT)
    world.signal(Want.FLAT)
    assert len(exits_of(world.decisions)) == 1


def test_hold_and_a_second_wish_for_the_same_side_change_nothing() -> None:
    world = started()
    world.hold()
    world.now_ms += 300_000
    before = len(world.wished(PlaceOrders))
    world.signal(Want.HOLD)
    world.signal(Want.LONG)
    assert "already held" in said(world)
    assert len(world.wished(PlaceOrders)) == before


def test_a_strategy_that_warms_up_wishes_nothing() -> None:
    world = started()
    world.tell(Signalled(at_ms=world.now_ms, coin="BTC", candle_open_ms=T0, signal=None, bars=3))
    assert "warms up" in said(world)


def test_an_entry_that_came_to_nothing_leaves_nothing_behind() -> None:
    world = started()
    wish = world.enter()
    world.tell(OrderAccepted(at_ms=world.now_ms, cloid=wish.orders[0].cloid, oid=1, resting=False, filled=D(0)))
    coin = world.coin()
    assert (coin.phase, coin.orders, coin.bracket) == (Phase.READY, {}, None)


def test_a_book_that_fell_silent_is_not_what_an_entry_is_priced_by() -> None:
    world = started()
    world.book(50, 50)
    world.now_ms += 31_000
    world.trade(100)
    world.mark(100)
    world.fetched()
    wish = world.enter()
    assert wish.orders[0].price == 101


def test_a_restart_without_prices_waits_for_them() -> None:
    world = started(ready=False, account=Account(equity=D(10_000), free=D(10_000), time_ms=T0))
    world.tell(StreamUp(at_ms=world.now_ms))
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=3))
    world.fetched()
    world.tell(
        Signalled(at_ms=world.now_ms, coin="BTC", candle_open_ms=T0 - 300_000, signal=Signal(want=Want.LONG), bars=500)
    )
    assert "no fresh price" in said(world)


@pytest.mark.parametrize(
    ("want", "take_profit", "level"),
    [(Want.LONG, "104", "104"), (Want.LONG, "109", "106"), (Want.SHORT, "96", "96"), (Want.SHORT, "90", "94")],
)
def test_of_two_take_profits_the_nearer_one_counts(want: Want, take_profit: str, level: str) -> None:
    world = started()
    world.signal(want, take_profit=D(take_profit))
    bracket = world.coin().bracket
    assert bracket is not None
    assert bracket.take_profit == D(level)


def test_without_a_setting_the_strategys_take_profit_counts() -> None:
    world = started(take_profit_pct=D(0))
    world.signal(Want.LONG, take_profit=D(120))
    bracket = world.coin().bracket
    assert bracket is not None
    assert bracket.take_profit == 120


@pytest.mark.parametrize(("direction", "limit"), [(1, "101.23"), (-1, "99.238")])
def test_the_limit_of_an_entry_is_never_beyond_the_slippage_allowed(direction: int, limit: str) -> None:
    world = started(max_slippage_pct=D(1), price=D("100.236") if direction > 0 else D("100.24"))
    price = world.coin().reference_price()
    assert price is not None
    entry = world.enter(direction).orders[0]
    assert (price * (1 + direction * D("0.01")) - entry.price) * direction >= 0
    assert abs(entry.price - D(limit)) <= D("0.01")


def test_a_signal_that_was_refused_does_not_come_back_with_the_next_price() -> None:
    world = started()
    world.state.equity = D(0)
    world.signal(Want.LONG)
    assert "refused" in said(world)
    world.state.equity = D(10_000)
    world.trade(PRICE)
    assert entries_of(world) == []
