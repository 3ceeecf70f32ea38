"""The reader: serves read wishes on threads of its own, so that no read ever delays an exit.

Each lane has its own client and queue: prices never wait behind the account, neither waits behind candles. Sees
nothing of the bot's state, writes nothing to the exchange; what comes back, and what fails, is put as a fact.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tidegate.errors import ExchangeError
from tidegate.model.events import (
    AccountSeen,
    BlockSeen,
    CandlesFetched,
    CoinNotFound,
    Event,
    Faulted,
    FeesSeen,
    Marked,
    MetadataSeen,
    Mid,
    PositionsSeen,
    PricesSeen,
    RequestsSeen,
)
from tidegate.model.intents import (
    CheckPrices,
    FetchAccount,
    FetchBlock,
    FetchCandles,
    FetchFees,
    FetchMetadata,
    FetchOrder,
    FetchPositions,
    FetchPrices,
    FetchRequests,
    FindCoin,
    Read,
    Urgency,
)
from tidegate.model.market import Candle, Timeframe
from tidegate.ports import Clock, Facts
from tidegate.readable import Client

QUEUE_MAX = 1_000
"""More waiting reads than this in a lane are refused as failed; they come due again."""
CLOCK_TRIES = 3
ANSWER_AGE_MAX_S = 1.0
"""An answer that took longer is not one to set a clock by: this process may have been suspended meanwhile."""

Stored = Callable[[str, Timeframe, int], tuple[Candle, ...]]
"""The candles of a coin that an earlier run stored, from an open time on, ascending."""
Find = Callable[[Any, FindCoin], Event]
"""Asks the lane's own client whether a coin is listed and may be traded; may raise ExchangeError."""

LANES: dict[str, tuple[type[Read], ...]] = {
    "prices": (FetchPrices, CheckPrices),
    "account": (FetchAccount, FetchPositions, FetchOrder, FetchBlock),
    "candles": (FetchCandles, FetchMetadata, FetchFees, FetchRequests, FindCoin),
}


class Reader:
    """Three lanes of reads: prices, the account and its orders, candles. `user` is the account's own address."""

    def __init__(
        self,
        new_client: Callable[[], Client],
        user: str,
        facts: Facts,
        clock: Clock,
        observe: Callable[[int], int] | None = None,
        stored: Stored | None = None,
        find: Find | None = None,
    ) -> None:
        self._facts = facts
        self._reading = Reading(user, clock, observe, stored, find)
        self._lanes: dict[type[Read], Lane] = {}
        for name, kinds in LANES.items():
            lane = Lane(f"reader-{name}", new_client, self._serve)
            self._lanes |= dict.fromkeys(kinds, lane)

    def start(self) -> None:
        """Start the threads."""
        for lane in self._distinct():
            lane.start()

    def submit(self, wish: Read) -> list[Event]:
        """Queue a read; the answer arrives in the inbox. A full lane answers at once that it failed."""
        if self._lanes[_lane_of(wish)].submit(wish):
            return []
        return [self._reading.failed(wish, "too many reads are waiting")]

    def forget(self, coins: Iterable[str]) -> None:
        """These coins are gone: should one come back, what is stored of it is looked at again."""
        self._reading.forget(coins)

    def stop(self, timeout_s: float) -> None:
        """End the threads; a read in progress is left to its time limit."""
        for lane in self._distinct():
            lane.stop(timeout_s / len(LANES))

    def _distinct(self) -> list["Lane"]:
        return list(dict.fromkeys(self._lanes.values()))

    def _serve(self, client: Client, wish: Read) -> None:
        try:
            for event in self._reading.facts(client, wish):
                self._facts.put(event)
        except Exception as error:  # noqa: BLE001 (the top of a thread that must live: it becomes a fact)
            self._facts.put(self._reading.failed(wish, f"not foreseen: {error!r}"))


class Reading:
    """How one read wish becomes facts; simulations read in the same way, without a thread.

    `observe` is told the exchange's time after every account and answers by how many ms our clock was off. What is
    `stored` of a coin is not asked for: at the first question about it only what has closed since.
    """

    def __init__(
        self,
        user: str,
        clock: Clock,
        observe: Callable[[int], int] | None = None,
        stored: Stored | None = None,
        find: Find | None = None,
    ) -> None:
        self._user, self._clock, self._observe, self._stored = user, clock, observe, stored
        self._find = find
        self._seeded: set[str] = set()

    def forget(self, coins: Iterable[str]) -> None:
        """These coins are gone. May be called by another thread than the rest."""
        for coin in coins:
            self._seeded.discard(coin)

    def facts(self, client: Client, wish: Read) -> Iterator[Event]:
        """What the exchange answers, each fact as soon as it is known, or that it failed."""
        try:
            yield from self._read(client, wish)
        except ExchangeError as error:
            yield self.failed(wish, str(error))

    def failed(self, wish: Read, reason: str) -> Event:
        """The fact that a read failed."""
        at_ms = self._clock.now_ms()
        match wish:
            case FetchCandles():
                return Faulted(at_ms=at_ms, where="candles", reason=reason, coin=wish.coin)
            case FetchPrices():
                return Faulted(at_ms=at_ms, where="prices", reason=reason)
            case CheckPrices():
                return Faulted(at_ms=at_ms, where="prices", reason=f"check: {reason}")
            case FetchAccount():
                return Faulted(at_ms=at_ms, where="account", reason=f"{wish.reason}: {reason}")
            case FetchPositions():
                return Faulted(at_ms=at_ms, where="account", reason=f"positions: {reason}")
            case FetchRequests():
                return Faulted(at_ms=at_ms, where="account", reason=f"requests: {reason}")
            case FetchOrder():
                return Faulted(at_ms=at_ms, where="order", reason=f"{wish.cloid}: {reason}")
            case FetchBlock():
                return Faulted(at_ms=at_ms, where="stream", reason=f"the newest block: {reason}")
            case FetchMetadata():
                return Faulted(at_ms=at_ms, where="metadata", reason=reason)
            case FetchFees():
                return Faulted(at_ms=at_ms, where="fees", reason=reason)
            case FindCoin():
                return CoinNotFound(at_ms=at_ms, name=wish.name, reason=reason, id=wish.id)

    def _read(self, client: Client, wish: Read) -> Iterator[Event]:
        match wish:
            case FetchCandles():
                yield self._candles(client, wish)
            case CheckPrices():
                yield PricesSeen(at_ms=self._clock.now_ms(), mids=client.mids(wish.coins))
            case FetchPositions():
                account = client.positions(self._user, wish.flows_since_ms)
                yield PositionsSeen(at_ms=self._clock.now_ms(), account=account, weight_used=client.budget.used())
                yield from self._clock_checked(client)
            case FetchRequests():
                answer = client.requests(self._user)
                yield RequestsSeen(at_ms=self._clock.now_ms(), used=answer.n_requests_used, most=answer.n_requests_cap)
            case FetchPrices():
                yield from self._prices(client, wish)
            case FetchAccount():
                fills_since_ms = wish.fills_since_ms if wish.fills else None
                account = client.account(self._user, fills_since_ms, wish.flows_since_ms)
                if wish.twaps:
                    account = client.with_twaps(self._user, account, wish.fills_since_ms)
                used = client.budget.used()
                yield AccountSeen(at_ms=self._clock.now_ms(), account=account, weight_used=used)
                yield from self._clock_checked(client)
            case FetchOrder():
                fate = client.order_status(self._user, wish.cloid)
                yield fate.seen(wish.cloid, self._clock.now_ms())
            case FetchBlock():
                yield BlockSeen(at_ms=self._clock.now_ms(), time_ms=client.block_ms(wish.coin))
            case FetchMetadata():
                yield self._metadata(client, wish)
            case FetchFees():
                yield FeesSeen(at_ms=self._clock.now_ms(), fees=client.fees(self._user))
            case FindCoin():
                assert self._find is not None, "whoever takes coins up says where to look for them"
                yield self._find(client, wish)

    def _candles(self, client: Client, wish: FetchCandles) -> Event:
        until_ms = self._clock.now_ms()
        kept = self._kept(wish)
        since_ms = kept[-1].open_ms + wish.timeframe.ms if kept else wish.since_ms
        rows: tuple[Candle, ...] = ()
        if not kept or since_ms + wish.timeframe.ms <= until_ms:
            rows = client.candles(wish.coin, wish.timeframe, since_ms, until_ms)
        self._seeded.add(wish.coin)
        at_ms, stored_ms = self._clock.now_ms(), since_ms if kept else 0
        return CandlesFetched(
            at_ms=at_ms, coin=wish.coin, candles=(*kept, *rows), exchange_ms=until_ms, stored_ms=stored_ms
        )

    def _kept(self, wish: FetchCandles) -> tuple[Candle, ...]:
        """What is stored of a coin that is asked about for the first time, without a hole, if it reaches far enough."""
        if self._stored is None or wish.coin in self._seeded:
            return ()
        step, now_ms = wish.timeframe.ms, self._clock.now_ms()
        rows = [row for row in self._stored(wish.coin, wish.timeframe, wish.since_ms) if row.open_ms + step <= now_ms]
        whole = len(rows) > 1 and rows[0].open_ms < wish.since_ms + step
        if not whole or rows[-1].open_ms - rows[0].open_ms != (len(rows) - 1) * step:
            return ()
        return tuple(rows)

    def _metadata(self, client: Client, wish: FetchMetadata) -> Event:
        listed, unread = client.instruments()
        found = tuple(listed[coin] for coin in wish.coins if coin in listed)
        if not found or (unread and len(found) < len(wish.coins)):
            # An answer without any of our coins, or in which one may be a row that makes no sense, delists none.
            reason = "; ".join(unread[:3]) or f"none of {', '.join(wish.coins[:10])} is in it"
            return Faulted(at_ms=self._clock.now_ms(), where="metadata", reason=f"not believed: {reason}")
        return MetadataSeen(at_ms=self._clock.now_ms(), instruments=found)

    def _clock_checked(self, client: Client) -> Iterator[Event]:
        """Hold our clock to the exchange's: a machine that slept would take fresh prices for ones from the future."""
        if self._observe is None:
            return
        for _try in range(CLOCK_TRIES):
            asked_ms = self._clock.now_ms()
            exchange_ms = client.exchange_ms()
            if -self._clock.seconds_until(asked_ms) <= ANSWER_AGE_MAX_S:
                break
        else:
            return  # each was on its way for so long that it says little about now
        drift_ms = self._observe(exchange_ms)
        if drift_ms:
            reason = f"our clock was {abs(drift_ms) / 1000:.1f} s {'behind' if drift_ms > 0 else 'ahead'}, corrected"
            yield Faulted(at_ms=self._clock.now_ms(), where="clock", reason=reason, off_ms=drift_ms)

    def _prices(self, client: Client, wish: FetchPrices) -> Iterator[Event]:
        # The mids are told before the marks are asked for: a stop must not wait for those, nor lose by their failure.
        mids = client.mids(wish.coins)
        at_ms = self._clock.now_ms()
        for coin, price in mids.items():
            yield Mid(at_ms=at_ms, coin=coin, price=price)
        if wish.marks:
            marks = client.marks(wish.coins)
            at_ms = self._clock.now_ms()
            for coin, mark in marks.items():
                yield Marked(at_ms=at_ms, coin=coin, mark=mark, time_ms=at_ms)


class Lane:
    """One thread with one client, serving reads in order."""

    def __init__(self, name: str, new_client: Callable[[], Client], serve: Callable[[Client, Read], None]) -> None:
        self._queue: queue.Queue[Read | None] = queue.Queue(QUEUE_MAX)
        self._new_client, self._serve = new_client, serve
        self._waiting: set[object] = set()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, wish: Read) -> bool:
        """Queue a read; False when the lane is full. The same question that still waits stands for this one too.

        So after an outage each question is asked once, not as often as it came due meanwhile.
        """
        question = _question(wish)
        if question in self._waiting:
            return True
        self._waiting.add(question)
        try:
            self._queue.put_nowait(wish)
        except queue.Full:
            self._waiting.discard(question)
            return False
        return True

    def stop(self, timeout_s: float) -> None:
        """Ask the thread to end and wait for it that long."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        client = self._new_client()
        while (wish := self._queue.get()) is not None:
            self._waiting.discard(_question(wish))
            self._serve(client, wish)
        client.close()


def _lane_of(wish: Read) -> type[Read]:
    """Rules that an order was refused by are read beside the account: a candle must not keep them waiting."""
    urgent = isinstance(wish, FetchMetadata) and wish.urgency <= Urgency.PROTECTION
    return FetchAccount if urgent else type(wish)


def _question(wish: Read) -> object:
    """What two reads have in common that ask the same."""
    match wish:
        case FetchCandles():
            return FetchCandles, wish.coin
        case FetchOrder():
            return FetchOrder, wish.cloid
        case FetchPrices():
            return FetchPrices, wish.coins, wish.marks
        case CheckPrices():
            return CheckPrices, wish.coins
        case FetchAccount():
            return FetchAccount, wish.twaps, wish.fills, wish.flows_since_ms is None
        case FindCoin():
            return FindCoin, wish.id, wish.name
        case FetchPositions() | FetchMetadata() | FetchBlock() | FetchFees() | FetchRequests():
            return type(wish)
