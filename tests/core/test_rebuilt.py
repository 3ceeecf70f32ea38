"""A memory put together again: brakes are never looser than any that is known, no signal and no name is used twice."""

from hypothesis import given
from hypothesis import strategies as st

from tests.core.worlds import PRICE, T0, TAG, D, resting_stop, started
from tidegate.core.rebuilt import Taken, paused, records, stricter
from tidegate.core.state import Phase
from tidegate.model.brackets import Bracket
from tidegate.model.brakes import Brake, Brakes, Trip
from tidegate.model.events import Account
from tidegate.model.orders import Role, new_cloid
from tidegate.model.positions import Fill, Position, Side
from tidegate.model.records import Remembered
from tidegate.model.settings import Settings
from tidegate.model.signals import Want

SETTINGS = Settings(coins=("BTC",))
LONG = Position(coin="BTC", size=D(2), entry_price=PRICE)
NEVER_MS = T0 + 10**12

trips = st.builds(
    Trip,
    brake=st.sampled_from(Brake),
    reason=st.just("a test"),
    since_ms=st.just(T0),
    until_ms=st.none() | st.integers(T0 - 5, T0 + 5),
)
money = st.none() | st.decimals(1, 1_000, places=2)
brakes = st.builds(
    Brakes,
    trips=st.lists(trips, max_size=4, unique_by=lambda trip: trip.brake).map(tuple),
    day_ms=st.sampled_from((0, 1, 2)),
    day_equity=money,
    peak_equity=money,
    stops=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    closes=st.dictionaries(st.sampled_from(("BTC", "ETH")), st.integers(1, 9)),
    flatten=st.booleans(),
)


@given(st.lists(brakes, max_size=4))
def test_of_all_brakes_that_are_known_the_stricter_win(known: list[Brakes]) -> None:
    merged = stricter(known, T0)
    for each in known:
        for trip in each.trips:
            held = merged.on(trip.brake)
            over = trip.until_ms is not None and trip.until_ms <= T0
            assert over or held is not None
            if held is not None and not over:
                assert (held.until_ms or NEVER_MS) >= (trip.until_ms or NEVER_MS)
        assert each.peak_equity is None or (merged.peak_equity or 0) >= each.peak_equity
        assert merged.day_ms >= each.day_ms
        if each.day_ms == merged.day_ms and each.day_equity is not None:
            assert (merged.day_equity or 0) >= each.day_equity
        assert set(each.stops) <= set(merged.stops)
        assert all(merged.closes[coin] >= at_ms for coin, at_ms in each.closes.items())
        assert merged.flatten or not each.flatten


def test_brakes_that_nobody_knows_are_a_pause_and_a_pause_that_is_known_stays() -> None:
    assert paused(Brakes(), "nobody knows", T0).on(Brake.PAUSED) is not None
    known = paused(Brakes(), "by hand", T0)
    assert paused(known, "nobody knows", T0) == known


def account(**more: object) -> Account:
    return Account(equity=D(10_000), free=D(10_000), time_ms=T0, **more)  # type: ignore[arg-type]


def taken(before: Remembered | None = None, **more: object) -> Taken:
    left = {"BTC": before} if before is not None else {}
    (found,) = records(SETTINGS, TAG, account(**more), left, T0)
    return found


def opening(cloid: str | None) -> Fill:
    return Fill(coin="BTC", side=Side.BUY, price=PRICE, size=D(2), time_ms=T0 - 9_000, tid=1, oid=1, cloid=cloid)


OURS = new_cloid(TAG, "a signal", Role.ENTRY, 1)
STOP = resting_stop(1, D(2), D(95), cloid=new_cloid(TAG, "a signal", Role.STOP, 1))


def test_a_position_that_is_remembered_keeps_its_levels_with_the_size_that_the_exchange_has() -> None:
    before = Remembered(coin="BTC", position=Position(coin="BTC", size=D(3)), bracket=Bracket(direction=1, stop=D(96)))
    found = taken(before, positions=(LONG,))
    assert found.record.bracket == before.bracket
    assert found.record.position is not None
    assert found.record.position.size == 2


def test_a_position_is_known_by_the_orders_that_rest_for_it() -> None:
    found = taken(positions=(LONG,), orders=(STOP,))
    assert "resting orders" in found.source
    world = started(account=account(positions=(LONG,), orders=(STOP,)), remembered=(found.record,))
    assert world.coin().phase is Phase.HOLDING
    assert world.coin().bracket.stop == 95


def test_a_position_without_orders_is_known_by_the_fill_that_opened_it() -> None:
    found = taken(positions=(LONG,), fills=(opening(OURS),))
    world = started(account=account(positions=(LONG,)), remembered=(found.record,))
    assert world.coin().phase is Phase.HOLDING
    assert world.placed(Role.STOP), "it is covered at once"


def test_a_position_that_nothing_shows_to_be_ours_is_left_alone() -> None:
    for fills in ((), (opening(None),), (opening("0x" + "ab" * 16),)):
        found = taken(positions=(LONG,), fills=fills)
        assert "not this bot's" in found.source
        world = started(account=account(positions=(LONG,)), remembered=(found.record,))
        assert world.coin().left_alone


def test_levels_of_the_other_side_do_not_count() -> None:
    before = Remembered(
        coin="BTC", position=Position(coin="BTC", size=D(-1)), bracket=Bracket(direction=-1, stop=D(105))
    )
    assert taken(before, positions=(LONG,)).record.bracket is None


def test_a_position_that_is_gone_is_left_for_the_start_to_book() -> None:
    before = Remembered(coin="BTC", position=LONG, bracket=Bracket(direction=1, stop=D(96)))
    found = taken(before)
    assert found.is_gone
    assert found.record.position == LONG


def test_a_signal_of_a_bar_that_had_closed_is_not_acted_on_again() -> None:
    interval_ms = SETTINGS.timeframe.ms
    found = taken(Remembered(coin="BTC", generation=7))
    assert found.record.acted_open_ms == T0 - interval_ms
    assert found.record.generation > 7
    world = started(remembered=(found.record,))
    refused = world.signal(Want.LONG, candle_open_ms=T0 - interval_ms)
    assert "acted on before" in refused.notes[0].text
    next_bar = world.signal(Want.LONG, candle_open_ms=T0)
    assert all("acted on before" not in note.text for note in next_bar.notes)
