"""What the ledger keeps between runs about a coin, and the record of a finished position."""

from decimal import Decimal

from msgspec import Struct

from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.positions import Position
from tidegate.model.twaps import Twapping


class Slippage(Struct, frozen=True, kw_only=True):
    """How much worse than the price decided on the fills of one side were, in USD; negative when they were better.

    `notional` is what the same size was worth at the prices decided on.
    """

    usd: Decimal = Decimal(0)
    notional: Decimal = Decimal(0)

    @property
    def pct(self) -> Decimal:
        """The same in per cent of the notional."""
        return self.usd / self.notional * 100 if self.notional else Decimal(0)


class Remembered(Struct, frozen=True, kw_only=True):
    """What the bot must still know about a coin after a restart.

    `acted_open_ms`: open time of the last bar whose signal was acted on, so that no signal is acted on twice.
    `twap`: an entry that the exchange trades in slices; `stop_cancels`: how often somebody else cancelled the
    position's resting stop.
    `adds`: how often the strategy added to the position, `add_id` the name of the last time.
    `generation` counts the positions of this coin, and a position anew for each session that takes it over;
    `exit_attempts` the exits tried for the present one and `protect_attempts` the stops placed for it: together they
    see to it that no client order id is ever used for two orders. `exit_reason`: why it was being closed, if it was.
    `entry_slippage`: what the fills that opened the present position slipped.
    """

    coin: str
    signal_id: str = ""
    acted_open_ms: int = 0
    generation: int = 0
    exit_attempts: int = 0
    protect_attempts: int = 0
    position: Position | None = None
    bracket: Bracket | None = None
    stop_cloid: str | None = None
    take_profit_cloid: str | None = None
    twap: Twapping | None = None
    stop_cancels: int = 0
    adds: int = 0
    add_id: str = ""
    exit_reason: ExitReason | None = None
    entry_slippage: Slippage | None = None


class ClosedPosition(Struct, frozen=True, kw_only=True):
    """One finished position. `size` is signed (+ long, - short); `pnl` before fees, `fees` paid, in USD.

    `slippage`: what its fills were worse than the prices decided on, in USD (part of `pnl`); None: unknown.
    """

    coin: str
    size: Decimal
    entry_price: Decimal
    exit_price: Decimal
    opened_ms: int
    closed_ms: int
    reason: ExitReason
    signal_id: str
    pnl: Decimal
    fees: Decimal
    slippage: Decimal | None = None
