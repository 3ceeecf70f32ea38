"""Row 000-25: what handles the frames of one coin raises: the error is counted, that coin is suspended, no other is."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.checklist.pair import D, Pair, coins_of
from tidegate.hyperliquid.frames import Print
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.model.events import BookChanged, Event, StreamDown, StreamFrozen, Trade

VICTIM = "C0007"
ROUNDS = 25
"""More bad frames than a coin may have within a minute."""


def break_handler(line: StreamProtocol, error: Exception) -> None:
    """Whatever reads the prints of one coin raises from now on."""
    read = line._market.trades

    def trades(rows: Sequence[Print], at_ms: int, received_ns: int) -> list[Event]:
        if rows[0].coin == VICTIM:
            raise error
        return read(rows, at_ms, received_ns)

    line._market.trades = trades  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "error",
    [KeyError("px"), ZeroDivisionError(), AssertionError("impossible"), RuntimeError("it"), TypeError("none")],
    ids=lambda error: type(error).__name__,
)
def test_of_fifty_coins_the_handler_of_one_raises_and_every_print_of_the_others_arrives(error: Exception) -> None:
    pair = Pair(coins_of(50), account=False)
    pair.pass_s(2)
    for line in pair.fleet.lines:
        break_handler(line, error)
    pair.told()
    coins = pair.coins.values()
    for _round in range(ROUNDS):
        pair.do(lambda exchange: [exchange.trade(each.name, "B", each.mid + each.tick, D(1)) for each in coins])
    heard = dict.fromkeys(pair.coins, 0)
    events: list[Any] = pair.told(Trade, BookChanged, StreamFrozen, StreamDown)
    for event in events:
        if isinstance(event, Trade):
            heard[event.coin] += event.count
    assert heard == {name: 0 if name == VICTIM else ROUNDS for name in pair.coins}
    assert [event.coin for event in events if isinstance(event, StreamFrozen)] == [VICTIM]
    assert not [event for event in events if isinstance(event, StreamDown)]
    assert not pair.drops
    assert 0 < pair.protocol.dropped[f"frame: {type(error).__name__}"] <= ROUNDS, "each one, until it is suspended"
