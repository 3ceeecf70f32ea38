"""The order book's imbalance goes from the stream to the strategist with the candles, and a strategy decides by it."""

from tests.research.runs import D, settings
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.intents import Evaluate
from tidegate.model.market import Timeframe
from tidegate.research.simulation import simulate

MINUTE_MS = 60_000


def test_a_strategy_is_told_the_imbalance_of_the_book_that_the_stream_told():
    plan = settings(
        strategy="confluence",
        strategy_params={"min_bars": "1"},
        timeframe=Timeframe.M1,
        check_interval_s=D(60),
        coins=("BTC",),
    )
    ran = simulate(plan, MarketChoice(scenario="random"), duration_ms=5 * MINUTE_MS)
    asked = [wish for _, decision in ran.journal for wish in decision.intents if isinstance(wish, Evaluate)]
    told = [wish.imbalance for wish in asked][-3:]
    assert all(each is not None and -1 <= each <= 1 for each in told)
    assert any("book +" in note.text or "book -" in note.text for _, note in ran.notes)
