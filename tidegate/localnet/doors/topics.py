"""A topic: everybody who gets the same frames, and what is new for them.

Owns what was last said on a stream, where that decides about the next frame: a stream may show its state whenever it
is asked to, only when it changed, or only what was added. A frame is encoded once for all who hear it. Never decides
when to look, and never changes the kernel.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.localnet.doors import account_frames, frames
from tidegate.localnet.doors.session import Session, frame
from tidegate.localnet.doors.subscriptions import Subscription
from tidegate.localnet.exchange import Exchange


class Topic:
    """A stream that shows its state as often as it is told to."""

    __slots__ = ("channel", "exchange", "sessions", "subscription")

    def __init__(self, exchange: Exchange, subscription: Subscription) -> None:
        self.exchange = exchange
        self.subscription = subscription
        self.channel = frames.channel(subscription)
        self.sessions: tuple[Session, ...] = ()

    def admit(self, session: Session) -> None:
        """Let one more hear the stream, from its state on."""
        data = self.first()
        self.sessions += (session,)
        if data is not None:
            session.send(frame(self.channel, data))

    def first(self) -> Any:
        """The data of the frame that a newcomer gets; None when there is none."""
        return frames.state(self.exchange, self.subscription)

    def news(self) -> Any:
        """The data of the next frame for all; None when there is none."""
        return frames.state(self.exchange, self.subscription)

    def tell(self) -> None:
        """Send what is new to everybody."""
        data = self.news()
        if data is not None:
            self.push(data)

    def push(self, data: Any) -> None:
        """Encode `data` once and send it to everybody."""
        encoded = frame(self.channel, data)
        for session in self.sessions:
            session.send(encoded)


class Remembering(Topic):
    """A topic that knows what it said last: who is there already hears the news before a newcomer begins."""

    __slots__ = ("last",)

    def __init__(self, exchange: Exchange, subscription: Subscription) -> None:
        super().__init__(exchange, subscription)
        self.last: Any = None

    def admit(self, session: Session) -> None:
        """Tell the others first, so that the newcomer's state hides no change from them."""
        self.tell()
        super().admit(session)


class Changing(Remembering):
    """A stream that speaks when its state changed; the time of a book alone is no change."""

    __slots__ = ()

    def news(self) -> Any:
        """The state, if it is not the one that was told."""
        data = frames.state(self.exchange, self.subscription)
        shown = data.get("bbo", data) if data is not None else None
        if shown == self.last:
            return None
        self.last = shown
        return data


class Differing(Remembering):
    """A stream that begins with all it has and goes on with what changed."""

    __slots__ = ()

    def first(self) -> Any:
        """Everything."""
        return frames.packed(self.last)

    def news(self) -> Any:
        """What is not as it was told, in the smallest pieces."""
        prices = frames.mark_and_mid(self.exchange)
        changed = _changes(self.last or {}, prices)
        self.last = prices
        return frames.packed(changed) if changed else None


class Growing(Remembering):
    """A stream of the rows of a history: a snapshot, then the rows that came to it."""

    __slots__ = ()

    def first(self) -> Any:
        """The history as /info tells it."""
        return account_frames.snapshot(self.subscription, self.last)

    def news(self) -> Any:
        """Rows that were not there when it was last read, oldest first."""
        rows = account_frames.history(self.exchange, self.subscription)
        before, self.last = self.last, rows
        if before is None or rows == before:
            return None
        fresh = account_frames.since(self.subscription, rows, before)
        return account_frames.addition(self.subscription, fresh) if fresh else None


WATCHED: Mapping[str, type[Topic]] = {"activeAssetData": Changing} | dict.fromkeys(account_frames.HISTORIES, Growing)
"""Streams that speak when something changed of which the kernel's feed does not tell: they are looked at."""
KINDS: Mapping[str, type[Topic]] = {"bbo": Changing, "fastAssetCtxs": Differing, **WATCHED}


def open_topic(exchange: Exchange, subscription: Subscription) -> Topic:
    """A topic of the kind that the stream is."""
    return KINDS.get(subscription.type, Topic)(exchange, subscription)


def _changes(before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    changes = {}
    for coin, fields in now.items():
        known = before.get(coin, {})
        changed = {name: value for name, value in fields.items() if name not in known or known[name] != value}
        if changed:
            changes[coin] = changed
    return changes
