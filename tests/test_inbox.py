"""The inbox: however far behind the main thread is, no extreme is lost and nothing changes places."""

import signal
import threading
import tracemalloc
from bisect import bisect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidegate.inbox import (
    BATCH_MAX,
    CALM_MAX,
    CONFLATE_ABOVE,
    FACTS_MAX,
    TOGETHER_BELOW,
    ConflatingInbox,
    Price,
    high_of,
    low_of,
)
from tidegate.model.events import (
    AccountMissed,
    BookChanged,
    CandleChanged,
    Command,
    Event,
    Faulted,
    FundingPaid,
    Marked,
    Tick,
    Trade,
)
from tidegate.model.market import Candle

LAWS = settings(max_examples=200, deadline=None)
D = Decimal
KINDS = (Trade, BookChanged, Marked)
THREAD_TIMEOUT_S = 30.0


class Clock:
    """A clock that stands still; `wait_s` is what it answers whoever asks how long to wait."""

    def __init__(self, wait_s: float = 0.0) -> None:
        self.wait_s = wait_s

    def now_ms(self) -> int:
        return 1_000

    def seconds_until(self, at_ms: int) -> float:
        return self.wait_s


# what is put: each fact is told apart by `at_ms`, whoever puts it

coins = st.sampled_from(["BTC", "ETH"])
numbers = st.integers(90, 110)
sides = st.none() | numbers


def price_of(kind: int, coin: str, one: int | None, other: int | None) -> Price:
    """A price of one of the three kinds."""
    known = [D(each) for each in (one, other) if each is not None] or [D(100)]
    if kind == 0:
        return Trade(at_ms=0, coin=coin, price=known[0], low=min(known), high=max(known), time_ms=0, count=len(known))
    if kind == 1:
        bid, ask = (D(each) if each is not None else None for each in (one, other))
        return BookChanged(at_ms=0, coin=coin, bid=bid, ask=ask, time_ms=0)
    return Marked(at_ms=0, coin=coin, mark=known[0], time_ms=0)


prices = st.builds(price_of, st.integers(0, 2), coins, sides, sides)
others: st.SearchStrategy[Event] = st.sampled_from(
    [
        FundingPaid(at_ms=0, coin="BTC", usd=D(1), time_ms=0),
        Faulted(at_ms=0, where="account", reason="it broke"),
        Command(at_ms=0, name="stop"),
    ]
)
bursts = st.lists(prices, max_size=60) | st.lists(prices | others, max_size=20) | st.lists(others, max_size=3)
"""Between two bursts the consumer may take what there is (True)."""
stories = st.lists(st.tuples(bursts, st.booleans()), max_size=12)


def numbered(events: list[Event]) -> list[Event]:
    """The same facts, each with its number as its time."""
    return [replace(event, at_ms=number) for number, event in enumerate(events, 1)]


def full(clock: Clock | None = None) -> ConflatingInbox:
    """An inbox with so much in it that the next price is conflated."""
    inbox = ConflatingInbox(clock or Clock())
    for _fact in range(CONFLATE_ABOVE):
        inbox.put(FundingPaid(at_ms=-1, coin="BTC", usd=D(0), time_ms=0))
    return inbox


def emptied(inbox: ConflatingInbox) -> list[Event]:
    """Everything that waits, without what filled it."""
    taken: list[Event] = []
    while batch := inbox.take(0):
        taken += batch
    return [event for event in taken if event.at_ms >= 0]


def hold(put: list[Event], taken: list[Event]) -> None:
    """What must be so of facts that one thread put and that were taken at one go, or in any pieces."""
    by_number = {event.at_ms: event for event in put}
    for some in [[event for event in taken if lane_of(event) == lane] for lane in {lane_of(event) for event in taken}]:
        arrivals = [event.at_ms for event in some]
        assert arrivals == sorted(set(arrivals)), "within a coin, and among other facts, in the order of arrival"
    assert [event for event in taken if not isinstance(event, KINDS)] == [
        event for event in put if not isinstance(event, KINDS)
    ], "facts other than prices all come out, as they are"
    for event in taken:
        original = by_number[event.at_ms]
        assert event == original or replace(event, count=original.count) == original, "nothing is made up"  # type: ignore[arg-type, union-attr, call-arg]


def lane_of(event: Event) -> str | None:
    """The coin of a price, None for other facts."""
    return event.coin if isinstance(event, KINDS) else None


def hold_stretch(put: list[Price], taken: list[Price]) -> None:
    """What must be so of the prices of one kind and coin between two hand-overs, or two other facts."""
    assert taken[-1].at_ms == put[-1].at_ms, "the last one is the last"
    assert min(map(low_of, taken)) == min(map(low_of, put))
    assert max(map(high_of, taken)) == max(map(high_of, put))
    assert sum(each.count for each in put if isinstance(each, Trade)) == sum(
        each.count for each in taken if isinstance(each, Trade)
    )


def stretches(put: list[Event], events: list[Event]) -> Iterator[tuple[int, type, str, list[Price]]]:
    """The prices heard between any two other facts, by kind and coin: (which stretch, kind, coin, prices)."""
    numbers = [event.at_ms for event in put if not isinstance(event, KINDS)]
    some: dict[tuple[int, type, str], list[Price]] = {}
    for event in events:
        if isinstance(event, KINDS):
            some.setdefault((bisect(numbers, event.at_ms), type(event), event.coin), []).append(event)
    for (number, kind, coin), prices in sorted(some.items(), key=str):
        yield number, kind, coin, prices


def hold_all(put: list[Event], taken: list[Event]) -> None:
    """All laws, for facts that were put and taken by turns."""
    hold(put, taken)
    assert [each[:3] for each in stretches(put, put)] == [each[:3] for each in stretches(put, taken)]
    for before, after in zip(stretches(put, put), stretches(put, taken), strict=True):
        hold_stretch(before[3], after[3])


# the laws


def put_by_turns(inbox: ConflatingInbox, events: list[Event], *, at_once: bool) -> None:
    """One after the other, or as one."""
    if at_once:
        inbox.put_all(events)
    else:
        for event in events:
            inbox.put(event)


@LAWS
@given(stories, st.booleans())
def test_extremes_and_last_prices_come_out_in_order_and_never_across_another_fact(
    story: list[tuple[list[Event], bool]], at_once: bool
) -> None:
    facts = numbered([event for burst, _taken in story for event in burst])
    inbox, begin, end, taken = full(), 0, 0, []
    for burst, pause in story:
        begin, end = end, end + len(burst)
        put_by_turns(inbox, facts[begin:end], at_once=at_once)
        if pause:
            taken += emptied(inbox)
            inbox = full()
    taken += emptied(inbox)
    hold_all(facts, taken)


@LAWS
@given(st.lists(prices | others, max_size=CONFLATE_ABOVE), st.booleans())
def test_as_long_as_little_waits_everything_comes_out_as_it_was_put(events: list[Event], at_once: bool) -> None:
    inbox, facts = ConflatingInbox(Clock()), numbered(events)
    put_by_turns(inbox, facts, at_once=at_once)
    taken = emptied(inbox)
    hold(facts, taken)
    assert sorted(taken, key=lambda event: event.at_ms) == facts
    assert taken == facts or len(facts) > CALM_MAX
    assert inbox.conflated == 0


@given(st.lists(prices, min_size=1, max_size=300))
def test_what_was_conflated_is_counted(events: list[Price]) -> None:
    inbox = full()
    for event in events:
        inbox.put(event)
    assert inbox.conflated == len(events) - len({(type(event), event.coin) for event in events})


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(prices | others, min_size=1, max_size=120), min_size=2, max_size=4),
    st.lists(st.integers(1, 400), max_size=20),
)
def test_of_what_any_number_of_threads_put_the_extremes_and_the_last_come_out_and_each_threads_order_stays(
    threads: list[list[Event]], pauses: list[int]
) -> None:
    """Each thread has coins of its own, so that its order can be told; the consumer takes after so many facts."""
    inbox = full()
    told = [
        [own_of(event, str(who), number) for number, event in enumerate(facts * 5, 1)]
        for who, facts in enumerate(threads)
    ]
    done, seen = threading.Semaphore(0), threading.Semaphore(0)

    def put_all(facts: list[Event]) -> None:
        for event in facts:
            inbox.put(event)
            seen.release()
        done.release()

    workers = [threading.Thread(target=put_all, args=(facts,), daemon=True) for facts in told]
    for worker in workers:
        worker.start()
    taken: list[Event] = []
    for facts_heard in pauses:
        for _fact in range(facts_heard):
            if not seen.acquire(timeout=0.001):
                break
        taken += [event for event in inbox.take(0) if event.at_ms >= 0]
    for worker in workers:
        assert done.acquire(timeout=THREAD_TIMEOUT_S)
        worker.join(THREAD_TIMEOUT_S)
    taken += emptied(inbox)
    for who, facts in enumerate(told):
        mine = [event for event in taken if whose(event) == str(who)]
        hold_all([plain(event) for event in facts], [plain(event) for event in mine])


def own_of(event: Event, who: str, number: int) -> Event:
    """The fact as one that this thread puts: its coin, or its words, say whose it is."""
    if isinstance(event, (*KINDS, FundingPaid)):
        return replace(event, at_ms=number, coin=f"{event.coin}/{who}")
    return replace(event, at_ms=number, reason=f"/{who}")


def whose(event: Event) -> str:
    """Which thread put a fact."""
    return (event.coin if isinstance(event, (*KINDS, FundingPaid)) else getattr(event, "reason", "")).split("/")[1]


def plain(event: Event) -> Event:
    """The fact without whose it is."""
    if isinstance(event, (*KINDS, FundingPaid)):
        return replace(event, coin=event.coin.split("/")[0])
    return replace(event, reason="")


# limits


def test_memory_is_bounded_however_many_prices_come() -> None:
    inbox = full()
    for number in range(50_000):
        inbox.put(price_of(number % 3, "BTC" if number % 2 else "ETH", number % 997, None))
    assert len(emptied(inbox)) <= 3 * 2 * len(KINDS)


def test_prices_between_other_facts_take_at_most_three_places_a_kind_and_coin() -> None:
    inbox = full()
    for _fact in range(10):
        for number in range(1_000):
            inbox.put(price_of(0, "BTC", number * 7 % 1_009, None))
        inbox.put(Faulted(at_ms=0, where="account", reason="it broke"))
    assert len(emptied(inbox)) <= 10 * (3 + 1)


def test_so_many_facts_are_handed_over_at_once_and_no_more() -> None:
    inbox = ConflatingInbox(Clock())
    for _fact in range(BATCH_MAX + 1):
        inbox.put(Faulted(at_ms=0, where="account", reason="it broke"))
    assert len(inbox.take(0)) == BATCH_MAX
    assert len(inbox.take(0)) == 1


def test_a_price_after_the_backlog_is_gone_is_not_conflated() -> None:
    inbox = full()
    inbox.put(price_of(0, "BTC", 100, None))
    emptied(inbox)
    for number in (101, 102, 103):
        inbox.put(price_of(0, "BTC", number, None))
    assert [event.price for event in emptied(inbox) if isinstance(event, Trade)] == [101, 102, 103]


def test_a_book_counts_by_the_side_that_a_level_is_held_against() -> None:
    inbox = full()
    books = [(99, 101), (98, 100), (None, None), (103, 106), (97, 102), (100, 101)]
    for bid, ask in books:
        inbox.put(price_of(1, "BTC", bid, ask))
    kept = [(event.bid, event.ask) for event in emptied(inbox) if isinstance(event, BookChanged)]
    assert kept == [(98, 100), (103, 106), (100, 101)]


# rank


def piled_up(*coins: str) -> ConflatingInbox:
    """An inbox in which prices of these coins wait, each coin's after the other's, and a fact behind them all."""
    inbox = full()
    for number in range(100):
        for coin in coins:
            inbox.put(price_of(0, coin, 100 + number, None))
    inbox.put(Faulted(at_ms=1, where="account", reason="it broke"))
    return inbox


def test_facts_come_before_prices_and_prices_of_coins_with_a_position_before_those_of_others() -> None:
    inbox = piled_up("BTC", "ETH", "SOL")
    inbox.hold(["ETH"])
    taken = emptied(inbox)
    assert [lane_of(event) for event in taken] == [None, "ETH", "ETH", "BTC", "SOL", "BTC", "SOL"]


def test_what_was_sorted_out_for_later_waits_for_no_new_fact_and_comes_behind_more_urgent_ones() -> None:
    inbox = piled_up(*(f"C{number}" for number in range(400)))
    inbox.hold(["HELD"])
    first = inbox.take(until_ms=10_000)
    inbox.put(price_of(0, "HELD", 100, None))
    second = inbox.take(until_ms=10_000)
    third = inbox.take(until_ms=10_000)
    assert len(first) + len(second) + len(third) == CONFLATE_ABOVE + 2 * 400 + 1 + 1
    assert [type(event) for event in second[:2]] == [Faulted, Trade]
    assert lane_of(second[1]) == "HELD"


def test_a_coin_that_gets_a_position_is_brought_forward_with_what_waits_of_it() -> None:
    inbox = piled_up(*(f"C{number}" for number in range(400)))
    inbox.take(until_ms=0)
    inbox.hold(["C399"])
    assert [lane_of(event) for event in inbox.take(until_ms=0)[:3]] == [None, "C399", "C399"]


def candle(open_ms: int, trades: int, coin: str = "BTC") -> CandleChanged:
    """A view of a candle."""
    four = {"open": D(1), "high": D(1), "low": D(1), "close": D(1)}
    row = Candle(open_ms=open_ms, close_ms=open_ms + 59_999, volume=D(1), trades=trades, **four)
    return CandleChanged(at_ms=1, coin=coin, candle=row)


def test_of_the_views_of_a_candle_the_newest_is_kept_and_of_every_candle_one() -> None:
    inbox = full()
    for open_ms in (0, 60_000, 120_000):
        for trades in (1, 2, 5, 4):
            inbox.put(candle(open_ms, trades))
    views = [(event.candle.open_ms, event.candle.trades) for event in emptied(inbox) if type(event) is CandleChanged]
    assert views == [(0, 5), (60_000, 5), (120_000, 5)]


def test_of_more_facts_than_can_wait_the_rest_is_left_to_a_look_at_the_account_which_is_asked_for_once() -> None:
    inbox = ConflatingInbox(Clock())
    for _fact in range(FACTS_MAX + 500):
        inbox.put(FundingPaid(at_ms=0, coin="BTC", usd=D(1), time_ms=0))
    taken = emptied(inbox)
    assert sum(isinstance(event, AccountMissed) for event in taken) == 1
    assert len(taken) == FACTS_MAX + 1


def test_a_burst_with_the_consumer_asleep_takes_little_memory_and_its_crossing_is_the_first_thing_heard() -> None:
    inbox = ConflatingInbox(Clock())
    inbox.hold(["C7"])
    kinds = 4
    tracemalloc.start()
    try:
        for number in range(50_000):
            coin = f"C{number // kinds % 50}"
            if number % kinds == 3:
                inbox.put(candle(number // 5_000 * 60_000, number, coin))
            else:
                price = 1 if number == 30_028 else 100 + number % 997
                inbox.put(price_of(number % kinds, coin, price, price + 1))
        held_bytes, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < 20 * 2**20
    first = inbox.take(until_ms=0)
    assert min(low_of(event) for event in first if isinstance(event, Trade) and event.coin == "C7") == 1
    ranks = [getattr(event, "coin", None) == "C7" for event in first]
    assert ranks == sorted(ranks, reverse=True)


# waiting


def test_nothing_waiting_is_a_tick_at_the_time_that_was_asked_for_or_nothing_at_all() -> None:
    inbox = ConflatingInbox(Clock(wait_s=0.001))
    assert inbox.take(until_ms=2_000) == [Tick(at_ms=1_000)]
    assert inbox.take(until_ms=0) == []


def test_a_fact_ends_the_waiting() -> None:
    inbox = ConflatingInbox(Clock(wait_s=THREAD_TIMEOUT_S))
    fact = Faulted(at_ms=5, where="account", reason="it broke")
    threading.Timer(0.01, inbox.put, (fact,)).start()
    assert inbox.take(until_ms=2_000) == [fact]


# a signal handler


@contextmanager
def on_signal(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle SIGUSR1 for a while."""
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")
def test_a_command_put_by_a_signal_handler_does_not_wait_for_the_lock_that_its_own_thread_holds() -> None:
    inbox = full()
    inbox.put(price_of(0, "BTC", 100, None))
    command = Command(at_ms=7, name="stop")
    done = threading.Event()

    def handle(_signum: int, _frame: FrameType | None) -> None:
        inbox.put(command)
        done.set()

    with on_signal(handle), inbox._lock:
        signal.raise_signal(signal.SIGUSR1)
        assert done.wait(THREAD_TIMEOUT_S)
    inbox.put(price_of(0, "BTC", 101, None))
    assert [type(event) for event in emptied(inbox)] == [Command, Trade, Trade]


def test_bundles_do_not_pile_up_whoever_slept_wakes_to_few_facts_and_soon_to_the_crossing():
    """What comes with one read of a socket is a hundred facts: a queue of such bundles would hide how many wait."""
    inbox = ConflatingInbox(Clock())
    inbox.hold({"BTC"})
    bundle = [price_of(0, coin, 100, 100) for coin in ["BTC", *(f"C{number}" for number in range(99))]]
    for _read in range(500):
        inbox.put_all(bundle)
        if _read == 250:
            inbox.put_all([price_of(0, "BTC", 91, 91), *bundle])
    taken: list[Event] = []
    while batch := inbox.take(0):
        taken += batch
    crossing = next(place for place, event in enumerate(taken) if isinstance(event, Trade) and event.low == D(91))
    assert crossing < 2 * BATCH_MAX
    assert len(taken) <= TOGETHER_BELOW * len(bundle) + CONFLATE_ABOVE + 3 * len(bundle)
    assert sum(event.count for event in taken if isinstance(event, Trade)) == 2 * (501 * len(bundle) + 1)
