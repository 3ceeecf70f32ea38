"""The journal tells again exactly what happened, or says that it cannot."""

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from tidegate.errors import StorageError
from tidegate.model import events
from tidegate.model.events import Event
from tidegate.model.intents import NOTHING, Decision, Intent, Note
from tidegate.model.settings import Settings
from tidegate.storage import journal
from tidegate.storage import ledger as ledger_module
from tidegate.storage.journal import Gathering, cleaned, decoded
from tidegate.storage.ledger import Ledger

D = Decimal
T0 = 1_790_000_000_000

Opener = Callable[..., Ledger]

WHOLE = st.integers(-(2**63), 2**64 - 1)
DECIMALS = st.decimals(allow_nan=False)
SIMPLE: dict[type, st.SearchStrategy[Any]] = {
    inspect.IntType: WHOLE,
    inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    inspect.StrType: st.text(max_size=20),
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
    inspect.DecimalType: DECIMALS,
}


def values_of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Any value of a type, as msgspec describes it."""
    match kind:
        case inspect.StructType(cls=cls, fields=fields):
            # By position: Candle takes no keywords only.
            made = [values_of(field.type) for field in fields]
            names = [field.name for field in fields]
            return st.tuples(*made).map(lambda values: cls(**dict(zip(names, values, strict=True))))
        case inspect.EnumType(cls=cls):
            return st.sampled_from(list(cls))
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.UnionType(types=types):
            return st.one_of([values_of(one) for one in types])
        case inspect.VarTupleType(item_type=item):
            return st.lists(values_of(item), max_size=2).map(tuple)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(values_of(key), values_of(value), max_size=2)
    return SIMPLE[type(kind)]


@cache
def any_of(cls: type) -> st.SearchStrategy[Any]:
    return values_of(inspect.type_info(cls))


def started(at_ms: int = T0) -> events.Started:
    account = events.Account(equity=D(1000), free=D(1000))
    return events.Started(at_ms=at_ms, settings=Settings(), instruments=(), account=account, instance_tag="0011aabb")


def trade(number: int) -> events.Trade:
    price = D(100_000 + number)
    return events.Trade(at_ms=T0 + number, coin="BTC", price=price, low=price, high=price, time_ms=T0)


def told(gathering: Gathering) -> list[tuple[Event, Decision]]:
    return [line for batch in gathering.close_batch() for line in decoded(batch.lines)]


@pytest.mark.parametrize("cls", get_args(Event), ids=lambda cls: cls.__name__)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_fact_comes_back_as_it_was(cls: type, data: st.DataObject) -> None:
    event = data.draw(any_of(cls))
    gathering = Gathering(last_seq=0, last_session=0)

    gathering.add(event, NOTHING)

    ((again, decision),) = told(gathering)
    assert again == event
    assert type(again) is cls
    assert decision == NOTHING


@pytest.mark.parametrize("cls", get_args(Intent), ids=lambda cls: cls.__name__)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_wish_comes_back_as_it_was(cls: type, data: st.DataObject) -> None:
    decision = Decision(intents=(data.draw(any_of(cls)),), notes=(data.draw(any_of(Note)),))
    gathering = Gathering(last_seq=0, last_session=0)

    gathering.add(events.Tick(at_ms=T0), decision)

    ((_, again),) = told(gathering)
    assert again == decision
    assert type(again.intents[0]) is cls


def test_a_number_keeps_its_trailing_zeros() -> None:
    gathering = Gathering(last_seq=0, last_session=0)
    gathering.add(events.Mid(at_ms=T0, coin="BTC", price=D("100.500")), NOTHING)

    ((again, _),) = told(gathering)

    assert isinstance(again, events.Mid)
    assert str(again.price) == "100.500"


@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=20))
@settings(deadline=None, max_examples=30)
def test_lines_are_numbered_without_gap_however_they_fall_into_batches(sizes: list[int]) -> None:
    gathering = Gathering(last_seq=41, last_session=2)
    told_lines: list[tuple[Event, Decision]] = []
    next_seq = 42
    for size in sizes:
        for _ in range(size):
            gathering.add(trade(next_seq), NOTHING)
        (batch,) = gathering.close_batch()
        assert (batch.first_seq, batch.last_seq, batch.session) == (next_seq, next_seq + size - 1, 3)
        told_lines += decoded(batch.lines)
        gathering.stored()
        next_seq += size

    assert len(told_lines) == sum(sizes)


def test_a_batch_is_closed_when_it_is_large_even_if_nobody_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "BATCH_BYTES_MAX", 10_000)
    gathering = Gathering(last_seq=0, last_session=0)
    for number in range(500):
        gathering.add(trade(number), NOTHING)

    batches = gathering.close_batch()

    assert len(batches) > 3
    assert [event for batch in batches for event, _ in decoded(batch.lines)] == [trade(n) for n in range(500)]


def test_what_waits_for_a_database_that_fails_is_bounded_and_what_is_lost_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal, "WAITING_BYTES_MAX", 2_000)
    gathering = Gathering(last_seq=0, last_session=0)
    for number in range(300):
        gathering.add(trade(number), NOTHING)
        gathering.close_batch()

    batches = gathering.close_batch()

    assert sum(len(batch.lines) for batch in batches) <= 2_000
    assert gathering.lost_lines + sum(batch.last_seq - batch.first_seq + 1 for batch in batches) == 300
    assert batches[-1].last_seq == 300


def test_text_that_is_not_unicode_is_written_with_question_marks(open_ledger: Opener) -> None:
    refused = events.OrderRejected(at_ms=T0, cloid="0xabc", reason="bad \ud800 words")
    ledger = open_ledger()
    ledger.record(started(), NOTHING)
    ledger.record(refused, NOTHING)

    assert cleaned(refused, NOTHING)[0] == events.OrderRejected(at_ms=T0, cloid="0xabc", reason="bad ? words")
    assert [event for event, _ in ledger.journal()][1] == cleaned(refused, NOTHING)[0]


def test_a_session_begins_with_its_start_and_ends_before_the_next(open_ledger: Opener) -> None:
    for run in range(3):
        ledger = open_ledger()
        ledger.record(started(T0 + run), NOTHING)
        for number in range(run):
            ledger.record(trade(number), NOTHING)
        ledger.close()

    ledger = open_ledger()

    assert [found.lines for found in ledger.sessions()] == [1, 2, 3]
    assert [event.at_ms for event, _ in ledger.journal(1)] == [T0]
    assert [event for event, _ in ledger.journal()] == [started(T0 + 2), trade(0), trade(1)]


def test_a_second_start_in_one_process_is_a_session_of_its_own(open_ledger: Opener) -> None:
    ledger = open_ledger()
    for fact in (started(T0), trade(1), started(T0 + 5), trade(2)):
        ledger.record(fact, NOTHING)

    assert [event for event, _ in ledger.journal(1)] == [started(T0), trade(1)]
    assert [event for event, _ in ledger.journal(2)] == [started(T0 + 5), trade(2)]


def test_a_session_that_was_never_held_is_refused(open_ledger: Opener) -> None:
    with pytest.raises(StorageError, match="session 7 is not held"):
        list(open_ledger().journal(7))


def test_a_journal_with_a_gap_is_not_told(open_ledger: Opener) -> None:
    ledger = open_ledger()
    for fact in (started(), trade(1), trade(2), trade(3)):
        ledger.record(fact, NOTHING)
        ledger.flush()
    with ledger._opened.transaction() as execute:
        execute("DELETE FROM journal WHERE first_seq = 3", {})

    with pytest.raises(StorageError, match="lacks the lines 3 to 3"):
        list(ledger.journal())


def test_a_damaged_line_is_said_to_be_damaged(open_ledger: Opener) -> None:
    ledger = open_ledger()
    ledger.record(started(), NOTHING)
    ledger.flush()
    with ledger._opened.transaction() as execute:
        execute("UPDATE journal SET lines = x'00112233'", {})

    with pytest.raises(StorageError, match="damaged or of another version"):
        list(ledger.journal())


def test_the_oldest_batches_are_dropped_when_the_journal_is_full(
    open_ledger: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "JOURNAL_BYTES_MAX", 20_000)
    ledger = open_ledger()
    ledger.record(started(), NOTHING)
    for number in range(400):
        ledger.record(trade(number), NOTHING)
        ledger.flush()

    stored = ledger._opened.rows("SELECT SUM(bytes), MIN(first_seq), MAX(last_seq) FROM journal", {})[0]

    one_round = ledger_module.COMMITS_PER_CHECKPOINT * 400
    assert 10_000 < stored[0] < 20_000 + one_round
    assert stored[1] > 1
    assert stored[2] == 401
    with pytest.raises(StorageError, match="beginning of session 1 is no longer held"):
        list(ledger.journal())


def test_a_full_journal_is_still_known_to_be_full_after_a_restart(
    open_ledger: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "JOURNAL_BYTES_MAX", 20_000)
    number = 0
    for _ in range(5):
        ledger = open_ledger()
        ledger.record(started(), NOTHING)
        for _ in range(100):
            number += 1
            ledger.record(trade(number), NOTHING)
            ledger.flush()
        ledger.close()

    total = open_ledger()._opened.rows("SELECT SUM(bytes) FROM journal", {})[0][0]
    assert total < 20_000 + ledger_module.COMMITS_PER_CHECKPOINT * 400
