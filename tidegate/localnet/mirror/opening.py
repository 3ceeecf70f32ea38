"""Opening a mirror: what is asked before the start, and the market that then follows the venue.

Owns which venue a name means, which coins are mirrored, and how much history is asked for: as much as fits into one
minute's weight. The only place that joins the network (`pages`, `stream`) and the market.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from tidegate.localnet.kernel.universe import Universe
from tidegate.localnet.markets.candles import CandleStore
from tidegate.localnet.markets.mirror import MirrorMarket, Opening
from tidegate.localnet.mirror.frames import CannotMirror, subscriptions
from tidegate.localnet.mirror.pages import Listing, Pages
from tidegate.localnet.mirror.stream import Stream

VENUES = {"mainnet": "https://api.hyperliquid.xyz", "testnet": "https://api.hyperliquid-testnet.xyz"}
COINS_BY_ITSELF = 6  # the busiest, when nobody names any
COINS_MAX = 12
DEEP_INTERVALS, DEEP_COUNT = ("1m", "5m", "1h", "1d"), 1000
SHORT_INTERVALS, SHORT_COUNT = ("1m", "1h"), 500  # for more than COINS_BY_ITSELF coins


def base_url(source: str) -> str:
    """The venue's base URL for "mainnet", "testnet" or a URL. Raises CannotMirror for anything else."""
    url = VENUES.get(source, source).rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise CannotMirror(
            f"mirror {source!r}: expected mainnet, testnet or a URL that begins with http:// or https://"
        )
    return url


def open_mirror(source: str, coins: Sequence[str] | None, now_ms: Callable[[], int]) -> tuple[Universe, MirrorMarket]:
    """Ask the venue what it lists and open its market. `now_ms` is exchange time. Raises CannotMirror."""
    url = base_url(source)
    pages = Pages(url)
    listing = pages.listing()
    chosen = tuple(dict.fromkeys(coins)) if coins else listing.busiest(COINS_BY_ITSELF)
    _check(url, listing, chosen)
    opening = Opening(
        {coin: _candles(pages, coin, len(chosen), now_ms()) for coin in chosen},
        listing.prices,
        [pages.book(coin) for coin in chosen],
        {coin: pages.recent_trades(coin) for coin in chosen},
    )
    says = (
        f"mirror of {url}: {', '.join(chosen)} live; orders stay here and fill against what the venue shows, resting"
        " ones behind the volume before them"
    )
    stream = Stream(url.replace("http", "ws", 1) + "/ws", list(subscriptions(chosen)))
    return listing.universe, MirrorMarket(says, opening, stream.follow, now_ms)


def _candles(pages: Pages, coin: str, coins: int, now_ms: int) -> CandleStore:
    is_deep = coins <= COINS_BY_ITSELF
    intervals, count = (DEEP_INTERVALS, DEEP_COUNT) if is_deep else (SHORT_INTERVALS, SHORT_COUNT)
    minutes, *coarser = (pages.candles(coin, interval, count, now_ms) for interval in intervals)
    return CandleStore(coin, minutes if len(minutes) else None, coarser=coarser)


def _check(url: str, listing: Listing, coins: Sequence[str]) -> None:
    if len(coins) > COINS_MAX:
        raise CannotMirror(f"mirror {url}: expected at most {COINS_MAX} coins, found {len(coins)}; name fewer")
    known = {rule.name for rule in listing.universe.perps if not rule.is_delisted}
    known.update(pair.name for pair in listing.universe.spots)
    for coin in coins:
        if coin not in known:
            near = get_close_matches(coin, known, 1)
            hint = f"; did you mean {near[0]}" if near else ""
            raise CannotMirror(f"mirror {url}: the venue does not list {coin!r}{hint}; names are case-sensitive")
