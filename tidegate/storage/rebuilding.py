"""A new database from what was salvaged and what the exchange says, put in the place of the broken one.

The broken file and its log are set aside under another name, never deleted. The new one is complete on the disk before
it takes the name.
"""

import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from tidegate.errors import StorageError
from tidegate.model.brakes import Brakes
from tidegate.model.orders import OpenOrder
from tidegate.model.positions import Fill
from tidegate.model.records import Remembered
from tidegate.storage import rows
from tidegate.storage.database import Database, Execute, open_for_writing
from tidegate.storage.salvage import Salvaged
from tidegate.storage.statements import Write, writes
from tidegate.storage.tables import METADATA

SIDES = ("-wal", "-shm")


class Known(Struct, frozen=True, kw_only=True):
    """What the new database has to say of one account, beyond the rows that were salvaged.

    Without a `signer` nothing is said of nonces.
    """

    venue: str
    account: str
    signer: str
    nonce: int
    brakes: Brakes
    records: tuple[Remembered, ...]
    orders: tuple[OpenOrder, ...] = ()
    fills: tuple[Fill, ...] = ()
    at_ms: int


def build(path: Path, kept: Salvaged, known: Iterable[Known]) -> None:
    """Make a complete database at `path`. Raises StorageError, and leaves nothing there then."""
    remove(path)
    try:
        database = open_for_writing(f"sqlite:///{path}")
        try:
            with database.transaction() as execute:
                _copy(database, execute, kept)
                for each in known:
                    _say(database, execute, each)
        finally:
            database.close()
        _to_the_disk(path)
    except StorageError:
        remove(path)
        raise


def remove(path: Path) -> None:
    """Take away a database that was begun and is not to be."""
    for side in ("", *SIDES):
        Path(f"{path}{side}").unlink(missing_ok=True)


def exchanged(new: Path, broken: Path) -> Path:
    """Set the broken database aside and put the new one in its place; give the name under which it lies now.

    The log goes first: beside another database it would be taken for that one's.
    """
    aside = _free_name(broken)
    try:
        _also_called(broken, aside)
        for side in SIDES:
            if Path(f"{broken}{side}").exists():
                Path(f"{broken}{side}").rename(f"{aside}{side}")
        new.replace(broken)
    except OSError as error:
        raise StorageError(f"database {broken}: it cannot be set aside: {error.strerror}") from None
    _to_the_disk(broken.parent)
    return aside


def _also_called(broken: Path, aside: Path) -> None:
    """The same file under a second name, so that there is no moment without one; where that cannot be, a copy."""
    try:
        os.link(broken, aside)
    except OSError:
        shutil.copy2(broken, aside)


def _free_name(broken: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{broken}.broken-{stamp}{'' if not number else f'-{number}'}" for number in range(1_000))
    return next(Path(name) for name in names if not Path(name).exists())


def _to_the_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(database: Database, execute: Execute, kept: Salvaged) -> None:
    for table in METADATA.sorted_tables:
        every = kept.rows.get(table.name, [])
        if every:
            sql = database.compile(database.insert(table).on_conflict_do_nothing())
            blank = dict.fromkeys(column.name for column in table.columns)
            for row in every:
                execute(sql, blank | row)


def _say(database: Database, execute: Execute, known: Known) -> None:
    scope: rows.Values = {"venue": known.venue, "account": known.account}
    texts = writes(database)
    execute(texts[Write.OPENING], scope | {"opened_ms": known.at_ms})
    execute(texts[Write.BRAKES], scope | rows.brakes_row(known.brakes))
    if known.signer:
        nonce = {"venue": known.venue, "signer": known.signer, "last_nonce": known.nonce}
        execute(texts[Write.NONCE], nonce)
    for record in known.records:
        execute(texts[Write.POSITION], scope | rows.position_row(record))
    for order in known.orders:
        execute(texts[Write.OPEN_ORDER], scope | rows.opened_order(order, at_ms=known.at_ms))
    for fill in known.fills:
        execute(texts[Write.FILL], scope | rows.fill_row(fill))
