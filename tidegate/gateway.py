"""The gateway: the one place through which every order passes on its way to the exchange.

It gives the nonce, signs, has the signed bytes committed to the journal, and only then sends them: over the open
socket, or by REST on a courier thread while the socket is down, the same bytes either way. It never waits for an
answer: that arrives as a fact. It decides nothing; but an exit that is foreseen is signed and committed in advance.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol

from tidegate.errors import Refused, StorageError, Unintelligible, Unreachable
from tidegate.hard_limits import HardLimits
from tidegate.hyperliquid import replies, wire
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.signing import Signer
from tidegate.model.events import Event, Faulted, OrdersSent
from tidegate.model.fees import BuilderFee
from tidegate.model.instruments import Instrument
from tidegate.model.intents import (
    CancelOrders,
    CancelTwap,
    PlaceOrders,
    ResendOrders,
    SkipNonces,
    SpendNonce,
    Urgency,
    Write,
)
from tidegate.model.orders import OrderRequest
from tidegate.ports import Clock, Facts
from tidegate.storage.ledger import Ledger

Sent = replies.Sent

COURIERS = 3
"""Threads that carry signed bytes by REST, so that one slow answer does not hold up the next exit."""
ERRANDS_MAX = 200


class Stream(Protocol):
    """The open socket, as far as orders travel on it."""

    def post(self, wish: Sent, body: bytes) -> bool:
        """Hand over signed bytes; False when the socket is down. The answer arrives as facts."""


class Carries(Protocol):
    """Who takes signed bytes to the exchange by REST."""

    def carry(self, wish: Sent, body: bytes) -> None:
        """Take an errand; what comes of it arrives as facts."""


class Ready(NamedTuple):
    """An exit that is signed and committed before anybody has asked for it; it may be used until `until_ms`."""

    orders: tuple[OrderRequest, ...]
    letter: wire.Envelope
    made_ms: int
    until_ms: int


class Gateway:
    """Carries out write wishes. `stream` is None where orders always go by REST.

    The exits that `prepare` is told of are signed and committed in advance: one of them leaves when exactly its orders
    are asked for in time, anything else is signed when it is asked for.
    `builder` is paid by what may open a position, and approved by the account.
    `monotonic_ns` says when bytes left, by the clock that also stamps frames on their arrival.
    """

    def __init__(
        self,
        *,
        signer: Signer,
        ledger: Ledger,
        clock: Clock,
        courier: Carries,
        stream: Stream | None,
        instruments: Mapping[str, Instrument],
        limits: HardLimits,
        vault_address: str | None = None,
        builder: BuilderFee | None = None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._signer, self._ledger, self._clock = signer, ledger, clock
        self._courier, self._stream = courier, stream
        self._instruments, self._vault_address = instruments, vault_address
        self._builder, self._monotonic_ns = builder, monotonic_ns
        self._limits = limits
        self._ready: dict[str, Ready] = {}

    def prepare(self, foreseen: Iterable[PlaceOrders]) -> None:
        """Have these exits ready, and no others. They are made anew when half of their time has passed."""
        now_ms = self._clock.now_ms()
        before, self._ready = self._ready, {}
        for wish in foreseen:
            ready = before.get(wish.coin)
            if ready is None or ready.orders != wish.orders or now_ms >= (ready.made_ms + ready.until_ms) // 2:
                # One that cannot be committed is not ready; that the journal fails is told with every order.
                with suppress(StorageError):
                    letter = self._signed(wish, now_ms)
                    self._commit(wish, letter)
                    until_ms = now_ms + (wish.expires_ms - now_ms) * 2 // 3
                    self._ready[wish.coin] = Ready(wish.orders, letter, now_ms, until_ms)
            else:
                self._ready[wish.coin] = ready

    def perform(self, wish: Sent | SkipNonces) -> list[Event]:
        """Send one wish; the facts say that it left, or why not."""
        if isinstance(wish, SkipNonces):
            self._ledger.skip_nonces(wish.by, self._clock.now_ms())
            return []
        if isinstance(wish, ResendOrders):
            return self._resend(wish)
        if isinstance(wish, SpendNonce):
            return self._spend(wish)
        now_ms = self._clock.now_ms()
        events: list[Event] = []
        letter = self._made_ready(wish, now_ms)
        if letter is None:
            objection = None
            if not isinstance(wish, CancelOrders | CancelTwap):
                objection = self._limits.objection(wish, now_ms)
            if objection is not None:
                reason = f"the last gate refused what the bot decided: {objection}"
                return [Faulted(at_ms=now_ms, where="order", reason=reason), *replies.refused(wish, objection, now_ms)]
            letter = self._signed(wish, now_ms)
            try:
                self._commit(wish, letter)
            except StorageError as error:
                events.append(Faulted(at_ms=now_ms, where="journal", reason=f"not written: {error}"))
                if wish.urgency > Urgency.PROTECTION:
                    words = "the journal cannot be written: no new positions until it can"
                    return [*events, *replies.refused(wish, words, now_ms)]
        if isinstance(wish, PlaceOrders) and wish.exit_reason is not None:
            self._ledger.exit_leaves(wish.coin, wish.signal_id, wish.exit_reason)
        transport, sent_ns = self._send(wish, letter.body)
        sent = OrdersSent(
            at_ms=self._clock.now_ms(),
            cloids=_cloids(wish),
            nonce=letter.nonce,
            transport=transport,
            sent_ns=sent_ns,
        )
        return [*events, sent]

    def _made_ready(self, wish: Write, now_ms: int) -> wire.Envelope | None:
        """What was made ready for this very wish, once."""
        if not isinstance(wish, PlaceOrders) or wish.urgency is not Urgency.EXIT:
            return None
        ready = self._ready.pop(wish.coin, None)
        return ready.letter if ready is not None and ready.orders == wish.orders and now_ms < ready.until_ms else None

    def _signed(self, wish: Write, now_ms: int) -> wire.Envelope:
        nonce = self._ledger.next_nonce(now_ms)
        action = wire.action_of(wish, self._instruments, self._builder)
        return wire.envelope(self._signer, action, nonce, self._vault_address, wish.expires_ms)

    def _commit(self, wish: Write, letter: wire.Envelope) -> None:
        # An exit is reduce-only: it may be repeated without harm, so its row need not wait for the disk.
        hurry = wish.urgency is Urgency.EXIT
        self._ledger.commit_before_send(_cloids(wish), letter.nonce, letter.body, wish.expires_ms, at_once=hurry)

    def _send(self, wish: Sent, body: bytes) -> tuple[str, int]:
        if self._stream is not None and self._stream.post(wish, body):
            return "ws", self._monotonic_ns()
        self._courier.carry(wish, body)
        return "rest", self._monotonic_ns()

    def _resend(self, wish: ResendOrders) -> list[Event]:
        """The very bytes again: they can execute at most once."""
        body = self._signed_before(wish.cloid)
        if isinstance(body, Faulted):
            return [body]
        self._send(wish, body)
        return []

    def _spend(self, wish: SpendNonce) -> list[Event]:
        """An action that does nothing, with the nonce of an order in doubt: only one of the two is ever carried out."""
        body = self._signed_before(wish.cloid)
        if isinstance(body, Faulted):
            return [body]
        letter = wire.spending(self._signer, body, wish.expires_ms)
        now_ms = self._clock.now_ms()
        events: list[Event] = []
        try:
            self._ledger.commit_before_send((), letter.nonce, letter.body, wish.expires_ms)
        except StorageError as error:
            events.append(Faulted(at_ms=now_ms, where="journal", reason=f"not written: {error}"))
        transport, sent_ns = self._send(wish, letter.body)
        sent = OrdersSent(at_ms=now_ms, cloids=(), nonce=letter.nonce, transport=transport, sent_ns=sent_ns)
        return [*events, sent]

    def _signed_before(self, cloid: str) -> bytes | Faulted:
        """The bytes in which an order left, or why they are not to be had."""
        reason = f"the signed bytes of {cloid} are not in the journal"
        try:
            body = self._ledger.payload_of(cloid)
        except StorageError as error:
            body, reason = None, f"the signed bytes of {cloid} cannot be read: {error}"
        return Faulted(at_ms=self._clock.now_ms(), where="journal", reason=reason) if body is None else body


def _cloids(wish: Write) -> tuple[str, ...]:
    """The client order ids of orders to be placed; other writes have none of their own."""
    return tuple(order.cloid for order in wish.orders) if isinstance(wish, PlaceOrders) else ()


class Courier:
    """Carries already signed bytes by REST on threads of its own and puts what comes of it. It never signs."""

    def __init__(self, new_client: Callable[[], HyperliquidClient], facts: Facts, clock: Clock) -> None:
        self._new_client, self._facts, self._clock = new_client, facts, clock
        self._errands: queue.Queue[tuple[Sent, bytes] | None] = queue.Queue(ERRANDS_MAX)
        self._threads = [
            threading.Thread(target=self._run, name=f"courier-{number}", daemon=True) for number in range(COURIERS)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def carry(self, wish: Sent, body: bytes) -> None:
        """Take an errand; with too many of them this one was definitely not sent."""
        try:
            self._errands.put_nowait((wish, body))
        except queue.Full:
            for event in replies.refused(wish, "too many orders wait to be sent by REST", self._clock.now_ms()):
                self._facts.put(event)

    def stop(self, timeout_s: float) -> None:
        """Let waiting errands go out, then end the threads; what hangs is left to its own time limit."""
        deadline_s = time.monotonic() + timeout_s
        with suppress(queue.Full):
            for _ in self._threads:
                self._errands.put(None, timeout=max(0.0, deadline_s - time.monotonic()))
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline_s - time.monotonic()))

    def _run(self) -> None:
        client = self._new_client()
        while (errand := self._errands.get()) is not None:
            for event in self._delivered(client, *errand):
                self._facts.put(event)
        client.close()

    def _delivered(self, client: HyperliquidClient, wish: Sent, body: bytes) -> list[Event]:
        try:
            return deliver(client, wish, body, self._clock)
        except Exception as error:  # noqa: BLE001 (the top of a thread that must live: it becomes a fact)
            return replies.doubted(wish, f"not foreseen: {error!r}", self._clock.now_ms())


def deliver(client: HyperliquidClient, wish: Sent, body: bytes, clock: Clock) -> list[Event]:
    """Send signed bytes by REST; the answer, or what its silence means, as facts."""
    try:
        reply = client.send(body)
    except Refused as error:
        return replies.refused(wish, str(error), clock.now_ms())
    except (Unreachable, Unintelligible) as error:
        return replies.doubted(wish, str(error), clock.now_ms())
    return replies.facts_of_reply(wish, reply, clock.now_ms())
