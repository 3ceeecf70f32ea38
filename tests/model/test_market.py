"""Candles and time frames as values."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidegate.model.market import Candle, Timeframe

D = Decimal
SOUND = Candle(open_ms=0, close_ms=59_999, open=D(10), high=D(12), low=D(9), close=D(11), volume=D(5), trades=3)


@pytest.mark.parametrize(
    ("timeframe", "minutes"),
    [
        ("1m", 1),
        ("3m", 3),
        ("15m", 15),
        ("1h", 60),
        ("4h", 240),
        ("12h", 720),
        ("1d", 1440),
        ("3d", 4320),
        ("1w", 10080),
    ],
)
def test_a_timeframe_knows_its_length(timeframe: str, minutes: int) -> None:
    assert Timeframe(timeframe).ms == minutes * 60_000


def test_a_sound_candle_has_no_problem() -> None:
    assert SOUND.problem() is None
    assert replace(SOUND, volume=D(0), trades=0).problem() is None


@pytest.mark.parametrize(
    "changes",
    [
        {"open": D("NaN")},
        {"close": D("Infinity")},
        {"low": D(0)},
        {"low": D(-1)},
        {"high": D("10.5")},
        {"low": D("10.5")},
        {"volume": D(-1)},
        {"volume": D("NaN")},
        {"close_ms": 0},
    ],
)
def test_what_cannot_be_is_a_problem_that_is_named(changes: dict[str, Decimal]) -> None:
    assert replace(SOUND, **changes).problem()
