"""The ledger keeps what it was told, and gives it back after a restart."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.errors import StorageError
from tidegate.model import events, intents
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.intents import NOTHING, Decision
from tidegate.model.orders import Limit, OpenOrder, OrderRequest, Role, Trigger
from tidegate.model.positions import Fill, Position, Side
from tidegate.model.records import ClosedPosition, Remembered
from tidegate.model.settings import Settings
from tidegate.storage import ledger as ledger_module
from tidegate.storage.ledger import Ledger

D = Decimal
CLOID = "0x" + "a" * 32
T0 = 1_790_000_000_000

Opener = Callable[..., Ledger]


def started(at_ms: int = T0, fills: tuple[Fill, ...] = ()) -> events.Started:
    account = events.Account(equity=D(1000), free=D(1000), fills=fills)
    return events.Started(at_ms=at_ms, settings=Settings(), instruments=(), account=account, instance_tag="0011aabb")


def order(cloid: str = CLOID, size: str = "0.5", **more: object) -> OrderRequest:
    values = {"coin": "BTC", "asset": 0, "side": Side.BUY, "kind": Limit(price=D("100000")), "role": Role.ENTRY}
    return OrderRequest(cloid=cloid, size=D(size), **(values | more))


def placing(*orders: OrderRequest, reason: str = "EMA 12 crossed above EMA 26") -> Decision:
    wish = intents.PlaceOrders(coin="BTC", orders=orders, expires_ms=T0 + 10_000, signal_id="BTC:5m:1", reason=reason)
    return Decision(intents=(wish,))


def fill(tid: int = 1, size: str = "0.5", price: str = "100000", **more: object) -> Fill:
    values = {"coin": "BTC", "side": Side.BUY, "time_ms": T0 + tid, "oid": 77, "cloid": CLOID}
    return Fill(tid=tid, size=D(size), price=D(price), **(values | more))


def filled(one: Fill) -> events.OrderFilled:
    return events.OrderFilled(at_ms=one.time_ms, fill=one)


def test_signed_bytes_are_given_back_exactly_after_a_restart(open_ledger: Opener) -> None:
    first = open_ledger()
    first.record(started(), placing(order()))
    first.commit_before_send([CLOID], first.next_nonce(T0), b"\x00signed\xff", T0 + 10_000)

    second = open_ledger()

    assert second.payload_of(CLOID) == b"\x00signed\xff"
    assert second.payload_of("0xother") is None


def test_what_was_recorded_before_an_order_leaves_is_durable_with_it(open_ledger: Opener) -> None:
    first = open_ledger()
    first.record(started(), NOTHING)
    first.record(filled(fill()), placing(order()))
    first.commit_before_send([CLOID], first.next_nonce(T0), b"signed", T0 + 10_000)

    second = open_ledger()

    assert second.fills_since(0) == (fill(),)
    assert [event for event, _ in second.journal()] == [started(), filled(fill())]
    assert second.orders()[0].cloid == CLOID


def test_nonces_grow_across_restarts_and_when_the_clock_steps_back(open_ledger: Opener) -> None:
    nonces: list[int] = []
    for now_ms in (T0, T0, T0 - 3_600_000, T0 + 5, 0):
        ledger = open_ledger()
        for _ in range(3):
            nonces.append(ledger.next_nonce(now_ms))
            ledger.commit_before_send([], nonces[-1], b"", 0)

    assert nonces == sorted(set(nonces))
    assert nonces[0] == T0
    assert T0 + 5 <= max(nonces) < T0 + 20


def test_skipped_nonces_stay_skipped_after_a_restart(open_ledger: Opener) -> None:
    first = open_ledger()
    first.skip_nonces(5_000, T0)
    first.flush()
    first.close()

    assert open_ledger().next_nonce(T0) == T0 + 5_001


def test_nonces_are_counted_by_signer(open_ledger: Opener) -> None:
    one = open_ledger(account="0xabc", signer="0xagent")
    one.commit_before_send([], one.next_nonce(T0), b"", 0)

    assert open_ledger(account="0xdef", signer="0xagent").next_nonce(5) == T0 + 1
    assert open_ledger(account="0xdef").next_nonce(5) == 5


def test_accounts_and_venues_do_not_see_each_other(open_ledger: Opener) -> None:
    mine = open_ledger()
    mine.record(started(), placing(order()))
    mine.record(filled(fill()), NOTHING)
    mine.flush()

    for other in (open_ledger(venue="mainnet"), open_ledger(account="0xdef")):
        assert other.orders() == ()
        assert other.fills_since(0) == ()
        assert other.sessions() == ()
        assert other.last_fill_ms() == 0


def test_a_fill_counts_once_however_often_and_from_wherever_it_comes(open_ledger: Opener) -> None:
    ledger = open_ledger()
    ledger.record(started(fills=(fill(1),)), NOTHING)
    ledger.record(filled(fill(1)), NOTHING)
    ledger.flush()
    account = events.Account(equity=D(1), free=D(1), fills=(fill(1), fill(2)))
    ledger.record(events.AccountSeen(at_ms=T0, account=account), NOTHING)

    assert ledger.fills_since(0) == (fill(1), fill(2))
    assert ledger.last_fill_ms() == T0 + 2


def test_numbers_as_large_as_the_exchange_may_send_do_not_stop_the_ledger(open_ledger: Opener) -> None:
    ledger = open_ledger()
    large = fill(2**64 - 1, time_ms=2**63 - 1, oid=2**64 - 1)
    ledger.record(filled(large), NOTHING)

    assert ledger.fills_since(0) == (large,)


@pytest.mark.parametrize(
    ("fact", "status", "over"),
    [
        (events.OrdersSent(at_ms=T0, cloids=(CLOID,), nonce=5, transport="ws"), "sent", False),
        (events.OrderAccepted(at_ms=T0, cloid=CLOID, oid=77), "resting", False),
        (events.OrderAccepted(at_ms=T0, cloid=CLOID, oid=77, resting=False, filled=D("0.5")), "filled", True),
        (events.OrderAccepted(at_ms=T0, cloid=CLOID, oid=77, resting=False), "ended", True),
        (events.OrderRejected(at_ms=T0, cloid=CLOID, reason="Insufficient margin"), "rejected", True),
        (events.OrderCanceled(at_ms=T0, coin="BTC", oid=77, status="siblingFilledCanceled", cloid=CLOID),
         "siblingFilledCanceled", True),
        (events.OrderInDoubt(at_ms=T0, cloid=CLOID, reason="no answer within 8 s"), "in doubt", False),
        (events.OrderSeen(at_ms=T0, cloid=CLOID, status="open", oid=77), "open", False),
        (events.OrderSeen(at_ms=T0, cloid=CLOID, status="marginCanceled", oid=77), "marginCanceled", True),
        (events.OrderSeen(at_ms=T0, cloid=CLOID, status=None), "unknown", False),
    ],
)  # fmt: skip
def test_every_fact_about_an_order_shows_in_its_status(
    open_ledger: Opener, fact: events.Event, status: str, over: bool
) -> None:
    ledger = open_ledger()
    ledger.record(started(), placing(order()))
    ledger.record(fact, NOTHING)

    (found,) = ledger.orders()

    assert (found.status, found.over) == (status, over)


def test_an_order_that_is_over_stays_over_when_an_older_fact_comes_late(open_ledger: Opener) -> None:
    ledger = open_ledger()
    ledger.record(started(), placing(order()))
    ledger.record(events.OrderRejected(at_ms=T0, cloid=CLOID, reason="no"), NOTHING)
    ledger.record(events.OrdersSent(at_ms=T0, cloids=(CLOID,), nonce=5, transport="ws"), NOTHING)
    ledger.record(events.OrderInDoubt(at_ms=T0, cloid=CLOID, reason="timeout"), NOTHING)

    assert ledger.orders()[0].status == "rejected"
    assert ledger.orders()[0].status_text == "no"


def test_a_cancellation_without_our_number_finds_the_order_by_the_exchanges(open_ledger: Opener) -> None:
    ledger = open_ledger()
    ledger.record(started(), placing(order()))
    ledger.record(events.OrderAccepted(at_ms=T0, cloid=CLOID, oid=77), NOTHING)
    ledger.record(events.OrderCanceled(at_ms=T0, coin="BTC", oid=77, status="canceled"), NOTHING)

    assert ledger.orders()[0].status == "canceled"


def test_an_orders_fills_say_how_much_of_it_is_done_and_at_which_price(open_ledger: Opener) -> None:
    ledger = open_ledger()
    ledger.record(started(), placing(order(size="0.5")))
    ledger.record(events.OrderAccepted(at_ms=T0, cloid=CLOID, oid=77), NOTHING)
    ledger.record(filled(fill(1, "0.2", "100000")), NOTHING)
    assert (ledger.orders()[0].filled, ledger.orders()[0].status) == (D("0.2"), "resting")

    # The exchange need not repeat our number with every fill: its own is enough.
    ledger.record(filled(fill(2, "0.3", "100010", cloid=None)), NOTHING)

    (found,) = ledger.orders()
    assert (found.filled, found.status, found.over) == (D("0.5"), "filled", True)
    assert found.average_price == D("100006")


def test_an_order_keeps_everything_that_was_asked_for(open_ledger: Opener) -> None:
    ledger = open_ledger()
    kind = Trigger(trigger_price=D("99000.5"), worst_price=D("89100"), stop=True)
    stop = order(side=Side.SELL, kind=kind, role=Role.STOP, reduce_only=True, size="0.00100")
    ledger.record(started(), placing(stop, reason="stop behind the entry"))
    ledger.commit_before_send([CLOID], 42, b"signed", T0 + 10_000)
    ledger.record(events.OrdersSent(at_ms=T0 + 1, cloids=(CLOID,), nonce=42, transport="ws"), NOTHING)

    (found,) = ledger.orders()

    assert (found.role, found.side, found.reduce_only) == (Role.STOP, Side.SELL, True)
    assert (str(found.size), found.price, found.trigger_price) == ("0.00100", D("89100"), D("99000.5"))
    assert (found.nonce, found.transport, found.expires_ms) == (42, "ws", T0 + 10_000)
    assert (found.signal_id, found.reason) == ("BTC:5m:1", "stop behind the entry")
    assert (found.created_ms, found.updated_ms) == (T0, T0 + 1)


def test_an_order_that_only_the_exchange_knows_is_kept_too(open_ledger: Opener) -> None:
    ledger = open_ledger()
    opened = OpenOrder(
        coin="ETH", oid=9, side=Side.SELL, size=D(2), limit_price=D(4000), time_ms=T0 - 5, cloid=CLOID, is_trigger=True
    )
    ledger.record(events.OrderOpened(at_ms=T0, order=opened), NOTHING)
    ledger.record(events.OrderOpened(at_ms=T0 + 1, order=opened, triggered=True), NOTHING)

    (found,) = ledger.orders()

    assert (found.coin, found.oid, found.role, found.status) == ("ETH", 9, None, "triggered")


def test_the_last_thing_remembered_of_a_coin_is_what_a_new_start_finds(open_ledger: Opener) -> None:
    position = Position(coin="BTC", size=D("-0.5"), entry_price=D("100000.1"), opened_ms=T0)
    bracket = Bracket(direction=-1, stop=D("103000"), take_profit=None, trail_by=D("500"), trailed=True)
    last = Remembered(coin="BTC", signal_id="s2", generation=3, position=position, bracket=bracket, stop_cloid=CLOID)
    ledger = open_ledger()
    for record in (Remembered(coin="BTC", signal_id="s1"), Remembered(coin="ETH"), last):
        ledger.record(events.Tick(at_ms=T0), Decision(intents=(intents.Remember(record=record),)))
    ledger.close()

    assert open_ledger().remembered() == (last, Remembered(coin="ETH"))


@pytest.mark.parametrize("slippage", [None, D("0.0119"), D("-2.5")])
def test_a_finished_position_is_booked_once(open_ledger: Opener, slippage: Decimal | None) -> None:
    closed = ClosedPosition(
        coin="BTC", size=D("0.5"), entry_price=D("100000"), exit_price=D("97000.5"),
        opened_ms=T0, closed_ms=T0 + 60_000,
        reason=ExitReason.STOP, signal_id="s", pnl=D("-1499.75"), fees=D("0.44"), slippage=slippage,
    )  # fmt: skip
    ledger = open_ledger()
    for _ in range(2):
        ledger.record(events.Tick(at_ms=T0), Decision(intents=(intents.BookClosed(closed=closed),)))
        ledger.flush()

    assert ledger.closed_since(T0) == (closed,)
    assert ledger.closed_since(T0 + 60_001) == ()


def test_a_flush_with_nothing_to_store_writes_nothing(open_ledger: Opener, tmp_path: Path) -> None:
    ledger = open_ledger()
    ledger.record(started(), NOTHING)
    ledger.flush()
    wal = tmp_path / "folder" / "tidegate.db-wal"
    before = wal.stat().st_size

    for _ in range(5):
        ledger.flush()

    assert wal.stat().st_size == before


def test_signed_bytes_are_dropped_a_day_after_they_expired(
    open_ledger: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "COMMITS_PER_CHECKPOINT", 1)
    ledger = open_ledger()
    ledger.record(started(), NOTHING)
    ledger.commit_before_send([CLOID], 1, b"old", T0)
    ledger.commit_before_send(["0xyoung"], 2, b"young", T0 + 10_000)

    ledger.record(events.Tick(at_ms=T0 + 24 * 3_600_000 + 1), NOTHING)
    ledger.flush()

    assert ledger.payload_of(CLOID) is None
    assert ledger.payload_of("0xyoung") == b"young"


def test_what_could_not_be_stored_is_stored_by_the_next_flush(open_ledger: Opener, tmp_path: Path) -> None:
    ledger = open_ledger()
    ledger.record(started(), placing(order()))
    ledger.flush()
    blocker = open_ledger(account="0xblocker")
    blocker.record(started(), NOTHING)
    ledger.record(filled(fill()), NOTHING)

    with blocker._opened.transaction(), pytest.raises(StorageError, match="Another program holds it"):
        ledger.commit_before_send([CLOID], 7, b"signed", T0 + 10_000)
    assert ledger.payload_of(CLOID) is None

    ledger.flush()
    assert open_ledger().fills_since(0) == (fill(),)
    assert open_ledger().next_nonce(1) == 8
    assert len(list(open_ledger().journal())) == 2


def test_rows_that_cannot_be_stored_for_long_are_bounded_and_counted(
    open_ledger: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "ROWS_WAITING_MAX", 100)
    ledger = open_ledger()
    for tid in range(150):
        ledger.record(filled(fill(tid)), NOTHING)

    assert ledger.lost == 50
    assert [one.tid for one in ledger.fills_since(0)] == list(range(50, 150))


def test_only_the_newest_localnets_are_kept_and_real_venues_for_ever(
    open_ledger: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(1, 100))
    monkeypatch.setattr(ledger_module, "_wall_ms", lambda: next(clock))
    venues = ["mainnet", *(f"localnet:{number}" for number in range(ledger_module.LOCALNETS_KEPT + 1))]
    for venue in venues:
        ledger = open_ledger(venue=venue)
        ledger.record(started(), placing(order()))
        ledger.commit_before_send([CLOID], ledger.next_nonce(T0), b"signed", T0)

    for table in ("orders", "signed_actions", "journal", "nonces", "ledgers"):
        kept = {venue for (venue,) in ledger._opened.rows(f"SELECT venue FROM {table}", {})}
        assert kept == set(venues) - {"localnet:0"}


def test_a_row_that_this_version_cannot_read_is_said_to_be_so(open_ledger: Opener) -> None:
    ledger = open_ledger()
    ledger.record(started(), Decision(intents=(intents.Remember(record=Remembered(coin="BTC")),)))
    ledger.flush()
    with ledger._opened.transaction() as execute:
        execute("UPDATE positions SET record = x'7b7d'", {})

    with pytest.raises(StorageError, match="damaged or of another version"):
        ledger.remembered()


def test_a_second_bot_that_writes_for_the_same_account_is_noticed(open_ledger: Opener) -> None:
    mine, other = open_ledger(), open_ledger()
    mine.record(started(), NOTHING)
    mine.flush()
    other.record(started(), NOTHING)

    with pytest.raises(StorageError, match="Another bot writes for the same account"):
        other.flush()
    other._gathering.stored()


def test_an_order_that_may_not_wait_for_the_disk_is_forced_there_by_the_next_flush(
    open_ledger: Opener,
) -> None:
    ledger = open_ledger()
    ledger.record(started(), NOTHING)
    ledger.flush()
    asked: list[str] = []
    ledger._opened._cursor.connection.set_trace_callback(asked.append)

    ledger.commit_before_send([CLOID], ledger.next_nonce(T0), b"signed", T0, at_once=True)
    hurried = list(asked)
    asked.clear()
    ledger.flush()

    assert len(hurried) == 1
    assert "INSERT INTO signed_actions" in hurried[0]
    assert asked[0] == "PRAGMA synchronous=FULL"
    assert any("INSERT INTO nonces" in sql for sql in asked)
    assert open_ledger().payload_of(CLOID) == b"signed"

    asked.clear()
    ledger.flush()
    assert asked == []


def test_a_hurried_commit_that_fails_does_not_leave_the_next_one_hurried(open_ledger: Opener) -> None:
    ledger = open_ledger()

    with pytest.raises(StorageError), ledger._opened.transaction(at_once=True) as execute:
        execute("SELECT nothing FROM nowhere", {})

    with ledger._opened.transaction() as execute:
        execute("DELETE FROM status", {})
        assert ledger._opened.rows("PRAGMA synchronous", {})[0][0] == 2


def test_a_hurried_flush_stores_everything_too(open_ledger: Opener) -> None:
    ledger = open_ledger()
    ledger.record(started(), NOTHING)
    ledger.record(filled(fill()), NOTHING)
    ledger.flush(at_once=True)

    assert open_ledger().fills_since(0) == (fill(),)
