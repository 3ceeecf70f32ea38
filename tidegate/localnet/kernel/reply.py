"""An HTTP answer of the kernel, before anybody encodes it."""

from http import HTTPStatus
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """Status, a JSON-able body, or a plain text one when `text` is set."""

    status: int
    body: Any
    text: bool = False


UNPROCESSABLE = Reply(
    HTTPStatus.UNPROCESSABLE_ENTITY, "Failed to deserialize the JSON body into the target type", text=True
)
NOTHING = Reply(HTTPStatus.INTERNAL_SERVER_ERROR, None)  # what the exchange says to names it does not know


def ok(body: Any) -> Reply:
    """A plain JSON answer."""
    return Reply(HTTPStatus.OK, body)
