"""Each number of a trade derived anew by the rule of the way that made it: the proofs of which explanations are made.

A derivation that does not give the number that stands in the trade is no derivation: then there is None, and what
differs stays unexplained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

import pandas as pd

from tidegate.backtest.rules import Rules
from tidegate.core import sizing
from tidegate.history import History
from tidegate.history.times import in_ms
from tidegate.model.brackets import Bracket
from tidegate.model.fees import RoundTrip
from tidegate.model.instruments import Instrument, Rounding
from tidegate.model.settings import HUNDRED, Settings
from tidegate.parity.outcomes import SIGNAL, Outcome, over_candles, over_prints
from tidegate.parity.standing import Standing, standing_at
from tidegate.parity.tape import Tape, taken
from tidegate.parity.trades import Filled, Trade, exact

SAME = Decimal("1e-9")
"""What two roundings of one price may differ by, as a fraction."""
FEE_ROUNDING_USD = Decimal("0.00001")
ANSWER_MS = 2_000
"""So much later than the print that fires it, at most, an exit is filled, in the time of whoever sends it."""


@dataclass(frozen=True)
class Given:
    """What all ways were given. `bars` are those of the strategy's time frame, `fine` those of the recording.

    `wishes` has a frame a coin, row for row with `bars`; `until_ms` is where the comparison ends.
    """

    settings: Settings
    rules: Rules
    bars: Mapping[str, History]
    fine: Mapping[str, History]
    tapes: Mapping[str, Tape]
    wishes: Mapping[str, pd.DataFrame]
    until_ms: int

    def instrument(self, coin: str) -> Instrument:
        """The coin's rules."""
        return self.rules.instrument(coin)

    def open_at(self, coin: str, at_ms: int) -> Decimal:
        """The open of the bar that opens then."""
        return exact(float(self.bars[coin].bars["open"].iloc[self.row(coin, at_ms)]))

    def row(self, coin: str, at_ms: int) -> int:
        """The bar that opens at that moment."""
        return int(in_ms(self.bars[coin].bars.index).searchsorted(at_ms))

    def bar_of(self, at_ms: int | None) -> int | None:
        """The open time of the bar in which a moment lies."""
        step = self.settings.timeframe.ms
        return None if at_ms is None else at_ms // step * step

    def wish(self, coin: str, signal_ms: int) -> Mapping[str, object]:
        """What the strategy wished after the bar that opened then, seeing the whole history."""
        return dict(self.wishes[coin].iloc[self.row(coin, signal_ms)])

    def leaves_ms(self, trade: Trade) -> int | None:
        """The open at which the strategy is out of a trade; None when it stays in."""
        wanted = self.wishes[trade.coin]["want"].astype(str)
        first = self.row(trade.coin, trade.signal_ms) + 1
        out = wanted.isin(["flat", "short" if trade.direction > 0 else "long"]).to_numpy()[first:]
        times = in_ms(self.bars[trade.coin].bars.index)
        at = first + int(out.argmax()) + 1
        return int(times[at]) if out.any() and at < len(times) else None


# the backtest's numbers


def backtest_entry(given: Given, trade: Trade) -> str | None:
    """The open, worse by the slippage, on the grid."""
    price = given.open_at(trade.coin, trade.opened_ms)
    rounding = Rounding.UP if trade.direction > 0 else Rounding.DOWN
    slipped = price * (1 + trade.direction * exact(given.rules.slippage_pct) / HUNDRED)
    if given.instrument(trade.coin).price(slipped, rounding) != trade.entry_price:
        return None
    return f"the open {price:f} and {given.rules.slippage_pct:g} %"


def backtest_bracket(given: Given, trade: Trade) -> Bracket | None:
    """Its levels, counted from the open; None when its stop is another one."""
    wish = given.wish(trade.coin, trade.signal_ms)
    price = given.open_at(trade.coin, trade.opened_ms)
    stop = _number(wish.get("stop"))
    bracket = _bracket(given, trade, price, stop, _number(wish.get("take_profit")), _number(wish.get("trail_by")))
    return bracket if bracket.stop == trade.stop else None


def backtest_size(given: Given, trade: Trade, trades: Sequence[Trade]) -> str | None:
    """By the core's own sizing, from the account as the backtest's trades had left it."""
    rules, price = given.rules, given.open_at(trade.coin, trade.opened_ms)
    opens = {coin: given.open_at(coin, trade.opened_ms) for coin in given.bars if _has(given, coin, trade.opened_ms)}
    account = standing_at(rules, given.settings, trades, trade, opens)
    slippage = exact(rules.slippage_pct) / HUNDRED
    taker = exact(rules.taker_fee)
    limit = given.instrument(trade.coin).price(
        price * (1 + trade.direction * given.settings.slippage),
        Rounding.DOWN if trade.direction > 0 else Rounding.UP,
    )
    share = _number(given.wish(trade.coin, trade.signal_ms).get("size_fraction"))
    found = sizing.by_risk(
        given.settings,
        given.instrument(trade.coin),
        equity=account.equity,
        free=account.free,
        price=price,
        limit=limit,
        stop=trade.stop,
        fraction=share if share is not None else Decimal(1),
        exposure_left=_left(given.settings.max_exposure_usd, account),
        allocation_left=_left(given.settings.max_allocation_usd, account),
        costs=RoundTrip(entry=taker, exit=taker, spread=2 * slippage),
    )
    # The compiled account counts in floats, which may miss a lot's edge.
    lot = Decimal(1).scaleb(-given.instrument(trade.coin).size_decimals)
    if isinstance(found, str) or abs(found.size - trade.size) > lot:
        return None
    return f"at {price:f}, equity {account.equity:.2f}, spread {2 * slippage * HUNDRED:f} %, by {found.bounded_by}"


def backtest_exit(given: Given, trade: Trade) -> Outcome | None:
    """The end that its levels have over the candles; None when the trade's is another one."""
    bracket = backtest_bracket(given, trade)
    if bracket is None:
        return None
    found = over_candles(given.fine[trade.coin], bracket, trade.opened_ms, given.leaves_ms(trade), given.until_ms)
    if found is None or trade.closed_ms is None or trade.exit_price is None:
        return Outcome(given.until_ms, "end", float("nan")) if found is None and trade.closed_ms is None else None
    slipped = exact(found.level) * (1 - trade.direction * exact(given.rules.slippage_pct) / HUNDRED)
    rounding = Rounding.DOWN if trade.direction > 0 else Rounding.UP
    price = given.instrument(trade.coin).price(slipped, rounding)
    same = (found.time_ms, found.reason) == (trade.closed_ms, trade.reason)
    return found if same and abs(price - trade.exit_price) <= trade.exit_price * Decimal("0.00002") else None


# the bot's numbers, simulated or not


def live_fills(given: Given, trade: Trade, fills: Sequence[Filled], direction: int) -> str | None:
    """What the replay offered at that very moment to one who took as much."""
    told = []
    for at_ms, group in groupby(fills, key=lambda fill: fill.time_ms):
        own = list(group)
        size = sum((fill.size for fill in own), Decimal(0))
        paid = sum((fill.size * fill.price for fill in own), Decimal(0)) / size
        offers = (taken(levels, size) for levels in given.tapes[trade.coin].offered(at_ms, direction))
        if not any(price is not None and abs(price - paid) <= SAME * paid for price in offers):
            return None
        told.append(f"{'asked' if direction > 0 else 'bid'} {paid.normalize():f} at {clock(at_ms)}")
    return " and ".join(told) or None


def live_size(given: Given, trade: Trade) -> str | None:
    """By the core's sizing from what it held when it decided; a smaller fill is what the book gave."""
    plan = trade.plan
    if plan is None:
        return None
    found = sizing.by_risk(
        given.settings,
        given.instrument(trade.coin),
        equity=plan.equity,
        free=plan.free,
        price=plan.reference,
        limit=plan.limit,
        stop=plan.stop,
        fraction=plan.fraction,
        exposure_left=plan.exposure_left,
        allocation_left=plan.allocation_left,
        costs=plan.costs,
    )
    if isinstance(found, str) or found.size != trade.size:
        return None
    spread = "unknown" if plan.costs is None else f"{plan.costs.spread * HUNDRED:.4f} %"
    share = "" if plan.fraction == 1 else f"{plan.fraction.normalize():f} of "
    return f"at {plan.reference:f}, {share}equity {plan.equity:.2f}, spread {spread}, by {found.bounded_by}"


def live_bracket(given: Given, trade: Trade, wish: Mapping[str, Decimal | None]) -> Bracket | None:
    """Its levels, counted from the middle of the book when it decided; None when they are others."""
    plan = trade.plan
    if plan is None:
        return None
    bracket = _bracket(given, trade, plan.reference, wish.get("stop"), wish.get("take_profit"), wish.get("trail_by"))
    return bracket if (bracket.stop, bracket.take_profit) == (trade.stop, plan.take_profit) else None


def live_end_with(given: Given, trade: Trade, bracket: Bracket, leaves_ms: int | None) -> Outcome | None:
    """The end that these levels have over the prints of the replay, for a position filled when this one was."""
    tape = given.tapes[trade.coin]
    told_ms = None if leaves_ms is None else tape.first_print_ms(leaves_ms)
    return over_prints(tape, bracket, trade.entries[-1].time_ms, told_ms, given.until_ms)


def live_exit(
    given: Given, trade: Trade, bracket: Bracket, leaves_ms: int | None, speed: float = 1.0
) -> Outcome | None:
    """The end of a trade as its own levels give it; None when the trade's is another one."""
    found = live_end_with(given, trade, bracket, leaves_ms)
    if found is None or trade.closed_ms is None:
        return Outcome(given.until_ms, "end", float("nan")) if found is None and trade.closed_ms is None else None
    late_ms = trade.closed_ms - found.time_ms
    return found if found.reason == trade.reason and 0 <= late_ms <= ANSWER_MS * speed else None


def live_fees(given: Given, trade: Trade) -> bool:
    """Whether its fees are the taker's rate of what it traded."""
    fills = (*trade.entries, *trade.exits)
    owed = sum((fill.price * fill.size for fill in fills), Decimal(0)) * exact(given.rules.taker_fee)
    return abs(owed - trade.fees) <= FEE_ROUNDING_USD * len(fills)


def backtest_fees(given: Given, trade: Trade) -> bool:
    """The same of a backtest's trade; one that its end closed has paid for that, too."""
    if trade.exit_price is None:
        return True
    owed = trade.size * (trade.entry_price + trade.exit_price) * exact(given.rules.taker_fee)
    return abs(owed - trade.fees) <= FEE_ROUNDING_USD


def clock(at_ms: int) -> str:
    """A moment to the millisecond, for a person who has the day before them."""
    return f"{pd.Timestamp(at_ms, unit='ms'):%H:%M:%S}.{at_ms % 1000:03d}"


def _bracket(
    given: Given, trade: Trade, price: Decimal, stop: Decimal | None, profit: Decimal | None, trail_by: Decimal | None
) -> Bracket:
    """The nearer of the strategy's levels and the settings', on the grid."""
    settings, direction = given.settings, trade.direction
    nearest = max if direction > 0 else min
    by_setting = price * (1 - direction * settings.stop_loss_pct / HUNDRED)
    far = price * (1 + direction * settings.take_profit_pct / HUNDRED) if settings.take_profit_pct else None
    if far is not None and far > 0:
        profit = far if profit is None else (min if direction > 0 else max)(far, profit)
    rounding = Rounding.UP if direction > 0 else Rounding.DOWN
    instrument = given.instrument(trade.coin)
    if settings.trailing_stop_pct:
        trail_by = price * settings.trailing_stop_pct / HUNDRED
    return Bracket(
        direction=direction,
        stop=instrument.price(by_setting if stop is None else nearest(by_setting, stop), rounding),
        take_profit=None if profit is None else instrument.price(profit, rounding),
        trail_by=trail_by,
    )


def _number(value: object) -> Decimal | None:
    number = float(value) if isinstance(value, int | float) else float("nan")
    return None if pd.isna(number) else Decimal(repr(number))


def _left(limit: Decimal, account: Standing) -> Decimal | None:
    return max(limit - account.notional, Decimal(0)) if limit else None


def _has(given: Given, coin: str, at_ms: int) -> bool:
    times = in_ms(given.bars[coin].bars.index)
    row = int(times.searchsorted(at_ms))
    return row < len(times) and int(times[row]) == at_ms


__all__ = ["SIGNAL", "Given"]
