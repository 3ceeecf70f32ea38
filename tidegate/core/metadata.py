"""The exchange's rules while the bot runs: read again every hour and when an answer does not fit the ones we know.

Asset numbers, lots, ticks and leverages are looked up by the coin's name at every use (`Listed`); an order that was
planned by older rules is put on the new grid before it leaves (`renewed`). A coin that is delisted, or gone from the
list, gets no more entries; what is open there is guarded and closed as ever.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from tidegate.core import refusals
from tidegate.core.state import EXPIRES_AFTER_MS, CoinState, Phase, State
from tidegate.model.events import MetadataSeen
from tidegate.model.instruments import Instrument, Rounding
from tidegate.model.intents import NOTHING, Alert, Decision, FetchMetadata, Intent, Note, PlaceOrders, Urgency
from tidegate.model.orders import Limit, OrderRequest, Trigger

EVERY_MS = 3_600_000
FAILED_MS = 60_000
AGAIN_MS = 10_000
"""After a read on account of a refusal, the next such one comes no sooner: a refusal may be about something else."""
DOES_NOT_FIT = (
    "tick size",
    "invalid size",
    "invalid price",
    "divisible by tick",
    "invalid decimals",
    "invalid asset",
    "unknown asset",
    "asset not found",
    "invalid leverage value",
    "cross margin is not allowed",
    "away from the reference price",
    "price too far from oracle",
)
"""Words by which the exchange says that our idea of its rules is not its own."""
NOT_LISTED = "not listed any more"


class Listed(Mapping[str, Instrument]):
    """The instruments of a session's coins, always the newest: a view of its state, for the thread that owns it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __getitem__(self, coin: str) -> Instrument:
        return self._state.coins[coin].instrument

    def __iter__(self) -> Iterator[str]:
        return iter(self._state.coins)

    def __len__(self) -> int:
        return len(self._state.coins)


def on_due(state: State) -> Decision:
    """The hourly read."""
    if state.next_metadata_ms is None or state.now_ms < state.next_metadata_ms:
        return NOTHING
    return _ask(state, "hourly", Urgency.READ)


def failed(state: State, where: str) -> None:
    """The rules could not be read: again in a minute."""
    if where == "metadata":
        state.next_metadata_ms = state.now_ms + state.wait_ms(FAILED_MS)


def refused(state: State, reason: str) -> Decision:
    """An order or a leverage was refused: when the words say that our rules are not the exchange's, read them anew."""
    words = reason.lower()
    if not any(each in words for each in DOES_NOT_FIT):
        return NOTHING
    return doubted(state, f"the exchange says: {reason}")


def doubted(state: State, why: str) -> Decision:
    """Something does not fit the rules that we know: read them now, unless that was done a moment ago."""
    if state.metadata_asked_ms is not None and state.now_ms - state.metadata_asked_ms < state.wait_ms(AGAIN_MS):
        return NOTHING
    state.metadata_asked_ms = state.now_ms
    note = Note(topic="account", text=f"metadata is read again: {why}", level="WARNING")
    return _ask(state, why, Urgency.PROTECTION) + Decision(notes=(note,))


def misplaced(state: State, coin: str, cloid: str | None, name: str) -> Decision:
    """An order of ours turned up in a coin (`name`) that it was not meant for: our asset numbers are old."""
    text = (
        f"order {cloid} was meant for {coin} and is in {name}: the exchange's asset numbers have moved; "
        f"look at {name} and close there what is not wanted"
    )
    alert = Alert(text=text, coin=coin)
    return Decision(intents=(alert,)) + doubted(state, f"an order for {coin} turned up in {name}")


def _ask(state: State, reason: str, urgency: Urgency) -> Decision:
    state.next_metadata_ms = state.now_ms + state.wait_ms(EVERY_MS)
    return Decision(intents=(FetchMetadata(coins=tuple(state.coins), reason=reason, urgency=urgency),))


def on_seen(state: State, event: MetadataSeen) -> Decision:
    """Take over what the exchange lists now; say in one line what is different."""
    listed = {instrument.coin: instrument for instrument in event.instruments}
    changes: list[str] = []
    for name in tuple(state.coins):
        before = state.coins[name].instrument
        now = listed.get(name) or replace(before, delisted=True)
        if now == before:
            continue
        changes.append(f"{name} {', '.join(_differences(before, now, listed=name in listed))}")
        _take_over(state, state.coins[name], now)
    if not changes:
        return NOTHING
    state.metadata_changed_ms = state.now_ms
    text = f"metadata changed: {'; '.join(changes)}"
    gone = [name for name, coin in state.coins.items() if coin.instrument.delisted and coin.position.size]
    alerts = tuple(
        Alert(text=f"{name} is delisted and a position of {state.coins[name].position.size} is open", coin=name)
        for name in gone
        if "delisted" in text
    )
    return Decision(intents=alerts, notes=(Note(topic="account", text=text, level="WARNING"),))


def _differences(before: Instrument, now: Instrument, *, listed: bool) -> Iterator[str]:
    if before.size_decimals != now.size_decimals:
        yield f"szDecimals {before.size_decimals} -> {now.size_decimals}"
    if before.leverage_max != now.leverage_max:
        yield f"maxLeverage {before.leverage_max} -> {now.leverage_max}"
    if before.isolated_only != now.isolated_only:
        yield "isolated margin only" if now.isolated_only else "cross margin allowed"
    if before.asset != now.asset:
        yield f"asset number {before.asset} -> {now.asset}"
    if not listed:
        yield f"{NOT_LISTED}, no more entries"
    elif before.delisted != now.delisted:
        yield "delisted, no more entries" if now.delisted else "listed again"


def _take_over(state: State, coin: CoinState, now: Instrument) -> None:
    before = coin.instrument
    coin = state.change(coin.coin, instrument=now)
    margins = (before.leverage_max, before.isolated_only, before.asset) != (
        now.leverage_max,
        now.isolated_only,
        now.asset,
    )
    if margins and not coin.position.size:  # what was set by an old number was set for another coin
        coin = state.change(coin.coin, leverage=None, leverage_asked_ms=None)
    if coin.phase is Phase.SUSPENDED and coin.why.startswith(refusals.UNUSABLE):
        coin = state.change(coin.coin, phase=Phase.READY, why="")
    # What was refused by the old rules need not wait for its pause to be over.
    if coin.exit is not None and coin.exit.retry_due_ms is not None and coin.exit.cloid not in coin.orders:
        coin = state.change(coin.coin, exit=replace(coin.exit, retry_due_ms=state.now_ms))
    if coin.phase is Phase.HOLDING and coin.cover_due_ms is not None:
        state.change(coin.coin, cover_due_ms=state.now_ms)


def renewed(state: State, intent: Intent) -> Intent:
    """A wish to place orders that was planned by older rules, put on the grid of the present ones; else as it is.

    Sizes of entries go down to the lot, sizes that close go up; prices go away from a fill for entries and towards it
    for exits.
    """
    if not isinstance(intent, PlaceOrders) or not state.metadata_changed_ms:
        return intent
    if intent.expires_ms - state.wait_ms(EXPIRES_AFTER_MS) > state.metadata_changed_ms:
        return intent
    coin = state.coins.get(intent.coin)
    if coin is None:
        return intent
    return replace(intent, orders=tuple(_on_grid(order, coin.instrument) for order in intent.orders))


def _on_grid(order: OrderRequest, instrument: Instrument) -> OrderRequest:
    size = instrument.closing_size(order.size) if order.reduce_only else instrument.size(order.size)
    up = (order.side.sign > 0) is order.reduce_only
    rounding = Rounding.UP if up else Rounding.DOWN
    kind = order.kind
    if isinstance(kind, Trigger):
        # The level of a sell goes up and that of a buy down: nearer to the price, so that less is lost.
        near = Rounding.UP if order.side.sign < 0 else Rounding.DOWN
        level, worst = instrument.price(kind.trigger_price, near), instrument.price(kind.worst_price, rounding)
        kind = replace(kind, trigger_price=level, worst_price=worst)
    else:
        assert isinstance(kind, Limit)
        kind = replace(kind, price=instrument.price(kind.price, rounding))
    return replace(order, asset=instrument.asset, size=size, kind=kind)
