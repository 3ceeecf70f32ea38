"""Which exchange a session talks to, and what is particular to it: addresses, keys, clock, play money.

The built-in localnet is started (or found again) and stopped here; the real networks are addresses in a table.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import requests

from tidegate.clock import ExchangeClock, seconds_up
from tidegate.config import Loaded
from tidegate.errors import ConfigError, StorageError, Unreachable
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import DATA_WEIGHT, RESERVED_WEIGHT, WEIGHT_PER_MINUTE, Budget
from tidegate.hyperliquid.shared_minute import SharedMinute
from tidegate.localnet.arguments import MarketChoice
from tidegate.localnet.child import LocalnetChild, ask
from tidegate.model.orders import instance_tag
from tidegate.model.settings import Network, Settings

URLS = {
    Network.MAINNET: "https://api.hyperliquid.xyz",
    Network.TESTNET: "https://api.hyperliquid-testnet.xyz",
}
PLAY_MONEY_USD = 10_000
ASK_TIMEOUT_S = 5
ALIGN_MIN_MS = 3_600_000
DATA_DIR = Path("data")

PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "WSS_PROXY")


@dataclass(frozen=True)
class Venue:
    """An exchange to trade on. `name` scopes what the ledger keeps; `throw_away_key` is set on localnet only."""

    name: str
    url: str
    says: str
    market: str = ""
    tag: str = ""
    throw_away_key: str = ""
    proxy: str = ""

    @property
    def stream_url(self) -> str:
        """Where the WebSocket is."""
        return "ws" + self.url.removeprefix("http") + "/ws"

    @property
    def is_play_money(self) -> bool:
        """Whether nothing here is worth anything."""
        return bool(self.throw_away_key)

    def fund(self, account: str) -> None:
        """Give a throw-away account its play money."""
        try:
            body = {"user": account, "usdc": PLAY_MONEY_USD}
            ask("POST", f"{self.url}/localnet/fund", body, ASK_TIMEOUT_S).raise_for_status()
        except requests.RequestException as error:
            raise Unreachable(f"localnet at {self.url} did not fund the account: {error}") from None


def budget_of(settings: Settings, venue: Venue) -> Budget:
    """The REST budget of one bot: its own, or with SHARED_BUDGET that of all bots of this host on this exchange.

    Where the candles are polled anyway, they may have more of it.
    """
    data_weight = DATA_WEIGHT if settings.streams_candles else WEIGHT_PER_MINUTE - RESERVED_WEIGHT
    minute = SharedMinute(Path(tempfile.gettempdir()), venue.url) if settings.shared_budget else None
    return Budget(monotonic=seconds_up, minute=minute, data_weight=data_weight)


@contextmanager
def open_venue(
    loaded: Loaded, choice: MarketChoice, program: Path, clock: ExchangeClock, data_dir: Path = DATA_DIR
) -> Iterator[Venue]:
    """The exchange of NETWORK, with `clock` following its time; a localnet of our own is stopped at the end.

    `data_dir` is where it notes that it runs: a bot of the same folder finds it there again.
    """
    network = loaded.settings.network
    if network is not Network.LOCALNET:
        if choice.is_set:
            raise ConfigError([f"--replay, --from and --speed: for NETWORK=localnet only, it is {network.value}"])
        url = URLS[network]
        proxy = loaded.settings.proxy
        _follow(clock, url, proxy)
        yield Venue(name=network.value, url=url, says=f"{network.value} ({url}{_way(proxy)})", proxy=proxy)
        return
    if loaded.localnet_url:
        yield _localnet(loaded.localnet_url.rstrip("/"), choice, clock)
        return
    if choice.mirror:
        choice = replace(choice, coins=tuple(dict.fromkeys((*loaded.settings.coins, *loaded.settings.majors))))
    arguments = choice.arguments(max(loaded.settings.timeframe.ms, ALIGN_MIN_MS))
    log = Path(loaded.settings.log_dir) / "localnet.err"
    child = LocalnetChild(program, arguments, data_dir / "localnet.json", log)
    try:
        yield _localnet(child.open().url, choice, clock)
    except StorageError:
        child.leave()  # the positions on it are what a broken database is rebuilt from
        raise
    finally:
        child.stop()


def _way(proxy: str) -> str:
    """Which way requests take, where that is not the straight one or could be thought to be another."""
    if proxy:
        return f", through the proxy {proxy}"
    ignored = [name for name in PROXY_VARIABLES if os.environ.get(name) or os.environ.get(name.lower())]
    return f", directly: {' and '.join(ignored)} of the environment not used, PROXY would be" if ignored else ""


def _follow(clock: ExchangeClock, url: str, proxy: str) -> None:
    """Set the clock by the exchange's: its answer is as old as half the way."""
    with closing(HyperliquidClient(url, budget=Budget(), proxy=proxy)) as client:
        asked_s = time.monotonic()
        try:
            exchange_ms = client.exchange_ms()
        except Unreachable as error:
            why = f"{url} cannot be reached ({error}): check this machine's network and try again"
            raise Unreachable(why) from None
    clock.follow(exchange_ms + int((time.monotonic() - asked_s) * 500), 1.0)


def _localnet(url: str, choice: MarketChoice, clock: ExchangeClock) -> Venue:
    try:
        page: dict[str, Any] = ask("GET", f"{url}/localnet/clock", timeout_s=ASK_TIMEOUT_S).json()
        clock.follow(int(page["time_ms"]), float(page["speed"]))
        name, market = f"localnet:{page['instance']}", str(page["says"])
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise Unreachable(
            f"LOCALNET_URL={url}: no localnet answers there ({type(error).__name__}); start one: python bot.py localnet"
        ) from None
    seed = f"tidegate localnet {choice.seed}"
    return Venue(
        name=name,
        url=url,
        says=f"the built-in exchange at {url}: play money, no keys, no network",
        market=market,
        tag=instance_tag(seed),
        throw_away_key="0x" + sha256(seed.encode()).hexdigest(),
    )
