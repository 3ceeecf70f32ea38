"""The gate that every request passes, whichever door it came through: HTTP, a post over the socket, in process.

Owns the counting, the REST weight budget and the answers to malformed HTTP (section 1.1 of the protocol).
It opens no socket and decides nothing about trading: valid bodies go to the kernel as they are.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from tidegate.localnet.doors.limits import Counters, Limits, RestBudget, action_weight, info_weight, items_weight
from tidegate.localnet.exchange import Exchange, Reply

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
NOT_JSON = "Failed to parse the request body as JSON"
WRONG_CONTENT_TYPE = "Expected request with `Content-Type: application/json`"
TOO_LONG = "Failed to buffer the request body: length limit exceeded"
BODY_BYTES_MAX = 2 * 1024 * 1024
PATHS = ("/info", "/exchange")


class HttpAnswer(NamedTuple):
    """Status, content type ("" for an empty answer) and body as they go out."""

    status: int
    content_type: str = ""
    body: bytes = b""


class Gate:
    """One client's way to the kernel.

    `catch_up` brings the kernel to the present before a request is looked at; in virtual time the caller
    moves the clock and the default does nothing. `after_action` is called when an action has been answered.
    """

    def __init__(self, exchange: Exchange, limits: Limits, catch_up: Callable[[], object] = lambda: None) -> None:
        self.exchange = exchange
        self.counters = Counters()
        self.budget = RestBudget(limits.rest_weight_per_minute)
        self.catch_up = catch_up
        self.after_action: Callable[[], object] = lambda: None

    def http(self, method: str, path: str, content_type: str, body: bytes) -> HttpAnswer:
        """Answer one HTTP request to the protocol's two paths."""
        if path not in PATHS:
            return HttpAnswer(HTTPStatus.NOT_FOUND)
        if method != "POST":
            return HttpAnswer(HTTPStatus.METHOD_NOT_ALLOWED)
        if not _is_json(content_type):
            return _text(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, WRONG_CONTENT_TYPE)
        if len(body) > BODY_BYTES_MAX:
            return _text(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LONG)
        try:
            request = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _text(HTTPStatus.BAD_REQUEST, NOT_JSON)
        reply = self.info(request) if path == "/info" else self.act(request)
        if reply.text:
            return _text(reply.status, reply.body)
        return HttpAnswer(reply.status, JSON, msgspec.json.encode(reply.body))

    def info(self, request: Any) -> Reply:
        """Answer a decoded /info body; status 429 and null when the minute's weight is used up."""
        kind = request.get("type") if isinstance(request, dict) else None
        kind = kind if isinstance(kind, str) else ""
        reply = self._within_budget(info_weight(kind), self.exchange.info, request)
        if reply.status == HTTPStatus.OK:
            self.counters.requests[kind] += 1
            self.budget.surcharge(items_weight(kind, reply.body), self.exchange.now_ms)
        return reply

    def act(self, envelope: Any) -> Reply:
        """Answer a decoded /exchange envelope; status 429 and null when the minute's weight is used up."""
        action = envelope.get("action") if isinstance(envelope, dict) else None
        action = action if isinstance(action, dict) else {}
        reply = self._within_budget(action_weight(action), self.exchange.act, envelope)
        kind = action.get("type")
        if reply.status == HTTPStatus.OK and isinstance(kind, str):
            self.counters.actions[kind] += 1
            self.after_action()
        return reply

    def _within_budget(self, weight: int, answer: Callable[[Any], Reply], body: Any) -> Reply:
        self.catch_up()
        if not self.budget.charge(weight, self.exchange.now_ms):
            self.counters.refused_by_limit += 1
            return Reply(HTTPStatus.TOO_MANY_REQUESTS, None)
        return answer(body)


def _is_json(content_type: str) -> bool:
    essence = content_type.split(";", 1)[0].strip().lower()
    return essence == JSON or (essence.startswith("application/") and essence.endswith("+json"))


def _text(status: int, text: str) -> HttpAnswer:
    return HttpAnswer(status, TEXT, text.encode())
