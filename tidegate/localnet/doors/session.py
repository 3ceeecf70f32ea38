"""One WebSocket connection's conversation, without the socket.

Owns what one client is subscribed to and the answers to its messages (sections 6.1 and 6.4 of the protocol):
acks before data, normalised echoes, the exchange's error texts, pong, posts. Text goes in by `receive`,
encoded frames go out by the `send` it was given; `drop` asks the door to cut the line without a word. It
reads no clock of its own and never opens or closes a socket.

Posts are answered before `receive` returns, so posts are in flight only where a door holds them back (`hold_post`).
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

import msgspec

from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.limits import Recent
from tidegate.localnet.doors.subscriptions import Subscription, Unparsable, read_subscription
from tidegate.localnet.exchange import Reply

IDLE_CLOSE_S = 60.0
UNKNOWN_COIN_CLOSE_S = 0.1

_encode = msgspec.json.Encoder().encode


def frame(channel: str, data: Any) -> bytes:
    """Encode `{"channel":…,"data":…}`, keys in this order, without spaces."""
    return _encode({"channel": channel, "data": data})


PONG = _encode({"channel": "pong"})


class Hub(Protocol):
    """What all sessions share: the way to the kernel, the limits of the address, who hears what."""

    gate: Gate
    messages: Recent
    monotonic: Callable[[], float]

    def offers(self, wanted: Subscription) -> bool:
        """Whether what `wanted` names exists here."""

    def refusal(self, wanted: Subscription) -> str | None:
        """The error text when `wanted` would exceed a limit of the address."""

    def posts_are_full(self) -> bool:
        """Whether as many posts are in flight as the address may have."""

    def add(self, session: "Session", wanted: Subscription) -> None:
        """Let `session` hear a stream, beginning with its state."""

    def remove(self, session: "Session", unwanted: Subscription) -> None:
        """Stop sending a stream to `session`."""

    def disconnect(self, session: "Session") -> None:
        """Forget a session and all it subscribed to."""


class Session:
    """What one connection asked for and what it is told; made by `Streams.connect`.

    `send(frame)` takes one encoded text frame; `drop(after_s)` cuts the connection after that many seconds
    of wall time, without a close frame.
    """

    def __init__(self, hub: Hub, send: Callable[[bytes], None], drop: Callable[[float], None]) -> None:
        self.subscriptions: set[Subscription] = set()
        self.last_sent_s = hub.monotonic()
        self.pending_posts = 0
        self._hub = hub
        self._send = send
        self._drop = drop

    def send(self, encoded: bytes) -> None:
        """Pass one frame on and note the time: the exchange hangs up on whom it told nothing for 60 s."""
        self.last_sent_s = self._hub.monotonic()
        self._send(encoded)

    def drop(self, after_s: float) -> None:
        """Have the connection cut without a close frame, which a client sees as code 1006."""
        self._drop(after_s)

    def close(self) -> None:
        """The connection is gone: forget the session."""
        self._hub.disconnect(self)

    def receive(self, text: bytes) -> None:
        """Take one text message of the client and send what it causes."""
        hub = self._hub
        if not hub.messages.allow(hub.monotonic()):
            self._error(f"Cannot send more than {hub.messages.limit} messages per minute.")
            return
        hub.gate.catch_up()
        try:
            self._take(msgspec.json.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Unparsable):
            shown = text.decode("utf-8", errors="replace")
            self._error(f"Error parsing JSON into valid websocket request: {shown}")

    def hold_post(self, post_id: int) -> bool:
        """Count a post whose answer comes later; False, and the client is told, when too many are in flight."""
        if self._hub.posts_are_full():
            self._error(f"too many pending post requests id={post_id}")
            return False
        self.pending_posts += 1
        return True

    def receive_held(self, text: bytes) -> None:
        """Take the message of a post that is held: it does not stand in its own way."""
        self.pending_posts -= 1
        self.receive(text)
        self.pending_posts += 1

    def release_post(self) -> None:
        """A post that was held has been answered, or never will be."""
        self.pending_posts -= 1

    def _take(self, message: Any) -> None:
        match message:
            case {"method": "post", "id": int(post_id), "request": {"type": str(kind), "payload": payload}}:
                if isinstance(post_id, bool):
                    raise Unparsable("the id of a post is a number")
                self._post(post_id, kind, payload)
            case {"method": "ping"}:
                self.send(PONG)
            case {"method": "subscribe", "subscription": raw}:
                self._subscribe(read_subscription(raw))
            case {"method": "unsubscribe", "subscription": raw}:
                self._unsubscribe(read_subscription(raw))
            case _:
                raise Unparsable("no such request")

    def _subscribe(self, wanted: Subscription) -> None:
        hub = self._hub
        if not hub.offers(wanted):
            self.drop(UNKNOWN_COIN_CLOSE_S)
            return
        if wanted in self.subscriptions:
            self._error(f"Already subscribed: {_echo(wanted)}")
            return
        refusal = hub.refusal(wanted)
        if refusal is not None:
            self._error(refusal)
            return
        self.send(frame("subscriptionResponse", {"method": "subscribe", "subscription": wanted.echo()}))
        self.subscriptions.add(wanted)
        hub.add(self, wanted)

    def _unsubscribe(self, wanted: Subscription) -> None:
        if wanted not in self.subscriptions:
            self._error(f"Already unsubscribed: {_echo(wanted)}")
            return
        self.subscriptions.remove(wanted)
        self._hub.remove(self, wanted)
        self.send(frame("subscriptionResponse", {"method": "unsubscribe", "subscription": wanted.echo()}))

    def _post(self, post_id: int, kind: str, payload: Any) -> None:
        if not self.hold_post(post_id):
            return
        try:
            self._answer_post(post_id, kind, payload)
        finally:
            self.release_post()

    def _answer_post(self, post_id: int, kind: str, payload: Any) -> None:
        if kind == "action":
            reply = self._hub.gate.act(payload)
            response = {"type": "action", "payload": reply.body}
        elif kind == "info":
            reply = self._hub.gate.info(payload)
            asked = payload.get("type") if isinstance(payload, dict) else None
            response = {"type": "info", "payload": {"type": asked, "data": reply.body}}
        else:
            raise Unparsable(f"posts are of type info or action, found {kind!r}")
        if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise Unparsable("the payload does not fit the type asked for")
        if reply.status != HTTPStatus.OK:
            response = {"type": "error", "payload": _status_text(reply)}
        self.send(frame("post", {"id": post_id, "response": response}))

    def _error(self, text: str) -> None:
        self.send(frame("error", text))


def _echo(subscription: Subscription) -> str:
    return _encode(subscription.echo()).decode()


def _status_text(reply: Reply) -> str:
    body = reply.body if reply.text else _encode(reply.body).decode()
    return f"{reply.status} {HTTPStatus(reply.status).phrase}: {body}"
