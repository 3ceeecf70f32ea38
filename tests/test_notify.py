"""What the operator is told of a protective exit: lines of every kind, each short enough to read."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidegate import logs
from tidegate.model.brackets import ExitReason
from tidegate.model.intents import Alert, Recap
from tidegate.model.records import ClosedPosition, Slippage
from tidegate.notify import LogTeller, clock_time, recap_lines

D = Decimal
T0 = 1_767_225_600_000
"""2026-01-01 00:00 UTC."""
LINE_MAX = 200


def closed(**changes: Any) -> ClosedPosition:
    fields: dict[str, Any] = {
        "coin": "BTC",
        "size": D("0.02"),
        "entry_price": D(84_000),
        "exit_price": D("81480.5"),
        "opened_ms": T0 - 600_000,
        "closed_ms": T0 + 400,
        "reason": ExitReason.STOP,
        "signal_id": "1",
        "pnl": D("-50.39"),
        "fees": D("1.49"),
    }
    return ClosedPosition(**{**fields, **changes})


OWN = Recap(
    closed=closed(),
    level=D("81480"),
    touch_price=D("81479"),
    touched_ms=T0 + 123,
    filled_ms=T0 + 400,
    by_resting=False,
    touch_to_sent_ms=0.5234,
    sent_to_filled_ms=180,
    last_poll_ms=T0 - 100_000,
    next_poll_ms=T0 + 200_000,
)


def test_an_exit_of_our_own_is_told_from_touch_to_fill() -> None:
    assert recap_lines(OWN) == [
        "---- BTC long 0.02 left by stop loss ----",
        "touched   00:00:00.123  the price fell to 81479, the level was 81480",
        "sent      a signed reduce-only order was on the wire 0.52 ms after the frame arrived",
        "filled    00:00:00.400  at 81480.5 on average, known here 180 ms after the order was sent",
        "polls     between two polls: 100.1 s after the last, 199.9 s before the next",
        "result    entry 84000, profit -51.88 USD after 1.49 USD of fees",
    ]


def test_a_resting_stop_that_was_faster_needed_nothing_of_ours() -> None:
    lines = recap_lines(replace(OWN, by_resting=True, touch_price=None, touch_to_sent_ms=None, sent_to_filled_ms=None))
    assert lines[1] == "touched   00:00:00.123  the mark price reached 81480 on the exchange"
    assert lines[2] == "sent      nothing: the stop resting on the exchange had done it already"
    assert lines[3] == "filled    00:00:00.400  at 81480.5 on average, by the order resting on the exchange"


def test_a_resting_stop_that_came_before_our_order_is_told_with_both() -> None:
    lines = recap_lines(replace(OWN, by_resting=True))
    assert "0.52 ms after the frame arrived" in lines[2]
    assert lines[3].endswith("by the order resting on the exchange")


def test_a_take_profit_of_a_long_rose_to_its_level() -> None:
    won = closed(reason=ExitReason.TAKE_PROFIT, exit_price=D(89_040), pnl=D("100.8"))
    lines = recap_lines(replace(OWN, closed=won, level=D(89_040), touch_price=D(89_041)))
    assert lines[0] == "---- BTC long 0.02 left by take profit ----"
    assert lines[1].endswith("the price rose to 89041, the level was 89040")
    assert lines[-1] == "result    entry 84000, profit +99.31 USD after 1.49 USD of fees"


def test_a_take_profit_that_rested_is_named_so() -> None:
    won = closed(reason=ExitReason.TAKE_PROFIT)
    lines = recap_lines(replace(OWN, closed=won, by_resting=True, touch_price=None, touch_to_sent_ms=None))
    assert lines[2] == "sent      nothing: the take-profit resting on the exchange had done it already"


@pytest.mark.parametrize(
    ("size", "reason", "how"),
    [
        ("1", ExitReason.STOP, "fell"),
        ("1", ExitReason.TRAIL, "fell"),
        ("1", ExitReason.TAKE_PROFIT, "rose"),
        ("-1", ExitReason.STOP, "rose"),
        ("-1", ExitReason.TRAIL, "rose"),
        ("-1", ExitReason.TAKE_PROFIT, "fell"),
    ],
)
def test_which_way_the_price_went_follows_from_side_and_reason(size: str, reason: ExitReason, how: str) -> None:
    lines = recap_lines(replace(OWN, closed=closed(size=D(size), reason=reason)))
    assert f"the price {how} to" in lines[1]
    assert lines[0].startswith(f"---- BTC {'long' if size == '1' else 'short'} 1 left by")


def test_a_repeated_exit_or_one_polled_by_rest_has_no_frame_to_time_from() -> None:
    lines = recap_lines(replace(OWN, touch_to_sent_ms=None))
    assert lines[2].startswith("sent      a signed reduce-only order (a repeated try, or a touch that REST told")
    assert lines[3].endswith("known here 180 ms after the order was sent")


def test_a_fill_whose_sending_is_not_known_is_told_without_a_duration() -> None:
    lines = recap_lines(replace(OWN, sent_to_filled_ms=None))
    assert lines[3] == "filled    00:00:00.400  at 81480.5 on average"


def test_a_trailing_stop_is_called_so() -> None:
    assert recap_lines(replace(OWN, closed=closed(reason=ExitReason.TRAIL)))[0].endswith("left by trailing stop ----")


def test_on_a_fast_exchange_durations_are_of_our_own_time() -> None:
    assert "known here 18 ms after" in recap_lines(OWN, speed=10.0)[3]


prices = st.decimals("0.000001", "9999999", places=6)


@given(
    reason=st.sampled_from([each for each in ExitReason if each.protective]),
    size=st.decimals("0.00001", "99999999", places=5),
    short=st.booleans(),
    price=prices,
    touch=st.none() | prices,
    by_resting=st.booleans(),
    took_ms=st.none() | st.floats(0, 1e6),
    known_ms=st.none() | st.integers(0, 10**7),
)
def test_no_line_is_longer_than_two_hundred_characters(
    reason: ExitReason,
    size: Decimal,
    short: bool,
    price: Decimal,
    touch: Decimal | None,
    by_resting: bool,
    took_ms: float | None,
    known_ms: int | None,
) -> None:
    position = closed(
        coin="kPEPELONGNAME",
        reason=reason,
        size=-size if short else size,
        entry_price=price,
        exit_price=price / 3,
        pnl=-size * price,
        fees=size * price / 3,
    )
    wish = replace(
        OWN,
        closed=position,
        level=price,
        touch_price=touch,
        by_resting=by_resting,
        touch_to_sent_ms=took_ms,
        sent_to_filled_ms=known_ms,
    )
    lines = recap_lines(wish)
    assert len(lines) == 6
    assert max(map(len, lines)) <= LINE_MAX, lines


def test_a_moment_is_shown_to_the_millisecond_in_utc() -> None:
    assert clock_time(T0 + 3_600_000 + 61_007) == "01:01:01.007"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    logs.setup("DEBUG", tmp_path, console=False)
    yield tmp_path
    logs.close()


def lines_of(folder: Path) -> list[dict[str, Any]]:
    assert logs.flush()
    return [json.loads(line) for line in (folder / "bot.jsonl").read_text(encoding="utf-8").splitlines()]


def test_an_alert_is_one_loud_line(folder: Path) -> None:
    LogTeller().alert(Alert(text="BTC: the stop is gone"))
    (line,) = lines_of(folder)
    assert (line["level"], line["topic"], line["text"]) == ("WARNING", "risk", "ALERT BTC: the stop is gone")


def test_a_recap_is_written_line_by_line(folder: Path) -> None:
    LogTeller(speed=10.0).recap(OWN)
    told = lines_of(folder)
    assert [line["text"] for line in told] == recap_lines(OWN, 10.0)
    assert {line["topic"] for line in told} == {"recap"}


def test_a_recap_tells_what_the_fills_slipped_where_that_is_known() -> None:
    entry, exit_ = Slippage(usd=D("1.5"), notional=D(3000)), Slippage(usd=D("-0.3"), notional=D(3000))
    lines = recap_lines(replace(OWN, entry_slippage=entry, exit_slippage=exit_))
    assert lines[-1] == (
        "slippage  entry +1.50 USD (+0.050 %), exit -0.30 USD (-0.010 %), counted from the prices decided on"
    )
    assert recap_lines(replace(OWN, exit_slippage=exit_))[-1].startswith("slippage  exit -0.30 USD")
