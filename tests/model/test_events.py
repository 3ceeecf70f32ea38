"""Facts, wishes and records survive the journal: what is written is what is read."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.model.brackets import Bracket
from tidegate.model.events import Event, Trade
from tidegate.model.intents import Decision, Intent
from tidegate.model.positions import Position
from tidegate.model.records import Remembered

D = Decimal


@pytest.mark.parametrize("union", [Event, Intent])
def test_the_journal_can_tell_all_kinds_apart(union: object) -> None:
    msgspec.json.Decoder(union)
    msgspec.msgpack.Decoder(union)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(0, 2**53), st.text())
def test_a_print_is_read_as_it_was_written(price: Decimal, time_ms: int, coin: str) -> None:
    trade: Event = Trade(at_ms=time_ms, coin=coin, price=price, low=price, high=price, time_ms=time_ms)
    assert msgspec.json.decode(msgspec.json.encode(trade), type=Event) == trade


def test_a_record_of_an_older_version_can_be_read() -> None:
    record = msgspec.json.decode(b'{"coin":"BTC","acted_open_ms":5,"generation":2}', type=Remembered)
    assert record == Remembered(coin="BTC", acted_open_ms=5, generation=2)


def test_a_record_is_read_as_it_was_written() -> None:
    record = Remembered(
        coin="BTC",
        signal_id="s",
        acted_open_ms=1,
        generation=2,
        exit_attempts=3,
        protect_attempts=4,
        position=Position(coin="BTC", size=D("-0.5"), entry_price=D("100.10")),
        bracket=Bracket(direction=-1, stop=D("103.3"), trailed=True),
        stop_cloid="0x1",
    )
    assert msgspec.json.decode(msgspec.json.encode(record), type=Remembered) == record


def test_an_empty_decision_is_written_shortly() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Decision()), type=Decision) == Decision()
