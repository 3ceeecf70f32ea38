"""Row 002-22 on localnet: an entry whose stop is refused, and refused again, is flat within a second, with an alert."""

from typing import Any

import pytest

from tests.research.runs import D, holding
from tidegate.localnet.arguments import MarketChoice
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.refusals import Refusal
from tidegate.model.brackets import ExitReason
from tidegate.model.intents import Alert
from tidegate.model.market import MINUTE_MS
from tidegate.research.simulation import Simulation, simulate

FLAT_WITHIN_MS = 1_000
TICK = Refusal("rejected", "Price must be divisible by tick size.")


class Refusing:
    """An exchange that takes no stop at all."""

    def __init__(self, exchange: Exchange, user: str) -> None:
        exchange.perform(lambda venue: setattr(venue.restrictions, "stops_refused", TICK))

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("entry", ["market", "maker"])
def test_a_position_that_can_have_no_stop_is_flat_within_a_second_of_its_first_fill(side: str, entry: str) -> None:
    plan = holding(side, cooldown_minutes=D(600), entry=entry, take_profit_pct=D(0))
    run = simulate(plan, MarketChoice(scenario="random"), duration_ms=4 * MINUTE_MS, watch=Refusing)
    assert run.closed, "nothing was entered"
    rows = run.exchange.fills(run.account)[::-1]
    opened = next(row["time"] for row in rows if row["dir"].startswith("Open"))
    flat = max(row["time"] for row in rows if row["dir"].startswith("Close"))
    assert flat - opened <= FLAT_WITHIN_MS
    assert {closed.reason for closed in run.closed} == {ExitReason.EMERGENCY}
    assert [text for text in alerts(run) if "refuses a stop twice" in text]


def alerts(run: Simulation) -> list[str]:
    return [wish.text for _, decision in run.journal for wish in decision.intents if isinstance(wish, Alert)]
