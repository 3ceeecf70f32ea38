"""The line that ends a day."""

from collections.abc import Iterable

from msgspec.structs import replace

from tests.core.worlds import T0, D, World, started
from tests.test_listening import GAUGES
from tidegate.daily import DAY_MS, Daily
from tidegate.model.brackets import ExitReason
from tidegate.model.intents import Note
from tidegate.model.records import ClosedPosition

HOUR_MS = 3_600_000


def closed(at_ms: int, pnl: str, fees: str) -> ClosedPosition:
    return ClosedPosition(
        coin="BTC",
        signal_id="BTC:5m:1",
        size=D(1),
        entry_price=D(100),
        exit_price=D(101),
        opened_ms=at_ms - 1,
        closed_ms=at_ms,
        pnl=D(pnl),
        fees=D(fees),
        reason=ExitReason.STOP,
    )


class Day:
    """A bot that is looked at every hour."""

    def __init__(self, *finished: ClosedPosition) -> None:
        self.world: World = started()
        self.told: list[Note] = []
        self._finished = finished
        self._daily = Daily(self.since, self.told.append)

    def since(self, time_ms: int) -> Iterable[ClosedPosition]:
        return [each for each in self._finished if each.closed_ms >= time_ms]

    def look(self, hours: float, *, up: bool = True, reconnects: int = 0) -> None:
        state = self.world.state
        state.now_ms, state.stream_up = int(T0 + hours * HOUR_MS), up
        self._daily(state, replace(GAUGES, reconnects=reconnects))


def test_a_day_ends_with_one_line_of_what_was_traded_and_how_long_the_stream_was_there() -> None:
    day = Day(
        closed(T0 - 1, "99", "9"),
        closed(T0 + HOUR_MS, "20", "1"),
        closed(T0 + 2 * HOUR_MS, "-5.5", "0.5"),
        closed(T0 + DAY_MS, "77", "7"),
    )
    for hour in range(24):
        day.look(hour, up=hour not in (5, 6), reconnects=2 if hour < 5 else 5)
    assert day.told == []
    day.look(24.001, reconnects=5)
    (line,) = day.told
    assert line.text == (
        "day 2026-01-01: 2 positions closed, realised +13.00 USD after 1.50 of fees and 0.00 of slippage, "
        "equity 10,000.00 USD; up 24.0 h, stream 91.67 % of it, 3 reconnects"
    )


def test_each_day_is_counted_anew_and_told_once() -> None:
    day = Day()
    for hour in range(3 * 24 + 1):
        day.look(hour, reconnects=hour // 24)
    assert [line.text.split(":")[0] for line in day.told] == [f"day 2026-01-0{number}" for number in (1, 2, 3)]
    assert all("up 24.0 h, stream 100.00 % of it, 1 reconnects" in line.text for line in day.told)


def test_a_bot_that_starts_at_night_tells_of_the_hours_that_it_was_there() -> None:
    day = Day()
    day.look(22)
    day.look(24)
    assert "up 2.0 h" in day.told[0].text
