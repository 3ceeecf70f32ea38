"""Where the frames of a WebSocket begin: takes whole text messages out of received bytes.

Nearly all bytes from the exchange are such messages, and they are handed over as they lie there, those that the network
cut as soon as their other part is there. Everything else (control frames, messages in parts, frames that are too long
or make no sense) is left to the library; this then only follows where the next frame begins (RFC 6455, section 5.2).
"""

WHOLE_TEXT = 0x81
"""The first byte of a text message in one frame, with no extension in use."""
FINAL = 0x80
CONTROL = 0x08
LENGTH_IN_2_BYTES, LENGTH_IN_8_BYTES = 126, 127
MASKED = 128

FRAME_BYTES_MAX = 4 * 2**20


class Boundaries:
    """Follows one direction of one connection from its first frame on; it has to be shown every byte.

    A message of more than `bytes_max` is the library's, which refuses it.
    """

    def __init__(self, bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._cut: list[bytes] = []
        self._missing = 0
        self._header = b""
        self._left = 0
        self._in_parts = False
        self._lost = False

    def split(self, data: bytes) -> tuple[list[bytes], bytes]:
        """The messages that are complete now, and behind them the bytes that are the library's.

        Raises nothing: once bytes make no sense all of them are the library's for good.
        """
        if self._left or self._header or self._in_parts or self._lost:
            self._follow(data)
            return [], data
        if self._cut:
            self._cut.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return [], b""
            data, self._cut = b"".join(self._cut), []
        messages, at, end = [], 0, len(data)
        while at + 2 <= end and data[at] == WHOLE_TEXT:
            # (the usual lengths are written out, for this is done for every message)
            start, length = at + 2, data[at + 1]
            if length == LENGTH_IN_2_BYTES and at + 4 <= end:
                start, length = at + 4, data[at + 2] << 8 | data[at + 3]
            elif length >= LENGTH_IN_2_BYTES:
                start, length = _payload(data, at)
            if start + length > end or length > self._bytes_max:
                break
            at = start + length
            messages.append(data[start:at])
        rest = data[at:]
        if rest and self._is_cut(rest):
            self._cut, rest = [rest], b""
        elif rest:
            self._follow(rest)
        return messages, rest

    def give_up(self) -> bytes:
        """The beginning of a message that was held back: the library hears everything from here on."""
        held, self._cut = b"".join(self._cut), []
        self._lost = True
        return held

    def _is_cut(self, data: bytes) -> bool:
        """Whether this is the beginning of a whole text message; how much is missing of what is known of it."""
        if data[0] != WHOLE_TEXT or data[1:2] >= bytes((MASKED,)):
            return False
        start = _payload_start(data, 0) if len(data) > 1 else 2
        length = _payload(data, 0)[1] if len(data) >= start else 0
        self._missing = start + length - len(data)
        return length <= self._bytes_max

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
