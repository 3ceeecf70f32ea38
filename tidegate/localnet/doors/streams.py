"""What is pushed to whom: the exchange's side of all WebSocket subscriptions, without sockets.

Owns the topics (one for each distinct subscription), their cadences and the limits that all connections
share. What happens in the kernel is pushed at once; what runs on a clock is pushed by `advance`, in exchange time, on
marks common to all coins; of what changes without the kernel telling, the topics are asked after every action and
twice a second. Wall
time (`monotonic`, seconds) serves the habits of a connection only: silence, message and connection rates.

Never changes the kernel: it reads, and posts go through the gate.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from tidegate.localnet.doors import account_frames, frames
from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.limits import Limits, Recent
from tidegate.localnet.doors.session import IDLE_CLOSE_S, Session
from tidegate.localnet.doors.subscriptions import PERIODS_MS, PERPS_ONLY, Subscription
from tidegate.localnet.doors.topics import WATCHED, Topic, open_topic
from tidegate.localnet.exchange import Exchange

LOOK_MS = PERIODS_MS[0]


class Streams:
    """All sessions and topics of one exchange; a `Feed` of the kernel."""

    def __init__(self, exchange: Exchange, gate: Gate, limits: Limits, monotonic: Callable[[], float]) -> None:
        self.exchange = exchange
        self.gate = gate
        self.limits = limits
        self.monotonic = monotonic
        self.messages = Recent(limits.messages_per_minute)
        self.sessions: set[Session] = set()
        self._connects = Recent(limits.connections_per_minute)
        self._topics: defaultdict[tuple[str, str], dict[Subscription, Topic]] = defaultdict(dict)
        self._watched: dict[Subscription, Topic] = {}
        self._users: Counter[str] = Counter()
        self._due_ms = {period: _next_mark(exchange.now_ms, period) for period in PERIODS_MS}
        exchange.feed.append(self)
        gate.after_action = self.look

    # Connections

    def may_connect(self) -> bool:
        """Whether one more connection is within the limits of the address; a refused one counts too."""
        within_rate = self._connects.allow(self.monotonic())
        return within_rate and len(self.sessions) < self.limits.connections

    def connect(self, send: Callable[[bytes], None], drop: Callable[[float], None]) -> Session:
        """Open a session; `send` and `drop` as `Session` explains them."""
        session = Session(self, send, drop)
        self.sessions.add(session)
        return session

    def disconnect(self, session: Session) -> None:
        """Forget a session and all it subscribed to."""
        for subscription in session.subscriptions:
            self.remove(session, subscription)
        session.subscriptions.clear()
        self.sessions.discard(session)

    def drop_idle(self) -> None:
        """Hang up on everybody to whom nothing was sent for 60 s."""
        long_ago_s = self.monotonic() - IDLE_CLOSE_S
        for session in tuple(self.sessions):
            if session.last_sent_s <= long_ago_s:
                session.drop(0.0)

    def counts(self) -> dict[str, int]:
        """What the limits of the address count now."""
        now_s = self.monotonic()
        return {
            "connections": len(self.sessions),
            "connections_this_minute": self._connects.count(now_s),
            "subscriptions": self.subscription_count,
            "users": len(self._users),
            "messages_this_minute": self.messages.count(now_s),
            "posts_in_flight": sum(session.pending_posts for session in self.sessions),
        }

    # Subscriptions

    @property
    def subscription_count(self) -> int:
        """Subscriptions of all sessions together."""
        return sum(len(session.subscriptions) for session in self.sessions)

    def offers(self, wanted: Subscription) -> bool:
        """Whether what `wanted` names exists here: the exchange cuts the line when it does not."""
        if not wanted.aggregation_is_legal:
            return False
        if wanted.dex and wanted.dex not in account_frames.dexs(self.exchange):
            return False
        if wanted.type in PERPS_ONLY and frames.is_spot(wanted.coin):
            return False
        return not wanted.coin or self.exchange.knows_coin(wanted.coin)

    def refusal(self, wanted: Subscription) -> str | None:
        """The error text when `wanted` would exceed a limit of the address."""
        if self.subscription_count >= self.limits.subscriptions:
            return f"Cannot subscribe to more than {self.limits.subscriptions} channels."
        if wanted.user and wanted.user not in self._users and len(self._users) >= self.limits.users:
            return f"Cannot track more than {self.limits.users} total users."
        return None

    def posts_are_full(self) -> bool:
        """Whether as many posts are in flight as the address may have."""
        return sum(session.pending_posts for session in self.sessions) >= self.limits.posts_in_flight

    def add(self, session: Session, wanted: Subscription) -> None:
        """Let `session` hear a stream and send it the state that the stream begins with."""
        topics = self._topics[wanted.type, wanted.subject]
        if wanted not in topics:
            topics[wanted] = open_topic(self.exchange, wanted)
            if wanted.type in WATCHED:
                self._watched[wanted] = topics[wanted]
        if wanted.user:
            self._users[wanted.user] += 1
        topics[wanted].admit(session)

    def remove(self, session: Session, unwanted: Subscription) -> None:
        """Stop sending a stream to `session`."""
        key = unwanted.type, unwanted.subject
        topic = self._topics[key][unwanted]
        topic.sessions = tuple(other for other in topic.sessions if other is not session)
        if not topic.sessions:
            del self._topics[key][unwanted]
            self._watched.pop(unwanted, None)
            if not self._topics[key]:
                del self._topics[key]
        if unwanted.user:
            self._users[unwanted.user] -= 1
            if not self._users[unwanted.user]:
                del self._users[unwanted.user]

    # The clock

    def next_due_ms(self) -> int:
        """Exchange time of the next mark at which `advance` may have something to send."""
        return min(self._due_ms.values())

    def stand_at(self, now_ms: int) -> None:
        """Time has passed without anybody being told: marks go on from here, and nobody was silent for it."""
        self._due_ms = {period: _next_mark(now_ms, period) for period in PERIODS_MS}
        for session in self.sessions:
            session.last_sent_s = self.monotonic()

    def topics(self, kind: str, subject: str) -> tuple[Topic, ...]:
        """What is told of a coin or an account on streams of one kind."""
        return self._of(kind, subject)

    def advance(self, now_ms: int) -> None:
        """Send what the clocks owe at `now_ms`; marks that were missed are not made up for."""
        for period_ms, due_ms in self._due_ms.items():
            if now_ms < due_ms:
                continue
            self._due_ms[period_ms] = _next_mark(now_ms, period_ms)
            for topic in self._all_topics():
                if topic.subscription.period_ms == period_ms:
                    topic.tell()
            if period_ms == LOOK_MS:
                self.look()

    def look(self) -> None:
        """Send what changed of which the kernel's feed does not tell."""
        for topic in tuple(self._watched.values()):
            topic.tell()

    # The kernel's feed

    def on_trades(self, coin: str, trades: list[dict[str, Any]]) -> None:
        """Prints go out as they are, and with them the candles that they changed."""
        for topic in self._of("trades", coin):
            topic.push(trades)
        for topic in self._of("candle", coin):
            topic.tell()

    def on_book(self, coin: str) -> None:
        """A changed touch goes out at once; deeper levels wait for the book's clock."""
        for topic in self._of("bbo", coin):
            topic.tell()

    def on_order_update(self, user: str, updates: list[dict[str, Any]]) -> None:
        """Order updates go out as a bare array that does not name the user."""
        for topic in self._of("orderUpdates", user):
            topic.push(updates)

    def on_fills(self, user: str, fills: list[dict[str, Any]]) -> None:
        """Fills go out twice: on `userFills`, and without the user on `user`; of resting orders as words, too."""
        for topic in self._of("userFills", user):
            shown = account_frames.pooled(self.exchange, user, fills) if topic.subscription.aggregate else fills
            topic.push({"user": user, "fills": shown})
        for topic in self._of("userEvents", user):
            topic.push({"fills": fills})
        for topic in self._of("notification", user):
            for fill in fills:
                if not fill["crossed"]:
                    topic.push(account_frames.notification(fill))
        self._look_at(user)

    def on_user_event(self, user: str, event: dict[str, Any]) -> None:
        """What happens to an account without its doing; funding has a stream of its own as well."""
        for topic in self._of("userEvents", user):
            topic.push(event)
        if "funding" in event:
            row = account_frames.funding_row(event["funding"]["time"], event["funding"])
            for topic in self._of("userFundings", user):
                topic.push({"user": user, "fundings": [row]})
        self._look_at(user)

    def on_asset_ctx(self, coin: str) -> None:
        """Contexts run on their own clock of a second: nothing to do at once."""

    def _look_at(self, user: str) -> None:
        for kind in WATCHED:
            for topic in self._of(kind, user):
                topic.tell()

    def _of(self, kind: str, subject: str) -> tuple[Topic, ...]:
        topics = self._topics.get((kind, subject))
        return tuple(topics.values()) if topics else ()

    def _all_topics(self) -> Iterator[Topic]:
        for topics in tuple(self._topics.values()):
            yield from tuple(topics.values())


def _next_mark(now_ms: int, period_ms: int) -> int:
    return (now_ms // period_ms + 1) * period_ms
