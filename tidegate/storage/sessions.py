"""The journal read back: which sessions it holds, and what one of them was, fact by fact. Writes nothing."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from tidegate.errors import StorageError
from tidegate.model.events import Event, Started
from tidegate.model.intents import Decision
from tidegate.storage.database import Row
from tidegate.storage.journal import decoded
from tidegate.storage.statements import Read

Find = Callable[..., list[Row]]
"""The rows of a read of one account, with its parameters."""


class JournalSession(Struct, frozen=True, kw_only=True):
    """One session in the journal: its number, the times of its first and last fact, how many lines it has."""

    session: int
    first_ms: int
    last_ms: int
    lines: int


def sessions_of(find: Find) -> tuple[JournalSession, ...]:
    """The sessions that are held, ascending."""
    return tuple(
        JournalSession(session=session, first_ms=first_ms, last_ms=last_ms, lines=int(lines))
        for session, first_ms, last_ms, lines in find(Read.SESSIONS)
    )


def told_again(find: Find, session: int | None) -> Iterator[tuple[Event, Decision]]:
    """The facts and decisions of one session, the newest unless told. Raises StorageError where a part is missing."""
    newest = find(Read.JOURNAL_NEWEST)
    wanted = session if session is not None else (newest[0][1] if newest else 0)
    batches = find(Read.SESSION_BATCHES, of_session=wanted)
    if not batches:
        raise StorageError(f"journal: session {wanted} is not held")
    expected_seq: int | None = None
    for first_seq, last_seq in batches:
        if expected_seq is not None and first_seq != expected_seq:
            raise StorageError(f"journal: session {wanted} lacks the lines {expected_seq} to {first_seq - 1}")
        lines = decoded(find(Read.LINES, of_seq=first_seq)[0][0])
        if expected_seq is None:
            first = next(lines)
            if not isinstance(first[0], Started):
                raise StorageError(f"journal: the beginning of session {wanted} is no longer held")
            yield first
        yield from lines
        expected_seq = last_seq + 1
