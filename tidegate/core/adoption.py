"""Recovery is the start-up path: what is open on the account when a session begins is taken over, and explained.

A position is ours by memory or by the tag of its resting orders; anybody else's is treated as ON_START_POSITION says.
What was closed meanwhile is booked by its fills.
"""

from decimal import Decimal

from msgspec.structs import replace

from tidegate.core import entering, exits, fills, manual, protection, rebuilt, twaps
from tidegate.core.state import EXPIRES_AFTER_MS, OrderState, Phase, State, Working
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.events import Account, OrderFilled
from tidegate.model.intents import NOTHING, Decision, Note, Remember
from tidegate.model.orders import Limit, OpenOrder, OrderRequest, Role, Trigger, is_ours, new_cloid
from tidegate.model.positions import Position, Side
from tidegate.model.records import ClosedPosition, Remembered
from tidegate.model.settings import OnStartPosition


def at_start(state: State, account: Account, remembered: dict[str, Remembered]) -> Decision:
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
            state.recall(name, record)
            barred_until_ms = state.now_ms + state.wait_ms(EXPIRES_AFTER_MS) if record.generation else 0
            state.change(name, barred_until_ms=barred_until_ms)
            if record.twap is not None:
                decision += twaps.take_over(state, record.twap, account)
        theirs = next((position for position in account.positions if position.coin == name), None)
        if theirs is not None:
            decision += _adopt_position(state, theirs, record, account)
        elif record is not None and record.position is not None:
            decision += _closed_while_away(state, record, account)
        elif record is not None:
            state.change(name, bracket=record.bracket)  # the levels of an entry that was under way, and may yet fill
    for position in account.positions:
        if position.coin not in state.coins:
            text = f"{position.coin}: a position of {position.size} is open; not a coin of this bot, left alone"
            decision += Decision(notes=(Note(topic="account", text=text, level="WARNING"),))
    for order in account.orders:
        if order.coin in state.coins and is_ours(order.cloid, state.tag) and not order.reduce_only:
            decision += _take_back_entry(state, order, remembered.get(order.coin))
    for fill in sorted(account.fills, key=lambda each: (each.time_ms, each.tid)):
        decision += fills.on_fill(state, OrderFilled(at_ms=state.now_ms, fill=fill))
    return decision + twaps.rows(state, account.twaps, account.time_ms)


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
    another = record is not None and _is_another(state, theirs, record, account)
    ours = None if another else _remembered_bracket(theirs, record) or _bracket_of_slices(state, theirs)
    too_late = ours is None and record is not None and _is_late_add(state, theirs, record, account)
    if too_late:
        ours = fills.bracket_by_settings(state, theirs)
    known = ours is not None
    before = record.position if known and record is not None else None
    opened_ms, fees = (before.opened_ms, before.fees) if before is not None else (0, Decimal(0))
    position = replace(theirs, opened_ms=opened_ms or account.time_ms, fees=fees)
    orders = tuple(order for order in account.orders if order.coin == name)
    closing = Side.opening(theirs.direction).opposite
    guarded = any(is_ours(order.cloid, state.tag) and order.side is closing for order in orders)
    if another or not (known or guarded):
        booked = NOTHING if record is None or record.position is None else _closed_while_away(state, record, account)
        return booked + _strangers(state, replace(theirs, opened_ms=account.time_ms), account)
    if ours is not None and before is not None and abs(theirs.size) < abs(before.size):
        ours = replace(ours, trim_at=None)
    bracket = _nearest(ours, orders) if ours is not None else _bracket_of_orders(state, position, orders)
    # A new session names its orders anew, since the last tries of the one before may not have been written down.
    signal_id = state.coins[name].signal_id if known else ""
    state.change(name, **fills.nobodys(state.coins[name]))
    cancels = record.stop_cancels if record is not None and known else 0
    state.change(
        name,
        signal_id=signal_id,
        position=position,
        bracket=bracket,
        phase=Phase.HOLDING,
        stop_cancels=cancels,
        adds=record.adds if record is not None and known else 0,
        add_id=record.add_id if record is not None and known else "",
        entry_slippage=record.entry_slippage if record is not None and before is not None else None,
    )
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
    leaving, twap = record.exit_reason if record is not None else None, state.coins[name].twap
    if leaving is not None and before is not None and abs(theirs.size) <= abs(before.size):
        exits.go_on(state, state.coins[name], leaving)
        text += f"; its exit ({leaving.value}) was under way and goes on"
    elif too_late:
        exits.go_on(state, state.coins[name], ExitReason.FORCED)
        text += "; it was to be added to a position that is closed, and is closed"
    elif twap is not None and twap.closes:
        exits.go_on(state, state.coins[name], ExitReason.FORCED)
        text += f"; it came of an entry that was taken back ({twap.ending}), and is closed"
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


def _is_another(state: State, theirs: Position, record: Remembered, account: Account) -> bool:
    """Whether the position that we held is over, by the fills since, and somebody else has begun this one."""
    begun = rebuilt.opening(theirs, account.fills)
    if begun is None or record.position is None or record.twap is not None:
        return False
    if begun.time_ms <= record.position.opened_ms:
        return False
    since = (fill for fill in account.fills if fill.coin == theirs.coin and fill.time_ms >= begun.time_ms)
    return not any(is_ours(fill.cloid, state.tag) and fill.side.sign == theirs.direction for fill in since)


def _is_late_add(state: State, theirs: Position, record: Remembered, account: Account) -> bool:
    """Whether a position began with what was to be added to the one before it, which is closed."""
    begun = rebuilt.opening(theirs, account.fills)
    added = new_cloid(state.tag, record.add_id, Role.ENTRY, 1)
    return bool(record.add_id) and begun is not None and begun.cloid == added


def _bracket_of_slices(state: State, theirs: Position) -> Bracket | None:
    """What a TWAP of ours went on trading after its position was closed is ours, too: the settings give its levels."""
    twap = state.coins[theirs.coin].twap
    if twap is None or twap.request.side.sign != theirs.direction:
        return None
    return fills.bracket_by_settings(state, theirs)


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
    elif closing and record.exit_reason is not None and is_ours(closing[-1].cloid, state.tag):
        reason = record.exit_reason
    elif closing:
        reason = manual.BY_THE_EXCHANGE.get(closing[-1].direction_text, reason)
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
