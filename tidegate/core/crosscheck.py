"""What the stream says, held against REST: prices once a minute, positions every half minute.

A price by stream that is far from the one by REST, and still is ten seconds later, is not believed: the coin counts as
one that is not streamed, until the two agree again. A position that differs has the whole account read, whose view
counts. One line for each that is found. Candles are compared where they are merged (`bars`).
"""

from decimal import Decimal

from tidegate.core import exits, money, schedule, upkeep
from tidegate.core.state import CoinState, State
from tidegate.model.events import Mid, PositionsSeen, PricesSeen
from tidegate.model.intents import Alert, Decision, Level, Note

TOLERANCE = Decimal("0.01")
LASTS_MS = 10_000
FILL_AGE_MS = 2_000
BOOK_AGE_MS = 10_000


def on_prices(state: State, event: PricesSeen) -> Decision:
    """The mids by REST: which coins' streams say something else?"""
    decision = Decision()
    for name, mid in event.mids.items():
        coin = state.coins.get(name)
        if coin is None or (name in state.frozen and name not in state.upkeep.diverged):
            continue
        price = _by_stream(state, coin)
        if price is not None and abs(price - mid) <= mid * TOLERANCE:
            decision += _agrees(state, coin)
        else:
            decision += _differs(state, coin, price, Mid(at_ms=event.at_ms, coin=name, price=mid))
    return decision


def _by_stream(state: State, coin: CoinState) -> Decimal | None:
    """The price by stream; of a coin that is not believed only its book counts, which nothing else tells of."""
    if coin.coin not in state.upkeep.diverged:
        return coin.reference_price()
    fresh = state.now_ms - coin.book_ms <= state.wait_ms(BOOK_AGE_MS)
    return (coin.bid + coin.ask) / 2 if fresh and coin.bid is not None and coin.ask is not None else None


def _agrees(state: State, coin: CoinState) -> Decision:
    state.upkeep.doubts.pop(coin.coin, None)
    if coin.coin not in state.upkeep.diverged:
        return Decision()
    state.upkeep.diverged -= {coin.coin}
    state.frozen -= {coin.coin}
    text = f"{coin.coin}: the price by stream agrees with REST again: back to streaming"
    return Decision(notes=(Note(topic="stream", text=text),))


def _differs(state: State, coin: CoinState, price: Decimal | None, mid: Mid) -> Decision:
    if price is None or coin.coin in state.upkeep.diverged:
        return Decision()
    since_ms = state.upkeep.doubts.setdefault(coin.coin, state.now_ms)
    if state.now_ms - since_ms < state.wait_ms(LASTS_MS):
        again_ms = since_ms + state.wait_ms(LASTS_MS)
        state.upkeep.due_ms["prices"] = min(state.upkeep.due_ms.get("prices", again_ms), again_ms)
        return Decision()
    state.upkeep.diverged |= {coin.coin}
    state.frozen |= {coin.coin}
    state.next_prices_ms = state.now_ms
    far = abs(price - mid.price) / mid.price * 100
    text = f"{coin.coin}: {price} by stream, {mid.price} by REST ({far:.1f} % apart for 10 s): REST counts, no entries"
    told = Decision(notes=(Note(topic="stream", text=text, level="WARNING"),), intents=(Alert(text=text),))
    return told + exits.on_mid(state, mid)


def on_positions(state: State, event: PositionsSeen) -> Decision:
    """Positions and money by REST: does the exchange show what we know?"""
    account = event.account
    if event.weight_used:
        state.weight_used = event.weight_used
    differ = _differing(state, event)
    if differ:
        text = f"{'; '.join(differ)}: reading the account"
        level: Level = "WARNING" if state.tells_again("positions", ",".join(differ)) else "DEBUG"
        note = Note(topic="account", text=text, level=level)
        return Decision(intents=(schedule.fetch_account(state, "positions differ"),), notes=(note,))
    if account.flows_known:
        upkeep.flows_are_known(state)
    state.equity, state.free = account.equity, account.free
    return money.money_seen(state, account)


def _differing(state: State, event: PositionsSeen) -> list[str]:
    """Coins whose size is another one than ours, but for what may still be on its way."""
    account = event.account
    if account.time_ms - state.last_fill_ms < state.wait_ms(FILL_AGE_MS):
        return []
    theirs = {position.coin: position.size for position in account.positions}
    return [
        f"{coin.coin}: the exchange shows {theirs.get(coin.coin, Decimal(0))}, the bot knows {coin.position.size}"
        for coin in state.coins.values()
        if theirs.get(coin.coin, Decimal(0)) != coin.position.size
    ]
