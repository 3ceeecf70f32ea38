"""The ledger: what the bot writes down, and what it reads back when it starts again.

Owns when rows become durable: recorded lines wait in memory until `flush`, or until an order is about to leave
(`commit_before_send`), and go in one transaction. Belongs to the main thread. Never decides anything; payloads hold
signatures, so nothing here is ever logged.
"""

import time
from collections.abc import Iterator, Sequence

from msgspec import Struct

from tidegate.model.brackets import ExitReason
from tidegate.model.brakes import Brakes
from tidegate.model.events import CandlesFetched, Event
from tidegate.model.intents import Decision
from tidegate.model.positions import Fill
from tidegate.model.records import ClosedPosition, Remembered
from tidegate.model.watchlist import Choice
from tidegate.storage import rows
from tidegate.storage.database import Database, Execute, Row, file_of, open_for_writing
from tidegate.storage.exit_notes import ExitNotes, completed
from tidegate.storage.implied import candles_of, candles_told, order_change, rows_of_event, rows_of_intent
from tidegate.storage.journal import Gathering, cleaned
from tidegate.storage.rows import OrderRecord, Values
from tidegate.storage.sessions import JournalSession, sessions_of, told_again
from tidegate.storage.statements import Read, Write, forgetting, reads, writes

JOURNAL_BYTES_MAX = 256_000_000
"""The journal of one account is kept to this size (compressed) by dropping its oldest batches."""

DROPPED_AT_ONCE = 64
"""How many batches of the journal one statement drops at most."""

ROWS_WAITING_MAX = 20_000
"""While the database cannot be written, so many rows wait; beyond them the oldest are lost."""

SIGNED_KEPT_MS = 24 * 3_600_000
"""How long signed bytes are kept after they expired."""

LOCALNET_PREFIX = "localnet:"

LOCALNETS_KEPT = 10
"""Every first run makes a venue of its own; the rows of so many stay."""

EXPIRED_DROPPED_EVERY_MS = 3_600_000

COMMITS_PER_CHECKPOINT = 16
"""How often a flush empties the write-ahead log (1 to 2 ms), so that commits write over it instead of growing it."""


COMMITS_WITHOUT_CHECKPOINT_MAX = 2_048
"""How long that may be put off: half an hour of a commit a second, some 30 MB of log."""


class _Signed(Struct, frozen=True, kw_only=True, gc=False):
    """An order whose signed bytes are stored, while its row in the table of orders is still to be changed."""

    cloid: str
    nonce: int
    expires_ms: int
    at_ms: int

    def change(self) -> Values:
        """The change of that row."""
        change = order_change(self.cloid, self.at_ms, rows.SIGNED)
        return change | {"new_nonce": self.nonce, "new_expires_ms": self.expires_ms}


class Ledger:
    """The record of one account on one venue. `signer` is whose nonces are counted: the account unless told.

    Every method raises StorageError when the database fails; what was recorded then waits for the next try.
    """

    def __init__(self, url: str, *, venue: str, account: str, signer: str | None = None) -> None:
        self._url = url
        self._scope: Values = {"venue": venue, "account": account}
        self._signer: Values = {"venue": venue, "signer": signer or account}
        self._database: Database | None = None
        self._exits = ExitNotes(None, "")
        self._noted: list[tuple[Event, Decision] | _Signed] = []
        self._rows: list[tuple[str, Values]] = []
        self._newest: dict[tuple[Write, str], Values] = {}
        self._candles: dict[tuple[object, ...], Values] = {}
        self._status: bytes | None = None
        self._lost_rows = 0
        self._commits = 0
        self._in_a_hurry = False
        self._now_ms = 0
        self._expired_dropped_ms = 0

    def open(self) -> None:
        """Open the database (making and migrating it if need be) and find where the last run ended."""
        database = open_for_writing(self._url)
        self._database = database
        self._write = writes(database)
        self._read = reads(database)
        newest = self._find(Read.JOURNAL_NEWEST)
        oldest = self._find(Read.JOURNAL_OLDEST, row_count=1)
        last_seq, last_session, written = newest[0] if newest else (0, 0, 0)
        self._bytes_written: int = written
        self._bytes_dropped: int = oldest[0][2] if oldest else 0
        self._gathering = Gathering(last_seq=last_seq, last_session=last_session)
        found = database.rows(self._read[Read.NONCE], self._signer)
        self._stored_nonce: int = found[0][0] if found else 0
        # The nonce of an exit that left in a hurry stands with its bytes only.
        self._last_nonce: int = max(self._stored_nonce, self._find(Read.SIGNED_NONCE)[0][0] or 0)
        self._enter()
        self._exits = ExitNotes(file_of(self._url), "|".join(map(str, self._scope.values())))
        self._complete()

    def close(self) -> None:
        """Store what waits and close; closing twice is fine."""
        if self._database is None:
            return
        try:
            self.flush()
            self._database.checkpoint()
        finally:
            self._exits.close()
            self._database.close()
            self._database = None

    def abandon(self) -> None:
        """Close as the death of the process would: what waits is lost."""
        self._exits.close()
        if self._database is not None:
            self._database.close()
            self._database = None

    @property
    def lost(self) -> int:
        """How many journal lines and rows were given up because the database could not be written for too long."""
        return self._gathering.lost_lines + self._lost_rows

    def record(self, event: Event, decision: Decision) -> None:
        """Note what happened and what was decided; durable with the next `flush` or `commit_before_send`.

        A decision that wants something done is written out with the next fact, so not in front of an exit; both are
        values that never change.
        """
        self._noted.append((event, decision))
        self._now_ms = event.at_ms
        if not decision.intents:
            self._write_out()

    def _write_out(self) -> None:
        """Make lines and rows of what was noted."""
        noted, self._noted = self._noted, []
        for each in noted:
            if isinstance(each, _Signed):
                self._wait(Write.SIGN_ORDER, each.change())
            else:
                self._write_line(*each)

    def _write_line(self, event: Event, decision: Decision) -> None:
        try:
            self._gathering.add(event, decision)
        except UnicodeEncodeError:
            event, decision = cleaned(event, decision)
            self._gathering.add(event, decision)
        read = candles_of(event) if type(event) is CandlesFetched else ()
        for candle in (*candles_told(decision), *read):
            candle["venue"] = self._scope["venue"]
            self._candles[candle["coin"], candle["timeframe"], candle["open_ms"]] = candle
        for write, values in rows_of_event(event):
            self._wait(write, values)
        for intent in decision.intents:
            for write, values in rows_of_intent(intent, event.at_ms):
                self._wait(write, values)

    def put_status(self, payload: bytes) -> None:
        """Leave this for the `status` command; it is there after the next `flush`."""
        self._status = payload

    def next_nonce(self, now_ms: int) -> int:
        """A nonce that this signer never used: above every earlier one, and not below the exchange's time.

        It is durable with `commit_before_send`, which goes before every send.
        """
        self._last_nonce = max(self._last_nonce + 1, now_ms)
        return self._last_nonce

    def skip_nonces(self, by: int, now_ms: int) -> None:
        """Go on so much further up: somebody else uses nonces of this signer."""
        self._last_nonce = max(self._last_nonce, now_ms) + by

    def commit_before_send(
        self, cloids: Sequence[str], nonce: int, payload: bytes, expires_ms: int, *, at_once: bool = False
    ) -> None:
        """Make these orders' signed bytes durable, with everything recorded before (candles wait for `flush`).

        For an action without orders (a cancellation, a leverage) `cloids` is empty: the nonce is what counts.
        `at_once` is for what may happen twice without harm, a reduce-only exit. It commits the signed bytes and
        nothing else, and does not wait for the disk: they survive the death of this process but, until the next
        `flush`, not a power cut. What was recorded before follows with that flush, so flush soon after the send.
        """
        self._last_nonce = max(self._last_nonce, nonce)
        signed = self._scope | {"nonce": nonce, "payload": payload, "expires_ms": expires_ms}
        if at_once:
            for cloid in cloids:
                self._opened.insert_at_once(self._write[Write.SIGNED_ACTION], signed | {"cloid": cloid})
                self._noted.append(_Signed(cloid=cloid, nonce=nonce, expires_ms=expires_ms, at_ms=self._now_ms))
            self._in_a_hurry = True
            self._commits += 1
            return
        with self._opened.transaction() as execute:
            self._store_waiting(execute)
            for cloid in cloids:
                execute(self._write[Write.SIGNED_ACTION], signed | {"cloid": cloid})
                row = _Signed(cloid=cloid, nonce=nonce, expires_ms=expires_ms, at_ms=self._now_ms)
                execute(self._write[Write.SIGN_ORDER], self._scope | row.change())
        self._stored(at_once=False)

    def exit_leaves(self, coin: str, exit_id: str, reason: ExitReason) -> None:
        """An exit is about to leave: known after a death even before the next `flush`. It costs microseconds and
        never fails; `exit_id` names the position that is closed."""
        self._exits.note(coin, exit_id, reason)

    def flush(self, *, at_once: bool = False, calm: bool = True) -> None:
        """Store everything that was recorded, candles and status included; free when there is nothing.

        It is durable then, and so is what hurried before it; with `at_once` only when a later flush, commit or
        checkpoint (every `COMMITS_PER_CHECKPOINT` of them) waits for the disk. While it is not `calm`, a position being
        open, that checkpoint is put off: an exit that comes meanwhile would wait for it.
        """
        database = self._opened
        if not self._waits and (at_once or not self._in_a_hurry):
            return
        if self._commits >= (COMMITS_PER_CHECKPOINT if calm else COMMITS_WITHOUT_CHECKPOINT_MAX):
            self._make_room()
        self._write_out()
        with database.transaction(at_once=at_once) as execute:
            self._store_waiting(execute)
            for candle in self._candles.values():
                execute(self._write[Write.CANDLE], candle)
            if self._status is not None:
                status = {"payload": self._status, "written_ms": _wall_ms()}
                execute(self._write[Write.STATUS], self._scope | status)
        self._stored(at_once=at_once)
        # Many candles at once (a start) leave a long log: emptied soon, it saves the first orders from growing it.
        self._commits += len(self._candles)
        self._candles.clear()
        self._status = None

    def payload_of(self, cloid: str) -> bytes | None:
        """The signed bytes of an order as they were committed, to send them again; None when there are none."""
        found = self._rows_of(Read.PAYLOAD, of_cloid=cloid)
        return bytes(found[0][0]) if found else None

    def remembered(self) -> tuple[Remembered, ...]:
        """What is remembered of every coin, by coin."""
        return tuple(rows.remembered_of(record) for (record,) in self._rows_of(Read.POSITIONS))

    def brakes(self) -> Brakes:
        """The brakes as they were last; none on in a new ledger."""
        found = self._rows_of(Read.BRAKES)
        return rows.brakes_of(found[0][0]) if found else Brakes()

    def choices(self) -> tuple[Choice, ...]:
        """What operators have decided about coins, oldest first."""
        return tuple(rows.choice_of(row) for row in self._rows_of(Read.CHOICES))

    def fills_since(self, time_ms: int) -> tuple[Fill, ...]:
        """The fills at or after that time of the exchange, ascending."""
        return tuple(rows.fill_of(record) for (record,) in self._rows_of(Read.FILLS_SINCE, of_ms=time_ms))

    def last_fill_ms(self) -> int:
        """The exchange's time of the newest fill; 0 when there is none."""
        return int(self._rows_of(Read.LAST_FILL)[0][0] or 0)

    def closed_since(self, time_ms: int) -> tuple[ClosedPosition, ...]:
        """The positions that were finished at or after that time of the exchange, ascending."""
        return tuple(rows.closed_of(row) for row in self._rows_of(Read.CLOSED_SINCE, of_ms=time_ms))

    def orders(self, limit: int = 100) -> tuple[OrderRecord, ...]:
        """The newest orders, newest first, each with what its fills add up to."""
        return tuple(self._order(row) for row in self._rows_of(Read.ORDERS, row_count=limit))

    def sessions(self) -> tuple[JournalSession, ...]:
        """The sessions that the journal still holds, ascending."""
        self.flush()
        return sessions_of(self._find)

    def journal(self, session: int | None = None) -> Iterator[tuple[Event, Decision]]:
        """The facts and decisions of one session (the newest unless told), in order, beginning with Started.

        Raises StorageError when the session is unknown, or when a part of it is missing: a journal with a gap would
        tell a story that never happened.
        """
        self.flush()
        return told_again(self._find, session)

    @property
    def _opened(self) -> Database:
        assert self._database is not None, "the ledger is used before open() or after close()"
        return self._database

    @property
    def _waits(self) -> bool:
        return bool(
            self._noted
            or self._rows
            or self._newest
            or self._candles
            or self._status is not None
            or self._last_nonce != self._stored_nonce
            or self._gathering.waits
        )

    def _enter(self) -> None:
        """Note that this ledger was opened; forget the localnets that were opened longest ago."""
        with self._opened.transaction() as execute:
            execute(self._write[Write.OPENING], self._scope | {"opened_ms": _wall_ms()})
            localnets = self._find(Read.VENUES_LIKE, pattern=LOCALNET_PREFIX + "%")
            for (venue,) in localnets[LOCALNETS_KEPT:]:
                for sql in forgetting(self._opened):
                    execute(sql, {"of_venue": venue})

    def _complete(self) -> None:
        """Store what a run that died knew of its exits and had no time to write down."""
        if notes := self._exits.open():
            for record in self.remembered():
                if (known := completed(record, notes)) is not record:
                    self._wait(Write.POSITION, rows.position_row(known))
            self.flush()
        self._exits.clear()

    def _wait(self, write: Write, values: Values) -> None:
        if write in (Write.POSITION, Write.BRAKES):  # of these only the newest counts, and it is never dropped
            self._newest[write, str(values.get("coin"))] = values | self._scope
            return
        if len(self._rows) >= ROWS_WAITING_MAX:
            self._lost_rows += len(self._rows) // 10
            del self._rows[: len(self._rows) // 10]
        self._rows.append((self._write[write], values | self._scope))

    def _store_waiting(self, execute: Execute) -> None:
        """Everything but candles and status: what must not be lost once an order has left."""
        self._write_out()
        for sql, values in self._rows:
            execute(sql, values)
        for (write, _), newest in self._newest.items():
            execute(self._write[write], newest)
        bytes_before = self._bytes_written
        for batch in self._gathering.close_batch():
            execute(self._write[Write.BATCH], self._scope | rows.batch_row(batch, bytes_before))
            bytes_before += batch.cost_bytes
        if self._last_nonce != self._stored_nonce or self._in_a_hurry:
            # After a hurried commit there must be something to write, or nothing would be forced to the disk.
            execute(self._write[Write.NONCE], self._signer | {"last_nonce": self._last_nonce})

    def _stored(self, *, at_once: bool) -> None:
        self._in_a_hurry = at_once
        self._bytes_written += sum(batch.cost_bytes for batch in self._gathering.close_batch())
        self._gathering.stored()
        self._rows.clear()
        self._newest.clear()
        self._exits.clear()
        self._stored_nonce = self._last_nonce
        self._commits += 1

    def _make_room(self) -> None:
        """Before a flush: empty the write-ahead log and drop what the limits above no longer allow.

        The log is then written from its beginning again, which is twice as fast as letting it grow; the first commit
        after a checkpoint is slower, and it is better a flush than an order's.
        """
        database = self._opened
        database.checkpoint()
        self._commits = 0
        with database.transaction() as execute:
            if self._now_ms >= self._expired_dropped_ms + EXPIRED_DROPPED_EVERY_MS:
                self._expired_dropped_ms = self._now_ms
                expired = {"of_ms": self._now_ms - SIGNED_KEPT_MS}
                execute(self._write[Write.DROP_SIGNED_ACTIONS], self._scope | expired)
            while self._bytes_written - self._bytes_dropped > JOURNAL_BYTES_MAX:
                self._drop_oldest_batches(execute)

    def _drop_oldest_batches(self, execute: Execute) -> None:
        last_seq, dropped = 0, self._bytes_dropped
        for first_seq, size, bytes_before in self._find(Read.JOURNAL_OLDEST, row_count=DROPPED_AT_ONCE):
            last_seq, dropped = first_seq, bytes_before + size
            if self._bytes_written - dropped <= JOURNAL_BYTES_MAX:
                break
        execute(self._write[Write.DROP_BATCHES], self._scope | {"of_seq": last_seq})
        self._bytes_dropped = dropped

    def _find(self, read: Read, **parameters: object) -> list[Row]:
        return self._opened.rows(self._read[read], self._scope | parameters)

    def _rows_of(self, read: Read, **parameters: object) -> list[Row]:
        """Rows as of now: those that wait are stored first (lines of the journal alone may go on waiting)."""
        self._write_out()
        if self._rows or self._newest:
            self.flush(at_once=True, calm=False)
        return self._find(read, **parameters)

    def _order(self, row: Row) -> OrderRecord:
        record = rows.order_record(row, ())
        found = self._rows_of(Read.FILLS_OF_ORDER, of_oid=str(record.oid), of_cloid=record.cloid)
        return rows.order_record(row, [rows.fill_of(fill) for (fill,) in found])


def _wall_ms() -> int:
    """This machine's time: what orders the ledgers and statuses of bots whose exchanges may live in other years."""
    return time.time_ns() // 1_000_000
