"""PostgreSQL keeps the same ledger: every statement compiles for it, and a server of our own runs them."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import ClauseElement

from tidegate.errors import StorageError
from tidegate.model import events, intents
from tidegate.model.intents import NOTHING, Decision
from tidegate.model.market import Candle, Timeframe
from tidegate.model.orders import Limit, OrderRequest, Role
from tidegate.model.positions import Fill, Side
from tidegate.model.records import Remembered
from tidegate.model.settings import Settings
from tidegate.storage import statements, tables
from tidegate.storage.ledger import Ledger
from tidegate.storage.prices import PriceDataReader
from tidegate.storage.status import read_status

ACCOUNT = "0x" + "a" * 40
T0 = 1_790_000_040_000
CLOID = "0x" + "b" * 32
LARGE = 2**64 - 1


class Compiler:
    """What the statements ask of a database, without a server."""

    def compile(self, statement: ClauseElement) -> str:
        return str(statement.compile(dialect=postgresql.dialect()))

    def insert(self, table: tables.Table) -> postgresql.Insert:
        return postgresql.insert(table)


def test_every_statement_compiles_for_postgresql() -> None:
    compiler = Compiler()
    texts = [
        *statements.writes(compiler).values(),
        *statements.reads(compiler).values(),
        *statements.forgetting(compiler),
        *statements.candle_reads(compiler),
        statements.newest_status(compiler),
    ]

    assert len(texts) > 30
    assert all("%(" in text for text in texts[:-1])


@pytest.fixture
def ledger(postgres: str) -> Iterator[Ledger]:
    ledger = Ledger(postgres, venue="testnet", account=ACCOUNT)
    ledger.open()
    yield ledger
    ledger.close()


def test_postgresql_gives_everything_back(ledger: Ledger, postgres: str) -> None:
    price = Decimal("100.50")
    account = events.Account(equity=price, free=price)
    start = events.Started(at_ms=T0, settings=Settings(), instruments=(), account=account, instance_tag="0")
    kind = Limit(price=price)
    order = OrderRequest(
        coin="BTC", asset=0, cloid=CLOID, side=Side.BUY, size=Decimal(1), kind=kind, role=Role.EXIT, reduce_only=True
    )
    fill = Fill(coin="BTC", side=Side.BUY, price=price, size=Decimal(1), time_ms=T0, tid=LARGE, oid=LARGE, cloid=CLOID)
    candle = Candle(T0, T0 + 59_999, price, price, price, price, Decimal(3), 4)
    wish = intents.PlaceOrders(coin="BTC", orders=(order,), expires_ms=T0 + 9, signal_id="s", reason="a\0b")

    ledger.record(start, Decision(intents=(wish, intents.Remember(record=Remembered(coin="BTC")))))
    nonce = ledger.next_nonce(T0)
    ledger.commit_before_send([CLOID], nonce, b"\x00signed\xff", T0 + 9, at_once=True)
    ledger.record(events.OrdersSent(at_ms=T0, cloids=(CLOID,), nonce=nonce, transport="ws"), NOTHING)
    ledger.record(events.OrderFilled(at_ms=T0, fill=fill), NOTHING)
    ledger.record(events.OrderFilled(at_ms=T0, fill=fill), NOTHING)
    ledger.record(events.CandlesFetched(at_ms=T0, coin="BTC", candles=(candle,), exchange_ms=2**62), NOTHING)
    ledger.put_status(b"status")
    ledger.flush()

    again = Ledger(postgres, venue="testnet", account=ACCOUNT)
    again.open()
    (found,) = again.orders()
    assert (found.status, found.over, found.filled, found.reduce_only) == ("filled", True, Decimal(1), True)
    assert (found.nonce, found.transport, found.reason) == (nonce, "ws", "a b")
    assert again.payload_of(CLOID) == b"\x00signed\xff"
    assert again.fills_since(0) == (fill,)
    assert again.last_fill_ms() == T0
    assert again.remembered() == (Remembered(coin="BTC"),)
    assert next(again.journal())[0] == start
    assert again.sessions()[0].lines == 5
    assert again.next_nonce(0) == nonce + 1
    again.close()
    assert read_status(postgres) == b"status"
    with PriceDataReader(postgres, venue="testnet") as prices:
        assert prices.candles("BTC", Timeframe.M1) == (candle,)


def test_a_failed_transaction_leaves_the_connection_usable(ledger: Ledger) -> None:
    with pytest.raises(StorageError), ledger._opened.transaction() as execute:
        execute("SELECT no_such_column FROM orders", {})

    assert ledger.orders() == ()
