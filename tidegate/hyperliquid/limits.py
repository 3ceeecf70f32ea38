"""The exchange's REST budget: what a request weighs, how much is left, what a configuration needs.

Owns the account of the last minute; asks nothing and waits for nothing. A refused request is the caller's to repeat.

Source: Hyperliquid docs, "Rate limits and user limits": 1200 weight a minute and IP address.
"""

import time
from collections.abc import Callable
from threading import Lock

from pyrate_limiter import InMemoryBucket, Rate, RateItem

WEIGHT_PER_MINUTE = 1200
# Kept free for reads that protect a position, so that no candle can starve them.
RESERVED_WEIGHT = 240
MINUTE_MS = 60_000
RECONCILE_INTERVAL_S = 30

_LIGHT = frozenset(
    {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus"}
)
_PER_20_ROWS = frozenset(
    {
        "recentTrades",
        "historicalOrders",
        "userFills",
        "userFillsByTime",
        "fundingHistory",
        "userFunding",
        "twapHistory",
        "userTwapSliceFills",
    }
)
ACTION_BATCH = 40


def weight_of(request: str, rows: int = 0) -> int:
    """What an /info request of this type weighs when it returns `rows` rows."""
    if request in _LIGHT:
        return 2
    if request == "userRole":
        return 60
    if request == "candleSnapshot":
        return 20 + rows // 60
    return 20 + (rows // 20 if request in _PER_20_ROWS else 0)


def action_weight(batch: int) -> int:
    """What a request to /exchange with `batch` orders or cancels weighs."""
    return 1 + batch // ACTION_BATCH


def weight_per_minute(coins: int, check_interval_s: float, fallback_interval_s: float) -> float:
    """What a configuration asks of the budget in its worst minute, the stream being down.

    60 / check interval x coins x 20 (candleSnapshot, a few new rows each)
    + 60 / fallback interval x 22 (allMids 2, and 20 for marks when stops watch them)
    + 60 / 30 x 62 (reconciliation: clearinghouseState 2, open orders 20, fills 20, deposits 20).
    """
    checks = 60 / float(check_interval_s) * coins * weight_of("candleSnapshot")
    prices = 60 / float(fallback_interval_s) * (weight_of("allMids") + weight_of("metaAndAssetCtxs"))
    account = weight_of("clearinghouseState") + weight_of("frontendOpenOrders") + weight_of("userFillsByTime")
    account += weight_of("userNonFundingLedgerUpdates")
    return checks + prices + 60 / RECONCILE_INTERVAL_S * account


class Budget:
    """The weight spent in the last minute from this address, shared by every thread that asks or sends."""

    def __init__(
        self,
        weight_per_minute: int = WEIGHT_PER_MINUTE,
        reserved: int = RESERVED_WEIGHT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = weight_per_minute
        self._reserved = reserved
        self._monotonic = monotonic
        self._lock = Lock()
        self._spent = InMemoryBucket([Rate(weight_per_minute, MINUTE_MS)])

    def take(self, weight: int, *, protective: bool = False) -> bool:
        """Spend `weight` if it is there; only protective requests may touch the reserve."""
        with self._lock:
            now_ms = self._leak()
            allowed = self._limit if protective else self._limit - self._reserved
            if self._spent.count() + weight > allowed:
                return False
            return bool(self._spent.put(RateItem("rest", now_ms, weight)))

    def spend(self, weight: int) -> None:
        """Note weight that was spent in any case: an order, or rows that an answer turned out to have."""
        with self._lock:
            now_ms = self._leak()
            left = self._limit - self._spent.count()
            if min(weight, left) > 0:
                self._spent.put(RateItem("rest", now_ms, min(weight, left)))

    def used(self) -> int:
        """The weight spent in the last minute."""
        with self._lock:
            self._leak()
            return self._spent.count()

    def _leak(self) -> int:
        now_ms = int(self._monotonic() * 1000)
        self._spent.leak(now_ms)
        return now_ms
