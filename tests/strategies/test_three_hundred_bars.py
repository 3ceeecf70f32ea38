"""With 299 bars the strategies that ask for 300 do not trade and the log says why; with 300 they may."""

from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.discovery import read_source
from tidegate.model.intents import Evaluate
from tidegate.model.market import Candle
from tidegate.strategist.evaluator import evaluator_of

MINUTE_MS = 60_000
FOLDER = Path(__file__).resolve().parents[2] / "strategies"


def candles(count: int) -> tuple[Candle, ...]:
    prices = [Decimal(1000 + row) for row in range(count)]
    return tuple(
        Candle(
            open_ms=row * MINUTE_MS,
            close_ms=(row + 1) * MINUTE_MS - 1,
            open=price,
            high=price + 1,
            low=price - 1,
            close=price,
            volume=Decimal(1),
        )
        for row, price in enumerate(prices)
    )


@pytest.mark.parametrize("name", ["confluence", "uptrend"])
def test_the_gate_of_three_hundred_bars(name):
    asked, ready = evaluator_of(read_source(FOLDER, name), {}, 500)
    assert ready.warm_up_bars == 300
    short = asked.evaluate(Evaluate(coin="BTC", candles=candles(299), reset=True))
    assert (short.bars, short.signal) == (299, None)
    enough = asked.evaluate(Evaluate(coin="BTC", candles=candles(300), reset=True))
    assert enough.bars == 300
    assert enough.signal is not None
    assert enough.signal.reason
