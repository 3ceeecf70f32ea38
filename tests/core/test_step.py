"""Whatever happens, in whatever order: `step` answers, no law is broken (see `worlds.laws`), and it is repeatable."""

import typing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.storms import Step, blow, storms
from tests.core.worlds import T0, D, World, candles, exits_of, started, wishes
from tidegate.core import schedule
from tidegate.core.state import Phase, State
from tidegate.core.step import _HANDLERS, step, still_wanted
from tidegate.model.events import (
    Account,
    CandlesFetched,
    Command,
    Event,
    Faulted,
    FundingPaid,
    LeverageSet,
    OrderRejected,
    OrderSeen,
    Started,
    StrategistRestarted,
    StreamFrozen,
    StreamUp,
    Tick,
)
from tidegate.model.intents import (
    Alert,
    Evaluate,
    FetchAccount,
    FetchOrder,
    PlaceOrders,
    Remember,
    SetLeverage,
    Subscribe,
)
from tidegate.model.orders import Role
from tidegate.model.settings import StopPriceSource

STORM = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
sources = st.sampled_from(StopPriceSource)


def stormy(source: StopPriceSource, trailing: bool) -> World:
    """Two coins, one of which the storm is about."""
    return started("BTC", "ETH", stop_price_source=source, trailing_stop_pct=D(2) if trailing else D(0))


def test_every_kind_of_fact_has_a_handler() -> None:
    assert set(_HANDLERS) == set(typing.get_args(Event))


@STORM
@given(storms(), sources, st.booleans())
def test_every_fact_is_handled_in_every_phase(storm: list[Step], source: StopPriceSource, trailing: bool) -> None:
    blow(stormy(source, trailing), storm)


@STORM
@given(storms(60), sources)
def test_no_client_order_id_is_ever_used_for_two_orders(storm: list[Step], source: StopPriceSource) -> None:
    world = stormy(source, trailing=True)
    blow(world, storm)
    cloids = [order.cloid for wish in world.wished(PlaceOrders) for order in wish.orders]
    assert len(cloids) == len(set(cloids))


@STORM
@given(storms(60), sources)
def test_a_bar_is_acted_on_at_most_once_and_remembered_before(storm: list[Step], source: StopPriceSource) -> None:
    world = stormy(source, trailing=False)
    blow(world, storm)
    acted = []
    for decision in world.decisions:
        for number, wish in enumerate(decision.intents):
            if isinstance(wish, PlaceOrders) and wish.orders[0].role is Role.ENTRY:
                before = decision.intents[number - 1]
                assert isinstance(before, Remember)
                assert str(before.record.acted_open_ms) in wish.signal_id
                acted.append((wish.coin, before.record.acted_open_ms))
    assert len(acted) == len(set(acted))


@STORM
@given(storms(60), sources, st.booleans())
def test_a_tick_leaves_nothing_due_behind(storm: list[Step], source: StopPriceSource, trailing: bool) -> None:
    world = stormy(source, trailing)
    for each in storm:
        blow(world, [each])
        world.tick(1)
        assert world.state.stopped or schedule.next_due_ms(world.state) > world.now_ms


@STORM
@given(storms(), sources)
def test_at_most_one_exit_a_position_is_in_flight_while_answers_come(
    storm: list[Step], source: StopPriceSource
) -> None:
    """An exit is answered at once here, filled or not: then there is never a second one beside it."""
    world = stormy(source, trailing=True)
    for each in storm:
        before = len(world.decisions)
        blow(world, [each])
        fired = [order for _reason, order in exits_of(world.decisions[before:]) if order.coin == "BTC"]
        if each[0] not in ("tick", "life", "account"):
            assert len(fired) <= 1
        for order in fired:
            if order.cloid in world.coin().orders:
                world.accept(order, filled=D(0))
        assert world.coin().live(Role.EXIT) == []


@settings(STORM, max_examples=100)
@given(storms(), storms(30), sources)
def test_a_quiet_exchange_settles_every_storm(storm: list[Step], rest: list[Step], source: StopPriceSource) -> None:
    """After any storm, honest answers for two minutes leave the coin flat and free, held and covered, or alone."""
    world = stormy(source, trailing=False)
    blow(world, [each for each in storm + rest if each[0] != "command"])
    for _second in range(120):
        calm(world)
    coin = world.coin()
    assert coin.phase in (Phase.READY, Phase.WARMING, Phase.SUSPENDED, Phase.HOLDING), coin.phase
    if coin.position.size and not coin.left_alone:
        assert coin.covered_ms
    else:
        assert coin.orders == {}


def calm(world: World) -> None:
    """One second of an exchange that knows no orders but stops, fills every exit, and answers every question."""
    before = len(world.decisions)
    world.tick(1_000)
    decided = world.decisions[before:]
    for order in [each.request for each in world.coin().live(Role.EXIT)]:
        position = world.coin().position
        if order.cloid in world.coin().orders and position.direction == -order.side.sign:
            world.close(order, 100) if order.size <= abs(position.size) else world.accept(order, filled=D(0))
    for wish in wishes(decided, FetchOrder):
        known = world.state.order(wish.cloid)
        resting = known is not None and known.request.role is Role.STOP and world.coin().phase is Phase.HOLDING
        status = "open" if resting else None
        world.tell(OrderSeen(at_ms=world.now_ms, cloid=wish.cloid, status=status, oid=5))
    for order in [each.request for each in world.coin().live(Role.STOP) if each.oid is None]:
        world.accept(order)
    if any(wishes(decided, FetchAccount)):
        held = world.coin().phase is Phase.HOLDING
        world.account(orders=[each for each in world.open_orders() if held and each.is_stop])


@settings(max_examples=60, deadline=None)
@given(storms(60), sources, st.booleans())
def test_the_same_facts_give_the_same_decisions(storm: list[Step], source: StopPriceSource, trailing: bool) -> None:
    one, other = stormy(source, trailing), stormy(source, trailing)
    blow(one, storm)
    blow(other, storm)
    assert one.decisions == other.decisions
    assert one.state == other.state


# the start


def test_the_first_fact_subscribes_and_asks_for_leverage() -> None:
    world = started("BTC", "ETH", ready=False)
    (decision,) = world.decisions
    assert [wish.coins for wish in wishes([decision], Subscribe)] == [("BTC", "ETH")]
    assert len(decision.intents) == 4  # the stream, the brakes of the day, a leverage each


def test_a_session_starts_once() -> None:
    world = started()
    with pytest.raises(AssertionError):
        step(world.state, world_start(world))


def world_start(world: World) -> Event:
    return Started(
        at_ms=world.now_ms,
        settings=world.state.settings,
        instruments=(),
        account=Account(equity=D(1), free=D(1)),
        instance_tag="00000000",
    )


def test_time_never_goes_back() -> None:
    state = State(now_ms=T0)
    step(state, Tick(at_ms=T0 - 5))
    assert state.now_ms == T0


# candles and the strategist


def test_a_coin_is_ready_once_it_has_closed_candles() -> None:
    world = started(ready=False)
    world.tell(CandlesFetched(at_ms=world.now_ms, coin="BTC", candles=candles(T0, 1), exchange_ms=T0))
    assert world.coin().phase is Phase.WARMING
    world.fetched(3)
    assert world.coin().phase is Phase.READY
    assert [len(wish.candles) for wish in world.wished(Evaluate)] == [2]


def test_the_strategy_never_sees_the_forming_candle() -> None:
    world = started(ready=False)
    world.fetched(5)
    (told,) = world.wished(Evaluate)
    assert told.candles[-1].close_ms < world.now_ms
    assert told.reset


def test_a_new_strategist_gets_all_bars_again() -> None:
    world = started()
    world.fetched(5)
    world.decisions.clear()
    world.fetched(5)
    assert world.wished(Evaluate) == []
    world.tell(StrategistRestarted(at_ms=world.now_ms, reason="it died"))
    world.fetched(5)
    (told,) = world.wished(Evaluate)
    assert told.reset
    assert len(told.candles) == 4


def test_a_revised_candle_is_told_and_evaluated_anew() -> None:
    world = started()
    rows = candles(T0, 5, close=D(105))
    world.decisions.clear()
    world.tell(CandlesFetched(at_ms=world.now_ms, coin="BTC", candles=rows, exchange_ms=world.now_ms))
    assert world.wished(Evaluate)[0].reset
    assert "revised" in world.decisions[-1].notes[0].text


# the rest


def test_funding_and_faults_are_told() -> None:
    world = started()
    world.tell(FundingPaid(at_ms=world.now_ms, coin="BTC", usd=D("-0.5"), time_ms=world.now_ms))
    assert "paid" in world.decisions[-1].notes[0].text
    world.tell(Faulted(at_ms=world.now_ms, where="journal", reason="disk full"))
    assert "disk full" in world.decisions[-1].notes[0].text


def test_a_coin_that_cannot_be_streamed_is_an_alert() -> None:
    world = started()
    world.tell(StreamFrozen(at_ms=world.now_ms, coin="BTC", reason="no acknowledgement"))
    assert world.wished(Alert)


def test_a_command_that_nobody_knows_does_nothing() -> None:
    world = started()
    decision = world.tell(Command(at_ms=world.now_ms, name="dance"))
    assert not decision.intents
    assert "is nothing this bot can do" in decision.notes[0].text
    assert not world.state.stopping


def test_a_wish_that_was_given_up_meanwhile_is_not_carried_out() -> None:
    world = started()
    wish = world.enter()
    assert still_wanted(world.state, wish)
    assert still_wanted(world.state, Alert(text="anything else"))
    for order in wish.orders:
        world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason="no"))
    assert not still_wanted(world.state, wish)


def test_an_exit_that_has_not_left_is_given_up_when_the_position_is_gone() -> None:
    world = started()
    world.hold()
    world.trade(97)
    wish = list(wishes(world.decisions, PlaceOrders))[-1]
    stop = world.coin().live(Role.STOP)[0].request
    world.fill(stop.side, stop.size, 97, cloid=stop.cloid)
    assert not still_wanted(world.state, wish)


def test_leverage_is_asked_for_until_it_is_confirmed_and_no_longer() -> None:
    world = started(ready=False)
    for _second in range(25):
        world.tick(1_000)
    assert len(world.wished(SetLeverage)) == 3
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=3))
    for _minute in range(5):
        world.tick(60_000)
    assert len(world.wished(SetLeverage)) == 3


def test_the_first_connection_needs_no_look_at_the_account_the_next_ones_do() -> None:
    world = started(ready=False)
    world.tell(StreamUp(at_ms=world.now_ms))
    assert world.wished(FetchAccount) == []
    world.down()
    world.tell(StreamUp(at_ms=world.now_ms))
    assert len(world.wished(FetchAccount)) == 1
