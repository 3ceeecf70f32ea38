"""Executions: each counts once, whoever sent the order; positions open, change and close here and nowhere else."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tidegate.core import (
    brakes,
    costs,
    early,
    exits,
    manual,
    metadata,
    protection,
    rivals,
    schedule,
    trims,
    twap_orders,
)
from tidegate.core.state import EXPIRES_AFTER_MS, CoinState, Exit, Phase, State, Working
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.events import OrderFilled
from tidegate.model.intents import NOTHING, Alert, BookClosed, CancelOrders, Decision, Intent, Note, Recap, Remember
from tidegate.model.orders import Role, is_ours, new_cloid
from tidegate.model.positions import Fill, Position
from tidegate.model.records import ClosedPosition, Slippage
from tidegate.model.settings import HUNDRED

LEFT_ALONE = "a position that this bot did not open is there; it is left alone"
"""Why a coin with somebody else's position is suspended."""


POSITION_GONE = "the position is closed"


def on_fill(state: State, event: OrderFilled) -> Decision:
    """One execution of one of the account's orders."""
    fill = event.fill
    if not state.note_fill(fill.key) or fill.time_ms <= state.history_ms:
        return NOTHING
    coin, meant = state.coins.get(fill.coin), state.coin_of.get(fill.cloid or "", fill.coin)
    misplaced = metadata.misplaced(state, meant, fill.cloid, fill.coin) if meant != fill.coin else NOTHING
    if coin is None:
        text = f"{fill.coin} {fill.side.value} {fill.size} at {fill.price}: not a coin of this bot, left alone"
        opens = fill.start_position * fill.side.sign >= 0  # a stop of an earlier choice of coins may close one here
        told = Decision(notes=(Note(topic="fill", text=text, level="WARNING"),)) + misplaced
        return told + (rivals.filled(state, fill) if opens else NOTHING)
    rival = misplaced + rivals.filled(state, fill)
    before, after = coin.position, coin.position.apply(fill)
    role = _role(state, coin, fill)
    state.change(fill.coin, position=after, mismatches=0)
    twap_orders.count(state, coin, fill)
    note = Note(topic="fill", text=_text(fill, role, after, costs.count(state, fill, before)))
    decision = Decision(notes=(note,)) + rival + manual.changed(state, state.coins[fill.coin], fill, role, before)
    flipped = before.direction * after.direction < 0
    if before.size and (not after.size or flipped):
        decision += _closed(state, fill, before, role)
        after = Position(coin=fill.coin, size=after.size, entry_price=fill.price, opened_ms=fill.time_ms)
        state.change(fill.coin, position=after if flipped else Position(coin=fill.coin))
        before = Position(coin=fill.coin)
    elif before.size and abs(after.size) < abs(before.size):
        return decision + _reduced(state, fill, role)
    if after.size and abs(after.size) > abs(before.size):
        decision += _grown(state, fill, before, role)
    return decision


def _role(state: State, coin: CoinState, fill: Fill) -> Role | None:
    """What the order behind a fill was for; the order may be over already."""
    if twap_orders.is_slice(state, coin, fill):
        return Role.ENTRY
    if fill.cloid is not None:
        return state.roles.get(fill.cloid)
    order = next((each for each in coin.orders.values() if each.oid is not None and each.oid == fill.oid), None)
    return order.request.role if order is not None else None


def _text(fill: Fill, role: Role | None, after: Position, slipped: Slippage | None) -> str:
    what = role.value if role is not None else "not an order of this session"
    now = f"position {after.size} at {after.entry_price:.10g}" if after.size else "flat"
    trade = f"{fill.coin} {fill.side.value} {fill.size} at {fill.price} ({what})"
    slip = f", slippage {slipped.usd:+.4f} USD ({slipped.pct:+.4f} %)" if slipped is not None else ""
    return f"{trade}, fee {fill.fee:f} {fill.fee_coin}{slip}, now {now}"


def _grown(state: State, fill: Fill, before: Position, role: Role | None) -> Decision:
    """A position was opened or enlarged: it must be covered by a resting stop soon."""
    coin = state.coins[fill.coin]
    ours = role is Role.ENTRY or is_ours(fill.cloid, state.tag)
    if not ours and coin.phase not in (Phase.HOLDING, Phase.EXITING) and not _entered(coin):
        return leave_alone(state, coin.position)
    if coin.left_alone and before.size:
        return guard(state, coin)
    bracket = coin.bracket
    if not before.size and (bracket is None or bracket.direction != coin.position.direction):
        bracket = bracket_by_settings(state, coin.position)
    phase = coin.phase if coin.phase is Phase.EXITING else Phase.HOLDING
    state.change(
        fill.coin,
        phase=phase,
        why="",
        bracket=bracket,
        wanted=None,
        closed_size=Decimal(0) if not before.size else coin.closed_size,
        closed_value=Decimal(0) if not before.size else coin.closed_value,
        covered_ms=0,
    )
    protection.watch(state, fill.coin)
    coin = state.coins[fill.coin]
    if coin.twap is not None and coin.twap.closes and phase is Phase.HOLDING:
        why = f"a slice of an entry that was taken back ({coin.twap.ending})"
        return exits.at_once(state, coin, ExitReason.FORCED, why)
    if phase is Phase.HOLDING and not before.size and _is_add(state, coin, fill):
        coin = _too_late(state, coin, fill)
    if coin.grows and phase is Phase.HOLDING:
        protection.grown(state, fill.coin)
    if early.crossed(coin) is not None:
        state.change(fill.coin, cover_due_ms=state.now_ms)
    return Decision(intents=(Remember(record=coin.remembered()),))


def _is_add(state: State, coin: CoinState, fill: Fill) -> bool:
    """Whether a fill is of what was to be added to a position (`adds`)."""
    return bool(coin.add_id) and fill.cloid == new_cloid(state.tag, coin.add_id, Role.ENTRY, 1)


def _too_late(state: State, coin: CoinState, fill: Fill) -> CoinState:
    """What was to be added came after the position's end: it is closed as soon as all of this fill is known."""
    end = Exit(
        reason=ExitReason.FORCED,
        level=fill.price,
        touch_price=fill.price,
        touched_ms=fill.time_ms + 1,
        decided_ms=state.now_ms,
    )
    return state.change(coin.coin, early=end)


def _entered(coin: CoinState) -> bool:
    """Whether an entry of ours was said to be filled in the direction of the position, and its fill is to come."""
    said = coin.phase in (Phase.ENTERING, Phase.IN_DOUBT) and not coin.live(Role.ENTRY)
    return said and coin.bracket is not None and coin.bracket.direction == coin.position.direction


def leave_alone(state: State, position: Position) -> Decision:
    """A position that the bot did not open is its owner's: no stop, no exit, no entry beside it, until it is gone.

    An entry of ours that is on its way may yet fill into it, so the levels of that one are kept.
    """
    coin = state.coins[position.coin]
    state.change(position.coin, phase=Phase.SUSPENDED, why=LEFT_ALONE, position=position, wanted=None, mismatches=0)
    if not coin.live(Role.ENTRY):
        state.change(position.coin, **nobodys(coin), bracket=None)
    if coin.why == LEFT_ALONE:
        return NOTHING
    text = (
        f"{position.coin}: a position of {position.size} that this bot did not open is there; it is left alone, "
        f"without a stop of ours, and no entries here until it is closed"
    )
    note = Note(topic="account", text=text, level="WARNING")
    return Decision(notes=(note,), intents=(Alert(text=text, coin=position.coin),))


def guard(state: State, coin: CoinState) -> Decision:
    """An entry of ours has filled into a position that was left alone: they are one now, and all of it is guarded."""
    bracket = coin.bracket
    if bracket is None or bracket.direction != coin.position.direction:
        bracket = bracket_by_settings(state, coin.position)
    state.change(coin.coin, phase=Phase.HOLDING, why="", bracket=bracket)
    protection.watch(state, coin.coin)
    text = f"{coin.coin}: our entry filled beside a position of somebody else; all {coin.position.size} is guarded now"
    remember = Remember(record=state.coins[coin.coin].remembered())
    return Decision(intents=(remember,), notes=(Note(topic="account", text=text, level="WARNING"),))


def gone(state: State, coin: CoinState) -> Decision:
    """The position that was left alone is gone: it is not ours to book; what rests of ours from before is swept."""
    coming = {order.signal_id for order in coin.live(Role.ENTRY)}
    rest = left_over(each for each in coin.orders.values() if each.signal_id not in coming)
    swept = sweep(state, coin, rest, POSITION_GONE)
    state.change(coin.coin, phase=Phase.READY, why="", position=Position(coin=coin.coin), mismatches=0)
    text = f"{coin.coin}: the position that was left alone is gone, this coin is traded again"
    return Decision(
        intents=(*swept, schedule.fetch_account(state, "a position closed")), notes=(Note(topic="account", text=text),)
    )


def nobodys(coin: CoinState) -> dict[str, Any]:
    """What to change when a position begins that no signal of ours opened: it must not pass for the last one."""
    anew = {"exit_attempts": 0, "protect_attempts": 0, "trims": 0, "adds": 0, "stop_cancels": 0}
    return {"signal_id": "", "generation": coin.generation + 1, **anew}


def bracket_by_settings(state: State, position: Position) -> Bracket:
    """The bracket that the settings alone give a position: STOP_LOSS_PCT and TAKE_PROFIT_PCT from its entry."""
    settings, direction, entry = state.settings, position.direction, position.entry_price
    take_profit = entry * (1 + direction * settings.take_profit_pct / HUNDRED) if settings.take_profit_pct else None
    return Bracket(
        direction=direction,
        stop=entry * (1 - direction * settings.stop_loss_pct / HUNDRED),
        take_profit=take_profit,
        trail_by=entry * settings.trailing_stop_pct / HUNDRED if settings.trailing_stop_pct else None,
    )


def _reduced(state: State, fill: Fill, role: Role | None) -> Decision:
    coin = state.coins[fill.coin]
    if coin.left_alone:
        return NOTHING
    state.change(
        fill.coin,
        closed_size=coin.closed_size + fill.size,
        closed_value=coin.closed_value + fill.size * fill.price,
    )
    if role is Role.TRIM:
        trims.done(state, state.coins[fill.coin])
    protection.watch(state, fill.coin)
    return Decision(intents=(Remember(record=state.coins[fill.coin].remembered()),))


def _closed(state: State, fill: Fill, before: Position, role: Role | None) -> Decision:
    """The position is gone: say why and how well, sweep what still rests, remember."""
    coin = state.coins[fill.coin]
    if coin.phase is Phase.SUSPENDED:
        return gone(state, coin)
    size = coin.closed_size + abs(before.size)
    value = coin.closed_value + abs(before.size) * fill.price
    after = before.apply(replace(fill, size=abs(before.size)))
    closed = ClosedPosition(
        coin=fill.coin,
        size=size * before.direction,
        entry_price=before.entry_price,
        exit_price=value / size,
        opened_ms=before.opened_ms,
        closed_ms=fill.time_ms,
        reason=_reason(coin, fill, role),
        signal_id=coin.signal_id,
        pnl=after.realised_pnl,
        fees=after.fees,
        slippage=costs.slipped(coin),
    )
    if role in (Role.STOP, Role.TAKE_PROFIT) and fill.cloid is not None:
        state.drop_order(fill.cloid)  # it closed the position: nothing of it is left
        coin = state.coins[coin.coin]
    return finish(state, coin, closed, by_resting=role in (Role.STOP, Role.TAKE_PROFIT))


def _reason(coin: CoinState, fill: Fill, role: Role | None) -> ExitReason:
    if fill.liquidation:
        return ExitReason.LIQUIDATION
    if role is Role.STOP:
        return ExitReason.TRAIL if coin.bracket is not None and coin.bracket.trailed else ExitReason.STOP
    if role is Role.TAKE_PROFIT:
        return ExitReason.TAKE_PROFIT
    if fill.direction_text in manual.BY_THE_EXCHANGE:
        return manual.BY_THE_EXCHANGE[fill.direction_text]
    return coin.exit.reason if coin.exit is not None else ExitReason.ELSEWHERE


def finish(state: State, coin: CoinState, closed: ClosedPosition, *, by_resting: bool = False) -> Decision:
    """Book a finished position and clear the way for the next one."""
    intents: list[Intent] = [BookClosed(closed=closed), *brakes.on_closed(state, closed).intents]
    notes: list[Note] = []
    if closed.reason.protective:
        intents.append(_recap(state, coin, closed, by_resting=by_resting))
    if coin.exit is not None and not coin.exit.sent_ms:
        state.drop_order(coin.exit.cloid)
        coin = state.coins[coin.coin]
        text = f"{coin.coin}: the exit is not sent, there is nothing left to close"
        notes.append(Note(topic="exit", text=text))
    intents += sweep(state, coin, left_over(coin.orders.values()), POSITION_GONE)
    ending = twap_orders.take_back(state, coin, POSITION_GONE, closes=True)
    net = closed.pnl - closed.fees
    text = (
        f"{coin.coin} closed by {closed.reason.value}: {closed.size} from {closed.entry_price:.10g} to "
        f"{closed.exit_price:.10g}, profit {net:+.2f} USD after {closed.fees:.2f} USD of fees"
    )
    if closed.slippage is not None:
        text += f" and {closed.slippage:.2f} of slippage"
    state.change(
        coin.coin,
        phase=Phase.READY,
        why="",
        position=Position(coin=coin.coin),
        bracket=None,
        exit=None,
        cover_due_ms=None,
        uncovered_since_ms=None,
        covered_ms=0,
        closed_size=Decimal(0),
        closed_value=Decimal(0),
        mismatches=0,
        growth_due_ms=None,
        stop_cancels=0,
    )
    intents += [
        Remember(record=state.coins[coin.coin].remembered()),
        schedule.fetch_account(state, "a position closed"),
    ]
    return ending + Decision(intents=tuple(intents), notes=(*notes, Note(topic="exit", text=text)))


def left_over(orders: Iterable[Working]) -> tuple[str, ...]:
    """Which of these orders may still rest; exits do not rest."""
    return tuple(order.request.cloid for order in orders if order.request.role not in (Role.EXIT, Role.TRIM))


def sweep(state: State, coin: CoinState, cloids: tuple[str, ...], reason: str) -> tuple[CancelOrders, ...]:
    """Take back orders of ours that nothing needs any more."""
    if not cloids:
        return ()
    expires_ms = state.now_ms + state.wait_ms(EXPIRES_AFTER_MS)
    asset = coin.instrument.asset
    return (CancelOrders(coin=coin.coin, asset=asset, cloids=cloids, expires_ms=expires_ms, reason=reason),)


def _recap(state: State, coin: CoinState, closed: ClosedPosition, *, by_resting: bool) -> Recap:
    exit_, bracket = coin.exit, coin.bracket
    level = touch_price = to_sent = to_filled = None
    touched_ms = closed.closed_ms
    if exit_ is not None:
        level, touch_price, touched_ms = exit_.level, exit_.touch_price, exit_.touched_ms
        if exit_.sent_ns and exit_.received_ns:
            to_sent = (exit_.sent_ns - exit_.received_ns) / 1e6
        if exit_.sent_ms:
            to_filled = state.now_ms - exit_.sent_ms
    elif bracket is not None:
        level = bracket.take_profit if closed.reason is ExitReason.TAKE_PROFIT else bracket.stop
    return Recap(
        closed=closed,
        level=level,
        touch_price=touch_price,
        touched_ms=touched_ms,
        filled_ms=closed.closed_ms,
        by_resting=by_resting,
        touch_to_sent_ms=to_sent,
        sent_to_filled_ms=to_filled,
        last_poll_ms=state.last_poll_ms,
        next_poll_ms=state.next_poll_ms,
        entry_slippage=coin.entry_slippage,
        exit_slippage=coin.exit_slippage,
    )
