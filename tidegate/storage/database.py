"""The door to the database: opening, transactions, and errors that say what to do.

Owns how a SQLite file is made (folder, mode 0600, WAL, synchronous FULL) and every difference between SQLite and
PostgreSQL. Statements are built with SQLAlchemy and compiled once; at run time their text goes straight to the
driver's cursor, which costs a tenth of a Core execution. Never knows what a row means.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Engine, StaticPool, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.sql import ClauseElement

from tidegate.errors import StorageError

OPEN_TIMEOUT_MS = 10_000
"""How long opening waits for another process that migrates the same file."""

BUSY_TIMEOUT_MS = 250
"""How long a commit waits for another writer: many times what one needs, and bearable when an exit stands behind."""

CACHE_KIB = 2_000

WAITING, NOT_WAITING = "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"
"""Whether a commit returns only when the disk has it. Asked for by each transaction that needs it, so that what may
not wait finds nothing to ask for."""

CHECKED_BYTES_MAX = 64_000_000
"""A larger file is not checked from end to end at the start (2 ms a megabyte); damage shows when it is read."""

Upserting = sqlite.Insert | postgresql.Insert
INSERTS: dict[str, Callable[[Table], Upserting]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

Row = Sequence[Any]
Parameters = Mapping[str, object]
Execute = Callable[[str, Parameters], object]


class Database:
    """One connection, used by the thread that opened it. Its methods raise StorageError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._begin = "BEGIN IMMEDIATE" if self._is_sqlite else "BEGIN"
        self._label = label(engine.url)
        self._driver_error = cast(type[Exception], engine.dialect.loaded_dbapi.Error)
        with explained(self._label, self._driver_error):
            self._pooled = engine.raw_connection()
            driver: Any = self._pooled.driver_connection
            if not self._is_sqlite:
                driver.autocommit = True  # Transactions are ours to begin, as on SQLite.
            self._cursor = driver.cursor()
            if self._is_sqlite:
                self._cursor.execute(NOT_WAITING)

    def compile(self, statement: ClauseElement) -> str:
        """The statement's text, with named parameters, in this database's dialect."""
        compiled = statement.compile(dialect=self._engine.dialect)
        assert all(value is None for value in compiled.params.values()), (
            "a value inside a statement would be lost with its text"
        )
        return str(compiled)

    def insert(self, table: Table) -> Upserting:
        """An INSERT into `table` that knows ON CONFLICT."""
        return INSERTS[self._engine.dialect.name](table)

    @contextmanager
    def transaction(self, *, at_once: bool = False) -> Iterator[Execute]:
        """Give the function that executes one statement; at the end everything is durable, or nothing happened.

        With `at_once` the disk is not waited for: what is committed survives this process, but the machine's power
        only when the next transaction is durable, and with it this one.
        """
        with explained(self._label, self._driver_error), self._waiting(not at_once):
            execute = self._cursor.execute
            execute(self._begin)
            try:
                if at_once and not self._is_sqlite:
                    execute("SET LOCAL synchronous_commit TO off")
                yield execute
                execute("COMMIT")
            except BaseException:
                # When rolling back fails as well, the first error says more.
                with suppress(self._driver_error):
                    execute("ROLLBACK")
                raise

    @contextmanager
    def _waiting(self, for_the_disk: bool) -> Iterator[None]:
        """Wait for the disk where that is asked; else the connection is at rest, ready for `insert_at_once`."""
        if not for_the_disk or not self._is_sqlite:
            yield
            return
        self._cursor.execute(WAITING)
        try:
            yield
        finally:
            self._cursor.execute(NOT_WAITING)

    def insert_at_once(self, sql: str, parameters: Parameters) -> None:
        """Commit one statement by itself as `transaction(at_once=True)` would, by the shortest way there is."""
        if not self._is_sqlite:
            with self.transaction(at_once=True) as execute:
                execute(sql, parameters)
            return
        try:
            self._cursor.execute(sql, parameters)
        except self._driver_error as error:
            raise _explanation(self._label, error) from error

    def rows(self, sql: str, parameters: Parameters) -> list[Row]:
        """Everything that a SELECT finds."""
        with explained(self._label, self._driver_error):
            self._cursor.execute(sql, parameters)
            return list(self._cursor.fetchall())

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the file, as far as readers allow."""
        if self._is_sqlite:
            self.rows("PRAGMA wal_checkpoint(PASSIVE)", {})

    def close(self) -> None:
        """Close the connection."""
        with explained(self._label, self._driver_error):
            self._cursor.close()
            self._pooled.close()
            self._engine.dispose()


def open_for_writing(url: str) -> Database:
    """Open the database, make it when there is none, check it, and bring its tables up to date."""
    from tidegate.storage.migrating import migrate

    parsed = parse(url)
    path = _sqlite_path(parsed)
    if path is not None:
        _prepare_file(path, label(parsed))
    engine = _engine(parsed)
    with _opening(engine, label(parsed)):
        if path is not None and path.stat().st_size <= CHECKED_BYTES_MAX:
            _check_soundness(engine)
        migrate(engine, label(parsed))
        database = Database(engine)
        if path is not None:
            database.rows(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", {})
        return database


def open_for_reading(url: str) -> Database:
    """Open an existing database without the right to change it; another process may be writing to it."""
    from tidegate.storage.migrating import require_head

    parsed = parse(url)
    path = _sqlite_path(parsed)
    shown = label(parsed)
    if path is not None:
        if not path.is_file():
            raise StorageError(f"no bot has run here yet ({shown} is missing): start one with python bot.py")
        parsed = parsed.set(database=path.resolve().as_uri(), query={"mode": "ro", "uri": "true"})
    engine = _engine(parsed, read_only=True)
    with _opening(engine, shown):
        require_head(engine, shown)
        return Database(engine)


def parse(url: str) -> URL:
    """Understand DATABASE_URL, or raise StorageError."""
    try:
        parsed = make_url(url)
        known = parsed.get_dialect().name in INSERTS
    except (ArgumentError, NoSuchModuleError):
        known = False
    if not known:
        raise StorageError("DATABASE_URL must look like sqlite:///data/tidegate.db or postgresql://user@host/name")
    return parsed


def file_of(url: str) -> Path | None:
    """The SQLite file of an address; None where there is none."""
    return _sqlite_path(parse(url))


def label(url: URL) -> str:
    """The address as it may be shown: without the password."""
    return url.render_as_string(hide_password=True)


@contextmanager
def explained(shown: str, kind: type[Exception]) -> Iterator[None]:
    """Turn the database's own errors into StorageError with advice."""
    try:
        yield
    except kind as error:
        raise _explanation(shown, error) from error


def _explanation(shown: str, error: Exception) -> StorageError:
    words = " ".join(str(getattr(error, "orig", None) or error).split())
    return StorageError(f"database {shown}: {words}. {_advice(words)}")


@contextmanager
def _opening(engine: Engine, shown: str) -> Iterator[None]:
    """What fails here leaves no connection behind."""
    try:
        with explained(shown, SQLAlchemyError):
            yield
    except BaseException:
        engine.dispose()
        raise


REPAIR = "run `python bot.py repair`, which sets it aside and rebuilds it from what is left and from the exchange"
ADVICE = (
    (
        ("not a database", "malformed", "corrupt", "damaged"),
        f"The file is damaged: {REPAIR}",
    ),
    (("full", "disk i/o"), "Free space on the disk that holds it; trading goes on with protection only"),
    (("readonly", "read-only", "unable to open", "permission"), "Let this user write to the file and its folder"),
    (("locked", "busy"), "Another program holds it: close that program"),
    (("unique",), "Another bot writes for the same account: stop one of them"),
)


def _advice(words: str) -> str:
    lowered = words.lower()
    for marks, advice in ADVICE:
        if any(mark in lowered for mark in marks):
            return advice
    return "Check DATABASE_URL"


def _sqlite_path(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)


def _prepare_file(path: Path, shown: str) -> None:
    """The file exists for this user only, before SQLite opens it; its WAL inherits the mode."""
    log = Path(f"{path}-wal")
    if path.exists() and not path.stat().st_size and log.exists() and log.stat().st_size:
        # SQLite would take it for a new one and throw the log away, and with it the last of what is left.
        raise StorageError(f"database {shown}: the file is empty but not its write-ahead log. {_advice('damaged')}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"database {shown}: {error.strerror}. Let this user write to the file") from error


def _engine(url: URL, *, read_only: bool = False) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, poolclass=StaticPool)
        own_thread = {"check_same_thread": True}
        engine = create_engine(url, poolclass=StaticPool, paramstyle="named", connect_args=own_thread)
    except ModuleNotFoundError as error:
        raise StorageError(f"DATABASE_URL needs the package {error.name}: install it") from error

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # The driver begins nothing by itself: `_begin` does.
        connection.execute(f"PRAGMA busy_timeout={OPEN_TIMEOUT_MS}")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            # An automatic checkpoint would strike in the very commit that an order waits for.
            connection.execute("PRAGMA wal_autocheckpoint=0")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _check_soundness(engine: Engine) -> None:
    with engine.connect() as connection:
        answer = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if answer != "ok":
        raise StorageError(f"database {label(engine.url)}: {answer}. {_advice('damaged')}")
