"""How much one client may ask: the exchange's limits per IP address, the REST weights, and the running counts.

localnet listens on loopback only, so all its clients together are one address. Owns the numbers and the
counting; never the answers that a limit leads to.
"""

from collections import Counter, deque
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tidegate.localnet.kernel.budgets import BATCHES, FREE_REQUESTS

MINUTE_MS = 60_000
MINUTE_S = 60.0
NO_LIMIT = 1 << 62

LIGHT = frozenset(
    {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus"}
)
LIGHT_WEIGHT = 2
ROLE_WEIGHT = 60
USUAL_WEIGHT = 20
ITEMS_PER_WEIGHT = {
    "recentTrades": 20,
    "historicalOrders": 20,
    "userFills": 20,
    "userFillsByTime": 20,
    "fundingHistory": 20,
    "userFunding": 20,
    "userNonFundingLedgerUpdates": 20,
    "twapHistory": 20,
    "userTwapSliceFills": 20,
    "userTwapSliceFillsByTime": 20,
    "delegatorHistory": 20,
    "delegatorRewards": 20,
    "validatorStats": 20,
    "candleSnapshot": 60,
}
ORDERS_PER_WEIGHT = 40


@dataclass(frozen=True)
class Limits:
    """Sections 6.5, 7.1 and 7.2 of the protocol; the defaults are the exchange's own."""

    connections: int = 10
    connections_per_minute: int = 30
    subscriptions: int = 1_000
    users: int = 10
    messages_per_minute: int = 2_000
    rest_weight_per_minute: int = 1_200
    free_requests: int = FREE_REQUESTS
    posts_in_flight: int = 100

    def shown(self) -> dict[str, int | None]:
        """The limits by name, None where there is none."""
        return {name: limit if limit < NO_LIMIT else None for name, limit in asdict(self).items()}


UNLIMITED = Limits(*[NO_LIMIT] * len(fields(Limits)))


def info_weight(kind: str) -> int:
    """REST weight of an /info request before its answer is known."""
    if kind in LIGHT:
        return LIGHT_WEIGHT
    return ROLE_WEIGHT if kind == "userRole" else USUAL_WEIGHT


def items_weight(kind: str, answer: Any) -> int:
    """Extra weight for the rows that an answer holds."""
    per = ITEMS_PER_WEIGHT.get(kind)
    return len(answer) // per if per is not None and isinstance(answer, list) else 0


def action_weight(action: Any) -> int:
    """1 + one for every 40 orders, cancels or modifies of a batch."""
    batch = next((action[key] for key in BATCHES if isinstance(action.get(key), list)), ())
    return 1 + len(batch) // ORDERS_PER_WEIGHT


class RestBudget:
    """REST weight used in the running minute of exchange time (a fixed window)."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._minute = -1
        self._used = 0

    def used(self, now_ms: int) -> int:
        """Weight used since the minute of `now_ms` began."""
        minute = now_ms // MINUTE_MS
        if minute != self._minute:
            self._minute, self._used = minute, 0
        return self._used

    def charge(self, weight: int, now_ms: int) -> bool:
        """Take `weight` out of the minute; False, and nothing taken, when it does not fit."""
        if self.used(now_ms) + weight > self.per_minute:
            return False
        self._used += weight
        return True

    def surcharge(self, weight: int, now_ms: int) -> None:
        """Take weight that is known only after the answer; it may overdraw the minute."""
        self._used = self.used(now_ms) + weight


class Recent:
    """Counts what happened within the last 60 s of wall time, up to `limit` (a sliding window)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._times_s: deque[float] = deque()

    def allow(self, at_s: float) -> bool:
        """Count one more at `at_s`; False, and not counted, when the minute is full; without a limit none is."""
        if self.limit >= NO_LIMIT:
            return True
        if self.count(at_s) >= self.limit:
            return False
        self._times_s.append(at_s)
        return True

    def count(self, at_s: float) -> int:
        """How many were counted within the minute before `at_s`."""
        while self._times_s and at_s - self._times_s[0] >= MINUTE_S:
            self._times_s.popleft()
        return len(self._times_s)


@dataclass
class Counters:
    """What clients asked since the start."""

    requests: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    refused_by_limit: int = 0
