"""The funding rate goes from the stream to the strategist with the candles, and a strategy decides by it."""

from tests.research.runs import D, settings
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.intents import Evaluate
from tidegate.model.market import Timeframe
from tidegate.research.simulation import simulate

MINUTE_MS = 60_000


def test_a_strategy_is_told_the_funding_rate_that_the_stream_told():
    plan = settings(
        strategy="funding_carry",
        strategy_params={"bars": "2"},
        timeframe=Timeframe.M1,
        check_interval_s=D(60),
        coins=("BTC",),
    )
    ran = simulate(plan, MarketChoice(scenario="random"), duration_ms=5 * MINUTE_MS)
    asked = [wish for _, decision in ran.journal for wish in decision.intents if isinstance(wish, Evaluate)]
    assert [wish.funding for wish in asked][-3:] == [D("0.0000125")] * 3
    assert any("BTC hold: funding +0.125 bp an hour" in note.text for _, note in ran.notes)
