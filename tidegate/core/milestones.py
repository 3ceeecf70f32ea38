"""The story of a start, told once and in order: initialised, listening, every coin has data, warm-up finished."""

from tidegate.core.state import State
from tidegate.model.intents import NOTHING, Decision, Note


def reached(state: State) -> Decision:
    """The next milestones of the start, if they have been reached; asked until the last one is."""
    decision = NOTHING
    if (
        not state.has_data
        and (state.stream_up or not state.settings.streams_prices)
        and all(coin.candles.rows and coin.heard_ms() for coin in state.coins.values())
    ):
        state.has_data = True
        where = " by stream" if state.settings.streams_prices else ""
        text = f"{_all(state)} data: closed candles, and a price{where}"
        decision += Decision(notes=(Note(topic="bot", text=text),))
    if state.has_data and not state.is_warm and state.warm_coins >= state.coins.keys():
        state.is_warm = True
        text = f"warm-up finished: {_all(state)} enough bars for {state.settings.strategy}"
        decision += Decision(notes=(Note(topic="bot", text=text),))
    return decision


def _all(state: State) -> str:
    return f"all {len(state.coins)} instruments have" if len(state.coins) > 1 else "the only instrument has"
