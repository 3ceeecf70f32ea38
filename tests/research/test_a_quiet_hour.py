"""An hour in which all is well takes few lines of the log, however often the strategy speaks."""

from collections import Counter
from decimal import Decimal

import pytest

from tidegate.localnet.arguments import MarketChoice
from tidegate.model.events import BookChanged, Marked, Trade
from tidegate.model.market import Timeframe
from tidegate.model.settings import Settings
from tidegate.research.simulation import Simulation, simulate

HOUR_MS = 3_600_000
LINES_MAX = 60
AGGREGATES = 12
"""One line every five minutes, which the loop's shell says, not the core."""
OF_A_TRADE = ("order", "fill", "exit", "recap")


@pytest.fixture(scope="module")
def hour() -> Simulation:
    """An hour of a strategy that speaks of three coins every minute."""
    settings = Settings(timeframe=Timeframe.M1, check_interval_s=Decimal(60))
    return simulate(settings, MarketChoice(scenario="random", seed=3), duration_ms=HOUR_MS)


def test_a_healthy_hour_has_at_most_sixty_lines(hour: Simulation) -> None:
    lines = Counter(note.level for _at, note in hour.notes if note.topic not in OF_A_TRADE)
    assert lines["INFO"] + AGGREGATES <= LINES_MAX
    assert lines["WARNING"] == lines["ERROR"] == 0
    assert lines["DEBUG"] > 3 * 60 / 2, "what is said again is there for whoever asks for it"


def test_no_frame_has_a_line_of_its_own(hour: Simulation) -> None:
    prices = [
        (event, decision)
        for event, decision in hour.journal
        if isinstance(event, (Trade, BookChanged, Marked)) and not decision.intents
    ]
    assert len(prices) > 5_000
    assert sum(len(decision.notes) for _event, decision in prices) <= 5
