"""The state as the `status` command shows it."""

import pytest

from tests.core.worlds import D, started
from tidegate.core.status import snapshot
from tidegate.model.events import TwapStarted
from tidegate.model.positions import Side
from tidegate.model.settings import EntryStyle


def test_a_flat_bot_shows_its_coins() -> None:
    status = snapshot(started("BTC", "ETH").state)
    assert [(coin.coin, coin.phase, coin.mid) for coin in status.coins] == [
        ("BTC", "ready", D(100)),
        ("ETH", "ready", D(100)),
    ]
    assert status.positions == ()
    assert status.stream_up
    assert status.equity == 10_000


def test_a_position_shows_its_stop_and_when_it_was_last_confirmed() -> None:
    world = started()
    position = world.hold(-1)
    world.trade(99)
    world.book(99, 99)
    (shown,) = snapshot(world.state).positions
    assert shown.size == position.size
    assert shown.profit == -position.size
    assert shown.stop == shown.resting_stop == 103
    assert shown.take_profit == 94
    assert shown.confirmed_ms == world.coin().covered_ms
    assert snapshot(world.state).unrealised == shown.profit


def test_looking_changes_nothing() -> None:
    world = started()
    world.hold()
    before = dict(world.state.coins)
    snapshot(world.state)
    assert world.state.coins == before


def test_an_entry_in_slices_is_shown_with_what_has_filled() -> None:
    world = started(entry=EntryStyle.TWAP, twap_minutes=20)
    wish = world.enter()
    world.tell(TwapStarted(at_ms=world.now_ms, cloid=wish.orders[0].cloid, twap_id=7))
    fill = world.fill(Side.BUY, 3, 100, twap_id=7)
    (shown,) = snapshot(world.state).twaps
    assert (shown.twap_id, shown.side, shown.filled, shown.size) == (7, "buy", fill.size, wish.orders[0].size)
    assert shown.ends_ms - world.now_ms == pytest.approx(20 * 60_000, abs=1_000)
