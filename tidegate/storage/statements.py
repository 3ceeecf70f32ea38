"""Every statement of the ledger, built once and compiled once for the database at hand.

Owns the SQL. Never executes it. A parameter that names a row to change begins with `of_`, a new value with `new_`.
"""

from enum import Enum
from typing import TypeAlias

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)

from tidegate.model.market import Candle
from tidegate.model.records import ClosedPosition
from tidegate.model.watchlist import Choice
from tidegate.storage import tables
from tidegate.storage.database import Database, Upserting
from tidegate.storage.rows import OrderRecord

COMPUTED = ("filled", "average_price")

# Literals, because a compiled text carries no values.
ONE: ColumnElement[int] = literal_column("1")
NONE_SKIPPED: ColumnElement[int] = literal_column("0")


Selects: TypeAlias = "dict[Read, Select[*tuple[object, ...]]]"


class Write(str, Enum):
    """The statements that change rows."""

    PLAN_ORDER = "plan_order"
    OPEN_ORDER = "open_order"
    SIGN_ORDER = "sign_order"
    SEND_ORDER = "send_order"
    CHANGE_ORDER = "change_order"
    END_ORDER = "end_order"
    END_ORDER_BY_OID = "end_order_by_oid"
    FILL = "fill"
    POSITION = "position"
    BRAKES = "brakes"
    TAKE_COMMAND = "take_command"
    ANSWER_COMMAND = "answer_command"
    CHOICE = "choice"
    CLOSED_POSITION = "closed_position"
    CANDLE = "candle"
    BATCH = "batch"
    SIGNED_ACTION = "signed_action"
    NONCE = "nonce"
    STATUS = "status"
    OPENING = "opening"
    DROP_BATCHES = "drop_batches"
    DROP_SIGNED_ACTIONS = "drop_signed_actions"


class Read(str, Enum):
    """The statements that find rows."""

    VENUES_LIKE = "venues_like"
    JOURNAL_NEWEST = "journal_newest"
    JOURNAL_OLDEST = "journal_oldest"
    SESSIONS = "sessions"
    SESSION_BATCHES = "session_batches"
    LINES = "lines"
    NONCE = "nonce"
    SIGNED_NONCE = "signed_nonce"
    PAYLOAD = "payload"
    POSITIONS = "positions"
    BRAKES = "brakes"
    CHOICES = "choices"
    FILLS_SINCE = "fills_since"
    LAST_FILL = "last_fill"
    FILLS_OF_ORDER = "fills_of_order"
    CLOSED_SINCE = "closed_since"
    ORDERS = "orders"


def writes(database: Database) -> dict[Write, str]:
    """The text of every write."""
    built = {
        Write.PLAN_ORDER: _upsert(database, tables.ORDERS, "size", "price", "trigger_price", "reason", "expires_ms"),
        Write.OPEN_ORDER: _upsert(database, tables.ORDERS, "oid", "updated_ms"),
        Write.SIGN_ORDER: _order_change("nonce", "expires_ms"),
        Write.SEND_ORDER: _order_change("nonce", "transport"),
        Write.CHANGE_ORDER: _order_change("oid"),
        Write.END_ORDER: _order_change("oid", over=True),
        Write.END_ORDER_BY_OID: _order_change(over=True, by="oid"),
        Write.TAKE_COMMAND: update(tables.COMMANDS)
        .where(*_scoped(tables.COMMANDS), tables.COMMANDS.c.id == bindparam("of_id"))
        .values(taken_ms=bindparam("new_taken_ms")),
        Write.ANSWER_COMMAND: update(tables.COMMANDS)
        .where(*_scoped(tables.COMMANDS), tables.COMMANDS.c.id == bindparam("of_id"))
        .values(answer=bindparam("new_answer")),
        Write.CHOICE: _upsert(database, tables.WATCHLIST),
        Write.FILL: database.insert(tables.FILLS).on_conflict_do_nothing(),
        Write.POSITION: _upsert(database, tables.POSITIONS),
        Write.BRAKES: _upsert(database, tables.BRAKES),
        Write.CLOSED_POSITION: database.insert(tables.CLOSED_POSITIONS).on_conflict_do_nothing(),
        Write.CANDLE: _upsert(database, tables.CANDLES),
        Write.BATCH: database.insert(tables.JOURNAL),
        Write.SIGNED_ACTION: _upsert(database, tables.SIGNED_ACTIONS),
        Write.NONCE: _upsert(database, tables.NONCES),
        Write.STATUS: _upsert(database, tables.STATUS),
        Write.OPENING: _upsert(database, tables.LEDGERS),
        Write.DROP_BATCHES: delete(tables.JOURNAL).where(
            *_scoped(tables.JOURNAL), tables.JOURNAL.c.first_seq <= bindparam("of_seq")
        ),
        Write.DROP_SIGNED_ACTIONS: delete(tables.SIGNED_ACTIONS).where(
            *_scoped(tables.SIGNED_ACTIONS), tables.SIGNED_ACTIONS.c.expires_ms < bindparam("of_ms")
        ),
    }
    return {name: database.compile(statement) for name, statement in built.items()}


def reads(database: Database) -> dict[Read, str]:
    """The text of every read."""
    fills, orders, closed = tables.FILLS.c, tables.ORDERS.c, tables.CLOSED_POSITIONS.c
    order_fields = [orders[name] for name in OrderRecord.__struct_fields__ if name not in COMPUTED]
    closed_fields = [closed[name] for name in ClosedPosition.__struct_fields__]
    built: Selects = _journal_reads() | {
        Read.VENUES_LIKE: select(tables.LEDGERS.c.venue)
        .where(tables.LEDGERS.c.venue.like(bindparam("pattern")))
        .group_by(tables.LEDGERS.c.venue)
        .order_by(func.max(tables.LEDGERS.c.opened_ms).desc()),
        Read.NONCE: select(tables.NONCES.c.last_nonce).where(
            tables.NONCES.c.venue == bindparam("venue"), tables.NONCES.c.signer == bindparam("signer")
        ),
        Read.SIGNED_NONCE: _from(tables.SIGNED_ACTIONS, func.max(tables.SIGNED_ACTIONS.c.nonce)),
        Read.PAYLOAD: _from(tables.SIGNED_ACTIONS, tables.SIGNED_ACTIONS.c.payload).where(
            tables.SIGNED_ACTIONS.c.cloid == bindparam("of_cloid")
        ),
        Read.POSITIONS: _from(tables.POSITIONS, tables.POSITIONS.c.record).order_by(tables.POSITIONS.c.coin),
        Read.BRAKES: _from(tables.BRAKES, tables.BRAKES.c.record),
        Read.CHOICES: _from(
            tables.WATCHLIST, *(tables.WATCHLIST.c[name] for name in Choice.__struct_fields__)
        ).order_by(tables.WATCHLIST.c.chosen_ms),
        Read.FILLS_SINCE: _from(tables.FILLS, fills.record)
        .where(fills.time_ms >= bindparam("of_ms"))
        .order_by(fills.time_ms, fills.coin, fills.tid),
        Read.LAST_FILL: _from(tables.FILLS, func.max(fills.time_ms)),
        Read.FILLS_OF_ORDER: _from(tables.FILLS, fills.record).where(
            or_(fills.oid == bindparam("of_oid"), fills.cloid == bindparam("of_cloid"))
        ),
        Read.CLOSED_SINCE: _from(tables.CLOSED_POSITIONS, *closed_fields)
        .where(closed.closed_ms >= bindparam("of_ms"))
        .order_by(closed.closed_ms, closed.coin),
        Read.ORDERS: _from(tables.ORDERS, *order_fields)
        .order_by(orders.created_ms.desc(), orders.cloid)
        .limit(bindparam("row_count"))
        .offset(NONE_SKIPPED),
    }
    return {name: database.compile(statement) for name, statement in built.items()}


def forgetting(database: Database) -> tuple[str, ...]:
    """The texts that delete every row of one venue."""
    every = tables.METADATA.sorted_tables
    return tuple(database.compile(delete(table).where(table.c.venue == bindparam("of_venue"))) for table in every)


def candle_reads(database: Database) -> tuple[str, str]:
    """The text of the two questions about candles: a span of one coin and time frame, and what there is at all."""
    candles = tables.CANDLES.c
    span = (
        select(*(candles[name] for name in Candle.__struct_fields__))
        .where(
            candles.venue == bindparam("venue"),
            candles.coin == bindparam("coin"),
            candles.timeframe == bindparam("timeframe"),
            candles.open_ms >= bindparam("since_ms"),
            candles.open_ms < bindparam("until_ms"),
        )
        .order_by(candles.open_ms)
    )
    holdings = (
        select(candles.coin, candles.timeframe, func.min(candles.open_ms), func.max(candles.open_ms), func.count())
        .where(candles.venue == bindparam("venue"))
        .group_by(candles.coin, candles.timeframe)
        .order_by(candles.coin, candles.timeframe)
    )
    return database.compile(span), database.compile(holdings)


class Ask(str, Enum):
    """The statements by which operators ask something of a bot."""

    NEWEST = "newest"
    LEAVE = "leave"
    WAITING = "waiting"
    TAKEN = "taken"
    ANSWER = "answer"


def asking(database: Database) -> dict[Ask, str]:
    """Their texts: whose status is the newest, leave a wish, which wait for a bot, was one taken, what came of it."""
    commands, status = tables.COMMANDS.c, tables.STATUS.c
    built = {
        Ask.NEWEST: select(status.venue, status.account)
        .order_by(status.written_ms.desc())
        .limit(ONE)
        .offset(NONE_SKIPPED),
        Ask.LEAVE: database.insert(tables.COMMANDS),
        Ask.WAITING: _from(tables.COMMANDS, commands.id, commands.name, commands.reason, commands.coin, commands.who)
        .where(commands.taken_ms.is_(None))
        .order_by(commands.asked_ms),
        Ask.TAKEN: select(commands.id).where(commands.id == bindparam("of_id"), commands.taken_ms.is_not(None)),
        Ask.ANSWER: select(commands.answer).where(commands.id == bindparam("of_id"), commands.answer.is_not(None)),
    }
    return {name: database.compile(statement) for name, statement in built.items()}


def newest_status(database: Database) -> str:
    """The text of the question for the status that any bot wrote last."""
    statement = select(tables.STATUS.c.payload).order_by(tables.STATUS.c.written_ms.desc())
    return database.compile(statement.limit(ONE).offset(NONE_SKIPPED))


def _journal_reads() -> Selects:
    journal = tables.JOURNAL.c
    newest_batch = (
        _from(tables.JOURNAL, journal.last_seq, journal.session, journal.bytes_before + journal.bytes)
        .order_by(journal.first_seq.desc())
        .limit(ONE)
        .offset(NONE_SKIPPED)
    )
    return {
        Read.JOURNAL_NEWEST: newest_batch,
        Read.JOURNAL_OLDEST: _from(tables.JOURNAL, journal.first_seq, journal.bytes, journal.bytes_before)
        .order_by(journal.first_seq)
        .limit(bindparam("row_count"))
        .offset(NONE_SKIPPED),
        Read.SESSIONS: _from(
            tables.JOURNAL,
            journal.session,
            func.min(journal.first_ms),
            func.max(journal.last_ms),
            func.sum(journal.last_seq - journal.first_seq + ONE),
        )
        .group_by(journal.session)
        .order_by(journal.session),
        Read.SESSION_BATCHES: _from(tables.JOURNAL, journal.first_seq, journal.last_seq)
        .where(journal.session == bindparam("of_session"))
        .order_by(journal.first_seq),
        Read.LINES: _from(tables.JOURNAL, journal.lines).where(journal.first_seq == bindparam("of_seq")),
    }


def _scoped(table: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.venue == bindparam("venue"), table.c.account == bindparam("account")


def _from(table: Table, *columns: ColumnElement[object]) -> "Select[*tuple[object, ...]]":
    return select(*columns).where(*_scoped(table))


def _upsert(database: Database, table: Table, *changed: str) -> Upserting:
    insert = database.insert(table)
    keys = [column.name for column in table.primary_key]
    names = changed or tuple(column.name for column in table.columns if column.name not in keys)
    return insert.on_conflict_do_update(index_elements=keys, set_={name: insert.excluded[name] for name in names})


def _order_change(*changed: str, over: bool = False, by: str = "cloid") -> Update:
    """A change of an order's status. One that is over is changed only by what also ends it: facts may overtake."""
    orders = tables.ORDERS.c
    names = ("status", "status_text", "updated_ms")
    new: dict[str, object] = {name: bindparam(f"new_{name}") for name in names}
    new |= {name: func.coalesce(bindparam(f"new_{name}"), orders[name]) for name in changed}
    statement = update(tables.ORDERS).where(*_scoped(tables.ORDERS), orders[by] == bindparam(f"of_{by}"))
    return statement.values(over=true(), **new) if over else statement.where(~orders.over).values(**new)
