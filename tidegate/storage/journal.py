"""The journal's format: facts and wishes as JSON lines, gathered into compressed batches.

Owns the lines, their numbers and their batches. Encodes and compresses as lines come, so that closing a batch in
front of an order costs microseconds. Never touches the database.
"""

import json
import zlib
from collections import deque
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from tidegate.errors import StorageError
from tidegate.model.events import Event, Started
from tidegate.model.intents import Decision

CHUNK_BYTES = 4_096
"""Lines are compressed when so many bytes have gathered: the most that closing a batch has left to do."""

BATCH_BYTES_MAX = 1_000_000
"""A batch is closed at this size even when nobody flushes."""

WAITING_BYTES_MAX = 16_000_000
"""While the database cannot be written, this much of the journal waits; beyond it the oldest batch is lost."""

ROW_BYTES = 200

# Small windows and level 1: a batch closes in some 30 µs and is still a tenth of its lines.
LEVEL, WINDOW_BITS, MEMORY_LEVEL = 1, 13, 5

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(tuple[Event, Decision])


class Batch(Struct, frozen=True, kw_only=True):
    """Consecutive lines of one session. `lines`: compressed; times are those of the facts, in milliseconds UTC."""

    session: int
    first_seq: int
    last_seq: int
    first_ms: int
    last_ms: int
    lines: bytes

    @property
    def cost_bytes(self) -> int:
        """What storing it takes: its lines, and about as much as a row costs, so that many small ones count too."""
        return len(self.lines) + ROW_BYTES


class Gathering:
    """Lines on their way into the database: one open batch, and those that are closed but not yet stored."""

    def __init__(self, *, last_seq: int, last_session: int) -> None:
        self.lost_lines = 0
        self._closed: deque[Batch] = deque()
        self._closed_bytes = 0
        self._next_seq = last_seq + 1
        self._session = last_session + 1
        self._session_from_seq = self._next_seq
        self._open_batch()

    def add(self, event: Event, decision: Decision) -> None:
        """Append one line; a Started fact begins a new session.

        Raises UnicodeEncodeError, with nothing appended, for text that is not Unicode (see `cleaned`).
        """
        chunk = self._chunk
        length = len(chunk)
        try:
            _ENCODER.encode_into((event, decision), chunk, length)
        except UnicodeEncodeError:
            del chunk[length:]
            raise
        if type(event) is Started and self._next_seq > self._session_from_seq:
            line = bytes(chunk[length:])
            del chunk[length:]
            self._begin_session()
            chunk = self._chunk
            chunk += line
        if self._next_seq == self._first_seq:
            self._first_ms = event.at_ms
        chunk += b"\n"
        self._last_ms = event.at_ms
        self._next_seq += 1
        if len(chunk) > CHUNK_BYTES:
            self._compress()

    @property
    def waits(self) -> bool:
        """Whether there are lines that are not durable yet."""
        return bool(self._closed) or self._next_seq > self._first_seq

    def close_batch(self) -> tuple[Batch, ...]:
        """Everything that waits to be stored, oldest first; it waits on until `stored` is called."""
        if self._next_seq > self._first_seq:
            self._parts.append(self._stream.compress(self._chunk))
            self._parts.append(self._stream.flush())
            batch = Batch(
                session=self._session,
                first_seq=self._first_seq,
                last_seq=self._next_seq - 1,
                first_ms=self._first_ms,
                last_ms=self._last_ms,
                lines=b"".join(self._parts),
            )
            self._closed.append(batch)
            self._closed_bytes += len(batch.lines)
            self._lose_what_is_too_much()
            self._open_batch()
        return tuple(self._closed)

    def stored(self) -> None:
        """What `close_batch` gave last is durable."""
        self._closed.clear()
        self._closed_bytes = 0

    def _open_batch(self) -> None:
        self._stream = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW_BITS, MEMORY_LEVEL)
        self._chunk = bytearray()
        self._parts: list[bytes] = []
        self._raw_bytes = 0
        self._first_seq = self._next_seq
        self._first_ms = self._last_ms = 0

    def _begin_session(self) -> None:
        self.close_batch()
        self._session += 1
        self._session_from_seq = self._next_seq

    def _compress(self) -> None:
        self._raw_bytes += len(self._chunk)
        self._parts.append(self._stream.compress(self._chunk))
        self._chunk = bytearray()
        if self._raw_bytes > BATCH_BYTES_MAX:
            self.close_batch()

    def _lose_what_is_too_much(self) -> None:
        while self._closed_bytes > WAITING_BYTES_MAX and len(self._closed) > 1:
            lost = self._closed.popleft()
            self._closed_bytes -= len(lost.lines)
            self.lost_lines += lost.last_seq - lost.first_seq + 1


def cleaned(event: Event, decision: Decision) -> tuple[Event, Decision]:
    """The same line with every lone surrogate replaced by a question mark, so that it can be written anywhere."""
    text = json.dumps(msgspec.to_builtins((event, decision)), ensure_ascii=False)
    return _DECODER.decode(text.encode(errors="replace"))


def decoded(lines: bytes) -> Iterator[tuple[Event, Decision]]:
    """The lines of one batch, in order. Raises StorageError when they cannot be read by this program."""
    try:
        for line in zlib.decompress(lines).splitlines():
            yield _DECODER.decode(line)
    except (zlib.error, msgspec.DecodeError) as error:
        raise StorageError(f"journal: a line cannot be read ({error}). It is damaged or of another version") from error
