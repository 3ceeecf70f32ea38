"""The in-process door: a `requests` adapter, so that the official SDK runs against a kernel without sockets.

Mount it on the sessions of the SDK (`info.session.mount(base_url, adapter)`, and the same on
`exchange.session` and `exchange.info.session`). Requests and answers are the very bytes that the HTTP door
takes and gives. Time does not pass by itself: whoever holds the kernel advances it.
"""

from datetime import timedelta
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from tidegate.localnet.doors.gate import Gate


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
