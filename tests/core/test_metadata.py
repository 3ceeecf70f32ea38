"""The exchange's rules are read again while the bot runs, and nothing leaves by older ones."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.worlds import D, World, exits_of, instrument, started, wishes
from tidegate.core import metadata, refusals
from tidegate.core.metadata import Listed, renewed
from tidegate.core.state import Phase
from tidegate.model.events import (
    Faulted,
    LeverageRefused,
    LeverageSet,
    MetadataSeen,
    OrderOpened,
    OrderRejected,
)
from tidegate.model.instruments import Instrument
from tidegate.model.intents import Alert, Decision, FetchMetadata, PlaceOrders, SetLeverage, Urgency
from tidegate.model.orders import OpenOrder, Role
from tidegate.model.positions import Side
from tidegate.model.signals import Want

HOUR_MS = 3_600_000
TICK = "Price must be divisible by tick size. asset=0"


def listed(world: World, *instruments: Instrument) -> Decision:
    """The exchange lists these now."""
    return world.tell(MetadataSeen(at_ms=world.now_ms, instruments=instruments))


def said(decision: Decision) -> str:
    return " | ".join(note.text for note in decision.notes)


def test_the_rules_are_read_every_hour_on_the_slow_lane() -> None:
    world = started("BTC", "ETH")
    asked = list(wishes(world.run_until(world.now_ms + 3 * HOUR_MS + 60_000), FetchMetadata))
    assert [wish.coins for wish in asked] == [("BTC", "ETH")] * 3
    assert {wish.urgency for wish in asked} == {Urgency.READ}


def test_a_read_that_failed_is_tried_again_in_a_minute() -> None:
    world = started()
    world.run_until(world.now_ms + HOUR_MS)
    before = len(world.wished(FetchMetadata))
    world.tell(Faulted(at_ms=world.now_ms, where="metadata", reason="HTTP 502"))
    world.run_until(world.now_ms + 61_000)
    assert len(world.wished(FetchMetadata)) == before + 1


def test_what_is_the_same_is_not_worth_a_word() -> None:
    world = started()
    assert not listed(world, instrument())
    assert not world.state.metadata_changed_ms


def test_what_has_changed_is_told_in_one_line() -> None:
    world = started("BTC", "ETH", "SOL")
    decision = listed(
        world,
        replace(instrument("BTC", size_decimals=4, leverage_max=20), isolated_only=True),
        instrument("ETH", asset=2),
    )
    assert [note.level for note in decision.notes] == ["WARNING"]
    assert said(decision) == (
        "metadata changed: BTC szDecimals 3 -> 4, maxLeverage 40 -> 20, isolated margin only; "
        "ETH asset number 1 -> 2; SOL not listed any more, no more entries"
    )


def test_a_delisted_coin_gets_no_more_entries_until_it_is_listed_again() -> None:
    world = started()
    listed(world, replace(instrument(), delisted=True))
    assert "BTC is delisted" in said(world.signal(Want.LONG))
    assert not world.placed(Role.ENTRY)
    world.now_ms += 600_000
    listed(world, instrument())
    world.mark(100)
    world.book(100, 100)
    world.enter()


def test_a_position_in_a_delisted_coin_is_told_aloud_and_still_closed_at_its_stop() -> None:
    world = started()
    world.hold()
    decision = listed(world, replace(instrument(), delisted=True))
    assert "a position of 33.333 is open" in next(iter(wishes([decision], Alert))).text
    assert exits_of([world.trade(90)])


@pytest.mark.parametrize("words", [TICK, "Order has invalid size.", "Order has invalid price.", "Unknown asset 7"])
def test_a_refusal_that_speaks_of_the_rules_has_them_read_at_once_and_once(words: str) -> None:
    world = started()
    world.hold()
    world.trade(90)
    (_reason, order) = exits_of(world.decisions)[-1]
    rejected = world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason=words))
    (wish,) = wishes([rejected], FetchMetadata)
    assert wish.urgency is Urgency.PROTECTION
    world.run_until(world.now_ms + 1_000)
    again = exits_of(world.decisions)[-1][1]
    assert again.cloid != order.cloid
    assert not list(
        wishes([world.tell(OrderRejected(at_ms=world.now_ms, cloid=again.cloid, reason=words))], FetchMetadata)
    )


def test_an_exit_that_was_refused_is_sent_again_as_soon_as_the_new_rules_are_known() -> None:
    world = started()
    world.hold()
    world.trade(90)
    order = exits_of(world.decisions)[-1][1]
    for _ in range(4):
        world.tell(OrderRejected(at_ms=world.now_ms, cloid=exits_of(world.decisions)[-1][1].cloid, reason=TICK))
        world.run_until(world.now_ms + 5_000)
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=exits_of(world.decisions)[-1][1].cloid, reason=TICK))
    tries = len(exits_of(world.decisions))
    listed(world, instrument(asset=5))
    world.tick()
    assert len(exits_of(world.decisions)) == tries + 1
    assert exits_of(world.decisions)[-1][1].asset == 5
    assert order.asset == 0


def test_a_refused_entry_is_not_sent_again_but_its_coin_is_free_once_the_rules_are_known() -> None:
    world = started()
    wish = world.enter()
    for order in wish.orders[1:]:
        world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason=TICK))
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=wish.orders[0].cloid, reason=TICK))
    assert world.coin().phase is Phase.SUSPENDED
    assert world.coin().why.startswith(refusals.UNUSABLE)
    listed(world, instrument(size_decimals=2))
    assert world.coin().phase is Phase.READY
    world.run_until(world.now_ms + 10_000)
    assert len(world.placed(Role.ENTRY)) == 1


def test_a_lower_maximum_leverage_is_set_anew_while_the_coin_is_flat() -> None:
    world = started(leverage=10)
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=10))
    listed(world, instrument(leverage_max=5))
    world.tick()
    assert world.wished(SetLeverage)[-1].leverage == 5


def test_a_leverage_that_was_set_by_an_old_asset_number_is_set_anew() -> None:
    world = started()
    before = len(world.wished(SetLeverage))
    listed(world, instrument(asset=4))
    world.tick()
    assert [wish.asset for wish in world.wished(SetLeverage)[before:]] == [4]


def test_a_leverage_refused_as_invalid_has_the_rules_read() -> None:
    world = started(ready=False)
    decision = world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason="Invalid leverage value"))
    assert list(wishes([decision], FetchMetadata))


def test_an_order_that_turns_up_in_another_coin_is_an_alert_and_has_the_numbers_read() -> None:
    world = started("BTC", "ETH")
    entry = world.enter().orders[0]
    there = OpenOrder(
        coin="DOGE", oid=7, side=Side.BUY, size=D(1), limit_price=D(1), time_ms=world.now_ms, cloid=entry.cloid
    )
    decision = world.tell(OrderOpened(at_ms=world.now_ms, order=there))
    assert "was meant for BTC and is in DOGE" in next(iter(wishes([decision], Alert))).text
    assert list(wishes([decision], FetchMetadata))


def test_a_fill_of_our_order_in_another_coin_is_an_alert_too() -> None:
    world = started("BTC")
    entry = world.enter().orders[0]
    world.fill(Side.BUY, 1, 1, cloid=entry.cloid, coin="DOGE")
    assert "is in DOGE" in world.wished(Alert)[-1].text
    assert world.wished(FetchMetadata)


def test_asset_numbers_are_looked_up_by_name_at_every_use() -> None:
    world = started("BTC", "ETH")
    view = Listed(world.state)
    assert (len(view), list(view)) == (2, ["BTC", "ETH"])
    listed(world, instrument("BTC", asset=1), instrument("ETH", asset=2))
    assert [view["BTC"].asset, view["ETH"].asset] == [1, 2]
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=3))
    assert world.enter().orders[0].asset == 1


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 300), st.sampled_from([1, -1]))
def test_what_was_planned_by_older_rules_leaves_on_the_new_grid(
    before: int, after: int, asset: int, direction: int
) -> None:
    world = started(instrument(size_decimals=before))
    planned = next(iter(wishes([world.signal(Want.LONG if direction > 0 else Want.SHORT)], PlaceOrders)))
    now = instrument(size_decimals=after, asset=asset)
    listed(world, now)
    sent = renewed(world.state, planned)
    assert isinstance(sent, PlaceOrders)
    assert [order.cloid for order in sent.orders] == [order.cloid for order in planned.orders]
    for old, new in zip(planned.orders, sent.orders, strict=True):
        assert new.asset == asset
        assert now.is_legal_price(new.price)
        assert now.closing_size(new.size) == new.size
        if old.reduce_only:
            assert new.size >= old.size
        else:
            assert new.size <= old.size
            assert (new.price - old.price) * direction <= 0, "an entry never pays more than was planned"


def test_what_was_planned_after_the_change_is_sent_as_it_is() -> None:
    world = started()
    listed(world, instrument(asset=9))
    world.now_ms += 1
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=3))
    wish = world.enter()
    assert renewed(world.state, wish) is wish


def test_nothing_is_renewed_while_the_rules_stand() -> None:
    world = started()
    wish = world.enter()
    assert renewed(world.state, wish) is wish
    cancel = metadata.doubted(world.state, "test").intents[0]
    assert renewed(world.state, cancel) is cancel


def test_a_position_off_the_new_lot_is_closed_entirely() -> None:
    coarse = instrument(size_decimals=1)
    assert coarse.closing_size(Decimal("33.333")) == Decimal("33.4")
    assert coarse.closing_size(Decimal("33.3")) == Decimal("33.3")
