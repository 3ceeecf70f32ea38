"""Leverage and margin mode: the exchange is told only what it does not have already, and never under a position."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.worlds import EQUITY, T0, TAG, D, World, instrument, started, wishes
from tidegate.core import leverages
from tidegate.core.state import Phase, State
from tidegate.model.events import Account, LeverageRefused, LeverageSet, MetadataSeen, Started
from tidegate.model.instruments import Instrument
from tidegate.model.intents import Decision, PlaceOrders, SetLeverage
from tidegate.model.orders import Role
from tidegate.model.settings import MarginMode, Settings
from tidegate.model.signals import Want

MINUTE_MS = 60_000


def begun(
    leverage: int,
    mode: MarginMode = MarginMode.CROSS,
    *,
    shown: int | None = None,
    isolated: bool = False,
    coin: Instrument | None = None,
) -> tuple[World, Decision]:
    """A core that has just started with this leverage, while the exchange shows that (None: it was not asked)."""
    listed = coin or instrument()
    world = World(State(), T0)
    decision = world.tell(
        Started(
            at_ms=T0,
            settings=Settings(coins=("BTC",), leverage=leverage, margin_mode=mode),
            instruments=(listed,),
            account=Account(equity=EQUITY, free=EQUITY, time_ms=T0),
            instance_tag=TAG,
            leverages={} if shown is None else {"BTC": shown},
            isolated=("BTC",) if isolated else (),
        )
    )
    return world, decision


ISOLATED, CROSS = MarginMode.ISOLATED, MarginMode.CROSS


@pytest.mark.parametrize(
    ("leverage", "mode", "shown", "isolated", "sent"),
    [
        (3, CROSS, 3, False, None),
        (3, CROSS, 20, False, (3, True)),
        (3, CROSS, 3, True, (3, True)),
        (3, CROSS, None, False, (3, True)),
        (3, ISOLATED, 3, True, None),
        (3, ISOLATED, 3, False, (3, False)),
        (3, ISOLATED, 20, True, (3, False)),
        (0, CROSS, 20, False, None),
        (0, CROSS, 20, True, None),
        (0, ISOLATED, 20, False, None),
        (0, ISOLATED, None, False, None),
        (1, CROSS, 20, False, None),
        (1, CROSS, None, False, None),
        (1, CROSS, 20, True, (1, True)),
        (1, ISOLATED, 1, True, None),
        (1, ISOLATED, 20, True, (1, False)),
        (1, ISOLATED, None, False, (1, False)),
    ],
)
def test_the_exchange_is_told_only_where_it_has_something_else(
    leverage: int, mode: MarginMode, shown: int | None, isolated: bool, sent: tuple[int, bool] | None
) -> None:
    world, decision = begun(leverage, mode, shown=shown, isolated=isolated)
    told = [(wish.leverage, wish.cross) for wish in wishes([decision], SetLeverage)]
    assert told == ([] if sent is None else [sent])
    assert (world.coin().leverage is None) is (sent is not None), "entries wait exactly while an answer is awaited"


@pytest.mark.parametrize("mode", [CROSS, ISOLATED])
def test_a_coin_without_cross_margin_is_isolated_whatever_is_set_and_that_is_said_once(mode: MarginMode) -> None:
    world, decision = begun(3, mode, coin=replace(instrument(), isolated_only=True))
    assert [(wish.leverage, wish.cross) for wish in wishes([decision], SetLeverage)] == [(3, False)]
    said = [note.text for note in decision.notes if "isolated margin only" in note.text]
    assert len(said) == (1 if mode is CROSS else 0)
    world.run_until(T0 + 5 * MINUTE_MS)
    assert sum("isolated margin only" in note.text for each in world.decisions for note in each.notes) == len(said)


def test_a_score_of_changes_is_one_call_for_each_change() -> None:
    world = started(leverage=10)
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=10))
    before = len(world.wished(SetLeverage))
    for leverage_max in (5, 5, 5, 7, 7):
        world.tell(MetadataSeen(at_ms=world.now_ms, instruments=(instrument(leverage_max=leverage_max),)))
        world.tick(1)
        asked = world.wished(SetLeverage)[before:]
        if asked and world.coin().leverage is None:
            world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=asked[-1].leverage))
    assert [wish.leverage for wish in world.wished(SetLeverage)[before:]] == [5, 7]


STEPS = ("0.5:2", "0.8:20")


def asked(world: World) -> list[int]:
    return [wish.leverage for wish in world.wished(SetLeverage)]


def with_scores(**fields: Any) -> World:
    """A flat core whose LEVERAGE=10 is set, with a table of which the last step is beyond it and beyond the coin."""
    world = started(leverage=10, leverage_by_score=STEPS, **fields)
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=10))
    world.decisions.clear()
    return world


def bar(world: World, score: str) -> Decision:
    world.now_ms += world.state.settings.timeframe.ms
    world.mark(100)
    world.trade(100)
    return world.signal(Want.LONG, candle_open_ms=world.now_ms, size_fraction=D(score))


@pytest.mark.parametrize(("score", "leverage"), [("0.5", 2), ("0.79", 2), ("1", 10)])
def test_a_score_gives_the_leverage_of_its_step_up_to_the_limit_and_the_entry_waits_for_it(
    score: str, leverage: int
) -> None:
    world = with_scores()
    bar(world, score)
    world.tick(1)
    assert asked(world) == ([] if leverage == 10 else [leverage]), "10 was set before"
    if leverage != 10:
        assert not world.wished(PlaceOrders)
        world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=leverage))
    (entry,) = world.wished(PlaceOrders)
    assert entry.orders[0].role is Role.ENTRY
    assert world.coin().leverage == leverage


def test_below_the_first_step_it_is_1_without_a_call_and_sized_so() -> None:
    world = with_scores(max_position_usd=D(10**6), risk_per_trade_pct=D(20))
    bar(world, "0.49")
    world.tick(1)
    world.signal(Want.LONG, candle_open_ms=world.now_ms, size_fraction=D("0.49"))
    assert asked(world) == []
    for entry in world.wished(PlaceOrders):
        assert entry.orders[0].size * entry.orders[0].price <= EQUITY * D("0.9")


def test_each_change_of_the_score_is_one_call_and_a_late_answer_for_another_leverage_does_not_count() -> None:
    world = with_scores(max_open_positions=1, cooldown_minutes=D(0))
    world.state.change("BTC", barred_until_ms=world.now_ms + 10**9)
    for score in ("0.5", "0.6", "1", "0.9", "0.5"):
        bar(world, score)
        world.tick(1)
        if asked(world) and world.coin().leverage is None:
            world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=7))
            assert world.coin().leverage is None
            world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=asked(world)[-1]))
    assert asked(world) == [2, 10, 2]


def test_a_coin_whose_maximum_falls_below_the_leverage_of_the_score_has_its_maximum() -> None:
    world = with_scores()
    world.state.change("BTC", barred_until_ms=world.now_ms + 10**9)
    bar(world, "1")
    world.tell(MetadataSeen(at_ms=world.now_ms, instruments=(instrument(leverage_max=5),)))
    world.tick(1)
    assert asked(world) == [5]
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=5))
    assert world.coin().leverage == 5
    world.run_until(world.now_ms + MINUTE_MS)
    assert asked(world) == [5]


def test_a_score_changes_nothing_while_a_position_is_open() -> None:
    world = started(leverage=10, leverage_by_score=STEPS)
    world.hold()
    before = asked(world)
    world.signal(Want.LONG, candle_open_ms=world.now_ms, size_fraction=D("0.5"))
    world.tick(1)
    assert asked(world) == before


def test_nothing_is_asked_while_a_position_is_open() -> None:
    world = started()
    world.hold()
    world.state.change("BTC", leverage=None, leverage_asked_ms=None)
    world.run_until(world.now_ms + 5 * MINUTE_MS)
    assert [wish.expires_ms for wish in world.wished(SetLeverage)] == [T0 + 15_000]


def test_a_refusal_is_told_once_and_asked_again_once_a_minute_only() -> None:
    world = started(ready=False)
    words = "Cannot switch leverage type with open position."
    for _ in range(3):
        world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason=words))
    told = [note for each in world.decisions for note in each.notes if words in note.text]
    assert len(told) == 1
    assert world.coin().phase is Phase.SUSPENDED
    before = len(world.wished(SetLeverage))
    world.run_until(world.now_ms + 3 * MINUTE_MS)
    assert len(world.wished(SetLeverage)) - before <= 3


def test_the_confirmed_mode_is_said() -> None:
    world = started(ready=False, margin_mode=ISOLATED)
    decision = world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=3, cross=False))
    assert decision.notes[0].text == "BTC leverage 3x isolated confirmed"
    assert not leverages.has_cross(world.state, world.coin())


@pytest.mark.parametrize("leverage", [0, 1])
def test_without_leverage_a_position_is_never_worth_more_than_the_free_balance(leverage: int) -> None:
    fields: dict[str, Any] = {"leverage": leverage, "max_position_usd": D(10**6), "risk_per_trade_pct": D(20)}
    world = started(**fields)
    wish = next(iter(wishes([world.signal(Want.LONG)], PlaceOrders)))
    assert wish.orders[0].size * wish.orders[0].price <= EQUITY * D("0.9")
