"""The kernel of the local exchange: one object that the market, the doors and the streams talk to.

Owns the exchange's time and the order in which things happen within a call: first what was asked, then the
trigger orders that a moved mark fires, then everybody is told. It opens no socket, reads no clock and knows
no chance: the same calls in the same order give the same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeVar

from tidegate.localnet.actions.carry_out import Actions
from tidegate.localnet.info import web
from tidegate.localnet.info.answer import answer
from tidegate.localnet.info.desk import Desk
from tidegate.localnet.kernel import funding, liquidation, prints, triggers, value_history
from tidegate.localnet.kernel.block import Feed
from tidegate.localnet.kernel.book import Quote, Standing, check_quotes, worst_first
from tidegate.localnet.kernel.matching import Taker, sweep
from tidegate.localnet.kernel.numbers import wire
from tidegate.localnet.kernel.operators import Operators
from tidegate.localnet.kernel.oracle_hour import OracleHour
from tidegate.localnet.kernel.orders import Order
from tidegate.localnet.kernel.prices import MARK_INTERVAL_MS, PERP_WEIGHTS, weighted_median
from tidegate.localnet.kernel.prints import Elsewhere
from tidegate.localnet.kernel.reply import Reply
from tidegate.localnet.kernel.trading_day import Candles
from tidegate.localnet.kernel.universe import Universe
from tidegate.localnet.kernel.venue import Venue

__all__ = ["Candles", "Exchange", "Feed", "Reply"]

BOOK_DEPTH = 20

Row = dict[str, Any]
T = TypeVar("T")


class Exchange:
    """The exchange. Money is Decimal, times are ms of exchange time, addresses 0x and 40 hex digits.

    `fund_on_first_action` gives a new signer WELCOME_USDC with its first valid action; without it an unknown
    signer gets the exchange's "does not exist". `wall_ms`, when given, is a second clock around which nonces
    are accepted: at another speed than 1 the SDK's wall-clock nonces would leave the window around `now_ms`.
    """

    def __init__(
        self,
        universe: Universe,
        *,
        start_ms: int,
        instance: str = "",
        fund_on_first_action: bool = True,
        wall_ms: Callable[[], int] | None = None,
    ) -> None:
        self.universe = universe
        self.instance = instance
        self._venue = Venue(universe, start_ms)
        self._actions = Actions(self._venue, fund_on_first_action=fund_on_first_action, wall_ms=wall_ms)
        self._desk = Desk(self._venue, self)
        self.operators = Operators(self._venue, self._close)
        self._premiums = funding.Sampler(start_ms)
        funding.await_next_hour(self._venue)
        value_history.await_next_sample(self._venue)
        self._next_mark_ms = start_ms + MARK_INTERVAL_MS
        self._rendered: dict[str, tuple[int, Row]] = {}

    @property
    def now_ms(self) -> int:
        """Exchange time; only `advance` moves it."""
        return self._venue.now_ms

    @property
    def venue(self) -> Venue:
        """All that stands when no call is in progress: for who puts an exchange somewhere, never for a client."""
        return self._venue

    @property
    def next_mark_ms(self) -> int:
        """When marks are to be refreshed next: who visits this moment has them on their exact times."""
        return self._next_mark_ms

    @property
    def samples_taken(self) -> int:
        """How many premium samples are behind us, counted since the epoch."""
        return self._premiums.taken

    def stand_at(self, now_ms: int) -> None:
        """Marks, books and samples have been put where they are at `now_ms`: stand there without playing up to it."""
        self._venue.now_ms = now_ms
        self._premiums.taken = now_ms // funding.SAMPLE_MS
        marked = [prices.marked_ms for prices in self._venue.prices.values() if not prices.rule.is_delisted]
        self._next_mark_ms = min(marked, default=now_ms) + MARK_INTERVAL_MS

    def ring(self, now_ms: int) -> None:
        """Let what was set for this time happen where everything stands, without playing up to it."""
        self._ring_until(now_ms)

    @property
    def free_requests(self) -> int:
        """Actions that an address may send before it has traded anything (section 7.2)."""
        return self._venue.free_requests

    @free_requests.setter
    def free_requests(self, count: int) -> None:
        self._venue.free_requests = count

    @property
    def volume_gates(self) -> bool:
        """Whether sub-accounts, scheduled cancels and referral codes ask for a traded volume first."""
        return self._venue.people.volume_gates

    @volume_gates.setter
    def volume_gates(self, stand: bool) -> None:
        self._venue.people.volume_gates = stand

    @property
    def feed(self) -> list[Feed]:
        """Subscribers of what happens; append or remove your own."""
        return self._venue.block.feed

    @property
    def users(self) -> list[str]:
        """The addresses that have an account, in the order in which it was opened."""
        return list(self._venue.accounts)

    def advance(self, now_ms: int) -> None:
        """Let time pass; marks are refreshed when theirs are due. Earlier times are ignored."""
        if now_ms <= self._venue.now_ms:
            return
        self._ring_until(now_ms)
        self._premiums.take_until(self._venue, now_ms)
        self._venue.now_ms = now_ms
        if now_ms < self._next_mark_ms:
            return
        self._next_mark_ms = now_ms + MARK_INTERVAL_MS
        for coin, prices in self._venue.prices.items():
            age_ms = now_ms - prices.marked_ms
            if age_ms < MARK_INTERVAL_MS:
                self._next_mark_ms = min(self._next_mark_ms, prices.marked_ms + MARK_INTERVAL_MS)
            elif not prices.rule.is_delisted:
                self._refresh_mark(coin)
        for coin in self._venue.spots:
            self._refresh_mark(coin)
        self._close()

    def quote(self, coin: str, bids: Sequence[Quote], asks: Sequence[Quote]) -> None:
        """Replace the house's liquidity: (px, sz, n) a level, any order, either side may be empty.

        Sizes that stay keep their place in the queue. A quote that crosses resting client orders trades with
        them first, as taker; what is left of it rests. Nobody quotes a delisted coin.
        """
        bids, asks = worst_first(bids, asks)
        check_quotes(bids, asks)
        if self._is_over(coin):
            return
        book = self._venue.books[coin]
        before = book.version
        if book.bids.clients or book.asks.clients:
            self._quote_among_clients(coin, bids, asks)
        else:
            book.replace_house(bids, asks)
        if book.version != before:
            self._venue.block.book(coin)
        self._close()

    def trade(self, coin: str, side: Literal["B", "A"], px: Decimal, sz: Decimal) -> None:
        """Let the house take with an IOC of limit `px`; whatever matches is printed."""
        if self._is_over(coin):
            return
        venue = self._venue
        given_px = venue.books[coin].give(px, sz, is_bid=side == "A")
        if given_px is None:
            sweep(venue, Taker(coin, side == "B", px, sz))
        else:
            prints.between_houses(venue, coin, side, given_px, sz)
        self._close()

    def set_oracle(self, coin: str, px: Decimal) -> None:
        """Publish an oracle price; the mark follows at once. A delisted coin keeps what it was settled at.

        A spot pair has no oracle: only its mark is refreshed.
        """
        if self._is_over(coin):
            return
        if coin in self._venue.spots:
            self._refresh_mark(coin)
            self._close()
            return
        self._venue.oracle_hours.setdefault(coin, OracleHour()).note(self.now_ms, px)
        self._venue.prices[coin].oracle = px
        self._refresh_mark(coin)
        self._venue.block.asset_ctx(coin)
        self._close()

    def report(self, elsewhere: Elsewhere) -> None:
        """Print a trade that happened at another venue: no book and no account here had a part in it."""
        prints.report(self._venue, elsewhere)
        self._close()

    def standing(self, coin: str) -> list[Standing]:
        """The clients' orders that rest in a book, bids first, each side in the order in which it trades."""
        book = self._venue.books[coin]
        resting = [*book.clients(is_bid=True), *book.clients(is_bid=False)]
        return [
            Standing(order.oid, order.is_buy, order.limit_px, order.sz) for order in resting if isinstance(order, Order)
        ]

    def house_left(self, coin: str) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
        """What is left of the house's bids and asks, size by price."""
        book = self._venue.books[coin]
        return book.house(is_bid=True), book.house(is_bid=False)

    def set_perp_mids(self, coin: str, mids: Mapping[str, Decimal]) -> None:
        """Publish other exchanges' perp mids by exchange (PERP_WEIGHTS), the mark's third input; none take it back."""
        self._venue.prices[coin].external = weighted_median(mids, PERP_WEIGHTS) if mids else None
        self._refresh_mark(coin)
        self._close()

    def load_candles(self, coin: str, store: Candles) -> None:
        """Give a coin its candle history; prints update it from now on."""
        self._venue.tickers[coin].candles = store

    def info(self, body: Any) -> Reply:
        """Answer a decoded /info body (section 2)."""
        return answer(self._desk, body)

    def act(self, body: Any) -> Reply:
        """Carry out a decoded /exchange envelope (section 3)."""
        reply = self._actions.carry_out(body)
        self._close()
        return reply

    def perform(self, do: Callable[[Venue], T]) -> T:
        """Let somebody with a key to the house act on the state, as one block: faults and tests, never a client."""
        done = do(self._venue)
        self._close()
        return done

    def fund(self, user: str, usdc: Decimal) -> None:
        """Deposit USDC to an address, whose account is opened when it is new."""
        self._venue.deposit(user.lower(), usdc)

    def fund_spot(self, user: str, token: str, amount: Decimal) -> None:
        """Give spot tokens, by the token's name, to an address, whose account is opened when it is new."""
        index = next(each.index for each in self.universe.tokens if each.name == token)
        self._venue.open_account(user.lower()).add(index, amount)

    def mids(self, dex: str = "") -> dict[str, str]:
        """The body of allMids: a dex's perps, and with the first dex's the spot pairs."""
        venue = self._venue
        mids = {coin: wire(prices.mid_or_last()) for coin, prices in venue.markets[dex].items()}
        if not dex:
            mids.update((coin, wire(prices.mid_or_last())) for coin, prices in venue.spots.items())
        return mids

    def l2(self, coin: str, depth: int = BOOK_DEPTH, n_sig_figs: int | None = None, mantissa: int | None = None) -> Row:
        """A book snapshot (section 2.6); an aggregated one also has the touch's `spread`."""
        book = self._venue.books.get(coin)
        if book is None:
            return {"coin": coin, "time": self.now_ms, "levels": [[], []]}
        if n_sig_figs is None and depth == BOOK_DEPTH:
            version, levels = self._rendered.get(coin, (-1, {}))
            if version != book.version:
                levels = {"levels": _levels(book.rows(depth))}
                self._rendered[coin] = (book.version, levels)
            return {"coin": coin, "time": self.now_ms, **levels}
        row = {"coin": coin, "time": self.now_ms, "levels": _levels(book.rows(depth, n_sig_figs, mantissa))}
        bid, ask = book.touch()
        if n_sig_figs is not None and bid is not None and ask is not None:
            row["spread"] = wire(ask - bid)
        return row

    def bbo(self, coin: str) -> Row:
        """Best bid and ask, each null when its side is empty (section 6.3)."""
        best: list[Row | None] = [None, None]
        book = self._venue.books.get(coin)
        if book is not None:
            sides = (book.bids.best(), book.asks.best())
            best = [None if side is None else _level(*side.row()) for side in sides]
        return {"coin": coin, "time": self.now_ms, "bbo": best}

    def asset_ctx(self, coin: str) -> Row:
        """The context of a perp (section 2.2) or of a spot pair (section 2.3)."""
        prices = self._venue.prices.get(coin)
        if prices is None:
            return self._venue.spots[coin].context(self.now_ms)
        return prices.context(self.now_ms, self._venue.open_interest(coin))

    def recent_trades(self, coin: str) -> list[Row]:
        """The last prints, newest first, at most 100."""
        prices = self._venue.tickers.get(coin)
        return [] if prices is None else list(prices.recent)

    def fills(self, user: str) -> list[Row]:
        """An account's fills, newest first."""
        account = self._venue.account(user.lower())
        return [] if account is None else account.fills[::-1]

    def user_state(self, user: str) -> Row:
        """Who an account is, as the exchange's own page is told (webData3)."""
        return web.user_state(self._desk, user)

    def twap_states(self, user: str) -> list[tuple[int, Row]]:
        """Number and state of an account's TWAPs that have not ended, oldest first."""
        return web.twap_states(self._desk, user)

    def candle(self, coin: str, interval: str) -> Row | None:
        """The current candle, None before the first print."""
        prices = self._venue.tickers.get(coin)
        if prices is None or prices.candles is None:
            return None
        return prices.candles.current(interval)

    def knows_coin(self, coin: str) -> bool:
        """Say whether market data exists under this name (delisted perps included)."""
        return coin in self._venue.tickers

    def _quote_among_clients(self, coin: str, bids: list[Quote], asks: list[Quote]) -> None:
        """Withdraw what is no longer quoted, then take what is crossed and let the rest stand."""
        book = self._venue.books[coin]
        sides = (True, bids), (False, asks)
        for is_bid, quotes in sides:
            book.withdraw_house({quote[0] for quote in quotes}, is_bid=is_bid)
        for is_bid, quotes in sides:
            book.show_house(self._take_crossed(coin, quotes, is_buy=is_bid), is_bid=is_bid)

    def _take_crossed(self, coin: str, quotes: list[Quote], *, is_buy: bool) -> list[Quote]:
        """Let crossing house quotes, given worst first, take from clients' orders; returns what is left to rest."""
        left = []
        for px, sz, n in reversed(quotes):
            if self._venue.books[coin].crosses(is_buy=is_buy, px=px):
                sz -= sweep(self._venue, Taker(coin, is_buy, px, sz)).sz
            if sz:
                left.append((px, sz, n))
        return left[::-1]

    def _is_over(self, coin: str) -> bool:
        prices = self._venue.prices.get(coin)
        return prices is not None and prices.rule.is_delisted

    def _refresh_mark(self, coin: str) -> None:
        if self._venue.tickers[coin].refresh_mark(self._venue.now_ms):
            self._venue.block.asset_ctx(coin)
            self._venue.margin_watch.coins[coin] = None

    def _ring_until(self, now_ms: int) -> None:
        """Let what was set for a time happen at that time, each in a block of its own."""
        venue = self._venue
        while (alarm := venue.alarms.pop(now_ms)) is not None:
            self._premiums.take_until(venue, alarm.at_ms)
            venue.now_ms = max(venue.now_ms, alarm.at_ms)
            alarm.ring()
            self._close()

    def _close(self) -> None:
        """Fire what the marks reach, liquidate who cannot keep up, then tell everybody."""
        triggers.fire_reached(self._venue)
        liquidation.enforce(self._venue)
        self._venue.block.close()


def _levels(rows: tuple[list[Any], list[Any]]) -> list[list[Row]]:
    return [[_level(*row) for row in side] for side in rows]


def _level(px: Decimal, sz: Decimal, n: int) -> Row:
    return {"px": wire(px), "sz": wire(sz), "n": n}
