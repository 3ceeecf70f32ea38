"""Where the frames of a WebSocket begin: tells when received bytes are nothing but whole text messages.

Nearly all bytes from the exchange are, and the messages in them can be handed over as they lie there. Everything else
(control frames, messages in parts, frames cut by the network) is left to the library; this only follows where the next
frame begins (RFC 6455, section 5.2).
"""

WHOLE_TEXT = 0x81
"""The first byte of a text message in one frame, with no extension in use."""
FINAL = 0x80
CONTROL = 0x08
CONTINUATION = 0x00
LENGTH_IN_2_BYTES, LENGTH_IN_8_BYTES = 126, 127
MASKED = 128


class Boundaries:
    """Follows one direction of one connection from its first frame on; it has to be shown every byte."""

    def __init__(self) -> None:
        self._header = b""
        self._left = 0
        self._in_parts = False
        self._lost = False

    def messages(self, data: bytes) -> list[bytes] | None:
        """The messages that make up these bytes; None if there is anything else in them or they begin inside a frame.

        Raises nothing: once bytes make no sense it gives None for good.
        """
        if not (self._left or self._header or self._in_parts or self._lost):
            messages, at, end = [], 0, len(data)
            while at + 2 <= end and data[at] == WHOLE_TEXT:
                start, length = _payload(data, at)
                if start + length > end:
                    break
                at = start + length
                messages.append(data[start:at])
            if at == end:
                return messages
        self._follow(data)
        return None

    def _follow(self, data: bytes) -> None:
        """Go on to wherever these bytes end."""
        data, self._header = self._header + data, b""
        at, end = 0, len(data)
        while at < end and not self._lost:
            skipped = min(self._left, end - at)
            self._left -= skipped
            at += skipped
            if at < end:
                at = self._enter(data, at)

    def _enter(self, data: bytes, at: int) -> int:
        """Read the header at `at`; give where its payload begins, or the end while some of the header is missing."""
        if len(data) < at + 2 or len(data) < _payload_start(data, at):
            self._header = data[at:]
            return len(data)
        start, self._left = _payload(data, at)
        first = data[at]
        if not first & CONTROL:
            self._in_parts = not first & FINAL
        self._lost = data[at + 1] >= MASKED
        return start


def _payload_start(data: bytes, at: int) -> int:
    length = data[at + 1]
    return at + (2 if length < LENGTH_IN_2_BYTES else 4 if length == LENGTH_IN_2_BYTES else 10)


def _payload(data: bytes, at: int) -> tuple[int, int]:
    """Where the payload begins and how long it is; a masked frame, which no server sends, is longer than anything."""
    length = data[at + 1]
    if length < LENGTH_IN_2_BYTES:
        return at + 2, length
    if length == LENGTH_IN_2_BYTES:
        return at + 4, int.from_bytes(data[at + 2 : at + 4])
    return at + 10, int.from_bytes(data[at + 2 : at + 10]) if length == LENGTH_IN_8_BYTES else 1 << 63
