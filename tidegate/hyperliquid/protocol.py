"""The conversation over one socket of the stream, without the socket: bytes in, facts and bytes out.

Owns acknowledgements, pings, silence and posts, and when the stream counts as up. Knows no clock and no socket:
whoever has them passes the exchange's time (`at_ms`) and a monotonic one (`now_ns`). Never raises because of a
frame: what cannot be read is counted in `dropped`.

    opened ─► receive … receive ─► lost ─► opened …
                    due (about twice a second, connected or not)
                    outbox (whenever `wants_to_send`)

The first socket carries the account, the orders and the coins that matter most: with it the stream is up or down. The
loss of another one mutes its coins only.

Source: Hyperliquid docs, "Websocket"; recorded frames.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from tidegate.hyperliquid import frames
from tidegate.hyperliquid.account_frames import AccountFrames
from tidegate.hyperliquid.coins import Coins, types_of
from tidegate.hyperliquid.frames import decode
from tidegate.hyperliquid.market_frames import MarketFrames
from tidegate.hyperliquid.order_books import OrderBook, order_book
from tidegate.hyperliquid.posts import Posts
from tidegate.hyperliquid.replies import Sent
from tidegate.hyperliquid.shapes import CandleRow
from tidegate.hyperliquid.sharding import rooms
from tidegate.hyperliquid.shared import Shared
from tidegate.hyperliquid.subscriptions import SUBSCRIPTIONS_MAX, Subscription, Subscriptions
from tidegate.hyperliquid.watch import Ear, candle_heard, prints_heard, repeated
from tidegate.model.events import AccountMissed, Event, Faulted, StreamDown, StreamUp
from tidegate.model.market import Timeframe

SECOND_NS = 1_000_000_000
# The exchange drops a connection to which it sent nothing for 60 s; asking sooner also finds a dead line sooner.
PING_AFTER_NS = 5 * SECOND_NS
# With the half second between two looks a dead line is found within ten.
SILENCE_MAX_NS = 9 * SECOND_NS
BAD_FRAMES_PER_MINUTE_MAX = 100
WORDS_MAX = 200
PING = b'{"method":"ping"}'
PERSONAL = ("orderUpdates", "userEvents", "userFills", "userFundings", "openOrders", "clearinghouseState")
TWAPS = ("userTwapSliceFills", "userTwapHistory")
# What a frame can make the reading of it raise; it is then counted and left out.
UNREADABLE = (
    msgspec.MsgspecError,
    ValueError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    LookupError,
    TypeError,
    AttributeError,
)


class Due(Struct, frozen=True, kw_only=True):
    """What time alone brings: frames to send, facts, coins that another socket should try (each with how far its
    repair has come), and why the connection must be given up (if it must)."""

    frames: tuple[bytes, ...] = ()
    events: tuple[Event, ...] = ()
    moves: tuple[str, ...] = ()
    give_up: str | None = None


NOTHING_DUE = Due()


class StreamProtocol:
    """One socket of an account's stream of some coins; `line` 0 is the first one.

    `coins` are names from live metadata, the most important first (an unknown one makes the exchange drop the
    connection), `user` the account's own address. `order_books` adds the fast book of five levels to the touch of each
    coin, `twaps` what becomes of TWAP orders and their executions; without `candles` or `account` these are left to
    REST. `room` is how many subscriptions there may be, over all sockets; of coins for which it is not enough only the
    prints are streamed, or nothing.
    """

    def __init__(
        self,
        coins: Iterable[str],
        user: str,
        timeframe: Timeframe,
        *,
        order_books: bool = False,
        twaps: bool = False,
        candles: bool = True,
        account: bool = True,
        fills_since_ms: int | None = None,
        room: int = SUBSCRIPTIONS_MAX,
        shared: Shared | None = None,
        line: int = 0,
    ) -> None:
        self.room = room
        self.shared = shared or Shared()
        self.dropped = self.shared.dropped
        self.line = line
        self.is_up = self.is_open = False
        self._user, self._timeframe, self._order_books, self._candles = user, timeframe, order_books, candles
        self._roster = self.shared.roster
        self._market = MarketFrames(timeframe, self.dropped, self.shared.prints_seen)
        self._account = AccountFrames(user, fills_since_ms, self.dropped)
        self._subscriptions = Subscriptions()
        self._coins = Coins(self._subscriptions, self.shared, line, types_of(timeframe, order_books, candles))
        self._ears, self._lags_ms = self._coins.watch.ears, self.shared.lags_ms
        self._posts = Posts()
        self._heard_ns = self._pinged_ns = self._now_ns = 0
        self._bad, self._bad_since_ns = 0, 0
        self._gave_up = False
        self._handlers: dict[type, Callable[[Any, int, int], list[Event]]] = {
            frames.Trades: self._on_trades,
            frames.Bbo: self._on_touch,
            frames.L2Book: self._on_book,
            frames.ActiveAssetCtx: self._on_mark,
            frames.Candles: self._on_candle,
            frames.AllMids: lambda frame, at_ms, _: self._market.mids(frame.data.mids, self._roster, at_ms),
            frames.OrderUpdates: lambda frame, at_ms, _: self._account.updates(frame.data, at_ms),
            frames.User: lambda frame, at_ms, _: self._account.user_event(frame.data, at_ms),
            frames.UserFills: lambda frame, at_ms, _: self._account.fills(frame.data.fills, at_ms),
            frames.UserFundings: lambda frame, at_ms, _: self._account.fundings(frame.data.fundings, at_ms),
            frames.OpenOrders: lambda frame, at_ms, _: self._account.listed(frame.data.orders, at_ms),
            frames.ClearinghouseState: lambda frame, at_ms, _: self._account.held(frame.data, at_ms),
            frames.UserTwapSliceFills: lambda frame, at_ms, _: self._account.slices(frame.data.twap_slice_fills, at_ms),
            frames.UserTwapHistory: lambda frame, at_ms, _: self._account.twaps(frame.data.history, at_ms),
            frames.SubscriptionResponse: self._on_acknowledged,
            frames.Post: self._on_post,
            frames.Pong: lambda _frame, _at_ms, _ns: [],
            frames.Error: self._on_error,
        }
        if line == 0 and account:
            kinds = (*PERSONAL, *TWAPS) if twaps else PERSONAL
            self._subscriptions.add(Subscription(kind, user.lower(), personal=True) for kind in kinds)
        full, lean, left_out = rooms(coins, room - len(self._subscriptions), self.types_of_a_coin)
        self.add_coins(full, 0)
        self.add_coins(lean, 0, lean=True)
        for coin in left_out:
            self._roster.mute(coin, "limit", f"the exchange allows {room} subscriptions")

    def sibling(self, line: int) -> "StreamProtocol":
        """Another socket of the same stream, without coins."""
        return StreamProtocol(
            (),
            self._user,
            self._timeframe,
            order_books=self._order_books,
            candles=self._candles,
            shared=self.shared,
            line=line,
        )

    # what is wanted

    @property
    def coins(self) -> list[str]:
        """The coins of this socket, the most important first."""
        return list(self._coins.by_rank)

    @property
    def types_of_a_coin(self) -> int:
        """How many subscriptions a coin takes when nothing is left out."""
        return self._coins.types

    @property
    def subscription_count(self) -> int:
        """Subscriptions wanted on this socket."""
        return len(self._subscriptions)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is wanted of this socket."""
        return len(self._subscriptions) == 0 and not self._coins.by_rank

    def may_move_coins(self) -> None:
        """There are other sockets for a coin that stays silent on this one."""
        self._coins.can_move = True

    def has_coin(self, coin: str) -> bool:
        """Whether this coin is streamed over this socket."""
        return coin in self._coins.by_rank

    def is_lean(self, coin: str) -> bool:
        """Whether only the prints of a coin are streamed."""
        return self._coins.by_rank.get(coin, False)

    def has_heard(self, coin: str) -> bool:
        """Whether everything about this coin was granted on the present connection."""
        return self.is_open and self.has_coin(coin) and self._subscriptions.is_settled(coin)

    def add_coins(self, coins: Iterable[str], now_ns: int, *, lean: bool = False, step: int = 0) -> list[bytes]:
        """Stream these coins too (a lean one becomes a full one if asked for so); the frames are to be sent when the
        connection is open. `step` is how far a coin's repair has come elsewhere."""
        self._coins.add(coins, now_ns, lean=lean, step=step)
        return self.outbox(now_ns)

    def add(self, wanted: Iterable[Subscription], now_ns: int) -> list[bytes]:
        """Want single subscriptions too."""
        self._coins.add_single(wanted, now_ns)
        return self.outbox(now_ns)

    def remove(self, unwanted: Iterable[Subscription], now_ns: int) -> list[bytes]:
        """Want single subscriptions no more."""
        self._coins.remove_single(unwanted)
        return self.outbox(now_ns)

    def order_book(self, coin: str) -> OrderBook | None:
        """The levels of a coin as they came last, where `l2Book` is subscribed to. May be called by any thread."""
        book = self._market.books.get(coin) if self.is_open else None
        return None if book is None else order_book(book)

    def hold(self, coins: Iterable[str]) -> None:
        """These coins have a position: their silence is looked into at once."""
        self._coins.hold(coins)

    def make_lean(self, coin: str, now_ns: int) -> list[bytes]:
        """Stream only the prints of a coin from now on."""
        self._coins.make_lean(coin, now_ns)
        return self.outbox(now_ns)

    def remove_coins(self, coins: Iterable[str], now_ns: int = 0) -> list[bytes]:
        """Stream these coins no more."""
        for coin in coins:
            self._coins.remove(coin)
            self._market.forget(coin)
        return self.outbox(now_ns or self._now_ns)

    # the connection

    def opened(self, at_ms: int, now_ns: int) -> list[bytes]:
        """The socket is open: the frames that subscribe to everything, as many as may be sent at once."""
        self.is_open, self._gave_up = True, False
        self._heard_ns = self._pinged_ns = self._bad_since_ns = self._now_ns = now_ns
        self._bad = 0
        self._market.opened(at_ms)
        self._account.opened(at_ms)
        self._coins.opened(now_ns)
        self._subscriptions.forget_connection()
        self._subscriptions.ask(self._subscriptions)
        return self.outbox(now_ns)

    def lost(self, reason: str, at_ms: int) -> list[Event]:
        """The socket is gone: orders on their way are in doubt; the stream is down if it was up."""
        if self.is_open:
            quiet_ns = self._now_ns - self._subscriptions.asked_ns
            granted = self._subscriptions.granted > 0 and not self._gave_up
            self._coins.lost(reason, quiet_ns, granted=granted)
        was_up, self.is_up, self.is_open = self.is_up, False, False
        events = self._posts.lost(reason, at_ms)
        if self.line:
            return self._roster.news(at_ms) + events
        self._roster.down()
        worrying = self._bad > BAD_FRAMES_PER_MINUTE_MAX
        return [StreamDown(at_ms=at_ms, reason=reason, is_worrying=worrying), *events] if was_up else events

    def receive(self, frame: bytes, at_ms: int, received_ns: int) -> list[Event]:
        """What a frame says, as facts."""
        return self.receive_all((frame,), at_ms, received_ns)

    def receive_all(self, batch: Iterable[bytes], at_ms: int, received_ns: int) -> list[Event]:
        """What frames say that came together, as facts; one that cannot be read takes no other with it."""
        self._heard_ns = self._now_ns = received_ns
        handlers, roster = self._handlers, self._roster
        told: list[Event] = []
        for frame in batch:
            try:
                read = decode(frame)
                told += handlers[type(read)](read, at_ms, received_ns)
            except UNREADABLE as error:
                self._unreadable(frame, error, received_ns)
            if roster.changed:
                told += roster.news(at_ms)
        return told

    @property
    def wants_to_send(self) -> bool:
        """Whether `outbox` may have something."""
        return self.is_open and self._subscriptions.wants_to_ask

    def outbox(self, now_ns: int) -> list[bytes]:
        """What may be sent now."""
        if not self.wants_to_send:
            return []
        out = self._subscriptions.next_frames(self.shared.allowance.room(now_ns), now_ns)
        if out:
            self.shared.allowance.count(len(out), now_ns)
        return out

    def due(self, at_ms: int, now_ns: int) -> Due:
        """What time brings; call it about twice a second."""
        self._now_ns = now_ns
        events = self._posts.overdue(at_ms, now_ns)
        if not self.is_open:
            return Due(events=tuple(events)) if events else NOTHING_DUE
        lost = self._subscriptions.overdue(now_ns)
        self._coins.refused(lost, now_ns)
        moves = self._coins.mend(now_ns)
        give_up = self._give_up(lost, now_ns)
        if give_up is not None:
            self._gave_up = True
            return Due(events=tuple(events), give_up=give_up)
        self._coins.go_on_asking(now_ns)
        events += self._edge_up(at_ms)
        events += self._roster.news(at_ms)
        out = self.outbox(now_ns)
        if now_ns - max(self._heard_ns, self._pinged_ns) >= PING_AFTER_NS:
            self._pinged_ns = now_ns
            self.shared.allowance.count(1, now_ns)
            out.append(PING)
        if not (out or events or moves):
            return NOTHING_DUE
        return Due(frames=tuple(out), events=tuple(events), moves=tuple(moves))

    def silent_s(self, now_ns: int) -> float:
        """Seconds since the last frame."""
        return (now_ns - self._heard_ns) / SECOND_NS

    def ages_s(self, now_ns: int) -> dict[str, float]:
        """Seconds since each coin was heard."""
        return self._coins.watch.ages_s(now_ns)

    # orders

    @property
    def can_post(self) -> bool:
        """Whether a post may be sent now."""
        return self.is_open and not self._posts.full and not self.shared.allowance.full(self._now_ns)

    def post(self, wish: Sent, body: bytes, now_ns: int) -> bytes:
        """The frame that carries `body`, a signed envelope. May be called by another thread than the rest."""
        self.shared.allowance.count(1, now_ns)
        return self._posts.add(wish, body, now_ns)

    # frames

    def _on_trades(self, frame: frames.Trades, at_ms: int, received_ns: int) -> list[Event]:
        events = self._market.trades(frame.data, at_ms, received_ns)
        if events:
            row = frame.data[-1]
            ear = self._hear(row.coin, row.time, at_ms, received_ns)
            if ear is not None and (ear.trades_owed_ns or not ear.candle_owed_ns or not ear.book_owed_ns):
                prints_heard(ear, received_ns)
        elif frame.data:
            self._hear(frame.data[-1].coin, frame.data[-1].time, at_ms, received_ns)
        return events

    def _on_touch(self, frame: frames.Bbo, at_ms: int, received_ns: int) -> list[Event]:
        ear = self._hear(frame.data.coin, frame.data.time, at_ms, received_ns)
        if ear is not None:
            ear.book_owed_ns = 0
        return self._market.touch(frame.data, at_ms, received_ns)

    def _on_book(self, frame: frames.L2Book, at_ms: int, received_ns: int) -> list[Event]:
        events = self._market.book(frame.data, at_ms, received_ns)
        self._hear(frame.data.coin, frame.data.time, at_ms, received_ns)
        return events

    def _on_mark(self, frame: frames.ActiveAssetCtx, at_ms: int, received_ns: int) -> list[Event]:
        ear = self._ears.get(frame.data.coin)
        if ear is not None:
            ear.heard_ns = ear.mark_ns = received_ns
            if ear.step or ear.is_muted:
                self._coins.recovered(frame.data.coin, ear)
        return self._market.mark(frame.data, at_ms, received_ns)

    def _on_candle(self, frame: frames.Candles, at_ms: int, received_ns: int) -> list[Event]:
        rows: list[CandleRow] = frame.data if isinstance(frame.data, list) else [frame.data]
        for row in rows:
            ear = self._ears.get(row.s)
            if ear is not None:
                candle_heard(ear, (row.t, row.n, row.v), received_ns)
        return self._market.candle(rows, at_ms)

    def _hear(self, coin: str, time_ms: int, at_ms: int, received_ns: int) -> Ear | None:
        ear = self._ears.get(coin)
        if ear is None:
            return None
        self._lags_ms.append(at_ms - time_ms)
        if time_ms > ear.newest_ms:
            ear.newest_ms, ear.heard_ns = time_ms, received_ns
            ear.stuck_since_ns = 0
            if ear.step or ear.is_muted:
                self._coins.recovered(coin, ear)
        else:
            repeated(ear, received_ns)
        return ear

    def _on_acknowledged(self, frame: frames.SubscriptionResponse, at_ms: int, _received_ns: int) -> list[Event]:
        if frame.data.method != "subscribe":
            return []
        return self._granted(self._subscriptions.acknowledged(frame.data.subscription), at_ms)

    def _granted(self, granted: Subscription | None, at_ms: int) -> list[Event]:
        if granted is None:
            self.dropped["acknowledgement: not asked for"] += 1
            return []
        self._coins.granted(granted)
        if granted.coin is not None and granted.type == "trades":
            self._market.asked(granted.coin, at_ms)
        was_up = self.is_up
        events = self._edge_up(at_ms)
        if granted.personal and was_up:
            events.append(AccountMissed(at_ms=at_ms, reason=f"{granted.type} was granted late"))
        return events

    def _on_post(self, frame: frames.Post, at_ms: int, _received_ns: int) -> list[Event]:
        answer = frame.data
        facts = self._posts.answered(answer.id, answer.response.type, answer.response.payload, at_ms)
        if facts is None:
            self.dropped["post: not awaited"] += 1
            return []
        return facts

    def _on_error(self, frame: frames.Error, at_ms: int, _received_ns: int) -> list[Event]:
        words = frame.data
        if words.startswith("Already subscribed"):
            return self._granted(self._subscriptions.already(words), at_ms)
        self.dropped["error from the exchange"] += 1
        if words.startswith("Already unsubscribed"):
            return []
        return [Faulted(at_ms=at_ms, where="stream", reason=words[:WORDS_MAX])]

    def _unreadable(self, frame: bytes, error: Exception, received_ns: int) -> None:
        """A frame that says nothing: counted, and held against its coin if it has one that others need not suffer."""
        self.dropped[f"frame: {type(error).__name__}"] += 1
        if not self._coins.unreadable(frames.coin_of(frame), received_ns):
            self._bad += 1

    # what time and acknowledgements bring

    def _edge_up(self, at_ms: int) -> list[Event]:
        """The socket is up once all is acknowledged or given up; what is not streamed is told after that."""
        if self.is_up or not self._subscriptions.complete:
            return []
        self.is_up = True
        if not self.line:
            return [StreamUp(at_ms=at_ms), *self._roster.up(at_ms)]
        self._coins.up()
        return self._roster.news(at_ms)

    def _give_up(self, lost: Iterable[Subscription], now_ns: int) -> str | None:
        if self.is_idle:
            return "nothing is wanted of it any more"
        if now_ns - self._heard_ns >= SILENCE_MAX_NS:
            return f"nothing heard for {SILENCE_MAX_NS // SECOND_NS} s"
        for each in lost:
            if each.personal:
                return f"{each.type} was not acknowledged"
        if now_ns - self._bad_since_ns >= 60 * SECOND_NS:
            self._bad, self._bad_since_ns = 0, now_ns
        if self._bad > BAD_FRAMES_PER_MINUTE_MAX:
            return f"more than {BAD_FRAMES_PER_MINUTE_MAX} unreadable frames within a minute"
        if self._coins.watch.all_silent(now_ns):
            return "every coin stays silent whatever is subscribed"
        return None
