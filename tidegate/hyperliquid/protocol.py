"""The conversation with the stream, without a socket: bytes in, facts and bytes out.

Owns acknowledgements, pings, silence and posts, and when the stream counts as up. Knows no clock and no socket:
whoever has them passes the exchange's time (`at_ms`) and a monotonic one (`now_ns`). Never raises because of a
frame: what cannot be read is counted in `dropped`.

    opened ─► receive … receive ─► lost ─► opened …
                    due (about twice a second, connected or not)

Source: Hyperliquid docs, "Websocket"; recorded frames.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from tidegate.hyperliquid import frames
from tidegate.hyperliquid.account_frames import AccountFrames
from tidegate.hyperliquid.market_frames import MarketFrames
from tidegate.hyperliquid.posts import Posts
from tidegate.hyperliquid.subscriptions import Subscription, Subscriptions
from tidegate.hyperliquid.wire import Write
from tidegate.model.events import Event, Faulted, StreamDown, StreamFrozen, StreamUp
from tidegate.model.intents import ResendOrders
from tidegate.model.market import Timeframe

SECOND_NS = 1_000_000_000
# The exchange drops a connection to which it sent nothing for 60 s; asking sooner also finds a dead line sooner.
PING_AFTER_NS = 5 * SECOND_NS
SILENCE_MAX_NS = 10 * SECOND_NS
# A coin without any frame for so long, while others talk, has lost its subscriptions.
COIN_SILENCE_MAX_NS = 20 * SECOND_NS
COIN_REPAIRS_MAX = 3
BAD_FRAMES_PER_MINUTE_MAX = 100
WORDS_MAX = 200
PING = b'{"method":"ping"}'
PERSONAL = ("orderUpdates", "userEvents", "userFills")


class Due(Struct, frozen=True, kw_only=True):
    """What time alone brings: frames to send, facts, and why the connection must be given up (if it must)."""

    frames: tuple[bytes, ...] = ()
    events: tuple[Event, ...] = ()
    give_up: str | None = None


NOTHING_DUE = Due()


class StreamProtocol:
    """One account's stream of some coins.

    `coins` are names from live metadata (an unknown one makes the exchange drop the connection), `user` the
    account's own address. `order_books` adds the fast book of five levels to the touch of each coin.
    """

    def __init__(
        self,
        coins: Iterable[str],
        user: str,
        timeframe: Timeframe,
        *,
        order_books: bool = False,
        fills_since_ms: int | None = None,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.is_up = False
        self._timeframe, self._order_books = timeframe, order_books
        self._market = MarketFrames(timeframe, self.dropped)
        self._account = AccountFrames(user, fills_since_ms, self.dropped)
        self._subscriptions = Subscriptions()
        self._posts = Posts()
        self._is_open = False
        self._heard_ns = self._pinged_ns = 0
        self._coin_heard_ns: dict[str, int] = {}
        self._repairs: dict[str, tuple[int, int]] = {}
        self._frozen: dict[str, str] = {}
        self._bad, self._bad_since_ns = 0, 0
        self._handlers: dict[type, Callable[[Any, int, int], list[Event]]] = {
            frames.Trades: self._on_trades,
            frames.Bbo: self._on_touch,
            frames.L2Book: self._on_book,
            frames.ActiveAssetCtx: self._on_mark,
            frames.Candles: self._on_candle,
            frames.OrderUpdates: lambda frame, at_ms, _: self._account.updates(frame.data, at_ms),
            frames.User: lambda frame, at_ms, _: self._account.user_event(frame.data, at_ms),
            frames.UserFills: lambda frame, at_ms, _: self._account.fills(frame.data.fills, at_ms),
            frames.SubscriptionResponse: self._on_acknowledged,
            frames.Post: self._on_post,
            frames.Pong: lambda _frame, _at_ms, _ns: [],
            frames.Error: self._on_error,
        }
        self._subscriptions.add(Subscription(kind, user.lower(), personal=True) for kind in PERSONAL)
        self._subscriptions.add(self._of_coins(coins))

    # what is wanted

    def add_coins(self, coins: Iterable[str], now_ns: int) -> list[bytes]:
        """Stream these coins too; the frames are to be sent when the connection is open."""
        return self.add(self._of_coins(coins), now_ns)

    def add(self, wanted: Iterable[Subscription], now_ns: int) -> list[bytes]:
        """Want single subscriptions too."""
        new = self._subscriptions.add(wanted)
        return self._subscriptions.ask(new, now_ns) if self._is_open else []

    def remove_coins(self, coins: Iterable[str]) -> list[bytes]:
        """Stream these coins no more."""
        gone = self._subscriptions.remove(coins)
        for each in gone:
            self._forget(each.target)
        return [each.frame("unsubscribe") for each in gone] if self._is_open else []

    # the connection

    def opened(self, at_ms: int, now_ns: int) -> list[bytes]:
        """The socket is open: the frames that subscribe to everything."""
        self._is_open = True
        self._heard_ns = self._pinged_ns = self._bad_since_ns = now_ns
        self._bad = 0
        self._frozen.clear()
        self._repairs.clear()
        self._coin_heard_ns.clear()
        self._market.opened(at_ms)
        self._account.opened(at_ms)
        self._subscriptions.forget_connection()
        return self._subscriptions.ask(self._subscriptions, now_ns)

    def lost(self, reason: str, at_ms: int) -> list[Event]:
        """The socket is gone: orders on their way are in doubt; the stream is down if it was up."""
        was_up, self.is_up, self._is_open = self.is_up, False, False
        events = self._posts.lost(reason, at_ms)
        return [StreamDown(at_ms=at_ms, reason=reason), *events] if was_up else events

    def receive(self, frame: bytes, at_ms: int, received_ns: int) -> list[Event]:
        """What a frame says, as facts."""
        self._heard_ns = received_ns
        try:
            read = frames.decode(frame)
            return self._handlers[type(read)](read, at_ms, received_ns)
        except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
            self.dropped[f"frame: {type(error).__name__}"] += 1
            self._bad += 1
            return []

    def due(self, at_ms: int, now_ns: int) -> Due:
        """What time brings; call it about twice a second."""
        events = self._posts.overdue(at_ms, now_ns)
        if not self._is_open:
            return Due(events=tuple(events)) if events else NOTHING_DUE
        again, lost = self._subscriptions.overdue(now_ns)
        give_up = self._give_up(lost, now_ns)
        if give_up is not None:
            return Due(events=tuple(events), give_up=give_up)
        out = self._subscriptions.ask(again, now_ns)
        for each in lost:
            self._frozen[each.target] = f"{each.type} was not acknowledged"
        out += self._repair_silent_coins(now_ns)
        events += self._edge_up(at_ms)
        if now_ns - max(self._heard_ns, self._pinged_ns) >= PING_AFTER_NS:
            self._pinged_ns = now_ns
            out.append(PING)
        return Due(frames=tuple(out), events=tuple(events)) if out or events else NOTHING_DUE

    def silent_s(self, now_ns: int) -> float:
        """Seconds since the last frame."""
        return (now_ns - self._heard_ns) / SECOND_NS

    # orders

    @property
    def can_post(self) -> bool:
        """Whether a post may be sent now."""
        return self._is_open and not self._posts.full

    def post(self, wish: Write | ResendOrders, body: bytes, now_ns: int) -> bytes:
        """The frame that carries `body`, a signed envelope. May be called by another thread than the rest."""
        return self._posts.add(wish, body, now_ns)

    # frames

    def _on_trades(self, frame: frames.Trades, at_ms: int, received_ns: int) -> list[Event]:
        rows = frame.data
        if rows:
            self._coin_heard_ns[rows[0].coin] = received_ns
        return self._market.trades(rows, at_ms, received_ns)

    def _on_touch(self, frame: frames.Bbo, at_ms: int, received_ns: int) -> list[Event]:
        self._coin_heard_ns[frame.data.coin] = received_ns
        return self._market.touch(frame.data, at_ms, received_ns)

    def _on_book(self, frame: frames.L2Book, at_ms: int, received_ns: int) -> list[Event]:
        self._coin_heard_ns[frame.data.coin] = received_ns
        return self._market.book(frame.data, at_ms, received_ns)

    def _on_mark(self, frame: frames.ActiveAssetCtx, at_ms: int, received_ns: int) -> list[Event]:
        self._coin_heard_ns[frame.data.coin] = received_ns
        return self._market.mark(frame.data, at_ms, received_ns)

    def _on_candle(self, frame: frames.Candles, at_ms: int, _received_ns: int) -> list[Event]:
        return self._market.candle(frame.data, at_ms)

    def _on_acknowledged(self, frame: frames.SubscriptionResponse, at_ms: int, received_ns: int) -> list[Event]:
        if frame.data.method != "subscribe":
            return []
        if not self._subscriptions.acknowledged(frame.data.subscription):
            self.dropped["acknowledgement: not asked for"] += 1
            return []
        coin = frame.data.subscription.get("coin")
        if isinstance(coin, str):
            self._coin_heard_ns.setdefault(coin, received_ns)
        return self._edge_up(at_ms)

    def _on_post(self, frame: frames.Post, at_ms: int, _received_ns: int) -> list[Event]:
        answer = frame.data
        facts = self._posts.answered(answer.id, answer.response.type, answer.response.payload, at_ms)
        if facts is None:
            self.dropped["post: not awaited"] += 1
            return []
        return facts

    def _on_error(self, frame: frames.Error, at_ms: int, _received_ns: int) -> list[Event]:
        if self._subscriptions.already(frame.data):
            return self._edge_up(at_ms)
        self.dropped["error from the exchange"] += 1
        if frame.data.startswith("Already unsubscribed"):
            return []
        return [Faulted(at_ms=at_ms, where="stream", reason=frame.data[:WORDS_MAX])]

    # what time and acknowledgements bring

    def _edge_up(self, at_ms: int) -> list[Event]:
        """The stream is up once all is acknowledged or given up; what was given up is told after that."""
        if not self._subscriptions.complete:
            return []
        events: list[Event] = [] if self.is_up else [StreamUp(at_ms=at_ms)]
        self.is_up = True
        events += [StreamFrozen(at_ms=at_ms, coin=coin, reason=why) for coin, why in self._frozen.items()]
        self._frozen.clear()
        return events

    def _give_up(self, lost: Iterable[Subscription], now_ns: int) -> str | None:
        if now_ns - self._heard_ns >= SILENCE_MAX_NS:
            return f"nothing heard for {SILENCE_MAX_NS // SECOND_NS} s"
        for each in lost:
            if each.personal:
                return f"{each.type} was not acknowledged"
        if now_ns - self._bad_since_ns >= 60 * SECOND_NS:
            self._bad, self._bad_since_ns = 0, now_ns
        if self._bad > BAD_FRAMES_PER_MINUTE_MAX:
            return f"more than {BAD_FRAMES_PER_MINUTE_MAX} unreadable frames within a minute"
        if self._coin_heard_ns and all(times > COIN_REPAIRS_MAX for times, _ in self._all_repairs()):
            return "every coin stays silent whatever is subscribed"
        return None

    def _all_repairs(self) -> list[tuple[int, int]]:
        return [self._repairs.get(coin, (0, 0)) for coin in self._coin_heard_ns]

    def _repair_silent_coins(self, now_ns: int) -> list[bytes]:
        """Subscribe again to coins of which nothing was heard for long; what stays silent counts as frozen."""
        out: list[bytes] = []
        for coin, heard_ns in tuple(self._coin_heard_ns.items()):
            times, repaired_ns = self._repairs.get(coin, (0, 0))
            if heard_ns > repaired_ns:
                times = 0
                self._repairs.pop(coin, None)
            if times > COIN_REPAIRS_MAX or now_ns - max(heard_ns, repaired_ns) < COIN_SILENCE_MAX_NS:
                continue
            self._repairs[coin] = (times + 1, now_ns)
            if times == COIN_REPAIRS_MAX:
                self._frozen[coin] = "it stays silent whatever is subscribed"
                continue
            wanted = self._subscriptions.of_coin(coin)
            out += [each.frame("unsubscribe") for each in wanted]
            out += self._subscriptions.ask(wanted, now_ns)
        return out

    def _forget(self, coin: str) -> None:
        self._coin_heard_ns.pop(coin, None)
        self._repairs.pop(coin, None)
        self._frozen.pop(coin, None)

    def _of_coins(self, coins: Iterable[str]) -> list[Subscription]:
        wanted: list[Subscription] = []
        for coin in coins:
            wanted += [Subscription(kind, coin) for kind in ("trades", "bbo", "activeAssetCtx")]
            wanted.append(Subscription("candle", coin, interval=self._timeframe.value))
            if self._order_books:
                wanted.append(Subscription("l2Book", coin, fast=True))
        return wanted
