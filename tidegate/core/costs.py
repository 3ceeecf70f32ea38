"""What trading costs: the exchange's fee rates, what a round trip is expected to cost, what the fills slipped.

Slippage is counted from the price that was decided on: the middle of the market for what takes at once, its own level
for an order that rests. Owns no rate: those are the exchange's, and without them nothing is expected.
"""

from decimal import Decimal

from tidegate.core.state import CoinState, State
from tidegate.model.events import FeesSeen
from tidegate.model.fees import RoundTrip
from tidegate.model.intents import NOTHING, Decision, FetchFees, Note
from tidegate.model.positions import Fill, Position
from tidegate.model.records import Slippage
from tidegate.model.settings import HUNDRED, EntryStyle

EVERY_MS = 86_400_000
FAILED_MS = 60_000
ZERO = Decimal(0)


def on_due(state: State) -> Decision:
    """The daily read: the exchange fixes the rates anew each day by the volume of the last fourteen."""
    if state.next_fees_ms is None or state.now_ms < state.next_fees_ms:
        return NOTHING
    state.next_fees_ms = state.now_ms + state.wait_ms(EVERY_MS)
    return Decision(intents=(FetchFees(),))


def failed(state: State, where: str) -> None:
    """The rates could not be read: again in a minute."""
    if where == "fees":
        state.next_fees_ms = state.now_ms + state.wait_ms(FAILED_MS)


def on_seen(state: State, event: FeesSeen) -> Decision:
    """The rates as they are now; said when they have changed."""
    before, state.fees = state.fees, event.fees
    if before == event.fees:
        return NOTHING
    text = f"fees: {event.fees.taker * HUNDRED:f} % as a taker, {event.fees.maker * HUNDRED:f} % as a maker"
    return Decision(notes=(Note(topic="account", text=text),))


def round_trip(state: State, coin: CoinState) -> RoundTrip | None:
    """What an entry by ENTRY and an exit at the market are expected to cost; None while no rates are known."""
    if state.fees is None:
        return None
    maker = state.settings.entry is EntryStyle.MAKER
    half = ZERO
    if coin.bid is not None and coin.ask is not None and coin.bid < coin.ask:
        half = (coin.ask - coin.bid) / (coin.ask + coin.bid)
    builder = state.settings.builder
    return RoundTrip(
        entry=(state.fees.maker if maker else state.fees.taker) + (builder.rate if builder is not None else ZERO),
        exit=state.fees.taker,
        spread=half if maker else 2 * half,
    )


def words(costs: RoundTrip | None, notional: Decimal) -> str:
    """An expected cost for the line of a decision."""
    if costs is None:
        return "cost unknown"
    return f"expected cost of the round trip {notional * costs.whole:.2f} USD ({costs.whole * HUNDRED:.3f} %)"


def closing(state: State) -> Decimal:
    """What closing every position of this bot at the market would cost in fees, in USD: that is as good as lost."""
    if state.fees is None:
        return ZERO
    total = ZERO
    for coin in state.coins.values():
        if coin.position.size and not coin.left_alone:
            total += abs(coin.position.size) * (coin.reference_price() or coin.position.entry_price)
    return total * state.fees.taker


def slipped(coin: CoinState) -> Decimal | None:
    """What the fills of the present position slipped up to now, in USD; None where nothing is known."""
    sides = [each.usd for each in (coin.entry_slippage, coin.exit_slippage) if each is not None]
    return sum(sides, ZERO) if sides else None


def count(state: State, fill: Fill, before: Position) -> Slippage | None:
    """Add what a fill slipped to the account of its position; None when it is not known from what to count.

    `before` is the position that it met. A position that begins begins with nothing.
    """
    coin = state.coins[fill.coin]
    opens = not before.size
    if opens:
        coin = state.change(fill.coin, entry_slippage=None, exit_slippage=None)
    decided = state.decided.get(fill.cloid or "")
    if decided is None:
        return None
    own = Slippage(usd=(fill.price - decided) * fill.side.sign * fill.size, notional=decided * fill.size)
    grows = opens or before.direction == fill.side.sign
    name = "entry_slippage" if grows else "exit_slippage"
    so_far = getattr(coin, name) or Slippage()
    whole = Slippage(usd=so_far.usd + own.usd, notional=so_far.notional + own.notional)
    state.change(fill.coin, **{name: whole})
    return own
