"""The in-process door: no sockets, so that the official SDK runs against a kernel in the same thread.

`LocalnetAdapter` is a `requests` adapter: mount it on the sessions of the SDK (`info.session.mount(base_url,
adapter)`, and the same on `exchange.session` and `exchange.info.session`). `LocalnetSocket` takes the place of
the `WebSocketApp` inside a `WebsocketManager` (`manager.ws = socket`, then `manager.on_open(socket)`). Requests,
answers and frames are the very bytes that the network door takes and gives. Time does not pass by itself:
whoever holds the kernel advances it.
"""

from collections import deque
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.streams import Streams


class LocalnetAdapter(BaseAdapter):
    """Answers every request that its session routes here out of one `Gate`."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def send(self, request: PreparedRequest, *_args: Any, **_settings: Any) -> Response:
        """Answer at once; the settings of a real transport have no meaning here."""
        body: Any = request.body or b""
        answer = self.gate.http(
            request.method or "GET",
            urlsplit(request.url or "").path,
            request.headers.get("Content-Type", ""),
            body.encode() if isinstance(body, str) else body,
        )
        response = Response()
        response.status_code = answer.status
        response.reason = HTTPStatus(answer.status).phrase
        headers = {"Content-Length": str(len(answer.body))}
        if answer.content_type:
            headers["Content-Type"] = answer.content_type
        response.headers = CaseInsensitiveDict(headers)
        response.raw = BytesIO(answer.body)
        response.url = request.url or ""
        response.request = request
        response.encoding = "utf-8"
        response.elapsed = timedelta(0)
        return response

    def close(self) -> None:
        """Nothing is held open."""


class LocalnetSocket:
    """One WebSocket connection without a socket: text goes in by `send`, frames come out by `deliver`.

    Frames wait for `deliver`, because they arise while the kernel is at work: a callback that trades must not
    find it in the middle of a call. `keep_running` turns False when either side hangs up, as it does on a
    `WebSocketApp`; a line that the exchange cuts is cut at once.
    """

    def __init__(self, streams: Streams, on_message: Callable[[Any, str], object]) -> None:
        self.keep_running = True
        self._waiting: deque[bytes] = deque()
        self._on_message = on_message
        self._session = streams.connect(self._waiting.append, lambda _after_s: self.close())

    def send(self, text: str) -> None:
        """Say one text message. Raises `ConnectionError` when the line is cut."""
        if not self.keep_running:
            raise ConnectionError("the exchange has closed this connection")
        self._session.receive(text.encode())

    def deliver(self) -> int:
        """Hand over the frames that have come; returns how many they were."""
        count = 0
        while self._waiting:
            self._on_message(self, self._waiting.popleft().decode())
            count += 1
        return count

    def close(self) -> None:
        """Hang up; a second time changes nothing."""
        if self.keep_running:
            self.keep_running = False
            self._session.close()
