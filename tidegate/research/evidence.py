"""What a simulation leaves behind: everything is read off the journal, in the order in which the bot learned of it.

Takes evidence and changes nothing.
"""

from dataclasses import dataclass, field

from tidegate.core.state import State
from tidegate.localnet.exchange import Exchange
from tidegate.model.events import AccountSeen, Event, FundingPaid, OrderFilled, OrdersSent
from tidegate.model.intents import Alert, BookClosed, Decision, Note, PlaceOrders, Recap
from tidegate.model.orders import OrderRequest
from tidegate.model.positions import Fill
from tidegate.model.records import ClosedPosition
from tidegate.ports import Journal

Line = tuple[Event, Decision]


@dataclass(frozen=True)
class SentOrder:
    """An order that left. `transport` is ws or rest."""

    at_ms: int
    request: OrderRequest
    signal_id: str
    nonce: int
    transport: str


@dataclass
class Simulation:
    """A simulation: what happened, the bot's state and the exchange (at the end: as they were left).

    `account` is the bot's address there, `says` what the market was. `notes` and orders carry the time at which the
    bot wrote them; `journal` is empty when it was not kept. `deaths` is how often the bot was killed; then `state` is
    that of its last life. `passed_ms`: how much of the time was passed in quiet stretches.
    """

    account: str
    says: str
    start_ms: int
    exchange: Exchange
    state: State
    deaths: int = 0
    passed_ms: int = 0
    orders: list[SentOrder] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    closed: list[ClosedPosition] = field(default_factory=list)
    fundings: list[FundingPaid] = field(default_factory=list)
    recaps: list[Recap] = field(default_factory=list)
    alerts: list[tuple[int, str]] = field(default_factory=list)
    notes: list[tuple[int, Note]] = field(default_factory=list)
    journal: list[Line] = field(default_factory=list)

    def said(self, *words: str) -> list[tuple[int, str]]:
        """The notes that contain all these words, with their times."""
        return [(at_ms, note.text) for at_ms, note in self.notes if all(word in note.text for word in words)]


class Witness:
    """Stands between the loop and its journal."""

    def __init__(self, journal: Journal, evidence: Simulation, *, keep_journal: bool) -> None:
        self._journal, self._evidence, self._keep_journal = journal, evidence, keep_journal
        self._unsent: dict[str, tuple[OrderRequest, str]] = {}
        self._fills_seen: set[tuple[int, str, int]] = set()

    def record(self, event: Event, decision: Decision) -> None:
        """Pass a line on, and note what it tells."""
        self._journal.record(event, decision)
        evidence = self._evidence
        if self._keep_journal:
            evidence.journal.append((event, decision))
        match event:
            case OrdersSent():
                self._note_orders(event)
            case OrderFilled():
                self._note_fill(event.fill)
            case FundingPaid():
                evidence.fundings.append(event)
            case AccountSeen():
                for fill in event.account.fills:
                    self._note_fill(fill)
        for intent in decision.intents:
            match intent:
                case PlaceOrders():
                    self._unsent.update((order.cloid, (order, intent.signal_id)) for order in intent.orders)
                case BookClosed():
                    evidence.closed.append(intent.closed)
                case Recap():
                    evidence.recaps.append(intent)
                case Alert():
                    evidence.alerts.append((event.at_ms, intent.text))
        evidence.notes.extend((event.at_ms, note) for note in decision.notes)

    def _note_orders(self, event: OrdersSent) -> None:
        for cloid in event.cloids:
            request, signal_id = self._unsent.pop(cloid)
            self._evidence.orders.append(
                SentOrder(
                    at_ms=event.at_ms,
                    request=request,
                    signal_id=signal_id,
                    nonce=event.nonce,
                    transport=event.transport,
                )
            )

    def _note_fill(self, fill: Fill) -> None:
        if fill.key not in self._fills_seen:
            self._fills_seen.add(fill.key)
            self._evidence.fills.append(fill)
