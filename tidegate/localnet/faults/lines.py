"""What a fault may do to an open WebSocket connection, and to one that is about to open.

The connection itself belongs to the door; here are the verbs it offers and the wishes it gets.
"""

from typing import NamedTuple, Protocol


class Line(Protocol):
    """One open connection."""

    def close_with(self, code: int) -> None:
        """Say goodbye with a close frame."""

    def reset(self) -> None:
        """Cut the connection with a TCP reset."""

    def break_off(self) -> None:
        """Send the beginning of a frame, then cut the connection."""

    def go_deaf(self) -> None:
        """Neither read nor write any more, and leave the connection open."""

    def send_bytes(self, data: bytes) -> None:
        """Put bytes on the wire as they are, frames or not."""


class Opening(NamedTuple):
    """How a handshake ends: refused with `status`, or accepted and cut after `close_after_s`."""

    status: int = 101
    close_after_s: float | None = None


class Rejection(NamedTuple):
    """What becomes of a client's subscribe: silence, or a frame on the channel `error`."""

    text: str | None
