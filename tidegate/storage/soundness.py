"""Whether a SQLite database can still be trusted: its file, its write-ahead log, its version, what its rows say.

Looks at a copy, never at the file itself: opening a database can change it, and this one may be all that is left.
Changes nothing, decides nothing.
"""

import fcntl
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec import Struct

from tidegate.errors import StorageError
from tidegate.storage import rows
from tidegate.storage.database import label, parse
from tidegate.storage.migrating import HEAD, MIGRATIONS

MAGIC = b"SQLite format 3\0"
SIDES = ("", "-wal")
LOCK_BYTE, LOCK_BYTES = 0x40000000, 512
"""Where SQLite locks a file, whoever is in it: its bytes are never data."""
WAL_HEADER, FRAME_HEADER = 32, 24
WAL_MAGIC = (0x377F0682, 0x377F0683)
PROBLEMS_TOLD = 5
DECODED: dict[str, Callable[[bytes], object]] = {"positions": rows.remembered_of, "brakes": rows.brakes_of}
"""Rows that the bot cannot start without understanding them."""


class Soundness(Struct, frozen=True, kw_only=True):
    """What was found: without `problems` it is sound. `log_lost`: committed changes are missing from its log."""

    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    log_lost: bool = False


def path_of(url: str) -> Path:
    """The file behind DATABASE_URL. Raises StorageError for what is no file."""
    parsed = parse(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise StorageError(
            f"database {label(parsed)}: repair is for SQLite files; restore this one from its own backup, or set "
            f"DATABASE_URL to a new one: positions are then read from the exchange"
        )
    return Path(parsed.database)


def require_alone(path: Path) -> None:
    """Raise StorageError while any process is in the database, or when it cannot be read and written by us."""
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, LOCK_BYTES, LOCK_BYTE)
    except BlockingIOError:
        raise StorageError(f"database {path}: another program holds it: close that program, then repair") from None
    except OSError as error:
        raise StorageError(f"database {path}: {error.strerror}. Let this user read and write it") from None


def copied(path: Path, folder: Path) -> Path:
    """A copy of the database and its log, to be looked at. Raises StorageError when the disk is full."""
    copy = folder / path.name
    try:
        for side in SIDES:
            if Path(f"{path}{side}").exists():
                shutil.copyfile(f"{path}{side}", f"{copy}{side}")
    except OSError as error:
        raise StorageError(f"database {path}: it cannot be copied: {error.strerror}. Free space on the disk") from None
    return copy


def examined(copy: Path) -> Soundness:
    """Look at a copy. Raises StorageError when its tables are of a newer program: then nothing is to be repaired."""
    if not copy.stat().st_size:
        return Soundness(problems=("the file is empty",))
    if copy.read_bytes()[: len(MAGIC)] != MAGIC:
        return Soundness(problems=("the file does not begin like a database",))
    log = Path(f"{copy}-wal")
    remarks = ("its write-ahead log is empty",) if log.exists() and not log.stat().st_size else ()
    committed = _frames_committed(log)
    try:
        with connected(copy) as connection:
            _require_no_newer(connection, copy)
            found = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            lost = committed is None or committed > max(found[1], 0)
            problems = [
                *_cut(copy, log_is_empty=not committed),
                *(["committed changes in its write-ahead log cannot be read any more"] if lost else []),
                *_damages(connection),
                *_unreadable(connection),
            ]
    except sqlite3.Error as error:
        return Soundness(problems=(str(error),), remarks=remarks, log_lost=bool(committed))
    return Soundness(problems=tuple(problems), remarks=remarks, log_lost=lost)


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that shows what can be shown: text that is not Unicode, a schema that is not quite right."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    with closing(connection):
        connection.execute("PRAGMA writable_schema=ON")
        yield connection


def _cut(copy: Path, *, log_is_empty: bool) -> list[str]:
    """Whether the file ends before its own first page says that it does; its log may hold what it lacks."""
    with copy.open("rb") as file:
        first = file.read(100)
    page = int.from_bytes(first[16:18], "big")
    page = 65_536 if page == 1 else page
    pages, counted = int.from_bytes(first[28:32], "big"), first[24:28] == first[92:96]
    size = copy.stat().st_size
    if not log_is_empty or page < 512 or (size % page == 0 and (not counted or size >= pages * page)):
        return []
    return [f"the file is cut off: {size} bytes are there of {pages * page}"]


def _damages(connection: sqlite3.Connection) -> list[str]:
    told = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({PROBLEMS_TOLD})")]
    return [] if told == ["ok"] else [" ".join(line.split()) for line in told]


def _unreadable(connection: sqlite3.Connection) -> list[str]:
    problems = []
    there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table, decode in DECODED.items():
        if table not in there:
            continue  # of an older version, which has yet to be brought up to date
        for (record,) in connection.execute(f"SELECT record FROM {table}"):
            try:
                decode(record)
            except (StorageError, TypeError):
                problems.append(f"a row of {table} cannot be read")
    return problems


def _require_no_newer(connection: sqlite3.Connection, path: Path) -> None:
    try:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError:
        return  # unreadable: what the tables say counts then
    known = {each.name.split("_")[0] for each in (MIGRATIONS / "versions").glob("*.py")}
    if found is not None and found[0].isdecimal() and found[0] not in known and found[0] > HEAD:
        raise StorageError(
            f"database {path.name} has tables of version {found[0]}, this program needs {HEAD}. Update Tidegate: "
            f"a newer program's database is not repaired by an older one"
        )


def _frames_committed(log: Path) -> int | None:
    """How many frames a write-ahead log holds up to its last commit, by its own words; None when it has no header."""
    content = log.read_bytes() if log.exists() else b""
    if not content:
        return 0
    if len(content) < WAL_HEADER or struct.unpack_from(">I", content)[0] not in WAL_MAGIC:
        return None
    size, salts = struct.unpack_from(">I", content, 8)[0], content[16:24]
    step, committed = FRAME_HEADER + size, 0
    if not 512 <= size <= 65_536:
        return None
    for number, at in enumerate(range(WAL_HEADER, len(content) - step + 1, step), start=1):
        pages_after = struct.unpack_from(">I", content, at + 4)[0]
        if pages_after and content[at + 8 : at + 16] == salts:
            committed = number
    return committed
