"""`python bot.py repair`: a database that cannot be trusted is set aside, and a new one made of what is still known.

Looks at a copy, asks the exchange, builds the new database beside the old one, and exchanges the two at the very end:
whatever fails before leaves everything as it was. Never while a bot runs on the wallet. Sends no order.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import requests
from msgspec.structs import replace as struct_replace

from tidegate.clock import ExchangeClock
from tidegate.config import Loaded
from tidegate.core import rebuilt
from tidegate.core.rebuilt import Taken
from tidegate.errors import StorageError
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.instruments import resolve
from tidegate.hyperliquid.limits import Budget
from tidegate.localnet.arguments import MarketChoice
from tidegate.localnet.child import ask
from tidegate.lock import one_bot_per_wallet
from tidegate.model.brakes import Brakes
from tidegate.model.events import Account
from tidegate.model.orders import instance_tag, is_ours
from tidegate.model.positions import Fill
from tidegate.model.records import Remembered
from tidegate.model.settings import Network
from tidegate.storage import rebuilding, rows, salvage, soundness
from tidegate.storage.rebuilding import Known
from tidegate.storage.salvage import Salvaged
from tidegate.venue import DATA_DIR, Venue, open_venue
from tidegate.wallet import Wallet, wallet_of

FILLS_ASKED_MS = 7 * 86_400_000
UNKNOWN_BRAKES = "the database was repaired and nobody knows which brakes were on; look, then say resume"
NEW = ".repaired"
HISTORY = ("orders", "fills", "closed_positions", "candles", "journal", "signed_actions")
OF_ACCOUNTS = ("ledgers", "positions", "brakes", "status", "orders")

Line = tuple[str, str, str]
"""What was taken over: what it is, what was found, where it comes from."""


@dataclass(frozen=True)
class Report:
    """What `repair` found and did. Without `aside` nothing was wrong, and nothing was changed."""

    path: Path
    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    aside: Path | None = None
    lines: tuple[Line, ...] = field(default=())


class Repair:
    """One repair. `program` is what a localnet of our own would be started with; `say` is told what is being done."""

    def __init__(self, loaded: Loaded, program: Path, say: Callable[[str], None]) -> None:
        self._loaded, self._program, self._say = loaded, program, say
        self._clock = ExchangeClock(time.time_ns() // 1_000_000)

    def run(self) -> Report:
        """Look, and mend what is broken. Raises TidegateError, with everything left as it was."""
        path = soundness.path_of(self._loaded.secrets.database_url)
        if not path.is_file():
            raise StorageError(f"database {path}: there is none to repair; start with python bot.py")
        with ExitStack() as parts:
            venue = self._venue(parts)
            wallet = self._wallet(venue)
            if venue is not None:
                parts.enter_context(one_bot_per_wallet(venue.name, wallet.account))
            soundness.require_alone(path)
            folder = parts.enter_context(tempfile.TemporaryDirectory(prefix=".repair-", dir=path.parent))
            copy = soundness.copied(path, Path(folder))
            found = soundness.examined(copy)
            if not found.problems:
                return Report(path, (), found.remarks)
            for problem in found.problems:
                self._say(f"{path}: {problem}")
            return self._mended(path, copy, found, venue, wallet)

    def _mended(
        self, path: Path, copy: Path, found: soundness.Soundness, venue: Venue | None, wallet: Wallet
    ) -> Report:
        carved = (copy.with_name(f"{copy.name}.bytes"), copy.with_name(f"{copy.name}.log"))
        for each, side in zip(carved, soundness.SIDES, strict=True):
            with suppress(FileNotFoundError):
                each.hardlink_to(f"{copy}{side}")
        left = salvage.salvaged(copy)
        lines = [_line_of(table, left) for table in HISTORY if left.of(table)]
        known: list[Known] = []
        if venue is not None:
            account = self._asked(venue, wallet)
            known, taken = self._known(venue, wallet, account, left, salvage.carved_brakes(*carved), found.log_lost)
            lines = taken + lines
        else:
            lines.insert(0, ("exchange", "nothing", "the built-in exchange of this folder is gone, and all on it"))
        if left.left_out:
            lines.append(("left out", f"{left.left_out} rows", "they cannot be understood"))
        new = path.with_name(path.name + NEW)
        rebuilding.build(new, left, known)
        return Report(path, found.problems, found.remarks, rebuilding.exchanged(new, path), tuple(lines))

    def _venue(self, parts: ExitStack) -> Venue | None:
        """The exchange of the settings; the built-in one only where it still runs: a new one knows nothing of us."""
        loaded, choice = self._loaded, MarketChoice()
        if loaded.settings.network is Network.LOCALNET and not loaded.localnet_url:
            url, seed = _localnet_of_this_folder()
            if not url:
                return None
            loaded, choice = replace(loaded, localnet_url=url), MarketChoice(seed=seed)
        return parts.enter_context(open_venue(loaded, choice, self._program, self._clock))

    def _wallet(self, venue: Venue | None) -> Wallet:
        key = (venue.throw_away_key if venue else "") or self._loaded.secrets.private_key
        return wallet_of(self._loaded.settings, key, play_money=venue is None or venue.is_play_money)

    def _asked(self, venue: Venue, wallet: Wallet) -> Account:
        client = HyperliquidClient(venue.url, budget=Budget(), proxy=venue.proxy)
        try:
            instruments, _ = client.instruments()
            names = (resolve(coin, instruments) for coin in self._loaded.settings.coins)
            self._coins = tuple(name for name in names if name)
            return client.account(wallet.account, self._clock.now_ms() - FILLS_ASKED_MS)
        finally:
            client.close()

    def _known(
        self,
        venue: Venue,
        wallet: Wallet,
        account: Account,
        left: Salvaged,
        carved: list[Brakes],
        log_lost: bool,
    ) -> tuple[list[Known], list[Line]]:
        now_ms, scope = self._clock.now_ms(), {"venue": venue.name, "account": wallet.account}
        signer = wallet.signer.address if wallet.signer else wallet.account
        brakes, source = _brakes(left, scope, carved, log_lost, now_ms)
        nonce = _nonce(left, scope, signer, now_ms)
        tag = venue.tag or instance_tag(f"{venue.name}|{wallet.account}")
        settings = struct_replace(self._loaded.settings, coins=self._coins)
        taken = rebuilt.records(settings, tag, account, _remembered(left, scope), now_ms)
        fills = _fills_to_keep(account, taken)
        orders = tuple(order for order in account.orders if is_ours(order.cloid, tag))
        known = Known(
            venue=venue.name,
            account=wallet.account,
            signer=signer,
            nonce=nonce,
            brakes=brakes,
            records=tuple(each.record for each in taken),
            orders=orders,
            fills=fills,
            at_ms=now_ms,
        )
        lines: list[Line] = [_line_of_coin(each) for each in taken if each.position is not None or each.is_gone]
        on = ", ".join(f"{trip.brake.value}: {trip.reason}" for trip in brakes.trips) or "none on"
        others = len(account.orders) - len(orders)
        lines += [
            ("open orders", f"{len(orders)} of this bot, {others} of others", "the exchange"),
            ("fills", f"{len(fills)} of the last seven days", "the exchange"),
            ("equity", f"{account.equity:,.2f} USD", "the exchange"),
            ("brakes", on, source),
            ("nonce", f"above {nonce}", "the highest of all that is known, and the exchange's time"),
            ("signals", f"none of a bar before {_utc(now_ms)} is acted on", "this repair"),
        ]
        return [known, *_others(left, scope, log_lost, now_ms)], lines


def _localnet_of_this_folder() -> tuple[str, int]:
    """Where the built-in exchange of this folder still runs, and with which seed; nowhere when it is gone."""
    try:
        noted = json.loads((DATA_DIR / "localnet.json").read_text())
        running = ask("GET", f"{noted['url']}/localnet/clock").json()
        if running["instance"] != noted["instance"]:
            return "", 1
        words = [str(word) for word in noted["arguments"]]
        return str(noted["url"]), int(words[words.index("--seed") + 1]) if "--seed" in words else 1
    except (OSError, ValueError, KeyError, TypeError, IndexError, requests.RequestException):
        return "", 1


def _brakes(
    left: Salvaged, scope: dict[str, str], carved: list[Brakes], log_lost: bool, now_ms: int
) -> tuple[Brakes, str]:
    """The brakes as they were, where that is sure; else the stricter of all that is known, and a pause."""
    stored = [rows.brakes_of(row["record"]) for row in left.of("brakes", **scope)]
    if not log_lost and (stored or "brakes" not in left.broken):
        return (stored or [Brakes()])[0], "the old database"
    told, _ = salvage.journal_of(left.of("journal", **scope))
    known = rebuilt.stricter([*stored, *([told] if told else []), *carved], now_ms)
    return rebuilt.paused(known, UNKNOWN_BRAKES, now_ms), "the stricter of all that could be read"


def _others(left: Salvaged, scope: dict[str, str], log_lost: bool, now_ms: int) -> list[Known]:
    """Other accounts in the same file: their positions are theirs to repair, but none of them loses a brake."""
    names = {(str(row["venue"]), str(row["account"])) for table in OF_ACCOUNTS for row in left.of(table)}
    known = []
    for venue, account in sorted(names - {(scope["venue"], scope["account"])}):
        brakes, _ = _brakes(left, {"venue": venue, "account": account}, [], log_lost, now_ms)
        known.append(Known(venue=venue, account=account, signer="", nonce=0, brakes=brakes, records=(), at_ms=now_ms))
    return known


def _nonce(left: Salvaged, scope: dict[str, str], signer: str, now_ms: int) -> int:
    """Above all nonces that are known to have been used: whichever were not written down are below the clock."""
    _, told = salvage.journal_of(left.of("journal", **scope))
    seen = [row["last_nonce"] for row in left.of("nonces", venue=scope["venue"], signer=signer)]
    seen += [row["nonce"] for table in ("signed_actions", "orders") for row in left.of(table, **scope)]
    return max(now_ms, told, *(each for each in seen if isinstance(each, int)), 0)


def _remembered(left: Salvaged, scope: dict[str, str]) -> dict[str, Remembered]:
    found = (rows.remembered_of(row["record"]) for row in left.of("positions", **scope))
    return {record.coin: record for record in found}


def _fills_to_keep(account: Account, taken: Iterable[Taken]) -> tuple[Fill, ...]:
    """The fills for the ledger; those since a position that is gone began are left for the start, which books it."""
    gone = [each.record.position.opened_ms for each in taken if each.is_gone and each.record.position is not None]
    return tuple(fill for fill in account.fills if fill.time_ms < min(gone, default=fill.time_ms + 1))


def _line_of(table: str, left: Salvaged) -> Line:
    why = left.broken.get(table)
    source = f"the old database, as far as it can be read ({why})" if why else "the old database"
    count = len(left.of(table))
    return f"history: {table.replace('_', ' ')}", f"{count} row{'' if count == 1 else 's'}", source


def _line_of_coin(taken: Taken) -> Line:
    position, bracket = taken.position, taken.record.bracket
    if position is None:
        return f"{taken.record.coin} position", "gone; the next start books it", taken.source
    stop = f", stop {bracket.stop}" if bracket is not None else ""
    return f"{taken.record.coin} position", f"{position.size} from {position.entry_price:f}{stop}", taken.source


def _utc(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
