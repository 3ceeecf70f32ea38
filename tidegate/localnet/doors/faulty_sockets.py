"""Faults and the recorder at a WebSocket: in front of what a client says and of what it hears.

`WatchedWebSocketDoor` is the WebSocket door with one question at each of the two places, and the verbs by which a fault
treats the connection. Waits are wall time. Decides nothing: what happens is decided by the faults.
"""

import itertools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode
from websockets.http11 import Request

from tidegate.localnet.doors.courses import follow
from tidegate.localnet.doors.gate import JSON, HttpAnswer
from tidegate.localnet.doors.session import Session, frame
from tidegate.localnet.doors.sockets import WEBSOCKET_PATH, Hall, WebSocketDoor
from tidegate.localnet.doors.watch import Watch, reset_on_close
from tidegate.localnet.faults.asked import Asked
from tidegate.localnet.faults.course import Course, Ending
from tidegate.localnet.faults.frames import encode

WS = "ws"
FRAME_BEGUN = bytes((0x81, 126, 0x0F, 0xA0)) + b'{"channel":"tra'
POST_FRAME = b'{"channel":"post"'
numbers = itertools.count(1)


class WatchedSession:
    """A session behind a watch; the door talks to it as to a session."""

    def __init__(self, session: Session, door: "WatchedWebSocketDoor") -> None:
        self.session = session
        self._door = door

    def receive(self, message: bytes) -> None:
        """Take one message of the client."""
        if self._door.watch.idle:
            self.session.receive(message)
        else:
            self._door.take_watched(self.session, message)

    def close(self) -> None:
        """The connection is gone."""
        self._door.watch.faults.lines.discard(self._door)
        self.session.close()


class WatchedWebSocketDoor(WebSocketDoor):
    """One upgraded connection among faults; itself a `Line`."""

    def __init__(self, watch: Watch, hall: Hall, **settings: Any) -> None:
        super().__init__(hall, **settings)
        self.watch = watch
        self.number = next(numbers)
        self._is_deaf = False
        self._posted: list[bytes] | None = None  # gathers the answer to a post that a fault has taken hold of

    # What comes and goes

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        if not self._is_deaf:
            super().data_received(data)

    def take_watched(self, session: Session, message: bytes) -> None:
        """One message, with somebody watching."""
        if self.watch.recorder is not None:
            self.watch.recorder.said(self.number, message)
        try:
            said = msgspec.json.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said = None
        match said:
            case {"method": "subscribe", "subscription": dict(subscription)}:
                rejection = self.watch.faults.rejection(subscription)
                if rejection is not None:
                    if rejection.text is not None:
                        session.send(frame("error", rejection.text))
                    return
            case {"method": "post", "id": int(number), "request": {"type": "info" | "action" as kind, "payload": body}}:
                asked = self.watch.faults.asked(WS, body, is_action=kind == "action")
                course = self.watch.faults.course(asked)
                if course is not None:
                    if not session.hold_post(number):
                        return
                    post = _Post(number, kind, asked, course)
                    self._later(course.before_s, lambda: self._carry_out(session, message, post))
                else:
                    session.receive(message)
                    self.watch.faults.answered(asked)
                return
        session.receive(message)

    def _send(self, text: bytes) -> None:
        if self._posted is not None and text.startswith(POST_FRAME):
            self._posted.append(text)
            return
        if self.watch.idle:
            super()._send(text)
            return
        users = frozenset(each.user for each in self._session_subscriptions() if each.user)
        for each in self.watch.faults.turn(text, users, self):
            if self.watch.recorder is not None:
                self.watch.recorder.heard(self.number, each)
            super()._send(each)

    def _write_wire(self) -> None:
        if not self._is_deaf:
            super()._write_wire()

    def _greet(self, request: Request) -> None:
        is_ours = request.path.partition("?")[0] == WEBSOCKET_PATH
        opening = None if self.watch.idle or not is_ours else self.watch.faults.opening()
        if opening is not None and opening.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self._wire.send_response(self._wire.reject(opening.status, ""))
            self._write_wire()
            return
        super()._greet(request)
        if isinstance(self._session, Session):
            self._session = WatchedSession(self._session, self)  # type: ignore[assignment]
            self.watch.faults.lines.add(self)
            if opening is not None and opening.close_after_s is not None:
                self._drop(opening.close_after_s)

    # The verbs of a line

    def close_with(self, code: int) -> None:
        """Say goodbye with a close frame."""
        try:
            self._wire.send_close(CloseCode(code) if code in tuple(CloseCode) else code)
        except InvalidState:
            return
        self._write_wire()

    def reset(self) -> None:
        """Cut the connection with a TCP reset."""
        reset_on_close(self._transport.get_extra_info("socket"))
        self._transport.abort()

    def break_off(self) -> None:
        """Send the beginning of a frame, then cut the connection."""
        self.send_bytes(FRAME_BEGUN)
        self._transport.close()

    def go_deaf(self) -> None:
        """Neither read nor write any more."""
        self._is_deaf = True

    def send_bytes(self, data: bytes) -> None:
        """Put bytes on the wire as they are."""
        if not self._transport.is_closing():
            self._transport.write(data)

    # Posts

    def _carry_out(self, session: Session, message: bytes, post: "_Post") -> None:
        """Let the exchange see a post, unless the course forbids it; what comes back goes on later."""
        self._posted = []

        def ask() -> HttpAnswer:
            session.receive_held(message)
            payload = _payload(self._posted)
            return HttpAnswer(HTTPStatus.OK, JSON, encode(payload))

        try:
            answer = follow(post.course, post.asked, ask)
        finally:
            self._posted = None
        self._later(post.course.after_s, lambda: self._answer(session, post, answer))

    def _answer(self, session: Session, post: "_Post", answer: HttpAnswer) -> None:
        session.release_post()
        ending = post.course.ending
        if ending is Ending.ANSWER:
            session.send(frame("post", {"id": post.number, "response": _response(post, answer)}))
        elif ending is Ending.CUT:
            self.break_off()
        elif ending is Ending.RESET:
            self.reset()
        elif ending is Ending.CLOSE:
            self._drop(0.0)
        self.watch.faults.answered(post.asked)

    def _later(self, after_s: float, do: Callable[[], None]) -> None:
        """Do it now, or when some wall time has passed and the client is still there."""
        if after_s:
            self._loop.call_later(after_s, lambda: None if self._session is None else do())
        else:
            do()

    def _session_subscriptions(self) -> set[Any]:
        watched = self._session
        return watched.session.subscriptions if isinstance(watched, WatchedSession) else set()


class _Post(msgspec.Struct):
    number: int
    kind: str
    asked: Asked
    course: Course


def _payload(posted: list[bytes] | None) -> Any:
    """What a post was answered with, as over HTTP; None when it was not."""
    for text in posted or []:
        payload = msgspec.json.decode(text)["data"]["response"]["payload"]
        return payload["data"] if isinstance(payload, dict) and payload.keys() == {"type", "data"} else payload
    return None


def _response(post: _Post, answer: HttpAnswer) -> dict[str, Any]:
    """The response of a post frame that says what HTTP would have said (section 6.4)."""
    if answer.status != HTTPStatus.OK:
        phrase = HTTPStatus(answer.status).phrase if answer.status in tuple(HTTPStatus) else ""
        return {"type": "error", "payload": f"{answer.status} {phrase}: {answer.body.decode()}"}
    body = msgspec.json.decode(answer.body) if answer.content_type == JSON else answer.body.decode()
    payload = {"type": post.asked.type, "data": body} if post.kind == "info" else body
    return {"type": post.kind, "payload": payload}
