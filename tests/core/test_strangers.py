"""A position that the bot did not open, found at the start: what ON_START_POSITION says, and nothing else."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.core.worlds import T0, D, World, resting_stop, started, wishes
from tidegate.core.state import Phase
from tidegate.model.brackets import ExitReason
from tidegate.model.events import Account
from tidegate.model.intents import Alert, BookClosed, CancelOrders, PlaceOrders, Quit
from tidegate.model.orders import OpenOrder, Role
from tidegate.model.positions import Position, Side
from tidegate.model.settings import OnStartPosition

HELD = Position(coin="BTC", size=D(2), entry_price=D(100))


def found(policy: OnStartPosition, *orders: OpenOrder, size: Decimal = HELD.size) -> World:
    position = replace(HELD, size=size)
    account = Account(equity=D(10_000), free=D(9_000), positions=(position,), orders=orders, time_ms=T0)
    return started("BTC", "ETH", account=account, on_start_position=policy, ready=False)


def test_ignored_it_is_left_alone() -> None:
    world = found(OnStartPosition.IGNORE)
    assert world.coin().left_alone
    assert not world.wished(PlaceOrders)
    assert world.wished(Alert)


@pytest.mark.parametrize(("size", "stop"), [(D(2), D(97)), (D(-2), D(103))])
def test_adopted_it_is_guarded_on_the_exchange_by_the_settings(size: Decimal, stop: Decimal) -> None:
    world = found(OnStartPosition.ADOPT, size=size)
    assert world.coin().phase is Phase.HOLDING
    assert world.coin().bracket.stop == stop  # type: ignore[union-attr]
    world.run_until(world.now_ms + 5_000)
    placed = world.placed(Role.STOP)
    assert [(each.size, each.reduce_only) for each in placed[:1]] == [(D(2), True)]


def test_adopted_with_a_nearer_stop_of_its_owner_that_one_stays_and_counts() -> None:
    own = resting_stop(1, D(2), D(99))
    world = found(OnStartPosition.ADOPT, own)
    assert world.coin().bracket.stop == D(99)  # type: ignore[union-attr]
    world.account(orders=[own])
    assert not world.placed(Role.STOP)
    assert not world.wished(CancelOrders)


def test_flattened_it_is_closed_at_once_by_an_order_that_only_reduces() -> None:
    world = found(OnStartPosition.FLATTEN)
    (exit_,) = world.placed(Role.EXIT)
    assert (exit_.size, exit_.reduce_only, exit_.side.sign) == (D(2), True, -1)
    assert world.coin().phase is Phase.EXITING


def test_halting_nothing_is_sent_and_the_session_ends_with_the_reason() -> None:
    world = found(OnStartPosition.HALT)
    assert world.state.stopped
    assert "ON_START_POSITION=halt: close it, or choose adopt, ignore or flatten" in world.state.refused
    assert list(wishes(world.decisions, Quit))
    assert not world.wished(PlaceOrders)


@pytest.mark.parametrize("policy", list(OnStartPosition))
def test_a_position_that_is_known_from_an_earlier_run_is_taken_over_whatever_the_policy(
    policy: OnStartPosition,
) -> None:
    before = started()
    position = before.hold()
    account = Account(
        equity=D(10_000),
        free=D(9_000),
        positions=(position,),
        orders=tuple(before.open_orders()),
        time_ms=before.now_ms,
    )
    world = started(
        account=account,
        remembered=[before.coin().remembered()],
        now_ms=before.now_ms,
        on_start_position=policy,
        ready=False,
    )
    assert world.coin().phase is Phase.HOLDING
    assert not world.state.refused
    assert not world.placed(Role.EXIT)


@pytest.mark.parametrize("left", [None, ExitReason.STOP])
@pytest.mark.parametrize("by_us", [False, True])
def test_what_somebody_opened_after_ours_was_closed_is_not_taken_for_ours_nor_closed_by_an_exit_of_ours(
    by_us: bool, left: ExitReason | None
) -> None:
    before = started()
    ours = before.hold()
    record = replace(before.coin().remembered(), exit_reason=left, exit_attempts=1 if left else 0)
    cloid = before.entry().cloid if by_us else None
    fills = (
        before.fill(Side.SELL, ours.size, 97, start_position=ours.size),
        before.fill(Side.BUY, 5, 98, cloid=cloid, start_position=D(0)),
    )
    theirs = Position(coin="BTC", size=D(5), entry_price=D(98))
    account = Account(
        equity=D(10_000), free=D(9_000), positions=(theirs,), fills=fills, time_ms=before.now_ms + 5_000
    )  # fmt: skip
    world = started(account=account, remembered=[record], now_ms=account.time_ms)
    world.run_until(world.now_ms + 5_000)
    assert world.coin().left_alone is not by_us
    booked = [wish.closed for wish in world.wished(BookClosed)]
    assert [(each.size, each.exit_price) for each in booked] == ([] if by_us else [(ours.size, D(97))])
    if not by_us:
        assert not world.wished(PlaceOrders)
