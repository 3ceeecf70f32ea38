"""Exits that left are known after a death, however soon after it came; nothing about them can hold up an exit."""

from decimal import Decimal
from pathlib import Path

from tests.storage.conftest import Opener
from tidegate.model.brackets import ExitReason
from tidegate.model.events import Tick
from tidegate.model.intents import Decision, Remember
from tidegate.model.positions import Position
from tidegate.model.records import Remembered

T0 = 1_767_225_600_000
LONG = Position(coin="BTC", size=Decimal(1), entry_price=Decimal(100))
HELD = Remembered(coin="BTC", signal_id="ema|BTC|5m|1|long", generation=3, position=LONG)
EXIT_ID = "ema|BTC|5m|1|long|3"


def remember(ledger: object, record: Remembered) -> None:
    ledger.record(Tick(at_ms=T0), Decision(intents=(Remember(record=record),)))  # type: ignore[attr-defined]


def files(path: Path) -> list[Path]:
    return list(path.parent.glob("*-exits-*"))


def test_an_exit_that_left_before_a_death_is_known_to_the_next_run(open_ledger: Opener) -> None:
    ledger = open_ledger()
    remember(ledger, HELD)
    ledger.flush()
    ledger.exit_leaves("BTC", EXIT_ID, ExitReason.TRAIL)
    ledger.abandon()
    (record,) = open_ledger().remembered()
    assert (record.exit_reason, record.exit_attempts) == (ExitReason.TRAIL, 1)


def test_it_is_told_once_and_what_happens_later_counts(open_ledger: Opener) -> None:
    ledger = open_ledger()
    remember(ledger, HELD)
    ledger.flush()
    ledger.exit_leaves("BTC", EXIT_ID, ExitReason.STOP)
    ledger.abandon()
    second = open_ledger()
    remember(second, HELD)
    second.flush()
    second.abandon()
    (record,) = open_ledger().remembered()
    assert record.exit_reason is None


def test_what_the_ledger_has_stored_is_not_told_by_the_note(open_ledger: Opener) -> None:
    ledger = open_ledger()
    ledger.exit_leaves("BTC", EXIT_ID, ExitReason.STOP)
    remember(ledger, HELD)
    ledger.commit_before_send([], ledger.next_nonce(T0), b"", T0)
    ledger.abandon()
    (record,) = open_ledger().remembered()
    assert record.exit_attempts == 0


def test_the_exit_of_another_position_or_account_says_nothing(open_ledger: Opener) -> None:
    ledger, other = open_ledger(), open_ledger(account="0xdef")
    remember(ledger, HELD)
    ledger.flush()
    ledger.exit_leaves("BTC", "ema|BTC|5m|1|long|2", ExitReason.STOP)
    other.exit_leaves("BTC", EXIT_ID, ExitReason.STOP)
    ledger.abandon()
    other.abandon()
    (record,) = open_ledger().remembered()
    assert record.exit_reason is None


def test_half_a_line_and_foreign_lines_are_passed_over(open_ledger: Opener, path: Path) -> None:
    ledger = open_ledger()
    remember(ledger, HELD)
    ledger.flush()
    ledger.exit_leaves("BTC", EXIT_ID, ExitReason.STOP)
    ledger.abandon()
    (file,) = files(path)
    file.write_bytes(b"\xff nonsense\n" + file.read_bytes() + b'{"coin":"BT')
    (record,) = open_ledger().remembered()
    assert record.exit_reason is ExitReason.STOP


def test_a_file_that_cannot_be_opened_holds_up_nothing(open_ledger: Opener, path: Path) -> None:
    ledger = open_ledger()
    (file,) = files(path)
    ledger.close()
    file.mkdir()
    again = open_ledger()
    again.exit_leaves("BTC", EXIT_ID, ExitReason.STOP)
    remember(again, HELD)
    again.flush()


def test_the_file_is_for_its_user_alone_and_goes_with_an_orderly_end(open_ledger: Opener, path: Path) -> None:
    ledger = open_ledger()
    (file,) = files(path)
    assert file.stat().st_mode & 0o777 == 0o600
    remember(ledger, HELD)
    ledger.exit_leaves("BTC", EXIT_ID, ExitReason.STOP)
    ledger.close()
    assert files(path) == []
