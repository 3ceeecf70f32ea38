"""The examination: what is looked at, in which order, and what follows from it.

Every step gives findings and leaves the next ones what they need; without an answer from the exchange it ends early.
A wallet that another bot is trading with gets no order.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from tidegate.clock import ExchangeClock
from tidegate.config import Loaded, check_against_market
from tidegate.doctor.far_order import SUBJECT as ORDER
from tidegate.doctor.far_order import FarOrder
from tidegate.doctor.findings import CONFIGURATION, EXCHANGE, Finding, fail, ok, skipped, warning
from tidegate.doctor.hearing import Listening, NewStream
from tidegate.errors import ConfigError, ExchangeError, OtherBotRunning, StorageError
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.instruments import resolve
from tidegate.hyperliquid.limits import WEIGHT_PER_MINUTE, Budget, weight_per_minute
from tidegate.hyperliquid.people import mode_words
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.localnet.arguments import MarketChoice
from tidegate.lock import one_bot_per_wallet
from tidegate.model.instruments import Instrument
from tidegate.model.orders import instance_tag
from tidegate.model.settings import Settings
from tidegate.storage.ledger import Ledger
from tidegate.venue import Venue, open_venue
from tidegate.wallet import Wallet, examine, wallet_of

CLOCK_SAMPLES = 3
SKEW_WARNED_MS, SKEW_MAX_MS = 1_000, 30_000
REQUESTS_FEW = 500
DAY_MS = 86_400_000


class Examination:
    """One visit. `program` is the file that a localnet of our own is started with; `order`: place one and cancel it."""

    def __init__(self, loaded: Loaded, program: Path, new_stream: NewStream, *, order: bool) -> None:
        self._loaded, self._program, self._new_stream, self._order = loaded, program, new_stream, order
        self._settings: Settings = loaded.settings
        self._clock = ExchangeClock(time.time_ns() // 1_000_000)
        self._budget = Budget()
        self._may_sign = True

    def findings(self) -> Iterator[Finding]:
        """Look at everything, telling each finding when it is known."""
        settings = self._settings
        dry = ", dry run" if settings.dry_run else ""
        key = f", key from {self._loaded.key_name}" if self._loaded.key_name else ""
        yield ok(
            "configuration",
            f"sound: {settings.network.value}{dry}, {settings.strategy} on {len(settings.coins)} coins{key}",
        )
        for remark in self._loaded.remarks:
            yield warning("configuration", remark)
        with ExitStack() as parts:
            folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-doctor-")))
            try:
                opened = open_venue(self._loaded, MarketChoice(), self._program, self._clock, data_dir=folder)
                venue = parts.enter_context(opened)
                client = HyperliquidClient(venue.url, budget=self._budget, proxy=venue.proxy)
                parts.callback(client.close)
                yield from self._look(venue, client, folder)
            except (ExchangeError, OtherBotRunning) as error:
                yield fail("exchange", str(error), "", EXCHANGE)
            except ConfigError as error:
                for problem in error.problems:
                    yield fail("configuration", problem, "", CONFIGURATION)

    def _look(self, venue: Venue, client: HyperliquidClient, folder: Path) -> Iterator[Finding]:
        yield from self._reach(venue, client)
        instruments, found = self._metadata(client)
        yield found
        key = venue.throw_away_key or self._loaded.secrets.private_key
        wallet = wallet_of(self._settings, key, play_money=venue.is_play_money)
        yield from _as_far_as_it_goes("key", self._key(venue, client, wallet))
        yield from _as_far_as_it_goes("account", self._account(venue, client, wallet))
        yield from _as_far_as_it_goes("rate budget", self._rates(client, wallet))
        coins = tuple(name for name in (resolve(coin, instruments) for coin in self._settings.coins) if name)
        if not coins:
            return
        protocol = StreamProtocol(coins[:1], wallet.account, self._settings.timeframe, fills_since_ms=0)
        yield Listening(venue.stream_url, protocol, self._clock, self._new_stream).finding()
        yield from self._storage_and_order(venue, client, wallet, instruments[coins[0]], folder)

    def _reach(self, venue: Venue, client: HyperliquidClient) -> Iterator[Finding]:
        """Ask for the time some times: the quickest answer tells the way, and the clock best."""
        samples = []
        for _ in range(CLOCK_SAMPLES):
            asked_s = time.monotonic()
            exchange_ms = client.exchange_ms()
            way_ms = (time.monotonic() - asked_s) * 1000
            samples.append((way_ms, exchange_ms + way_ms / 2 - time.time_ns() / 1e6))
        way_ms, behind_ms = min(samples)
        yield ok("exchange", f"{venue.says}; answers in {way_ms:.0f} ms")
        if venue.is_play_money:
            yield ok("clock", "localnet has a time of its own, which the bot follows")
            return
        words = f"{abs(behind_ms):.0f} ms {'behind' if behind_ms >= 0 else 'ahead of'} the exchange"
        fix = "let the system set its clock: timedatectl set-ntp true"
        if abs(behind_ms) > SKEW_MAX_MS:
            yield fail("clock", words, fix)
        elif abs(behind_ms) > SKEW_WARNED_MS:
            yield warning("clock", words, fix)
        else:
            yield ok("clock", words)

    def _metadata(self, client: HyperliquidClient) -> tuple[Mapping[str, Instrument], Finding]:
        instruments, unread = client.instruments()
        problems = check_against_market(self._settings, instruments, resolve)
        if problems:
            return instruments, fail("coins", "; ".join(problems), code=CONFIGURATION)
        settings = self._settings
        words = f"{', '.join(settings.coins)} listed among {len(instruments)}, LEVERAGE={settings.leverage} allowed"
        if unread:
            return instruments, warning("coins", f"{words}; rows that could not be read: {'; '.join(unread[:3])}")
        return instruments, ok("coins", words)

    def _key(self, venue: Venue, client: HyperliquidClient, wallet: Wallet) -> Iterator[Finding]:
        if venue.is_play_money:
            yield ok("key", f"localnet's throw-away key of {wallet.account}")
            return
        relation = examine(
            wallet,
            client,
            self._settings.network,
            allow_master_key=self._settings.allow_master_key,
            now_ms=self._clock.now_ms(),
        )
        self._may_sign = not relation.problems
        for problem in relation.problems:
            yield fail("key", problem, code=CONFIGURATION)
        for words in relation.warnings:
            yield warning("key", words)
        if not relation.problems and not relation.warnings:
            yield ok("key", relation.says)

    def _account(self, venue: Venue, client: HyperliquidClient, wallet: Wallet) -> Iterator[Finding]:
        since_ms = self._clock.now_ms() - DAY_MS
        account = client.account(wallet.account, since_ms)
        if venue.is_play_money and account.equity == 0:
            venue.fund(wallet.account)
            account = client.account(wallet.account, since_ms)
        mode = mode_words(client.mode(wallet.account))
        words = f"{wallet.account}: {account.equity:,.2f} USD, {account.free:,.2f} free ({mode})"
        words += f", {len(account.positions)} positions, {len(account.orders)} open orders"
        fix = "deposit USDC, or move it from spot to perps"
        if account.equity > 0:
            yield ok("account", words)
        elif self._settings.dry_run:
            yield warning("account", words, fix)
        else:
            yield fail("account", words, fix)

    def _rates(self, client: HyperliquidClient, wallet: Wallet) -> Iterator[Finding]:
        settings, requests = self._settings, client.requests(wallet.account)
        words = f"{requests.n_requests_used:,} of the account's {requests.n_requests_cap:,} actions used"
        fix = "an action more comes with each traded dollar; without any the exchange takes one in 10 s"
        if requests.left == 0:
            yield fail("rate budget", words, fix)
        elif requests.left < REQUESTS_FEW:
            yield warning("rate budget", words, fix)
        else:
            used = weight_per_minute(
                len(settings.coins),
                float(settings.check_interval_s),
                float(settings.fallback_interval_s),
                settings.stream.value,
            )
            yield ok("rate budget", f"{words}; REST weight {used:.0f} of {WEIGHT_PER_MINUTE} a minute at worst")

    def _storage_and_order(
        self, venue: Venue, client: HyperliquidClient, wallet: Wallet, instrument: Instrument, folder: Path
    ) -> Iterator[Finding]:
        url = f"sqlite:///{folder}/doctor.db" if venue.is_play_money else self._loaded.secrets.database_url
        signer = wallet.signer
        with ExitStack() as parts:
            try:
                parts.enter_context(one_bot_per_wallet(venue.name, wallet.account))
                address = signer.address if signer else None
                ledger = Ledger(url, venue=venue.name, account=wallet.account, signer=address)
                ledger.open()
            except OtherBotRunning:
                yield warning(ORDER, "not tried: a bot trades with this wallet now")
                return
            except StorageError as error:
                yield fail("database", str(error), "see DATABASE_URL, and the space on the disk")
                return
            parts.callback(ledger.close)
            yield ok("database", "a throw-away one" if venue.is_play_money else f"{self._settings.database_url} opens")
            if (why := self._why_no_order()) is not None:
                yield skipped(ORDER, why)
                return
            mark = client.marks([instrument.coin]).get(instrument.coin)
            if mark is None:
                yield fail(ORDER, f"not tried: {instrument.coin} has no mark price")
                return
            yield self._far_order(venue, client, wallet, instrument, ledger, mark)

    def _why_no_order(self) -> str | None:
        if not self._order:
            return "--no-order"
        if self._settings.dry_run:
            return "a dry run sends none"
        return None if self._may_sign else "this key must not sign for this account"

    def _far_order(
        self,
        venue: Venue,
        client: HyperliquidClient,
        wallet: Wallet,
        instrument: Instrument,
        ledger: Ledger,
        mark: Decimal,
    ) -> Finding:
        assert wallet.signer is not None, "whoever has no key places no order"
        return FarOrder(
            client=client,
            clock=self._clock,
            ledger=ledger,
            settings=replace(self._settings, coins=(instrument.coin,)),
            instrument=instrument,
            mark=mark,
            wallet=wallet,
            signer=wallet.signer,
            tag=venue.tag or instance_tag(f"{venue.name}|{wallet.account}"),
        ).finding()


def _as_far_as_it_goes(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """What one step finds; a question that gets no answer is a finding too, and the next step is asked all the same."""
    try:
        yield from findings
    except ExchangeError as error:
        yield fail(subject, str(error), "try again; the exchange answered the question before", EXCHANGE)
