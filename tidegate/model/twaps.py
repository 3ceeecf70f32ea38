"""TWAP orders: what the exchange tells of them, and what we know of one of ours.

The exchange trades such an order in slices over a time. It has no client order id there: its number is known from the
answer, and where that was lost, from the exchange's history.
"""

from decimal import Decimal
from enum import Enum

from msgspec import Struct

from tidegate.model.orders import OrderRequest
from tidegate.model.positions import Side

ENDED = frozenset({"terminated", "finished", "stopped", "error"})
"""The exchange's words for a TWAP that trades no more."""


class TwapRecord(Struct, frozen=True, kw_only=True):
    """A TWAP as the exchange's history shows it. Sizes are unsigned, `executed` is what had traded by then.

    `status` in the exchange's word, `words` its explanation of an error, `told_ms` when that status began.
    """

    twap_id: int
    coin: str
    side: Side
    size: Decimal
    executed: Decimal
    minutes: int
    reduce_only: bool
    started_ms: int
    status: str
    words: str = ""
    told_ms: int = 0

    @property
    def over(self) -> bool:
        """Whether it trades no more."""
        return self.status in ENDED


class TwapState(str, Enum):
    """What we know of a TWAP of ours. Over: no slice can come any more, though fills may still be on their way."""

    SENT = "sent"
    DOUBT = "in doubt"
    RUNNING = "running"
    OVER = "over"


class Twapping(Struct, frozen=True, kw_only=True):
    """An entry that the exchange trades in slices. Its client order id is ours alone: it names it in the journal.

    `filled` is what the fills told so far, `executed` all that traded, known when it is over. `ending`: why it is
    taken back, since `ending_ms`. `closes`: what still comes of it is closed at once.
    """

    request: OrderRequest
    signal_id: str
    reason: str
    sent_ms: int
    expires_ms: int
    look_ms: int
    state: TwapState = TwapState.SENT
    twap_id: int | None = None
    filled: Decimal = Decimal(0)
    executed: Decimal | None = None
    over_ms: int = 0
    ending: str = ""
    ending_ms: int = 0
    closes: bool = False
    asks: int = 0
    resends: int = 0
