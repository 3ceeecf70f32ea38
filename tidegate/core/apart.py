"""The mark price held against what is traded: where they disagree for long, one of them is wrong.

The exchange fires resting stops by the mark, the bot its own by what STOP_PRICE_SOURCE says; both go on. Only entries
wait, for their stop would be placed by a price that nobody may get.
"""

from decimal import Decimal

from tidegate.core.state import CoinState, State
from tidegate.model.intents import NOTHING, Alert, Decision, Note

TOLERANCE = Decimal("0.01")
LASTS_MS = 10_000
LOOK_MS = 5_000
AGE_MAX_MS = 10_000
HUNDRED = 100


def look(state: State) -> Decision:
    """Every five seconds: which coins' mark and price are far from each other, and for how long?"""
    chores = state.upkeep
    if chores.next_ms is None or state.now_ms < chores.due_ms.get("apart", 0):
        return NOTHING
    chores.due_ms["apart"] = state.now_ms + state.wait_ms(LOOK_MS)
    decision = NOTHING
    for coin in tuple(state.coins.values()):
        far = distance(state, coin)
        if far is not None and far > TOLERANCE:
            decision += _far(state, coin, far)
        elif coin.coin in chores.apart:
            decision += _near(state, coin)
    chores.apart = {name: since_ms for name, since_ms in chores.apart.items() if name in state.coins}
    return decision


def distance(state: State, coin: CoinState) -> Decimal | None:
    """How far the mark is from the middle of the book or the last print, as a share; None where one is not fresh."""
    from_ms = state.now_ms - state.wait_ms(AGE_MAX_MS)
    if coin.mark is None or coin.mark_ms < from_ms or max(coin.book_ms, coin.last_ms) < from_ms:
        return None
    price = coin.reference_price()
    return abs(coin.mark - price) / price if price else None


def hindrance(state: State, coin: CoinState) -> str | None:
    """Why an entry has to wait, or None."""
    since_ms = state.upkeep.apart.get(coin.coin)
    if since_ms is None or state.now_ms - since_ms < state.wait_ms(LASTS_MS):
        return None
    return "the mark price is far from what is traded"


def _far(state: State, coin: CoinState, far: Decimal) -> Decision:
    since_ms = state.upkeep.apart.setdefault(coin.coin, state.now_ms)
    if state.now_ms - since_ms < state.wait_ms(LASTS_MS) or coin.coin in state.upkeep.apart_told:
        return NOTHING
    state.upkeep.apart_told |= {coin.coin}
    text = (
        f"{coin.coin}: the mark price {coin.mark} is {far * HUNDRED:.1f} % from what is traded, "
        f"{coin.reference_price()}, for {LASTS_MS // 1000} s: no entries until they agree"
    )
    return Decision(notes=(Note(topic="risk", text=text, level="WARNING"),), intents=(Alert(text=text),))


def _near(state: State, coin: CoinState) -> Decision:
    del state.upkeep.apart[coin.coin]
    if coin.coin not in state.upkeep.apart_told:
        return NOTHING
    state.upkeep.apart_told -= {coin.coin}
    text = f"{coin.coin}: the mark price and what is traded agree again"
    return Decision(notes=(Note(topic="risk", text=text),))
