"""The tables as they are now. `migrations/` says how a database gets here; a test holds the two together.

Money, prices and sizes are text, because SQLite would make them binary fractions; the exchange's order and trade
numbers are text too, because they are unsigned 64-bit and a database's integers are signed. Times are milliseconds
UTC of the exchange. Every row belongs to one venue and one account; candles belong to a venue only.

An order waits for every page that its commit writes (some 10 µs each), so SQLite keeps rows in their key's tree
(no rowid), and an index leaves out what it need not hold.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

METADATA = MetaData()

OID_IS_KNOWN = text("oid IS NOT NULL")


def _scope() -> tuple[Column[str], Column[str]]:
    return Column("venue", Text, primary_key=True), Column("account", Text, primary_key=True)


LEDGERS = Table(
    "ledgers",
    METADATA,
    *_scope(),
    Column("opened_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

ORDERS = Table(
    "orders",
    METADATA,
    *_scope(),
    Column("cloid", Text, primary_key=True),
    Column("coin", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("size", Text, nullable=False),
    Column("price", Text, nullable=False),
    Column("trigger_price", Text),
    Column("reduce_only", Boolean, nullable=False),
    Column("signal_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_text", Text, nullable=False),
    Column("over", Boolean, nullable=False),
    Column("oid", Text),
    Column("nonce", BigInteger),
    Column("transport", Text),
    Column("expires_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index("orders_by_time", "venue", "account", "created_ms"),
    Index("orders_by_oid", "venue", "account", "oid", sqlite_where=OID_IS_KNOWN, postgresql_where=OID_IS_KNOWN),
    sqlite_with_rowid=False,
)

FILLS = Table(
    "fills",
    METADATA,
    *_scope(),
    Column("time_ms", BigInteger, primary_key=True),
    Column("coin", Text, primary_key=True),
    Column("tid", Text, primary_key=True),
    Column("oid", Text, nullable=False),
    Column("cloid", Text),
    Column("side", Text, nullable=False),
    Column("price", Text, nullable=False),
    Column("size", Text, nullable=False),
    Column("fee", Text, nullable=False),
    Column("closed_pnl", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Index("fills_by_oid", "venue", "account", "oid"),
    Index("fills_by_cloid", "venue", "account", "cloid"),
    sqlite_with_rowid=False,
)

POSITIONS = Table(
    "positions",
    METADATA,
    *_scope(),
    Column("coin", Text, primary_key=True),
    Column("size", Text, nullable=False),
    Column("entry_price", Text, nullable=False),
    Column("stop", Text),
    Column("take_profit", Text),
    Column("record", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

CLOSED_POSITIONS = Table(
    "closed_positions",
    METADATA,
    *_scope(),
    Column("coin", Text, primary_key=True),
    Column("opened_ms", BigInteger, primary_key=True),
    Column("closed_ms", BigInteger, primary_key=True),
    Column("size", Text, nullable=False),
    Column("entry_price", Text, nullable=False),
    Column("exit_price", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("signal_id", Text, nullable=False),
    Column("pnl", Text, nullable=False),
    Column("fees", Text, nullable=False),
    Column("slippage", Text),
    Index("closed_by_time", "venue", "account", "closed_ms"),
    sqlite_with_rowid=False,
)

CANDLES = Table(
    "candles",
    METADATA,
    Column("venue", Text, primary_key=True),
    Column("coin", Text, primary_key=True),
    Column("timeframe", Text, primary_key=True),
    Column("open_ms", BigInteger, primary_key=True),
    Column("close_ms", BigInteger, nullable=False),
    Column("open", Text, nullable=False),
    Column("high", Text, nullable=False),
    Column("low", Text, nullable=False),
    Column("close", Text, nullable=False),
    Column("volume", Text, nullable=False),
    Column("trades", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

JOURNAL = Table(
    "journal",
    METADATA,
    *_scope(),
    Column("first_seq", BigInteger, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("session", Integer, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("bytes_before", BigInteger, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

SIGNED_ACTIONS = Table(
    "signed_actions",
    METADATA,
    *_scope(),
    Column("cloid", Text, primary_key=True),
    Column("nonce", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

NONCES = Table(
    "nonces",
    METADATA,
    Column("venue", Text, primary_key=True),
    Column("signer", Text, primary_key=True),
    Column("last_nonce", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

STATUS = Table(
    "status",
    METADATA,
    *_scope(),
    Column("written_ms", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

BRAKES = Table(
    "brakes",
    METADATA,
    *_scope(),
    Column("record", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

COMMANDS = Table(
    "commands",
    METADATA,
    *_scope(),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("taken_ms", BigInteger),
    Column("coin", Text),
    Column("who", Text),
    Column("answer", Text),
    sqlite_with_rowid=False,
)

WATCHLIST = Table(
    "watchlist",
    METADATA,
    *_scope(),
    Column("coin", Text, primary_key=True),
    Column("wanted", Boolean, nullable=False),
    Column("chosen_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    sqlite_with_rowid=False,
)
