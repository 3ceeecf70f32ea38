"""Faults and the recorder in front of the HTTP door.

`WatchedFront` is an ASGI application around the real one and passes everything on while nobody watches. `HttpDoor`'s
subclass tells it the transport, because ASGI cannot cut a connection. Decides nothing: courses come from the faults.
"""

import asyncio
from http import HTTPStatus
from typing import Any, cast

import msgspec
from starlette.types import Receive, Scope, Send

from tidegate.localnet.doors.app import Front
from tidegate.localnet.doors.gate import BODY_BYTES_MAX, PATHS, Gate, HttpAnswer
from tidegate.localnet.doors.sockets import HttpDoor
from tidegate.localnet.doors.watch import Watch, reset_on_close
from tidegate.localnet.faults.asked import Asked
from tidegate.localnet.faults.course import JSON, Answered, Course, Ending
from tidegate.localnet.faults.desk import Faults

TRANSPORT = "localnet.transport"
HTTP = "http"


class TellingHttpDoor(HttpDoor):
    """The HTTP door; each request's scope tells the transport it came by."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        cast(dict[str, Any], self.scope)[TRANSPORT] = self.transport


class WatchedFront:
    """The application as clients meet it."""

    def __init__(self, front: Front, gate: Gate, watch: Watch) -> None:
        self._front = front
        self._gate = gate
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or do to it what a fault asks for."""
        if self._watch.idle or scope.get("path") not in PATHS:
            await self._front(scope, receive, send)
            return
        self._front.requests += 1
        body = await _read(receive)
        self._gate.catch_up()
        asked = read_request(self._watch.faults, HTTP, scope["path"], body)
        course = None if asked is None else self._watch.faults.course(asked)
        content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        request = _Request(scope, content_type.decode("latin-1"), body)
        if asked is None or course is None:
            answer = self._ask(request)
        else:
            await asyncio.sleep(course.before_s)
            answer = follow(course, asked, lambda: self._ask(request))
            await asyncio.sleep(course.after_s)
        self._note(request, answer)
        await _end(scope, receive, send, answer, Ending.ANSWER if course is None else course.ending)
        if asked is not None:
            self._watch.faults.answered(asked)

    def _ask(self, request: "_Request") -> HttpAnswer:
        scope = request.scope
        return self._gate.http(scope["method"], scope["path"], request.content_type, request.body)

    def _note(self, request: "_Request", answer: HttpAnswer) -> None:
        if self._watch.recorder is not None:
            response = readable(answer.body)
            self._watch.recorder.asked(request.scope["path"], readable(request.body), answer.status, response)


class _Request(msgspec.Struct):
    scope: Any
    content_type: str
    body: bytes


def read_request(faults: Faults, door: str, path: str, body: bytes) -> Asked | None:
    """A request as rules see it; None when its body is no JSON, which no rule is about."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return faults.asked(door, decoded, is_action=path == "/exchange")


def follow(course: Course, asked: Asked, ask: Any) -> HttpAnswer:
    """Go a course without its waits: the answer that is to be sent, or that would have been."""
    answered = Answered(HTTPStatus.OK, None)
    if course.carried_out:
        if course.prepare is not None:
            course.prepare(asked)
        answer: HttpAnswer = ask()
        if answer.content_type != JSON:
            return answer
        answered = Answered(answer.status, msgspec.json.decode(answer.body))
    status, body, content_type = course.change(asked, answered)
    encoded = msgspec.json.encode(body) if content_type == JSON else str(body).encode()
    return HttpAnswer(status, content_type, encoded)


def readable(raw: bytes) -> Any:
    """JSON decoded, anything else as text."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw.decode("utf-8", errors="replace")


async def _read(receive: Receive) -> bytes:
    """Read the body; of one that is too long, only as much as shows that it is."""
    body = b""
    while len(body) <= BODY_BYTES_MAX:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body


async def _end(scope: Scope, receive: Receive, send: Send, answer: HttpAnswer, ending: Ending) -> None:
    """Send an answer, or end without one."""
    transport: Any = scope[TRANSPORT]
    if ending is Ending.SILENCE:
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    if ending in (Ending.RESET, Ending.CLOSE):
        if ending is Ending.RESET:
            reset_on_close(transport.get_extra_info("socket"))
        transport.abort()
        return
    headers = [(b"content-length", str(len(answer.body)).encode())]
    if answer.content_type:
        headers.append((b"content-type", answer.content_type.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if ending is Ending.CUT:
        await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
        transport.close()
        return
    await send({"type": "http.response.body", "body": answer.body})
