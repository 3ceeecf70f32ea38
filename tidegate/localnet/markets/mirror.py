"""Another venue's market, live: its books, prints and oracles played into our kernel as they arrive (paper trading).

When an order fills. A taker takes the book that the venue shows, at its prices and sizes; what it took stays gone
until the venue shows another size there. A resting order fills when the venue trades beyond its price, when the
venue's other side comes to its price, or at its price after the volume that stood before it (see `places`). Two of
our clients meet each other as anywhere.

What is not modelled. The venue does not know our orders: they move no price and nobody reacts to them. It shows 20
levels, five of them twice a second, the touch with every block, the rest every five seconds or so: deeper sizes may
be that old. While the connection is away the books are empty, so that nobody trades on old prices, and what the venue
printed meanwhile is played afterwards only as far as it repeats it (about 30 trades). Marks and funding are computed
here, from the mirrored oracles and books. Coins that are not mirrored show the venue's mids and have no book.

Owns the playing, and no network: `stream` listens and `pages` asked before the start. Never invents a price.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tidegate.localnet.kernel.book import Standing
from tidegate.localnet.kernel.prints import Elsewhere
from tidegate.localnet.markets.candles import CandleStore
from tidegate.localnet.markets.house import Level
from tidegate.localnet.mirror.frames import ActiveContext, Book, CannotMirror, Mids, News, Touch, Trade, read
from tidegate.localnet.mirror.places import Due, Places, Printed
from tidegate.localnet.mirror.shown import ShownBook

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

TRADES_REMEMBERED = 1000  # of a coin, to tell what is repeated after a reconnect
UNREADABLE_MAX = 100  # frames in a row: then this is another protocol than ours
Hear = Callable[[bytes | None], Awaitable[None]]
Sides = tuple[Sequence[Level], Sequence[Level]]


class Opening(NamedTuple):
    """What a mirror knows when it opens. `candles` has every coin to mirror, `oracles` a first price of every coin."""

    candles: Mapping[str, CandleStore]
    oracles: Mapping[str, Decimal]
    books: Sequence[Book]
    recent: Mapping[str, Sequence[Trade]]


class _Mirrored:
    """What is known of one coin."""

    def __init__(self) -> None:
        self.shown = ShownBook()
        self.places = Places()
        self.printed: deque[tuple[int, int]] = deque(maxlen=TRADES_REMEMBERED)

    def is_new(self, trade: Trade) -> bool:
        """Say whether a trade was not seen before, and remember it."""
        name = (trade.time, trade.tid)
        if name in self.printed or (self.printed and trade.time < self.printed[0][0]):
            return False
        self.printed.append(name)
        return True


class MirrorMarket:
    """A venue's market as it happens. `follow` listens; `hear` takes one message, None for a lost connection."""

    def __init__(
        self,
        says: str,
        opening: Opening,
        listen: Callable[[Hear], Awaitable[None]],
        now_ms: Callable[[], int],
    ) -> None:
        """`listen` hands over every message until it is cancelled; `now_ms` is exchange time."""
        self.says = says
        self.coins: tuple[str, ...] = tuple(opening.candles)
        self.start_ms = now_ms()
        self.lost_connections = 0
        self._listen = listen
        self._now_ms = now_ms
        self._opening = opening
        self._mirrored = {coin: _Mirrored() for coin in opening.candles}
        self._heard: deque[tuple[int, bytes | None]] = deque()
        self._unreadable = 0

    def prepare(self, exchange: "Exchange") -> None:
        """Load the candles, set the first oracles, show the first books."""
        for coin, store in self._opening.candles.items():
            exchange.load_candles(coin, store)
        for coin, px in self._opening.oracles.items():
            exchange.set_oracle(coin, px)
        for coin, trades in self._opening.recent.items():
            for trade in sorted(trades, key=lambda trade: trade.time):
                self._mirrored[coin].is_new(trade)
        for book in self._opening.books:
            self._play(exchange, book)

    def next_ms(self) -> int | None:
        """When the oldest message that waits was heard, None when all are played."""
        return self._heard[0][0] if self._heard else None

    def step(self, exchange: "Exchange") -> None:
        """Play the oldest message."""
        _, message = self._heard.popleft()
        if message is None:
            self._go_dark(exchange)
            return
        try:
            news = read(message)
        except msgspec.MsgspecError:
            self._unreadable += 1
            if self._unreadable == UNREADABLE_MAX:
                raise CannotMirror(f"the mirrored venue sends what is no market data: {message[:200]!r}") from None
            return
        self._unreadable = 0
        self._play(exchange, news)

    def hear(self, message: bytes | None) -> None:
        """Take in a message at the present moment."""
        self._heard.append((self._now_ms(), message))

    async def follow(self, arrived: Callable[[], Awaitable[None]]) -> None:
        """Listen until cancelled; `arrived` is awaited after each message and plays it."""

        async def hear(message: bytes | None) -> None:
            self.hear(message)
            await arrived()

        await self._listen(hear)

    def _play(self, exchange: "Exchange", news: News | None) -> None:
        match news:
            case Book():
                bids, asks = ([level.level() for level in side] for side in news.levels)
                self._show(exchange, news.coin, news.time, (bids, asks), is_whole=not news.fast)
            case Touch():
                bids, asks = ([level.level()] if level else [] for level in news.bbo)
                self._show(exchange, news.coin, news.time, (bids, asks), is_whole=False)
            case list():
                for trade in news:
                    self._print(exchange, trade)
            case ActiveContext():
                if news.ctx.oracle_px and news.coin in self._mirrored:
                    exchange.set_oracle(news.coin, news.ctx.oracle_px)
            case Mids():
                for coin, px in news.mids.items():
                    if coin not in self._mirrored and coin in self._opening.oracles and px > 0:
                        exchange.set_oracle(coin, px)

    def _show(self, exchange: "Exchange", coin: str, time_ms: int, sides: Sides, *, is_whole: bool) -> None:
        """Take in a newer book of the venue."""
        mirrored = self._mirrored.get(coin)
        if mirrored is None:
            return
        standing = self._settle(exchange, coin, mirrored)
        if mirrored.shown.show(time_ms, *sides, is_whole=is_whole):
            mirrored.places.see_book(time_ms, standing, mirrored.shown.size_at)
            self._quote(exchange, coin, mirrored)

    def _print(self, exchange: "Exchange", trade: Trade) -> None:
        """Fill whom the venue's trade would have filled; what is left of it is printed as it was."""
        mirrored = self._mirrored.get(trade.coin)
        if mirrored is None or not mirrored.is_new(trade):
            return
        standing = self._settle(exchange, trade.coin, mirrored)
        due = mirrored.places.see_print(Printed(trade.time, trade.side, trade.px, trade.sz), standing)
        ours = sum((each.sz for each in due if each.order.px == trade.px), Decimal(0))
        if due:
            self._fill(exchange, trade.coin, mirrored, due)
        if trade.sz > ours:
            left = trade.sz - ours
            exchange.report(Elsewhere(trade.coin, trade.side, trade.px, left, trade.hash, trade.tid, trade.users))

    def _fill(self, exchange: "Exchange", coin: str, mirrored: _Mirrored, due: list[Due]) -> None:
        """Let the house take from orders whose turn it is, with its own size out of their way."""
        bids, asks = mirrored.shown.bids.offered(), mirrored.shown.asks.offered()
        for order, sz in due:
            bids = [level for level in bids if not order.is_buy or level[0] < order.px]
            asks = [level for level in asks if order.is_buy or level[0] > order.px]
            exchange.quote(coin, bids, asks)
            exchange.trade(coin, "A" if order.is_buy else "B", order.px, sz)
        self._quote(exchange, coin, mirrored)
        mirrored.places.follow(exchange.standing(coin), mirrored.shown.size_at)

    def _settle(self, exchange: "Exchange", coin: str, mirrored: _Mirrored) -> list[Standing]:
        """Notice what clients took and placed since; returns their resting orders in the order of priority."""
        bids, asks = exchange.house_left(coin)
        mirrored.shown.bids.note_taken(bids)
        mirrored.shown.asks.note_taken(asks)
        standing = exchange.standing(coin)
        mirrored.places.follow(standing, mirrored.shown.size_at)
        return standing

    def _quote(self, exchange: "Exchange", coin: str, mirrored: _Mirrored) -> None:
        exchange.quote(coin, mirrored.shown.bids.offered(), mirrored.shown.asks.offered())

    def _go_dark(self, exchange: "Exchange") -> None:
        """Take all quotes away: what was shown is no longer known to be there."""
        self.lost_connections += 1
        for coin, mirrored in self._mirrored.items():
            self._settle(exchange, coin, mirrored)
            mirrored.shown.clear()
            exchange.quote(coin, (), ())
