"""What stops an entry for a moment, what forbids it, and which prices make no sense together."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.worlds import D, World, started
from tidegate.core import risk
from tidegate.core.state import Phase
from tidegate.model.signals import Signal, Want


def coin_with(world: World, **changes: Any) -> World:
    world.state.change("BTC", **changes)
    return world


def test_a_ready_coin_with_fresh_prices_may_be_entered() -> None:
    world = started()
    assert risk.objection(world.state, world.coin()) is None
    assert risk.hindrance(world.state, world.coin()) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"leverage": None}, "leverage"),
        ({"last": None, "bid": None, "mark": None}, "price"),
        ({"mark": None}, "mark"),
        ({"phase": Phase.WARMING}, "warming"),
        ({"last_ms": 0, "book_ms": 0, "mark_ms": 0}, "price"),
    ],
)
def test_what_may_be_gone_in_a_moment_hinders(changes: dict[str, Any], words: str) -> None:
    world = coin_with(started(ready="phase" not in changes), **changes)
    world.state.stream_up = True
    world.state.coins["BTC"] = replace(world.coin(), leverage=changes.get("leverage", 3))
    assert words in (risk.hindrance(world.state, world.coin()) or "")


def test_without_a_stream_no_entry() -> None:
    world = started()
    world.down()
    assert "stream" in (risk.hindrance(world.state, world.coin()) or "")


def test_a_frozen_coin_is_not_entered_but_its_neighbour_is() -> None:
    world = started("BTC", "ETH")
    world.state.frozen = frozenset({"BTC"})
    assert "stream" in (risk.hindrance(world.state, world.coin()) or "")
    assert risk.hindrance(world.state, world.coin("ETH")) is None


def test_prices_grow_stale_by_our_own_seconds_when_the_exchange_runs_fast() -> None:
    world = started(speed=60.0)
    world.state.now_ms += 60 * 29_000
    assert risk.hindrance(world.state, world.coin()) is None
    world.state.now_ms += 60 * 2_000
    assert "fresh" in (risk.hindrance(world.state, world.coin()) or "")


def test_an_order_that_may_be_alive_hinders() -> None:
    world = started()
    world.hold()
    position = world.coin().position
    world.fill(world.entry().side.opposite, position.size, 101)
    assert "orders" in (risk.hindrance(world.state, world.coin()) or "")


def test_a_stopping_bot_a_suspended_coin_and_an_empty_account_object() -> None:
    world = coin_with(started(), phase=Phase.SUSPENDED, why="no leverage")
    assert "no leverage" in (risk.objection(world.state, world.coin()) or "")
    world = started()
    world.state.equity = D(0)
    assert "equity" in (risk.objection(world.state, world.coin()) or "")
    world.stop()
    assert "stopping" in (risk.objection(world.state, world.coin()) or "")


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize(
    ("stop", "take_profit", "mark", "words"),
    [
        (-3, 6, 0, None),
        (-3, None, 0, None),
        (0, 6, 0, "stop"),
        (3, 6, 0, "stop"),
        (-3, 0, 0, "take-profit"),
        (-3, -6, 0, "take-profit"),
        (-3, 6, 6, "mark"),
        (-3, 6, -6, "mark"),
        (-3, 6, 4, None),
    ],
)
def test_prices_must_make_sense_together(
    direction: int, stop: int, take_profit: int | None, mark: int, words: str | None
) -> None:
    world = coin_with(started(), mark=D(100 + mark))
    problem = risk.unsound(
        world.coin(),
        direction=direction,
        price=D(100),
        stop=D(100 + direction * stop),
        take_profit=None if take_profit is None else D(100 + direction * take_profit),
    )
    assert problem is None if words is None else words in (problem or "")


@pytest.mark.parametrize("name", ["stop", "take_profit", "trail_by"])
@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity"])
def test_a_strategys_number_that_cannot_be_one_is_named(name: str, value: str) -> None:
    fields: dict[str, Decimal] = {name: D(value)}
    assert name in (risk.unsound_wish(Signal(want=Want.LONG, **fields)) or "")
    assert risk.unsound_wish(Signal(want=Want.LONG)) is None


@pytest.mark.parametrize("phase", [Phase.ENTERING, Phase.IN_DOUBT, Phase.HOLDING, Phase.EXITING])
def test_a_coin_that_is_busy_objects(phase: Phase) -> None:
    world = started()
    world.state.coins["BTC"] = replace(world.coin(), phase=phase)
    assert phase.value in (risk.objection(world.state, world.coin()) or "")
