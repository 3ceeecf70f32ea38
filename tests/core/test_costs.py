"""What trading costs is expected before an entry, counted in its size, and recorded with every fill."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.core.worlds import D, World, exits_of, instrument, started, wishes
from tidegate.core import costs, sizing
from tidegate.model.brakes import Brake
from tidegate.model.events import Account, Faulted, FeesSeen
from tidegate.model.fees import Fees, RoundTrip
from tidegate.model.intents import BookClosed, FetchFees, Recap
from tidegate.model.orders import Role
from tidegate.model.positions import Position, Side
from tidegate.model.settings import EntryStyle, Settings
from tidegate.model.signals import Want

DAY_MS = 86_400_000
BASE = Fees(taker=D("0.00045"), maker=D("0.00015"))


def with_fees(world: World, fees: Fees = BASE) -> World:
    """The exchange has told its rates."""
    world.tell(FeesSeen(at_ms=world.now_ms, fees=fees))
    return world


def test_the_rates_are_read_once_a_day_and_told_when_they_change() -> None:
    world = with_fees(started())
    assert world.decisions[-1].notes[0].text == "fees: 0.04500 % as a taker, 0.01500 % as a maker"
    assert not world.tell(FeesSeen(at_ms=world.now_ms, fees=BASE))
    assert len(list(wishes(world.run_until(world.now_ms + 2 * DAY_MS + 60_000), FetchFees))) == 2


def test_rates_that_could_not_be_read_are_asked_for_again_in_a_minute() -> None:
    world = started()
    world.tell(Faulted(at_ms=world.now_ms, where="fees", reason="HTTP 502"))
    assert len(list(wishes(world.run_until(world.now_ms + 61_000), FetchFees))) == 1


def test_the_expected_cost_of_the_round_trip_is_said_with_the_decision() -> None:
    world = with_fees(started())
    world.book("99.99", "100.01")
    text = world.signal(Want.LONG).notes[0].text
    entry = world.entry()
    assert f"expected cost of the round trip {entry.size * 100 * D('0.0011'):.2f} USD (0.110 %)" in text


def test_a_maker_entry_is_expected_to_pay_the_makers_rate_and_half_the_spread() -> None:
    world = with_fees(started(entry=EntryStyle.MAKER))
    world.book("99.99", "100.01")
    whole = costs.round_trip(world.state, world.coin())
    assert whole == RoundTrip(entry=D("0.00015"), exit=D("0.00045"), spread=D("0.0001"))


def test_without_rates_nothing_is_expected_and_that_is_said() -> None:
    world = started()
    assert costs.round_trip(world.state, world.coin()) is None
    assert "cost unknown" in world.signal(Want.LONG).notes[0].text


@given(
    st.decimals("90", "99.5", places=2),
    st.decimals("-0.0001", "0.001", places=5),
    st.decimals("0", "0.001", places=5),
    st.decimals("0", "0.002", places=5),
)
def test_what_the_stop_costs_with_fees_and_spread_stays_within_the_risk(
    stop: Decimal, entry: Decimal, exit_: Decimal, spread: Decimal
) -> None:
    settings = Settings(max_position_usd=D(10**9), leverage=50)
    sized = sizing.by_risk(
        settings,
        instrument(size_decimals=5),
        equity=D(10_000),
        free=D(10_000),
        price=D(100),
        limit=D(100),
        stop=stop,
        fraction=D(1),
        costs=RoundTrip(entry=entry, exit=exit_, spread=spread),
    )
    assert not isinstance(sized, str)
    lost = sized.size * (100 - stop + 100 * (entry + spread) + stop * exit_)
    assert lost <= 100
    assert sized.bounded_by != "RISK_PER_TRADE_PCT" or lost > 99


def test_the_fees_of_closing_what_is_open_count_as_lost_for_the_day() -> None:
    world = with_fees(started(max_daily_loss_pct=D(1)), Fees(taker=D("0.01"), maker=D(0)))
    world.hold()
    closing = costs.closing(world.state)
    assert closing == world.coin().position.size * 100 * D("0.01")
    assert not world.state.brakes.trips
    world.now_ms += 3_000
    world.account(equity=D(9_900) + closing + 1)
    assert not world.state.brakes.trips
    world.now_ms += 3_000
    world.account(equity=D(9_900) + closing - 1)
    assert [trip.brake for trip in world.state.brakes.trips] == [Brake.DAILY_LOSS]


def test_what_an_entry_slips_is_counted_from_the_middle_at_its_decision() -> None:
    world = with_fees(started())
    world.book("99.9", "100.1")
    wish = world.enter()
    for request in wish.orders:
        world.accept(request)
    entry = wish.orders[0]
    world.book("101", "101.2")
    world.fill(entry.side, entry.size, "100.2", cloid=entry.cloid)
    assert world.coin().entry_slippage is not None
    assert world.coin().entry_slippage.usd == entry.size * D("0.2")
    assert "(+0.2000 %)" in world.decisions[-1].notes[0].text


def test_the_recap_tells_what_entry_and_exit_slipped() -> None:
    world = started()
    world.hold()
    world.trade(90)
    order = exits_of(world.decisions)[-1][1]
    decided = world.state.decided[order.cloid]
    world.close(order, decided - 1)
    recap = world.wished(Recap)[-1]
    assert recap.exit_slippage is not None
    assert recap.exit_slippage.usd == order.size
    assert recap.entry_slippage is not None
    assert recap.entry_slippage.usd == 0


def test_a_finished_position_is_booked_with_all_that_its_fills_slipped() -> None:
    world = started()
    world.hold()
    world.trade(90)
    order = exits_of(world.decisions)[-1][1]
    world.close(order, world.state.decided[order.cloid] - 1)
    closed = world.wished(BookClosed)[-1].closed
    assert closed.slippage == order.size
    assert any("of slippage" in note.text for decision in world.decisions for note in decision.notes)


def test_what_the_entry_slipped_is_still_known_after_a_restart() -> None:
    world = started()
    wish = world.enter()
    for request in wish.orders:
        world.accept(request)
    entry = wish.orders[0]
    decided = world.state.decided[entry.cloid]
    world.fill(entry.side, entry.size, decided + 1, cloid=entry.cloid)
    record = world.coin().remembered()
    account = Account(
        equity=D(10_000),
        free=D(10_000),
        positions=(Position(coin="BTC", size=entry.size, entry_price=decided + 1),),
        orders=tuple(world.open_orders()),
        time_ms=world.now_ms + 5_000,
    )
    again = started(remembered=[record], account=account, now_ms=account.time_ms, ready=False)
    assert again.coin().entry_slippage == record.entry_slippage
    assert record.entry_slippage is not None
    assert record.entry_slippage.usd == entry.size


def test_a_resting_stop_slips_from_its_own_level() -> None:
    world = started()
    world.hold()
    stop = world.placed(Role.STOP)[-1]
    world.fill(Side.SELL, stop.size, "96.5", cloid=stop.cloid)
    recap = world.wished(Recap)[-1]
    assert recap.exit_slippage is not None
    assert recap.exit_slippage.usd == stop.size * D("0.5")


def test_a_fill_of_an_order_that_nobody_here_decided_on_has_no_slippage() -> None:
    world = started()
    position = world.hold()
    world.fill(Side.SELL, position.size, 95)
    assert world.coin().exit_slippage is None
