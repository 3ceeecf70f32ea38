"""The brakes: what stops all entries, whoever wishes them. Exits and protection never ask here.

Daily loss and drawdown are measured on the account's equity, so they count unrealised profit, fees and funding, and
deposits and withdrawals are taken out. What trips stays tripped across restarts, clock steps and changed settings:
until the next day of the exchange, or until `resume`, or, of a HALT file, until the file is gone.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tidegate.core import costs, exits, twap_orders
from tidegate.core.state import CoinState, Phase, State
from tidegate.model.brackets import ExitReason
from tidegate.model.brakes import Brake, Brakes, Trip
from tidegate.model.events import Account, Command
from tidegate.model.intents import NOTHING, Alert, Decision, Note, RememberBrakes
from tidegate.model.records import ClosedPosition
from tidegate.model.settings import HUNDRED
from tidegate.model.watchlist import Origin

DAY_MS = 86_400_000
MINUTE_MS = 60_000
STOPS_REMEMBERED = 50
OPEN_ORDERS_MAX = 900
"""With 1000 open orders the exchange refuses triggers: an entry would have no stop."""
BY_HAND = (Brake.PAUSED, Brake.HALT_FILE)


# what they say


def objection(state: State, coin: CoinState) -> str | None:
    """Why no entry may be made now, or None."""
    for trip in state.brakes.trips:
        return f"{trip.brake.value}: {trip.reason}"
    if coin.origin is Origin.POSITION:
        return f"{coin.coin} is no coin of this bot any more: only its position is looked after"
    settings, brakes, now_ms = state.settings, state.brakes, state.now_ms
    if now_ms < state.entries_off_until_ms:
        return state.entries_off_why
    if state.open_orders > OPEN_ORDERS_MAX:
        return f"{state.open_orders} orders are open, beyond 1000 the exchange takes no stop: cancel some by hand"
    taken = [each for each in state.coins.values() if _taken(each) and each.coin != coin.coin]
    if settings.max_open_positions and len(taken) >= settings.max_open_positions:
        return f"MAX_OPEN_POSITIONS={settings.max_open_positions} are open: {', '.join(each.coin for each in taken)}"
    closed_ms = brakes.closes.get(coin.coin)
    # Pauses count in the market's time, however fast a replay runs. The exchange's clock may be ahead of ours: what was
    # closed "in a moment" is no reason to wait where no pause was asked for.
    cooldown_ms = int(settings.cooldown_minutes * MINUTE_MS)
    if cooldown_ms and closed_ms is not None and now_ms - closed_ms < cooldown_ms:
        left_s = (closed_ms + cooldown_ms - now_ms) / 1000
        return f"COOLDOWN_MINUTES={settings.cooldown_minutes} after the last position: {left_s:.0f} s are left"
    if settings.stop_guard_stops:
        window_ms = int(settings.stop_guard_minutes * MINUTE_MS)
        recent = [each for each in brakes.stops if now_ms - each < window_ms]
        if len(recent) >= settings.stop_guard_stops:
            left_s = (recent[-settings.stop_guard_stops] + window_ms - now_ms) / 1000
            return (
                f"STOP_GUARD_STOPS={settings.stop_guard_stops}: {len(recent)} positions were stopped out within "
                f"{settings.stop_guard_minutes} minutes; {left_s:.0f} s are left"
            )
    return None


def exposure_left(state: State) -> Decimal | None:
    """How much notional may still be opened under MAX_EXPOSURE_USD; None: any."""
    if not state.settings.max_exposure_usd:
        return None
    used = Decimal(0)
    for coin in state.coins.values():
        price = coin.reference_price() or coin.position.entry_price
        used += abs(coin.position.size) * price
        entering = (each.request for each in coin.orders.values() if not each.request.reduce_only)
        used += sum((request.size * request.price for request in entering), Decimal(0)) + twap_orders.to_come_usd(coin)
    return max(state.settings.max_exposure_usd - used, Decimal(0))


def allocated(state: State, without: frozenset[str] = frozenset()) -> Decimal:
    """What this bot has in the market, in USD: its positions at their last price, and entries on their way.

    Orders with a cloid of `without` are not counted.
    """
    used = Decimal(0)
    for coin in state.coins.values():
        if coin.position.size and not coin.left_alone:
            used += abs(coin.position.size) * (coin.reference_price() or coin.position.entry_price)
        for each in coin.orders.values():
            if not each.request.reduce_only and each.request.cloid not in without:
                used += each.request.size * each.request.price
        if coin.twap is not None and coin.twap.request.cloid not in without:
            used += twap_orders.to_come_usd(coin)
    return used


def allocation_left(state: State) -> Decimal | None:
    """How much may still be put into the market under MAX_ALLOCATION_USD; None: any."""
    if not state.settings.max_allocation_usd:
        return None
    return max(state.settings.max_allocation_usd - allocated(state), Decimal(0))


def _taken(coin: CoinState) -> bool:
    return coin.position.size != 0 or coin.twap is not None or coin.phase in (Phase.ENTERING, Phase.IN_DOUBT)


# what trips them


@dataclass(frozen=True)
class Limit:
    """A loss that trips a brake: how much was lost, of what, and how much may be."""

    brake: Brake
    setting: str
    base: Decimal | None
    allowed_pct: Decimal

    def reached(self, equity: Decimal) -> str | None:
        """In words, when it is."""
        if not self.allowed_pct or self.base is None or self.base <= 0:
            return None
        lost = self.base - equity
        if lost < self.base * self.allowed_pct / HUNDRED:
            return None
        return (
            f"{lost:.2f} of {self.base:.2f} USD lost ({lost / self.base * HUNDRED:.2f} %), "
            f"{self.setting}={self.allowed_pct} is reached"
        )


def on_account(state: State, account: Account) -> Decision:
    """The account was seen: begin a new day, take out deposits, trip what is reached."""
    before = state.brakes
    brakes = _of_the_day(_counted_flows(before, account), state.now_ms, account)
    peak = max(brakes.peak_equity or account.equity, account.equity)
    state.brakes = replace(brakes, peak_equity=peak)
    settings = state.settings
    decision = _lifted(before, state.brakes)
    closing = costs.closing(state)  # fees still to be paid for what is open: as good as lost
    for limit in (
        Limit(Brake.DAILY_LOSS, "MAX_DAILY_LOSS_PCT", state.brakes.day_equity, settings.max_daily_loss_pct),
        Limit(Brake.DRAWDOWN, "MAX_DRAWDOWN_PCT", peak, settings.max_drawdown_pct),
    ):
        reason = limit.reached(account.equity - closing)
        if reason is not None and state.brakes.on(limit.brake) is None:
            until_ms = None
            if limit.brake is Brake.DAILY_LOSS and not settings.sticky_brakes:
                until_ms = state.brakes.day_ms + DAY_MS
            decision += trip(state, limit.brake, reason, until_ms)
    if state.brakes != before and not decision:
        return Decision(intents=(RememberBrakes(brakes=state.brakes),))
    return decision


def _of_the_day(brakes: Brakes, now_ms: int, account: Account) -> Brakes:
    """A day never begins twice and never goes back, whatever a clock does. What the first view holds is no flow."""
    day_ms = now_ms // DAY_MS * DAY_MS
    if day_ms <= brakes.day_ms and brakes.day_equity is not None:
        return brakes
    trips = tuple(trip for trip in brakes.trips if trip.until_ms is None or trip.until_ms > now_ms)
    return replace(
        brakes,
        day_ms=max(day_ms, brakes.day_ms),
        day_equity=account.equity,
        trips=trips,
        flows_ms=brakes.flows_ms or account.time_ms,
    )


def _counted_flows(brakes: Brakes, account: Account) -> Brakes:
    new = [flow for flow in account.flows if flow.time_ms > brakes.flows_ms]
    if not new:
        return brakes
    usd = sum((flow.usd for flow in new), Decimal(0))
    return replace(
        brakes,
        flows_ms=max(flow.time_ms for flow in new),
        day_equity=None if brakes.day_equity is None else brakes.day_equity + usd,
        peak_equity=None if brakes.peak_equity is None else brakes.peak_equity + usd,
    )


def _lifted(before: Brakes, after: Brakes) -> Decision:
    gone = [trip.brake.value for trip in before.trips if after.on(trip.brake) is None]
    if not gone:
        return NOTHING
    note = Note(topic="risk", text=f"a new day: {', '.join(gone)} is over, entries are allowed again")
    return Decision(intents=(RememberBrakes(brakes=after),), notes=(note,))


def trip(state: State, brake: Brake, reason: str, until_ms: int | None = None) -> Decision:
    """Put a brake on: no entries from here on, waiting signals are dropped."""
    if state.brakes.on(brake) is not None:
        return NOTHING
    new = Trip(brake=brake, reason=reason, since_ms=state.now_ms, until_ms=until_ms)
    state.brakes = replace(state.brakes, trips=(*state.brakes.trips, new))
    for name in tuple(state.coins):
        state.change(name, wanted=None)
    how = "until the exchange's next day" if until_ms is not None else _how_to_lift(brake)
    text = f"{brake.value}: {reason}; no entries {how}; open positions keep their stops"
    remember = RememberBrakes(brakes=state.brakes)
    if brake in BY_HAND:
        return Decision(intents=(remember,), notes=(Note(topic="risk", text=text),))
    return Decision(intents=(remember, Alert(text=text)), notes=(Note(topic="risk", text=text, level="WARNING"),))


def _how_to_lift(brake: Brake) -> str:
    return "until the HALT file is gone" if brake is Brake.HALT_FILE else "until `python bot.py resume`"


def on_closed(state: State, closed: ClosedPosition) -> Decision:
    """A position is over: the pauses after it begin."""
    stops = state.brakes.stops
    if closed.reason in (ExitReason.STOP, ExitReason.TRAIL, ExitReason.LIQUIDATION, ExitReason.EMERGENCY):
        stops = (*stops, closed.closed_ms)[-STOPS_REMEMBERED:]
    closes = {**state.brakes.closes, closed.coin: closed.closed_ms}
    state.brakes = replace(state.brakes, stops=stops, closes=closes)
    return Decision(intents=(RememberBrakes(brakes=state.brakes),))


# what an operator asks for


def on_command(state: State, event: Command) -> Decision:
    """pause, resume, flatten; halt and unhalt come with a HALT file and go with it."""
    match event.name:
        case "pause":
            return trip(state, Brake.PAUSED, event.reason or "asked to pause")
        case "halt":
            return trip(state, Brake.HALT_FILE, event.reason)
        case "unhalt":
            return _release(state, (Brake.HALT_FILE,), event.reason) if state.brakes.on(Brake.HALT_FILE) else NOTHING
        case "resume":
            others = tuple(trip.brake for trip in state.brakes.trips if trip.brake is not Brake.HALT_FILE)
            return _release(state, others, event.reason or "asked to resume")
        case "flatten":
            return _flatten(state, event.reason or "asked to flatten")
    note = Note(topic="bot", text=f"{event.name!r} is nothing this bot can do", level="WARNING")
    return Decision(notes=(note,))


def _release(state: State, brakes: tuple[Brake, ...], reason: str) -> Decision:
    gone = [trip.brake for trip in state.brakes.trips if trip.brake in brakes]
    changes: dict[str, Any] = {
        "trips": tuple(trip for trip in state.brakes.trips if trip.brake not in brakes),
        "flatten": state.brakes.flatten and Brake.PAUSED not in gone,
    }
    # What was lost is accepted with the word `resume`; else the same loss would trip again at once.
    if Brake.DAILY_LOSS in gone:
        changes["day_equity"] = state.equity
    if Brake.DRAWDOWN in gone:
        changes["peak_equity"] = state.equity
    state.brakes = replace(state.brakes, **changes)
    left = ", ".join(trip.brake.value for trip in state.brakes.trips)
    rest = f"; still on: {left}" if left else "; entries are allowed"
    what = f"{', '.join(brake.value for brake in gone)} lifted" if gone else "no brake was on"
    note = Note(topic="risk", text=f"{reason}: {what}{rest}")
    return Decision(intents=(RememberBrakes(brakes=state.brakes),), notes=(note,))


def _flatten(state: State, reason: str) -> Decision:
    decision = trip(state, Brake.PAUSED, reason)
    state.brakes = replace(state.brakes, flatten=True)
    others = [f"{coin.coin} {coin.position.size}" for coin in state.coins.values() if coin.left_alone]
    text = "flattening: every position of this bot is closed now"
    if others:
        text += f"; left alone, not this bot's: {', '.join(others)}"
    return decision + Decision(intents=(RememberBrakes(brakes=state.brakes),), notes=(Note(topic="risk", text=text),))


def flatten(state: State) -> Decision:
    """While flattening: close what is open and not being closed; done when nothing is open or on its way."""
    decision = NOTHING
    for coin in tuple(state.coins.values()):
        if coin.phase is Phase.HOLDING and coin.position.size:
            decision += exits.at_once(state, coin, ExitReason.FORCED, "flatten")
    if any(_taken(coin) and not coin.left_alone for coin in state.coins.values()):
        return decision
    state.brakes = replace(state.brakes, flatten=False)
    note = Note(topic="risk", text="flat: no position of this bot is open; paused until `python bot.py resume`")
    return decision + Decision(intents=(RememberBrakes(brakes=state.brakes),), notes=(note,))
