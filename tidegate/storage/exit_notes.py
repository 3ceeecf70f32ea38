"""Exits that leave before the ledger has heard of them: one short line each, in a file beside the database.

An exit is signed and committed before it is needed, so its row does not say whether it left; that follows when nothing
presses. A death in between would forget that a stop was touched. A line in a file costs a few microseconds, survives
the death of the process, and is gone as soon as the ledger has stored what it tells. A file that cannot be written
never holds up an exit. PostgreSQL has none: there such a death still forgets.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidegate.model.brackets import ExitReason
from tidegate.model.records import Remembered

BYTES_MAX = 1_000_000
"""A file that has grown beyond this is not ours to read."""


class ExitNote(Struct, frozen=True, kw_only=True):
    """An exit that was about to leave: of which position (`exit_id`), and why."""

    coin: str
    exit_id: str
    reason: ExitReason


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(ExitNote)


class ExitNotes:
    """The file of one account on one venue; without `database` (the path of a SQLite file) nothing is kept."""

    def __init__(self, database: Path | None, scope: str) -> None:
        name = sha256(scope.encode()).hexdigest()[:16]
        self._path = None if database is None else Path(f"{database}-exits-{name}")
        self._file: int | None = None
        self._holds_any = False

    def open(self) -> tuple[ExitNote, ...]:
        """Open the file; give what an earlier run left in it."""
        if self._path is None:
            return ()
        with suppress(OSError):
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            self._file = os.open(self._path, flags, 0o600)
            left = os.pread(self._file, BYTES_MAX, 0)
            self._holds_any = bool(left)
            return tuple(_read(left.split(b"\n")))
        return ()

    def note(self, coin: str, exit_id: str, reason: ExitReason) -> None:
        """An exit is about to leave."""
        if self._file is None:
            return
        line = _ENCODER.encode(ExitNote(coin=coin, exit_id=exit_id, reason=reason))
        with suppress(OSError):
            os.write(self._file, line + b"\n")
        self._holds_any = True

    def clear(self) -> None:
        """The ledger has stored all of it."""
        if self._file is not None and self._holds_any:
            with suppress(OSError):
                os.ftruncate(self._file, 0)
                self._holds_any = False

    def close(self) -> None:
        """Close the file, and remove it when nothing is left in it."""
        if self._file is None:
            return
        os.close(self._file)
        self._file = None
        if self._path is not None and not self._holds_any:
            with suppress(OSError):
                self._path.unlink()


def _read(lines: Iterable[bytes]) -> Iterable[ExitNote]:
    for line in lines:
        with suppress(msgspec.MsgspecError):  # the last line may be half a one
            yield _DECODER.decode(line)


def completed(record: Remembered, notes: Iterable[ExitNote]) -> Remembered:
    """What is remembered of a coin, with the exits of its position that left and were not written down."""
    exit_id = f"{record.signal_id or record.coin}|{record.generation}"
    own = [note for note in notes if note.coin == record.coin and note.exit_id == exit_id]
    if not own or record.position is None:
        return record
    return replace(record, exit_reason=own[-1].reason, exit_attempts=record.exit_attempts + len(own))
