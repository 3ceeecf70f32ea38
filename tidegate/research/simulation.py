"""The bot in virtual time: the very loop, core, gateway, stream protocol, REST client and ledger against localnet.

Only what has threads, sockets or a clock is replaced: the inbox, the wires and the time. So a simulation proves the
code that trades, not a likeness of it. The same settings, market and latency give the same journal, byte for byte.

Honest limits: the bot decides in no time, its clock agrees with the exchange's to the millisecond, a latency never
varies, and one read is answered at one moment.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from tidegate.choosing import find
from tidegate.core.metadata import Listed
from tidegate.core.state import State
from tidegate.dry_run import DryRunGateway
from tidegate.errors import ConfigError
from tidegate.gateway import Gateway
from tidegate.hard_limits import limits_of
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import Budget
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.localnet.arguments import MarketChoice
from tidegate.localnet.exchange import Exchange, Feed
from tidegate.localnet.markets.candle_replay import CandleReplay
from tidegate.loop import Loop
from tidegate.model.events import Started
from tidegate.model.instruments import Instrument
from tidegate.model.intents import Alert, Note, Recap
from tidegate.model.settings import OrderTransport, Settings
from tidegate.research.calm import leave_out_checks
from tidegate.research.counterparty import Counterparty, Tapes
from tidegate.research.evidence import Simulation, Witness
from tidegate.research.lines import NO_LOSSES, Latency, Losses, Outage, Outages, SimulatedDoor
from tidegate.research.memory import Forgetful
from tidegate.research.passing import Bot, Passage
from tidegate.research.stream import SimulatedStream
from tidegate.research.wires import Killed, SimulatedCourier, SimulatedInbox, SimulatedReads, Wire
from tidegate.research.wishes import KnownStrategist, Wishes
from tidegate.storage.ledger import Ledger
from tidegate.strategist.inline import InlineStrategist
from tidegate.world import RoutedWorld, Thinks, Writes

__all__ = ["LATENCY_MS", "VENUE", "Losses", "Outage", "Simulation", "Tapes", "Watch", "simulate"]

LATENCY_MS = 50
"""One way, unless told otherwise: a fair figure for a host on another continent."""
VENUE = "localnet:simulation"
IN_MEMORY = "sqlite://"
URL = "http://localnet.simulation"
DAY_MS = 86_400_000
INSTANT_MS = 1
"""Without any latency the bot still starts later than the account was read."""

Dies = Callable[[State], bool]
Watch = Callable[[Exchange, str], Feed]
"""Given the exchange and the account, gives what the exchange shall tell of all that happens there."""


def simulate(
    settings: Settings,
    choice: MarketChoice | None = None,
    *,
    duration_ms: int | None = None,
    latency_ms: int = LATENCY_MS,
    account_lag_ms: int = 0,
    ledger_url: str | None = None,
    outages: Sequence[Outage] = (),
    watch: Watch | None = None,
    keep_journal: bool = True,
    losses: Losses = NO_LOSSES,
    dies: Dies = lambda _state: False,
    tapes: Tapes | None = None,
    equity_usd: Decimal | None = None,
    wishes: Wishes | None = None,
    every_print: bool = False,
    progress: Callable[[int], None] = lambda _at_ms: None,
) -> Simulation:
    """Run the bot for `duration_ms` of exchange time, or to the end of the recording, and stop it as Ctrl-C does.

    `choice` is the market (its speed means nothing here), or `tapes` are; the account begins with `equity_usd`.
    The strategy's `wishes` for these tapes are looked up where they are given, and quiet stretches are passed in one
    go; with `every_print` they are played, which is slow and gives the same.
    `progress` is told the time at the beginning of each day.
    `latency_ms` is one way: an order is seen by the exchange
    that much later, its answer heard as much later again; `account_lag_ms` is how much later than such an answer the
    stream tells of fills and order updates. Without a URL the ledger lives in memory. `keep_journal`
    off spares a long run its memory. `losses` is how many actions by REST stay unanswered. When `dies` says so the bot
    is killed where it stands, and the next one starts at once on the same ledger, which then needs a URL.
    Raises ConfigError for settings and markets that cannot be used.
    """
    choice = choice or MarketChoice()
    if duration_ms is None and not choice.replay and tapes is None:
        raise ConfigError(["a made-up market never ends: say how long to simulate"])
    theirs = Counterparty(settings, choice, tapes, equity_usd)
    simulation = Simulation(
        account=theirs.account, says=theirs.says, start_ms=theirs.start_ms, exchange=theirs.exchange, state=State()
    )
    if watch is not None:
        theirs.exchange.feed.append(watch(theirs.exchange, theirs.account))
    end_ms = None if duration_ms is None else theirs.start_ms + duration_ms
    spans = Outages(outages, theirs.start_ms)
    door = SimulatedDoor(theirs.gate, theirs.time, spans, losses)
    lines = _Lines(Latency(latency_ms, account_lag_ms), spans, door)
    url = ledger_url or IN_MEMORY
    theirs.time.each_day = progress
    passage = None
    is_calm = tapes is not None and not (outages or watch is not None or losses is not NO_LOSSES)
    if wishes is not None and is_calm and not every_print:
        passage = _passage(theirs, wishes)
    while _was_killed(
        simulation, _Bot(settings, theirs, end_ms, lines, dies, passage, wishes), url, keep_journal=keep_journal
    ):
        simulation.state = State()
        simulation.deaths += 1
    simulation.passed_ms = passage.passed_ms if passage is not None else 0
    return simulation


def _passage(theirs: Counterparty, wishes: Wishes) -> Passage | None:
    """Who passes what is quiet; None where it cannot be counted exactly."""
    # What walks candles is compiled: a simulation that plays every print need not wait for it.
    from tidegate.localnet.markets.leaping import Leaper, is_exact

    assert isinstance(theirs.market, CandleReplay)
    leaper = Leaper(theirs.exchange, theirs.market)
    if not all(is_exact(tape) for tape in leaper.tapes.values()):
        return None
    return Passage(leaper, theirs.exchange, theirs.market, theirs.time, wishes, theirs.account)


def _was_killed(simulation: Simulation, bot: "_Bot", ledger_url: str, *, keep_journal: bool) -> bool:
    """One life of the bot; whether it was cut short."""
    ledger = Ledger(ledger_url, venue=VENUE, account=simulation.account)
    if bot.forgets and ledger_url == IN_MEMORY:
        ledger = Forgetful(venue=VENUE, account=simulation.account)
    ledger.open()
    try:
        bot.loop(simulation, ledger, Witness(ledger, simulation, keep_journal=keep_journal)).run()
    except Killed:
        ledger.abandon()
        return True
    finally:
        bot.leave()
        ledger.close()
    return False


class _Lines(NamedTuple):
    """The ways to the exchange, which outlive a bot."""

    latency: Latency
    outages: Outages
    door: SimulatedDoor


class _Bot:
    """The bot's parts, put together as a session does it."""

    def __init__(
        self,
        settings: Settings,
        theirs: Counterparty,
        end_ms: int | None,
        lines: _Lines,
        dies: Dies,
        passage: Passage | None,
        wishes: Wishes | None,
    ) -> None:
        self._wishes = wishes
        self._passage, self._is_calm = passage, theirs.is_calm
        self.forgets = theirs.is_calm
        self._theirs, self._latency, self._outages = theirs, lines.latency, lines.outages
        self._settings = replace(settings, coins=theirs.coins, account_address=theirs.account)
        self._state = State()
        self._inbox = SimulatedInbox(theirs.time, end_ms, lambda: dies(self._state))
        self._leaving: list[Callable[[], None]] = []
        self.client = HyperliquidClient(
            URL,
            budget=Budget(monotonic=theirs.time.monotonic_s),
            transport=lines.door,
            wait=lambda _seconds: None,
        )

    def loop(self, simulation: Simulation, ledger: Ledger, journal: Witness) -> Loop:
        """The loop, with its first fact in the inbox."""
        theirs, settings, inbox, time = self._theirs, self._settings, self._inbox, self._theirs.time
        instruments, _ = self.client.instruments()
        account = self.client.account(theirs.account, (ledger.last_fill_ms() or time.now_ms) - DAY_MS)
        if settings.uses_twaps:
            account = self.client.with_twaps(theirs.account, account, time.now_ms - DAY_MS)
        protocol = StreamProtocol(
            settings.coins,
            theirs.account,
            settings.timeframe,
            twaps=settings.uses_twaps,
            fills_since_ms=account.time_ms,
        )
        stream = SimulatedStream(time, theirs.streams, protocol, inbox, self._latency, self._outages)
        self._leaving.append(stream.leave)
        self._state = simulation.state
        if self._passage is not None:
            self._passage.board(Bot(simulation.state, stream, protocol, self.client, self._latency.one_way_ms))
            inbox.passage = self._passage
        if self._is_calm:
            inbox.begin = lambda: leave_out_checks(simulation.state)
        wire = Wire(time, self.client, inbox, self._latency.one_way_ms)
        world = RoutedWorld(
            writes=self._writes(ledger, stream, wire, Listed(simulation.state), simulation.state),
            reads=SimulatedReads(
                wire,
                theirs.account,
                lambda _, wish: find(self.client, theirs.account, wish, settings, time.now_ms),
                is_calm=self._is_calm,
            ),
            thinks=self._thinks(simulation),
            streams=stream,
            tells=_Silent(),
        )
        inbox.pass_time(max(2 * self._latency.one_way_ms, INSTANT_MS))
        inbox.put(
            Started(
                at_ms=time.now_ms,
                settings=settings,
                instruments=tuple(instruments[coin] for coin in settings.coins),
                account=account,
                instance_tag=theirs.tag,
                remembered=ledger.remembered(),
                brakes=ledger.brakes(),
                fees=self.client.fees(theirs.account),
            )
        )
        return Loop(simulation.state, inbox, world, journal, _say_nothing, lambda _state: ledger.flush(at_once=True))

    def _thinks(self, simulation: Simulation) -> Thinks:
        """The strategy: asked, or looked up where all its answers are known."""
        time, settings = self._theirs.time, self._settings

        def note(text: Note) -> None:
            simulation.notes.append((time.now_ms, text))

        asked = InlineStrategist(settings, self._inbox, time.clock, note)
        if self._wishes is None:
            return asked
        needed = asked.ready().warm_up_bars
        return KnownStrategist(self._wishes, needed, settings.candle_history, self._inbox, time.clock, note)

    def leave(self) -> None:
        """The bot is gone; what it sent before is still on its way."""
        for each in self._leaving:
            each()
        self.client.close()

    def _writes(
        self, ledger: Ledger, stream: SimulatedStream, wire: Wire, instruments: Mapping[str, Instrument], state: State
    ) -> Writes:
        clock = self._theirs.time.clock
        if self._settings.dry_run:
            return DryRunGateway(clock, instruments)
        return Gateway(
            signer=self._theirs.signer,
            ledger=ledger,
            clock=clock,
            courier=SimulatedCourier(wire),
            stream=stream if self._settings.order_transport is OrderTransport.WS else None,
            instruments=instruments,
            limits=limits_of(self._settings, instruments, state),
            monotonic_ns=self._theirs.time.monotonic_ns,
        )


class _Silent:
    """Tells nobody: a simulation's recaps and alerts are evidence, read off the journal."""

    def alert(self, wish: Alert) -> None: ...

    def recap(self, wish: Recap) -> None: ...


def _say_nothing(_note: Note) -> None:
    """The notes are evidence as well."""
