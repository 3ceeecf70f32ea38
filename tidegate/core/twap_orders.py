"""A TWAP entry on the books: how it gets there, how it is taken back, how its slices are counted.

What happens to it is `twaps`. Here is what exits, fills and entries need of it: a touched stop asks for its end in the
same breath as for the exit, for a slice must not open again what an exit has closed.
"""

from decimal import Decimal

from msgspec.structs import replace

from tidegate.core.state import EXPIRES_AFTER_MS, CoinState, State
from tidegate.model.intents import NOTHING, CancelTwap, Decision, Grouping, Note, PlaceOrders, Urgency
from tidegate.model.orders import OrderRequest, Role, Twap, new_cloid
from tidegate.model.positions import Fill, Side
from tidegate.model.twaps import Twapping, TwapState

LOOK_EVERY_MS = 1_000
CANCEL_AGAIN_MS = 2_000
KNOWN_MAX = 200
"""Of how many TWAPs of ours it is remembered that they were ours: a fill may be told late."""


def begin(
    state: State, coin: CoinState, *, direction: int, size: Decimal, limit: Decimal, signal_id: str, reason: str
) -> Twapping:
    """A TWAP entry that is about to be sent; `limit` is the price beyond which it is taken back."""
    cloid = new_cloid(state.tag, signal_id, Role.ENTRY, 1)
    request = OrderRequest(
        coin=coin.coin,
        asset=coin.instrument.asset,
        cloid=cloid,
        side=Side.opening(direction),
        size=size,
        kind=Twap(worst_price=limit, minutes=state.settings.twap_minutes),
        role=Role.ENTRY,
    )
    state.coin_of[cloid] = coin.coin
    state.roles[cloid] = Role.ENTRY
    return Twapping(
        request=request,
        signal_id=signal_id,
        reason=reason,
        sent_ms=state.now_ms,
        expires_ms=state.now_ms + state.wait_ms(EXPIRES_AFTER_MS),
        look_ms=state.now_ms + state.wait_ms(LOOK_EVERY_MS),
    )


def wish_of(twap: Twapping) -> PlaceOrders:
    """The wish to send it."""
    return PlaceOrders(
        coin=twap.request.coin,
        orders=(twap.request,),
        grouping=Grouping.NONE,
        expires_ms=twap.expires_ms,
        signal_id=twap.signal_id,
        reason=twap.reason,
        urgency=Urgency.ENTRY,
    )


def take_back(state: State, coin: CoinState, why: str, *, closes: bool = False) -> Decision:
    """Ask for the end of a coin's TWAP, if there is one; `closes`: what still comes of it is not kept.

    The wish is repeated by `twaps.look` until the exchange has confirmed it.
    """
    twap = coin.twap
    if twap is None:
        return NOTHING
    if twap.ending:
        state.change(coin.coin, twap=replace(twap, closes=twap.closes or closes))
        return NOTHING
    look_ms = state.now_ms + state.wait_ms(CANCEL_AGAIN_MS)
    twap = replace(twap, ending=why, ending_ms=state.now_ms, closes=closes, look_ms=look_ms)
    state.change(coin.coin, twap=twap)
    text = f"{coin.coin} entry by TWAP is taken back: {why}"
    return cancel(state, coin, twap) + Decision(notes=(Note(topic="order", text=text),))


def cancel(state: State, coin: CoinState, twap: Twapping) -> Decision:
    """The wish to end it; nothing while its number is not known, and once it is over."""
    if twap.twap_id is None or twap.state is not TwapState.RUNNING:
        return NOTHING
    wish = CancelTwap(
        coin=coin.coin,
        asset=coin.instrument.asset,
        twap_id=twap.twap_id,
        cloid=twap.request.cloid,
        expires_ms=state.now_ms + state.wait_ms(EXPIRES_AFTER_MS),
        reason=twap.ending,
    )
    return Decision(intents=(wish,))


def is_slice(state: State, coin: CoinState, fill: Fill) -> bool:
    """Whether a fill is a slice of a TWAP of ours."""
    if fill.twap_id is None:
        return False
    twap = coin.twap
    waits = twap is not None and twap.twap_id is None and fill.time_ms >= twap.sent_ms
    return fill.twap_id in state.twap_ids or (waits and twap is not None and fill.side is twap.request.side)


def count(state: State, coin: CoinState, fill: Fill) -> None:
    """One more slice is known."""
    twap = coin.twap
    if twap is not None and is_slice(state, coin, fill) and twap.twap_id in (None, fill.twap_id):
        state.change(coin.coin, twap=replace(twap, filled=twap.filled + fill.size))


def learned(state: State, twap_id: int) -> None:
    """This TWAP is ours."""
    state.twap_ids[twap_id] = None
    while len(state.twap_ids) > KNOWN_MAX:
        del state.twap_ids[next(iter(state.twap_ids))]


def to_come_usd(coin: CoinState) -> Decimal:
    """The notional that a TWAP under way may still add, at its worst price."""
    twap = coin.twap
    if twap is None or twap.state is TwapState.OVER:
        return Decimal(0)
    return max(twap.request.size - twap.filled, Decimal(0)) * twap.request.price
