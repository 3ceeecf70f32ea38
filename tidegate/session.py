"""One session of the bot: everything put together for its network, run, and taken apart again.

The stream client arrives as an argument, strategies by path. Decides nothing about trading.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from msgspec.structs import replace

from tidegate import __version__, builder_fee, logs
from tidegate.choosing import coins_of, find, left_over
from tidegate.clock import ExchangeClock
from tidegate.config import Loaded, check_against_market
from tidegate.control import HALT, Desk
from tidegate.core.metadata import Listed
from tidegate.core.state import State
from tidegate.crashes import tell_of_crashes
from tidegate.dry_run import DryRunGateway
from tidegate.errors import ConfigError, ExchangeError, TidegateError
from tidegate.gateway import Courier, Gateway
from tidegate.greeting import greet
from tidegate.hard_limits import HardLimits, limits_of
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.instruments import resolve
from tidegate.hyperliquid.limits import Budget
from tidegate.hyperliquid.people import mode_words
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.hyperliquid.subscriptions import SUBSCRIPTIONS_MAX
from tidegate.inbox import ConflatingInbox
from tidegate.latencies import Latencies
from tidegate.listening import Listening
from tidegate.localnet.arguments import MarketChoice
from tidegate.lock import one_bot_per_wallet
from tidegate.loop import Loop
from tidegate.majors import check_majors, majors_of, subscriptions_of
from tidegate.model.events import Account, Command, Faulted, Started
from tidegate.model.gauges import StreamGauges
from tidegate.model.instruments import Instrument
from tidegate.model.intents import Note
from tidegate.model.orders import instance_tag
from tidegate.model.settings import OrderTransport, Settings
from tidegate.no_stream import NoStream
from tidegate.notify import LogTeller
from tidegate.opening import Patience, fees, leverages
from tidegate.priority import run_in_short_slices
from tidegate.reader import Reader
from tidegate.settling import Settling
from tidegate.storage.commands import Box
from tidegate.storage.ledger import Ledger
from tidegate.storage.prices import stored_candles
from tidegate.strategist import Strategist
from tidegate.tidying import Tidying
from tidegate.venue import Venue, budget_of, open_venue
from tidegate.wallet import Wallet, examine, wallet_of
from tidegate.webhook import Webhook
from tidegate.world import RoutedWorld, Writes

DAY_MS = 86_400_000
FILLS_OVERLAP_MS = 60_000
PART_STOP_S = 1.5
SWITCH_INTERVAL_S = 1e-4
"""How long a thread may keep the interpreter from another, above all the main one from the stream's."""
EXIT_FORCED = 130


class StreamClient(Protocol):
    """The stream client, as far as a session needs it."""

    def start(self) -> None:
        """Open the stream."""

    def stop(self, timeout_s: float = ...) -> None:
        """Close it."""

    def post(self, wish: Any, body: bytes) -> bool:
        """Send signed bytes over it; False while it is down."""

    def add_coins(self, coins: Iterable[str]) -> None:
        """Stream these too."""

    def remove_coins(self, coins: Iterable[str]) -> None:
        """Stream these no more."""

    def hold(self, coins: Iterable[str]) -> None:
        """These coins, and no others, have a position."""

    def gauges(self) -> StreamGauges:
        """How it does."""


NewStream = Callable[..., StreamClient]
"""Of the socket's address, inbox, clock and protocol; with `proxy` if there is one."""


class Session:
    """Builds the parts of one run. `program` is the file that a localnet of our own is started with."""

    def __init__(self, loaded: Loaded, choice: MarketChoice, program: Path, new_stream: NewStream) -> None:
        self._loaded, self._choice, self._program, self._new_stream = loaded, choice, program, new_stream
        self._settings = loaded.settings
        self._clock = ExchangeClock(time.time_ns() // 1_000_000)
        self._inbox = ConflatingInbox(self._clock)
        self._budget = Budget()
        self._tidying = Tidying()
        self._parts = ExitStack()

    def run(self, seconds: float | None, *, until_flat: bool = False) -> int:
        """Run until told to stop (or for so many seconds); give the exit code. Raises TidegateError.

        `until_flat`: only close what is open, and end with that.
        """
        self._until_flat = until_flat
        logs.setup(self._settings.log_level, self._settings.log_dir)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the loop runs both just end the start
        tell_of_crashes(self._thread_died)
        try:
            return self._run(seconds)
        except TidegateError as error:
            for line in str(error).splitlines():
                logs.log("bot", line, "ERROR")
            error.told = True
            raise

    def _run(self, seconds: float | None) -> int:
        with self._parts as parts:
            logs.log("bot", f"Tidegate {__version__} starts, NETWORK={self._settings.network.value}")
            for remark in self._loaded.remarks:
                logs.log("bot", remark, "WARNING")
            strategist = Strategist(self._settings, self._inbox, self._clock, _say)
            strategist.start()  # first: its process imports its libraries while the rest is put together
            parts.callback(strategist.stop, PART_STOP_S)
            venue = parts.enter_context(open_venue(self._loaded, self._choice, self._program, self._clock))
            logs.log("localnet" if venue.is_play_money else "bot", venue.says)
            if venue.market:
                logs.log("localnet", venue.market)
            loop = self._assemble(venue, strategist)
            strategist.ready()
            self._desk.start()
            parts.callback(self._desk.stop, PART_STOP_S)
            self._stop_on_signals()
            if seconds is not None:
                self._stop_after(seconds)
            sys.setswitchinterval(SWITCH_INTERVAL_S)
            self._tidying.begin()
            parts.callback(self._tidying.end)
            run_in_short_slices()
            loop.run()
            if loop.state.refused:
                raise ExchangeError(loop.state.refused)
            logs.log("bot", f"stopped: {loop.state.stopping}")
            if venue.is_play_money and not self._loaded.localnet_url:
                logs.log("localnet", "the built-in exchange ends with the bot, and every position on it")
        return 0

    def _assemble(self, venue: Venue, strategist: Strategist) -> Loop:
        parts, clock, inbox, tidying = self._parts, self._clock, self._inbox, self._tidying
        wallet = self._wallet(venue)
        parts.enter_context(one_bot_per_wallet(venue.name, wallet.account))
        self._budget = budget_of(self._settings, venue)
        client = self._client(venue)
        parts.callback(client.close)
        patient = Patience()
        instruments, settings = self._market(client, venue, wallet, patient)
        ledger = self._ledger(venue, wallet)
        account = patient("the account", lambda: self._account(client, venue, wallet, ledger))
        tag = venue.tag or instance_tag(f"{venue.name}|{wallet.account}")
        kept = left_over(account, ledger.remembered(), tag)
        coins, remarks = coins_of(settings, ledger.choices(), instruments, kept)
        for remark in remarks:
            logs.log("bot", remark, "WARNING")
        shown = leverages(client, wallet.account, tuple(coins))
        protocol = StreamProtocol(
            coins,
            wallet.account,
            settings.timeframe,
            twaps=account.twaps is not None,
            candles=settings.streams_candles,
            account=settings.streams_account,
            fills_since_ms=account.time_ms,
            room=SUBSCRIPTIONS_MAX - subscriptions_of(settings.majors),
        )
        stream: StreamClient = NoStream()
        way = {"proxy": venue.proxy} if venue.proxy else {}
        if settings.streams_prices:
            stream = self._new_stream(venue.stream_url, inbox, clock, protocol, **way)
        parts.callback(stream.stop, PART_STOP_S)
        majors = majors_of(self._new_stream, venue.stream_url, clock, settings, way)
        if majors is not None:
            majors.start()
            parts.callback(majors.stop, PART_STOP_S)
        stored = partial(stored_candles, self._loaded.secrets.database_url, venue.name)
        reader = Reader(
            lambda: self._client(venue),
            wallet.account,
            inbox,
            clock,
            clock.observe,
            stored,
            lambda asked, wish: find(asked, wallet.account, wish, settings, clock.now_ms()),
        )
        reader.start()
        parts.callback(reader.stop, PART_STOP_S)
        self._desk = self._desk_of(venue, wallet)
        state = State()
        listed = Listed(state)
        limits = limits_of(settings, listed, state)
        writes = self._writes(venue, wallet, settings, ledger, stream, listed, limits)
        tells = LogTeller(clock.speed, self._webhook(wallet))
        world = RoutedWorld(writes=writes, reads=reader, thinks=strategist, streams=stream, tells=tells)
        inbox.put(
            Started(
                at_ms=clock.now_ms(),
                settings=settings,
                instruments=tuple(instruments[coin] for coin in coins),
                account=account,
                instance_tag=tag,
                speed=clock.speed,
                remembered=ledger.remembered(),
                brakes=ledger.brakes(),
                leverages={coin: each.value for coin, each in shown.items()},
                isolated=tuple(coin for coin, each in shown.items() if not each.is_cross),
                fees=fees(lambda: patient("the fee rates", lambda: client.fees(wallet.account)), settings),
                origins=coins,
            )
        )
        greet(settings, tuple(coins), wallet, account)
        listening = Listening(
            inbox, stream, _say, majors, lambda: (self._budget.gauges().words, tidying.gauges().words)
        )
        prepare = writes.prepare if isinstance(writes, Gateway) else None
        timed = Latencies(ledger)
        settling = Settling(ledger, self._budget, prepare, listening, majors, tidying, timed)
        settled = self._ending_when_flat(settling) if self._until_flat else settling
        return Loop(state, inbox, world, timed, _say, settled, ticks=settings.log_level == "DEBUG")

    def _webhook(self, wallet: Wallet) -> Webhook | None:
        """Where alerts go besides the log, if anywhere."""
        url = self._loaded.secrets.alert_webhook_url
        if not url:
            return None
        webhook = Webhook(url, f"{self._settings.network.value} {wallet.account}")
        webhook.start()
        self._parts.callback(webhook.stop, PART_STOP_S)
        return webhook

    def _client(self, venue: Venue) -> HyperliquidClient:
        return HyperliquidClient(venue.url, budget=self._budget, proxy=venue.proxy)

    def _wallet(self, venue: Venue) -> Wallet:
        key = venue.throw_away_key or self._loaded.secrets.private_key
        return wallet_of(self._settings, key, play_money=venue.is_play_money)

    def _market(
        self, client: HyperliquidClient, venue: Venue, wallet: Wallet, patient: Patience
    ) -> tuple[dict[str, Instrument], Settings]:
        """The instruments, and the settings with coins under the exchange's names. ConfigError with all problems."""
        instruments, warnings = patient("metadata", client.instruments)
        for warning in warnings:
            logs.log("account", f"metadata: {warning}", "WARNING")
        problems = check_against_market(self._settings, instruments, resolve)
        majors, unheard = check_majors(self._settings, instruments)
        problems += unheard
        if not venue.is_play_money:
            problems += self._people(client, wallet)
        if problems:
            raise ConfigError(problems)
        coins = tuple(name for name in (resolve(coin, instruments) for coin in self._settings.coins) if name)
        settings = patient("the builder fee", lambda: builder_fee.settled(self._settings, client, wallet))
        return instruments, replace(settings, coins=coins, majors=majors, account_address=wallet.account)

    def _people(self, client: HyperliquidClient, wallet: Wallet) -> list[str]:
        """What speaks against this key trading this account; the rest of what the exchange tells goes to the log."""
        relation = examine(
            wallet,
            client,
            self._settings.network,
            allow_master_key=self._settings.allow_master_key,
            now_ms=self._clock.now_ms(),
        )
        for warning in relation.warnings:
            logs.log("account", warning, "WARNING")
        if relation.says and not relation.problems:
            logs.log("account", f"signing with {relation.says}")
            logs.log("account", f"account mode {mode_words(client.mode(wallet.account))}")
        return relation.problems

    def _ledger(self, venue: Venue, wallet: Wallet) -> Ledger:
        signer = wallet.signer.address if wallet.signer else None
        ledger = Ledger(self._loaded.secrets.database_url, venue=venue.name, account=wallet.account, signer=signer)
        ledger.open()
        self._parts.callback(ledger.close)
        return ledger

    def _account(self, client: HyperliquidClient, venue: Venue, wallet: Wallet, ledger: Ledger) -> Account:
        """The account at the start; nothing is traded before it was read."""
        last_ms = ledger.last_fill_ms()
        since_ms = last_ms - FILLS_OVERLAP_MS if last_ms else self._clock.now_ms() - DAY_MS
        flows_since_ms = ledger.brakes().flows_ms or None
        account = client.account(wallet.account, since_ms, flows_since_ms)
        if venue.is_play_money and account.equity == 0:
            venue.fund(wallet.account)
            account = client.account(wallet.account, since_ms, flows_since_ms)
        running = [each.twap.sent_ms for each in ledger.remembered() if each.twap is not None]
        if running or self._settings.uses_twaps:
            account = client.with_twaps(wallet.account, account, min((since_ms, *running)))
        return account

    def _writes(
        self,
        venue: Venue,
        wallet: Wallet,
        settings: Settings,
        ledger: Ledger,
        stream: StreamClient,
        instruments: Mapping[str, Instrument],
        limits: HardLimits,
    ) -> Writes:
        if settings.dry_run or wallet.signer is None:
            return DryRunGateway(self._clock, instruments, limits.objection)
        courier = Courier(lambda: self._client(venue), self._inbox, self._clock)
        courier.start()
        self._parts.callback(courier.stop, PART_STOP_S)
        return Gateway(
            signer=wallet.signer,
            ledger=ledger,
            clock=self._clock,
            courier=courier,
            stream=stream if settings.order_transport is OrderTransport.WS else None,
            instruments=instruments,
            limits=limits,
            vault_address=wallet.vault,
            builder=settings.builder,
        )

    def _ending_when_flat(self, settling: "Settling") -> Callable[[State], None]:
        """Close what is open, and stop when that is done."""
        reason = "asked to flatten while no bot ran"
        self._inbox.put(Command(at_ms=self._clock.now_ms(), name="flatten", reason=reason))

        def settled(state: State) -> None:
            settling(state)
            if state.brakes.trips and not state.brakes.flatten and not state.stopping:
                self._inbox.put(Command(at_ms=state.now_ms, name="stop", reason="everything is closed"))

        return settled

    def _desk_of(self, venue: Venue, wallet: Wallet) -> Desk:
        url = self._loaded.secrets.database_url
        return Desk(lambda: Box(url, venue=venue.name, account=wallet.account), Path(HALT), self._inbox, self._clock)

    def _thread_died(self, reason: str) -> None:
        self._inbox.put(Faulted(at_ms=self._clock.now_ms(), where="thread", reason=reason))

    def _stop_on_signals(self) -> None:
        """The first signal asks to stop, the second forces it."""
        asked: list[int] = []

        def on_signal(number: int, _frame: object) -> None:
            if asked:
                os._exit(EXIT_FORCED)
            asked.append(number)
            name = signal.Signals(number).name
            self._inbox.put(Command(at_ms=self._clock.now_ms(), name="stop", reason=name))

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, on_signal)

    def _stop_after(self, seconds: float) -> None:
        def stop() -> None:
            reason = f"{seconds:g} seconds are over"
            self._inbox.put(Command(at_ms=self._clock.now_ms(), name="stop", reason=reason))

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        self._parts.callback(timer.cancel)


def _say(note: Note) -> None:
    logs.log(note.topic, note.text, note.level)
