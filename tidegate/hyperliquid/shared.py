"""What all sockets of one stream share: who is unheard, how much may be sent, what was seen, and counts to show."""

from collections import Counter, deque

from tidegate.hyperliquid.allowance import Allowance
from tidegate.hyperliquid.roster import Roster
from tidegate.hyperliquid.seen import SeenPrints

LAGS_KEPT = 1_024


class Shared:
    """One for each stream."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.roster = Roster()
        self.allowance = Allowance()
        self.prints_seen = SeenPrints()
        self.lags_ms: deque[int] = deque(maxlen=LAGS_KEPT)
