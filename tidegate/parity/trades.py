"""What the three ways are compared by: trades, the plans behind them, and what else was heard on the way.

Times are recorded ones, milliseconds UTC: who plays a recording at another time moves its own back first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tidegate.backtest.results import Result
from tidegate.history import History
from tidegate.history.times import in_ms
from tidegate.model.fees import RoundTrip
from tidegate.model.intents import Evaluate
from tidegate.model.signals import Signal
from tidegate.parity.losses import Braked, losses_of

END = "end"
REASONS = {"exit_signal": "signal"}
"""The bot's words where the backtest has others."""

Key = tuple[str, int]
"""A coin and the open time of the bar whose signal made the entry: what makes two trades the same one."""


@dataclass(frozen=True)
class Filled:
    """One execution: price, size (unsigned), when the exchange carried it out."""

    price: Decimal
    size: Decimal
    time_ms: int


@dataclass(frozen=True)
class Plan:
    """What an entry of the bot was decided from, and what came of it. USD and base units; `costs` None when unknown."""

    at_ms: int
    reference: Decimal
    limit: Decimal
    size: Decimal
    stop: Decimal
    take_profit: Decimal | None
    trail_by: Decimal | None
    fraction: Decimal
    equity: Decimal
    free: Decimal
    exposure_left: Decimal | None
    allocation_left: Decimal | None
    costs: RoundTrip | None


@dataclass(frozen=True)
class Trade:
    """One position. `direction` +1 long, -1 short; `closed_ms`, `exit_price` None and `reason` "end": still open.

    `plan`, `entries` and `exits` are the bot's; `stop`, `bar_ms` and `ambiguous` the backtest's.
    """

    coin: str
    direction: int
    size: Decimal
    signal_ms: int
    opened_ms: int
    closed_ms: int | None
    entry_price: Decimal
    exit_price: Decimal | None
    reason: str
    stop: Decimal
    fees: Decimal
    plan: Plan | None = None
    entries: tuple[Filled, ...] = ()
    exits: tuple[Filled, ...] = ()
    ambiguous: bool = False

    @property
    def key(self) -> Key:
        """What makes it the same trade as another way's."""
        return self.coin, self.signal_ms

    @property
    def side(self) -> str:
        """long or short."""
        return "long" if self.direction > 0 else "short"


@dataclass(frozen=True)
class Way:
    """All that one way did: `signals` it acted on by coin and bar, with how many bars the strategy saw; `refusals`;
    when its loss limits were reached; what its strategist was shown, in order. `speed`: how much faster than the wall
    clock its time ran: what takes a moment takes that much longer in it; `shift_ms`: what it lay behind the recorded.
    """

    name: str
    trades: tuple[Trade, ...]
    signals: Mapping[Key, tuple[Signal, int]] = field(default_factory=dict)
    refusals: Mapping[Key, str] = field(default_factory=dict)
    braked: Sequence[Braked] = ()
    shown: Sequence[Evaluate] = ()
    speed: float = 1.0
    shift_ms: int = 0

    def by_key(self) -> dict[Key, Trade]:
        """The trades by what makes them the same."""
        return {trade.key: trade for trade in self.trades}

    def held_through(self, coin: str, bar_ms: int, step_ms: int) -> Trade | None:
        """The trade of a coin that the open of that bar, and the signal before it, found and left open."""
        for trade in self.trades:
            if trade.coin != coin or trade.opened_ms >= bar_ms:
                continue
            left_ms = None if trade.closed_ms is None else trade.closed_ms // step_ms * step_ms
            if left_ms is None or left_ms > bar_ms or (left_ms == bar_ms and trade.reason != "signal"):
                return trade
        return None

    def told_to_leave_ms(self, trade: Trade, step_ms: int) -> int | None:
        """The end of the first bar whose signal was not to stay in a trade; None when there was none."""
        out = ("flat", "short" if trade.direction > 0 else "long")
        bars = [
            at_ms
            for (coin, at_ms), (signal, _) in self.signals.items()
            if coin == trade.coin and at_ms > trade.signal_ms and signal.want.value in out
        ]
        return min(bars) + step_ms if bars else None

    def braked_at(self, at_ms: int) -> str:
        """Why nobody could enter at a moment, empty when somebody could."""
        return next((each.why for each in self.braked if each.from_ms <= at_ms < each.until_ms), "")


def of_backtest(result: Result, histories: Sequence[History]) -> Way:
    """The trades of a backtest. A position that its end closed is one that is still open."""
    opens = {history.coin: in_ms(history.bars.index) for history in histories}
    trades = []
    for row in result.trades.to_dict("records"):
        opened_ms, coin = int(row["opened"].timestamp() * 1000), str(row["coin"])
        at = int(opens[coin].searchsorted(opened_ms))
        ended = row["reason"] == END
        trades.append(
            Trade(
                coin=coin,
                direction=int(row["direction"]),
                size=exact(row["size"]),
                signal_ms=int(opens[coin][at - 1]),
                opened_ms=opened_ms,
                closed_ms=None if ended else int(row["closed"].timestamp() * 1000),
                entry_price=exact(row["entry_price"]),
                exit_price=None if ended else exact(row["exit_price"]),
                reason=str(row["reason"]),
                stop=exact(row["stop"]),
                fees=exact(row["fees"]),
                ambiguous=bool(row["ambiguous"]),
            )
        )
    ordered = sorted(trades, key=lambda trade: (trade.opened_ms, trade.coin))
    return Way("backtest", tuple(ordered), braked=losses_of(result))


def exact(value: float) -> Decimal:
    """A number of floats as the digits that it is written with, without what binary fractions add."""
    return Decimal(f"{value:.12g}")
