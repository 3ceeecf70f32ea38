"""The ledger as it began: orders, fills, positions, candles, the journal, signed actions, nonces, status."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of the first version."""
    _make("ledgers", *_scope(), _whole("opened_ms"))
    _make_orders_and_fills()
    _make_positions()
    _make_candles()
    _make_journal()
    _make_gateway_tables()


def downgrade() -> None:
    """Drop everything."""
    for table in (
        "status",
        "nonces",
        "signed_actions",
        "journal",
        "candles",
        "closed_positions",
        "positions",
        "fills",
        "orders",
        "ledgers",
    ):
        op.drop_table(table)


def _make(name: str, *columns: "sa.Column[Any]") -> None:
    op.create_table(name, *columns, sqlite_with_rowid=False)


def _text(name: str, *, key: bool = False, empty: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, primary_key=key, nullable=empty)


def _whole(name: str, *, key: bool = False, empty: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=empty)


def _scope() -> "tuple[sa.Column[str], sa.Column[str]]":
    return _text("venue", key=True), _text("account", key=True)


def _make_orders_and_fills() -> None:
    _make(
        "orders",
        *_scope(),
        _text("cloid", key=True),
        *(_text(name) for name in ("coin", "role", "side", "size", "price")),
        _text("trigger_price", empty=True),
        sa.Column("reduce_only", sa.Boolean, nullable=False),
        *(_text(name) for name in ("signal_id", "reason", "status", "status_text")),
        sa.Column("over", sa.Boolean, nullable=False),
        _text("oid", empty=True),
        _whole("nonce", empty=True),
        _text("transport", empty=True),
        *(_whole(name) for name in ("expires_ms", "created_ms", "updated_ms")),
    )
    op.create_index("orders_by_time", "orders", ["venue", "account", "created_ms"])
    known = sa.text("oid IS NOT NULL")
    op.create_index("orders_by_oid", "orders", ["venue", "account", "oid"], sqlite_where=known, postgresql_where=known)
    _make(
        "fills",
        *_scope(),
        _whole("time_ms", key=True),
        _text("coin", key=True),
        _text("tid", key=True),
        _text("oid"),
        _text("cloid", empty=True),
        *(_text(name) for name in ("side", "price", "size", "fee", "closed_pnl")),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
    op.create_index("fills_by_oid", "fills", ["venue", "account", "oid"])
    op.create_index("fills_by_cloid", "fills", ["venue", "account", "cloid"])


def _make_positions() -> None:
    _make(
        "positions",
        *_scope(),
        _text("coin", key=True),
        _text("size"),
        _text("entry_price"),
        _text("stop", empty=True),
        _text("take_profit", empty=True),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
    _make(
        "closed_positions",
        *_scope(),
        _text("coin", key=True),
        _whole("opened_ms", key=True),
        _whole("closed_ms", key=True),
        *(_text(name) for name in ("size", "entry_price", "exit_price", "reason", "signal_id", "pnl", "fees")),
    )
    op.create_index("closed_by_time", "closed_positions", ["venue", "account", "closed_ms"])


def _make_candles() -> None:
    _make(
        "candles",
        _text("venue", key=True),
        _text("coin", key=True),
        _text("timeframe", key=True),
        _whole("open_ms", key=True),
        _whole("close_ms"),
        *(_text(name) for name in ("open", "high", "low", "close", "volume")),
        _whole("trades"),
    )


def _make_journal() -> None:
    _make(
        "journal",
        *_scope(),
        _whole("first_seq", key=True),
        _whole("last_seq"),
        sa.Column("session", sa.Integer, nullable=False),
        _whole("first_ms"),
        _whole("last_ms"),
        _whole("bytes_before"),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("lines", sa.LargeBinary, nullable=False),
    )


def _make_gateway_tables() -> None:
    _make(
        "signed_actions",
        *_scope(),
        _text("cloid", key=True),
        _whole("nonce"),
        _whole("expires_ms"),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    _make("nonces", _text("venue", key=True), _text("signer", key=True), _whole("last_nonce"))
    _make("status", *_scope(), _whole("written_ms"), sa.Column("payload", sa.LargeBinary, nullable=False))
