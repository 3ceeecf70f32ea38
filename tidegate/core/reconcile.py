"""The exchange is the truth: at the start, every half minute and after every doubt its view replaces ours.

Fills that were missed are counted first; what then still differs is adopted with one line that says so.
A position that vanished without a fill must be seen missing twice before it is believed.
"""

from decimal import Decimal

from msgspec.structs import replace

from tidegate.core import brakes, doubt, entering, entries, exits, fills, protection, risk, rivals, schedule
from tidegate.core.state import CoinState, OrderState, Phase, State, Working
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.events import Account, AccountSeen, OrderFilled
from tidegate.model.intents import NOTHING, Alert, Decision, Note, Remember
from tidegate.model.orders import Limit, OpenOrder, OrderRequest, Role, Trigger, is_ours
from tidegate.model.positions import Position, Side
from tidegate.model.records import ClosedPosition, Remembered
from tidegate.model.settings import OnStartPosition

SNAPSHOT_AGE_MS = 2_000
"""An account snapshot says nothing about what happened within this time before it."""
MISMATCHES_MAX = 2
CONTRADICTIONS_MAX = 8
"""A position that is said to be gone while its stop stands, without a fill, must be seen missing so often."""
CONTRADICTED_AGAIN_MS = 10_000
TELL_AGAIN_MS = 300_000
WITNESS_GAP_MS = 1_000
"""Two views that are closer together than this are one witness."""


def on_account(state: State, event: AccountSeen) -> Decision:
    """The exchange's view of the account: count missed fills, compare, adopt, verify the cover."""
    account = event.account
    state.account_ms, state.open_orders = account.time_ms, len(account.orders)
    if event.weight_used:
        state.weight_used = event.weight_used
    decision = NOTHING
    for fill in sorted(account.fills, key=lambda each: (each.time_ms, each.tid)):
        decision += fills.on_fill(state, OrderFilled(at_ms=event.at_ms, fill=fill))
    positions = {position.coin: position for position in account.positions}
    if not _is_doubtful(state, account):
        state.equity, state.free = account.equity, account.free
        decision += brakes.on_account(state, account)
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
    entered = coin.phase in (Phase.ENTERING, Phase.IN_DOUBT) and coin.making is None
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
    kind = ("liquidation", coin.coin)
    told_ms = state.faults_told.get(kind)
    if told_ms is not None and state.now_ms - told_ms < state.wait_ms(TELL_AGAIN_MS):
        return NOTHING
    state.faults_told[kind] = state.now_ms
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
            elif not coin.waits_for_entry(order):
                state.drop_order(order.request.cloid)
    coin = state.coins[coin.coin]
    if coin.phase not in (Phase.READY, Phase.WARMING) and not coin.left_alone:
        return _stray_entries(state, coin, theirs, settled_before_ms)
    rival = [order for order in theirs.values() if rivals.placed(state, order)]
    if rival:
        return rivals.told(state, rival[0])
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


def adopt_at_start(state: State, account: Account, remembered: dict[str, Remembered]) -> Decision:
    """The start: take over positions and resting orders, ours by memory or by tag; explain each."""
    decision = NOTHING
    state.open_orders = len(account.orders)
    state.history_ms = account.time_ms  # what was filled until then is in the positions that are adopted here
    for fill in account.fills:
        if fill.time_ms <= account.time_ms:
            state.note_fill(fill.key)
    for name in tuple(state.coins):
        record = remembered.get(name)
        if record is not None:
            state.change(
                name,
                acted_open_ms=record.acted_open_ms,
                signal_id=record.signal_id,
                generation=record.generation,
                exit_attempts=record.exit_attempts,
                protect_attempts=record.protect_attempts,
            )
        theirs = next((position for position in account.positions if position.coin == name), None)
        if theirs is not None:
            decision += _adopt_position(state, theirs, record, account)
        elif record is not None and record.position is not None:
            decision += _closed_while_away(state, record, account)
    for position in account.positions:
        if position.coin not in state.coins:
            text = f"{position.coin}: a position of {position.size} is open; not a coin of this bot, left alone"
            decision += Decision(notes=(Note(topic="account", text=text, level="WARNING"),))
    for order in account.orders:
        if order.coin in state.coins and is_ours(order.cloid, state.tag) and not order.reduce_only:
            decision += _take_back_entry(state, order, remembered.get(order.coin))
    for fill in sorted(account.fills, key=lambda each: (each.time_ms, each.tid)):
        decision += fills.on_fill(state, OrderFilled(at_ms=state.now_ms, fill=fill))
    return decision


def _take_back_entry(state: State, order: OpenOrder, record: Remembered | None) -> Decision:
    """An entry of an earlier session still rests: no try follows it; until it is gone its levels are kept."""
    coin = state.coins[order.coin]
    if not coin.position.size and record is not None:
        state.change(order.coin, bracket=record.bracket)
    _keep_theirs(state, order)
    entering.take_over(state, order)
    text = f"{order.coin}: an entry of an earlier session rests at {order.limit_price:f}, it is taken back"
    return Decision(notes=(Note(topic="account", text=text),))


def _adopt_position(state: State, theirs: Position, record: Remembered | None, account: Account) -> Decision:
    name = theirs.coin
    ours = _remembered_bracket(theirs, record)
    known = ours is not None
    before = record.position if known and record is not None else None
    opened_ms, fees = (before.opened_ms, before.fees) if before is not None else (0, Decimal(0))
    position = replace(theirs, opened_ms=opened_ms or account.time_ms, fees=fees)
    orders = tuple(order for order in account.orders if order.coin == name)
    closing = Side.opening(theirs.direction).opposite
    if not known and not any(is_ours(order.cloid, state.tag) and order.side is closing for order in orders):
        booked = NOTHING if record is None or record.position is None else _closed_while_away(state, record, account)
        return booked + _strangers(state, replace(theirs, opened_ms=account.time_ms), account)
    if ours is not None and before is not None and abs(theirs.size) < abs(before.size):
        ours = replace(ours, trim_at=None)
    bracket = _nearest(ours, orders) if ours is not None else _bracket_of_orders(state, position, orders)
    # A new session names its orders anew, since the last tries of the one before may not have been written down.
    signal_id = state.coins[name].signal_id if known else ""
    state.change(name, **fills.nobodys(state.coins[name]))
    state.change(name, signal_id=signal_id, position=position, bracket=bracket, phase=Phase.HOLDING)
    parents = {oid: order.cloid or "" for order in orders for oid in order.children}
    for order in orders:
        if is_ours(order.cloid, state.tag):
            _keep_theirs(state, order, parents.get(order.oid, ""))
    protection.watch(state, name)
    stops = [f"{order.trigger_price} (order {order.oid})" for order in orders if order.is_stop]
    source = "known from an earlier run" if known else "by the orders that this bot placed for it"
    text = (
        f"{name}: position of {position.size} from {position.entry_price:f} adopted ({source}); stop {bracket.stop}, "
        f"resting stop recognised: {', '.join(stops) if stops else 'none'}"
    )
    return Decision(
        intents=(Remember(record=state.coins[name].remembered()),),
        notes=(Note(topic="account", text=text),),
    ) + protection.verify(state, state.coins[name], account)


def _strangers(state: State, position: Position, account: Account) -> Decision:
    """A position that somebody else opened: as ON_START_POSITION says."""
    policy, name = state.settings.on_start_position, position.coin
    words = f"{name}: a position of {position.size} from {position.entry_price:f} that this bot did not open is there"
    if policy is OnStartPosition.IGNORE:
        return fills.leave_alone(state, position)
    if policy is OnStartPosition.HALT:
        state.refused = f"{words}, and ON_START_POSITION=halt: close it, or choose adopt, ignore or flatten"
        return fills.leave_alone(state, position)
    state.change(name, **fills.nobodys(state.coins[name]))
    bracket = _nearer(fills.bracket_by_settings(state, position), position, account.orders)
    state.change(name, position=position, bracket=bracket, phase=Phase.HOLDING)
    remember = Remember(record=state.coins[name].remembered())
    if policy is OnStartPosition.FLATTEN:
        note = Note(topic="account", text=f"{words}; it is closed now, ON_START_POSITION=flatten", level="WARNING")
        closing = exits.at_once(state, state.coins[name], ExitReason.FORCED, "ON_START_POSITION=flatten")
        return Decision(intents=(remember,), notes=(note,)) + closing
    protection.watch(state, name)
    text = f"{words}; adopted with the stop {bracket.stop}, ON_START_POSITION=adopt"
    note = Note(topic="account", text=text, level="WARNING")
    return Decision(intents=(remember,), notes=(note,)) + protection.verify(state, state.coins[name], account)


def _nearer(bracket: Bracket, position: Position, orders: tuple[OpenOrder, ...]) -> Bracket:
    """Its owner's resting stop, where that is nearer than the one by the settings: it stays, and is ours too."""
    side = Side.opening(position.direction).opposite
    for order in orders:
        level = order.trigger_price
        if order.coin != position.coin or not order.is_stop or not order.reduce_only or order.side is not side:
            continue
        if level is not None and bracket.stop is not None and (level - bracket.stop) * bracket.direction > 0:
            bracket = replace(bracket, stop=level)
    return bracket


def _remembered_bracket(theirs: Position, record: Remembered | None) -> Bracket | None:
    """The bracket of a position that is known from an earlier run, or of an entry that was under way when it ended."""
    if record is None or record.bracket is None or record.bracket.direction != theirs.direction:
        return None
    return record.bracket


def _nearest(bracket: Bracket, orders: tuple[OpenOrder, ...]) -> Bracket:
    """A trailing stop may have gone on after it was written down: the resting one tells how far."""
    side = Side.opening(bracket.direction).opposite
    stops = [order for order in orders if order.is_stop and order.reduce_only and order.side is side]
    for level in (order.trigger_price for order in stops):
        if level is None or bracket.stop is None or bracket.trail_by is None:
            continue
        if (level - bracket.stop) * bracket.direction > 0:
            bracket = replace(bracket, stop=level, trailed=True)
    return bracket


def _bracket_of_orders(state: State, position: Position, orders: tuple[OpenOrder, ...]) -> Bracket:
    """The bracket that the resting triggers spell out; what they leave open comes from the settings."""
    bracket = fills.bracket_by_settings(state, position)
    for order in orders:
        if not order.is_trigger or not order.reduce_only or order.trigger_price is None:
            continue
        changes = {"stop": order.trigger_price} if order.is_stop else {"take_profit": order.trigger_price}
        bracket = replace(bracket, **changes)
    return bracket


def _keep_theirs(state: State, order: OpenOrder, parent: str = "") -> None:
    assert order.cloid is not None
    coin = state.coins[order.coin]
    kind: Limit | Trigger = Limit(price=order.limit_price)
    role = Role.EXIT if order.reduce_only else Role.ENTRY
    if order.is_trigger and order.trigger_price is not None:
        role = Role.STOP if order.is_stop else Role.TAKE_PROFIT
        kind = Trigger(trigger_price=order.trigger_price, worst_price=order.limit_price, stop=order.is_stop)
    request = OrderRequest(
        coin=order.coin,
        asset=coin.instrument.asset,
        cloid=order.cloid,
        side=order.side,
        size=order.size,
        kind=kind,
        role=role,
        reduce_only=order.reduce_only,
    )
    state.keep_order(
        order.coin,
        Working(
            request=request,
            signal_id=coin.signal_id,
            state=OrderState.RESTING,
            sent_ms=order.time_ms,
            expires_ms=order.time_ms,
            oid=order.oid,
            confirmed_ms=state.now_ms,
            parent=parent,
        ),
    )


def _closed_while_away(state: State, record: Remembered, account: Account) -> Decision:
    """A position that we held is gone: book it by the fills that closed it, sweep what it left behind."""
    assert record.position is not None
    name, position = record.coin, record.position
    closing = [
        fill
        for fill in account.fills
        if fill.coin == name and fill.time_ms >= position.opened_ms and fill.side.sign == -position.direction
    ]
    size = sum((fill.size for fill in closing), Decimal(0))
    price = sum((fill.size * fill.price for fill in closing), Decimal(0)) / size if size else position.entry_price
    reason = ExitReason.ELSEWHERE
    if any(fill.cloid and fill.cloid == record.stop_cloid for fill in closing):
        reason = ExitReason.STOP
    elif any(fill.cloid and fill.cloid == record.take_profit_cloid for fill in closing):
        reason = ExitReason.TAKE_PROFIT
    elif any(fill.liquidation for fill in closing):
        reason = ExitReason.LIQUIDATION
    closed = ClosedPosition(
        coin=name,
        size=position.size,
        entry_price=position.entry_price,
        exit_price=price,
        opened_ms=position.opened_ms,
        closed_ms=closing[-1].time_ms if closing else account.time_ms,
        reason=reason,
        signal_id=record.signal_id,
        pnl=position.unrealised_pnl(price),
        fees=position.fees + sum((fill.fee for fill in closing), Decimal(0)),
    )
    note = Note(topic="account", text=f"{name}: the position of {position.size} was closed while the bot was away")
    return Decision(notes=(note,)) + fills.finish(state, state.coins[name], closed)


def refresh(state: State, reason: str) -> Decision:
    """Look at the account now."""
    return Decision(intents=(schedule.fetch_account(state, reason),))
