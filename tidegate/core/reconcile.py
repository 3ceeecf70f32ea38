"""The exchange is the truth: every half minute and after every doubt its view replaces ours.

Fills that were missed are counted first; what then still differs is adopted with one line that says so.
A position that vanished without a fill must be seen missing twice before it is believed.
"""

from decimal import Decimal

from msgspec.structs import replace

from tidegate.core import (
    doubt,
    entering,
    entries,
    fills,
    manual,
    money,
    protection,
    risk,
    rivals,
    schedule,
    staleness,
    twaps,
)
from tidegate.core.state import CoinState, OrderState, Phase, State
from tidegate.model.brackets import ExitReason
from tidegate.model.events import Account, AccountSeen, OrderFilled
from tidegate.model.intents import NOTHING, Alert, Decision, Note, Remember
from tidegate.model.orders import OpenOrder, Role, is_ours
from tidegate.model.positions import Position
from tidegate.model.records import ClosedPosition

SNAPSHOT_AGE_MS = 2_000
"""An account snapshot says nothing about what happened within this time before it."""
MISMATCHES_MAX = 2
CONTRADICTIONS_MAX = 8
"""A position that is said to be gone while its stop stands, without a fill, must be seen missing so often."""
CONTRADICTED_AGAIN_MS = 10_000
WITNESS_GAP_MS = 1_000
"""Two views that are closer together than this are one witness."""


def on_account(state: State, event: AccountSeen) -> Decision:
    """The exchange's view of the account: count missed fills, compare, adopt, verify the cover."""
    account = event.account
    state.account_ms, state.open_orders = account.time_ms, len(account.orders)
    if account.fills_known:
        state.upkeep.fills_ms = account.time_ms
    staleness.account_seen(state)
    if event.weight_used:
        state.weight_used = event.weight_used
    decision = NOTHING
    for fill in sorted(account.fills, key=lambda each: (each.time_ms, each.tid)):
        decision += fills.on_fill(state, OrderFilled(at_ms=event.at_ms, fill=fill))
    decision += twaps.rows(state, account.twaps, account.time_ms)
    positions = {position.coin: position for position in account.positions}
    if not _is_doubtful(state, account):
        state.equity, state.free = account.equity, account.free
        decision += money.money_seen(state, account)
    for name in tuple(state.coins):
        decision += _position(state, state.coins[name], positions.get(name), account)
        decision += _orders(state, state.coins[name], account)
        doubt.ask_soon(state, name)
        decision += protection.verify(state, state.coins[name], account)
        decision += _liquidation(state, state.coins[name], account)
        decision += entries.consider(state, state.coins[name])
    return decision


def _position(state: State, coin: CoinState, theirs: Position | None, account: Account) -> Decision:
    """Compare sizes; adopt theirs when the difference is no matter of timing."""
    size = theirs.size if theirs is not None else Decimal(0)
    entered = coin.phase in (Phase.ENTERING, Phase.IN_DOUBT) and not coin.grows
    fills_missing = not size and entered and not coin.live(Role.ENTRY)
    if size == coin.position.size and not fills_missing:
        state.change(coin.coin, mismatches=0)
        return NOTHING
    if account.time_ms - state.last_fill_ms < state.wait_ms(SNAPSHOT_AGE_MS):
        state.next_account_ms = min(state.next_account_ms, state.now_ms + state.wait_ms(SNAPSHOT_AGE_MS))
        return NOTHING
    if not coin.mismatches or account.time_ms >= coin.mismatch_ms + state.wait_ms(WITNESS_GAP_MS):
        coin = state.change(coin.coin, mismatches=coin.mismatches + 1, mismatch_ms=account.time_ms)
    if coin.mismatches < MISMATCHES_MAX:
        state.next_account_ms = min(state.next_account_ms, state.now_ms + state.wait_ms(SNAPSHOT_AGE_MS))
        return NOTHING
    if not size and coin.mismatches < CONTRADICTIONS_MAX and _still_guarded(coin, account):
        return _not_believed(state, coin)
    if fills_missing:
        return _never_filled(state, coin)
    text = f"{coin.coin}: the exchange shows a position of {size}, the bot knew {coin.position.size}; theirs counts"
    decision = Decision(
        notes=(Note(topic="account", text=text, level="WARNING"),), intents=(Alert(text=text, coin=coin.coin),)
    )
    if theirs is None:
        return decision + _vanished(state, coin, account)
    return decision + _adopt_size(state, coin, theirs, account)


def _is_doubtful(state: State, account: Account) -> bool:
    """Whether a position of ours is missing for which no fill has come: its money may be missing in this view, too."""
    there = {position.coin for position in account.positions}
    held = (coin for coin in state.coins.values() if coin.position.size and not coin.left_alone)
    return any(coin.coin not in there and coin.mismatches < CONTRADICTIONS_MAX for coin in held)


def _still_guarded(coin: CoinState, account: Account) -> bool:
    """Whether the view that shows no position shows a stop of it: the exchange cancels those with a position."""
    return not coin.left_alone and protection.covered_size(coin, account.orders) > 0


def _not_believed(state: State, coin: CoinState) -> Decision:
    again_ms = state.now_ms + state.wait_ms(CONTRADICTED_AGAIN_MS)
    state.next_account_ms = min(state.next_account_ms, again_ms)
    if coin.mismatches > MISMATCHES_MAX:
        return NOTHING
    text = (
        f"{coin.coin}: the exchange shows no position but its resting stop, and no fill: not believed yet, "
        f"position and stop are kept"
    )
    return Decision(
        notes=(Note(topic="account", text=text, level="WARNING"),), intents=(Alert(text=text, coin=coin.coin),)
    )


def _liquidation(state: State, coin: CoinState, account: Account) -> Decision:
    """A stop that the exchange's liquidation would come before guards nothing: said aloud, again every five minutes."""
    bracket, level = coin.bracket, account.liquidation_prices.get(coin.coin)
    if bracket is None or bracket.stop is None or not coin.position.size or coin.left_alone:
        return NOTHING
    if not risk.beyond_liquidation(bracket.direction, bracket.stop, level):
        return NOTHING
    if not state.tells_again("liquidation", coin.coin):
        return NOTHING
    text = (
        f"{coin.coin}: the stop {bracket.stop} lies beyond the liquidation price {level}: the exchange would close the "
        f"position first; add margin, or make the position smaller"
    )
    return Decision(intents=(Alert(text=text, coin=coin.coin),))


def _never_filled(state: State, coin: CoinState) -> Decision:
    """An entry was said to have filled, but the account shows neither a fill nor a position.

    That is a contradiction, not "flat": the position may stand in another account, which the key signs for. Nothing
    of it is cancelled (its stop may be all that guards it), and nothing more is traded here until a restart.
    """
    why = "an entry was said to be filled, but this account shows no fill and no position"
    text = f"{coin.coin} is suspended: {why}; look at the account that the key signs for, then start the bot again"
    for cloid in tuple(coin.orders):
        state.drop_order(cloid)
    state.change(coin.coin, phase=Phase.SUSPENDED, why=why, bracket=None, mismatches=0)
    note = Note(topic="account", text=text, level="WARNING")
    remember = Remember(record=state.coins[coin.coin].remembered())
    return Decision(intents=(remember, Alert(text=text, coin=coin.coin)), notes=(note,))


def _vanished(state: State, coin: CoinState, account: Account) -> Decision:
    if coin.left_alone:
        return fills.gone(state, coin)
    price = coin.reference_price() or coin.position.entry_price
    reason = coin.exit.reason if coin.exit is not None else ExitReason.ELSEWHERE
    closed = ClosedPosition(
        coin=coin.coin,
        size=coin.position.size,
        entry_price=coin.position.entry_price,
        exit_price=price,
        opened_ms=coin.position.opened_ms,
        closed_ms=account.time_ms,
        reason=reason,
        signal_id=coin.signal_id,
        pnl=coin.position.unrealised_pnl(price),
        fees=coin.position.fees,
    )
    return fills.finish(state, coin, closed)


def _adopt_size(state: State, coin: CoinState, theirs: Position, account: Account) -> Decision:
    opened_ms = coin.position.opened_ms or state.now_ms
    if coin.phase in (Phase.READY, Phase.WARMING, Phase.SUSPENDED):
        return fills.leave_alone(state, replace(theirs, opened_ms=opened_ms))
    bracket = coin.bracket
    if bracket is None or bracket.direction != theirs.direction:  # no order of ours can have turned it round
        closed = _vanished(state, coin, account) if coin.position.size else NOTHING
        return closed + fills.leave_alone(state, replace(theirs, opened_ms=state.now_ms))
    adopted = replace(theirs, opened_ms=opened_ms, fees=coin.position.fees)
    phase = coin.phase if coin.phase is Phase.EXITING else Phase.HOLDING
    state.change(coin.coin, position=adopted, bracket=bracket, phase=phase, mismatches=0, covered_ms=0, wanted=None)
    protection.watch(state, coin.coin)
    return Decision(intents=(Remember(record=state.coins[coin.coin].remembered()),))


def _orders(state: State, coin: CoinState, account: Account) -> Decision:
    """Hold our working orders against theirs: learn numbers, drop what is gone, sweep what is orphaned."""
    theirs = {order.cloid: order for order in account.orders if order.coin == coin.coin and order.cloid}
    settled_before_ms = account.time_ms - state.wait_ms(SNAPSHOT_AGE_MS)
    for order in tuple(coin.orders.values()):
        seen = theirs.get(order.request.cloid)
        if seen is not None:
            found = replace(
                order, state=OrderState.RESTING, oid=seen.oid, confirmed_ms=account.time_ms, ask_due_ms=None
            )
            state.keep_order(coin.coin, found)
        elif order.state in (OrderState.RESTING, OrderState.WAITING) and order.sent_ms < settled_before_ms:
            if order.request.role is Role.ENTRY and coin.making is not None:
                entering.ask(state, order)
            elif manual.may_be_by_hand(state, coin, order):
                state.keep_order(coin.coin, manual.ask_about(order, state.now_ms))
            elif not coin.waits_for_entry(order):
                state.drop_order(order.request.cloid)
    coin = state.coins[coin.coin]
    rival = [order for order in theirs.values() if rivals.placed(state, order)]
    warned = rivals.told(state, rival[0]) if rival else NOTHING
    if coin.phase not in (Phase.READY, Phase.WARMING) and not coin.left_alone:
        return warned + _stray_entries(state, coin, theirs, settled_before_ms)
    if rival:
        return warned
    quiet = state.last_fill_ms < settled_before_ms  # else a cancellation may still be on its way
    orphans = tuple(
        cloid
        for cloid, order in theirs.items()
        if is_ours(cloid, state.tag)
        and order.time_ms < settled_before_ms
        and (cloid not in coin.orders or (quiet and coin.orders[cloid].request.role is not Role.ENTRY))
    )
    if not orphans:
        return NOTHING
    text = f"{coin.coin}: {len(orphans)} order(s) of a position that is gone are swept"
    return Decision(intents=fills.sweep(state, coin, orphans, "orphaned"), notes=(Note(topic="order", text=text),))


def _stray_entries(state: State, coin: CoinState, theirs: dict[str, OpenOrder], settled_before_ms: int) -> Decision:
    """An entry of ours that nobody here waits for would enlarge the position, uncalled for: it is taken back."""
    strays = tuple(
        cloid
        for cloid, order in theirs.items()
        if is_ours(cloid, state.tag) and not order.reduce_only and cloid not in coin.orders
        if order.time_ms < settled_before_ms and not rivals.placed(state, order)
    )
    return Decision(intents=fills.sweep(state, coin, strays, "nobody waits for this entry"))


def refresh(state: State, reason: str) -> Decision:
    """Look at the account now."""
    return Decision(intents=(schedule.fetch_account(state, reason),))
