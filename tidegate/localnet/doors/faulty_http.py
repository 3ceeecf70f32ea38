"""Faults and the recorder in front of the HTTP door.

`WatchedFront` is an ASGI application around the real one and passes everything on while nobody watches. `HttpDoor`'s
subclass tells it the transport, because ASGI cannot cut a connection. Decides nothing: courses come from the faults.
"""

import asyncio
import contextlib
from typing import Any, cast

import msgspec
from starlette.types import Receive, Scope, Send

from tidegate.localnet.doors.app import Front
from tidegate.localnet.doors.courses import follow, read_request, readable
from tidegate.localnet.doors.gate import BODY_BYTES_MAX, PATHS, Gate, HttpAnswer
from tidegate.localnet.doors.sockets import HttpDoor
from tidegate.localnet.doors.watch import Watch, reset_on_close
from tidegate.localnet.faults.course import Ending

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
            await self._pause(course.before_s)
            answer = follow(course, asked, lambda: self._ask(request))
            await self._pause(course.after_s)
        self._note(request, answer)
        ending = Ending.ANSWER if course is None else course.ending
        if ending is Ending.SILENCE:
            await self._keep_silent(scope, receive)
        else:
            await _end(scope, send, answer, ending)
        if asked is not None:
            self._watch.faults.answered(asked)

    def _ask(self, request: "_Request") -> HttpAnswer:
        scope = request.scope
        return self._gate.http(scope["method"], scope["path"], request.content_type, request.body)

    async def _pause(self, seconds: float) -> None:
        """Let wall time pass, unless the server ends meanwhile."""
        if seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._watch.stopping.wait(), seconds)

    async def _keep_silent(self, scope: Scope, receive: Receive) -> None:
        """Say nothing until the client has gone or the server ends."""
        gone = asyncio.ensure_future(_gone(receive))
        stopping = asyncio.ensure_future(self._watch.stopping.wait())
        await asyncio.wait({gone, stopping}, return_when=asyncio.FIRST_COMPLETED)
        scope[TRANSPORT].abort()
        await gone
        stopping.cancel()

    def _note(self, request: "_Request", answer: HttpAnswer) -> None:
        if self._watch.recorder is not None:
            response = readable(answer.body)
            self._watch.recorder.asked(request.scope["path"], readable(request.body), answer.status, response)


class _Request(msgspec.Struct):
    scope: Any
    content_type: str
    body: bytes


async def _read(receive: Receive) -> bytes:
    """Read the body; of one that is too long, only as much as shows that it is."""
    body = b""
    while len(body) <= BODY_BYTES_MAX:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body


async def _gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(scope: Scope, send: Send, answer: HttpAnswer, ending: Ending) -> None:
    """Send an answer, or end without one."""
    transport: Any = scope[TRANSPORT]
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
