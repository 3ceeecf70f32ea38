"""What can still be read from a damaged database: row by row, from both ends of each table, past what is broken.

Works on a copy. A row that does not say what a row of its kind says is left out and counted. Never repairs anything.
"""

import re
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Table

from tidegate.errors import StorageError
from tidegate.model.brakes import Brakes
from tidegate.model.events import OrdersSent
from tidegate.model.intents import RememberBrakes
from tidegate.model.market import Candle
from tidegate.storage import rows
from tidegate.storage.database import open_for_writing
from tidegate.storage.journal import decoded
from tidegate.storage.soundness import connected
from tidegate.storage.tables import METADATA

ROWS_MAX = 20_000_000
"""A damaged tree may have a circle in it."""
BATCHES_ASKED_MAX = 200
"""How far back the journal is asked for brakes and nonces."""
CARVED_BYTES_MAX = 20_000
BRAKES_BEGIN = re.compile(rb'\{"trips":\[')

Row = dict[str, Any]


class Salvaged(Struct, frozen=True, kw_only=True):
    """The rows of each table, and of the tables that could not be read to their end, why."""

    rows: dict[str, list[Row]]
    broken: dict[str, str]
    left_out: int = 0

    def of(self, table: str, **scope: str) -> list[Row]:
        """The rows of one table in which these columns have these values."""
        found = self.rows.get(table, [])
        return [row for row in found if all(row.get(name) == value for name, value in scope.items())]


def salvaged(copy: Path) -> Salvaged:
    """Everything that the copy still gives: with its write-ahead log or, when that spoils it, without."""
    best = _read(copy)
    if not best.broken:
        return best
    log = Path(f"{copy}-wal")
    if log.exists():
        log.rename(f"{log}.set-aside")
        best = _more(best, _read(copy))
    if len(best.broken) == len(METADATA.tables) and _grafted(copy):
        grafted = _read(copy)
        best = replace(_more(best, grafted), broken=grafted.broken)
    return best


def carved_brakes(*files: Path) -> list[Brakes]:
    """Brakes that lie about in the bytes, old ones among them: for when the table itself cannot be read."""
    found: list[Brakes] = []
    for content in (file.read_bytes() for file in files if file.exists()):
        for match in BRAKES_BEGIN.finditer(content):
            text = _balanced(content[match.start() : match.start() + CARVED_BYTES_MAX])
            with suppress(StorageError):
                found.append(rows.brakes_of(text))
    return found


def journal_of(batches: list[Row]) -> tuple[Brakes | None, int]:
    """The brakes that the newest batches of the journal tell of, and the highest nonce that left by them."""
    brakes, nonce = None, 0
    for batch in sorted(batches, key=lambda row: int(row["first_seq"]), reverse=True)[:BATCHES_ASKED_MAX]:
        newest = None
        with suppress(StorageError):
            for event, decision in decoded(batch["lines"]):
                if isinstance(event, OrdersSent):
                    nonce = max(nonce, event.nonce)
                for intent in decision.intents:
                    newest = intent.brakes if isinstance(intent, RememberBrakes) else newest
        brakes = brakes or newest
    return brakes, nonce


def _read(copy: Path) -> Salvaged:
    found: dict[str, list[Row]] = {}
    broken: dict[str, str] = {}
    left_out = 0
    try:
        with connected(copy) as connection:
            for table in METADATA.sorted_tables:
                every, why = _rows(connection, table)
                found[table.name] = [row for row in every if _is_sound(table.name, row)]
                left_out += len(every) - len(found[table.name])
                if why:
                    broken[table.name] = why
    except sqlite3.Error as error:
        broken |= {name: str(error) for name in METADATA.tables if name not in found}
    return Salvaged(rows=found, broken=broken, left_out=left_out)


def _rows(connection: sqlite3.Connection, table: Table) -> tuple[list[Row], str]:
    """The rows from the front as far as they can be read, and then those from the back."""
    keys = [column.name for column in table.primary_key]
    try:
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
    except sqlite3.Error as error:
        return [], str(error)
    names = [column.name for column in table.columns if column.name in there]
    if not set(keys) <= set(names):
        return [], "the table is not there"
    found: dict[tuple[object, ...], Row] = {}
    why = ""
    for way in ("ASC", "DESC"):
        order = ", ".join(f"{key} {way}" for key in keys)
        wanted = f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {order} LIMIT {ROWS_MAX}"
        try:
            for values in connection.execute(wanted):
                row = dict(zip(names, values, strict=True))
                found.setdefault(tuple(row[key] for key in keys), row)
            break
        except (sqlite3.Error, OverflowError, MemoryError) as error:
            why = str(error)
    return list(found.values()), why


def _more(first: Salvaged, second: Salvaged) -> Salvaged:
    """Of each table the rows of both; those of the first count where they differ."""
    merged: dict[str, list[Row]] = {}
    for table in METADATA.sorted_tables:
        keys = [column.name for column in table.primary_key]
        by_key = {
            tuple(row[key] for key in keys): row
            for row in (*second.rows.get(table.name, []), *first.rows.get(table.name, []))
        }
        merged[table.name] = list(by_key.values())
    return Salvaged(rows=merged, broken=first.broken, left_out=max(first.left_out, second.left_out))


def _grafted(copy: Path) -> bool:
    """Give a file whose first page is gone that of a new database: its tables begin where those of this one did."""
    fresh = copy.with_name(f"{copy.name}.fresh")
    open_for_writing(f"sqlite:///{fresh}").close()
    new, old = fresh.read_bytes(), copy.read_bytes()
    size = int.from_bytes(new[16:18], "big")
    if len(old) < len(new):
        return False
    pages = (len(old) // size).to_bytes(4, "big")
    copy.write_bytes(new[:28] + pages + new[32:size] + old[size : len(old) // size * size])
    return True


def _balanced(content: bytes) -> bytes:
    """The JSON object at the beginning of these bytes."""
    depth, in_text, escaped = 0, False, False
    for at, byte in enumerate(content):
        char = chr(byte)
        if in_text:
            in_text = escaped or char != '"'
            escaped = char == "\\" and not escaped
            continue
        in_text = char == '"'
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return content[: at + 1]
    return b""


def _order(row: Row) -> None:
    for name in ("size", "price"):
        Decimal(row[name])


def _closed(row: Row) -> None:
    for name in ("size", "entry_price", "exit_price", "pnl", "fees"):
        Decimal(row[name])
    Decimal(row.get("slippage") or 0)


def _candle(row: Row) -> None:
    candle = rows.candle_of([row[name] for name in Candle.__struct_fields__])
    if not (0 < candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high):
        raise ValueError("no candle")


def _nonce(row: Row) -> None:
    if not isinstance(row["last_nonce"], int):
        raise TypeError("no nonce")


_SOUND: dict[str, Callable[[Row], object]] = {
    "positions": lambda row: rows.remembered_of(row["record"]),
    "brakes": lambda row: rows.brakes_of(row["record"]),
    "fills": lambda row: rows.fill_of(row["record"]),
    "journal": lambda row: zlib.decompress(row["lines"]),
    "nonces": _nonce,
    "orders": _order,
    "closed_positions": _closed,
    "candles": _candle,
}


def _is_sound(table: str, row: Row) -> bool:
    required = (column.name for column in METADATA.tables[table].columns if not column.nullable)
    if any(row.get(name) is None for name in required):
        return False
    check = _SOUND.get(table)
    try:
        if check is not None:
            check(row)
    except (StorageError, InvalidOperation, ValueError, TypeError, zlib.error, msgspec.MsgspecError):
        return False
    return True
