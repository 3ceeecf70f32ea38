"""Reads: each lane by itself, every failure one fact. The clients are fakes; the threads are real."""

import threading
from collections.abc import Callable, Collection, Iterator
from decimal import Decimal
from queue import Empty, SimpleQueue

import pytest
from msgspec.structs import replace

from tidegate.clock import SettableClock
from tidegate.errors import ExchangeError, Refused, Unintelligible, Unreachable
from tidegate.hyperliquid.reads import OrderFate
from tidegate.model.events import (
    Account,
    AccountSeen,
    CandlesFetched,
    Event,
    Faulted,
    FeesSeen,
    Marked,
    MetadataSeen,
    Mid,
    OrderSeen,
    PositionsSeen,
    PricesSeen,
    RequestsSeen,
)
from tidegate.model.fees import Fees
from tidegate.model.instruments import Instrument
from tidegate.model.intents import (
    CheckPrices,
    FetchAccount,
    FetchCandles,
    FetchFees,
    FetchMetadata,
    FetchOrder,
    FetchPositions,
    FetchPrices,
    FetchRequests,
    Urgency,
)
from tidegate.model.market import Candle, Timeframe
from tidegate.reader import QUEUE_MAX, Read, Reader, Reading

D = Decimal
T0 = 1_767_225_600_000
USER = "0x" + "ab" * 20
PATIENCE_S = 20.0

CANDLES = FetchCandles(coin="BTC", timeframe=Timeframe.M5, since_ms=T0 - 600_000)
PRICES = FetchPrices(coins=("BTC",), marks=True)
ACCOUNT = FetchAccount(fills_since_ms=T0 - 60_000, reason="periodic check")
ORDER = FetchOrder(cloid="0x1")
METADATA = FetchMetadata(coins=("BTC", "ETH"), reason="hourly")
FEES = FetchFees()
READS: tuple[Read, ...] = (CANDLES, PRICES, ACCOUNT, ORDER, METADATA, FEES)
BTC = Instrument(coin="BTC", asset=0, size_decimals=5, leverage_max=40)
RATES = Fees(taker=D("0.00045"), maker=D("0.00015"))


class Exchange:
    """A client that answers at once, fails with `failure`, or lets a lane wait until `go_on` is set."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.hanging: frozenset[str] = frozenset()
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.closed = 0
        self.asked: list[str] = []
        self.budget = self
        self.spent = 42
        self.n_requests_used = self.n_requests_cap = 0
        self.listed: dict[str, Instrument] = {"BTC": BTC, "ETH": replace(BTC, coin="ETH", asset=1), "SOL": BTC}
        self.unread: list[str] = []

    def used(self) -> int:
        return self.spent

    def _answer(self, what: str) -> None:
        self.asked.append(what)
        if what in self.hanging:
            self.began.set()
            assert self.go_on.wait(PATIENCE_S)
        if self.failure is not None:
            raise self.failure

    def candles(self, coin: str, timeframe: Timeframe, since_ms: int, until_ms: int) -> tuple[Candle, ...]:
        self._answer("candles")
        return ()

    def mids(self, coins: Collection[str]) -> dict[str, Decimal]:
        self._answer("mids")
        return dict.fromkeys(coins, D(100))

    def marks(self, coins: Collection[str]) -> dict[str, Decimal]:
        self._answer("marks")
        return dict.fromkeys(coins, D(101))

    def account(self, user: str, fills_since_ms: int, flows_since_ms: int | None = None) -> Account:
        self._answer(f"account of {user}")
        return Account(equity=D(1), free=D(1), time_ms=fills_since_ms)

    def with_twaps(self, user: str, account: Account, fills_since_ms: int) -> Account:
        self._answer(f"TWAPs of {user} since {fills_since_ms}")
        return account

    def positions(self, user: str, flows_since_ms: int | None = None) -> Account:
        self._answer(f"positions of {user}")
        return Account(equity=D(1), free=D(1), time_ms=flows_since_ms or 0)

    def requests(self, user: str) -> "Exchange":
        self._answer(f"requests of {user}")
        return self

    def order_status(self, user: str, cloid: str) -> OrderFate:
        self._answer("order")
        return OrderFate(status="filled", oid=7, filled=D(2))

    def instruments(self) -> tuple[dict[str, Instrument], list[str]]:
        self._answer("meta")
        return self.listed, self.unread

    def fees(self, user: str) -> Fees:
        self._answer(f"fees of {user}")
        return RATES

    def close(self) -> None:
        self.closed += 1


class Facts:
    """Where the lanes put what happened."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Event] = SimpleQueue()

    def put(self, event: Event) -> None:
        self._queue.put(event)

    def next(self) -> Event:
        try:
            return self._queue.get(timeout=PATIENCE_S)
        except Empty:
            raise AssertionError("no fact came") from None

    @property
    def empty(self) -> bool:
        return self._queue.empty()


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture
def reader(exchange: Exchange, facts: Facts) -> Iterator[Reader]:
    reader = Reader(lambda: exchange, USER, facts, SettableClock(T0))
    reader.start()
    yield reader
    exchange.go_on.set()
    reader.stop(PATIENCE_S)


def test_every_read_comes_back_as_facts(reader: Reader, facts: Facts) -> None:
    answers: dict[Read, list[Event]] = {
        CANDLES: [CandlesFetched(at_ms=T0, coin="BTC", candles=(), exchange_ms=T0)],
        PRICES: [Mid(at_ms=T0, coin="BTC", price=D(100)), Marked(at_ms=T0, coin="BTC", mark=D(101), time_ms=T0)],
        ACCOUNT: [AccountSeen(at_ms=T0, account=Account(equity=D(1), free=D(1), time_ms=T0 - 60_000), weight_used=42)],
        ORDER: [OrderSeen(at_ms=T0, cloid="0x1", status="filled", oid=7, filled=D(2))],
        METADATA: [MetadataSeen(at_ms=T0, instruments=(BTC, replace(BTC, coin="ETH", asset=1)))],
        FEES: [FeesSeen(at_ms=T0, fees=RATES)],
    }
    for wish in READS:
        assert reader.submit(wish) == []
        assert [facts.next() for _ in answers[wish]] == answers[wish]
    assert facts.empty


def test_the_account_asked_for_is_the_wallets_own(reader: Reader, facts: Facts, exchange: Exchange) -> None:
    reader.submit(ACCOUNT)
    facts.next()
    assert exchange.asked == [f"account of {USER}"]


def test_marks_are_read_only_when_a_stop_watches_them(reader: Reader, facts: Facts, exchange: Exchange) -> None:
    reader.submit(FetchPrices(coins=("BTC",)))
    assert isinstance(facts.next(), Mid)
    assert exchange.asked == ["mids"]


@pytest.mark.parametrize(
    ("hanging", "stuck", "others"),
    [
        ("candles", CANDLES, (PRICES, ACCOUNT, ORDER)),
        (f"account of {USER}", ACCOUNT, (PRICES, CANDLES)),
        ("mids", PRICES, (ACCOUNT, ORDER, CANDLES)),
    ],
)
def test_a_read_that_hangs_delays_no_read_of_another_lane(
    reader: Reader, facts: Facts, exchange: Exchange, hanging: str, stuck: Read, others: tuple[Read, ...]
) -> None:
    exchange.hanging = frozenset({hanging})
    reader.submit(stuck)
    assert exchange.began.wait(PATIENCE_S)
    for wish in others:
        reader.submit(wish)
        facts.next()
        if wish is PRICES:
            facts.next()
    exchange.go_on.set()
    assert facts.next().at_ms == T0, "and the slow one arrives in the end"


FAULTS: dict[Read, Faulted] = {
    CANDLES: Faulted(at_ms=T0, where="candles", reason="no answer", coin="BTC"),
    PRICES: Faulted(at_ms=T0, where="prices", reason="no answer"),
    ACCOUNT: Faulted(at_ms=T0, where="account", reason="periodic check: no answer"),
    ORDER: Faulted(at_ms=T0, where="order", reason="0x1: no answer"),
    METADATA: Faulted(at_ms=T0, where="metadata", reason="no answer"),
    FEES: Faulted(at_ms=T0, where="fees", reason="no answer"),
}


@pytest.mark.parametrize("kind", [Refused, Unintelligible, Unreachable])
@pytest.mark.parametrize("wish", READS, ids=lambda wish: type(wish).__name__)
def test_every_failure_is_one_fact_that_says_whose(
    reader: Reader, facts: Facts, exchange: Exchange, wish: Read, kind: type[ExchangeError]
) -> None:
    exchange.failure = kind("no answer")
    reader.submit(wish)
    assert facts.next() == FAULTS[wish]
    assert facts.empty


@pytest.mark.parametrize("wish", READS, ids=lambda wish: type(wish).__name__)
def test_what_nobody_foresaw_is_a_fact_and_the_lane_lives_on(
    reader: Reader, facts: Facts, exchange: Exchange, wish: Read
) -> None:
    exchange.failure = ZeroDivisionError("surprise")
    reader.submit(wish)
    fault = facts.next()
    assert isinstance(fault, Faulted)
    assert "not foreseen: ZeroDivisionError('surprise')" in fault.reason

    exchange.failure = None
    reader.submit(wish)
    assert not isinstance(facts.next(), Faulted)


def test_mids_are_told_even_when_the_marks_behind_them_cannot_be_read(
    reader: Reader, facts: Facts, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_coins: Collection[str]) -> dict[str, Decimal]:
        raise Unreachable("no answer")

    monkeypatch.setattr(exchange, "marks", refuse)
    reader.submit(PRICES)
    assert facts.next() == Mid(at_ms=T0, coin="BTC", price=D(100))
    assert facts.next() == FAULTS[PRICES]


def test_a_full_lane_says_so_and_the_others_do_not_mind(reader: Reader, facts: Facts, exchange: Exchange) -> None:
    exchange.hanging = frozenset({"candles"})
    reader.submit(CANDLES)
    assert exchange.began.wait(PATIENCE_S)
    others = [replace(CANDLES, coin=f"C{number}") for number in range(QUEUE_MAX + 1)]
    assert [reader.submit(wish) for wish in others[:-1]] == [[]] * QUEUE_MAX
    told = Faulted(at_ms=T0, where="candles", reason="too many reads are waiting", coin=others[-1].coin)
    assert reader.submit(others[-1]) == [told]
    assert reader.submit(ORDER) == []
    assert isinstance(facts.next(), OrderSeen)


def test_a_question_that_waits_is_not_asked_twice(reader: Reader, facts: Facts, exchange: Exchange) -> None:
    exchange.hanging = frozenset({"candles"})
    reader.submit(CANDLES)
    assert exchange.began.wait(PATIENCE_S)
    assert [reader.submit(CANDLES) for _ in range(QUEUE_MAX * 3)] == [[]] * (QUEUE_MAX * 3)


def test_each_lane_has_a_client_of_its_own_and_closes_it(facts: Facts) -> None:
    made: list[Exchange] = []
    names: list[str] = []

    def new_client() -> Exchange:
        names.append(threading.current_thread().name)
        made.append(Exchange())
        return made[-1]

    reader = Reader(new_client, USER, facts, SettableClock(T0))
    reader.start()
    for wish in READS:
        reader.submit(wish)
        facts.next()
    reader.stop(PATIENCE_S)
    assert sorted(names) == ["reader-account", "reader-candles", "reader-prices"]
    assert [client.closed for client in made] == [1, 1, 1]


def test_stopping_waits_no_longer_for_a_read_that_hangs_than_it_was_told(
    reader: Reader, exchange: Exchange, running: Callable[[str], bool]
) -> None:
    exchange.hanging = frozenset({"candles"})
    reader.submit(CANDLES)
    assert exchange.began.wait(PATIENCE_S)
    reader.stop(0.3)
    assert running("reader-candles"), "it was left to its time limit"
    assert not running("reader-prices")
    exchange.go_on.set()


@pytest.fixture
def running() -> Callable[[str], bool]:
    return lambda name: any(thread.name == name for thread in threading.enumerate())


def test_rules_that_an_order_was_refused_by_do_not_wait_behind_candles(
    reader: Reader, facts: Facts, exchange: Exchange
) -> None:
    exchange.hanging = frozenset({"candles"})
    reader.submit(CANDLES)
    assert exchange.began.wait(PATIENCE_S)
    reader.submit(METADATA)
    reader.submit(replace(METADATA, urgency=Urgency.PROTECTION))
    assert isinstance(facts.next(), MetadataSeen)
    assert facts.empty, "the hourly one waits"
    exchange.go_on.set()


def test_a_coin_that_is_not_listed_any_more_is_missing_in_the_fact(
    reader: Reader, facts: Facts, exchange: Exchange
) -> None:
    del exchange.listed["ETH"]
    reader.submit(METADATA)
    assert facts.next() == MetadataSeen(at_ms=T0, instruments=(BTC,))


@pytest.mark.parametrize(
    ("listed", "unread"),
    [({}, []), ({"SOL": BTC}, []), ({"BTC": BTC}, ["perp 1: szDecimals missing"])],
)
def test_an_answer_that_may_have_lost_our_coins_delists_nothing(
    reader: Reader, facts: Facts, exchange: Exchange, listed: dict[str, Instrument], unread: list[str]
) -> None:
    exchange.listed, exchange.unread = listed, unread
    reader.submit(METADATA)
    fault = facts.next()
    assert isinstance(fault, Faulted)
    assert fault.reason.startswith("not believed: ")


def test_a_row_of_somebody_elses_coin_that_makes_no_sense_holds_up_nothing(
    reader: Reader, facts: Facts, exchange: Exchange
) -> None:
    exchange.unread = ["perp 99: maxLeverage missing"]
    reader.submit(METADATA)
    assert isinstance(facts.next(), MetadataSeen)


# what is stored need not be asked for


def bars(first: int, count: int) -> tuple[Candle, ...]:
    """Five-minute candles, the first of them so many before T0."""
    opens = (T0 + (number - first) * 300_000 for number in range(count))
    return tuple(Candle(at, at + 299_999, D(1), D(1), D(1), D(1), D(1), 1) for at in opens)


@pytest.mark.parametrize(
    ("kept", "asked_from"),
    [
        (bars(10, 10), None),
        (bars(10, 7), T0 - 3 * 300_000),
        (bars(8, 8), T0 - 10 * 300_000),
        ((*bars(10, 4), *bars(5, 5)), T0 - 10 * 300_000),
        ((), T0 - 10 * 300_000),
    ],
    ids=["nothing lacks", "the last ones lack", "the first ones lack", "a hole", "nothing there"],
)
def test_a_start_asks_only_for_the_candles_that_the_store_lacks(
    facts: Facts, kept: tuple[Candle, ...], asked_from: int | None
) -> None:
    asked: list[int] = []

    class Seen(Exchange):
        def candles(self, coin: str, timeframe: Timeframe, since_ms: int, until_ms: int) -> tuple[Candle, ...]:
            asked.append(since_ms)
            return tuple(row for row in bars(10, 10) if row.open_ms >= since_ms)

    reader = Reader(Seen, USER, facts, SettableClock(T0), stored=lambda *_: kept)
    reader.start()
    wish = replace(CANDLES, since_ms=T0 - 10 * 300_000)
    reader.submit(wish)
    first = facts.next()
    assert isinstance(first, CandlesFetched)
    assert first.candles == bars(10, 10)
    assert asked == ([] if asked_from is None else [asked_from])
    assert first.stored_ms == (asked_from or T0 if asked_from != wish.since_ms else 0)
    reader.submit(wish)
    facts.next()
    assert asked[-1] == wish.since_ms, "the store is asked once a coin; afterwards REST has the word"
    reader.stop(PATIENCE_S)


def test_checks_and_counts_come_back_as_facts(reader: Reader, facts: Facts, exchange: Exchange) -> None:
    exchange.n_requests_used, exchange.n_requests_cap = 7, 10_000
    reader.submit(CheckPrices(coins=("BTC",)))
    assert facts.next() == PricesSeen(at_ms=T0, mids={"BTC": D(100)})
    reader.submit(FetchPositions(flows_since_ms=5))
    seen = facts.next()
    assert isinstance(seen, PositionsSeen)
    assert seen.weight_used == 42
    reader.submit(FetchRequests())
    assert facts.next() == RequestsSeen(at_ms=T0, used=7, most=10_000)


class SlowExchange(Exchange):
    """Its answer about the time is on its way for so many seconds, one after the other."""

    def __init__(self, clock: SettableClock, takes_s: list[float], off_ms: int) -> None:
        super().__init__()
        self._clock, self._takes_s, self._off_ms = clock, takes_s, off_ms

    def exchange_ms(self) -> int:
        told_ms = self._clock.now_ms() + self._off_ms
        self._clock.advance_to(self._clock.now_ms() + int(self._takes_s.pop(0) * 1000))
        return told_ms


@pytest.mark.parametrize(("takes_s", "looks"), [([20, 0.1], [5_000]), ([20, 20, 0.1], [5_000]), ([20, 20, 20], [])])
def test_the_clock_is_not_set_by_an_answer_that_was_long_on_its_way(takes_s: list[float], looks: list[int]) -> None:
    clock, drifts = SettableClock(T0), []

    def observe(exchange_ms: int) -> int:
        drifts.append(round(exchange_ms - clock.now_ms(), -3))
        return drifts[-1]

    facts = list(Reading(USER, clock, observe).facts(SlowExchange(clock, takes_s, 5_000), ACCOUNT))
    assert drifts == looks
    assert [fact.off_ms for fact in facts if isinstance(fact, Faulted)] == looks
